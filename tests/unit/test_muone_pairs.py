"""Electron pairs on nuclei as a background of muon-electron searches."""

from __future__ import annotations

import math
from dataclasses import replace as changed

import numpy as np
import pytest

from mutau.background import muone_pairs as sources
from mutau.background.muone_pairs import BROKEN, PairRegion, pair_sample
from mutau.background.registry import NOT_COMPUTED, background_result
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.detector.muone_flight import Response
from mutau.experiment import load_experiment, replace
from mutau.matter import material
from mutau.matter.multiple_scattering import collision_density
from mutau.matter.nucleus import Nucleus
from mutau.reactions.lepton_pair_events import draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction
from mutau.signal.muone_response import stations

pytestmark = pytest.mark.compiled

MUONE = load_experiment("muone")
BERYLLIUM = {Nucleus(4.0, 9.0121831): 3750.0}
REGION = PairRegion(150.0, 1, 1.5e-3, (1.0, 25.0), 0.1)
#: A detector as wide as a barn door that measures perfectly, behind a station of beryllium.
OPEN = Response(1e3, 1e6, 1e6, target=material("beryllium"), thickness=1.5)


def sample(response, n=16000, atoms=BERYLLIUM):
    return pair_sample(REGION, response, atoms, stations(MUONE), stream(3), n=n)


def beyond(found, part):
    """Expected events with the muon beyond 1.5 mrad, of the direct or the kinked quarters."""
    theta = np.hypot(found.p_muon[:, 1], found.p_muon[:, 2]) / found.p_muon[:, 3]
    quarter = np.arange(len(theta)) * 4 // len(theta)
    return float(found.weight[(theta > 1.5e-3) & (quarter % 2 == part)].sum())


@pytest.fixture(scope="module")
def found():
    return sample(OPEN)[0]


def test_kinks_are_the_pair_cross_section_times_the_chance_of_a_hard_collision(found):
    """Folded by hand: pairs at any angle, times collisions of more than 1.5 mrad times the momentum
    that each leaves to the muon."""
    reaction = PairReaction(
        "muon", "electron", 150.0, Nucleus(4.0, 9.0121831),
        limits={"like_energy": (1.0, 25.0), "opposite_energy": (0.0, 0.1)},
    )  # fmt: skip
    sampler = make_pair_sampler(reaction, error=0.02)
    muon = draw_pairs(sampler, 2000, stream(8)).p4.reshape(2000, 6, 4)[:, 2, 0]
    q = np.geomspace(0.1, 1.0, 2000)
    density = collision_density(q, material("beryllium"))[..., 0] * 2.0 * q
    pieces = 0.5 * (density[1:] + density[:-1]) * np.diff(q)
    above = np.append(np.cumsum(pieces[::-1])[::-1], 0.0)
    chance = 1.5 * float(np.mean(np.interp(1.5e-3 * muon, q, above)))
    expected = 2.0 * sampler.sigma.sigma_pb * 3750.0 * chance
    assert beyond(found, 1) == pytest.approx(expected, rel=0.08)  # 8000 weights over two decades


def test_pairs_that_deflect_the_muon_are_more_than_the_folded_estimate(found):
    """The muon scatters on an electron of the pair, which no folding of pairs and nuclei has."""
    assert beyond(found, 0) > 5.0 * beyond(found, 1)


def test_what_the_station_does_moves_kinks_only(found):
    thick = sample(changed(OPEN, thickness=3.0))[0]
    # a little more than twice as many: soft collisions widen the angles, too
    assert beyond(thick, 1) == pytest.approx(2.0 * beyond(found, 1), rel=0.15)
    assert beyond(thick, 0) == pytest.approx(beyond(found, 0), rel=0.1)
    none = sample(changed(OPEN, target=None, thickness=0.0))[0]
    direct = found.weight[np.arange(len(found.weight)) * 4 // len(found.weight) % 2 == 0]
    assert none.weight.sum() == pytest.approx(direct.sum(), rel=0.02)


def test_weights_follow_the_luminosity_and_energy_is_kept(found):
    double, lost = sample(OPEN, atoms={Nucleus(4.0, 9.0121831): 7500.0})
    assert double.weight.sum() == pytest.approx(2.0 * found.weight.sum(), rel=1e-9)
    assert np.all(lost <= 0.1)
    assert np.all((double.p_electron[:, 0] > 0.99) & (double.p_electron[:, 0] < 25.01))
    total = double.p_electron[:, 0] + lost
    assert np.all(total < 150.0)
    assert math.isclose(float(double.p_beam[0, 0]), 150.0)


def test_a_file_that_states_no_lowest_track_says_so_instead_of_counting_none():
    silent = replace(MUONE, "detector/resolution/lowest_track", "0 GeV")
    with pytest.raises(NotApplicable, match="lowest_track"):
        sources.electron_pairs(silent, 1, 0.1)
    answer = background_result(silent, only=[sources.PAIRS], effort=0.01)
    assert sources.PAIRS in [row["name"] for row in answer[NOT_COMPUTED]]
    assert answer["total_events"] is None


def test_what_makes_a_track_moves_the_background_and_its_error():
    found = sources.electron_pairs(MUONE, 1, 0.05)
    softer, harder = (found.parts[name] for name in ("track from 0.05 GeV", "track from 0.2 GeV"))
    assert softer < found.per_particle < harder
    half = 0.5 * (harder - softer)
    assert found.model_err == pytest.approx(math.hypot(half, BROKEN * found.per_particle))
