"""Learning from notes without exact times: rounds of decoding and learning anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tsalign.align.pairs import Pairs
from tsalign.align.supervision.decoding import Seconds, decoded
from tsalign.align.supervision.noted import (
    Claim,
    Guess,
    Noted,
    Supervision,
    Text,
    as_stamped,
    claims_of,
    joined,
)

if TYPE_CHECKING:
    from tsalign.align.space.shared_space import SharedSpace

Fit = Callable[[Pairs, int], "SharedSpace"]
HEADS = 2
HALF = 0.5
"""The IoU from which two heads agree."""


def taught(
    fit: Fit,
    recordings: Sequence[Noted],
    supervision: Supervision = "auto",
    tolerance: float = 0.0,
    rounds: int = 6,
) -> tuple[Pairs, Seconds]:
    """Decide in rounds which sentence speaks of which segment.

    The first guess takes loose stamps at their word and spreads ordered sentences evenly over
    their stretch; unordered ones may be anywhere in it (bags). In each round two heads learn from
    the guess, each with its own seed; both decode every note, and what they decode alike teaches
    the next round. Exact stamps are never moved.

    Parameters
    ----------
    fit : callable
        Learns from pairs, given the number of the head.
    recordings : sequence of Noted
        Segments and notes.
    supervision : str
        As in `Contrastive`.
    tolerance : float
        Seconds by which stamps may be wrong.
    rounds : int
        Rounds, at least one; stamps need none.

    Returns
    -------
    pairs : Pairs
        With weights: how sure both heads are.
    seconds : mapping
        Durations of each concept: as stamped, or else as decoded.

    Raises
    ------
    TsalignError
        When no note tells anything of that kind.

    References
    ----------
    Han, Xie and Zisserman (2022), Temporal Alignment Networks, CVPR, section 3.3 (agreement);
    Miech et al. (2020), End-to-End Learning of Visual Representations, CVPR, eq. 1 (bags).
    """
    claims, texts = claims_of(recordings, supervision, tolerance)
    named = [(text, concept or text) for text, concept in texts]  # known even while unplaced
    guesses = [first_guess(claim) for claim in claims]
    stated = _stated(claims, named)
    seconds = stated
    if all(claim.kind == "stamped" for claim in claims):
        rounds = 0
    for number in range(rounds):
        pairs = joined(recordings, claims, guesses, named)
        heads = [fit(pairs, HEADS * number + head) for head in range(HEADS)]
        views = [decoded(head, recordings, claims, named, seconds) for head in heads]
        guesses = [agreed(*pair) for pair in zip(*views, strict=True)]
        seconds = {**_seen(recordings, claims, guesses, named), **stated}
    return joined(recordings, claims, guesses, texts), seconds


def first_guess(claim: Claim) -> Guess:
    """Return what a note tells before anything is learnt.

    Parameters
    ----------
    claim : Claim
        One note.

    Returns
    -------
    Guess
        Stamps as they are, though between loose ones nothing is known; ordered sentences evenly
        spread; of others, all that may be.
    """
    if claim.kind == "stamped":
        return as_stamped(claim)
    if claim.kind == "loose":
        guess = as_stamped(claim)
        return replace(guess, sure=(guess.labels >= 0).astype(np.float32))
    count = len(claim.said)
    place = np.arange(len(claim))
    may = (place[:, None] >= claim.windows[:, 0]) & (place[:, None] < claim.windows[:, 1])  # (k, s)
    if claim.kind == "ordered":
        labels = place * count // len(claim)
        return Guess(labels, may[place, labels].astype(np.float32))
    labels = np.where(may.any(1), may.argmax(1), -1)
    return Guess(labels, np.ones(len(claim), np.float32), may)


def agreed(one: Guess, other: Guess) -> Guess:
    """Return what two heads decode alike.

    Parameters
    ----------
    one, other : Guess
        Of the same note.

    Returns
    -------
    Guess
        Unsure where labels differ, and all along sentences whose runs overlap by less than half.
    """
    sure = np.where(one.labels == other.labels, np.minimum(one.sure, other.sure), np.float32(0))
    for j in range(max(one.labels.max(initial=-1), other.labels.max(initial=-1)) + 1):
        here, there = one.labels == j, other.labels == j
        if (here & there).sum() < HALF * (here | there).sum():
            sure[here | there] = 0
    return replace(one, sure=sure)


def _stated(claims: Sequence[Claim], texts: Sequence[Text]) -> Seconds:
    found: dict[str | None, list[float]] = {}
    for claim in claims:
        for j, seconds in zip(claim.said, claim.seconds, strict=True):
            if seconds > 0:
                found.setdefault(texts[j][1], []).append(float(seconds))
    return found


def _seen(
    recordings: Sequence[Noted],
    claims: Sequence[Claim],
    guesses: Sequence[Guess],
    texts: Sequence[Text],
) -> Seconds:
    found: dict[str | None, list[float]] = {}
    for claim, guess in zip(claims, guesses, strict=True):
        cells = np.diff(recordings[claim.place].segments.edges(), axis=1)[claim.first : claim.last]
        for j in np.unique(guess.labels[(guess.labels >= 0) & (guess.sure > 0)]):
            rows = guess.labels == j
            found.setdefault(texts[claim.said[j]][1], []).append(float(cells[rows].sum()))
    return found
