"""The same hits fitted by ACTS (extra `peers`), and what carries our arm into its terms."""

import math
import subprocess
import sys

import numpy as np
import pytest

from mutau.core.random import stream
from mutau.detector.tracking import fit_tracks
from mutau.detector.tracking_geometry import build_arm
from mutau.experiment import load_experiment
from mutau.peers import CROSSCHECKS, crosscheck_result, load_crosschecks
from mutau.peers.acts_telescope import slab_depth, surfaces_of, without_losses
from mutau.peers.acts_tracks import first_guess, throw_hits, to_ours


@pytest.fixture(scope="module")
def arm():
    return without_losses(build_arm(load_experiment("na64mu")))


def test_a_slab_scatters_as_asked():
    """0.01 radiation lengths: 13.6 MeV sqrt(0.01) (1 + 0.038 ln 0.01) = 1.1222 MeV."""
    angle = 13.6e-3 * 0.1 * (1.0 - 0.038 * 4.605170186)
    assert slab_depth(angle**2) == pytest.approx(0.01, rel=1e-9)
    assert slab_depth(0.0) == 0.0


@pytest.mark.compiled
def test_surfaces_hold_planes_scatterers_and_edges(arm):
    """Six planes, five kinks between them, and two surfaces about each face of the dipole.

    Planes at 0, 150, 300, 520, 670, 820 cm; the dipole from 310 to 510 cm behind the first.
    """
    found = surfaces_of(arm)
    assert [place for place, plane, _ in found if plane >= 0] == pytest.approx(
        [0.0, 1500.0, 3000.0, 5200.0, 6700.0, 8200.0]
    )
    assert sum(power for _, _, power in found) == pytest.approx(arm.steps["power"].sum())
    empty = [place for place, plane, power in found if plane < 0 and power == 0.0]
    assert empty == pytest.approx([3099.4, 3100.6, 5099.4, 5100.6])
    assert np.all(arm.steps["loss"] == 0.0)


def test_parameters_turn_into_ours():
    """(-y, x, phi, theta) of one direction by hand, and the Jacobian by small steps."""
    slope = np.array([0.02, -0.03])
    phi = math.atan(slope[0])
    theta = math.pi / 2 - math.atan(slope[1] * math.cos(phi))
    values = np.array([[30.0, -20.0, phi, theta, -0.01, 0.0]])
    rng = np.random.default_rng(1)
    root = rng.standard_normal((6, 6)) * np.array([1.0, 1.0, 1e-3, 1e-3, 1e-3, 1.0])[:, None]
    spread = (root @ root.T)[None]
    state, covariance = to_ours(values, spread, 4.0)
    expected = [-2.0 + 4.0 * 0.02, -3.0 - 4.0 * 0.03, 0.02, -0.03, -0.01]
    np.testing.assert_allclose(state[0], expected, rtol=1e-12)
    jac = np.empty((5, 6))
    for i in range(6):
        shift = np.zeros(6)
        shift[i] = 1e-6
        up, down = (to_ours(values + sign * shift, spread, 4.0)[0][0] for sign in (1, -1))
        jac[:, i] = (up - down) / 2e-6
    np.testing.assert_allclose(covariance[0], jac @ spread[0] @ jac.T, rtol=1e-7, atol=1e-15)


@pytest.mark.compiled
def test_first_guess_finds_the_momentum(arm):
    """The bend of the thin lens, 2.6 mrad at 160 GeV, from two slopes of 94 urad each: 5 %."""
    for momentum in (20.0, 160.0):
        guess = first_guess(arm, throw_hits(arm, momentum, 400, stream(3)))
        assert np.median(guess.momentum) == pytest.approx(momentum, rel=0.02)


@pytest.mark.compiled
def test_thrown_hits_fit_with_the_right_chi2(arm):
    """chi2 of 7 degrees of freedom, mean 7 +- 0.12 of 1000 tracks, momentum without bias."""
    for momentum in (20.0, 160.0):
        fit = fit_tracks(throw_hits(arm, momentum, 1000, stream(4)), None, arm)
        assert fit.chi2.mean() == pytest.approx(7.0, abs=0.5)
        pull = (fit.state[:, 4] * arm.charge - 1.0 / momentum) / np.sqrt(fit.covariance[:, 4, 4])
        assert abs(pull.mean()) < 4.0 / math.sqrt(1000)
        assert pull.std() == pytest.approx(1.0, abs=0.09)


@pytest.mark.compiled
def test_acts_fits_the_same_tracks():
    """Within a few 1e-3 sigma: what is left is ACTS' first guess and its 32-bit chi2."""
    pytest.importorskip("acts.examples", reason="pip install 'mutau[peers]'")
    answer = crosscheck_result(["tracks"], effort=0.1)
    rows = {row["quantity"]: row for row in answer["rows"]}
    assert len(rows) == 36
    for momentum in (160, 20):
        at = f", {momentum} GeV"
        assert abs(rows[f"(1/p - 1/p of ACTS)/sigma, mean{at}"]["ours"]) < 3e-3
        assert rows[f"the same, width{at}"]["ours"] < 0.01
        for name in ("x", "y", "dx/dz", "dy/dz"):
            assert rows[f"largest difference in {name}/sigma{at}"]["ours"] < 0.1
            assert abs(rows[f"sigma of {name}, mean{at}"]["relative"]) < 2e-3
        assert abs(rows[f"sigma of 1/p, mean{at}"]["relative"]) < 2e-3
        assert abs(rows[f"correlation of dx/dz and 1/p{at}"]["relative"]) < 5e-3
        assert abs(rows[f"chi2, mean{at}"]["relative"]) < 2e-3
        for axis in "xy":
            assert rows[f"{axis} at the last plane, rms difference{at}"]["ours"] < 1.0
            assert abs(rows[f"sigma of {axis} carried to the last plane{at}"]["relative"]) < 1e-3


def test_registered_without_loading_acts_or_kernels():
    load_crosschecks()
    assert CROSSCHECKS["tracks"].peer == "ACTS"
    code = (
        "import sys; from mutau.peers import load_crosschecks; load_crosschecks();"
        "sys.exit(int('acts' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_skipped_with_a_reason_where_acts_is_missing(monkeypatch):
    load_crosschecks()
    monkeypatch.setattr("mutau.peers.find_spec", lambda name: None)
    (skipped,) = crosscheck_result(["tracks"])["skipped"]
    assert skipped["check"] == "tracks"
    assert "mutau[peers]" in skipped["reason"]
