"""What can happen to a muon in a spectrometer: kicks, displaced hits, losses, and their weights."""

import math
from dataclasses import replace as changed

import numpy as np
import pytest

from mutau.background.estimate import SOURCES, Estimate, all_sources, estimate
from mutau.background.momentum_kernels import ArmWalk
from mutau.background.momentum_losses import force_loss
from mutau.background.momentum_matter import (
    D_MIN,
    Q_MIN,
    build_deflections,
    build_displacements,
    deflection_density,
    displacement,
    electron_range,
    most_probable_loss,
)
from mutau.background.momentum_multihit import two_tracks, with_more_trackers, wrong_hits
from mutau.background.momentum_sampling import (
    D_FORCED,
    Q_FORCED,
    Forced,
    TrackCuts,
    fires_trigger,
    force,
    integrate,
    nothing_forced,
    observe,
    spectrometer,
)
from mutau.background.momentum_tail import Residuals, extrapolate
from mutau.core.constants import ALPHA, M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.random import stream
from mutau.core.units import HBARC_GEV_CM
from mutau.detector.tracking import fit_tracks
from mutau.detector.tracking_geometry import build_arm
from mutau.experiment import load_experiment, replace
from mutau.matter.materials import material
from mutau.matter.muon_energy_loss import hard_knock_on, hard_radiation
from mutau.transport.catastrophic_losses import KINDS, KNOCK_ON, loss_density

pytestmark = pytest.mark.compiled

NA64 = load_experiment("na64mu")
ARM = build_arm(NA64)
SPEC = spectrometer(NA64)
AIR, GAS = material("air"), material("argon-co2")


def test_soft_kicks_are_rutherfords():
    """d N/d ln q per cm = 8 pi n (alpha Z hbar c)^2/q^2 while the nucleus is a point."""
    q = 7e-3
    want = sum(
        8.0 * math.pi * n * (ALPHA * e.z * HBARC_GEV_CM / q) ** 2 for e, n in AIR.atoms_per_cm3
    )
    parts = deflection_density(q, AIR, 160.0)
    assert parts[0] == pytest.approx(want, rel=0.02)
    electrons = sum(8.0 * math.pi * n * e.z * (ALPHA * HBARC_GEV_CM / q) ** 2
                    for e, n in AIR.atoms_per_cm3)  # fmt: skip
    assert parts[3] == pytest.approx(electrons, rel=0.01)


def test_hard_kicks_come_from_nucleons():
    """At 0.5 GeV nothing is left of the nucleus as a whole: Z protons, 4 pi alpha^2 ... G^2."""
    q, q2 = 0.8, 0.64
    parts = deflection_density(q, AIR, 160.0)
    tau = q2 / (4 * 0.93827**2)
    dipole = (1 + q2 / 0.71) ** -4
    proton = dipole * (1 + 2.7928**2 * tau) / (1 + tau)
    neutron = dipole * 1.91304**2 * tau / (1 + tau)
    unit = [8 * math.pi * n * (ALPHA * HBARC_GEV_CM) ** 2 / q2 for _, n in AIR.atoms_per_cm3]
    z = [e.z for e, _ in AIR.atoms_per_cm3]
    rest = [e.a - e.z for e, _ in AIR.atoms_per_cm3]
    assert parts[0] == pytest.approx(np.dot(unit, z) * proton, rel=0.01)
    assert parts[1] == pytest.approx(np.dot(unit, rest) * neutron, rel=0.01)
    assert parts[3] == 0.0  # no electron takes 0.8 GeV sideways


def test_excitation_is_a_part_of_photoabsorption():
    """One nucleon, q^2 = 0.2: (alpha/pi) sigma/q^2 times ln(nu range), form factor, threshold.

    By hand at fixed sigma = 200 ub: K/(nu^2 + q^2) integrates to about 1.6 between 0.3 and 3 GeV.
    """
    q2 = 0.2
    parts = deflection_density(math.sqrt(q2), AIR, 160.0)
    nucleons = sum(n * e.a for e, n in AIR.atoms_per_cm3)
    form = 0.75 * (0.54 / (0.54 + q2)) ** 2 + 0.25 * 1.8 / (1.8 + q2)
    rough = nucleons * 2.0 * q2 * ALPHA / math.pi / q2 * 180e-30 * form * 1.4
    assert parts[2] == pytest.approx(rough, rel=0.25)
    assert deflection_density(0.45, AIR, 160.0, 0.2)[2] == 0.0  # below the pion threshold
    more = deflection_density(0.45, AIR, 160.0, 30.0)[2]
    assert 1.5 * parts[2] < more < 4.0 * parts[2]


