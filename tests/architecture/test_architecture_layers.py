"""Sub-packages: who may import whom, what stays light, how long files and functions may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import mutau

PACKAGE = Path(mutau.__path__[0])
SUB_PACKAGES = (
    "core experiment models matter reactions io transport detector selection signal "
    "background stats bounds peers analysis report scan cli"
).split()
SOURCES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE, MAX_FUNCTION = 500, 60
#: Longer than allowed, each with its reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def sub_package_of(path: Path) -> str | None:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return first if first in SUB_PACKAGES else None


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax of a file, which many tests look through; nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    """Every imported module of a file with its line, imports inside functions included."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            if node.module == "mutau":
                found += [(node.lineno, f"mutau.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, node.module or ""))
    return found


def test_every_file_lives_in_a_sub_package():
    strays = [name_of(p) for p in SOURCES if sub_package_of(p) is None]
    assert set(strays) <= {"__init__.py", "_version.py", "data/__init__.py", "__main__.py"}


def test_a_sub_package_imports_only_from_those_above_it():
    offenders = []
    for path in SOURCES:
        own = sub_package_of(path)
        if own is None:
            continue
        for line, module in imports(path):
            parts = module.split(".")
            if parts[0] != "mutau" or len(parts) == 1 or parts[1] not in SUB_PACKAGES:
                continue
            if SUB_PACKAGES.index(parts[1]) > SUB_PACKAGES.index(own):
                offenders.append(f"{name_of(path)}:{line} imports {module}")
    assert not offenders, "\n".join(offenders)


def test_no_two_files_import_each_other():
    """Also by way of others, inside functions or for types: what a file uses comes before it."""
    modules = {f"mutau.{name_of(path).removesuffix('.py').replace('/', '.')}": path
               for path in SOURCES if path.name != "__init__.py"}  # fmt: skip
    uses = {}
    for name, path in modules.items():
        tree = ast.walk(tree_of(path))
        parts = {f"{node.module}.{alias.name}" for node in tree
                 if isinstance(node, ast.ImportFrom) for alias in node.names}  # fmt: skip
        uses[name] = (parts | {module for _, module in imports(path)}) & modules.keys() - {name}
    while free := {name for name, needs in uses.items() if not needs}:
        uses = {name: needs - free for name, needs in uses.items() if name not in free}
    assert not uses, "in a circle, or using one: " + ", ".join(sorted(uses))


def test_peers_feed_no_result():
    readers = {
        name_of(path)
        for path in SOURCES
        for _, module in imports(path)
        if module.startswith("mutau.peers") and sub_package_of(path) != "peers"
    }
    # the package's own list of names offers the cross-check and computes nothing
    assert readers - {"__init__.py"} == {"analysis/show.py", "cli/crosschecks.py"}


def test_matplotlib_and_plotly_live_in_the_report_only():
    offenders = [
        f"{name_of(path)}:{line}"
        for path in SOURCES
        for line, module in imports(path)
        if module.split(".")[0] in ("matplotlib", "mplhep", "plotly")
        and sub_package_of(path) != "report"
    ]
    assert not offenders


def test_kernels_come_from_one_compiler_front():
    offenders = [
        f"{name_of(path)}:{line}"
        for path in SOURCES
        for line, module in imports(path)
        if module.split(".")[0] == "numba" and name_of(path) != "core/jit.py"
    ]
    assert not offenders, "use mutau.core.jit: " + ", ".join(offenders)


def test_no_eval_and_no_bare_except():
    offenders = []
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            bare = isinstance(node, ast.ExceptHandler) and node.type is None
            evil = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("eval", "exec")
            if bare or evil:
                offenders.append(f"{name_of(path)}:{node.lineno}")
    assert not offenders


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_lengths_and_docstrings(path):
    text = path.read_text(encoding="utf-8")
    tree = tree_of(path)
    lines = text.count("\n")
    assert lines <= MAX_FILE or name_of(path) in LONG_FILES, f"{lines} lines"
    if lines and sub_package_of(path):
        assert ast.get_docstring(tree), "no module docstring"
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            doc = ast.get_docstring(node, clean=False) or ""
            length -= doc.count("\n") + 1 if doc else 0
            known = f"{name_of(path)}:{node.name}" in LONG_FUNCTIONS
            assert length <= MAX_FUNCTION or known, f"{node.name} has {length} lines"
        public = not node.name.startswith("_") and node in tree.body
        assert not public or ast.get_docstring(node), f"{node.name} has no docstring"


def test_import_mutau_is_light():
    code = "import sys, mutau; print(*sorted(m for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"scipy", "numba", "matplotlib", "pydantic", "typer", "iminuit", "rich", "contourpy",
             "jinja2"}  # fmt: skip
    assert not heavy & set(loaded)


@pytest.mark.parametrize(
    "verb", ["--help", "show models", "model --mass 0.1 --coupling 1e-3", "check na64mu"]
)
def test_light_verbs_load_no_compiler_and_no_plots(verb):
    code = (
        f"import sys; sys.argv = ['mutau', *{verb.split()!r}]\n"
        "from mutau.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit as e:\n    assert not e.code, e.code\n"
        "print('loaded:', *[m for m in ('numba', 'matplotlib', 'scipy', 'contourpy', 'jinja2') "
        "if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1].strip() == "loaded:"


def test_cuts_are_read_in_the_selection():
    """Bounds and variables of cuts: `experiment` checks them, `selection` reads them, and every
    other calculation asks `selection.requirements`."""
    offenders = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        if sub_package_of(path) not in ("experiment", "selection")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and (node.attr == "variable" or (node.attr in ("min", "max") and _is_a_cut(node.value)))
    ]
    assert not offenders, "ask mutau.selection.requirements: " + ", ".join(offenders)


def _is_a_cut(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("c", "cut")
