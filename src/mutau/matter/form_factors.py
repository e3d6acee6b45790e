"""Electric form factors of an atom: what a virtual photon of squared momentum t sees.

Everything is the squared form factor G2(t) that multiplies the cross section on a heavy spin-0
charge. t = -q^2 > 0 in GeV^2; a nucleus is given by its charge number z and atomic weight a.

elastic : the nucleus as a whole, screened by the atomic electrons at small t, of finite size at
    large t: z^2 [r^2 t/(1 + r^2 t)]^2 [1 + t/d]^-2 with r = 111 z^(-1/3)/m_e and
    d = 0.164 GeV^2 a^(-2/3) (Tsai, Rev. Mod. Phys. 46 (1974) 815; Bjorken et al., PRD 80 (2009)
    075018, eqs. A18 and A19).
inelastic : the protons one by one, out of a nucleus that breaks up:
    z [r'^2 t/(1 + r'^2 t)]^2 [1 + t/(0.71 GeV^2)]^-4 [1 + tau mu_p^2]/[1 + tau], with
    tau = t/4m_p^2 and r' = 773 z^(-2/3)/m_e. The proton factor is the Rosenbluth combination
    (G_E^2 + tau G_M^2)/(1 + tau) of the dipole; Bjorken et al. print its square, which Kim and
    Tsai (PRD 8 (1973) 3109) do not have. Neutrons, Pauli blocking and binding are left out, so
    below t of about (0.2 GeV)^2, where blocking acts, this term is too large.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_P, MU_P
from mutau.core.errors import UnknownName, require_in_range
from mutau.core.jit import njit

#: Radii and scales of the formulas above, with the papers' own numbers.
_SCREENING_ELASTIC: Final = 111.0
_SCREENING_INELASTIC: Final = 773.0
_SIZE: Final = 0.164
_DIPOLE: Final = 0.71

#: Names of the choices, with the flag that the kernel takes.
KINDS: Final = {"elastic": 0, "elastic+inelastic": 1, "unscreened": 2, "point": 3}


class FormFactor(NamedTuple):
    """Numbers of G2(t) of one nucleus, as kernels take them; see `form_factor_parameters`.

    z2 : z^2. screen : 1/r^2, GeV^2. size : 1/d, GeV^-2. z_inelastic : number of protons of the
    inelastic term, 0 without it. screen_inelastic : its 1/r'^2, GeV^2.
    """

    z2: float
    screen: float
    size: float
    z_inelastic: float
    screen_inelastic: float


@njit(forceinline=True)
def g2_kernel(t: float, ff: FormFactor) -> float:
    """G2(t). Zero switches screening, size or the inelastic term off."""
    shape = t / ((t + ff.screen) * (1.0 + t * ff.size))
    value = ff.z2 * shape * shape
    if ff.z_inelastic > 0.0:
        screened = t / (t + ff.screen_inelastic)
        dipole = 1.0 / (1.0 + t / 0.71)  # GeV^2: the dipole of nucleons
        tau = t * 0.25 / (M_P * M_P)
        proton = dipole**4 * (1.0 + tau * MU_P * MU_P) / (1.0 + tau)
        value += ff.z_inelastic * screened * screened * proton
    return value


def form_factor_parameters(kind: str, z: float, a: float) -> FormFactor:
    """The numbers that `g2_kernel` takes after t, for one nucleus.

    kind : "elastic", "elastic+inelastic", "unscreened" (elastic without the electron cloud) or
        "point" (z^2: neither cloud nor size). z : charge number. a : atomic weight.
    Raises UnknownName for another kind, OutOfRange for z outside [1, 120] or a outside [1, 300].
    Check: "point" gives z^2 at every t; hydrogen has no inelastic term.
    """
    if kind not in KINDS:
        raise UnknownName("form factor", kind, KINDS)
    require_in_range("z", z, 1.0, 120.0, reason="charge number of a nucleus")
    require_in_range("a", a, 1.0, 300.0, reason="atomic weight")
    screen = (M_E * z ** (1.0 / 3.0) / _SCREENING_ELASTIC) ** 2
    size = a ** (2.0 / 3.0) / _SIZE
    screen_inelastic = (M_E * z ** (2.0 / 3.0) / _SCREENING_INELASTIC) ** 2
    # hydrogen cannot break up into protons: its one proton is the elastic term
    inelastic = z if kind == "elastic+inelastic" and a > 1.5 else 0.0
    if kind in ("unscreened", "point"):
        screen = 0.0
    if kind == "point":
        size = 0.0
    return FormFactor(float(z * z), screen, size, float(inelastic), screen_inelastic)


def g2(t: ArrayLike, z: float, a: float, kind: str = "elastic") -> NDArray[np.float64]:
    """Squared form factor G2 at squared momentum transfers t.

    t : array_like, GeV^2, >= 0. z, a : charge number, atomic weight. kind : see
    `form_factor_parameters`, whose errors it raises. Returns float64, dimensionless.
    Check: screening makes G2 vanish as t^2 at small t; without it G2(0) = z^2.

    >>> float(g2(0.0, 82.0, 207.2, "unscreened"))
    6724.0
    """
    ff = form_factor_parameters(kind, z, a)
    t = np.asarray(t, float)
    flat = np.array([_g2_scalar(value, ff) for value in t.ravel()])
    return flat.reshape(t.shape)


def _g2_scalar(t: float, ff: FormFactor) -> float:
    if t == 0.0:
        return ff.z2 if ff.screen == 0.0 else 0.0
    return float(g2_kernel(t, ff))
