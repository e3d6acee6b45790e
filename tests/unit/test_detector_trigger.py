"""The trigger's fast mode against straight lines, integrated orbits and covariances by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, UnknownName
from mutau.core.random import stream
from mutau.core.records import columns, zeros
from mutau.detector.fractions import weighted_fraction
from mutau.detector.geometry import build_geometry
from mutau.detector.readout import build_readout
from mutau.detector.trigger import beam_through, trigger_efficiency
from mutau.experiment import load_experiment, replace
from mutau.experiment.loader import from_document
from mutau.matter.materials import material
from mutau.matter.multiple_scattering import highland_angle
from mutau.matter.muon_energy_loss import mean_energy_after
from mutau.transport.matter_tables import matter_of
from mutau.transport.muon_matter import mean_step
from mutau.transport.orbits import dipole_kernel
from mutau.transport.particle import State
from mutau.transport.pieces import DIPOLE
from mutau.transport.walls import within

pytestmark = pytest.mark.compiled

WHY = {"because": "test"}


def set_up(counters=(), magnets=(), absorbers=(), **beam):
    """A thin carbon target (1 um: no scattering to speak of) and what is asked for."""
    box = {"width": "1 m", "height": "1 m"} | WHY
    return from_document(
        {
            "schema": 1,
            "name": "test",
            "source": "test",
            "beam": {"particle": "mu-", "energy": "100 GeV", "particles": 1.0} | beam | WHY,
            "target": {"material": "carbon", "thickness": "1 um", "z": "1 m"} | WHY,
            "detector": {
                "counter": [box | c for c in counters],
                "magnet": [box | m for m in magnets],
                "absorber": [box | a for a in absorbers],
            },
        },
        "test",
    )


def muons(energy, tx=0.0, ty=0.0, n=1):
    """(n, 4) momenta with the given slopes."""
    energy, tx, ty = (np.broadcast_to(np.asarray(v, float), n) for v in (energy, tx, ty))
    pz = np.sqrt((energy**2 - M_MU**2) / (1.0 + tx**2 + ty**2))
    return np.stack([energy, tx * pz, ty * pz, pz], axis=-1)


def counter(name, z, role="trigger", **more):
    return {"name": name, "z": z, "role": role} | more


def test_straight_lines_and_edges():
    """A counter of 20 cm at 10 m sees slopes below 10 mrad, a hole of 4 cm hides 2 mrad."""
    experiment = set_up(
        [counter("C", "11 m", width="20 cm", height="20 cm", hole_width="4 cm", hole_height="4 cm")]
    )
    tx = np.array([0.0, 1.9, 2.1, 9.9, 10.1, -9.9, -2.1, -10.1]) * 1e-3
    got = trigger_efficiency(muons(50.0, tx, n=8), None, experiment, stream(1), watch=("C",))
    assert got.passed.tolist() == [False, False, True, True, False, True, True, False]
    np.testing.assert_allclose(got.hits["C"][:, 0], 1000.0 * tx, atol=2e-2)
    assert (got.steps, got.efficiency) == (("target", "C"), 0.5)
    turned = muons(50.0, 0.0, tx, n=8)
    assert (trigger_efficiency(turned, None, experiment, stream(1)).passed == got.passed).all()


def test_a_veto_is_the_opposite_of_a_trigger():
    tx = np.linspace(-2e-2, 2e-2, 41)
    masks = [
        trigger_efficiency(
            muons(50.0, tx, n=41),
            None,
            set_up([counter("C", "11 m", role, width="20 cm", height="20 cm", x="3 cm")]),
            stream(1),
        ).passed
        for role in ("trigger", "veto", "monitor")
    ]
    assert (masks[0] == ~masks[1]).all()
    assert masks[2].all()
    assert 0 < masks[0].sum() < 41


def test_counters_before_the_target_see_the_beam():
    """Spot 1 cm: a counter of +-1 cm keeps erf(1/sqrt 2) of it; the efficiency is of those."""
    experiment = set_up(
        [counter("S", "50 cm", width="2 cm"), counter("T", "3 m", width="1 m")], spot_x="1 cm"
    )
    got = trigger_efficiency(muons(50.0, n=40_000), None, experiment, stream(2))
    assert got.beam_acceptance == pytest.approx(math.erf(math.sqrt(0.5)), abs=4 * got.beam_error)
    assert got.efficiency == 1.0
    np.testing.assert_allclose(got.kept, got.beam_acceptance, rtol=1e-12)
    # 2 mrad of divergence over the 50 cm between S and the target: 0.1 cm, added in quadrature
    wide = replace(experiment, {"beam/divergence_x": "20 mrad"})
    got = trigger_efficiency(muons(50.0, n=40_000), None, wide, stream(3))
    expected = math.erf(1.0 / math.hypot(1.0, 50.0 * 20e-3) / math.sqrt(2.0))
    assert got.beam_acceptance == pytest.approx(expected, abs=4 * got.beam_error)


def test_inefficient_counters():
    experiment = set_up(
        [counter("C", "2 m", efficiency=0.9), counter("V", "3 m", "veto", efficiency=0.75)]
    )
    got = trigger_efficiency(muons(50.0, n=20_000), None, experiment, stream(4))
    assert got.efficiency == pytest.approx(0.9 * 0.25, abs=4 * got.error)
    assert got.kept[1] == pytest.approx(0.9, abs=4 * got.kept_error[1])
    assert (got.crossed("V") == (got.crossed("C") & ~got.passed)).all()


def orbit(u, v, tu, tv, momentum, length, curve, steps=4000):
    """Lorentz force by Runge-Kutta steps in z: field along v, kick of `curve` GeV/cm towards +u."""

    def rate(s):
        # d(p)/ds = curve * (t_perp in the plane of bending), written for slopes
        root = math.sqrt(1.0 + s[2] ** 2 + s[3] ** 2)
        k = curve / momentum * root
        return np.array([s[2], s[3], k * (1.0 + s[2] ** 2), k * s[2] * s[3]])

    state, h = np.array([u, v, tu, tv]), length / steps
    for _ in range(steps):
        k1 = rate(state)
        k2 = rate(state + 0.5 * h * k1)
        k3 = rate(state + 0.5 * h * k2)
        k4 = rate(state + h * k3)
        state = state + h / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state


@pytest.mark.parametrize("momentum", [160.0, 80.0, 5.0, 0.9])
@pytest.mark.parametrize(("tu", "tv"), [(0.0, 0.0), (3e-3, -2e-3), (-0.2, 0.3)])
def test_the_dipole_is_the_integrated_orbit(momentum, tu, tv):
    """Uniform field 0.7 T over 2 m; 0.9 GeV turns by half a radian."""
    curve = 0.299792458e-2 * 0.7
    *got, fine = dipole_kernel(1.0, -2.0, tu, tv, momentum, 200.0, curve)
    assert fine == 1.0
    np.testing.assert_allclose(got, orbit(1.0, -2.0, tu, tv, momentum, 200.0, curve), rtol=1e-9)


def test_the_dipole_keeps_the_momentum_along_the_field_and_joins_up():
    curve = 0.299792458e-2 * 0.7
    once = dipole_kernel(0.0, 0.0, 0.1, 0.05, 2.0, 200.0, curve)
    half = dipole_kernel(0.0, 0.0, 0.1, 0.05, 2.0, 120.0, curve)
    np.testing.assert_allclose(dipole_kernel(*half[:4], 2.0, 80.0, curve), once, rtol=1e-12)

    def along(tu, tv):
        return tv / math.sqrt(1.0 + tu * tu + tv * tv)

    assert along(*once[2:4]) == pytest.approx(along(0.1, 0.05), rel=1e-12)
    assert dipole_kernel(0.0, 0.0, 0.0, 0.0, 0.4, 200.0, curve)[-1] == 0.0  # it curls up


def test_the_magnet_bends_to_the_side_the_file_says():
    magnet = {
        "name": "M",
        "z": "2 m",
        "length": "2 m",
        "field_integral": "1.4 T m",
        "bends_to": "-x",
    }
    far = counter("C", "14 m", "monitor")
    for side, axis, sign in (("-x", 0, -1), ("+x", 0, 1), ("+y", 1, 1), ("-y", 1, -1)):
        experiment = set_up([far], [magnet | {"bends_to": side}])
        got = trigger_efficiency(muons(80.0), None, experiment, stream(5), watch=("C",))
        # lever arm of 11 m from the middle of the magnet, angle 0.4197/80
        hit = got.hits["C"][0]
        assert hit[axis] == pytest.approx(sign * 1100.0 * 0.299792458 * 1.4 / 80.0, rel=1e-3)
        assert hit[1 - axis] == pytest.approx(0.0, abs=2e-2)


def test_a_muon_beside_the_gap_is_lost():
    magnet = {
        "name": "M",
        "z": "2 m",
        "length": "2 m",
        "width": "10 cm",
        "field_integral": "1.4 T m",
        "bends_to": "-x",
    }
    experiment = set_up([counter("C", "5 m", width="4 m", height="4 m")], [magnet])
    up = np.array([0.0, 0.16, 0.17])  # 48 and 51 cm where the gap of 1 m height ends
    got = trigger_efficiency(muons(50.0, 0.0, up, n=3), None, experiment, stream(6))
    assert got.passed.tolist() == [True, True, False]
    right = np.array([0.012, 0.02, 0.051])  # at the exit: 3.6 - 0.8, 6 - 0.8; entrance: 5.1 cm
    got = trigger_efficiency(muons(50.0, right, n=3), None, experiment, stream(6))
    assert got.passed.tolist() == [True, False, False]


def test_planes_inside_a_magnet_cut_it_in_pieces():
    geometry = build_geometry(load_experiment("na64mu"))
    pieces = geometry.setup.pieces
    magnet = pieces[pieces["kind"] == DIPOLE]
    np.testing.assert_allclose(magnet["z"], [890.0, 950.0, 1030.0])
    np.testing.assert_allclose(magnet["length"].sum(), 200.0)
    assert (np.diff(pieces["z"]) >= 0.0).all()


def test_a_target_is_as_long_as_the_file_says_in_both_modes():
    """40 X0 of NA64mu stand in 45 cm; what a muon keeps does not depend on how they are spread."""
    experiment = load_experiment("na64mu")
    assert experiment.target.length == 45.0
    kept = []
    for length in ("45 cm", "60 cm"):
        item = replace(experiment, "target/length", length)
        rows = [item.setup.pieces for item in (build_geometry(item), build_readout(item))]
        fast, full = ([row for row in pieces if row["target"]] for pieces in rows)
        for name in ("z", "length", "dense", "width"):
            assert [row[name] for row in fast] == [row[name] for row in full]
        got = beam_through(item, 2000, stream(3))
        kept.append(float(got.energy[got.energy > 0.0].mean()))
    assert kept[0] == pytest.approx(kept[1], rel=1e-4)


@pytest.mark.parametrize("mode", ["gaussian", "collisions"])
def test_a_slab_scatters_and_slows_down_as_its_material_says(mode):
    """10 X0 of iron at 20 GeV: mean loss, angle, and the covariance of angle and displacement."""
    iron = material("iron")
    length, n = 10.0 * iron.radiation_length_cm, 20_000
    table, muon = matter_of(iron, 0.0)[0], zeros(State, 1)
    width = float(highland_angle(1.0, iron, length, mass=0.0)) if mode == "gaussian" else -1.0
    rng, out = stream(7), np.empty((n, 5))
    for i in range(n):
        muon["x"], muon["y"], muon["tx"], muon["ty"], muon["energy"] = 1.0, -1.0, 0.01, 0.0, 20.0
        mean_step(rng, table, muon[0], length, 1.0, width)
        out[i] = columns(muon, "x", "y", "tx", "ty", "energy")[0]
    after = float(mean_energy_after(20.0, iron, length))
    np.testing.assert_allclose(20.0 - out[:, 4], 20.0 - after, rtol=5e-3)
    middle = math.sqrt(20.0 * after)
    theta = float(highland_angle(middle, iron, length))
    for axis, slope in ((0, 0.01), (1, 0.0)):
        angle = out[:, 2 + axis] - slope
        shift = out[:, axis] - (1.0 - 2.0 * axis) - length * slope
        low, high = np.quantile(angle, [0.1587, 0.8413])
        # Highland: 11 % on the core; the Gaussian mode: statistics of a quantile
        assert 0.5 * (high - low) == pytest.approx(theta, rel=0.03 if mode == "gaussian" else 0.06)
        if mode == "gaussian":
            scale = np.array([[1.0, length / 2], [length / 2, length**2 / 3]])
            np.testing.assert_allclose(np.cov(angle, shift) / theta**2, scale, rtol=0.04)
        assert np.corrcoef(angle, shift)[0, 1] == pytest.approx(math.sqrt(0.75), abs=0.03)


def test_a_slow_muon_stops():
    """1 m of iron costs about 1.2 GeV: 1 GeV stops in it, 3 GeV comes through."""
    wall = {"name": "W", "z": "2 m", "length": "1 m", "material": "iron"}
    experiment = set_up([counter("C", "4 m")], absorbers=[wall])
    got = trigger_efficiency(muons([1.0, 3.0], n=2), None, experiment, stream(8))
    assert got.passed.tolist() == [False, True]
    assert got.crossed("W").tolist() == [True, True]
    beside = replace(experiment, "detector/absorber[W]/x", "60 cm")
    assert trigger_efficiency(muons([1.0, 3.0], n=2), None, beside, stream(8)).passed.all()


def test_depth_shares_the_scattering_between_both_muons():
    """Behind 40 X0: variance of the slope is t/E0^2 + (1 - t)/E'^2 times that of the whole."""
    experiment = load_experiment("na64mu")
    flat = {f"beam/{key}": "0 mrad" for key in ("divergence_x", "divergence_y")}
    experiment = replace(experiment, flat)
    lead = material(experiment.target.material)
    length = experiment.target.thickness.cm(lead.radiation_length_cm)
    n = 40_000
    for share in (0.0, 0.25, 1.0):
        got = trigger_efficiency(
            muons(40.0, n=n),
            None,
            experiment,
            stream(9),
            depth=np.full(n, share),
            scattering="gaussian",
        )
        after = float(mean_energy_after(40.0, lead, (1.0 - share) * length))
        np.testing.assert_allclose(got.energy, after, rtol=2e-4)
        variance = 0.0
        if share < 1.0:
            scale = float(highland_angle(math.sqrt(40.0 * after), lead, (1 - share) * length))
            variance += scale**2
        if share > 0.0:
            variance += float(highland_angle(159.8, lead, share * length)) ** 2
        # 3 % of statistics (two planes), and 1 % for the interpolated width
        assert np.var(got.slopes) == pytest.approx(variance, rel=0.04)


