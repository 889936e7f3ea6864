"""A network over segments begins by naming hidden ones. Imports torch: import late."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsalign.align.signal.sequence import InContext
from tsalign.align.training.examples import Examples
from tsalign.course import Course, Plan, digest, half
from tsalign.registry import find

UNITS = 100  # clusters that hidden segments are named by
SPAN, STARTS = 10, 0.065  # segments hidden together, and the share of them where a span starts
PACE = (20, 20, 1e-3, 1e-2)  # rounds, patience, learning rate, decay of weights
AT_ONCE = 2048  # segments a step


class Naming(nn.Module):
    """A network over segments that names the unit of hidden ones.

    Parameters
    ----------
    network : InContext
        Learns; its last layer, into the space, does not take part.
    units : int
        How many there are.
    """

    def __init__(self, network: InContext, units: int) -> None:
        super().__init__()
        self.network = network
        self.name = nn.Linear(network.out.in_features, units)

    def forward(self, x: Tensor, real: Tensor, hidden: Tensor, units: Tensor) -> Tensor:
        """Return the mean surprise in nats at the units `(b, t)` of hidden rows."""
        shown = x * ~hidden[..., None]  # the mean of all rows is 0
        asked = hidden & real
        names = self.name(self.network.inside(shown, real))[asked].float()
        return cross_entropy(names, units[asked])


def name_hidden(
    network: InContext,
    examples: Examples,
    random_state: int,
    device: str,
    bfloat16: bool | None = None,
    folder: Path | None = None,
) -> NDArray[np.float64]:
    """Let a network learn to name hidden segments by what is around them.

    Parameters
    ----------
    network : InContext
        On its device; changed in place.
    examples : Examples
        Of which the features are read, and no text.
    random_state : int
        Seed of clusters, weights, windows and masks; torch's generator is set by it.
    device : str
        Of torch's.
    bfloat16 : bool or None
        As of `half`.
    folder : Path or None
        Where the state after each round is kept, in `start`.

    Returns
    -------
    (rounds,) float64
        Mean surprise in nats.

    References
    ----------
    Hsu et al. (2021), HuBERT, arXiv 2106.07447, section II-B (clusters are named); Baevski et
    al. (2020), wav2vec 2.0, NeurIPS, section 4.2 (half of the rows are hidden, in spans of 10).
    """
    rows = examples.features.clamp(-network.clip, network.clip)
    many = min(UNITS, len(rows))
    kmeans = find("tokens", "kmeans")(n_clusters=many, random_state=random_state)
    units = torch.from_numpy(kmeans.fit(rows.cpu().numpy()).labels_.astype(np.int64))
    torch.manual_seed(random_state)
    naming = Naming(network, many).to(device)

    def lessons(done: int) -> Iterator[tuple[float, Tensor]]:
        rng = np.random.default_rng((random_state, done))
        windows = examples.windows(rng)
        size = max(AT_ONCE // windows.shape[1], 1)
        for first in range(0, len(windows), size):
            some = windows[first : first + size]
            with half(device, bfloat16):
                yield first / len(windows), naming(*_shown(rows, units, some, rng, device))

    course = Course(naming, Plan(*PACE, random_state), folder and folder / "start")
    given = digest(rows.cpu().numpy(), units.numpy(), examples.recordings)
    drawn = [part for item in course.weights().items() for part in item]
    history = course.run(lessons, None, {"given": given, "begin": digest(*drawn)})
    return history[:, 0]


def hidden(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw which rows of windows are hidden: some places, and the rows after each of them.

    Parameters
    ----------
    shape : (int, int)
        Windows, and rows of each.
    rng : Generator
        Draws.

    Returns
    -------
    (b, t) bool
        At least one row of each window.

    Examples
    --------
    >>> float(hidden((1000, 128), np.random.default_rng(0)).mean().round(1))
    0.5
    """
    starts = rng.random(shape) < STARTS
    starts[np.arange(shape[0]), rng.integers(shape[1], size=shape[0])] |= ~starts.any(1)
    return np.stack([starts[:, max(i - SPAN + 1, 0) : i + 1].any(1) for i in range(shape[1])], 1)


def _shown(
    rows: Tensor,
    units: Tensor,
    windows: NDArray[np.int64],
    rng: np.random.Generator,
    device: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return windows as `Naming` reads them; at least one row that is real is hidden."""
    to = partial(torch.as_tensor, device=device)
    real, mask = windows >= 0, hidden(windows.shape, rng)
    mask |= real & ~(mask & real).any(1, keepdims=True)  # padding alone was hidden: ask all rows
    index = torch.as_tensor(np.maximum(windows, 0))
    x = rows[index.to(rows.device)].to(device) * to(real)[..., None]
    return x, to(real), to(mask), units[index].to(device)
