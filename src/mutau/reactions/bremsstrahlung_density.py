"""The one density of l N -> l N Z', for quadrature, sampler and the lepton's angle alike.

    d sigma/dx du dt (dphi/2pi) = g^2 . front . G2(t) . (q^-/2M)^2 A,

with A at an azimuth, or averaged over it at fixed Z' (`density_mean`) or at a fixed scattered
lepton (`bremsstrahlung_recoil`). Phase space, form factor and the variables of
`bremsstrahlung_maps` are the same for every boson; only A knows what it is, by the weights of
`Collision.boson` (`bosons`). METHODS are the exact amplitude and its approximations, each for
every kind; a kind that `bosons.KINDS` lacks is refused by name.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mutau.core.errors import UnknownName
from mutau.core.jit import njit
from mutau.matter.form_factors import FormFactor, g2_kernel
from mutau.reactions.bosons import Boson
from mutau.reactions.bremsstrahlung_kernels import (
    Exchange,
    ZprimeKinematics,
    amplitude_at,
    amplitude_mean,
    density_front,
    strengths,
)

TREE: Final = 0
WW: Final = 1
IWW: Final = 2
#: Method -> the number by which kernels know it.
METHODS: Final = {"exact": TREE, "ww": WW, "iww": IWW}


class Collision(NamedTuple):
    """A charged lepton on a nucleus. m_l, nucleus : masses, GeV. method : out of METHODS.
    boson : what is emitted."""

    m_l: float
    nucleus: float
    ff: FormFactor
    method: int
    boson: Boson


def method_of(name: str) -> int:
    """Number of a method. Raises UnknownName."""
    if name not in METHODS:
        raise UnknownName("method", name, METHODS)
    return METHODS[name]


@njit(forceinline=True)
def density(
    energy: float, collision: Collision, v: float, q_minus: float, t: float, amplitude: float
) -> float:
    """Phase space and form factor times (q^-/2M)^2 A, at coupling 1: pb/GeV^4.

    v : momentum against which q^- is taken, that of p less the particle that is held fixed, GeV.
    """
    value = amplitude
    value *= density_front(energy, collision.m_l, v, q_minus, t)
    value *= g2_kernel(t, collision.ff)
    return value


@njit(forceinline=True)
def density_at(
    energy: float, mass: float, collision: Collision, em: ZprimeKinematics, u: float, t: float,
    ex: Exchange, cos_phi: float,
) -> float:  # fmt: skip
    """d sigma/dx du dt dphi/2pi at one azimuth."""
    f = strengths(collision.boson, collision.m_l, mass)
    value = amplitude_at(f, collision.nucleus, u, t, ex, cos_phi)
    return density(energy, collision, em.v, ex.q_minus, t, value)


@njit(forceinline=True)
def density_mean(
    energy: float, mass: float, collision: Collision, em: ZprimeKinematics, u: float, t: float,
    ex: Exchange,
) -> float:  # fmt: skip
    """d sigma/dx du dt: the mean over the azimuth. Check: that of `density_at`."""
    f = strengths(collision.boson, collision.m_l, mass)
    value = amplitude_mean(f, collision.nucleus, u, t, ex)
    return density(energy, collision, em.v, ex.q_minus, t, value)
