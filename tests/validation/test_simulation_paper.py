"""The full simulation of NA64mu against the numbers of the paper, and against the fast mode."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from mutau.core.random import stream
from mutau.detector.simulation import simulate_beam
from mutau.experiment import load_experiment, replace
from mutau.matter.nucleus import Nucleus
from mutau.signal.muon_brems import trigger_study
from mutau.signal.simulate import MODULE_EDGES, Tally, axes, cut_labels, run_tally
from mutau.signal.simulate_results import (
    beam_profile,
    cut_flow,
    hermeticity,
    low_trigger_efficiency,
    median_energy,
    median_error,
    mip_energy,
    regions,
    trigger_efficiency,
    trigger_rate,
)
from mutau.transport.beam import BeamMuons
from mutau.transport.catastrophic_losses import BREMS

pytestmark = pytest.mark.compiled


@pytest.fixture(scope="module")
def na64mu():
    return load_experiment("na64mu")


@pytest.fixture(scope="module")
def counted(na64mu):
    return run_tally(na64mu, 120_000, 1)


def test_beam_behind_the_counters(counted):
    """Sec. III A: 78 % kept with at least 100 GeV, sigma 0.9 and 1.9 cm.

    The spot is a design condition; what can fail is that halo and counters keep it. Kept: 80 % of
    the core and what of the halo comes through; within 3 % of the paper.
    """
    profile = beam_profile(counted)
    assert profile.kept == pytest.approx(0.78, abs=0.03)
    assert profile.sigma_x == pytest.approx(0.9, abs=0.05)
    assert profile.sigma_y == pytest.approx(1.9, abs=0.05)


def test_minimum_ionising_muons(counted):
    """Sec. III C: about 0.5 GeV in the ECAL and 2.3 GeV in an HCAL module.

    Medians of the visible energy: 0.535 and 2.24; most probable 0.46 and 2.03. The HCAL's printed
    2.3 lies 3 % above our median, half the difference between 7.4 and the stated 7.5 lambda.
    """
    assert median_energy(counted, "target") == pytest.approx(0.5, abs=0.05)
    assert median_energy(counted, "HCAL1") == pytest.approx(2.3, abs=0.1)
    for module in ("target", "HCAL1", "HCAL2"):
        peak, error = mip_energy(counted, module)
        assert error < 0.05 * peak
        assert peak < median_energy(counted, module)


def test_trigger_rate_is_of_the_papers_order(counted):
    """Sec. II: 0.1 % of the beam. Ours with halo: 0.145(2) %, three quarters from the halo.

    Per muon on target it is more by one over the 79 % of the beam that are on target.
    """
    rate, error = trigger_rate(counted)
    assert error < 0.2 * rate
    assert abs(rate - 1.45e-3) < 4.0 * error
    share, _ = trigger_efficiency(counted)
    n, total = counted.sums["n"]
    assert n == total
    assert rate / share == pytest.approx(counted.sums["flow"][0] / n, rel=1e-12)
    assert 0.77 < rate / share < 0.82


def test_hermeticity_plane(counted, na64mu):
    """Fig. 5: nearly all events in C, A above B, none in D at this number; nothing in A and B of
    the bottom panel that the HCAL cut forbids."""
    top, bottom = hermeticity(counted, na64mu)
    total = sum(top.regions.values())
    assert top.regions["C"] / total > 0.95
    assert top.regions["A"] > 3.0 * top.regions["B"] > 0.0
    assert top.regions["D"] == 0.0
    assert bottom.regions["A"] == 0.0
    assert bottom.counts.sum() < 2e-3 * total
    assert top.upper_d == pytest.approx(2.303 / top.on_target, rel=1e-3)


def test_selection_of_beam_muons(counted, na64mu):
    """Each cut takes something; what is left lost its energy in the ECAL (region B)."""
    flow = cut_flow(counted, na64mu)
    shares = [share for _, share, _ in flow]
    assert shares[0] == 1.0
    assert all(a >= b for a, b in pairwise(shares))
    assert shares[-1] < 5e-4
    assert [name for name, _, _ in flow] == list(cut_labels(na64mu))


def test_signal_triggers_as_in_the_fast_mode(na64mu):
    """The fast mode leaves out fluctuations, halo and tails: agreement within 15 %.

    Paper: 15 to 35 % at 160 GeV.
    """
    for mass in (0.1, 1.0):
        full = run_tally(na64mu, 20_000, 1, mass=mass, window=(0.5, 1.0), tracks=False)
        efficiency, error = low_trigger_efficiency(full)
        fast = trigger_study(na64mu, np.array([mass]), 10_000, 1)
        expected = float(fast.efficiency[0])
        slack = 3.0 * float(np.hypot(error, fast.error[0]))
        assert efficiency == pytest.approx(expected, abs=0.15 * expected + slack)
        assert 0.13 < efficiency < 0.37


def test_scattering_in_air_between_trackers(na64mu):
    """The gas of the hall and six trackers: the rms kick between the first and the last plane.

    Against `scatter_kernel` over the same column of air at 20 GeV, in the core (68 %).
    """
    from mutau.matter.materials import material
    from mutau.matter.multiple_scattering import scatter

    n = 20_000
    quiet = replace(
        na64mu, {"detector/magnet": [], "detector/calorimeter": [], "cuts": [],
                 "target/thickness": "1e-6 X0", "target/length": "1 um"},
    )  # fmt: skip
    p = np.sqrt(20.0**2 - 0.1056583755**2)
    zero = np.zeros(n)
    beam = BeamMuons(zero, zero, zero, zero, np.full(n, p), np.ones(n), 0.0, zero.astype(int))
    hits = simulate_beam(quiet, beam, stream(1))
    kick = hits.true_slope[:, 5] - hits.true_slope[:, 0]
    air = scatter(20.0, material("air"), np.full(n, 1400.0 - 580.0), stream(2))[:, :2]
    gas = scatter(20.0, material("argon-co2"), np.full(n, 2.5), stream(3))[:, :2]
    expected = np.percentile(np.abs(air + gas), 68)
    assert np.percentile(np.abs(kick), 68) == pytest.approx(expected, rel=0.03)


def test_recoil_of_hard_bremsstrahlung_is_exact():
    """Quantiles of the muon's transverse momentum against unweighted exact events.

    1 % at an energy of the table, 3 % between two (50 GeV); the sample's own error at 99 % is 1 %.
    """
    from mutau.core.jit import njit
    from mutau.matter.materials import material
    from mutau.reactions.bremsstrahlung_events import BremsSampler
    from mutau.transport.matter_tables import matter_of
    from mutau.transport.muon_matter import recoil_kernel

    @njit(cache=False)
    def draw(rng, v, energy, matter):
        out = np.empty(v.size)
        for i in range(v.size):
            out[i] = recoil_kernel(rng, BREMS, v[i], energy, matter[0])
        return out

    lead = material("lead")
    tables = matter_of(lead, 0.1)
    item = lead.dominant_element
    for energy in (160.0, 50.0):
        sampler = BremsSampler(
            "muon", Nucleus.of(item, "elastic+inelastic"), 1e-3, energy, energy, x_min=0.4
        )
        p = sampler.sample(np.full(60_000, energy), stream(1)).p_lepton
        v, p_t = 1.0 - p[:, 0] / energy, np.hypot(p[:, 1], p[:, 2])
        ours = draw(stream(2), v, energy, tables)
        for percent in (10, 50, 90, 99):
            expected = np.percentile(p_t, percent)
            tolerance = 0.03 if percent < 99 else 0.05
            assert np.percentile(ours, percent) == pytest.approx(expected, rel=tolerance)


def test_regions_by_hand():
    """A plane filled by hand."""
    energies = axes(load_experiment("na64mu"))
    assert energies.region_d == (80.0, 20.0)
    counts, diagonal = np.zeros((100, 100)), np.zeros((100, 100))
    counts[79, 1], counts[79, 50], counts[39, 60], counts[10, 2] = 5.0, 4.0, 3.0, 2.0
    diagonal[39, 60] = 3.0
    assert regions(counts, diagonal, energies) == {"A": 4.0, "B": 3.0, "C": 5.0, "D": 2.0}


def test_error_of_a_median():
    """Of 4000 Gaussian deposits of 5.0(5) GeV: 1.2533 sigma / sqrt(N), within 10 %."""
    deposits = stream(1).normal(5.0, 0.5, 4000)
    counts = np.histogram(deposits, MODULE_EDGES)[0].astype(float)
    tally = Tally({"module_HCAL1": counts})
    expected = math.sqrt(0.5 * math.pi) * 0.5 / math.sqrt(4000.0)
    assert median_error(tally, "HCAL1") == pytest.approx(expected, rel=0.1)


def test_axes_follow_the_beam_and_the_cuts():
    """NA64mu: 2 GeV bins up to 200 and 220 GeV. m3: 15 GeV muons, cut at 9 GeV, none on E_CAL."""
    muon = axes(load_experiment("na64mu"))
    np.testing.assert_allclose(muon.muon, np.linspace(0.0, 200.0, 101), rtol=1e-12)
    np.testing.assert_allclose(muon.seen, muon.muon, rtol=1e-12)
    np.testing.assert_allclose(muon.beam, np.linspace(0.0, 220.0, 111), rtol=1e-12)
    m3 = load_experiment("m3")
    found = axes(m3)
    assert found.region_d == pytest.approx((9.0, 15.0))
    for edges, limit in zip((found.muon, found.seen), found.region_d, strict=True):
        assert edges[-1] >= 1.25 * 15.0
        assert len(edges) < 110
        assert np.abs(edges - limit).min() < 1e-9  # a bin ends at the limit
    odd = axes(replace(m3, "cuts[0]/max", "7.3 GeV"))
    assert np.abs(odd.muon - 7.3).min() < 1e-9
    assert odd.muon[1] == pytest.approx(15.0 / 80.0, rel=0.02)
    counted = run_tally(m3, 2000, 1)
    top, _ = hermeticity(counted, m3)
    # beam muons keep more than 9 GeV behind 50 X0 and leave more than 2 GeV there only rarely
    assert top.counts.sum() == pytest.approx(sum(top.regions.values()))
    assert top.regions["C"] > 0.8 * top.counts.sum() > 0.0
    beam = counted.sums["energy_all"]
    mean = float(np.sum(beam * 0.5 * (found.beam[1:] + found.beam[:-1])) / beam.sum())
    assert mean == pytest.approx(15.0, rel=0.01)
    assert np.count_nonzero(beam) > 5
