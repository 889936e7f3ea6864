"""The last layers of a sentence encoder that learn with a space. Imports torch: import late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import normalize

from tsalign.align.text.minilm import LAYERS, in_context
from tsalign.errors import TsalignError

PACE = 0.02
"""Of the learning rate: what was learnt from a billion sentences moves slowly, by 2e-5 a step."""
AT_ONCE = 256  # texts read together; bounds memory
ALIKE = ("bert", "roberta", "xlm-roberta")  # one mask and nothing else goes from layer to layer
Read = Callable[[Mapping[str, Tensor], Tensor, Tensor], Tensor]


class Tuned(nn.Module):
    """Layers that learn how far they depart from the weights they began with.

    Decay of weights draws them back to where they began, not to nothing.

    Parameters
    ----------
    begin : mapping of str to tensor
        Weights; they are found again with the encoder, so a model keeps departures alone.
    read : callable
        Weights, tokens `(b, t, width)` and which of them are real `(b, t)` to `(b, dimension)`.
    dimension : int
        Columns of what is read.

    References
    ----------
    Li, Grandvalet and Davoine (2018), Explicit Inductive Bias for Transfer Learning, ICML, eq. 2;
    a slower pace for what was learnt before: Howard and Ruder (2018), ULMFiT, ACL, section 3.2.
    """

    def __init__(self, begin: Mapping[str, Tensor], read: Read, dimension: int) -> None:
        super().__init__()
        self.read, self.dimension, self.names = read, dimension, tuple(begin)
        for name, tensor in begin.items():
            self.register_buffer(_plain(name), tensor.detach().clone(), persistent=False)
        self.departures = nn.ParameterDict(
            {_plain(name): torch.zeros_like(tensor) for name, tensor in begin.items()}
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return unit rows `(m, dimension)` of texts `(m, t, width)`, zeros beyond their ends."""
        if not len(states):  # of several processes, one may have silent segments alone
            return states.new_empty(0, self.dimension)
        # A batch says the same few wordings again and again.
        texts, which = states.flatten(1).unique(dim=0, return_inverse=True)
        weights = {name: self._weight(_plain(name)) for name in self.names}
        parts = texts.unflatten(1, states.shape[1:]).split(AT_ONCE)
        rows = [self.read(weights, part, part.any(2)) for part in parts]
        return normalize(torch.cat(rows), dim=1)[which]

    def _weight(self, name: str) -> Tensor:
        return getattr(self, name) + PACE * self.departures[name]


def of_minilm(weights: Mapping[str, Tensor], count: int) -> Tuned:
    """Return the last layers of MiniLM.

    Parameters
    ----------
    weights : mapping of str to tensor
        All of MiniLM's.
    count : int
        So many layers.
    """
    layers = range(LAYERS - count, LAYERS)
    ours = tuple(f"encoder.layer.{layer}." for layer in layers)
    begin = {name: tensor for name, tensor in weights.items() if name.startswith(ours)}

    def read(weights: Mapping[str, Tensor], x: Tensor, real: Tensor) -> Tensor:
        for layer in layers:
            x = in_context(weights, layer, x, real)
        return (x * real[..., None]).sum(1)  # of the direction of the mean

    return Tuned(begin, read, 384)


def of_transformer(model: Any, count: int) -> Tuned:
    """Return the last layers of a sentence transformer, and its pooling, which learns nothing.

    Parameters
    ----------
    model : SentenceTransformer
        Of BERT's kin.
    count : int
        So many layers.

    Raises
    ------
    TsalignError
        When it is built in another way, or has fewer layers.
    """
    last = nn.ModuleList(_layers(model, count)[-count:]).eval()
    pooling = [part.eval() for part in list(model)[1:]]

    def read(weights: Mapping[str, Tensor], x: Tensor, real: Tensor) -> Tensor:
        for i, layer in enumerate(last):
            own = {n.removeprefix(f"{i}."): w for n, w in weights.items() if n.startswith(f"{i}.")}
            x = functional_call(layer, own, (x, real[:, None, None]))
        features = {"token_embeddings": x, "attention_mask": real.long()}
        for part in pooling:
            features = part(features)
        return features["sentence_embedding"]

    return Tuned(dict(last.named_parameters()), read, model.get_embedding_dimension())


def below(model: Any, count: int, texts: list[str]) -> Iterator[NDArray[np.float32]]:
    """Yield what the last layers of a sentence transformer are given of each text, `(t, width)`.

    Parameters
    ----------
    model : SentenceTransformer
        Of BERT's kin.
    count : int
        So many last layers.
    texts : list of str
        Read one at a time: nothing is padded.
    """
    given: list[Tensor] = []
    first = _layers(model, count)[-count]
    hook = first.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0][0]))
    try:
        for text in texts:
            model.encode([text], show_progress_bar=False)
            yield given.pop().float().cpu().numpy()
    finally:
        hook.remove()


def _layers(model: Any, count: int) -> list[nn.Module]:
    inner: Any = getattr(model[0], "auto_model", None)
    kind = getattr(getattr(inner, "config", None), "model_type", None)
    if kind not in ALIKE:
        raise TsalignError(f"tuned_layers={count}: of {', '.join(ALIKE)} alone, not of {kind!r}")
    layers = list(inner.encoder.layer)
    if count > len(layers):
        raise TsalignError(f"tuned_layers={count}: there are {len(layers)} layers")
    return layers


def _plain(name: str) -> str:
    return name.replace(".", "/")  # torch allows no dot
