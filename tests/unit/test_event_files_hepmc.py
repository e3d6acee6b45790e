"""HepMC files of other programs: what is used, and what is refused by its name."""

from __future__ import annotations

import gzip
import os
import resource

import awkward as ak
import numpy as np
import pyhepmc
import pytest
import uproot

from mutau.core.errors import FileError, MutauError
from mutau.core.types import Events
from mutau.io.event_files import SUFFIXES, read_events, write_events
from mutau.transport.beam_files import read_beam

HEAD = "HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\n"
END = "HepMC::Asciiv3-END_EVENT_LISTING\n\n"
#: mu e -> mu Z' at (1, 2, 3; 4) mm, Z' -> nu nu at (10, 20, 30; 40) mm
EVENT = """E {number} 2 6
U GEV MM
W {weights}
A 0 GenCrossSection {sigma} 0.5 -1 -1
P 1 0 13 0.0 0.0 160.0 160.0 0.10566 4
P 2 0 11 0.0 0.0 0.0 0.000511 0.000511 4
V -1 0 [1,2] @ 1.0 2.0 3.0 4.0
P 3 -1 13 0.0 0.0 40.0 40.0 0.10566 1
P 4 -1 32 0.0 0.0 120.0 120.000511 0.1 2
V -2 0 [4] @ 10.0 20.0 30.0 40.0
P 5 -2 14 0.0 0.0 60.0 60.0 0.0 1
P 6 -2 -14 0.0 0.0 60.0 60.0 0.0 1
"""


def text_of(numbers=(0, 1, 2), weights=("0.25", "0.5", "0.75"), names="Default", sigma=(3, 2, 1)):
    events = [
        EVENT.format(number=n, weights=w, sigma=s)
        for n, w, s in zip(numbers, weights, sigma, strict=True)
    ]
    return HEAD + (f"W {names}\n" if names else "") + "".join(events) + END


