"""Les Houches event files: the weights, beams and masses they state, against numbers by hand."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import FileError, MutauError
from mutau.core.types import Events
from mutau.io.event_files import read_events, write_events

LEAD = 1000822080
M_LEAD = 193.7
M_Z = 0.1


def brems(weights, energies=(160.0, 150.0, 140.0), **meta):
    """mu Pb -> mu Pb Z' with all momenta along the beam; a quarter of the energy to the muon."""
    rows, event, place = [], [], []
    for i, energy in enumerate(energies):
        p, e_z = np.sqrt(energy**2 - M_MU**2), 0.75 * energy
        p_mu, p_z = np.sqrt((0.25 * energy) ** 2 - M_MU**2), np.sqrt(e_z**2 - M_Z**2)
        rows += [
            [energy, 0, 0, p],
            [M_LEAD, 0, 0, 0],
            [0.25 * energy, 0, 0, p_mu],
            [np.hypot(M_LEAD, p - p_mu - p_z), 0, 0, p - p_mu - p_z],
            [e_z, 0, 0, p_z],
        ]
        event += [i] * 5
        place += [[i * 2.5, 0, 0, i * 2.5]] * 5
    n = len(energies)
    return Events(
        np.tile(np.array([13, LEAD, 13, LEAD, 32], dtype=np.int32), n),
        np.array(event),
        np.tile(np.array([-1, -1, 1, 1, 1], dtype=np.int8), n),
        np.array(rows),
        np.array(place, dtype=float),
        np.repeat(np.asarray(weights, dtype=float), 5),
        {"sigma_pb": 9.5, "seed": 4, **meta},
    )


def text_of(events, tmp_path, **options):
    write_events(events, tmp_path / "e.lhe", **options)
    return (tmp_path / "e.lhe").read_text(encoding="utf-8")


def init_of(text):
    body = text.split("<init>\n")[1].split("<generator")[0]
    return [[float(word) for word in line.split()] for line in body.splitlines()]


def xwgtup_of(text):
    return [float(line.split()[2]) for line in re.findall(r"<event>\n(.*)", text)]


def test_equal_weights_are_unit_weights_with_the_cross_section_beside(tmp_path):
    text = text_of(brems([0.4, 0.4, 0.4]), tmp_path, process_id=7)
    beams, process = init_of(text)
    assert beams == [13, LEAD, 160.0, M_LEAD, 0, 0, 0, 0, 3, 1]
    assert process == [9.5, 0.0, 1.0, 7]
    assert xwgtup_of(text) == [1.0, 1.0, 1.0]
    assert list(read_events(tmp_path / "e.lhe").weight[::5]) == [0.4, 0.4, 0.4]


def test_unequal_weights_are_in_pb_and_average_to_the_cross_section(tmp_path):
    # exposure = (0.1 + 0.2 + 0.7) / 9.5 pb; one of three events weighs w / exposure * 3
    text = text_of(brems([0.1, 0.2, 0.7], sigma_err_pb=0.3), tmp_path)
    beams, process = init_of(text)
    assert beams[8] == -4
    np.testing.assert_allclose(xwgtup_of(text), [2.85, 5.7, 19.95], rtol=1e-14)
    np.testing.assert_allclose(process, [9.5, 0.3, 19.95, 1], rtol=1e-14)


def test_negative_weights_are_kept(tmp_path):
    text = text_of(brems([0.5, -0.1, 0.6]), tmp_path)
    np.testing.assert_allclose(np.mean(xwgtup_of(text)), 9.5, rtol=1e-14)
    back = read_events(tmp_path / "e.lhe").weight[::5]
    np.testing.assert_allclose(back, [0.5, -0.1, 0.6], rtol=1e-15)


