"""Jobs for Geant4 as data, the tables it reads, and what happens when its process fails.

Nothing here needs Geant4: where a process runs, it is a stand-in.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.matter import material
from mutau.peers.geant4_hadrons import surface_job
from mutau.peers.geant4_jobs import Geant4Job, run_geant4
from mutau.peers.geant4_tables import (
    DATA_SETS,
    data_environment,
    own_data,
    write_hadron_tables,
    write_tables,
)
from mutau.peers.geant4_worker import Ledger


def job(**more):
    values = {
        "particle": "mu-", "energy": 160.0, "n": 5, "material": material("lead-scintillator"),
        "thickness": 44.28, "production": 1e-3,
    }  # fmt: skip
    return Geant4Job(**(values | more))


def test_a_job_in_the_units_of_geant4():
    """148 periods of 2 x 1.5 mm reach 44.4 cm; 160 GeV of total energy, MeV and mm."""
    document = json.loads(json.dumps(job(questions=(("mu-", "muBrems", 160.0, 5.0),)).document()))
    assert document["repeats"] == 148
    assert document["layers"] == [[0, pytest.approx(1.5)], [1, pytest.approx(1.5)]]
    assert [spec["nist"] for spec in document["materials"]] == ["G4_Pb", "G4_POLYSTYRENE"]
    assert document["kinetic"] == pytest.approx(160_000 - 105.6583755)
    assert document["production"] == pytest.approx(1.0)
    particle, process, kinetic, cut = document["questions"][0]
    assert (particle, process, cut) == ("mu-", "muBrems", 5000.0)
    assert kinetic == pytest.approx(1e3 * (160.0 - M_MU))
    assert job().boundaries[[0, 1, 2, -1]] == pytest.approx([0.0, 0.15, 0.3, 44.4])
    assert len(job().boundaries) == 297


def test_a_homogeneous_target_in_slices():
    lead = job(material=material("lead"), thickness=10.0, slice=0.49)
    assert lead.boundaries == pytest.approx(np.linspace(0.0, 10.0, 21))
    assert len(job(material=material("lead"), thickness=10.0).boundaries) == 2


def test_a_list_with_hadrons_has_its_stand_ins(tmp_path):
    """Below the side of the block; flat tables that Geant4's reader of vectors takes."""
    pole = surface_job(3, 1)
    said = pole.document()
    assert (said["hadronic"], said["particle"]) == ("FTFP_BERT", "kaon0L")
    assert said["start_y"] == pytest.approx(10.0 * (300.0 - 0.5))
    assert said["kinetic"] == pytest.approx(1e3 * (50.0 - 0.497611))
    with pytest.raises(UnknownName, match="FTFP_BERT"):
        job(hadronic="FTFP")
    write_hadron_tables(tmp_path)
    low, high, count, again, *pairs = (tmp_path / "neutron" / "inel26").read_text().split()
    assert (count, again, float(high)) == ("2", "2", 20.0)
    assert float(low) < 20.0
    assert [float(x) for x in pairs] == [1e-9, 1e-22, 20.0, 1e-22]


def test_seeds_and_keys_give_different_streams():
    seeds = {job(seed=s, key=k).document()["seed"] for s in (1, 2) for k in ((), (1,), (2,))}
    assert len(seeds) == 6
    assert job(seed=2).document()["seed"] == job(seed=2).document()["seed"]


def test_jobs_that_cannot_be():
    with pytest.raises(UnknownName, match="tau"):
        job(particle="tau-")
    with pytest.raises(OutOfRange, match="0 events"):
        job(n=0)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_tables(folder, [material("lead"), material("polystyrene")])
    return folder


def read_radiation(path):
    """The grids (share, ln MeV) and values of a radiation table."""
    numbers = path.read_text().split()
    n, m = int(numbers[1]), int(numbers[2])
    values = np.array(numbers[3:], float)
    assert len(values) == n + m + n * m
    return values[:n], values[n : n + m], values[n + m :].reshape(m, n)


