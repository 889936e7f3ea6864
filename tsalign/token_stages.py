"""What masked prediction does between the stages: from first tokens to better ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from tsalign.progress import Listener
from tsalign.stages import MOST_ROWS, Load, Rows, Scale, Told, fit_pairs
from tsalign.types import Segments, Tokens


def fit_predict(
    folder: Path,
    listener: Listener,
    block: Any,
    scale: Load,
    rows: list[Load],
    tokens: list[Load],
    valid_rows: list[Load],
    valid_tokens: list[Load],
) -> Any:
    """Learn to name hidden tokens of the training recordings; the folder outlives a killed run."""
    model = clone(block)
    own, held = _streams(scale, rows, tokens), _streams(scale, valid_rows, valid_tokens)
    if not all(_steady(units.segments) for units in (*own[1], *held[1])):
        # Segments that follow the signal have no rate to check, but on average one to count by.
        seconds = sum(float(u.segments.times[-1, 1] - u.segments.times[0, 0]) for u in own[1])
        if model.rate is None:
            model.set_params(rate=sum(len(u.ids) for u in own[1]) / seconds)
        own, held = ((X, [u.ids for u in units]) for X, units in (own, held))
    return model.fit(*own, held if held[0] else None, checkpoint=folder, listener=listener)


def _streams(
    scale: Load, rows: Sequence[Load], tokens: Sequence[Load]
) -> tuple[list[Rows], list[Tokens]]:
    X: list[Rows] = []
    units: list[Tokens] = []
    for load, told in zip(rows, tokens, strict=True):
        scaled, given = scale()(load()), told()
        for piece in given.segments.unbroken():
            X.append(scaled[piece])
            units.append(_part(given, piece))
    return X, units


def _part(tokens: Tokens, piece: slice) -> Tokens:
    cut = tokens.segments
    return Tokens(tokens.ids[piece], tokens.size, Segments(cut.bounds[piece], cut.rate, cut.start))


def _steady(segments: Segments) -> bool:
    """Whether segments come at one rate, as windows do."""
    steps = np.diff(segments.bounds[:, 0])
    return not len(steps) or bool(np.abs(steps - np.median(steps)).max() <= 1)


def contextual(model: Load, scale: Load, rows: Load, tokens: Load) -> Rows:
    """Return what the predictor knows of each segment of one recording by those around it."""
    from tsalign.tokens import token_rate

    fitted, X, units = model(), scale()(rows()), tokens()
    parts = []
    for piece in units.segments.unbroken():
        some = _part(units, piece)
        checked = fitted.rate is None and len(some.ids) > 1
        parts.append(fitted.transform(X[piece], token_rate(some) if checked else None))
    return np.concatenate(parts)


def fit_units(block: Any, features: list[Load]) -> Any:
    """Learn the second tokens from the features of the training recordings."""
    X = np.concatenate([load() for load in features])
    return clone(block).fit(X[:: max(1, len(X) // MOST_ROWS)])


def retokenised(block: Load, features: Load, tokens: Load) -> Tokens:
    """Give each segment its second token."""
    fitted = block()
    ids = fitted.predict(features()).astype(np.int32)
    size = int(getattr(fitted, "size_", fitted.n_clusters))
    return Tokens(ids, size, tokens().segments)


def beside(rows: Load, features: Load) -> Rows:
    """Return the description of each segment and what stands around it, side by side."""
    return np.concatenate([rows(), features()], axis=1)


def surroundings(reach: int, tokens: Load) -> NDArray[np.float32]:
    """Return the tokens from `reach` before each segment to `reach` after it, `(k, 2 reach + 1)`.

    Where signal is missing, and beyond the ends, stands the number of tokens.

    Examples
    --------
    >>> cut = Segments(np.array([[0, 1], [1, 2], [5, 6]]), rate=1.0)
    >>> surroundings(1, lambda: Tokens(np.array([4, 7, 5], np.int32), 9, cut))
    array([[9., 4., 7.],
           [4., 7., 9.],
           [9., 5., 9.]], dtype=float32)
    """
    units: Tokens = tokens()
    out = [np.empty((0, 2 * reach + 1), np.float32)]
    for piece in units.segments.unbroken():
        # Exact in float32 up to 2 ** 24 tokens.
        padded = np.pad(units.ids[piece].astype(np.float32), reach, constant_values=units.size)
        out.append(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1))
    return np.concatenate(out)


def unscaled() -> Scale:
    """Return the scale that changes nothing: of tokens, and of samples that have theirs."""
    return Scale(np.zeros(1), np.ones(1), np.inf)


def fit_align_tokens(
    folder: Path,
    listener: Listener,
    block: Any,
    train: Sequence[Told],
    valid: Sequence[Told],
    scale: Load,
    rows: list[Load],
    segments: list[Load],
    valid_rows: list[Load],
    valid_segments: list[Load],
    tokens: list[Load],
    *before: Any,
) -> Any:
    """Learn the shared space from tokens; `before` are predictor, scale and rows, if any."""
    fresh = clone(block)
    units = [load() for load in tokens]
    start = start_of(before[0](), _streams(*before[1:], tokens)) if before else None
    fresh.signal = fresh.signal.started(units[0].size, start)
    given = (scale, rows, segments, valid_rows, valid_segments)
    return fit_pairs(folder, listener, fresh, train, valid, *given)


def start_of(model: Any, streams: tuple[list[Rows], list[Tokens]]) -> dict[str, NDArray[Any]]:
    """Return what a network over tokens takes over from a masked predictor.

    Parameters
    ----------
    model : MaskedPredictor
        Fitted.
    streams : (list of rows, list of Tokens)
        What it learnt from, with the tokens that the new network will read.

    Returns
    -------
    dict of str to array
        The first layers, and as `embedding` what the predictor's input layer makes of the mean
        row of each token; a token that never occurs gets that of the mean of all rows.
    """
    X, units = np.concatenate(streams[0]), streams[1]
    ids = np.concatenate([u.ids for u in units])
    size = units[0].size
    count = np.bincount(ids, minlength=size)
    sums = np.zeros((size, X.shape[1]))
    np.add.at(sums, ids, X)
    mean = np.where(count[:, None], sums / np.maximum(count, 1)[:, None], X.mean(axis=0))
    weights = model.weights_
    standard = (mean - model.center_) / model.spread_
    embedding = standard @ weights["rows.weight"].T + weights["rows.bias"]
    start = {"embedding": embedding.astype(np.float32), "heads": np.array(model.heads)}
    blocks = tuple(f"around.blocks.{i}." for i in range(model.middle))
    kept = ("around.place", "around.first", *blocks)
    return start | {name: array for name, array in weights.items() if name.startswith(kept)}
