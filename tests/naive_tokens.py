"""Lloyd's k-means as one would write it on a blackboard."""

from __future__ import annotations

import numpy as np


def squared(X, centers):
    """Return the squared distances of all rows to all centres, in float64."""
    X, centers = np.asarray(X, dtype=np.float64), np.asarray(centers, dtype=np.float64)
    return ((X[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2)


def nearest(X, centers):
    """Return the nearest centre of each row, in float64."""
    return squared(X, centers).argmin(axis=1)


def inertia(X, centers, labels):
    """Return the sum of squared distances of rows to their centres, in float64."""
    return ((np.asarray(X, np.float64) - np.asarray(centers, np.float64)[labels]) ** 2).sum()


def lloyd(X, centers, n_iter):
    """Return centres and labels after `n_iter` rounds; no cluster may become empty."""
    centers = np.array(centers, dtype=np.float32)
    for _ in range(n_iter):
        labels = nearest(X, centers)
        for j in range(len(centers)):
            centers[j] = np.asarray(X, dtype=np.float64)[labels == j].mean(axis=0)
    return centers, nearest(X, centers)
