"""The M3 proposal's own reach against ours, from nothing but its beam, target and energy cut."""

import numpy as np
import pytest

from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.bounds import published_limit
from mutau.experiment import load_experiment

pytestmark = pytest.mark.compiled

MASSES = [0.005, 0.02, 0.05, 0.1, 0.2]


@pytest.mark.parametrize("name", ["m3-phase1-projection-2018", "m3-phase2-projection-2018"])
def test_published_reach(name):
    """The published curve lies between ours for 2.3 events (90 % CL) and for 3 (95 % CL).

    Its number of events is not stated with the digitised points, which carry a few per cent
    themselves: 5 % to either side. Below 2 m_mu, where its benchmark and the minimal model decay
    alike.
    """
    published = published_limit(name).coupling_at(MASSES)
    exposure = 1e13 / 1e10 if "phase2" in name else 1.0
    # no background: S is proportional to g^2 N
    few, more = (
        limit_curve(load_experiment("m3"), MASSES, settings=Settings(cl=cl, n_events=2000)).coupling
        / np.sqrt(exposure)
        for cl in (0.90, 0.95)
    )
    assert np.all(published > 0.95 * few)
    assert np.all(published < 1.05 * more)
