"""Spans by other libraries from the same scores.

    python benchmarks/peer_spans.py FILE.npz OUT.npz

FILE holds score matrices (segments, sentences), log-odds against nothing. For each, OUT gets
`NAME/dtw`: the segments (s, 2) that tslearn's warping brings to each sentence; and
`NAME/sinkhorn/REG`: the plan (segments, sentences) of POT's entropic transport, to which a further
column for nothing was given; its share of the mass is what the other argument says.
"""

from __future__ import annotations

import sys

import numpy as np
import ot
from tslearn.metrics import dtw_path_from_metric

REGULARISED = (0.1, 0.3, 1.0)


def warped(scores: np.ndarray) -> np.ndarray:
    """Return the segments that warping brings to each sentence."""
    path, _ = dtw_path_from_metric((scores.max() - scores).astype(np.float64), metric="precomputed")
    segments, sentences = np.array(path).T
    own = [segments[sentences == j] for j in range(scores.shape[1])]
    return np.array([(rows.min(), rows.max() + 1) for rows in own])


def transported(scores: np.ndarray, regular: float, nothing: float = 0.3) -> np.ndarray:
    """Return the plan, each segment's mass 1, without the column of nothing."""
    k, s = scores.shape
    wide = np.hstack([scores, np.zeros((k, 1))]).astype(np.float64)
    masses = np.r_[np.full(s, (1 - nothing) / s), nothing]
    plan = ot.sinkhorn(
        np.full(k, 1 / k), masses, -wide, regular, method="sinkhorn_log", numItermax=200, warn=False
    )
    return (plan[:, :-1] * k).astype(np.float32)


def main() -> None:
    """Decode every matrix of the file."""
    source, target = sys.argv[1:]
    found = {}
    for name, scores in np.load(source).items():
        found[f"{name}/dtw"] = warped(scores)
        for regular in REGULARISED:
            found[f"{name}/sinkhorn/{regular}"] = transported(scores, regular)
    np.savez(target, **found)


if __name__ == "__main__":
    main()
