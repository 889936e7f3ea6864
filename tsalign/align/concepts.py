"""Which concept a sentence means, as calibrated chances: words never seen must not sound sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit, log_expit, log_softmax
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import HashingVectorizer

from tsalign.align.calibrate import logistic
from tsalign.align.text_encoder import MiniLM, TextEncoder
from tsalign.errors import TsalignError
from tsalign.params import check_params

LEARNT = ("wordings", "weights", "bias", "words", "trust", "closeness")
HASHES = 4096
NEIGHBOURS = 5
EMBEDDING, WORDS = 0.02, 0.7
"""Trust in the two experts before any validation, as unseen wordings of a dozen concepts bore it:
that in the discriminant per training wording of a concept, up to `MOST`, and that in the words."""
MOST = 0.15
UNSEEN = 0.1
"""Chance that a sentence means something else where no off-topic sentence taught better."""


class ConceptText(BaseEstimator):
    """Distribution of a sentence over the known concepts, with the rest left to "other".

    A product of two experts: a linear discriminant of frozen sentence embeddings, which knows
    meaning but hardly word order, and naive Bayes over words and pairs of words, which knows
    "sit to stand" from "stand to sit". How far each is trusted is fitted on validation wordings.

    Parameters
    ----------
    text : TextEncoder or None
        Frozen encoder; None is `MiniLM()`.
    shrinkage : float
        Weight of a sphere against the wordings' own scatter within concepts.
    smoothing : float
        Count added to every word in naive Bayes.
    prior : float
        How strongly few validation wordings must argue to change the trust in the experts.

    Attributes
    ----------
    concepts_ : tuple of str
        Sorted.

    References
    ----------
    Friedman (1989), Regularized Discriminant Analysis, JASA, eq. 18; Hinton (2002), Training
    products of experts, Neural Computation; Platt (1999), Probabilistic outputs for support
    vector machines, section 2.2.

    Examples
    --------
    >>> model = ConceptText().fit(["She sits down.", "She walks away."], ["SIT", "WALK"])
    >>> model.concepts_[int(model.log_proba(["He went for a walk."]).argmax())]
    'WALK'
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        text: TextEncoder | None = None,
        shrinkage: Annotated[float, Gt(0), Le(1)] = 0.8,
        smoothing: Annotated[float, Gt(0)] = 0.1,
        prior: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        self.text = text
        self.shrinkage = shrinkage
        self.smoothing = smoothing
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
        wordings = len(known) / len(self.concepts_)
        self.trust_ = np.array([min(EMBEDDING * wordings, MOST), WORDS])
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
        known = log_softmax(np.tensordot(self.trust_, self._evidence(texts), 1), axis=1)
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
        self.wordings_ = self._embed(texts)
        counts = np.bincount(labels)
        member = csr_matrix((1.0 / counts[labels], (labels, np.arange(len(labels)))))
        means = member @ self.wordings_  # (c, e)
        scatter = self._scatter(self.wordings_ - means[labels], len(labels) - len(counts))
        self.weights_ = np.linalg.solve(scatter, means.T)  # (e, c)
        self.bias_ = -0.5 * np.einsum("ce,ec->c", means, self.weights_)
        words = (member > 0).astype(float) @ _words(texts)
        rates = words.toarray() + self.smoothing
        self.words_ = np.log(rates / rates.sum(1, keepdims=True)).astype(np.float32)  # (c, h)

    def _scatter(self, rest: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
        width = rest.shape[1]
        inner = rest.T @ rest / max(freedom, 1)
        # One wording a concept shows no scatter: half of a unit row's is a cautious stand-in.
        mean = np.trace(inner) / width if freedom > 0 else 0.5 / width
        return (1 - self.shrinkage) * inner + self.shrinkage * mean * np.eye(width)

    def _evidence(self, texts: Sequence[str]) -> NDArray[np.float64]:
        meaning = log_softmax(self._embed(texts) @ self.weights_ + self.bias_, axis=1)
        words = log_softmax(_words(texts) @ self.words_.T, axis=1)
        return np.stack([meaning, words])  # (2, s, c)

    def _on_topic(self, texts: Sequence[str]) -> NDArray[np.float64]:
        slope, intercept = self.closeness_
        return slope * self._closeness(texts) + intercept

    def _closeness(self, texts: Sequence[str]) -> NDArray[np.float64]:
        cosines = np.sort(self._embed(texts) @ self.wordings_.T, axis=1)
        return cosines[:, -NEIGHBOURS:].mean(1)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        if self.text is None and not hasattr(self, "_minilm"):
            self._minilm = MiniLM()
        return (self.text or self._minilm).encode(texts).astype(float)

    def _calibrate(self, texts: list[str], answers: NDArray[np.int64]) -> None:
        known = np.flatnonzero(answers >= 0)
        if len(known) and len(self.concepts_) > 1:
            evidence = self._evidence([texts[i] for i in known])
            self.trust_ = _fit_trust(evidence, answers[known], self.trust_, self.prior)
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


def _words(texts: Sequence[str]) -> csr_matrix:
    pattern = r"(?u)\b\w+\b"
    hashing = HashingVectorizer(
        n_features=HASHES, ngram_range=(1, 2), token_pattern=pattern, alternate_sign=False
    )
    return hashing.transform(texts)


def _fit_trust(
    evidence: NDArray[np.float64],
    answers: NDArray[np.int64],
    start: NDArray[np.float64],
    prior: float,
) -> NDArray[np.float64]:
    rows = np.arange(len(answers))

    def loss(log_ratio: NDArray[np.float64]) -> float:
        log_p = log_softmax(np.tensordot(start * np.exp(log_ratio), evidence, 1), axis=1)
        return float(prior * (log_ratio**2).sum() - log_p[rows, answers].sum())

    return start * np.exp(minimize(loss, np.zeros(len(start)), method="L-BFGS-B").x)


def _platt(x: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fit a logistic curve, with Platt's targets against false certainty."""
    hits, misses = positive.sum(), (~positive).sum()
    return logistic([x], np.where(positive, (hits + 1) / (hits + 2), 1 / (misses + 2)))
