"""What a shared space has learnt, and how it is kept in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tsalign.align.loss.similarities import Closeness
from tsalign.align.pooling.pooling import Pooling
from tsalign.align.signal.mlp import SignalEncoder
from tsalign.align.space import persist
from tsalign.align.text.concepts import ConceptText
from tsalign.align.text.encoder import MiniLM, TextEncoder
from tsalign.align.text.identity import check_identity, text_identity
from tsalign.errors import located
from tsalign.params import hints

PARTS = ("signal", "text", "closeness", "pooling")
LEARNT = ("center_", "spread_", "anchors_", "prototypes_", "log_prior_")
LEARNT += ("cell_", "choice_", "history_", "runs_", "bias_")


class Kept(BaseEstimator):
    """A learnt model that is saved to a folder and loaded from it."""

    version: ClassVar[int]
    signal: SignalEncoder | None
    text: TextEncoder | None
    dimension: int
    projection: Literal["learned", "none"]
    device: str
    concepts_: tuple[str, ...]
    data_: str | None
    closeness: Closeness | None
    pooling: Pooling | None
    anchors_: NDArray[np.float32]
    center_: NDArray[np.float32]
    spread_: NDArray[np.float32]
    prototypes_: NDArray[np.float32]
    log_prior_: NDArray[np.float64]
    cell_: NDArray[np.float64]
    choice_: NDArray[np.float64]
    history_: NDArray[np.float64]
    runs_: NDArray[np.float64]
    bias_: NDArray[np.float64]
    weights_: dict[str, NDArray[np.float32]]
    concept_text_: ConceptText

    def save(self, folder: str | Path) -> None:
        """Write the model as one JSON and one safetensors file.

        Parameters
        ----------
        folder : str or Path
            Made where it is missing; an older model in it is replaced as a whole.
        """
        params = {name: getattr(self, name) for name in hints(type(self))}
        params |= {slot: persist.to_block(slot, params[slot]) for slot in PARTS}
        about: dict[str, Any] = {"class": "contrastive", "version": self.version}
        about |= {"parameters": params, "text_weights": text_identity(self._text)}
        about |= {"data": getattr(self, "data_", None)}
        arrays = {name: getattr(self, name) for name in LEARNT}
        arrays |= {f"space.{name}": array for name, array in self.weights_.items()}
        arrays |= {f"text.{name}": array for name, array in self.concept_text_.state().items()}
        persist.save(folder, about | {"concepts": list(self.concepts_)}, arrays)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        signal: SignalEncoder | None = None,
        text: TextEncoder | None = None,
        closeness: Closeness | None = None,
        pooling: Pooling | None = None,
    ) -> Self:
        """Read a saved model; it gives the same numbers.

        Parameters
        ----------
        folder : str or Path
            Written by `save`.
        signal, text, closeness, pooling : object or None
            Needed only where the model was learnt with parts of your own.

        Returns
        -------
        Self
            Fitted.

        Raises
        ------
        TsalignError
            When the folder holds no whole model, or the text encoder has other weights than the
            one that it was learnt with.
        """
        about, arrays = persist.load(folder)
        params = about["parameters"]
        given = {"signal": signal, "text": text, "closeness": closeness, "pooling": pooling}
        for slot, part in given.items():
            params[slot] = part or persist.from_block(slot, params.get(slot))
        model = cls(**params)
        with located(file=folder):
            check_identity(model._text, about.get("text_weights"))
        model.concepts_ = tuple(about["concepts"])
        model.data_ = about.get("data")
        for name in LEARNT:
            setattr(model, name, arrays[name])
        model.weights_ = _under("space.", arrays)
        model.concept_text_ = ConceptText(model._text).restore(
            model.concepts_, _under("text.", arrays)
        )
        return model

    @property
    def _text(self) -> TextEncoder:
        """The sentence encoder; the default one is made once, for it remembers sentences."""
        if self.text is not None:
            return self.text
        return self.__dict__.setdefault("_minilm", MiniLM())

    def __getstate__(self) -> dict[str, Any]:
        """Leave the default encoder at home."""
        return {name: value for name, value in vars(self).items() if name != "_minilm"}


def _under(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