def test_a_part_of_a_file_keeps_the_expected_numbers(tmp_path):
    text = text_of(brems([0.1, 0.2, 0.7]), tmp_path)
    first, last = text.index("<event>"), text.index("</event>") + len("</event>\n")
    (tmp_path / "e.lhe").write_text(text[:first] + text[last:], encoding="utf-8")
    back = read_events(tmp_path / "e.lhe")
    np.testing.assert_allclose(back.weight[::5], [0.2, 0.7], rtol=1e-15)
    assert list(back.event[::5]) == [1, 2]
    assert list(back.x4[::5, 3]) == [2.5, 5.0]


def test_masses_are_known_ones_or_follow_from_the_four_momentum(tmp_path):
    pattern = re.compile(r"^(\d+) -?1 .* (\S+) 0\.0 9\.0$", re.MULTILINE)
    for mass_gev, written in [
        (M_Z, M_Z),  # known: to the last bit
        (0.001, pytest.approx(M_Z, rel=1e-7)),  # not on that shell: E^2 - p^2, 1e-16 (E/m)^2
    ]:
        found = pattern.findall(text_of(brems([1.0] * 3, mass_GeV=mass_gev), tmp_path))
        assert len(found) == 15
        masses = {int(pdg): float(mass) for pdg, mass in found}
        assert masses == {13: M_MU, LEAD: pytest.approx(M_LEAD, rel=1e-15), 32: written}


def test_a_light_particle_far_above_its_mass(tmp_path):
    # p 1e-15 too large: E^2 - p^2 off by 2 p^2 1e-15 = 2e-11 GeV^2, a share 8e-5 of m_e^2
    p4 = np.zeros((4, 4))
    p4[[0, 2], 0] = 100.0
    p4[[0, 2], 3] = np.sqrt(100.0**2 - M_E**2) * (1.0 + 1e-15)
    p4[[1, 3], 0] = M_LEAD
    sample = Events(
        np.array([11, LEAD, -11, LEAD], dtype=np.int32),
        np.zeros(4, dtype=np.int64),
        np.array([-1, -1, 1, 1], dtype=np.int8),
        p4,
        np.zeros((4, 4)),
        np.ones(4),
        {"sigma_pb": 1.0},
    )
    text = text_of(sample, tmp_path)
    masses = [float(line.split()[10]) for line in text.splitlines() if line.endswith(" 0.0 9.0")]
    assert masses == [M_E, M_LEAD, M_E, M_LEAD]
    assert "#x4" not in text  # at the origin, numbered from 0: nothing to say


def test_the_beam_energy_and_alpha_of_the_meta_data(tmp_path):
    text = text_of(brems([1.0] * 3, beam_energy_GeV=161.5, alpha=1 / 127.9), tmp_path)
    assert init_of(text)[0][2] == 161.5
    assert re.findall(r"<event>\n5 1 \S+ -1.0 (\S+) -1.0", text) == [repr(1 / 127.9)] * 3


def test_the_file_is_well_formed_whatever_the_header_holds(tmp_path):
    words = {"note": "-- <event> </init> & ]]> \\u00e9 é", "digests": {"a": "b"}}
    root = ET.fromstring(text_of(brems([1.0, 2.0, 3.0], **words), tmp_path))
    assert root.tag == "LesHouchesEvents"
    assert root.attrib == {"version": "3.0"}
    assert [child.tag for child in root] == ["header", "init", "event", "event", "event"]
    assert read_events(tmp_path / "e.lhe").meta["note"] == words["note"]


def test_the_target_may_stand_first_and_comes_second(tmp_path):
    order = np.array([3, 1, 4, 0, 2])  # recoil, target, Z', beam, muon
    sample = brems([1.0, 2.0, 3.0])
    mixed = sample.select(np.concatenate([order, order + 5, order + 10]))
    assert init_of(text_of(mixed, tmp_path))[0][:2] == [13, LEAD]
    back = read_events(tmp_path / "e.lhe")
    assert list(back.pdg[:5]) == [13, LEAD, LEAD, 32, 13]
    assert list(back.status[:5]) == [-1, -1, 1, 1, 1]


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"sigma_pb": None}, "states a cross section"),
        ({"sigma_pb": -1.0}, "cross section -1"),
        ({"sigma_pb": float("nan")}, "cross section nan"),
        ({"sigma_err_pb": float("inf")}, "inf pb"),
        ({"note": float("nan")}, "meta data"),
        ({"note": object()}, "no JSON form"),
    ],
)
def test_meta_data_that_cannot_be_stated_are_refused(tmp_path, meta, message):
    with pytest.raises(MutauError, match=message):
        write_events(brems([1.0, 2.0, 3.0], **meta), tmp_path / "e.lhe")
    assert list(tmp_path.iterdir()) == []


