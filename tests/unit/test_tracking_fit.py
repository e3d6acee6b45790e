"""The track fit against an independent dense fit, its limits and its symmetries."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from mutau.core.errors import MutauError, OutOfRange
from mutau.detector.tracking import (
    FITTED,
    NOT_MEASURED,
    TOO_FEW_HITS,
    TOO_MANY_WAYS,
    choose_hits,
    expected_covariance,
    fit_hits,
    fit_tracks,
    gather_hits,
)
from mutau.detector.tracking_geometry import (
    build_arm,
)
from mutau.experiment import load_experiment, replace

pytestmark = pytest.mark.compiled

NA64 = load_experiment("na64mu")
M_MU = 0.1056583755


@cache
def the_arm():
    """NA64mu's arm; made when a test wants it, since it calls kernels."""
    return build_arm(NA64)


def trace(state, kinks, steps):
    """Positions at the planes of a track with kinks; complex numbers welcome, own helix."""
    x, y, tx, ty, k = state
    out = []
    for row, kink in zip(steps, kinks, strict=True):
        length, curve = row.length, row.curve
        if curve == 0.0:
            x, y = x + length * tx, y + length * ty
        else:
            u, v, tu, tv = (x, y, tx, ty) if row.axis == 0 else (y, x, ty, tx)
            norm = np.sqrt(1 + tu * tu + tv * tv)
            radius = np.sqrt(1 + tu * tu) / (norm * k * curve)
            begin = np.arctan(tu)
            end = np.arcsin(np.sin(begin) + length / radius)
            v = v + radius * (end - begin) * tv / np.sqrt(1 + tu * tu)
            u = u + radius * (np.cos(begin) - np.cos(end))
            tv = tv / np.sqrt(1 + tu * tu) / np.cos(end)
            tu = np.tan(end)
            x, y, tx, ty = (u, v, tu, tv) if row.axis == 0 else (v, u, tv, tu)
        if row.plane >= 0:
            out += [x, y]
        tx, ty = tx + kink[0], ty + kink[1]
        p = 1.0 / np.sqrt(k * k) - row.loss
        k = np.sign(k.real) / p
    return np.array(out)


def derivatives(state, steps):
    """d(positions)/d(state) and d/d(kinks) by complex steps."""
    none = np.zeros((len(steps), 2))
    jac, kinks = [], []
    for i in range(5):
        step = np.zeros(5, complex)
        step[i] = 1e-40j
        jac.append(trace(state + step, none, steps).imag / 1e-40)
    for i in range(len(steps)):
        for j in range(2):
            moved = none.astype(complex)
            moved[i, j] = 1e-40j
            kinks.append(trace(state + 0j, moved, steps).imag / 1e-40)
    return np.array(jac).T, np.array(kinks).T


def dense_fit(points, present, arm, start):
    """Global least squares: one covariance matrix of all measurements, normal equations."""
    rows = np.repeat(present, 2)
    state, steps = np.array(start, float), arm.steps
    for _ in range(9):
        jac, kinks = derivatives(state, steps)
        p = 1 / abs(state[4])
        variance = np.repeat(steps["power"] * (p * p + M_MU**2) / p**4, 2)
        cov = np.diag(np.repeat(arm.resolution**2, 2)) + (kinks * variance) @ kinks.T
        rest = points.ravel() - trace(state + 0j, np.zeros((len(steps), 2)), steps).real
        weight = np.linalg.inv(cov[np.ix_(rows, rows)])
        a, rest = jac[rows], rest[rows]
        normal = a.T @ weight @ a
        size = 1 / np.sqrt(np.diag(normal))
        inverse = size[:, None] * np.linalg.inv(normal * np.outer(size, size)) * size
        d = inverse @ (a.T @ weight @ rest)
        chi2 = rest @ weight @ rest - d @ normal @ d
        state = state + d
    return state, inverse, chi2


def tracks(arm, n, momentum, seed, noise=True):
    """Tracks with Gaussian kinks and hits from the arm's own steps (see validation for others)."""
    rng = np.random.default_rng(seed)
    state = np.column_stack([
        rng.normal(0, 1.0, n), rng.normal(0, 1.5, n), rng.normal(0, 1e-3, n),
        rng.normal(0, 1e-3, n), np.full(n, arm.charge / momentum),
    ])  # fmt: skip
    sigma = np.sqrt(arm.steps["power"]) / momentum
    points = []
    for row in state:
        kinks = rng.standard_normal((len(arm.steps), 2)) * sigma[:, None] * noise
        points.append(trace(row + 0j, kinks, arm.steps).real.reshape(-1, 2))
    points = np.array(points)
    return state, points + noise * arm.resolution[:, None] * rng.standard_normal(points.shape)


