"""Batches on their way to the device. Imports torch: import late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tsalign.align.pooling.stretches import Group
from tsalign.align.training.examples import Batch, Examples

ROOM = 0.5  # share of what is free on a GPU that examples may take


@dataclass(frozen=True, eq=False)
class Look:
    """A batch as a network sees it.

    Parameters
    ----------
    features : (n, d) or (b, t, d) tensor
        Segments, or windows of them.
    texts : (m, t) tensor
        Frozen rows of wordings.
    concept : (n,) int64 tensor
        Of the segments that are asked; -1 is nothing.
    means : (m,) int64 tensor
        Concept of each text.
    real : (b, t) bool tensor or None
        Which rows of windows are segments.
    places : (n,) int64 tensor or None
        Where the segments that are asked stand in windows laid end to end.
    may : (n, c) bool tensor or None
        Concepts that a segment may be of, where no more is known than a bag.
    """

    features: Tensor
    texts: Tensor
    concept: Tensor
    means: Tensor
    real: Tensor | None = None
    places: Tensor | None = None
    may: Tensor | None = None


@dataclass(frozen=True, eq=False)
class WideLook:
    """A group of stretches and their notes as a network sees it.

    Parameters
    ----------
    features : (n, d) tensor
        Segments of all stretches, one after the other.
    pieces : (n,) int32 array
        Which of them follow each other without a gap.
    real : (b, m) bool tensor
        How many each stretch has, the first ones True.
    texts : (b, s, t) tensor
        Frozen rows of wordings.
    told : (b, s) bool tensor
        Which of them are there.
    kin : (b, 2) int64 tensor
        The same number where the same is said, and where the stretch is.
    scale : int
        Of the stretches.
    """

    features: Tensor
    pieces: NDArray[np.int32]
    real: Tensor
    texts: Tensor
    told: Tensor
    kin: Tensor
    scale: int


def wide_look(examples: Examples, group: Group, device: str) -> WideLook:
    """Return a group on the device.

    Parameters
    ----------
    examples : Examples
        Whose rows it names.
    group : Group
        Stretches of one scale.
    device : str
        Of torch's.
    """
    to = partial(torch.as_tensor, device=device)
    real, told = group.rows >= 0, group.wording >= 0
    rows = group.rows[real]
    stretch = np.nonzero(real)[0]
    _, pieces = np.unique([stretch, examples.recordings[rows]], axis=1, return_inverse=True)
    texts = examples.texts[to(np.maximum(group.wording, 0))]
    features = _rows(examples.features, rows, device)
    return WideLook(
        features,
        pieces.ravel().astype(np.int32),
        to(real),
        texts,
        to(told),
        to(group.kin),
        group.scale,
    )


def fed(examples: Examples, batches: Iterable[Batch], device: str) -> Iterator[Look]:
    """Yield batches on the device; from another place, one ahead of the one that is asked.

    Parameters
    ----------
    examples : Examples
        On the device, or in the memory of the host.
    batches : iterable of Batch
        Rows of the examples.
    device : str
        Of torch's.
    """
    take = partial(_look, examples, device=device)
    if examples.features.device.type == torch.device(device).type:
        yield from map(take, batches)
        return
    with ThreadPoolExecutor(1) as pool:
        ahead = None
        for batch in batches:
            now, ahead = ahead, pool.submit(take, batch)
            if now is not None:
                yield now.result()
        if ahead is not None:
            yield ahead.result()


def settled(features: NDArray[np.float32], device: str) -> Tensor:
    """Return features on the device where they leave room there, else in memory it can fetch from.

    Parameters
    ----------
    features : (n, d) float32
        Of all segments.
    device : str
        Of torch's.
    """
    rows = torch.from_numpy(features)
    if torch.device(device).type != "cuda":
        return rows.to(device)
    free, _ = torch.cuda.mem_get_info(device)
    return rows.to(device) if rows.nbytes < ROOM * free else rows


def _look(examples: Examples, batch: Batch, device: str) -> Look:
    to = partial(torch.as_tensor, device=device)
    texts = examples.texts[to(batch.wording)]
    concept, means = to(examples.concept[batch.rows]), to(examples.text_concept[batch.wording])
    bags = examples.may(batch.rows)
    may = None if bags is None else to(bags)
    if batch.windows is None or batch.places is None:
        features = _rows(examples.features, batch.rows, device)
        return Look(features, texts, concept, means, may=may)
    real = to(batch.windows >= 0)
    features = _rows(examples.features, np.maximum(batch.windows, 0), device) * real[..., None]
    return Look(features, texts, concept, means, real, to(batch.places), may)


def _rows(features: Tensor, rows: NDArray[np.int64], device: str) -> Tensor:
    """Return some rows on the device; from pinned memory they travel while it computes."""
    chosen = features[torch.as_tensor(rows, device=features.device)]
    if features.device.type == "cpu" and torch.device(device).type == "cuda":
        return chosen.pin_memory().to(device, non_blocking=True)
    return chosen.to(device)
