"""What alignment learns from: rows of features and what was said about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError, located


@dataclass(frozen=True, eq=False)
class Pairs:
    """Segments beside the texts that speak of them.

    Parameters
    ----------
    features : (n, d) float32
        One row a segment, finite.
    text : (n,) int32
        Index into `texts`; -1 where nothing is said.
    texts : tuple of str
        The distinct wordings. Those that no segment points to and that have no concept are
        off-topic: they teach what a sentence about something else looks like.
    concepts : tuple of str or None
        What wordings have in common, one a text; a text without one stands for itself.
    recordings : (n,) int32 or None
        Which recording each segment comes from: neighbours in one recording are neighbours in
        time, in the order given. The parts before and after a gap count as two.
    weights : (n,) float32 or None
        How far each segment's answer counts; 0 teaches nothing and is its neighbours' context
        alone. None counts all alike.
    bag : (n,) int32 or None
        Which of `bags` a segment's text is drawn from, for losses over bags; -1: `text` it is.
    bags : tuple of tuple of int
        Texts, as indices, of which one speaks of a segment.
    seconds : (n, 2) float64 or None
        Start and end of each segment in its recording, for pooling over stretches of time; no
        part of `key`.
    wholes : (n,) int32 or None
        Of which whole recording each segment is, gaps, notes and all; None is as `recordings`.

    Raises
    ------
    TsalignError
        When the parts do not fit each other, or a row of features is not finite.

    Examples
    --------
    >>> pairs = Pairs(np.zeros((2, 3), np.float32), np.array([0, -1]), ("He sat.",), (None,))
    >>> pairs.names
    ('He sat.',)
    """

    features: NDArray[np.float32]
    text: NDArray[np.int32]
    texts: tuple[str, ...]
    concepts: tuple[str | None, ...]
    recordings: NDArray[np.int32] | None = None
    weights: NDArray[np.float32] | None = None
    bag: NDArray[np.int32] | None = None
    bags: tuple[tuple[int, ...], ...] = ()
    seconds: NDArray[np.float64] | None = None
    wholes: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        """Check that everything fits together."""
        check_features(self.features)
        if not self.texts:
            raise TsalignError("there is no text to learn from")
        if len(self.concepts) != len(self.texts):
            raise TsalignError(f"{len(self.texts)} texts, but {len(self.concepts)} concepts")
        if self.text.shape != (len(self.features),):
            raise TsalignError(
                f"{len(self.features)} rows of features, but text has shape {self.text.shape}"
            )
        if len(self.text) and not (self.text.min() >= -1 and self.text.max() < len(self.texts)):
            raise TsalignError(f"text points outside -1 ... {len(self.texts) - 1}")
        if self.recordings is not None and self.recordings.shape != self.text.shape:
            raise TsalignError(f"recordings has shape {self.recordings.shape}, not one a row")
        if self.weights is not None:
            _check_weights(self.weights, len(self.features))
        if self.bag is not None:
            _check_bags(self.bag, self.bags, len(self.features), len(self.texts))
        if self.seconds is not None and self.seconds.shape != (len(self.text), 2):
            raise TsalignError(f"seconds has shape {self.seconds.shape}, not two a row")
        if self.wholes is not None and self.wholes.shape != self.text.shape:
            raise TsalignError(f"wholes has shape {self.wholes.shape}, not one a row")

    def key(self) -> str:
        """Return a hash of all that is in them: what a model was learnt from."""
        digest = hashlib.blake2b(repr((self.texts, self.concepts)).encode(), digest_size=20)
        for array in (self.features, self.text, self.recordings, self.weights):
            if array is not None:
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def places(self) -> NDArray[np.int32]:
        """The recording of each segment; where none are told, all are of one."""
        told = self.recordings
        return np.zeros(len(self.features), np.int32) if told is None else told

    @property
    def names(self) -> tuple[str | None, ...]:
        """The concept of each text; its own wording where none is given; None if off-topic."""
        said = set(np.unique(self.text).tolist())
        return tuple(
            text if concept is None and i in said else concept
            for i, (text, concept) in enumerate(zip(self.texts, self.concepts, strict=True))
        )


def stretches(recordings: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Return the half-open stretches of rows of one recording.

    Examples
    --------
    >>> stretches(np.array([4, 4, 1], np.int32))
    [(0, 2), (2, 3)]
    """
    cuts = (np.flatnonzero(np.diff(recordings)) + 1).tolist()
    edges = [0, *cuts, len(recordings)]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def _check_weights(weights: NDArray[np.float32], n_rows: int) -> None:
    if weights.shape != (n_rows,):
        raise TsalignError(f"{n_rows} rows of features, but weights has shape {weights.shape}")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise TsalignError("weights are finite and not negative")


def _check_bags(
    bag: NDArray[np.int32], bags: tuple[tuple[int, ...], ...], n_rows: int, n_texts: int
) -> None:
    if bag.shape != (n_rows,):
        raise TsalignError(f"{n_rows} rows of features, but bag has shape {bag.shape}")
    if len(bag) and not (bag.min() >= -1 and bag.max() < len(bags)):
        raise TsalignError(f"bag holds indices of {len(bags)} bags, -1 for none")
    if not all(some and min(some) >= 0 and max(some) < n_texts for some in bags):
        raise TsalignError(f"bags hold indices of {n_texts} texts, each at least one")


def check_features(features: NDArray[np.float32], width: int | None = None) -> None:
    """Raise a `TsalignError` unless features are finite rows, of the width learnt from.

    Parameters
    ----------
    features : (n, d) array
        What was given.
    width : int or None
        The expected `d`.
    """
    if features.ndim != 2:
        raise TsalignError(f"features have shape (n, d), not {features.shape}")
    if width is not None and features.shape[1] != width:
        raise TsalignError(f"{features.shape[1]} features a segment, but {width} were learnt from")
    broken = np.flatnonzero(~np.isfinite(features).all(1))
    if len(broken):
        column = int(np.flatnonzero(~np.isfinite(features[broken[0]]))[0])
        raise TsalignError(f"feature {column} is not finite", row=str(broken[0]))


def check_validation(validation: Pairs, width: int) -> None:
    """Raise a `TsalignError` unless pairs can stop a learning.

    Parameters
    ----------
    validation : Pairs
        Of other people.
    width : int
        Features of a segment, as learnt from.
    """
    with located(key="validation"):
        check_features(validation.features, width)
        if not (validation.text >= 0).any():
            raise TsalignError("no segment has a text: there is nothing to stop by")
