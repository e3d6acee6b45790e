"""Secondaries one by one: energy is conserved, showers go where their particles go."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.random import stream
from mutau.core.records import zeros
from mutau.detector.readout import build_readout
from mutau.detector.simulation_flight import follow
from mutau.detector.simulation_records import Trace, new_output, push
from mutau.experiment.loader import from_document
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.materials import material
from mutau.matter.multiple_scattering import highland_angle
from mutau.transport.matter_tables import hadron_length, matter_of
from mutau.transport.particle import CHARGED, ELECTRON, MARKER, NEUTRAL, PHOTON, State

pytestmark = pytest.mark.compiled

WHY = {"because": "test"}


def set_up(**detector):
    """A target of no account at 1 cm, and what is asked for."""
    box = {"width": "100 m", "height": "100 m"}
    return build_readout(
        from_document(
            {
                "schema": 1,
                "name": "test",
                "source": "test",
                "beam": {"particle": "mu-", "energy": "160 GeV", "particles": 1.0} | WHY,
                "target": {"material": "carbon", "thickness": "1 um", "z": "1 cm"} | WHY,
                "detector": {
                    kind: [box | item | WHY for item in items] for kind, items in detector.items()
                },
            },
            "test",
        )
    )


def send(readout, kind, energy, n=1, seed=1, tx=0.0, charge=-1.0, x=0.0):
    """n particles along z from z = 2 cm; returns deposits and extra hits."""
    rng, at = stream(seed), zeros(State, 1)
    out = new_output(n, readout.deposits, len(readout.planes), 50 * n + 100)
    at["x"], at["z"], at["origin"] = x, 2.0, 1
    for i in range(n):
        trace = Trace(
            out.events[i], out.deposits[i], out.hits[i], out.extra, out.stack, out.counts[0],
            out.arrivals,
        )  # fmt: skip
        trace.stack[push(trace, at[0], kind, energy, tx, 0.0)]["charge"] = charge
        follow(rng, readout.setup, trace)
    return out.deposits, out.extra[: out.counts["extra"][0]]


def deposits(readout, events):
    """(electromagnetic, hadronic) per module, GeV."""
    em, hadronic, counters, *_ = readout.places
    return events[:, em:hadronic], events[:, hadronic:counters]


def block(name, z, length, material="iron", kind="hcal", **more):
    return {"name": name, "kind": kind, "material": material, "z": z, "length": length} | more


@pytest.mark.parametrize("kind", [PHOTON, ELECTRON, CHARGED, NEUTRAL])
@pytest.mark.parametrize("energy", [0.05, 0.7, 8.0, 90.0])
def test_everything_ends_up_in_a_large_block(kind, energy):
    """20 m of iron, 50 m to either side: all of the energy, to rounding."""
    readout = set_up(calorimeter=[block("H", "10 cm", "20 m")])
    events, _ = send(readout, kind, energy, 30)
    em, hadronic = deposits(readout, events)
    assert (em + hadronic)[:, 1] == pytest.approx(np.full(30, energy), rel=1e-6)


def test_hadrons_share_their_energy_with_photons():
    """A third of each collision's energy turns to photons, so more of a high energy than of a low
    one; a charged hadron that has not collided leaves 2 MeV per g/cm^2."""
    readout = set_up(calorimeter=[block("H", "10 cm", "20 m")])
    shares = []
    for energy in (5.0, 50.0):
        em, _ = deposits(readout, send(readout, NEUTRAL, energy, 400)[0])
        shares.append(em[:, 1].mean() / energy)
    assert 0.2 < shares[0] < shares[1] < 0.8
    thin = set_up(calorimeter=[block("H", "10 cm", "1 cm")])
    em, hadronic = deposits(thin, send(thin, CHARGED, 50.0, 500)[0])
    quiet = hadronic[:, 1] == 0.0
    assert np.median(em[quiet, 1]) == pytest.approx(2e-3 * 7.874, rel=1e-6)


def test_hadrons_fly_their_interaction_length():
    """Behind 30 cm of iron so many neutral hadrons have not collided, six of ten of them K_L; of
    charged ones as many as PDG's 20.42 cm of pions lets through, with 3 % for its table."""
    readout = set_up(calorimeter=[block("H", "10 cm", "30 cm")])
    em, hadronic = deposits(readout, send(readout, NEUTRAL, 50.0, 4000)[0])
    through = np.mean((em + hadronic)[:, 1] == 0.0)
    iron = material("iron")
    rate = sum(
        part / inelastic_length(name, iron, 50.0).cm for part, name in ((0.6, "K_L"), (0.4, "n"))
    )
    expected = math.exp(-30.0 * rate)
    assert through == pytest.approx(expected, abs=4.0 * math.sqrt(expected / 4000))
    _, hadronic = deposits(readout, send(readout, CHARGED, 100.0, 4000)[0])
    expected = math.exp(-30.0 / 20.42)
    error = math.hypot(4.0 * math.sqrt(expected / 4000), 0.03 * 30.0 / 20.42 * expected)
    assert np.mean(hadronic[:, 1] == 0.0) == pytest.approx(expected, abs=error)


