"""Fields of dipoles: profiles, maps, orbits; the same field in simulation, trigger, track fit."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import RegularGridInterpolator

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.units import GEV_PER_T_CM
from mutau.detector.readout import build_readout
from mutau.detector.simulation import simulate_beam, simulate_chunk
from mutau.detector.tracking import fit_hits, fit_tracks
from mutau.detector.tracking_geometry import build_arm
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import load_experiment, replace
from mutau.experiment.field_maps import read_field_map, write_field_map
from mutau.experiment.schema import Magnet
from mutau.transport.beam import BeamMuons
from mutau.transport.field_kernels import field_kernel, orbit_kernel
from mutau.transport.fields import (
    bending,
    flat_map,
    mean_curve,
    mean_field,
    slices,
)

pytestmark = pytest.mark.compiled

NA64 = load_experiment("na64mu")
MS2 = "detector/magnet[MS2]"
FRINGE = 15.0


def magnet(**more):
    stated = {} if "field_map" in more else {"field_integral": "1.4 T m", "bends_to": "-x"}
    return Magnet(name="M", z="9 m", width="30 cm", height="11 cm", length="2 m", because="test",
                  **stated, **more)  # fmt: skip


def profile(z, fringe=FRINGE, length=200.0, field=0.7):
    """B/2 [tanh((z + L/2)/f) - tanh((z - L/2)/f)] and its first two derivatives, from the middle"""
    a, b = np.tanh((z + length / 2) / fringe), np.tanh((z - length / 2) / fringe)
    first = ((1 - a**2) - (1 - b**2)) / fringe
    second = (-2 * a * (1 - a**2) + 2 * b * (1 - b**2)) / fringe**2
    return [0.5 * field * part for part in (a - b, first, second)]


def write_map(path, *, sign=-1.0, order=0, reach=3.0, dz=1.0, half=(16.0, 6.0)):
    """The fringed field of MS2, -y for a mu- bent to -x; order 2: with what Maxwell asks off axis.

    By = B - B'' y^2/2, Bz = y B': divergence 0, curl 0 to that order.
    """
    end = 100.0 + reach * FRINGE
    x, y = np.array([-half[0], half[0]]), np.linspace(-half[1], half[1], 2 + 7 * (order > 0))
    z = np.arange(-end, end + dz / 2, dz)
    norm = sign * 140.0 / np.trapezoid(profile(z)[0], z) if not order else sign
    b, first, second = (norm * part for part in profile(z))
    field = np.zeros((len(z), len(y), 2, 3))
    field[..., 1] = b[:, None, None]
    if order:
        field[..., 1] -= 0.5 * second[:, None, None] * (y**2)[:, None]
        field[..., 2] = first[:, None, None] * y[:, None]
    write_field_map(path, x, y, z, field)
    return str(path)


@pytest.fixture(scope="module")
def plain_map(tmp_path_factory):
    return write_map(tmp_path_factory.mktemp("map") / "plain.csv")


@pytest.fixture(scope="module")
def mapped(plain_map):
    """NA64mu with the fringed field as a map."""
    document = NA64.to_dict()
    for item in document["detector"]["magnet"]:
        del item["field_integral"], item["bends_to"]
        item["field_map"] = plain_map
    from mutau.experiment.loader import from_document

    return from_document(document, "mapped")


FRINGED = replace(NA64, f"{MS2}/fringe", f"{FRINGE} cm")


@pytest.mark.parametrize("fringe", ["0 cm", "5 cm", "20 cm"])
def test_the_integral_is_kept_whatever_the_fringe(fringe):
    m = magnet(fringe=fringe)
    edges = np.linspace(0.0, 2000.0, 4001)
    total = sum(mean_field(m, low, high) * (high - low) for low, high in pairwise(edges))
    assert total == pytest.approx(140.0, rel=1e-9)
    top = 0.7 * math.tanh(100.0 / m.fringe) if m.fringe else 0.7
    assert mean_field(m, 999.0, 1001.0) == pytest.approx(top, rel=5e-4)
    assert mean_field(m, 899.9, 900.1) == pytest.approx(0.35, rel=1e-3)
    cuts = slices(m)
    cut = sum(mean_curve(m, -1.0, a, b)[0] * (b - a) for a, b in pairwise(cuts)) / GEV_PER_T_CM
    assert cut == pytest.approx(-140.0, rel=1e-9)


def test_a_map_is_linear_between_its_planes(tmp_path):
    """A field linear in each coordinate comes back exactly, inside; nothing beyond the grid."""
    x, y, z = np.array([-20.0, 3.0, 20.0]), np.array([-6.0, 1.0, 7.0]), np.array([-120.0, 0, 130])
    gx, gy, gz = np.meshgrid(x, y, z, indexing="ij")
    b = np.stack([0.1 * gx - 0.02 * gz, gy * gx * 0.01 + 1, gz * 0.001 * gy], axis=-1)
    write_field_map(tmp_path / "m.csv", x, y, z, b.transpose(2, 1, 0, 3))
    m = magnet(field_map=str(tmp_path / "m.csv"), field_scale=-2.0, x="1 cm")
    flat = flat_map(m, -1.0)
    rng = stream(1)
    for _ in range(20):
        px, py, pz = rng.uniform(-20, 20), rng.uniform(-6, 7), rng.uniform(-120, 130)
        want = -2.0 * np.array([0.1 * px - 0.02 * pz, py * px * 0.01 + 1, pz * 0.001 * py])
        got = field_kernel(flat, 0, px + 1.0, py, pz + 1000.0)
        np.testing.assert_allclose(got, want, rtol=1e-12)
    assert field_kernel(flat, 0, 21.5, 0.0, 1000.0) == (0.0, 0.0, 0.0)
    assert field_kernel(flat, 0, 0.0, 0.0, 1131.0) == (0.0, 0.0, 0.0)
    # on the axis of the magnet By = 1 and Bx = -0.02 z, z from -120 to 130; times -2, for a mu-:
    # force q v x B bends a positive particle by -By to +x and by +Bx to +y
    got = bending(m, -1.0)
    assert got == pytest.approx((-2.0 * 250.0, 2.0 * -0.01 * (130**2 - 120**2)))


def test_orbits_follow_the_lorentz_force(tmp_path):
    """Against an independent integration of dp/ds = q p x B/|p| in the analytic field."""
    m = magnet(field_map=write_map(tmp_path / "m.csv", order=2, dz=0.5))
    flat = flat_map(m, -1.0)

    def rate(_, state):
        _, y, z, px, py, pz = state
        b, first, second = (-float(part) for part in profile(np.array(z - 1000.0)))
        field = np.array([0.0, b - 0.5 * second * y**2, first * y])
        p = np.array([px, py, pz])
        unit = p / np.linalg.norm(p)
        return np.concatenate([unit, -GEV_PER_T_CM * np.cross(unit, field)])

    for momentum, x, y, tx, ty in ((160.0, 1, 2, 1e-3, -2e-3), (8.0, -4, 3.0, 0.02, -0.01)):
        start, length = 1000.0 - 140.0, 280.0
        p = momentum * np.array([tx, ty, 1.0]) / math.sqrt(1 + tx**2 + ty**2)
        exact = solve_ivp(
            rate, (0.0, 400.0), [x, y, start, *p], rtol=1e-11, atol=1e-12, max_step=1.0,
            events=lambda _, s: s[2] - 1140.0,
        ).y_events[0][0]  # fmt: skip
        got = orbit_kernel(flat, 0, (x, y, tx, ty), start, -1.0 / momentum, length)
        np.testing.assert_allclose(got[:2], exact[:2], atol=2e-4 * 8.0 / momentum * 4)
        slopes = exact[3:5] / exact[5]
        kick = GEV_PER_T_CM * 140.0 / momentum
        np.testing.assert_allclose(got[2:4], slopes, atol=2e-4 * kick)
        # vertical focusing: the fringe kicks by y (end slope - start slope) tx/L, seen in slope y
        assert abs(slopes[1] - ty) > 20 * abs(got[3] - slopes[1])


def finely(found, states, k, length, *, middle=1000.0, step=0.25):
    """Runge-Kutta in small steps through the map, linear in each coordinate: states at both ends.

    states : (4, N) x, y, tx, ty, `length` cm before the middle. An integration of its own.
    """
    grid = (found.z + middle, found.y, found.x)
    look = RegularGridInterpolator(grid, found.b, bounds_error=False, fill_value=0.0)

    def rate(z, s):
        bx, by, bz = look(np.column_stack([np.full(s.shape[1], z), s[1], s[0]])).T
        tx, ty = s[2:]
        scale = GEV_PER_T_CM * k * np.sqrt(1.0 + tx**2 + ty**2)
        turn_x = scale * (tx * ty * bx - (1.0 + tx**2) * by + ty * bz)
        return np.array([tx, ty, turn_x, scale * ((1.0 + ty**2) * bx - tx * ty * by - tx * bz)])

    n = round(length / step)
    s, h = states, length / n
    for i in range(2 * n):
        z = middle + (i - n) * h
        a = rate(z, s)
        b = rate(z + h / 2, s + h / 2 * a)
        c = rate(z + h / 2, s + h / 2 * b)
        s = s + h / 6 * (a + 2 * b + 2 * c + rate(z + h, s + h * c))
        if i == n - 1:
            half_way = s
    return half_way, s


def write_uneven_map(path):
    """Planes at odd distances; quadrupole and sextupole of 10 % at the side; an error of 1e-4 T."""
    rng = stream(3)
    z = np.concatenate([[-140.0], np.sort(rng.uniform(-139.5, 139.5, 300)), [140.0]])
    x, y = np.array([-16.0, -9, -4, -1, 1, 3, 8, 16]), np.array([-6.0, -2, 1, 6])
    field = 1e-4 * rng.standard_normal((len(z), 4, 8, 3))
    shape = 1.0 + 0.1 * (x / 16.0) + 0.1 * (x / 16.0) ** 2
    field[..., 1] -= profile(z)[0][:, None, None] * shape
    field[..., 0] -= profile(z)[0][:, None, None] * 0.1 / 16.0 * y[:, None]
    write_field_map(path, x, y, z, field)
    return str(path)


@pytest.mark.parametrize("write", [lambda p: write_map(p, order=2, dz=2.5), write_uneven_map])
@pytest.mark.parametrize("momentum", [160.0, 20.0])
def test_orbits_are_those_of_small_steps(tmp_path, write, momentum):
    """Steps of up to 25 cm against 0.25 cm: 0.03 um, and angles within 1e-5 of the bend.

    In the middle of the map too, where a slab may be cut. Against 0.05 cm it is five times less.
    """
    m = magnet(field_map=write(tmp_path / "m.csv"))
    flat = flat_map(m, -1.0)
    assert len(slices(m)) < 20
    rng = stream(4)
    states = rng.normal(0.0, 1.0, (4, 50)) * np.array([[2.0], [1.5], [2e-3], [2e-3]])
    k, bend = -1.0 / momentum, GEV_PER_T_CM * 140.0 / momentum
    half_way, end = finely(m.map, states, k, 150.0)
    for exact, length in ((half_way, 150.0), (end, 300.0)):
        got = np.array([orbit_kernel(flat, 0, tuple(s), 850.0, k, length) for s in states.T])
        assert got[:, 4].all()
        assert (np.abs(exact[2] - states[2]) > 0.4 * bend).all()
        np.testing.assert_allclose(got[:, 2:4], exact[2:].T, atol=1e-5 * bend, rtol=0)
        np.testing.assert_allclose(got[:, :2], exact[:2].T, atol=3e-6 * 160.0 / momentum, rtol=0)


def test_back_through_a_map_the_same_state_comes_out(tmp_path):
    """To rounding and the square of what a step gets wrong, down to 1 GeV."""
    flat = flat_map(magnet(field_map=write_uneven_map(tmp_path / "m.csv")), -1.0)
    for momentum, allowed in ((160.0, 1e-8), (5.0, 1e-5)):
        for x, y, tx, ty in ((0.3, -1.0, 1e-3, 2e-3), (8.0, 2.0, -3e-3, -4e-3)):
            there = orbit_kernel(flat, 0, (x, y, tx, ty), 850.0, -1.0 / momentum, 295.0)
            back = orbit_kernel(flat, 0, there[:4], 1145.0, -1.0 / momentum, -295.0)
            assert abs(there[2] - tx) > 0.01 * 5.0 / momentum
            np.testing.assert_allclose(back, (x, y, tx, ty, 1.0), atol=allowed, rtol=0)


def test_slabs_follow_the_map(tmp_path):
    """Long where the field is smooth, from plane to plane where it stops between two of them."""
    smooth = magnet(field_map=write_map(tmp_path / "a.csv", dz=0.5))
    cuts = np.array(slices(smooth))
    assert np.diff(cuts).max() == 25.0
    assert 12 <= len(cuts) <= 20
    assert {855.0, 900.0, 1100.0, 1145.0} <= set(cuts)
    for z in (0.3, 890.1, 1234.567):  # faces and planes that differ by rounding are one
        assert np.diff(slices(smooth.model_copy(update={"z": z}))).min() > 1.0
    z = np.array([-103.0, -100.5, -100.0, 100.0, 100.5, 103.0])
    b = np.zeros((6, 2, 2, 3))
    b[2:4, ..., 1] = -0.7
    sides = np.array([-16.0, 16.0]), np.array([-6.0, 6.0])
    write_field_map(tmp_path / "b.csv", *sides, z, b)
    sharp = magnet(field_map=str(tmp_path / "b.csv"))
    assert slices(sharp)[:3] == [897.0, 899.5, 900.0]
    got = orbit_kernel(flat_map(sharp, -1.0), 0, (0.0, 0.0, 0.0, 0.0), 897.0, -1 / 50.0, 206.0)
    sine = 0.299792458e-2 * 0.7 * 200.5 / 50.0
    assert got[2] == pytest.approx(-sine / math.sqrt(1.0 - sine**2), rel=1e-6)


def test_soft_particles_take_shorter_steps(tmp_path):
    """50 MeV in 0.7 T, a radius of 24 cm: the helix within 3e-5."""
    x, z = np.array([-60.0, 60.0]), np.linspace(-101.0, 101.0, 3)
    b = np.zeros((3, 2, 2, 3))
    b[..., 1] = -0.7
    write_field_map(tmp_path / "b.csv", x, x, z, b)
    flat = flat_map(magnet(field_map=str(tmp_path / "b.csv")), -1.0)
    p, length = 0.05, 15.0
    radius = p / (0.299792458e-2 * 0.7)
    got = orbit_kernel(flat, 0, (0.0, 0.0, 0.0, 0.0), 950.0, -1.0 / p, length)
    assert got[0] == pytest.approx(math.sqrt(radius**2 - length**2) - radius, rel=3e-5)
    turned = orbit_kernel(flat, 0, (0.0, 0.0, 0.0, 0.0), 950.0, -1.0 / p, 40.0)
    assert turned[4] == 0.0
    for k in (1e9, math.inf, math.nan):
        assert orbit_kernel(flat, 0, (0.0, 0.0, 0.0, 0.0), 950.0, k, 40.0)[4] == 0.0


def beam_of(n, rng):
    p = rng.uniform(20.0, 170.0, n)
    return BeamMuons(
        rng.normal(0, 0.9, n), rng.normal(0, 1.9, n), rng.normal(0, 1e-3, n),
        rng.normal(0, 1e-3, n), p, np.ones(n), 500.0, np.zeros(n, np.int64),
    )  # fmt: skip


def bare(experiment):
    """Planes and field only, in vacuum: what is left is the orbit."""
    document = experiment.to_dict()
    document["target"] |= {"material": "carbon", "thickness": "1 um", "z": "10 cm"}
    for key in ("length", "width", "height", "preshower"):
        document["target"].pop(key)
    del document["hall"]["material"]
    document["detector"]["calorimeter"] = []
    for item in document["detector"]["tracker"]:
        del item["material"], item["thickness"]
        item |= {"efficiency": "100 %", "resolution": "1 nm"}
    document["cuts"] = []
    from mutau.experiment.loader import from_document

    return from_document(document, experiment.name)


def test_simulation_and_fit_with_the_map_of_the_fringe_give_the_same(mapped):
    """Same muons through formula and map: hits within 3 um; both fits find the momentum.

    What is left are the 6 uniform slices that stand for each fringe of the formula.
    """
    beam = beam_of(500, stream(2))
    runs = [simulate_beam(bare(item), beam, stream(3)) for item in (FRINGED, mapped)]
    ok = runs[0].crossed.all(axis=1) & runs[1].crossed.all(axis=1)
    assert ok.sum() > 450
    np.testing.assert_allclose(runs[0].true_hit[ok], runs[1].true_hit[ok], atol=3e-4, rtol=0)
    for hits, item in zip(runs, (FRINGED, mapped), strict=True):
        fit = fit_hits(hits, bare(item))
        ratio = fit.momentum[ok] / hits.true_momentum[ok, 0]
        np.testing.assert_allclose(ratio, 1.0, atol=2e-4)


def test_without_the_fringe_the_fit_is_biased():
    """Hits of a fringed field fitted with a box: wrong by some 1e-3; with the fringe: right.

    Planes at 10 cm from either face stand inside the fringe of 15 cm.
    """
    beam = beam_of(300, stream(4))
    hits = simulate_beam(bare(FRINGED), beam, stream(5))
    ok = hits.crossed.all(axis=1)
    true = hits.true_momentum[ok, 0]
    wrong = np.median(fit_hits(hits, bare(NA64)).momentum[ok] / true) - 1.0
    right = np.median(fit_hits(hits, bare(FRINGED)).momentum[ok] / true) - 1.0
    assert abs(wrong) > 5e-4
    assert abs(right) < 1e-4


def test_the_fit_uses_the_field_off_the_axis(tmp_path, mapped):
    """A map whose field grows by 4 % towards the side: the momentum is right there too."""
    x, y, z = np.linspace(-16, 16, 9), np.array([-6.0, 6.0]), np.arange(-145.0, 145.1, 2.5)
    field = np.zeros((len(z), 2, len(x), 3))
    field[..., 1] = -profile(z)[0][:, None, None] * (1.0 + 0.04 * (x / 16.0) ** 2)
    write_field_map(tmp_path / "side.csv", x, y, z, field)
    side = bare(replace(mapped, f"{MS2}/field_map", str(tmp_path / "side.csv")))
    beam = beam_of(200, stream(6))
    n = len(beam)
    beam = BeamMuons(np.full(n, 10.0), beam.y, np.zeros(n), beam.slope_y, beam.momentum,
                     beam.weight, beam.z, beam.part)  # fmt: skip
    hits = simulate_beam(side, beam, stream(7))
    ok = hits.crossed.all(axis=1)
    points = hits.true_hit[ok]
    full = fit_tracks(points, None, build_arm(side)).momentum / hits.true_momentum[ok, 0]
    axis = fit_tracks(points, None, build_arm(side, on_axis=True)).momentum
    assert np.median(axis / hits.true_momentum[ok, 0]) < 0.99
    np.testing.assert_allclose(full, 1.0, atol=1e-3)


def test_the_trigger_sees_the_map(mapped):
    """Fast mode with formula and map: the same muons of the same stream, the same answers."""
    rng = stream(8)
    n = 20_000
    p4 = np.zeros((n, 4))
    p4[:, 0] = rng.uniform(20.0, 80.0, n)
    p4[:, 3] = np.sqrt(p4[:, 0] ** 2 - M_MU**2)
    found = [
        trigger_efficiency(p4, None, item, stream(9), watch=("S4",)) for item in (FRINGED, mapped)
    ]
    assert found[0].efficiency > 0.1
    both = np.isfinite(found[0].hits["S4"][:, 0]) & np.isfinite(found[1].hits["S4"][:, 0])
    shift = found[0].hits["S4"][both] - found[1].hits["S4"][both]
    assert np.abs(shift).max() < 2e-3
    assert np.mean(found[0].passed != found[1].passed) < 1e-3
    box = trigger_efficiency(p4, None, NA64, stream(9))
    assert box.efficiency == pytest.approx(found[0].efficiency, abs=0.01)


def test_everything_through_the_map(mapped):
    """Matter, showers and all: the trigger rate and hits are those of the formula, statistically
    and, until the first difference in rounding, event by event."""
    one, other = (simulate_chunk(item, 3000, 4, 0) for item in (FRINGED, mapped))
    assert one.trigger.mean() == pytest.approx(other.trigger.mean(), abs=2e-3)
    same = one.crossed.all(axis=1) & other.crossed.all(axis=1)
    assert same.mean() > 0.6
    shift = np.median(one.true_hit[same][:, -1, 0]) - np.median(other.true_hit[same][:, -1, 0])
    assert abs(shift) < 0.1


def test_maps_do_not_reach_into_solids(plain_map):
    m = magnet(field_map=plain_map)
    with pytest.raises(MutauError, match="map of magnet 'M' reaches from 855 to 1145 cm, into"):
        slices(m, [(1140.0, 1200.0)])
    assert slices(m, [(1145.0, 1200.0)])[-1] == 1145.0


def test_digest_knows_what_a_map_holds(mapped, tmp_path):
    path = tmp_path / "copy.csv"
    path.write_text(Path(mapped.detector.magnet[0].field_map).read_text())
    assert replace(mapped, f"{MS2}/field_map", str(path)).digest == mapped.digest
    other = write_map(tmp_path / "other.csv", sign=-1.01)
    assert replace(mapped, f"{MS2}/field_map", other).digest != mapped.digest
    assert read_field_map(other).strongest == pytest.approx(1.01 * 0.7, rel=1e-3)
    assert build_readout(mapped).setup.field.size > build_readout(NA64).setup.field.size == 0
