"""Events of Z' bremsstrahlung: kinematics, reproducibility, and the density they follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.random import stream
from mutau.core.types import CrossSection
from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems, muon_brems
from mutau.reactions.bremsstrahlung_events import BremsSampler, to_events

pytestmark = pytest.mark.compiled

LEAD = {"nucleus": Nucleus(82.0, 207.2)}
FRONTS = {"muon": (muon_brems, M_MU), "electron": (electron_brems, M_E)}


def _incoming(energy, m_l, nucleus):
    total = np.zeros((len(energy), 4))
    total[:, 0] = energy + nucleus
    total[:, 3] = np.sqrt(energy**2 - m_l**2)
    return total


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    lepton=st.sampled_from(["muon", "electron"]),
    energy=st.floats(1.0, 1000.0),
    fraction=st.floats(0.0, 1.0),
    x_min=st.sampled_from([0.0, 0.5, 0.9]),
    method=st.sampled_from(["exact", "ww"]),
    seed=st.integers(0, 2**32),
)
def test_final_states_are_physical(lepton, energy, fraction, x_min, method, seed):
    """Momentum balances to 1e-9 of the beam, shells hold, x is in the window: any mass, energy."""
    _, m_l = FRONTS[lepton]
    low = 1e-6 if lepton == "electron" else 1e-3
    mass = low * (min(3.0, 0.05 * energy) / low) ** fraction
    sampler = BremsSampler(lepton, **LEAD, mass=mass, energy_min=0.7 * energy, energy_max=energy,
                           x_min=x_min, method=method)  # fmt: skip
    energies = np.linspace(0.7 * energy, energy, 2000)
    sample = sampler.sample(energies, stream(seed))
    nucleus = LEAD["nucleus"].mass
    out = sample.p_lepton + sample.p_zprime + sample.p_nucleus
    assert np.max(np.abs(out - _incoming(energies, m_l, nucleus))) < 1e-12 * energy
    for p4, m in (
        (sample.p_lepton, m_l),
        (sample.p_zprime, mass),
        (sample.p_nucleus, nucleus),
    ):
        off = p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1) - m * m
        assert np.all(np.abs(off) < 1e-13 * p4[:, 0] ** 2 + 1e-13 * energy**2)
        assert np.all(p4[:, 0] >= m)
    assert np.all(sample.p_zprime[:, 0] >= x_min * energies * (1.0 - 1e-12))
    assert np.all(sample.weight >= 1.0)
    assert sample.overweight_fraction < 0.02
    assert np.mean(sample.weight) < 1.005
    assert 0.1 < sample.acceptance <= 1.0


def test_same_seed_same_events():
    """Equal seeds give equal events to the last bit, other seeds other events."""
    sampler = BremsSampler("muon", **LEAD, mass=0.1, energy_min=100.0, energy_max=160.0)
    energies = np.linspace(100.0, 160.0, 1000)
    first, again, other = (sampler.sample(energies, stream(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.p_lepton, again.p_lepton)
    assert np.array_equal(first.p_zprime, again.p_zprime)
    assert not np.any(first.p_zprime[:, 0] == other.p_zprime[:, 0])


def _cumulative(density, edges):
    """Cumulative distribution at the edges from a density, four Gauss-Legendre nodes a bin."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    width = np.diff(edges)
    at = edges[:-1, None] + 0.5 * width[:, None] * (nodes + 1.0)
    content = np.sum(density(at) * weights, axis=1) * 0.5 * width
    return np.concatenate([[0.0], np.cumsum(content)]), np.sum(content)


def _p_value(values, weights, edges, expected):
    """Chi-square p-value of a weighted sample against expected contents, few events merged."""
    n = len(values)
    content = np.histogram(values, edges, weights=weights)[0]
    prediction = np.diff(expected) / expected[-1] * np.sum(weights)
    keep = prediction > 10.0
    content = np.append(content[keep], np.sum(content[~keep]) + n - np.sum(content))
    prediction = np.append(prediction[keep], n - np.sum(prediction[keep]))
    content, prediction = content[prediction > 5.0], prediction[prediction > 5.0]
    return stats.chi2.sf(np.sum((content - prediction) ** 2 / prediction), len(content) - 1)


