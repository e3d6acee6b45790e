"""Where the modules of the HCAL stand decides what a hadron meets: by hand, and set-ups moved."""

import math

import numpy as np
import pytest

from mutau.background.electron_beam import hcal_budget, neutral_punch_through
from mutau.background.hadron_decays import passes
from mutau.background.hadron_decays_hcal import mip_probability, muon_vetoes
from mutau.background.hadron_decays_tracks import MuonTracks
from mutau.background.hcal_paths import hcal_modules, path_classes, unseen
from mutau.background.hermeticity_selected import non_hermeticity
from mutau.background.leading_hadrons_selected import escaped_hadrons
from mutau.core.errors import NotApplicable
from mutau.detector.calorimeters import length_inside
from mutau.experiment import load_experiment, replace
from mutau.experiment.loader import from_document
from mutau.selection.missing_momentum import cuts_of

NA64E, NA64MU = load_experiment("na64e"), load_experiment("na64mu")
ASIDE = {f"detector/calorimeter[HCAL{i}]/x": "1.1 m" for i in (2, 3)}


def without(experiment, *names):
    document = experiment.to_dict()
    modules = document["detector"]["calorimeter"]
    document["detector"]["calorimeter"] = [m for m in modules if m["name"] not in names]
    return from_document(document, experiment.name)


def test_length_of_a_line_in_a_module_by_hand():
    module = hcal_modules(NA64E)[1][0]  # 60 x 60 cm, 139 cm from z = 160 cm
    lines = np.array([
        [0.0, 0.0, 0.0, 0.0],     # the axis
        [31.0, 0.0, 0.0, 0.0],    # beside it
        [0.0, 0.0, 0.1, 0.0],     # leaves by the side at x = 30 cm: z = 300 cm from z = 0
        [0.0, 0.0, -0.05, 0.05],  # inside all the way, longer by the angle
        [0.0, 0.0, 0.2, 0.0],     # x = 32 cm at the face: never in
    ])  # fmt: skip
    found = length_inside(module, lines, 0.0)
    want = [139.0, 0.0, 139.0 * math.hypot(1.0, 0.1), 139.0 * math.sqrt(1.005), 0.0]
    np.testing.assert_allclose(found, want, rtol=1e-12)
    steep = length_inside(module, np.array([[0.0, 0.0, 0.15, 0.0]]), 0.0)
    assert steep[0] == pytest.approx((200.0 - 160.0) * math.hypot(1.0, 0.15))
    assert length_inside(module, lines[:1], 180.0)[0] == pytest.approx(119.0)


def test_a_hole_is_not_matter():
    holed = replace(
        NA64E,
        {f"detector/calorimeter[HCAL1]/hole_{k}": "10 cm" for k in ("width", "height")}
        | {"detector/calorimeter[HCAL1]/x": "2 cm"},
    )
    module = hcal_modules(holed)[1][0]
    lines = np.zeros((3, 4))
    lines[:, 0] = 2.0, 6.9, 7.1  # hole from -3 to 7 cm
    np.testing.assert_allclose(length_inside(module, lines, 0.0), [0.0, 0.0, 139.0], atol=1e-9)


@pytest.mark.compiled
def test_a_sliced_module_is_the_same_module():
    document = NA64E.to_dict()
    modules = document["detector"]["calorimeter"]
    first = modules.pop(0)
    for i in range(4):
        piece = {**first, "name": f"slice{i}", "z": f"{160 + 34.75 * i} cm", "length": "34.75 cm"}
        modules.insert(0, piece)
    sliced = from_document(document, "sliced")

    def lengths(experiment):
        ways = path_classes(experiment, 70.0, 1)
        return sum(share * cm for _, cm, share in ways)

    assert lengths(sliced) == pytest.approx(lengths(NA64E), rel=1e-3)  # rounded to steps
    whole, cut = (unseen("n", 70.0, x, 1.0, n=4000, seed=3) for x in (NA64E, sliced))
    assert cut.depth == pytest.approx(whole.depth, rel=1e-3)
    assert cut.value == pytest.approx(whole.value, abs=4.0 * math.hypot(cut.err, whole.err))


@pytest.mark.compiled
def test_modules_beside_the_beam_stop_nothing():
    """NA64-e in the full exposure: 0.037 events behind three modules, 1790 behind one; two that are
    moved 1.1 m aside are as good as removed."""
    full, aside, one = (
        neutral_punch_through(x, 1, 0.5).per_particle * 9.1e11
        for x in (NA64E, replace(NA64E, ASIDE), without(NA64E, "HCAL2", "HCAL3"))
    )
    assert full == pytest.approx(0.0367, rel=0.15)
    assert one == pytest.approx(1790.0, rel=0.15)
    assert aside == pytest.approx(one, rel=1e-9)


