"""Scaling and positivity for random bosons, energies and electrons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.core.constants import M_E
from mutau.models import DarkPhoton, LmuMinusLtau
from mutau.reactions.annihilation import (
    cross_section,
    integrated,
    narrow_integral,
    resonance_energy,
)
from mutau.reactions.annihilation_electrons import from_binding

pytestmark = pytest.mark.compiled

shells = st.lists(st.tuples(st.floats(1.0, 10.0), st.floats(5e-9, 9e-5)), min_size=1, max_size=3)
names = st.sampled_from(["virial", "hydrogenic"])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.floats(2e-3, 0.5), st.floats(-9.0, -1.5), shells, names, st.floats(0.3, 3.0))
def test_cross_sections_are_positive_and_narrow_ones_scale(mass, power, atom, name, offset):
    electrons = from_binding(name, *zip(*atom, strict=True))
    coupling = 10.0**power
    energy = max(offset * resonance_energy(mass), 2.0 * M_E)
    one = cross_section(energy, LmuMinusLtau(mass, coupling), channel="all", electrons=electrons)
    assert np.all(np.isfinite(one))
    assert np.all(one > 0.0)
    # Far below the electrons' spread the line only counts by its area, which goes as g^2.
    weak = cross_section(mass, LmuMinusLtau(mass, 1e-10), channel="all", electrons=electrons)
    weaker = cross_section(mass, LmuMinusLtau(mass, 1e-11), channel="all", electrons=electrons)
    assert weak == pytest.approx(100.0 * weaker, rel=1e-3)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.floats(8e-3, 0.2), shells, names)
def test_motion_keeps_the_integral(mass, atom, name):
    # Below 8 MeV the positron is not fast enough for (m_e/E)^2 < 1e-3.
    electrons = from_binding(name, *zip(*atom, strict=True))
    model = DarkPhoton(mass, 1e-5)
    peak = resonance_energy(mass)
    found = integrated([max(0.02 * peak, 2 * M_E), 50 * peak], model, channel="all",
                       electrons=electrons)[0]  # fmt: skip
    exact = narrow_integral(model, channel="all", element=1) * electrons.electrons
    assert found == pytest.approx(exact, rel=1.5e-3)
