"""Drawings of set-ups: everything of the file is there, moves with it, and the paths are right."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mutau.analysis.layout import Layout, layout
from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.detector.simulation import simulate
from mutau.experiment import load_experiment, replace
from mutau.report.static import write_figure
from mutau.transport.mean_path import mean_path
from mutau.transport.setup import compile_setup

SVG = "{http://www.w3.org/2000/svg}"


def outlines(path):
    """{id: (N, 2) corners in units of the page} of every group of an SVG that holds a path."""
    found = {}
    for group in ET.parse(path).iter(f"{SVG}g"):
        shapes = group.findall(f"{SVG}path")
        if group.get("id") and shapes:
            numbers = re.findall(r"[-\d.]+ [-\d.]+", shapes[0].get("d"))
            found[group.get("id")] = np.array([[float(v) for v in n.split()] for n in numbers])
    return found


def drawn(experiment, path):
    write_figure(layout(experiment).figure("setup"), path)
    return outlines(path)


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["na64mu", "muone", "na64e", "m3"])
def test_every_element_is_one_element_with_its_name(tmp_path, name):
    experiment = load_experiment(name)
    found = drawn(experiment, tmp_path / "setup.svg")
    names = ["target", *(thing.name for _, thing in experiment.detector.everything())]
    assert set(names) <= set(found)
    text = (tmp_path / "setup.svg").read_text()
    for item in names:
        assert text.count(f'id="{item}"') == 1


@pytest.mark.compiled
@pytest.mark.parametrize(("key", "axis"), [("z", 0), ("x", 1)])
def test_a_moved_element_moves_by_the_same_length(tmp_path, key, axis):
    experiment = load_experiment("na64mu")
    before = drawn(experiment, tmp_path / "a.svg")
    moved = replace(experiment, {f"detector/counter[S1]/{key}": "-20 cm" if axis else "3.5 m"})
    after = drawn(moved, tmp_path / "b.svg")
    # cm to units of the page, from two elements that stay: S0 and S4 along z, the HCAL across
    if axis == 0:
        scale = (after["S4"][0, 0] - after["S0"][0, 0]) / (1430.0 - 50.0)
        expected = -40.0 * scale
    else:
        scale = np.ptp(after["HCAL1"][:, 1]) / 120.0
        expected = 20.0 * scale  # y of a page points down
    shift = after["S1"] - before["S1"]
    np.testing.assert_allclose(shift[:, axis], expected, atol=2e-5)
    np.testing.assert_allclose(shift[:, 1 - axis], 0.0, atol=2e-5)
    others = {thing.name for _, thing in experiment.detector.everything()} - {"S1"}
    for name in {"target", *others}:
        np.testing.assert_allclose(after[name], before[name], atol=2e-5)


@pytest.mark.compiled
def test_sizes_are_to_scale_and_holes_are_open():
    setup = layout(load_experiment("na64mu"))
    for hole, boxes in ((6.0, setup["VHCAL"].top), (3.0, setup["VHCAL"].side)):
        expected = [(460.0, 565.0, -25.0, -hole), (460.0, 565.0, hole, 25.0)]
        np.testing.assert_allclose(boxes, expected)
    np.testing.assert_allclose(setup["S4"].top, [(1430.0, 1430.0, -24.8, -4.8)])
    assert len(layout(load_experiment("muone"))["target"].top) == 40


def test_a_layout_comes_back_from_plain_data():
    setup = layout(load_experiment("na64e"))
    assert Layout.from_dict(setup.to_dict()).to_dict() == setup.to_dict()
    assert any("no gap" in said for said in setup.not_drawn)


@pytest.mark.compiled
@pytest.mark.parametrize("energy", ["160 GeV", "80 GeV"])
def test_the_path_of_the_beam_is_where_simulate_puts_it(energy):
    experiment = replace(
        load_experiment("na64mu"),
        {"beam/energy": energy, "beam/energy_spread": "0 %", "beam/parts": [],
         "beam/spot_x": "0 cm", "beam/spot_y": "0 cm", "beam/divergence_x": "0 mrad",
         "beam/divergence_y": "0 mrad"},
    )  # fmt: skip
    path = next(item for item in layout(experiment).paths if item.label.startswith("beam"))
    hits = next(simulate(experiment, 30_000, seed=3))  # one chunk of it
    for plane, z in enumerate(hits.plane_z):
        there = hits.crossed[:, plane]
        middle = np.median(hits.true_hit[there, plane], axis=0)  # hard losses pull the mean
        np.testing.assert_allclose(np.interp(z, path.z, path.x), middle[0], atol=0.1)
        np.testing.assert_allclose(np.interp(z, path.z, path.y), middle[1], atol=0.1)
    assert abs(path.x[-1]) > 2.0  # cm: it is bent


@pytest.mark.compiled
def test_without_matter_and_field_the_path_is_a_straight_line():
    experiment = load_experiment("muone")
    path = mean_path(
        compile_setup(experiment, None, mean=True), 150.0, (0.0, 0.0, 100.0), (1e-3, 2e-3)
    )
    np.testing.assert_allclose(path[:, 0], 1e-3 * (path[:, 2] - 100.0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(path[:, 1], 2e-3 * (path[:, 2] - 100.0), rtol=1e-12, atol=1e-12)


@pytest.mark.compiled
def test_the_bend_is_that_of_the_field_integral():
    """0.2998 B L/p, without matter before the magnet."""
    experiment = replace(
        load_experiment("na64mu"), {"target/thickness": "1 um", "target/length": "1 um"}
    )
    path = mean_path(compile_setup(experiment, None, mean=True), 80.0)
    behind = (path[:, 2] > 1090.0) & (path[:, 2] <= 1450.0)
    slope = np.polyfit(path[behind, 2], path[behind, 0], 1)[0]
    momentum = np.sqrt(80.0**2 - M_MU**2)
    assert slope == pytest.approx(-np.tan(np.arcsin(0.299792458 * 1.4 / momentum)), rel=1e-6)


def test_what_cannot_be_drawn_is_refused(cli):
    with pytest.raises(MutauError, match="muon energy"):
        layout(load_experiment("na64mu"), 300.0)
    assert cli("draw", "na64e", "--muon-energy", "50").code == 2
    assert cli("draw", "na64mu", "-o", "setup.jpg").code == 2


@pytest.mark.compiled
def test_the_verb_writes_the_drawing(cli, tmp_path):
    out = tmp_path / "setup.pdf"
    done = cli("draw", "na64mu", "--muon-energy", "60GeV", "-o", str(out), "--json")
    assert done.code == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert any(item["label"] == "signal muon, 60 GeV" for item in json.loads(done.out)["paths"])
