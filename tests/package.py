"""The package as a list of modules, for the tests that hold whatever stands in it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import tsalign

ROOT = Path(tsalign.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
ROOMS = sorted(p.parent.name for p in ROOT.glob("*/__init__.py"))


@cache
def module_names() -> list[str]:
    """Return the dotted names of all modules below `tsalign`."""
    return [info.name for info in pkgutil.walk_packages(tsalign.__path__, "tsalign.")]


def public(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the classes and functions that a module itself defines and does not hide."""
    for name, thing in vars(module).items():
        plain = inspect.unwrap(getattr(thing, "py_func", thing))
        if name.startswith("_") or getattr(plain, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(plain) or inspect.isfunction(plain):
            yield name, plain


def everything() -> list[tuple[str, Any]]:
    """Return every public class and function of the package with its dotted name."""
    modules = [importlib.import_module(name) for name in module_names()]
    return [(f"{m.__name__}.{name}", thing) for m in modules for name, thing in public(m)]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield what a file imports: the module, and whether that happens when it is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _for_types(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner in module_names() else origin, id(node) not in late


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
