"""The electron process: yields against direct quadrature, scaling, periods, refusals."""

from itertools import pairwise

import numpy as np
import pytest

import mutau
from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.analysis.yields import expected_yields
from mutau.core.units import PB_CM2
from mutau.experiment import load_experiment, replace
from mutau.experiment.loader import from_document
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.models import DarkPhoton, Family, LmuMinusLtau, build_model
from mutau.reactions import annihilation, electron_brems
from mutau.signal import electron as process
from mutau.signal.electron_emission import annihilation_emission, brems_emission
from mutau.signal.electron_tracks import ElectronTracks, tracks
from mutau.signal.electron_window import window

pytestmark = pytest.mark.compiled

LOW = 38.0


@pytest.fixture(scope="module")
def na64e():
    return load_experiment("na64e")


def test_nothing_is_emitted_above_the_emitter(na64e):
    emission = brems_emission(tracks(na64e, LOW), 0.01, LOW, LOW / 100.0)
    above = emission.above(np.array([50.0, 90.0, 99.999, 100.0, 101.0]))
    assert np.all(np.diff(above) <= 0.0)
    assert above[3] == above[4] == 0.0


def test_a_wide_resolution_may_ask_below_zero(na64e):
    """0.5 GeV, 15 %/sqrt(E), threshold 0.3 GeV: the smeared window reaches beyond the beam."""
    emission = brems_emission(tracks(na64e, LOW), 0.01, LOW, LOW / 100.0)
    all_of_it = emission.above(np.array([0.0]))[0]
    assert emission.above(np.array([-3.0]))[0] == all_of_it > 0.0
    edges = {f"runs[{i}]/threshold": "0.3 GeV" for i in range(2)}
    errors = {f"runs[{i}]/threshold_error": "0 GeV" for i in range(2)}
    other = {
        "beam/energy": "0.5 GeV",
        "target/resolution": "15 %",
        "cuts[0]/min": "0 GeV",
        "cuts[2]/min": "0 GeV",
        "beam/energy_spread": "0 %",
    }
    wide = replace(na64e, {**edges, **errors, **other})
    narrow = replace(wide, {"target/resolution": "1 %"})
    model = LmuMinusLtau(1e-3, 1e-3)
    smeared, sharp = (expected_yields(model, e).total for e in (wide, narrow))
    # 0.08 GeV of width lets in softer ones, and more of them: by a third or two
    assert 1.2 < smeared / sharp < 1.7


def test_emission_is_the_integral_over_track_and_cross_section(na64e):
    # by hand: sum over lead, carbon, hydrogen of n X0 int dE (dL/dE) sigma(E; k > 50 GeV)
    mass, way = 0.05, tracks(na64e, LOW)
    edges = np.linspace(50.0, 100.0, 41)
    by_hand = 0.0
    for element, n in way.material.atoms_per_cm3:
        for low, high in pairwise(edges):
            inside = (way.energy >= low) & (way.energy < high)
            length = way.both[inside]
            if not length.sum():
                continue
            mean = float(np.average(way.energy[inside], weights=length))
            if mean <= 50.001:
                continue
            sigma = electron_brems.totals(
                mean, mass, Nucleus.of(element), x_min=50.0 / mean
            ).sigma_pb
            by_hand += n * way.material.radiation_length_cm * PB_CM2 * length.sum() * float(sigma)
    found = brems_emission(way, mass, LOW, LOW / 100.0).above(np.array([50.0]))[0]
    assert found == pytest.approx(by_hand, rel=5e-3)  # the sum has 41 steps


def test_annihilation_in_a_narrow_line_is_density_times_its_integral():
    # a flat positron spectrum of 1 X0/GeV around the line: the integral of sigma
    substance = material("lead")
    model = LmuMinusLtau(mass=0.24, coupling=1e-3)
    way = ElectronTracks(
        substance, np.array([100.0]), np.zeros(1), np.zeros(1), 0.0, np.array([5.0, 200.0]),
        np.ones_like,
    )  # fmt: skip
    found = annihilation_emission(way, model, 5.0).number.sum()
    ((element, n),) = substance.atoms_per_cm3
    line = annihilation.integrated([5.0, 200.0], model, element=element.symbol)[0]
    assert found == pytest.approx(n * substance.radiation_length_cm * PB_CM2 * line, rel=2e-3)


