"""The loop-induced mixing: closed form against its integral, analyticity, limits."""

import math

import mpmath
import numpy as np
import pytest

from mutau.core.constants import E_CHARGE, M_MU, M_TAU
from mutau.models import DarkPhoton, LmuMinusLtau, loop_mixing
from mutau.models.formulas import lepton_pair_width
from mutau.models.mixing import breit_wigner_average, vacuum_loop

PREFACTOR = E_CHARGE / (2.0 * math.pi**2)


def integral(q2: float) -> complex:
    """Eq. 2.3 of arXiv:2404.06982 by quadrature; q2 + i0 makes a negative argument's log -i pi."""

    def log(argument):
        return mpmath.log(abs(argument)) - (mpmath.pi * 1j if argument < 0 else 0)

    def integrand(x):
        y = x * (1 - x)
        return y * (log(M_TAU**2 - y * q2) - log(M_MU**2 - y * q2))

    points = [0.0, 0.5, 1.0]
    for mass in (M_MU, M_TAU):
        if q2 > 4 * mass**2:
            beta = math.sqrt(1 - 4 * mass**2 / q2)
            points += [(1 - beta) / 2, (1 + beta) / 2]
    return complex(PREFACTOR * mpmath.quad(integrand, sorted(points)))


@pytest.mark.parametrize(
    "q2",
    [-1e4, -100.0, -12.0, -0.05, -0.011, -1e-3, -1e-6, 0.0, 1e-6, 1e-3, 0.0111, 0.0112, 0.02,
     0.0446, 0.0448, 0.05, 0.3, 4.0, 12.0, 13.0, 25.1, 25.3, 100.0, 1e4],
)  # fmt: skip
def test_closed_form_is_the_integral(q2):
    ours, exact = complex(loop_mixing(q2)), integral(q2)
    assert abs(ours - exact) < 3e-11 * abs(exact)  # the quadrature's own accuracy at the cusps


def test_closed_form_keeps_its_digits_far_above_the_tau():
    # Pi -> -(e/2 pi^2)(m_tau^2 - m_mu^2)/q^2; next order (m_tau/q)^4 times a logarithm.
    q2 = 1e8
    leading = -PREFACTOR * (M_TAU**2 - M_MU**2) / q2
    assert complex(loop_mixing(q2)).real == pytest.approx(leading, rel=3e-6)
    assert complex(loop_mixing(-q2)) == pytest.approx(-leading, rel=3e-6)


def test_small_argument():
    assert complex(vacuum_loop(1e-9)) == pytest.approx(-1e-9 / 30.0, rel=1e-9)
    by_hand = E_CHARGE / (6.0 * math.pi**2) * math.log(M_TAU / M_MU)
    assert complex(loop_mixing(0.0)) == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("edge", [M_MU**2, 4 * M_MU**2, M_TAU**2, 4 * M_TAU**2, 8 * M_TAU**2])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_branches_join(edge, sign):
    low, high = (complex(loop_mixing(sign * edge * (1 + d))) for d in (-1e-14, 1e-14))
    assert abs(low - high) < 2e-7 * abs(low)  # at a threshold the step is sqrt(2e-14) = 1.4e-7


def test_imaginary_part_is_the_width():
    # cutting the loop: Im Pi = e/g (Gamma_mumu - Gamma_tautau)/(g sqrt(q2))
    q = np.array([0.22, 0.5, 2.0, 3.4, 4.0, 10.0])
    cut = (lepton_pair_width(1.0, q, M_MU) - lepton_pair_width(1.0, q, M_TAU)) / q
    np.testing.assert_allclose(loop_mixing(q**2).imag, E_CHARGE * cut, rtol=1e-11)
    assert np.all(loop_mixing(np.array([-5.0, 0.0, 0.04])).imag == 0.0)


@pytest.mark.parametrize("q2", [-30.0, -0.1, 0.0, 0.03])
def test_real_part_follows_from_the_imaginary_part(q2):
    # unsubtracted dispersion relation: Im Pi falls as 1/s^2, so Pi(q2) = 1/pi int Im Pi/(s - q2)
    def integrand(log_s):
        s = math.exp(log_s)
        return float(loop_mixing(s).imag) * s / (s - q2)

    edges = [math.log(4 * M_MU**2), math.log(4 * M_TAU**2)]
    edges = [edges[0], edges[0] + 0.5, *edges[1:], edges[1] + 0.5, edges[1] + 30.0]
    real = float(mpmath.quad(integrand, edges)) / math.pi
    assert real == pytest.approx(float(loop_mixing(q2).real), rel=1e-6)


def test_coupling_and_shape():
    q2 = np.array([[-1.0, 0.0], [0.04, 20.0]])
    np.testing.assert_allclose(loop_mixing(q2, 2e-3), 2e-3 * loop_mixing(q2), rtol=1e-15)
    assert LmuMinusLtau(0.1, 1e-3).kinetic_mixing(q2).shape == (2, 2)
    assert np.all(DarkPhoton(0.1, 1e-4).kinetic_mixing(q2) == 1e-4)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        loop_mixing(bad)
    with pytest.raises(ValueError, match="finite"):
        DarkPhoton(0.1, 1e-4).kinetic_mixing(bad)


@pytest.mark.parametrize("relative_width", [1e-2, 1e-5, 1e-12])
def test_line_shape_average_of_a_constant(relative_width):
    # int dq2 sqrt(q2) G/pi/[..] = 1 + G/(pi m) (tails): int_{x0}^inf dx [sqrt(x)/(x-1)^2 regular]
    mass, width, low = 0.3, 0.3 * relative_width, 0.3**2 * 4.0 / 9.0
    ours = breit_wigner_average(np.ones_like, mass, width, low)
    exact = mpmath.quad(
        lambda t: mpmath.sqrt(1 + relative_width * mpmath.tan(t)) / mpmath.pi,
        [mpmath.atan(-5 / (9 * mpmath.mpf(relative_width))), -1.5, 0, 1.5, mpmath.pi / 2],
    ) if relative_width > 1e-3 else None  # fmt: skip
    if exact is not None:
        assert ours == pytest.approx(float(exact), rel=1e-6)  # the oracle's end-point singularity
    else:
        # first order in the width: principal values of the tails, both about 1/3
        assert abs(ours - 1.0) < relative_width
        assert ours != 1.0 or relative_width < 1e-10


def test_line_shape_average_of_the_mixing_against_plain_quadrature():
    z = LmuMinusLtau(0.25, 1e-3, 0.1)
    width, m2 = z.width("chichi"), z.mass**2

    def integrand(theta):
        q2 = m2 + z.mass * width * mpmath.tan(theta)
        return abs(complex(z.kinetic_mixing(float(q2)))) ** 2 * mpmath.sqrt(q2) / z.mass / mpmath.pi

    def angle(q2):
        return float(mpmath.atan((q2 - m2) / (z.mass * width)))

    points = [4 * z.mass_chi**2, 0.04, 4 * M_MU**2, 0.05, m2, 0.07, 0.2, 1.0, 4.0, 100.0]
    with mpmath.workdps(20):
        plain = float(mpmath.quad(integrand, [angle(q2) for q2 in points]))
    assert z.average_mixing_squared(q_max=10.0) == pytest.approx(plain, rel=2e-6)
