"""What the walks need to know of a material, as one record: numbers and tables.

The tables of collisions drawn one by one are empty where only the mean loss is asked for (`cut` is
0), as in the fast mode of the trigger.
"""

from __future__ import annotations

import math
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner
from mutau.core.records import Records, zeros
from mutau.matter.hadron_nucleus import relative_rate
from mutau.matter.materials import Material
from mutau.matter.multiple_scattering import ScatteringTable, highland_angle, scattering_table
from mutau.matter.muon_energy_loss import HALF_K, loss_table
from mutau.transport.catastrophic_losses import (
    N_ENERGY,
    N_RECOIL_U,
    N_RECOIL_V,
    N_SHARE,
    RECOIL_ENERGIES,
    catastrophic_losses,
)

Array = NDArray[np.float64]

#: Cuts above which collisions are drawn one by one, GeV: in solids, and in planes and gas, where
#: the struck electrons are seen by the trackers.
SOLID_CUT: Final = 0.1
THIN_CUT: Final = 0.01
#: Energy loss of a relativistic charged particle, GeV cm^2/g; for hadrons and showers on the way.
MIP: Final = 2.0e-3
#: Hadrons without a species: charged ones have a pion's interaction length, neutral ones collide as
#: often as K_L and neutrons do in these fractions (4.2 to 2.8 among those that lead; what they
#: survive falls as one exponential, not two).
NEUTRAL_KAONS: Final = 0.6
#: Energies (GeV) of the table of their lengths, constant beyond.
N_HADRON: Final = 9
_HADRON_LOW: Final = math.log(3.0)
_HADRON_STEP: Final = math.log(100.0) / (N_HADRON - 1)
#: Core radius of an electromagnetic shower over Moliere's radius; assumed: with the profile
#: 2 r R^2/(r^2 + R^2)^2 the 90 % of a shower that lie within Moliere's radius want R = 1/3.
SHOWER_RADIUS: Final = 0.3
#: GeV. Rossi's scattering energy, m_e sqrt(4 pi/alpha): Moliere's radius is X0 times it over E_c.
SCATTERING_ENERGY: Final = 0.0212
#: Points of a stopping power (`muon_energy_loss.loss_table`) and of a scattering table.
N_LOSS: Final = 337
N_SCATTER: Final = 600


class MaterialRecord:
    """One material; lengths cm, energies GeV.

    loss : stopping power, GeV/cm, as `loss_kernel` reads it. highland : Highland's angle at
    p beta = 1 GeV over the root of the length. total, start, step, scatter : its `ScatteringTable`.
    half_k : GeV/cm. x0 : radiation length. interaction : length of nucleons. hadrons : lengths of
    charged and of neutral hadrons over energy (`hadron_length`). critical : energy of
    electrons. mean_z : charge of the nuclei. mip : loss of a relativistic particle, GeV/cm.
    radius : of the core of showers.
    cut : see `SOLID_CUT`. restricted, soft : stopping power and variance (GeV^2/cm) of what is
    below it. log_low, log_step : grid of ln E of the tables of `CatastrophicLosses`: rate (per cm,
    by kind, then all), logit, recoil.
    """

    loss: Annotated[Array, (N_LOSS,)]
    highland: float
    total: float
    start: float
    step: float
    scatter: Annotated[Array, (N_SCATTER, 3)]
    half_k: float
    x0: float
    interaction: float
    hadrons: Annotated[Array, (2, N_HADRON)]
    critical: float
    mean_z: float
    mip: float
    radius: float
    cut: float
    restricted: Annotated[Array, (N_LOSS,)]
    log_low: float
    log_step: float
    soft: Annotated[Array, (N_ENERGY,)]
    rate: Annotated[Array, (N_ENERGY, 5)]
    recoil: Annotated[Array, (len(RECOIL_ENERGIES), N_RECOIL_V, N_RECOIL_U)]
    logit: Annotated[Array, (N_ENERGY, 4, N_SHARE)]


MaterialRecords = Records[MaterialRecord]


