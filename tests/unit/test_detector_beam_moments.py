"""A phase-space file stands for its moments where a beam is drawn from a description."""

import numpy as np
import pytest

from mutau.background.hadron_decays_tracks import beam_tracks
from mutau.background.momentum_sampling import spectrometer
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.detector.beam_moments import beam_note, described_beam
from mutau.detector.geometry import build_geometry
from mutau.experiment import load_experiment, replace

NA64MU = load_experiment("na64mu")
N = 40_000


def with_file(path, *, mean=160.0, spread=0.02, halo=0, spot_x=0.5, tilt=-0.6, places=True):
    """NA64mu with a beam of a file: Gaussians at the target's face, some halo 12 cm away."""
    rng, face = stream(7), NA64MU.target.z
    x = np.append(spot_x * rng.standard_normal(N), np.full(halo, 12.0))
    free = rng.standard_normal(N + halo)
    tx = 5e-4 * (tilt * x / spot_x + np.sqrt(1.0 - tilt**2) * free)
    y, ty = 1.5 * rng.standard_normal(N + halo), 3e-4 * rng.standard_normal(N + halo)
    p = mean * (1.0 + spread * rng.standard_normal(N + halo))
    pz = p / np.sqrt(1.0 + tx**2 + ty**2)
    columns = {"x_cm": x, "y_cm": y, "px_GeV": tx * pz, "py_GeV": ty * pz, "pz_GeV": pz}
    if places:
        columns["z_cm"] = np.full(N + halo, face)
    np.savetxt(path, np.column_stack(list(columns.values())), delimiter=",",
               header=",".join(columns), comments="")  # fmt: skip
    return replace(NA64MU, {"beam/parts": [], "beam/phase_space": str(path)})


def test_moments_are_those_of_what_was_drawn(tmp_path):
    item = with_file(tmp_path / "b.csv", halo=4000)
    beam = described_beam(item)
    assert beam.energy == 160.0
    assert beam.energy_spread == pytest.approx(0.02, rel=0.02)
    assert (beam.spot_x, beam.spot_y) == pytest.approx((0.5, 1.5), rel=0.02)
    assert beam.divergence_x == pytest.approx(5e-4, rel=0.02)
    assert beam.divergence_y == pytest.approx(3e-4, rel=0.02)
    assert beam.parts[0].correlation_x == pytest.approx(-0.6, abs=0.02)
    assert beam.parts[0].correlation_y == pytest.approx(0.0, abs=0.02)
    assert described_beam(NA64MU) is NA64MU.beam


@pytest.mark.compiled
def test_what_draws_a_beam_takes_it_from_the_file(tmp_path):
    item = with_file(tmp_path / "b.csv")
    geometry = build_geometry(item).beam
    assert geometry[0] == 160.0
    assert geometry[1:] == pytest.approx([0.5, 1.5, 5e-4, 3e-4], rel=0.02)
    tracks = beam_tracks(item, 40_000, stream(2))
    assert tracks.std(axis=0) == pytest.approx([0.5, 1.5, 5e-4, 3e-4], rel=0.03)
    assert np.corrcoef(tracks[:, 0], tracks[:, 2])[0, 1] == pytest.approx(-0.6, abs=0.02)
    spec = spectrometer(item)
    assert spec.spread == pytest.approx(0.02, rel=0.02)
    assert spec.beam[0] == pytest.approx(0.5, rel=0.02)
    assert "beam file" in beam_note(item)
    assert beam_note(NA64MU) == ""


def test_entrance_without_places(tmp_path):
    """Without z the particles start in front of everything and fly straight to the target."""
    at_face = described_beam(with_file(tmp_path / "a.csv"))
    far = described_beam(with_file(tmp_path / "b.csv", places=False))
    assert far.divergence_x == pytest.approx(at_face.divergence_x, rel=0.02)
    assert far.spot_y > 1.001 * at_face.spot_y


def test_another_momentum_is_refused(tmp_path):
    with pytest.raises(NotApplicable, match=r"150 GeV on the average.*state the file's mean"):
        described_beam(with_file(tmp_path / "b.csv", mean=150.0))
    assert described_beam(with_file(tmp_path / "c.csv", mean=158.0)).energy == 160.0
    # 100 GeV: nothing is left in the window from 140 to 180 GeV
    with pytest.raises(NotApplicable, match="no particle hits"):
        described_beam(with_file(tmp_path / "d.csv", mean=100.0))
