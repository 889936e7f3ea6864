"""Words of units: frequent neighbours become one token (byte-pair encoding), and n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from tsalign.errors import TsalignError, located
from tsalign.params import check_params

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FIRST = 0x10000  # the character of unit 0: from here on all numbers are characters
MOST = 0x110000 - FIRST


class PairEncoding(BaseEstimator):
    """Byte-pair encoding of units: the most frequent neighbours become one token, again and again.

    Fewer and longer tokens for a language model over units, or to find patterns that come back.
    Merge repetitions with `runs` first where durations do not matter.

    Parameters
    ----------
    n_tokens : int
        Size of the new vocabulary, units included.
    min_count : int
        Neighbours that come less often are not merged.

    Attributes
    ----------
    n_units_ : int
        Number of units: tokens below it are units.
    merges_ : ndarray of shape (n_merges, 2)
        int32; token `n_units_ + i` stands for the tokens `merges_[i]`.
    lengths_ : ndarray of shape (n_tokens_found,)
        int64, how many units each token stands for.
    size_ : int
        Number of tokens found; fewer than `n_tokens` where nothing comes back often enough.

    References
    ----------
    Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units",
    2016, section 3.2.

    Examples
    --------
    >>> words = PairEncoding(n_tokens=4).fit([[0, 1, 2, 0, 1, 2, 0, 1]])
    >>> words.merges_.tolist(), words.encode([0, 1, 2, 2]).tolist()
    ([[0, 1]], [3, 2, 2])
    >>> words.decode([3, 2, 2]).tolist()
    [0, 1, 2, 2]
    """

    version: ClassVar[int] = 1

    def __init__(
        self, n_tokens: Annotated[int, Ge(1)] = 1000, min_count: Annotated[int, Ge(2)] = 2
    ) -> None:
        self.n_tokens = n_tokens
        self.min_count = min_count

    def fit(self, X: Sequence[ArrayLike], y: object = None, *, n_units: int | None = None) -> Self:
        """Find which neighbours to merge.

        Parameters
        ----------
        X : sequence of array_like of shape (k,)
            Units of each recording, in order; no token reaches from one into the next.
        y : object
            Ignored.
        n_units : int, optional
            Number of units there are, as `Tokens.size`; `None` for the largest one in X plus one.

        Returns
        -------
        PairEncoding
            Itself.

        Raises
        ------
        TsalignError
            For a wrong parameter, something that is no unit, or fewer tokens than units.
        """
        from tokenizers import Tokenizer, models, trainers

        check_params(self)
        rows = [_units(row, MOST, f"sequence {number}") for number, row in enumerate(X)]
        seen = max((int(row.max()) + 1 for row in rows if len(row)), default=0)
        units = seen if n_units is None else n_units
        if not max(seen, 1) <= units <= self.n_tokens:
            raise TsalignError(
                f"n_tokens={self.n_tokens} and n_units={units} do not fit units up to {seen - 1}"
            )
        trainer = trainers.BpeTrainer(
            vocab_size=self.n_tokens,
            min_frequency=self.min_count,
            initial_alphabet=[_text([unit]) for unit in range(units)],
            show_progress=False,
        )
        found = Tokenizer(models.BPE())
        found.train_from_iterator(map(_text, rows), trainer)
        return self._keep(found, units)

    def encode(self, ids: ArrayLike) -> NDArray[np.int32]:
        """Return the tokens of a row of units.

        Parameters
        ----------
        ids : array_like of shape (k,)
            Units in order.

        Returns
        -------
        ndarray of shape (m,)
            int32, merged in the order in which the merges were found.

        Raises
        ------
        TsalignError
            For something that is no unit of those fitted.
        """
        check_is_fitted(self)
        units = _units(ids, self.n_units_, "ids")
        return np.array(self._tokenizer().encode(_text(units)).ids, dtype=np.int32)

    def decode(self, ids: ArrayLike) -> NDArray[np.int32]:
        """Return the units that tokens stand for.

        Parameters
        ----------
        ids : array_like of shape (m,)
            From `encode`.

        Returns
        -------
        ndarray of shape (k,)
            int32 units.

        Raises
        ------
        TsalignError
            For a token that there is not.
        """
        check_is_fitted(self)
        tokens = _units(ids, self.size_, "ids")
        units = np.array([unit for word in self._words() for unit in word], dtype=np.int32)
        starts = np.cumsum(self.lengths_) - self.lengths_
        lengths = self.lengths_[tokens]
        inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return units[np.repeat(starts[tokens], lengths) + inside]

    def save(self, path: str | Path) -> None:
        """Write a `tokenizer.json` as the tokenizers library reads it.

        Parameters
        ----------
        path : path
            Where to; unit `u` is the character U+10000 plus `u`.
        """
        check_is_fitted(self)
        self._tokenizer().save(str(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return what was saved.

        Parameters
        ----------
        path : path
            A file of `save`.

        Returns
        -------
        PairEncoding
            Fitted; `n_tokens` is the number of tokens found.

        Raises
        ------
        TsalignError
            For a file that is none of `save`.
        """
        from tokenizers import Tokenizer

        with located(file=str(path)):
            try:
                found = Tokenizer.from_file(str(path))
                units = sum(len(word) == 1 for word in found.get_vocab())
                return cls(found.get_vocab_size())._keep(found, units)
            except Exception as error:  # the library raises nothing more special
                raise TsalignError(f"cannot be read as merges of units: {error}") from error

    def _keep(self, found: Tokenizer, units: int) -> Self:
        vocabulary = found.get_vocab()
        words = sorted(vocabulary, key=vocabulary.__getitem__)
        self.merges_ = np.empty((len(words) - units, 2), dtype=np.int32)
        self.n_units_, self.size_ = units, len(words)
        self.lengths_ = np.array([len(word) for word in words], dtype=np.int64)
        for line, pair in zip(self.merges_, _merges(found), strict=True):
            line[:] = [vocabulary[word] for word in pair]
        return self

    def _words(self) -> list[tuple[int, ...]]:
        """Return the units of each token."""
        words: list[tuple[int, ...]] = [(unit,) for unit in range(self.n_units_)]
        for left, right in self.merges_:
            words.append(words[left] + words[right])
        return words

    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer, models

        texts = list(map(_text, self._words()))
        merges = [(texts[left], texts[right]) for left, right in self.merges_]
        return Tokenizer(models.BPE({text: i for i, text in enumerate(texts)}, merges))


