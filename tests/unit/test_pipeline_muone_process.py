"""The process of muon on electron: benchmark counts, truth beside reconstruction, refusals."""

import json

import numpy as np
import pytest

import mutau
from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.analysis.yields import expected_yields
from mutau.experiment import load_experiment, replace
from mutau.models import LmuMinusLtau
from mutau.reactions.muon_electron import PAPER_CUTS
from mutau.signal import muon_electron as process
from mutau.signal.exposure import luminosity_on_electrons

N = 6000


@pytest.fixture(scope="module")
def muone():
    return load_experiment("muone")


def test_the_files_cuts_are_the_papers(muone):
    assert process.true_cuts(muone.cuts) == PAPER_CUTS
    assert luminosity_on_electrons(muone) == pytest.approx(15e3)


def test_luminosity_follows_from_muons_on_target(muone):
    text = muone.to_dict()
    del text["beam"]["luminosity"]
    from mutau.experiment.loader import from_document

    counted = from_document(text, "counted")
    # 5.06e14 muons x 40 x 1.5 cm x 4.94e23 electrons per cm^3 = 15 fb^-1
    assert luminosity_on_electrons(counted) == pytest.approx(15e3, rel=5e-3)
    tenth = replace(counted, "beam/particles", 5.06e13)
    assert luminosity_on_electrons(tenth) == pytest.approx(luminosity_on_electrons(counted) / 10.0)


@pytest.mark.compiled
@pytest.mark.parametrize(("mass", "coupling", "events"), [(0.01, 5e-4, 546), (0.1, 1e-3, 1073)])
def test_benchmarks_at_truth_level(muone, mass, coupling, events):
    """Independent exact calculation with alpha(0): about 546 and 1073 events."""
    result = expected_yields(LmuMinusLtau(mass=mass, coupling=coupling), muone, truth=True)
    assert result.total == pytest.approx(events, rel=2e-3)
    assert result.total_err < 1e-3 * result.total
    assert np.all(np.diff(result.signal) <= 0.0)


@pytest.mark.compiled
def test_reconstruction_takes_a_few_per_cent(muone):
    model = LmuMinusLtau(mass=0.1, coupling=1e-3)
    truth = expected_yields(model, muone, truth=True).total
    measured = expected_yields(model, muone, n_events=N)
    assert 0.9 * truth < measured.total < truth  # electrons beside the calorimeter
    assert measured.total_err < 0.03 * measured.total
    assert measured.signal[0] == pytest.approx(
        expected_yields(model, muone, truth=True).signal[0], rel=1e-3
    )


@pytest.mark.compiled
def test_a_perfect_detector_gives_the_truth(muone):
    """Infinite calorimeter, no resolution, no material: reconstruction changes nothing."""
    perfect = replace(
        muone,
        {
            "detector/calorimeter[ECAL]/resolution": "0 %",
            "detector/calorimeter[ECAL]/resolution_constant": "0 %",
            "detector/calorimeter[ECAL]/width": "2.9 m",
            "detector/calorimeter[ECAL]/height": "2.9 m",
            "detector/calorimeter[ECAL]/z": "41.99 m",
            "detector/resolution/muon_angle": "0 mrad",
            "beam/divergence_x": "0 mrad",
            "beam/divergence_y": "0 mrad",
            "beam/spot_x": "0 cm",
            "beam/spot_y": "0 cm",
        },
    )
    model = LmuMinusLtau(mass=0.1, coupling=1e-3)
    measured = expected_yields(model, perfect, n_events=N)
    truth = expected_yields(model, perfect, truth=True).total
    assert measured.total == pytest.approx(truth, rel=0.02)


@pytest.mark.compiled
def test_limit_closes_and_stands_alone(muone):
    line = limit_curve(muone, [0.05, 0.1], settings=Settings(n_events=N))
    alone = limit_curve(muone, [0.1], settings=Settings(n_events=N))
    assert line.coupling[1] == alone.coupling[0]
    at_limit = LmuMinusLtau(mass=0.1, coupling=float(alone.coupling[0]))
    assert expected_yields(at_limit, muone, n_events=N).total == pytest.approx(np.log(10), rel=1e-5)


@pytest.mark.compiled
def test_above_the_threshold_nothing_is_made(cli, tmp_path):
    found = cli("yields", "muone", "--mass", "0.35", "--coupling", "1e-3", "--json")
    assert found.code == 0
    answer = json.loads(found.out)
    assert answer["signal"] == 0.0
    assert "threshold" in answer["remark"]
    refused = cli("generate", "muone", "--mass", "0.35", "--coupling", "1e-3", "-o", "e.lhe")
    assert refused.code == 2
    assert "0.35" in refused.err
    assert not (tmp_path / "e.lhe").exists()
    line = json.loads(cli("limit", "muone", "--mass", "0.285", "--json").out)
    assert line["limits"][0]["coupling_upper_limit"] is None


@pytest.mark.compiled
def test_impossible_cuts_are_refused(muone):
    with pytest.raises(mutau.MutauError, match="above max"):
        replace(muone, {"cuts[1]/min": "30 GeV"})
    sideways = replace(muone, {"cuts[0]/min": "4.9 mrad"})  # above the largest muon angle
    result = expected_yields(LmuMinusLtau(mass=0.1, coupling=1e-3), sideways, truth=True)
    assert result.total == 0.0


def test_a_target_without_electrons_is_refused(muone):
    with pytest.raises(mutau.MutauError, match="thickness"):
        replace(muone, "target/thickness", "0 mm")


@pytest.mark.compiled
def test_events_lie_in_the_stations(muone):
    model = LmuMinusLtau(mass=0.1, coupling=1e-3)
    events = mutau.generate_events(model, muone, 400, seed=3)
    rows = events.p4.reshape(400, 5, 4)
    balance = rows[:, :2].sum(axis=1) - rows[:, 2:].sum(axis=1)
    assert np.abs(balance).max() < 1e-9 * 150.0
    place = (events.x4[::5, 3] - 100.0) % 100.0
    assert place.min() >= 0.0
    assert place.max() <= 1.5 + 1e-9
    produced = expected_yields(model, muone, truth=True).signal[0]
    assert events.weight[::5].sum() == pytest.approx(produced, rel=1e-3)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("process", "pb"), [("gamma", 3.785e4), ("zprime", 0.0715)], ids=["gamma", "zprime"]
)
def test_cross_sections_in_the_cuts(cli, process, pb):
    words = ["xsec", f"muon-electron-{process}", "--energy", "150", "--cuts", "muone", "--json"]
    if process == "zprime":
        words += ["--mass", "0.1", "--coupling", "1e-3"]
    answer = json.loads(cli(*words).out)
    assert answer["sigma_pb"] == pytest.approx(pb, rel=5e-3)
    assert answer["per"] == "electron"


@pytest.mark.compiled
def test_alpha_scheme(cli):
    words = ("xsec", "muon-electron-zprime", "--energy", "150", "--mass", "0.1", "--coupling",
             "1e-3", "--cuts", "muone", "--json")  # fmt: skip
    at_zero = json.loads(cli(*words).out)["sigma_pb"]
    fixed = json.loads(cli(*words, "--alpha-inverse", "127.9").out)["sigma_pb"]
    assert fixed / at_zero == pytest.approx((137.036 / 127.9) ** 2, rel=1e-5)


def test_infinite_cross_sections_say_what_to_do(cli):
    result = cli("xsec", "muon-electron-gamma", "--energy", "150")
    assert result.code == 2
    assert "infinite" in result.err