def test_beams_and_weights_that_cannot_be_stated_are_refused(tmp_path):
    sample = brems([1.0, 2.0, 3.0])
    alone = sample.select(np.arange(15) != 1)
    with pytest.raises(MutauError, match=r"1 incoming .*add the target at rest"):
        write_events(alone, tmp_path / "e.lhe")
    with pytest.raises(MutauError, match="no incoming"):
        write_events(sample.select(sample.status > 0), tmp_path / "e.lhe")
    with pytest.raises(MutauError, match="add up to 0"):
        write_events(brems([1.0, -1.0, 0.0]), tmp_path / "e.lhe")
    other = Events(sample.pdg, sample.event, sample.status * 2, sample.p4, sample.x4, sample.weight)
    with pytest.raises(MutauError, match="status -2 cannot"):
        write_events(other, tmp_path / "e.lhe")


FOREIGN = """<LesHouchesEvents version="3.0">
<!-- another program -->
<header><card> a = 1 # b < c </card></header>
<init>
2212 2212 6500 6500 0 0 247000 247000 {strategy} 2
20.0 3.0 1.0 1
10.0 4.0 1.0 2
<generator name='other' version='1'>cite: x</generator>
</init>
<event>
 4  1 {first} 91.2 0.0078 0.118
 2 -1 0 0 501 0 0. 0. +50. 50. 0. 0. 1.
-2 -1 0 0 0 501 0. 0. -50. 50. 0. 0. -1.
23  2 1 2 0 0 0. 0. 0. 100. 100. 0. 9.
13  1 3 3 0 0 1e1 0. 0. 1.0e+01 0.10566 0. 9.
#other 1 2 3
<rwgt><wgt id='1'> 7.0 </wgt></rwgt>
</event>
<event npNLO="1">
 1 2 {second} 91.2 0.0078 0.118
 21 -1 0 0 501 502 0 0 1D0 1 0 0 9
</event>
</LesHouchesEvents>
"""


@pytest.mark.parametrize("strategy", [3, -4])
def test_another_programs_file_is_read_at_one_inverse_picobarn(tmp_path, strategy):
    path = tmp_path / "f.lhe"
    first, second = (1.0, 1.0) if strategy == 3 else (45.0, 15.0)
    path.write_text(FOREIGN.format(strategy=strategy, first=first, second=second), encoding="utf-8")
    back = read_events(path)
    assert list(back.pdg) == [2, -2, 23, 13, 21]
    assert list(back.status) == [-1, -1, 2, 1, -1]
    assert list(back.event) == [0, 0, 0, 0, 1]
    assert list(back.p4[3]) == [10.0, 10.0, 0.0, 0.0]
    # 3: hypot(3, 4) of XERRUP; -4: of the mean of 45 and 15, 15 / sqrt(2)
    error = 5.0 if strategy == 3 else pytest.approx(15.0 / np.sqrt(2.0))
    assert dict(back.meta) == {"sigma_pb": 30.0, "sigma_err_pb": error}
    assert list(back.p4[4]) == [1.0, 0.0, 0.0, 1.0]  # 1D0
    expected = [15.0, 15.0] if strategy == 3 else [22.5, 7.5]
    np.testing.assert_allclose(back.weight[[0, 4]], expected, rtol=1e-14)


