"""Makes notes about recordings from their true spans, by seed, in six regimes.

    python benchmarks/make_notes.py hapt --seed 0
    python benchmarks/make_notes.py hapt --test F --seed 3 --out runs/notes_f3
    python benchmarks/make_notes.py hapt --test D --times   # times written as phrases
    python benchmarks/make_notes.py hapt --train C --chunk 5 --out runs/notes_ordered

The regimes: A stamped; B loose (stamps shifted by up to `--jitter` seconds); C in the order of
events, without times; D the same sentences shuffled; E is C with distractors inserted and some
events unmentioned; F is E with some sentences swapped with their neighbour. All draws that two
regimes share are the same under the same seed, so C, E and F differ by nothing else. With `--chunk`
a recording has several training notes, each of so many events in a row, give or take two, and tied
to its stretch.
"""

from __future__ import annotations

import argparse
import csv
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from time_phrases import with_time

Regime = Literal["A", "B", "C", "D", "E", "F"]
REGIMES: tuple[Regime, ...] = ("A", "B", "C", "D", "E", "F")
PARTS = ("train", "valid", "test")
DATA = Path(__file__).resolve().parent.parent / "data"
SPREAD = 2  # events by which a chunk may be smaller or larger
COLUMNS = ("recording", "sentence", "start_s", "end_s", "label")


class Stretch(NamedTuple):
    """A true stretch of a recording in seconds; an empty label says that nothing is stated."""

    start: float
    end: float
    label: str


class Truth(NamedTuple):
    """Where a sentence belongs; a distractor has no times and an empty label."""

    recording: str
    sentence: str
    start: float | None
    end: float | None
    label: str


@dataclass(frozen=True)
class Line:
    """A sentence on its way into a note: its wording, its event and its stamp, if any."""

    text: str
    event: Stretch | None
    stamp: tuple[float, float] | None = None


@dataclass(frozen=True)
class Noise:
    """What goes wrong in a note.

    Parameters
    ----------
    jitter : float
        Largest error of a stamp in regime B, seconds.
    unmentioned : float
        Share of the events that E and F leave out.
    distractors : float
        Off-topic sentences that E and F insert, as a share of the events kept.
    swapped : float
        Share of the sentences that F exchanges with the one that follows.
    """

    jitter: float = 30.0
    unmentioned: float = 0.1
    distractors: float = 0.2
    swapped: float = 0.1


def make_notes(
    spans: Sequence[Stretch],
    wordings: Mapping[str, Any],
    regime: Regime,
    rng: np.random.Generator,
    *,
    recording: str,
    subject: str,
    count: int = 1,
    concepts: bool = False,
    noise: Noise | None = None,
    times: bool = False,
    chunk: int | None = None,
) -> tuple[list[dict[str, Any]], list[Truth]]:
    """Return notes about one recording, each drawn anew, and the truth of their sentences.

    Parameters
    ----------
    spans : sequence of Stretch
        All stretches of the recording in order of time.
    wordings : mapping
        `concepts`: label to sentences, `distractors`: sentences, of one part (see `wordings_of`).
    regime : str
        A letter from A to F.
    rng : numpy.random.Generator
        Draws the wordings and everything that goes wrong.
    recording, subject : str
        Written into the notes.
    count : int
        How many notes: n0, n1, ...
    concepts : bool
        Whether sentences carry their concept (never in a test note).
    noise : Noise or None
        How much goes wrong; the defaults where None.
    times : bool
        Whether sentences tell their times in words, and the notes when the recording began. All
        other draws stay the same.
    chunk : int or None
        Events a note, give or take two, each then tied to its stretch by `covers`; None: one note
        of the whole recording.

    Returns
    -------
    notes : list of dict
        One line of JSON Lines each.
    truth : list of Truth
        One row a sentence.
    """
    end = max((span.end for span in spans), default=0.0)
    parts = [part for own in rng.spawn(count) for part in _stretches(spans, chunk, end, own)]
    notes, truth = [], []
    for number, (own, covers, some) in enumerate(parts):
        lines = _lines(some, wordings, regime, own, noise or Noise(), end)
        head = {"recording": recording, "note": f"n{number}", "subject": subject} | covers
        if times:
            (clock,) = own.spawn(1)
            begun = _morning(clock)
            lines = _timed(lines, begun, clock)
            ended = begun + timedelta(seconds=float(np.ceil(end)))
            head["recorded"] = [begun.isoformat(), ended.isoformat()]
        ids = [f"{recording}.n{number}.{i}" for i in range(len(lines))]
        sentences = [_sentence(*pair, concepts) for pair in zip(ids, lines, strict=True)]
        notes.append(head | {"ordered": regime not in "BD", "sentences": sentences})
        events = [line.event or (None, None, "") for line in lines]
        truth += [Truth(recording, i, *event) for i, event in zip(ids, events, strict=True)]
    return notes, truth


