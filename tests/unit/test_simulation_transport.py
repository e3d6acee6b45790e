"""The full simulation in small set-ups: straight lines, orbits, losses, angles, detectors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, Problems
from mutau.core.random import stream
from mutau.detector.hits import KNOCK_ON
from mutau.detector.readout import build_readout
from mutau.detector.simulation import beam_source, simulate, simulate_beam
from mutau.experiment import replace
from mutau.experiment.loader import from_document
from mutau.matter.materials import material
from mutau.matter.multiple_scattering import scatter
from mutau.matter.muon_energy_loss import (
    hard_knock_on,
    hard_radiation,
    mean_energy_after,
    stopping_power_parts,
)
from mutau.transport.beam import BeamMuons

pytestmark = pytest.mark.compiled

WHY = {"because": "test"}
BOX = {"width": "1 m", "height": "1 m"}


def set_up(target=None, **detector):
    """A target of no account (1 um of carbon at 1 m) and what is asked for; vacuum."""
    target = target or {"material": "carbon", "thickness": "1 um", "z": "1 m"}
    return from_document(
        {
            "schema": 1,
            "name": "test",
            "source": "test",
            "beam": {"particle": "mu-", "energy": "160 GeV", "particles": 1.0} | WHY,
            "target": target | WHY,
            "detector": {
                kind: [BOX | item | WHY for item in items] for kind, items in detector.items()
            },
        },
        "test",
    )


def muons(n=1, energy=160.0, x=0.0, y=0.0, tx=0.0, ty=0.0, z=0.0):
    p = np.broadcast_to(np.sqrt(np.asarray(energy, float) ** 2 - M_MU**2), (n,))
    wide = [np.broadcast_to(np.asarray(v, float), (n,)).copy() for v in (x, y, tx, ty)]
    return BeamMuons(*wide, p.copy(), np.ones(n), z, np.zeros(n, np.int64))


def tracker(name, z, **more):
    return {"name": name, "z": z, "arm": "outgoing", "resolution": "1 um"} | more


def run(experiment, beam, seed=1):
    return simulate_beam(experiment, beam, stream(seed))


def test_straight_lines_through_nothing():
    """x = 1 cm - 2 mrad (z + 0), y = 3 mrad z, to the micrometre of resolution and target."""
    hits = run(
        set_up(tracker=[tracker("B", "11 m"), tracker("A", "6 m")]), muons(x=1.0, tx=-2e-3, ty=3e-3)
    )
    assert hits.planes == ("A", "B")
    assert hits.plane_z.tolist() == [600.0, 1100.0]
    assert hits.true_hit[0, :, 0] == pytest.approx([1.0 - 1.2, 1.0 - 2.2], abs=1e-3)
    assert hits.true_hit[0, :, 1] == pytest.approx([1.8, 3.3], abs=1e-3)
    assert hits.hit[0] == pytest.approx(hits.true_hit[0], abs=1e-3)
    assert hits.true_slope[0, 1] == pytest.approx([-2e-3, 3e-3], abs=1e-6)
    assert hits.true_momentum[0] == pytest.approx([160.0, 160.0], rel=1e-5)
    assert np.all(hits.seen)
    assert len(hits.extra_event) == 0


def test_frames_and_resolution_and_inefficiency():
    experiment = set_up(
        tracker=[
            tracker("A", "2 m", resolution="100 um", efficiency="90 %"),
            tracker("B", "3 m", width="2 cm", height="2 cm"),
        ]
    )
    n = 20_000
    hits = run(experiment, muons(n))
    assert np.mean(hits.seen[:, 0]) == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / n))
    residual = (hits.hit - hits.true_hit)[hits.seen[:, 0], 0]
    assert residual.std(axis=0) == pytest.approx([0.01, 0.01], rel=0.03)
    assert np.all(hits.hit[~hits.seen[:, 0], 0] == 0.0)
    outside = run(experiment, muons(10, x=1.5))
    assert not np.any(outside.crossed[:, 1])
    assert np.all(outside.crossed[:, 0])


@pytest.mark.parametrize("fringe", ["0 cm", "10 cm"])
@pytest.mark.parametrize(("axis", "sign"), [("x", -1.0), ("y", 1.0)])
def test_orbit_through_the_dipole(fringe, axis, sign):
    """sin(angle) = 0.2998*1.4/20; behind a uniform field the chord is R(1 - cos), R = L/sin.

    With a fringe the angle is the same; the displacement at 3 m more than 1 m behind too, since
    the field is symmetric around the middle.
    """
    kick = 0.299792458 * 1.4
    experiment = set_up(
        magnet=[
            {"name": "M", "z": "3 m", "length": "2 m", "field_integral": "1.4 T m",
             "bends_to": f"{'+' if sign > 0 else '-'}{axis}", "fringe": fringe},
        ],
        tracker=[tracker("A", "2 m"), tracker("B", "8 m")],
    )  # fmt: skip
    energy = 20.0
    hits = run(experiment, muons(energy=energy))
    sine = kick / math.sqrt(energy**2 - M_MU**2)
    angle = math.asin(sine)
    k = 0 if axis == "x" else 1
    assert hits.true_slope[0, 1, k] == pytest.approx(sign * math.tan(angle), rel=2e-4)
    shift = 200.0 / sine * (1.0 - math.cos(angle)) + 300.0 * math.tan(angle)
    assert hits.true_hit[0, 1, k] == pytest.approx(sign * shift, rel=1e-3)
    assert hits.true_hit[0, 1, 1 - k] == pytest.approx(0.0, abs=1e-2)


def test_too_slow_for_the_dipole():
    experiment = set_up(
        magnet=[{"name": "M", "z": "3 m", "length": "2 m", "field_integral": "1.4 T m",
                 "bends_to": "-x"}],
        tracker=[tracker("B", "8 m")],
    )  # fmt: skip
    hits = run(experiment, muons(energy=0.35))  # its largest angle is 90 degrees, at 0.42 GeV
    assert not hits.crossed[0, 0]
    assert hits.end_energy[0] == 0.0


def test_yokes_are_iron_without_field():
    """Beside the gap: 2 m of iron, 3.1 GeV at 160, and no bend to speak of."""
    experiment = set_up(
        magnet=[{"name": "M", "z": "3 m", "length": "2 m", "field_integral": "1.4 T m",
                 "bends_to": "-x", "width": "30 cm", "height": "11 cm"}],
        tracker=[tracker("B", "8 m")],
    )  # fmt: skip
    hits = run(experiment, muons(2000, x=40.0))
    lost = 160.0 - np.median(hits.end_energy)
    mean = 160.0 - float(mean_energy_after(160.0, material("iron"), 200.0))
    assert 0.6 * mean < lost < mean  # the median of a long-tailed loss
    assert np.median(hits.true_slope[:, 0, 0]) == pytest.approx(0.0, abs=2e-4)


LEAD = {"material": "lead-scintillator", "thickness": "45 cm", "z": "1 m", "active": True}


@pytest.fixture(scope="module")
def behind_lead():
    """60 000 muons behind 45 cm of the calorimeter sandwich, and their loss."""
    hits = run(set_up(LEAD, tracker=[tracker("A", "2 m")]), muons(60_000), seed=2)
    return hits, 160.0 - hits.p_out[:, 0]


def test_mean_loss_and_single_losses(behind_lead):
    """The mean is that of the stopping power; hard losses are Poisson with their rates."""
    hits, lost = behind_lead
    sandwich = material("lead-scintillator")
    mean = 160.0 - float(mean_energy_after(160.0, sandwich, 45.0))
    error = lost.std() / math.sqrt(len(lost))
    assert lost.mean() == pytest.approx(mean, abs=4.0 * error)
    for cut in (1.0, 5.0, 20.0):
        rate = float(hard_knock_on(160.0, sandwich, cut)[0])
        for process in ("bremsstrahlung", "pair", "nuclear"):
            rate += float(hard_radiation(160.0, sandwich, process, cut)[0])
        share = 1.0 - math.exp(-45.0 * rate)
        error = math.sqrt(share * (1.0 - share) / len(lost))
        assert np.mean(hits.vertex_loss > cut) == pytest.approx(share, abs=4.0 * error)


def test_ionisation_fluctuates_like_landau(behind_lead):
    """Most probable loss and width of the ionisation peak, by Landau's formulas for mean dE/dx.

    xi = 0.1535 MeV * 0.408 * 6.205 * 45 = 17.5 MeV: the peak's full width at half maximum is
    4.02 xi = 70 MeV, and more by radiation below the cut of single losses (35 MeV rms).
    """
    _, lost = behind_lead
    counts, edges = np.histogram(lost, np.linspace(0.2, 1.2, 101))
    peak = 0.5 * (edges[:-1] + edges[1:])[np.argmax(np.convolve(counts, np.ones(5), "same"))]
    assert peak == pytest.approx(0.46, abs=0.03)
    above = edges[:-1][counts > 0.5 * counts.max()]
    assert 0.070 < above.max() - above.min() < 0.16


def test_angles_are_those_of_scattering(behind_lead):
    """The core and the tail of scattering alone; hard losses add some per mille beyond 1.5 mrad."""
    hits, _ = behind_lead
    angle = np.abs(hits.p_out[:, 1] / hits.p_out[:, 3])
    alone = np.abs(
        scatter(159.7, material("lead-scintillator"), np.full(60_000, 45.0), stream(3))[:, 0]
    )
    for percent in (50, 68, 90):
        ours, theirs = np.percentile(angle, percent), np.percentile(alone, percent)
        assert ours == pytest.approx(theirs, rel=0.015)
    assert np.mean(angle > 3e-3) > np.mean(alone > 3e-3)


def test_what_is_lost_is_deposited_or_leaks(behind_lead):
    """Never more than lost (a few MeV of soft electrons count twice); late showers leak."""
    hits, lost = behind_lead
    deposit = hits.deposit[:, 0]
    assert np.max(deposit - lost) < 0.3
    early = (hits.vertex_loss > 1.0) & (hits.vertex[:, 2] < 115.0) & (hits.vertex_process != 3)
    assert np.mean(deposit[early] / lost[early]) > 0.98
    late = (hits.vertex_loss > 5.0) & (hits.vertex[:, 2] > 142.0)
    assert np.mean(deposit[late] / lost[late]) < 0.5


def test_energy_is_conserved_behind_a_block_of_iron():
    """10 m of iron behind the target, both measured: deposits add up to what the muon lost."""
    experiment = set_up(
        LEAD,
        calorimeter=[{"name": "H", "kind": "hcal", "material": "iron", "z": "1.5 m",
                      "length": "10 m", "width": "20 m", "height": "20 m"}],
    )  # fmt: skip
    hits = run(experiment, muons(3000), seed=4)
    lost = 160.0 - np.where(hits.end_energy > 0.0, hits.end_energy, M_MU)
    inside = hits.vertex[:, 2] < 900.0  # showers at the very end leak
    excess = (hits.deposit.sum(axis=1) - lost)[inside]
    assert np.mean(excess) == pytest.approx(0.0, abs=0.01 * lost.mean())
    assert np.percentile(np.abs(excess), 90) < 0.05


def test_a_muon_that_ranges_out_stops():
    experiment = set_up({"material": "iron", "thickness": "3 m", "z": "1 m", "active": True})
    hits = run(experiment, muons(200, energy=2.0), seed=5)
    assert np.all(hits.end_energy == 0.0)
    assert np.all(hits.end_z < 400.0)
    assert hits.deposit[:, 0] == pytest.approx(np.full(200, 2.0 - M_MU), rel=0.02)


def between(name, cm):
    """90 % of the mean ionisation, and the mean loss: the median of the loss lies between, GeV."""
    parts = stopping_power_parts(160.0, material(name))
    return 0.9 * float(parts.ionisation) * cm, float(parts.total) * cm


def test_holes_and_neighbours():
    """Through the hole nothing, in the frame the deposit; an absorber in the hole is a sibling."""
    ring = {"name": "V", "kind": "vhcal", "material": "copper", "z": "2 m", "length": "1 m",
            "hole_width": "20 cm", "hole_height": "20 cm"}  # fmt: skip
    plug = {"name": "P", "material": "lead", "z": "2.5 m", "length": "20 cm", "width": "20 cm",
            "height": "20 cm"}  # fmt: skip
    free = set_up(calorimeter=[ring])
    plugged = set_up(calorimeter=[ring], absorber=[plug])
    through = run(free, muons(300), seed=6)
    assert np.all(through.deposit[:, 1] == 0.0)
    assert through.end_energy == pytest.approx(np.full(300, 160.0), abs=1e-3)
    beside = run(plugged, muons(300, x=30.0), seed=7)
    low, high = between("copper", 100.0)
    assert low < np.median(beside.deposit[:, 1]) < high
    in_plug = run(plugged, muons(300), seed=8)
    lost = 160.0 - np.median(in_plug.end_energy)
    low, high = between("lead", 20.0)
    assert low < lost < high
    # a muon that enters by the hole and leaves through its wall crosses part of the frame
    grazing = run(free, muons(300, x=5.0, z=199.0, tx=0.1), seed=9)
    share = np.median(grazing.deposit[:, 1]) / np.median(beside.deposit[:, 1])
    assert 0.45 < share < 0.6  # it is in the wall from 50 cm on


def test_counters_with_threshold_and_veto_logic():
    """2 cm of plastic take 4 MeV on average: a threshold of 2 MeV fires, one of 40 MeV hardly."""
    plate = {"material": "polystyrene", "thickness": "2 cm"}
    experiment = set_up(
        counter=[
            {"name": "S", "z": "2 m", "role": "trigger", "efficiency": "80 %"},
            {"name": "L", "z": "3 m", "role": "monitor", "threshold": "2 MeV"} | plate,
            {"name": "H", "z": "4 m", "role": "monitor", "threshold": "40 MeV"} | plate,
            {"name": "V", "z": "5 m", "role": "veto", "x": "3 m"},
        ]
    )
    hits = run(experiment, muons(5000), seed=10)
    assert np.mean(hits.fired("S")) == pytest.approx(0.8, abs=0.023)
    assert np.mean(hits.fired("L")) > 0.99
    assert np.mean(hits.fired("H")) < 0.05
    assert not np.any(hits.fired("V"))
    assert np.array_equal(hits.trigger, hits.fired("S"))
    assert np.all(hits.crossed_counters == 0b0111)
    vetoed = run(experiment, muons(100, x=0.0, tx=0.6, z=0.0), seed=11)  # reaches V at 5 m
    assert np.all(vetoed.fired("V"))
    assert not np.any(vetoed.trigger)


def test_knock_on_electrons_make_extra_hits():
    """1 cm of lead before a plane: electrons above 5 MeV come along with some per cent."""
    experiment = set_up(
        {"material": "lead", "thickness": "5 cm", "z": "1 m"}, tracker=[tracker("A", "1.1 m")]
    )
    hits = run(experiment, muons(20_000), seed=12)
    share = np.mean(hits.n_extra > 0)
    assert 0.02 < share < 0.2
    assert set(np.unique(hits.extra_origin)) <= {1, 2, 3, KNOCK_ON}
    assert hits.hits_per_plane()[:, 0].sum() == hits.seen.sum() + len(hits.extra_event)
    assert np.all(np.diff(hits.extra_event) >= 0)


def test_knock_on_electrons_come_out_of_the_last_slice():
    """5 cm of lead in ten slices: as many electrons behind them as behind the whole (5 sigma)."""
    plane = [tracker("A", "2.1 m")]
    lead = {"material": "lead", "length": "5 cm", "z": "2 m", "name": "L"}
    slices = [lead | {"name": f"L{i}", "z": f"{200 + 0.5 * i!r} cm", "length": "0.5 cm"}
              for i in range(10)]  # fmt: skip
    shares = [
        np.mean(run(set_up(absorber=parts, tracker=plane), muons(20_000), seed=13).n_extra > 0)
        for parts in ([lead], slices)
    ]
    assert shares[1] == pytest.approx(shares[0], abs=5.0 * math.sqrt(2.0 * shares[0] / 20_000))


def test_beam_particles_that_cannot_be_carried():
    document = set_up().to_dict()
    document["beam"]["particle"] = "e-"
    document["process"] = "electron-brems+annihilation"
    experiment = from_document(document, "test")
    with pytest.raises(MutauError, match="carries muons, not e-"):
        beam_source(experiment, build_readout(experiment))
    with pytest.raises(MutauError, match="n = 0 beam particles"):
        next(simulate(set_up(), 0, 1))


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (
            {"calorimeter": [{"name": "A", "kind": "hcal", "material": "iron", "z": "2 m",
                              "length": "1 m"}],
             "absorber": [{"name": "B", "material": "iron", "z": "2.5 m", "length": "1 m"}]},
            "'B' overlaps 'A'",
        ),
        (
            {"magnet": [{"name": "M", "z": "3 m", "length": "2 m", "field_integral": "1 T m",
                         "bends_to": "-x", "width": "30 cm", "height": "11 cm"}],
             "tracker": [tracker("A", "4 m")]},
            "whose gap ends at 15 cm",
        ),
        (
            {"counter": [{"name": "A", "z": "4 m", "role": "veto", "threshold": "1 MeV"}]},
            "needs the counter's material and thickness",
        ),
    ],
)  # fmt: skip
def test_set_ups_that_make_no_sense(detector, message):
    with pytest.raises(Problems, match=message):
        set_up(**detector)


def test_fringes_that_do_not_fit():
    magnet = {"name": "M", "z": "3 m", "length": "2 m", "field_integral": "1 T m",
              "bends_to": "-x"}  # fmt: skip
    block = {"name": "B", "material": "iron", "z": "5.1 m", "length": "1 m"}
    with pytest.raises(MutauError, match="fringe of magnet 'M' reaches"):
        build_readout(set_up(magnet=[magnet | {"fringe": "10 cm"}], absorber=[block]))
    with pytest.raises(MutauError, match="too long"):
        build_readout(set_up(magnet=[magnet | {"fringe": "40 cm"}]))


@pytest.mark.parametrize(("particle", "side"), [("mu-", -1.0), ("mu+", 1.0)])
def test_knock_on_electrons_bend_as_electrons(particle, side):
    """A magnet that bends the beam to -x bends electrons there if the beam is negative, else away.

    Of 1.4 T m those of 3 to 20 GeV are turned by 70 to 10 cm on the 5 m to the plane; in 0.2 X0 of
    carbon few have begun a shower, whose electrons are of either charge.
    """
    experiment = set_up(
        {"material": "carbon", "thickness": "4 cm", "z": "1 m"},
        magnet=[{"name": "M", "z": "3 m", "length": "2 m", "field_integral": "1.4 T m",
                 "bends_to": "-x"}],
        tracker=[tracker("B", "8 m")],
    )  # fmt: skip
    experiment = replace(experiment, {"beam/particle": particle})
    hits = run(experiment, muons(100_000), seed=13)
    hard = (hits.extra_origin == KNOCK_ON) & (hits.extra_energy > 3.0)
    hard &= hits.crossed[hits.extra_event, 0]
    shift = hits.extra_hit[hard, 0] - hits.true_hit[hits.extra_event[hard], 0, 0]
    assert len(shift) > 8
    assert np.mean(np.sign(shift) == side) > 0.8
