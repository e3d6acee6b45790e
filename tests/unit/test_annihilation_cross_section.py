"""Cross sections on electrons at rest, beam folding, bins, bad input."""

import math

import numpy as np
import pytest

from mutau.core.constants import ALPHA, M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.models import DarkPhoton, LmuMinusLtau
from mutau.models.mixing import loop_mixing
from mutau.reactions.annihilation import (
    cross_section,
    final_width,
    folded,
    integrated,
    narrow_integral,
    resonance_energy,
)
from mutau.reactions.annihilation_electrons import from_binding

PB = 3.893793721e8  # GeV^2 pb
LEAD = LmuMinusLtau(mass=0.225, coupling=0.03)
CARBON = from_binding("virial", (2.0, 2.0, 2.0), (284e-9, 18e-9, 7e-9))


def test_peak_is_the_unitarity_formula():
    # sigma = 12 pi Gamma_ee Gamma_f/(M^2 beta^2 Gamma^2) per electron, beta the electron's velocity
    m, total = LEAD.mass, LEAD.width_total
    beta2 = 1 - (2 * M_E / m) ** 2
    exact = 12 * math.pi * LEAD.width("ee") * LEAD.width("nunu") / (m * total) ** 2 / beta2
    found = cross_section(resonance_energy(m), LEAD, element=1, electrons="rest")[0]
    assert found == pytest.approx(PB * exact, rel=1e-9)


def _gamma_matrices():
    zero, one = np.zeros((2, 2)), np.eye(2)
    pauli = [
        np.array([[0, 1], [1, 0]]),
        np.array([[0, -1j], [1j, 0]]),
        np.array([[1, 0], [0, -1]]),
    ]
    gammas = [np.block([[one, zero], [zero, -one]]).astype(complex)]
    gammas += [np.block([[zero, s], [-s, zero]]).astype(complex) for s in pauli]
    return gammas


def _running_width(root, kind):
    """Width of a boson of mass `root` with g' = 0.02, alpha_D = 0.05 and m_chi = 0.1 GeV."""
    r, mu = (0.1 / root) ** 2, (M_MU / root) ** 2
    wave = {"complex-scalar": (1 - 4 * r) ** 1.5 / 12, "majorana": (1 - 4 * r) ** 1.5 / 6}
    dark = 0.05 * root * wave.get(kind, (1 + 2 * r) * math.sqrt(1 - 4 * r) / 3)
    muons = (1 + 2 * mu) * math.sqrt(1 - 4 * mu)
    return dark + 4e-4 * root / (12 * math.pi) * (1.0 + muons)


KINDS = ("complex-scalar", "majorana", "pseudo-dirac", "dirac")


@pytest.mark.parametrize("channel", ["nunu", "mumu", *KINDS])
def test_against_explicit_traces(channel):
    # Spin-averaged |M|^2 from Dirac matrices in the centre of mass, integrated over the angle.
    kind = channel if channel in KINDS else "complex-scalar"
    model = LmuMinusLtau(mass=0.3, coupling=2e-2, alpha_d=0.05, dark_matter=kind)
    energy = 70.0
    s = 2 * M_E * (M_E + energy)
    gamma = _gamma_matrices()
    metric = np.diag([1.0, -1, -1, -1])
    root = math.sqrt(s)
    mass = {"nunu": 0.0, "mumu": M_MU}.get(channel, 0.1)
    p, k = math.sqrt(s / 4 - M_E**2), math.sqrt(s / 4 - mass**2)
    electron = math.sqrt(4 * math.pi * ALPHA) * abs(loop_mixing(s, 2e-2))

    def slash(v):
        return sum(metric[i, i] * v[i] * gamma[i] for i in range(4))

    one, g5 = np.eye(4), 1j * gamma[0] @ gamma[1] @ gamma[2] @ gamma[3]
    plus, minus = np.array([root / 2, 0, 0, p]), np.array([root / 2, 0, 0, -p])
    initial = np.array(
        [
            [
                np.trace(
                    (slash(plus) - M_E * one) @ gamma[a] @ (slash(minus) + M_E * one) @ gamma[b]
                )
                for b in range(4)
            ]
            for a in range(4)
        ]
    )
    total = 0.0
    for x, w in zip(*np.polynomial.legendre.leggauss(6), strict=True):
        direction = np.array([0, math.sqrt(1 - x * x), 0, x])
        one_way = np.array([root / 2, 0, 0, 0]) + k * direction
        other = np.array([root / 2, 0, 0, 0]) - k * direction
        if channel == "complex-scalar":
            final = 4 * math.pi * 0.05 * np.outer(one_way - other, one_way - other)
        else:
            chiral = {"nunu": 0.5 * (one - g5), "majorana": g5}.get(channel, one)
            strength = 4 * math.pi * 0.05 if channel in KINDS else 4e-4
            final = strength * np.array(
                [
                    [
                        np.trace(
                            (slash(one_way) + mass * one)
                            @ gamma[a]
                            @ chiral
                            @ (slash(other) - mass * one)
                            @ gamma[b]
                            @ chiral
                        )
                        for b in range(4)
                    ]
                    for a in range(4)
                ]
            )
        lowered = metric @ final @ metric
        squared = float(np.real(np.einsum("ab,ba->", initial, lowered.T))) / 4
        total += w * squared * k / (8 * math.pi * root)  # two-body phase space, azimuth done
    total *= {"nunu": 2, "majorana": 0.5}.get(channel, 1)  # flavours, identical particles
    total *= electron**2 / ((s - 0.09) ** 2 + s * _running_width(root, kind) ** 2)
    exact = total / (2 * s * math.sqrt(1 - 4 * M_E**2 / s))
    asked = "chichi" if channel in KINDS else channel
    found = cross_section(energy, model, channel=asked, element=1, electrons="rest")[0]
    assert found == pytest.approx(PB * exact, rel=1e-9)


