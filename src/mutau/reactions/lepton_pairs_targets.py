"""Lepton pairs on an electron at rest: the tree-level amplitude with a target of spin one half.

The target's current, summed over its spins, is that of a spin-0 charge and a magnetic part,
W = K K + q^2 g with K the sum of its momenta before and after (terms along q vanish on a conserved
current). So three real probes E with minus component 0 span what the leptons' current L can be
asked: a0 = L-/q-, a1 and a2 the transverse components shifted along q; then, with s = K-/q-,

    K.L = Q^2 s a0 - (1 + s) q_perp.a,    W = |K.L|^2 + Q^2 (|a1|^2 + |a2|^2) - Q^4 |a0|^2.

Left out: pairs that the target itself radiates, and the exchange of the struck electron with one
of the pair or of the beam: both ask it for about the energy of the pair, at the cost of m_e/E.
Check (tests): explicit Dirac matrices for all four lines; a heavy target of spin one half is the
nucleus.
"""

from __future__ import annotations

import numpy as np

from mutau.core.jit import inner, njit
from mutau.reactions.lepton_pairs_amplitude import (
    Legs,
    Vector,
    Work,
    contracted,
    dot,
    fill_currents,
    open_line,
)


@inner(forceinline=True)
def probe(which: int, q: Vector) -> Vector:
    """Probe 0, 1 or 2 of the leptons' current."""
    if which == 0:
        return (2.0 / q[1], 0.0, 0.0, 0.0)
    if which == 1:
        return (2.0 * q[2] / q[1], 0.0, 1.0, 0.0)
    return (2.0 * q[3] / q[1], 0.0, 0.0, 1.0)


@inner(forceinline=True)
def on_target(a0: complex, a1: complex, a2: complex, q: Vector, mass: float) -> float:
    """W of the three answers: mean over spins before, sum over spins after.

    mass : of the target; q : momentum that it gives to the leptons.
    """
    Q2 = -dot(q, q)
    s = (2.0 * mass + 0.5 * Q2 / mass + 0.5 * (q[0] - q[1])) / q[1]
    charge = Q2 * s * a0 - (1.0 + s) * (q[2] * a1 + q[3] * a2)
    across = a1.real**2 + a1.imag**2 + a2.real**2 + a2.imag**2
    return (
        charge.real**2 + charge.imag**2 + Q2 * across - Q2 * Q2 * (a0.real**2 + a0.imag**2)
    )  # fmt: skip


@inner
def _spin_amplitudes(
    amplitudes: Work, legs: Legs, J: Vector, q: Vector, over: Vector, identical: bool, work: Work
) -> None:
    """The amplitudes (4, 8) of one probe J: two-photon, radiated, both with the like leptons
    exchanged; spin 0 before, all after. over : inverse invariants of `squared_amplitude`."""
    fill_currents(legs, J, q, work[0])
    if identical:
        exchanged = Legs(legs.p, legs.k1, legs.p1, legs.k2, legs.m, legs.mu)
        fill_currents(exchanged, J, q, work[1])
    n = 0
    for s1 in range(2):
        for a in range(2):
            for b in range(2):
                amplitudes[0, n] = contracted(work[0, 0, s1, 0], work[0, 1, a, b]) * over[0]
                amplitudes[1, n] = contracted(work[0, 3, a, b], work[0, 2, s1, 0]) * over[1]
                amplitudes[2, n] = amplitudes[3, n] = 0.0
                if identical:
                    amplitudes[2, n] = contracted(work[1, 0, a, 0], work[1, 1, s1, b]) * over[2]
                    amplitudes[3, n] = contracted(work[1, 3, s1, b], work[1, 2, a, 0]) * over[3]
                n += 1


@njit
def squared_on_electron(
    legs: Legs, mass: float, q: Vector, invariants: Vector, identical: bool, work: Work
) -> tuple[float, float, float, float, float]:
    """`squared_amplitude` for a point-like target of spin one half and this mass."""
    over = (1.0 / invariants[0], 1.0 / invariants[1], 1.0 / invariants[2], 1.0 / invariants[3])
    found = np.empty((3, 4, 8), np.complex128)
    for i in range(3):
        _spin_amplitudes(found[i], legs, probe(i, q), q, over, identical, work)
    total, single = 0.0, np.zeros(4)
    for n in range(8):
        whole = found[:, 0, n] + found[:, 1, n] - found[:, 2, n] - found[:, 3, n]
        total += on_target(whole[0], whole[1], whole[2], q, mass)
        for kind in range(4):
            one = found[:, kind, n]
            single[kind] += on_target(one[0], one[1], one[2], q, mass)
    return 2.0 * total, 2.0 * single[0], 2.0 * single[1], 2.0 * single[2], 2.0 * single[3]


@njit
def converted_on_electron(
    k1: Vector, k2: Vector, mu: float, mass: float, q: Vector, work: Work
) -> float:
    """Sum over the spins of the pair and a photon's polarisations x and y, same target."""
    found = np.empty((3, 2, 2, 2), np.complex128)
    line = work[0, 0]
    for i in range(3):
        open_line(k2, k1, -mu, mu, mu, probe(i, q), q, line)
        for a in range(2):
            for b in range(2):
                found[i, a, b, 0], found[i, a, b, 1] = line[a, b, 2], line[a, b, 3]
    total = 0.0
    for a in range(2):
        for b in range(2):
            for axis in range(2):
                one = found[:, a, b, axis]
                total += on_target(one[0], one[1], one[2], q, mass)
    return total
