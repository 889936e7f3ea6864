"""The command: arguments, progress, the run folder, the short table, the exit code."""

from __future__ import annotations

import argparse
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tsalign import __version__
from tsalign.errors import TsalignError, TsalignWarning

SLOTS = ("prepare", "segment", "describe", "tokens", "predict")
SLOTS += ("align", "match", "evaluate", "export")
DONE, USAGE, SOME_FAILED, NOTHING = 0, 2, 3, 4


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    from tsalign.registry import REGISTRY

    p = argparse.ArgumentParser(
        prog="tsalign run",
        description="Turn continuous signals and notes about them into aligned spans.",
        epilog="Exit codes: 0 all done; 2 a mistake in the pipeline file or the arguments;"
        " 3 some recordings failed; 4 nothing could be done; 130 or 143 interrupted:"
        " run again to go on.",
    )
    p.add_argument("pipeline", nargs="?", type=Path, help="pipeline file (YAML)")
    p.add_argument("--dry-run", action="store_true", help="check, show the plan, compute nothing")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                   help="replace a value of the file, for example align.epochs=5")  # fmt: skip
    p.add_argument("--from", choices=SLOTS, dest="start", help="compute anew from this slot on")
    p.add_argument("--list", choices=sorted(REGISTRY), help="show what a slot can hold")
    p.add_argument("--jobs", type=_positive, default=1, metavar="N", help="processes (Dask)")
    p.add_argument("--device", help="auto, cpu or cuda, where the file does not say")
    p.add_argument("--on-error", choices=("stop", "skip"), default="stop", dest="on_error",
                   help="skip: leave a failing recording out and name it in run.json")  # fmt: skip
    p.add_argument("--runs", type=Path, default=Path("runs"), help="folder of run folders")
    p.add_argument("--cache", type=Path, help="folder of the cache (default RUNS/.cache)")
    p.add_argument("--version", action="version", version=f"tsalign {__version__}")
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
        Arguments without the program's name; None takes those of the process. A leading
        `run` is the verb of `tsalign run` and is skipped; `search` hands over to that command.

    Returns
    -------
    int
        The exit code.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["search"]:
        from tsalign import search

        return search.main(given[1:])
    options = parser().parse_args(given[1:] if given[:1] == ["run"] else given)
    try:
        if options.list:
            from tsalign.listing import listing

            sys.stdout.write(listing(options.list))
            return DONE
        if options.pipeline is None:
            parser().error("name a pipeline file, or --list SLOT")
        return _run(options)
    except ExceptionGroup as group:
        return _say(*group.exceptions)
    except TsalignError as error:
        return _say(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run the same command to go on from here\n")
        return 130


def _say(*errors: Exception) -> int:
    for error in errors:
        if not isinstance(error, TsalignError):
            raise error
        sys.stderr.write(f"{error}\n")
    return USAGE


def _run(options: argparse.Namespace) -> int:
    from tsalign import config, data
    from tsalign.session import Session

    signal.signal(signal.SIGTERM, _terminated)
    checked = config.load(options.pipeline, options.overrides, options.device)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", TsalignWarning)
        items = data.collect(checked)
    for warning in heard:
        sys.stderr.write(f"{warning.message}\n")
    session = Session(checked, items, options)
    if options.dry_run:
        sys.stdout.write(session.plan())
        return DONE
    return _outcome(session, sys.stdout)


def _outcome(session: Any, out: Any) -> int:
    try:
        out.write(session.run().summary())
        code = SOME_FAILED if session.failures else DONE
    except TsalignError as error:
        if not session.failures:
            raise
        sys.stderr.write(f"{error}\n")
        code = NOTHING
    for name, why in session.failures.items():
        sys.stderr.write(f"skipped {name}: {why}\n")
    return code


def _terminated(number: int, frame: Any) -> None:
    sys.stderr.write("terminated; run the same command to go on from here\n")
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
