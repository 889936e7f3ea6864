"""Which weights a text encoder has: a model is worth nothing with any others."""

from __future__ import annotations

import hashlib
from typing import Any

from tsalign.align.text.encoder import MiniLM, SentenceTransformerText, is_tuned
from tsalign.align.text.minilm import MINILM_SHA256
from tsalign.errors import TsalignError


def text_identity(encoder: Any) -> str | None:
    """Return the SHA-256 of a text encoder's weights.

    Parameters
    ----------
    encoder : TextEncoder
        One of your own may have a method `identity` without arguments that tells it.

    Returns
    -------
    str or None
        Hexadecimal; None where an encoder of your own does not say. Another one where layers learn
        with the space: what they learnt is kept by the model.

    Examples
    --------
    >>> text_identity(MiniLM())[:8]
    '53aa5117'
    """
    begin = _identity(encoder)
    if begin is None or not is_tuned(encoder):
        return begin
    learns = f"{begin} and its last {encoder.tuned_layers} layers learn"
    return hashlib.sha256(learns.encode()).hexdigest()


def check_identity(encoder: Any, learnt_with: str | None) -> None:
    """Refuse a text encoder with other weights than a model was learnt with.

    Parameters
    ----------
    encoder : TextEncoder
        The one at hand.
    learnt_with : str or None
        Its `text_identity` when the model was learnt; None where nobody knew.

    Raises
    ------
    TsalignError
        When both are known and differ.
    """
    found = text_identity(encoder) if learnt_with is not None else None
    if None not in (found, learnt_with) and found != learnt_with:
        raise TsalignError(
            f"the text encoder has the weights {str(found)[:12]}, and the model was learnt with"
            f" {str(learnt_with)[:12]}: sentences would lie elsewhere"
        )


def _identity(encoder: Any) -> str | None:
    if isinstance(encoder, MiniLM):
        return MINILM_SHA256  # it loads no others
    if isinstance(encoder, SentenceTransformerText):
        if "_identity" not in vars(encoder):
            encoder.encode(["."])  # so that the weights are loaded
            encoder.__dict__["_identity"] = _hash(encoder.__dict__["_model"].state_dict())
        return encoder.__dict__["_identity"]
    return encoder.identity() if hasattr(encoder, "identity") else None


def _hash(weights: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        # Through bytes, for numpy has no bfloat16.
        digest.update(array.reshape(-1).view(_bytes()).numpy().tobytes())
    return digest.hexdigest()


def _bytes() -> Any:
    import torch

    return torch.uint8
