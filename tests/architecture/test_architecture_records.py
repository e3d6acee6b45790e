"""Kernels read named fields and take what belongs together in one argument."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mutau

PACKAGE = Path(mutau.__path__[0])


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


#: Files that speak by named fields throughout: a new one belongs here.
BY_FIELD = [
    path
    for pattern in (
        "core/records.py", "detector/simulation*.py", "detector/trigger*.py",
        "detector/fast_walk.py", "detector/geometry.py", "detector/readout.py",
        "transport/pieces.py", "transport/walls.py", "transport/orbits.py", "transport/setup.py",
        "transport/particle.py", "transport/muon_matter.py", "transport/matter_tables.py",
        "background/hermeticity*.py", "background/hadron_decays*.py", "background/dimuon*.py",
    )
    for path in sorted(PACKAGE.glob(pattern))
]  # fmt: skip
MAX_ARGUMENTS = 8


@pytest.mark.parametrize("path", BY_FIELD, ids=name_of)
def test_fields_have_names(path):
    """No `row[X_MIN]`, where X_MIN is the number of a column."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            names = [p.id for p in parts if isinstance(p, ast.Name) and len(p.id) > 1]
            found += [f"{name_of(path)}:{node.lineno}: {n}" for n in names if n.isupper()]
    assert not found


@pytest.mark.parametrize("path", BY_FIELD, ids=name_of)
def test_functions_take_few_arguments(path):
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            args = node.args
            names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
            count = len([name for name in names if name not in ("self", "cls")])
            if count > MAX_ARGUMENTS:
                found.append(f"{name_of(path)}:{node.lineno}: {node.name} has {count}")
    assert not found


def test_the_files_are_there():
    assert len(BY_FIELD) > 20
