"""Freeze-out against limits known in closed form, and against another group's number."""

import math

import numpy as np
import pytest

from mutau.bounds.computed import BOUNDS
from mutau.bounds.relic import abundance, plasma_states, relic_coupling, thermal_cross_section
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.units import C_CM_S, HBARC_GEV_CM
from mutau.models import Family


@pytest.mark.compiled
def test_states_of_the_plasma():
    g, h, root = plasma_states([1e-7, 2e-3])
    assert g == pytest.approx([3.363, 10.75], rel=4e-3)  # (4/11)^(4/3); photons, e, three neutrinos
    assert h == pytest.approx([3.909, 10.75], rel=4e-3)
    assert root[0] == pytest.approx(3.909 / math.sqrt(3.363), rel=4e-3)


def test_waves_in_the_limit_of_a_heavy_boson():
    """sigma v = (8 pi/3) alpha_D alpha' m_chi^2 v^2/(m^2 - 4 m_chi^2)^2 of a scalar, <v^2> = 6/x;
    of a Dirac particle 16 pi alpha_D alpha' m_chi^2/(...)^2 (two left-handed neutrinos)."""
    ratio, g, alpha_d, x = 30.0, 1e-4, 0.1, 400.0
    scalar = Family("lmu-ltau", alpha_d, ratio).at(0.6, g)
    dirac = Family("lmu-ltau", alpha_d, ratio, "dirac").at(0.6, g)
    m = 0.6 / ratio
    common = alpha_d * g**2 / (4 * math.pi) * m**2 / (0.36 - 4 * m**2) ** 2
    p_wave, s_wave = (float(thermal_cross_section(model, x)[0]) for model in (scalar, dirac))
    assert p_wave == pytest.approx(8 * math.pi / 3 * common * 6 / x, rel=3.0 / x)
    assert s_wave == pytest.approx(16 * math.pi * common, rel=3.0 / x)


def test_the_average_follows_the_wave():
    for kind, power in (("complex-scalar", 1.0), ("majorana", 1.0), ("dirac", 0.0)):
        model = Family("lmu-ltau", 0.1, 20.0, kind).at(0.4, 1e-4)
        near, far = thermal_cross_section(model, [100.0, 200.0])
        assert near / far == pytest.approx(2.0**power, rel=0.03)


@pytest.mark.compiled
def test_the_abundance_of_another_calculation():
    """5.2e-26 cm^3/s for 0.11 at 0.3 GeV (Steigman, Dasgupta, Beacom, 2012), Majorana particle."""
    constant = np.full(60, 5.2e-26 / (HBARC_GEV_CM**2 * C_CM_S))
    assert abundance("majorana", 0.3, constant) == pytest.approx(0.11, rel=0.06)
    # half of them: particles find antiparticles only, twice as many kinds
    assert abundance("dirac", 0.3, constant) == pytest.approx(0.22, rel=0.1)
    assert abundance("majorana", 0.3, 2.0 * constant) == pytest.approx(0.055, rel=0.1)


@pytest.mark.compiled
def test_couplings_of_the_kinds():
    """A Majorana pair has the scalar's sigma v, and half the particles to be rid of: y = 1/2."""
    found = {
        kind: relic_coupling(Family("dark-photon", 0.1, 6.0, kind), 0.12)
        for kind in ("complex-scalar", "majorana", "dirac", "pseudo-dirac")
    }
    assert found["majorana"] / found["complex-scalar"] == pytest.approx(math.sqrt(0.5), rel=0.02)
    assert found["dirac"] == found["pseudo-dirac"] < 0.3 * found["complex-scalar"]
    more = relic_coupling(Family("dark-photon", 0.2, 6.0, "dirac"), 0.12)
    assert more / found["dirac"] == pytest.approx(math.sqrt(0.5), rel=5e-3)  # y alone counts


@pytest.mark.compiled
def test_what_is_not_offered():
    bound = BOUNDS["relic-density"]
    with pytest.raises(MutauError, match="needs dark matter"):
        bound([0.1], "dark-photon")
    with pytest.raises(OutOfRange, match="hadrons"):
        bound([0.9], "dark-photon", alpha_d=0.1)
    with pytest.raises(OutOfRange, match="two bosons"):
        bound([0.1], "dark-photon", alpha_d=0.1, mass_ratio=1.5)
    assert np.isinf(bound([0.1, 0.9], "dark-photon", alpha_d=0.1).coupling).tolist() == [
        False,
        True,
    ]