def test_lengths_of_hadrons_depend_on_kind_and_energy():
    """Soft pions and neutrons meet more than hard kaons; lead as PDG's pions, 19.93 cm."""
    iron, lead = (matter_of(material(name), 0.0)[0] for name in ("iron", "lead"))
    assert hadron_length(lead, True, 150.0) == pytest.approx(19.93, rel=0.03)
    assert hadron_length(iron, True, 5.0) < 0.95 * hadron_length(iron, True, 100.0)
    k_long, neutron = (inelastic_length(name, material("iron"), 40.0).cm for name in ("K_L", "n"))
    assert neutron < hadron_length(iron, False, 40.0) < k_long
    assert hadron_length(iron, True, 1.0) == hadron_length(iron, True, 3.0)
    assert hadron_length(iron, True, 1e3) == hadron_length(iron, True, 300.0)


def test_photons_convert_after_nine_sevenths_of_a_radiation_length():
    readout = set_up(calorimeter=[block("H", "10 cm", "1 cm", "lead")])
    em, _ = deposits(readout, send(readout, PHOTON, 50.0, 4000)[0])
    through = np.mean(em[:, 1] == 0.0)
    expected = math.exp(-7.0 / 9.0 * 11.35 / 6.37)
    assert through == pytest.approx(expected, abs=4.0 * math.sqrt(expected / 4000))


def test_leaks_go_on_into_the_next_block():
    """10 X0 of lead, then 15 cm away 2 m of iron: together everything, on average a leak of some
    per cent to some ten per cent of 50 GeV."""
    readout = set_up(
        calorimeter=[block("E", "10 cm", "5.6 cm", "lead"), block("H", "30 cm", "4 m")]
    )
    em, _ = deposits(readout, send(readout, ELECTRON, 50.0, 500)[0])
    assert em.sum(axis=1) == pytest.approx(np.full(500, 50.0), rel=1e-6)
    leak = em[:, 2].mean() / 50.0
    assert 0.1 < leak < 0.6
    alone = set_up(calorimeter=[block("E", "10 cm", "14 cm", "lead")])  # 25 X0
    em, _ = deposits(alone, send(alone, ELECTRON, 50.0, 500)[0])
    assert 0.9 * 50.0 < em[:, 1].mean() < 0.999 * 50.0


def test_showers_leave_through_a_hole():
    ring = block("V", "10 cm", "1 m", hole_width="4 cm", hole_height="4 cm")
    readout = set_up(calorimeter=[ring, block("H", "2 m", "5 m")])
    em, _ = deposits(readout, send(readout, PHOTON, 20.0, 20)[0])
    assert np.all(em[:, 1] == 0.0)
    assert em[:, 2] == pytest.approx(np.full(20, 20.0), rel=1e-6)
    # aside, it is the ring that gets it
    em, _ = deposits(readout, send(readout, PHOTON, 20.0, 20, x=30.0)[0])
    assert np.mean(em[:, 1]) > 0.9 * 20.0


def test_magnets_bend_by_charge():
    """2 GeV through 1.4 T m: 0.21 rad either way; hits at 5 m are 60 cm off and mirror images."""
    readout = set_up(
        magnet=[{"name": "M", "z": "1 m", "length": "2 m", "field_integral": "1.4 T m",
                 "bends_to": "-x"}],
        tracker=[{"name": "A", "z": "5 m", "arm": "outgoing", "resolution": "1 um"}],
    )  # fmt: skip
    places = [send(readout, ELECTRON, 2.0, charge=c)[1]["x"][0] for c in (1.0, -1.0)]
    # the sign says: charge over that of the beam particle, which is bent to -x
    assert places[0] == pytest.approx(-places[1], abs=1e-3)
    sine = 0.2998 * 1.4 / 2.0
    shift = 200.0 / sine * (1.0 - math.sqrt(1.0 - sine**2)) + 200.0 * math.tan(math.asin(sine))
    assert places[0] == pytest.approx(-shift, rel=1e-3)
    events, extra = send(readout, PHOTON, 2.0)
    assert len(extra) == 0
    assert not events[0, 1:].any()


