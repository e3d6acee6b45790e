"""Results kept under a digest of all that they depend on, and only where that is known.

What another program computes is not in our digest of code: a function from outside this package is
believed only if a package with an entry point offers it, whose sources have a digest then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mutau.core import plugins
from mutau.core.storage import Arrays, cached_arrays, digest

#: (object, group of entry points, name) of what a result rests on by name.
Named = tuple[Any, str, str]


def origins(*named: Named) -> list[str] | None:
    """Digests of what is not ours among named objects; None if one of it has no digest.

    An object of ours ("mutau...", whose code `code_digest` covers) adds "". One that stands under
    a name without being ours or offered by a package, as a notebook may put it there, has none.
    """
    found = []
    for item, group, name in named:
        ours = str(getattr(item, "__module__", "")).partition(".")[0] == "mutau"
        theirs = plugins.source_digest(group, name)
        if not ours and not theirs:
            return None
        found.append("" if ours else theirs)
    return found


def kept(
    kind: str,
    parts: tuple[Any, ...],
    compute: Callable[[], tuple[Mapping[str, np.ndarray], Mapping[str, Any]]],
) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and plain data of `compute()`, kept in the cache folder.

    kind : of the result, for the name of the file. parts : all that it depends on, the code
    included, as `storage.digest` takes it.
    Returns the same to the digit whether it was computed or read.
    """

    def packed() -> Arrays:
        arrays, plain = compute()
        return {**arrays, "plain": np.array(json.dumps(plain))}

    arrays = dict(cached_arrays(kind, digest(*parts), packed))
    return arrays, json.loads(str(arrays.pop("plain")))