@inner(forceinline=True)
def scattering_of(matter: MaterialRecord) -> ScatteringTable:
    """Its scattering table, as `scatter_kernel` reads it."""
    return ScatteringTable(matter.total, matter.start, matter.step, matter.scatter)


def matter_of(item: Material, cut: float) -> MaterialRecords:
    """The record of a material, an array of length 1. cut : GeV, or 0 without hard collisions."""
    scatter, critical = scattering_table(item), electron_critical_energy(item)
    found = zeros(MaterialRecord, 1)
    values = {
        "loss": loss_table(item),
        "highland": highland_angle(1.0, item, 100.0, mass=0.0) / 10.0,
        "total": scatter.total,
        "start": scatter.start,
        "step": scatter.step,
        "scatter": scatter.columns,
        "half_k": HALF_K * item.density * item.z_over_a,
        "x0": item.radiation_length_cm,
        "interaction": item.interaction_length_cm,
        "hadrons": _hadron_lengths(item),
        "critical": critical,
        "mean_z": _mean_z(item),
        "mip": MIP * item.density,
        "radius": SHOWER_RADIUS * item.radiation_length_cm * SCATTERING_ENERGY / critical,
        "cut": cut,
    }
    if cut > 0.0:
        hard = catastrophic_losses(item, cut)
        values |= {
            "restricted": hard.restricted,
            "log_low": hard.log_low,
            "log_step": hard.log_step,
            "soft": hard.soft_variance,
            "rate": np.column_stack([hard.rate, hard.rate.sum(axis=1)]),
            "recoil": hard.recoil,
            "logit": hard.logit_v,
        }
    for name, value in values.items():
        found[name][0] = value
    return found


def _hadron_lengths(item: Material) -> Array:
    """(2, N_HADRON) lengths (cm) of charged and of neutral hadrons."""
    energies = np.exp(_HADRON_LOW + _HADRON_STEP * np.arange(N_HADRON))
    found = np.empty((2, N_HADRON))
    for i, energy in enumerate(energies.tolist()):
        kaon, neutron = (relative_rate(name, item, energy) for name in ("K_L", "n"))
        found[0, i] = relative_rate("pi-", item, energy)
        found[1, i] = NEUTRAL_KAONS * kaon + (1.0 - NEUTRAL_KAONS) * neutron
    return item.interaction_length_cm / found


@inner(forceinline=True)
def hadron_length(matter: MaterialRecord, charged: bool, energy: float) -> float:
    """Interaction length of a hadron without a species, cm. Check: pions in iron, 20.4 cm (PDG)."""
    row = 0 if charged else 1
    u = (math.log(max(energy, 1.0)) - _HADRON_LOW) / _HADRON_STEP
    i = min(max(int(u), 0), N_HADRON - 2)
    f = min(max(u - i, 0.0), 1.0)
    return matter.hadrons[row, i] + f * (matter.hadrons[row, i + 1] - matter.hadrons[row, i])


def _mean_z(item: Material) -> float:
    """Z averaged over what stops electrons: the mass fractions over the radiation lengths."""
    weights = [w / e.radiation_length for e, w in item.elements]
    return float(np.average([e.z for e, _ in item.elements], weights=weights))


def electron_critical_energy(item: Material) -> float:
    """Critical energy of electrons, GeV (Rossi's definition), good to about 10 %.

    610 MeV/(Z + 1.24) for solids and 710 MeV/(Z + 0.92) for gases (PDG 2024, sec. 34.4.4) for each
    element. For mixtures 1/X0 weights the inverse: what an electron loses by collisions per X0.
    Check: lead 7.33 MeV (PDG 7.43).
    """
    over, offset = (0.710, 0.92) if item.gas else (0.610, 1.24)
    parts = [(w / e.radiation_length, over / (e.z + offset)) for e, w in item.elements]
    # loss per gram: sum w E_c/X0; over 1/X0 of the whole
    return sum(x * e for x, e in parts) / sum(x for x, _ in parts)
