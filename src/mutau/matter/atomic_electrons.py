"""Electrons of atoms shell by shell: how many, how bound, and how they move.

For reactions on atomic electrons. Light; Compton profiles need the optional
package xraylib (extra `atomic`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import MissingExtra, OutOfRange, UnknownName
from mutau.core.units import parse_quantity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

#: Atomic unit of momentum, hbar/a_0 = alpha m_e c, GeV/c.
ATOMIC_MOMENTUM: Final = ALPHA * M_E
#: Largest momentum of the tabulated Compton profiles, GeV/c (100 atomic units).
MAX_MOMENTUM: Final = 100.0 * ATOMIC_MOMENTUM


class Shell(NamedTuple):
    """One shell: name ("K", "L23"), number of electrons, binding energy in GeV."""

    name: str
    electrons: int
    binding_energy: float


@cache
def _tables() -> Mapping[str, tuple[Shell, ...]]:
    text = files("mutau.data").joinpath("atomic_shells.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            symbol: tuple(
                Shell(name, int(count), parse_quantity(energy, "energy"))
                for name, (count, energy) in entries.items()
            )
            for symbol, entries in tomllib.loads(text)["shells"].items()
        }
    )


def symbols() -> tuple[str, ...]:
    """Elements with shells, by symbol, in order of Z."""
    return tuple(_tables())


def shells(symbol: str) -> tuple[Shell, ...]:
    """Shells of a free atom from the innermost outwards; the electrons sum to Z.

    symbol : "Pb". Binding energies are relative to the vacuum (data/atomic_shells.toml, Carlson
    1975), good to 1 % or 5 eV for inner shells; valence electrons of a solid are bound by other
    amounts, of the same order. Raises UnknownName for an element without data.

    >>> shells("C")[0].electrons, f"{shells('C')[0].binding_energy * 1e9:.0f} eV"
    (2, '288 eV')
    """
    if symbol not in _tables():
        raise UnknownName("element with atomic shells", symbol, _tables())
    return _tables()[symbol]


def _xraylib() -> Any:
    try:
        import xraylib
    except ImportError:
        raise MissingExtra("Compton profiles per shell", "atomic") from None
    return xraylib


@cache
def _shell_index(symbol: str, shell: str) -> tuple[int, int]:
    """(Z, index of the shell in xraylib); an open shell such as L23 uses its first member."""
    names = [item.name for item in shells(symbol)]
    if shell not in names:
        raise UnknownName(f"shell of {symbol}", shell, names)
    library = _xraylib()
    member = shell if shell == "K" else shell[:2]
    return library.SymbolToAtomicNumber(symbol), getattr(library, f"{member}_SHELL")


def profile(symbol: str, shell: str, p_z: ArrayLike) -> NDArray[np.float64]:
    """Compton profile of one shell: distribution of p_z of one of its electrons, per GeV.

    symbol : "C". shell : a name from `shells`. p_z : GeV, any shape; even in p_z.
    Returns float64 array; the integral over all p_z is 1 within 1 %; beyond the tabulated range of
    100 atomic units, 0.37 MeV, innermost shells of heavy atoms have a part (9 % for lead K).
    Raises MissingExtra without xraylib, UnknownName for an element or shell, OutOfRange beyond
    `MAX_MOMENTUM`.
    Source: Hartree-Fock profiles of F. Biggs, L. B. Mendelsohn, J. B. Mann, At. Data Nucl. Data
    Tables 16 (1975) 201 (relativistic from Z = 36 on). Check: hydrogen, 8/(3 pi) per atomic unit
    at p_z = 0.
    """
    import numpy as np

    z, index = _shell_index(symbol, shell)
    momentum = np.abs(np.asarray(p_z, float))
    if not np.all(momentum <= MAX_MOMENTUM):
        raise OutOfRange(
            "a momentum lies beyond the tabulated Compton profiles",
            allowed=f"|p_z| <= {MAX_MOMENTUM:.4g} GeV",
        )
    partial = _xraylib().ComptonProfile_Partial
    units = np.ravel(momentum) / ATOMIC_MOMENTUM
    values = np.array([partial(z, index, float(min(p, 100.0))) for p in units])
    return np.asarray(values.reshape(momentum.shape) / ATOMIC_MOMENTUM)
