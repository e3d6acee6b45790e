"""`mutau generate muone` in every format, as other programs read it."""

from __future__ import annotations

import json

import numpy as np
import pyhepmc
import pylhe
import pytest
import uproot

import mutau

POINT = ("--mass", "0.1", "--coupling", "1e-3")
SIGMA = 0.87569  # pb, without cuts: table in docs/validation/muone.md


@pytest.mark.compiled
@pytest.mark.parametrize("suffix", ["lhe", "lhe.gz", "hepmc", "root", "parquet"])
def test_formats(cli, tmp_path, suffix):
    result = cli("generate", "muone", *POINT, "-n", "40", "-o", f"e.{suffix}", "--json")
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    assert answer["sigma_pb"] == pytest.approx(SIGMA, rel=1e-3)
    back = mutau.read_events(tmp_path / f"e.{suffix}")
    assert back.n_events == 40
    assert back.pdg[:5].tolist() == [-13, 11, -13, 11, 32]
    assert back.weight[::5].sum() == pytest.approx(answer["expected_events"], rel=1e-9)
    # what decays visibly, to e+ e- by loop mixing, is not in it: 2e-5
    assert answer["expected_events"] == pytest.approx(15e3 * answer["sigma_pb"], rel=1e-4)
    rows = back.p4.reshape(40, 5, 4)
    assert np.abs(rows[:, :2].sum(axis=1) - rows[:, 2:].sum(axis=1)).max() < 1e-6


@pytest.mark.compiled
def test_other_programs_read_the_cross_section(cli, tmp_path):
    for suffix in ("lhe", "hepmc", "root"):
        assert cli("generate", "muone", *POINT, "-n", "20", "-o", f"e.{suffix}").code == 0
    file = pylhe.LHEFile.fromfile(tmp_path / "e.lhe")
    assert file.init.procInfo[0].xSection == pytest.approx(SIGMA, rel=1e-3)
    events = list(file.events)
    assert len(events) == 20
    assert sum(event.eventinfo.weight for event in events) / 20 > 0.0
    with pyhepmc.open(tmp_path / "e.hepmc") as source:
        particles = next(iter(source)).particles
    assert sorted(p.pid for p in particles if p.status == 1) == [-13, 11, 32]
    with uproot.open(tmp_path / "e.root") as source:
        trees = [key for key, name in source.classnames().items() if name == "TTree"]
        assert trees


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*POINT, "-o", "e.xyz"), "xyz"),
        (("--mass", "0.3", "--coupling", "1e-3", "-o", "e.lhe"), "0.3"),
        ((*POINT, "-o", "missing/e.lhe"), "missing"),
        ((*POINT, "-n", "0", "-o", "e.lhe"), "-n"),
    ],
)
def test_refusals(cli, tmp_path, words, message):
    result = cli("generate", "muone", *words)
    assert result.code == 2
    assert message in result.err
    assert not list(tmp_path.iterdir())
