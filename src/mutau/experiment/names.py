"""Names that a file may use and that other sub-packages give a meaning to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Process:
    """A process from beam particle to signal. `beams`: the particles that can take it."""

    name: str
    beams: tuple[str, ...]
    meaning: str


#: name -> Process. The pipeline takes the process that the file names.
PROCESSES: Final = {
    process.name: process
    for process in (
        Process("muon-brems", ("mu-", "mu+"), "mu N -> mu N Z' on the nuclei of a thick target"),
        Process(
            "muon-electron-zprime", ("mu-", "mu+"), "mu e -> mu e Z' on the target's electrons"
        ),
        Process(
            "electron-brems+annihilation",
            ("e-", "e+"),
            "e N -> e N Z' and e+ e- -> Z' within an electromagnetic cascade",
        ),
    )
}

#: Where the file names no process, the beam decides.
DEFAULT_PROCESS: Final = {
    "mu-": "muon-brems",
    "mu+": "muon-brems",
    "e-": "electron-brems+annihilation",
    "e+": "electron-brems+annihilation",
}

#: Cross sections of e N -> e N Z', form factors of nuclei, and models of the motion of atomic
#: electrons, as the sub-package `reactions` and `matter` know them; the first is the default.
BREMS_METHODS: Final = ("exact", "iww-scaled", "iww", "ww")
FORM_FACTORS: Final = ("elastic", "elastic+inelastic", "unscreened", "point")
ELECTRON_MODELS: Final = ("virial", "rest", "hydrogenic", "hartree-fock", "compton")

#: Ways to set the limit; each is registered in the sub-package `stats`.
LIMIT_METHODS: Final = (
    "events",
    "bayes",
    "asymptotic",
    "asymptotic-cls",
    "toys",
    "toys-cls",
    "classical",
    "feldman-cousins",
    "hybrid-cls",
)