def test_kicks_are_drawn_as_the_table_says():
    kicks = build_deflections(ARM)
    z, q = kicks.draw(40_000, 0.02, 0.2, stream(1))
    expected = kicks.number(0.02) - kicks.number(0.2)
    share = (kicks.number(0.05) - kicks.number(0.2)).sum() / expected.sum()
    assert np.mean(q > 0.05) == pytest.approx(share, abs=4 * math.sqrt(share / 40_000))
    assert 0.02 <= q.min() <= q.max() <= 0.2
    thin = np.isin(z, ARM.z)
    assert thin.mean() == pytest.approx(1 - expected[1] / expected.sum(), abs=0.005)
    assert np.mean(z[~thin]) == pytest.approx(990.0, abs=6.0)  # air, evenly from 580 to 1400
    # what is softer than Q_MIN = 2.6 rms kicks of the arm is the Gaussian core: Highland's power
    highland = (13.6e-3 * (1 + 0.038 * math.log(ARM.depth))) ** 2 / AIR.radiation_length_cm
    assert kicks.soft[1] == pytest.approx(highland, rel=0.1)
    assert Q_MIN < Q_FORCED


def test_a_deflection_turns_the_muon_where_it_happens():
    """0.32 GeV at 160 GeV: 2 mrad from z = 990 cm on, none before; not seen in the other plane."""
    still = changed(SPEC, beam=np.full(4, 1e-12), spread=0.0, momentum=160.0)
    where, push = np.full((1, 1), 990.0), np.array([[[0.0, 0.32]]])
    none = nothing_forced(1)
    one = Forced(where, push, np.zeros((1, 1)), none.plane, none.shift)
    setup, loss = still.walk
    pieces = setup.pieces.copy()
    pieces["width"] = 0.0
    quiet = changed(still, walk=ArmWalk(setup._replace(pieces=pieces), 0.0 * loss))
    plain = observe(quiet, 1, stream(2), none, q_top=Q_MIN * 1.0001)
    kicked = observe(quiet, 1, stream(2), one, q_top=Q_MIN * 1.0001)
    moved = kicked.at - plain.at
    np.testing.assert_allclose(moved[0, :3], 0.0, atol=1e-9)
    np.testing.assert_allclose(
        moved[0, 3:, 1], 2e-3 * (np.array([1100, 1250, 1400]) - 990.0), rtol=1e-4
    )
    np.testing.assert_allclose(moved[0, 3:, 0], 0.0, atol=2e-4)
    # the dipole: 1.4 T m bend 160 GeV by 2.62 mrad to -x
    bend = (plain.at[0, 5, 0] - plain.at[0, 3, 0]) / 300.0
    assert bend == pytest.approx(-0.299792458 * 1.4 / 160.0, rel=1e-4)


def test_forced_weights_are_probabilities():
    """The mean weight is Poisson's chance of one deflection, and that of two shifted hits."""
    u = stream(3).random((200_000, 3))
    forced, weight, shares = force(SPEC, u, 1, 0)
    expected = SPEC.deflections.number(Q_FORCED).sum()
    assert weight.mean() == pytest.approx(expected * math.exp(-expected), rel=0.02)
    assert np.hypot(*forced.deflection[:, 0].T).min() >= Q_FORCED * 0.999
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-9)
    rare = SPEC.displacements.number(D_FORCED)[0]
    u = stream(4).random((200_000, 5))
    forced, weight, _ = force(SPEC, u, 0, 2)
    chance = 15 * rare**2 * (1 - rare) ** 4 * math.exp(-expected)
    assert weight.mean() == pytest.approx(chance, rel=0.03)
    assert np.all(forced.plane[:, 0] < forced.plane[:, 1])


