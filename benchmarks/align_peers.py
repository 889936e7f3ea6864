"""What stands beside tsalign in the tables of alignment: floor, ceilings, what others would do.

Each sees the same recordings, notes and wordings as the rows of tsalign, all training stamps unless
it says otherwise, and what it has to set is set on the validation people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import ruptures
from align_runs import Run, Task, confusion, hits, misplaced
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from tsalign.align import Contrastive, MiniLM
from tsalign.align.supervision.noted import claims_of, joined
from tsalign.align.supervision.taught import first_guess
from tsalign.data import Item
from tsalign.types import AlignedSpan, Alignment, Span

NONE = np.zeros((0, 0), np.float32)
SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0)
INFONCE = ("align.loss=infonce", "align.unmentioned=unknown")
Places = Sequence[tuple[float, float] | None]


@dataclass(frozen=True, eq=False)
class Judged:
    """What a baseline reached on each test recording, as counts."""

    hits: NDArray[np.int64]
    misplaced: NDArray[np.int64]
    any_hits: NDArray[np.int64] | None = None
    confusion: NDArray[np.int64] | None = None


def judged(run: Run, place: Callable[[Item], Alignment], **more: NDArray[np.int64]) -> Judged:
    """Return what a way to place sentences reaches; `more` are further fields of the outcome."""
    known = {item.id: place(item) for item in run.of("test")}
    again = lambda item: known[item.id]  # noqa: E731
    return Judged(hits(run, again), misplaced(run, again), **more)


def sentences(item: Item) -> list[tuple[str, str]]:
    """Return id and text of every sentence of a recording."""
    return [(s.id, s.text) for note in item.notes for s in note.sentences]


def placed(item: Item, spans: Places) -> Alignment:
    """Return an alignment of the sentences in their order; None leaves one out."""
    found = [
        AlignedSpan(item.id, Span(*span), name, text, "", 0.0, float("nan"))
        for (name, text), span in zip(sentences(item), spans, strict=True)
        if span is not None
    ]
    return Alignment(tuple(found), (), NONE, NONE, 0.0)


def changed(task: Task, work: Path, *changes: str) -> Run:
    """Return the pipeline of a task with further changes."""
    return Run(replace(task, changes=(*task.changes, *changes)), work)


def uniform(task: Task, work: Path) -> Judged:
    """Spread all sentences evenly."""
    run = Run(task, work)

    def place(item: Item) -> Alignment:
        edges = run.segments(item).edges()
        cuts = np.linspace(edges[0, 0], edges[-1, 1], len(sentences(item)) + 1).tolist()
        return placed(item, list(pairwise(cuts)))

    return judged(run, place)


def grid_oracle(task: Task, work: Path) -> Judged:
    """Put every sentence onto the frames nearest to its truth."""
    run = Run(task, work)

    def place(item: Item) -> Alignment:
        edges = run.segments(item).edges()
        borders = np.append(edges[:, 0], edges[-1, 1])
        nearest = lambda seconds: float(borders[np.abs(borders - seconds).argmin()])  # noqa: E731
        truth = [item.truth.get(name, ()) for name, _ in sentences(item)]
        return placed(
            item, [(nearest(t[0].start), nearest(t[0].end)) if t else None for t in truth]
        )

    return judged(run, place)


def best_window(task: Task, work: Path) -> Judged:
    """Give each sentence the nearest fixed window, after InfoNCE: as UniMTS and IMU2CLIP do.

    An activity outlasts a window: it takes its neighbours with it while they are nearly as close,
    with the share that is best on the validation people.
    """
    run = changed(task, work, *INFONCE, *task.source.windows)

    def place(item: Item, share: float) -> Alignment:
        texts = [text for _, text in sentences(item)]
        near = run.model.encode_signal(run.rows(item)) @ run.model.encode_text(texts).T
        bounds = run.segments(item).bounds / run.segments(item).rate  # windows overlap
        runs = [_around(column, share) for column in near.T]
        return placed(item, [(float(bounds[a, 0]), float(bounds[b, 1])) for a, b in runs])

    def reached(share: float) -> int:
        return int(hits(run, partial(place, share=share), part="valid")[:, 0].sum())

    told = task.source.wordings("test")
    means = np.stack([run.model.encode_text(texts).mean(axis=0) for texts in told.values()])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    named = confusion(run, lambda X: run.model.encode_signal(X) @ means.T, windows=True)
    best = partial(place, share=max(SHARES, key=reached))
    return judged(run, best, any_hits=hits(run, best, anywhere=True), confusion=named)


def _around(near: NDArray[np.floating], share: float) -> tuple[int, int]:
    """Return first and last of the run about the best that is nearly as close."""
    best = int(near.argmax())
    less = np.flatnonzero(near < share * near[best])
    place = int(np.searchsorted(less, best))
    bounds = np.concatenate([[-1], less, [len(near)]])
    return int(bounds[place]) + 1, int(bounds[place + 1]) - 1


def warp(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the sentence of each segment: in order, all used, no segment left out (plain DTW).

    Parameters
    ----------
    scores : (k, s) array
        With k >= s.

    References
    ----------
    Sakoe and Chiba (1978), Dynamic programming algorithm optimization for spoken word recognition.
    """
    k, s = scores.shape
    best = np.full((k, s), -np.inf)
    best[0, 0] = scores[0, 0]
    for i in range(1, k):
        before = np.append(-np.inf, best[i - 1, :-1])
        best[i] = np.maximum(best[i - 1], before) + scores[i]
    path = np.full(k, s - 1, np.int64)
    for i in range(k - 1, 0, -1):
        j = path[i]
        path[i - 1] = j - int(j > 0 and best[i - 1, j - 1] > best[i - 1, j])
    return path