POINTS = [
    ("muon", 160.0, 0.1, 0.0),
    ("muon", 100.0, 1.0, 0.5),
    ("muon", 160.0, 0.001, 0.0),
    ("electron", 100.0, 1e-4, 0.0),
    ("electron", 100.0, 0.1, 0.0),
    ("electron", 50.0, 1e-6, 0.5),
]
N = 100_000


@pytest.mark.parametrize("method", ["exact", "ww"])
@pytest.mark.parametrize(("lepton", "energy", "mass", "x_min"), POINTS)
def test_x_follows_the_cross_section(lepton, energy, mass, x_min, method):
    """Sampled Z' energies against d sigma/dx: chi-square with a fixed seed, table 30 % wide.

    The ww events have exact kinematic limits, the ww formula has not: they part where the lepton
    is left with a few times its mass, and are compared for E' > 100 m_l.
    """
    front, m_l = FRONTS[lepton]
    sampler = BremsSampler(lepton, **LEAD, mass=mass, energy_min=0.8 * energy,
                           energy_max=1.04 * energy, x_min=x_min, method=method)  # fmt: skip
    sample = sampler.sample(np.full(N, energy), stream(11))
    x = sample.p_zprime[:, 0] / energy
    kept = x < 1.0 - 100.0 * m_l / energy if method == "ww" else x < 1.0
    x, weight = x[kept], sample.weight[kept]
    edges = np.quantile(x, np.linspace(0.0, 1.0, 41))
    edges[0] = max(x_min, mass / energy)
    expected, _ = _cumulative(
        lambda at: front.differential_x(at, energy, mass, **LEAD, method=method), edges
    )
    assert _p_value(x, weight, edges, expected) > 1e-3


@pytest.mark.parametrize(("lepton", "energy", "mass", "x_min"), POINTS)
@pytest.mark.parametrize("of_zprime", [True, False])
def test_angles_follow_the_cross_section(lepton, energy, mass, x_min, of_zprime):
    """Sampled angles in slices of x against d^2 sigma/dx dangle, for the Z' and for the lepton.

    The lepton's angle depends on x, u, t and phi together: it checks the whole density.
    """
    front, _ = FRONTS[lepton]
    sampler = BremsSampler(lepton, **LEAD, mass=mass, energy_min=energy, energy_max=energy,
                           x_min=x_min)  # fmt: skip
    sample = sampler.sample(np.full(4 * N, energy), stream(12))
    p4 = sample.p_zprime if of_zprime else sample.p_lepton
    x = p4[:, 0] / energy if of_zprime else 1.0 - p4[:, 0] / energy
    low, high = (0.4, 0.45) if x_min == 0.0 else (0.7, 0.75)
    inside = (x > low) & (x < high)
    angle = np.arctan2(np.hypot(p4[inside, 1], p4[inside, 2]), p4[inside, 3])
    edges = np.quantile(angle, np.linspace(0.005, 0.995, 21))
    double = front.differential_x_theta if of_zprime else front.differential_x_psi
    nodes, weights = np.polynomial.legendre.leggauss(3)

    def density(at):
        fractions = low + 0.5 * (high - low) * (nodes + 1.0)
        values = [double(fraction, at, energy, mass, **LEAD) for fraction in fractions]
        return np.tensordot(weights, np.array(values), axes=1)

    expected, _ = _cumulative(density, edges)
    kept = (angle > edges[0]) & (angle < edges[-1])
    p_value = _p_value(angle[kept], sample.weight[inside][kept], edges, expected)
    assert p_value > 1e-3