@pytest.mark.parametrize("momentum", [160.0, 15.0])
@pytest.mark.parametrize("bends_to", ["-x", "+y"])
def test_equals_the_dense_global_fit(momentum, bends_to):
    arm = build_arm(replace(NA64, "detector/magnet[MS2]/bends_to", bends_to))
    _, points = tracks(arm, 6, momentum, 1)
    present = np.ones((6, 6), bool)
    present[1, 2] = present[2, 0] = present[3, 5] = present[3, 1] = False
    fit = fit_tracks(points, present, arm, iterations=9)
    for i in range(6):
        first, second = np.flatnonzero(present[i])[:2]
        slope = (points[i, second] - points[i, first]) / (arm.z[second] - arm.z[first])
        start = [*(points[i, first] + (arm.z[0] - arm.z[first]) * slope), *slope, -0.01]
        state, cov, chi2 = dense_fit(points[i], present[i], arm, start)
        sigma = np.sqrt(np.diag(cov))
        np.testing.assert_allclose(fit.state[i] / sigma, state / sigma, rtol=0, atol=1e-8)
        np.testing.assert_allclose(fit.covariance[i], cov, rtol=1e-7)
        assert fit.chi2[i] == pytest.approx(chi2, rel=1e-8)
        assert fit.ndf[i] == 2 * present[i].sum() - 5


def test_two_iterations_are_enough():
    _, points = tracks(the_arm(), 200, 10.0, 2)
    two, many = (
        fit_tracks(points, None, the_arm()),
        fit_tracks(points, None, the_arm(), iterations=6),
    )
    sigma = np.sqrt(np.diagonal(many.covariance, axis1=1, axis2=2))
    assert np.max(np.abs(two.state - many.state) / sigma) < 3e-2
    assert np.median(np.abs(two.state - many.state) / sigma) < 1e-3


@pytest.mark.parametrize("momentum", [160.0, 30.0, 5.0])
def test_perfect_hits_give_back_the_track(momentum):
    truth, points = tracks(the_arm(), 5, momentum, 3, noise=False)
    fit = fit_tracks(points, None, the_arm(), iterations=5)
    np.testing.assert_allclose(fit.state, truth, rtol=1e-9, atol=1e-12)
    assert np.all(fit.chi2 < 1e-9)
    np.testing.assert_allclose(fit.momentum, momentum, rtol=1e-9)
    assert np.all(fit.charge == -1)


def test_a_positive_track_bends_the_other_way():
    _, points = tracks(the_arm(), 3, 50.0, 4)
    points[:, :, 1] *= 0.0
    points[:, :, 0] -= points[:, :1, 0]
    minus, plus = fit_tracks(points, None, the_arm()), fit_tracks(-points, None, the_arm())
    np.testing.assert_allclose(plus.state[:, 4], -minus.state[:, 4], rtol=1e-12)
    assert np.all(plus.charge == 1)


def test_does_not_depend_on_the_frame():
    """Shift the set-up along x and z; turn it by a quarter about the beam."""
    _, points = tracks(the_arm(), 4, 80.0, 5)
    here = fit_tracks(points, None, the_arm())
    shifted = fit_tracks(points + np.array([3.0, -2.0]), None, the_arm())
    np.testing.assert_allclose(shifted.state[:, 2:], here.state[:, 2:], rtol=1e-10)
    np.testing.assert_allclose(shifted.state[:, :2], here.state[:, :2] + np.array([3.0, -2.0]))
    turned_arm = build_arm(replace(NA64, "detector/magnet[MS2]/bends_to", "+y"))
    turned = fit_tracks(np.stack([points[..., 1], -points[..., 0]], axis=-1), None, turned_arm)
    np.testing.assert_allclose(turned.state[:, 4], here.state[:, 4], rtol=1e-10)
    np.testing.assert_allclose(turned.chi2, here.chi2, rtol=1e-7)