def test_annihilation_converges(na64e):
    way = tracks(na64e, LOW)
    for model in (LmuMinusLtau(0.24, 1e-3), LmuMinusLtau(0.24, 1e-3, alpha_d=0.1)):
        found = annihilation_emission(way, model, LOW).number.sum()
        edges = np.linspace(LOW, 99.999, 600)
        direct = 0.0
        for element, n in way.material.atoms_per_cm3:
            parts = annihilation.integrated(edges, model, element=element.symbol)
            middle = 0.5 * (edges[1:] + edges[:-1])
            direct += n * float(parts @ way.positron_density(middle))
        direct *= way.material.radiation_length_cm * PB_CM2
        assert found == pytest.approx(direct, rel=3e-3)


def test_bremsstrahlung_goes_with_coupling_squared_and_exposure(na64e):
    def total(coupling, experiment=na64e):
        return expected_yields(LmuMinusLtau(1e-3, coupling), experiment, truth=True).total

    assert total(2e-4) == pytest.approx(4.0 * total(1e-4), rel=1e-9)
    tenfold = {"beam/particles": 9.1e12, "runs[0]/particles": 2.84e12, "runs[1]/particles": 6.26e12}
    assert total(1e-4, replace(na64e, tenfold)) == pytest.approx(10.0 * total(1e-4), rel=1e-9)


@pytest.mark.parametrize(("mass", "alpha_d"), [(0.25, 0.0), (0.25, 0.1), (0.03, 0.1)])
def test_interpolation_in_the_coupling_follows_the_width(na64e, mass, alpha_d):
    # at g = 0.4 the width is 0.4 % of the mass: as wide as the atoms' motion and the dark decay
    plan = process.Plan(1, 100, True, True)
    model = LmuMinusLtau(mass, 1e-3, alpha_d=alpha_d)
    line = process._line_of_coupling(na64e, model, plan)
    for coupling in (1e-4, 3e-3, 0.05, 0.4):
        point = model.with_coupling(coupling)
        direct = process._annihilation_parts(na64e, point, plan).inside
        assert line(point).inside == pytest.approx(direct, rel=3e-3)


def test_the_window_smears_with_beam_and_calorimeter(na64e):
    w = window(na64e)
    # 10 %/sqrt(E) of 50 GeV and 1 % of the beam: 0.71 and 1 GeV
    assert float(w.sigma(np.array(50.0))) == pytest.approx(np.hypot(0.1 * 50.0**0.5, 1.0))
    stays = 100.0 - 50.0 / w.contained[0]  # 0.2 % of the energy leaves the target
    assert w.passes(np.array([stays]), 50.0)[0] == pytest.approx(0.5)
    assert w.nominal == (50.0, 47.0)
    sharp = window(na64e, True)
    assert sharp.passes(np.array([49.9, 50.1]), 50.0) == pytest.approx([0.0, 1.0])


def test_each_period_counts_with_its_exposure_threshold_and_efficiency(na64e):
    model = LmuMinusLtau(1e-3, 1e-3)
    both = expected_yields(model, na64e, truth=True)
    only = [
        replace(na64e, {"runs": [run], "beam/particles": run["particles"]})
        for run in na64e.to_dict()["runs"]
    ]
    parts = [expected_yields(model, e, truth=True).total for e in only]
    assert sum(parts) == pytest.approx(both.total, rel=3e-4)  # other nodes of the tables
    assert both.run_fraction == pytest.approx(np.array(parts) / both.total, rel=3e-4)
    assert both.total / 9.1e11 < parts[0] / 2.84e11  # 47 GeV lets less pass than 50 GeV


def test_masses_and_models_that_are_refused(na64e):
    with pytest.raises(mutau.MutauError, match=r"below 1 keV.*coherence"):
        expected_yields(LmuMinusLtau(0.9e-6, 1e-3), na64e)
    with pytest.raises(mutau.MutauError, match="is not taken by na64e"):
        expected_yields(LmuMinusLtau(20.0, 1e-3), na64e)
    with pytest.raises(mutau.MutauError, match="no invisible decay"):
        expected_yields(DarkPhoton(0.01, 1e-4), na64e)
    heavy = build_model("lmu-ltau", 0.7, 1e-3, alpha_d=0.1, mass_ratio=1.2)
    with pytest.raises(mutau.MutauError, match=r"two dark matter particles weigh 1.16667 GeV"):
        expected_yields(heavy, na64e)


