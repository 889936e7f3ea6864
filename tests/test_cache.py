"""The cache and what it holds: whole or not there, exact, and never trusted blindly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tsalign import codec
from tsalign.cache import MANIFEST, Store, content_key, file_hash
from tsalign.errors import TsalignError
from tsalign.tokens import KMeans
from tsalign.types import Segments, Sentence, Span

KEY = "ab" * 20
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
PLAIN = st.recursive(
    SCALARS, lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=6
)


def two_files(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "a.txt").write_text("first")
    (folder / "deep" / "b.bin").write_bytes(bytes(range(256)))


def everything(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_key_tells_types_apart() -> None:
    values = [1, 1.0, "1", True, None, "None", [1], [[1]], {"a": 1}, {"a": 1.0}, {"1": 1}, "", []]
    values += [0.0, -0.0, 0, False, "False", [1, 2], [2, 1], ["a", "b"], ["ab"], [["a"], "b"]]
    assert len({content_key(value) for value in values}) == len(values)


def test_a_key_does_not_know_the_order_of_a_dictionary_and_stays_the_same_for_ever() -> None:
    assert content_key({"a": 1, "b": [2.5]}) == content_key({"b": [2.5], "a": 1})
    assert content_key({"a": [1, 1.0, "é"]}) == "2192dfac99b5edf6f71a77b4817a6a788afedac9"


@given(PLAIN, PLAIN)
@settings(deadline=None)
def test_keys_are_equal_where_values_are_the_same(a: Any, b: Any) -> None:
    same = repr(_sorted(a)) == repr(_sorted(b))
    assert (content_key(a) == content_key(b)) == same


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(part) for part in value] if isinstance(value, list) else value


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * 3_000_000)
    two.write_bytes(b"x" * 3_000_000)
    assert file_hash(one) == file_hash(two)
    two.write_bytes(b"x" * 2_999_999 + b"y")
    assert file_hash(one) != file_hash(two)


def test_what_is_put_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.get("tokens", KEY) is None
    folder = store.put("tokens", KEY, two_files)
    assert store.get("tokens", KEY) == folder == tmp_path / "tokens" / "ab" / KEY
    assert everything(folder).keys() == {"a.txt", "deep/b.bin", MANIFEST}
    assert store.get("segment", KEY) is None
    store.remove("tokens", KEY)
    assert store.get("tokens", KEY) is None


def test_a_second_put_of_a_key_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("tokens", KEY, two_files)
    before = everything(tmp_path)
    store.put("tokens", KEY, two_files)
    assert everything(tmp_path) == before


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def breaks(folder: Path) -> None:
        two_files(folder)
        raise RuntimeError("disk full")

    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="disk full"):
        store.put("tokens", KEY, breaks)
    assert everything(tmp_path) == {}
    assert store.get("tokens", KEY) is None


KILLED = """
import os, signal, sys
from pathlib import Path
from tsalign import cache
def half(folder):
    (folder / "a.txt").write_text("first")
    if sys.argv[2] == "write":
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "seal":
    cache.file_hash = lambda path: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "move":
    Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
cache.Store(Path(sys.argv[1])).put("tokens", "ab" * 20, half)
"""


@pytest.mark.parametrize("moment", ["write", "seal", "move"])
def test_a_killed_write_leaves_nothing_half(moment: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], timeout=60)
    assert done.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.get("tokens", KEY) is None
    assert store.get("tokens", store.put("tokens", KEY, two_files).name) is not None


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "a bit flipped": lambda f: flip(f / "deep" / "b.bin"),
    "cut short": lambda f: (f / "a.txt").write_text("fir"),
    "a file gone": lambda f: (f / "a.txt").unlink(),
    "no manifest": lambda f: (f / MANIFEST).unlink(),
    "half a manifest": lambda f: (f / MANIFEST).write_text('{"a.txt": [5'),
    "a manifest of something else": lambda f: (f / MANIFEST).write_text("[1]"),
    "a manifest of wrong entries": lambda f: (f / MANIFEST).write_text('{"a.txt": 5}'),
    "a file too many": lambda f: (f / "c.txt").write_text("who wrote this?"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_value_is_moved_aside(kind: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.put("tokens", KEY, two_files)
    DAMAGE[kind](folder)
    damaged = everything(folder)
    assert store.get("tokens", KEY) is None
    assert not folder.exists()
    (aside,) = (tmp_path / "quarantine").iterdir()
    assert everything(aside) == damaged
    assert store.put("tokens", KEY, two_files) == store.get("tokens", KEY)


@dataclass(frozen=True)
class Foreign:
    """A value of somebody else's module."""

    sentence: Sentence
    numbers: tuple[float, ...]


def round_trip(value: Any, folder: Path) -> Any:
    folder.mkdir()
    codec.write(value, folder)
    return codec.read(folder)


def test_values_come_back_as_they_were(tmp_path: Path) -> None:
    said = Sentence("Sat\ndown “slowly”.", "s1", (0, 9), Span(0.1, 1e300))
    value = {
        "a": [1, 1.0, True, None, "é\ud800", (2, (3,))],
        7: {"inner": np.float32(2.5), ("x", 1): np.int64(3)},
        "foreign": Foreign(said, (float("inf"), -0.0)),
        "dollar": {"$": "array", "of": "a0"},
    }
    again = round_trip(value, tmp_path / "v")
    assert again == value
    assert repr(again) == repr(value | {7: {"inner": 2.5, ("x", 1): 3}})


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.bool_, np.uint8]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arrays_come_back_bit_for_bit(tmp_path: Path, array: np.ndarray) -> None:
    again = round_trip([array], tmp_path / os.urandom(4).hex())[0]
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tobytes() == array.tobytes()


def test_the_same_value_is_the_same_bytes(tmp_path: Path) -> None:
    value = {"cut": Segments(np.arange(8).reshape(4, 2), 2.0), "x": np.ones(3, np.float32)}
    round_trip(value, tmp_path / "one")
    round_trip(value, tmp_path / "two")
    assert everything(tmp_path / "one") == everything(tmp_path / "two")


def test_a_fitted_estimator_comes_back_able(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    fitted = KMeans(n_clusters=4, random_state=0).fit(X)
    again = round_trip(fitted, tmp_path / "v")
    assert again.get_params() == fitted.get_params()
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    learned = [name for name in vars(fitted) if name.endswith("_")]
    assert learned
    for name in learned:
        np.testing.assert_array_equal(getattr(again, name), getattr(fitted, name))


def test_what_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(TsalignError, match="a generator cannot be written to the cache"):
        round_trip((i for i in range(3)), tmp_path / "v")
    with pytest.raises(ValueError, match="allow_pickle"):
        round_trip(np.array([{}], dtype=object), tmp_path / "w")


@pytest.mark.parametrize("path", ["not_loaded:Mine", "subprocess:Popen", "builtins:eval"])
@pytest.mark.parametrize("kind", ["dataclass", "estimator", "saved"])
def test_a_folder_from_elsewhere_starts_nothing(kind: str, path: str, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    of = {"args": ["touch", str(strange)]} if kind != "saved" else "saved0"
    tree = {"$": kind, "class": path, "of": of, "learned": {}}
    (tmp_path / "value.json").write_text(json.dumps(tree))
    with pytest.raises(TsalignError, match="refusing to load"):
        codec.read(tmp_path)
    assert not strange.exists()


def test_what_a_killed_run_left_is_swept_after_a_day_and_not_before(tmp_path):
    old, new = tmp_path / ".tmp" / "old", tmp_path / ".tmp" / "new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    Store(tmp_path).sweep()
    assert new.exists()
    assert not old.exists()