def _stretches(
    spans: Sequence[Stretch], chunk: int | None, end: float, rng: np.random.Generator
) -> Iterator[tuple[np.random.Generator, dict[str, list[float]], Sequence[Stretch]]]:
    """Yield for each note its draws, what it covers and its events.

    Of a scripted protocol, chunks of one size would all begin and end alike: sizes are drawn.
    Neighbours part in the middle between two events.
    """
    stated = [span for span in spans if span.label]
    if chunk is None or not stated:
        yield rng, {}, spans
        return
    cuts = [0]
    while cuts[-1] < len(stated):
        size = int(rng.integers(max(chunk - SPREAD, 1), chunk + SPREAD + 1))
        cuts.append(min(cuts[-1] + size, len(stated)))
    inner = [round((stated[i - 1].end + stated[i].start) / 2, 2) for i in cuts[1:-1]]
    edges = [0.0, *inner, end]
    for n, own in enumerate(rng.spawn(len(cuts) - 1)):
        yield own, {"covers": [edges[n], edges[n + 1]]}, stated[cuts[n] : cuts[n + 1]]


def _lines(
    spans: Sequence[Stretch],
    wordings: Mapping[str, Any],
    regime: Regime,
    rng: np.random.Generator,
    noise: Noise,
    end: float,
) -> list[Line]:
    decks = {label: _deal(texts, rng) for label, texts in wordings["concepts"].items()}
    lines = [Line(next(decks[span.label]), span) for span in spans if span.label]
    if regime == "A":
        return [replace(line, stamp=line.event[:2]) for line in lines if line.event]
    if regime == "B":
        return _loose(lines, end, noise.jitter, rng)
    if regime == "D":
        return [lines[i] for i in rng.permutation(len(lines))]
    if regime in "EF":
        lines = _leave_out(lines, round(noise.unmentioned * len(lines)), rng)
        lines = _insert(lines, wordings["distractors"], round(noise.distractors * len(lines)), rng)
    if regime == "F":
        lines = _swap(lines, round(noise.swapped * len(lines)), rng)
    return lines


def _morning(rng: np.random.Generator) -> datetime:
    """Return when a recording began: on any second between eight and five."""
    return datetime(2024, 3, 5, 8) + timedelta(seconds=int(rng.integers(9 * 3600)))


def _timed(lines: list[Line], begun: datetime, rng: np.random.Generator) -> list[Line]:
    """Write into each sentence when its event was; one may be told from the one before."""
    out, before = [], None
    for line in lines:
        if line.event is None:
            out.append(line)
            continue
        text, told = with_time(line.text, line.event[:2], begun, before, rng)
        before = line.event.start if told else before
        out.append(replace(line, text=text))
    return out


