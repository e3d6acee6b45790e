"""The missing four-momentum, resolutions drawn wider, cuts on what nothing measures."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mutau.analysis.yields import expected_yields
from mutau.core.constants import M_E
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.fourvectors import mass_squared
from mutau.core.random import stream
from mutau.detector.muone import reconstruct
from mutau.detector.muone_flight import Normals, Response
from mutau.experiment import load_experiment, replace
from mutau.matter import material
from mutau.models import LmuMinusLtau
from mutau.reactions.muon_electron import PAPER_CUTS, ZPRIME, Reaction
from mutau.reactions.muon_electron_events import draw_events, make_sampler
from mutau.signal import muon_electron as process

pytestmark = pytest.mark.compiled

PERFECT = process.perfect_response()
MODEL = LmuMinusLtau(mass=0.1, coupling=1e-3)


def drawn(mass=0.1, n=4000, energy=150.0):
    sampler = make_sampler(Reaction(ZPRIME, energy, mass, 1e-3), PAPER_CUTS, rounds=2, search=2)
    return draw_events(sampler, n, stream(1), weighted=True)


@pytest.mark.parametrize("mass", [0.005, 0.1, 0.25])
def test_true_momenta_give_the_mass(mass):
    events = drawn(mass, 300)
    measured = reconstruct(events, PERFECT, stream(2))
    truth = events.p4.reshape(-1, 5, 4)[:, 4]
    assert np.allclose(measured.missing, truth, atol=1e-8)
    assert np.allclose(mass_squared(measured.missing), mass**2, atol=1e-7)


def test_resolution_by_error_propagation():
    """d(M^2) = 2 P.dP1 from the beam alone: (E_Z - p_Z,z / beta_1) times 2 dE_1."""
    events = drawn()
    blurred = dataclasses.replace(PERFECT, incoming_momentum=1e-4)
    measured = reconstruct(events, blurred, stream(3))
    p = events.p4.reshape(-1, 5, 4)
    beta = p[0, 0, 3] / p[0, 0, 0]
    slope = 2.0 * (p[:, 4, 0] - p[:, 4, 3] / beta) * 150.0 * 1e-4
    pull = (mass_squared(measured.missing) - 0.01) / slope
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    assert abs(pull.mean()) < 0.07


def test_smearing_the_known_beam_energy_stands_for_the_spread():
    """Exact: events at 150 (1 +- 3.75 %) GeV, the beam taken to have 150 GeV. The width of M^2 from
    the nominal energy with the knowledge smeared agrees to 10 %."""
    size = 0.0375
    offsets = []
    for sign in (-1.0, 1.0):
        events = drawn(energy=150.0 * (1.0 + sign * size))
        measured = reconstruct(events, PERFECT, stream(4))
        nominal = measured.p_beam * (150.0 / measured.p_beam[0, 0])
        shifted = dataclasses.replace(measured, p_beam=nominal)
        offsets.append(np.average(mass_squared(shifted.missing) - 0.01, weights=measured.weight))
    events = drawn()
    ours = []
    for sign in (-1.0, 1.0):
        measured = reconstruct(events, PERFECT, stream(4))
        known = measured.p_beam * (1.0 - sign * size)
        shifted = dataclasses.replace(measured, p_beam=known)
        ours.append(np.average(mass_squared(shifted.missing) - 0.01, weights=measured.weight))
    assert offsets[0] > 0.0 > offsets[1]  # a beam below its nominal energy looks like more mass
    assert ours == pytest.approx(offsets, rel=0.12)


def test_wide_normals_keep_their_moments():
    normals = Normals(stream(5), 400_000, 3.0)
    z = normals(2)
    w = normals.weight
    assert w.mean() == pytest.approx(1.0, abs=0.01)
    assert (w * z[:, 0] ** 2).mean() == pytest.approx(1.0, abs=0.015)
    assert (w * z[:, 0] ** 4).mean() == pytest.approx(3.0, abs=0.1)
    far = z[:, 1] > 5.0
    # P(z > 5) = 2.867e-7: 0.1 of an event among 400 000 plain ones
    assert w[far].sum() / len(w) == pytest.approx(2.867e-7, rel=0.25)
    assert np.count_nonzero(far) > 1000
    plain = Normals(stream(5), 10)
    assert np.all(plain.weight == 1.0)
    with pytest.raises(OutOfRange):
        Normals(stream(5), 10, 0.5)


def test_a_gaussian_muon_has_no_tail():
    events = drawn(n=30_000)
    response = Response(1e5, 1e12, 1e12, target=material("beryllium"), thickness=1.5)
    true = reconstruct(events, PERFECT, stream(6))
    hard = []
    for tails in (True, False):
        measured = reconstruct(events, response, stream(6), muon_tails=tails)
        kick = np.abs(measured.theta_mu - true.theta_mu) * true.p_muon[:, 0]
        hard.append(np.mean(kick > 0.012))  # five widths of 2.3 MeV
    assert hard[0] > 1e-3
    assert hard[1] == 0.0


def test_cuts_on_what_nothing_measures_are_refused():
    muone = load_experiment("muone")
    cut = {"variable": "missing_energy", "min": "15 GeV", "because": "a test"}
    asked = replace(muone, "cuts", [*muone.to_dict()["cuts"], cut])
    with pytest.raises(MutauError, match=r"cuts\[3\]/variable.*missing_energy.*muon_momentum"):
        expected_yields(MODEL, asked, n_events=1000)
    measured = replace(asked, "detector/resolution/muon_momentum", "1 %")
    assert expected_yields(MODEL, measured, n_events=2000).total > 900.0


def test_cuts_beyond_quadrature_on_true_quantities():
    """A cut that all events pass changes nothing; a real one does what the true momenta say."""
    muone = load_experiment("muone")
    cuts = muone.to_dict()["cuts"]
    plain = expected_yields(MODEL, muone, truth=True).total

    def with_cut(**bounds):
        cut = {"variable": "inelasticity", "because": "a test", **bounds}
        item = replace(muone, "cuts", [*cuts, cut])
        return expected_yields(MODEL, item, truth=True, n_events=20_000)

    trivial = with_cut(min="-1 GeV^2")
    assert trivial.total == pytest.approx(plain, abs=4.0 * trivial.total_err)
    # (m_mu + m)^2 - m_mu^2 is the least that a Z' of mass m takes
    least = (0.1056584 + 0.1) ** 2 - 0.1056584**2
    assert with_cut(min=f"{0.999 * least} GeV^2").total == pytest.approx(trivial.total, rel=1e-9)
    assert with_cut(max=f"{0.999 * least} GeV^2").total == 0.0


def test_yields_say_when_no_phase_space_is_left(cli):
    sideways = replace(load_experiment("muone"), "cuts[0]/min", "4.9 mrad")
    result = expected_yields(MODEL, sideways, truth=True)
    assert result.total == 0.0
    assert "no Z' of 0.1 GeV passes the cuts" in result.meta["remark"]
    assert "remark" not in expected_yields(MODEL, load_experiment("muone"), truth=True).meta


def test_missed_electrons_count_at_rest():
    """An electron beside the calorimeter: its energy is missing, up to its mass."""
    events = drawn(n=50)
    blind = dataclasses.replace(PERFECT, ecal_width=0.0, ecal_height=0.0)
    measured = reconstruct(events, blind, stream(7))
    p = events.p4.reshape(-1, 5, 4)
    assert np.allclose(measured.missing[:, 0], p[:, 4, 0] + p[:, 3, 0] - M_E, atol=1e-8)
    assert math.isfinite(float(mass_squared(measured.missing).sum()))
