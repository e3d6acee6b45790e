"""The outside package on the path, as `pip install` would put it there; no pip, no network."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGE = HERE / "package"


@pytest.fixture
def toy(install):
    """The entry points of the package, by group, after they were made known."""
    document = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))
    points = document["project"]["entry-points"]
    install(points, PACKAGE)
    return points


@pytest.fixture
def file():
    """The experiment file that uses the package."""
    return str(HERE / "toy.toml")
