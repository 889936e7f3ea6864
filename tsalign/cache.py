"""A content key leads to a folder that is whole or not there: a killed run resumes where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
DAY = 86_400.0  # seconds; no single value takes so long to write


def content_key(value: Any) -> str:
    """Return a hash of plain values that tells 1, 1.0, true and "1" apart.

    Parameters
    ----------
    value : object
        Nested dictionaries, lists, tuples and scalars.

    Returns
    -------
    str
        40 hexadecimal digits of BLAKE2b.

    Examples
    --------
    >>> content_key({"a": 1}) == content_key({"a": 1.0})
    False
    """
    typed = json.dumps(_typed(value), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(typed.encode(), digest_size=20).hexdigest()


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {"dict": sorted([[str(k), _typed(v)] for k, v in value.items()])}
    if isinstance(value, (list, tuple)):
        return [_typed(v) for v in value]
    return [type(value).__name__, repr(value)]


def file_hash(path: Path) -> str:
    """Return the BLAKE2b hash of a file's bytes, read in blocks.

    Parameters
    ----------
    path : Path
        An existing file.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


@dataclass(frozen=True)
class Store:
    """Folders by slot and key below one root.

    Parameters
    ----------
    root : Path
        Made when first needed.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> _ = store.put("tokens", "ab12", lambda folder: (folder / "x").write_text("1"))
    >>> (store.folder("tokens", "ab12") / "x").read_text(), store.has("tokens", "cd34")
    ('1', False)
    """

    root: Path

    def folder(self, slot: str, key: str) -> Path:
        """Return where a value lies or would lie."""
        return self.root / slot / key[:2] / key

    def has(self, slot: str, key: str) -> bool:
        """Whether a value with a manifest is there; nothing is read yet."""
        return (self.folder(slot, key) / MANIFEST).is_file()

    def get(self, slot: str, key: str) -> Path | None:
        """Return the folder of a sound value; a damaged one is moved aside.

        Parameters
        ----------
        slot, key : str
            As given to `put`.

        Returns
        -------
        Path or None
            None where nothing, or nothing whole, is there.
        """
        folder = self.folder(slot, key)
        if not folder.exists():
            return None
        if _sound(folder):
            return folder
        self.drop(slot, key)
        return None

    def drop(self, slot: str, key: str) -> None:
        """Move a value aside into `quarantine/`, so that it is made anew."""
        aside = self.root / "quarantine" / f"{slot}-{key}-{uuid.uuid4().hex[:8]}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.folder(slot, key).replace(aside)

    def remove(self, slot: str, key: str) -> None:
        """Delete a value and what was begun of it, so that it is made anew."""
        shutil.rmtree(self.folder(slot, key), ignore_errors=True)
        self.forget(slot, key)

    def work(self, slot: str, key: str) -> Path:
        """Return the folder of what is begun of a value: it outlives a killed run."""
        return self.root / ".work" / f"{slot}-{key}"

    def forget(self, slot: str, key: str) -> None:
        """Delete what was begun of a value."""
        shutil.rmtree(self.work(slot, key), ignore_errors=True)

    def sweep(self) -> None:
        """Delete what killed runs left half-written a day ago, or to go on from a month ago."""
        for folder in (*self.root.glob(".tmp/*"), *self.root.glob(".work/*")):
            age = DAY if folder.parent.name == ".tmp" else 30 * DAY
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > age:
                    shutil.rmtree(folder, ignore_errors=True)

    def put(self, slot: str, key: str, write: Callable[[Path], Any]) -> Path:
        """Store what `write` puts into the folder it is given, all or nothing.

        Parameters
        ----------
        slot, key : str
            Where.
        write : callable
            Writes files into an empty folder.

        Returns
        -------
        Path
            The final folder.
        """
        final = self.folder(slot, key)
        aside = self.root / ".tmp" / f"{key}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        aside.mkdir(parents=True)
        try:
            write(aside)
            _seal(aside)
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                aside.replace(final)
            except OSError:
                # The same key is the same content: whoever came first may stay.
                if not self.has(slot, key):
                    raise
            _sync(final.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return final


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)


def _seal(folder: Path) -> None:
    listing = {}
    for path in _files(folder):
        _sync(path)
        listing[path.relative_to(folder).as_posix()] = [path.stat().st_size, file_hash(path)]
    (folder / MANIFEST).write_text(json.dumps(listing))
    _sync(folder / MANIFEST)
    _sync(folder)


def _sound(folder: Path) -> bool:
    try:
        listing = json.loads((folder / MANIFEST).read_text())
        names = {path.relative_to(folder).as_posix() for path in _files(folder)}
        return names == set(listing) and all(
            (folder / name).stat().st_size == size and file_hash(folder / name) == digest
            for name, (size, digest) in listing.items()
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
