"""What the particle-by-particle shower of hadrons needs to know of one material, as arrays.

Final states of collisions are a library of events on iron (data/final_states/hadron_iron); lengths
are those of `matter.hadron_nucleus`; electrons and photons have the tables of single showers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.arrays import FloatArray
from mutau.core.constants import M_MU
from mutau.core.errors import UnknownName
from mutau.matter.data_tables import card, table
from mutau.matter.em_processes_medium import medium
from mutau.matter.hadron_nucleus import REFERENCE_ENERGY, elastic_length, inelastic_length
from mutau.matter.materials import Material
from mutau.matter.muon_energy_loss import stopping_power_parts
from mutau.transport.shower_tables import ShowerTables, shower_tables

Ints = NDArray[np.int64]

#: Kinds of particles: those of the library in its order, then electrons and positrons.
PHOTON, PION_0, PION_PLUS, PION_MINUS, KAON_PLUS, KAON_MINUS, KAON_LONG = range(7)
PROTON, NEUTRON, ANTIPROTON, ANTINEUTRON, ELECTRON, POSITRON = range(7, 13)
CHARGES: Final = (0.0, 0.0, 1.0, -1.0, 1.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 1.0)
#: What a kind is for u <-> d; a neutral kaon stands for either of its two.
IMAGES: Final = (0, 1, 3, 2, 6, 6, 4, 8, 7, 10, 9)
#: Projectiles of the library.
FROM_PION, FROM_KAON_PLUS, FROM_KAON_MINUS, FROM_PROTON = range(4)
#: Which events are used: of both generators alike, or of one.
GENERATORS: Final = ("both", "urqmd", "pythia")
#: Electrons and photons are followed to this total energy, hadrons to this kinetic energy, GeV.
EM_CUT: Final = 6e-3
HADRON_CUT: Final = 0.03
#: Highest energy, GeV, and that of the grid of lengths (kinetic): nodes, lowest, step in ln T.
HIGHEST: Final = 300.0
_NODES: Final = 41
_LOG_LOW: Final = math.log(HADRON_CUT)
_LOG_STEP: Final = (math.log(HIGHEST) - _LOG_LOW) / (_NODES - 1)
#: Energy range (GeV) in which lengths are tabulated; they are taken as constant below.
_INELASTIC_LOW: Final = 3.0
_ELASTIC_LOW: Final = 10.0
#: Grid of ln(beta gamma) of the ionisation loss.
_LOSS_NODES: Final = 101
_LOSS_LOW: Final = math.log(0.2)
_LOSS_STEP: Final = (math.log(3e3) - _LOSS_LOW) / (_LOSS_NODES - 1)
#: Lowest beta gamma of the tabulated muon's loss, and the power of beta below it (Bethe's region).
_BETHE_LOW: Final = 0.5
_BETHE_POWER: Final = 1.67
_NAMES: Final = ("", "", "pi+", "pi-", "K+", "K-", "K_L", "p", "n", "pbar", "nbar")


class CollisionLibrary(NamedTuple):
    """The library: (N,) particles, event after event.

    log_kinetic : (M,) of the nodes, ln GeV. events : in each cell (generator, projectile, node).
    first : where each event begins, one more at the end. local : fraction of the energy that nobody
    carries away. generator : 0 or 1, -1 for both alike.
    """

    log_kinetic: FloatArray
    events: int
    first: Ints
    local: FloatArray
    kind: Ints
    y: FloatArray
    p_t: FloatArray
    phi: FloatArray
    generator: int


class HadronTables(NamedTuple):
    """One material at its own density; lengths cm.

    states : see there. mass, charge : by kind. image : see `IMAGES`. inelastic, elastic :
    (kinds, G) collisions per cm, over ln T from log_low in steps of log_step. slope : of elastic
    scattering on nuclei, GeV^-2. loss : ionisation of charge 1, GeV/cm, over ln(beta gamma). x0 :
    radiation length. interaction : of nucleons. em : of electrons and photons. clear : radiation
    lengths; electrons and photons deeper below surfaces end where they are (inf: never).
    """

    states: CollisionLibrary
    mass: FloatArray
    charge: FloatArray
    image: Ints
    inelastic: FloatArray
    elastic: FloatArray
    log_low: float
    log_step: float
    slope: float
    loss: FloatArray
    loss_low: float
    loss_step: float
    x0: float
    interaction: float
    em: ShowerTables
    clear: float


@lru_cache(maxsize=4)
def collision_library(generator: str = "both") -> CollisionLibrary:
    """The library of hadrons on iron. generator : of GENERATORS. Raises UnknownName, FileError."""
    if generator not in GENERATORS:
        raise UnknownName("generator of final states", generator, GENERATORS)
    about, arrays = card("hadron_iron"), table("hadron_iron")
    return CollisionLibrary(
        np.log(arrays["kinetic"]),
        int(about["events"]),
        np.concatenate([[0], np.cumsum(arrays["count"], dtype=np.int64)]),
        arrays["local"].astype(float),
        arrays["kind"].astype(np.int64),
        float(about["rapidity_step"]) * arrays["y"].astype(float),
        float(about["momentum_step_GeV"]) * arrays["p_t"].astype(float),
        2.0 * math.pi / 256.0 * arrays["phi"].astype(float),
        GENERATORS.index(generator) - 1,
    )


def _masses() -> FloatArray:
    from mutau.core.constants import M_E

    return np.array([*card("hadron_iron")["masses_GeV"], M_E, M_E], float)


def _rates(item: Material, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(kinds, G) inelastic and elastic collisions per cm; neither of photons and pi0."""
    inelastic, elastic = np.zeros((len(_NAMES), _NODES)), np.zeros((len(_NAMES), _NODES))
    kinetic = np.exp(_LOG_LOW + _LOG_STEP * np.arange(_NODES))
    for kind, name in enumerate(_NAMES):
        if not name:
            continue
        plain = name.removesuffix("bar")
        for i, t in enumerate(kinetic):
            energy = min(max(t + mass[kind], _INELASTIC_LOW), HIGHEST)
            inelastic[kind, i] = 1.0 / inelastic_length(name, item, energy).cm
            energy = min(max(t + mass[kind], _ELASTIC_LOW), HIGHEST)
            elastic[kind, i] = 1.0 / elastic_length(plain, item, energy).cm
    return inelastic, elastic