def file_of(tmp_path, text, name="e.hepmc"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_every_number_of_a_graph(tmp_path):
    events = read_events(file_of(tmp_path, text_of()))
    assert events.pdg.tolist() == [13, 11, 13, 32, 14, -14] * 3
    assert events.status.tolist() == [-1, -1, 1, 2, 1, 1] * 3
    assert events.event.tolist() == np.repeat([0, 1, 2], 6).tolist()
    assert events.weight[::6].tolist() == [0.25, 0.5, 0.75]
    assert events.p4[3].tolist() == [120.000511, 0.0, 0.0, 120.0]
    assert events.x4[3] == pytest.approx([0.4, 0.1, 0.2, 0.3])  # cm
    assert events.x4[4] == pytest.approx([4.0, 1.0, 2.0, 3.0])
    assert events.x4[0].tolist() == events.x4[3].tolist()
    # the running estimate of the last event
    assert dict(events.meta) == {"sigma_pb": 1.0, "sigma_err_pb": 0.5}


@pytest.mark.parametrize("numbers", [(0, 0, 0), (5, 5, 6), (1, 2, 1)])
def test_events_with_one_number_are_still_several(tmp_path, numbers):
    events = read_events(file_of(tmp_path, text_of(numbers)))
    assert events.n_events == 3
    assert events.event[::6].tolist() == [0, 1, 2]
    assert read_events(file_of(tmp_path, text_of((7, 3, 9)))).event[::6].tolist() == [7, 3, 9]


@pytest.mark.parametrize("with_digest", [True, False])
def test_root_files_with_other_particles_than_were_written(tmp_path, with_digest):
    """Other weights are refused by the digest; without one, event numbers are all 0."""
    events = read_events(file_of(tmp_path, text_of()))
    write_events(events, tmp_path / "e.root")
    with uproot.open(tmp_path / "e.root") as file:
        header, data = str(file["mutau"]), file["events"].arrays()
    with uproot.recreate(tmp_path / "e.root") as file:
        file["mutau"] = header if with_digest else header.replace('"digest"', '"other"')
        names = "pdg status E px py pz ct x y z".split()
        particle = ak.zip({name: data[name] for name in names})
        number = ak.zeros_like(data["event"])
        weight = data["weight"] * (2.0 if with_digest else 1.0)
        entries = {"event": number, "weight": weight, "particle": particle}
        types = {name: ak.type(column).content for name, column in entries.items()}
        tree = file.mktree(
            "events", types, counter_name=lambda _: "n", field_name=lambda _, inner: inner
        )
        tree.extend(entries)
    if with_digest:
        with pytest.raises(FileError, match=r"e\.root.*not those that were written"):
            read_events(tmp_path / "e.root")
        return
    back = read_events(tmp_path / "e.root")
    assert back.n_events == 3
    assert np.array_equal(back.p4, events.p4)


@pytest.mark.parametrize("suffix", sorted(s for s in SUFFIXES if "hepmc" in s))
def test_a_muon_on_its_way_through_the_record_is_one_beam_muon(tmp_path, suffix):
    """Status 4 -> 2 -> 1: what comes in, what was scattered, what leaves."""
    text = (
        HEAD
        + """E 0 2 3
U MEV CM
P 1 0 13 0.0 0.0 160000.0 160000.0 105.66 4
P 2 1 13 1.0 0.0 159000.0 159000.0 105.66 2
V -2 0 [2] @ 1.0 2.0 3.0 4.0
P 3 -2 13 2.0 0.0 158000.0 158000.0 105.66 1
"""
        + END
    )
    path = tmp_path / f"beam{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())
    beam, _ = read_beam(path)
    assert beam["pz_GeV"].tolist() == [158.0]  # MeV in the file
    assert [beam[f"{axis}_cm"].item() for axis in "xyz"] == pytest.approx([1.0, 2.0, 3.0])
    assert read_events(path).status.tolist() == [-1, 2, 1]


def test_beams_from_parquet_leave_intermediate_muons_out(tmp_path):
    p4 = np.zeros((3, 4))
    p4[:, 0], p4[:, 3] = 160.0, [160.0, 159.0, 158.0]
    events = Events(
        np.full(3, 13, np.int32), np.zeros(3, np.int64), np.array([-1, 2, 1], np.int8),
        p4, np.zeros((3, 4)), np.ones(3),
    )  # fmt: skip
    write_events(events, tmp_path / "beam.parquet")
    assert read_beam(tmp_path / "beam.parquet")[0]["pz_GeV"].tolist() == [158.0]


@pytest.mark.parametrize(
    ("names", "nominal"),
    [
        ("Default", 0),
        (r"muR05\|Weight\|muR2", 1),
        (r"a\|b\|0", 2),
        (r"a\|nominal\|Default", 1),
        (r"MUR0.5\|MUR2", 0),
    ],
)
def test_the_nominal_weight_goes_by_its_name(tmp_path, names, nominal):
    n = names.count("|") + 1
    weights = [" ".join(str(10 * event + i) for i in range(n)) for event in (1, 2, 3)]
    events = read_events(file_of(tmp_path, text_of(weights=weights, names=names)))
    assert events.weight[::6].tolist() == [10.0 + nominal, 20.0 + nominal, 30.0 + nominal]


def test_an_event_without_weights_has_one(tmp_path):
    text = text_of(names="").replace("W 0.25\n", "").replace("W 0.5\n", "").replace("W 0.75\n", "")
    assert set(read_events(file_of(tmp_path, text)).weight) == {1.0}


def test_places_that_are_not_stated_are_those_of_the_event(tmp_path):
    text = text_of().replace("E 0 2 6", "E 0 2 6 @ 5.0 6.0 7.0 8.0")
    text = text.replace(" @ 1.0 2.0 3.0 4.0", "", 1)
    assert read_events(file_of(tmp_path, text)).x4[0] == pytest.approx([0.8, 0.5, 0.6, 0.7])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("W 0.5\n", "W 0.5 0.6\n", "line 16, event 2: 2 weights where the header names 1"),
        ("W 0.5\n", "", "line 16, event 2: 0 weights where the header names 1"),
        ("W 0.5\n", "W 0.5\nW 0.6\n", "line 16, event 2: 2 weights"),
        ("W 0.5\n", "W 5.0D-01\n", "line 18, event 2: 'W 5.0D-01'"),
        ("W 0.5\n", "W nan\n", "line 18, event 2: 'W nan'"),
        ("W 0.5\n", "W 1e999\n", "e.hepmc"),
        ("E 1 2 6", "E 1 2 7", "event 2: 6 particles and 2 vertices where 7 and 2 are announced"),
        ("E 1 2 6", "E 1 1 6", "6 particles and 2 vertices where 6 and 1"),
        ("P 3 -1 13 0.0", "P 3 -1 13 0.0x", "line 11, event 1: 'P 3 -1 13 0.0x"),
        ("P 3 -1 13 0.0", "P 3 -1 13 1_0", "line 11, event 1"),
        ("P 3 -1 13 0.0", "P 3 -1 13.5 0.0", "line 11, event 1"),
        ("P 3 -1 13 0.0", "Q 3 -1 13 0.0", "line 11, event 1: 'Q 3"),
        ("P 3 -1 13 0.0", "P 3 -1 9999999999 0.0", "line 11, event 1"),
        ("@ 1.0 2.0 3.0 4.0", "@ 1.0 2.0 3.0", "line 10, event 1"),
        ("U GEV MM", "U TEV MM", "line 5, event 1: 'U TEV MM'"),
        ("U GEV MM\n", "", r"units \(a line 'U GEV MM'\) are not stated once"),
        ("GenCrossSection 3", "GenCrossSection 3x", "line 7, event 1: 'A 0 GenCrossSection 3x"),
        (END, "", "its end is missing"),
        (END, END + text_of(), "line 40, event 3: an end before the end"),
        ("Asciiv3-START", "Asciiv4-START", "line 2: .* no event listing of version 2 or 3"),
        ("HepMC::Version", "HepMC:Version", "does not begin as a HepMC file"),
        ("W Default", "X Default", "line 'X Default' of its header is not known"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_located(tmp_path, old, new, message):
    text = text_of()
    assert old in text
    with pytest.raises(FileError, match=message) as caught:
        read_events(file_of(tmp_path, text.replace(old, new, 1)))
    assert "e.hepmc" in str(caught.value)


def test_our_own_header_and_the_events_state_one_cross_section(tmp_path):
    events = read_events(file_of(tmp_path, text_of()))
    first = events.select((events.status == -1) | (events.pdg == 13))
    write_events(first, tmp_path / "o.hepmc3")
    text = (tmp_path / "o.hepmc3").read_text()
    assert read_events(tmp_path / "o.hepmc3").meta["sigma_pb"] == 1.0
    changed = text.replace("GenCrossSection 1.0", "GenCrossSection 2.0")
    with pytest.raises(FileError, match="its events state 2 pb and its header 1 pb"):
        read_events(file_of(tmp_path, changed))


def test_events_that_cannot_be_stated_are_refused(tmp_path):
    events = read_events(file_of(tmp_path, text_of()))
    beams = events.select(events.status == -1)
    with pytest.raises(MutauError, match="no outgoing particle"):
        write_events(beams, tmp_path / "o.hepmc")
    far = events.select((events.status == -1) | (events.pdg == 13))
    far = Events(far.pdg, far.event + 2**31, far.status, far.p4, far.x4, far.weight)
    with pytest.raises(MutauError, match="event number 2147483650; allowed: below 2000000000"):
        write_events(far, tmp_path / "o.hepmc")
    assert [path.name for path in tmp_path.iterdir()] == ["e.hepmc"]


# Version 2

HEPMC_2 = """
HepMC::Version 2.06.09
HepMC::IO_GenEvent-START_EVENT_LISTING
E 7 -1 0.0 1.0e-01 7.0e-03 20 -3 2 1 2 0 2 5.0e-01 7.0e-01
N 2 "Other" "Weight"
U MEV CM
C 3.25 1.0e-02
H 0 0 0 0 0 0 0 0 0 0 0 0 0
F 1 2 0 0 0 0 0 0 0
V -2 0 1 2 3 4 1 1 0
P 1 13 0 0 5000 5001 105 4 0 0 -2 0
P 3 13 0 0 5000 5001 105 2 0 0 -3 0
V -3 0 1 2 3 5 1 2 0
P 2 11 0 0 0 0.511 0.511 4 0 0 -3 0
P 4 13 0 0 3000 3001 105 1 0 0 0 0
P 5 11 0 0 2000 2001 0.511 1 0 0 0 1 1 501
HepMC::IO_GenEvent-END_EVENT_LISTING
"""


def test_version_2(tmp_path):
    events = read_events(file_of(tmp_path, HEPMC_2))
    order = np.lexsort((events.status, events.pdg))
    assert events.pdg[order].tolist() == [11, 11, 13, 13, 13]
    assert events.status[order].tolist() == [-1, 1, -1, 1, 2]
    assert events.p4[order, 0] == pytest.approx([0.000511, 2.001, 5.001, 3.001, 5.001], rel=1e-12)
    assert events.x4[order[3]].tolist() == [5.0, 1.0, 2.0, 3.0]
    assert set(events.weight) == {0.7}
    assert dict(events.meta) == {"sigma_pb": 3.25, "sigma_err_pb": 0.01}


def test_version_2_as_the_library_writes_it(tmp_path):
    three = read_events(file_of(tmp_path, text_of()))
    with (
        pyhepmc.open(tmp_path / "e.hepmc") as source,
        pyhepmc.open(tmp_path / "two.hepmc", "w", format="HepMC2") as out,
    ):
        for event in source:
            out.write(event)
    two = read_events(tmp_path / "two.hepmc")
    assert two.n_events == 3
    for i in range(3):
        a, b = (events.select(events.event == i) for events in (three, two))
        assert sorted(
            map(tuple, np.column_stack([a.pdg, a.status, a.p4, a.x4]).tolist())
        ) == sorted(map(tuple, np.column_stack([b.pdg, b.status, b.p4, b.x4]).tolist()))
    assert np.array_equal(two.weight, three.weight)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0 2 5.0e-01 7.0e-01", "0 3 5.0e-01 7.0e-01", "line 4, event 1: 2 weights where 3"),
        ('N 2 "Other" "Weight"', 'N 1 "Weight"', "line 4, event 1: 2 weights where 1 are named"),
        ('N 2 "Other" "Weight"', 'N 2 "Weight"', "2 weights where 1 are named"),
        ("U MEV CM\n", "", "units"),
        ("V -3 0 1 2 3 5 1 2 0", "V -3 0 1 2 3 5 1 3 0", "5 particles and 2 vertices where 6"),
        ("P 4 13 0 0 3000", "P 4 13 0 0 3x", "line 15, event 1: 'P 4 13 0 0 3x"),
        ("C 3.25", "C x", "line 7, event 1: 'C x"),
        ("F 1 2", "P 1 13 0 0 5000 5001 105 4 0 0 -2 0\nF 1 2", "event 1"),
        ("V -3 0 1 2 3 5 1 2 0\nP 2 11", "P 2 11", "event 1"),
        ("P 4 13", "P 5 13", "line 16, event 1: 'P 5 11 .*fits no graph"),
        ("0 0 -2 0\n", "0 0 -7 0\n", "line 11, event 1: 'P 1 13.*fits no graph"),
        ("0 1 1 501", "0 2 1 501", "line 16, event 1: 'P 5 11.*fits no graph"),
        ("E 7 -1", "E 7.5 -1", "line 4, event 1: 'E 7.5"),
        ("HepMC::IO_GenEvent-END", "HepMC::IO_GenEvent-XND", "its end is missing"),
    ],
)  # fmt: skip
def test_what_is_not_right_in_version_2_is_located(tmp_path, old, new, message):
    assert old in HEPMC_2
    with pytest.raises(FileError, match=message):
        read_events(file_of(tmp_path, HEPMC_2.replace(old, new, 1)))


