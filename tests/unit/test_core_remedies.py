"""Whatever a message tells people to use is there: options, verbs, methods, names."""

import ast
import keyword
import re
from functools import cache
from pathlib import Path

import pytest
from tests.architecture.test_architecture_layers import tree_of

import mutau

PACKAGE = Path(mutau.__file__).parent
#: Words with an underline that are data, not names of code: particles, masses, columns of files.
DATA = {"m_e", "sigma_pb", "nuclear_tables", "geant4_pybind"}


@cache
def texts():
    """(file, text) of every remedy, and of what is allowed, in the package."""
    return tuple(_texts())


def _texts():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call):
                continue
            for item in node.keywords:
                if item.arg in ("remedy", "allowed"):
                    for part in ast.walk(item.value):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            yield path.relative_to(PACKAGE).as_posix(), part.value


@pytest.fixture(scope="module")
def surface():
    """All options of all verbs, and the verbs."""
    import typer

    from mutau.cli.main import app

    verbs = typer.main.get_command(app).commands
    options = {word for verb in verbs.values() for item in verb.params for word in item.opts}
    return options | {"--version", "--help"}, set(verbs)


@pytest.fixture(scope="module")
def identifiers():
    """Every name that the package defines, takes as an argument, or reads from a file."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.arg | ast.keyword):
                found.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
            elif isinstance(node, ast.Constant) and re.fullmatch(r"\w+", str(node.value)):
                found.add(node.value)
    for path in (PACKAGE / "data").rglob("*.toml"):
        found |= set(re.findall(r"^(\w+) =", path.read_text(encoding="utf-8"), re.M))
    return found


def test_there_are_remedies():
    assert len(list(texts())) > 300


def test_every_option_that_a_message_names_exists(surface):
    options, _ = surface
    missing = {
        (path, word)
        for path, text in texts()
        for word in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)
        if word not in options
    }
    assert not missing


def test_every_verb_that_a_message_names_exists(surface):
    _, verbs = surface
    said = {
        (path, word) for path, text in texts() for word in re.findall(r"[`'\"]mutau ([a-z]+)", text)
    }
    assert len(said) > 5
    assert not {item for item in said if item[1] not in verbs}


def test_every_method_that_a_message_names_exists():
    from mutau.stats import METHODS

    said = {
        (path, word)
        for path, text in texts()
        for word in re.findall(r'(?:method ?= ?|--method )"?([a-z][a-z-]+)', text)
    }
    assert len({word for _, word in said}) >= 4
    known = {*METHODS, "exact", "ww", "iww", "mc"}
    assert not {item for item in said if item[1] not in known}


def test_every_name_that_a_message_names_exists(identifiers):
    words = {
        (path, word)
        for path, text in texts()
        for word in re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b", text)
        if not keyword.iskeyword(word)
    }
    assert len(words) > 10
    assert not {item for item in words if item[1] not in identifiers | DATA}
