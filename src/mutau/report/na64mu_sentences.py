"""Sentences of the NA64mu paper with something to compute that no number of its tables holds."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import numpy as np

from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.background.hadron_decays import contamination
from mutau.background.punch_through import HadronStack, hcal_module, punch_through
from mutau.bounds import BOUNDS, published_limit
from mutau.core.constants import M_E, M_MU
from mutau.core.units import GEV_PER_T_CM
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.hadrons import hadron
from mutau.models import Family
from mutau.report.na64mu import projection
from mutau.report.na64mu_backgrounds import SHOWN_HADRON, decay_chance, source
from mutau.report.rows import Ours
from mutau.report.runs import ROWS, Run
from mutau.signal.exposure import particles_on_target
from mutau.transport.decays import decay_probability

#: Masses at which limits on other models are printed, GeV.
SHOWN_MASSES: Final = (0.01, 0.1, 0.5)
#: Mass at which the sign of nu_tau is tried on the rate of solar neutrinos, GeV.
SIGN_MASS: Final = 0.02
#: Projections of M3 that the figure may show.
M3: Final = ("m3-phase1-projection-2018", "m3-phase2-projection-2018")
#: Histories of hadrons for one number, quick or not.
HISTORIES: Final = {True: 20_000, False: 60_000}


def depths() -> dict[str, float]:
    """Depth of what the file places: target in radiation lengths, the rest in interaction lengths,
    by kind, of one module."""
    experiment = load_experiment("na64mu")
    medium = material(experiment.target.material)
    found = {"target": experiment.target.thickness.cm(medium.radiation_length_cm)
             / medium.radiation_length_cm}  # fmt: skip
    for item in experiment.detector.calorimeter:
        stuff = material(item.material)
        per_cm = stuff.density / stuff.nuclear_interaction_length
        found.setdefault(item.kind, item.length * per_cm)
    return found


for _id, _kind in (("mu.depth.ecal", "target"), ("mu.depth.vhcal", "vhcal"),
                   ("mu.depth.hcal", "hcal")):  # fmt: skip

    @ROWS.register(_id)
    def depth(run: Run, kind: str = _kind) -> Ours:
        """Depth of a calorimeter of the file, by the tables of its materials."""
        found = depths()[kind]
        return Ours(found, words={"value": found})


@ROWS.register("mu.bend")
def bend(run: Run) -> Ours:
    """Deflection in MS2 of a muon of half the beam's momentum, mrad, and of one of the beam's."""
    experiment = load_experiment("na64mu")
    (magnet,) = experiment.detector.magnet
    whole = experiment.beam.energy
    angle = {
        p: GEV_PER_T_CM * float(magnet.field_integral or 0.0) / p for p in (0.5 * whole, whole)
    }
    words = {"slow": 1e3 * angle[0.5 * whole], "fast": 1e3 * angle[whole]}
    return Ours(words["slow"], words=words)


@ROWS.register("mu.spills")
def spills(run: Run) -> Ours:
    """Spills of 1e7 muons for the exposure of the projection."""
    total = particles_on_target(load_experiment("na64mu"))
    return Ours(total / 1e7, words={"value": total / 1e7, "total": total, "triggers": 1e7 * 1e-3})


@ROWS.register("mu.had.ks")
def short_lived(run: Run) -> Ours:
    """Chance that a K_S of the beam's momentum reaches the target over the decay path."""
    experiment = load_experiment("na64mu")
    kaon, energy = hadron("K_S"), experiment.beam.energy
    momentum = math.sqrt(energy**2 - kaon.mass**2)
    length = momentum / kaon.mass * kaon.c_tau
    left = 1.0 - float(decay_probability(kaon, momentum, experiment.beam.decay_path))
    muons = sum(channel.fraction for channel in kaon.channels if "mu" in channel.daughters)
    return Ours(left, words={"value": left, "length": 1e-2 * length, "muons": muons})


@ROWS.register("mu.had.n.total (with K_L)")
def decays_with_neutral(run: Run) -> Ours:
    """Pions, charged kaons and as many K_L as K-, that decay before the set-up per muon."""
    beam = contamination(load_experiment("na64mu"))
    kinds = {
        "pions": (beam.pion, "pi-"),
        "kaons": (beam.kaon, "K-"),
        "long": (beam.kaon_long, "K_L"),
    }
    parts = {
        name: share * run.of(decay_chance, hadron_) for name, (share, hadron_) in kinds.items()
    }
    total = sum(parts.values())
    return Ours(total, words={"value": total, **parts})


def quiet(run: Run, modules: int, kind: str, budget: float) -> Ours:
    """Chance that a 100 GeV hadron leaves at most an energy in all modules."""
    medium, length = hcal_module(load_experiment("na64mu"))
    got = punch_through(
        kind, SHOWN_HADRON, HadronStack(medium, length, modules), budget,
        n=HISTORIES[run.level.name == "quick"], seed=run.level.seed,
    )  # fmt: skip
    depth = length / inelastic_length(kind, medium, SHOWN_HADRON).cm
    none = math.exp(-modules * depth)
    return Ours(got.value, got.err, words={"untouched": none, "budget": budget})


@ROWS.register("mu.hcal.neutral")
def neutral(run: Run) -> Ours:
    """K_L that leave at most 0.1 GeV in two modules over those that do not interact at all."""
    item = run.of(quiet, 2, "K_L", 0.1)
    none = float(item.words["untouched"])
    value = item.value or 0.0
    return Ours(
        value / none,
        (item.err or 0.0) / none,
        words={"value": value / none, "quiet": value, "untouched": none},
    )


