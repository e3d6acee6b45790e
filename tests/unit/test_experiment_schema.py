"""What an experiment file may say, and what is answered to mistakes."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from mutau.core.errors import FileError, MutauError, Problems, UnknownName
from mutau.experiment import check_file, load_experiment, replace
from mutau.experiment.loader import from_document

TOY = """
schema = 1
name   = "toy-dump"
source = "inspire:Toy:2031abc"
beam   = { particle = "mu-", energy = "160 GeV", particles = 1e12, because = "table 1" }
target = { material = "tungsten", thickness = "35 cm", because = "sec. 2" }
cuts   = [
    { variable = "e_miss", min = "50 GeV", because = "trigger plateau, sec. 4.2" },
]
background = [
    { name = "punch-through", expected = 0.3, relative_error = 0.5, because = "table 2" }
]
"""

TRACKER = """
[[detector.tracker]]
name = "T1"
arm = "outgoing"
z = "4.1 m"
width = "10 cm"
height = "10 cm"
resolution = "100 um"
because = "x"
"""


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="toy-dump.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def problems_of(path):
    with pytest.raises(Problems) as caught:
        check_file(path)
    return dict(caught.value.problems)


def test_the_smallest_useful_file_in_internal_units(write):
    toy = load_experiment(write(TOY))
    assert (toy.beam.energy, toy.beam.particles) == (160.0, 1e12)
    assert toy.target.thickness == (35.0, False)
    assert toy.target.thickness.cm(radiation_length=0.35) == 35.0
    assert (toy.cuts[0].min, toy.cuts[0].max) == (50.0, None)
    assert toy.background[0].events(1e12) == (0.3, 0.15)
    assert toy.process == "muon-brems"  # a muon beam; stated nowhere in the file
    assert toy.relative_systematic == 0.0


def test_radiation_lengths_stay_what_they_are_until_a_material_is_known(write):
    toy = load_experiment(write(TOY.replace('"35 cm"', '"40 X0"')))
    assert toy.target.thickness == (40.0, True)
    assert toy.target.thickness.cm(radiation_length=0.56) == pytest.approx(22.4, rel=1e-12)
    assert toy.target.extent == 0.0


def test_all_mistakes_are_reported_at_once_with_their_address(write):
    text = (
        TOY.replace('"35 cm"', "35")
        .replace('"e_miss"', '"e_mis"')
        .replace('"160 GeV"', '"160 cm"')
        .replace('because = "table 2"', "becuase = 'table 2'")
    )
    found = problems_of(write(text))
    assert found == {
        "beam/energy": "'160 cm' is not of dimension energy; write for example \"160 GeV\"",
        "target/thickness": '35 has no unit; write for example "35 cm" or "40 X0"',
        "cuts[0]/variable": "cut variable 'e_mis' is unknown; did you mean 'e_miss'?",
        "background[0]/because": (
            "is missing; write where the numbers stand, or why they are assumed"
        ),
        "background[0]/becuase": "this key is unknown; did you mean 'because'?",
    }


def test_the_report_names_the_file_and_counts(write):
    path = write(TOY.replace('"35 cm"', "35"))
    with pytest.raises(Problems) as caught:
        check_file(path)
    assert str(caught.value) == (
        f'{path}: target/thickness: 35 has no unit; write for example "35 cm" or "40 X0"\n'
        "1 problem; nothing was run."
    )


@pytest.mark.parametrize(
    ("old", "new", "address", "message"),
    [
        ("1e12", "-1e12", "beam/particles", "must be above 0"),
        ("1e12", "nan", "beam/particles", "not a finite number"),
        ("1e12", '"many"', "beam/particles", "not a number"),
        ('"160 GeV"', '"-5 GeV"', "beam/energy", "must be above 0"),
        ('"160 GeV"', '"160 GeW"', "beam/energy", "unknown unit 'GeW'"),
        ('"mu-"', '"mu"', "beam/particle", "did you mean 'mu-'?"),
        ("particles = 1e12,", "", "beam", "needs `particles` or `luminosity`"),
        ('"35 cm"', '"0 cm"', "target/thickness", "not a thickness"),
        ('"tungsten"', '"tugnsten"', "target/material", "did you mean 'tungsten'?"),
        ("schema = 1", "schema = 2", "schema", "2 is unknown; allowed: 1"),
        ('"toy-dump"', '"Toy Dump"', "name", "small letters"),
        ("expected = 0.3,", "", "background[0]", "either `expected` or `per_particle`"),
        ("0.5, b", "0.5, error = 1, b", "background[0]", "both `error` and `relative_error`"),
        ('min = "50 GeV", ', "", "cuts[0]", "needs `min`, `max` or both"),
        ('"50 GeV"', '"50 GeV", max = "40 GeV"', "cuts[0]", "is above max"),
        ('"50 GeV"', '"1 mrad"', "cuts[0]/min", "not of dimension energy"),
        ('"e_miss"', '"trigger"', "cuts[0]/min", "takes no bounds"),
        ("[\n    { variable", "[\n 3, { variable", "cuts[0]", "3 is not a table"),
        ('because = "table 1"', 'because = ""', "beam/because", "text that says something"),
    ],
)
def test_each_mistake_has_its_place_and_its_message(write, old, new, address, message):
    assert old in TOY
    found = problems_of(write(TOY.replace(old, new)))
    assert set(found) == {address}
    assert message in found[address]


def test_a_process_must_fit_the_beam(write):
    found = problems_of(
        write(TOY.replace("beam ", 'process = "electron-brems+annihilation"\nbeam '))
    )
    assert "needs a beam of e- or e+, not mu-" in found["process"]


def test_cuts_that_no_event_can_pass_together(write):
    second = '{ variable = "e_miss", max = "40 GeV", because = "x" },\n]\nbackground'
    found = problems_of(write(TOY.replace("]\nbackground", second)))
    assert "no 'e_miss' passes all cuts (50 to 40)" in found["cuts[1]"]


def test_a_trigger_needs_a_counter_that_makes_it(write):
    found = problems_of(write(TOY.replace('"e_miss", min = "50 GeV"', '"trigger"')))
    assert found == {"cuts[0]/variable": "'trigger' needs a counter of role 'trigger'"}


HALL = 'hall = { length = "4 m", width = "2 m", height = "2 m", because = "x" }\n'


def test_outside_the_hall_along_and_across(write):
    text = TOY + HALL + TRACKER
    found = problems_of(write(text))
    assert found == {"detector/tracker[0]/z": "410 cm is outside the hall (hall/length = 400 cm)"}
    found = problems_of(write(text.replace('"4.1 m"', '"3.9 m"\nx = "96 cm"')))
    assert found == {"detector/tracker[0]/x": "91 to 101 cm is outside the hall (-100 to 100 cm)"}
    assert check_file(write(text.replace('"4.1 m"', '"3.9 m"\nx = "95 cm"')))


def test_a_volume_may_not_stick_out_of_the_hall(write):
    text = TOY + HALL.replace("4 m", "34 cm")
    assert "0 to 35 cm is outside the hall" in problems_of(write(text))["target/z"]


ABSORBER = """
[[detector.absorber]]
name = "{name}"
material = "iron"
z = "{z}"
length = "1 m"
width = "{width}"
height = "50 cm"
{more}
because = "x"
"""


def absorber(name, z, width="50 cm", more=""):
    return ABSORBER.format(name=name, z=z, width=width, more=more)


def test_overlapping_volumes(write):
    found = problems_of(write(TOY + absorber("a", "1 m") + absorber("b", "1.9 m")))
    assert found == {"detector/absorber[1]/z": "'b' overlaps 'a' (detector/absorber[0]) over 10 cm"}
    assert check_file(write(TOY + absorber("a", "1 m") + absorber("b", "2 m")))  # they touch
    beside = absorber("b", "1.9 m", more='x = "50 cm"')
    assert check_file(write(TOY + absorber("a", "1 m") + beside))
    hole = 'hole_width = "20 cm"\nhole_height = "60 cm"'
    assert "hole is as large" in next(
        iter(problems_of(write(TOY + absorber("a", "1 m", more=hole))).values())
    )
    hole = hole.replace("60 cm", "50 cm").replace("20 cm", "50 cm")
    ring = absorber("a", "1 m", width="80 cm", more=hole).replace(
        'height = "50 cm"', 'height = "80 cm"', 1
    )
    assert check_file(write(TOY + ring + absorber("b", "1 m")))  # b fits a's hole exactly
    assert problems_of(write(TOY + ring + absorber("b", "1 m", width="51 cm")))


def test_things_inside_the_target_or_inside_a_solid(write):
    assert (
        "overlaps the target (0 to 35 cm)"
        in (problems_of(write(TOY + TRACKER.replace("4.1 m", "20 cm")))["detector/tracker[0]/z"])
    )
    found = problems_of(write(TOY + absorber("a", "1 m") + TRACKER.replace("4.1 m", "1.5 m")))
    assert found["detector/tracker[0]/z"] == "'T1' stands inside 'a'"


def test_two_trackers_in_one_place(write):
    again = TRACKER.replace("T1", "T2")
    found = problems_of(write(TOY + TRACKER + again))
    assert found["detector/tracker[1]/z"] == "'T2' overlaps 'T1'"
    assert check_file(write(TOY + TRACKER + again.replace("4.1 m", "4.11 m")))


MAGNET = """
[[detector.magnet]]
name = "M"
z = "1 m"
length = "2 m"
width = "9 cm"
height = "20 cm"
field_integral = "1.4 T m"
bends_to = "-x"
because = "x"
"""


def test_a_plane_in_a_magnet_must_fit_its_gap(write):
    found = problems_of(write(TOY + MAGNET + TRACKER.replace("4.1 m", "2 m")))
    assert set(found) == {"detector/tracker[0]/x"}
    assert "reaches 5 cm" in found["detector/tracker[0]/x"]
    assert "ends at 4.5 cm" in found["detector/tracker[0]/x"]
    assert check_file(write(TOY + MAGNET + TRACKER))  # behind the magnet it may be larger


def test_a_name_stands_once(write):
    found = problems_of(write(TOY + TRACKER + TRACKER.replace("4.1 m", "4.2 m")))
    assert found == {"detector/tracker[1]/name": "'T1' is already the name of detector/tracker[0]"}


def test_run_periods_make_up_the_exposure(write):
    run = '[[runs]]\nname = "one"\nparticles = 9e11\nbecause = "x"\n'
    found = problems_of(write(TOY + run))
    assert found == {"runs": "have 9e+11 particles together, but beam/particles = 1e+12"}
    text = TOY.replace("particles = 1e12,", "particles = 1e12, particles_error = 1e11,") + run
    assert load_experiment(write(text)).runs[0].observed is None


def test_dipole_by_hand(write):
    magnet = load_experiment(write(TOY + MAGNET)).detector.magnet[0]
    assert magnet.field == pytest.approx(0.7, rel=1e-12)
    # p_T kick 0.299792458 * 1.4 = 0.41971 GeV; at 160 GeV sin = 2.6232e-3
    assert math.sin(magnet.deflection(160.0)) == pytest.approx(0.299792458 * 1.4 / 160, rel=1e-12)
    with pytest.raises(MutauError, match="does not cross magnet 'M'"):
        magnet.deflection(0.4)


def test_stations_and_their_extent(write):
    stations = '"35 cm", stations = 3, pitch = "1 m"'
    assert load_experiment(write(TOY.replace('"35 cm"', stations))).target.extent == 235.0
    found = problems_of(write(TOY.replace('"35 cm"', stations.replace("1 m", "10 cm"))))
    assert "pitch = 10 cm is shorter than one piece (35 cm)" in found["target"]


def test_files_that_cannot_be_read(write, tmp_path):
    with pytest.raises(FileError, match="cannot read"):
        load_experiment(tmp_path / "none.toml")
    with pytest.raises(FileError, match="not a TOML file"):
        load_experiment(write("a = [1,"))
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(FileError, match="UTF-8"):
        load_experiment(tmp_path / "latin.toml")
    with pytest.raises(UnknownName, match="did you mean 'na64mu'"):
        load_experiment("na64nu")


def test_an_empty_file_tells_what_is_needed(write):
    found = problems_of(write(""))
    assert {"schema", "name", "source", "beam", "target"} <= set(found)


def test_a_description_cannot_be_changed(write):
    toy = load_experiment(write(TOY))
    with pytest.raises(Exception, match="frozen"):
        toy.beam.energy = 100.0


def test_replace_makes_a_new_experiment(write):
    toy = load_experiment(write(TOY + TRACKER))
    other = replace(toy, {"beam/energy": "100 GeV", "detector/tracker[T1]/x": "5 mm"})
    assert (other.beam.energy, other.detector["T1"].x) == (100.0, 0.5)
    assert (toy.beam.energy, toy.detector["T1"].x) == (160.0, 0.0)
    assert other.digest != toy.digest
    assert replace(other, {"beam/energy": "160 GeV", "detector/tracker[0]/x": "0 cm"}) == toy
    with pytest.raises(Problems, match="beam/energy: 100 has no unit"):
        replace(toy, "beam/energy", 100)
    with pytest.raises(Problems, match="beam/energie: this key is unknown"):
        replace(toy, "beam/energie", "100 GeV")
    with pytest.raises(UnknownName, match="did you mean 'T1'"):
        replace(toy, "detector/tracker[T2]/x", "3 mm")
    with pytest.raises(MutauError, match="no item 1"):
        replace(toy, "detector/tracker[1]/x", "3 mm")
    with pytest.raises(UnknownName, match="did you mean 'beam'"):
        replace(toy, "bem/energy", "100 GeV")


def test_the_digest_sees_numbers_and_not_words(write):
    toy = load_experiment(write(TOY))
    assert load_experiment(write(TOY.replace("table 1", "table 3"))).digest == toy.digest
    assert load_experiment(write(TOY.replace("160 GeV", "0.160 TeV"))).digest == toy.digest
    assert load_experiment(write(TOY.replace("160 GeV", "161 GeV"))).digest != toy.digest
    assert load_experiment(write(TOY.replace("tungsten", "lead"))).digest != toy.digest


def test_plain_data_and_back(write):
    toy = load_experiment(write(TOY))
    data = toy.to_dict()
    assert from_document(data, "again") == toy
    data["beam"]["energy"] = "1 GeV"  # a copy: the experiment does not follow
    assert toy.to_dict()["beam"]["energy"] == "160 GeV"


def test_importing_the_room_is_light():
    code = (
        "import sys, mutau.experiment; "
        "print([m for m in ('pydantic', 'numba', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
