"""How atomic electrons move, as one function per atom: G(k) = sum_shells n int_k^inf dP(k')/k'.

Isotropic electrons enter the annihilation cross section through G alone (`annihilation_kernels`);
G/2 is the atom's Compton profile. Four models, all normalised to Z electrons:

"virial"     kinetic energy exponential with the shell's binding energy B as its mean
             (arXiv:2404.06982, below eq. 5.2), momenta relativistic;
"hydrogenic" momentum density of a filled hydrogen-like shell, 8 p0^5/(pi^2 (k^2 + p0^2)^4) with
             p0^2 = 2 m B, the same mean kinetic energy (V. Fock, Z. Phys. 98 (1935) 145);
"hartree-fock" orbitals of our own for light free atoms (`matter.hartree_fock`);
"compton"    Hartree-Fock Compton profile of each shell (F. Biggs, L. B. Mendelsohn, J. B. Mann,
             At. Data Nucl. Data Tables 16 (1975) 201), from the optional package xraylib.

What none of them has: the binding energy itself in the energy balance (relative shift B/m of the
resonance), chemical bonds, and the change of the wave function by the positron.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E
from mutau.core.errors import MutauError, UnknownName
from mutau.matter import atomic_electrons, hartree_fock
from mutau.matter.hartree_fock import Orbital
from mutau.reactions.annihilation_kernels import MomentumTable

Array = NDArray[np.float64]

MODELS: Final = ("rest", "virial", "hydrogenic", "hartree-fock", "compton")

_POINTS: Final = 4000
#: G is followed down to this fraction of G(0), and to this momentum (GeV).
_SMALLEST: Final = 1e-13
_HIGHEST: Final = 0.02
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True, slots=True)
class ElectronMomenta:
    """G(k) of one atom as a table, G per GeV, with panel edges for integrals.

    name : model. electrons : float, their number. breaks : (B,) momenta from 0 up, GeV.
    """

    name: str
    electrons: float
    table: MomentumTable
    breaks: Array

    def density(self, momentum: Array) -> Array:
        """G(k) per GeV by linear interpolation of ln G; zero beyond the table."""
        log_table, scale, step = self.table
        place = np.arcsinh(np.asarray(momentum) / scale) / step
        value = np.interp(place, np.arange(len(log_table)), log_table)
        return np.where(place < len(log_table) - 1, np.exp(value), 0.0)


def _from_above(edges: Array, density: Callable[[Array], Array], rest: float) -> Array:
    """Integral of `density` from each edge to the last, 6 Gauss nodes per interval, plus rest."""
    half = 0.5 * np.diff(edges)
    nodes = (0.5 * (edges[1:] + edges[:-1]))[:, None] + half[:, None] * _NODES
    parts = half * (density(nodes) @ _WEIGHTS)
    return np.concatenate([np.cumsum(parts[::-1])[::-1] + rest, [rest]])


def virial_profile(momentum: Array, binding: float) -> Array:
    """G(k) of one electron with exponential kinetic energy of mean `binding`, per GeV.

    momentum : (N,) rising from 0, GeV; binding : GeV. With k = m sinh(eta),
    G = (1/B) int_eta^inf exp(-(m/B)(cosh(eta') - 1)) d eta', summed from the top over the grid's
    intervals (6 Gauss nodes each) after one Gauss-Laguerre step above its end.
    Check: B << m gives sqrt(pi/(2 m B)) erfc(k/sqrt(2 m B)).
    """
    rapidity = np.arcsinh(momentum / M_E)
    top = 2.0 * M_E * math.sinh(0.5 * float(rapidity[-1])) ** 2
    t, w = np.polynomial.laguerre.laggauss(16)
    above = top + binding * t
    rest = math.exp(-min(top / binding, 700.0)) * float(
        np.sum(w / np.sqrt(above * (above + 2.0 * M_E)))
    )

    def density(eta: Array) -> Array:
        return np.exp(-2.0 * M_E * np.sinh(0.5 * eta) ** 2 / binding) / binding

    return _from_above(rapidity, density, rest)


def hydrogenic_profile(momentum: Array, binding: float) -> Array:
    """G(k) of one electron of a filled hydrogen-like shell: 16/(3 pi p0) (1 + k^2/p0^2)^-3."""
    scale = math.sqrt(2.0 * M_E * binding)
    return 16.0 / (3.0 * math.pi * scale) / (1.0 + (momentum / scale) ** 2) ** 3


def orbital_profile(momentum: Array, orbital: Orbital) -> Array:
    """G(k) of one electron of a Hartree-Fock orbital: int_k^inf dk' k' R(k')^2, per GeV.

    momentum : (N,) rising from 0, GeV, its end far outside the orbital, where R falls as k^-4 or
    faster. Check: hydrogen has `hydrogenic_profile`.
    """

    def density(k: Array) -> Array:
        return np.asarray(k * orbital.in_momentum(k) ** 2)

    units = momentum / atomic_electrons.ATOMIC_MOMENTUM
    fall = 6.0 + 2.0 * orbital.ell  # power of the integral
    rest = float(units[-1] * density(units[-1:])[0]) / fall
    return _from_above(units, density, rest) / atomic_electrons.ATOMIC_MOMENTUM


def compton_profile(momentum: Array, grid: Array, profile: Array, tail: float) -> Array:
    """G(k) = 2 J(k) of one electron from a tabulated profile, normalised to one electron.

    grid : (Q,) GeV, rising from 0. profile : (Q,), J per GeV, positive. tail : GeV, momentum scale
    of the hydrogen-like continuation (1 + k^2/tail^2)^-3 beyond the grid's end.
    The logarithm is interpolated (cubic spline over asinh of the momentum,
    flat at zero because profiles are even).
    """
    from scipy.interpolate import CubicSpline

    scale = float(grid[1])
    spline = CubicSpline(
        np.arcsinh(grid / scale), np.log(profile), bc_type=((1, 0.0), "not-a-knot")
    )

    def value(k: Array) -> Array:
        inside = np.exp(spline(np.arcsinh(np.minimum(k, grid[-1]) / scale)))
        fall = (tail**2 + grid[-1] ** 2) / (tail**2 + np.maximum(k, grid[-1]) ** 2)
        return np.asarray(inside * fall**3)

    dense = np.sinh(np.linspace(0.0, math.asinh(50.0 * grid[-1] / scale), 1200)) * scale
    half = 0.5 * np.diff(dense)
    nodes = (0.5 * (dense[1:] + dense[:-1]))[:, None] + half[:, None] * _NODES
    norm = 2.0 * float(np.sum(half * (value(nodes) @ _WEIGHTS)))
    return 2.0 * value(momentum) / norm


def _tabulate(
    name: str, electrons: float, softest: float, total: Array, grid: Array, joint: float = 0.0
) -> ElectronMomenta:
    """Cut the table where G has vanished; panel edges where ln G or ln k has changed enough.

    joint : a momentum where the slope of G jumps; it becomes a panel edge.
    """
    keep = int(np.searchsorted(-total, -_SMALLEST * total[0]))
    keep = min(max(keep, 4), len(grid))
    grid, log_table = grid[:keep], np.log(total[:keep])
    scale = 0.2 * softest
    step = math.asinh(grid[1] / scale)
    change = np.abs(np.diff(log_table)) / 2.5 + np.diff(np.arcsinh(grid / (0.4 * softest))) / 1.2
    measure = np.concatenate([[0.0], np.cumsum(change)])
    edges = np.linspace(0.0, measure[-1], math.ceil(measure[-1]) + 1)
    breaks = np.interp(edges, measure, grid)
    if 0.0 < joint < breaks[-1]:
        breaks = np.sort(np.append(breaks, joint))
    return ElectronMomenta(
        name, electrons, MomentumTable(log_table, float(scale), float(step)), breaks
    )  # fmt: skip


def _grid(softest: float, highest: float) -> Array:
    """Momenta (N,), GeV, equal steps in asinh(k/scale)."""
    scale = 0.2 * softest
    return scale * np.sinh(np.linspace(0.0, math.asinh(highest / scale), _POINTS))


def from_binding(
    name: str, occupation: Sequence[float], binding: Sequence[float]
) -> ElectronMomenta:
    """Momenta by "virial" or "hydrogenic" from shells: electrons and binding energy (GeV) each.

    Raises MutauError for a binding energy or occupation that is not positive.
    """
    if len(occupation) != len(binding) or min(*occupation, *binding) <= 0.0:
        raise MutauError(
            "shells need as many binding energies as occupations, all above zero", place=name
        )
    profile = {"virial": virial_profile, "hydrogenic": hydrogenic_profile}[name]
    softest = math.sqrt(2.0 * M_E * min(binding))
    deepest = max(binding)
    highest = math.sqrt(60.0 * deepest * (60.0 * deepest + 2.0 * M_E))
    grid = _grid(softest, min(highest, _HIGHEST) if name == "virial" else _HIGHEST)
    total = sum(n * profile(grid, energy) for n, energy in zip(occupation, binding, strict=True))
    return _tabulate(name, float(sum(occupation)), softest, np.asarray(total), grid)


def from_profiles(
    occupation: Sequence[float], grid: Array, profiles: Sequence[Array], tails: Sequence[float]
) -> ElectronMomenta:
    """Momenta from Compton profiles: per shell electrons, J per GeV on `grid`, and tail scale.

    Beyond the grid the profiles fall as those of hydrogen-like shells (`compton_profile`).
    """
    zero = np.zeros(1)
    softest = min(
        1.7 / float(compton_profile(zero, grid, profile, tail)[0])
        for profile, tail in zip(profiles, tails, strict=True)
    )  # exact for hydrogen-like shells, the right size for others
    k = _grid(softest, _HIGHEST)
    total = sum(
        n * compton_profile(k, grid, profile, tail)
        for n, profile, tail in zip(occupation, profiles, tails, strict=True)
    )
    return _tabulate(
        "compton", float(sum(occupation)), softest, np.asarray(total), k, float(grid[-1])
    )


def from_orbitals(orbitals: Sequence[Orbital]) -> ElectronMomenta:
    """Momenta "hartree-fock" of an atom's occupied orbitals."""
    softest = atomic_electrons.ATOMIC_MOMENTUM * math.sqrt(-2.0 * orbitals[-1].energy)
    k = _grid(softest, _HIGHEST)
    total = sum(orbital.electrons * orbital_profile(k, orbital) for orbital in orbitals)
    number = float(sum(orbital.electrons for orbital in orbitals))
    return _tabulate("hartree-fock", number, softest, np.asarray(total), k)


@cache
def momenta(symbol: str, name: str) -> ElectronMomenta:
    """Momenta of the electrons of an element by model name (not "rest").

    Raises UnknownName for an element or model, MissingExtra if the data need an optional package.
    """
    if name not in MODELS[1:]:
        raise UnknownName("electron model", name, MODELS[1:])
    if name == "hartree-fock":
        return from_orbitals(hartree_fock.atom(symbol).orbitals)
    shells = atomic_electrons.shells(symbol)
    occupation = [float(shell.electrons) for shell in shells]
    binding = [shell.binding_energy for shell in shells]
    if name != "compton":
        return from_binding(name, occupation, binding)
    units = np.concatenate([np.linspace(0.0, 2.0, 41), np.geomspace(2.0, 100.0, 121)[1:]])
    grid = np.minimum(units * atomic_electrons.ATOMIC_MOMENTUM, atomic_electrons.MAX_MOMENTUM)
    profiles = [atomic_electrons.profile(symbol, shell.name, grid) for shell in shells]
    tails = [math.sqrt(2.0 * M_E * energy) for energy in binding]
    return from_profiles(occupation, grid, profiles, tails)