def test_uniform_depth_is_the_default():
    experiment = load_experiment("na64mu")
    n = 30_000
    free = trigger_efficiency(muons(40.0, n=n), None, experiment, stream(10))
    spread = trigger_efficiency(
        muons(40.0, n=n), None, experiment, stream(11), depth=(np.arange(n) + 0.5) / n
    )
    error = math.hypot(free.error, spread.error)
    assert free.efficiency == pytest.approx(spread.efficiency, abs=4 * error)
    assert np.std(free.slopes) == pytest.approx(np.std(spread.slopes), rel=0.05)


def test_weights_and_their_error():
    assert weighted_fraction(20.0, 100.0, 20.0, 100.0) == (0.2, pytest.approx(0.04, rel=1e-12))
    assert weighted_fraction(0.0, 50.0, 0.0, 50.0) == (0.0, pytest.approx(0.02, rel=1e-12))
    w = np.array([1.0, 2.0, 3.0, 4.0])
    chosen = np.array([True, False, True, False])
    share, error = weighted_fraction(4.0, 10.0, 10.0, 30.0)
    assert share == 0.4
    assert error == pytest.approx(math.sqrt(np.sum(w**2 * (chosen - 0.4) ** 2)) / 10.0, rel=1e-12)
    with pytest.raises(MutauError, match="no event carries weight"):
        weighted_fraction(0.0, 0.0, 0.0, 0.0)
    experiment = set_up([counter("C", "11 m", width="20 cm")])
    slopes = np.array([0.0, 0.02, 0.001, 0.03])
    got = trigger_efficiency(muons(50.0, slopes, n=4), w, experiment, stream(1))
    assert (got.efficiency, got.error) == (0.4, pytest.approx(error, rel=1e-12))


