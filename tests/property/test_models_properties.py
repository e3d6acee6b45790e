"""Laws that hold at every point of the parameter space."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.core.constants import M_E, M_MU, M_TAU
from mutau.models import LmuMinusLtau, loop_mixing
from mutau.models.muon_moment import moment_integral

masses = st.floats(-9.0, 3.0).map(lambda x: 10.0**x)
couplings = st.floats(-8.0, 0.0).map(lambda x: 10.0**x)
THRESHOLD = {"nunu": 0.0, "ee": 2 * M_E, "mumu": 2 * M_MU, "tautau": 2 * M_TAU}


@given(masses, couplings, st.floats(0.1, 3.0))
def test_visible_widths_scale_as_the_square_of_the_coupling(mass, coupling, factor):
    one, other = LmuMinusLtau(mass, coupling), LmuMinusLtau(mass, coupling * factor)
    for channel in THRESHOLD:
        assert other.width(channel) == pytest.approx(factor**2 * one.width(channel), rel=1e-12)


@given(masses, couplings)
def test_channels_open_at_their_threshold(mass, coupling):
    widths = LmuMinusLtau(mass, coupling).widths
    for channel, threshold in THRESHOLD.items():
        assert (widths[channel] > 0.0) == (mass > threshold)


@given(masses, couplings, st.floats(0.0, 1.0), st.floats(2.001, 50.0))
def test_branchings_are_a_partition(mass, coupling, alpha_d, ratio):
    model = LmuMinusLtau(mass, coupling, alpha_d, ratio)
    shares = {channel: model.branching(channel) for channel in model.channels}
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert all(0.0 <= share <= 1.0 for share in shares.values())
    assert model.branching_invisible == pytest.approx(shares["nunu"] + shares["chichi"], abs=1e-12)


@given(masses, st.floats(-16.0, -6.0).map(lambda x: 10.0**x))
def test_coupling_for_a_moment_is_the_inverse(mass, delta_a):
    coupling = float(LmuMinusLtau.coupling_for_delta_a_mu(mass, delta_a))
    if coupling < 3.5:
        assert LmuMinusLtau(mass, coupling).delta_a_mu() == pytest.approx(delta_a, rel=1e-12)


@given(masses, st.floats(1.0001, 10.0))
def test_heavier_bosons_contribute_less(mass, factor):
    assert 0.0 < float(moment_integral(mass * factor)) < float(moment_integral(mass)) <= 0.5


@given(st.floats(-10.0, 8.0), st.sampled_from([-1.0, 1.0]))
@settings(max_examples=200)
def test_mixing_never_exceeds_its_value_at_the_muon_threshold(exponent, sign):
    ceiling = abs(complex(loop_mixing(4 * M_MU**2)))
    assert abs(complex(loop_mixing(sign * 10.0**exponent))) <= ceiling * (1 + 1e-12)


@given(st.floats(-10.0, 8.0))
def test_spacelike_mixing_is_real_positive_and_falls(exponent):
    q2 = np.array([-(10.0**exponent), -1.01 * 10.0**exponent])
    mixing = loop_mixing(q2)
    assert np.all(mixing.imag == 0.0)
    assert mixing[0].real > mixing[1].real > 0.0


@given(st.floats(1e-5, 1.0), st.floats(0.001, 1.0), st.floats(2.01, 20.0))
def test_thermal_target_fulfils_its_relation(mass, alpha_d, ratio):
    g = float(LmuMinusLtau.thermal_target(mass, alpha_d, ratio))
    left = 4 * math.pi * alpha_d * g**2 / ratio**4
    assert left == pytest.approx(3e-15 * (1e3 * mass / ratio) ** 2, rel=1e-12)
