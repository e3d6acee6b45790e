"""Kernels speak in named fields, and take no more arguments than a person can hold."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.test_architecture_layers import PACKAGE, tree_of

MAX_ARGUMENTS = 8
#: Who asks for the next wall: the walk; the beam traced back, without matter; a forced loss, for
#: what is left of its solid; hadrons in iron, which go at any angle, backwards too.
WALKS = {
    "transport/walk.py", "detector/simulation_beam.py", "background/hermeticity_kernels.py",
    "transport/hadron_shower_kernels.py",
}  # fmt: skip
#: Mappings that are read by a constant name, and places of particles in an event.
KEYS = {
    "MODEL_ERROR[RADIATIVE]", "MODEL_ERROR[PAIRS]", "_KEYS[RADIATIVE]", "_KEYS[PAIRS]",
    "ABILITIES[ZPRIME]", "by_method[PAPER_METHOD]", "run.of(ways)[PAPER_METHOD]",
    "p[:, _MUON]", "p[:, _BEAM]",
}  # fmt: skip


def trees() -> Iterator[tuple[str, ast.Module]]:
    """All but the command line, whose options are arguments."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("cli/"):
            yield name, tree_of(path)


def arguments_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many, `self` and `cls` not counted."""
    a = function.args
    named = [x for x in a.posonlyargs + a.args + a.kwonlyargs if x.arg not in ("self", "cls")]
    return len(named) + (a.vararg is not None) + (a.kwarg is not None)


def columns_in(subscript: ast.Subscript) -> list[str]:
    """Constants, by their upper-case names, that are a place within the brackets or its offset."""
    index = subscript.slice
    waiting: list[ast.expr] = [*index.elts] if isinstance(index, ast.Tuple) else [index]
    names = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, ast.Attribute):
            names.append(node.attr)
        elif isinstance(node, ast.BinOp):
            waiting += [node.left, node.right]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "int":
            waiting += node.args
    return [name for name in names if len(name) > 1 and name.isupper()]


def test_no_function_takes_more_than_eight_arguments():
    many = [
        f"{name}:{node.lineno} {node.name} takes {arguments_of(node)}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and arguments_of(node) > MAX_ARGUMENTS
    ]
    assert many == [], "put what belongs together into a named tuple or a frozen dataclass"


def test_no_column_is_named_by_a_number():
    found = [
        f"{name}:{node.lineno} {', '.join(columns_in(node))}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and columns_in(node) and ast.unparse(node) not in KEYS
    ]
    assert found == [], "use a record (core.records) and its field"


def test_one_walk_goes_from_wall_to_wall():
    asks = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "mutau.transport.walls"
        and {"ahead", "line_ahead"} & {alias.name for alias in node.names}
    }  # fmt: skip
    assert asks <= WALKS, "a particle goes through a set-up by parts of `transport.walk`"


def test_no_function_goes_untyped():
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{i}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "type: ignore[no-untyped-def]" in line or "mypy: ignore" in line
    ]
    assert found == [], "annotate it"


def test_the_counts_count():
    tree = ast.parse("def f(a, b, *c, d=1, **e): return a[:, PLANE + 1], b[Z], c[i].x")
    assert arguments_of(tree.body[0]) == 5
    assert [columns_in(n) for n in ast.walk(tree) if isinstance(n, ast.Subscript)].count(
        ["PLANE"]
    ) == 1
