"""One name for each thing, named fields in kernels, no more arguments than a person can hold."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.architecture.test_architecture_layers import (
    PACKAGE,
    SOURCES,
    SUB_PACKAGES,
    name_of,
    sub_package_of,
)

MAX_ARGUMENTS = 8
#: Functions outside the command line (whose options are arguments) that may have more.
MANY_ARGUMENTS = 20


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in SOURCES:
        yield name_of(path), ast.parse(path.read_text(encoding="utf-8"))


def docstrings(tree: ast.Module) -> set[int]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    first = [node.body[0] for node in ast.walk(tree) if isinstance(node, kinds) and node.body]
    return {id(node.value) for node in first if isinstance(node, ast.Expr)}


def test_no_sub_package_is_named_below_it():
    """Also not as text: what lies above registers itself."""
    offenders = []
    for path in SOURCES:
        own = sub_package_of(path)
        if own is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) in docs:
                    continue
                for found in re.findall(r"\bmutau[./](\w+)", node.value):
                    if found in SUB_PACKAGES[SUB_PACKAGES.index(own) + 1 :]:
                        offenders.append(f"{name_of(path)}:{node.lineno} names {found}")
    assert not offenders, "\n".join(offenders)


def test_no_class_name_has_two_meanings():
    homes = defaultdict(list)
    for name, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_few_functions_have_many_arguments():
    many = []
    for name, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or name.startswith("cli/"):
                continue
            given = node.args
            count = len(given.posonlyargs + given.args + given.kwonlyargs)
            count += (given.vararg is not None) + (given.kwarg is not None)
            first = (given.posonlyargs + given.args)[:1]
            count -= bool(first and first[0].arg in ("self", "cls"))
            if count > MAX_ARGUMENTS:
                many.append(f"{name}:{node.name} ({count})")
    assert len(many) <= MANY_ARGUMENTS, "\n".join(many)


def constants(tree: ast.Module) -> set[str]:
    """Upper-case names that stand for whole numbers in a file, or come from another."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            found |= {item.id for item in ast.walk(target) if isinstance(item, ast.Name)}
    return {name for name in found if name.isupper() and len(name) > 1}


def test_nothing_is_read_by_a_named_column():
    """Fields have names; `row[X_MIN]` says less, and says it only to its author."""
    offenders = []
    for name, tree in trees():
        known = constants(tree)
        tables = {
            node.targets[0].id
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Dict)
            and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Subscript):
                continue
            if isinstance(node.value, ast.Name) and node.value.id in tables:
                continue
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for part in parts:
                if isinstance(part, ast.Name) and part.id in known:
                    offenders.append(f"{name}:{node.lineno} [{part.id}]")
    assert not offenders, f"{len(offenders)}:\n" + "\n".join(offenders)


def test_the_package_is_where_it_is_said_to_be():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == {
        *SUB_PACKAGES,
        "data",
    }
