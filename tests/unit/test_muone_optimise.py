"""The optimiser of cuts: gains, honesty, files, refusals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mutau.analysis.limit import limit_curve
from mutau.analysis.muone_optimise import SOURCES_LEFT_OUT, optimise, optimum_to_dict
from mutau.analysis.muone_performance import Performance, counting_limit, suitable_method
from mutau.analysis.settings import Settings
from mutau.analysis.yields import expected_yields
from mutau.background.muone_samples import SAMPLED
from mutau.background.muone_sources import SAMPLED_ELASTIC
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.experiment import check_file, load_experiment, replace
from mutau.models import LmuMinusLtau, charge_table, charges_class

pytestmark = pytest.mark.compiled

N = 15_000
MODEL = LmuMinusLtau(mass=0.1, coupling=1e-3)
#: Sources with a true electron; without pairs, of which 1e-7 lose 15 GeV.
ELECTRONS = tuple(SAMPLED_ELASTIC)
VARIABLES = ("missing_energy", "missing_mass2")


@pytest.fixture(scope="module")
def spectrometer():
    """Without the cut on the missing energy: the search has to find it."""
    bundled = load_experiment("muone-spectrometer")
    return replace(bundled, "cuts", bundled.to_dict()["cuts"][:3])


@pytest.fixture(scope="module")
def found(spectrometer):
    return optimise(
        spectrometer, MODEL, variables=VARIABLES, sources=ELECTRONS,
        settings=Settings(n_events=N, seed=3),
    )  # fmt: skip


def test_double_scattering_goes_and_the_signal_stays(found):
    """1.6e7 events without missing energy go; the signal is cut in the missing mass alone."""
    assert found.before.backgrounds["double scattering"][0] > 1e7
    assert found.check.backgrounds["double scattering"][0] < 1.0
    assert 300.0 < found.check.signal < found.before.signal
    bounds = {cut.variable: (cut.min, cut.max) for cut in found.cuts}
    assert bounds["missing_energy"][0] > 5.0
    low, high = bounds["missing_mass2"]
    assert low < 0.01
    assert high is None or high > 0.01  # around (100 MeV)^2
    assert bounds["theta_mu"] == (1.5e-3, None)  # not asked for


def test_backgrounds_that_were_not_counted_are_named(found):
    """The set-up does not identify electrons: what that leaves out stands in the answer."""
    assert set(found.check.backgrounds) == set(ELECTRONS)
    assert found.meta[SOURCES_LEFT_OUT] == [name for name in SAMPLED if name not in ELECTRONS]


def test_the_limit_gains_and_the_check_samples_agree(found):
    assert found.limit_after[0] < 0.01 * found.limit_before[0]
    assert found.train.coupling <= found.before.coupling
    error = math.hypot(found.train.coupling_err, found.check.coupling_err)
    assert abs(found.train.coupling - found.check.coupling) < 4.0 * error
    assert found.limit_after[1] < 0.1 * found.limit_after[0]
    # 1.645 times the error of the background over the slope, for many events
    before = 1e-3 * math.sqrt(1.6449 * found.before.background_err / found.before.signal)
    assert found.limit_before[0] == pytest.approx(before, rel=0.03)


def test_the_tuned_experiment_is_a_file_that_gives_the_limit(found, tmp_path):
    path = tmp_path / "tuned.toml"
    path.write_text(found.experiment.to_toml(), encoding="utf-8")
    tuned = check_file(path)
    assert tuned == found.experiment
    assert tuned.name == "muone-spectrometer-tuned"
    stated = sum(item.expected for item in tuned.background)
    assert stated == pytest.approx(found.check.background)
    signal = expected_yields(MODEL, tuned, n_events=N)
    assert abs(signal.total - found.check.signal) < 4.0 * math.hypot(
        signal.total_err, found.check.signal_err
    )
    line = limit_curve(tuned, [0.1], settings=Settings(n_events=N))
    assert line.coupling[0] == pytest.approx(found.limit_after[0], rel=0.05)


def test_the_cut_flow_ends_at_the_result(found):
    flow = found.cutflow
    assert len(flow) == len(found.cuts) + 1
    assert flow[-1]["signal"] == pytest.approx(found.check.signal)
    for name in ("signal", *found.check.backgrounds):
        column = [row[name] for row in flow]
        assert np.all(np.diff(column) <= 0.0)
        if name != "signal":
            assert column[-1] == pytest.approx(found.check.backgrounds[name][0])


def test_the_seed_decides_everything(spectrometer):
    answers = [
        optimum_to_dict(
            optimise(
                spectrometer,
                MODEL,
                variables=("missing_energy",),
                sources=ELECTRONS,
                settings=Settings(n_events=3000, seed=s),
            )
        )
        for s in (3, 3, 4)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["samples"] != answers[2]["samples"]


def test_the_error_of_the_background_counts(spectrometer):
    """360 radiative events that no cut on the missing energy removes: 5 % or 100 % of error."""
    limits = [
        optimise(
            spectrometer,
            MODEL,
            variables=("missing_energy",),
            background_error=error,
            sources=ELECTRONS,
            settings=Settings(n_events=3000),
        ).limit_after[0]
        for error in (0.05, 1.0)
    ]
    assert limits[1] > 1.3 * limits[0]


def test_command_line(cli, tmp_path):
    words = ("optimise", "muone", "--mass", "0.1", "-n", "8000", "--variables",
             "theta_mu,electron_energy,inelasticity", "-o", "tuned.toml", "--json")  # fmt: skip
    result = cli(*words)
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    assert answer["coupling_upper_limit"] < 0.9 * answer["coupling_upper_limit_before"]
    assert answer["method_before"] == "asymptotic-cls"  # 2e9 events
    assert {f"background {name}" for name in SAMPLED} <= set(answer["samples"][0])
    assert SOURCES_LEFT_OUT not in answer
    assert [row["sample"] for row in answer["samples"]] == ["check", "search", "check"]
    assert cli("check", "tuned.toml").code == 0
    assert json.loads(cli("limit", "tuned.toml", "--mass", "0.1", "--json").out)["limits"]
    refused = cli("optimise", "muone", "--mass", "0.1", "--variables", "theta_mu,accoplanarity")
    assert refused.code == 2
    assert "did you mean 'acoplanarity'" in refused.err
    refused = cli("optimise", "muone", "--mass", "0.1", "--epsilon", "1e-3")
    assert refused.code == 2
    assert "--coupling" in refused.err


def test_bad_input_is_refused(spectrometer):
    muone = load_experiment("muone")
    with pytest.raises(MutauError, match=r"muon_momentum"):
        optimise(muone, MODEL, variables=("missing_energy",))
    with pytest.raises(UnknownName):
        optimise(muone, MODEL, variables=("photon_energy",))
    with pytest.raises(UnknownName, match="did you mean 'pile-up'"):
        optimise(muone, MODEL, sources=("pileup",))
    with pytest.raises(MutauError, match="each once"):
        optimise(muone, MODEL, variables=("theta_mu", "theta_mu"))
    with pytest.raises(MutauError, match="no weighted samples"):
        optimise(load_experiment("na64mu"), MODEL)
    with pytest.raises(OutOfRange, match="no signal"):
        optimise(muone, LmuMinusLtau(mass=0.295, coupling=1e-3), settings=Settings(n_events=N))


@pytest.mark.parametrize(
    ("stated", "background", "method"),
    [("events", 10.0, "bayes"), ("events", 1e6, "asymptotic-cls"), ("toys-cls", 10.0, "toys-cls"),
     ("asymptotic", 1e6, "asymptotic")],
)  # fmt: skip
def test_the_method_takes_backgrounds(stated, background, method):
    experiment = replace(load_experiment("muone"), "statistics/method", stated)
    assert suitable_method(experiment, background) == method


def test_a_model_of_charges_from_a_file_gives_the_limit_of_the_bundled_one():
    charges = {"mu": 1.0, "tau": -1.0, "numu": 1.0, "nutau": -1.0}
    mine = charges_class(
        charge_table({"schema": 1, "name": "mine", "source": "here", "charges": charges})
    ).at(0.1, 1e-3)
    found = Performance(10.0, 0.1, {}, 1e-3, 1e-5)
    ours, known = (counting_limit(found, model, 0.9, "bayes") for model in (mine, MODEL))
    assert ours == pytest.approx(known, rel=1e-6)
    # no background: 2.3026 events where ten come from 1e-3
    assert known[0] == pytest.approx(1e-3 * math.sqrt(0.23026), rel=1e-3)