def foreign(tmp_path, *changes, strategy=3, first=1.0, second=1.0):
    """The file of another program, with some of its text replaced (each piece stands in it)."""
    text = FOREIGN.format(strategy=strategy, first=first, second=second)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "f.lhe").write_text(text, encoding="utf-8")
    return tmp_path / "f.lhe"


END = "</LesHouchesEvents>"


@pytest.mark.parametrize(
    "changes",
    [
        [("<LesH", "<?xml version='1.0'?>\n<!-- by -- a program -->\n# of ours\n<LesH")],
        [(END, "# statistics: a < b & c\n<!-- a -- b -->\n" + END)],
        [(END, END + "\n#Random number generator exit values: 1 2 3")],  # POWHEG
        [(END, END + "\n<!-- a < b -- c -->\n# d\n")],
        [("<event>", "# a comment\n<!-- <event> 1 2 </event> -->\n<event>")],
        [("</init>", "<initrwgt><weight id='1'> muR < 2 & more </weight></initrwgt></init>")],
        [("<init>\n", "<init>\n<initrwgt><weight id='1'/></initrwgt>\n# of the proton\n")],
        [("</card>", "</card><initrwgt><weight id='1'> a & b </weight></initrwgt>")],
        [("2212 2212", "  +2212   2212 "), ("20.0 3.0", "2.0d+01 .3E1")],
        [("\n-2 -1 0", "\n\n# anti-quark\n   -2 -1 0"), ("50. 0. 0. 1.", "50. 0. 0. 1. # up")],
        [("\n-2 -1 0", "\n<!-- anti-quark -->\n-2 -1 0")],
        [("<rwgt>", "<mgrwt><rscale> 2 0.1</rscale></mgrwt><scales muf='1'/>\n<rwgt>")],
        [("\n", "\r\n")],
    ],
)  # fmt: skip
def test_what_generators_write_is_read(tmp_path, changes):
    plain = read_events(foreign(tmp_path))
    back = read_events(foreign(tmp_path, *changes))
    assert dict(back.meta) == dict(plain.meta)
    for name in ("pdg", "event", "status", "p4", "x4", "weight"):
        assert np.array_equal(getattr(back, name), getattr(plain, name)), name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" 4  1 1.0", " 5  1 1.0", r"line 10, event 1: 4 particles where 5 are announced"),
        (" 4  1 1.0", " 4.5  1 1.0", r"line 11, event 1: .* no whole number"),
        (" 4  1 1.0", " 4  1 x", r"line 11, event 1: 'x' is not a number"),
        (" 4  1 1.0", " 4  1 1.0-100", r"'1.0-100' is not a number"),
        (" 4  1 1.0", " 4  1 1_0", r"'1_0' is not a number"),
        (" 4  1 1.0", " 4  1 1.0 7", r"line 11, event 1: 7 numbers where 6 belong"),
        ("13  1 3 3", "13.5  1 3 3", r"line 15, event 1: .* no whole number"),
        ("13  1 3 3", "99999999999  1 3 3", "PDG code is out of range"),
        ("13  1 3 3", "13  77 3 3", "status"),
        ("13  1 3 3", "3 3", "line 15, event 1: 11 numbers where 13 belong"),
        ("0.10566 0. 9.", "0.10566 0. 9. 1.", "line 15, event 1: 14 numbers where 13 belong"),
        ("0.10566", "nan", "line 15, event 1: 'nan' is not a number"),
        ("1.0e+01", "1e999", "not finite"),
        ("20.0 3.0 1.0 1\n", "", "<init>: 14 numbers, not 10 and 4 for each of 2"),
        ("20.0 3.0 1.0 1", "20.0 3.0 1.0 1 5", "<init>: 19 numbers"),
        ("2212 2212", "2212.5 2212", "<init>: '2212.5' is no whole number"),
        ("20.0 3.0", "20,0 3.0", "<init>: '20,0' is not a number"),
        ("20.0 3.0", "1e999 3.0", "XSECUP inf"),
        ("247000 3 2", "247000 5 2", "IDWTUP 5; allowed: 1, 2, 3, 4 and their negatives"),
        ("247000 3 2", "247000 0 2", "IDWTUP 0"),
        (END, "", "line 24, event 3: its end is missing"),
        (END, END + "\n13 1 0 0", "'13 1 0 0' after its end"),
        ("<LesH", "oops <LesH", "'oops' before <LesHouchesEvents>"),
        ("<LesH", "<!DOCTYPE x [<!ENTITY a 'b'>]><LesH", "DOCTYPE.* before <LesHouchesEvents>"),
        ("</event>\n<event ", "</event>\n oops <event ", "line 19, event 2: 'oops <event"),
        ("<event npNLO", "<eventgroup>\n<event npNLO", "<eventgroup> between events is not known"),
        ("</init>", "", "no <LesHouchesEvents> with a complete <init>"),
        ("<init>", "<event>1</event><init>", "an event before <init>"),
        ("<rwgt><wgt id='1'> 7.0 </wgt></rwgt>", "<weights> 7.0 8.0 </weights>",
         "line 17, event 1: 2 weights where <initrwgt> names 1"),
        ("</rwgt>", "</rwgt>\n13 1 3 3", "line 17, event 1: '13 1 3 3' behind its particles"),
        ("</rwgt>\n</event>", "</rwgt>", "line 17, event 1: an event begins within it"),
    ],
)  # fmt: skip
def test_damage_in_another_programs_file_is_located(tmp_path, old, new, message):
    names = ("</card>", "</card><initrwgt><weight id='1'/></initrwgt>")
    with pytest.raises(FileError, match=message) as caught:
        read_events(foreign(tmp_path, names, (old, new)))
    assert "f.lhe" in str(caught.value)