def warped(run: Run, model: Any) -> Judged:
    """Warp the sentences onto the frames by a model's similarity."""

    def place(item: Item) -> Alignment:
        texts = [text for _, text in sentences(item)]
        path = warp(model.similarity(run.rows(item), texts).astype(np.float64))
        edges = run.segments(item).edges()
        runs = [np.flatnonzero(path == j) for j in range(len(texts))]
        return placed(item, [(float(edges[r[0], 0]), float(edges[r[-1], 1])) for r in runs])

    return judged(run, place)


def dtw(task: Task, work: Path) -> Judged:
    """Warp notes onto frames by the similarity learnt from all stamps."""
    run = Run(task, work)
    return warped(run, run.model)


def bags_then_dtw(task: Task, work: Path) -> Judged:
    """Learn by MIL-NCE from unordered stretches without times, then warp: TAN's and VideoCLIP's."""
    run = Run(replace(task, regimes=("D", "E", "E"), chunk=5), work)
    given = run.noted("train")
    claims, texts = claims_of(given, "unordered")
    pairs = joined(given, claims, [first_guess(claim) for claim in claims], texts)
    model = Contrastive(loss="mil_nce", random_state=task.seed, device="cpu")
    model.fit(pairs, run.pairs("valid"))
    named = confusion(run, partial(model.classify, classes=task.source.wordings("test")))
    return replace(warped(run, model), confusion=named)


