"""What a plane shows: years of g-2, own curves, other models, dark sectors, computed bounds."""

import json

import numpy as np
import pytest

from mutau.analysis.plane import Frame, chosen_curves, curve_series, g_minus_2_bands, plane_of
from mutau.bounds import BOUNDS, database, drawn_by_default, load_curve, published_limit
from mutau.core.constants import E_CHARGE
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.types import Exclusion
from mutau.models import Family, build_model, moment_references

MASS = np.geomspace(1e-3, 1.0, 7)


def limit(model="lmu-ltau", coupling=1e-4, **meta):
    return Exclusion(MASS, np.full(7, coupling), np.full(7, 1e-7), 0.9, "na64mu", model, "bayes",
                     meta)  # fmt: skip


def curve(tmp_path, text="", rows="0.01,1e-3\n0.1,2e-3\n"):
    path = tmp_path / "mine.csv"
    path.write_text(f"# cl: 0.95\n# title: mine\n{text}mass_GeV,coupling\n{rows}")
    return path


def named(plane):
    return {item.meta.get("name"): item for item in plane.figure.series}


def test_bands_of_every_year_bring_the_moment_into_its_interval():
    """Read back through the model: at the edges Δa_μ is the measured difference ± 2σ."""
    bands = g_minus_2_bands("lmu-ltau", (1e-3, 1.0))
    assert [band.meta["year"] for band in bands] == list(moment_references())
    for band in bands:
        low, high = moment_references()[band.meta["year"]].interval(2.0)
        middle = len(band.x) // 2
        at = build_model("lmu-ltau", band.x[middle], band.y2[middle])
        assert at.delta_a_mu() == pytest.approx(high, rel=1e-9)
        if low > 0.0:
            at = build_model("lmu-ltau", band.x[middle], band.y[middle])
            assert at.delta_a_mu() == pytest.approx(low, rel=1e-9)
        else:
            assert "below" in band.label  # zero is inside: a bound, no preferred band


def test_the_band_of_a_dark_photon_is_in_epsilon():
    ours = g_minus_2_bands("lmu-ltau", (1e-3, 1.0))[1]
    theirs = g_minus_2_bands("dark-photon", (1e-3, 1.0))[1]
    assert np.allclose(theirs.y2 * E_CHARGE, ours.y2, rtol=1e-12)


def test_a_plane_shows_one_year_and_carries_all():
    plane = plane_of([limit()], chosen_curves(only=["none"]), frame=Frame(year=2025))
    shown = [item for item in plane.figure.series if item.role == "preferred"]
    assert [item.meta["year"] for item in shown] == [2025]
    assert len(plane.bands) == len(moment_references())
    assert "2025" in plane.figure.title
    assert "38(63)" in plane.figure.caption


def test_own_curves_are_drawn_on_the_side_they_exclude(tmp_path):
    for word, kind in (("above", "region"), ("below", "region-below")):
        own = load_curve(curve(tmp_path, f"# excludes: {word}\n"))
        plane = plane_of([limit()], (), [own])
        drawn = named(plane)["mine"]
        assert (drawn.kind, drawn.role, drawn.label) == (kind, "user", "mine")
        assert drawn.meta["cl"] == 0.95
        assert "mine" in plane.published
    rows = "0.01,1e-4\n0.1,1e-3\n0.03,1e-2\n"
    closed = load_curve(curve(tmp_path, "# excludes: inside\n", rows))
    assert curve_series([closed], 1e-4)[0].kind == "region-closed"
    nothing = load_curve(curve(tmp_path, "# excludes: nothing\n"))
    assert curve_series([nothing], 1e-4)[0].kind == "line"


def test_a_region_goes_on_to_lighter_masses_and_a_limit_does_not():
    region, bounded = published_limit("bbn-2019-syen"), published_limit("borexino-2011")
    drawn = {item.meta["name"]: item for item in curve_series([region, bounded], 1e-5)}
    assert drawn["bbn-2019-syen"].x[0] == 1e-5
    assert drawn["bbn-2019-syen"].y[0] == region.coupling[0]
    assert drawn["borexino-2011"].x[0] == bounded.mass[0]


def test_the_default_curves_of_the_default_model_are_untouched():
    assert chosen_curves() == drawn_by_default()
    assert chosen_curves(only=["none"]) == ()
    assert chosen_curves(only=["ccfr-1991"]) == (database()["ccfr-1991"],)
    with pytest.raises(UnknownName, match="did you mean"):
        chosen_curves(only=["ccfr-1992"])


