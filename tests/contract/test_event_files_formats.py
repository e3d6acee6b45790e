"""Every event format: round trip, reading by other libraries, refusals, and files never half."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
import textwrap

import numpy as np
import pyarrow.parquet as pq
import pyhepmc
import pylhe
import pytest
import uproot

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import FileError, MissingExtra, MutauError
from mutau.core.fourvectors import boost
from mutau.core.random import stream
from mutau.core.types import Events, provenance
from mutau.io import hepmc_text, layout, lhe_text
from mutau.io.event_files import (
    SUFFIXES,
    check_output,
    check_suffix,
    read_events,
    write_events,
)

ENERGY, MASS, SIGMA = 160.0, 0.1, 7.25
EVERY = sorted(SUFFIXES)
BY_EVENT = [suffix for suffix in EVERY if suffix not in (".npz", ".parquet")]


def two_body(parent, m1, m2, rng):
    """Isotropic decay of (N, 4) parents into masses m1 (number) and m2 (number or (N,))."""
    mass = np.sqrt(parent[:, 0] ** 2 - np.sum(parent[:, 1:] ** 2, axis=1))
    e1 = (mass**2 + m1**2 - m2**2) / (2.0 * mass)
    p = np.sqrt(np.maximum(e1**2 - m1**2, 0.0))
    cosine, phi = rng.uniform(-1.0, 1.0, len(mass)), rng.uniform(0.0, 2.0 * np.pi, len(mass))
    sine = np.sqrt(1.0 - cosine**2)
    axis = np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=1)
    along = np.column_stack([e1, p[:, None] * axis])
    beta = parent[:, 1:] / parent[:, :1]
    back = np.concatenate([(mass - e1)[:, None], -along[:, 1:]], axis=1)
    return boost(along, beta), boost(back, beta)


def mu_e_to_mu_e_zprime(n, weighted=True, meta=None):
    """mu e -> mu e Z' with the electron at rest, flat in the mass of the electron and the Z'."""
    rng = stream(5, n)
    beam = np.zeros((n, 4))
    beam[:, 0], beam[:, 3] = ENERGY, np.sqrt(ENERGY**2 - M_MU**2)
    target = np.zeros((n, 4))
    target[:, 0] = M_E
    root_s = np.sqrt(M_MU**2 + M_E**2 + 2.0 * ENERGY * M_E)
    m_pair = rng.uniform(M_E + MASS, root_s - M_MU, n)
    muon, pair = two_body(beam + target, M_MU, m_pair, rng)
    electron, zprime = two_body(pair, M_E, MASS, rng)
    p4 = np.stack([beam, target, muon, electron, zprime], axis=1).reshape(-1, 4)
    place = rng.normal(size=(n, 4))
    weight = rng.exponential(0.02, n) if weighted else np.full(n, 0.02)
    known = {"sigma_pb": SIGMA, "sigma_err_pb": 0.01, "mass_GeV": MASS}
    return Events(
        np.tile(np.array([13, 11, 13, 11, 32], dtype=np.int32), n),
        np.repeat(np.arange(n), 5),
        np.tile(np.array([-1, -1, 1, 1, 1], dtype=np.int8), n),
        p4,
        np.repeat(place, 5, axis=0),
        np.repeat(weight, 5),
        provenance(11, experiment='abc <&> -- \\ "q"') | known if meta is None else meta,
    )


@pytest.fixture(scope="module")
def events():
    return mu_e_to_mu_e_zprime(60)


@pytest.mark.parametrize("suffix", EVERY)
@pytest.mark.parametrize("weighted", [True, False])
def test_round_trip(tmp_path, suffix, weighted):
    sample = mu_e_to_mu_e_zprime(40, weighted)
    path = tmp_path / f"events{suffix}"
    write_events(sample, path)
    back = read_events(path)
    for name in ("pdg", "event", "status", "p4"):
        assert np.array_equal(getattr(back, name), getattr(sample, name)), name
        assert getattr(back, name).dtype == getattr(sample, name).dtype, name
    # HepMC goes through mm, LHE through pb: one rounding more
    np.testing.assert_allclose(back.x4, sample.x4, rtol=1e-15, atol=0.0)
    np.testing.assert_allclose(back.weight, sample.weight, rtol=1e-15, atol=0.0)
    assert dict(back.meta) == dict(sample.meta)
    # 1e-9: what the two boosts of this sample leave (1e-16 gamma^2); the file adds nothing
    signed = back.p4 * back.status[:, None]
    assert np.abs(signed.reshape(-1, 5, 4).sum(axis=1)).max() < 1e-9 * ENERGY


@pytest.mark.parametrize("suffix", [".lhe", ".root", ".parquet", ".npz"])
def test_event_numbers_and_places_of_each_particle_survive(tmp_path, suffix, events):
    odd = Events(
        events.pdg,
        events.event * 3 + 100,
        events.status,
        events.p4,
        events.x4 + np.arange(len(events.pdg))[:, None],
        events.weight,
        events.meta,
    )
    write_events(odd, tmp_path / f"e{suffix}")
    back = read_events(tmp_path / f"e{suffix}")
    assert np.array_equal(back.event, odd.event)
    assert np.array_equal(back.x4, odd.x4)


def test_equal_events_give_equal_bytes(tmp_path, events):
    for suffix in (".lhe", ".lhe.gz", ".hepmc", ".hepmc.gz", ".parquet"):
        write_events(events, tmp_path / f"a{suffix}")
        write_events(events, tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


# What other programs see


@pytest.mark.parametrize("suffix", [".lhe", ".lhe.gz"])
def test_pylhe_reads_it(tmp_path, suffix, events):
    path = tmp_path / f"e{suffix}"
    write_events(events, path, process_id=661)
    file = pylhe.LHEFile.fromfile(path)
    init, process = file.init.initInfo, file.init.procInfo
    assert file.version == "3.0"
    assert (init.beamA, init.beamB) == (13, 11)
    assert (init.energyA, init.energyB) == (ENERGY, M_E)
    assert init.weightingStrategy == -4
    assert [(p.xSection, p.error, p.procId) for p in process] == [(SIGMA, 0.01, 661)]
    assert file.init.generators[0].name == "mutau"
    listed = list(file.events)
    assert len(listed) == events.n_events
    weights = np.array([event.eventinfo.weight for event in listed])
    assert weights.mean() == pytest.approx(SIGMA, rel=1e-13)
    assert process[0].unitWeight == np.abs(weights).max()
    np.testing.assert_allclose(weights / weights[0], events.weight[::5] / events.weight[0])
    for i, event in enumerate(listed):
        assert event.eventinfo.pid == 661
        assert [p.id for p in event.particles] == [13, 11, 13, 11, 32]
        assert [p.status for p in event.particles] == [-1, -1, 1, 1, 1]
        mothers = [(p.mother1, p.mother2) for p in event.particles]
        assert mothers == [(0, 0), (0, 0), (1, 2), (1, 2), (1, 2)]
        assert {(p.color1, p.color2, p.lifetime, p.spin) for p in event.particles} == {
            (0, 0, 0.0, 9.0)
        }
        # to the last bit, although E^2 - p^2 of the electron has lost its mass
        assert [p.m for p in event.particles] == [M_MU, M_E, M_MU, M_E, MASS]
        p4 = [[p.e, p.px, p.py, p.pz] for p in event.particles]
        assert np.array_equal(p4, events.p4[5 * i : 5 * i + 5])


def test_unweighted_lhe_as_pylhe_reads_it(tmp_path):
    write_events(mu_e_to_mu_e_zprime(30, weighted=False), tmp_path / "e.lhe")
    file = pylhe.LHEFile.fromfile(tmp_path / "e.lhe")
    assert file.init.initInfo.weightingStrategy == 3
    assert file.init.procInfo[0].xSection == SIGMA
    assert {event.eventinfo.weight for event in file.events} == {1.0}


def test_the_reference_lhe_reader_agrees(tmp_path, events):
    write_events(events, tmp_path / "e.lhe")
    with pyhepmc.open(tmp_path / "e.lhe", format="LHEF") as file:
        listed = list(file)
    assert len(listed) == events.n_events
    for i, event in enumerate(listed):
        got = sorted((p.pid, p.momentum.e) for p in event.particles)
        rows = slice(5 * i, 5 * i + 5)
        assert got == sorted(zip(events.pdg[rows], events.p4[rows, 0], strict=True))


@pytest.mark.parametrize("suffix", [".hepmc", ".hepmc.gz"])
def test_pyhepmc_reads_it(tmp_path, suffix, events):
    path = tmp_path / f"e{suffix}"
    write_events(events, path)
    with pyhepmc.open(path) as file:
        listed = list(file)
    assert len(listed) == events.n_events
    for i, event in enumerate(listed):
        rows = slice(5 * i, 5 * i + 5)
        assert event.event_number == i
        assert event.weights == [events.weight[5 * i]]
        assert event.cross_section.xsec() == SIGMA
        assert event.cross_section.xsec_err() == 0.01
        assert (event.momentum_unit, event.length_unit) == (pyhepmc.Units.GEV, pyhepmc.Units.MM)
        assert [p.status for p in event.particles] == [4, 4, 1, 1, 1]
        assert [p.pid for p in event.particles] == [13, 11, 13, 11, 32]
        assert [p.generated_mass for p in event.particles] == [M_MU, M_E, M_MU, M_E, MASS]
        (vertex,) = event.vertices
        assert len(vertex.particles_in) == 2
        assert len(vertex.particles_out) == 3
        place = vertex.position
        np.testing.assert_allclose(
            [place.t, place.x, place.y, place.z], 10.0 * events.x4[5 * i], rtol=1e-15
        )
        numbers = event.numpy.particles
        p4 = np.stack([numbers.e, numbers.px, numbers.py, numbers.pz], axis=1)
        assert np.array_equal(p4, events.p4[rows])
    assert "11" in str(listed[0].run_info.attributes["mutau"])  # the seed


def test_uproot_reads_a_plain_tree(tmp_path, events):
    write_events(events, tmp_path / "e.root")
    with uproot.open(tmp_path / "e.root") as file:
        tree = file["events"]
        names = "event weight n pdg status E px py pz ct x y z".split()
        assert sorted(tree.keys()) == sorted(names)
        data = tree.arrays(library="np")
    assert np.array_equal(data["n"], np.full(60, 5))
    assert np.array_equal(data["weight"], events.weight[::5])
    assert np.array_equal(np.concatenate(list(data["pdg"])), events.pdg)
    assert np.array_equal(np.concatenate(list(data["pz"])), events.p4[:, 3])
    assert np.array_equal(np.concatenate(list(data["ct"])), events.x4[:, 0])


def test_pyarrow_reads_a_plain_table(tmp_path, events):
    write_events(events, tmp_path / "e.parquet")
    table = pq.read_table(tmp_path / "e.parquet")
    assert table.num_rows == len(events.pdg)
    assert np.array_equal(table["E"].to_numpy(), events.p4[:, 0])
    assert np.array_equal(table["z"].to_numpy(), events.x4[:, 3])
    units = {field.name: field.metadata[b"unit"] for field in table.schema}
    assert (units["px"], units["ct"], units["weight"]) == (b"GeV", b"cm", b"1")
    assert b'"sigma_pb": 7.25' in table.schema.metadata[b"mutau"]


def test_a_file_longer_than_one_block(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_CHUNK_ROWS", 2048)
    for text in (lhe_text, hepmc_text):
        monkeypatch.setattr(text, "_BLOCK", 1 << 16)
    sample = mu_e_to_mu_e_zprime(1500)  # 1 MB of text: five blocks when written, 16 when read
    done = []
    write_events(sample, tmp_path / "e.lhe", progress=lambda f, _: done.append(f))
    assert len(done) > 2
    assert done == sorted(done)
    assert done[-1] == 1.0
    back = read_events(tmp_path / "e.lhe")
    assert np.array_equal(back.p4, sample.p4)
    assert np.array_equal(back.event, sample.event)
    write_events(sample, tmp_path / "e.hepmc")
    assert np.array_equal(read_events(tmp_path / "e.hepmc").p4, sample.p4)
    for suffix in (".root", ".parquet"):
        write_events(sample, tmp_path / f"e{suffix}")
        assert np.array_equal(read_events(tmp_path / f"e{suffix}").p4, sample.p4)


# What is refused


@pytest.mark.parametrize("name", ["events.txt", "events", "events.gz", ".lhe", "lhe"])
def test_an_unknown_suffix_is_refused_with_the_list(tmp_path, name, events):
    for call in (check_suffix, check_output, read_events, lambda p: write_events(events, p)):
        with pytest.raises(MutauError, match=r"\.lhe, \.lhe\.gz, \.hepmc"):
            call(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_longest_suffix_decides_and_case_does_not_matter(tmp_path, events):
    assert check_suffix("a.b/My.Events.LHE.GZ").suffix == ".lhe.gz"
    write_events(events, tmp_path / "E.LHE.GZ")
    assert (tmp_path / "E.LHE.GZ").read_bytes()[:2] == b"\x1f\x8b"
    assert np.array_equal(read_events(tmp_path / "E.LHE.GZ").p4, events.p4)


@pytest.mark.parametrize("suffix", [s for s in EVERY if s != ".npz"])
def test_a_missing_package_is_named_before_anything_is_done(tmp_path, monkeypatch, suffix, events):
    write_events(events, tmp_path / f"e{suffix}")
    package = SUFFIXES[suffix].needs
    monkeypatch.setitem(sys.modules, package, None)  # as if it was not installed
    for call in (check_output, read_events, lambda path: write_events(events, path)):
        with pytest.raises(MissingExtra, match=rf"e{suffix}: .*{package}.*'mutau\[io\]'"):
            call(tmp_path / f"e{suffix}")


def test_impossible_places_are_refused(tmp_path, events):
    (tmp_path / "folder.lhe").mkdir()
    for path in (tmp_path / "missing" / "e.lhe", tmp_path / "folder.lhe"):
        with pytest.raises(FileError):
            check_output(path)
        with pytest.raises(FileError):
            write_events(events, path)
    with pytest.raises(FileError, match="no file"):
        read_events(tmp_path / "nothing.lhe")


@pytest.mark.parametrize("suffix", EVERY)
def test_foreign_files_are_refused(tmp_path, suffix, events):
    path = tmp_path / f"e{suffix}"
    foreign = [b"", b"hello\n" * 100, stream(3).bytes(5000), gzip.compress(b"hello\n" * 100)]
    for other in (".lhe", ".hepmc.gz", ".root", ".parquet", ".npz"):
        write_events(events, tmp_path / f"other{other}")
        if not suffix.startswith(other.removesuffix(".gz")):
            foreign.append((tmp_path / f"other{other}").read_bytes())
    for content in foreign:
        path.write_bytes(content)
        with pytest.raises(FileError, match="e" + suffix):
            read_events(path)


@pytest.mark.parametrize("suffix", EVERY)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_files_cut_off_are_refused(tmp_path, suffix, share, events):
    path = tmp_path / f"e{suffix}"
    write_events(events, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError):
        read_events(path)


@pytest.mark.parametrize("suffix", [".lhe.gz", ".hepmc.gz", ".parquet", ".npz", ".root"])
def test_a_flipped_bit_never_passes_for_data(tmp_path, suffix, events):
    path = tmp_path / f"e{suffix}"
    write_events(events, path)
    content, rng, refused = path.read_bytes(), stream(4), 0
    for place in rng.integers(0, len(content), 25):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << rng.integers(8)
        path.write_bytes(spoilt)
        try:
            back = read_events(path)
        except FileError:
            refused += 1
        else:  # the bit was of no consequence (a date, padding)
            for name in "pdg event status p4 x4".split():
                assert np.array_equal(getattr(back, name), getattr(events, name)) or (
                    name == "x4" and np.allclose(back.x4, events.x4, rtol=1e-15, atol=0.0)
                )
    assert refused > 5  # a ROOT file holds names and dates whose bits matter to nobody


@pytest.mark.parametrize("suffix", [".lhe", ".hepmc"])
@pytest.mark.parametrize("word", [b"nan", b"inf", b"1.2.3", b"12x", b"", b"1.0 1.0"])
def test_a_spoilt_number_in_a_text_is_refused(tmp_path, suffix, word, events):
    path = tmp_path / f"e{suffix}"
    write_events(events, path)
    energy = events.p4[-1, 0].item()
    energy = (repr(energy) if suffix == ".lhe" else f"{energy:.16e}").encode()
    content = path.read_bytes()
    assert content.count(energy) == 1
    path.write_bytes(content.replace(energy, word))
    with pytest.raises(FileError):
        read_events(path)


@pytest.mark.parametrize("suffix", [".root", ".parquet", ".npz"])
def test_a_column_that_is_not_finite_or_missing_is_refused(tmp_path, suffix, events):
    path = tmp_path / f"e{suffix}"
    broken = Events(*(getattr(events, f).copy() for f in "pdg event status p4 x4 weight".split()))
    broken.p4[7, 2] = np.nan  # after the check of the constructor
    write_events(broken, path)
    with pytest.raises(FileError, match="not finite"):
        read_events(path)
    if suffix == ".parquet":
        pq.write_table(pq.read_table(path).drop_columns("px"), path)
    elif suffix == ".root":
        with uproot.recreate(path) as file:
            file["events"] = {"event": np.arange(3)}
    else:
        np.savez(path, pdg=events.pdg)
    with pytest.raises(FileError, match=r"damaged|not a file"):
        read_events(path)


@pytest.mark.parametrize("suffix", BY_EVENT)
def test_rows_that_are_not_whole_events_are_refused(tmp_path, suffix, events):
    path = tmp_path / f"e{suffix}"
    shuffled = events.select(stream(1).permutation(len(events.pdg)))
    with pytest.raises(MutauError, match="not neighbours"):
        write_events(shuffled, path)
    uneven = Events(*(getattr(events, f).copy() for f in "pdg event status p4 x4 weight".split()))
    uneven.weight[1] *= 2.0
    with pytest.raises(MutauError, match="differ in weight"):
        write_events(uneven, path)
    with pytest.raises(MutauError):
        write_events(events.select(np.zeros(0, dtype=int)), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_no_events_is_a_sample_too_where_it_can_be(tmp_path, suffix, events):
    write_events(events.select(np.zeros(0, dtype=int)), tmp_path / f"e{suffix}")
    back = read_events(tmp_path / f"e{suffix}")
    assert back.n_events == 0
    assert back.p4.shape == (0, 4)


# Files are whole or not there


@pytest.mark.parametrize("suffix", EVERY)
def test_a_full_disk_leaves_nothing(tmp_path, suffix):
    sample = mu_e_to_mu_e_zprime(3000)
    write_events(mu_e_to_mu_e_zprime(3), tmp_path / f"warm{suffix}")  # compiles and imports
    (tmp_path / f"warm{suffix}").unlink()
    path = tmp_path / f"e{suffix}"
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # as a disk that fills up
    try:
        with pytest.raises(FileError, match="nothing was left behind"):
            write_events(sample, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("suffix", [s for s in EVERY if s != ".npz"])
def test_interruption_leaves_nothing(tmp_path, suffix, events):
    def interrupt(fraction, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_events(events, tmp_path / f"e{suffix}", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".lhe.gz", ".root", ".parquet"])
def test_a_killed_process_leaves_no_half_file(tmp_path, suffix, events):
    path = tmp_path / f"e{suffix}"
    events.save(tmp_path / "sample.npz")
    code = f"""
        import os, signal
        from mutau.io.event_files import read_events, write_events
        events = read_events({str(tmp_path / "sample.npz")!r})
        def kill(fraction, what):
            print("killed at", fraction, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        write_events(events, {str(path)!r}, progress=kill)
    """
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert "killed at" in done.stdout, done.stderr
    assert done.returncode == -9
    assert path.read_bytes() == b"old"
    write_events(events, path)  # and the next attempt succeeds
    assert read_events(path).n_events == events.n_events
