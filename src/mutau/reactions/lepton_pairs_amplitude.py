"""Tree-level amplitude of l N -> l N l'+ l'-: one photon to the nucleus, all four diagrams.

Two-photon (Bethe-Heitler) diagrams, where the pair couples to the nucleus, and those of
bremsstrahlung type, where the beam lepton does and the pair comes from a photon of mass m(l'+l'-);
with interference, every lepton massive, and the exchange of identical leptons with its sign. The
nucleus is a spin-0 charge; the caller multiplies by G2(Q^2)/Q^4 of `matter.form_factors`.

At 100 GeV the diagrams of each gauge-invariant set cancel to a part in 1e9 and more. They do so
here before numbers are taken: vectors have light-cone components (plus, minus, x, y), with
plus, minus = E +- p_z; spinors are the eigenstates of light-cone helicity (G. P. Lepage, S. J.
Brodsky, Phys. Rev. D 22 (1980) 2157, app. A), whose components are p+, p_x + i p_y and m alone;
and every current j coupled to a conserved one is shifted by a multiple of its momentum so that its
large component vanishes. Denominators are taken as +-2 p.q + q^2 with the momentum transfer q
itself, which the caller knows exactly.

The antiunitary map T, psi -> (-psi4*, psi3*, -psi2*, psi1*), takes spin 0 to spin 1, commutes with
slashed real vectors and turns a current into its complex conjugate; T^2 = -1. So of each line only
the currents of spin 0 before are calculated, and all amplitudes with all spins turned round are
each other's conjugates.
Checks (tests): explicit Dirac matrices in 50 digits; Ward identities; charge conjugation; equal to
`bremsstrahlung_kernels` for a pair that is one vector boson.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner

#: Light-cone components (plus, minus, x, y), GeV; of a current or spinor complex.
Vector = tuple[float, float, float, float]
Complex = tuple[complex, complex, complex, complex]
Work = NDArray[np.complex128]

#: Currents of a work space: those of beam and pair, with and without the nucleus.
N_CURRENTS: Final = 4


class Legs(NamedTuple):
    """Leptons of one assignment: beam before and after (mass m), pair (mass mu).

    p, p1 : beam lepton. k1, k2 : lepton and antilepton of the pair. m, mu : GeV.
    """

    p: Vector
    p1: Vector
    k1: Vector
    k2: Vector
    m: float
    mu: float


@inner(forceinline=True)
def dot(a: Vector, b: Vector) -> float:
    """Product of two vectors of light-cone components."""
    return 0.5 * (a[0] * b[1] + a[1] * b[0]) - a[2] * b[2] - a[3] * b[3]


@inner(forceinline=True)
def spinor(p: Vector, mass: float, s: int) -> Complex:
    """u(p) of spin s = 0 or 1, (L1, L2, R1, R2) in the chiral basis; mass < 0 gives v(p)."""
    root = math.sqrt(p[0])
    side = complex(p[2], p[3]) / root
    small = complex(mass / root)
    zero = complex(0.0)
    if s == 0:
        return (small, zero, complex(root), side)
    return (-side.conjugate(), complex(root), zero, small)


@inner(forceinline=True)
def slashed(a: Vector, mass: float, w: Complex) -> Complex:
    """(a-slash + mass) w of a real vector a."""
    right = complex(a[2], a[3])
    left = right.conjugate()
    return (
        a[1] * w[2] - left * w[3] + mass * w[0],
        -right * w[2] + a[0] * w[3] + mass * w[1],
        a[0] * w[0] + left * w[1] + mass * w[2],
        right * w[0] + a[1] * w[1] + mass * w[3],
    )


@inner(forceinline=True)
def current(u: Complex, w: Complex) -> Complex:
    """u-bar gamma^mu w, light-cone components."""
    a, b, c, d = u[0].conjugate(), u[1].conjugate(), u[2].conjugate(), u[3].conjugate()
    r12, r21, l12, l21 = c * w[3], d * w[2], a * w[1], b * w[0]
    return (
        2.0 * (c * w[2] + b * w[1]),
        2.0 * (d * w[3] + a * w[0]),
        r12 + r21 - l12 - l21,
        1j * (r21 - r12 + l12 - l21),
    )


@inner(forceinline=True)
def nucleus_current(nucleus: float, recoil: float, q: Vector) -> Vector:
    """Sum of the nucleus's momenta before and after, shifted along q to have no minus component.

    nucleus : its mass. recoil : kinetic energy that it takes, -q^0. The leptons' current is
    conserved, so the shift changes nothing; it removes what would cancel.
    """
    plus, minus = 2.0 * nucleus + recoil - 0.5 * (q[0] - q[1]), 2.0 * nucleus + recoil
    minus += 0.5 * (q[0] - q[1])
    shift = minus / q[1]
    return (plus - shift * q[0], 0.0, -q[2] - shift * q[2], -q[3] - shift * q[3])


@inner(forceinline=True)
def turn_spins(out: Work) -> None:
    """The currents of spin 1 before from those of spin 0, out (2, 2, 4); see the module."""
    for i in range(4):
        out[1, 1, i] = out[0, 0, i].conjugate()
        out[0, 1, i] = -out[1, 0, i].conjugate()


@inner(forceinline=True)
def open_line(
    before: Vector, after: Vector, m_before: float, m_after: float, mass: float, J: Vector,
    q: Vector, out: Work,
) -> None:  # fmt: skip
    """Compton-like line: a photon of any momentum and the nucleus's current on one fermion line.

    before, after : momenta of its ends; m_before, m_after : their masses in `spinor` (an
    antiparticle that leaves is a `before` of negative mass and its momentum as it is; `mass` > 0).
    out : (2, 2, 4) complex, spins after and before; filled with the vector index of the photon.
    """
    sign = 1.0 if m_before > 0.0 else -1.0
    d_first = dot(q, q) + sign * 2.0 * dot(before, q)
    d_last = dot(q, q) - 2.0 * dot(after, q)
    inner = (
        q[0] + sign * before[0], q[1] + sign * before[1],
        q[2] + sign * before[2], q[3] + sign * before[3],
    )  # fmt: skip
    outer = (after[0] - q[0], after[1] - q[1], after[2] - q[2], after[3] - q[3])
    w = spinor(before, m_before, 0)
    first = slashed(inner, mass, slashed(J, 0.0, w))
    over_first, over_last = 1.0 / d_first, 1.0 / d_last
    for t in range(2):
        u = spinor(after, m_after, t)
        last = slashed(outer, mass, slashed(J, 0.0, u))
        one, two = current(u, first), current(last, w)
        for i in range(4):
            out[t, 0, i] = one[i] * over_first + two[i] * over_last
    turn_spins(out)


@inner(forceinline=True)
def closed_line(
    before: Vector, after: Vector, m_before: float, m_after: float, k: Vector, out: Work
) -> None:
    """Plain current of a line, shifted along its momentum k to have no plus component."""
    w = spinor(before, m_before, 0)
    for t in range(2):
        j = current(spinor(after, m_after, t), w)
        shift = j[0] / k[0]
        out[t, 0, 0] = 0.0
        for i in range(1, 4):
            out[t, 0, i] = j[i] - shift * k[i]
    turn_spins(out)


@inner(forceinline=True)
def contracted(shifted: Work, full: Work) -> complex:
    """Product of a current without plus component and another."""
    return 0.5 * shifted[1] * full[0] - shifted[2] * full[2] - shifted[3] * full[3]


@inner(forceinline=True)
def minus(a: Vector, b: Vector) -> Vector:
    """Difference of two vectors."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3])


