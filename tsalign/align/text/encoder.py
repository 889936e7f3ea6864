"""Sentence encoders: text in, unit rows out, each distinct string encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, TypeGuard, runtime_checkable

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tsalign.align.text.minilm import LAYERS, WORD_VECTORS, contextual, equal_length, load
from tsalign.device import one_thread
from tsalign.errors import TsalignError
from tsalign.params import check_params

if TYPE_CHECKING:
    from torch import Tensor

    from tsalign.align.text.tuned import Tuned

Rows = Iterable[NDArray[np.float32]]


@runtime_checkable
class TextEncoder(Protocol):
    """Anything that turns texts into rows of one length."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, `(n, dimension)`."""
        ...


@runtime_checkable
class Reader(TextEncoder, Protocol):
    """A text encoder that also tells the words of a sentence and their order."""

    def views(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return looks at each text, `(n, v, dimension)`: meaning, words, order."""
        ...


class TunedText(TextEncoder, Protocol):
    """A text encoder whose last layers learn with a space."""

    tuned_layers: int

    def states(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what those layers are given of each text, `(n, t, width)`."""
        ...

    def last(self) -> Tuned:
        """Return those layers as they begin."""
        ...


class _Memo(BaseEstimator):
    """Remembers the rows of each string, so that notes which repeat themselves cost nothing."""

    tuned_layers: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit row of each text.

        Parameters
        ----------
        texts : sequence of str
            At least one; any language the model knows.

        Returns
        -------
        (n, dimension) float32
            Rows of length 1, in the order given.

        Raises
        ------
        TsalignError
            When there is no text, or something that is not one.
        """
        return self.views(texts)[:, 0]

    def views(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return three looks at each text, of which the mean of its tokens is but one.

        Meaning is the row of `encode`. Words is the mean of the vectors by which words enter the
        network, before it has blurred them. Order is the first moment of the tokens over their
        place, last against first: it alone tells "from bed to chair" from "from chair to bed".

        Parameters
        ----------
        texts : sequence of str
            At least one.

        Returns
        -------
        (n, 3, dimension) float32
            Unit rows of meaning, words, order; order is 0 for a single token. `(n, 1, dimension)`
            where the model shows no tokens.

        Raises
        ------
        TsalignError
            When there is no text, or something that is not one.
        """
        return np.stack(self._known("_memo", self._embed, texts))

    def states(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what the layers below those that learn make of each text.

        Parameters
        ----------
        texts : sequence of str
            At least one.

        Returns
        -------
        (n, t, width) float32
            A row a token; rows of zeros are no tokens: they follow texts shorter than the longest.

        Raises
        ------
        TsalignError
            When there is no text, or something that is not one.
        """
        found = self._known(f"_below_{self.tuned_layers}", self._lower, texts)
        rows = np.zeros((len(found), max(map(len, found)), found[0].shape[1]), np.float32)
        for row, tokens in zip(rows, found, strict=True):
            row[: len(tokens)] = tokens
        return rows

    def _known(
        self, memory: str, read: Callable[[list[str]], Rows], texts: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        """Return what is read of each text; a distinct string is read once."""
        check_params(self)
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TsalignError("encode takes a list of strings")
        if not len(texts):
            raise TsalignError("there is no text to encode")
        memo = self.__dict__.setdefault(memory, {})
        new = [text for text in dict.fromkeys(texts) if text not in memo]
        if new:
            memo.update(zip(new, read(new), strict=True))
        return [memo[text] for text in texts]

    def _embed(self, texts: list[str]) -> Rows:
        raise NotImplementedError

    def _lower(self, texts: list[str]) -> Rows:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        """Travel light: parameters only, weights and memory are found again."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class MiniLM(_Memo):
    """all-MiniLM-L6-v2 from its installed weights: 384 dimensions, works offline.

    The same numbers as sentence-transformers gives, without its eight seconds of import. Texts
    of equal length share a batch, so there is no padding that could matter.

    Parameters
    ----------
    batch_size : int
        Texts encoded at once; bounds memory.
    tuned_layers : int
        Last layers that learn together with a space; `encode` and `views` stay frozen, and so does
        `ConceptText`. 0 learns none. On HAPT (144 wordings, validation people, one seed) one or two
        layers left the macro-F1 of activities where it was (.846, .848, .844), told 34 of 48 new
        wordings instead of 33, and took 6 to 10 times as long.

    References
    ----------
    Wang et al. (2020), MiniLM, NeurIPS; Reimers and Gurevych (2019), Sentence-BERT, EMNLP.

    Examples
    --------
    >>> rows = MiniLM().encode(["He sat down.", "She walked upstairs."])
    >>> rows.shape, rows.dtype.name
    ((2, 384), 'float32')
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        batch_size: Annotated[int, Ge(1)] = 64,
        tuned_layers: Annotated[int, Ge(0), Le(LAYERS)] = 0,
    ) -> None:
        self.batch_size = batch_size
        self.tuned_layers = tuned_layers

    def last(self) -> Tuned:
        """Return the layers that learn, as they begin; they read what `states` gives."""
        from tsalign.align.text.tuned import of_minilm

        return of_minilm(self._loaded()[1], self.tuned_layers)

    def _embed(self, texts: list[str]) -> Rows:
        return self._read(texts, LAYERS, looks)

    def _lower(self, texts: list[str]) -> Rows:
        return self._read(texts, LAYERS - self.tuned_layers, lambda tokens, words: tokens)

    def _read(self, texts: list[str], layers: int, take: Callable[..., Tensor]) -> Rows:
        """Return what is taken of each text, from its tokens after so many layers and its words."""
        import torch

        tokenizer, weights = self._loaded()
        tokens = [coded.ids for coded in tokenizer.encode_batch(texts)]
        found: dict[int, NDArray[np.float32]] = {}
        with torch.inference_mode(), one_thread():
            for batch in equal_length(tokens, self.batch_size):
                words = weights[WORD_VECTORS][torch.tensor([tokens[i] for i in batch])]
                taken = take(contextual(weights, words, layers), words)
                found.update(zip(batch, taken.numpy(), strict=True))
        return [found[i] for i in range(len(texts))]

    def _loaded(self) -> tuple[Any, dict[str, Tensor]]:
        if "_model" not in vars(self):
            self._model = load()
        return self._model


class SentenceTransformerText(_Memo):
    """Any model of sentence-transformers, by name or folder.

    Parameters
    ----------
    model : str
        A folder, or a name that sentence-transformers can fetch.
    tuned_layers : int
        As of `MiniLM`; of BERT and its kin alone.

    References
    ----------
    Reimers and Gurevych (2019), Sentence-BERT, EMNLP.
    """

    version: ClassVar[int] = 1

    def __init__(self, model: str, tuned_layers: Annotated[int, Ge(0)] = 0) -> None:
        self.model = model
        self.tuned_layers = tuned_layers

    def last(self) -> Tuned:
        """Return the layers that learn, as they begin; they read what `states` gives."""
        from tsalign.align.text.tuned import of_transformer

        return of_transformer(self._loaded(), self.tuned_layers)

    def _lower(self, texts: list[str]) -> Rows:
        from tsalign.align.text.tuned import below

        return below(self._loaded(), self.tuned_layers, texts)

    def _loaded(self) -> Any:
        from sentence_transformers import SentenceTransformer

        if "_model" not in vars(self):
            try:
                self._model = SentenceTransformer(self.model)
            except (OSError, ValueError) as error:
                raise TsalignError(f"cannot load the text model {self.model!r}: {error}") from error
        return self._model

    def _embed(self, texts: list[str]) -> Rows:
        encode = self._loaded().encode
        rows = encode(texts, normalize_embeddings=True, show_progress_bar=False)[:, None]
        if not hasattr(self._model[0], "auto_model"):
            return np.asarray(rows, np.float32)
        tokens = encode(texts, output_value="token_embeddings", show_progress_bar=False)
        return np.concatenate(
            [rows, [self._words(*pair) for pair in zip(texts, tokens, strict=True)]],
            1,
            dtype=np.float32,
        )

    def _words(self, text: str, tokens: Tensor) -> NDArray[np.float32]:
        import torch

        part: Any = self._model[0]
        ids = part.tokenizer(text, truncation=True, max_length=len(tokens))["input_ids"]
        with torch.inference_mode():
            words = part.auto_model.get_input_embeddings()(torch.tensor(ids, device=tokens.device))
        return looks(tokens[None], words[None])[0, 1:].cpu().numpy()


def looks(tokens: Tensor, words: Tensor) -> Tensor:
    """Return meaning, words and order `(b, 3, e)` as unit rows, from tokens and words `(b, t, e)`.

    The first and the last token are the model's own marks: part of the meaning it was trained
    for, but no words.
    """
    import torch
    from torch.nn import functional as f

    inner = tokens[:, 1:-1]
    place = torch.linspace(-1, 1, max(inner.shape[1], 1), device=tokens.device)[: inner.shape[1]]
    place = place - place.mean() if len(place) else place
    order = (place[:, None] * inner).sum(1)
    return f.normalize(torch.stack([tokens.mean(1), words[:, 1:-1].sum(1), order], 1), dim=2)


def is_tuned(encoder: object) -> TypeGuard[TunedText]:
    """Tell whether layers of a text encoder learn with a space."""
    return getattr(encoder, "tuned_layers", 0) > 0


def text_rows(encoder: TextEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return what a space reads of each text: its row, or the tokens that learning layers read.

    Parameters
    ----------
    encoder : TextEncoder
        Frozen, or with `tuned_layers`.
    texts : sequence of str
        At least one.

    Returns
    -------
    (n, dimension) or (n, t, width) float32
        As `encode` or `states`.
    """
    return encoder.states(texts) if is_tuned(encoder) else encoder.encode(texts)


def reader_of(encoder: TextEncoder) -> Tuned | None:
    """Return the layers of a text encoder that learn, as they begin; None where it is frozen."""
    return encoder.last() if is_tuned(encoder) else None