def test_hits_pulled_by_knock_on_electrons():
    assert most_probable_loss(GAS, 0.5) == pytest.approx(1.1e-6, rel=0.1)
    assert float(electron_range(1e-3)) == pytest.approx(0.41, rel=0.02)  # g/cm^2 at 1 MeV
    # 100 keV: cos = 0.30, straight on through 4 mm of depth, far below its range of 8 cm
    t, depth = 1e-4, 0.4
    cosine = math.sqrt(t / (t + 2 * M_E))
    path = depth / cosine
    left = t * path / (float(electron_range(t)) / GAS.density)
    want = 0.5 * path * math.sqrt(1 - cosine**2) * left / (left + most_probable_loss(GAS, 0.5))
    assert float(displacement(np.array(t), np.array(depth), GAS, 0.5)) == pytest.approx(want)
    assert float(displacement(np.array(t), np.array(0.0), GAS, 0.5)) == 0.0
    table = build_displacements(ARM)
    everything = float(hard_knock_on(160.0, GAS, 1e-5)[0]) * 0.5
    assert np.all(table.number(D_MIN) < everything)
    assert np.all(table.number(D_MIN) > 0.5 * everything)
    assert np.all(np.diff(table.above[0]) <= 0.0)
    drawn = table.draw(2, 20_000, stream(5))
    far = np.mean(np.hypot(*drawn.T) > 0.3)
    assert far == pytest.approx(float(table.number(0.3)[2] / table.number(D_MIN)[2]), rel=0.05)
    assert abs(drawn.mean()) < 0.005


def test_losses_have_the_rates_of_matter():
    """Summed over a share of the energy above 10 %: the same number as the closed integrals."""
    v = np.exp(np.linspace(math.log(0.1), 0.0, 4001))
    for process in ("bremsstrahlung", "pair", "nuclear"):
        number = np.trapezoid(loss_density(KINDS.index(process), v, 160.0, AIR), v)
        assert number == pytest.approx(
            float(hard_radiation(160.0, AIR, process, 16.0)[0]), rel=0.01
        )
    number = np.trapezoid(loss_density(KNOCK_ON, v, 160.0, AIR), v)
    assert number == pytest.approx(float(hard_knock_on(160.0, AIR, 16.0)[0]), rel=0.01)
    forced = force_loss(SPEC, stream(6).random((50_000, 3)), "knock-on", 0.1, stream(7))
    mass = sum(m.thickness * m.material.density for m in SPEC.arm.matter)
    rough = float(hard_knock_on(160.0, AIR, 16.0)[0]) / AIR.density * mass
    assert forced.weight.mean() == pytest.approx(rough, rel=0.02)


def test_recoil_of_a_knock_on_electron():
    """p_T^2 = 2 m T (1 - T/T_max) up to m/E, and T_max = 144.8 GeV at 160 GeV."""
    u = np.column_stack([stream(7).random((200, 2)), np.zeros(200)])
    forced = force_loss(SPEC, u, "knock-on", 0.1, stream(7))
    top = 160.0**2 / (160.0 + M_MU**2 / (2 * M_E))
    kick = np.sqrt(2 * M_E * forced.v * 160.0 * np.maximum(1 - forced.v * 160.0 / top, 0.0))
    np.testing.assert_allclose(forced.deflection[:, 0], kick, rtol=2e-3, atol=1e-3)
    assert np.ptp(forced.v) > 0.5
    assert np.all(forced.deflection[:, 1] == 0.0)


def test_recoils_of_losses_in_the_spectrometer_are_those_of_every_walk():
    """Pairs: half of the muons get less than v m_mu; nuclei give them tenths of a GeV."""
    u = np.column_stack([stream(7).random(4000), np.full(4000, 0.7), np.zeros(4000)])
    pairs = force_loss(SPEC, u, "pair", 0.1, stream(8))
    below = pairs.deflection[:, 0] < pairs.v * M_MU
    assert below.mean() == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 4000))
    photons = force_loss(SPEC, u, "bremsstrahlung", 0.1, stream(9)).deflection[:, 0]
    nuclei = force_loss(SPEC, u, "nuclear", 0.1, stream(10)).deflection[:, 0]
    assert np.median(photons) < M_MU < np.median(nuclei) < 1.0


def test_a_struck_electron_flies_as_its_momentum_says():
    """Fitted alone, its hits in all six planes give back its momentum (struck in the first)."""
    u = np.column_stack([
        np.full(3000, 1e-6), np.full(3000, 0.62), stream(8).random(3000),
    ])  # fmt: skip
    both = two_tracks(SPEC, u, stream(9))
    rows = np.all(both.electron_in, axis=1)
    fit = fit_tracks(both.electron[rows], None, SPEC.arm)
    pull = fit.momentum / both.transfer[rows] - 1.0
    assert rows.sum() > 100
    assert np.median(pull) == pytest.approx(0.0, abs=0.003)
    assert np.all(fit.charge[np.abs(pull) < 0.2] == -1.0)
    assert both.merged[both.muon_in[:, 0], 0].all()
    assert not both.merged[:, 5].any()


