"""Which concept a sentence means, as calibrated chances: words never seen must not sound sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import expit, log_expit, log_softmax
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import HashingVectorizer

from tsalign.align.space.calibrate import logistic
from tsalign.align.text.encoder import MiniLM, TextEncoder
from tsalign.align.text.parts import looks_of
from tsalign.errors import TsalignError
from tsalign.params import check_params

LEARNT = ("weights", "bias", "rarity", "trust", "meanings", "closeness")
LETTERS = 4096
NEIGHBOURS = 5
TRUST = 0.35
"""Trust in the discriminant before any validation, as unseen wordings of three sets bore it."""
UNSEEN = 0.1
"""Chance that a sentence means something else where no off-topic sentence taught better."""


class ConceptText(BaseEstimator):
    """Distribution of a sentence over the known concepts, with the rest left to "other".

    A linear discriminant of all that is seen of a sentence: its meaning by a frozen encoder, its
    words, their order, and its letters in groups of two to five, which know "descent" from
    "descend" and what the encoder never met. Meaning alone hardly tells "sit to stand" from
    "stand to sit". How far the discriminant is trusted is fitted on validation wordings.

    Parameters
    ----------
    text : TextEncoder or None
        Frozen encoder; None is `MiniLM()`. One with `views` shows words and their order as well.
    order : float
        Weight of the order of words against their meaning; 0 ignores it.
    letters : float
        Weight of groups of letters; 0 ignores them.
    shrinkage : float
        Weight of a sphere against the wordings' own scatter within concepts.
    prior : float
        How strongly few validation wordings must argue to change the trust.

    Attributes
    ----------
    concepts_ : tuple of str
        Sorted.

    References
    ----------
    Friedman (1989), Regularized Discriminant Analysis, JASA, eq. 18; Guo et al. (2017), On
    Calibration of Modern Neural Networks, ICML, section 4.2; Platt (1999), Probabilistic outputs
    for support vector machines, section 2.2.

    Examples
    --------
    >>> model = ConceptText().fit(["She sits down.", "She walks away."], ["SIT", "WALK"])
    >>> model.concepts_[int(model.log_proba(["He went for a walk."]).argmax())]
    'WALK'
    """

    version: ClassVar[int] = 2

    def __init__(
        self,
        text: TextEncoder | None = None,
        order: Annotated[float, Ge(0)] = 0.7,
        letters: Annotated[float, Ge(0)] = 1.0,
        shrinkage: Annotated[float, Gt(0), Le(1)] = 0.35,
        prior: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        self.text = text
        self.order = order
        self.letters = letters
        self.shrinkage = shrinkage
        self.prior = prior

    def fit(
        self,
        texts: Sequence[str],
        concepts: Sequence[str | None],
        valid_texts: Sequence[str] | None = None,
        valid_concepts: Sequence[str | None] | None = None,
    ) -> ConceptText:
        """Learn from training wordings, and from other wordings how much to trust.

        Parameters
        ----------
        texts : sequence of str
            Training wordings.
        concepts : sequence of str or None
            The concept of each; wordings without one are left out.
        valid_texts : sequence of str or None
            Independent wordings.
        valid_concepts : sequence of str or None
            The concept of each; None, or one never trained, is off-topic.

        Returns
        -------
        ConceptText
            Itself.
        """
        check_params(self)
        known = [(t, c) for t, c in zip(texts, concepts, strict=True) if c is not None]
        if not known:
            raise TsalignError("no text with a concept to learn from")
        self.concepts_ = tuple(sorted({concept for _, concept in known}))
        index = {concept: i for i, concept in enumerate(self.concepts_)}
        labels = np.array([index[concept] for _, concept in known])
        self._learn([text for text, _ in known], labels)
        self.trust_ = np.array(TRUST)
        self.closeness_ = np.array([0.0, np.log(1 / UNSEEN - 1)])  # slope, intercept
        if valid_texts and valid_concepts is not None:
            answers = [-1 if c is None else index.get(c, -1) for c in valid_concepts]
            self._calibrate(list(valid_texts), np.array(answers))
        return self

    def log_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return log p(concept | sentence).

        Parameters
        ----------
        texts : sequence of str
            Sentences, seen before or not.

        Returns
        -------
        (s, c) float32
            Columns as in `concepts_`; a row's chances sum to 1 less `other`.
        """
        known = log_softmax(self.trust_ * self._evidence(texts), axis=1)
        return (known + log_expit(self._on_topic(texts))[:, None]).astype(np.float32)

    def other(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the chance that each sentence means none of the concepts, `(s,)`.

        Parameters
        ----------
        texts : sequence of str
            Sentences, seen before or not.

        Returns
        -------
        (s,) float32
            Chances.
        """
        return expit(-self._on_topic(texts)).astype(np.float32)

    def _learn(self, texts: list[str], labels: NDArray[np.int64]) -> None:
        self.meanings_ = self._encoder.encode(texts)
        counts = _letters(texts)
        self.rarity_ = np.log((1 + len(texts)) / (1 + (counts != 0).sum(0))) + 1.0  # (h,)
        seen = self._seen(texts)  # (n, f)
        sizes = np.bincount(labels)
        member = csr_matrix((1.0 / sizes[labels], (labels, np.arange(len(labels)))))
        means = member @ seen  # (c, f)
        middle = seen.mean(0)
        # One wording a concept, or copies of one, show no scatter: wordings differ nonetheless.
        floor = 0.5 * (seen**2).sum(1).mean()
        rest, freedom = seen - means[labels], len(labels) - len(sizes)
        within = _scatter_inverse(rest, freedom, means - middle, self.shrinkage, floor)
        self.weights_ = within.T.astype(np.float32)  # (f, c)
        self.bias_ = -0.5 * np.einsum("cf,cf->c", means + middle, within)

    def _seen(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """All that is seen of each text, `(n, f)`."""
        views = looks_of(self._encoder, texts)
        views = views * np.array([1.0, 1.0, self.order])[: views.shape[1], None]  # (n, v, e)
        letters = _letters(texts) * self.rarity_
        size = np.linalg.norm(letters, axis=1, keepdims=True)
        letters *= self.letters / np.where(size > 0, size, 1.0)
        return np.hstack([views.reshape(len(texts), -1), letters])

    def _evidence(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return self._seen(texts) @ self.weights_ + self.bias_  # (s, c)

    def _on_topic(self, texts: Sequence[str]) -> NDArray[np.float64]:
        slope, intercept = self.closeness_
        return slope * self._closeness(texts) + intercept

    def _closeness(self, texts: Sequence[str]) -> NDArray[np.float64]:
        cosines = np.sort(self._encoder.encode(texts) @ self.meanings_.T, axis=1)
        return cosines[:, -NEIGHBOURS:].mean(1, dtype=float)

    @property
    def _encoder(self) -> TextEncoder:
        if self.text is not None:
            return self.text
        return self.__dict__.setdefault("_minilm", MiniLM())

    def _calibrate(self, texts: list[str], answers: NDArray[np.int64]) -> None:
        known = np.flatnonzero(answers >= 0)
        if len(known) and len(self.concepts_) > 1:
            evidence = self._evidence([texts[i] for i in known])
            self.trust_ = _fit_trust(evidence, answers[known], TRUST, self.prior)
        if 0 < len(known) < len(answers):
            self.closeness_ = _platt(self._closeness(texts), answers >= 0)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that was learnt, concepts aside, as named arrays."""
        return {name: getattr(self, f"{name}_") for name in LEARNT}

    def restore(self, concepts: Sequence[str], state: dict[str, NDArray[Any]]) -> ConceptText:
        """Take over what another instance has learnt.

        Parameters
        ----------
        concepts : sequence of str
            Its `concepts_`.
        state : dict of str to array
            Its `state()`.

        Returns
        -------
        ConceptText
            Itself.
        """
        self.concepts_ = tuple(concepts)
        for name in LEARNT:
            setattr(self, f"{name}_", state[name])
        return self


def _letters(texts: Sequence[str]) -> NDArray[np.float64]:
    """Logarithmic counts of groups of letters within words, `(n, LETTERS)`."""
    hashing = HashingVectorizer(
        n_features=LETTERS, analyzer="char_wb", ngram_range=(2, 5), norm=None
    )
    counts = hashing.transform(texts).toarray()
    return np.sign(counts) * np.log1p(np.abs(counts))


def _scatter_inverse(
    rest: NDArray[np.float64],
    freedom: int,
    rows: NDArray[np.float64],
    shrinkage: float,
    floor: float,
) -> NDArray[np.float64]:
    """Return `rows` times the inverse of the scatter of `rest`, shrunken to a sphere.

    With fewer wordings than features it costs their number cubed, by Woodbury's identity.
    """
    n_rest, width = rest.shape
    sphere = shrinkage * max((rest**2).sum() / max(freedom, 1), floor) / min(n_rest, width)
    share = (1 - shrinkage) / max(freedom, 1)
    if n_rest > width:
        scatter = share * rest.T @ rest + sphere * np.eye(width)
        return np.linalg.solve(scatter, rows.T).T
    inner = share * rest @ rest.T + sphere * np.eye(n_rest)
    return (rows - share * np.linalg.solve(inner, rest @ rows.T).T @ rest) / sphere


def _fit_trust(
    evidence: NDArray[np.float64], answers: NDArray[np.int64], start: float, prior: float
) -> NDArray[np.float64]:
    rows = np.arange(len(answers))

    def loss(log_ratio: float) -> float:
        log_p = log_softmax(start * np.exp(log_ratio) * evidence, axis=1)
        return float(prior * log_ratio**2 - log_p[rows, answers].sum())

    found = minimize_scalar(loss, bounds=(-5.0, 5.0), method="bounded")
    return np.array(start * np.exp(found.x))


def _platt(x: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fit a logistic curve, with Platt's targets against false certainty."""
    hits, misses = positive.sum(), (~positive).sum()
    return logistic([x], np.where(positive, (hits + 1) / (hits + 2), 1 / (misses + 2)))
