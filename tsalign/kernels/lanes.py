"""Nearest centres of many rows at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tsalign.kernels import kmeans


def labeller(centers: np.ndarray, n_rows: int) -> Callable[[np.ndarray, np.ndarray], None]:
    columns = np.ascontiguousarray(centers.T, dtype=np.float64)
    return lambda rows, labels: kmeans.nearest(rows, columns, labels)
