"""Entry points of other packages: found once per process, loaded one at a time, never fatal.

A package that cannot be loaded costs what needs it and nothing else: its error is printed once on
stderr and raised where its name is asked for. What it prints while it loads goes to stderr, so that
stdout stays that of the verb.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import one_line


@dataclass(frozen=True, slots=True)
class Plugin:
    """One loaded entry point: the object that it gives, or why there is none ("" if there is)."""

    value: Any
    fault: str = ""


@cache
def _points() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Entry points of our groups, by group."""
    every = entry_points()
    ours = [group for group in every.groups if group.startswith("mutau.")]
    return {group: tuple(every.select(group=group)) for group in ours}


def offered(group: str) -> dict[str, EntryPoint]:
    """Name -> entry point of a group; of two with one name the first. Nothing is loaded."""
    found: dict[str, EntryPoint] = {}
    for point in _points().get(group, ()):
        if point.value != found.setdefault(point.name, point).value:
            tell(group, point.name, f"{point.value} is left out: {found[point.name].value} has it")
    return found


#: Stdout is the process's: of two threads that turn it aside at once, the later one would put back
#: what the first has set, and everything printed after would go to stderr.
_ALONE: Final = threading.RLock()


def load(group: str, name: str) -> Plugin:
    """The object of an entry point; a fault is printed on stderr, once. Any thread may ask.

    Raises KeyError for a name that `offered` does not list.
    """
    with _ALONE:
        return _load(group, name)


@cache
def _load(group: str, name: str) -> Plugin:
    point = offered(group)[name]
    try:
        with redirect_stdout(sys.stderr):
            return Plugin(point.load())
    except (Exception, SystemExit) as error:
        fault = f"cannot be loaded from {point.value} ({type(error).__name__}: {one_line(error)})"
        tell(group, name, fault)
        return Plugin(None, fault)


@cache
def source_digest(group: str, name: str) -> str:
    """Digest of the sources of the package that offers an entry point; nothing is loaded.

    "" for a name that no package offers, so that ours, which have digests of their own, add none.
    """
    point = offered(group).get(name)
    if point is None:
        return ""
    found = hashlib.sha256(f"{point.value} {point.dist and point.dist.version}".encode())
    try:
        spec = find_spec(point.value.partition(":")[0].partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    places = (
        [Path(p) for p in (spec.submodule_search_locations or [spec.origin or ""])] if spec else []
    )
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()


@cache
def tell(group: str, name: str, fault: str) -> None:
    """Say once on stderr what is wrong with an entry point."""
    print(f"mutau: warning: plug-in {name!r} ({group}): {fault}", file=sys.stderr, flush=True)


def forget() -> None:
    """Look for entry points again, as after a change of `sys.path`."""
    for function in (_points, _load, source_digest, tell):
        function.cache_clear()
