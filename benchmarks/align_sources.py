"""The recordings that alignment is measured on, and what each changes of `pipelines/hapt.yaml`.

Only what the signal demands is changed: where the data are, the rate, and the lengths of segments
and of what is described around them. Learning and decoding are those of HAPT.

`daphnet` (Bächlin et al. 2010; two development patients, 3 recordings, 11 freezes): nothing but
the rate of 64 Hz and segments of 20 samples. Cut to the protocol, as the authors do, for nobody
states what goes on outside. One recording is left out at a time and the others learn, S03R03
without any freeze; nobody is left to validate.
`uci` (Shinmoto Torres et al. 2013): irregular stamps onto 10 Hz, segments of .5 s described by
8 s and 2 s; fixed windows of 2 s. Whose the 60 trials are nobody says: parts are runs of trials in
their order.
`speech`: words of the Montreal Forced Aligner's test files and of praatio's; frames of 25 ms every
20 ms, MFCC of a frame and of .2 s around it, log-mel. One speaker learns and validates, two others
are tested. `speech, one speaker` leaves one recording of the first out at a time. A word is its
own wording, so no wording is new, but words may be: praatio's share only "the" with the others.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from make_notes import COLLECTIONS, PARTS, Collection, Stretch, read_spans, read_words
from notes_times import MADE, write_trials

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Source:
    """Recordings with their truth, how notes are made of it, and how they are read.

    Parameters
    ----------
    spans : Path
        Folder of the `.spans.csv`; a stretch without a label says that nothing is stated.
    collection : Collection
        How notes are made; its `part` says who learns.
    window, hop, frame : float
        Seconds of the windows that are named, between two of them, and between two segments.
    changes : tuple of str
        To `hapt.yaml`, `key=value`.
    fixed : str
        Describes fixed windows, as the methods do that stand beside tsalign.
    """

    spans: Path
    collection: Collection
    window: float = 2.56
    hop: float = 1.28
    frame: float = 0.32
    changes: tuple[str, ...] = ()
    fixed: str = "[statistics, {kind: minirocket, kernels: 1000, components: 64}]"

    @property
    def step(self) -> int:
        """Segments in a hop."""
        return round(self.hop / self.frame)

    @property
    def size(self) -> int:
        """Segments in a window."""
        return round(self.window / self.frame)

    @property
    def windows(self) -> tuple[str, ...]:
        """Changes that replace segments and what is around them by fixed windows."""
        cut = f"segment={{kind: windows, length: {self.window}, hop: {self.hop}}}"
        return cut, f"describe={self.fixed}"

    def wordings(self, part: str) -> dict[str, list[str]]:
        """Return the sentences of each concept, of one part; a word speaks for itself."""
        if self.collection.sentences is None:
            return {word: [word] for word in self.concepts}
        every = json.loads(self.collection.sentences.read_text())["concepts"]
        return {name: parts[part] for name, parts in sorted(every.items())}

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """All that may be shown, sorted."""
        if self.collection.sentences is not None:
            return tuple(self.wordings("train"))
        files = self.spans.glob("*.spans.csv")
        return tuple(sorted({s.label for file in files for s in read_spans(file) if s.label}))


HAPT = Source(ROOT / "data/hapt", COLLECTIONS["hapt"])
FREEZING_CHANGES = (
    "prepare=[{kind: resample, rate: 64.0}]",
    "segment={kind: windows, length: 0.3125}",  # .32 s is not a whole number of samples
)
UCI_CHANGES = (
    "prepare=[{kind: resample, rate: 10.0, max_gap: 200.0}]",
    "segment={kind: windows, length: 0.5}",
    "describe=[{kind: statistics, context: 8.0}, {kind: statistics, context: 2.0},"
    " {kind: minirocket, kernels: 1000, context: 8.0, components: 64}]",
)
SPEECH_CHANGES = (
    "prepare=[{kind: resample, rate: 16000.0}]",
    "segment={kind: windows, length: 0.025, hop: 0.020}",
    "describe=[mfcc, {kind: mfcc, context: 0.2}, log_mel]",
)
TOO_SHORT = ("d1p26F",)  # seven samples in 1.75 s: less than one fixed window
FREEZES = ("S01R02", "S03R02", "S03R03")
VOICE, OTHERS = ("acoustic_corpus", "cold_corpus", "cold_corpus3"), ("bobby", "mary")


def whole(recording: str) -> str:
    """Return a recording as a person of its own."""
    return recording


def left_out(every: Sequence[str]) -> list[Callable[[str], str]]:
    """Return for each recording the parts in which it is tested and the others learn."""
    return [lambda name, out=out: "test" if name == out else "train" for out in every]


def reading(folder: Path, recordings: str, part: Callable[[str], str]) -> tuple[str, str]:
    """Return the changes that read some recordings and divide them, with their spans at hand."""
    names = sorted(file.name.removesuffix(".spans.csv") for file in folder.glob("*.spans.csv"))
    parts = {p: [name for name in names if part(name) == p] for p in PARTS}
    split = json.dumps({"by": "recording"} | parts)
    return f"data.recordings={recordings}", f"data.split={split}"


def write_spans(spans: Sequence[Stretch], file: Path) -> None:
    """Write `start_s,end_s,label`."""
    with file.open("w", encoding="utf-8", newline="") as rows:
        csv.writer(rows, lineterminator="\n").writerows([("start_s", "end_s", "label"), *spans])


def daphnet(folder: Path) -> list[Source]:
    """Return Daphnet, one recording left out at a time, cut to its protocol."""
    (folder / "truth").mkdir(exist_ok=True)
    for name in FREEZES:
        spans = read_spans(SHARED / "daphnet_fog" / f"{name}.spans.csv")
        stated = [s for s in spans if s.label != "not_experiment"]
        begin, end = stated[0].start, stated[-1].end
        head, *lines = (SHARED / "daphnet_fog" / f"{name}.txt").read_text().split()
        rows = [line.split(",")[:10] for line in lines]  # what it is labelled as is not read
        told = [(int(row[0]) / 1000, row[1:]) for row in rows]
        kept = [[f"{t - begin:.3f}", *more] for t, more in told if begin <= t < end]
        text = [",".join(row) for row in (head.split(",")[:10], *kept)]
        (folder / f"{name}.csv").write_text("\n".join(text) + "\n")
        moved = [Stretch(round(a - begin, 3), round(b - begin, 3), c) for a, b, c in stated]
        write_spans(moved, folder / "truth" / f"{name}.spans.csv")
    made = Collection(ROOT / "benchmarks/wordings/daphnet.json", whole, whole)
    sources = []
    for part in left_out(FREEZES):
        read = reading(folder / "truth", f"{folder}/*.csv", part)
        changes = (*read, *FREEZING_CHANGES)
        kept = replace(made, part=part)
        sources.append(Source(folder / "truth", kept, 2.5, 1.25, 0.3125, changes))
    return sources


def uci(folder: Path) -> list[Source]:
    """Return the trials of UCI batteryless."""
    write_trials(folder)
    made = replace(MADE["uci"], regimes=("A", "E", "E"), counts=(1, 5, 1))
    for name in TOO_SHORT:
        (folder / f"{name}.csv").unlink()
        (folder / "truth" / f"{name}.spans.csv").unlink()
    for file in (folder / "truth").glob("*.spans.csv"):
        write_spans(made.read(file), file)
    read = reading(folder / "truth", f"{folder}/*.csv", made.part)
    return [Source(folder / "truth", made, 2.0, 1.0, 0.5, (*read, *UCI_CHANGES))]


def spoken(
    folder: Path, names: Sequence[str], parts: Sequence[Callable[[str], str]]
) -> list[Source]:
    """Return recordings of speech, divided in some ways."""
    files = []
    for name in names:
        known = name in VOICE
        home = SHARED / ("mfa_speech" if known else "praatio_words")
        files.append(str(home / f"{name}.wav"))
        words = home / f"{name}{'_words' * (name == 'bobby')}.spans.csv"
        spans = read_words(words, "words" if known else "word")
        write_spans(spans, folder / f"{name}.spans.csv")
    made = replace(COLLECTIONS["speech"], read=read_spans)
    sources = []
    for part in parts:
        changes = (*reading(folder, json.dumps(files), part), *SPEECH_CHANGES)
        kept = replace(made, part=part)
        fixed = "[{kind: mfcc, context: 0.2}]"
        sources.append(Source(folder, kept, 0.2, 0.1, 0.02, changes, fixed))
    return sources


def speech(folder: Path) -> list[Source]:
    """Return one speaker who learns and two who are tested."""
    parts = dict(zip(VOICE, ("train", "train", "valid"), strict=True))
    return spoken(folder, (*VOICE, *OTHERS), [lambda name: parts.get(name, "test")])


def one_speaker(folder: Path) -> list[Source]:
    """Return the first speaker alone, one recording left out at a time."""
    return spoken(folder, VOICE, left_out(VOICE))


SOURCES: Mapping[str, Callable[[Path], list[Source]]] = {
    "daphnet": daphnet,
    "uci": uci,
    "speech": speech,
    "speech, one speaker": one_speaker,
}
