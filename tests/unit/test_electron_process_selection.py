"""Synchrotron radiation, shower shape, and the efficiency from simulated electrons."""

import dataclasses
import math

import numpy as np
import pytest

import mutau
from mutau.core.constants import M_E, M_PI
from mutau.core.random import stream
from mutau.detector import electron_calibration as selection
from mutau.detector.electron_srd import (
    Bend,
    SynchrotronDetector,
    critical_energy,
    deposits,
    mean_loss,
    mean_photons,
    photon_energies,
)
from mutau.experiment import load_experiment, replace
from mutau.experiment.loader import from_document
from mutau.signal.electron_calibration import calibration, other_settings

BEND = Bend(700.0, 400.0)  # 7 T m over 4 m: 1.75 T
DETECTOR = SynchrotronDetector(1200.0, 4.0, 8.0, 0.1)


def test_textbook_numbers_of_synchrotron_radiation():
    # E_c = 0.665 keV E^2 B; loss 1.266 keV E^2 B^2 L (GeV, T, m; Particle Data Group, sec. 31)
    assert critical_energy(100.0, BEND) == pytest.approx(0.665e-6 * 1e4 * 1.75, rel=1e-3)
    assert mean_loss(100.0, BEND) == pytest.approx(1.266e-6 * 1e4 * 1.75**2 * 4.0, rel=1e-3)
    assert mean_photons(100.0, BEND) == pytest.approx(43.3, abs=0.1)
    assert BEND.angle(100.0) == pytest.approx(0.3 * 7.0 / 100.0, rel=1e-3)


def test_photon_spectrum_has_the_moments_of_the_classical_formula():
    u = photon_energies(400_000, 1.0, stream(4))
    mean, square = 8.0 / (15.0 * math.sqrt(3.0)), 11.0 / 27.0
    assert u.mean() == pytest.approx(mean, abs=4.0 * math.sqrt(square / 400_000))
    assert np.mean(u**2) == pytest.approx(square, rel=0.03)
    # half of the power lies below the critical energy
    assert u[u < 1.0].sum() / u.sum() == pytest.approx(0.5, abs=0.01)


def test_electrons_leave_tens_of_mev_and_hadrons_nothing():
    seen = deposits(100.0, BEND, DETECTOR, 40_000, stream(5), reading=False)
    arc = DETECTOR.seen_arc(BEND, 100.0)
    assert seen.mean() == pytest.approx(mean_loss(100.0, BEND) * arc, rel=0.02)
    tagged = np.mean((seen > 1e-3) & (seen < 0.1))
    assert 0.85 < tagged < 1.0
    pions = deposits(100.0, BEND, DETECTOR, 40_000, stream(6), mass=M_PI, reading=False)
    assert pions.max() < 1e-5 * 1e-3  # below 1e-5 of the cut at 1 MeV
    # number goes with gamma, energies with gamma^3
    ratio = M_E / M_PI
    assert mean_loss(100.0, BEND, M_PI) == pytest.approx(mean_loss(100.0, BEND) * ratio**4)


def test_a_detector_away_from_the_fan_sees_nothing():
    assert dataclasses.replace(DETECTOR, gap=60.0).seen_arc(BEND, 100.0) == 0.0
    whole = dataclasses.replace(DETECTOR, gap=0.0, width=100.0).seen_arc(BEND, 100.0)
    assert whole == pytest.approx(1.0, abs=1e-3)
    beside = dataclasses.replace(DETECTOR, gap=60.0)
    assert deposits(100.0, BEND, beside, 100, stream(1)).max() == 0.0


def test_hard_radiation_by_quadrature():
    y = np.linspace(0.1, 1.0, 200_001)
    by_hand = np.trapezoid((4.0 / 3.0 * (1.0 - y) + y * y) / y, y)
    assert selection.hard_radiation(0.1, 0.02) == pytest.approx(0.02 * by_hand, rel=1e-6)


def test_the_shape_is_a_chi_square_for_normal_shares():
    rng = stream(7)
    shares = rng.multivariate_normal([0.2, 0.5], [[0.01, 0.004], [0.004, 0.02]], 4000)
    mean, inverse = selection.shape_of_electrons(shares)
    value = selection.shower_shape(shares, mean, inverse)
    assert value.mean() == pytest.approx(2.0, rel=0.01)  # as many as shares
    with pytest.raises(mutau.MutauError, match="2 showers"):
        selection.shape_of_electrons(shares[:2])


@pytest.mark.compiled
def test_radiation_before_the_magnets_is_that_of_the_closed_form():
    na64e = replace(na64e_file(), {"beam/energy_spread": 0.0, "upstream/radiation_lengths": 0.1})
    made = selection.Showers(np.full(200_000, 5.0), np.ones(200_000))
    columns = selection.electrons(na64e, made, seed=3)
    low = np.mean(columns["p_beam"][:, 0] < 50.0)
    # one photon of more than half of the energy, or several: few per cent more
    by_hand = selection.hard_radiation(0.5, 0.1)
    assert 1.0 < low / by_hand < 1.12


