"""What is named as unused, and cuts that nothing can pass."""

import pytest

from mutau.analysis.limit import limit_curve, limit_to_dict
from mutau.analysis.settings import Settings
from mutau.analysis.show import check_result
from mutau.analysis.yields import expected_yields, yields_to_dict
from mutau.background.registry import background_result
from mutau.core.errors import MutauError, Problems
from mutau.experiment import VARIABLES, load_experiment, replace
from mutau.experiment.loader import from_document
from mutau.models import build_model
from mutau.signal import usage
from mutau.signal.exposure import luminosity_on_electrons

NA64MU, NA64E, MUONE = (load_experiment(name) for name in ("na64mu", "na64e", "muone"))


def test_check_names_what_nothing_reads():
    found = check_result("na64mu")["unused"]
    assert {"beam/per_spill", "beam/spill", "hall/width", "hall/height"} <= set(found)
    assert "beam/per_spill" not in check_result("na64e")["unused"]
    assert "target/cells" in check_result("na64e")["unused"]


@pytest.mark.compiled
def test_a_limit_names_the_cuts_that_it_does_not_apply():
    answer = limit_to_dict(limit_curve(NA64MU, [0.1], settings=Settings(n_events=100)))
    assert "cuts[5] (hcal_energy)" in answer["not_used"]
    assert "detector/tracker" in answer["not_used"]  # the list as a whole
    assert not any(place.startswith("detector/counter") for place in answer["not_used"])
    assert usage.not_used(NA64MU, usage.signal_use(True)) != answer["not_used"]
    assert not any("cuts" in place for place in usage.not_used(NA64MU, "full chain"))


@pytest.mark.compiled
def test_yields_and_backgrounds_name_them_too():
    point = build_model("lmu-ltau", 0.01, 1e-3)
    found = yields_to_dict(expected_yields(point, MUONE, truth=True))["not_used"]
    assert "beam/divergence_x" in found
    assert "cuts[2]" not in found
    assert "cuts[2] (photon_energy)" in found  # no photon in the signal
    answer = background_result(NA64E, only=["pion decays"])
    assert "theory" in answer["not_used"]
    assert not any(place.startswith("upstream/line") for place in answer["not_used"])


def test_a_process_that_declares_nothing_claims_nothing(monkeypatch):
    monkeypatch.setattr(usage, "READS", {})
    usage._not_used.cache_clear()
    assert usage.unused(NA64MU) == usage.not_used(NA64E, "background") == []
    usage._not_used.cache_clear()


def test_addresses_are_those_that_replace_takes():
    for item in (NA64MU, NA64E, load_experiment("na64e-positron")):
        for place in usage.stated_keys(item):
            if place.endswith("efficiency"):
                assert replace(item, place, "40 %").digest != item.digest


@pytest.mark.parametrize(("place", "value", "text"), [
    ("cuts[5]/max", "-1 GeV", "no event has 'hcal_energy' <= -1"),
    ("cuts[4]/max", "-0.1 MeV", "no event has 'vhcal_energy'"),
    ("cuts[3]", {"variable": "muon_energy_fraction", "min": 2.5}, "no event has"),
    ("cuts[3]", {"variable": "muon_energy", "min": "400 GeV"}, "it lies between 0 and 320"),
    ("cuts[3]", {"variable": "theta_mu", "min": "4 rad"}, "no event has 'theta_mu'"),
    ("cuts[2]", {"variable": "n_tracks", "min": 1.2, "max": 1.8}, "no whole number"),
    ("cuts[2]", {"variable": "n_tracks", "max": -1}, "no event has 'n_tracks'"),
])  # fmt: skip
def test_a_cut_that_nothing_can_pass_is_refused(place, value, text):
    if isinstance(value, dict):
        value = {**value, "because": "x"}
    with pytest.raises(Problems, match=text):
        replace(NA64MU, place, value)


def test_cuts_that_can_be_passed_are_not_refused():
    document = NA64MU.to_dict()
    for name in VARIABLES:
        variable = VARIABLES[name]
        low, high = variable.reach(160.0)
        if variable.dimension in ("condition", "number", "angle", "energy squared", "length"):
            continue
        for bounds in ({"max": f"{0.5 * high} GeV"}, {"min": f"{0.5 * high} GeV"}):
            cut = {"variable": name, "because": "x", **bounds}
            assert from_document({**document, "cuts": [cut]}, "one").cuts[0].variable == name
        assert (low < 0.0) == (name in ("missing_energy", "e_miss"))


@pytest.mark.compiled
@pytest.mark.parametrize("particles", [1e-3, 1.0, 1e20, 5.2e14])
def test_particles_that_are_not_the_luminosity_are_refused(particles):
    """15 fb^-1 on 40 x 15 mm of beryllium are 5.06e14 muons: others would have no effect."""
    wrong = replace(MUONE, "beam/particles", particles)
    with pytest.raises(MutauError, match="beam/particles"):
        luminosity_on_electrons(wrong)
    with pytest.raises(MutauError, match="pb"):
        limit_curve(wrong, [0.1])
    assert luminosity_on_electrons(MUONE) == 15e3
    assert luminosity_on_electrons(replace(MUONE, "beam/particles", 5.09e14)) == 15e3