def test_particles_that_the_library_drops_are_told(tmp_path):
    """A vertex that nothing leaves: pyhepmc leaves it and what enters it out without a word."""
    ends = "P 3 13 0 0 5000 5001 105 2 0 0 -3 0\n"
    text = HEPMC_2.replace("3 4 1 1 0", "3 4 1 0 0").replace(ends, "")
    assert len(text) == len(HEPMC_2) - len(ends)
    with pytest.raises(FileError, match="event 1: 3 of 4 particles fit its graph"):
        read_events(file_of(tmp_path, text))


def test_particles_before_their_vertex_in_version_2(tmp_path):
    """As many as announced, in places where the library would crash."""
    first = "P 1 13 0 0 5000 5001 105 4 0 0 -2 0\n"
    text = HEPMC_2.replace(first, "").replace("F 1 2", first + "F 1 2")
    with pytest.raises(FileError, match=r"line 9, event 1: 'P 1 13 .*fits no graph"):
        read_events(file_of(tmp_path, text))


# Bounds


def bombs(tmp_path):
    """Files that hold 80 MB of zeros, or of one event again and again, in less than 1 MB."""
    n = 80_000_000
    lhe = "<LesHouchesEvents version='3.0'><init>13 11 160 0 0 0 0 0 3 1 1 0 1 1</init>\n"
    lhe_event = "<event>\n1 1 1 0 0 0\n13 -1 0 0 0 0 0 0 160 160 0 0 9\n</event>\n"
    hepmc_event = EVENT.format(number=0, weights=1, sigma=1)
    for name, head, body in [
        ("zeros.lhe.gz", "", "0" * 1000),
        ("events.lhe.gz", lhe, lhe_event),
        ("events.hepmc.gz", HEAD + "W a\n", hepmc_event),
        ("events.hepmc3.gz", HEAD + "W a\n", hepmc_event),
    ]:
        body = body.encode() * (n // len(body) // 10)
        with gzip.open(tmp_path / name, "wb", compresslevel=6) as file:
            file.write(head.encode())
            for _ in range(10):
                file.write(body)
        yield tmp_path / name
    np.savez_compressed(tmp_path / "e.npz", p4=np.zeros(n // 8))
    yield tmp_path / "e.npz"


def test_a_small_file_that_expands_without_end_is_refused(tmp_path):
    for path in bombs(tmp_path):
        assert path.stat().st_size < 1_000_000
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(FileError, match="or 25 times the size of the file"):
            read_events(path)
        assert (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
        )  # kB; libraries are loaded too


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.lhe")
    with pytest.raises(FileError, match="is a folder, device or pipe"):
        read_events(tmp_path / "pipe.lhe")
    (tmp_path / "zero.hepmc").symlink_to("/dev/zero")
    with pytest.raises(FileError, match="is a folder, device or pipe"):
        read_events(tmp_path / "zero.hepmc")
