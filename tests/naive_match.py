"""Slow, obvious twins of the decoders: enumerate every alignment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """A lattice problem; `rows[j]` holds the (k, c) scores that sentence j may choose from."""

    rows: list[np.ndarray]
    text: np.ndarray  # (s, c)
    prior: list[np.ndarray] | None  # s of (c, D)
    windows: np.ndarray  # (s, 2)
    skips: np.ndarray  # (s,)


class Truth(NamedTuple):
    """What enumeration finds."""

    score: float
    log_sum: float
    posterior: np.ndarray
    placed: np.ndarray
    margin: np.ndarray


def of_sentences(scores, durations=None, windows=None, skips=None):
    k, s = scores.shape
    rows = [np.asarray(scores[:, [j]], float) for j in range(s)]
    prior = None if durations is None else [durations[[j]] for j in range(s)]
    return Problem(rows, np.zeros((s, 1)), prior, *_rest(s, k, windows, skips))


def of_concepts(signal, text, durations=None, windows=None, skips=None):
    k, s = len(signal), len(text)
    prior = None if durations is None else [durations] * s
    return Problem([np.asarray(signal, float)] * s, text, prior, *_rest(s, k, windows, skips))


def _rest(s, k, windows, skips):
    windows = np.tile([0, k], (s, 1)) if windows is None else np.asarray(windows)
    return windows, np.full(s, 2.0) if skips is None else np.asarray(skips, float)


def value_of(problem, j, choice):
    """Value that sentence j adds when placed at (start, end, concept), or left out (None)."""
    if choice is None:
        return -problem.skips[j]
    a, b, c = choice
    value = problem.rows[j][a:b, c].sum() + problem.text[j, c]
    if problem.prior is not None:
        length = b - a - 1
        value += problem.prior[j][c, length] if length < problem.prior[j].shape[1] else -np.inf
    return value


def alignments(problem, j=0, at=0):
    """Yield (value, choices) of every alignment of the sentences j.. within the segments at.. ."""
    if j == len(problem.text):
        yield 0.0, ()
        return
    lo, hi = problem.windows[j]
    places = [(a, b) for a in range(max(at, lo), hi) for b in range(a + 1, hi + 1)]
    for choice in [None, *((a, b, c) for a, b in places for c in range(problem.text.shape[1]))]:
        value = value_of(problem, j, choice)
        if value > -np.inf:
            for rest, later in alignments(problem, j + 1, at if choice is None else choice[1]):
                yield value + rest, (choice, *later)


def enumerate_all(problem) -> Truth:
    """Optimum, log sum, posteriors, chances of being placed and margins by brute force."""
    every = list(alignments(problem))
    values = np.array([v for v, _ in every])
    top = values.max()
    weights = np.exp(values - top)
    log_sum = top + np.log(weights.sum())
    weights /= weights.sum()
    k, s = len(problem.rows[0]), len(problem.text)
    posterior, placed, margin = np.zeros((k, s)), np.zeros(s), np.zeros(s)
    for j in range(s):
        inside = np.array([choices[j] is not None for _, choices in every])
        placed[j] = weights[inside].sum()
        for weight, (_, choices) in zip(weights, every, strict=True):
            if choices[j] is not None:
                posterior[choices[j][0] : choices[j][1], j] += weight
        margin[j] = max(values[inside], default=-np.inf) - values[~inside].max()
    return Truth(top, log_sum, posterior, placed, margin)


def rescore(problem, found) -> float:
    """Value of the alignment that a decoder returned."""
    concepts = np.zeros(len(found.spans), int) if found.concepts is None else found.concepts
    return sum(
        value_of(problem, j, None if a < 0 else (a, b, concepts[j]))
        for j, (a, b) in enumerate(found.spans)
    )


def row_of_sums(before, row, prior, join):
    """Join over lengths, for each place, of a run that ends there; one concept, no windows."""
    gain = np.concatenate([[0.0], np.cumsum(np.asarray(row, float))])
    out = np.full(len(before), -np.inf)
    for t in range(1, len(before)):
        terms = [
            before[t - d] + gain[t] - gain[t - d] + prior[d - 1]
            for d in range(1, min(len(prior), t) + 1)
        ]
        out[t] = join(terms)
    return out


def best_disjoint(row, count):
    """Values of the best run, the best run disjoint from it, and so on, while positive."""
    taken, found = np.zeros(len(row), bool), []
    for _ in range(count):
        runs = [
            (row[a:b].sum(), -a, -b)
            for a in range(len(row))
            for b in range(a + 1, len(row) + 1)
            if not taken[a:b].any()
        ]
        if not runs or max(runs)[0] <= 0:
            break
        value, a, b = max(runs)
        taken[-a:-b] = True
        found.append((-a, -b, value))
    return found