def test_without_field_it_is_a_straight_line():
    """Field off limit: held momentum, no scattering left at 1e12 GeV, numpy.polyfit."""
    weak = build_arm(replace(NA64, "detector/magnet[MS2]/field_integral", "0.001 T m"))
    rng = np.random.default_rng(6)
    points = 0.01 * rng.standard_normal((3, 6, 2)) + 1e-3 * weak.z[:, None]
    fit = fit_tracks(points, None, weak, momentum=1e12)
    for i in range(3):
        for axis in range(2):
            slope, value = np.polyfit(weak.z - weak.z[0], points[i, :, axis], 1)
            assert fit.state[i, 2 + axis] == pytest.approx(slope, rel=1e-9)
            assert fit.state[i, axis] == pytest.approx(value, rel=1e-9)
    free = fit_tracks(points, None, weak)
    assert np.all(free.covariance[:, 4, 4] > 0.03)  # (1/GeV)^2, against 1/160
    assert np.all(fit.covariance[:, 4, 4] == 0.0)
    assert np.all(fit.ndf == free.ndf + 1)
    np.testing.assert_allclose(fit.position(580.0), fit.state[:, :2])


def test_error_grows_as_the_inverse_field():
    weak = build_arm(replace(NA64, "detector/magnet[MS2]/field_integral", "0.014 T m"))
    ratio = expected_covariance(weak, 160.0)[4, 4] / expected_covariance(the_arm(), 160.0)[4, 4]
    assert ratio == pytest.approx(1e4, rel=1e-4)


def test_a_wrong_hit_is_found_and_left_out():
    _, points = tracks(the_arm(), 300, 160.0, 7)
    clean = fit_tracks(points, None, the_arm())
    spoiled = points.copy()
    spoiled[np.arange(300), np.arange(300) % 6, 0] += 0.5
    kept = fit_tracks(spoiled, None, the_arm())
    fit = fit_tracks(spoiled, None, the_arm(), max_removed=1)
    assert np.all(kept.p_value < 1e-6)
    assert np.all(fit.removed == 1)
    assert not fit.used[np.arange(300), np.arange(300) % 6].any()
    assert np.median(np.abs(fit.momentum - clean.momentum)) < 5.0
    lost = np.ones((300, 6), bool)
    lost[np.arange(300), np.arange(300) % 6] = False
    np.testing.assert_allclose(fit.state, fit_tracks(points, lost, the_arm()).state, rtol=1e-9)
    untouched = fit_tracks(points, None, the_arm(), max_removed=2, p_value=1e-9)
    np.testing.assert_array_equal(untouched.state, clean.state)


def test_of_several_hits_the_right_ones_are_chosen():
    rng = np.random.default_rng(8)
    _, points = tracks(the_arm(), 100, 160.0, 8)
    several = np.zeros((100, 6, 3, 2))
    count = rng.integers(1, 4, (100, 6))
    count[:, 4] = rng.integers(0, 2, 100)
    several += points[:, :, None] + rng.uniform(0.3, 3.0, several.shape)
    truth = np.where(count > 0, rng.integers(0, 3, (100, 6)) % np.maximum(count, 1), -1)
    rows, planes = np.nonzero(truth >= 0)
    several[rows, planes, truth[rows, planes]] = points[rows, planes]
    fit, choice = choose_hits(several, count, the_arm())
    assert np.mean(np.all(choice == truth, axis=1)) > 0.97
    good = np.all(choice == truth, axis=1)
    alone = fit_tracks(points, truth >= 0, the_arm())
    np.testing.assert_allclose(fit.state[good], alone.state[good], rtol=1e-12)
    assert np.all(fit.chi2 <= alone.chi2 + 1e-9)
    crowded, picked = choose_hits(np.zeros((1, 6, 5, 2)), np.full((1, 6), 5), the_arm())
    assert crowded.flag[0] == TOO_MANY_WAYS
    assert np.all(picked == -1)


def test_hits_that_do_not_fix_the_track():
    _, points = tracks(the_arm(), 4, 160.0, 9)
    present = np.ones((4, 6), bool)
    present[0, 1:] = False  # one hit
    present[1, 3:] = False  # nothing behind the magnet
    present[2, 2:] = False  # two hits
    fit = fit_tracks(points, present, the_arm())
    assert fit.flag.tolist() == [TOO_FEW_HITS, NOT_MEASURED, TOO_FEW_HITS, FITTED]
    for values in (fit.state, fit.covariance, fit.chi2, fit.momentum, fit.p_value):
        assert np.all(values[:3] == 0.0)
        assert np.all(np.isfinite(values))
    assert fit.ok.tolist() == [False, False, False, True]


