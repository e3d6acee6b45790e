"""Multiple scattering: Highland, Moliere and the collision-by-collision sampler hold together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from mutau.core.constants import ALPHA, M_MU
from mutau.core.errors import OutOfRange
from mutau.core.random import stream
from mutau.core.units import HBARC_GEV_CM
from mutau.matter import material
from mutau.matter.multiple_scattering import (
    collision_density,
    highland_angle,
    highland_angle_thick,
    moliere,
    moliere_density,
    nuclear_form_factor,
    rms_charge_radius,
    scatter,
    scatter_gaussian,
    scattering_table,
)

IRON, LEAD, CARBON = material("iron"), material("lead"), material("carbon")


def test_highland_for_one_radiation_length():
    # beta = 1: 13.6 MeV/p, the logarithm vanishes
    assert float(highland_angle(100.0, LEAD, LEAD.radiation_length_cm)) == pytest.approx(
        13.6e-3 / 100.0, rel=1e-5
    )


def test_highland_of_a_slowing_muon_is_the_depth_average():
    # constant loss from 20 to 5 GeV: integral of dx/p^2 = x/(p1 p2)
    thick = float(highland_angle_thick(20.0, 5.0, IRON, 100.0))
    average = quad(lambda s: 1.0 / (20.0 - 15.0 * s) ** 2, 0.0, 1.0)[0]
    fixed = float(highland_angle(10.0, IRON, 100.0))
    assert thick == pytest.approx(fixed * 10.0 * math.sqrt(average), rel=1e-3)


def test_characteristic_angle_by_hand():
    # chi_c^2 = 0.157 MeV^2 Z(Z+1)/A x/(p beta)^2, x in g/cm^2 (Bethe 1953)
    p, x = 10.0, 2.0
    beta2 = p**2 / (p**2 + M_MU**2)
    by_hand = 0.157e-6 * 26 * 27 / 55.845 * x * 7.874 / (p**2 * beta2)
    assert moliere(p, IRON, x).chi_c ** 2 == pytest.approx(by_hand, rel=2e-3)


def test_b_solves_its_equation():
    parameters = moliere(10.0, IRON, 2.0)
    ratio = parameters.chi_c**2 / (1.167 * parameters.chi_a**2)
    assert parameters.b - math.log(parameters.b) == pytest.approx(math.log(ratio), rel=1e-4)


def test_moliere_is_normalised_and_has_rutherfords_tail():
    parameters = moliere(10.0, IRON, 2.0)
    scale = parameters.chi_c * math.sqrt(parameters.b)
    nodes, weights = np.polynomial.legendre.leggauss(300)
    x, dx = 7.5 * (1.0 + nodes), 7.5 * weights
    space = np.sum(dx * x * moliere_density(x * scale, parameters)) * scale**2
    # beyond 15 reduced angles: chi_c^2/theta^2
    assert space + 1.0 / (parameters.b * 15.0**2) == pytest.approx(1.0, abs=1e-4)
    plane = 2.0 * scale * np.sum(dx * moliere_density(x * scale, parameters, projected=True))
    assert plane == pytest.approx(1.0, abs=1e-3)
    far = 12.0 * scale
    rutherford = 2.0 * parameters.chi_c**2 / far**4
    assert float(moliere_density(far, parameters)) == pytest.approx(rutherford, rel=0.05)


@pytest.mark.parametrize("name", ["lead", "iron", "carbon", "polystyrene", "air"])
@pytest.mark.parametrize("depth", [0.01, 1.0, 40.0])
def test_highland_meets_the_core_of_moliere(name, depth):
    item = material(name)
    thickness = depth * item.radiation_length_cm
    parameters = moliere(160.0, item, thickness)
    theta = np.linspace(0.0, 30.0 * parameters.width, 1501)
    density = moliere_density(theta, parameters, projected=True)
    share = np.cumsum(density) - 0.5 * (density + density[0])
    core = theta[: np.searchsorted(share, 0.98 * share[-1])]
    weights = density[: core.size]
    rms = math.sqrt(np.sum(weights * core**2) / np.sum(weights))
    # Highland's formula is a fit of this very number, good to 11 %
    assert float(highland_angle(160.0, item, thickness)) == pytest.approx(rms, rel=0.08)


def test_too_thin_for_moliere():
    with pytest.raises(OutOfRange, match="thin"):
        moliere(160.0, material("air"), 0.1)


def test_charge_radii():
    # measured: Pb-208 5.501 fm, Fe-56 3.738 fm, C-12 2.470 fm
    for a, radius in ((208, 5.501), (56, 3.738), (12, 2.470)):
        assert rms_charge_radius(a) == pytest.approx(radius, rel=0.02)


def test_form_factor_for_small_kicks():
    radius2 = (5.5e-13 / HBARC_GEV_CM) ** 2
    q = 0.003
    assert 1.0 - float(nuclear_form_factor(q, radius2)) == pytest.approx(
        q * q * radius2 / 6.0, rel=0.01
    )
    assert abs(float(nuclear_form_factor(0.5, radius2))) < 1e-2


def test_collisions_are_rutherfords_between_screening_and_size():
    q = 1e-3
    n = IRON.atoms_per_cm3[0][1]
    expected = 4 * math.pi * n * (26 * ALPHA * HBARC_GEV_CM) ** 2 / q**4
    nuclei, electrons = collision_density(q, IRON)
    assert float(nuclei) == pytest.approx(expected, rel=0.005)
    assert float(electrons) == pytest.approx(expected / 26, rel=0.005)


def test_table_integrals():
    table = scattering_table(LEAD)
    log_q, below, _ = table.columns.T
    i = 400
    exact = quad(
        lambda u: 2 * math.exp(4 * u) * float(collision_density(math.exp(u), LEAD).sum()),
        math.log(1e-9), log_q[i], epsrel=1e-8, limit=400,
    )[0]  # fmt: skip
    assert below[i] == pytest.approx(exact, rel=2e-3)
    y = table.start + i * table.step
    above = 1.0 / (math.exp(y) + 1.0 / table.total)
    exact = quad(
        lambda u: 2 * math.exp(2 * u) * float(collision_density(math.exp(u), LEAD).sum()),
        log_q[i], math.log(5.0), epsrel=1e-8, limit=400,
    )[0]  # fmt: skip
    assert above == pytest.approx(exact, rel=2e-3)


@pytest.mark.compiled
@pytest.mark.parametrize(("item", "thickness"), [(IRON, 1.0), (LEAD, 20.0), (CARBON, 0.01)])
def test_sampler_reproduces_moliere_for_point_nuclei(item, thickness):
    n = 400_000
    parameters = moliere(160.0, item, thickness)
    drawn = scatter(160.0, item, np.full(n, thickness), stream(3), point=True)
    angle = np.hypot(drawn[:, 0], drawn[:, 1])
    edges = parameters.width * np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0])
    counts = np.histogram(angle, edges)[0]
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = 0.5 * np.diff(edges)[:, None]
    theta = edges[:-1, None] + half * (1.0 + nodes)
    expected = n * np.sum(half * weights * theta * moliere_density(theta, parameters), axis=1)
    # 1 % for the expansion in 1/B and the Gaussian soft part
    pulls = (counts - expected) / np.sqrt(expected + (0.01 * expected) ** 2)
    assert np.all(np.abs(pulls) < 4.0), pulls


@pytest.mark.compiled
def test_tail_is_single_scattering_with_the_nuclear_size():
    # 0.1 mm of lead: beyond a kick of 30 MeV (20 widths) one hard collision does it all
    thickness, q_far, n = 0.01, 0.03, 3_000_000
    drawn = scatter(160.0, LEAD, np.full(n, thickness), stream(4))
    kicks = 160.0 * np.hypot(drawn[:, 0], drawn[:, 1])
    seen = np.count_nonzero(kicks > q_far)
    single = quad(
        lambda u: 2 * math.exp(2 * u) * float(collision_density(math.exp(u), LEAD).sum()),
        math.log(q_far), math.log(5.0), epsrel=1e-7, limit=200,
    )[0]  # fmt: skip
    expected = n * thickness * single
    assert expected > 900.0
    # soft scattering smears a steep spectrum: about 12 (width/q)^2 or 3 % more
    assert seen == pytest.approx(1.03 * expected, abs=4 * math.sqrt(expected))
    point = quad(
        lambda u: 2 * math.exp(2 * u)
        * float(collision_density(math.exp(u), LEAD, point=True).sum()),
        math.log(q_far), math.log(5.0), epsrel=1e-7,
    )[0]  # fmt: skip
    assert single < 0.7 * point  # the nuclear size matters here


@pytest.mark.compiled
def test_thin_layers_scatter_rarely():
    # one micrometre of air: fewer than one collision; the rest goes straight on
    table = scattering_table(material("air"))
    thickness = 0.5 / table.total
    drawn = scatter(160.0, material("air"), np.full(200_000, thickness), stream(5))
    straight = np.mean(drawn[:, 0] == 0.0)
    assert straight == pytest.approx(math.exp(-0.5), abs=0.005)


@pytest.mark.compiled
def test_displacement_and_angle_are_correlated():
    drawn = scatter(10.0, IRON, np.full(200_000, 1.0), stream(6))
    core = np.hypot(drawn[:, 0], drawn[:, 1]) < 4 * float(highland_angle(10.0, IRON, 1.0))
    for angle, shift in ((0, 2), (1, 3)):
        correlation = np.corrcoef(drawn[core, angle], drawn[core, shift])[0, 1]
        assert correlation == pytest.approx(math.sqrt(3.0) / 2.0, abs=0.01)
    ratio = drawn[core, 2].std() / drawn[core, 0].std()
    assert ratio == pytest.approx(1.0 / math.sqrt(3.0), rel=0.02)
    assert np.corrcoef(drawn[core, 0], drawn[core, 1])[0, 1] == pytest.approx(0.0, abs=0.01)


def test_gaussian_draws_have_the_pdg_moments():
    drawn = scatter_gaussian(2e-3, 5.0, stream(7), 200_000)
    assert drawn[:, 0].std() == pytest.approx(2e-3, rel=0.01)
    assert drawn[:, 2].std() == pytest.approx(2e-3 * 5.0 / math.sqrt(3.0), rel=0.01)
    assert np.corrcoef(drawn[:, 1], drawn[:, 3])[0, 1] == pytest.approx(0.8660, abs=0.005)


@pytest.mark.compiled
def test_kicks_do_not_depend_on_energy():
    # same stream, ten times the momentum: a tenth of the angle up to beta
    low = scatter(50.0, LEAD, np.full(1000, 1.0), stream(8))
    high = scatter(500.0, LEAD, np.full(1000, 1.0), stream(8))
    assert low == pytest.approx(10.0 * high, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(("momentum", "thickness"), [(0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0)])
def test_bad_layers_are_refused(momentum, thickness):
    with pytest.raises(OutOfRange, match="not positive"):
        highland_angle(momentum, LEAD, thickness)
    with pytest.raises(OutOfRange, match="not positive"):
        scatter(momentum, LEAD, thickness, stream(1))
