"""Transport of the track fit: the helix, its derivatives, and what two kinks stand for."""

import numpy as np
import pytest

from mutau.core.errors import MutauError
from mutau.core.units import GEV_PER_T_CM
from mutau.detector.tracking_geometry import build_arm
from mutau.detector.tracking_transport import bend_kernel
from mutau.experiment import load_experiment, replace
from mutau.peers.muon_propagation import along_z, cross_dipole

pytestmark = pytest.mark.compiled

NA64 = load_experiment("na64mu")


def helix(u, v, tu, tv, k, length, curve):
    """The helix by its turning angle; works for complex numbers too."""
    p = 1.0 / k
    norm = np.sqrt(1.0 + tu * tu + tv * tv)
    across, along_v = p * np.sqrt(1.0 + tu * tu) / norm, p * tv / norm
    radius = across / curve
    begin = np.arcsin(tu / np.sqrt(1.0 + tu * tu))
    end = np.arcsin(np.sin(begin) + length / radius)
    turn = end - begin
    shift = radius * (np.cos(begin) - np.cos(end))
    return (
        u + shift,
        v + radius * turn * along_v / across,
        np.tan(end),
        along_v / (across * np.cos(end)),
    )


@pytest.mark.parametrize("momentum", [160.0, 20.0, 6.0, 2.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_helix_and_its_derivatives(momentum, sign):
    state = np.array([0.3, -1.2, 0.02, -0.05, sign / momentum])
    length, curve = 200.0, GEV_PER_T_CM * 0.7
    jac = np.zeros((4, 3))
    got, ok = bend_kernel(tuple(state[:4]), state[4], length, curve, jac)
    assert ok
    np.testing.assert_allclose(got, helix(*state, length, curve), rtol=2e-12)
    for column, index in enumerate((2, 3, 4)):
        step = np.zeros(5, complex)
        step[index] = 1e-30j
        exact = np.imag(helix(*(state + step), length, curve)) / 1e-30
        np.testing.assert_allclose(jac[:, column], exact, rtol=1e-10, atol=1e-12)


def test_agrees_with_the_transport_of_the_simulation():
    muons = along_z(np.hypot(40.0, 0.1056583755), 1, charge=-1.0)
    muons.p4[0, 1:] = 40.0 * np.array([0.03, -0.02, np.sqrt(1 - 0.0013)])
    out = cross_dipole(muons, -0.7, 0.0, 200.0, "y")
    tx, ty = muons.slopes[0]
    curve = GEV_PER_T_CM * -0.7 * -1.0  # a field +y bends a positive muon to -x
    got, _ = bend_kernel((0.0, 0.0, tx, ty), -1 / 40.0, 200.0, curve, np.zeros((4, 3)))
    np.testing.assert_allclose(got[:2], out.x4[0, 1:3], rtol=1e-11)
    np.testing.assert_allclose(got[2:4], out.slopes[0], rtol=1e-11)


def test_too_slow_a_track_does_not_cross():
    at_rest = (0.0, 0.0, 0.0, 0.0)
    assert not bend_kernel(at_rest, 1 / 0.4, 200.0, 2.1e-3, np.zeros((4, 3)))[1]


def test_field_integral_and_planes_survive_the_cutting_into_steps():
    arm = build_arm(NA64)
    assert arm.field_integral == pytest.approx((140.0, 0.0))  # bends to -x for charge -1
    assert arm.steps["length"].sum() == pytest.approx(arm.z[-1] - arm.z[0])
    assert list(arm.steps["plane"][arm.steps["plane"] >= 0]) == [0, 1, 2, 3, 4, 5]
    fringed = build_arm(replace(NA64, "detector/magnet[MS2]/fringe", "15 cm"))
    assert fringed.field_integral == pytest.approx((140.0, 0.0))
    turned = build_arm(replace(NA64, "detector/magnet[MS2]/bends_to", "+y"))
    assert turned.field_integral == pytest.approx((0.0, -140.0))
    assert set(turned.steps["axis"][turned.steps["curve"] != 0.0]) == {1}


def test_two_kinks_have_the_covariance_of_the_whole_air():
    """Between planes at 580 and 730 cm: integrals of (z - z')^n over the air, plus the plane."""
    arm = build_arm(NA64)
    gap = arm.steps[:3]
    reach = 150.0 - np.cumsum(gap["length"])
    x0 = {item.material.name: item.material.radiation_length_cm for item in arm.matter}
    log = 1.0 + 0.038 * np.log(arm.depth / (1.0 - (0.1056583755 / 160.0) ** 2))
    unit = (13.6e-3 * log) ** 2
    plane = 0.5 / x0["argon-co2"]
    for power, integral in ((0, 150.0), (1, 150.0**2 / 2), (2, 150.0**3 / 3)):
        want = unit * (integral / x0["air"] + plane * 150.0**power)
        have = gap["power"][:2] @ reach[:2] ** power
        assert have == pytest.approx(want, rel=1e-12)
    assert np.all(arm.steps["power"] >= 0.0)


def test_matter_in_the_way_is_counted_and_a_hole_is_not():
    wall = {
        "name": "wall", "z": "12.0 m", "width": "50 cm", "height": "50 cm", "length": "5 cm",
        "material": "aluminium", "because": "a test",
    }  # fmt: skip
    blocked = replace(NA64, "detector/absorber", [wall])
    open_ = replace(
        NA64, "detector/absorber", [wall | {"hole_width": "30 cm", "hole_height": "20 cm"}]
    )
    air = build_arm(NA64).depth
    assert build_arm(blocked).depth == pytest.approx(air + 5 / 8.897 - 5 / 30390, rel=2e-3)
    assert build_arm(open_).depth == pytest.approx(air)


def test_arms_that_cannot_be_fitted_are_refused():
    with pytest.raises(MutauError, match="0 planes"):
        build_arm(NA64, "incoming")
    with pytest.raises(MutauError, match="same z"):
        build_arm(  # side by side: no overlap, and still no arm
            replace(NA64, {"detector/tracker[MM2]/z": "5.8 m", "detector/tracker[MM2]/x": "40 cm"})
        )
    with pytest.raises(MutauError, match="target stands between"):
        build_arm(replace(NA64, "detector/tracker[MM1]/z", "3.0 m"))
