"""Punch-through and leading hadrons: limits that can be calculated by hand."""

import math

import numpy as np
import pytest
from scipy.special import gammainc

from mutau.background.leading_hadrons import (
    CHARGED,
    inelastic_above,
    leading_hadrons,
    nucleus_error,
    photon_fate,
    vector_meson_above,
)
from mutau.background.leading_hadrons_selected import (
    escaped_hadrons,
    hadron_budget,
    paper_estimate,
    single_hadron_punch_through,
)
from mutau.background.punch_through import (
    HadronStack,
    ShowerVariation,
    contained_fraction,
    decay_to_muon,
    hcal_module,
    punch_through,
)
from mutau.background.punch_through_kernels import LeadingFragment, contained_kernel, soft_chance
from mutau.core.constants import M_P
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.special import lower_gamma
from mutau.experiment import load_experiment, replace
from mutau.matter.elements import element
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.materials import material
from mutau.matter.nuclear_final_states import hadrons_above
from mutau.selection.missing_momentum import cuts_of
from mutau.transport.hadron_shower import ShowerBlock, containment, simulate_hadron_showers

NA64MU = load_experiment("na64mu")
MODULE, LENGTH = hcal_module(NA64MU)


@pytest.mark.compiled
@pytest.mark.parametrize("a", [0.6, 2.0, 2.5])
@pytest.mark.parametrize("x", [1e-3, 0.5, 3.0, 20.0])
def test_incomplete_gamma_function(a, x):
    assert lower_gamma(a, x) == pytest.approx(gammainc(a, x), rel=1e-10)


@pytest.mark.compiled
def test_no_budget_leaves_the_exponential():
    """Nothing visible allowed: no inelastic collision in 7.4 or 14.8 interaction lengths."""
    for modules in (1, 2, 4):
        got = punch_through("n", 100.0, HadronStack(MODULE, LENGTH, modules), 0.0, n=10_000)
        assert got.through == pytest.approx(
            math.exp(-modules * LENGTH / MODULE.interaction_length_cm)
        )
        assert got.value == pytest.approx(got.through, abs=5.0 * got.err)
        assert got.err < 0.05 * got.value


@pytest.mark.compiled
def test_any_budget_above_the_energy_lets_everything_pass():
    got = punch_through("n", 50.0, HadronStack(MODULE, LENGTH), 60.0, n=2000)
    assert got.value == pytest.approx(1.0, abs=5.0 * got.err + 1e-9)


@pytest.mark.compiled
def test_without_soft_collisions_only_late_showers_add():
    """One module, no diffraction: integral over the place of the last collision by quadrature."""
    budget, energy = 2.0, 100.0
    got = punch_through(
        "n",
        energy,
        HadronStack(MODULE, LENGTH),
        budget,
        varied=ShowerVariation(diffraction=0.0),
        n=40_000,
        seed=4,
    )
    from mutau.background.punch_through import _profile
    from mutau.matter.hadrons import document

    profile, _ = _profile("measured")
    ratio = MODULE.interaction_length_cm / MODULE.radiation_length_cm
    depth = LENGTH / MODULE.interaction_length_cm
    rest = np.linspace(1e-4, 2.0, 400)
    shares = np.clip(document()["shower"]["em_weight"] + 0.2 * np.linspace(-3, 3, 25), 0, 1)
    weights = np.exp(-0.5 * np.linspace(-3, 3, 25) ** 2)
    late = np.zeros(rest.size)
    for share, weight in zip(shares, weights / weights.sum(), strict=True):
        for i, d in enumerate(rest):
            w = np.linspace(0.05, 1.0, 100)
            seen = [x * energy * contained_kernel(x * energy, d, share, ratio, profile) for x in w]
            late[i] += weight * np.interp(budget, seen, (w - 0.05) / 0.95, left=0.0)
    # first collision at depth - rest; a second one of the leading hadron is a small correction
    first = math.exp(-depth) * (1.0 + np.trapezoid(np.exp(rest) * late, rest))
    assert got.value > got.through
    assert got.value == pytest.approx(first, rel=0.15)


@pytest.mark.compiled
def test_soft_chance_is_a_distribution():
    high, low2, energy = 0.05, 1.5, 100.0
    soft, hard = soft_chance(1.0, energy, LeadingFragment(0.06, 0.0, low2, high))
    assert soft + hard == pytest.approx(1.0)
    least = low2 / (2.0 * M_P * energy)
    half, none = soft_chance(
        math.sqrt(least * high), energy, LeadingFragment(0.06, 0.0, low2, high)
    )
    assert (half, none) == pytest.approx((0.03, 0.0))  # halfway in the logarithm
    assert soft_chance(0.5 * least, energy, LeadingFragment(0.06, 0.0, low2, high)) == (0.0, 0.0)
    assert soft_chance(0.525, energy, LeadingFragment(0.0, 0.0, low2, high))[1] == pytest.approx(
        0.475 / 0.95
    )