def test_the_same_stream_gives_the_same_digits():
    experiment = load_experiment("na64mu")
    runs = [
        trigger_efficiency(muons(40.0, n=2000), None, experiment, stream(seed))
        for seed in (3, 3, 4)
    ]
    assert (runs[0].slopes == runs[1].slopes).all()
    assert (runs[0].passed == runs[1].passed).all()
    assert (runs[0].slopes != runs[2].slopes).any()


def test_wrong_input_is_refused():
    experiment, rng = load_experiment("na64mu"), stream(1)
    good = muons(40.0, n=3)
    with pytest.raises(MutauError, match=r"shape \(3,\)"):
        trigger_efficiency(good[:, 0], None, experiment, rng)
    with pytest.raises(MutauError, match="weights have shape"):
        trigger_efficiency(good, np.ones(2), experiment, rng)
    with pytest.raises(MutauError, match="not finite"):
        trigger_efficiency(good * np.nan, None, experiment, rng)
    with pytest.raises(MutauError, match="negative"):
        trigger_efficiency(good, -np.ones(3), experiment, rng)
    with pytest.raises(MutauError, match="one number per muon"):
        trigger_efficiency(good, None, experiment, rng, depth=[0.5, 2.0, 0.1])
    with pytest.raises(MutauError, match="no part of the geometry"):
        trigger_efficiency(good, None, experiment, rng, watch=("S5",))
    with pytest.raises(UnknownName, match="did you mean 'gaussian'"):
        trigger_efficiency(good, None, experiment, rng, scattering="gausian")
    with pytest.raises(UnknownName, match="did you mean 'VHCAL'"):
        trigger_efficiency(good, None, experiment, rng).crossed("VHCA")
    with pytest.raises(MutauError, match="stations = 40"):
        trigger_efficiency(good, None, load_experiment("muone"), rng)
    upstream = {"name": "M", "z": "10 cm", "length": "50 cm", "material": "iron"}
    with pytest.raises(MutauError, match="'M' stands before the target"):
        trigger_efficiency(good, None, set_up(absorbers=[upstream]), rng)


