"""The house stands: imports lead down, heavy packages wait, the command answers at once."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest
from package import FILES, ROOMS, ROOT, imports

FLOORS = """
run
search
session listing
card
summary pipeline
token_stages sample_stages open_stages
stages data
engine config
registry
read notes prepare segment describe tokens align match evaluate export
modelfolder overrides course information
cache codec folders device transformer yamlmap progress kernels
params
types
spans
show
errors
"""
LEVEL = {room: n for n, line in enumerate(FLOORS.split("\n")) for room in line.split()}
DOWNHILL = {("segment", "describe"), ("align", "match")}  # the two that may look next door
DOWNHILL |= {("align", "registry")}  # a saved model names its parts by word

HEAVY = {"torch", "matplotlib", "wfdb", "soundfile", "pyarrow", "sentence_transformers"}
HEAVY |= {"transformers", "tokenizers", "safetensors", "dask", "distributed", "pandas", "rich"}
HEAVY |= {"pydantic", "ruamel", "ruptures"}
UNASKED = {"pandas", "pyarrow", "rich"}  # scikit-learn loads these itself where they are there
# Files made of nothing but a heavy package's things, imported by others only when needed.
MADE_OF = {f"align/training/{name}.py": "torch" for name in ("train", "feed", "examples")}
MADE_OF |= {"transformer.py": "torch", "tokens/masked.py": "torch"}
MADE_OF |= {"align/pooling/attention.py": "torch"}
MADE_OF |= {f"align/loss/{name}.py": "torch" for name in ("gather", "tiles", "objective")}
MADE_OF |= {
    f"align/signal/{name}.py": "torch"
    for name in ("sequence", "masked_start", "sample_nets", "augment")
}
MADE_OF |= {"align/text/tuned.py": "torch", "course.py": "torch"}
MADE_OF |= {f"export/{name}.py": "matplotlib" for name in ("lanes", "panels", "picture")}

INSIDE = [path for path in FILES if path != ROOT / "__init__.py"]
every_file = pytest.mark.parametrize("path", INSIDE, ids=lambda p: str(p.relative_to(ROOT)))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@every_file
def test_imports_lead_down(path: Path) -> None:
    room = room_of(path)
    assert room in LEVEL, f"say on which floor {room!r} stands: a line of FLOORS"
    for name, _ in imports(path):
        package, _, rest = name.partition(".")
        other = rest.split(".")[0]
        if package != "tsalign" or other in ("", room):
            continue
        assert LEVEL[other] > LEVEL[room] or (room, other) in DOWNHILL, f"{room} imports {other}"
        assert room != "kernels", f"a kernel imports {name}: kernels know nothing of the rest"


@every_file
def test_heavy_packages_are_imported_where_they_are_needed(path: Path) -> None:
    allowed = MADE_OF.get(path.relative_to(ROOT).as_posix())
    at_once = {name.split(".")[0] for name, now in imports(path) if now}
    assert at_once & HEAVY <= {allowed}, "import it inside the function that needs it"


@every_file
def test_the_library_never_prints_and_stays_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert not names & {"print", "breakpoint", "input"}
    assert len(source.splitlines()) <= 400, "split it"


@every_file
def test_functions_stay_small(path: Path) -> None:
    most = 80 if room_of(path) == "kernels" else 50
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            words = ast.get_docstring(node, clean=False) or ""
            lines = node.end_lineno - node.lineno + 1 - len(words.splitlines())
            assert lines <= most, f"{node.name} has {lines} lines"


def test_every_stage_folder_and_the_package_load_without_anything_heavy() -> None:
    loaded = modules_after("; ".join(f"import tsalign.{room}" for room in ROOMS))
    assert not loaded & (HEAVY - UNASKED)


def test_the_package_itself_costs_nothing() -> None:
    assert not modules_after("import tsalign") & (HEAVY | {"numpy"})
    bare = min(cpu_seconds("-c", "pass") for _ in range(7))
    assert min(cpu_seconds("-c", "import tsalign") for _ in range(7)) - bare < 0.05


def test_help_answers_at_once() -> None:
    loaded = modules_after(
        "import contextlib, io, tsalign.run\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    tsalign.run.main(['--help'])"
    )
    assert not loaded & (HEAVY | {"numpy", "scipy", "sklearn", "numba"})
    assert median(seconds("-m", "tsalign.run", "--help") for _ in range(5)) < 0.5


def modules_after(code: str) -> set[str]:
    """Return the packages that a fresh process has loaded after some code."""
    program = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def seconds(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    return time.perf_counter() - start


def cpu_seconds(*arguments: str) -> float:
    """Return what a process computes, which a busy machine changes less than its wall time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