@inner(forceinline=True)
def plus(a: Vector, b: Vector) -> Vector:
    """Sum of two vectors."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


@inner(forceinline=True)
def transfer(p: Vector, k: Vector, mass: float) -> float:
    """(p - k)^2 of two momenta on one mass shell, exact also where it is small."""
    w = k[0] / p[0]
    x, y = k[2] - w * p[2], k[3] - w * p[3]
    return -(x * x + y * y + (mass * (1.0 - w)) ** 2) / w


@inner(forceinline=True)
def pair_mass2(a: Vector, b: Vector, mass: float) -> float:
    """(a + b)^2 of two momenta on one mass shell, exact also near threshold."""
    z = a[0] / (a[0] + b[0])
    x, y = (1.0 - z) * a[2] - z * b[2], (1.0 - z) * a[3] - z * b[3]
    return (x * x + y * y + mass * mass) / (z * (1.0 - z))


@inner
def fill_currents(legs: Legs, J: Vector, q: Vector, work: Work) -> None:
    """The four currents of one assignment of leptons: (4, 2, 2, 4) in work.

    Order: beam alone, pair with the nucleus, beam with the nucleus, pair alone.
    """
    p, p1, k1, k2, m, mu = legs
    closed_line(p, p1, m, m, minus(p, p1), work[0])
    open_line(k2, k1, -mu, mu, mu, J, q, work[1])
    open_line(p, p1, m, m, m, J, q, work[2])
    closed_line(k2, k1, -mu, mu, plus(k1, k2), work[3])


@inner
def squared_amplitude(
    legs: Legs, J: Vector, q: Vector, invariants: Vector, identical: bool, work: Work
) -> tuple[float, float, float, float, float]:
    """Sum over all spins of |M|^2/(4 pi alpha)^4 times Q^4/G2, GeV^-4 times nucleus mass^2.

    legs : beam along z. J, q : `nucleus_current`, momentum given to the leptons. invariants :
    (p - p1)^2 and (k1 + k2)^2, which the caller knows exactly; for identical leptons also
    (p - k1)^2 and (p1 + k2)^2. identical : antisymmetrise p1 and k1. work : (2, 4, 2, 2, 4).
    Returns the sum and, each without interference, the sums of the two-photon diagrams and of those
    of bremsstrahlung type for the leptons as given and exchanged (0 for different ones).
    """
    fill_currents(legs, J, q, work[0])
    if identical:
        exchanged = Legs(legs.p, legs.k1, legs.p1, legs.k2, legs.m, legs.mu)
        fill_currents(exchanged, J, q, work[1])
    total, photons, radiated, photons_other, radiated_other = 0.0, 0.0, 0.0, 0.0, 0.0
    over = (1.0 / invariants[0], 1.0 / invariants[1], 1.0 / invariants[2], 1.0 / invariants[3])
    for s1 in range(2):  # of spin 0 before; the other half is the same
        for a in range(2):
            for b in range(2):
                two = contracted(work[0, 0, s1, 0], work[0, 1, a, b]) * over[0]
                one = contracted(work[0, 3, a, b], work[0, 2, s1, 0]) * over[1]
                photons += two.real**2 + two.imag**2
                radiated += one.real**2 + one.imag**2
                whole = one + two
                if identical:
                    two = contracted(work[1, 0, a, 0], work[1, 1, s1, b]) * over[2]
                    one = contracted(work[1, 3, s1, b], work[1, 2, a, 0]) * over[3]
                    photons_other += two.real**2 + two.imag**2
                    radiated_other += one.real**2 + one.imag**2
                    whole -= one + two
                total += whole.real**2 + whole.imag**2
    return 2.0 * total, 2.0 * photons, 2.0 * radiated, 2.0 * photons_other, 2.0 * radiated_other
