"""The trigger of NA64mu: published rate and efficiencies, hard losses, the study of positions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.detector.studies import hard_losses, signal_muons, trigger_rate
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import load_experiment, replace
from mutau.matter.materials import material
from mutau.matter.muon_cross_sections import moment
from mutau.report.na64mu_geometry import (
    as_markdown,
    edge_for_rate,
    geometry_study,
    na64mu_variants,
)

pytestmark = pytest.mark.compiled

EXPERIMENT = load_experiment("na64mu")


def test_the_trigger_rate_is_a_thousandth_of_the_beam():
    """0.1 % (NA64mu paper, sec. II) places S4: 4 sigma, and 5 % for its grid of 0.5 mm."""
    plain, error, hard, hard_error = trigger_rate(EXPERIMENT, 1_000_000, stream(1))
    assert plain + hard == pytest.approx(1e-3, abs=4 * math.hypot(error, hard_error) + 5e-5)
    assert error < 0.05e-3
    assert hard == pytest.approx(2.5e-4, rel=0.1)  # a quarter from hard losses


def test_efficiencies_lie_in_the_published_range():
    """15 to 35 % at 160 GeV for 10 MeV to 1 GeV (fig. 2 and sec. V); larger at 100 GeV.

    The range is the paper's, widened by a third of itself: what the unpublished positions move
    (docs/validation/na64mu_geometry.md). Nothing here was adjusted to it.
    """
    masses = (0.01, 0.1, 0.2, 0.5, 1.0)
    (row,) = geometry_study(EXPERIMENT, {"": {}}, masses, 15_000, 2)
    assert row.error.max() < 0.012
    assert 0.10 < row.efficiency.min() < 0.20
    assert 0.27 < row.efficiency.max() < 0.45
    low = replace(EXPERIMENT, "beam/energy", "100 GeV")
    (other,) = geometry_study(low, {"": {}}, masses[:3], 15_000, 3)
    assert (other.efficiency > row.efficiency[:3]).all()
    assert other.rate > row.rate  # the beam is bent towards S4 as well


def test_hard_losses_carry_their_probability():
    """Bremsstrahlung above 5 %: the weights sum to the integral of its cross section.

    Pairs, nuclear interactions and knock-on electrons add; 7 % is what these other processes may
    miss at the upper end of v, where bremsstrahlung does not reach.
    """
    losses = hard_losses(EXPERIMENT, 50_000, stream(4))
    lead = material("lead-scintillator")
    length = EXPERIMENT.target.thickness.cm(lead.radiation_length_cm)
    total = 0.0
    for item, atoms in lead.atoms_per_cm3:
        for process in ("bremsstrahlung", "pair", "nuclear"):
            sigma = float(moment(process, 0, 160.0, item, low=0.05))
            total += atoms * length * PB_CM2 * sigma
    struck = lead.electrons_per_cm3 * length * PB_CM2
    # Rutherford, 2 pi r_e^2 m_e (1/T - 1/T_max), above 8 GeV; T_max = 150 GeV at 160 GeV
    rutherford = 2.0 * math.pi * (2.8179403e-13) ** 2 * 0.51099895e-3 / PB_CM2
    total += struck * rutherford * (1.0 / 8.0 - 1.0 / 150.0)
    assert losses.weights.sum() == pytest.approx(total, rel=0.07)
    lost = 1.0 - losses.p_lepton[:, 0] / 160.0
    assert lost.min() >= 0.05 - 1e-9


def test_the_magnet_makes_the_trigger():
    """Light Z': without field below a quarter of the efficiency, with double field twice it."""
    samples = [signal_muons(EXPERIMENT, 0.01, 20_000, stream(5))]
    shares = []
    for field in ("1e-6 T m", "1.4 T m", "2.8 T m"):
        changed = replace(EXPERIMENT, "detector/magnet[MS2]/field_integral", field)
        s = samples[0]
        shares.append(
            trigger_efficiency(s.p_lepton, s.weights, changed, stream(6), depth=s.depth).efficiency
        )
    assert shares[0] < 0.25 * shares[1]
    assert shares[2] > 2.0 * shares[1]


def test_every_variant_of_the_study_is_a_valid_experiment():
    variants = na64mu_variants(EXPERIMENT)
    digests = {replace(EXPERIMENT, changes).digest for changes in variants.values()}
    assert len(digests) == len(variants)
    assert replace(EXPERIMENT, variants["as in the file"]) == EXPERIMENT


def test_the_study_moves_as_geometry_says():
    """Further out: less signal, less beam. Without the frames: more signal. Same events in all."""
    chosen = (
        "as in the file",
        "S4 and V1 1 cm away from the beam",
        "S4 and V1 1 cm towards the beam",
        "Vm1, Vm2 left out",
    )
    variants = {label: na64mu_variants(EXPERIMENT)[label] for label in chosen}
    base, away, near, free = geometry_study(EXPERIMENT, variants, (0.1,), 10_000, 7)
    assert away.efficiency[0] < base.efficiency[0] < near.efficiency[0]
    assert away.rate < base.rate < near.rate
    assert free.efficiency[0] > base.efficiency[0]
    text = as_markdown((base, away), (0.1,))
    assert "| set-up | 100 MeV | rate of the beam |" in text
    assert text.count("\n") == 3


def test_the_edge_for_a_rate():
    """The file's edge comes out again; a hundred times the rate asks for a nearer edge."""
    edge = edge_for_rate(EXPERIMENT, 1e-3, 200_000, 8)
    assert edge == pytest.approx(EXPERIMENT.detector["S4"].x + 10.0, abs=0.25)
    assert edge_for_rate(EXPERIMENT, 1e-2, 50_000, 8) > edge + 0.5
    with pytest.raises(MutauError, match="not reached"):
        edge_for_rate(EXPERIMENT, 0.99, 10_000, 8)


def test_samples_are_those_of_the_sampler():
    """Energies are below the beam's; the angle of the muon follows the mass."""
    light, heavy = (signal_muons(EXPERIMENT, m, 5000, stream(9)) for m in (0.01, 1.0))
    for sample in (light, heavy):
        assert (sample.p_lepton[:, 0] < 160.0).all()
        assert 0.0 <= sample.depth.min() < sample.depth.max() <= 1.0
    angle = [np.median(s.p_lepton[:, 1] ** 2 + s.p_lepton[:, 2] ** 2) for s in (light, heavy)]
    assert angle[1] > 4.0 * angle[0]