def ngrams(sequences: Sequence[ArrayLike], n: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the runs of `n` neighbouring units, and how often each comes.

    Parameters
    ----------
    sequences : sequence of array_like of shape (k,)
        Units of each recording; no n-gram reaches from one into the next.
    n : int
        Units a run, at least 1.

    Returns
    -------
    grams : ndarray of shape (m, n)
        int32, the most frequent first, equally frequent ones in the order of their units.
    counts : ndarray of shape (m,)
        int64.

    Raises
    ------
    TsalignError
        For an `n` below 1 or something that is no unit.

    Examples
    --------
    >>> grams, counts = ngrams([[1, 2, 1, 2], [2, 1]], n=2)
    >>> grams.tolist(), counts.tolist()
    ([[1, 2], [2, 1]], [2, 2])
    """
    if n < 1:
        raise TsalignError(f"n={n}; an n-gram has at least one unit")
    rows = [_units(row, 2**31, f"sequence {number}") for number, row in enumerate(sequences)]
    windows = [np.lib.stride_tricks.sliding_window_view(row, n) for row in rows if len(row) >= n]
    if not windows:
        return np.empty((0, n), dtype=np.int32), np.empty(0, dtype=np.int64)
    grams, counts = np.unique(np.concatenate(windows), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return grams[order], counts[order]


def _units(ids: ArrayLike, size: int, name: str) -> NDArray[np.int32]:
    """Return units as int32, or say in one sentence why they are none."""
    units = np.asarray(ids)
    if units.size == 0:
        units = units.astype(np.int32)
    if units.ndim != 1 or units.dtype.kind not in "iu":
        raise TsalignError(f"{name} is {units.dtype} {units.shape}; units are one row of integers")
    wrong = units[(units < 0) | (units >= size)]
    if len(wrong) > 0:
        raise TsalignError(f"{name} has {wrong[0]}; units are from 0 to {size - 1}")
    return units.astype(np.int32)


def _text(units: Sequence[int] | NDArray[np.int32]) -> str:
    return "".join(chr(FIRST + int(unit)) for unit in units)


def _merges(found: Tokenizer) -> list[tuple[str, str]]:
    import json

    return [tuple(pair) for pair in json.loads(found.to_str())["model"]["merges"]]
