"""Muons on nuclei: production by hand, the same however it is asked for, closure of the limit."""

import numpy as np
import pytest

import mutau
from mutau.analysis.limit import limit_curve
from mutau.analysis.plane import Overlay, exclusion_plane
from mutau.analysis.settings import Settings
from mutau.analysis.yields import expected_yields
from mutau.core.units import PB_CM2
from mutau.experiment import load_experiment, replace
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.models import Family, LmuMinusLtau
from mutau.reactions import muon_brems
from mutau.signal import muon_brems as process

pytestmark = pytest.mark.compiled

MASS = 0.1
N = 20_000


@pytest.fixture(scope="module")
def na64mu():
    return load_experiment("na64mu")


def test_production_is_density_times_length_times_cross_section(na64mu):
    # the muon loses below 1 % of its energy, so sigma at the mean energy is good to 1e-4
    substance = material("lead-scintillator")
    length = 40.0 * substance.radiation_length_cm
    for element, n in substance.atoms_per_cm3:
        sigma = muon_brems.total(159.45, MASS, Nucleus.of(element)).sigma_pb
        by_hand = 1e11 * n * length * sigma * PB_CM2
        assert process.produced(na64mu, MASS)[element][0] == pytest.approx(by_hand, rel=2e-4)


def test_truth_cut_is_the_integrated_cross_section(na64mu):
    model = LmuMinusLtau(mass=MASS, coupling=1e-3)
    result = expected_yields(model, na64mu, seed=3, n_events=N, truth=True)
    lead = material("lead").dominant_element
    share = [
        muon_brems.total(159.45, MASS, Nucleus.of(lead), x_min=x_min).sigma_pb
        for x_min in (0.0, 1.0 - 80.0 / 159.45)
    ]
    assert result.cuts[-1] == "muon_energy_fraction <= 0.5"
    assert result.signal[-1] / result.signal[0] == pytest.approx(share[1] / share[0], rel=4e-3)


def test_signal_scales_with_coupling_squared_and_exposure(na64mu):
    def total(coupling, experiment=na64mu):
        model = LmuMinusLtau(mass=MASS, coupling=coupling)
        return expected_yields(model, experiment, n_events=N).total

    assert total(2e-4) == pytest.approx(4.0 * total(1e-4), rel=1e-12)
    tenfold = replace(na64mu, "beam/particles", 1e12)
    assert total(1e-4, tenfold) == pytest.approx(10.0 * total(1e-4), rel=1e-12)


def test_cut_flow_falls_and_its_errors_are_statistical(na64mu):
    model = LmuMinusLtau(mass=MASS, coupling=1e-3)
    samples = [expected_yields(model, na64mu, seed=s, n_events=4000) for s in range(12)]
    for one in samples:
        assert np.all(np.diff(one.signal) <= 0.0)
    finals = np.array([one.total for one in samples])
    stated = np.mean([one.total_err for one in samples])
    assert 0.5 * stated < finals.std(ddof=1) < 1.7 * stated
    large = expected_yields(model, na64mu, seed=99, n_events=200_000)
    assert finals.mean() == pytest.approx(large.total, abs=4.0 * stated / np.sqrt(12))


def test_the_limit_is_where_the_yield_is_2_3_events(na64mu):
    line = limit_curve(na64mu, [MASS], settings=Settings(seed=5, n_events=N))
    model = LmuMinusLtau(mass=MASS, coupling=float(line.coupling[0]))
    result = expected_yields(model, na64mu, seed=5, n_events=N)
    assert result.total == pytest.approx(np.log(10.0), rel=1e-5)
    relative = result.total_err / result.total / 2.0
    assert line.numerical_err[0] / line.coupling[0] == pytest.approx(relative, rel=1e-2)


def test_a_point_does_not_depend_on_its_curve(na64mu):
    alone = limit_curve(na64mu, [MASS], settings=Settings(seed=5, n_events=N))
    among = limit_curve(na64mu, [0.01, 0.05, MASS, 0.5], settings=Settings(seed=5, n_events=N))
    assert among.coupling[2] == alone.coupling[0]
    assert among.numerical_err[2] == alone.numerical_err[0]
    drawn = exclusion_plane(
        ["na64mu"],
        [0.01, MASS],
        settings=Settings(seed=5, n_events=N),
        overlay=Overlay(only=["none"]),
    )
    assert drawn.limits[0].coupling[1] == alone.coupling[0]
    assert (
        limit_curve(na64mu, [MASS], settings=Settings(seed=6, n_events=N)).coupling[0]
        != alone.coupling[0]
    )