def test_energies_of_one_call_are_independent():
    """In a call with mixed energies, each energy has its own distribution."""
    sampler = BremsSampler("muon", **LEAD, mass=0.3, energy_min=40.0, energy_max=160.0)
    energies = np.where(np.arange(2 * N) % 2 == 0, 40.0, 160.0)
    sample = sampler.sample(energies, stream(13))
    for energy in (40.0, 160.0):
        rows = energies == energy
        x = sample.p_zprime[rows, 0] / energy
        edges = np.quantile(x, np.linspace(0.0, 1.0, 41))
        edges[0] = 0.3 / energy
        expected, _ = _cumulative(
            lambda at, e=energy: muon_brems.differential_x(at, e, 0.3, **LEAD), edges
        )
        assert _p_value(x, sample.weight[rows], edges, expected) > 1e-3


def test_azimuth_is_flat():
    """Nothing prefers a transverse direction, for the Z' or the lepton."""
    sampler = BremsSampler("muon", **LEAD, mass=0.1, energy_min=160.0, energy_max=160.0)
    sample = sampler.sample(np.full(N, 160.0), stream(14))
    for p4 in (sample.p_zprime, sample.p_lepton, sample.p_nucleus):
        azimuth = np.arctan2(p4[:, 2], p4[:, 1]) / (2.0 * np.pi) + 0.5
        assert stats.kstest(azimuth, "uniform").pvalue > 1e-3
    # and out of the emission plane both sides are alike
    cross = sample.p_zprime[:, 1] * sample.p_nucleus[:, 2] - (
        sample.p_zprime[:, 2] * sample.p_nucleus[:, 1]
    )
    assert stats.binomtest(int(np.sum(cross > 0)), N).pvalue > 1e-3


def test_events_table():
    """Five rows per event, PDG codes, incoming minus outgoing momentum zero, header kept."""
    sampler = BremsSampler("muon", **LEAD, mass=0.1, energy_min=160.0, energy_max=160.0)
    energies = np.full(50, 160.0)
    sample = sampler.sample(energies, stream(1))
    events = to_events(
        sampler, sample, energies, antilepton=True, event_weight=2.0, x4=[0.0, 0.1, 0.2, 3.0],
        sigma=CrossSection(9.5, 0.01),
    )  # fmt: skip
    assert events.n_events == 50
    assert events.pdg[:5].tolist() == [-13, 1000822070, -13, 32, 1000822070]
    balance = np.sum((events.p4 * events.status[:, None]).reshape(50, 5, 4), axis=1)
    assert np.max(np.abs(balance)) < 1e-10
    assert np.allclose(events.weight, 2.0)
    assert np.all(events.x4[:, 3] == 3.0)
    assert events.meta["sigma_pb"] == 9.5
    assert Nucleus(6.0, 12.011).pdg == 1000060120


def test_bad_requests_are_refused():
    """Closed reaction, empty window, energy outside the prepared range, wrong names."""
    good = {"mass": 0.1, "energy_min": 100.0, "energy_max": 160.0}
    with pytest.raises(OutOfRange, match="cannot be made"):
        BremsSampler("muon", **LEAD, mass=2.0, energy_min=1.5, energy_max=160.0)
    with pytest.raises(OutOfRange, match="energy_max"):
        BremsSampler("muon", **LEAD, mass=0.1, energy_min=160.0, energy_max=100.0)
    with pytest.raises(OutOfRange, match="x_min"):
        BremsSampler("muon", **LEAD, **good, x_min=0.9999)
    with pytest.raises(UnknownName, match="did you mean 'muon'"):
        BremsSampler("mion", **LEAD, **good)
    with pytest.raises(UnknownName, match="iww"):
        BremsSampler("muon", **LEAD, **good, method="iww")
    sampler = BremsSampler("muon", **LEAD, **good)
    for energies in ([99.0], [161.0], [120.0, np.nan]):
        with pytest.raises(OutOfRange, match="prepared"):
            sampler.sample(energies, stream(1))
    with pytest.raises(MutauError, match="shape"):
        sampler.sample(np.ones((2, 2)), stream(1))
    assert len(sampler.sample([], stream(1)).weight) == 0
