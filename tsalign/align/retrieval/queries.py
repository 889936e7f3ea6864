"""What is asked of a shared space: sentences, several wordings of one thing, sums of sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalign.errors import TsalignError

SIGNS = {"+": 1, "-": -1}


@dataclass(frozen=True, eq=False)
class Queries:
    """Things to look for in a shared space.

    Parameters
    ----------
    places : (q, d) array
        Where each lies; unit rows.
    meanings : (q, c) array
        log p(concept | query) of each known concept; what is left to 1 is something else.
    """

    places: NDArray[np.floating]
    meanings: NDArray[np.floating]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.places)

    def averaged(self, groups: NDArray[np.int64]) -> Queries:
        """Return one query for each group of rows: the prompt ensemble of its wordings.

        Parameters
        ----------
        groups : (q,) int64
            The group of each row, 0, 1, .. without gaps.

        Returns
        -------
        Queries
            Of places the mean direction, of meanings the mean chance.

        References
        ----------
        Radford et al. (2021), CLIP, arXiv 2103.00020, section 3.1.4.

        Examples
        --------
        >>> two = Queries(np.eye(2, dtype=np.float32), np.log([[0.5], [0.25]], dtype=np.float32))
        >>> one = two.averaged(np.array([0, 0]))
        >>> one.places.round(2).tolist(), np.exp(one.meanings).round(3).tolist()
        ([[0.7099999785423279, 0.7099999785423279]], [[0.375]])
        """
        share = np.zeros((int(groups.max()) + 1, len(groups)))
        share[groups, np.arange(len(groups))] = 1 / np.bincount(groups)[groups]
        places = unit(share @ self.places)
        with np.errstate(divide="ignore"):
            meanings = np.log(share @ np.exp(self.meanings, dtype=float))
        return Queries(places, meanings.astype(np.float32))


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return rows of length 1.

    Parameters
    ----------
    rows : (q, d) array
        Directions.

    Returns
    -------
    (q, d) float32

    Raises
    ------
    TsalignError
        For a row without a direction.

    Examples
    --------
    >>> unit(np.array([[3.0, 4.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (length > 1e-6).all():
        raise TsalignError("the terms cancel each other: nothing is left to look for")
    return (rows / length).astype(np.float32)


def terms(text: str) -> list[tuple[int, str]]:
    """Split a sum of sentences into its terms, each with its sign.

    Terms stand between ` + ` and ` - `, with a space on both sides of the sign; the first has
    none. A hyphen inside a word ("sit-to-stand") is no sign, so a plain sentence is one term.

    Parameters
    ----------
    text : str
        A sentence, or a sum of sentences.

    Returns
    -------
    list of (int, str)
        1 or -1, and the term.

    Raises
    ------
    TsalignError
        Where a term is missing.

    Examples
    --------
    >>> terms("walking - level ground + stairs")
    [(1, 'walking'), (-1, 'level ground'), (1, 'stairs')]
    >>> terms("A sit-to-stand of 3 s.")
    [(1, 'A sit-to-stand of 3 s.')]
    """
    parts = re.split(r"\s+([+-])(?=\s|$)", f" {text.strip()}")
    signs, words = ["+", *parts[1::2]], [part.strip() for part in parts[::2]]
    if len(words) > 1 and not words[0]:
        raise TsalignError(f"{text!r} begins with a sign: write a term before it")
    for sign, word in zip(signs, words, strict=True):
        if not word:
            raise TsalignError(f"no term stands after {sign!r} in {text!r}" if text.strip()
                               else "there is no text to look for")  # fmt: skip
    return [(SIGNS[sign], word) for sign, word in zip(signs, words, strict=True)]