@pytest.mark.compiled
def test_more_of_everything():
    base = punch_through("K_L", 100.0, HadronStack(MODULE, LENGTH), 1.0, n=10_000)
    assert (
        punch_through("K_L", 100.0, HadronStack(MODULE, LENGTH), 4.0, n=10_000).value > base.value
    )
    assert punch_through("K_L", 100.0, HadronStack(MODULE, LENGTH, 2), 1.0).value < 0.1 * base.value
    assert (
        punch_through(
            "K_L", 100.0, HadronStack(MODULE, LENGTH), 1.0, varied=ShowerVariation(diffraction=3.0)
        ).value
        > base.value
    )
    # kaons see fewer interaction lengths than neutrons
    assert base.depth < punch_through("n", 100.0, HadronStack(MODULE, LENGTH), 1.0, n=1000).depth
    assert base.merit > 10.0


@pytest.mark.compiled
def test_containment():
    share = contained_fraction(100.0, [0.0, 1.0, 5.0, 9.0], MODULE)
    assert share[0] == 0.0
    assert np.all(np.diff(share) > 0.0)
    # 95 % within 1 + 1.35 ln(E/GeV) = 7.2 from the face, shower starting after one length
    assert share[2] == pytest.approx(0.95, abs=0.03)


@pytest.mark.compiled
def test_the_profile_fitted_to_followed_showers_is_theirs():
    """Pions of 70 GeV, an energy between those of the fit; and the measured profile within what it
    differs by. From the face: folded with the depth of the first collision."""
    iron, energy, width = material("iron"), 70.0, 2.0
    block = ShowerBlock(iron, 400.0, bins=200, width=width, seen=(1.0, 1.0, 0.0))
    found = simulate_hadron_showers("pi-", energy, block, 300, seed=8)
    inside = np.concatenate([[0.0], np.cumsum(found.depth.sum(axis=0))])
    inside /= inside[-1]
    z = width * np.arange(201)
    free = inelastic_length("pi-", iron, energy).cm
    first = np.exp(-z / free) / free
    for name, allowed in (("followed", 0.025), ("measured", 0.06)):
        share = contained_fraction(energy, z / iron.interaction_length_cm, iron, profile=name)
        folded = [np.trapezoid(first[: i + 1] * share[i::-1], dx=width) for i in range(120)]
        assert np.abs(folded - inside[:120]).max() < allowed
    with pytest.raises(UnknownName, match="followed"):
        contained_fraction(energy, 1.0, iron, profile="fitted")


@pytest.mark.compiled
def test_depths_of_pion_showers_in_iron_as_measured():
    """90 % and 95 % of what a calorimeter sees of 100 GeV: 97 and 117 cm from the face by the
    profile of Bock et al. with a pion's first collision; 5 % (they give no error)."""
    block = ShowerBlock(material("iron"), 400.0, bins=200, width=2.0, seen=(1.0, 1.0, 0.0))
    found = simulate_hadron_showers("pi-", 100.0, block, 400, seed=4)
    depth = found.depth.sum(axis=0)
    error = 3.0 * 2.7 / 97.0  # of 400 showers
    for level, expected in ((0.9, 96.6), (0.95, 117.0)):
        allowed = math.hypot(0.05, error)
        assert containment(depth, 2.0, level) == pytest.approx(expected, rel=allowed)


def test_decay_before_the_hcal():
    # 10 m of air and one length: 1025 cm/(80/0.1396 780 cm) = 2.3e-3
    path = 1450.0 - 400.0 - 44.7 + 23.0
    assert decay_to_muon(NA64MU, "pi-", 80.0) == pytest.approx(
        path / (80.0 / 0.13957 * 780.45), rel=0.01
    )
    assert decay_to_muon(NA64MU, "K-", 80.0) > 4.0 * decay_to_muon(NA64MU, "pi-", 80.0)


@pytest.mark.compiled
def test_what_a_photon_does_to_a_nucleus():
    # on a nucleon: measured 9.4 + 1.0 + 0.55 of 115 microbarn
    hydrogen, lead = element("H"), element("Pb")
    assert photon_fate(hydrogen).coherent == pytest.approx(10.95 / 115.0, rel=0.03)
    assert photon_fate(hydrogen).quasi_elastic < 1e-3
    found = photon_fate(lead)
    assert found.coherent + found.quasi_elastic + found.inelastic == pytest.approx(1.0)
    assert 0.05 < found.coherent < 0.2
    assert found.quasi_elastic < 0.3 * found.coherent
    assert nucleus_error(1.0) == 0.0
    assert 0.3 < nucleus_error(lead.a) < 0.6


