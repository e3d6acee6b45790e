"""A process with a cross section that a child can check: 1 nb times y^2 on every atom."""

from __future__ import annotations

from typing import Any

import numpy as np

from mutau.analysis.point import CrossSectionProcess, Request
from mutau.core.random import stream
from mutau.core.types import CrossSection, Events, provenance
from mutau.core.units import PB_CM2
from mutau.experiment import Experiment
from mutau.matter import material
from mutau.models import Model
from mutau.signal.exposure import particles_on_target, run_periods
from mutau.signal.processes import Effort, Prepared, SignalProcess, in_proportion, mass_key
from mutau.signal.targets import target_length

SIGMA_PB = 1000.0
KINDS = ("scalar",)


def cross_section(request: Request) -> tuple[CrossSection, dict[str, Any]]:
    """mu atom -> mu atom phi, per atom."""
    assert request.model is not None
    sigma = SIGMA_PB * request.model.lepton_coupling("mu") ** 2
    return CrossSection(sigma, 0.0), {
        "energy_GeV": request.beam_energy, "material": request.material,
    }  # fmt: skip


CROSS_SECTION = CrossSectionProcess(
    cross_section, "atom", True, "mu atom -> mu atom phi, 1 nb y^2", frozenset({"material"}),
    mediators=KINDS,
)  # fmt: skip


def _at_unit_coupling(experiment: Experiment) -> float:
    """Events in the exposure for y = 1 and bosons that all decay invisibly."""
    atoms = sum(n for _, n in material(experiment.target.material).atoms_per_cm3)
    column = atoms * target_length(experiment)
    return particles_on_target(experiment) * SIGMA_PB * PB_CM2 * column


def prepare(experiment: Experiment, model: Model, effort: Effort) -> Prepared:
    """Everything about one mass that does not depend on the coupling."""
    number = np.array([_at_unit_coupling(experiment)])
    return run_periods(
        experiment,
        Prepared(("produced, decays invisibly",), in_proportion("mu", number, 0.0 * number)),
    )


def generate(experiment: Experiment, model: Model, n: int, seed: int) -> Events:
    """Half of the beam's energy to the boson, which flies on along the beam."""
    rng = stream(seed, mass_key(model.mass))
    energy, target = 0.5 * experiment.beam.energy, experiment.target
    p4, x4 = np.zeros((n, 4)), np.zeros((n, 4))
    p4[:, 0], p4[:, 3] = energy, np.sqrt(energy**2 - model.mass**2)
    x4[:, 3] = target.z + target_length(experiment) * rng.random(n)
    total = _at_unit_coupling(experiment) * model.invisible_strength("mu")
    return Events(
        np.full(n, 25, np.int32), np.arange(n), np.ones(n, np.int8), p4, x4,
        np.full(n, total / n), provenance(seed, experiment=experiment.digest),
    )  # fmt: skip


def not_simulated(experiment: Experiment, effort: Effort) -> list[str]:
    """No cut is applied, so every result names all of them."""
    return [cut.variable for cut in experiment.cuts]


PROCESS = SignalProcess(
    prepare,
    generate,
    lambda experiment: (1e-3, 0.2),
    not_simulated,
    samples=lambda experiment, truth: False,
    mediators=KINDS,
    beams=("mu-", "mu+"),
    meaning="mu atom -> mu atom phi with 1 nb y^2 per atom",
)
