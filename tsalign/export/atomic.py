"""Files that are whole or not there."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Open a file for writing that takes the place of `path` only when all went well.

    Parameters
    ----------
    path : Path
        Where the file shall be; missing folders are made.

    Returns
    -------
    context manager of binary file
        A temporary file in the same folder. When the block raises, it is removed and what
        was at `path` stays as it was.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "a.txt")) as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "a.txt").read_bytes()
    b'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(aside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where folders can be synced at all."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def file_name(recording: str) -> str:
    """Return a recording id as a file name; different ids get different names.

    Parameters
    ----------
    recording : str
        Any text.

    Returns
    -------
    str
        Separators, control characters, `%` and a leading dot as `%XX`.

    Examples
    --------
    >>> file_name("ward 3/s01"), file_name("..")
    ('ward 3%2Fs01', '%2E.')
    """
    return re.sub(r'^\.|[\x00-\x1f\x7f"%*/:<>?\\|]', lambda m: f"%{ord(m.group()):02X}", recording)
