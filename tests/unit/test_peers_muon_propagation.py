"""Muons through slabs, drifts and dipoles: conservation, closed forms, consistency."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.random import stream
from mutau.matter import csda_range, material, mean_energy_after
from mutau.matter.multiple_scattering import highland_angle, scatter
from mutau.matter.muon_energy_loss import hard_knock_on, ionisation_variance
from mutau.peers.muon_propagation import (
    Muons,
    along_z,
    cross_dipole,
    drift_to_plane,
    inside,
    propagate_slab,
)

pytestmark = pytest.mark.compiled

IRON, LEAD = material("iron"), material("lead")


def bundle(n: int = 500) -> Muons:
    """Muons of 0.5 to 200 GeV with slopes up to 0.2, both charges."""
    rng = stream(11)
    p = rng.uniform(0.5, 200.0, n)
    slopes = rng.uniform(-0.2, 0.2, (n, 2))
    direction = np.column_stack([slopes, np.ones(n)])
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    p4 = np.column_stack([np.hypot(p, M_MU), p[:, None] * direction])
    x4 = np.column_stack([np.zeros(n), rng.normal(0.0, 2.0, (n, 2)), np.full(n, 5.0)])
    return Muons(x4, p4, rng.choice([-1.0, 1.0], n), np.ones(n, bool))


def test_drift_is_a_straight_line_at_the_speed_of_the_muon():
    before = bundle()
    after = drift_to_plane(before, 105.0)
    step = after.x4 - before.x4
    path = np.linalg.norm(step[:, 1:], axis=1)
    assert after.x4[:, 3] == pytest.approx(105.0, abs=0.0)
    assert step[:, 0] == pytest.approx(path * before.energy / before.momentum, rel=1e-12)
    assert step[:, 1:] == pytest.approx(
        path[:, None] * before.p4[:, 1:] / before.momentum[:, None], rel=1e-9, abs=1e-12
    )
    back = drift_to_plane(after, 5.0)
    assert back.x4 == pytest.approx(before.x4, rel=1e-12, abs=1e-10)


def test_dipole_conserves_momentum_and_energy():
    before = bundle()
    after = cross_dipole(before, 1.7, 50.0, 200.0)
    alive = after.alive
    assert alive.mean() > 0.9
    assert after.momentum[alive] == pytest.approx(before.momentum[alive], rel=1e-12)
    assert np.array_equal(after.energy, before.energy)
    assert after.p4[:, 2] == pytest.approx(before.p4[:, 2], rel=1e-15)


@pytest.mark.parametrize(("axis", "bend", "sign"), [("y", 1, -1.0), ("x", 2, 1.0)])
def test_dipole_kick_is_the_field_integral(axis, bend, sign):
    # Lorentz force on a positive muon along z: B = +y pushes to -x, B = +x pushes to +y;
    # 1.4 T m turns 0.29979 * 1.4 GeV of momentum
    before = along_z(160.0, 3, charge=1.0)
    after = cross_dipole(before, 0.7, 100.0, 200.0, axis)
    assert after.p4[:, bend] == pytest.approx(sign * 0.299792458 * 1.4, rel=1e-12)
    assert after.p4[:, 3 - bend] == pytest.approx(0.0, abs=1e-15)
    other = cross_dipole(along_z(160.0, 3, charge=-1.0), 0.7, 100.0, 200.0, axis)
    assert other.p4[:, bend] == pytest.approx(-after.p4[:, bend], rel=1e-15)


def test_dipole_is_the_circle():
    # p = 10 GeV, 1 T: R = 10/(0.299792458e-2) cm; sagitta of 300 cm of arc projection
    before = along_z(math.hypot(10.0, M_MU), 1, charge=-1.0)
    after = cross_dipole(before, 1.0, 0.0, 300.0)
    radius = 10.0 / 0.299792458e-2
    assert after.x4[0, 1] == pytest.approx(radius - math.sqrt(radius**2 - 300.0**2), rel=1e-10)
    arc = radius * math.asin(300.0 / radius)
    assert after.x4[0, 0] == pytest.approx(arc * after.energy[0] / 10.0, rel=1e-10)


@pytest.mark.parametrize("field", [0.02, 0.2, 1.5])
def test_dipole_against_small_steps_of_the_equation_of_motion(field):
    before = bundle(40)
    after = cross_dipole(before, field, 5.0, 150.0)
    p, x = before.p4[:, 1:].copy(), before.x4[:, 1:].copy()
    force = 0.299792458e-2 * field * before.charge
    n = 3000
    h = 150.0 / n
    for _ in range(n):  # leapfrog in z: dp_x/dz = -k, dx/dz = p_x/p_z, |p| fixed
        total = np.sum(p * p, axis=1)
        p[:, 0] -= 0.5 * h * force
        p[:, 2] = np.sqrt(total - p[:, 0] ** 2 - p[:, 1] ** 2)
        x[:, :2] += h * p[:, :2] / p[:, 2:]
        p[:, 0] -= 0.5 * h * force
        p[:, 2] = np.sqrt(total - p[:, 0] ** 2 - p[:, 1] ** 2)
    good = after.alive
    assert good.sum() > 30
    assert after.x4[good, 1:3] == pytest.approx(x[good, :2], abs=2e-3)


def test_dipole_there_and_back():
    before = drift_to_plane(bundle(), 10.0)
    through = cross_dipole(before, 1.0, 10.0, 100.0)
    mirror = through.p4 * np.array([1.0, -1.0, -1.0, 1.0])
    # reflected: same field, momentum across reversed, opposite charge runs the track backwards
    turned = Muons(through.x4 * np.array([0.0, 1.0, 1.0, 0.0]), mirror, through.charge,
                   through.alive)  # fmt: skip
    back = cross_dipole(turned, 1.0, 0.0, 100.0)
    ok = back.alive
    assert back.x4[ok, 1:3] == pytest.approx(before.x4[ok, 1:3], rel=1e-9, abs=1e-9)


def test_effective_length_scales_the_kick_around_the_middle():
    before = along_z(100.0, 1, charge=1.0)
    longer = cross_dipole(before, 1.0, 0.0, 200.0, effective_length=220.0)
    assert longer.p4[0, 1] == pytest.approx(-0.299792458 * 2.2, rel=1e-12)
    assert longer.x4[0, 3] == 200.0
    # the two straight lines still meet in the middle of the magnet
    slope = longer.p4[0, 1] / longer.p4[0, 3]
    assert longer.x4[0, 1] == pytest.approx(slope * 100.0, rel=1e-3)


def test_slow_muons_turn_back_in_a_strong_field():
    slow = along_z(0.2, 4)
    out = cross_dipole(slow, 1.5, 0.0, 200.0)
    assert not out.alive.any()
    assert np.array_equal(drift_to_plane(out, 1000.0).x4, out.x4)


def test_slab_without_scattering_loses_the_mean_along_its_path():
    before = bundle()
    after = propagate_slab(before, IRON, 10.0, stream(1), scattering=False)
    path = 10.0 * before.momentum / before.p4[:, 3]
    expected = mean_energy_after(before.energy, IRON, path)
    assert after.energy[after.alive] == pytest.approx(expected[after.alive], rel=2e-6)
    assert after.x4[after.alive, 3] == pytest.approx(15.0, abs=0.0)
    slopes = before.slopes[after.alive]
    assert after.slopes[after.alive] == pytest.approx(slopes, rel=1e-9)


def test_slab_scatters_as_the_sampler_says():
    n = 100_000
    after = propagate_slab(along_z(160.0, n), IRON, 20.0, stream(2))
    mean_p = math.sqrt(160.0 * float(after.energy.mean()))
    drawn = scatter(mean_p, IRON, np.full(n, 20.0), stream(3))
    for ours, theirs in ((after.slopes[:, 0], drawn[:, 0]), (after.x4[:, 1], drawn[:, 2])):
        assert_same_distribution(ours, theirs)


def assert_same_distribution(ours, theirs):
    """Nine quantiles agree within four standard errors of the empirical distribution."""
    levels = np.array([0.01, 0.05, 0.16, 0.3, 0.5, 0.7, 0.84, 0.95, 0.99])
    below = np.mean(ours[:, None] < np.quantile(theirs, levels), axis=0)
    error = np.sqrt(levels * (1.0 - levels) * (1.0 / len(ours) + 1.0 / len(theirs)))
    assert np.all(np.abs(below - levels) < 4.0 * error), (below - levels) / error


def test_many_thin_slabs_are_one_thick_slab():
    n = 60_000
    once = propagate_slab(along_z(20.0, n), LEAD, 5.0, stream(4))
    often = along_z(20.0, n)
    rng = stream(5)
    for _ in range(10):
        often = propagate_slab(often, LEAD, 0.5, rng)
    assert often.energy.mean() == pytest.approx(once.energy.mean(), rel=1e-5)
    for pick in (lambda m: m.slopes[:, 0], lambda m: m.x4[:, 1], lambda m: m.x4[:, 2]):
        assert_same_distribution(pick(once), pick(often))


def test_momentum_and_mass_shell_after_a_slab():
    after = propagate_slab(bundle(), LEAD, 3.0, stream(6), straggling="knock-on")
    ok = after.alive
    mass2 = after.energy[ok] ** 2 - after.momentum[ok] ** 2
    assert mass2 == pytest.approx(M_MU**2, abs=1e-9 * 200.0**2)
    assert np.all(after.energy[ok] < bundle().energy[ok])


def test_scattered_directions_are_even_around_any_incoming_direction():
    n = 50_000
    tilted = along_z(50.0, n)
    p = tilted.momentum[0]
    direction = np.array([0.3, -0.2, 1.0]) / math.sqrt(1.13)
    tilted = replace(tilted, p4=np.column_stack([tilted.energy, np.tile(p * direction, (n, 1))]))
    after = propagate_slab(tilted, LEAD, 0.5, stream(7))
    unit = after.p4[:, 1:] / after.momentum[:, None]
    assert unit.mean(axis=0) == pytest.approx(direction, abs=2e-5)
    across = [np.array([1.0, 0.0, -0.3]), np.array([0.0, 1.0, 0.2])]
    width = float(highland_angle(p, LEAD, 0.5 * math.sqrt(1.13)))
    for axis in across:
        spread = np.quantile(np.abs(unit @ (axis / np.linalg.norm(axis))), 0.6827)
        assert spread == pytest.approx(width, rel=0.12)


def test_knock_on_straggling_keeps_the_mean_and_the_width():
    # 1 cm of iron at 5 GeV: few electrons take more than 0.1 GeV, so moments converge
    n = 300_000
    after = propagate_slab(
        along_z(5.0, n), IRON, 1.0, stream(8), scattering=False, straggling="knock-on"
    )
    lost = 5.0 - after.energy
    expected = 5.0 - float(mean_energy_after(5.0, IRON, 1.0))
    error = lost.std() / math.sqrt(n)
    assert lost.mean() == pytest.approx(expected, abs=4 * error)
    assert error < 0.01 * expected
    variance = float(ionisation_variance(5.0, IRON))
    fourth = np.mean((lost - lost.mean()) ** 4)
    assert lost.var() == pytest.approx(variance, abs=4 * math.sqrt(fourth / n))
    assert np.quantile(lost, 0.5) < 0.95 * expected  # skewed as it must be


def test_hard_knock_on_tail_is_the_cross_section():
    n = 300_000
    after = propagate_slab(
        along_z(160.0, n), LEAD, 2.0, stream(9), scattering=False, straggling="knock-on"
    )
    lost = 160.0 - after.energy
    number, _ = hard_knock_on(160.0, LEAD, 2.0)
    expected = 2.0 * float(number) * n
    assert np.count_nonzero(lost > 2.0 + 0.06) == pytest.approx(expected, abs=4 * expected**0.5)


def test_soft_muons_stop_and_stay():
    out = propagate_slab(along_z(1.0, 100), IRON, 100.0, stream(10))
    assert not out.alive.any()
    stopped = out.momentum == 0.0
    assert stopped.mean() > 0.8  # the others turned aside just before
    reach = float(csda_range(1.0, IRON))  # along a path that scattering bends a little
    assert np.all((out.x4[:, 3] > 0.9 * reach) & (out.x4[:, 3] < reach))
    again = propagate_slab(out, IRON, 100.0, stream(10))
    assert np.array_equal(again.x4, out.x4)


def test_each_muon_its_own_thickness():
    depth = np.array([0.0, 5.0, 10.0])
    out = propagate_slab(along_z(50.0, 3), LEAD, depth, stream(12))
    assert out.x4[:, 3] == pytest.approx(depth, abs=0.0)
    assert out.energy == pytest.approx(mean_energy_after(50.0, LEAD, depth), rel=1e-6)
    assert out.x4[0, 1] == 0.0


def test_same_stream_same_muons():
    first = propagate_slab(bundle(), LEAD, 1.0, stream(13))
    second = propagate_slab(bundle(), LEAD, 1.0, stream(13))
    assert np.array_equal(first.p4, second.p4)


def test_inside_a_counter():
    muons = drift_to_plane(bundle(), 100.0)
    mask = inside(muons, 5.0, 2.0, x=1.0)
    assert mask.any()
    assert not mask.all()
    assert np.all(np.abs(muons.x4[mask, 1] - 1.0) <= 5.0)


def test_bad_input_is_refused():
    good = bundle(5)
    with pytest.raises(MutauError, match="shape"):
        Muons(good.x4, good.p4[:4], good.charge, good.alive)
    bad = good.p4.copy()
    bad[0, 0] = np.nan
    with pytest.raises(MutauError, match="finite"):
        Muons(good.x4, bad, good.charge, good.alive)
    with pytest.raises(OutOfRange, match="mass"):
        along_z(0.05, 2)
    with pytest.raises(OutOfRange, match="charge"):
        along_z(10.0, 2, charge=0.5)
    with pytest.raises(OutOfRange, match="thickness"):
        propagate_slab(good, LEAD, -1.0, stream(1))
    with pytest.raises(UnknownName, match="knock-on"):
        propagate_slab(good, LEAD, 1.0, stream(1), straggling="landau")
    with pytest.raises(OutOfRange, match="energies"):
        propagate_slab(along_z(2e5, 2), LEAD, 1.0, stream(1))
    with pytest.raises(OutOfRange, match="length"):
        cross_dipole(good, 1.0, 0.0, -5.0)
    with pytest.raises(OutOfRange, match="field"):
        cross_dipole(good, float("inf"), 0.0, 5.0)
    with pytest.raises(UnknownName, match="axis"):
        cross_dipole(good, 1.0, 0.0, 5.0, "z")
    with pytest.raises(OutOfRange, match="z = nan"):
        drift_to_plane(good, float("nan"))
