"""Events of lepton pairs in a target: every format, momenta, weights in pb; refusals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, UnknownName
from mutau.experiment import load_experiment, replace
from mutau.io.event_files import read_events
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.reactions.lepton_pairs import PairReaction, cross_section
from mutau.signal.pair_events import PAIRS, generate_pairs

NA64E = load_experiment("na64e")
#: The reactions that the beams of na64e and na64mu and a photon can start.
OF = {name: "na64mu" if name.startswith("muon") else "na64e" for name in PAIRS}


@pytest.mark.compiled
@pytest.mark.parametrize("reaction", PAIRS)
def test_events_balance_and_their_weights_are_the_cross_section(reaction):
    beam = PAIRS[reaction][0]
    energy = 60.0
    events = generate_pairs(reaction, OF[reaction], 300, energy=energy, error=0.02, seed=3)
    rows = 5 if beam == "photon" else 6
    p4 = events.p4.reshape(300, rows, 4)
    assert np.allclose(p4[:, :2].sum(axis=1), p4[:, 2:].sum(axis=1), atol=1e-7)
    assert np.allclose(p4[:, 0, 0], energy)
    assert events.weight.reshape(300, rows)[:, 0].sum() == pytest.approx(events.meta["sigma_pb"])
    # charges balance: what goes out less what comes in
    charge = -np.sign(events.pdg) * (np.abs(events.pdg) < 20)
    assert np.all((charge * events.status).reshape(300, rows).sum(axis=1) == 0)
    target = load_experiment(OF[reaction]).target
    z = events.x4.reshape(300, rows, 4)[:, 0, 3] - target.z
    length = target.thickness.cm(material(target.material).radiation_length_cm)
    assert np.all((z >= 0.0) & (z <= length))
    assert z.mean() == pytest.approx(0.5 * length, abs=4.0 * length / math.sqrt(12 * 300))


@pytest.mark.compiled
def test_elements_share_events_as_they_make_them():
    mixed = generate_pairs("photon-muon-pair", NA64E, 3000, energy=50.0, error=0.01)
    atoms = material(NA64E.target.material).atoms_per_cm3
    whole = sum(density for _, density in atoms)
    parts = {
        item.z: density / whole
        * cross_section(PairReaction("photon", "muon", 50.0, Nucleus.of(item)), error=0.01).sigma_pb
        for item, density in atoms
    }  # fmt: skip
    total = sum(parts.values())
    assert mixed.meta["sigma_pb"] == pytest.approx(total, rel=0.02)
    lead = np.mean(mixed.pdg.reshape(-1, 5)[:, 1] == 1000822070)
    share = parts[82] / total
    assert lead == pytest.approx(share, abs=4.0 * math.sqrt(share * (1.0 - share) / 3000))
    # at half the depth of the same material nothing of a cross section changes
    thin = replace(NA64E, {"target/thickness": "20 X0", "target/length": "22.5 cm"})
    again = generate_pairs("photon-muon-pair", thin, 10, energy=50.0, error=0.01)
    assert again.meta["sigma_pb"] == mixed.meta["sigma_pb"]


@pytest.mark.compiled
@pytest.mark.parametrize("ending", ["lhe", "lhe.gz", "hepmc", "root", "parquet", "npz"])
def test_command_line_writes_every_format(cli, tmp_path, ending):
    path = tmp_path / f"pairs.{ending}"
    found = cli(
        "generate", "na64mu", "--reaction", "photon-muon-pair", "--energy", "80GeV", "-n", "50",
        "--limits", "like_energy=20:60", "-o", str(path), "--json",
    )  # fmt: skip
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    assert (answer["events"], answer["particles"]) == (50, 250)
    assert answer["limits"] == {"like_energy": [20.0, 60.0]}
    events = read_events(path)
    muons = events.of(13)
    assert len(muons.pdg) == 50
    assert np.all((muons.p4[:, 0] >= 20.0 - 1e-6) & (muons.p4[:, 0] <= 60.0 + 1e-6))
    square = muons.p4[:, 0] ** 2 - np.sum(muons.p4[:, 1:] ** 2, axis=1)
    assert square == pytest.approx(np.full(50, M_MU**2), abs=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--mass: is missing; give the Z' mass, or a --reaction"),
        (("--mass", "0.1", "--reaction", "photon-muon-pair"), "has no effect on photon-muon-pair"),
        (("--mass", "0.1", "--limits", "pair_energy=1:"), "has no effect on the signal"),
        (("--reaction", "photon-muon-pair"), "give the energy of the photon"),
        (("--reaction", "electron-muon-pair"), "allowed: e- or e+"),
        (("--reaction", "muon-brems"), "--mass: is missing"),
        (("--reaction", "muons"), "reaction 'muons' is unknown"),
        (("--reaction", "muon-elastic"), "did you mean 'muon-electron-elastic'"),
        (("--reaction", "photon-muon-pair", "--energy", "50", "--limits", "lepton_theta=0:1"),
         "'lepton_theta' is unknown"),
    ],
)  # fmt: skip
def test_wrong_words_are_refused(cli, tmp_path, words, message):
    found = cli("generate", "na64mu", *words, "-n", "10", "-o", str(tmp_path / "e.lhe"))
    assert found.code == 2
    assert message in found.err
    assert list(tmp_path.iterdir()) == []


def test_refusals_in_python():
    with pytest.raises(UnknownName):
        generate_pairs("muon-brems", "na64mu", 10)
    with pytest.raises(MutauError, match="at least 1"):
        generate_pairs("muon-muon-pair", "na64mu", 0)
    with pytest.raises(MutauError, match="only the two diagrams"):
        PairReaction("photon", "muon", 50.0, Nucleus(82.0, 207.2), diagrams="radiated")