def test_bad_input_is_refused():
    good = np.zeros((2, 6, 2))
    with pytest.raises(MutauError, match="shape"):
        fit_tracks(np.zeros((2, 5, 2)), None, the_arm())
    with pytest.raises(MutauError, match="present has shape"):
        fit_tracks(good, np.ones((3, 6), bool), the_arm())
    broken = good.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(MutauError, match="not finite"):
        fit_tracks(broken, None, the_arm())
    hidden = np.ones((2, 6), bool)
    hidden[0, 0] = False
    assert len(fit_tracks(broken, hidden, the_arm())) == 2
    with pytest.raises(OutOfRange):
        fit_tracks(good, None, the_arm(), iterations=1)
    with pytest.raises(OutOfRange):
        fit_tracks(good, None, the_arm(), p_value=0.0)
    with pytest.raises(OutOfRange):
        fit_tracks(good, None, the_arm(), momentum=-3.0)
    with pytest.raises(MutauError, match="count"):
        choose_hits(np.zeros((1, 6, 2, 2)), np.full((1, 6), 3), the_arm())
    with pytest.raises(OutOfRange):
        expected_covariance(the_arm(), 0.3)
    with pytest.raises(OutOfRange):
        expected_covariance(the_arm(), 0.0)


def test_hits_of_a_simulation_are_gathered_without_their_truth():
    """Two planes with one extra hit each, a plane without the muon; other planes are ignored."""
    _, points = tracks(the_arm(), 2, 160.0, 10)
    columns = np.zeros((2, 7, 2))
    columns[:, 1:] = points
    seen = np.ones((2, 7), bool)
    seen[1, 3] = False
    hits = LikeHits(
        planes=("other", *the_arm().names), hit=columns, seen=seen,
        extra_event=np.array([0, 0, 1]), extra_plane=np.array([0, 2, 3]),
        extra_hit=np.array([[9.0, 9.0], [5.0, 5.0], [7.0, 7.0]]),
    )  # fmt: skip
    gathered, count = gather_hits(hits, the_arm())
    assert count.tolist() == [[1, 2, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]]
    np.testing.assert_array_equal(gathered[0, 1, :2], [points[0, 1], [5.0, 5.0]])
    np.testing.assert_array_equal(gathered[1, 2, 0], [7.0, 7.0])
    fit = fit_hits(hits, NA64)
    np.testing.assert_allclose(fit.state[0], fit_tracks(points[:1], None, the_arm()).state[0])
    assert fit.p_value[1] < 1e-6  # the muon is missing, the other hit far away
    assert fit_hits(hits, NA64, max_removed=1).used[1].tolist() == [True, True, False] + [True] * 3
    with pytest.raises(MutauError, match="MM1"):
        gather_hits(LikeHits(**(vars(hits) | {"planes": ("a",) * 7})), the_arm())


def test_an_upstream_arm_is_fitted_by_the_same_means():
    """Five planes and a dipole of 0.5 T m before the target; the outgoing arm does not notice."""
    plane = NA64.to_dict()["detector"]["tracker"][0] | {"arm": "incoming"}
    magnet = NA64.to_dict()["detector"]["magnet"][0] | {
        "name": "MS1", "z": "1.4 m", "length": "80 cm", "field_integral": "0.5 T m",
        "bends_to": "+x",
    }  # fmt: skip
    before = [
        plane | {"name": f"UP{i}", "z": f"{z} m"} for i, z in enumerate((0.6, 1.2, 2.6, 3.2, 3.8))
    ]
    document = NA64.to_dict()["detector"]
    both = replace(
        NA64,
        {
            "detector/tracker": [*document["tracker"], *before],
            "detector/magnet": [*document["magnet"], magnet],
        },
    )
    arm = build_arm(both, "incoming")
    assert arm.field_integral == pytest.approx((-50.0, 0.0))
    np.testing.assert_array_equal(build_arm(both).steps, the_arm().steps)
    truth, points = tracks(arm, 400, 160.0, 11)
    fit = fit_tracks(points, None, arm)
    pull = (fit.state - truth) / np.sqrt(np.diagonal(fit.covariance, axis1=1, axis2=2))
    assert np.all(np.abs(pull.mean(axis=0)) < 4.0 / 20.0)
    np.testing.assert_allclose(pull.std(axis=0), 1.0, atol=0.15)
    stated = 160.0 * np.sqrt(expected_covariance(arm, 160.0)[4, 4])
    assert 0.1 < stated < 0.3  # a short arm and a weak field


class LikeHits(SimpleNamespace):
    """The fields of `Hits` that the track fit reads."""

    def __len__(self):
        return len(self.hit)
