"""The engine: lazy, exact about what a value depends on, the same bytes for any number of jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Add, added, base, buggy, calls, deadly, files, fitted, pair, shifted

from tsalign.cache import Store
from tsalign.engine import Engine, Node, Source, fingerprint
from tsalign.errors import TsalignError
from tsalign.progress import Event
from tsalign.segment import Windows

ORDER = ("prepare", "describe", "match", "export")


class Toy:
    """A graph as the pipeline makes them: each recording, a fit over all, one file."""

    def __init__(self, root: Path, numbers: Iterable[float] = (1, 2, 3), amount: int = 10) -> None:
        self.marks = root / "marks"
        self.marks.mkdir(exist_ok=True)
        self.events: list[Event] = []
        m = str(self.marks)
        bases = [Node("prepare", f"r{n}", base, (m, n)) for n in numbers]
        sums = [Node("describe", b.name, added, (m, Add(amount)), (b,)) for b in bases]
        model = Node("describe", "fit", fitted, (m,), (tuple(sums),))
        self.last = [Node("match", s.name, shifted, (m,), (model, s)) for s in sums]
        self.file = Node("export", "all", files, (), (tuple(self.last),), files=True)

    def engine(self, store: Path, jobs: int = 1) -> Engine:
        return Engine(Store(store), self.events.append, jobs)

    def run(self, engine: Engine, *, skip: bool = False) -> bool:
        return engine.run([*self.last, self.file], ORDER, skip)


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def stored(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_everything_is_computed_once_and_then_nothing(toy: Toy, tmp_path: Path) -> None:
    engine = toy.engine(tmp_path / "c")
    assert toy.run(engine)
    assert calls(toy.marks) == 10
    assert engine.value(toy.last[0]).tolist() == [-25.0] * 5
    assert (engine.value(toy.file) / "out.txt").read_text().startswith("[[-25.0,")
    assert {s: v["computed"] for s, v in engine.stages.items()} == {
        "prepare": 3, "describe": 4, "match": 3, "export": 1,
    }  # fmt: skip
    again = toy.engine(tmp_path / "c")
    assert toy.run(again)
    assert (calls(toy.marks), again.stages) == (10, {})


def test_missing_looks_no_further_than_what_is_there(toy: Toy, tmp_path: Path) -> None:
    engine = toy.engine(tmp_path / "c")
    wanted = [*toy.last, toy.file]
    names = [(n.slot, n.name) for n in engine.missing(wanted)]
    assert len(names) == len(set(names)) == 11
    assert names.index(("prepare", "r1")) < names.index(("describe", "r1"))
    assert names.index(("describe", "fit")) < names.index(("match", "r1"))
    toy.run(engine)
    assert engine.missing(wanted) == []
    for node in (*toy.last[1:], toy.file):
        engine.store.remove(node.slot, node.key)
    prepare = next(n for n in toy.last[0].parents() if n.name != "fit").inputs[0]
    engine.store.remove("prepare", prepare.key)  # nobody asks for it any more
    assert engine.missing(wanted) == [*toy.last[1:], toy.file]
    assert toy.run(toy.engine(tmp_path / "c"))
    assert calls(toy.marks, "base") == 3
    assert calls(toy.marks, "shifted") == 5


def test_a_damaged_value_is_computed_again(toy: Toy, tmp_path: Path) -> None:
    engine = toy.engine(tmp_path / "c")
    toy.run(engine)
    before = stored(tmp_path / "c")
    broken = engine.store.folder("match", toy.last[1].key) / "arrays.npz"
    broken.write_bytes(broken.read_bytes()[:-1] + b"?")
    assert toy.run(toy.engine(tmp_path / "c"))
    after = stored(tmp_path / "c")
    assert {p: after[p] for p in before} == before
    assert calls(toy.marks, "shifted") == 4
    assert any(p.startswith("quarantine/") for p in after)


def test_nothing_stale_is_used(tmp_path: Path) -> None:
    """Other settings, other recordings: the same store, yet what a fresh one gives."""
    for number, graph in enumerate(
        (Toy(tmp_path), Toy(tmp_path, amount=11), Toy(tmp_path, (1, 2)), Toy(tmp_path, (2, 1)))
    ):
        shared, fresh = graph.engine(tmp_path / "shared"), graph.engine(tmp_path / f"c{number}")
        assert graph.run(shared)
        assert graph.run(fresh)
        for node in graph.last:
            np.testing.assert_array_equal(shared.value(node), fresh.value(node))


def test_a_key_depends_on_what_a_value_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def node(function: Any = added, amount: int = 1, number: Any = 1) -> Node:
        parent = Node("prepare", "r", base, (number,))
        return Node("describe", "r", function, (Add(amount),), (parent,))

    same = node().key
    assert node().key == same
    assert replace(node(), slot="match", name="other").key == same  # where it lies is no content
    others = [node(fitted), node(amount=2), node(number=2)]
    others += [node(number=1.0), node(number="1"), node(number=True)]
    monkeypatch.setattr(Add, "version", 2)
    others += [node()]
    monkeypatch.setattr(Add, "version", 1)
    monkeypatch.setattr(base, "version", 2, raising=False)
    others += [node()]
    assert len({n.key for n in others} | {same}) == len(others) + 1


def test_a_file_counts_by_its_bytes() -> None:
    sources = [("here/a.csv", "d1"), ("there/b.csv", "d1"), ("here/a.csv", "d2")]
    one, moved, edited = (Node("p", "r", base, (Source(Path(p), d),)).key for p, d in sources)
    assert one == moved != edited


def test_a_fingerprint_holds_every_parameter_of_an_estimator() -> None:
    print_ = fingerprint({"w": Windows(2.0, rate=50.0)})["w"]
    assert print_["class"] == "tsalign.segment.windows:Windows"
    assert {n: print_[n] for n in ("length", "hop", "rate")} == Windows(2.0, rate=50.0).get_params()
    assert print_["version"] == Windows.version


def test_what_is_only_put_together_is_not_stored(toy: Toy, tmp_path: Path) -> None:
    engine = toy.engine(tmp_path / "c")
    both = Node("export", "r1", pair, (), tuple(toy.last[:2]), keep=False)
    file = Node("match", "x", fitted, (str(toy.marks),), ((toy.last[2],),))
    assert both not in engine.missing([both, file])
    assert engine.run([both, file], ORDER, skip=False)
    one, _ = engine.value(both)
    assert one.tolist() == [-25.0] * 5
    assert not engine.store.folder("export", both.key).exists()


def test_a_failure_stops_or_is_skipped_and_named(tmp_path: Path) -> None:
    toy = Toy(tmp_path, (1, -2, 3))
    with pytest.raises(TsalignError, match="recording r-2: a negative number"):
        toy.run(toy.engine(tmp_path / "c"))
    engine = toy.engine(tmp_path / "c")
    assert not toy.run(engine, skip=True)
    assert engine.failures == {"r-2": "recording r-2: a negative number"}
    assert [e.name for e in toy.events if e.status == "failed"] == ["r-2", "r-2"]
    assert calls(toy.marks, "fit") == 0
    rest = Toy(tmp_path, (1, 3))
    assert rest.run(engine, skip=True)
    assert engine.value(rest.last[0]).tolist() == [-13.0] * 5
    assert calls(toy.marks, "base") == 4  # the first run stopped before the third


def test_a_fit_that_fails_is_never_skipped(tmp_path: Path) -> None:
    node = Node("describe", "fit", buggy, (0,))
    with pytest.raises(ZeroDivisionError):
        Engine(Store(tmp_path), lambda event: None).run([node], ORDER, skip=True)


def test_two_processes_give_the_same_bytes(toy: Toy, tmp_path: Path) -> None:
    assert toy.run(toy.engine(tmp_path / "one"))
    engine = toy.engine(tmp_path / "two", jobs=2)
    assert toy.run(engine)
    assert stored(tmp_path / "two") == stored(tmp_path / "one")
    assert engine.stages["match"]["computed"] == 3
    pids = {p.name.split("-")[-1] for p in toy.marks.glob("shifted-*")}
    assert len(pids - {str(os.getpid())}) >= 1


def test_a_recording_that_kills_its_worker_is_named_as_one_that_fails(tmp_path: Path) -> None:
    nodes = [Node("match", f"r{n}", deadly, (n,)) for n in (2, 1, 3, 4)]
    nodes += [Node("match", "r-4", base, (str(tmp_path), -4))]
    engine = Engine(Store(tmp_path / "c"), lambda event: None, jobs=2)
    assert not engine.run(nodes, ORDER, skip=True)
    assert engine.failures == {
        "r2": "recording r2: r2 kills its worker",
        "r-4": "recording r-4: a negative number",
    }
    assert [engine.value(node) for node in nodes[1:4]] == [1, 3, 4]
