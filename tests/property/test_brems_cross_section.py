"""Cross sections of Z' bremsstrahlung: scaling, additivity, limits, consistency, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mutau.core.constants import M_E, M_MU, M_U
from mutau.core.errors import OutOfRange, UnknownName
from mutau.matter.form_factors import KINDS, form_factor_parameters, g2
from mutau.matter.nucleus import Nucleus
from mutau.reactions import bremsstrahlung, electron_brems, muon_brems
from mutau.reactions.bremsstrahlung_maps import (
    energy_limits,
    from_variable,
    to_variable,
)
from mutau.reactions.quadrature import gauss_legendre

pytestmark = pytest.mark.compiled

LEAD = {"nucleus": Nucleus(82.0, 207.2)}
FRONTS = {"muon": (muon_brems, M_MU), "electron": (electron_brems, M_E)}
lepton_names = st.sampled_from(["muon", "electron"])
methods = st.sampled_from(["exact", "ww", "iww"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    lepton=lepton_names,
    method=methods,
    form_factor=st.sampled_from(sorted(KINDS)),
    energy=st.floats(1.0, 1000.0),
    fraction=st.floats(0.0, 1.0),
    z=st.sampled_from([(1.0, 1.008), (6.0, 12.011), (29.0, 63.55), (82.0, 207.2)]),
)
def test_error_is_small_and_value_finite(lepton, method, form_factor, energy, fraction, z):
    """Anywhere in masses and energies the reported error is at most 1e-3 of a positive value."""
    front, m_l = FRONTS[lepton]
    top = 0.9 * bremsstrahlung.mass_limit(energy, m_l, z[1] * M_U)
    mass = 1e-6 * (min(top, 5.0) / 1e-6) ** fraction
    result = front.total(energy, mass, Nucleus(*z, form_factor), method=method)
    assert result.sigma_pb > 0.0
    assert np.isfinite(result.sigma_pb)
    # the approximations lose the tail that the exact limits keep; their error is not bounded
    if method == "exact" and form_factor.startswith("elastic"):
        assert result.sigma_err_pb < 1e-3 * result.sigma_pb


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    lepton=lepton_names,
    method=methods,
    mass=st.floats(1e-3, 1.0),
    split=st.floats(0.05, 0.95),
    coupling=st.floats(1e-6, 1.0),
)
def test_windows_add_up_and_coupling_is_squared(lepton, method, mass, split, coupling):
    """Windows of x below and above a split sum to the whole, which scales as coupling^2."""
    front, _ = FRONTS[lepton]
    whole = front.total(100.0, mass, **LEAD, method=method).sigma_pb
    low = front.total(100.0, mass, **LEAD, method=method, x_max=split).sigma_pb
    high = front.total(100.0, mass, **LEAD, method=method, x_min=split).sigma_pb
    assert low + high == pytest.approx(whole, rel=5e-4)
    scaled = front.total(100.0, mass, **LEAD, method=method, coupling=coupling).sigma_pb
    assert scaled == pytest.approx(coupling**2 * whole, rel=1e-12)


@pytest.mark.parametrize("lepton", ["muon", "electron"])
@pytest.mark.parametrize("mass", [1e-5, 0.01, 1.0])
def test_differential_integrates_to_total(lepton, mass):
    """d sigma/dx over x gives the total; d^2 sigma over either angle gives d sigma/dx."""
    front, m_l = FRONTS[lepton]
    low, high = energy_limits(100.0, m_l, mass, 207.2 * M_U)
    w = np.geomspace(low / (100.0 - low), high / (100.0 - high), 60)
    nodes, weights = gauss_legendre(6)
    log_w = np.log(w[:-1, None]) + np.log(w[1] / w[0]) * nodes
    x = np.exp(log_w) / (1.0 + np.exp(log_w))
    spectrum = front.differential_x(x, 100.0, mass, **LEAD)
    total = np.sum(spectrum * x * (1.0 - x) * weights) * np.log(w[1] / w[0])
    assert total == pytest.approx(front.total(100.0, mass, **LEAD).sigma_pb, rel=5e-4)
    slice_ = float(front.differential_x(0.6, 100.0, mass, **LEAD))
    edges = np.geomspace(1e-4 * max(mass, m_l) / 100.0, np.pi, 40)
    log_angle = np.log(edges[:-1, None]) + np.log(edges[1] / edges[0]) * nodes
    angle = np.minimum(np.exp(log_angle), np.pi)
    for double in (front.differential_x_theta, front.differential_x_psi):
        values = double(0.6, angle, 100.0, mass, **LEAD) * angle * weights
        assert np.sum(values) * np.log(edges[1] / edges[0]) == pytest.approx(slice_, rel=2e-3)


def test_arrays_equal_single_points():
    """`totals` over arrays gives the digits of `total`, and 0 below threshold."""
    energies, masses = np.array([[1.0], [100.0]]), np.array([0.01, 0.1, 2.0])
    arrays = muon_brems.totals(energies, masses, **LEAD, x_min=0.1)
    assert arrays.sigma_pb.shape == (2, 3)
    assert arrays.sigma_pb[0, 2] == 0.0
    single = muon_brems.total(100.0, 0.1, **LEAD, x_min=0.1)
    assert arrays.sigma_pb[1, 1] == single.sigma_pb
    assert arrays.sigma_err_pb[1, 1] == single.sigma_err_pb
    many = muon_brems.totals(np.full(300, 160.0), 0.1, **LEAD)  # more than one chunk
    assert np.all(many.sigma_pb == many.sigma_pb[0])


def test_kinematic_limit():
    """sqrt(S) - m_l - M, and the largest x; above them exactly nothing."""
    for m_l, a in ((M_MU, 207.2), (M_E, 1.008)):
        top = bremsstrahlung.mass_limit(10.0, m_l, a * M_U)
        below, above = (energy_limits(10.0, m_l, f * top, a * M_U) for f in (0.999999, 1.000001))
        assert below[0] < below[1]
        assert not above[0] < above[1]
    _, high = energy_limits(160.0, M_MU, 0.1, 207.2 * M_U)
    assert muon_brems.total(160.0, 0.1, **LEAD, x_min=high / 160.0 * 1.000001).sigma_pb == 0.0
    assert muon_brems.total(160.0, 0.1, **LEAD, x_min=0.9999).sigma_pb == 0.0
    assert float(muon_brems.differential_x(0.9999, 160.0, 0.1, **LEAD)) == 0.0
    assert np.all(muon_brems.differential_x([0.0, 1.0], 160.0, 0.1, **LEAD) == 0.0)
    # a heavy nucleus: the lepton keeps at least its mass
    assert high == pytest.approx(160.0 - M_MU, rel=1e-4)


def test_refusals():
    """Values outside validity name themselves and what is allowed."""
    with pytest.raises(OutOfRange, match="cannot be made"):
        muon_brems.total(1.0, 0.95, **LEAD)
    with pytest.raises(OutOfRange, match="coherence"):
        electron_brems.total(100.0, 1e-7, **LEAD)
    with pytest.raises(OutOfRange, match="energy"):
        electron_brems.total(float("nan"), 0.1, **LEAD)
    with pytest.raises(OutOfRange, match="mass"):
        muon_brems.totals(160.0, [0.1, -0.1], **LEAD)
    with pytest.raises(OutOfRange, match="mass"):
        muon_brems.totals(160.0, [0.1, np.nan], **LEAD)
    with pytest.raises(OutOfRange, match="x_max"):
        muon_brems.total(160.0, 0.1, **LEAD, x_min=0.5, x_max=0.5)
    with pytest.raises(OutOfRange, match=r"x = 1\.2"):
        muon_brems.differential_x(1.2, 160.0, 0.1, **LEAD)
    with pytest.raises(OutOfRange, match="angle"):
        muon_brems.differential_x_theta(0.5, 4.0, 160.0, 0.1, **LEAD)
    with pytest.raises(UnknownName, match="did you mean 'exact'"):
        muon_brems.total(160.0, 0.1, **LEAD, method="exct")
    with pytest.raises(UnknownName, match="form factor"):
        muon_brems.total(160.0, 0.1, Nucleus(82.0, 207.2, "helm"))
    with pytest.raises(OutOfRange, match="z = 0"):
        muon_brems.total(160.0, 0.1, Nucleus(0.0, 1.0))
    with pytest.raises(UnknownName, match="lepton"):
        bremsstrahlung.Bremsstrahlung("tau").total(160.0, 0.1, **LEAD)


@settings(deadline=None, derandomize=True)
@given(w=st.floats(1e-12, 1e12), a=st.floats(1e-9, 1.0), ratio=st.floats(2.0, 1e9))
def test_variable_of_two_scales_inverts(w, a, ratio):
    """w(g(w)) = w to rounding, and dw/dg is the derivative."""
    b = a * ratio
    assume(w < 1e12 * b)  # beyond, g is its limit to all digits
    g = to_variable(w, a, b)
    back, slope = from_variable(g, a, b)
    assert back == pytest.approx(w, rel=1e-11 * (1.0 + a / w + w / b), abs=1e-14 * a)
    assert slope == pytest.approx(16.0 * (back + a) * (back + b) / ((b - a) * g), rel=1e-12)


def test_form_factors():
    """By hand: screened t^2, unscreened z^2, a quarter at t = d, protons one by one."""
    z, a = 82.0, 207.2
    radius2 = (111.0 / (M_E * z ** (1 / 3))) ** 2
    size = 0.164 * a ** (-2 / 3)
    small = 1e-4 / radius2
    assert g2(small, z, a) == pytest.approx(z**2 * 1e-8, rel=1e-3)
    assert g2(1.0 / radius2, z, a) == pytest.approx(z**2 / 4.0, rel=1e-4)
    assert g2(size, z, a, "unscreened") == pytest.approx(z**2 / 4.0, rel=1e-12)
    assert g2([0.0, 5.0], z, a, "point") == pytest.approx([z**2, z**2])
    assert g2(0.0, z, a) == 0.0
    # far above the atom's scale, far below the proton's: z protons more than the nucleus
    t = 1e-3
    proton = (1.0 + t / 0.71) ** -4
    extra = g2(t, z, a, "elastic+inelastic") - g2(t, z, a)
    assert extra == pytest.approx(z * proton, rel=0.01)
    assert len(form_factor_parameters("elastic", z, a)) == 5


def test_inelastic_part_adds_little_for_heavy_nuclei():
    """Protons one by one: of order 1/z for a light Z', more where the whole nucleus fails."""
    light, heavy = (
        electron_brems.total(20.0, mass, Nucleus(82.0, 207.2, "elastic+inelastic")).sigma_pb
        / electron_brems.total(20.0, mass, **LEAD).sigma_pb
        - 1.0
        for mass in (1e-3, 1.0)
    )
    assert 0.2 / 82.0 < light < 3.0 / 82.0
    assert heavy > 3.0 * light
