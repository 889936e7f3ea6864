"""The word after `kind:` and the class it stands for: strings only, so nothing is imported here."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points
from typing import Any

from tsalign.errors import TsalignError

REGISTRY: dict[str, dict[str, str]] = {
    "reader": {
        "parquet": "tsalign.read:Parquet",
        "csv": "tsalign.read:Csv",
        "wfdb": "tsalign.read:Wfdb",
        "audio": "tsalign.read:Audio",
    },
    "prepare": {
        "resample": "tsalign.prepare:Resample",
        "bandpass": "tsalign.prepare:Bandpass",
        "standardize": "tsalign.prepare:Standardize",
        "fill_gaps": "tsalign.prepare:FillGaps",
    },
    "segment": {
        "windows": "tsalign.segment:Windows",
        "pelt": "tsalign.segment:Pelt",
        "kernel": "tsalign.segment:Kernel",
        "classification": "tsalign.segment:Classification",
        "features": "tsalign.segment:Features",
        "binary_segmentation": "tsalign.segment:BinarySegmentation",
        "bottom_up": "tsalign.segment:BottomUp",
        "sliding_window": "tsalign.segment:SlidingWindow",
        "dynamic_programming": "tsalign.segment:DynamicProgramming",
        "online": "tsalign.segment:Online",
        "ruptures": "tsalign.segment:Ruptures",
        "external": "tsalign.segment:External",
    },
    "cost": {
        "l2": "tsalign.segment.costs:L2",
        "l1": "tsalign.segment.costs:L1",
        "normal": "tsalign.segment.costs:Normal",
        "normal_full": "tsalign.segment.costs:NormalFull",
        "poisson": "tsalign.segment.costs:Poisson",
        "rank": "tsalign.segment.costs:Rank",
        "linear": "tsalign.segment.costs:Linear",
        "ar": "tsalign.segment.costs:AR",
        "mixed": "tsalign.segment.mixed:Mixed",
    },
    "describe": {
        "statistics": "tsalign.describe:Statistics",
        "minirocket": "tsalign.describe:MiniRocket",
        "log_mel": "tsalign.describe:LogMel",
        "mfcc": "tsalign.describe:Mfcc",
        "raw": "tsalign.describe:Raw",
    },
    "tokens": {
        "kmeans": "tsalign.tokens:KMeans",
        "minibatch": "tsalign.tokens:MiniBatchKMeans",
        "residual": "tsalign.tokens:ResidualKMeans",
        "product": "tsalign.tokens:ProductKMeans",
    },
    "predict": {"masked": "tsalign.tokens:MaskedPredictor"},
    "align": {"contrastive": "tsalign.align.contrastive:Contrastive"},
    "signal": {
        "mlp": "tsalign.align.signal.mlp:Mlp",
        "context": "tsalign.align.signal.context:ContextEncoder",
        "tokens": "tsalign.align:TokenEncoder",
        "conv": "tsalign.align.signal.samples:Conv",
        "patch": "tsalign.align.signal.samples:Patch",
    },
    "text": {
        "minilm": "tsalign.align.text.encoder:MiniLM",
        "sentence_transformer": "tsalign.align.text.encoder:SentenceTransformerText",
        "joined": "tsalign.align.text.parts:Joined",
        "prompts": "tsalign.align.text.parts:Prompts",
    },
    "loss": {
        "infonce": "tsalign.align.loss.losses:infonce",
        "supcon": "tsalign.align.loss.losses:supcon",
        "siglip": "tsalign.align.loss.losses:siglip",
        "dcl": "tsalign.align.loss.losses:dcl",
        "mil_nce": "tsalign.align.loss.bags:mil_nce",
        "max_mil": "tsalign.align.loss.bags:max_mil",
        "unique": "tsalign.align.loss.bags:unique",
    },
    "closeness": {
        "cosine": "tsalign.align.loss.similarities:Cosine",
        "kernel": "tsalign.align.loss.similarities:Kernel",
        "correlation": "tsalign.align.loss.similarities:Correlation",
        "relational": "tsalign.align.loss.similarities:Relational",
    },
    "pooling": {"attention": "tsalign.align.pooling.pooling:Attention"},
    "match": {
        "ordered": "tsalign.match:Ordered",
        "unordered": "tsalign.match:Unordered",
        "one_to_one": "tsalign.match:OneToOne",
        "blocks": "tsalign.match:Blocks",
        "independent": "tsalign.match:Independent",
    },
    "evaluate": {
        "span_iou": "tsalign.evaluate:SpanIou",
        "recall_at_iou": "tsalign.evaluate:RecallAtIou",
        "distractors": "tsalign.evaluate:Distractors",
        "boundary_error": "tsalign.evaluate:BoundaryError",
        "calibration": "tsalign.evaluate:Calibration",
        "segmentation": "tsalign.evaluate:Segmentation",
        "tokens": "tsalign.evaluate:TokenAgreement",
        "retrieval": "tsalign.evaluate:Retrieval",
        "information": "tsalign.evaluate:Information",
        "global_retrieval": "tsalign.evaluate:GlobalRetrieval",
    },
    "export": {
        "jsonl": "tsalign.export:Jsonl",
        "csv": "tsalign.export:Csv",
        "textgrid": "tsalign.export:TextGrid",
        "png": "tsalign.export:Png",
    },
}


def find(slot: str, word: str) -> Any:
    """Return the class that a word of a pipeline file names.

    Parameters
    ----------
    slot : str
        A key of `REGISTRY`.
    word : str
        A word of the slot, an entry point of group `tsalign.<slot>`, or `module:Class`.

    Returns
    -------
    type
        The class; it is imported only now.

    Raises
    ------
    TsalignError
        When nothing is called so, with the nearest word.

    Examples
    --------
    >>> find("segment", "windows").__name__
    'Windows'
    """
    path = REGISTRY[slot].get(word) or (word if ":" in word else _entry_point(slot, word))
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise TsalignError(f"cannot load {word!r}: {error}") from error
    if not callable(found):
        raise TsalignError(f"{word!r} is a {type(found).__name__}, not a class or a function")
    return found


def word(slot: str, kind: type) -> str:
    """Return the word by which a pipeline file names a class, or its dotted path.

    Parameters
    ----------
    slot : str
        A key of `REGISTRY`.
    kind : type
        The class of a built block.

    Examples
    --------
    >>> from tsalign.segment import Windows
    >>> word("segment", Windows)
    'windows'
    """
    for name, path in REGISTRY[slot].items():
        module, _, attribute = path.partition(":")
        if getattr(sys.modules.get(module), attribute, None) is kind:
            return name
    return f"{kind.__module__}:{kind.__qualname__}"


def _entry_point(slot: str, word: str) -> str:
    for point in entry_points(group=f"tsalign.{slot}"):
        if point.name == word:
            return point.value
    import difflib

    near = difflib.get_close_matches(word, REGISTRY[slot], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(REGISTRY[slot])}"
    raise TsalignError(f"no {slot} is called {word!r}; {hint}")
