"""Backgrounds of a missing-energy search with electrons: beam particles that are no electrons, and
neutral hadrons made in the active target.

in-flight decays : a pion or muon of the beam momentum is measured upstream, is taken for an
    electron by mistake of the synchrotron detector, and decays to an electron and neutrinos before
    the calorimeter (NA64-e paper, arXiv:2404.06982, section 4). Kinematics exact.
neutral punch-through : a hard photon of the shower interacts with a nucleus, one neutral hadron
    takes the energy and crosses the whole HCAL unseen. Production parametrised.

Contamination, beam line and detectors are those of the file; what is assumed of photonuclear
reactions is an `Assumptions`. The results are estimates of size, and their model error says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background.estimate import Estimate, background_source
from mutau.background.hcal_paths import hcal_modules, unseen
from mutau.core.constants import G_F, M_MU
from mutau.core.errors import NotApplicable, OutOfRange
from mutau.core.units import HBARC_GEV_CM
from mutau.detector.electron_calibration import photonuclear_per_particle
from mutau.experiment.variables import window
from mutau.matter.hadrons import hadron
from mutau.matter.materials import material
from mutau.transport.decays import decay_probability, energy_limits, fraction_below

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is assumed of photonuclear reactions.

    shadowing : nucleons per nucleus that a photon sees, as A^0.9.
    neutral : chance that a photonuclear reaction gives most of its energy to one neutron or K_L,
        0.5 % (assumed: leading charge exchange of a percent, half of it neutral with x > 0.7).
    """

    shadowing: float = 0.9
    neutral: float = 5e-3

    def __post_init__(self) -> None:
        for name in ("shadowing", "neutral"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise OutOfRange(f"{name} = {value!r}", place="assumptions", allowed="0 to 1")


#: The process that these are backgrounds of.
PROCESS: Final = "electron-brems+annihilation"
DEFAULT: Final = Assumptions()
#: c tau of the muon, cm, from G_F at tree level: 0.4 % below the measured 658.6 m.
C_TAU_MU: Final = HBARC_GEV_CM * 192.0 * math.pi**3 / (G_F**2 * M_MU**5)
#: Relative errors of the assumptions together: contamination and mistakes; production.
DECAY_ERROR: Final = 1.0
PRODUCTION_ERROR: Final = 1.0
HARD: Final = 5  # energies between the missing energy and the beam's at which hadrons are followed


def threshold(experiment: Experiment) -> float:
    """Upper edge of the signal box in the energy seen, GeV: the mean over run periods.

    Raises NotApplicable for a file whose runs state none.
    """
    pairs = [(run.threshold, run.particles) for run in experiment.runs if run.threshold]
    if not pairs:
        raise NotApplicable(
            "no run states a threshold", place=f"{experiment.name}: runs",
            remedy='write threshold = "50 GeV"',
        )  # fmt: skip
    edges, weights = zip(*pairs, strict=True)
    return float(np.average(edges, weights=weights))


def muon_decay_share_below(fraction: float) -> float:
    """Share of mu -> e nu nu decays in flight, unpolarised, whose electron has less than `fraction`
    of the muon's energy.

    dN/dx = 5/3 - 3 x^2 + 4/3 x^3, m_e and 1 - beta neglected (L. Michel, Proc. Phys. Soc. A 63
    (1950) 514, boosted isotropically). Check: 1 at 1; mean of x 0.35.
    """
    x = min(max(fraction, 0.0), 1.0)
    return 5.0 / 3.0 * x - x**3 + x**4 / 3.0


@dataclass(frozen=True, slots=True)
class BeamPions:
    """Pions among beam electrons, as the file states them.

    pions : per electron. mistaken : chance that one, or a muon, passes the synchrotron detector.
    path : cm between that detector and the calorimeter.
    """

    pions: float
    mistaken: float
    path: float


def contamination(experiment: Experiment) -> BeamPions:
    """beam/pions, upstream/srd/mistaken and beam/decay_path. Raises NotApplicable without them."""
    beam, line = experiment.beam, experiment.upstream
    mistaken = line.srd.mistaken if line and line.srd else None
    if beam.pions is None or mistaken is None or not beam.decay_path:
        raise NotApplicable(
            "states no pions in the beam, or not how many are taken for electrons",
            place=f"{experiment.name}: beam/pions, beam/decay_path, upstream/srd/mistaken",
            remedy='write for example pions = 1e-2, decay_path = "5 m", mistaken = 1e-5',
        )
    return BeamPions(beam.pions, mistaken, beam.decay_path)


def muons_per_electron(experiment: Experiment) -> float:
    """Muons of the beam momentum per electron: pions that decayed along the line (upstream/line).

    Flat muon spectrum between (m_mu/m_pi)^2 and 1 of the pion's energy; what lies in the bite.
    Raises NotApplicable where the file does not describe the line.
    """
    line = experiment.upstream
    if line is None or line.line is None or line.bite is None:
        raise NotApplicable(
            "states no beam line in which pions turn to muons",
            place=f"{experiment.name}: upstream",
            remedy='write for example line = "600 m" and bite = "2 %"',
        )
    pion, energy = hadron("pi-"), experiment.beam.energy
    momentum = math.sqrt(energy**2 - pion.mass**2)
    decayed = float(decay_probability(pion, momentum, line.line))
    low, high = energy_limits(pion, pion.channel("mu", "nu"), 0, energy)
    fraction = min(line.bite * energy / (high - low), 1.0)
    return contamination(experiment).pions * decayed * fraction


@background_source("pion decays", PROCESS)
def pion_decays(experiment: Experiment, seed: int = 1, effort: float = 1.0) -> Estimate:
    """pi -> e nu before the calorimeter, per beam electron."""
    given, pion, energy = contamination(experiment), hadron("pi-"), experiment.beam.energy
    channel = pion.channel("e", "nu")
    momentum = math.sqrt(energy**2 - pion.mass**2)
    decays = float(decay_probability(pion, momentum, given.path)) * channel.fraction
    below = fraction_below(pion, channel, 0, energy, threshold(experiment))
    value = given.pions * given.mistaken * decays * below
    return Estimate(
        "pion decays", value, 1e-3 * value, DECAY_ERROR * value,
        method="exact decay in flight, flat electron spectrum",
        assumption=f"{given.pions:g} pions per electron, {given.mistaken:g} of them taken for "
        "electrons",
    )  # fmt: skip


@background_source("muon decays", PROCESS)
def muon_decays(experiment: Experiment, seed: int = 1, effort: float = 1.0) -> Estimate:
    """mu -> e nu nu before the calorimeter, per beam electron."""
    energy, muons = experiment.beam.energy, muons_per_electron(experiment)
    given = contamination(experiment)
    momentum = math.sqrt(energy**2 - M_MU**2)
    decays = -math.expm1(-given.path * M_MU / (momentum * C_TAU_MU))
    below = muon_decay_share_below(threshold(experiment) / energy)
    value = muons * given.mistaken * decays * below
    return Estimate(
        "muon decays", value, 1e-3 * value, DECAY_ERROR * value,
        method="Michel spectrum boosted; muons from pions along the line",
        assumption="length and momentum bite of the line as in the file",
    )  # fmt: skip


def photonuclear_per_electron(experiment: Experiment, given: Assumptions = DEFAULT) -> float:
    """Reactions per beam electron of photons with more than the missing energy."""
    beam = experiment.beam
    return photonuclear_per_particle(
        beam.particle, beam.energy, material(experiment.target.material),
        beam.energy - threshold(experiment), given.shadowing,
    )  # fmt: skip


def hcal_budget(experiment: Experiment) -> float:
    """Energy, GeV, that the selection lets a hadron leave in the HCAL: the cut, or what the modules
    do not show below their threshold. Raises NotApplicable for a file without such a cut."""
    _, modules = hcal_modules(experiment)
    stated = window(experiment.cuts, "hcal_energy")[1]
    if not math.isfinite(stated):
        raise NotApplicable(
            "states no upper cut on hcal_energy, so the HCAL vetoes nothing",
            place=f"{experiment.name}: cuts",
            remedy='write for example variable = "hcal_energy", max = "1 GeV"',
        )
    return max(stated, min(item.threshold for item in modules))


@background_source("neutral punch-through", PROCESS)
def neutral_punch_through(
    experiment: Experiment, seed: int = 1, effort: float = 1.0, given: Assumptions = DEFAULT
) -> Estimate:
    """Neutrons and K_L from the active target through the whole HCAL, per beam electron.

    Energies even between the missing energy and the beam's; each kind half of the neutrals. What
    of the HCAL stands in their way, and its cut, come from the file.
    """
    budget = hcal_budget(experiment)
    low = experiment.beam.energy - threshold(experiment)
    energies = low + (experiment.beam.energy - low) * (np.arange(HARD) + 0.5) / HARD
    n = max(int(2000 * effort), 200)
    through, square, modules = 0.0, 0.0, 0
    for name in ("n", "K_L"):
        for i, energy in enumerate(energies):
            one = unseen(name, float(energy), experiment, budget, n=n, seed=seed + i)
            through += 0.5 * one.value / HARD
            square += (0.5 * one.err / HARD) ** 2
            modules = max(modules, one.modules)
    made = photonuclear_per_electron(experiment, given) * given.neutral
    value = made * through
    return Estimate(
        "neutral punch-through", value, made * math.sqrt(square), PRODUCTION_ERROR * value,
        method=f"{made:.2g} leading neutrals per electron times {through:.2g} through "
        f"{modules} modules",
        assumption=f"a fraction {given.neutral:g} of photonuclear reactions has a leading neutral",
    )  # fmt: skip
