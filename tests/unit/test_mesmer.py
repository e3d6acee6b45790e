"""Events of MESMER: the record as its documentation describes it, through detector and cuts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mutau.background.muone_components import region
from mutau.background.muone_event_file import event_component
from mutau.background.muone_sources import radiative_component
from mutau.core.constants import M_MU
from mutau.core.errors import FileError, MutauError
from mutau.experiment import load_experiment, replace
from mutau.io.mesmer import read_mesmer
from mutau.reactions.muon_electron import GAMMA
from mutau.signal.muone_events import generate_on_electrons

pytestmark = pytest.mark.compiled

STILL = {
    "beam/spot_x": "0 cm", "beam/spot_y": "0 cm", "beam/divergence_x": "0 mrad",
    "beam/divergence_y": "0 mrad", "beam/energy_spread": "0 %",
}  # fmt: skip
MUONE = load_experiment("muone")


def record(events, sigma_ub, *, weights=None, energy=150.0, coefficients=False):
    """The text of a run with these events: (pdg, px, py, pz) of each outgoing particle."""
    lines = [
        " <header>", "   SAMPLE TAG", "   42", "  Nominal muon beam energy (GeV)", f"   {energy}",
        "  Muon mass (GeV)", "   0.10565836900000001",
        "  Normalization cross section (mub)", "   100.0",
        "  If coefficients for VP reweighting are present (0/1)", f"   {int(coefficients)}",
        " </header>",
    ]  # fmt: skip
    weights = np.ones(len(events)) if weights is None else weights
    for i, (particles, weight) in enumerate(zip(events, weights, strict=True)):
        lines += [" <event>", "  42", f"  {i + 1}", f"  {len(particles)}",
                  f"   {float(weight)!r}   7.6D0  7.8D0", "   0.0  0.0"]  # fmt: skip
        lines += ["  " + " ".join(["0.0"] * 11)] if coefficients else []
        lines.append(f"  -13 0.0 0.0 {math.sqrt(energy**2 - M_MU**2)!r}")
        lines += [f"  {p[0]:.0f} " + " ".join(repr(float(x)) for x in p[1:]) for p in particles]
        lines.append(" </event>")
    lines += [
        " <footer>", "(sub-)sample weighted XS (mub)", f"  {sigma_ub!r}  +-  {sigma_ub / 500!r}",
        "total shut points (weighted events)", "  1000", " </footer>",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


@pytest.fixture
def radiative():
    """Events of our own, as MESMER would write them."""
    item = replace(MUONE, STILL)
    drawn = generate_on_electrons(GAMMA, item, 3000, within_cuts=True, seed=4)
    p4, pdg = drawn.p4.reshape(-1, 5, 4)[:, 2:], drawn.pdg.reshape(-1, 5)[:, 2:]
    return [
        [(code, *momentum[1:]) for code, momentum in zip(codes, one, strict=True)]
        for codes, one in zip(pdg, p4, strict=True)
    ], drawn.meta["sigma_pb"]


def test_the_example_of_the_documentation_is_read(tmp_path):
    """mu e and two photons, with coefficients: masses and weight as they stand."""
    path = tmp_path / "events.dat"
    particles = [
        (-13, -0.10037474236270096, 3.59660174e-05, 139.2726237376755),
        (11, 1.2912320479053441e-02, 1.7581244722062357e-03, 1.4103729937323426),
        (22, 6.8958665161184984e-02, -2.9624268532748676e-03, 7.4286187467893452),
        (22, 1.8503756722462530e-02, 1.1683363649512295e-03, 1.8883473092725849),
    ]
    path.write_text(record([particles], 240.0, weights=[7.8], coefficients=True))
    found = read_mesmer(path)
    assert found.weight.sum() == pytest.approx(240e6)
    assert found.sigma_err_pb == pytest.approx(240e6 / 500)
    assert found.pdg.tolist() == [-13, 11, 22, 22]
    total = found.p4.sum(axis=0)
    assert total[0] == pytest.approx(150.0 + 0.000511, abs=1e-5)
    assert np.abs(total[1:3]).max() < 1e-6


def test_our_own_events_through_the_file_give_our_own_background(tmp_path, radiative):
    """mu e gamma within (i), (ii), written as MESMER does: before the veto 3.6e8 as the source has,
    behind it what the crystals miss."""
    events, sigma = radiative
    path = tmp_path / "events.dat"
    path.write_text(record(events, 1e-6 * sigma))
    found = event_component(MUONE, read_mesmer(path), 1)
    own = radiative_component(MUONE, region(MUONE), 20_000, 1)
    cuts = [cut for cut in MUONE.cuts if cut.variable != "photon_energy"]
    # drawn within the cuts on true quantities only: no migration from outside
    assert found.events(cuts).events == pytest.approx(own.events(cuts).events, rel=0.15)
    ratio = found.events(MUONE.cuts).events / found.events(cuts).events
    assert ratio == pytest.approx(own.events(MUONE.cuts).events / own.events(cuts).events, rel=0.1)


def test_a_pair_with_both_electrons_seen_is_no_background(tmp_path):
    muon = (-13, -0.3, 0.0, 140.0)
    seen, soft = (11, 0.02, 0.0, 5.0), (-11, 0.0, 1e-4, 0.05)
    path = tmp_path / "events.dat"
    path.write_text(record([[muon, seen, seen], [muon, seen, soft], [muon, seen]], 3e-6))
    found = event_component(replace(MUONE, STILL), read_mesmer(path), 1)
    assert len(found.sample.weights) == 2


def test_faults_are_named_with_their_line(tmp_path):
    path = tmp_path / "events.dat"
    good = record([[(-13, 0.0, 0.0, 100.0), (11, 0.0, 0.0, 40.0)]], 1.0)
    for text, match in (
        ("<LesHouchesEvents>\n", "no header of MESMER"),
        (good.split(" <footer>")[0], "ends before the footer"),
        (good.replace(" 11 ", " 211 "), "PDG code 211"),
        (good.replace("7.6D0", "nan"), "the weights"),
        (good.replace("  2\n", "  3\n"), "an outgoing particle"),
        (good.replace("Nominal muon beam energy (GeV)", "Energy"), "lacks energy"),
    ):
        path.write_text(text)
        with pytest.raises(FileError, match=match):
            read_mesmer(path)
    path.write_text(record([[(-13, 0.0, 0.0, 100.0), (11, 0.0, 0.0, 40.0)]] * 2, 1.0,
                           weights=[1.0, -0.5]))  # fmt: skip
    with pytest.raises(MutauError, match="negative weights"):
        event_component(MUONE, read_mesmer(path), 1)
    path.write_text(record([[(-13, 0.0, 0.0, 100.0), (11, 0.0, 0.0, 40.0)]], 1.0, energy=160.0))
    with pytest.raises(MutauError, match="160 GeV"):
        event_component(MUONE, read_mesmer(path), 1)


def test_command_line(cli, tmp_path, radiative):
    events, sigma = radiative
    (tmp_path / "events.dat").write_text(record(events, 1e-6 * sigma))
    found = cli("background", "muone", "--source", "neutrino pairs", "--events", "events.dat",
                "--json")  # fmt: skip
    assert found.code == 0, found.err
    row = json.loads(found.out)["event_file"]
    assert row["events_read"] == 3000
    assert row["photons_not_looked_at"] == pytest.approx(3.2e8, rel=0.15)
    assert 1e-6 < row["events"] / row["photons_not_looked_at"] < 1e-4
    assert (
        cli("background", "muone", "--events", "none.dat", "--source", "neutrino pairs").code == 2
    )
