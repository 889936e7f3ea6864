"""From continuous signals and notes about them to aligned spans.

The values of `tsalign.types` stand here by their names, and so do the stage folders; each is
loaded when first asked for, so that importing the package costs nothing.

Examples
--------
>>> import numpy as np
>>> import tsalign
>>> step = np.repeat([0.0, 5.0], 4)
>>> tsalign.Segments(tsalign.segment.Pelt().fit_predict(step), rate=2.0).times.tolist()
[[0.0, 2.0], [2.0, 4.0]]
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as type checkers know it, without the cost of loading `typing`
if TYPE_CHECKING:
    from typing import Any

    from tsalign import (
        align,
        describe,
        evaluate,
        export,
        match,
        notes,
        prepare,
        read,
        segment,
        tokens,
    )
    from tsalign.errors import TsalignError
    from tsalign.types import (
        AlignedSpan,
        Alignment,
        Note,
        Recording,
        Segments,
        Sentence,
        Signal,
        Span,
        Tokens,
    )

__version__ = "0.1.0"

__all__ = [
    "AlignedSpan",
    "Alignment",
    "Note",
    "Recording",
    "Segments",
    "Sentence",
    "Signal",
    "Span",
    "Tokens",
    "TsalignError",
    "__version__",
    "align",
    "describe",
    "evaluate",
    "export",
    "match",
    "notes",
    "prepare",
    "read",
    "segment",
    "tokens",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tsalign' has no attribute {name!r}")
    if name.islower():
        return importlib.import_module(f"tsalign.{name}")
    home = "tsalign.errors" if name == "TsalignError" else "tsalign.types"
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