def test_vector_mesons():
    # two pions at z and 1 - z: one of them above one half
    seen = vector_meson_above(0.5)
    assert float(seen) == pytest.approx((9.4 + 0.275) / 10.95)
    assert float(vector_meson_above(0.0)) == pytest.approx(2.0 * float(seen))
    assert float(vector_meson_above(1.0)) == 0.0


def test_inelastic_leading_hadrons():
    lead = material("lead").dominant_element
    found = inelastic_above("pi", [0.3, 0.5, 0.8, 1.0], 112.0, lead)
    assert np.all(np.diff(found.value) < 0.0)
    # muon scattering finds 0.1 to 0.15 charged hadrons above z = 1/2 per event
    charged = sum(float(inelastic_above(kind, 0.5, 112.0, lead).value) for kind in CHARGED)
    assert 0.08 < charged < 0.2
    assert np.all(found.model_err >= nucleus_error(lead.a) * found.value)
    with pytest.raises(UnknownName):
        inelastic_above("rho", 0.5, 112.0, lead)


@pytest.mark.compiled
def test_leading_hadrons_in_the_target():
    made = leading_hadrons(NA64MU)
    assert made.nuclear == pytest.approx(3e-5, rel=0.3)  # 1.3e-7 per g/cm^2 of 280 g/cm^2 times
    assert 1e-6 < made.total.value < 1e-5
    assert made.total.err < 0.05 * made.total.value < made.total.model_err
    assert made.total.value == pytest.approx(
        made.charged + made.inelastic["K_L"].value + made.inelastic["n"].value
    )
    assert leading_hadrons(NA64MU, 120.0).total.value < made.total.value
    thick = replace(NA64MU, {"target/thickness": "20 X0", "target/length": "23 cm"})
    assert leading_hadrons(thick).total.value == pytest.approx(0.5 * made.total.value, rel=1e-6)
    with pytest.raises(OutOfRange, match="allowed"):
        leading_hadrons(NA64MU, 4.0)


@pytest.mark.compiled
def test_neutral_leading_hadrons_are_not_those_of_quark_jets():
    """Jets of quarks by Field and Feynman have 7.7e-8 K_L per muon, with 25 % of vector mesons; the
    two generators that simulate photons have half as many, whichever is taken."""
    kaons = leading_hadrons(NA64MU).inelastic["K_L"]
    assert kaons.value + 2.0 * kaons.err < 0.6 * 7.7e-8
    found = hadrons_above("K_L", 0.7, 112.0, origin="inelastic")
    assert float(found.value + found.model_err) < 0.0027  # jets: 0.0040


def test_what_the_hadron_may_leave():
    # 8 GeV less the most probable 3.43 GeV of a muon in two modules
    cuts = cuts_of(NA64MU)
    assert hadron_budget(NA64MU, cuts, ("HCAL1", "HCAL2")) == pytest.approx(8.0 - 3.43, abs=0.02)
    assert hadron_budget(NA64MU, cuts, ("HCAL1",)) == pytest.approx(8.0 - 1.68, abs=0.02)
    assert hadron_budget(NA64MU, cuts, ()) == 8.0


@pytest.mark.compiled
def test_escaped_hadrons_and_source():
    found = {item.kind: item for item in escaped_hadrons(NA64MU, n=6000)}
    made = leading_hadrons(NA64MU)
    for kind, item in found.items():
        assert item.value == pytest.approx(item.weights.value * item.unseen)
        assert 0.0 < item.weights.value < made.inelastic[kind].value
        assert item.err < 0.3 * item.value
    got = single_hadron_punch_through(NA64MU, 1, 0.05)
    assert got.per_particle == pytest.approx(sum(got.parts[k] for k in found))
    # the product without selection, mostly charged pions, is far above it
    assert paper_estimate(NA64MU) > 10.0 * got.per_particle
    assert got.model_err > got.err


def test_wrong_input():
    with pytest.raises(MutauError, match="allowed"):
        punch_through("gamma", 100.0, HadronStack(MODULE, LENGTH), 1.0)
    for energy, length, budget in (
        (1.0, LENGTH, 1.0), (100.0, -1.0, 1.0), (100.0, LENGTH, math.nan)
    ):  # fmt: skip
        with pytest.raises(OutOfRange):
            punch_through("n", energy, HadronStack(MODULE, length), budget)
    with pytest.raises(MutauError, match="differ"):
        hcal_module(replace(NA64MU, "detector/calorimeter[HCAL2]/length", "50 cm"))
    assert material("iron").interaction_length_cm == pytest.approx(16.77, abs=0.02)
