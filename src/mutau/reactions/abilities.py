"""What a reaction can compute, declared: beams, energies, kinds of boson and their masses.

The checks of every reaction use what stands here, and so does whoever lists reactions; what is
asked outside is refused by name, with what is allowed, before anything is computed.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, require_in_range
from mutau.reactions.bosons import KINDS
from mutau.reactions.muon_electron_kinematics import BEAM_ENERGIES, production_threshold

LEPTONS: Final = {"electron": M_E, "muon": M_MU}
#: What makes pairs on a nucleus, with its mass.
PAIR_BEAMS: Final = {**LEPTONS, "photon": 0.0}
#: Particles of a beam, by their kind.
BEAMS: Final = {"electron": ("e-", "e+"), "muon": ("mu-", "mu+"), "photon": ("gamma",)}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one reaction can compute.

    reaction : its name in messages. beams : particles that it takes. energies : of the beam, GeV,
    the lower end excluded. mediators : kinds of boson (`Model.mediator`); none where it makes none.
    masses : of the boson, GeV, whatever the energy. below, above : why no lighter, no heavier one.
    Raises OutOfRange where asked outside, MutauError for a beam.

    >>> Abilities("muon-brems", ("mu-", "mu+"), (0.106, 1e5)).check_beam("e-")
    Traceback (most recent call last):
    mutau.core.errors.MutauError: beam: muon-brems is not computed for e-; allowed: mu- or mu+
    """

    reaction: str
    beams: tuple[str, ...]
    energies: tuple[float, float]
    mediators: Collection[str] = ()
    masses: tuple[float, float] = (0.0, math.inf)
    below: str = ""
    above: str = ""

    def check_beam(self, particle: str, *, place: str = "beam", whose: str = "") -> None:
        """Refuse a particle. whose : what it is the beam of, for the message."""
        if particle not in self.beams:
            beam = f"{whose} has a beam of {particle}, and " if whose else ""
            raise MutauError(
                f"{beam}{self.reaction} is not computed for {'it' if whose else particle}",
                place=place,
                allowed=" or ".join(self.beams),
            )

    def check_energy(self, energy: float) -> None:
        """Refuse an energy of the beam, GeV."""
        require_in_range(
            "energy", energy, *self.energies, unit="GeV", reason=self.reaction, open_low=True
        )

    def check_mass(self, mass: float) -> None:
        """Refuse a mass of the boson, GeV, with the reason."""
        reason = self.above if mass > self.masses[1] else self.below
        reason = f"{self.reaction}: {reason}" if reason else self.reaction
        require_in_range("mass", mass, *self.masses, unit="GeV", reason=reason)


def _bremsstrahlung(lepton: str) -> Abilities:
    return Abilities(
        f"{lepton}-brems", BEAMS[lepton], (LEPTONS[lepton], 1e5), KINDS, (1e-6, 100.0),
        below="below 1 keV the medium changes the emission: coherence over many atoms is lost",
        above="heavier ones are not checked",
    )  # fmt: skip


def _pairs(beam: str, pair: str) -> Abilities:
    """A light nucleus takes a little more of the energy than the lower end says."""
    lowest = PAIR_BEAMS[beam] + 2.0 * LEPTONS[pair]
    return Abilities(f"{beam}-{pair}-pair", BEAMS[beam], (lowest, 1e4))


_MUON_ELECTRON: Final = Abilities("muon-electron", BEAMS["muon"], BEAM_ENERGIES)

#: reaction -> what it can do.
ABILITIES: Final = {
    item.reaction: item
    for item in (
        *(_bremsstrahlung(lepton) for lepton in LEPTONS),
        Abilities(
            "annihilation", ("e+",), (M_E, math.inf), KINDS, (2.0 * M_E, math.inf),
            below="e+ e- makes no lighter boson",
        ),
        replace(
            _MUON_ELECTRON, reaction="muon-electron-zprime", mediators=KINDS,
            masses=(0.0, production_threshold(BEAM_ENERGIES[1])),
            above="nothing heavier is made below the electroweak scale",
        ),
        *(
            replace(_MUON_ELECTRON, reaction=f"muon-electron-{name}")
            for name in ("elastic", "gamma", "nunu")
        ),
        *(_pairs(beam, pair) for beam in PAIR_BEAMS for pair in LEPTONS),
    )
}  # fmt: skip
