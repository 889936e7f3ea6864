"""Whether tokens stand for the labelled units."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tsalign.evaluate.facts import Facts, Stream
from tsalign.evaluate.results import Results

NAMES = ("label_purity", "cluster_purity", "pnmi", "run_length", "perplexity", "use")


@dataclass(frozen=True)
class TokenAgreement:
    """Purity and normalised mutual information of tokens and labels, and how tokens are used.

    Agreement is counted over segments at least half of which lies in a labelled stretch. With y
    the label and z the token: label purity is the mean over z of the share of its commonest y,
    cluster purity the same with the roles exchanged, and PNMI is I(y; z) / H(y), the share of the
    uncertainty about the label that the token removes. More tokens raise label purity and PNMI by
    themselves: compare at equal size. Use is counted over all segments: the mean number of equal
    tokens in a row, the exponential of the entropy of the tokens (as many, equally frequent, would
    be as surprising), and the share of the tokens there are that occur.

    After masked prediction, the tokens that it began with have the same figures with `first_`.

    References
    ----------
    Hsu et al. (2021), HuBERT, section IV-D: phone purity, cluster purity, PNMI.

    Examples
    --------
    >>> sorted(TokenAgreement()(Results.from_aligned([])))[:3]
    ['token_cluster_purity', 'token_label_purity', 'token_perplexity']
    """

    version: ClassVar[int] = 2

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `token_label_purity`, `_cluster_purity`, `_pnmi`, `_run_length` and so on."""
        found = dict(zip(NAMES, _figures(results, _last), strict=True))
        told = {f"token_{name}": value for name, value in found.items()}
        if any(f.first_stream is not None for f in results.facts):
            found = dict(zip(NAMES, _figures(results, _first), strict=True))
            told |= {f"first_token_{name}": value for name, value in found.items()}
        return told


Chosen = tuple[tuple[tuple[str, int], ...], Stream]
NONE = ((), Stream(np.zeros(0, np.int64), 0))


def _last(facts: tuple[Facts, ...]) -> Counts:
    return _counted([(f.units, f.stream) for f in facts])


def _first(facts: tuple[Facts, ...]) -> Counts:
    both = [(f.first_units, f.first_stream) for f in facts]
    return _counted([NONE if a is None or b is None else (a, b) for a, b in both])


def _figures(results: Results, which: Callable[[tuple[Facts, ...]], Counts]) -> tuple[float, ...]:
    found = results.once(which)
    return *_agreement(results.weights, found), *_usage(results.weights, found)


@dataclass(frozen=True, eq=False)
class Counts:
    """Numbers of one kind of tokens, a row a recording.

    Parameters
    ----------
    joint : (recordings, pairs) float64
        How often each pair of label and token occurs; only pairs that do have a column.
    label, token : (pairs,) int64
        Which label and token.
    tokens : (recordings, size) float64
        How often each token occurs.
    runs : (recordings,) float64
        Stretches of equal tokens.
    """

    joint: NDArray[np.float64]
    label: NDArray[np.int64]
    token: NDArray[np.int64]
    tokens: NDArray[np.float64]
    runs: NDArray[np.float64]


def _counted(streams: Sequence[Chosen]) -> Counts:
    seen = sorted({unit for units, _ in streams for unit in units})
    column = {unit: i for i, unit in enumerate(seen)}
    names = {name: i for i, name in enumerate(dict.fromkeys(label for label, _ in seen))}
    _, token = np.unique([t for _, t in seen], return_inverse=True)
    joint = np.zeros((len(streams), len(seen)))
    tokens = np.zeros((len(streams), max((len(s.counts) for _, s in streams), default=0)))
    for row, (units, stream) in enumerate(streams):
        np.add.at(joint[row], np.array([column[u] for u in units], np.int64), 1.0)
        tokens[row, : len(stream.counts)] = stream.counts
    runs = np.array([stream.runs for _, stream in streams], np.float64)
    label = np.array([names[label] for label, _ in seen], np.int64)
    return Counts(joint, label, token, tokens, runs)


def _agreement(weights: NDArray[np.float64], found: Counts) -> tuple[float, float, float]:
    joint = weights @ found.joint
    total = joint.sum()
    if not total:
        return math.nan, math.nan, math.nan
    return (
        float(_largest(found.token, joint).sum() / total),
        float(_largest(found.label, joint).sum() / total),
        _pnmi(joint / total, found.label, found.token),
    )


def _usage(weights: NDArray[np.float64], found: Counts) -> tuple[float, float, float]:
    counts = weights @ found.tokens
    total = counts.sum()
    if not total:
        return math.nan, math.nan, math.nan
    share = counts[counts > 0] / total
    surprise = float(np.exp(-share @ np.log(share)))
    return float(total / (weights @ found.runs)), surprise, len(share) / len(counts)


def _largest(group: NDArray[np.int64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    best = np.zeros(int(group.max()) + 1)
    np.maximum.at(best, group, counts)
    return best


def _pnmi(joint: NDArray, label: NDArray, token: NDArray) -> float:
    """Return I(y; z) / H(y); 1 where there is nothing to be uncertain about would flatter: NaN."""
    seen = joint > 0
    p, label, token = joint[seen], label[seen], token[seen]
    py, pz = np.bincount(label, p), np.bincount(token, p)
    information = float(p @ np.log(p / (py[label] * pz[token])))
    py = py[py > 0]
    entropy = -float(py @ np.log(py))
    return max(information, 0.0) / entropy if entropy > 0 else float("nan")
