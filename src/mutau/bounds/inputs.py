"""What the first-principle bounds start from: measured numbers with their sources, as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from mutau.core.errors import UnknownName


def _freeze(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({key: _freeze(item) for key, item in value.items()})
    return tuple(_freeze(item) for item in value) if isinstance(value, list) else value


@cache
def bound_inputs(name: str) -> Mapping[str, Any]:
    """Contents of data/limits/inputs/NAME.toml, read once, read-only. Raises UnknownName."""
    folder = files("mutau.data").joinpath("limits", "inputs")
    known = [item.name.removesuffix(".toml") for item in folder.iterdir()]
    if name not in known:
        raise UnknownName("file of inputs", name, known)
    text = folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return _freeze(tomllib.loads(text))