def test_muons_open_at_their_threshold_exactly():
    threshold = 2 * M_MU**2 / M_E - M_E
    energies = threshold * np.array([0.999, 1.0 - 1e-12, 1.001])
    found = cross_section(energies, LEAD, channel="mumu", electrons="rest")
    assert found[0] == found[1] == 0.0
    assert found[2] > 0.0


@pytest.mark.compiled
def test_channels_add_up():
    energies = [30.0, 49.5, 60.0]
    for electrons in ("rest", CARBON):
        parts = sum(
            cross_section(energies, LEAD, channel=name, electrons=electrons)
            for name in LEAD.channels
        )
        whole = cross_section(energies, LEAD, channel="all", electrons=electrons)
        np.testing.assert_allclose(parts, whole, rtol=1e-9)
    dark = LmuMinusLtau(mass=0.225, coupling=0.03, alpha_d=0.1)
    invisible = cross_section(energies, dark, electrons="rest")
    sum_of_two = sum(
        cross_section(energies, dark, channel=name, electrons="rest") for name in ("nunu", "chichi")
    )
    np.testing.assert_allclose(invisible, sum_of_two, rtol=1e-12)


@pytest.mark.parametrize("channel", ["nunu", "mumu", "tautau", "ee", "chichi"])
def test_width_into_a_channel_on_the_mass_shell_is_the_models_own(channel):
    dark = LmuMinusLtau(mass=0.4, coupling=1e-3, alpha_d=0.1)
    assert final_width(dark, channel, 0.16) == pytest.approx(dark.width(channel), rel=1e-12)


def test_narrow_integral_by_hand():
    # 4 pi^2 alpha epsilon^2 Z/(2 m_e), all channels, up to m_e^2/M^2
    photon = DarkPhoton(mass=0.05, epsilon=1e-4)
    exact = PB * 4 * math.pi**2 * ALPHA * 1e-8 * 82 / (2 * M_E)
    found = narrow_integral(photon, channel="all", element="Pb")
    assert found == pytest.approx(exact, rel=5e-4)
    assert narrow_integral(photon, channel="ee", element=1) == pytest.approx(found / 82, rel=1e-9)


@pytest.mark.compiled
@pytest.mark.parametrize("coupling", [3e-2, 1e-6, 1e-10])
def test_bins_at_rest_catch_any_width(coupling):
    # Widths from 8 keV to 1e-13 eV: a bin of 1 GeV holds the line, whatever its width.
    model = LmuMinusLtau(mass=0.225, coupling=coupling)
    found = integrated([1.0, 49.0, 50.0, 1000.0], model, electrons="rest")
    assert found[1] / narrow_integral(model) == pytest.approx(
        1.0, abs=3e-3 * (coupling > 1e-5) + 1e-9
    )
    assert found.sum() == pytest.approx(narrow_integral(model), rel=1e-4)


