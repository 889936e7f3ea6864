"""Text encoders made of others: several at once, or one asked in several ways."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tsalign.align.text.encoder import MiniLM, Reader, TextEncoder, is_tuned
from tsalign.align.text.identity import text_identity
from tsalign.errors import TsalignError
from tsalign.params import check_params


def looks_of(encoder: TextEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return all looks that an encoder has at each text.

    Parameters
    ----------
    encoder : TextEncoder
        With `views` or without.
    texts : sequence of str
        At least one.

    Returns
    -------
    (n, v, dimension) float32
        The first is the row of `encode`.
    """
    return encoder.views(texts) if isinstance(encoder, Reader) else encoder.encode(texts)[:, None]


class Joined(BaseEstimator):
    """Several encoders side by side: what one confuses, another may tell apart.

    Parameters
    ----------
    text : list of TextEncoder
        At least one; each counts the same.

    Examples
    --------
    >>> both = Joined([MiniLM(), Prompts(["The patient: {}"])])
    >>> both.encode(["He sat down."]).shape
    (1, 768)
    """

    version: ClassVar[int] = 1

    def __init__(self, text: Annotated[list[TextEncoder], MinLen(1)]) -> None:
        self.text = text

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit row of each text, those of the encoders one after the other.

        Parameters
        ----------
        texts : sequence of str
            At least one.

        Returns
        -------
        (n, sum of dimensions) float32
            Their cosine is the mean of the encoders' cosines.
        """
        return self.views(texts)[:, 0]

    def identity(self) -> str | None:
        """Return what its encoders' weights are known by, None where one does not say."""
        return _together([text_identity(encoder) for encoder in self.text])

    def views(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the looks that all encoders have at each text.

        Parameters
        ----------
        texts : sequence of str
            At least one.

        Returns
        -------
        (n, v, sum of dimensions) float32
            As `MiniLM.views`; meaning alone where one of the encoders has no more.
        """
        check_params(self)
        if not self.text:
            raise TsalignError("there is no encoder to join")
        _check_frozen(self, self.text)
        looks = [looks_of(encoder, texts) for encoder in self.text]
        common = min(look.shape[1] for look in looks)
        rows = np.concatenate([look[:, :common] for look in looks], axis=2)
        return (rows / np.sqrt(len(looks))).astype(np.float32)


class Prompts(BaseEstimator):
    """One encoder asked in several ways: the mean over sentences that a text is put into.

    Parameters
    ----------
    templates : list of str
        Each with `{}` where the text goes.
    text : TextEncoder or None
        None is `MiniLM()`.

    References
    ----------
    Radford et al. (2021), CLIP, arXiv 2103.00020, section 3.1.4.

    Examples
    --------
    >>> Prompts(["{}", "The patient: {}"]).encode(["He sat down."]).shape
    (1, 384)
    """

    version: ClassVar[int] = 1

    def __init__(
        self, templates: Annotated[list[str], MinLen(1)], text: TextEncoder | None = None
    ) -> None:
        self.templates = templates
        self.text = text

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit row of each text.

        Parameters
        ----------
        texts : sequence of str
            At least one.

        Returns
        -------
        (n, dimension) float32
            Means over the templates.
        """
        return self.views(texts)[:, 0]

    def identity(self) -> str | None:
        """Return what its encoder's weights are known by, None where it does not say."""
        return text_identity(self._encoder)

    def views(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the looks at each text.

        Parameters
        ----------
        texts : sequence of str
            At least one.

        Returns
        -------
        (n, v, dimension) float32
            As `MiniLM.views`, means over the templates.
        """
        check_params(self)
        lacking = [template for template in self.templates if "{}" not in template]
        if lacking or not self.templates:
            raise TsalignError(f"templates hold {{}} where the text goes, not {lacking}")
        if isinstance(texts, str):
            raise TsalignError("encode takes a list of strings")
        encoder = self._encoder
        _check_frozen(self, [encoder])
        rows = np.mean(
            [looks_of(encoder, [t.replace("{}", text) for text in texts]) for t in self.templates],
            axis=0,
        )
        size = np.linalg.norm(rows, axis=2, keepdims=True)
        return (rows / np.where(size > 0, size, 1.0)).astype(np.float32)

    @property
    def _encoder(self) -> TextEncoder:
        return self.text or self.__dict__.setdefault("_minilm", MiniLM())


def _check_frozen(whole: TextEncoder, parts: Sequence[TextEncoder]) -> None:
    if any(map(is_tuned, parts)):
        raise TsalignError(f"{type(whole).__name__} takes frozen encoders: set tuned_layers=0")


def _together(names: list[str | None]) -> str | None:
    if None in names:
        return None
    return hashlib.sha256(" ".join(map(str, names)).encode()).hexdigest()