for _modules in (1, 2, 4):
    for _budget, _kind in ((0.1, "K_L"), (2.5, "pi-")):
        _words = "K_L at most 0.1 GeV" if _kind == "K_L" else "pion at most 2.5 GeV"
        ROWS.register(f"mu.punch.{_modules} ({_words})")(
            partial(quiet, modules=_modules, kind=_kind, budget=_budget)
        )


def one_module(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies, and the chance that a 100 GeV K_L leaves at most that much in one module.

    Returns (energies (N,) GeV, chances (N,), their errors (N,)).
    """
    budgets = np.array([20.0, 30.0, 40.0, 50.0, 60.0])
    found = [run.of(quiet, 1, "K_L", float(budget)) for budget in budgets]
    return budgets, np.array([o.value for o in found]), np.array([o.err for o in found])


@ROWS.register("mu.punch.1 (extrapolated spectrum)")
def extrapolated(run: Run) -> Ours:
    """The low end of the spectrum of one module, carried on by an exponential to 2.5 GeV.

    The distribution function between 20 and 60 GeV is fitted in logarithms, as one can count it in
    a simulation without rare events.
    """
    energy, chance, error = run.of(one_module)
    weight = chance / np.maximum(error, 1e-3 * chance)
    slope, start = np.polyfit(energy, np.log(chance), 1, w=weight)
    found = float(np.exp(start + slope * 2.5))
    direct = run.of(quiet, 1, "K_L", 2.5)
    spread = abs(
        found - float(np.exp(np.polyval(np.polyfit(energy[1:], np.log(chance[1:]), 1), 2.5)))
    )
    words = {"found": found, "direct": direct.value, "ratio": found / (direct.value or 1.0)}
    return Ours(found, model_err=spread, words=words)


@ROWS.register("mu.dimuon.suppression")
def suppressed(run: Run) -> Ours:
    """(m_e/m_mu)^5 beside ratios of rates that the sentence may mean."""
    item = run.of(source, "dimuons")
    pairs = item.parts["made by real photons"] + item.parts["made directly"]
    return Ours((M_E / M_MU) ** 5, words={
        "fifth": (M_E / M_MU) ** 5, "second": (M_E / M_MU) ** 2, "fourth": (M_E / M_MU) ** 4,
        "pairs": pairs, "power": math.log(pairs) / math.log(M_E / M_MU),
    })  # fmt: skip


for _variant, _curve in (("M3 phase 1", M3[0]), ("M3 phase 2", M3[1])):

    @ROWS.register(f"mu.best ({_variant})")
    def beside_m3(run: Run, name: str = _curve) -> Ours:
        """The projection of M3 over ours, smallest below 200 MeV."""
        line, _ = run.of(projection)
        curve = published_limit(name)
        low, high = curve.mass_range
        here = (line.mass >= low) & (line.mass <= min(high, 0.2))
        ratio = curve.coupling_at(line.mass[here]) / line.coupling[here]
        least = int(ratio.argmin())
        error = float(ratio[least] * line.numerical_err[here][least] / line.coupling[here][least])
        return Ours(float(ratio[least]), error, words={"mass": 1e3 * line.mass[here][least]})


def other_limit(run: Run, model: str, alpha_d: float) -> list[tuple[float, float]]:
    """(mass in MeV, 90 % limit) of another model for the exposure of the paper, fast mode."""
    line = limit_curve(
        load_experiment("na64mu"), SHOWN_MASSES, Family(model, alpha_d=alpha_d),
        settings=Settings(seed=run.level.seed, n_events=min(run.level.events, 20_000)),
    )  # fmt: skip
    return [(1e3 * m, g) for m, g in zip(line.mass.tolist(), line.coupling.tolist(), strict=True)]


#: Row -> model and coupling strength to dark matter, so that it is not seen.
OTHER_MODELS: Final = {
    "mu.dark": ("lmu-ltau", 0.1),
    "mu.aprime": ("dark-photon", 0.1),
    "mu.second.scalar": ("scalar", 0.1),
    "mu.second.alp": ("pseudoscalar", 0.1),
}

for _id, (_model, _alpha_d) in OTHER_MODELS.items():

    @ROWS.register(_id)
    def limits_of(run: Run, model: str = _model, alpha_d: float = _alpha_d) -> Ours:
        """Limits on the couplings of another model."""
        return Ours(words={"limits": run.of(other_limit, model, alpha_d)})


@ROWS.register("mu.sign")
def sign_of_the_tau_neutrino(run: Run) -> Ours:
    """Limit of solar neutrinos with nu_tau of the sign of eq. 2 over that with its opposite.

    Only the sum of charge times flavour interferes with the standard rate: nu_tau of the sign of
    nu_mu counts as nu_mu.
    """
    bound = BOUNDS["borexino-be7"]
    plain = float(bound(np.array([SIGN_MASS])).coupling[0])
    as_printed = float(bound(np.array([SIGN_MASS]), mu_share=1.0).coupling[0])
    words = {"value": as_printed / plain, "plain": plain, "printed": as_printed,
             "mass": 1e3 * SIGN_MASS}  # fmt: skip
    return Ours(as_printed / plain, words=words)
