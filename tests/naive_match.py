"""Slow, obvious twins of the decoders: enumerate every alignment."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """A lattice problem; `rows[j]` holds the (k, c) scores that sentence j may choose from."""

    rows: list[np.ndarray]
    text: np.ndarray  # (s, c)
    prior: list[np.ndarray] | None  # s of (c, D)
    windows: np.ndarray  # (s, 2)
    skips: np.ndarray  # (s,)
    edges: np.ndarray | None = None  # (2, s, k + 1)


class Truth(NamedTuple):
    """What enumeration finds."""

    score: float
    log_sum: float
    posterior: np.ndarray
    placed: np.ndarray
    margin: np.ndarray


def of_sentences(scores, durations=None, windows=None, skips=None, edges=None):
    k, s = scores.shape
    rows = [np.asarray(scores[:, [j]], float) for j in range(s)]
    prior = None if durations is None else [durations[[j]] for j in range(s)]
    return Problem(rows, np.zeros((s, 1)), prior, *_rest(s, k, windows, skips), edges)


def of_concepts(signal, text, durations=None, windows=None, skips=None, edges=None):
    k, s = len(signal), len(text)
    prior = None
    if durations is not None:
        prior = [durations] * s if durations.ndim == 2 else list(durations)
    rows = [np.asarray(signal, float)] * s
    return Problem(rows, text, prior, *_rest(s, k, windows, skips), edges)


def _rest(s, k, windows, skips):
    windows = np.tile([0, k], (s, 1)) if windows is None else np.asarray(windows)
    return windows, np.full(s, 2.0) if skips is None else np.asarray(skips, float)


def value_of(problem, j, choice):
    """Value that sentence j adds when placed at (start, end, concept), or left out (None)."""
    if choice is None:
        return -problem.skips[j]
    a, b, c = choice
    value = problem.rows[j][a:b, c].sum() + problem.text[j, c]
    if problem.edges is not None:
        value += problem.edges[0, j, a] + problem.edges[1, j, b]
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


def truth_of(every, k, s) -> Truth:
    """Sum up (value, runs of each sentence) of every alignment, each run a (start, end, ...)."""
    values = np.array([value for value, _ in every])
    top = values.max()
    log_sum = top + np.log(np.exp(values - top).sum())
    weights = np.exp(values - log_sum)
    posterior, placed, margin = np.zeros((k, s)), np.zeros(s), np.zeros(s)
    for j in range(s):
        inside = np.array([bool(runs[j]) for _, runs in every])
        placed[j] = weights[inside].sum()
        margin[j] = max(values[inside], default=-np.inf) - max(values[~inside], default=-np.inf)
        for weight, (_, runs) in zip(weights, every, strict=True):
            for a, b, *_ in runs[j]:
                posterior[a:b, j] += weight
    return Truth(top, log_sum, posterior, placed, margin)


def enumerate_unordered(problem) -> Truth:
    """Any number of runs of any sentence in any order; text holds the cost of a run."""
    k, (s, c) = len(problem.rows[0]), problem.text.shape

    def from_place(t):
        if t == k:
            yield 0.0, ()
            return
        yield from from_place(t + 1)
        for j in range(s):
            lo, hi = problem.windows[j]
            for end in range(t + 1, hi + 1) if lo <= t else ():
                for concept in range(c):
                    value = value_of(problem, j, (t, end, concept))
                    if value > -np.inf:
                        for rest, later in from_place(end):
                            yield value + rest, ((j, t, end, concept), *later)

    every = [
        (value, [[run[1:] for run in runs if run[0] == j] for j in range(s)])
        for value, runs in from_place(0)
    ]
    return truth_of(every, k, s)


def enumerate_blocks(problem, blocks) -> Truth:
    """Blocks in any order, each alignment once however many orders allow it."""
    names = list(dict.fromkeys(blocks))
    found = {}
    for names_in_time in itertools.permutations(names):
        order = [j for name in names_in_time for j in range(len(blocks)) if blocks[j] == name]
        for value, choices in alignments(reordered(problem, order)):
            runs = dict(zip(order, choices, strict=True))
            found[tuple(runs[j] for j in range(len(blocks)))] = value
    every = [(v, [[r] if r else [] for r in runs]) for runs, v in found.items()]
    return truth_of(every, len(problem.rows[0]), len(blocks))


def reordered(problem, order):
    """The problem with its sentences in another order."""
    rows = [problem.rows[j] for j in order]
    prior = None if problem.prior is None else [problem.prior[j] for j in order]
    edges = None if problem.edges is None else problem.edges[:, order]
    rest = problem.windows[order], problem.skips[order], edges
    return Problem(rows, problem.text[order], prior, *rest)


def enumerate_one_to_one(problem) -> Truth:
    """Each sentence on one segment of its own or none, in any order."""
    k, s = len(problem.rows[0]), len(problem.text)
    places = [[None, *((a, a + 1, 0) for a in range(*problem.windows[j]))] for j in range(s)]
    every = []
    for choices in itertools.product(*places):
        taken = [choice for choice in choices if choice is not None]
        value = sum(value_of(problem, j, choice) for j, choice in enumerate(choices))
        if len(set(taken)) == len(taken) and value > -np.inf:
            every.append((value, [[c] if c else [] for c in choices]))
    return truth_of(every, k, s)
