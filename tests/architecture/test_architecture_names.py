"""One name for each thing; what lies above is not named below."""

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
    tree_of,
)


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in SOURCES:
        yield name_of(path), tree_of(path)


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
        tree = tree_of(path)
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


def test_the_package_is_where_it_is_said_to_be():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == {
        *SUB_PACKAGES,
        "data",
    }
