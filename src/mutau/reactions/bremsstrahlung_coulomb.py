"""Coulomb correction of bremsstrahlung by electrons: many photons exchanged with the nucleus.

Davies, Bethe and Maximon (Phys. Rev. 93 (1954) 788) solve the electron's motion in the Coulomb
field to all orders in alpha z for high energy. Against the Born term it lowers the logarithm of
the momentum transfer by f(z), whatever the screening. The argument needs only that the transverse
distances in the emission, 1/sqrt(u), are far above the nuclear radius, where the field is that of a
point; it does not ask for the mass of what is emitted. So chi is lowered by 2 z^2 f(z):

  Delta d sigma/dx du = -2 z^2 f(z) x (d sigma/dx du / chi of `bremsstrahlung_ww`),
  f(z) = b^2 sum over n of 1/[n (n^2 + b^2)], b = alpha z.

It stops holding where u/x reaches the scale of the nuclear size, d = 0.164 GeV^2 a^(-2/3) (68 MeV
squared for lead): there the correction fades. Here it is refused above MASS_MAX, where u/x is below
one hundredth of d at typical x, and below ENERGY_MIN, where the high-energy limit begins to fail.
Muons and heavier Z' are therefore left without it; f(z) is 0.33 for lead, the effect 7 to 9 %.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.core.constants import ALPHA
from mutau.core.errors import require_in_range

MASS_MAX: Final = 5e-3
ENERGY_MIN: Final = 0.05


def coulomb_function(z: float) -> float:
    """f(z) of Davies, Bethe and Maximon, dimensionless.

    z : charge number, in [0, 120] (OutOfRange). Check: 1.202 (alpha z)^2 for small z; the real
    part of the digamma function at 1 + i alpha z, plus Euler's constant.

    >>> f"{coulomb_function(82.0):.4f}"
    '0.3316'
    """
    require_in_range("z", z, 0.0, 120.0, reason="charge number of a nucleus")
    b2 = (ALPHA * z) ** 2
    # 2000 terms; the rest as the integral from 2000.5 on, exact to 1e-14
    n = np.arange(1.0, 2001.0)
    return float(b2 * (np.sum(1.0 / (n * (n * n + b2))) + 0.5 / 2000.5**2))


def check_coulomb(mass: float, energy: float) -> None:
    """Raise OutOfRange where the correction does not hold. mass, energy : GeV."""
    require_in_range(
        "mass", mass, 0.0, MASS_MAX, unit="GeV",
        reason="Coulomb correction: above, the nuclear size enters and the correction fades",
    )  # fmt: skip
    require_in_range(
        "energy", energy, ENERGY_MIN, np.inf, unit="GeV",
        reason="Coulomb correction: a high-energy limit",
    )  # fmt: skip
