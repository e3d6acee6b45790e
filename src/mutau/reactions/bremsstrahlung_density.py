"""The one density of l N -> l N Z', for quadrature, sampler and the lepton's angle alike.

    d sigma/dx du dt (dphi/2pi) = g^2 . front . G2(t) . (q^-/2M)^2 A,

with A at an azimuth, or averaged over it at fixed Z' (`density_mean`) or at a fixed scattered
lepton (`bremsstrahlung_recoil`). Phase space, form factor and the variables of
`bremsstrahlung_maps` are the same for every boson; only A knows what it is. AMPLITUDES declares
which squared amplitudes there are; what is not in it is refused by name. An amplitude of another
kind takes a number there and a branch on `Collision.amplitude` in `density_at`, `density_mean` and
`bremsstrahlung_recoil.recoil_density`, in front of the vector's; nothing else asks.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mutau.core.errors import MutauError, UnknownName
from mutau.core.jit import njit
from mutau.matter.form_factors import FormFactor, g2_kernel
from mutau.reactions.bremsstrahlung_kernels import (
    Exchange,
    ZprimeKinematics,
    amplitude_at,
    amplitude_mean,
    density_front,
)

TREE_VECTOR: Final = 0
WW_VECTOR: Final = 1
IWW_VECTOR: Final = 2
#: (method, kind of boson) -> the number by which kernels know the squared amplitude.
AMPLITUDES: Final = {
    ("exact", "vector"): TREE_VECTOR, ("ww", "vector"): WW_VECTOR, ("iww", "vector"): IWW_VECTOR,
}  # fmt: skip
METHODS: Final = tuple(dict.fromkeys(method for method, _ in AMPLITUDES))
#: Kinds of boson that every method, or some, can do.
MEDIATORS: Final = tuple(dict.fromkeys(kind for _, kind in AMPLITUDES))


class Collision(NamedTuple):
    """A charged lepton on a nucleus. m_l, nucleus : masses, GeV. amplitude : out of AMPLITUDES."""

    m_l: float
    nucleus: float
    ff: FormFactor
    amplitude: int


def amplitude_of(method: str, mediator: str) -> int:
    """Number of a squared amplitude. Raises UnknownName for a method, MutauError for a boson."""
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    if (method, mediator) not in AMPLITUDES:
        kinds = [kind for name, kind in AMPLITUDES if name == method]
        raise MutauError(
            f"bremsstrahlung ({method}) is not computed for {mediator} mediators",
            place="mediator",
            allowed=f"{' or '.join(kinds)} mediators",
        )
    return AMPLITUDES[method, mediator]


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
    value = amplitude_at(collision.m_l, mass, collision.nucleus, u, t, ex, cos_phi)
    return density(energy, collision, em.v, ex.q_minus, t, value)


@njit(forceinline=True)
def density_mean(
    energy: float, mass: float, collision: Collision, em: ZprimeKinematics, u: float, t: float,
    ex: Exchange,
) -> float:  # fmt: skip
    """d sigma/dx du dt: the mean over the azimuth. Check: that of `density_at`."""
    value = amplitude_mean(collision.m_l, mass, collision.nucleus, u, t, ex)
    return density(energy, collision, em.v, ex.q_minus, t, value)
