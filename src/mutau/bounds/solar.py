"""Solar 7Be neutrinos on electrons: the bound of Borexino on a mediator that electrons feel.

nu_alpha e -> nu_alpha e at tree level with Z, W and the mediator in one amplitude,

    d sigma/dT = (2 G_F^2 m_e/pi) [g_L^2 + g_R^2 (1 - T/E)^2 - g_L g_R m_e T/E^2],
    g_L = s^2 -+ 1/2 (+ for nu_e) + delta, g_R = s^2 + delta,
    delta = g_nu g_e/(2 sqrt 2 G_F (m^2 + 2 m_e T)),

T the recoil energy, q^2 = -2 m_e T. In L_mu - L_tau the electron couples through the loop mixing,
g_e = -e Pi(q^2): the electron's charge is -1, so that nu_mu (charge +1) and the electron interfere
as particles of opposite charge, nu_tau the other way round. With equally many nu_mu and nu_tau
the interference cancels, and what is left goes as delta^2. Radiative corrections (2 %) and the
binding of the electrons are left out; they cancel in the ratio to the standard rate.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.bounds.inputs import bound_inputs
from mutau.bounds.trident_limit import checked_masses, exclusion
from mutau.core.constants import E_CHARGE, G_F, M_E, SIN2_W
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.types import Exclusion
from mutau.core.units import GEV2_PB, PB_CM2
from mutau.models import VectorModel, loop_mixing, model_class, neutrino_charges
from mutau.models.charges import ChargedVector

Array = NDArray[np.float64]
Shares = tuple[float, float, float]

_N_NODES: Final = 48
#: G_F n_e of 1 mol/cm^3 of electrons times E: 2 sqrt 2 G_F N_A (hbar c)^3 in eV^2 per MeV.
_MATTER_EV2: Final = 1.5264e-7


def recoil_edge(energy: float) -> float:
    """Largest recoil energy of an electron at rest, GeV, from a neutrino of `energy` (GeV)."""
    return 2.0 * energy * energy / (M_E + 2.0 * energy)


def survival_probability(
    energy: float, density: float | None = None, sin2_12: float | None = None,
    sin2_13: float | None = None, delta_m2: float | None = None,
) -> float:  # fmt: skip
    """P(nu_e -> nu_e) of solar neutrinos, adiabatic, averaged over the phase, by day.

    energy : GeV. density : electrons where they are made, mol/cm^3. delta_m2 : eV^2. None: the
    values of data/limits/inputs/solar.toml.
    Source: S. J. Parke, Phys. Rev. Lett. 57 (1986) 1275, without level crossing; theta13 as a
    spectator: cos^4(theta13) P_2 + sin^4(theta13), matter reduced by cos^2(theta13).
    Check: no matter gives (1 - sin^2(2 theta12)/2) in the place of P_2.
    """
    data = bound_inputs("solar")["oscillation"]
    density = data["electron_density_mol_cm3"] if density is None else density
    sin2_12 = data["sin2_theta12"] if sin2_12 is None else sin2_12
    sin2_13 = data["sin2_theta13"] if sin2_13 is None else sin2_13
    delta_m2 = data["delta_m21_eV2"] if delta_m2 is None else delta_m2
    for name, value in (("sin2_12", sin2_12), ("sin2_13", sin2_13)):
        require_in_range(name, value, 0.0, 1.0)
    cos2 = 1.0 - sin2_13
    matter = _MATTER_EV2 * density * energy * 1e3 * cos2 / delta_m2
    cos_vacuum = 1.0 - 2.0 * sin2_12
    sin_squared = 4.0 * sin2_12 * (1.0 - sin2_12)
    cos_matter = (cos_vacuum - matter) / math.sqrt((cos_vacuum - matter) ** 2 + sin_squared)
    return cos2**2 * 0.5 * (1.0 + cos_vacuum * cos_matter) + sin2_13**2


def flavour_shares(
    p_ee: float | None = None, mu_share: float | None = None, energy: float = 0.862e-3
) -> Shares:
    """Shares of nu_e, nu_mu, nu_tau on Earth, which sum to 1.

    p_ee : survival probability (None: `survival_probability`). mu_share : nu_mu among the rest
    (None: 0.5). Raises OutOfRange outside [0, 1].
    """
    data = bound_inputs("solar")["oscillation"]
    p_ee = survival_probability(energy) if p_ee is None else p_ee
    mu_share = data["mu_share"] if mu_share is None else mu_share
    require_in_range("p_ee", p_ee, 0.0, 1.0, reason="a probability")
    require_in_range("mu_share", mu_share, 0.0, 1.0, reason="a fraction")
    return p_ee, (1.0 - p_ee) * mu_share, (1.0 - p_ee) * (1.0 - mu_share)


def electron_charge(cls: type[VectorModel], q2: Array) -> Array:
    """Coupling of the electron over the model's coupling at q2 (GeV^2), with its sign.

    Raises MutauError for a model whose electrons couple only by a mixing without a sign.
    """
    if issubclass(cls, ChargedVector):
        charge = cls.table.of("e")
        if charge:
            return np.full(np.shape(q2), charge)
        if cls.table.mixing is None and cls.has_mixing():
            return -E_CHARGE * cls.table.of("mu") * loop_mixing(q2, 1.0).real
    elif cls.tag == "lmu-ltau":
        return -E_CHARGE * loop_mixing(q2, 1.0).real
    raise MutauError(
        f"the sign of the electron's coupling is not known in {cls.title}",
        place="model",
        allowed="lmu-ltau, or charges with one for the electron or with finite loops",
    )


def _recoils(
    masses: Array, energy: float, window: tuple[float, float], n: int
) -> tuple[Array, Array]:
    """Recoil energies and weights over the window (GeV), each (M, n), one row per mass.

    Gauss-Legendre in log(m^2 + 2 m_e T).
    """
    low, high = window[0], min(window[1], recoil_edge(energy))
    if not 0.0 <= low < high:
        raise OutOfRange(
            f"the window of recoil energies [{low:g}, {window[1]:g}] GeV is empty",
            allowed=f"0 <= low < high, low below {recoil_edge(energy):.4g} GeV",
        )
    square = masses[:, None] ** 2
    start, stop = square + 2.0 * M_E * low, square + 2.0 * M_E * high
    x, w = np.polynomial.legendre.leggauss(n)
    half = 0.5 * np.log(stop / start)
    moved = start * np.exp(half * (x + 1.0))
    t = low + (moved - start) / (2.0 * M_E)
    return t, half * w * moved / (2.0 * M_E)


def rate_slopes(
    masses: ArrayLike,
    model: str = "lmu-ltau",
    *,
    shares: Shares | None = None,
    window: tuple[float, float] | None = None,
    energy: float = 0.862e-3,
    sin2_w: float = SIN2_W,
    n: int = _N_NODES,
) -> tuple[Array, Array]:
    """a and b of R/R_SM = 1 + a g^2 + b g^4 over the recoil window.

    masses : (M,) GeV. shares : of nu_e, nu_mu, nu_tau (None: `flavour_shares`). window : recoil
    energies, GeV (None: Borexino's). energy : of the neutrinos, GeV.
    Raises MutauError for a model whose neutrinos or electrons do not couple, OutOfRange.
    Check: equal fractions of nu_mu and nu_tau give a = 0 in L_mu - L_tau.
    """
    cls = model_class(model)
    charges = neutrino_charges(cls)
    if not any(charges):
        raise MutauError(f"a {cls.title} does not couple to neutrinos", place="model")
    shares = flavour_shares(energy=energy) if shares is None else shares
    if window is None:
        low, high = bound_inputs("solar")["borexino"]["window_MeV"]
        window = (low * 1e-3, high * 1e-3)
    m = checked_masses(masses)
    t, weight = _recoils(m, energy, window, n)
    forward, mixed = (1.0 - t / energy) ** 2, M_E * t / energy**2
    unit = electron_charge(cls, -2.0 * M_E * t) / (
        2.0 * math.sqrt(2.0) * G_F * (m[:, None] ** 2 + 2.0 * M_E * t)
    )
    total, linear, square = np.zeros((3, *m.shape))
    for flavour, (share, charge) in enumerate(zip(shares, charges, strict=True)):
        left = sin2_w + (0.5 if flavour == 0 else -0.5)
        delta = charge * unit
        alone = left**2 + sin2_w**2 * forward - left * sin2_w * mixed
        shape = 2.0 * left + 2.0 * sin2_w * forward - (left + sin2_w) * mixed
        total += share * np.sum(weight * alone, axis=1)
        linear += share * np.sum(weight * delta * shape, axis=1)
        square += share * np.sum(weight * delta**2 * (1.0 + forward - mixed), axis=1)
    return linear / total, square / total


def standard_rate(shares: Shares | None = None) -> float:
    """Counts per day and 100 t of the 862 keV line without new physics, whole recoil spectrum."""
    data = bound_inputs("solar")
    energy = data["borexino"]["line_energy_MeV"] * 1e-3
    shares = flavour_shares(energy=energy) if shares is None else shares
    edge = recoil_edge(energy)
    x, w = np.polynomial.legendre.leggauss(8)
    t = 0.5 * edge * (x + 1.0)
    sigma = 0.0
    for flavour, share in enumerate(shares):
        left = SIN2_W + (0.5 if flavour == 0 else -0.5)
        shape = left**2 + (SIN2_W * (1.0 - t / energy)) ** 2 - left * SIN2_W * M_E * t / energy**2
        sigma += share * 0.5 * edge * float(w @ shape)
    sigma *= 2.0 * G_F**2 * M_E / math.pi * GEV2_PB * PB_CM2
    flux = data["flux"]["be7_per_cm2_s"] * data["flux"]["line_share"]
    return flux * sigma * data["borexino"]["electrons_100t"] * 86400.0


def rate_criterion(cl: float = 0.90, shares: Shares | None = None) -> float:
    """Largest R/R_SM at a one-sided confidence level, from the measured and the expected rate.

    (measured + z sigma)/expected, with sigma of the measurement (statistical, systematic) and of
    the flux of the solar model in quadrature. Raises OutOfRange for a level outside (0.5, 1).
    """
    require_in_range("cl", cl, 0.5, 1.0 - 1e-9, reason="a confidence level")
    data = bound_inputs("solar")["borexino"]
    expected = standard_rate(shares)
    flux = bound_inputs("solar")["flux"]["relative_err"] * expected
    sigma = math.sqrt(data["rate_err_stat"] ** 2 + data["rate_err_syst"] ** 2 + flux**2)
    return float((data["rate_per_day_100t"] + NormalDist().inv_cdf(cl) * sigma) / expected)


def borexino_limit(
    masses: ArrayLike,
    model: str = "lmu-ltau",
    *,
    cl: float = 0.90,
    criterion: float | None = None,
    p_ee: float | None = None,
    mu_share: float | None = None,
    window: tuple[float, float] | None = None,
) -> Exclusion:
    """Upper limit on the coupling from the 7Be rate of Borexino.

    masses : GeV. model : tag or "charges:FILE". criterion : largest R/R_SM (None: from the data at
    `cl`, `rate_criterion`). p_ee, mu_share : see `flavour_shares`. window : recoil energies, GeV.
    Raises MutauError for a model that scatters no solar neutrinos on electrons, OutOfRange.
    Check: far above 1 MeV the limit grows with the mass.
    """
    cls = model_class(model)
    m = checked_masses(masses)
    data = bound_inputs("solar")["borexino"]
    shares = flavour_shares(p_ee, mu_share, data["line_energy_MeV"] * 1e-3)
    largest = rate_criterion(cl, shares) if criterion is None else criterion
    require_in_range("criterion", largest, 1.0, np.inf, open_low=True, reason="excludes nothing")
    lines = []
    for n in (_N_NODES, _N_NODES // 2):
        a, b = rate_slopes(m, model, shares=shares, window=window, n=n)
        lines.append(np.sqrt((np.sqrt(a * a + 4.0 * b * (largest - 1.0)) - a) / (2.0 * b)))
    meta: dict[str, Any] = {
        "source": data["source"],
        "ratio_limit": largest,
        "shares": list(shares),
        "assumptions": [
            "ratio to the standard rate of the 862 keV line within the recoil window",
            "tree level with interference; electrons free and at rest",
            "oscillations adiabatic, untouched by the mediator",
        ],
    }
    return exclusion(
        m, lines[0], np.abs(lines[0] - lines[1]), cls, "borexino-be7", cl,
        f"R/R_SM < {largest:.3f}", **meta,
    )  # fmt: skip
