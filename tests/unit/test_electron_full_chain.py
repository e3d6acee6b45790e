"""The electron signal through every cut: shape at the energy seen, scale of the file, refusals."""

import json

import numpy as np
import pytest

from mutau.analysis.yields import expected_yields
from mutau.core.errors import MutauError
from mutau.detector.electron_calibration import SHAPES, _simulated, fractions_of, shape_at_energy
from mutau.experiment import load_experiment, replace
from mutau.models import build_model

pytestmark = pytest.mark.compiled

N = 300


@pytest.fixture(scope="module")
def light():
    model = build_model("lmu-ltau", 1e-3, 3e-4)
    return expected_yields(model, "na64e", full_chain=True, n_events=N)


def test_every_cut_of_the_file_is_a_step(light):
    cuts = load_experiment("na64e").cuts
    assert len(light.cuts) == 2 + len(cuts) + 1
    assert np.all(np.diff(light.signal) <= 0.0)
    assert light.meta["not_simulated"] == []


def test_the_window_is_that_of_the_fast_mode(light):
    model = build_model("lmu-ltau", 1e-3, 3e-4)
    fast = expected_yields(model, "na64e", n_events=N)
    assert light.signal[:2] == pytest.approx(fast.signal[:2], rel=1e-12)
    # a light boson leaves a shower that looks like an electron's: kappa of the file within a third
    assert light.total == pytest.approx(fast.total, rel=0.35)
    assert light.total_err < 0.2 * light.total


def test_the_file_gives_the_size_and_the_simulation_the_rest(light):
    """kappa twice as large doubles the yield and nothing else."""
    file = load_experiment("na64e")
    double = replace(file, {f"runs[{i}]/efficiency": "100 %" for i in range(2)})
    model = build_model("lmu-ltau", 1e-3, 3e-4)
    other = expected_yields(model, double, full_chain=True, n_events=N)
    assert other.total == pytest.approx(2.0 * light.total, rel=1e-9)
    assert other.signal[:-1] == pytest.approx(light.signal[:-1], rel=1e-9)
    scale = light.meta["calibration_efficiency"]
    assert light.signal[-1] / light.signal[-2] == pytest.approx(
        scale["stated"] / scale["simulated"]["value"]
    )


def test_a_looser_shape_keeps_all():
    file = replace(load_experiment("na64e"), "cuts[3]/max", 1e9)
    model = build_model("lmu-ltau", 1e-3, 3e-4)
    found = expected_yields(model, file, full_chain=True, n_events=N)
    (place,) = (i for i, name in enumerate(found.cuts) if "shower_chi2" in name)
    assert found.signal[place] == pytest.approx(found.signal[place - 1], rel=1e-12)


def test_electrons_of_any_energy_have_their_own_shape():
    """chi^2 of six fractions: mean 6 for electrons of the energies whose shape is known, whatever
    the energy; against the beam electron's shape a soft one would look wrong."""
    file = load_experiment("na64e")
    for part in SHAPES[1:3]:
        _, known, chi2 = _simulated("e-", file.target, 200, 3, part * file.beam.energy)
        assert chi2.mean() == pytest.approx(6.0, rel=0.25)
        assert known.mean.sum() > 0.0
    deposits = np.ones((2, 4, 4)) * np.array([1.0, 10.0])[:, None, None]
    assert fractions_of(deposits)[0] == pytest.approx(fractions_of(deposits)[1])
    assert shape_at_energy(file, deposits, 200, 3).shape == (2,)


def test_the_command_says_what_the_efficiency_is_made_of(cli):
    answer = json.loads(
        cli("yields", "na64e", "--mass", "1MeV", "--coupling", "3e-4", "--full-chain", "-n",
            str(N), "--json").out
    )  # fmt: skip
    assert set(answer["efficiency"]) == {"bremsstrahlung", "annihilation"}
    assert answer["calibration_efficiency"]["stated"] == 0.5
    assert answer["signal_by"] == "full simulation"


def test_a_target_that_sees_nothing_has_no_chain():
    model = build_model("lmu-ltau", 1e-2, 1e-3)
    with pytest.raises(MutauError, match="not active"):
        expected_yields(model, "ldmx-like", full_chain=True, n_events=N)