def test_a_muon_going_backwards_or_none_at_all():
    experiment = load_experiment("na64mu")
    p4 = muons(40.0, n=2)
    p4[0, 3] *= -1.0
    got = trigger_efficiency(p4, None, experiment, stream(1), depth=np.zeros(2))
    assert not got.passed[0]
    assert got.energy[0] == 0.0
    assert got.energy[1] > 38.0


def test_holes_and_areas_share_no_edge():
    geometry = build_geometry(load_experiment("na64mu"))
    pieces = geometry.setup.pieces
    (piece, *_) = pieces[pieces["name"] == geometry.index("VHCAL")]
    assert not within(5.9, 2.9, piece)  # hole of 12 x 6 cm
    assert within(6.1, 2.9, piece)
    assert within(5.9, 3.1, piece)
    assert within(24.9, -24.9, piece)
    assert not within(25.1, 0.0, piece)


def test_the_beam_goes_where_the_dipole_sends_it():
    experiment = load_experiment("na64mu")
    got = beam_through(experiment, 20_000, stream(1), watch=("MM6",))
    x = got.hits["MM6"][:, 0]
    x = x[np.isfinite(x)]
    bend = experiment.detector.magnet[0].deflection(160.0) * (1400.0 - 990.0)
    assert np.mean(x) == pytest.approx(-bend, abs=5 * np.std(x) / math.sqrt(len(x)))
