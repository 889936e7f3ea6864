"""Slow, obvious twins of the losses: one choice at a time."""

from __future__ import annotations

import math

import numpy as np


def _log_softmax(row: list[float]) -> list[float]:
    top = max(row)
    total = top + np.log(sum(np.exp(v - top) for v in row))
    return [v - total for v in row]


def _mean_over_positives(rows: list[list[float]], positives: list[list[bool]]) -> float:
    per_row = []
    for row, own in zip(rows, positives, strict=True):
        chosen = [v for v, p in zip(_log_softmax(row), own, strict=True) if p]
        if chosen:
            per_row.append(-sum(chosen) / len(chosen))
    return sum(per_row) / len(per_row)


def supcon(signal, text, positives, scale, null=None, times=None) -> float:
    """Mean over both directions of the mean negative log-probability of the positives.

    `times` says how often each negative is there.
    """
    logits = [[scale * float(np.dot(s, t)) for t in text] for s in signal]
    for i, j in [] if times is None else np.argwhere(~np.array(positives)):
        logits[i][j] += math.log(times[i][j])
    wide, answers = logits, positives.tolist()
    if null is not None:
        wide = [[*row, null] for row in logits]
        answers = [[*own, not any(own)] for own in answers]
    to_text = _mean_over_positives(wide, answers)
    to_signal = _mean_over_positives(np.array(logits).T.tolist(), positives.T.tolist())
    return (to_text + to_signal) / 2


def both_ways(loss, signal, text, positives, scale, null=None) -> float:
    """Mean over both directions of a loss of logits and positives, both a list a row."""
    logits = [[scale * float(np.dot(s, t)) for t in text] for s in signal]
    back = loss(np.array(logits).T.tolist(), positives.T.tolist())
    answers = positives.tolist()
    if null is not None:
        logits = [[*row, null] for row in logits]
        answers = [[*own, not any(own)] for own in answers]
    return (loss(logits, answers) + back) / 2


def dcl_rows(rows: list[list[float]], positives: list[list[bool]]) -> float:
    """Positives against the negatives alone; rows that lack one of them are left out."""
    losses = []
    for row, own in zip(rows, positives, strict=True):
        true = [v for v, p in zip(row, own, strict=True) if p]
        false = [v for v, p in zip(row, own, strict=True) if not p]
        if true and false:
            losses.append(np.log(sum(np.exp(v) for v in false)) - sum(true) / len(true))
    return sum(losses) / len(losses) if losses else 0.0


def mil_nce_rows(rows: list[list[float]], positives: list[list[bool]]) -> float:
    """Logarithm of the summed probability of a row's positives."""
    losses = []
    for row, own in zip(rows, positives, strict=True):
        chances = [np.exp(v) / sum(np.exp(w) for w in row) for v in row]
        bag = sum(c for c, p in zip(chances, own, strict=True) if p)
        losses += [-np.log(bag)] if any(own) else []
    return sum(losses) / len(losses)


def max_mil_rows(rows: list[list[float]], positives: list[list[bool]]) -> float:
    """The closest positive against the negatives, as if the row had no other."""
    losses = []
    for row, own in zip(rows, positives, strict=True):
        if any(own):
            best = max(v for v, p in zip(row, own, strict=True) if p)
            false = [v for v, p in zip(row, own, strict=True) if not p]
            losses.append(-_log_softmax([best, *false])[0])
    return sum(losses) / len(losses)


def siglip(signal, text, positives, scale, null=0.0) -> float:
    """Each pair is judged alone; its odds start at those of any pair of the batch."""
    many, few = positives.sum(), max((~positives).sum(), 1)
    total = 0.0
    for i, s in enumerate(signal):
        for j, t in enumerate(text):
            odds = scale * float(np.dot(s, t)) - null + np.log(many / few)
            chance = 1 / (1 + np.exp(-odds))
            total -= np.log(chance if positives[i, j] else 1 - chance)
    return total / many


def unique(view, other, same, scale) -> float:
    """InfoNCE of two views among the rows of which the other side says the same."""
    losses = []
    for a, b in ((view, other), (other, view)):
        for i in range(len(a)):
            rivals = [j for j in range(len(a)) if same[i][j] and j != i]
            row = [scale * float(np.dot(a[i], b[j])) for j in (i, *rivals)]
            losses += [-_log_softmax(row)[0]] if rivals else []
    return sum(losses) / len(losses) if losses else 0.0


def concept_of_segment(scores, null) -> np.ndarray:
    """Index of the likeliest concept of each segment, -1 where nothing is likelier."""
    wide = np.column_stack([scores, null])
    best = [int(np.argmax(row)) for row in wide]
    return np.array([-1 if b == scores.shape[1] else b for b in best])


def discriminant(seen, labels, texts, shrinkage: float):
    """Linear discriminant whose scatter is shrunken to a sphere of the wordings' span."""
    classes = range(labels.max() + 1)
    means = np.array([seen[labels == c].mean(0) for c in classes])
    rest = np.array([row - means[c] for row, c in zip(seen, labels, strict=True)])
    scatter = sum(np.outer(row, row) for row in rest) / (len(seen) - len(means))
    total = max(np.trace(scatter), 0.5 * np.mean([row @ row for row in seen]))
    sphere = np.eye(seen.shape[1]) * total / min(seen.shape)
    inverse = np.linalg.inv((1 - shrinkage) * scatter + shrinkage * sphere)
    return np.array([[t @ inverse @ m - m @ inverse @ m / 2 for m in means] for t in texts])
