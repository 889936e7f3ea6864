"""The command that looks in a finished run: stretches for a sentence, sentences for a stretch."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tsalign.errors import TsalignError

DONE, USAGE = 0, 2
HEAD = f"{'recording':<16}{'start':>10} {'end':>10}{'score':>9} {'chance':>7}  placed there\n"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = argparse.ArgumentParser(
        prog="tsalign search",
        description="Find the stretches of all recordings of a finished run that a sentence"
        " speaks of, or with --at the sentences that speak of a stretch.",
        epilog='A sum such as "walking - level ground + stairs", with spaces around the signs, is'
        " taken in the learnt space. The chance is calibrated on the validation people of the run."
        " Exit codes: 0 done; 2 a mistake in the arguments or the run folder.",
    )
    p.add_argument("run", type=Path, help="folder of a finished run, for example runs/hapt")
    p.add_argument("sentence", nargs="?", help="what to look for")
    p.add_argument("--at", nargs=3, metavar=("RECORDING", "START", "END"),
                   help="a stretch, in seconds, to find sentences for")  # fmt: skip
    p.add_argument("--top", type=_positive, default=10, metavar="N", help="at most so many (10)")
    p.add_argument("--part", choices=("train", "valid", "test"), help="only in these recordings")
    p.add_argument("--json", action="store_true", help="one JSON object a line")
    return p


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"should be a whole number from 1, got {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str or None
        Arguments without the program's name; None takes those of the process.

    Returns
    -------
    int
        The exit code.
    """
    options = parser().parse_args(argv)
    if (options.sentence is None) == (options.at is None):
        parser().error("give either a sentence or --at RECORDING START END")
    try:
        rows = list(_answers(options))
    except TsalignError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    except KeyboardInterrupt:
        return 130
    head = HEAD if rows and not options.at and not options.json else ""
    sys.stdout.write(head + "".join(_line(row, options) for row in rows))
    return DONE


def _answers(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    run, stretch = options.run, _stretch(options.at)
    if not (run / "index").is_dir():
        here = run.is_dir()
        what = "this is no run that has learnt to align" if here else "there is no run folder"
        raise TsalignError(what, file=str(run))
    from tsalign.align.retrieval.index import Index

    index = Index.load(run / "index")
    model = _model(run)
    if stretch is not None:
        yield from _sentences(model, index, *stretch, options.top)
    else:
        yield from _stretches(model, index, run, options)


def _stretch(at: list[str] | None) -> tuple[str, Any] | None:
    from tsalign.types import Span

    if at is None:
        return None
    try:
        return at[0], Span(float(at[1]), float(at[2]))
    except ValueError as error:
        raise TsalignError(f"--at wants a recording, a start and an end in s: {error}") from error


def _model(run: Path) -> Any:
    """Read the shared space of a run."""
    from tsalign import codec
    from tsalign.modelfolder import SPACES

    found = [run / "model" / name for name in SPACES if (run / "model" / name).is_dir()]
    if not found:
        raise TsalignError("the run folder has lost its model", file=str(run / "model"))
    try:
        return codec.read(found[0])
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, TsalignError):
            raise
        raise TsalignError("there is no whole model here", file=str(found[0])) from error


def _sentences(
    model: Any, index: Any, recording: str, span: Any, top: int
) -> Iterator[dict[str, Any]]:
    from tsalign.align.retrieval.find import sentences_for

    for text, chance in sentences_for(model, index, recording, span, top):
        yield {"text": text, "chance": round(chance, 4)}


def _stretches(
    model: Any, index: Any, run: Path, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    from tsalign.align.retrieval.find import find
    from tsalign.align.retrieval.queries import terms

    query = model.composed(terms(options.sentence))
    placed = _placed(run / "spans.jsonl")
    for hit in find(model, index, query, options.top, options.part):
        known = max(
            ((min(hit.span.end, row.end) - max(hit.span.start, row.start), row)
             for row in placed.get(hit.recording, ())),
            key=lambda pair: pair[0], default=(0.0, None),
        )  # fmt: skip
        there = known[1] if known[0] > 0 else None
        yield {
            "recording": hit.recording,
            "start": round(hit.span.start, 3),
            "end": round(hit.span.end, 3),
            "score": round(hit.score, 3),
            "chance": round(hit.chance, 4),
            "part": hit.part,
            "sentence": there.sentence if there else None,
            "text": there.text if there else None,
            "confidence": round(there.confidence, 4) if there and there.confidence else None,
        }


def _placed(path: Path) -> dict[str, list[Any]]:
    """Return the placed sentences of each recording, if the run has written any."""
    from tsalign.export import read_jsonl

    found: dict[str, list[Any]] = {}
    for row in read_jsonl(path) if path.is_file() else ():
        if row.status == "aligned":
            found.setdefault(row.recording, []).append(row)
    return found


def _line(row: dict[str, Any], options: argparse.Namespace) -> str:
    if options.json:
        return json.dumps(row, ensure_ascii=False) + "\n"
    if options.at:
        return f"{row['chance']:6.2f}  {row['text']}\n"
    times = f"{row['start']:10.2f} {row['end']:10.2f}"
    numbers = f"{row['score']:9.2f} {row['chance']:7.2f}"
    return f"{row['recording']:<16}{times}{numbers}  {row['text'] or '-'}\n"


if __name__ == "__main__":
    sys.exit(main())
