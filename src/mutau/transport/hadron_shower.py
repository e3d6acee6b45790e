"""Hadronic showers particle by particle in a block of one material, with or without a gap in it.

What the set-up's magnets do with the same kernels is `detector.simulation_yoke`. Here: profiles,
energy that leaves, and what a free surface gives back, for comparison with measurements and with
other programs.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np

from mutau.core.arrays import FloatArray
from mutau.core.errors import OutOfRange, UnknownName, require_in_range
from mutau.core.random import stream
from mutau.core.records import array_of, zeros
from mutau.matter.materials import Material
from mutau.transport.hadron_tables import (
    ANTINEUTRON,
    ANTIPROTON,
    EM_CUT,
    HADRON_CUT,
    HIGHEST,
    KAON_LONG,
    KAON_MINUS,
    KAON_PLUS,
    NEUTRON,
    PHOTON,
    PION_MINUS,
    PION_PLUS,
    PROTON,
    hadron_tables,
)
from mutau.transport.matter_tables import matter_of
from mutau.transport.pieces import DIPOLE, OPEN, Piece, piece_of

Array = FloatArray

PARTICLES: Final = {
    "gamma": PHOTON, "pi+": PION_PLUS, "pi-": PION_MINUS, "K+": KAON_PLUS, "K-": KAON_MINUS,
    "K_L": KAON_LONG, "p": PROTON, "n": NEUTRON, "pbar": ANTIPROTON, "nbar": ANTINEUTRON,
}  # fmt: skip
#: Radiation lengths, plus ln(E/cut), below any surface at which an electromagnetic particle of
#: energy E is left where it is, in the iron of magnets.
CLEAR: Final = 3.0


@dataclass(frozen=True, slots=True)
class ShowerBlock:
    """Matter from z = 0 to `length` (cm), without end across; half_x, half_y : cm, of a gap around
    the axis through all of it, 0 for none, which swallows what enters it. bins : of the profiles,
    of `width` cm. seen : parts of the energy left by electrons and photons, by charged hadrons and
    to nuclei that count in the profiles."""

    material: Material
    length: float
    half_x: float = 0.0
    half_y: float = 0.0
    bins: int = 300
    width: float = 1.0
    seen: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class HadronShowerSample:
    """N showers, GeV.

    depth : (N, D) energy by z, radius : (N, R) by distance from the axis, in bins of the block.
    electromagnetic, ionisation, nuclear : (N,) energy left by electrons and photons, by charged
    hadrons, and to nuclei. into_gap : (N,) energy that enters the gap, at the first entry of each
    particle; charged_into_gap : (N,) number of charged particles among them. leak : (N,) out of the
    back, albedo : (N,) out of the front. given_up : (N,) of particles that were not followed to
    their end (`hadron_collisions.GivenUp`): 0 unless a warning says so.
    """

    depth: Array
    radius: Array
    electromagnetic: Array
    ionisation: Array
    nuclear: Array
    into_gap: Array
    charged_into_gap: Array
    leak: Array
    albedo: Array
    given_up: Array


def simulate_hadron_showers(
    particle: str,
    energy: float,
    block: ShowerBlock,
    n: int,
    *,
    start: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    seed: int = 1,
    generator: str = "both",
    clear: float = math.inf,
) -> HadronShowerSample:
    """Showers of n particles that come in at z = 0.

    particle : of PARTICLES. energy : total, GeV, up to 300. start : x, y (cm) and slopes.
    generator, clear : as `hadron_tables`.
    Left out: decays in flight (a K of 1 GeV: 3 % per interaction length), evaporation, charge
    exchange below 0.5 GeV; final states are those on iron.
    Raises UnknownName, OutOfRange. Check: all energies add up to the incident one, less masses.
    """
    from mutau.transport.hadron_shower_runs import ShowerResult, run_block

    if particle not in PARTICLES:
        raise UnknownName("particle", particle, PARTICLES)
    if n < 1:
        raise OutOfRange(f"n = {n}", allowed="1 and above")
    tables = hadron_tables(block.material, generator, clear)
    kind = PARTICLES[particle]
    mass = float(tables.mass[kind])
    least = EM_CUT if kind == PHOTON else mass + HADRON_CUT
    require_in_range("energy", energy, least, HIGHEST, unit="GeV")
    require_in_range("length", block.length, 0.0, OPEN, unit="cm", open_low=True)
    box = {"half_x": block.half_x or -1.0, "half_y": block.half_y or -1.0}
    pieces = array_of(Piece, [piece_of(DIPOLE, 0.0, length=block.length, **box)[0]])
    depth, radius = np.zeros((n, block.bins)), np.zeros((n, block.bins))
    found = zeros(ShowerResult, n)
    kinetic = energy - mass
    run_block(
        stream(seed, 71), pieces, matter_of(block.material, 0.0), tables, (kind, kinetic), start,
        (depth, radius, block.width, np.array(block.seen)), found,
    )  # fmt: skip
    if np.any(found["given_up"] > 0.0):
        warnings.warn(given_up_text(float(found["given_up"].sum())), stacklevel=2)
    return HadronShowerSample(
        depth, radius, *(found[name].copy() for name in ShowerResult.__annotations__)
    )


def given_up_text(energy: float) -> str:
    """What a warning says where particles of this energy (GeV) have been given up."""
    return (
        f"particles of {energy:.3g} GeV in showers were given up (no room, too many steps or too "
        "long a path); what they would have done is in no result"
    )


def containment(profile: Array, width: float, fraction: float) -> float:
    """Depth or radius (cm) within which a fraction of the energy of a profile lies.

    profile : (bins,) energy by bin of `width` cm. Linear within a bin.
    """
    above = np.concatenate([[0.0], np.cumsum(profile)])
    return float(np.interp(fraction * above[-1], above, width * np.arange(len(above))))