class Supervised:
    """A classifier of frames by their labels, asked as a shared space is; the text is ours."""

    def __init__(self, run: Run, meanings: Callable[[Sequence[str]], Any]) -> None:
        self.concepts_, self.concept_text = run.model.concepts_, meanings
        self.run = run
        pairs = run.pairs("train")
        names = np.array([*(name or "" for name in pairs.names), ""])
        network = MLPClassifier((256, 256), early_stopping=True, random_state=run.task.seed)
        self.network = network.fit(pairs.features, names[pairs.text])

    def _log_proba(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.log(self.network.predict_proba(X) + 1e-9).astype(np.float32)

    def concept_scores(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log p(concept | frame), in the order of `concepts_`."""
        return self._log_proba(X)[:, [*self.network.classes_].index(self.concepts_[0]) :]

    def named(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the same of all concepts of the recordings; nothing is known of one unheard."""
        out = np.full((len(X), len(self.run.source.concepts)), -np.inf, np.float32)
        out[:, np.isin(self.run.source.concepts, self.concepts_)] = self.concept_scores(X)
        return out

    def null_scores(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log p(no activity | frame)."""
        return self._log_proba(X)[:, 0]

    def similarity(self, X: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float32]:
        """Return nothing: what a sentence means decides."""
        return np.zeros((len(X), len(texts)), np.float32)


def supervised(task: Task, work: Path) -> Judged:
    """Place by a supervised classifier of frames, our text and the same decoder."""
    run = Run(task, work)
    model = Supervised(run, run.model.concept_text)
    return judged(run, run.placed_by(model), confusion=confusion(run, model.named))


def known_text(task: Task, work: Path) -> Judged:
    """Do the same when it is known what each sentence means."""
    run = Run(task, work)
    told = [task.source.wordings(part) for part in ("valid", "test")]
    meant = {text: i for some in told for i, texts in enumerate(some.values()) for text in texts}

    def meanings(texts: Sequence[str]) -> NDArray[np.float32]:
        out = np.full((len(texts), len(task.source.concepts)), -12.0, np.float32)
        for row, text in zip(out, texts, strict=True):
            if text in meant:
                row[meant[text]] = 0.0
        return out

    return judged(run, run.placed_by(Supervised(run, meanings)))


def in_order(scores: NDArray[np.floating]) -> list[int | None]:
    """Return the piece of each sentence: in order, one each, either side may be left out at 0.

    Parameters
    ----------
    scores : (p, s) array
        Of piece and sentence.
    """
    p, s = scores.shape
    best = np.zeros((p + 1, s + 1))
    for i in range(p):
        for j in range(s):
            best[i + 1, j + 1] = max(best[i, j] + scores[i, j], best[i, j + 1], best[i + 1, j])
    found: list[int | None] = [None] * s
    i, j = p, s
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found[j] = i
    return found


class Glue:
    """What a user writes today: ruptures, means of features, logistic regressions, order."""

    def __init__(self, run: Run) -> None:
        self.run = run
        pairs = run.pairs("train")
        names = np.array([*(name or "" for name in pairs.names), ""])
        self.signal = LogisticRegression(C=0.01, max_iter=500).fit(
            pairs.features, names[pairs.text]
        )
        told = run.source.wordings("train")
        every = [(text, name) for name, some in told.items() for text in some]
        self.text, rows = MiniLM(), [text for text, _ in every]
        self.words = LogisticRegression(C=10.0, max_iter=500).fit(
            self.text.encode(rows), [name for _, name in every]
        )

    def pieces(self, item: Item, penalty: float | None) -> NDArray[np.int64]:
        """Return first and last frames of the pieces; of as many as there are true ones if None."""
        X = self.run.rows(item)[:, :32].astype(np.float64)  # statistics of 2.56 s
        search = ruptures.KernelCPD(kernel="linear", min_size=3).fit(X)
        true = 2 * sum(bool(label.label) for label in item.labels)
        cuts = search.predict(pen=penalty * X.shape[1]) if penalty else search.predict(n_bkps=true)
        return np.stack([[0, *cuts[:-1]], cuts], axis=1)

    def place(self, item: Item, penalty: float | None) -> Alignment:
        """Put each sentence onto a piece."""
        bounds, edges = self.pieces(item, penalty), self.run.segments(item).edges()
        X = self.run.rows(item)
        means = np.stack([X[a:b].mean(axis=0) for a, b in bounds])
        odds = self.signal.predict_log_proba(means)
        texts = [text for _, text in sentences(item)]
        meant = [
            [*self.signal.classes_].index(c) for c in self.words.predict(self.text.encode(texts))
        ]
        found = in_order(odds[:, meant] - odds[:, :1])
        spans = [
            None
            if i is None
            else (float(edges[bounds[i, 0], 0]), float(edges[bounds[i, 1] - 1, 1]))
            for i in found
        ]
        return placed(item, spans)


def glue(task: Task, work: Path, *, oracle: bool = False) -> Judged:
    """Cut by ruptures with the penalty best on the validation people, or into the true number."""
    run = Run(task, work)
    made = Glue(run)

    def reached(penalty: float) -> int:
        return int(hits(run, lambda item: made.place(item, penalty), part="valid")[:, 0].sum())

    penalty = None if oracle else max(PENALTIES, key=reached)
    return judged(run, lambda item: made.place(item, penalty))


PEERS: dict[str, Callable[[Task, Path], Judged]] = {
    "evenly spread": uniform,
    "grid oracle": grid_oracle,
    "windows, InfoNCE, best window": best_window,
    "plain DTW": dtw,
    "MIL-NCE, DTW": bags_then_dtw,
    "ruptures, means, logistic regression": glue,
    "ruptures told the number of pieces": partial(glue, oracle=True),
    "supervised frames, same decoder": supervised,
    "supervised frames, text known": known_text,
}
