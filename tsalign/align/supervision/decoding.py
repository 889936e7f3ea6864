"""Where a learnt model finds the sentences of a note: decoding for learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tsalign.align.supervision.noted import Claim, Guess, Noted, Text, as_stamped
from tsalign.types import Evidence

if TYPE_CHECKING:
    from tsalign.align.space.shared_space import SharedSpace
    from tsalign.match import Decoded

Floats = NDArray[np.floating]
Seconds = Mapping[str | None, Sequence[float]]
SIGNAL, DURATION = 0.1, 0.5
"""Log-odds of neighbours say much the same thing; durations are a weak argument."""
CLIP = 6.0
SURE = 10.0
"""Nats by which a sentence is rather placed than left out: notes to learn from speak of what is
there, and a concept once given up is never learnt."""
LONGEST = 1.5
"""Runs are at most so many times as long as the longest seen."""
STEPS = (4.0, 4.0, 2.0, 2.0, 1.0)
"""By which prices are raised and lowered, one after the other."""
MOST_ONCE = 10
"""Sentences up to which each may be asked for one run alone."""


def decoded(
    model: SharedSpace,
    recordings: Sequence[Noted],
    claims: Sequence[Claim],
    texts: Sequence[Text],
    seconds: Seconds,
) -> list[Guess]:
    """Return where a model finds the sentences of each claim.

    Parameters
    ----------
    model : SharedSpace
        Knows the concept of every text.
    recordings, claims : sequence of Noted, sequence of Claim
        What is claimed of what.
    texts : sequence of (str, str)
        Texts and concepts.
    seconds : mapping
        Durations seen of each concept.

    Returns
    -------
    list of Guess
        One a claim.
    """
    index = {name: i for i, name in enumerate(model.concepts_)}
    names = [str(concept) for _, concept in texts]
    chances = _scaled(model, recordings, {claim.place for claim in claims})
    guesses = []
    for claim in claims:
        if claim.kind == "stamped":
            guesses.append(as_stamped(claim))
            continue
        said, some = [names[i] for i in claim.said], slice(claim.first, claim.last)
        concepts, nothing = (rows[some] for rows in chances[claim.place])
        cells = np.diff(recordings[claim.place].segments.edges(), axis=1)
        hop = float(np.median(cells))
        scores = _odds(concepts[:, [index[name] for name in said]], nothing)
        scores *= SIGNAL * (cells[some] / hop).astype(np.float32)
        guesses.append(decode(claim, scores, [seconds.get(name, ()) for name in said], hop))
    return guesses


def decode(
    claim: Claim, scores: NDArray[np.float32], seconds: Sequence[Sequence[float]], hop: float
) -> Guess:
    """Place the sentences of one note inside their windows.

    Parameters
    ----------
    claim : Claim
        Ordered ones stay in their order.
    scores : (k, s) float32
        Weighted log-odds of each segment of the stretch and sentence against nothing.
    seconds : sequence of sequences of float
        Durations seen of what each sentence says.
    hop : float
        Seconds of a segment.

    Returns
    -------
    Guess
        As sure as the posterior. More than ten sentences without order may take several runs each.
    """
    from tsalign.match import Ordered

    given: dict[str, Any] = {"windows": claim.windows, "durations": _durations(seconds, hop, claim)}
    if claim.kind == "ordered":
        found = Ordered(SURE, alternatives=0).decode(scores, **given)
    else:
        found = _in_any_order(scores, given)
    labels = found.labels.astype(np.int64)
    chances = np.column_stack([found.posterior, 1 - found.posterior.sum(1)])
    sure = np.clip(chances[np.arange(len(labels)), labels], 0, 1).astype(np.float32)
    return Guess(labels, sure)


def _in_any_order(scores: NDArray[np.float32], given: dict[str, Any]) -> Decoded:
    """Place each sentence once: exactly where few are asked, else by a price on each.

    Prices are Lagrange multipliers of "once": who took no run is paid, who took several pays
    (Fisher, The Lagrangian Relaxation Method, Management Science 1981).
    """
    from tsalign.match import Unordered

    count = scores.shape[1]
    own = np.eye(count, dtype=bool)
    few = Unordered(0.0, repeats=count > MOST_ONCE, alternatives=0)
    worth = np.full(count, SURE if count <= MOST_ONCE else 0.0)
    for step in STEPS if count > MOST_ONCE else ():
        text = np.where(own, worth, -np.inf)
        labels = few.decode_concepts(scores, text, **given, posteriors=False).labels
        starts = labels[np.flatnonzero(np.diff(labels, prepend=-1))]
        worth += step * (1 - np.bincount(starts[starts >= 0], minlength=count))
    return few.decode_concepts(scores, np.where(own, worth, -np.inf), **given)


def _odds(concepts: NDArray[np.float32], nothing: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return log-odds of what a note says; what it does not say is no rival."""
    from tsalign.match.odds import against_nothing

    unsaid = concepts[:, :0], concepts[:0]
    odds = against_nothing(Evidence(unsaid[0], concepts, nothing, unsaid[1]))
    return np.clip(odds, -CLIP, CLIP)


def _scaled(
    model: SharedSpace, recordings: Sequence[Noted], places: set[int]
) -> dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return scaled log likelihoods of concepts and of nothing.

    Chances over shares (Bourlard and Morgan, Connectionist Speech Recognition, 1994, section
    7.2): the note already says what to look for, so what is rare elsewhere is not held back.
    """
    found = {}
    for i in sorted(places):
        given = recordings[i].features, _pieces(recordings[i])
        found[i] = model.concept_scores(*given), model.null_scores(*given)
    share = np.mean(np.exp(np.concatenate([nothing for _, nothing in found.values()])))
    share = np.clip(share, 0.01, 0.99)
    prior = (model.log_prior_ + np.log1p(-share)).astype(np.float32)
    return {i: (a - prior, b - np.float32(np.log(share))) for i, (a, b) in found.items()}


def _pieces(noted: Noted) -> NDArray[np.int32]:
    """Return the number of each segment's part; between parts signal is missing."""
    lengths = [piece.stop - piece.start for piece in noted.segments.unbroken()]
    return np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)


def _durations(seconds: Sequence[Sequence[float]], hop: float, claim: Claim) -> Floats | None:
    from tsalign.match import log_normal

    if not any(map(len, seconds)):
        return None
    most = LONGEST * max(max(some) for some in seconds if len(some))
    longest = int(np.clip(np.ceil(most / hop), 1, len(claim)))
    return DURATION * np.stack([log_normal(some, hop, longest) for some in seconds])