@pytest.mark.compiled
def test_a_module_at_zero_degrees_is_not_one_more_behind_the_others():
    document = NA64E.to_dict()
    modules = document["detector"]["calorimeter"]
    modules.append({**modules[0], "name": "HCAL0", "x": "1 m"})
    more = from_document(document, "four")
    assert neutral_punch_through(more, 1, 0.2).per_particle == pytest.approx(
        neutral_punch_through(NA64E, 1, 0.2).per_particle, rel=1e-9
    )


@pytest.mark.compiled
def test_a_muon_need_not_cross_every_module():
    """NA64mu with HCAL2 beside the beam: 7.6e-12 neutral hadrons unseen, not none."""
    beside = replace(NA64MU, "detector/calorimeter[HCAL2]/x", "90 cm")
    found = sum(item.value for item in escaped_hadrons(beside, n=6000))
    alone = sum(item.value for item in escaped_hadrons(without(NA64MU, "HCAL2"), n=6000))
    assert found == pytest.approx(7.6e-12, rel=0.2)
    assert found == pytest.approx(alone, rel=1e-9)


@pytest.mark.compiled
def test_muon_through_what_it_crosses():
    energy = np.full(3, 60.0)
    crossed = {"HCAL1": np.array([True, True, False]), "HCAL2": np.array([True, False, False])}
    got = mip_probability(NA64MU, energy, 4.0, crossed)
    assert got[0] == pytest.approx(mip_probability(NA64MU, energy[:1], 4.0)[0])
    alone = mip_probability(without(NA64MU, "HCAL2"), energy[:1], 4.0)
    assert got[1] == pytest.approx(alone[0])
    assert got[2] == 1.0
    assert got[0] < got[1] < 1.0


def test_cuts_are_those_of_the_file():
    cuts = cuts_of(NA64MU)
    assert (cuts.vhcal, cuts.calorimeters, cuts.hcal) == (0.5, 20.0, 8.0)
    open_file = load_experiment("m3")
    assert cuts_of(open_file).vhcal == cuts_of(open_file).calorimeters == math.inf
    assert muon_vetoes(NA64MU, 0.5) == ("VHCAL",)
    assert muon_vetoes(NA64MU, 5.0) == muon_vetoes(NA64MU, math.inf) == ()


def _one_muon(experiment, crossing):
    names = tuple(thing.name for _, thing in experiment.detector.everything())
    bits = sum(1 << names.index(name) for name in crossing)
    return MuonTracks(np.array([60.0]), np.array([60.0]), np.array([bits]), names, {}, (), ())


@pytest.mark.compiled
def test_without_a_cut_on_the_vhcal_a_muon_may_cross_it():
    trackers = [t.name for t in NA64MU.detector.tracker]
    through = _one_muon(NA64MU, (*trackers, "VHCAL", "HCAL1", "HCAL2"))
    assert passes(NA64MU, cuts_of(NA64MU), through, np.zeros(1))[0] == 0.0
    document = NA64MU.to_dict()
    document["cuts"] = [c for c in document["cuts"] if c["variable"] != "vhcal_energy"]
    quiet = from_document(document, "quiet")
    assert passes(quiet, cuts_of(quiet), through, np.zeros(1))[0] > 0.8


def test_what_needs_a_cut_is_refused_without_it():
    document = NA64MU.to_dict()
    document["cuts"] = [c for c in document["cuts"] if c["variable"] != "calorimeter_energy"]
    with pytest.raises(NotApplicable, match="calorimeter_energy"):
        non_hermeticity(from_document(document, "open"), n=10)
    document["cuts"] = [c for c in document["cuts"] if c["variable"] != "hcal_energy"]
    with pytest.raises(NotApplicable, match="hcal_energy"):
        escaped_hadrons(from_document(document, "open"), n=100)
    bare = NA64E.to_dict()
    bare["cuts"] = [c for c in bare["cuts"] if c["variable"] != "hcal_energy"]
    with pytest.raises(NotApplicable, match="hcal_energy"):
        hcal_budget(from_document(bare, "bare"))
    assert hcal_budget(replace(NA64E, "cuts[5]/max", "3 GeV")) == 3.0
