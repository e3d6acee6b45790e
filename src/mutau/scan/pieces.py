"""Finished pieces of work on disk: what each carries, and what is believed when it is read.

A piece is one JSON object: `key`, the digest of the manifest of the work it belongs to; `name`, its
place in it; `rows`, the length of its result; `program`, what computed it; `result`; and `digest`
of all these. A piece that is not, to the digit, what was written for this place of this work by
this program is not read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from mutau._version import __version__
from mutau.core.code_digest import code_digest
from mutau.core.constants import TABLE
from mutau.core.errors import MutauError
from mutau.core.storage import Damaged, digest, sealed, unsealed, write_text

#: What a point of a scan or a chunk of events can rest on.
_MODULES: Final = ("mutau.scan.points", "mutau.scan.simulate")


@cache
def program_stamp() -> dict[str, str]:
    """What computes here: version, digest of the constants as loaded, of the code, compiler."""
    constants = digest({name: (item.value, item.uncertainty) for name, item in TABLE.items()})
    return {
        "mutau_version": __version__, "constants": constants, "code": code_digest(*_MODULES),
        "numba": version("numba"),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stamped:
    """Work whose result carries the stamp of the program that computed it, wherever that is."""

    work: Callable[[int], Any]

    def __call__(self, index: int) -> tuple[dict[str, str], Any]:
        return program_stamp(), self.work(index)


def check_stamp(stamp: Mapping[str, str], where: str) -> None:
    """Raise MutauError where another program than this one computed, the difference shown."""
    here = program_stamp()
    if stamp != here:
        raise MutauError(
            f"{where} was computed by another program ({differences(stamp, here)})",
            remedy="give the workers the mutau that you use here; what is finished stays, "
            "--resume goes on",
        )


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any], most: int = 12) -> str:
    """What differs, one phrase per key: `n: 1 there, 2 now`."""
    changed = sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k))
    if "kind" in changed:  # nothing else can be compared
        changed = ["kind"]
    shown = "; ".join(f"{k}: {found.get(k)!r} there, {wanted.get(k)!r} now" for k in changed[:most])
    return shown + (f"; and {len(changed) - most} more" if len(changed) > most else "")


def write_piece(path: Path, key: str, name: str, result: Any) -> None:
    """Write a result, whole or not at all. Raises ValueError for a value that is not a number."""
    body = {
        "key": key, "name": name, "rows": len(result) if isinstance(result, list) else 1,
        "program": program_stamp(), "result": result,
    }  # fmt: skip
    write_text(path, json.dumps(sealed(body), allow_nan=False))


def read_piece(path: Path, key: str, name: str) -> Any:
    """The result in a file that `write_piece` wrote for this key and name. Raises Damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(getattr(error, "strerror", None) or "it is no text") from None
    body = unsealed(text)
    for what, wanted in (("key", key), ("name", name), ("program", program_stamp())):
        if body.get(what) != wanted:
            raise Damaged(f"its {what} is that of another")
    return body["result"]
