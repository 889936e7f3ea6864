"""What stretches of signal and the sentences about them know of each other, and each alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tsalign.evaluate.facts import Facts
from tsalign.evaluate.results import Results, ratio
from tsalign.information import information_rows, shared_and_unique_rows
from tsalign.params import check_params

NAMES = ("shared", "signal", "text")
LEAST = 10  # stretches a component, below which the model of them is worth nothing


@dataclass(frozen=True)
class Information:
    """Bounds of the information that true stretches and their sentences share, in nats.

    `shared` is I(signal; text) of the places of both in the shared space; `signal` what the
    stretch tells of its label beyond the sentence, I(signal; label | text), and `text` the other
    way round. InfoNCE bounds each from below and CLUB, where the linear Gaussian model fits, from
    above; that model is learnt on other recordings than it judges.

    Parameters
    ----------
    components : int
        At most so many principal components of each side.
    random_state : int
        Seed of the folds.

    References
    ----------
    Liang et al. (2023), Factorized Contrastive Learning, NeurIPS, section 2.

    Examples
    --------
    >>> sorted(Information()(Results.from_aligned([])))[:2]
    ['shared_information_lower', 'shared_information_upper']
    """

    components: Annotated[int, Ge(1)] = 8
    random_state: Annotated[int, Ge(0)] = 0
    version: ClassVar[int] = 1

    def __call__(self, results: Results) -> dict[str, float]:
        """Return lower and upper bounds; NaN where there are too few stretches or labels."""
        check_params(self)
        totals = results.weights @ results.once(self._sums)
        figures = {}
        for name, (count, *both) in zip(NAMES, totals.reshape(3, 3).tolist(), strict=True):
            for bound, total in zip(("lower", "upper"), both, strict=True):
                figures[f"{name}_information_{bound}"] = ratio(total, count)
        return figures

    def _sums(self, facts: tuple[Facts, ...]) -> NDArray[np.float64]:
        """Return for each recording the number of rows and the sums of both bounds, thrice."""
        out = np.zeros((len(facts), 3, 3))
        owner = np.repeat(np.arange(len(facts)), [len(f.spoken.labels) for f in facts])
        labels = [label for f in facts for label in f.spoken.labels]
        named = np.array([label is not None for label in labels], bool)
        if not self._enough(owner):
            return out.reshape(len(facts), 9)
        both = [np.concatenate([getattr(f.spoken, s)  for f in facts if len(f.spoken.labels)])
                for s in ("signal", "text")]  # fmt: skip
        signal, text = (self._main(rows) for rows in both)
        found = {"shared": information_rows(signal, text, *self._given(), owner)}
        out[:, 0] = _by_recording(found["shared"], owner, len(facts))
        if self._enough(owner[named]):
            target = _one_hot([label for label in labels if label is not None])
            chosen = (signal[named], text[named], target, *self._given(), owner[named])
            unique = shared_and_unique_rows(*chosen)
            for place, name in enumerate(NAMES[1:], 1):
                out[:, place] = _by_recording(unique[name], owner[named], len(facts))
        return out.reshape(len(facts), 9)

    def _enough(self, owner: NDArray[np.int64]) -> bool:
        several = int((np.bincount(owner) > 1).sum()) > 1
        return several and len(owner) >= max(20, LEAST * self.components)

    def _given(self) -> tuple[int, int]:
        return self.components, self.random_state

    def _main(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the principal components: few, so that taking one side out leaves something."""
        centred = rows - rows.mean(axis=0, dtype=float)
        axes = np.linalg.svd(centred, full_matrices=False)[2]
        return centred @ axes[: self.components].T


def _one_hot(labels: list[str]) -> NDArray[np.float64]:
    return np.eye(len(set(labels)))[np.unique(labels, return_inverse=True)[1]]


def _by_recording(
    rows: NDArray[np.float64], owner: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    out = np.zeros((count, 3))
    np.add.at(out, owner, np.column_stack([np.ones(len(rows)), rows]))
    return out
