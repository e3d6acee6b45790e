"""The electron process's two methods against each other, and its events.

Deterministic: cascade equations times tabulated cross sections. Monte Carlo: showers one by one
with a forced emission, own energies, places and calorimeter readings.
"""

import numpy as np
import pytest

from mutau.analysis.yields import expected_yields
from mutau.core.constants import M_E
from mutau.core.fourvectors import polar_angle
from mutau.experiment import load_experiment, replace
from mutau.models import LmuMinusLtau
from mutau.signal.electron_monte_carlo import monte_carlo_yield
from mutau.signal.electron_tracks import tracks
from mutau.signal.generate import generate_events

pytestmark = pytest.mark.compiled

SHOWERS = 1200


@pytest.mark.parametrize(
    ("name", "mass"), [("na64e", 1e-3), ("na64e", 0.1), ("na64e", 0.24), ("na64e-positron", 0.28)]
)
def test_showers_one_by_one_give_the_same_yield(name, mass):
    experiment = load_experiment(name)
    model = LmuMinusLtau(mass, 1e-3, alpha_d=0.1)
    process = expected_yields(model, experiment, n_events=SHOWERS)
    other = monte_carlo_yield(experiment, model, n=SHOWERS, seed=3)
    for step, found in zip((1, 2, 3), (other.inside, other.kept, other.counted), strict=True):
        error = np.hypot(found[1], process.signal_err[step])
        assert abs(found[0] - process.signal[step]) < 4.0 * error
    if mass < 0.2:  # annihilation happens in few showers, so its Monte Carlo error is large
        assert other.counted[1] < 0.05 * other.counted[0]


def test_the_spectrum_of_the_energy_read_holds_the_yield_and_the_window():
    experiment = load_experiment("na64e")
    found = monte_carlo_yield(experiment, LmuMinusLtau(0.1, 1e-3), n=SHOWERS, seed=3)
    assert found.spectrum.sum() == pytest.approx(found.produced[0], rel=1e-6)
    below = found.spectrum[found.edges[1:] <= 46.3].sum()
    assert below < found.inside[0] < found.produced[0]
    assert np.average(found.depth, weights=found.weight) < 4.0  # X0: hard emitters are early


def test_a_preshower_cut_that_all_pass_does_nothing():
    experiment = load_experiment("na64e")
    model = LmuMinusLtau(0.1, 1e-3)
    loose = replace(experiment, "cuts[2]/min", "1 eV")
    hard = replace(experiment, "cuts[2]/min", "3 GeV")
    values = [expected_yields(model, e, n_events=SHOWERS).signal for e in (loose, experiment, hard)]
    assert values[0][2] == pytest.approx(values[0][1], rel=2e-3)
    assert values[0][2] > values[1][2] > 1.2 * values[2][2]


def test_soft_particles_carry_energy_out_of_the_preshower():
    """Share of 100 MeV bosons behind the pre-shower cut: 0.88(1) with showers followed to 5 MeV.

    Followed to 50 MeV, 2.5 times too much stays in the pre-shower and 0.914 would pass.
    """
    model = LmuMinusLtau(0.1, 1e-3)
    _, inside, kept, _ = expected_yields(model, load_experiment("na64e"), seed=1).signal
    assert kept / inside == pytest.approx(0.88, abs=0.02)


def test_a_thin_target_is_the_limit_of_a_slab():
    # per X0, a slab of 0.2 X0 makes less than one of 0.01 X0: the beam radiates before
    experiment = load_experiment("ldmx-like")
    model = LmuMinusLtau(0.05, 1e-3)

    def per_x0(t):
        changed = replace(experiment, "target/thickness", f"{t} X0")
        return expected_yields(model, changed, truth=True).total / t

    thin = per_x0(0.01)
    assert per_x0(0.02) == pytest.approx(0.98 * thin, rel=0.01)
    assert 0.75 < per_x0(0.2) / thin < 0.9
    way = tracks(replace(experiment, "target/thickness", "0.2 X0"), 3.0)
    assert way.both.sum() == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("mass", [1e-3, 0.2])
def test_events_balance_and_weigh_the_yield(mass):
    experiment = load_experiment("na64e")
    model = LmuMinusLtau(mass, 1e-3, alpha_d=0.1)
    n = 400
    events = generate_events(model, experiment, n, seed=2)
    assert events.n_events == n
    sign = np.where(events.status == -1, 1.0, -1.0)
    balance = np.zeros((n, 4))
    np.add.at(balance, events.event, events.p4 * sign[:, None])
    assert np.abs(balance).max() < 1e-9 * 100.0
    zprime = events.of(32)
    invariant = np.sqrt(zprime.p4[:, 0] ** 2 - np.sum(zprime.p4[:, 1:] ** 2, axis=1))
    assert invariant == pytest.approx(np.full(n, mass), rel=1e-3)
    one_each = events.weight[np.unique(events.event, return_index=True)[1]]
    produced = expected_yields(model, experiment, n_events=200).signal[0]
    assert one_each.sum() == pytest.approx(produced, rel=2e-3)
    depth = zprime.x4[:, 3] - experiment.target.z
    assert np.all((depth >= 0.0) & (depth < 45.0))
    incoming = events.select((events.status == -1) & (np.abs(events.pdg) == 11))
    hard = incoming.select(incoming.p4[:, 0] > 1.0)
    assert polar_angle(hard.p4).max() < 0.5  # emitters above 1 GeV fly forward
    assert hard.p4[:, 0].min() > 1.0 - M_E


def test_annihilation_and_bremsstrahlung_share_the_events():
    experiment = load_experiment("na64e")
    model = LmuMinusLtau(0.2, 1e-3, alpha_d=0.1)
    events = generate_events(model, experiment, 600, seed=5)
    share = events.meta["annihilation_share"]
    positrons = events.select((events.status == -1) & (events.pdg == -11))
    electrons = events.select((events.status == -1) & (events.pdg == 11))
    annihilated = np.isin(positrons.event, electrons.event).sum() / 600
    assert annihilated == pytest.approx(share, abs=4.0 * np.sqrt(share * (1 - share) / 600))
    # annihilation peaks where m^2 = 2 m_e E: 39.1 GeV
    energy = positrons.p4[np.isin(positrons.event, electrons.event), 0]
    assert np.median(energy) == pytest.approx(0.2**2 / (2.0 * M_E), rel=0.05)
