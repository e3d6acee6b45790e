"""Cuts of any experiment, tuned: the toy background says by itself where the optimum lies."""

import pytest

import mutau
from mutau.analysis.optimise import FACTORS, optimise_cuts, optimised_to_dict
from mutau.analysis.settings import Settings
from mutau.background.choice import Computed, with_sources
from mutau.core.errors import MutauError
from mutau.experiment import load_experiment
from mutau.models import Family

pytestmark = pytest.mark.compiled

NA64 = load_experiment("na64mu")
POINT = Family().at(0.1, 1e-3)
NAME = "muon_energy_fraction"
QUICK = Settings(n_events=2000)


def highest(experiment) -> float:
    return next(cut.max for cut in experiment.cuts if cut.variable == NAME)


@pytest.fixture
def background(monkeypatch):
    """A background per particle as a function of the largest fraction of energy."""

    def install(law):
        def chosen(self, experiment):
            row = {"name": "toy", "per_particle": law(highest(experiment)), "error": 0.0}
            return with_sources(experiment, [row], "toy")

        monkeypatch.setattr(Settings, "with_background", chosen)
        monkeypatch.setattr(Settings, "computed", lambda self, item: Computed([], []))

    return install


def test_where_the_background_does_not_grow_the_cut_opens(background):
    """Up to where the trigger takes no more: stiffer muons pass beside S4."""
    background(lambda fraction: 1e-12)
    found = optimise_cuts(NA64, POINT, variables=[NAME], settings=QUICK)
    assert highest(found.experiment) > 1.2 * highest(NA64)
    assert found.after[0] < found.before[0]


def test_a_wall_of_background_stops_it(background):
    """10^4 events above 0.4: the tuned cut is the last one below, and the best of all tried."""
    background(lambda fraction: 1e-12 if fraction < 0.42 else 1e-6)
    found = optimise_cuts(NA64, POINT, variables=[NAME], settings=QUICK)
    assert highest(found.experiment) == pytest.approx(0.4)
    assert found.at_bound == ()
    best = min(found.tried, key=lambda row: row["coupling_upper_limit"])
    assert best["bound"] == pytest.approx(0.4)
    assert found.searched[0] == best["coupling_upper_limit"]
    assert found.after[0] < 0.3 * found.before[0]


def test_it_says_what_its_limits_lack(background):
    background(lambda fraction: 1e-12)
    answer = optimised_to_dict(mutau.optimise("na64mu", POINT, variables=[NAME], settings=QUICK))
    assert any("hcal_energy" in text for text in answer["not_simulated"])
    assert answer["not_computed"] == []
    assert answer["evaluations"] == len(answer["tried"]) == len(FACTORS)


def test_what_cannot_be_tuned_is_refused_by_name(background):
    background(lambda fraction: 1e-12)
    with pytest.raises(MutauError, match="no effect on the expected limit"):
        optimise_cuts(NA64, POINT, variables=["hcal_energy"], settings=QUICK)
    for wrong in ([], ["n_tracks"], ["trigger"], ["theta_mu"], [NAME, NAME]):
        with pytest.raises(MutauError, match=f"each once: .*{NAME}"):
            optimise_cuts(NA64, POINT, variables=wrong, settings=QUICK)
    with pytest.raises(MutauError, match="background = 'file'"):
        optimise_cuts(NA64, POINT, variables=[NAME], settings=Settings(background="file"))
    with pytest.raises(MutauError, match="background_error"):
        mutau.optimise(NA64, POINT, variables=[NAME], background_error=0.1)
