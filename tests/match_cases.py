"""Random small problems for every decoder, checked against enumeration."""

from __future__ import annotations

import numpy as np
from naive_match import (
    Problem,
    enumerate_all,
    enumerate_blocks,
    enumerate_one_to_one,
    enumerate_unordered,
    of_concepts,
    of_sentences,
    rescore,
)
from numpy.testing import assert_allclose

from tsalign.match import Blocks, Independent, OneToOne, Ordered, Unordered

SCALES = 0.3, 2.0, 300.0  # the last leaves the range of linear float64
PLAIN = "ordered", "unordered", "once", "one_to_one", "blocks", "independent"
LATTICE = "ordered", "unordered", "once", "blocks"


class Case:
    """A random small problem with what each part of it is, present or not."""

    def __init__(self, seed, concepts, most):
        rng = self.rng = np.random.default_rng(seed)
        self.k, self.s = int(rng.integers(1, most + 1)), int(rng.integers(1, 4))
        self.c = int(rng.integers(1, 3)) if concepts else self.s
        scale = float(rng.choice(SCALES))
        self.scores = rng.normal(0, scale, (self.k, self.c)).astype(np.float32)
        if rng.random() < 0.3:
            self.scores[rng.random(self.scores.shape) < 0.2] = -np.inf
        self.text = rng.normal(-1, scale, (self.s, self.c)) if concepts else None
        longest = int(rng.integers(1, self.k + 3))
        self.durations = rng.normal(-1, scale, (self.c, longest)) if rng.random() < 0.5 else None
        if self.durations is not None and rng.random() < 0.3:
            self.durations[rng.random(self.durations.shape) < 0.3] = -np.inf
        windows = np.sort(rng.integers(0, self.k + 1, (self.s, 2)), axis=1)
        self.windows = windows if rng.random() < 0.5 else None
        self.costs = rng.uniform(0, 3, self.s) if rng.random() < 0.5 else None
        self.blocks = rng.integers(0, 3, self.s)
        edges = rng.normal(-1, min(scale, 2.0), (2, self.s, self.k + 1))
        edges[rng.random(edges.shape) < 0.1] = -np.inf
        self.edges = edges if rng.random() < 0.3 else None
        if concepts and self.durations is not None and rng.random() < 0.3:
            own = rng.normal(-1, 1, (self.s, 1, longest))
            self.durations = self.durations + own

    def problem(self) -> Problem:
        if self.text is None:
            given = self.durations, self.windows, self.costs, self.edges
            return of_sentences(self.scores, *given)
        given = self.durations, self.windows, self.costs, self.edges
        return of_concepts(self.scores, self.text, *given)

    def per_run(self) -> Problem:
        """The costs are of each run, not of leaving out."""
        given = self.problem()
        return given._replace(text=given.text - given.skips[:, None], skips=np.zeros(self.s))

    def decode(self, matcher, **costs):
        given = {"durations": self.durations, "windows": self.windows, **costs}
        given["edges"] = self.edges
        if self.text is None:
            return matcher.decode(self.scores, **given)
        return matcher.decode_concepts(self.scores, self.text, **given)


def check(found, truth, exactly=True):
    close = {"rtol": 1e-6, "atol": 1e-4}
    assert_allclose(found.score, truth.score, rtol=1e-9, atol=1e-9)
    assert_allclose(found.posterior, truth.posterior, **close)
    assert_allclose(found.placed, truth.placed, **close)
    if exactly:
        assert_allclose(found.margin, truth.margin, **close)


def check_ordered(case):
    found = case.decode(Ordered(), skip_costs=case.costs)
    check(found, enumerate_all(case.problem()))
    assert_allclose(rescore(case.problem(), found), found.score, rtol=1e-6, atol=1e-6)


def check_blocks(case):
    found = case.decode(Blocks(), skip_costs=case.costs, blocks=case.blocks)
    check(found, enumerate_blocks(case.problem(), case.blocks.tolist()))
    assert_allclose(rescore(case.problem(), found), found.score, rtol=1e-6, atol=1e-6)


def check_once(case):
    found = case.decode(Unordered(repeats=False), switch_costs=case.costs)
    check(found, enumerate_blocks(case.per_run(), list(range(case.s))))
    assert_allclose(rescore(case.per_run(), found), found.score, rtol=1e-6, atol=1e-6)


def check_unordered(case):
    found = case.decode(Unordered(), switch_costs=case.costs)
    check(found, enumerate_unordered(case.per_run()))
    for j, (start, end) in enumerate(found.spans):
        assert (start < 0) == (not np.any(found.labels == j))
        assert np.all(found.labels[max(start, 0) : max(end, 0)] == j)


def check_one_to_one(case):
    found = case.decode(OneToOne(), skip_costs=case.costs)
    prior = None if case.durations is None else case.durations[:, :1]
    problem = of_sentences(case.scores, prior, case.windows, case.costs, case.edges)
    check(found, enumerate_one_to_one(problem))
    assert_allclose(rescore(problem, found), found.score, rtol=1e-6, atol=1e-6)


def check_independent(case):
    found = case.decode(Independent())
    for j in range(case.s):
        alone = [None if x is None else x[[j]] for x in (case.durations, case.windows)]
        edges = None if case.edges is None else case.edges[:, [j]]
        truth = enumerate_all(of_sentences(case.scores[:, [j]], *alone, np.zeros(1), edges))
        close = {"rtol": 1e-6, "atol": 1e-4}
        assert_allclose(found.posterior[:, [j]], truth.posterior, **close)
        assert_allclose(found.placed[[j]], truth.placed, **close)
        assert_allclose(found.margin[[j]], truth.margin, **close)


CHECKS = {
    "ordered": check_ordered,
    "unordered": check_unordered,
    "once": check_once,
    "one_to_one": check_one_to_one,
    "blocks": check_blocks,
    "independent": check_independent,
}
