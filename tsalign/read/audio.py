"""Sound files: WAV, FLAC, OGG."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, ClassVar

from tsalign.errors import TsalignError, located
from tsalign.params import check_params
from tsalign.read.assemble import check_values, choose, file_of
from tsalign.types import Recording, Signal

_UNKNOWN = 0xFFFFFFFF  # what a program writes that could not know the length beforehand
_LAST_PAGE = 0x04
_PAGE = 65307  # bytes, the longest page of Ogg


@dataclass(frozen=True)
class Audio:
    """Reads sound as float32, where full scale is 1; needs the extra `audio`.

    Parameters
    ----------
    channels : tuple of str or None
        Channels to read, in this order, named `ch0`, `ch1`, ...; all by default.

    Examples
    --------
    >>> Audio(channels=("ch0",)).suffixes
    ('.wav', '.flac', '.ogg')
    """

    channels: tuple[str, ...] | None = None

    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".wav", ".flac", ".ogg")

    def __call__(self, path: Path) -> Recording:
        """Read one file.

        Parameters
        ----------
        path : Path
            A sound file.

        Returns
        -------
        Recording
            With one signal; `meta` holds `format` and `subtype`.

        Raises
        ------
        TsalignError
            When the file is no sound, or cut short.
        """
        check_params(self)
        path = file_of(path)
        with located(file=path):
            return self._read(path)

    def _read(self, path: Path) -> Recording:
        soundfile = _soundfile()
        _check_whole(path)
        try:
            with soundfile.SoundFile(path) as file:
                values = file.read(dtype="float32", always_2d=True)
                frames, rate = file.frames, file.samplerate
                meta: dict[str, Any] = {"format": file.format, "subtype": file.subtype}
        except (soundfile.SoundFileError, OSError) as error:
            raise TsalignError(f"not a whole sound file: {error}") from error
        if len(values) != frames:
            raise TsalignError(f"cut short: {len(values)} samples instead of {frames}")
        names = [f"ch{at}" for at in range(values.shape[1])]
        picked = choose(names, self.channels)
        if picked != list(range(len(names))):
            values = values[:, picked]
        labels = tuple(names[at] for at in picked)
        check_values(values, labels)
        return Recording(path.stem, (Signal(values, float(rate), 0.0, labels),), meta=meta)


def _soundfile() -> ModuleType:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise TsalignError('reading sound needs: pip install "tsalign[audio]"') from error
    return soundfile


def _check_whole(path: Path) -> None:
    """Refuse a cut WAV or Ogg file: libsndfile would give what is left of it without a word."""
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] in (b"RIFF", b"RF64") and magic[8:] == b"WAVE":
            _check_wave(file, path.stat().st_size)
        elif magic[:4] == b"OggS":
            _check_ogg(file, path.stat().st_size)


def _check_wave(file: BinaryIO, size: int) -> None:
    """Walk the chunks up to `data`; RF64 keeps its true length in `ds64`."""
    long_size = 0
    while len(head := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            length = long_size if length == _UNKNOWN else length
            there = size - file.tell()
            if there < length:
                raise TsalignError(f"cut short: {there} bytes of sound instead of {length}")
            return
        body = file.tell()
        if name == b"ds64":
            long_size = struct.unpack("<QQ", file.read(16))[1]
        file.seek(body + length + length % 2)
    raise TsalignError("cut short: there is no sound after the header")


def _check_ogg(file: BinaryIO, size: int) -> None:
    """Look whether the last page is whole and marked as the last one."""
    file.seek(max(0, size - 2 * _PAGE))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(page) == 27 + len(lengths) + sum(lengths)
    if not (whole and page[5] & _LAST_PAGE):
        raise TsalignError("cut short: the last page of the Ogg stream is missing")
