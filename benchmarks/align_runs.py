"""What all rows of a table stand on: recordings described once, notes by seed, a pipeline a run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, floor
from pathlib import Path
from typing import Any

import make_notes
import numpy as np
from align_sources import HAPT, ROOT, Source
from numpy.typing import NDArray

from tsalign import config, stages
from tsalign.align import Pairs
from tsalign.align.supervision.noted import Noted, pairs_of
from tsalign.cache import Store
from tsalign.data import Item, collect
from tsalign.engine import Engine, Node
from tsalign.match.outcome import best_iou
from tsalign.pipeline import Graph, build
from tsalign.types import Alignment, Evidence, Span

PLAIN = ("tokens=null", "export=[]", "evaluate=[span_iou, recall_at_iou, distractors]")
PURE = 0.8
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Task:
    """One pipeline over some recordings: its notes, its changes to `hapt.yaml`, its seed.

    Parameters
    ----------
    seed : int
        Draws notes and weights.
    changes : tuple of str
        `key=value`, as for `--set`.
    regimes : (str, str, str)
        Of the notes to learn from, to validate and to test by (`make_notes.py`).
    teach : callable or None
        Changes the notes of the training people, one dict a note.
    chunk : int or None
        Ties each training note to a stretch of about so many events; a whole recording by default.
    without : tuple of str
        Activities that no sentence of the training and validation people speaks of.
    source : Source
        The recordings.
    """

    seed: int
    changes: tuple[str, ...] = ()
    regimes: tuple[make_notes.Regime, make_notes.Regime, make_notes.Regime] = ("A", "E", "E")
    teach: Change | None = field(default=None, compare=False)
    chunk: int | None = None
    without: tuple[str, ...] = ()
    source: Source = HAPT


def write_notes(task: Task, folder: Path) -> None:
    """Write the notes of a task and their truth."""
    source, part = task.source, task.source.collection.part
    chosen = replace(source.collection, regimes=task.regimes, chunk=task.chunk)
    notes, truth = make_notes.make_collection(source.spans, chosen, task.seed)
    learn = [n for n in notes if part(n["recording"]) == "train"]
    others = [n for n in notes if part(n["recording"]) != "train"]
    told = [_silent(n, task.without) for n in (*(task.teach or list)(learn), *others)]
    said = {sentence["id"] for note in told for sentence in note["sentences"]}
    told = [note for note in told if note["sentences"]]  # nothing is said of a silent recording
    make_notes.write(told, [row for row in truth if row.sentence in said], folder)


def _silent(note: dict[str, Any], without: Sequence[str]) -> dict[str, Any]:
    """Leave out what is said of some activities; test notes carry no concept and stay whole."""
    kept = [s for s in note["sentences"] if s.get("concept") not in without]
    return note | {"sentences": kept}


class Run:
    """A pipeline that computes what is asked of it, and reuses what an earlier one computed.

    Parameters
    ----------
    task : Task
        What is asked.
    work : Path
        Folder for notes and, in `cache`, for what was computed.
    """

    def __init__(self, task: Task, work: Path) -> None:
        notes = Path(tempfile.mkdtemp(prefix="notes-", dir=work))
        write_notes(task, notes)
        truth = f"[{task.source.spans}/*.spans.csv, {notes / 'notes.truth.csv'}]"
        given = (f"data.notes={notes / 'notes.jsonl'}", f"data.truth={truth}", f"seed={task.seed}")
        changes = (*given, *PLAIN, *task.source.changes, *task.changes)
        self.task = task
        self.source = task.source
        self.config = config.load(ROOT / "pipelines" / "hapt.yaml", changes)
        self.items: list[Item] = collect(self.config)
        self.engine = Engine(Store(work / "cache"), lambda event: None)

    @cached_property
    def graph(self) -> Graph:
        """The nodes of the pipeline."""
        return build(self.config, self.items)

    def of(self, part: str) -> list[Item]:
        """Return the recordings of a part."""
        return [item for item in self.items if item.part == part]

    def told(self, part: str) -> list[stages.Told]:
        """Return what learning may know of the recordings of a part."""
        return self._fit("align", "fit_align").settings[1 if part == "train" else 2]

    @cached_property
    def scale(self) -> stages.Scale:
        """The scale of the descriptions of the training people."""
        return self.engine.value(self._fit("describe", "fit_scale"))

    def rows(self, item: Item) -> NDArray[np.float32]:
        """Return the scaled descriptions of the frames of a recording."""
        return self.scale(self.engine.value(self.graph.slots["describe"][item.id]))

    def segments(self, item: Item) -> Any:
        """Return the frames of a recording."""
        return self.engine.value(self.graph.slots["segment"][item.id])

    @property
    def model(self) -> Any:
        """The learnt shared space."""
        return self.engine.value(self._fit("align", "fit_align"))

    def pairs(self, part: str) -> Pairs:
        """Return what a stamped model learns from (`train`), or is validated by."""
        return pairs_of(self.noted(part))

    def noted(self, part: str) -> list[Noted]:
        """Return the recordings of a part beside their notes, validation with its true times."""
        return [
            Noted(self.rows(item), self.segments(item), who.notes)
            for item, who in zip(self.of(part), self.told(part), strict=True)
        ]

    def alignment(self, item: Item) -> Alignment:
        """Return where the pipeline puts the sentences of a recording."""
        return self.engine.value(self.graph.slots["match"][item.id])

    def judge(self, item: Item, model: Any) -> Evidence:
        """Return what a model says of a recording."""
        texts = [s.text for note in item.notes for s in note.sentences]
        rows = self.graph.slots["describe"][item.id]
        loads = (lambda: model, lambda: self.scale, lambda: self.engine.value(rows))
        return stages.evidence(texts, *loads, lambda: self.segments(item))

    def placed_by(self, model: Any) -> Callable[[Item], Alignment]:
        """Return the pipeline's own way to place sentences, with a model of one's own."""
        valid = self.of("valid")
        segments = [lambda item=item: self.segments(item) for item in valid]
        judged = [lambda item=item: self.judge(item, model) for item in valid]
        told = self._fit("match", "fit_match").settings
        placer = stages.fit_match(*told, lambda: model, segments, judged)

        def place(item: Item) -> Alignment:
            known = self.graph.slots["match"][item.id].settings
            loads = (lambda: self.judge(item, model), lambda: self.segments(item))
            return stages.matched(*known, lambda: placer, *loads)

        return place

    def _fit(self, slot: str, function: str) -> Node:
        (node,) = [
            n for n in self.graph.all() if n.slot == slot and n.function.__name__ == function
        ]
        return node


def windows_of(
    spans: Iterable[tuple[float, float, str]], length: float = HAPT.window, hop: float = HAPT.hop
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the windows of some seconds that lie to 80 % in one activity.

    On HAPT, with that share the windows of 2.56 s are as many as in the reference (7,207 of people
    1-20, 4,086 of 21-30; here two fewer and one more); of those wholly inside, two would be of
    SIT_TO_STAND.

    Returns
    -------
    numbers : (n,) int64
        A window starts a hop times its number.
    labels : list of str
        Its activity.
    """
    numbers, labels = [], []
    for start, end, label in spans:
        rest = (1 - PURE) * length
        first, last = ceil((start - rest) / hop - 1e-9), floor((end + rest - length) / hop + 1e-9)
        if label:
            numbers += range(max(first, 0), last + 1)
            labels += [label] * (len(numbers) - len(labels))
    return np.array(numbers, np.int64), labels


