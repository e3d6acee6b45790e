"""Scalars, pseudoscalars and axial vectors of files: widths, moments, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from mutau.core.constants import ALPHA, M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, Problems
from mutau.models import build_model, model_class
from mutau.models.formulas import fermion_pair_width, photon_pair_width
from mutau.models.muon_moment import moment
from mutau.models.validity import highest_coupling


@pytest.mark.parametrize(
    ("tag", "states", "power"),
    [("scalar", 8.0, 1.5), ("pseudoscalar", 8.0, 0.5), ("axial-vector", 12.0, 1.5)],
)
def test_widths_into_muons_by_hand(tag, states, power):
    model = build_model(tag, 0.5, 1e-3)
    beta2 = 1.0 - 4.0 * (M_MU / 0.5) ** 2
    assert model.width("mumu") == pytest.approx(
        1e-6 * 0.5 / (states * math.pi) * beta2**power, rel=1e-12
    )
    assert build_model(tag, 2.0 * M_MU, 1e-3).width("mumu") == 0.0
    assert model.width("ee") == 0.0


def test_the_axial_width_is_the_vectors_for_light_leptons():
    axial = float(fermion_pair_width("axial-vector", 1.0, 1.0, 1e-6))
    assert axial == pytest.approx(1.0 / (12.0 * math.pi), rel=1e-9)


@pytest.mark.parametrize(("kind", "limit"), [("scalar", 4.0 / 3.0), ("pseudoscalar", 2.0)])
def test_two_photons_of_heavy_leptons(kind, limit):
    front = ALPHA**2 * 0.05**3 / (256.0 * math.pi**3)
    found = float(photon_pair_width(kind, [1.0], [100.0], 0.05))
    assert found == pytest.approx(front * (limit / 100.0) ** 2, rel=1e-6)


@pytest.mark.parametrize("kind", ["scalar", "pseudoscalar"])
@pytest.mark.parametrize("mass", [0.02, 0.2, 0.25, 1.0])
def test_two_photons_by_the_feynman_integral(kind, mass):
    """A = 2 int dz (1-z)... of the triangle, over a parameter, also above the muons' threshold.

    f = arcsin^2 sqrt(tau) = -1/2 int_0^1 dz/z ln[1 - 4 tau z (1-z)].
    """
    tau = (0.5 * mass / M_MU) ** 2

    def integrand(z, part):
        value = np.log(complex(1.0 - 4.0 * tau * z * (1.0 - z), -1e-300))
        return (value.real if part else value.imag) / z

    cuts = [0.5 * (1.0 + s * math.sqrt(max(1.0 - 1.0 / tau, 0.0))) for s in (-1, 1)]
    points = cuts if tau > 1.0 else None
    real, imaginary = (
        -0.5 * integrate.quad(integrand, 0.0, 1.0, args=(part,), points=points, limit=400)[0]
        for part in (True, False)
    )
    f = complex(real, imaginary)
    form = 2.0 * (tau + (tau - 1.0) * f) / tau**2 if kind == "scalar" else 2.0 * f / tau
    by_hand = ALPHA**2 * mass**3 / (256.0 * math.pi**3) * abs(form / M_MU) ** 2
    assert float(photon_pair_width(kind, [1.0], [M_MU], mass)) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("mass", [1e-3, 0.05, 0.3, 5.0, 200.0])
@pytest.mark.parametrize("kind", ["vector", "axial-vector", "scalar", "pseudoscalar"])
def test_moments_by_quadrature(kind, mass):
    r = (mass / M_MU) ** 2
    top = {
        "vector": lambda x: 2.0 * x * x * (1.0 - x),
        "axial-vector": lambda x: 2.0 * x * (1.0 - x) * (x - 4.0) - 4.0 * x**3 / r,
        "scalar": lambda x: x * x * (2.0 - x),
        "pseudoscalar": lambda x: -(x**3),
    }[kind]
    by_hand, _ = integrate.quad(
        lambda x: top(x) / (x * x + r * (1.0 - x)), 0.0, 1.0, epsabs=0.0, epsrel=1e-11,
        points=[min(math.sqrt(r), 0.5), 1.0 - min(1.0 / r, 0.5)], limit=400,
    )  # fmt: skip
    found = float(moment(kind, 1.0, mass)) * 8.0 * math.pi**2
    assert found == pytest.approx(by_hand, rel=1e-8)


@pytest.mark.parametrize(
    ("kind", "massless"), [("vector", 1.0), ("scalar", 1.5), ("pseudoscalar", -0.5)]
)
def test_massless_moments(kind, massless):
    assert float(moment(kind, 1.0, 1e-8)) * 8.0 * math.pi**2 == pytest.approx(massless, rel=1e-5)


def test_the_longitudinal_axial_vector_is_a_pseudoscalar():
    """Of coupling 2 g m_mu/m: -2 m_mu^2/m^2 as it gets light."""
    light = float(moment("axial-vector", 1.0, 1e-5))
    assert light == pytest.approx(float(moment("pseudoscalar", 2.0 * M_MU / 1e-5, 1e-5)), rel=1e-3)


def test_bands_follow_the_sign():
    for tag in ("scalar", "scalar-mass"):
        band = model_class(tag).g_minus_2_band([0.1], 2023, 1.0)
        model = build_model(tag, 0.1, float(band.lower[0]))
        assert model.delta_a_mu() == pytest.approx(201e-11, rel=1e-9)
    for tag in ("pseudoscalar", "axial-vector"):
        with pytest.raises(OutOfRange, match="the other way"):
            model_class(tag).g_minus_2_band([0.1], 2023, 1.0)
        band = model_class(tag).g_minus_2_band([0.1], 2025, 2.0)
        assert band.lower[0] == 0.0
        assert build_model(tag, 0.1, float(band.upper[0])).delta_a_mu() < 0.0
    with pytest.raises(MutauError, match="does not couple to muons"):
        model_class("scalar-e").g_minus_2_band([0.1], 2025)


def test_couplings_in_proportion_to_mass():
    model = build_model("scalar-mass", 0.1, 1e-3)
    assert model.lepton_coupling("mu") == 1e-3
    assert model.lepton_coupling("e") == pytest.approx(1e-3 * M_E / M_MU, rel=1e-14)


def test_a_light_axial_vector_is_refused_where_its_longitudinal_part_is_not_perturbative():
    bound = math.sqrt(4.0 * math.pi) * 1e-3 / (2.0 * M_MU)
    model_class("axial-vector").at(1e-3, 0.999 * bound)
    with pytest.raises(OutOfRange, match="longitudinal part"):
        model_class("axial-vector").at(1e-3, 1.001 * bound)
    assert highest_coupling(build_model("axial-vector", 1e-3, 1e-6)) == pytest.approx(
        bound, rel=1e-6
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('mediator = "tensor"\n[couplings]\nmu = 1.0\n', "'tensor' is not one of"),
        ('mediator = "scalar"\n[couplings]\nmu = 1.0\nu = 1.0\n', "hadrons are not computed"),
        ('mediator = "scalar"\nproportional_to = "spin"\n[couplings]\nmu = 1.0\n', 'write "mass"'),
        ('proportional_to = "mass"\n[charges]\nmu = 1.0\n', "a boson that is no vector"),
        ('mediator = "scalar"\nmixing_per_coupling = 0.1\n[couplings]\nmu = 1.0\n', "does not mix"),
    ],
)  # fmt: skip
def test_faults_of_a_file(tmp_path, lines, said):
    path = tmp_path / "faulty.toml"
    path.write_text('schema = 1\nname = "x"\nsource = "test"\n' + lines)
    with pytest.raises(Problems, match=said):
        build_model(f"charges:{path}", 0.1, 1e-3)