def test_another_model_shows_only_what_holds_for_it():
    """An invisible search of muons: equal counts at g_mu^2 Br, with Br = 1 and 3 light flavours."""
    found = {item.name: item for item in chosen_curves("b-l", ["m3-phase1-projection-2018"])}
    (recast,) = found.values()
    assert recast.model == "b-l"
    mass = 0.01
    source = published_limit("m3-phase1-projection-2018").coupling_at(mass)
    model = build_model("b-l", mass, float(recast.coupling_at(mass)))
    counts = model.lepton_coupling("mu") ** 2 * model.branching_invisible
    assert counts == pytest.approx(float(source) ** 2, rel=2e-3)
    with pytest.raises(MutauError, match="interferes"):
        chosen_curves("b-l", ["ccfr-1991"])


def test_a_dark_sector_hides_visible_decays():
    """With alpha_D = 0.1 nearly every Z' decays to dark matter: four muons bound it far less."""
    (plain,) = chosen_curves(only=["babar4mu-2016-syen"])
    (dark,) = chosen_curves(Family(alpha_d=0.1), only=["babar4mu-2016-syen"])
    mass = 0.5
    coupling = float(dark.coupling_at(mass))
    model = build_model("lmu-ltau", mass, coupling, 0.1, 3.0)
    light = build_model("lmu-ltau", mass, float(plain.coupling_at(mass)))
    assert coupling > 3.0 * light.coupling
    assert coupling**2 * model.branching("mumu") == pytest.approx(
        light.coupling**2 * light.branching("mumu"), rel=1e-2
    )


def test_own_curves_of_another_model_are_refused(cli, tmp_path):
    curve(tmp_path, "# model: dark-photon\n")
    wrong = cli("plane", "na64mu", "--user", "mine.csv", "-o", "p.png")
    assert wrong.code == 2
    assert "holds for dark-photon, not for lmu-ltau" in wrong.err
    assert not (tmp_path / "p.png").exists()


def test_a_bound_from_formulas_is_that_of_the_bounds():
    plane = plane_of(
        [limit()], (), bounds=["borexino-be7", "gm2-muon"], frame=Frame(x_range=(1e-3, 1.0))
    )
    drawn = named(plane)["borexino-be7"]
    again = BOUNDS["borexino-be7"](drawn.x[:3])
    assert np.array_equal(drawn.y[:3], again.coupling)
    assert drawn.meta["sources"] == list(BOUNDS["borexino-be7"].source)
    with pytest.raises(OutOfRange, match="says nothing about the masses"):
        plane_of([limit()], (), bounds=["bbn-neff"], frame=Frame(x_range=(1.0, 2.0)))


def test_axes_reach_down_to_the_limit_and_carry_the_name_of_the_coupling():
    assert plane_of([limit()], ()).figure.y_range == (1e-5, 0.1)
    assert plane_of([limit(coupling=3e-8)], ()).figure.y_range == pytest.approx((1e-8, 0.1))
    assert plane_of([limit("dark-photon")], ()).figure.y_label == "$\\varepsilon$"
    assert plane_of([limit("b-l")], ()).figure.y_label == "coupling $g$"
    assert "α" in plane_of([limit(alpha_d=0.1)], ()).figure.series[-1].label.replace("\\alpha", "α")


def test_a_dark_sector_beside_none_is_dotted_and_a_projection_dashed():
    def dashes(*limits):
        shown = plane_of(limits, ()).figure.series[-len(limits) :]
        return ["." if item.dotted else "-" if item.dashed else "" for item in shown]

    assert dashes(limit(), limit(alpha_d=0.1)) == ["", "."]
    assert dashes(limit(alpha_d=0.1)) == [""]
    assert dashes(limit(projection=True), limit(projection=False)) == ["-", ""]


def test_limits_of_two_models_share_no_plane():
    with pytest.raises(MutauError, match="2 models"):
        plane_of([limit(), limit("b-l")], ())
    with pytest.raises(MutauError, match="0 models"):
        plane_of([], ())


@pytest.mark.compiled
def test_the_verb_takes_own_curves_and_bounds(cli, tmp_path):
    curve(tmp_path)
    words = ("plane", "na64mu", "--mass", "0.05,0.1", "--only", "none", "--user", "mine.csv")
    found = cli(*words, "--bounds", "gm2-muon", "--year-gm2", "2025", "-o", "p.svg", "--json")
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    assert answer["published"] == ["mine"]
    assert answer["bounds"] == ["gm2-muon"]
    assert (tmp_path / "p.svg").exists()
    wrong = cli(*words, "--bounds", "gm2-muons", "-o", "q.svg")
    assert wrong.code == 2
    assert "did you mean 'gm2-muon'" in wrong.err
    wrong = cli(*words, "--style", "NATURE", "-o", "q.svg")
    assert wrong.code == 2
    assert "ATLAS" in wrong.err
