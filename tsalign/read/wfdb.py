"""WFDB records (PhysioNet): a `.hea` header beside its signal files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from tsalign.errors import TsalignError, located
from tsalign.params import check_params
from tsalign.read.assemble import check_values, choose, file_of, unique
from tsalign.types import Recording, Signal

# Bytes per sample by format; compressed formats have no fixed size and check themselves.
_BYTES = {"8": 1, "16": 2, "24": 3, "32": 4, "61": 2, "80": 1, "160": 2, "212": 1.5}
_THIRDS = ("310", "311")  # three samples in four bytes


@dataclass(frozen=True)
class Wfdb:
    """Reads a WFDB record in physical units; needs the extra `ecg`.

    Parameters
    ----------
    channels : tuple of str or None
        Signals to read, in this order; all by default. Of signals with equal names the second is
        called `name_2`.

    References
    ----------
    WFDB header format, https://physionet.org/physiotools/wag/header-5.htm

    Examples
    --------
    >>> Wfdb(channels=("MLII",)).suffixes
    ('.hea',)
    """

    channels: tuple[str, ...] | None = None

    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".hea",)

    def __call__(self, path: Path) -> Recording:
        """Read one record.

        Parameters
        ----------
        path : Path
            The header file.

        Returns
        -------
        Recording
            One signal for each rate in the record; `meta` holds the header's `comments` and,
            where stated, the time at which the record `started`.

        Raises
        ------
        TsalignError
            When a signal file is missing or shorter than the header says.
        """
        check_params(self)
        path = file_of(path)
        with located(file=path):
            wfdb = _wfdb()
            try:
                return self._read(wfdb, path)
            except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
                if isinstance(error, TsalignError):
                    raise
                raise TsalignError(f"not a readable WFDB record: {error}") from error

    def _read(self, wfdb: ModuleType, path: Path) -> Recording:
        name = str(path.with_suffix(""))
        _check_sizes(wfdb.rdheader(name, rd_segments=True), path.parent)
        record = wfdb.rdrecord(name, smooth_frames=False, return_res=32)
        columns = record.e_p_signal
        if columns is None:  # records of several segments come as one matrix
            columns = list(record.p_signal.T)
        frames = record.samps_per_frame or [1] * len(columns)
        names = unique(record.sig_name)
        picked = choose(names, self.channels)
        signals = []
        for count in dict.fromkeys(frames[at] for at in picked):
            these = [at for at in picked if frames[at] == count]
            values = np.stack([columns[at] for at in these], axis=1).astype(np.float32, copy=False)
            labels = tuple(names[at] for at in these)
            check_values(values, labels)
            units = tuple(record.units[at] for at in these)
            signals.append(Signal(values, float(record.fs * count), 0.0, labels, units))
        return Recording(path.stem, tuple(signals), meta=_meta(record))


def _wfdb() -> ModuleType:
    try:
        with warnings.catch_warnings():  # the package trips over news of pandas
            warnings.simplefilter("ignore", DeprecationWarning)
            import wfdb
    except ImportError as error:
        raise TsalignError('reading WFDB needs: pip install "tsalign[ecg]"') from error
    return wfdb


def _check_sizes(header: Any, folder: Path) -> None:
    """Refuse signal files that are shorter than the header says, before anything is decoded."""
    for segment in getattr(header, "segments", None) or [header]:
        if segment is None or not segment.file_name or not segment.sig_len:
            continue
        for name in dict.fromkeys(segment.file_name):
            if name == "~":  # a segment that only describes the layout
                continue
            own = [at for at, other in enumerate(segment.file_name) if other == name]
            _check_size(segment, own, folder / name)


def _check_size(segment: Any, own: Sequence[int], file: Path) -> None:
    if not file.is_file():
        raise TsalignError(f"the record needs {file.name}, which is not there")
    kind = segment.fmt[own[0]]
    samples = segment.sig_len * sum(segment.samps_per_frame[at] for at in own)
    if kind in _THIRDS:
        expected = -(-samples // 3) * 4
    elif kind in _BYTES:
        expected = int(np.ceil(samples * _BYTES[kind]))
    else:
        return
    expected += segment.byte_offset[own[0]] or 0
    there = file.stat().st_size
    if there < expected:
        raise TsalignError(
            f"{file.name} is cut short: {there} bytes instead of {expected} for {samples} samples"
        )


def _meta(record: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {"comments": tuple(record.comments)} if record.comments else {}
    if record.base_date and record.base_time:
        meta["started"] = f"{record.base_date}T{record.base_time}"
    return meta
