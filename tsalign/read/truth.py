"""What is known to be true, for evaluation only: labelled stretches and sentences' places."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tsalign.errors import TsalignError, located
from tsalign.read.assemble import file_of
from tsalign.types import Label, Span

Places = dict[str, tuple[Span, ...]]
_LABELS = ("start_s", "end_s", "label")
_SENTENCES = ("recording", "sentence", "start_s", "end_s")


@dataclass(frozen=True)
class Truth:
    """What one file says.

    Parameters
    ----------
    labels : mapping of str to tuple of Label
        Labelled stretches by recording.
    sentences : mapping of str to mapping of str to tuple of Span
        True stretches by recording and sentence id; an empty tuple says: matches nothing.
    """

    labels: Mapping[str, tuple[Label, ...]] = field(default_factory=dict)
    sentences: Mapping[str, Places] = field(default_factory=dict)


def read_truth(path: str | Path) -> Truth:
    """Read one file of truth.

    Parameters
    ----------
    path : str or Path
        CSV, either `start_s,end_s,label[,text]` for the recording after which the file is named
        (`ID.spans.csv` or `ID.csv`; a row without a label states nothing), or
        `recording,sentence,start_s,end_s[,label]` for many recordings (several rows where a
        sentence has several stretches, empty times where it matches nothing).

    Returns
    -------
    Truth
        Stretches in the order of time.

    Raises
    ------
    TsalignError
        Naming file and line: unknown columns, something that is no number, an end before its
        start, a row that stands twice.
    """
    path = file_of(path)
    with located(file=path):
        rows = list(_rows(path))
        if rows and "sentence" in rows[0][1]:
            return Truth(sentences=_sentences(rows))
        recording = path.name.removesuffix(".csv").removesuffix(".spans")
        return Truth(labels={recording: _labels(rows)})


def read_truths(
    paths: Iterable[str | Path],
) -> dict[str, tuple[tuple[Label, ...], Places]]:
    """Read many files of truth.

    Parameters
    ----------
    paths : iterable of str or Path
        Files as `read_truth` takes them, of both kinds.

    Returns
    -------
    dict of str to (tuple of Label, dict of str to tuple of Span)
        Labelled stretches and the sentences' places, by recording.

    Raises
    ------
    TsalignError
        As `read_truth`; also when two files speak of the same thing.
    """
    labels: dict[str, tuple[Label, ...]] = {}
    places: dict[str, Places] = defaultdict(dict)
    for path in paths:
        truth, file = read_truth(path), str(path)
        for recording, found in truth.labels.items():
            if recording in labels:
                raise TsalignError("labels were given already", file=file, recording=recording)
            labels[recording] = found
        for recording, sentences in truth.sentences.items():
            both = sorted(places[recording].keys() & sentences.keys())
            if both:
                message = f"the place of sentence {both[0]!r} was given already"
                raise TsalignError(message, file=file, recording=recording)
            places[recording] |= sentences
    known = dict.fromkeys([*labels, *places])
    return {r: (labels.get(r, ()), places.get(r, {})) for r in known}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells by column name."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text)
            header = [name.strip() for name in next(rows, [])]
            _check_header(header)
            for cells in rows:
                line = rows.line_num
                if not cells:
                    continue
                if len(cells) != len(header):
                    message = f"{len(cells)} cells under {len(header)} names"
                    raise TsalignError(message, line=str(line))
                yield line, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TsalignError(f"not readable as CSV: {error}") from error


def _check_header(header: list[str]) -> None:
    required = _SENTENCES if "sentence" in header else _LABELS
    optional = ("label",) if "sentence" in header else ("text",)
    wrong = [n for n in header if n not in required + optional or header.count(n) > 1]
    missing = [n for n in required if n not in header]
    if wrong or missing:
        fault = f"unexpected column {wrong[0]!r}" if wrong else f"no column {missing[0]!r}"
        wanted = f"{','.join(required)}[,{optional[0]}]"
        raise TsalignError(f"{fault}; the columns are {wanted}", line="1")


def _labels(rows: list[tuple[int, dict[str, str]]]) -> tuple[Label, ...]:
    found: dict[Label, int] = {}
    for line, row in rows:
        with located(line=line):
            span = _span(row)
            if span is None:
                raise TsalignError("start_s and end_s are empty")
            label = Label(span, row["label"], row.get("text", ""))
            if not label.label:
                continue
            if label in found:
                raise TsalignError(f"the same as line {found[label]}")
            found[label] = line
    return tuple(sorted(found, key=lambda label: label.span))


def _sentences(rows: list[tuple[int, dict[str, str]]]) -> dict[str, Places]:
    found: dict[str, dict[str, dict[Span | None, int]]] = defaultdict(lambda: defaultdict(dict))
    for line, row in rows:
        with located(line=line):
            if not (row["recording"] and row["sentence"]):
                raise TsalignError("recording and sentence must be named")
            spans = found[row["recording"]][row["sentence"]]
            span = _span(row)
            if span in spans:
                raise TsalignError(f"the same as line {spans[span]}")
            if spans and (span is None or None in spans):
                raise TsalignError("a sentence cannot match nothing and something")
            spans[span] = line
    return {
        recording: {s: tuple(sorted(p for p in spans if p)) for s, spans in sentences.items()}
        for recording, sentences in found.items()
    }


def _span(row: Mapping[str, str]) -> Span | None:
    """Return the stretch of a row, None where both times are empty."""
    if not row["start_s"] and not row["end_s"]:
        return None
    times = []
    for name in ("start_s", "end_s"):
        try:
            times.append(float(row[name]))
        except ValueError:
            raise TsalignError(f"{name} is not a number: {row[name]!r}") from None
        if not math.isfinite(times[-1]):
            raise TsalignError(f"{name} is not a finite number: {row[name]}")
    if times[1] < times[0]:
        raise TsalignError(f"the end {row['end_s']} s lies before the start {row['start_s']} s")
    return Span(*times)
