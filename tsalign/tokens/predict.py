"""Masked token prediction: what stands around a row says more of it than the row itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from tsalign import folders
from tsalign.device import choose, one_thread
from tsalign.errors import TsalignError
from tsalign.params import check_params, hints
from tsalign.progress import Listener
from tsalign.tokens.streams import Rows, Units, rate_of, rows_of, same_rate, size_of, streams_of

if TYPE_CHECKING:
    from tsalign.tokens.masked import Recipe, Stream
    from tsalign.transformer import Shape, Transformer

LEARNT = ("center_", "spread_")


class MaskedPredictor(BaseEstimator):
    """A transformer learns to name hidden tokens; its middle then tells what goes on around a row.

    HuBERT's recipe for any stream. Tokens of rows (iteration 1, from `KMeans`) are what is to be
    named; spans of rows are hidden, and only hidden rows count. To name them, the network must
    know what usually stands where: k-means on what its middle layer makes of each row gives
    better tokens (iteration 2). Rows are standardised inside.

    Parameters
    ----------
    width, layers, heads : int
        Columns inside, blocks, and attentions side by side in each; `width` is a multiple of
        `heads`.
    dropout : float
        Share of activations silenced while learning.
    layer : int or None
        After which block `transform` takes the rows; None is the middle one.
    span : float
        Seconds hidden together.
    share : float
        Of the rows, hidden in each round.
    context : float
        Seconds seen together.
    rate : float or None
        Tokens a second; None takes that of the `Tokens`, and without them a second is a token.
    epochs : int
        At most so many rounds through the streams.
    batch_size : int
        Stretches of `context` a step.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises, then falls to nothing.
    patience : int
        Rounds without gain on validation streams before learning stops.
    device : str
        `auto` takes a GPU where there is one (compiled, in bfloat16). On a CPU the same seed
        gives the same bits.
    random_state : int
        Seed of weights and draws.

    Attributes
    ----------
    n_features_in_, n_tokens_ : int
        Columns of a row, and tokens told apart.
    rate_ : float
        Tokens a second.
    center_, spread_ : (n_features_in_,) float32
        By which rows are standardised.
    weights_ : dict of str to array
        Of the network, after its best round.
    history_ : (epochs run, 2) float64
        Training and validation loss in nats a hidden row; NaN where there was no validation.

    References
    ----------
    Hsu et al. (2021), HuBERT: Self-Supervised Speech Representation Learning by Masked
    Prediction of Hidden Units, arXiv 2106.07447, sections II-B to II-D.

    Examples
    --------
    >>> tokens = [np.arange(i, i + 40) % 4 for i in range(8)]
    >>> rows = [np.eye(4)[t] for t in tokens]
    >>> few = dict(width=16, layers=2, heads=2, span=2, context=20, epochs=4, device="cpu")
    >>> model = MaskedPredictor(**few).fit(rows, tokens)
    >>> model.transform(rows[0]).shape, model.predict(rows[0]).shape
    ((40, 16), (40,))
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        width: Annotated[int, Ge(1)] = 96,
        layers: Annotated[int, Ge(1)] = 4,
        heads: Annotated[int, Ge(1)] = 4,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
        layer: Annotated[int, Ge(0)] | None = None,
        span: Annotated[float, Gt(0)] = 3.2,
        share: Annotated[float, Gt(0), Le(1)] = 0.75,
        context: Annotated[float, Gt(0)] = 40.0,
        rate: Annotated[float, Gt(0)] | None = None,
        epochs: Annotated[int, Ge(1)] = 20,
        batch_size: Annotated[int, Ge(1)] = 8,
        learning_rate: Annotated[float, Gt(0)] = 1e-3,
        weight_decay: Annotated[float, Ge(0)] = 1e-2,
        patience: Annotated[int, Ge(1)] = 5,
        device: Literal["auto", "cpu", "cuda"] | str = "auto",
        random_state: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.width = width
        self.layers = layers
        self.heads = heads
        self.dropout = dropout
        self.layer = layer
        self.span = span
        self.share = share
        self.context = context
        self.rate = rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        sequences: Sequence[ArrayLike],
        tokens: Sequence[Units],
        valid: tuple[Sequence[ArrayLike], Sequence[Units]] | None = None,
        *,
        checkpoint: str | Path | None = None,
        listener: Listener | None = None,
    ) -> Self:
        """Learn to name hidden tokens.

        Parameters
        ----------
        sequences : sequence of (k, d) array
            Rows of each stream, of any length; empty ones are passed over.
        tokens : sequence of Tokens or (k,) array
            The token of each row.
        valid : (sequences, tokens) or None
            Streams of others that stop the learning; without them every round is run.
        checkpoint : path or None
            A folder for the state after each round: a fit that was killed goes on from there
            and ends the same.
        listener : callable or None
            Gets an `Event` with the losses after each round.

        Returns
        -------
        MaskedPredictor
            Itself.

        Raises
        ------
        TsalignError
            Naming the stream, where rows are not finite, lengths or widths do not agree, or
            tokens come at different rates or are out of range.
        """
        self._checked()
        X, z = streams_of(sequences, tokens, None)
        self.n_features_in_ = X[0].shape[1]
        self.n_tokens_ = size_of(tokens, z)
        self.rate_ = rate_of(tokens, self.rate)
        whole = np.concatenate(X)
        self.center_ = whole.mean(0, dtype=np.float64).astype(np.float32)
        spread = whole.std(0, dtype=np.float64).astype(np.float32)
        self.spread_ = np.where(spread > 0, spread, np.float32(1))
        held: tuple[list[Rows], list[NDArray[np.int64]]] = ([], [])
        if valid is not None:
            known = (self.n_features_in_, self.n_tokens_)
            held = streams_of(*valid, *known, what="validation stream")
            rate_of(valid[1], self.rate_, what="validation stream")
        return self._learn(self._given(X, z), self._given(*held), checkpoint, listener)

    def _given(self, X: list[Rows], z: list[NDArray[np.int64]]) -> list[Stream]:
        from tsalign.tokens.masked import Stream

        return [Stream(self._standard(rows), ids) for rows, ids in zip(X, z, strict=True)]

    def _learn(
        self,
        train: list[Stream],
        valid: list[Stream],
        checkpoint: str | Path | None,
        listener: Listener | None,
    ) -> Self:
        import torch

        from tsalign.tokens.masked import Masked

        device = choose(self.device)
        gpus = list(range(torch.cuda.device_count())) if device.startswith("cuda") else []
        folder = None if checkpoint is None else Path(checkpoint)
        with one_thread(), torch.random.fork_rng(devices=gpus):
            learning = Masked(self._recipe(), device)
            self.weights_, self.history_ = learning.run(train, valid, folder, listener)
        return self

    def transform(self, sequence: ArrayLike, rate: float | None = None) -> Rows:
        """Return what the middle layer makes of each row of one stream.

        Parameters
        ----------
        sequence : (k, d) array
            Rows as learnt from.
        rate : float or None
            Tokens a second of this stream, where known: another than `rate_` is refused.

        Returns
        -------
        (k, width) float32
            Features for k-means or alignment.

        Raises
        ------
        TsalignError
            Before `fit`, and for rows that do not fit what was learnt.
        """
        return self._passed(sequence, rate, self.middle, self.width)

    @property
    def middle(self) -> int:
        """After which block `transform` takes the rows."""
        return self.layer if self.layer is not None else (self.layers + 1) // 2

    def logits(self, sequence: ArrayLike, rate: float | None = None) -> Rows:
        """Return the unnormalised log-chance of each token at each row of one stream.

        Parameters
        ----------
        sequence : (k, d) array
            Rows as learnt from; none is hidden.
        rate : float or None
            As for `transform`.

        Returns
        -------
        (k, n_tokens_) float32
        """
        return self._passed(sequence, rate, None, getattr(self, "n_tokens_", 0))

    def predict(self, sequence: ArrayLike, rate: float | None = None) -> NDArray[np.int32]:
        """Return the likeliest token of each row of one stream.

        Parameters
        ----------
        sequence : (k, d) array
            Rows as learnt from; none is hidden.
        rate : float or None
            As for `transform`.

        Returns
        -------
        (k,) int32
        """
        return self.logits(sequence, rate).argmax(axis=1).astype(np.int32)

    def save(self, folder: str | Path) -> None:
        """Write the model as one JSON and one safetensors file.

        Parameters
        ----------
        folder : str or Path
            Made where it is missing; an older model in it is replaced as a whole.
        """
        self._fitted()
        about: dict[str, Any] = {"class": "masked", "version": self.version}
        about["parameters"] = {name: getattr(self, name) for name in hints(type(self))}
        about |= {name: getattr(self, name) for name in ("n_features_in_", "n_tokens_", "rate_")}
        arrays = {name: getattr(self, name) for name in (*LEARNT, "history_")}
        arrays |= {f"network.{name}": array for name, array in self.weights_.items()}
        folders.save(folder, about, arrays)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a saved model; it gives the same numbers.

        Parameters
        ----------
        folder : str or Path
            Written by `save`.

        Returns
        -------
        Self
            Fitted.

        Raises
        ------
        TsalignError
            When the folder holds no whole model, or another kind of one.
        """
        about, arrays = folders.load(folder)
        if about.get("class") != "masked":
            raise TsalignError("this is no masked predictor", file=str(folder))
        made = cls(**about["parameters"])
        for name in ("n_features_in_", "n_tokens_", "rate_"):
            setattr(made, name, about[name])
        for name in (*LEARNT, "history_"):
            setattr(made, name, arrays.pop(name))
        made.weights_ = {name.removeprefix("network."): array for name, array in arrays.items()}
        return made

    def _checked(self) -> None:
        check_params(self)
        if self.width % self.heads:
            raise TsalignError(f"width={self.width} is no multiple of heads={self.heads}")
        if self.layer is not None and self.layer > self.layers:
            raise TsalignError(f"layer={self.layer}: there are {self.layers} layers")

    def _shape(self) -> Shape:
        from tsalign.transformer import Shape

        given = (self.width, self.layers, self.heads, self.dropout)
        return Shape(self.n_features_in_, self.n_tokens_, *given)

    def _recipe(self) -> Recipe:
        from tsalign.tokens.masked import Recipe

        names = ("share", "epochs", "batch_size", "patience", "learning_rate", "weight_decay")
        return Recipe(
            shape=self._shape(),
            span=max(round(self.span * self.rate_), 1),
            context=max(round(self.context * self.rate_), 1),
            random_state=self.random_state,
            **{name: getattr(self, name) for name in names},
        )

    def _standard(self, rows: Rows) -> Rows:
        return (rows - self.center_) / self.spread_

    def _fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")

    def _network(self) -> Transformer:
        import torch

        from tsalign.transformer import Transformer

        with torch.random.fork_rng(devices=[]):
            network = Transformer(self._shape())
        network.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in self.weights_.items()})
        return network.eval().to(choose(self.device))

    def _passed(
        self, sequence: ArrayLike, rate: float | None, layer: int | None, width: int
    ) -> Rows:
        from tsalign.tokens.masked import around

        self._checked()
        self._fitted()
        rows = rows_of(sequence, self.n_features_in_)
        if rate is not None:
            same_rate(rate, self.rate_)
        if not len(rows):
            return np.empty((0, width), np.float32)
        with one_thread():
            context = self._recipe().context
            return around(self._network(), self._standard(rows), context, layer)