def few_windows(size: int, seed: int) -> Change:
    """Return what leaves, of all stamps, a number of stamped windows drawn at random.

    The wordings of the training part are known in full, without a time, as in the reference.
    """

    def teach(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rng = np.random.default_rng(seed)
        texts = wordings("train")
        every = []
        for n, note in enumerate(notes):
            spans = [(s["start"], s["end"], s["concept"]) for s in note["sentences"]]
            every += [(n, i, label) for i, label in zip(*windows_of(spans), strict=True)]
        said: list[list[dict[str, Any]]] = [[] for _ in notes]
        for place in sorted(rng.choice(len(every), size, replace=False).tolist()):
            n, i, label = every[place]
            start = i * HAPT.hop
            when = {"start": round(start, 2), "end": round(start + HAPT.window, 2)}
            told = {"text": str(rng.choice(texts[label])), "concept": label, **when}
            said[n].append({"id": f"{notes[n]['recording']}.w{i}", **told})
        said[0] += [
            {"id": f"{label}.{i}", "text": text, "concept": label}
            for label, some in texts.items()
            for i, text in enumerate(some)
        ]
        return [note | {"sentences": s} for note, s in zip(notes, said, strict=True) if s]

    return teach


def hits(
    run: Run, place: Callable[[Item], Alignment], *, part: str = "test", anywhere: bool = False
) -> NDArray[np.int64]:
    """Return, of each recording, sentences placed with IoU >= .5, and sentences in all.

    Distractors do not count. With `anywhere`, any stretch of the same activity is right.
    """
    found = []
    for item in run.of(part):
        placed = {span.sentence: span.span for span in place(item).spans}
        events = [(name, spans) for name, spans in item.truth.items() if spans]
        if anywhere:
            events = [(name, _alike(item, spans)) for name, spans in events]
        right = [name in placed and best_iou(placed[name], spans) >= 0.5 for name, spans in events]
        found.append((sum(right), len(events)))
    return np.array(found, np.int64).reshape(-1, 2)


def misplaced(run: Run, place: Callable[[Item], Alignment]) -> NDArray[np.int64]:
    """Return, of each test recording, off-topic sentences placed somewhere, and all of them."""
    found = []
    for item in run.of("test"):
        placed = {span.sentence for span in place(item).spans}
        stray = [name in placed for name, spans in item.truth.items() if not spans]
        found.append((sum(stray), len(stray)))
    return np.array(found, np.int64).reshape(-1, 2)


def _alike(item: Item, spans: Sequence[Span]) -> list[Span]:
    """Return all stretches of the activity that the first of some spans shows."""
    names = {label.span: label.label for label in item.labels}
    return [span for span, name in names.items() if name == names[spans[0]]]


def confusion(
    run: Run,
    log_odds: Callable[[NDArray[np.float32]], Any],
    *,
    windows: bool = False,
) -> NDArray[np.int64]:
    """Return `(r, c, c)`: true by chosen concept of the windows of each test recording.

    Parameters
    ----------
    run : Run
        Whose people are judged.
    log_odds : callable
        From segments `(k, d)` to log-probabilities `(k, c)`; a window's are the mean of its own.
    windows : bool
        Whether each segment is such a window itself.
    """
    source, concepts, found = run.source, run.source.concepts, []
    step, size = (1, 1) if windows else (source.step, source.size)
    for item in run.of("test"):
        X = run.rows(item)
        spans = ((label.span.start, label.span.end, label.label) for label in item.labels)
        numbers, labels = windows_of(spans, source.window, source.hop)
        frames = np.minimum(numbers[:, None] * step + np.arange(size), len(X) - 1)
        chosen = np.asarray(log_odds(X))[frames].mean(axis=1).argmax(axis=1)
        counts = np.zeros((len(concepts), len(concepts)), np.int64)
        np.add.at(counts, ([concepts.index(label) for label in labels], chosen), 1)
        found.append(counts)
    return np.stack(found)


wordings = HAPT.wordings
ACTIVITIES = HAPT.concepts