def test_trigger_counters_behind_the_arm():
    """S4 (x < -4.8 cm at 14.3 m) fires, V1 (x > -4.8 cm) stays quiet; Smu is 1.2 m wide."""
    end = np.zeros((4, 5))
    end[:, 0] = [-6.0, 0.0, -30.0, -4.0]
    end[3, 2] = -0.05  # crosses over before S4, but V1 was missed too
    assert fires_trigger(SPEC, end).tolist() == [True, False, False, True]


def test_integrals_come_out_with_their_error():
    def spike(u, rng):
        value = np.exp(-0.5 * np.sum(((u - [0.3, 0.8]) / 0.01) ** 2, axis=1))
        return value, value, u

    got = integrate(spike, 2, 40_000, stream(10))
    assert got.value == pytest.approx(2 * math.pi * 1e-4, abs=5 * got.err)
    assert got.err < 0.02 * got.value
    np.testing.assert_allclose(got.extra, [0.3, 0.8], atol=0.002)
    flat = integrate(lambda u, rng: (np.ones(len(u)),) * 2 + (u,), 3, 4000, stream(11))
    assert flat.value == pytest.approx(1.0, abs=4 * flat.err)
    assert flat.err < 0.01
    nothing = integrate(lambda u, rng: (np.zeros(len(u)),) * 2 + (u,), 1, 1000, stream(12))
    assert (nothing.value, nothing.err) == (0.0, 0.0)


def test_an_exponential_tail_is_extrapolated_right():
    rng = stream(13)
    rest = np.sort(-10.0 - rng.exponential(2.0, 20_000))
    sample = Residuals(rest, -10.0, 100_000, 200_000, 5.0, 0)
    got = extrapolate(sample, 30.0, 0.05)
    assert got.slope == pytest.approx(2.0, rel=0.06)
    assert got.per_muon == pytest.approx(0.1 * math.exp(-10.0), abs=4 * got.err)
    with pytest.raises(MutauError, match="residuals in the fit"):
        extrapolate(sample, 30.0, 0.9)
    with pytest.raises(OutOfRange):
        extrapolate(sample, -1.0, 0.01)


def test_further_trackers_stand_between_the_last_two():
    more = with_more_trackers(NA64, 2)
    arm = build_arm(more)
    np.testing.assert_allclose(arm.z[-4:], [1250.0, 1300.0, 1350.0, 1400.0])
    assert with_more_trackers(NA64, 0) == NA64
    with pytest.raises(OutOfRange):
        with_more_trackers(NA64, -1)


def test_estimates_refuse_nonsense_and_add_errors():
    good = Estimate("a", 1e-11, 3e-12, 4e-12, "m", "a")
    assert good.total_err == pytest.approx(5e-12)
    assert good.events(1e11) == pytest.approx((1.0, 0.5))
    for bad in ({"per_particle": math.nan}, {"err": -1.0}, {"parts": {"x": math.inf}}):
        with pytest.raises(MutauError):
            changed(good, **bad)
    assert {"momentum-mismatch", "momentum-mismatch-multi-hit"} <= set(all_sources())
    with pytest.raises(UnknownName):
        estimate("momentum-mismach", NA64)
    with pytest.raises(OutOfRange):
        estimate("momentum-mismatch", NA64, effort=0.0)
    assert "momentum-mismatch" in SOURCES


def test_bad_input_is_refused():
    with pytest.raises(OutOfRange):
        TrackCuts(-1.0, 6)
    with pytest.raises(OutOfRange):
        deflection_density(0.0, AIR, 160.0)
    with pytest.raises(OutOfRange):
        wrong_hits(SPEC, TrackCuts(100.0, 6), "two tracks", 1000, stream(1))
    with pytest.raises(MutauError, match="planes"):
        spectrometer(replace(NA64, "detector/tracker", []))
    with pytest.raises(MutauError, match="dipole"):
        spectrometer(replace(NA64, "detector/magnet", []))
