"""Mass and coupling from the missing-mass peak: closure, pulls, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mutau.analysis import muone_mass as ours
from mutau.analysis.settings import Settings
from mutau.analysis.yields import expected_yields
from mutau.background.muone_components import region
from mutau.background.muone_sources import SAMPLED_ELASTIC, radiative_component
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream
from mutau.experiment import load_experiment, replace
from mutau.models import LmuMinusLtau

pytestmark = pytest.mark.compiled

N, TOYS = 30_000, 100
EXPERIMENT = load_experiment("muone-spectrometer")
MODEL = LmuMinusLtau(mass=0.1, coupling=1e-3)
#: Sources with a true electron; without pairs, of which 1e-7 lose 15 GeV.
ELECTRONS = tuple(SAMPLED_ELASTIC)


@pytest.fixture(scope="module")
def expected():
    """Of events with a true electron: what a spectrometer can do for an identified one."""
    return ours.spectrum(EXPERIMENT, nodes=8, sources=ELECTRONS, settings=Settings(n_events=N))


@pytest.fixture(scope="module")
def closed(expected):
    return ours.closure(
        EXPERIMENT, MODEL, expected=expected, toys=TOYS, settings=Settings(n_events=N)
    )


def test_the_spectrum_holds_the_yield(expected):
    for mass in (0.05, 0.1, 0.2):
        model = LmuMinusLtau(mass=mass, coupling=1e-3)
        counts = ours.expected_counts(expected, model) - expected.background
        yields = expected_yields(model, EXPERIMENT, n_events=N)
        assert counts.sum() == pytest.approx(yields.total, rel=0.02)
        middle = 0.5 * (expected.edges[1:] + expected.edges[:-1])
        mean = np.average(middle, weights=counts)
        assert mean == pytest.approx(mass**2, abs=8e-4)  # a quarter of the resolution
    radiative = radiative_component(EXPERIMENT, region(EXPERIMENT), N, 9)
    alone = radiative.events(EXPERIMENT.cuts).events
    assert expected.background.sum() == pytest.approx(alone, rel=0.06)


def test_the_benchmark_is_recovered(closed):
    """(100 MeV, 1e-3) from a sample that no template has seen.

    The samples of the test, 30 times the signal, add a quarter of the fit's error each.
    """
    fit = closed.asimov
    assert fit.valid
    assert abs(fit.mass - 0.1) < 0.8 * fit.mass_err
    assert abs(fit.coupling - 1e-3) < 0.8 * fit.coupling_err
    # on little background 1/(2 sqrt(n)) of the coupling, and 3e-3 GeV^2 of resolution over
    # 2 m sqrt(n) for the mass; n by Sherpa 3.0.3, 0.071508 pb in 15 fb^-1 less what the detector
    # loses at the edges, 2 to 6 %
    n = 0.96 * 0.071508 * 15e3
    assert fit.coupling_err / fit.coupling == pytest.approx(0.5 / np.sqrt(n), rel=0.15)
    assert fit.mass_err == pytest.approx(3e-3 / (2.0 * 0.1 * np.sqrt(n)), rel=0.3)
    assert fit.events == pytest.approx(n, rel=0.03)
    assert fit.significance > 30.0
    assert fit.mass_interval[0] < fit.mass < fit.mass_interval[1]


def test_pulls_have_mean_zero_and_width_one(closed):
    assert closed.failed <= 1
    for pulls in (closed.mass_pulls, closed.coupling_pulls):
        many = len(pulls)
        # beside the toys' own error that of the templates, see above
        assert abs(pulls.mean()) < 3.0 / np.sqrt(many) + 0.5
        assert abs(pulls.std(ddof=1) - 1.0) < 4.0 / np.sqrt(2.0 * many)


def test_another_point_and_a_small_signal(expected):
    for mass, coupling in ((0.2, 1e-3), (0.15, 2e-4)):
        model = LmuMinusLtau(mass=mass, coupling=coupling)
        found = ours.closure(
            EXPERIMENT, model, expected=expected, toys=1, settings=Settings(n_events=N)
        ).asimov
        assert abs(found.mass - mass) < 0.8 * found.mass_err
        assert abs(found.coupling - coupling) < 0.8 * found.coupling_err
    assert found.significance < 30.0


def test_background_alone_is_no_signal(expected):
    """The coupling comes out where a signal hides in the background's error."""
    rng = stream(1)
    found = [
        ours.fit_spectrum(expected, rng.poisson(expected.background).astype(float), MODEL)
        for _ in range(5)
    ]
    assert max(fit.significance for fit in found) < 4.0
    assert max(fit.events for fit in found) < 100.0


def test_worse_momenta_measure_the_mass_worse(expected):
    """8 % on the muon and no beam spectrometer: the spread of 3.75 % counts instead."""
    blurred = replace(
        EXPERIMENT,
        {
            "detector/resolution/muon_momentum": "8 %",
            "detector/resolution/incoming_momentum": "0 %",
        },
    )
    worse = ours.spectrum(blurred, nodes=5, sources=ELECTRONS, settings=Settings(n_events=8000))
    fits = [
        ours.fit_spectrum(item, ours.expected_counts(item, MODEL), MODEL)
        for item in (expected, worse)
    ]
    assert fits[1].mass_err > 1.2 * fits[0].mass_err


def test_bad_input_is_refused(expected):
    with pytest.raises(MutauError, match="muone-spectrometer"):
        ours.spectrum(load_experiment("muone"))
    with pytest.raises(MutauError, match="counts of shape"):
        ours.fit_spectrum(expected, np.ones(3), MODEL)
    with pytest.raises(MutauError, match="numbers >= 0"):
        ours.fit_spectrum(expected, np.full(ours.BINS, np.nan), MODEL)
    with pytest.raises(OutOfRange, match="mass"):
        ours.closure(EXPERIMENT, LmuMinusLtau(mass=0.29, coupling=1e-3), expected=expected)
    with pytest.raises(OutOfRange, match="toys"):
        ours.closure(EXPERIMENT, MODEL, expected=expected, toys=0, settings=Settings(n_events=N))


def test_command_line(cli):
    words = ("measure", "muone-spectrometer", "--mass", "100MeV", "--coupling", "1e-3",
             "--toys", "2", "-n", "4000", "--json")  # fmt: skip
    result = cli(*words)
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    assert answer["expected"]["mass_GeV"] == pytest.approx(0.1, abs=4e-3)
    assert answer["expected"]["coupling"] == pytest.approx(1e-3, rel=0.05)
    assert [row["parameter"] for row in answer["pulls"]] == ["mass", "coupling"]
    refused = cli("measure", "muone", "--mass", "0.1", "--coupling", "1e-3")
    assert refused.code == 2
    assert "muon_momentum" in refused.err
