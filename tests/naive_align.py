"""Slow, obvious twins of the losses: one choice at a time."""

from __future__ import annotations

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


def supcon(signal, text, positives, scale, null=None) -> float:
    """Mean over both directions of the mean negative log-probability of the positives."""
    logits = [[scale * float(np.dot(s, t)) for t in text] for s in signal]
    wide, answers = logits, positives.tolist()
    if null is not None:
        wide = [[*row, null] for row in logits]
        answers = [[*own, not any(own)] for own in answers]
    to_text = _mean_over_positives(wide, answers)
    to_signal = _mean_over_positives(np.array(logits).T.tolist(), positives.T.tolist())
    return (to_text + to_signal) / 2


def concept_of_segment(scores, null) -> np.ndarray:
    """Index of the likeliest concept of each segment, -1 where nothing is likelier."""
    wide = np.column_stack([scores, null])
    best = [int(np.argmax(row)) for row in wide]
    return np.array([-1 if b == scores.shape[1] else b for b in best])
