"""Round counters: a radius in the place of width and height, seen as a disc or refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import M_MU
from mutau.core.errors import NotApplicable, Problems
from mutau.core.random import stream
from mutau.detector.geometry import build_geometry
from mutau.detector.simulation import simulate_chunk
from mutau.detector.trigger import beam_through, trigger_efficiency
from mutau.experiment import load_experiment
from mutau.experiment.loader import from_document
from mutau.transport.pieces import boxes_of
from mutau.transport.walls import within

R = 3.0


def shaped(name="S0", experiment="na64mu", changes=None, **shape):
    """The experiment with one thing of another shape."""
    document = load_experiment(experiment).to_dict()
    for place, value in (changes or {}).items():
        table, key = place.split("/")
        document[table][key] = value
    for things in document["detector"].values():
        for thing in things if isinstance(things, list) else ():
            if thing["name"] == name:
                for key in ("width", "height", "radius"):
                    thing.pop(key, None)
                thing |= shape
    return from_document(document, experiment)


ROUND = {"radius": f"{R} cm"}
INSIDE = dict.fromkeys(("width", "height"), f"{R * math.sqrt(2.0)} cm")
AROUND = dict.fromkeys(("width", "height"), f"{2.0 * R} cm")


@pytest.mark.compiled
def test_a_disc_covers_pi_over_four_of_its_square():
    """A uniform beam, by the description and by the kernel that all walks ask."""
    item = shaped(**ROUND).detector["S0"]
    n = 200_000
    x, y = stream(3).uniform(-R, R, (2, n))
    seen = item.covers(x, y)
    sigma = math.sqrt(math.pi / 4.0 * (1.0 - math.pi / 4.0) / n)
    assert seen.mean() == pytest.approx(math.pi / 4.0, abs=5.0 * sigma)
    (piece,) = boxes_of([item])
    kernel = [within(float(a), float(b), piece) for a, b in zip(x[:5000], y[:5000], strict=True)]
    assert np.array_equal(kernel, seen[:5000])
    square = shaped(**AROUND).detector["S0"]
    assert square.covers(x, y).all()
    assert item.half_sizes == square.half_sizes == (R, R)


def test_edges_and_holes():
    item = shaped(**ROUND, hole_width="2 cm", hole_height="1 cm").detector["S0"]
    assert item.covers(R, 0.0)
    assert not item.covers(2.2, 2.2)  # 3.1 cm from the middle, inside the square
    assert not item.covers(0.9, 0.4)
    assert item.covers(0.9, 0.6)


@pytest.mark.compiled
def test_the_fast_trigger_sees_a_disc():
    """Gaussian spot of 3 cm without divergence: 1 - exp(-r^2/2s^2) = 0.3935 of the beam meets the
    disc, erf(r/s/sqrt 2)^2 = 0.4661 its square."""
    beam = {f"beam/{key}": value for key, value in (
        ("spot_x", "3 cm"), ("spot_y", "3 cm"), ("divergence_x", "0 rad"),
        ("divergence_y", "0 rad"))}  # fmt: skip
    document = shaped("S1", changes=beam, width="100 cm", height="100 cm").to_dict()
    document["beam"].pop("parts", None)
    n, found = 40_000, {}
    for name, shape in (("disc", ROUND), ("inside", INSIDE), ("around", AROUND)):
        thing = document["detector"]["counter"][0]
        for key in ("width", "height", "radius"):
            thing.pop(key, None)
        thing |= shape
        found[name] = beam_through(from_document(document, "x"), n, stream(1)).beam_acceptance
    assert found["inside"] < found["disc"] < found["around"]
    for name, share in (
        ("disc", 1.0 - math.exp(-0.5)), ("around", math.erf(math.sqrt(0.5)) ** 2),
        ("inside", math.erf(0.5) ** 2),
    ):  # fmt: skip
        sigma = math.sqrt(share * (1.0 - share) / n)
        assert found[name] == pytest.approx(share, abs=5.0 * sigma), name


@pytest.mark.compiled
def test_the_trigger_efficiency_lies_between_inscribed_and_circumscribed_squares():
    """Scattered muons of 20 to 100 GeV that the magnet spreads over S4."""
    size, n = 10.0, 4000
    shapes = {
        "inside": dict.fromkeys(("width", "height"), f"{size * math.sqrt(2.0)} cm"),
        "disc": {"radius": f"{size} cm"},
        "around": dict.fromkeys(("width", "height"), f"{2.0 * size} cm"),
    }
    energy = np.linspace(20.0, 100.0, n)
    p4 = np.zeros((n, 4))
    p4[:, 2] = 8e-3 * energy * np.tile([-1.0, -0.5, 0.0, 0.5, 1.0], n // 5)
    p4[:, 0], p4[:, 3] = energy, np.sqrt(energy**2 - M_MU**2 - p4[:, 2] ** 2)
    found = {
        name: trigger_efficiency(p4, None, shaped("S4", **shape), stream(2))
        for name, shape in shapes.items()
    }
    low, disc, high = (found[name].efficiency for name in shapes)
    assert low + 3.0 * found["disc"].error < disc < high - 3.0 * found["disc"].error


@pytest.mark.compiled
def test_the_full_simulation_sees_a_disc():
    """Of the muons on the square around it, those of the full simulation that fire the disc are
    the ones within the radius."""
    counts = {}
    for name, shape in (("inside", INSIDE), ("disc", ROUND), ("around", AROUND)):
        hits = simulate_chunk(shaped(**shape), 400, 1, 0)
        bit = 1 << [c.name for c in load_experiment("na64mu").detector.counter].index("S0")
        counts[name] = int(np.count_nonzero(hits.counters & bit))
    assert counts["inside"] < counts["disc"] < counts["around"]


@pytest.mark.parametrize(
    ("name", "shape", "text"),
    [
        ("S0", {"radius": "3 cm", "width": "6 cm"}, "states `radius` beside `width` or `height`"),
        ("S0", {}, "`width and height` is missing (or a `radius`)"),
        ("S0", {"width": "6 cm"}, "`height` is missing (or a `radius`)"),
        ("Vm1", {"radius": "10 cm"}, "the hole is as large as the thing itself"),
        ("MS2", {"radius": "10 cm"}, "a magnet is rectangular"),
    ],
)
def test_mistakes_have_their_place(name, shape, text):
    if name == "MS2":
        name = load_experiment("na64mu").detector.magnet[0].name
    with pytest.raises(Problems) as caught:
        shaped(name, **shape)
    ((place, message),) = caught.value.problems
    assert place.startswith("detector/")
    assert text in message


def test_discs_that_miss_each_other_do_not_overlap():
    """Two round absorbers of radius 10 side by side on the diagonal: their squares share space."""
    document = load_experiment("na64mu").to_dict()
    document["hall"] |= {"width": "4 m", "height": "4 m"}
    z = f"{document['detector']['counter'][1]['z']}"
    assert z == "3.9 m"
    pair = [
        {"name": f"A{i}", "material": "iron", "length": "1 cm", "z": "1 m", "radius": "10 cm",
         "x": f"{100 + shift} cm", "y": f"{100 + shift} cm", "because": "x"}
        for i, shift in enumerate((0.0, 15.0))
    ]  # fmt: skip
    document["detector"]["absorber"] = [*document["detector"].get("absorber", []), *pair]
    item = from_document(document, "x")  # 15 sqrt 2 = 21.2 cm apart, 20 cm needed
    pair[1]["x"] = pair[1]["y"] = "113 cm"  # 18.4 cm
    with pytest.raises(Problems, match="'A1' overlaps 'A0'"):
        from_document(document, "x")
    with pytest.raises(NotApplicable, match=r"'A0' is round \(radius = 10 cm\), and this"):
        build_geometry(item)


@pytest.mark.compiled
def test_the_counters_behind_the_spectrometer_are_discs():
    """States that end on a counter's corner hit the square and not the disc in it."""
    from mutau.background.momentum_sampling import counters_hit, spectrometer

    disc, square = (
        spectrometer(shaped("Smu", **shape))
        for shape in ({"radius": "60 cm"}, {"width": "120 cm", "height": "120 cm"})
    )
    (i,) = (i for i, c in enumerate(disc.counters) if c.name == "Smu")
    middle = disc.counters[i]
    ends = np.zeros((3, 5))
    ends[:, 0] = middle.x + np.array([0.0, 55.0, 59.0])
    ends[:, 1] = middle.y + np.array([0.0, 55.0, 0.0])
    assert counters_hit(disc, ends)[:, i].tolist() == [True, False, True]
    assert counters_hit(square, ends)[:, i].tolist() == [True, True, True]


def test_round_counters_are_stated_and_digested():
    disc, around = shaped(**ROUND), shaped(**AROUND)
    assert disc.digest != around.digest
    assert from_document(disc.to_dict(), "x") == disc
    dumped = disc.model_dump()["detector"]["counter"][0]
    assert dumped["radius"] == R
    assert "width" not in dumped
    assert "radius" not in around.model_dump()["detector"]["counter"][0]