def _deal(texts: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    """Yield the texts in random order, shuffled anew whenever all were used."""
    while True:
        yield from (texts[i] for i in rng.permutation(len(texts)))


def _loose(lines: list[Line], end: float, jitter: float, rng: np.random.Generator) -> list[Line]:
    """Shift each stamp as a whole, kept inside the recording, and sort by what is stamped."""
    loose = []
    for line in lines:
        assert line.event is not None
        low, high = line.event[:2]
        shift = np.clip(rng.uniform(-jitter, jitter), -low, end - high)
        stamp = (round(float(low + shift), 2), round(float(high + shift), 2))
        loose.append(replace(line, stamp=stamp))
    return sorted(loose, key=lambda line: line.stamp or (0.0, 0.0))


def _leave_out(lines: list[Line], count: int, rng: np.random.Generator) -> list[Line]:
    gone = set(rng.permutation(len(lines))[:count].tolist())
    return [line for i, line in enumerate(lines) if i not in gone]


def _insert(
    lines: list[Line], texts: Sequence[str], count: int, rng: np.random.Generator
) -> list[Line]:
    lines, deck = list(lines), _deal(texts, rng)
    for _ in range(count):
        lines.insert(int(rng.integers(len(lines) + 1)), Line(next(deck), None))
    return lines


def _swap(lines: list[Line], count: int, rng: np.random.Generator) -> list[Line]:
    """Exchange `count` sentences with the next one; no sentence moves twice."""
    lines, moved = list(lines), set[int]()
    for i in rng.permutation(max(len(lines) - 1, 0)).tolist():
        if len(moved) < 2 * count and not moved & {i, i + 1}:
            lines[i], lines[i + 1] = lines[i + 1], lines[i]
            moved |= {i, i + 1}
    return lines


def _sentence(ident: str, line: Line, concepts: bool) -> dict[str, Any]:
    sentence: dict[str, Any] = {"id": ident, "text": line.text}
    if line.stamp:
        sentence["start"], sentence["end"] = line.stamp
    if concepts and line.event:
        sentence["concept"] = line.event.label
    return sentence


def wordings_of(file: Path, part: str, distractors: str | None = None) -> dict[str, Any]:
    """Return the sentences of one part: `concepts` (label to sentences) and `distractors`.

    The latter may be those of another list.
    """
    every = json.loads(file.read_text(encoding="utf-8"))
    concepts = {label: parts[part] for label, parts in every["concepts"].items()}
    return {"concepts": concepts, "distractors": every["distractors"][distractors or part]}


def read_spans(file: Path) -> list[Stretch]:
    """Read `start_s,end_s,label` from a `.spans.csv`."""
    with file.open(encoding="utf-8", newline="") as rows:
        return [
            Stretch(float(r["start_s"]), float(r["end_s"]), r["label"])
            for r in csv.DictReader(rows)
        ]


def read_words(file: Path, tier: str = "words") -> list[Stretch]:
    """Read the spoken words of a `.spans.csv` with tiers; the lower-case word is the label."""
    with file.open(encoding="utf-8", newline="") as rows:
        return [
            Stretch(float(r["start_s"]), float(r["end_s"]), r["text"].lower())
            for r in csv.DictReader(rows)
            if r["label"] == tier and r["text"] not in ("", "sp", "sil")
        ]


def part_of_hapt(recording: str) -> str:
    """Return the part of a HAPT recording: subjects 1-17 learn, 18-20 validate, 21-30 test."""
    number = int(subject_of_hapt(recording))
    return "train" if number <= 17 else "valid" if number <= 20 else "test"


def subject_of_hapt(recording: str) -> str:
    """Return `21` for `s21_0`: no leading zeros."""
    return str(int(recording[1:].split("_")[0]))


@dataclass(frozen=True)
class Collection:
    """A folder of recordings with truth, and how notes about them are made.

    Parameters
    ----------
    sentences : Path or None
        The wordings; None where the label is the wording, as in a transcript.
    part, subject : callable
        From a recording's id.
    regimes : (str, str, str)
        For train, valid and test.
    counts : (int, int, int)
        Notes a recording for train, valid and test.
    read : callable
        Reads a `.spans.csv`.
    noise : Noise
        How much goes wrong.
    chunk : int or None
        Events a training note; None: one note of the whole recording.
    distractors : str or None
        The list that off-topic sentences of test notes come from, where it is not the test list.
    """

    sentences: Path | None
    part: Callable[[str], str]
    subject: Callable[[str], str]
    regimes: tuple[Regime, Regime, Regime] = ("A", "E", "E")
    counts: tuple[int, int, int] = (1, 5, 1)
    read: Callable[[Path], list[Stretch]] = read_spans
    noise: Noise = Noise()
    chunk: int | None = None
    distractors: str | None = None


_ECG = {"data_101_6": 0, "data_21_7": 0, "data_84_1": 0, "data_101_9": 1, "data_21_8": 1}
_ECG |= {"data_84_2": 1, "data_101_8": 2, "data_21_9": 2, "data_84_3": 2}
_SPEECH = {"acoustic_corpus": 0, "cold_corpus": 0, "cold_corpus3": 2}

COLLECTIONS: Mapping[str, Collection] = {
    "hapt": Collection(DATA / "hapt/sentences.json", part_of_hapt, subject_of_hapt),
    "tiny": Collection(DATA / "hapt/sentences.json", part_of_hapt, subject_of_hapt),
    "ecg": Collection(
        DATA / "ecg/sentences.json",
        lambda recording: PARTS[_ECG[recording]],
        lambda recording: recording.split("_")[1],
        # Most records hold one or two events: shares as in HAPT would round to nothing.
        noise=Noise(unmentioned=0.0, distractors=0.6),
    ),
    "speech": Collection(
        None,
        lambda recording: PARTS[_SPEECH[recording]],
        lambda recording: "mfa",
        regimes=("A", "C", "C"),
        read=read_words,
    ),
}


def make_collection(
    folder: Path, collection: Collection, seed: int, times: bool = False
) -> tuple[list[dict[str, Any]], list[Truth]]:
    """Make the notes about all recordings of a folder.

    The draws of a recording depend on the seed and its id alone, so the notes of one part stay
    the same whatever the regime of another. With `times` those of validation and test tell them.
    """
    notes: list[dict[str, Any]] = []
    truth: list[Truth] = []
    for file in sorted(folder.glob("*.spans.csv")):
        recording = file.name.removesuffix(".spans.csv")
        part, spans = collection.part(recording), collection.read(file)
        made = make_notes(
            spans,
            _wordings(collection, part, spans),
            collection.regimes[PARTS.index(part)],
            np.random.default_rng([seed, zlib.crc32(recording.encode())]),
            recording=recording,
            subject=collection.subject(recording),
            count=collection.counts[PARTS.index(part)],
            concepts=part != "test",
            noise=collection.noise,
            times=times and part != "train",
            chunk=collection.chunk if part == "train" else None,
        )
        notes += made[0]
        truth += made[1]
    return notes, truth


def _wordings(collection: Collection, part: str, spans: Sequence[Stretch]) -> dict[str, Any]:
    if collection.sentences is not None:
        listed = collection.distractors if part == "test" else None
        return wordings_of(collection.sentences, part, listed)
    return {"concepts": {span.label: [span.label] for span in spans}, "distractors": []}


def transcript(file: Path, subject: str) -> dict[str, Any]:
    """Return a note of the words of a `.lab` file, of which nobody knows the times."""
    words = file.read_text(encoding="utf-8").lower().split()
    sentences = [{"id": f"{file.stem}.n0.{i}", "text": word} for i, word in enumerate(words)]
    head = {"recording": file.stem, "note": "n0", "subject": subject, "ordered": True}
    return {**head, "sentences": sentences}


def write(notes: Sequence[Mapping[str, Any]], truth: Sequence[Truth], folder: Path) -> None:
    """Write `notes.jsonl` and `notes.truth.csv`, the same bytes on every system."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(note, ensure_ascii=False) + "\n" for note in notes)
    (folder / "notes.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    with (folder / "notes.truth.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(truth)


def main(argv: Sequence[str] | None = None) -> None:
    """Make the notes that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Make notes from true spans.")
    parser.add_argument("collection", nargs="?", choices=COLLECTIONS, default="hapt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder to write to; the collection's by default")
    for part in PARTS:
        parser.add_argument(f"--{part}", choices=REGIMES, help=f"regime of the {part} notes")
    parser.add_argument("--jitter", type=float, default=30.0, help="stamp error of B in s")
    parser.add_argument("--times", action="store_true", help="tell times in words, but to learn")
    parser.add_argument("--chunk", type=int, help="about so many events a training note")
    parser.add_argument("--distractors", help="list of off-topic sentences of the test notes")
    args = parser.parse_args(argv)
    chosen = COLLECTIONS[args.collection]
    asked = (args.train, args.valid, args.test)
    regimes = tuple(a or b for a, b in zip(asked, chosen.regimes, strict=True))
    noise = replace(chosen.noise, jitter=args.jitter)
    chosen = replace(chosen, regimes=regimes, noise=noise)
    chosen = replace(chosen, chunk=args.chunk, distractors=args.distractors)
    notes, truth = make_collection(DATA / args.collection, chosen, args.seed, args.times)
    if args.collection == "speech":
        notes.append(transcript(DATA / "speech/61-70968-0000.lab", "librispeech-61"))
    write(notes, truth, args.out or DATA / args.collection)
    print(f"{len(notes)} notes, {len(truth)} sentences with known truth")


if __name__ == "__main__":
    main()
