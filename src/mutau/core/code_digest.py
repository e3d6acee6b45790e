"""Digests of code: what a compiled kernel or a kept result rests on, found by syntax.

A module rests on itself, on the modules of this package that it imports (inside functions too, not
for types only) or names as text, and so on; on the tables in `data/` whose file names it holds.
A folder that is named as text, or loads its names on demand, counts whole. Docstrings, comments,
line numbers and the place of the package on disk do not count.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np

from mutau._version import __version__
from mutau.core.storage import private_cache_dir, write_text

_PACKAGE = Path(__file__).parents[1]
_RULES = "1"  # of what counts: other rules, another number
Facts = tuple[str, list[str]]  # digest of a module's own code, names of what it uses


@cache
def code_digest(*modules: str, package: Path = _PACKAGE) -> str:
    """Hex digest (16 characters) of all code and tables that modules rest on, and NumPy's version.

    modules : dotted names ("mutau.matter.elements"; `__name__` for the one that asks), or paths of
    source files outside the package. package : its folder.
    Raises KeyError for a name that is no module.
    Check: an edit of a docstring changes nothing, one of a constant all that imports it.
    """
    known = _package_facts(package)
    facts = {**known, **{name: _outside(name, known) for name in modules if name.endswith(".py")}}
    found: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += facts[name][1]
    sha = hashlib.sha256(f"{__version__} {np.__version__} {_RULES}".encode())
    for name in sorted(found, key=lambda name: Path(name).name):
        sha.update(f"{Path(name).name}={facts[name][0]};".encode())
    return sha.hexdigest()[:16]


def module_name(path: str | Path, package: Path = _PACKAGE) -> str:
    """Dotted name of a source file of the package; the path itself for any other file."""
    try:
        inside = Path(path).resolve().relative_to(package.resolve())
    except ValueError:
        return str(path)
    return ".".join(("mutau", *inside.with_suffix("").parts)).removesuffix(".__init__")


@cache
def _package_facts(package: Path) -> dict[str, Facts]:
    """Facts of every module and table of the package; kept on disk under the digest of all."""
    texts = {
        module_name(path, package): path.read_bytes() for path in sorted(package.rglob("*.py"))
    }
    tables = sorted((package / "data").glob("*.toml"))
    texts |= {f"data/{path.name}": path.read_bytes() for path in tables}
    sha = hashlib.sha256(_RULES.encode())
    for name, text in texts.items():
        sha.update(f"{name}:{len(text)};".encode() + text)
    kept = private_cache_dir() / f"code-{sha.hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        table = json.loads(kept.read_text(encoding="utf-8"))
        if _sum(table["modules"]) == table["sha256"]:
            return {name: (code, uses) for name, (code, uses) in table["modules"].items()}
    names = frozenset(texts)
    facts = {
        name: (hashlib.sha256(text).hexdigest(), [])
        if name.startswith("data/")
        else _facts(text, names, name)
        for name, text in texts.items()
    }
    with contextlib.suppress(Exception):  # a cache that cannot be written is passed over
        write_text(kept, json.dumps({"sha256": _sum(facts), "modules": facts}))
    return facts


def _sum(facts: dict) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@cache
def _outside_facts(path: str, text: bytes, names: frozenset[str]) -> Facts:
    return _facts(text, names, path)


def _outside(path: str, known: dict[str, Facts]) -> Facts:
    return _outside_facts(path, Path(path).read_bytes(), frozenset(known))


def _facts(text: bytes, names: frozenset[str], name: str) -> Facts:
    """Digest of the code of one module, and the names that it uses out of `names`."""
    tree = ast.parse(text)
    uses: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = [ast.Pass()]
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    for node in ast.walk(tree):
        uses |= _used(node, names, name)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), sorted(uses - {name})


def _used(node: ast.AST, names: frozenset[str], inside: str) -> set[str]:
    """What one node of the syntax tree of the module `inside` uses."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & names
    if isinstance(node, ast.ImportFrom) and node.module in names:
        parts = {f"{node.module}.{alias.name}" for alias in node.names}
        return parts & names if parts <= names else {str(node.module)} | parts & names
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if node.value in names and node.value != "mutau":
            return _whole(node.value, names)
        return {f"data/{node.value}"} & names
    on_demand = isinstance(node, ast.FunctionDef) and node.name == "__getattr__"
    return _whole(inside, names) if on_demand else set()


def _whole(folder: str, names: frozenset[str]) -> set[str]:
    """A module, with all that lie in it where it is a folder."""
    return {name for name in names if name == folder or name.startswith(f"{folder}.")}
