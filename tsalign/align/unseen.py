"""Concepts that training never showed: how much those it showed must yield to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from tsalign.align.pairs import Pairs
from tsalign.errors import TsalignError

if TYPE_CHECKING:
    from tsalign.align.contrastive import Contrastive


def seen_bias(
    model: Contrastive,
    pairs: Pairs,
    validation: Pairs,
    *,
    left_out: int = 2,
    draws: int = 3,
    random_state: int = 0,
) -> float:
    """Return the handicap of trained concepts among others, tuned on concepts left out.

    A model prefers what it was trained on. Some concepts are hidden, the model learns anew, and
    the bias is the one by which, on validation people and wordings, hidden and trained concepts
    are both told best: the harmonic mean of their accuracies, averaged over draws.

    Parameters
    ----------
    model : Contrastive
        Its parameters count; it is not changed and need not be fitted.
    pairs, validation : Pairs
        As for its `fit`.
    left_out : int
        Concepts hidden in a draw.
    draws : int
        How often some are hidden, never the same ones while there are others: a learning each.
    random_state : int
        Seed of the draws.

    Returns
    -------
    float
        For the `bias` of `classify`, in nats.

    Raises
    ------
    TsalignError
        When too few concepts would be left to learn from.

    References
    ----------
    Chao et al. (2016), An Empirical Study and Analysis of Generalized Zero-Shot Learning for
    Object Recognition in the Wild, ECCV, section 4.1 (calibrated stacking).
    """
    shown = {name for name in pairs.names if name is not None}
    known = sorted(shown & {name for name in validation.names if name is not None})
    if left_out < 1 or len(known) < left_out + 2:
        raise TsalignError(f"{len(known)} concepts are too few to hide {left_out} of them")
    order = np.random.default_rng(random_state).permutation(known)
    hidden = [np.roll(order, -left_out * draw)[:left_out] for draw in range(draws)]
    tables = [_margins(model, pairs, validation, known, set(some.tolist())) for some in hidden]
    return _best_bias(tables)


def without(pairs: Pairs, names: set[str]) -> Pairs:
    """Return pairs that never mention some concepts; their segments are context alone.

    Parameters
    ----------
    pairs : Pairs
        What was said.
    names : set of str
        Concepts to hide.
    """
    gone = np.array([name in names for name in pairs.names])
    place = np.append(np.where(gone, -1, np.cumsum(~gone) - 1), -1).astype(np.int32)
    weights = np.ones(len(pairs.text), np.float32) if pairs.weights is None else pairs.weights
    return replace(
        pairs,
        text=place[pairs.text],
        texts=tuple(t for t, g in zip(pairs.texts, gone, strict=True) if not g),
        concepts=tuple(c for c, g in zip(pairs.concepts, gone, strict=True) if not g),
        weights=np.where(np.append(gone, False)[pairs.text], np.float32(0), weights),
    )


def _margins(
    model: Contrastive, pairs: Pairs, validation: Pairs, known: list[str], hidden: set[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return how far the best trained concept leads, whether the answer is hidden, and right.

    What is right is whether the best of its own kind is the answer.
    """
    fitted = clone(model).fit(without(pairs, hidden), without(validation, hidden))
    names = np.array([name or "" for name in validation.names])
    rows = np.flatnonzero(np.append(np.isin(names, known), False)[validation.text])
    said = np.searchsorted(known, names[validation.text[rows]])
    classes = {
        c: [t for t, n in zip(validation.texts, names, strict=True) if n == c] for c in known
    }
    scores = fitted.closeness(validation.features[rows], classes).astype(float)
    own = np.isin(known, list(hidden))
    trained, new = np.where(own, -np.inf, scores), np.where(own, scores, -np.inf)
    lead = trained.max(axis=1) - new.max(axis=1)
    right = np.where(own[said], new.argmax(axis=1) == said, trained.argmax(axis=1) == said)
    return lead, own[said], right


def _best_bias(
    tables: list[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]],
) -> float:
    every = np.concatenate([lead for lead, *_ in tables])
    grid = np.unique(np.quantile(every, np.linspace(0, 1, 201)))

    def worth(bias: float) -> float:
        found = []
        for lead, hidden, right in tables:
            correct = right & ((lead < bias) == hidden)
            new, old = correct[hidden].mean(), correct[~hidden].mean()
            found.append(2 * new * old / max(new + old, 1e-12))
        return float(np.mean(found))

    return float(max(grid, key=worth))