def test_dark_sector_changes_the_limit_by_its_branching(na64mu):
    # above the dimuon threshold the plain Z' is seen only in nu nu; with a dark sector always
    plain = limit_curve(na64mu, [0.5], settings=Settings(n_events=N)).coupling[0]
    dark = limit_curve(
        na64mu, [0.5], family=Family(alpha_d=0.1), settings=Settings(n_events=N)
    ).coupling[0]
    branching = LmuMinusLtau(mass=0.5, coupling=1e-3).branching_invisible
    assert dark == pytest.approx(plain * np.sqrt(branching), rel=1e-3)


def test_a_dark_photon_takes_the_same_process(na64mu):
    from mutau.core.constants import E_CHARGE

    zprime = limit_curve(
        na64mu, [0.05], family=Family(alpha_d=0.1), settings=Settings(n_events=N)
    ).coupling[0]
    photon = limit_curve(
        na64mu,
        [0.05],
        family=Family(model="dark-photon", alpha_d=0.1),
        settings=Settings(n_events=N),
    )
    # same coupling to the muon: e epsilon = g'; both decay invisibly
    assert photon.coupling[0] * E_CHARGE == pytest.approx(zprime, rel=1e-4)


@pytest.mark.parametrize("mass", [1e-4, 6.0, 200.0])
def test_masses_outside_are_refused(na64mu, mass):
    with pytest.raises(mutau.MutauError, match=r"mass .*allowed"):
        limit_curve(na64mu, [mass])


def test_events_balance_and_weigh_the_yield(na64mu):
    model = LmuMinusLtau(mass=MASS, coupling=1e-3)
    events = mutau.generate_events(model, na64mu, 2000, seed=2)
    assert events.n_events == 2000
    rows = events.p4.reshape(2000, 5, 4)
    balance = rows[:, :2].sum(axis=1) - rows[:, 2:].sum(axis=1)
    assert np.abs(balance).max() < 1e-9 * 160.0
    produced = expected_yields(model, na64mu, n_events=1000).signal[0]
    one_per_event = events.weight.reshape(2000, 5)[:, 0]
    assert one_per_event.sum() == pytest.approx(produced, rel=1e-2)
    z = events.x4[:, 3] - na64mu.target.z
    length = 40.0 * material("lead-scintillator").radiation_length_cm
    assert 0.0 <= z.min() < 0.01 * length
    assert 0.99 * length < z.max() <= length


def test_a_trigger_that_nothing_passes_excludes_nothing(na64mu):
    # S4 moved to the far side of the hall: no muon gets there
    nowhere = replace(na64mu, {"detector/counter[S4]/x": "140 cm"})
    line = limit_curve(nowhere, [MASS], settings=Settings(n_events=1000))
    assert np.isinf(line.coupling[0]) or line.coupling[0] > 1e-3


def test_events_are_split_among_elements_exactly(tmp_path, na64mu):
    """Carbon and hydrogen: n events whose weights sum to the yield, however few."""
    plastic = replace(na64mu, {"target/material": "polystyrene", "target/thickness": "40 cm"})
    model = LmuMinusLtau(mass=MASS, coupling=1e-3)
    for n in (1, 3, 7, 50):
        events = mutau.generate_events(model, plastic, n)
        assert events.n_events == n
        assert events.weight[::5].sum() == pytest.approx(events.meta["expected_events"], rel=1e-9)
    assert process.whole_parts(np.array([0.5, 0.3, 0.2]), 7) == [4, 2, 1]


@pytest.mark.parametrize("thickness", ["400 X0", "41 X0"])
def test_a_target_that_does_not_fit_is_refused(na64mu, thickness, cli, tmp_path):
    """Radiation lengths become centimetres only with the material: checked before anything runs."""
    with pytest.raises(mutau.MutauError, match="target/thickness"):
        limit_curve(
            replace(na64mu, "target/thickness", thickness), [MASS], settings=Settings(n_events=100)
        )
    text = na64mu.to_toml().replace('"40 X0"', f'"{thickness}"')
    (tmp_path / "thick.toml").write_text(text)
    refused = cli("check", "thick.toml")
    assert refused.code == 2
    assert "beyond" in refused.err


def test_a_stated_background_is_never_ignored(na64mu):
    """The method 'events' holds for nothing expected and nothing seen; otherwise it is refused."""
    noisy = replace(na64mu, "background[0]/expected", 50.0)
    with pytest.raises(mutau.MutauError, match="bayes"):
        limit_curve(noisy, [MASS], settings=Settings(n_events=N))
    weaker = limit_curve(noisy, [MASS], settings=Settings(method="bayes", n_events=N)).coupling[0]
    assert weaker > 2.0 * limit_curve(na64mu, [MASS], settings=Settings(n_events=N)).coupling[0]


def test_a_boson_that_decays_visibly_is_refused(na64mu):
    with pytest.raises(mutau.MutauError, match="alpha_d"):
        limit_curve(na64mu, [MASS], family="dark-photon")