@pytest.mark.compiled
def test_radiation_tables_hold_tsai_s_spectrum(tables):
    """At 10 GeV an electron radiates 1 + 1/(18 L) of its energy per X0 of lead.

    Complete screening, L = ln(184.15/82^(1/3)) - f(82) = 3.75 - 0.33: 1.016. The tables hold
    beta^2/Z^2 k dsigma/dk in mb; their integral over k/T is the radiated share.
    """
    share, log_t, values = read_radiation(tables / "brem_SB/br82")
    assert (share[0], share[-1]) == (1e-12, 1.0)
    assert log_t[-1] == pytest.approx(np.log(1e4))
    atoms = 6.02214076e23 / 207.2 * 6.37  # per cm^2 and X0
    mean = np.trapezoid(values[-1], share) * 82**2 * 1e-27 * atoms
    assert mean == pytest.approx(1.016, abs=0.012)
    assert np.all(values >= 0.0)


@pytest.mark.compiled
def test_light_elements_and_absent_processes(tables):
    """H and C have their own tables; photoabsorption and Rayleigh scattering are as good as 0."""
    assert {path.name for path in (tables / "brem_SB").iterdir()} == {"br1", "br6", "br82"}
    for path in [*(tables / "epics2017/phot").iterdir(), *(tables / "epics2017/rayl").iterdir()]:
        assert min(float(x) for x in path.read_text().split() if float(x)) < 1e-20


@pytest.mark.compiled
def test_the_user_s_own_data_win(tables, tmp_path):
    """A variable that points to a data set is kept; one that points anywhere else is not."""
    environment = {"G4LEDATA": str(tables), "G4ENSDFSTATEDATA": str(tmp_path)}
    found = data_environment(Path("/stand-in"), environment)
    assert set(found) == set(DATA_SETS)
    assert found["G4LEDATA"] == str(tables)
    assert found["G4ENSDFSTATEDATA"] == "/stand-in"
    assert own_data(environment)
    assert not own_data({"G4LEDATA": str(tmp_path)})
    assert not own_data({})


def test_a_step_is_shared_among_bins_by_energy():
    """12 mm from 11 to 5 MeV: 2 mm per MeV; edges 2, 6, 10, 20 take 2, 8 and 2 mm."""
    ledger = Ledger({"edges": [2.0, 6.0, 10.0, 20.0], "deposits": False})
    ledger.add_track(0, 11.0, 6.0, 12.0)
    assert ledger.track[0] == pytest.approx([2.0, 8.0, 2.0])
    ledger.add_track(1, 3.0, 2.0, 4.0)  # half of it below the lowest edge
    assert ledger.track[1] == pytest.approx([2.0, 0.0, 0.0])
    ledger.add_track(2, 12.0, 0.0, 5.0)
    assert ledger.track[2] == pytest.approx([0.0, 0.0, 5.0])
    ledger.close()
    assert ledger.arrays(1)["tracks"].shape == (1, 3, 3)
    assert ledger.track == [[0.0] * 3] * 3


def stand_in(monkeypatch, tmp_path, script):
    """A shell script instead of Python and Geant4; temporary folders below tmp_path/temp."""
    program, temporary = tmp_path / "python", tmp_path / "temp"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    temporary.mkdir()
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return temporary


@pytest.mark.compiled
def test_a_process_that_fails_says_why(monkeypatch, tmp_path):
    """`$5` is the log. The folder with tables is gone afterwards."""
    temporary = stand_in(
        monkeypatch, tmp_path, 'echo 0.5\necho "*** G4Exception : em0003 ***" > "$5"\nexit 3'
    )
    told = []
    with pytest.raises(MutauError, match=r"status 3: .*em0003.*geant4_pybind"):
        run_geant4(job(), told.append)
    assert told == [0.5]
    assert os.listdir(temporary) == []


@pytest.mark.compiled
def test_an_interrupt_ends_the_process(monkeypatch, tmp_path):
    temporary = stand_in(
        monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid\necho 0.1\nexec sleep 60"
    )

    def interrupt(fraction):
        raise KeyboardInterrupt

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_geant4(job(), interrupt)
    assert time.monotonic() - begin < 30.0
    assert os.listdir(temporary) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_masses_are_those_of_the_particles():
    assert job(particle="e+", energy=1.0).document()["kinetic"] == pytest.approx(1e3 * (1.0 - M_E))
    assert job(particle="gamma", energy=1.0).document()["kinetic"] == pytest.approx(1e3)