@pytest.mark.compiled
def test_bins_add_and_agree_with_points():
    edges = np.array([0.27, 0.28, 0.2825, 0.285, 0.3])
    model = LmuMinusLtau(mass=0.017, coupling=1e-3)
    fine = integrated(edges, model, electrons=CARBON)
    coarse = integrated(edges[[0, 4]], model, electrons=CARBON)
    assert fine.sum() == pytest.approx(coarse[0], rel=1e-5)
    x, w = np.polynomial.legendre.leggauss(40)
    energies = 0.2925 + 0.0075 * x
    direct = 0.0075 * float(w @ cross_section(energies, model, electrons=CARBON))
    assert fine[3] == pytest.approx(direct, rel=1e-6)


@pytest.mark.compiled
def test_folding_a_line_at_rest_is_a_gaussian():
    model = LmuMinusLtau(mass=0.017, coupling=1e-5)
    peak = resonance_energy(0.017)
    nominal = peak * np.array([0.99, 1.0, 1.006])
    found = folded(nominal, model, spread=0.005, element="C", electrons="rest")
    sigma = 0.005 * nominal
    shape = np.exp(-0.5 * ((peak - nominal) / sigma) ** 2) / (math.sqrt(2 * math.pi) * sigma)
    np.testing.assert_allclose(found, narrow_integral(model, element="C") * shape, rtol=1e-6)


@pytest.mark.compiled
def test_folding_moving_electrons_by_direct_sum():
    model = LmuMinusLtau(mass=0.017, coupling=1e-3)
    nominal = 0.281
    found = folded(nominal, model, spread=0.005, electrons=CARBON)[0]
    x = np.linspace(-7, 7, 6001)
    values = cross_section(nominal * (1 + 0.005 * x), model, electrons=CARBON)
    direct = np.trapezoid(values * np.exp(-x * x / 2), x) / math.sqrt(2 * math.pi)
    assert found == pytest.approx(direct, rel=1e-5)


def test_lightest_boson_is_off_shell_everywhere():
    # Below 2 m_e there is no resonance: sigma is the tail N(s)/s^2, finite and tiny.
    model = LmuMinusLtau(mass=1e-4, coupling=1e-3)
    assert narrow_integral(model) == 0.0
    s = 2 * M_E * (M_E + 10.0)
    width = model.width("nunu") / 1e-4 * math.sqrt(s)
    top = 4 * math.pi * ALPHA * abs(loop_mixing(s, 1e-3)) ** 2 * (s + 2 * M_E**2) * 2
    exact = PB * 82 * top * math.sqrt(s) * width / (s - 1e-8) ** 2 / (4 * M_E * 10.0)
    found = cross_section(10.0, model, electrons="rest")[0]
    assert found == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: cross_section(4e-4, LEAD), OutOfRange, "mass"),
        (lambda: cross_section([1.0, math.nan], LEAD), OutOfRange, "nan"),
        (lambda: cross_section([[1.0]], LEAD), OutOfRange, "one dimension"),
        (lambda: cross_section(1.0, LEAD, electrons="resting"), UnknownName, "did you mean 'rest'"),
        (lambda: cross_section(1.0, LEAD, channel="nunuu"), UnknownName, "nunu"),
        (lambda: cross_section(1.0, LEAD, element="Xx", electrons="rest"), UnknownName, "Xx"),
        (lambda: cross_section(1.0, LEAD, element=82), MutauError, "symbol"),
        (lambda: cross_section(1.0, LEAD, element=-1, electrons="rest"), OutOfRange, "element"),
        (lambda: cross_section(1.0, DarkPhoton(1e-4, 1e-3)), OutOfRange, "no open decay"),
        (lambda: integrated([2.0, 1.0], LEAD, electrons="rest"), MutauError, "rise"),
        (lambda: integrated([2.0], LEAD, electrons="rest"), MutauError, "rise"),
        (lambda: folded(1.0, LEAD, spread=0.0, electrons="rest"), OutOfRange, "spread"),
        (lambda: folded(6e-4, LEAD, spread=0.1, electrons="rest"), OutOfRange, "mass"),
        (lambda: resonance_energy(1e-3), OutOfRange, "mass"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
