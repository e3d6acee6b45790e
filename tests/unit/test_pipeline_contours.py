"""What a true point would leave: closed cases by hand, joined experiments, the plane, refusals."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from mutau.analysis.combination import load_all, prepare_joint, shared_systematics
from mutau.analysis.contours import (
    _NODES,
    _polygons,
    _Row,
    contours_to_dict,
    measured_contours,
    threshold,
    true_point,
)
from mutau.analysis.plane import Overlay, contour_series, exclusion_plane
from mutau.analysis.settings import Settings
from mutau.core.errors import MutauError, OutOfRange
from mutau.experiment import load_experiment
from mutau.models import Family, LmuMinusLtau, build_model
from mutau.report.interactive import plane_document
from mutau.report.palette import coloured

N = 1000
POINT = LmuMinusLtau(mass=0.1, coupling=1e-3)


def copy_of(folder, name, extra=""):
    text = load_experiment("na64mu").to_toml().replace('name = "na64mu"', f'name = "{name}"')
    path = folder / f"{name}.toml"
    path.write_text(text + extra)
    return str(path)


def test_thresholds():
    assert threshold(0.95) == pytest.approx(5.9915, abs=1e-4)
    assert threshold(1.0 - math.exp(-1.0)) == pytest.approx(2.0)
    # with one parameter fixed by one count q has one degree of freedom, chi^2 = erf(sqrt(q/2))
    held = [math.erf(math.sqrt(threshold(level) / 2.0)) for level in (0.68, 0.95)]
    assert held == pytest.approx([0.87, 0.986], abs=2e-3)
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(OutOfRange, match="confidence level"):
            threshold(level)


@pytest.mark.compiled
def test_at_the_true_mass_the_edges_are_those_of_a_count():
    """One channel without background: 2 (s - n + n ln(n/s)) = threshold, s as g^2."""
    found = measured_contours(["na64mu"], POINT, masses=[0.08, 0.13], settings=Settings(n_events=N))
    n = prepare_joint(load_all(["na64mu"]), POINT, Settings(n_events=N)).model(POINT).total
    for level in (0.68, 0.95):
        (polygon,) = found.polygons[level]
        low, high = polygon.coupling[polygon.mass == POINT.mass]

        def q(share, level=level):
            return 2.0 * n * (share - 1.0 - math.log(share)) - threshold(level)

        by_hand = [1e-3 * math.sqrt(brentq(q, *ends)) for ends in ((0.3, 1.0), (1.0, 3.0))]
        assert [low, high] == pytest.approx(by_hand, rel=5e-4)
        assert polygon.open_ends == (0.08, 0.13)  # one count alone does not tell the mass
    wide, narrow = (found.polygons[level][0].coupling for level in (0.95, 0.68))
    assert wide.min() < narrow.min() < 1e-3 < narrow.max() < wide.max()


@pytest.mark.compiled
def test_two_processes_together_tell_the_mass():
    """Rates of muon on nucleus and muon on electron fall apart at the threshold of the second."""
    point = LmuMinusLtau(mass=0.15, coupling=1e-3)
    found = measured_contours(
        ["na64mu", "muone", "m3"],
        point,
        masses=np.geomspace(0.08, 0.2, 5),
        settings=Settings(n_events=N),
    )
    (polygon,) = found.polygons[0.68]
    assert polygon.open_ends == ()
    assert 0.08 < polygon.mass.min() < 0.15 < polygon.mass.max() < 0.2
    joint = prepare_joint(load_all(["na64mu", "muone", "m3"]), point, Settings(n_events=N))
    assert len(joint.model(point).channels) == 3


@pytest.mark.compiled
def test_masses_beyond_the_reach_of_a_channel_are_outside():
    """MUonE makes nothing above 277 MeV and has no background: its events exclude such masses."""
    point = LmuMinusLtau(mass=0.2, coupling=1e-3)
    found = measured_contours(
        ["na64mu", "muone"], point, masses=[0.15, 0.24, 0.35], settings=Settings(n_events=N)
    )
    for level in (0.68, 0.95):
        (polygon,) = found.polygons[level]
        assert polygon.mass.max() < 0.2775
        assert polygon.open_ends == ()


@pytest.mark.compiled
def test_a_faint_point_over_background_is_compatible_with_nothing(tmp_path):
    noisy = copy_of(tmp_path, "noisy")
    Path(noisy).write_text(Path(noisy).read_text().replace("expected = 0", "expected = 9.0"))
    found = measured_contours(
        [noisy],
        LmuMinusLtau(mass=0.1, coupling=1e-4),
        masses=[0.1, 0.10001],
        settings=Settings(n_events=N),
    )
    (polygon,) = found.polygons[0.95]
    assert polygon.down_to_zero
    # upper edge by hand: Poisson with 9 expected from the background
    data = (
        9.0
        + prepare_joint(load_all([noisy]), POINT, Settings(n_events=N)).model(POINT).total / 100.0
    )
    counts = 9.0 + (data - 9.0) * (polygon.coupling[polygon.mass == 0.1].max() / 1e-4) ** 2
    assert 2.0 * (counts - data - data * math.log(counts / data)) == pytest.approx(5.99, rel=0.01)
    with pytest.raises(MutauError, match="no signal is expected"):
        measured_contours(
            ["na64mu"], build_model("dark-photon", 0.01, 1e-3), settings=Settings(n_events=N)
        )


@pytest.mark.compiled
def test_an_experiment_that_does_not_take_the_mass_is_named():
    answer = contours_to_dict(
        measured_contours(
            ["na64mu", "muone"],
            LmuMinusLtau(mass=5e-4, coupling=1e-3),
            masses=[5e-4, 6e-4],
            settings=Settings(n_events=N),
        )
    )
    assert answer["experiments"] == ["muone"]
    assert answer["left_out"] == ["na64mu"]
    with pytest.raises(OutOfRange, match="masses of the contours"):
        measured_contours(["na64mu"], POINT, masses=[50.0], settings=Settings(n_events=N))


def test_shared_errors_are_named(tmp_path):
    def table(name, size):
        return f'\n[[systematics]]\nname = "{name}"\nsignal = {size}\nbecause = "test"\n'

    files = [
        copy_of(tmp_path, "a", table("flux", 0.1) + table("field", 0.2)),
        copy_of(tmp_path, "b", table("flux", 0.3)),
    ]
    assert shared_systematics(load_all(files)) == [
        {"name": "flux", "experiments": {"a": 0.1, "b": 0.3}}
    ]
    assert shared_systematics(load_all(files[:1])) == []


def test_true_points_from_the_command_line():
    assert true_point("mass=100MeV, coupling=1e-3", Family()) == POINT
    assert true_point("mass=0.1,epsilon=1e-4", Family("dark-photon", alpha_d=0.1)).alpha_d == 0.1
    for text in ("mass=0.1", "mass=0.1,epsilon=1e-3", "0.1,1e-3", "mass=0.1,coupling=x", ""):
        with pytest.raises(MutauError, match="is not a point of lmu-ltau"):
            true_point(text, Family())


@pytest.mark.compiled
def test_the_plane_shows_the_regions_on_paper_and_on_the_page():
    drawn = exclusion_plane(
        ["na64mu"],
        [0.05, 0.1, 0.2],
        settings=Settings(n_events=N),
        overlay=Overlay(only=["none"], measured=["mass=0.1,coupling=1e-3"]),
    )
    found = [item for item in drawn.figure.series if item.role == "measured"]
    assert [item.kind for item in found] == ["region-closed", "region-closed", "points"]
    assert [item.meta.get("cl") for item in found] == [0.95, 0.68, None]
    assert "measure of a boson of 0.1 GeV" in drawn.figure.caption
    page = plane_document(drawn)
    star = [trace for trace in page["data"] if trace["mode"] == "markers"]
    assert [(trace["x"], trace["y"]) for trace in star] == [([0.1], [0.001])]
    names = [entry["label"] for entry in page["curves"]]
    assert "na64mu would measure, 95 %" in names
    ours = next(item for item in drawn.figure.series if item.role == "ours")
    assert ours.dashed  # no data were taken: a projection
    assert "projection" in ours.note


@pytest.mark.compiled
def test_pieces_of_a_region_share_a_name_and_a_colour():
    found = measured_contours(["na64mu"], POINT, masses=[0.09, 0.11], settings=Settings(n_events=N))
    (piece,) = found.polygons[0.95]
    two = type(found)(
        found.point, {0.95: (piece, piece), 0.68: (piece,)}, found.experiments, (), 1
    )  # fmt: skip
    series = contour_series(two)
    assert [bool(item.label) for item in series] == [True, False, True, True]
    colours = [colour for _, colour in coloured(series)]
    assert colours[0] == colours[1] != colours[2]


@pytest.mark.compiled
def test_command_line(cli):
    words = ("discover", "na64mu", "--mass", "0.1", "--coupling", "1e-3", "--contours",
             "--masses", "0.09,0.11")  # fmt: skip
    answer = json.loads(cli(*words, "--levels", "0.9", "--json").out)
    (contour,) = answer["contours"]
    assert contour["confidence_level"] == 0.9
    (polygon,) = contour["polygons"]
    assert len(polygon["mass_GeV"]) == len(polygon["coupling"]) == 6
    assert polygon["open_ends_GeV"] == [0.09, 0.11]
    assert "regions" in cli(*words).out
    assert cli(*words, "--levels", "high").code == 2
    assert cli(*words, "--levels", "1.5").code == 2


def made_up_rows(q, masses, reach):
    """Rows of a given q of (ln mass, ln coupling), couplings `reach` to both sides of 0."""
    nodes = np.linspace(-reach, reach, 2 * _NODES + 1)
    return [
        _Row(mass, 0.0, 0.0, 0.0, nodes, np.array([q(math.log(mass), x) for x in nodes]), False)
        for mass in masses
    ]


def test_a_known_shape_is_found():
    """q = 6 ((ln m / 0.5)^2 + (ln g / 0.2)^2): at 6 an ellipse of area 0.1 pi."""
    rows = made_up_rows(lambda x, y: 6.0 * ((x / 0.5) ** 2 + (y / 0.2) ** 2),
                        np.exp(np.linspace(-1.0, 1.0, 41)), 0.5)  # fmt: skip
    (polygon,) = _polygons(rows, 6.0)
    x, y = np.log(polygon.mass), np.log(polygon.coupling)
    assert np.hypot(x / 0.5, y / 0.2) == pytest.approx(1.0, abs=0.01)
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    assert area == pytest.approx(math.pi * 0.1, rel=0.01)
    assert polygon.mass[0] == polygon.mass.min()
    assert polygon.open_ends == ()
    # cut by the masses looked at: open there, and closed along the cut
    cut = [row for row in rows if row.mass > math.exp(-0.21)]
    (polygon,) = _polygons(cut, 6.0)
    assert polygon.open_ends == (cut[0].mass,)
    assert np.sum(polygon.mass == cut[0].mass) == 2


def test_two_regions_at_one_mass_are_two():
    """Couplings apart by more than a valley: two edges per mass would join them."""
    rows = made_up_rows(lambda x, y: (x / 0.2) ** 2 + ((abs(y) - 1.0) / 0.1) ** 2,
                        np.exp(np.linspace(-1.0, 1.0, 41)), 2.0)  # fmt: skip
    found = _polygons(rows, 4.0)
    assert len(found) == 2
    ends = sorted((float(p.coupling.min()), float(p.coupling.max())) for p in found)
    expected = [(math.exp(-1.2), math.exp(-0.8)), (math.exp(0.8), math.exp(1.2))]
    assert np.array(ends) == pytest.approx(np.array(expected), rel=0.01)
