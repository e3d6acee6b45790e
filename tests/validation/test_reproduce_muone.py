"""`mutau reproduce muone`: nothing is left out, and what the search can bear is printed."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.background.muone import CutWindow, elastic_beyond, elastic_leakage
from mutau.background.muone_components import Sampled
from mutau.background.muone_needs import leak_needs
from mutau.background.muone_sources import elastic_leakage as leakage_source
from mutau.bounds import BOUNDS
from mutau.core.constants import M_E
from mutau.experiment import load_experiment
from mutau.models import LmuMinusLtau
from mutau.reactions.muon_electron import ELASTIC, Reaction, elastic_spectrum
from mutau.reactions.muon_electron_kinematics import elastic_electron_energy
from mutau.reactions.vacuum_polarization import running_factor
from mutau.report.reproduction import Level, reproduce
from mutau.signal.exposure import luminosity_on_electrons, particles_on_target
from mutau.signal.muone_response import perfect_response, response

pytestmark = pytest.mark.compiled


@pytest.fixture(scope="module")
def report():
    """Of small samples: their least size is for limits, which nothing here looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sampled, "size", lambda source, n: round(0.15 * n * source.times))
        return reproduce(["muone"], Level("small", 20_000, 13))


def test_nothing_is_left_out(report, assert_complete):
    assert_complete(report, "muone")


def test_the_bound_of_charm2_is_drawn_as_it_is_computed(report):
    (figure,) = (figure for figure in report.figures if figure.id == "me.fig3")
    (line,) = (item for item in figure.series if item.meta.get("name") == "charm2-trident")
    found = BOUNDS["charm2-trident"](line.x[::20]).coupling
    assert line.y[::20] == pytest.approx(found, rel=1e-9)
    assert "no public numbers" not in figure.caption


def test_counts_hang_on_alpha_and_say_so(report):
    """545.6 and 1072.6 events with alpha(0), 626 and 1231 with 1/127.9: printed 600 and 1200."""
    rows = {row.id: row for row in report.rows}
    for id_, expected in (("me.n10", (545.6, 626.3)), ("me.n100", (1072.6, 1231.3))):
        found = rows[id_].alternatives
        assert [item.value for item in found] == pytest.approx(expected, rel=1e-3)
        assert rows[id_].verdict == ("undecided" if len({i.verdict for i in found}) > 1 else
                                     found[0].verdict)  # fmt: skip


def test_elastic_events_beyond_the_cut():
    """Without a cut on the angle, perfect resolutions: the spectrum above 25 GeV, integrated on a
    grid of its own. Above 1.5 mrad every electron has more than 38 GeV."""
    reaction = Reaction(ELASTIC, 150.0)
    window = CutWindow(0.0, 1.0, 25.0)
    found = elastic_beyond(reaction, perfect_response(), window, 1.0)
    energy = np.linspace(25.0, float(elastic_electron_energy(0.0, 150.0)), 200_001)
    density = elastic_spectrum(reaction, energy) * running_factor(2.0 * M_E * (energy - M_E))
    by_hand = float(np.sum(0.5 * (density[1:] + density[:-1]) * np.diff(energy)))
    assert found.events == pytest.approx(by_hand, rel=0.02)  # panels of the rule meet 25 GeV
    angled = elastic_beyond(reaction, perfect_response(), CutWindow(1.5e-3, 1.0, 25.0), 1.0)
    assert elastic_beyond(
        reaction, perfect_response(), CutWindow(1.5e-3, 1.0, 37.0), 1.0
    ).events == (pytest.approx(angled.events, rel=0.02))
    assert (
        elastic_leakage(reaction, perfect_response(), CutWindow(1.5e-3, 1.0, 25.0), 1.0).events == 0
    )


def test_what_the_search_can_bear_of_electrons_measured_too_low(report):
    """4.6e10 elastic events have theta_mu > 1.5 mrad: one in 4.6e10 is one event, one in 4.4e7 is
    the signal of 100 MeV. A relative error of what Gaussian resolutions let in says nothing."""
    experiment = load_experiment("muone")
    needs = leak_needs(experiment, LmuMinusLtau(mass=0.1, coupling=1e-3), n=20_000)
    assert needs.apart.events == pytest.approx(4.6e10, rel=0.03)
    assert needs.one_event == pytest.approx(1.0 / needs.apart.events, rel=1e-9)
    assert needs.background(needs.equal_to_signal) == pytest.approx(needs.signal.events, rel=1e-9)
    assert needs.background(1e-6) == pytest.approx(4.6e4, rel=0.03)
    assert needs.unseen.events < 1e-10
    rows = {row.id: row for row in report.rows}
    assert rows["me.leak.one"].value == pytest.approx(needs.one_event, rel=1e-6)
    assert rows["me.leak.100"].value == pytest.approx(2.25e-8, rel=0.05)
    assert rows["me.leak.10"].value == pytest.approx(1.13e-8, rel=0.05)
    # the source says it too, and claims no error that hides it
    item = leakage_source(experiment, 1, 0.1)
    assert item.model_err == 0.0
    assert "Gaussian" in item.assumption
    beyond = item.parts["kept out by the electron's energy alone"] * particles_on_target(experiment)
    assert beyond == pytest.approx(needs.apart.events, rel=1e-9)
    share = item.parts["share measured far too low that makes one event"]
    assert share == pytest.approx(needs.one_event, rel=1e-9)
    direct = elastic_beyond(
        Reaction(ELASTIC, 150.0, beam_charge=1), response(experiment), CutWindow(),
        luminosity_on_electrons(experiment),
    )  # fmt: skip
    assert direct.events == pytest.approx(beyond, rel=1e-9)
