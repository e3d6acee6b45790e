"""What the cuts of a file ask for, without events: the one place where their bounds are read.

A calculation that needs a number of the selection (the largest energy of the muon, the window of
the incoming momentum, which cuts it can apply) asks here and never looks into a cut itself. Light:
no numerical library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mutau.experiment.variables import VARIABLES, window

if TYPE_CHECKING:
    from mutau.experiment.schema_counting import Cut

#: Variables that each level of simulation gives; a cut on another is left out, and named so.
#: Of a missing-momentum search by the full simulation.
SIMULATED: Final = (
    "trigger", "muon_energy", "muon_energy_fraction", "theta_mu", "incoming_momentum", "n_tracks",
    "e_miss", "ecal_energy", "vhcal_energy", "hcal_energy", "hcal_mips",
    "calorimeter_energy",
)  # fmt: skip
#: Not in the fast mode of the same, which has no detectors but counters and target.
BEYOND_FAST_MODE: Final = (
    "incoming_momentum", "n_tracks", "vhcal_energy", "hcal_energy", "hcal_mips",
    "calorimeter_energy",
)  # fmt: skip


def label(cut: Cut) -> str:
    """Short text of a cut, for example `0.0015 <= theta_mu`, in internal units."""
    low = "" if cut.min is None else f"{cut.min:.4g} <= "
    high = "" if cut.max is None else f" <= {cut.max:.4g}"
    return f"{low}{cut.variable}{high}"


def rows(cuts: Iterable[Cut]) -> list[dict[str, Any]]:
    """Cuts as plain rows of variable, min and max (internal units, None for no bound)."""
    return [{"variable": cut.variable, "min": cut.min, "max": cut.max} for cut in cuts]


def variables(cuts: Iterable[Cut]) -> tuple[str, ...]:
    """The variable of each cut, in the order of the file."""
    return tuple(cut.variable for cut in cuts)


def places(cuts: Iterable[Cut], variable: str) -> tuple[str, ...]:
    """Addresses, `cuts[2]`, of the cuts on a variable."""
    return tuple(f"cuts[{i}]" for i, cut in enumerate(cuts) if cut.variable == variable)


def cuts_on(cuts: Iterable[Cut], *names: str) -> tuple[Cut, ...]:
    """The cuts on these variables."""
    return tuple(cut for cut in cuts if cut.variable in names)


def cuts_without(cuts: Iterable[Cut], *names: str) -> tuple[Cut, ...]:
    """The cuts on all variables but these."""
    return tuple(cut for cut in cuts if cut.variable not in names)


def _needs(cut: Cut) -> tuple[str, ...]:
    """The variables of ours that a cut rests on: its own, or what another package declares."""
    return VARIABLES[cut.variable].needs or (cut.variable,)


def simulated(cuts: Iterable[Cut]) -> tuple[Cut, ...]:
    """The cuts that the full simulation can apply."""
    return tuple(cut for cut in cuts if set(_needs(cut)) <= set(SIMULATED))


def fast_mode(cuts: Iterable[Cut], *, truth: bool = False) -> tuple[Cut, ...]:
    """The cuts that the fast mode of a search with muons applies; on true quantities no trigger."""
    lacks = {*BEYOND_FAST_MODE, *(("trigger",) if truth else ())}
    return tuple(cut for cut in cuts if not lacks & set(_needs(cut)))


def labels_of_the_rest(cuts: Iterable[Cut], applied: Sequence[Cut]) -> list[str]:
    """Texts of the cuts that are not among the applied ones."""
    return [label(cut) for cut in cuts if cut not in applied]


def variables_named(cuts: Iterable[Cut], texts: Iterable[str]) -> set[str]:
    """Variables of the cuts whose texts are given, with a remark in brackets behind them or not."""
    plain = {text.partition(" (")[0] for text in texts}
    return {cut.variable for cut in cuts if label(cut) in plain}


def highest_muon_energy(cuts: Sequence[Cut], energy: float) -> float:
    """Largest energy (GeV) that the cuts allow the scattered muon; inf without such a cut.

    energy : of the beam, GeV.
    """
    return min(window(cuts, "muon_energy")[1], window(cuts, "muon_energy_fraction")[1] * energy)


def highest_energy_left(cuts: Sequence[Cut], energy: float) -> float:
    """Largest energy (GeV) that the cuts allow to be seen of an electron of the beam; inf without.

    energy : of the beam, GeV.
    """
    seen = (window(cuts, name)[1] for name in ("ecal_energy", "electron_energy"))
    return min(*seen, energy - window(cuts, "e_miss")[0])


def true_bounds(cuts: Sequence[Cut]) -> tuple[dict[str, float], list[Cut]]:
    """Cuts on true quantities of mu e -> mu e X that an integral can make, and those it cannot.

    Returns ({theta_mu_min, electron_energy_min, electron_energy_max, theta_e_max}, cuts left): of
    the angles one side each. A cut on photons does nothing to the signal and is in neither.
    """
    sides = {"theta_mu": ("min",), "electron_energy": ("min", "max"), "theta_e": ("max",)}
    left = [
        cut for cut in cuts_without(cuts, "photon_energy")
        if cut.variable not in sides
        or any(getattr(cut, side) is not None for side in {"min", "max"} - {*sides[cut.variable]})
    ]  # fmt: skip
    used = [cut for cut in cuts if cut not in left]
    found: Mapping[str, tuple[float, float]] = {name: window(used, name) for name in sides}
    values = {
        f"{name}_{side}": found[name][side == "max"] for name in sides for side in sides[name]
    }
    return {name: value for name, value in values.items() if math.isfinite(value)}, left
