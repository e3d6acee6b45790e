"""What a cut may act on: names, dimensions, meanings. The functions live in `selection`.

The list is here so that a file is checked without loading the selection; a test holds the two
together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from mutau.core.registry import Registry, instance_of

#: No event has more energy than this, in beam energies: measured ones scatter.
MOST: Final = 2.0


@dataclass(frozen=True, slots=True)
class Variable:
    """One quantity of an event.

    name : as it stands in `cuts[…]/variable`.
    dimension : a key of `core.units.DIMENSIONS`, "number" for a count or ratio, or "condition"
        for something that an event fulfils or does not; a condition takes no bounds.
    meaning : one line.
    signed : it may be negative. whole : it takes whole numbers only.
    value : of another package's variable, the function (Sample) -> (N,) values in internal units;
        those of ours are registered in `selection.variables`. needs : the variables of ours that a
        level of simulation must give for it (`selection.requirements`); else it is left out.
    """

    name: str
    dimension: str
    meaning: str
    signed: bool = False
    whole: bool = False
    value: Callable[[Any], Any] | None = None
    needs: tuple[str, ...] = ()

    def reach(self, beam: float) -> tuple[float, float]:
        """Smallest and largest value that an event can have, at a beam of so much energy (GeV)."""
        top = {"energy": MOST * beam, "energy squared": (MOST * beam) ** 2, "angle": math.pi}
        high = MOST if self.name == "muon_energy_fraction" else top.get(self.dimension, math.inf)
        return (-high if self.signed else 0.0), high


_LIST: Final = (
    Variable("trigger", "condition", "all trigger counters hit, no veto counter hit"),
    Variable("muon_energy", "energy", "energy of the scattered muon behind the target, E'_mu"),
    Variable("muon_energy_fraction", "number", "E'_mu over the nominal beam energy"),
    Variable("theta_mu", "angle", "angle of the scattered muon to the incoming one"),
    Variable("incoming_momentum", "energy", "measured momentum of the incoming particle"),
    Variable("n_tracks", "number", "tracks behind the target", whole=True),
    Variable("electron_energy", "energy", "energy of the scattered electron, E_e"),
    Variable("theta_e", "angle", "angle of the scattered electron to the incoming particle"),
    Variable("acoplanarity", "angle", "pi minus the azimuth between muon and electron"),
    Variable(
        "inelasticity",
        "energy squared",
        "squared mass recoiling against the electron, minus the muon's; 0 for elastic scattering",
        signed=True,
    ),
    Variable(
        "vertex",
        "length",
        "where the three tracks meet, from the middle of the plate",
        signed=True,
    ),
    Variable("kink", "number", "chi^2 of one vertex of the three tracks, 3 degrees of freedom"),
    Variable(
        "missing_energy", "energy", "incoming energy minus that of muon and electron", signed=True
    ),
    Variable("missing_mass2", "energy squared", "square of the missing four-momentum", signed=True),
    Variable("photon_energy", "energy", "energy of the photons that the veto sees"),
    Variable(
        "e_miss", "energy", "nominal beam energy minus the energy seen in the target", signed=True
    ),
    Variable("ecal_energy", "energy", "energy seen in the active target"),
    Variable("preshower_energy", "energy", "energy seen in the first part of the active target"),
    Variable("veto_energy", "energy", "energy seen in the veto counters behind the target"),
    Variable("vhcal_energy", "energy", "energy seen in the veto hadron calorimeter"),
    Variable("hcal_energy", "energy", "energy seen in the hadron calorimeter"),
    Variable(
        "hcal_mips",
        "number",
        "muons that the hadron calorimeter's energy agrees with: the smallest over its modules, "
        "in most probable deposits of one",
    ),
    Variable("calorimeter_energy", "energy", "energy seen in all calorimeters, E_CAL"),
    Variable("srd_energy", "energy", "synchrotron radiation seen beside the beam"),
    Variable(
        "n_upstream_hits", "number", "hits per plane in the trackers before the target", whole=True
    ),
    Variable("shower_chi2", "number", "deviation from an electromagnetic shower's shape"),
)


def window(cuts: Iterable[Any], variable: str) -> tuple[float, float]:
    """The tightest bounds that cuts put on a variable together, internal units; -inf, inf: none."""
    low, high = -math.inf, math.inf
    for cut in cuts:
        if cut.variable == variable:
            low = low if cut.min is None else max(low, cut.min)
            high = high if cut.max is None else min(high, cut.max)
    return low, high


def _unusable(item: Any) -> str:
    """What is wrong with what another package gives as a variable, "" for nothing."""
    wrong = instance_of(Variable)(item)
    if wrong or not callable(item.value):
        return wrong or "has no function `value`"
    other = [name for name in item.needs if name not in _OWN]
    return f"needs {', '.join(other)}, which is no variable of ours" if other else ""


_OWN: Final = {variable.name: variable for variable in _LIST}
#: name -> Variable, in the order of the list; other packages add theirs in `mutau.variables`.
VARIABLES: Final[Registry[Variable]] = Registry(
    "cut variable", "mutau.variables", "'mutau show variables' lists all", _unusable
)
for _variable in _LIST:
    VARIABLES.register(_variable.name)(_variable)
