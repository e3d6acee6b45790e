"""Numbers out of text, bit for bit; HepMC3 files by the kernel and by the library."""

from fractions import Fraction

import numpy as np
import pyhepmc
import pytest

from mutau.core.errors import FileError
from mutau.core.random import stream
from mutau.core.types import Events
from mutau.sampling import event_files_hepmc as hepmc
from mutau.io.event_files import read_events, write_events
from mutau.io.event_files_parse import powers_of_ten, read_float, read_int
from mutau.io.event_files_text import exact_product

COLUMNS = "pdg event status p4 x4 weight".split()


def number(word):
    return read_float(np.frombuffer(word.encode() + b"\n", np.uint8), 0, *powers_of_ten())


def test_every_certain_number_is_the_float64_that_python_reads():
    rng, certain = stream(1), 0
    for i in range(3000):
        x = float(rng.normal() * 10.0 ** rng.integers(-300, 300))
        for word in (repr(x), f"{x:.16e}", f"{x:.17e}", f"{x:.5e}", f"{i}.{i}"):
            value, end, sure = number(word)
            assert end == len(word)
            assert not sure or value == float(word), word
            certain += sure
    assert certain > 0.9 * 15_000


@pytest.mark.parametrize(
    ("word", "sure"),
    [
        ("9007199254740993", False),  # 2^53 + 1, half way between two float64
        ("9007199254740992", True),
        ("9007199254740993.1", True),  # beyond half way
        ("1234567890123456789", False),  # more digits than an int64 surely holds
        ("1e300", False),  # beyond the table
        ("-0.0", True),
        ("12", True),
        ("1.5e-3", True),
    ],
)
def test_numbers_that_python_is_asked_for(word, sure):
    value, end, certain = number(word)
    assert (end, certain) == (len(word), sure)
    if sure:
        assert str(value) == str(float(word))


@pytest.mark.parametrize("word", ["nan", "inf", "-", ".5", "e5", "1e", "1e+", "+1"])
def test_what_is_no_number(word):
    assert number(word)[1] == -1


def test_integers():
    text = np.frombuffer(b"-211 \nx", np.uint8)
    assert read_int(text, 0) == (-211, 4)
    assert read_int(text, 6)[1] == -1


@pytest.fixture
def events():
    rng = stream(2)
    p4 = rng.normal(size=(40, 4))
    p4[:, 0] = np.sqrt(np.sum(p4[:, 1:] ** 2, axis=1) + 1.0)
    return Events(
        np.tile(np.array([13, 11, 13, 32], np.int32), 10), np.repeat(np.arange(10), 4),
        np.tile(np.array([-1, -1, 1, 1], np.int8), 10), p4,
        np.repeat(rng.normal(size=(10, 4)), 4, axis=0), np.repeat(rng.random(10), 4),
        {"sigma_pb": 2.5},
    )  # fmt: skip


def both_ways(path, monkeypatch):
    """The file by the kernel, and by the library."""
    assert hepmc._read_simple(path) is not None
    ours = read_events(path)
    monkeypatch.setattr(hepmc, "_read_simple", lambda path: None)
    return ours, read_events(path)


def assert_same(a, b):
    assert a.meta == b.meta
    for name in COLUMNS:
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


def test_the_kernel_reads_what_the_library_reads(tmp_path, monkeypatch, events):
    write_events(events, tmp_path / "e.hepmc.gz")
    assert_same(*both_ways(tmp_path / "e.hepmc.gz", monkeypatch))


def event_of_two_vertices(number, vertices):
    """mu e -> mu' Z', and Z' -> nu nu at another place if there are two vertices."""
    event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    event.event_number = number
    event.weights = [0.25 * (number + 1)]
    beam, electron = (
        pyhepmc.GenParticle(p, pdg, 4) for p, pdg in (((0, 0, 5, 6), 13), ((0, 0, 0, 1), 11))
    )
    out, boson = (
        pyhepmc.GenParticle(p, pdg, s)
        for p, pdg, s in (((0, 0, 2, 3), 13, 1), ((0, 0, 3, 4), 32, 3 - vertices))
    )
    first = pyhepmc.GenVertex((0.1, 0.2, 0.3, 0.4 + number))
    for particle in (beam, electron):
        first.add_particle_in(particle)
    for particle in (out, boson):
        first.add_particle_out(particle)
    event.add_vertex(first)
    if vertices == 2:
        boson.status = 2
        second = pyhepmc.GenVertex((1.0, 2.0, 3.0, 4.0))
        second.add_particle_in(boson)
        for pdg in (14, -14):
            second.add_particle_out(pyhepmc.GenParticle((0, 0, 1.5, 2), pdg, 1))
        event.add_vertex(second)
    return event


def test_files_of_another_program(tmp_path, monkeypatch):
    path = tmp_path / "e.hepmc"
    with pyhepmc.open(path, "w") as file:
        for number in range(3):
            file.write(event_of_two_vertices(number, 1))
    ours, theirs = both_ways(path, monkeypatch)
    assert_same(ours, theirs)
    assert ours.x4[4].tolist() == pytest.approx([0.14, 0.01, 0.02, 0.03])  # cm
    assert ours.weight[::4].tolist() == [0.25, 0.5, 0.75]


def test_decays_are_left_to_the_library(tmp_path):
    path = tmp_path / "e.hepmc"
    with pyhepmc.open(path, "w") as file:
        for vertices in (1, 2):
            file.write(event_of_two_vertices(vertices, vertices))
    assert hepmc._read_simple(path) is None
    found = read_events(path)
    assert found.pdg.tolist() == [13, 11, 13, 32, 13, 11, 13, 32, 14, -14]
    assert found.x4[-1].tolist() == pytest.approx([0.4, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("line", "spoilt"),
    [
        (b"P 3 -1 13", b"P 4 -1 13"),
        (b"P 3 -1 13", b"P 3 -1  13"),
        (b"V -1 0 [1,2]", b"V -1 0 [1;2]"),
        (b"E 5 1 4", b"E 5 1 5"),
        (b"U GEV MM\nW", b"U GEV MM x\nW"),
    ],
)
def test_a_spoilt_line_is_not_for_the_kernel(tmp_path, events, line, spoilt):
    path = tmp_path / "e.hepmc"
    write_events(events, path)
    path.write_bytes(path.read_bytes().replace(line, spoilt, 1))
    assert hepmc._read_simple(path) is None
    if b"U" not in line:
        with pytest.raises(FileError):
            read_events(path)


def test_a_product_and_what_rounding_took():
    """Against fractions: exactly a b, for numbers whose product needs 106 bits."""
    rng = np.random.default_rng(3)
    for a, b in rng.normal(size=(200, 2)) * [1e8, 1e-20]:
        product, error = exact_product(a, b)
        assert product == a * b
        assert Fraction(product) + Fraction(error) == Fraction(a) * Fraction(b)
