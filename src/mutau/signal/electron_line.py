"""Bremsstrahlung of a boson that is not on its mass shell: a dispersion integral over its mass.

The electron's current is conserved (an axial one up to its mass), so the rate into a pair of dark
matter of mass q is the rate of bosons of that mass, times the line:

    dN = N(q) e^2 |Pi(q^2)|^2 / pi  q Gamma_chi(q) / ((q^2 - m^2)^2 + q^2 Gamma(q)^2)  dq^2,

N(q) for coupling 1, and g_e^2 in place of e^2 |Pi|^2 for other bosons than a vector
(arXiv:2404.06982, eq. 5.1, which averages |Pi|^2 alone, with a constant width).
It holds for a boson that decays into the pair, however wide, and for one that is too light to.
Check: a narrow line gives N(m) e^2 |Pi(m^2)|^2 Br.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mutau.core.errors import OutOfRange
from mutau.models import Model
from mutau.reactions.annihilation import (
    electron_coupling_squared,
    final_width,
    running_width,
)

Array = np.ndarray

#: Width into dark matter over mass from which the line of the bremsstrahlung is integrated; below,
#: the boson is on its mass shell and the error is of the order of this.
WIDE: Final = 5e-3
NODES: Final = 12
_GAUSS, _GAUSS_W = np.polynomial.legendre.leggauss(NODES)


@dataclass(frozen=True, slots=True, eq=False)
class BosonLine:
    """Nodes of the integral over the boson's mass.

    mass : (N,) GeV. weight : (N,) of N(q); their sum is about e^2 |Pi|^2 Br for a decaying boson.
    beyond : upper bound on the part above the highest mass, relative to the sum, for a rate that
    falls at least as 1/q^2.
    """

    mass: Array
    weight: Array
    beyond: float


def needs_line(model: Model) -> bool:
    """Whether dark matter is made off the mass shell to more than `WIDE`."""
    if model.alpha_d == 0.0:
        return False
    return model.off_shell or model.width("chichi") > WIDE * model.mass


def line_masses(model: Model, highest: float) -> tuple[Array, Array]:
    """Masses (N,) of the pair, GeV, and weights (N,) of dq^2, from the threshold to `highest`.

    Below its threshold the boson has no peak: nodes by the square root of ln q, since the width
    opens as a power of the velocity. Else a map that is flat on a Breit-Wigner line.
    Depends on the dark sector and the mass alone, so that couplings share the nodes.
    Raises OutOfRange if the threshold lies above `highest`.
    """
    low = 2.0 * model.mass / model.mass_ratio
    if not low < highest:
        raise OutOfRange(
            f"two dark matter particles weigh {low:g} GeV", place="mass",
            allowed=f"below {highest:g} GeV, the heaviest boson that is evaluated",
            remedy="take a larger mass ratio or a smaller mass",
        )  # fmt: skip
    u, du = 0.5 * (1.0 + _GAUSS), 0.5 * _GAUSS_W
    if model.off_shell:
        reach = np.log(highest / low)
        q = low * np.exp(reach * u * u)
        return q, du * 4.0 * reach * u * q * q
    scale, square = model.mass * model.width("chichi"), model.mass**2
    first, last = (np.arctan((end * end - square) / scale) for end in (low, highest))
    angle = first + (last - first) * u
    q2 = square + scale * np.tan(angle)
    return np.sqrt(q2), du * (last - first) * scale / np.cos(angle) ** 2


def boson_line(model: Model, highest: float) -> BosonLine:
    """Line of the decay into dark matter up to `highest`, GeV. Raises as `line_masses`."""
    q, dq2 = line_masses(model, highest)
    s = q * q
    width, dark = running_width(model, s), final_width(model, "chichi", s)
    denominator = (s - model.mass**2) ** 2 + s * width**2
    strength = electron_coupling_squared(model, s)
    weight = strength * q * dark / (np.pi * denominator) * dq2
    # above the end the integrand falls as 1/q^4 or faster in q^2: at most q^2 times it over 2
    end = highest * highest
    rest = end * highest * float(final_width(model, "chichi", end)) / (
        2.0 * np.pi * ((end - model.mass**2) ** 2)
    ) * float(electron_coupling_squared(model, end))  # fmt: skip
    falling = float(np.min(s)) / end  # N(q) there over N(q) at the threshold, at most
    return BosonLine(q, weight, rest * falling / float(weight.sum()))