def na64e_file():
    return load_experiment("na64e")


@pytest.mark.compiled
def test_calibration_electrons_pass_but_not_all():
    na64e = na64e_file()
    found = calibration(na64e, 300, seed=2)
    flow = found.flow
    kept = dict(zip(flow.names[1:], flow.fraction[1:] / flow.fraction[:-1], strict=True))
    assert [cut.variable in name for cut, name in zip(na64e.cuts, kept, strict=True)] == [True] * 7
    assert kept["0.3 <= preshower_energy"] > 0.99  # 4 X0 of a 100 GeV shower hold GeVs
    # 2.37 times 0.02 X0 radiate more than a tenth: 4.7 %
    assert kept["90 <= incoming_momentum <= 110"] == pytest.approx(0.953, abs=0.05)
    # six shares: the bound keeps 97 % of a chi-square, 95 % of these, and their mean is near six
    assert 0.88 < kept["shower_chi2 <= 14"] < 1.0
    assert selection.showers(na64e, 300, seed=2).chi2.mean() == pytest.approx(6.5, abs=1.5)
    # 6e6 in 4.8 s: 12 % have a second electron within 100 ns
    assert found.kappa / found.quiet == pytest.approx(math.exp(-0.125), abs=0.07)
    assert 0.6 < found.kappa < found.quiet < 0.9
    narrow = replace(na64e, "cuts[1]/max", "20 MeV")
    assert calibration(narrow, 100).flow.fraction[2] < 0.5
    with pytest.raises(mutau.MutauError, match="not active"):
        calibration(replace(na64e, "target/active", False), 50)


@pytest.mark.compiled
def test_assumptions_move_the_efficiency_as_they_must():
    other = other_settings(na64e_file(), 300, seed=2)
    assert other["0.1 X0 before the magnets"] < other["0.01 X0 before the magnets"]
    assert other["300 ns"] < other["50 ns"]
    assert other["0.1 X0 and 300 ns"] < min(other["300 ns"], other["0.1 X0 before the magnets"])
    assert other["shape that keeps 90 %"] < other["shape that keeps 99 %"]
    # the same electrons as the others: the 270 of the best shape, of them those that pass the rest
    made = selection.showers(na64e_file(), 300, 2)
    moved = replace(na64e_file(), "cuts[3]/max", float(np.quantile(made.chi2, 0.9)))
    assert moved.cuts[3].variable == "shower_chi2"
    assert other["shape that keeps 90 %"] == calibration(moved, 300, 2, made=made).kappa


def behind(**changes):
    """Veto and HCAL energies of 2000 photons of 60 GeV that react, 2 GeV of them absorbed."""
    file = replace(na64e_file(), changes) if changes else na64e_file()
    photon = np.full(2000, 60.0)
    return selection._behind(file, photon, 2.0, stream(3))


def test_where_veto_and_hcal_stand_decides_what_they_see():
    veto, hcal = behind()
    # 5 mrad over metres: everything within 30 cm; 21 interaction lengths stop everything
    assert np.all(veto == selection.VETO_SIGNAL)
    assert np.all(hcal == 58.0)
    veto, hcal = behind(**{"detector/counter[VETO]/x": "40 cm"})
    assert veto.max() == 0.0
    assert np.all(hcal == 58.0)
    veto, _ = behind(**{"detector/counter[VETO]/z": "0.5 m"})  # before the target
    assert veto.max() == 0.0
    # its edge through the axis: one half, of a Gaussian of 1 cm and 50 cm x 5 mrad
    half, _ = behind(**{"detector/counter[VETO]/x": "30 cm"})
    assert np.mean(half > 0.0) == pytest.approx(0.5, abs=4.0 * 0.5 / math.sqrt(2000))
    material = {"detector/counter[VETO]/material": "polystyrene",
                "detector/counter[VETO]/thickness": "2 cm"}  # fmt: skip
    assert behind(**material)[0].max() == pytest.approx(2.0 * 1.06 * 2e-3, rel=0.02)
    modules = [f"detector/calorimeter[HCAL{i}]" for i in (1, 2, 3)]
    _, hcal = behind(**{f"{place}/x": "1 m" for place in modules})
    assert hcal.max() == 0.0
    _, hcal = behind(**{f"{place}/threshold": "59 GeV" for place in modules})
    assert hcal.max() == 0.0


@pytest.mark.compiled
def test_without_a_synchrotron_detector_its_cut_cannot_be_applied():
    document = na64e_file().to_dict()
    del document["upstream"]["srd"]
    bare = from_document(document, "bare")
    made = selection.Showers(np.full(20, 5.0), np.ones(20))
    assert "srd_energy" not in selection.electrons(bare, made)
    with pytest.raises(mutau.MutauError, match="srd_energy"):
        calibration(bare, made=made)
