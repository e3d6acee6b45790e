"""Kinds of dark matter that a vector boson couples to: currents, widths, annihilation in pairs.

    complex-scalar   J = i (chi* d chi - chi d chi*)    (alpha_D m/12) (1 - 4r)^(3/2)
    majorana         J = 1/2 chibar gamma gamma_5 chi   (alpha_D m/6)  (1 - 4r)^(3/2)
    pseudo-dirac     J = i chibar_1 gamma chi_2         (alpha_D m/3)  (1 + 2r) (1 - 4r)^(1/2)
    dirac            J = chibar gamma chi               (alpha_D m/3)  (1 + 2r) (1 - 4r)^(1/2)

with r = m_chi^2/m^2; the boson couples with g_D = sqrt(4 pi alpha_D). Currents: A. Berlin,
N. Blinov, G. Krnjaic, P. Schuster, N. Toro, Phys. Rev. D 99 (2019) 075001; the scalar's also
arXiv:2404.06982, below eq. 2.1. Widths: sum over polarisations of the squared amplitude,
times phase space; for the Majorana particle the half of the current cancels against the two ways
to contract it, and identical particles in the final state leave one half of what a Dirac particle
with an axial coupling has.

A pseudo-Dirac pair is taken in the limit of a small splitting: width and annihilation are those of
the Dirac particle that it becomes, and the heavier state is taken to live long enough to leave no
energy (a splitting above 2 m_e would let it decay visibly, and open at m_1 + m_2). What sets the
two apart is only what happens late: a pseudo-Dirac relic has no partner left to annihilate with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import UnknownName
from mutau.models.formulas import lepton_pair_width, scalar_pair_width

Array = NDArray[np.float64]

#: The kind of a model that names none: that of the NA64-e paper.
USUAL_DARK_MATTER: Final = "complex-scalar"


def _scalar(alpha_d: ArrayLike, mass: ArrayLike, mass_ratio: ArrayLike) -> Array:
    return scalar_pair_width(alpha_d, mass, mass_ratio)


def _majorana(alpha_d: ArrayLike, mass: ArrayLike, mass_ratio: ArrayLike) -> Array:
    # the axial current is a P wave like the scalar's, with twice its squared amplitude
    return np.asarray(2.0 * scalar_pair_width(alpha_d, mass, mass_ratio))


def _dirac(alpha_d: ArrayLike, mass: ArrayLike, mass_ratio: ArrayLike) -> Array:
    coupling = np.sqrt(4.0 * np.pi * np.asarray(alpha_d, float))
    m, ratio = np.asarray(mass, float), np.asarray(mass_ratio, float)
    return lepton_pair_width(coupling, m, m / ratio)


@dataclass(frozen=True, slots=True)
class DarkMatter:
    """One kind.

    name, title : identifier, and the text for a legend. states : helicities of particle and
    antiparticle together, what counts in equilibrium. spins : of one of two annihilating particles.
    identical : whether the two that annihilate are the same particle. wave : of the pair near its
    threshold, "s" or "p".
    width : of a vector boson into the pair, (alpha_d, mass, mass_ratio) -> GeV; exactly 0 at and
    below threshold.
    """

    name: str
    title: str
    states: int
    spins: int
    identical: bool
    wave: str
    width: Callable[[ArrayLike, ArrayLike, ArrayLike], Array]


DARK_MATTER: Final = {
    kind.name: kind
    for kind in (
        DarkMatter("complex-scalar", "complex scalar", 2, 1, False, "p", _scalar),
        DarkMatter("majorana", "Majorana fermion", 2, 2, True, "p", _majorana),
        DarkMatter("pseudo-dirac", "pseudo-Dirac pair", 4, 2, False, "s", _dirac),
        DarkMatter("dirac", "Dirac fermion", 4, 2, False, "s", _dirac),
    )
}  # fmt: skip


def dark_matter(name: str) -> DarkMatter:
    """A kind by its name. Raises UnknownName, with what there is.

    >>> dirac, scalar = (dark_matter(k).width(0.1, 0.3, 3) for k in ("dirac", "complex-scalar"))
    >>> f"{float(dirac / scalar):.3f}"
    '8.800'
    """
    if not isinstance(name, str) or name not in DARK_MATTER:
        raise UnknownName("kind of dark matter", str(name), tuple(DARK_MATTER))
    return DARK_MATTER[name]


def dark_matter_width(
    name: str, alpha_d: ArrayLike, mass: ArrayLike, mass_ratio: ArrayLike
) -> Array:
    """Width of a vector boson into a pair of this kind, GeV.

    alpha_d : array_like, g_D^2/(4 pi). mass : array_like, GeV. mass_ratio : array_like, boson over
    dark matter particle. Raises UnknownName.
    Check: m_chi -> 0 gives alpha_D m times 1/12, 1/6, 1/3, 1/3.
    """
    return dark_matter(name).width(alpha_d, mass, mass_ratio)