def test_files_that_say_too_little_are_refused(na64e):
    document = na64e.to_dict()["runs"][0]
    document.pop("threshold")
    silent = replace(na64e, {"runs": [document], "beam/particles": 2.84e11})
    with pytest.raises(mutau.MutauError, match=r"runs\[0\]/threshold.*no threshold"):
        expected_yields(LmuMinusLtau(1e-3, 1e-3), silent)
    with pytest.raises(mutau.MutauError, match="particles"):
        replace(na64e, "runs[0]/particles", 0.0)
    with pytest.raises(mutau.MutauError, match="background"):
        replace(na64e, "runs[0]/background", -0.1)
    passive = replace(na64e, "target/active", False)
    with pytest.raises(mutau.MutauError, match="nothing measures the energy"):
        expected_yields(LmuMinusLtau(1e-3, 1e-3), passive)


def test_the_file_chooses_the_cross_sections(na64e):
    point = LmuMinusLtau(1e-3, 1e-3)

    def total(changes, model=point):
        return expected_yields(model, replace(na64e, changes), truth=True).total

    base = total({})
    document = na64e.to_dict()
    assert document.pop("theory")["method"] == "exact"
    silent = from_document(document, "na64e")
    assert expected_yields(point, silent, truth=True).total == base
    # ratios of the cross sections on lead, most of the yield, above half the beam energy; emitters
    # below the beam energy change them by 2 % for iww
    lead = material("lead").dominant_element
    exact = electron_brems.total(100.0, 1e-3, Nucleus.of(lead), x_min=0.5).sigma_pb
    for changes in ({"coulomb": True}, {"form_factor": "elastic+inelastic"}, {"method": "iww"}):
        nucleus = Nucleus.of(lead, changes.get("form_factor", "elastic"))
        given = {key: value for key, value in changes.items() if key != "form_factor"}
        ratio = electron_brems.total(100.0, 1e-3, nucleus, x_min=0.5, **given).sigma_pb / exact
        found = total({f"theory/{key}": value for key, value in changes.items()}) / base
        assert found == pytest.approx(ratio, rel=0.025)
        assert abs(found - 1.0) > 0.01
    # electrons at rest do not feed the window from above the resonance at 49.5 GeV (225 MeV)
    heavy = LmuMinusLtau(0.24, 8e-3)
    still = total({"theory/electrons": "rest"}, heavy)
    assert still / total({}, heavy) == pytest.approx(1.09, abs=0.02)


def test_what_the_chosen_theory_cannot_do_is_refused(na64e):
    heavy = LmuMinusLtau(0.1, 1e-3)
    with pytest.raises(mutau.MutauError, match=r"theory/method.*exact"):
        process.generate(replace(na64e, "theory/method", "iww"), heavy, 10, 1)
    with pytest.raises(mutau.MutauError, match="Hartree-Fock orbitals 'Pb'"):
        expected_yields(heavy, replace(na64e, "theory/electrons", "hartree-fock"), truth=True)
    with pytest.raises(mutau.MutauError, match=r"theory/form_factor.*did you mean 'elastic'"):
        replace(na64e, "theory/form_factor", "elastik")
    with pytest.raises(mutau.MutauError, match=r"theory/because"):
        replace(na64e, "theory", {"coulomb": True})
    with pytest.raises(mutau.MutauError, match="theory: this table is for electron beams"):
        replace(load_experiment("na64mu"), "theory", {"because": "test"})


def test_a_dark_photon_takes_the_same_process(na64e):
    # below 2 m_mu the mixing of the Z' is 0.0144 g' to a few percent, and both decay invisibly
    zprime = limit_curve(
        na64e, [1e-3], family=Family(alpha_d=0.1), settings=Settings(n_events=50)
    ).coupling[0]
    photon = limit_curve(
        na64e,
        [1e-3],
        family=Family(model="dark-photon", alpha_d=0.1),
        settings=Settings(n_events=50),
    ).coupling[0]
    mixing = LmuMinusLtau(1e-3, 1.0).epsilon_eff
    assert photon == pytest.approx(mixing * zprime, rel=1e-4)


def test_electrons_at_rest_make_a_line_of_the_same_area(na64e):
    # where the positrons' spectrum is smooth, moving the electrons changes the yield little
    way, model = tracks(na64e, LOW), LmuMinusLtau(0.26, 1e-3)
    rest = annihilation_emission(way, model, LOW, electrons="rest").number.sum()
    moving = annihilation_emission(way, model, LOW).number.sum()
    assert rest == pytest.approx(moving, rel=0.1)
    narrow = sum(
        n * annihilation.narrow_integral(model, element=element.symbol)
        for element, n in way.material.atoms_per_cm3
    )
    place = np.array([annihilation.resonance_energy(model.mass)])
    density = float(way.positron_density(place)[0])
    by_hand = narrow * density * way.material.radiation_length_cm * PB_CM2
    assert rest == pytest.approx(by_hand, rel=0.02)
