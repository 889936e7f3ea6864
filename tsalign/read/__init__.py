"""One reader a format, each from a path to a `Recording`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tsalign.errors import TsalignError
from tsalign.read.assemble import stem_of
from tsalign.read.audio import Audio
from tsalign.read.table import Csv, Parquet
from tsalign.read.truth import Truth, read_truth, read_truths
from tsalign.read.wfdb import Wfdb
from tsalign.types import Recording

READERS = {"parquet": Parquet, "csv": Csv, "wfdb": Wfdb, "audio": Audio}

__all__ = ["READERS", "Audio", "Csv", "Parquet", "Truth", "Wfdb", "read", "read_truth"]
__all__ += ["read_truths", "recording_id"]


def recording_id(path: str | Path) -> str:
    """Return the id that a file's recording has: its name without the format's suffix.

    Parameters
    ----------
    path : str or Path
        A file, present or not.

    Examples
    --------
    >>> recording_id("a/s01.chest.csv.gz")
    's01.chest'
    """
    known = [suffix for kind in READERS.values() for suffix in kind.suffixes]
    return stem_of(Path(path), known)


def read(
    path: str | Path,
    *,
    reader: str | Callable[[Path], Recording] | None = None,
    **parameters: Any,
) -> Recording:
    """Read a recording.

    Parameters
    ----------
    path : str or Path
        A file.
    reader : str, callable or None
        A word of `READERS`, or what takes a path and returns a recording; by default the file's
        suffix decides.
    **parameters : Any
        For the reader's constructor.

    Returns
    -------
    Recording
        Its id is the file's stem.

    Raises
    ------
    TsalignError
        When no reader fits, a parameter is unknown to it, or the file is damaged.

    Examples
    --------
    >>> read("walk.xyz")
    Traceback (most recent call last):
    tsalign.errors.TsalignError: walk.xyz: no reader for '.xyz'; say reader='csv' or another of \
parquet, csv, wfdb, audio
    """
    path = Path(path)
    if reader is not None and not isinstance(reader, str):
        return reader(path)
    word = reader or _by_suffix(path)
    if word not in READERS:
        raise TsalignError(f"no reader is called {word!r}; there are {', '.join(READERS)}")
    try:
        ready = READERS[word](**parameters)
    except TypeError as error:
        raise TsalignError(f"reader {word}: {error}") from error
    return ready(path)


def _by_suffix(path: Path) -> str:
    name = path.name.lower()
    for word, kind in READERS.items():
        if name.endswith(kind.suffixes):
            return word
    raise TsalignError(
        f"no reader for {path.suffix!r}; say reader='csv' or another of {', '.join(READERS)}",
        file=str(path),
    )
