"""What all rows of `align.py` stand on: HAPT described once, notes by seed, one pipeline a run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, floor
from pathlib import Path
from typing import Any

import make_notes
import numpy as np
from numpy.typing import NDArray

from tsalign import config, stages
from tsalign.align import Pairs
from tsalign.align.noted import Noted, pairs_of
from tsalign.cache import Store
from tsalign.data import Item, collect
from tsalign.engine import Engine, Node
from tsalign.match.outcome import best_iou
from tsalign.pipeline import Graph, build
from tsalign.types import Alignment, Evidence, Span

ROOT = Path(__file__).parents[1]
HAPT = make_notes.COLLECTIONS["hapt"]
PLAIN = ("tokens=null", "export=[]", "evaluate=[span_iou, recall_at_iou, distractors]")
LENGTH, HOP, PURE = 2.56, 1.28, 0.8
STEP = 4  # frames of .32 s in a hop
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Task:
    """One pipeline over HAPT: its notes, its changes to `hapt.yaml`, its seed.

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
    """

    seed: int
    changes: tuple[str, ...] = ()
    regimes: tuple[make_notes.Regime, make_notes.Regime, make_notes.Regime] = ("A", "E", "E")
    teach: Change | None = field(default=None, compare=False)
    chunk: int | None = None
    without: tuple[str, ...] = ()


def write_notes(task: Task, folder: Path) -> None:
    """Write the notes of a task and their truth."""
    chosen = replace(HAPT, regimes=task.regimes, chunk=task.chunk)
    notes, truth = make_notes.make_collection(ROOT / "data" / "hapt", chosen, task.seed)
    learn = [n for n in notes if make_notes.part_of_hapt(n["recording"]) == "train"]
    others = [n for n in notes if make_notes.part_of_hapt(n["recording"]) != "train"]
    told = [_silent(n, task.without) for n in (*(task.teach or list)(learn), *others)]
    said = {sentence["id"] for note in told for sentence in note["sentences"]}
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
        truth = f"[data/hapt/*.spans.csv, {notes / 'notes.truth.csv'}]"
        given = (f"data.notes={notes / 'notes.jsonl'}", f"data.truth={truth}", f"seed={task.seed}")
        self.task = task
        self.config = config.load(ROOT / "pipelines" / "hapt.yaml", (*given, *PLAIN, *task.changes))
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

    @property
    def pairs(self) -> tuple[Pairs, Pairs]:
        """What a stamped model learns from, and is validated by."""
        return pairs_of(self.noted("train")), pairs_of(self.noted("valid"))

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


def windows_of(spans: Iterable[tuple[float, float, str]]) -> tuple[NDArray[np.int64], list[str]]:
    """Return the windows of 2.56 s, stride 1.28 s, that lie to 80 % in one activity.

    With that share the windows are as many as in the reference (7,207 of people 1-20, 4,086 of
    21-30; here two fewer and one more); of those wholly inside, two would be of SIT_TO_STAND.

    Returns
    -------
    numbers : (n,) int64
        A window starts 1.28 s times its number.
    labels : list of str
        Its activity.
    """
    numbers, labels = [], []
    for start, end, label in spans:
        rest = (1 - PURE) * LENGTH
        first, last = ceil((start - rest) / HOP - 1e-9), floor((end + rest - LENGTH) / HOP + 1e-9)
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
            when = {"start": round(i * HOP, 2), "end": round(i * HOP + LENGTH, 2)}
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
    return np.array(found, np.int64)


def _alike(item: Item, spans: Sequence[Span]) -> list[Span]:
    """Return all stretches of the activity that the first of some spans shows."""
    names = {label.span: label.label for label in item.labels}
    return [span for span, name in names.items() if name == names[spans[0]]]


def confusion(
    run: Run,
    log_odds: Callable[[NDArray[np.float32]], Any],
    *,
    part: str = "test",
    step: int = STEP,
    size: int = 2 * STEP,
) -> NDArray[np.int64]:
    """Return `(r, 12, 12)`: true by chosen activity of the windows of each recording.

    Parameters
    ----------
    run : Run
        Whose people are judged.
    log_odds : callable
        From segments `(k, d)` to log-probabilities `(k, 12)`; a window's are the mean of its own.
    part : str
        Which people.
    step, size : int
        Segments in a hop and in a window.
    """
    found = []
    for item in run.of(part):
        X = run.rows(item)
        spans = ((label.span.start, label.span.end, label.label) for label in item.labels)
        numbers, labels = windows_of(spans)
        frames = np.minimum(numbers[:, None] * step + np.arange(size), len(X) - 1)
        chosen = np.asarray(log_odds(X))[frames].mean(axis=1).argmax(axis=1)
        counts = np.zeros((len(ACTIVITIES), len(ACTIVITIES)), np.int64)
        np.add.at(counts, ([ACTIVITIES.index(label) for label in labels], chosen), 1)
        found.append(counts)
    return np.stack(found)


def wordings(part: str) -> dict[str, list[str]]:
    """Return the sentences of each activity, of one part."""
    every = json.loads((ROOT / "data/hapt/sentences.json").read_text())["concepts"]
    return {name: parts[part] for name, parts in sorted(every.items())}


ACTIVITIES = tuple(wordings("train"))
