"""Peers: the same quantity in somebody else's program, beside ours; it never feeds a result.

Why it is as it is. What vouches for our numbers must not share our code, so Geant4, ACTS and a
plain walk of muons of our own (`muon_propagation`) stand apart: nothing that gives a result imports
from here. What agreement is worth, since programs share models more often than one thinks, is in
docs/design, note 11.

A cross-check is a function registered in `CROSSCHECKS`; it runs ours and the peer's on the same
input and gives rows. Geant4 runs in a process of its own, as a job that is data. Where the peer's
package is not installed, it is skipped and says so.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from mutau.core.errors import MutauError
from mutau.core.registry import Registry, instance_of
from mutau.core.types import provenance


@dataclass(frozen=True)
class Compared:
    """One quantity, ours and the peer's, each with its statistical error (0: exact).

    unit : unit of all four numbers, "" for a pure number.
    remark : what is different in the two programs, where the row cannot be read without it.
    tolerance : relative difference of physics or numerics that is known and allowed for.
    judged : whether the two must agree; False where a stated difference of physics stands between
    them, so that the row informs and decides nothing.
    """

    quantity: str
    unit: str
    ours: float
    error: float
    theirs: float
    their_error: float
    remark: str = ""
    tolerance: float = 0.0
    judged: bool = True

    @property
    def pull(self) -> float | None:
        """(ours - theirs) over the joint error, tolerance included; None where both are exact."""
        spread = math.hypot(self.error, self.their_error, self.tolerance * self.theirs)
        return (self.ours - self.theirs) / spread if spread > 0 else None

    @property
    def p_value(self) -> float | None:
        """Chance of a pull at least as large, both sides of a Gaussian; None without a pull."""
        return None if self.pull is None else math.erfc(abs(self.pull) / math.sqrt(2.0))

    @property
    def relative(self) -> float | None:
        """ours / theirs - 1; None where the peer gives 0."""
        return self.ours / self.theirs - 1 if self.theirs else None


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean of (n,) values and its statistical error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


#: A cross-check disagrees where the smallest p-value of its judged rows, times their number, is
#: below this.
LEAST_P: Final = 1e-3


def verdict(rows: Sequence[Compared]) -> dict[str, Any]:
    """Whether the judged rows of a cross-check agree: `agrees`, `p_value`, `judged`, `worst`.

    p_value : of the smallest of them, corrected for their number (Bonferroni); 1 without any.
    """
    judged = [(row.p_value, row.quantity) for row in rows if row.judged and row.p_value is not None]
    smallest, worst = min(judged, default=(1.0, ""))
    p_value = min(1.0, float(smallest) * max(len(judged), 1))
    return {"agrees": p_value >= LEAST_P, "p_value": p_value, "judged": len(judged), "worst": worst}


#: How far a cross-check has come: the fraction done of its own work, in [0, 1].
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Crosscheck:
    """A comparison with a peer.

    peer : the program compared with, as its authors call it.
    package : the module whose presence tells that the peer is installed.
    about : one line of what is compared.
    run : (effort, seed, progress) -> rows; `effort` scales the samples.
    """

    peer: str
    package: str
    about: str
    run: Callable[[float, int, Progress], Sequence[Compared]]

    @property
    def installed(self) -> bool:
        """Whether the peer's package can be found; nothing is imported."""
        return find_spec(self.package) is not None


CROSSCHECKS: Registry[Crosscheck] = Registry(
    "cross-check",
    "mutau.crosschecks",
    "'mutau show crosschecks' lists all",
    instance_of(Crosscheck),
)

#: Modules whose import registers cross-checks.
MODULES: Final = ("geant4", "acts")


def load_crosschecks() -> None:
    """Import every module of this sub-package, so that `CROSSCHECKS` is whole. Imports no peer."""
    for name in MODULES:
        importlib.import_module(f"mutau.peers.{name}")


def crosscheck_result(
    names: Iterable[str] = (),
    *,
    effort: float = 1.0,
    seed: int = 1,
    progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Run the named cross-checks (none named: all) and lay the numbers side by side.

    Returns keys `rows` (dicts: check, peer, quantity, unit, ours, error, theirs, their_error,
    relative, pull, p_value, judged, remark), `verdicts` (dicts of `verdict` and check; the command
    line ends with 1 where one does not agree), `skipped` (dicts: check, peer, reason), `effort`,
    and what every answer carries (version, seed).
    progress : called with (fraction done in [0, 1], what is being done), or None.

    Raises UnknownName for an unknown cross-check, MutauError for effort <= 0 or not finite.
    """
    if not 0 < effort < math.inf:
        raise MutauError(f"effort {effort:g} asks for no sample", allowed="above 0, finite")
    load_crosschecks()
    chosen = [(name, CROSSCHECKS[name]) for name in list(names) or CROSSCHECKS]
    rows: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    for position, (name, check) in enumerate(chosen):
        if not check.installed:
            reason = f"{check.package} is not installed: pip install 'mutau[peers]'"
            skipped.append({"check": name, "peer": check.peer, "reason": reason})
            continue

        def report(fraction: float, position: int = position, name: str = name) -> None:
            if progress is not None:
                progress((position + fraction) / len(chosen), name)

        made = check.run(effort, seed, report)
        verdicts.append({"check": name, **verdict(made)})
        for row in made:
            rows.append(
                {"check": name, "peer": check.peer, "quantity": row.quantity, "unit": row.unit,
                 "ours": row.ours, "error": row.error, "theirs": row.theirs,
                 "their_error": row.their_error, "relative": row.relative, "pull": row.pull,
                 "p_value": row.p_value, "judged": row.judged, "remark": row.remark}
            )  # fmt: skip
    return {
        "rows": rows,
        "verdicts": verdicts,
        "skipped": skipped,
        "effort": float(effort),
        **provenance(seed),
    }
