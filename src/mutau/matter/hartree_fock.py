"""Hartree-Fock orbitals of light free atoms (hydrogen, helium, beryllium to neon).

Restricted, non-relativistic, infinitely heavy nucleus, ground configuration in its lowest term
(Hund). The energy of the configuration is (J. C. Slater, Quantum Theory of Atomic Structure,
McGraw-Hill 1960, vol. 1, ch. 14)

    E = sum_i q_i h_i + sum over pairs of electrons of F^0 - 1/2 G^0 (s s'), F^0 - 1/6 G^1 (s p),
        and q (q - 1)/2 F^0 - c_q F^2 for q electrons 2p,

with one 2p orbital for all three directions. Orbitals are sums of Slater functions
r^(l+1) exp(-zeta r), exponents in geometric progression and proportional to Z; all integrals are
closed, so is the momentum space. The energy lies 1e-6 hartree above the limit of a complete basis.
Atomic units inside. Left out: relativity, (Z alpha)^2 = 0.2 % for carbon, and correlation. Lithium
is refused: an open s shell beside a closed one needs Lagrange multipliers, which are not here.
Uses NumPy; import it inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import MutauError, UnknownName

Array = NDArray[np.float64]

#: GeV.
HARTREE: Final = ALPHA**2 * M_E
#: Elements that are solved, by symbol; the place in the tuple gives Z.
_SYMBOLS: Final = ("H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne")
SYMBOLS: Final = tuple(symbol for symbol in _SYMBOLS if symbol != "Li")
#: c_q of 2p^q: in the lowest term, and in the average over all terms, q (q - 1)/25.
_LOWEST: Final = tuple(c / 25.0 for c in (0, 0, 5, 15, 15, 20, 30))
_AVERAGE: Final = tuple(q * (q - 1) / 25.0 for q in range(7))
#: Exponents of l = 0 and 1 over Z: the largest, and their number.
_LARGEST: Final = (3.0, 1.6)
_NUMBER: Final = (12, 10)
_RATIO: Final = 1.45
_STEPS: Final = 200  # 30 are needed
_SHELLS: Final = (("K", "L1"), ("L23",))


@dataclass(frozen=True, slots=True, eq=False)
class Orbital:
    """One shell. name : as in `atomic_electrons`. ell : angular momentum. energy : hartree.

    exponents, coefficients : (N,) of normalised Slater functions.
    """

    name: str
    ell: int
    electrons: int
    energy: float
    exponents: Array
    coefficients: Array

    def in_momentum(self, k: Array) -> Array:
        """Radial wave function in momentum space, any shape of k (atomic units).

        The integral of k^2 times its square is 1: sqrt(2/pi) int r^2 R(r) j_l(k r) dr.
        Check: hydrogen, 4 sqrt(2/pi)/(1 + k^2)^2.
        """
        k = np.asarray(k, float)[..., None]
        zeta = self.exponents
        below = zeta**2 + k**2
        each = 8.0 * zeta * k / below**3 if self.ell else 2.0 * zeta / below**2
        strength = self.coefficients * _norm(self.ell, zeta)
        return np.asarray(math.sqrt(2.0 / math.pi) * (each @ strength))


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """energy : total, hartree. kinetic : its kinetic part. orbitals : from the innermost out."""

    energy: float
    kinetic: float
    orbitals: tuple[Orbital, ...]


def _norm(ell: int, zeta: Array) -> Array:
    return np.asarray((2.0 * zeta) ** (ell + 1.5) / math.sqrt(math.factorial(2 * ell + 2)))


def _one_electron(ell: int, zeta: Array, z: float) -> tuple[Array, Array, Array]:
    """Overlap, kinetic energy and attraction by the nucleus, (N, N) each."""
    n, both = ell + 1, zeta[:, None] + zeta
    norm = _norm(ell, zeta)[:, None] * _norm(ell, zeta)

    def power(p: int) -> Array:
        return np.asarray(norm * math.factorial(p) / both ** (p + 1))

    kinetic = 0.5 * (
        (n * n + ell * (ell + 1)) * power(2 * n - 2)
        - n * both * power(2 * n - 1)
        + zeta[:, None] * zeta * power(2 * n)
    )
    return power(2 * n), kinetic, -z * power(2 * n - 1)


def _outer(k: int, p: int, q: int, a: Array, b: Array) -> Array:
    """int dr r^(p+k) exp(-a r) int_r^inf dr' r'^(q-k-1) exp(-b r'); all terms are positive."""
    m, f = q - k - 1, math.factorial
    terms = (
        f(m) / f(j) * b ** (j - m - 1.0) * f(p + k + j) / (a + b) ** (p + k + j + 1)
        for j in range(m + 1)
    )
    return np.asarray(sum(terms))


def _repulsion(k: int, left: tuple[int, int], right: tuple[int, int], zeta: list[Array]) -> Array:
    """Slater integrals R^k(ij, kl) of products ij of `left` and kl of `right` functions."""
    sums = [zeta[a][:, None] + zeta[b] for a, b in (left, right)]
    norms = [_norm(a, zeta[a])[:, None] * _norm(b, zeta[b]) for a, b in (left, right)]
    p, q = sum(left) + 2, sum(right) + 2
    first, second = sums[0][:, :, None, None], sums[1]
    both = _outer(k, p, q, first, second) + _outer(k, q, p, second, first)
    return np.asarray(norms[0][:, :, None, None] * norms[1] * both)


def _fields(zeta: list[Array], s: int, p: int, c_p: float) -> list[list[Array]]:
    """Mean field (i, j, k, l) on functions ij of one symmetry, by a density kl of another.

    s : electrons of each s shell, 1 or 2. p, c_p : electrons 2p and their c_q.
    """
    ss = _repulsion(0, (0, 0), (0, 0), zeta)
    sp = _repulsion(0, (0, 0), (1, 1), zeta)
    sp = sp - _repulsion(1, (0, 1), (0, 1), zeta).swapaxes(1, 2) / 6.0
    q = max(p, 1)
    pp = (q - 1) / q * _repulsion(0, (1, 1), (1, 1), zeta)
    pp = pp - 2.0 * c_p / q**2 * _repulsion(2, (1, 1), (1, 1), zeta)
    return [[(s - 1) * (ss - 0.5 * ss.swapaxes(1, 2)), sp], [sp.transpose(2, 3, 0, 1), pp]]


def _lowest(fock: Array, overlap: Array) -> tuple[Array, Array]:
    """Energies and orbitals (columns) of F c = e S c."""
    size, axes = np.linalg.eigh(overlap)
    root = axes / np.sqrt(size)
    energy, c = np.linalg.eigh(root.T @ fock @ root)
    return energy, root @ c


def solve(z: float, s_shells: tuple[int, ...], p: int, *, average: bool = False) -> Atom:
    """Self-consistent field of a nucleus of charge z.

    s_shells : electrons in 1s, 2s: (1,), (2,) or (2, 2). p : electrons in 2p, 0 to 6.
    average : over the terms of 2p^p, instead of the lowest one.
    Raises MutauError if it does not converge, as for ions that do not exist.
    Check: one electron has -z^2/2.
    """
    zeta = [_LARGEST[ell] * z * _RATIO ** -np.arange(float(_NUMBER[ell])) for ell in (0, 1)]
    parts = [_one_electron(ell, zeta[ell], z) for ell in (0, 1)]
    bare = [kinetic + attraction for _, kinetic, attraction in parts]
    field = _fields(zeta, s_shells[0], p, (_AVERAGE if average else _LOWEST)[p])
    density = [np.zeros_like(matrix) for matrix in bare]
    occupied = (s_shells, (p,) if p else ())
    for step in range(_STEPS):
        fock = [
            bare[ell] + sum(np.einsum("ijkl,kl", field[ell][m], density[m]) for m in (0, 1))
            for ell in (0, 1)
        ]
        found = [_lowest(fock[ell], parts[ell][0]) for ell in (0, 1)]
        change = 0.0
        for ell, (_, c) in enumerate(found):
            new = sum((q * np.outer(c[:, i], c[:, i]) for i, q in enumerate(occupied[ell])), 0.0)
            change = max(change, float(np.abs(parts[ell][0] * (new - density[ell])).max()))
            # seven tenths of the step: damps the oscillation of the iteration, not its end
            density[ell] = density[ell] + (0.7 if step else 1.0) * (new - density[ell])
        if change < 1e-8:
            break
    else:
        raise MutauError(f"the self-consistent field of Z = {z:g} does not converge")
    energy = sum(0.5 * float(np.sum(density[ell] * (bare[ell] + fock[ell]))) for ell in (0, 1))
    kinetic = sum(float(np.sum(density[ell] * parts[ell][1])) for ell in (0, 1))
    orbitals = tuple(
        Orbital(_SHELLS[ell][i], ell, q, float(found[ell][0][i]), zeta[ell], found[ell][1][:, i])
        for ell in (0, 1)
        for i, q in enumerate(occupied[ell])
    )
    return Atom(energy, kinetic, orbitals)


@cache
def atom(symbol: str) -> Atom:
    """Ground state of a free neutral atom; 10 ms each.

    Raises UnknownName for an element outside `SYMBOLS`.

    >>> f"{atom('C').energy:.4f} hartree"
    '-37.6886 hartree'
    """
    if symbol not in SYMBOLS:
        raise UnknownName(
            "element with Hartree-Fock orbitals", symbol, SYMBOLS,
            remedy="Compton profiles (\"compton\") cover heavier ones",
        )  # fmt: skip
    z = _SYMBOLS.index(symbol) + 1
    return solve(z, (z,) if z <= 2 else (2, 2), max(z - 4, 0))