def test_lifetimes_displace_what_decays(tmp_path):
    # Z of (E, pz, m) = (100, 60, 80): c tau 20 mm = 2 cm gives 2 (100, 0, 0, 60)/80 cm; its muon
    # starts there and lives on: its own lifetime moves nothing
    path = foreign(
        tmp_path,
        ("0. 0. 0. 100. 100. 0. 9.", "0. 0. 60. 100. 80. 20. 9."),
        ("0.10566 0. 9.", "0.10566 658654. 9."),
    )
    x4 = read_events(path).x4
    assert not np.any(x4[[0, 1, 2, 4]])
    np.testing.assert_allclose(x4[3], [2.5, 0.0, 0.0, 1.5], rtol=1e-15)
    for old, new, message in [
        ("60. 100. 80.", "60. 100. 0.", "lifetime 20 mm of a mass of 0 GeV"),
        ("13  1 3 3", "13  1 4 4", "before its mother 4"),
    ]:
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(FileError, match=message):
            read_events(path)
        path.write_text(path.read_text().replace(new, old))


def test_our_header_and_the_rest_of_the_file_say_the_same(tmp_path):
    path = tmp_path / "e.lhe"
    text = text_of(brems([0.1, 0.2, 0.7]), tmp_path)
    for old, new, message in [
        ("9.5 0.0 19.95", "19.0 0.0 19.95", r"\(-4, \[19.0\]\).*9.5 pb"),
        (" -4 1\n", " 2 1\n", r"\(2, \[9.5\]\)"),
        ('"weight_per_XWGTUP": 0', '"weight_per_XWGTUP": -0', "weight_per_XWGTUP of its header"),
        ('"weight_per_XWGTUP": 0', '"weight_per_XWGTUP": true, "x": 0', "is True"),
        ('"seed": 4', '"seed": NaN', "NaN is not a number"),
        ('"seed": 4', '"seed": ' + "[" * 100_000 + "]" * 100_000, "recursion"),
        ("<mutau>", "<mutua>", "our header is missing"),
        ("#x4 1 ", "#x4 1.5 ", "an event number"),
        ("#x4 1 2.5 ", "#x4 1 ", "line 28, event 2: '#x4 1 0.0 0.0 2.5' is not event, ct"),
    ]:
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(FileError, match=message):
            read_events(path)
