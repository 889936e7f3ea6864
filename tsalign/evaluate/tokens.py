"""Whether tokens stand for the labelled units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tsalign.evaluate.facts import Facts
from tsalign.evaluate.results import Results


@dataclass(frozen=True)
class TokenAgreement:
    """Purity and normalised mutual information of tokens and labels.

    Counted over segments at least half of which lies in a labelled stretch. With y the label
    and z the token: label purity is the mean over z of the share of its commonest y, cluster
    purity the same with the roles exchanged, and PNMI is I(y; z) / H(y), the share of the
    uncertainty about the label that the token removes. More tokens raise label purity and
    PNMI by themselves: compare at equal size.

    References
    ----------
    Hsu et al. (2021), HuBERT, section IV-D: phone purity, cluster purity, PNMI.

    Examples
    --------
    >>> sorted(TokenAgreement()(Results.from_aligned([])))
    ['token_cluster_purity', 'token_label_purity', 'token_pnmi']
    """

    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return `token_label_purity`, `token_cluster_purity` and `token_pnmi`."""
        counts, label, token = results.once(_contingency)
        joint = results.weights @ counts
        total = joint.sum()
        if not total:
            return dict.fromkeys(
                ("token_label_purity", "token_cluster_purity", "token_pnmi"), float("nan")
            )
        return {
            "token_label_purity": float(_largest(token, joint).sum() / total),
            "token_cluster_purity": float(_largest(label, joint).sum() / total),
            "token_pnmi": _pnmi(joint / total, label, token),
        }


def _contingency(facts: tuple[Facts, ...]) -> tuple[NDArray, NDArray, NDArray]:
    """Count `(recordings, pairs)`; only pairs that occur have a column, with label and token."""
    seen = sorted({unit for f in facts for unit in f.units})
    column = {unit: i for i, unit in enumerate(seen)}
    names = {name: i for i, name in enumerate(dict.fromkeys(label for label, _ in seen))}
    _, token = np.unique([t for _, t in seen], return_inverse=True)
    counts = np.zeros((len(facts), len(seen)))
    for row, f in enumerate(facts):
        np.add.at(counts[row], np.array([column[u] for u in f.units], np.int64), 1.0)
    return counts, np.array([names[label] for label, _ in seen], np.int64), token


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
