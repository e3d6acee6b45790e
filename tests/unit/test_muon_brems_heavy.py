"""Z' of muons above 1 GeV: events against quadrature, and where the whole nucleus stops holding."""

import numpy as np
import pytest

from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.core.errors import OutOfRange
from mutau.core.random import stream
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.reactions import muon_brems
from mutau.reactions.bremsstrahlung_events import BremsSampler

LEAD = material("lead").dominant_element

pytestmark = pytest.mark.compiled


@pytest.mark.parametrize("mass", [2.0, 5.0])
def test_events_have_the_spectrum_of_the_quadrature(mass):
    n, edge = 4000, 0.9
    sampler = BremsSampler("muon", Nucleus.of(LEAD), mass, 160.0, 160.0)
    sample = sampler.sample(np.full(n, 160.0), stream(1, int(mass)))
    high, whole = (
        muon_brems.total(160.0, mass, Nucleus.of(LEAD), x_min=low).sigma_pb for low in (edge, 0.0)
    )
    expected = high / whole
    found = sample.weight[sample.p_zprime[:, 0] > edge * 160.0].sum() / sample.weight.sum()
    assert found == pytest.approx(expected, abs=4.0 * np.sqrt(expected * (1.0 - expected) / n))


def test_single_protons_are_why_it_stops_at_5_gev():
    def ratio(mass):
        both, whole = (
            muon_brems.total(160.0, mass, Nucleus.of(LEAD, kind)).sigma_pb
            for kind in ("elastic+inelastic", "elastic")
        )
        return both / whole - 1.0

    assert ratio(2.0) == pytest.approx(0.08, abs=0.01)
    assert ratio(3.0) == pytest.approx(0.20, abs=0.01)
    assert 1.0 < ratio(5.0) < 1.6


def test_limits_go_on_beyond_1_gev_without_a_step():
    experiment, settings = load_experiment("na64mu"), Settings(n_events=2000)
    masses = np.array([0.7, 1.0, 1.4, 2.0, 5.0])
    line = limit_curve(experiment, masses, settings=settings)
    slopes = np.diff(np.log(line.coupling)) / np.diff(np.log(masses))
    assert np.all(np.diff(slopes) > 0.0)  # steeper and steeper
    assert slopes[0] > 1.5
    with pytest.raises(OutOfRange, match="single protons"):
        limit_curve(experiment, [5.1], settings=settings)
