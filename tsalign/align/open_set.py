"""Classes never trained beside trained ones: by how much they are underrated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalign.align.pairs import Pairs

if TYPE_CHECKING:
    from tsalign.align.space.open_space import OpenSpace

Floats = NDArray[np.floating]
SHARE = 6
"""One concept in so many is held out in a round."""


def bias(
    learn: Callable[[Pairs, Pairs | None], OpenSpace],
    pairs: Pairs,
    held_out: Pairs | None,
    rounds: int,
    random_state: int,
) -> float:
    """Return what to add to the margins of new classes, as trained concepts bear it.

    In each round some concepts are withheld from learning and then told by their wordings
    alone. The harmonic mean of the recall of withheld and of learnt concepts decides.

    Parameters
    ----------
    learn : callable
        From pairs, and other people's, to a model.
    pairs, held_out : Pairs, Pairs or None
        To learn from, and to judge by; without the second the first judges too.
    rounds : int
        Times to learn.
    random_state : int
        Seed of the draw of concepts.

    Returns
    -------
    float
        0 where nothing could be withheld.

    References
    ----------
    Chao et al. (2016), An Empirical Study and Analysis of Generalized Zero-Shot Learning for
    Object Recognition in the Wild, ECCV, section 3.2 (calibrated stacking).
    """
    judge = pairs if held_out is None else held_out
    able = sorted(_told(pairs) & _told(judge))
    size = max(1, len(able) // SHARE)
    if len(able) - size < 2:
        return 0.0
    rng = np.random.default_rng(random_state)
    judged = []
    drawn: list[str] = []
    for _ in range(rounds):
        while len(drawn) < size:
            drawn += [c for c in rng.permutation(able).tolist() if c not in drawn]
        new, drawn = drawn[:size], drawn[size:]
        others = None if held_out is None else without(held_out, new)
        model = learn(without(pairs, new), others)
        judged.append(_judged(model, judge, new))
    offsets = np.unique(np.concatenate([-margin for margin, *_ in judged]))
    offsets = np.quantile(offsets, np.linspace(0, 1, 200))
    worth = [np.mean([_harmonic(offset, *one) for one in judged]) for offset in offsets]
    return float(offsets[int(np.argmax(worth))])


def without(pairs: Pairs, concepts: Collection[str]) -> Pairs:
    """Return pairs that have never heard of some concepts; bags have none to be told apart by.

    Parameters
    ----------
    pairs : Pairs
        All.
    concepts : collection of str
        To leave out, with their segments and wordings.

    Returns
    -------
    Pairs
        The rest.

    Examples
    --------
    >>> said = np.array([0, 1, -1], np.int32)
    >>> pairs = Pairs(np.eye(3, dtype=np.float32), said, ("Sits.", "Walks."), ("SIT", "WALK"))
    >>> without(pairs, ["SIT"]).text.tolist()
    [0, -1]
    """
    stays = np.array([name not in concepts for name in pairs.names])
    number = np.append(np.cumsum(stays) - 1, -1)  # the last is for -1
    rows = np.append(stays, True)[pairs.text]
    texts = [(t, c) for t, c, s in zip(pairs.texts, pairs.concepts, stays, strict=True) if s]
    some = {
        name: None if (column := getattr(pairs, name)) is None else column[rows]
        for name in ("features", "recordings", "weights", "seconds", "wholes")
    }
    return replace(
        pairs,
        text=number[pairs.text[rows]].astype(np.int32),
        texts=tuple(text for text, _ in texts),
        concepts=tuple(concept for _, concept in texts),
        **some,
    )


def _told(pairs: Pairs) -> set[str]:
    """Concepts that some segment has."""
    return {name for i in np.unique(pairs.text[pairs.text >= 0]) if (name := pairs.names[i])}


def _judged(
    model: OpenSpace, judge: Pairs, new: Sequence[str]
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64], int]:
    """Margin of the best new class, whether it or the best known is right, true concept, split."""
    names = np.array([name or "" for name in judge.names])
    true = np.where(judge.text >= 0, names[judge.text], "")
    classes = [[t for t, n in zip(judge.texts, names, strict=True) if n == c] for c in new]
    order = [*new, *model.concepts_]
    told = np.isin(true, order)
    places = model.encode_signal(judge.features, recordings=judge.recordings)[told]
    margin = model.margins(places, classes)
    known = model.logits(places, model.prototypes_).argmax(1)
    right = np.stack(
        [
            np.array(new)[margin.argmax(1)] == true[told],
            np.array(model.concepts_)[known] == true[told],
        ]
    )
    concept = np.array([order.index(name) for name in true[told]])
    return margin.max(1), right, concept, len(new)


def _harmonic(
    offset: float,
    margin: Floats,
    right: NDArray[np.bool_],
    concept: NDArray[np.int64],
    n_new: int,
) -> float:
    hit = np.where(margin + offset > 0, right[0], right[1])
    counts = np.bincount(concept)
    there = counts > 0
    recall = np.bincount(concept, hit)[there] / counts[there]
    new, old = recall[: there[:n_new].sum()].mean(), recall[there[:n_new].sum() :].mean()
    return 2 * new * old / (new + old) if new + old > 0 else 0.0
