"""Tables of nuclear interactions that travel with the package: a card (TOML) and arrays (npz).

Made offline by the scripts of tools/nuclear_tables; the card has sources, versions, statistics and
the digest by which the arrays are known.
"""

from __future__ import annotations

import hashlib
import io
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import FileError

FOLDER: Final = "final_states"


@cache
def card(name: str) -> Mapping[str, Any]:
    """The card of a table as plain data, read once."""
    text = files("mutau.data").joinpath(FOLDER, f"{name}.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def verified(data: bytes, about: Mapping[str, Any]) -> Mapping[str, NDArray[Any]]:
    """Arrays of an npz that is the one of its card. Raises FileError for any other."""
    found, stated = hashlib.sha256(data).hexdigest(), str(about["sha256"])
    if found != stated:
        raise FileError(
            f"{about['table']} is damaged: its digest is {found[:12]}, its card says {stated[:12]}",
            place=f"mutau/data/{FOLDER}",
            remedy="install mutau again, or make card and table anew with tools/nuclear_tables",
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return MappingProxyType({key: arrays[key] for key in arrays.files})


@cache
def table(name: str) -> Mapping[str, NDArray[Any]]:
    """The arrays of a table, verified and read once. Raises FileError."""
    about = card(name)
    return verified(files("mutau.data").joinpath(FOLDER, str(about["table"])).read_bytes(), about)