def _losses(item: Material) -> FloatArray:
    """Ionisation loss over the grid of beta gamma, GeV/cm, of a heavy particle of charge 1."""
    bg = np.exp(_LOSS_LOW + _LOSS_STEP * np.arange(_LOSS_NODES))
    gamma = np.sqrt(1.0 + np.maximum(bg, _BETHE_LOW) ** 2)
    loss = stopping_power_parts(M_MU * gamma, item).ionisation
    beta, least = bg / np.sqrt(1.0 + bg * bg), _BETHE_LOW / math.sqrt(1.0 + _BETHE_LOW**2)
    return np.asarray(loss * np.maximum(least / beta, 1.0) ** _BETHE_POWER)


def _slope(item: Material, rate: float) -> float:
    """Slope of dsigma/dt of elastic scattering on the nuclei, GeV^-2: R^2/4 of a black disc whose
    area is the inelastic cross section. Check: 140 GeV^-2 for iron."""
    per_cm3 = sum(atoms for _, atoms in item.atoms_per_cm3)
    gev_per_cm = 1.973269804e-14
    return float(rate / per_cm3 / (4.0 * math.pi * gev_per_cm**2))


@lru_cache(maxsize=8)
def hadron_tables(
    item: Material, generator: str = "both", clear: float = math.inf, cut: float = EM_CUT
) -> HadronTables:
    """Tables of a material. generator : of GENERATORS. clear : see `HadronTables`. cut : total
    energy (GeV) down to which electrons and photons are followed.

    The final states are those on iron whatever the material. Raises UnknownName, FileError.
    """
    mass = _masses()
    inelastic, elastic = _rates(item, mass)
    interaction = inelastic_length("p", item, REFERENCE_ENERGY).cm
    em = shower_tables(medium(item), HIGHEST, cut, 0.05)
    return HadronTables(
        collision_library(generator), mass, np.array(CHARGES), np.array(IMAGES, np.int64),
        inelastic, elastic, _LOG_LOW, _LOG_STEP, _slope(item, 1.0 / interaction), _losses(item),
        _LOSS_LOW, _LOSS_STEP, medium(item).x0_cm, interaction, em, clear,
    )  # fmt: skip