def test_showers_behind_a_solid_show_in_trackers():
    """Electrons of a 50 GeV shower behind 6 X0, near its maximum, up to the limit of 12; the
    softest leave at large angles."""
    readout = set_up(
        absorber=[{"name": "A", "material": "lead", "z": "10 cm", "length": "3.4 cm"}],
        tracker=[{"name": "T", "z": "20 cm", "arm": "outgoing", "resolution": "1 um"}],
    )  # fmt: skip
    _, extra = send(readout, ELECTRON, 50.0, 200)
    per_event = np.bincount(extra["event"], minlength=200)
    assert 2 < per_event.mean() <= 12
    assert np.all(extra["energy"] < 50.0)
    _, quiet = send(readout, MARKER, 1.0, 5)
    assert len(quiet) == 0  # it ends in the lead


def test_electrons_behind_a_solid_scatter_as_multiple_scattering_does():
    """Angle in one direction across times energy: Highland's 13.6 MeV for one X0, Rossi's 15 MeV
    without the logarithm; 21 MeV is the angle in space."""
    readout = set_up(
        absorber=[{"name": "A", "material": "lead", "z": "10 cm", "length": "3.4 cm"}],
        tracker=[{"name": "T", "z": "30 cm", "arm": "outgoing", "resolution": "1 um"}],
    )  # fmt: skip
    _, extra = send(readout, ELECTRON, 50.0, 300)
    hard = extra[extra["energy"] > 0.05]
    lead = material("lead")
    arm = 16.6 + 0.5 * lead.radiation_length_cm
    one_x0 = 1e3 * highland_angle(1e3, lead, lead.radiation_length_cm, mass=0.0)
    for axis in ("x", "y"):
        width = np.std(hard[axis] / arm * hard["energy"])
        assert width == pytest.approx(one_x0, rel=0.2)


def test_a_block_in_slices_is_the_block():
    """Within it nothing comes out of a face between two slices, also with a magnet further on."""
    magnet = {"name": "M", "z": "2 m", "length": "2 m", "field_integral": "1.4 T m",
              "bends_to": "-x"}  # fmt: skip
    slices = [block(f"E{i}", f"{10 + 0.25 * i!r} cm", "0.25 cm", "lead") for i in range(16)]
    one, many = (set_up(calorimeter=parts, magnet=[magnet])
                 for parts in ([block("E", "10 cm", "4 cm", "lead")], slices))  # fmt: skip
    for kind in (ELECTRON, PHOTON):
        # the same random numbers as long as only the shape is drawn
        whole = deposits(one, send(one, kind, 50.0, seed=3)[0])[0].sum()
        parts = deposits(many, send(many, kind, 50.0, seed=3)[0])[0].sum()
        if kind == ELECTRON:
            assert parts == pytest.approx(whole, rel=1e-9)
    whole, parts = (deposits(x, send(x, PHOTON, 50.0, 600)[0])[0].sum(axis=1) for x in (one, many))
    error = math.hypot(whole.std(), parts.std()) / math.sqrt(600)
    assert parts.mean() == pytest.approx(whole.mean(), abs=4.0 * error)


def test_magnets_take_the_electrons_of_a_leaking_shower():
    """50 GeV behind 3 X0: most of what leaks reaches a wide block behind a magnet, since its hard
    electrons do; the gap of a narrow magnet lets little but photons through to the same place."""
    lead = block("E", "10 cm", "1.68 cm", "lead")
    far = block("H", "10 m", "4 m", width="10 m", height="10 m")
    magnet = {"name": "M", "z": "2 m", "length": "2 m", "field_integral": "1.4 T m",
              "bends_to": "-x"}  # fmt: skip
    results = {}
    for name, more in (
        ("none", {}),
        ("wide", {"magnet": [magnet]}),
        ("narrow", {"magnet": [magnet | {"width": "2 cm", "height": "2 cm"}]}),
    ):
        readout = set_up(calorimeter=[lead, far], **more)
        em, _ = deposits(readout, send(readout, ELECTRON, 50.0, 400)[0])
        results[name] = em[:, 1:].sum(axis=1).mean() / 50.0
    assert results["none"] == pytest.approx(1.0, rel=1e-6)
    assert 0.9 < results["wide"] < 1.0
    assert 0.4 < results["narrow"] < results["wide"] - 0.1
