"""Forward and backward sums of ordered decoding without logarithms: for moderate scores.

Sums are held relative to scales that are renewed with each tile of segments: the sum between two
sentences to its value there, the sum with a run open to the value of that run or a new one.
Within a tile all is products. What underflows is less than what may begin anew beside it by more
than the digits; what overflows, or would be the only way on, is seen: then shorter tiles are to
be taken, or logarithms. `shift` is 0 on the way forth, 1 on the way back: run j is entered from
edge `j + shift` and left to edge `j + 1 - shift`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Row = NDArray[np.float64]
Table = NDArray[np.float64]
HIGHEST, LOWEST = 1e150, 1e-250  # of sums within a tile
WIDEST = 230.0  # log of the largest share of a tile: the product of three stays in range
FAST = {"nnan", "nsz", "reassoc", "contract"}


@njit(cache=True)
def rates(base: Row, lift: Row, skips: Row, shift: int, out: Table) -> None:
    """Set the factors `(3, s)` between scales: to enter a run, to leave it, to leave it out."""
    for j in range(len(lift)):
        near, far = base[j + shift], base[j + 1 - shift]
        out[0, j] = math.exp(near - lift[j])
        out[1, j] = math.exp(lift[j] - far)
        out[2, j] = math.exp(near - far - skips[j])


@njit(cache=True)
def rescale(edge: Row, run: Row, closed: Row, base: Row, lift: Row, enter: Row, shift: int) -> None:
    """Begin a new tile.

    Parameters
    ----------
    edge : (s + 1,) float64
        Sums between sentences; set to 1.
    run, closed : (s,) float64
        Sums with the run of each sentence open, and closed.
    base, lift : (s + 1,) and (s,) float64
        Logs of the scales of `edge`, and of `run`.
    enter : (s,) float64
        Factors to enter runs in the tile that ends.
    shift : int
        Way.
    """
    for j in range(len(run)):
        opened = run[j] + enter[j] * edge[j + shift]
        run[j] /= opened
        lift[j] += math.log(opened)
        closed[j] /= edge[j + 1 - shift]
    for j in range(len(edge)):
        base[j] += math.log(edge[j])
        edge[j] = 1.0


@njit(cache=True)
def forth(
    growth: Table, rate: Table, edge: Row, run: Row, closed: Row, out: Table
) -> tuple[float, float]:
    """Go on over a tile; return the least sum that runs went on from, and the largest sum.

    Parameters
    ----------
    growth : (n, s) float64
        Exponentials of the scores.
    rate : (3, s) float64
        As from `rates`.
    edge, run, closed
        As for `rescale`, changed.
    out : (n, s) float64
        Set to the sums with the run open.
    """
    least, most = 1.0, 1.0
    for t in range(growth.shape[0]):
        low, high = _open(run, edge, growth[t], rate[0], rate[1], closed, out[t])
        least, most = min(least, low), max(most, high)
        _pass_on(edge, rate[2], closed)
    return least, max(most, edge.max())


@njit(cache=True, fastmath=FAST)
def _pass_on(edge: Row, leave: Row, closed: Row) -> None:
    value = edge[0]
    for j in range(closed.shape[0]):
        value = leave[j] * value + closed[j]
        edge[j + 1] = value


@njit(cache=True, fastmath=FAST)
def _open(
    run: Row, edge: Row, growth: Row, enter: Row, join: Row, closed: Row, out: Row
) -> tuple[float, float]:
    low, high = 1.0, 0.0
    for j in range(run.shape[0]):
        opened = run[j] + enter[j] * edge[j]
        value = opened * growth[j]
        run[j] = value
        out[j] = value
        closed[j] += join[j] * value
        low, high = min(low, opened), max(high, value)
    return low, high


@njit(cache=True)
def forward(
    growth: Table,
    first: int,
    tile: int,
    skips: Row,
    edge: Row,
    run: Row,
    closed: Row,
    base: Row,
    lift: Row,
    kept: Table,
) -> bool:
    """Go on over a chunk of whole tiles; False where a sum left its range.

    Parameters
    ----------
    growth : (n, s) float64
        Exponentials of the scores.
    first : int
        Number of the chunk's first tile.
    tile : int
        Segments of a tile.
    skips : (s,) float64
        Costs of leaving sentences out.
    edge, run, closed, base, lift
        As for `rescale`, changed.
    kept : (tiles, 4, s + 1) float64
        Set to `base`, `lift`, `run` and `closed` at the beginning of each tile.
    """
    n, s = growth.shape
    rate, room = np.empty((3, s)), np.empty((tile, s))
    for start in range(0, n, tile):
        keep = kept[first + start // tile]
        keep[0] = base
        keep[1, :s], keep[2, :s], keep[3, :s] = lift, run, closed
        rates(base, lift, skips, 0, rate)
        least, most = forth(growth[start : start + tile], rate, edge, run, closed, room)
        if not (most < HIGHEST and least > LOWEST):
            return False
        rescale(edge, run, closed, base, lift, rate[0], 0)
    return True


@njit(cache=True)
def backward(
    growth: Table,
    first: int,
    tile: int,
    skips: Row,
    edge: Row,
    run: Row,
    closed: Row,
    base: Row,
    lift: Row,
    kept: Table,
    whole: float,
    placed: Row,
    out: NDArray[np.float32],
) -> bool:
    """Go back over a chunk of whole tiles, each gone forth again, to probabilities.

    Parameters
    ----------
    growth, first, tile, skips, edge, run, closed, base, lift
        As for `forward`, behind the sentences.
    kept : (tiles, 4, s + 1) float64
        What `forward` kept.
    whole : float
        Log sum over everything.
    placed : (s,) float64
        Raised by the probability that the sentence ends its run in the chunk.
    out : (n, s) float32
        Set to the probability that the sentence covers the segment.
    """
    n, s = growth.shape
    rate, back = np.empty((3, s)), np.empty((3, s))
    room, share = np.empty((tile, s)), np.empty(s)
    for start in range((n - 1) // tile * tile, -1, -tile):
        here, keep = growth[start : start + tile], kept[first + start // tile]
        rates(keep[0], keep[1, :s], skips, 0, rate)
        forth(here, rate, np.ones(s + 1), keep[2, :s].copy(), keep[3, :s].copy(), room)
        rates(base, lift, skips, 1, back)
        for j in range(s):
            share[j] = keep[1, j] + lift[j] - whole
        if not share.max() < WIDEST:
            return False
        share = np.exp(share)
        least, most = 1.0, 1.0
        for t in range(len(here) - 1, -1, -1):
            step = here[t], back[0], back[1], closed, room[t], share, placed, out[start + t]
            low, high = _close(run, edge, *step)
            least, most = min(least, low), max(most, high)
            _pass_back(edge, back[2], closed)
        if not (max(most, edge.max()) < HIGHEST and least > LOWEST):
            return False
        rescale(edge, run, closed, base, lift, back[0], 1)
    return True


@njit(cache=True, fastmath=FAST)
def _pass_back(edge: Row, leave: Row, closed: Row) -> None:
    value = edge[-1]
    for j in range(closed.shape[0] - 1, -1, -1):
        value = leave[j] * value + closed[j]
        edge[j] = value


@njit(cache=True, fastmath=FAST)
def _close(
    run: Row,
    edge: Row,
    growth: Row,
    enter: Row,
    join: Row,
    closed: Row,
    opened: Row,
    share: Row,
    placed: Row,
    out: NDArray[np.float32],
) -> tuple[float, float]:
    low, high = 1.0, 0.0
    for j in range(run.shape[0]):
        ended = enter[j] * edge[j + 1]
        rest = run[j] + ended
        part = opened[j] * share[j]
        placed[j] += part * ended
        out[j] = min(part * rest, 1.0)
        value = rest * growth[j]
        run[j] = value
        closed[j] += join[j] * value
        low, high = min(low, rest), max(high, rest, value)
    return low, high
