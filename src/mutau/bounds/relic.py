"""Coupling at which dark matter freezes out with the observed abundance, by its kind.

Dark matter annihilates through the boson in the s channel into what the boson decays into visibly
or as neutrinos:

    sigma = G 16 pi s Gamma_chi(s) Gamma_SM(s) / ((s - 4 m_chi^2) ((s - m^2)^2 + s Gamma(s)^2)),

G = 3 over the spin states of the pair, times 2 for identical particles; widths are those of a boson
of mass sqrt(s), so each kind's wave (S or P) comes with its width. Averaged over a Boltzmann gas
and put into the Boltzmann equation: P. Gondolo, G. Gelmini, Nucl. Phys. B 360 (1991) 145, eqs. 3.8,
2.25. The plasma is photons, e, mu, pi and neutrinos without interactions, the last decoupled at
2 MeV; lepton asymmetry and early kinetic decoupling of chi are left out. The latter matters near
m = 2 m_chi, where the abundance follows the line of the resonance.
Not offered where another process decides: chi chi -> two bosons for m below 1.8 m_chi, hadrons (the
model refuses there), particles below 1 MeV, freeze-out above 100 MeV (m_chi of 2 GeV).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.bounds.cosmology_kernels import plasma, thermal
from mutau.bounds.inputs import bound_inputs
from mutau.bounds.trident_limit import exclusion
from mutau.core.constants import M_MU, M_PI
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.types import Exclusion
from mutau.models import VECTOR, Family, Model, VectorModel, check_mediator
from mutau.models.dark_matter import USUAL_DARK_MATTER, dark_matter
from mutau.reactions.annihilation import final_width, running_width

Array = NDArray[np.float64]

#: Dark matter, GeV, and boson over dark matter: where nothing but the s channel decides.
CHI_RANGE: Final = (1e-3, 2.0)
RATIO_MIN: Final = 1.8
_T_DECOUPLED: Final = 2e-3
#: m_chi/T at the start, where chi is in equilibrium, and at the end.
_X_START, _X_END = 8.0, 3e4
_X: Final = np.geomspace(_X_START, _X_END, 60)
_GAUSS, _GAUSS_W = np.polynomial.legendre.leggauss(16)
_TRIES: Final = 12
_PRECISION: Final = 1e-4


@cache
def _degrees_of_freedom() -> tuple[Array, Array, Array]:
    """ln T (GeV), and there g_eff and h_eff of energy and entropy."""
    temperatures = np.geomspace(2e-8, 0.4, 240)
    energy, entropy = np.zeros(240), np.zeros(240)

    def apart_from_neutrinos(t: float) -> tuple[float, float]:
        rho, pressure, _ = plasma(t)
        for mass, states, sign in ((M_MU, 4.0, 1.0), (M_PI, 3.0, -1.0)):
            one, one_p, _ = thermal(t, mass, sign)
            rho, pressure = rho + states * one, pressure + states * one_p
        return rho, (rho + pressure) / t

    at_decoupling = apart_from_neutrinos(_T_DECOUPLED)[1] / _T_DECOUPLED**3
    for i, t in enumerate(temperatures):
        rho, s = apart_from_neutrinos(float(t))
        cold = t if t > _T_DECOUPLED else t * (s / t**3 / at_decoupling) ** (1.0 / 3.0)
        neutrino = 7.0 * math.pi**2 / 240.0 * cold**4
        energy[i] = (rho + 6.0 * neutrino) / (math.pi**2 / 30.0 * t**4)
        entropy[i] = (s + 8.0 * neutrino / cold) / (2.0 * math.pi**2 / 45.0 * t**3)
    return np.log(temperatures), energy, entropy


def plasma_states(temperature: ArrayLike) -> tuple[Array, Array, Array]:
    """g_eff, h_eff and g_*^(1/2) = h/sqrt(g) (1 + d ln h/d ln T/3) at temperatures, GeV.

    Check: 10.75 at 2 MeV; 3.36 and 3.91 far below the electron mass.
    """
    grid, energy, entropy = _degrees_of_freedom()
    log_t = np.log(np.asarray(temperature, float))
    g, h = np.interp(log_t, grid, energy), np.interp(log_t, grid, entropy)
    slope = np.interp(log_t, grid, np.gradient(np.log(entropy), grid))
    return g, h, np.asarray(h / np.sqrt(g) * (1.0 + slope / 3.0))


def _mass_chi(model: Model) -> float:
    """Mass of dark matter, GeV. Raises MutauError without."""
    if not model.alpha_d > 0.0:
        raise MutauError(f"{model} has no dark matter", place="alpha_d", allowed="above 0")
    return model.mass / model.mass_ratio


def _edges(model: Model, x: float) -> Array:
    """Panel edges in s, GeV^2, for the average at m_chi/T = x: threshold, line, tail."""
    low = 4.0 * _mass_chi(model) ** 2
    high = low * (1.0 + 25.0 / x) ** 2
    centre = model.mass**2
    half_width = max(model.mass * model.width_total, 1e-12 * centre)
    steps = half_width * 4.0 ** np.arange(-1.0, 22.0)
    near = low * (1.0 + 4.0 ** np.arange(-12.0, 2.0))
    kinks = [4.0 * mass**2 for mass in (M_MU,)]
    edges = np.concatenate([[low, high, centre], kinks, near, centre + steps, centre - steps])
    return np.unique(edges[(edges >= low) & (edges <= high)])


def thermal_cross_section(model: Model, x: ArrayLike) -> Array:
    """<sigma v> of two dark matter particles at m_chi/T = x, GeV^-2.

    For particle and antiparticle, or for two of the same (Majorana). Raises MutauError without a
    dark sector. Relative error of the quadrature below 1e-4.
    Check: an S wave far from the resonance does not depend on x, a P wave falls as 1/x.
    """
    from scipy.special import kve

    kind, m = dark_matter(model.dark_matter or USUAL_DARK_MATTER), _mass_chi(model)
    front = 3.0 / kind.spins**2 * (2.0 if kind.identical else 1.0) * 16.0 * math.pi
    visible = [name for name in model.channels if name != "chichi"]
    found = []
    for value in np.atleast_1d(np.asarray(x, float)):
        edges = _edges(model, float(value))
        half = 0.5 * np.diff(edges)[:, None]
        s = (edges[:-1, None] + half * (1.0 + _GAUSS)).ravel()
        weight = (half * _GAUSS_W).ravel()
        into = sum((final_width(model, name, s) for name in visible), np.zeros_like(s))
        line = (s - model.mass**2) ** 2 + s * running_width(model, s) ** 2
        flux = front * s * final_width(model, "chichi", s) * into / line
        root = np.sqrt(s)
        boltzmann = kve(1, root * value / m) * np.exp(-value * (root / m - 2.0))
        total = float(np.sum(weight * flux * root * boltzmann))
        found.append(value * total / (8.0 * m**5 * float(kve(2, value)) ** 2))
    return np.array(found)


def relic_density(model: Model) -> float:
    """Omega h^2 of dark matter and its antiparticles after freeze-out.

    Raises OutOfRange for dark matter or a mass ratio that is not offered, or where the model does
    not know its decays (hadrons); MutauError without a dark sector.
    Check: a constant <sigma v> of 5.2e-26 cm^3/s gives 0.11 for a Majorana particle of 0.3 GeV
    (G. Steigman, B. Dasgupta, J. F. Beacom, Phys. Rev. D 86 (2012) 023506, fig. 5).
    """
    _check(model)
    return abundance(model.dark_matter or USUAL_DARK_MATTER, _mass_chi(model),
                     thermal_cross_section(model, _X))  # fmt: skip


def abundance(kind: str, mass: float, sigma_v: Array) -> float:
    """Omega h^2 of a kind of this mass, GeV, from <sigma v> (60,), GeV^-2, at `_X`."""
    from scipy.integrate import solve_ivp
    from scipy.special import kve

    data, which = bound_inputs("cosmology"), dark_matter(kind)
    planck = float(data["gravity"]["planck_mass_GeV"])
    log_sigma, log_x = np.log(np.maximum(sigma_v, 1e-300)), np.log(_X)
    pairs = 1.0 if which.identical else 0.5

    fine = np.linspace(log_x[0], log_x[-1], 1000)
    x_fine = np.exp(fine)
    _, h, root_g = plasma_states(mass / x_fine)
    log_states = np.log(45.0 / (4.0 * math.pi**4) * which.states * x_fine**2 * kve(2, x_fine) / h)
    log_rate = np.log(pairs * math.sqrt(math.pi / 45.0) * planck * mass * root_g / x_fine)
    log_rate += np.interp(fine, log_x, log_sigma)

    def change(u: float, w: Array) -> Array:
        rate = math.exp(float(np.interp(u, fine, log_rate)))
        log_eq = float(np.interp(u, fine, log_states)) - math.exp(u)
        return np.array([-rate * (math.exp(w[0]) - math.exp(min(2.0 * log_eq - w[0], 50.0)))])

    start = np.array([float(log_states[0]) - _X_START])
    out = solve_ivp(change, (log_x[0], log_x[-1]), start, method="Radau", rtol=1e-5, atol=1e-7)
    if out.status != 0:
        raise OutOfRange(f"the freeze-out could not be followed ({out.message})")
    relic = data["relic"]
    number = math.exp(float(out.y[0, -1])) * float(relic["entropy_per_cm3"])
    return number * mass / float(relic["critical_density_h2_GeV_per_cm3"])


def _check(model: Model) -> None:
    require_in_range("mass of dark matter", _mass_chi(model), *CHI_RANGE, unit="GeV",
                     reason="freeze-out among leptons and pions")  # fmt: skip
    if model.mass_ratio < RATIO_MIN:
        raise OutOfRange(
            f"mass_ratio = {model.mass_ratio:g}: dark matter also annihilates into two bosons, "
            "which is not computed", place="mass_ratio", allowed=f"from {RATIO_MIN:g} up",
        )  # fmt: skip
    # what a boson of the pair's mass decays into, hadrons among it, must be known
    _ = type(model).at(2.2 * _mass_chi(model), model.coupling).width_total  # type: ignore[attr-defined]


def relic_coupling(family: Family, mass: float) -> float:
    """Coupling at which the relic density is the observed one; inf beyond the model's largest.

    mass : of the boson, GeV. Raises as `relic_density`.
    """
    wanted = math.log(float(bound_inputs("cosmology")["relic"]["omega_h2"]))
    cls: type[VectorModel] = family.point_class
    log_g = math.log(1e-4)
    known: list[tuple[float, float]] = []
    for _ in range(_TRIES):
        omega = math.log(relic_density(family.at(mass, math.exp(log_g)))) - wanted
        if abs(omega) < _PRECISION:
            return math.exp(log_g)
        known.append((log_g, omega))
        slope = -2.0
        if len(known) > 1:
            (a, fa), (b, fb) = known[-2:]
            slope = min((fb - fa) / (b - a), -0.2) if a != b else -2.0
        log_g = log_g - min(max(omega / slope, -3.0), 3.0)
        if log_g > math.log(cls.coupling_max):
            if known[-1][0] >= math.log(cls.coupling_max) - 1e-9:
                return math.inf
            log_g = math.log(cls.coupling_max)
    raise OutOfRange(f"no coupling was found that leaves the observed dark matter at {mass:g} GeV")


def relic_limit(
    masses: ArrayLike, model: str, alpha_d: float = 0.0, mass_ratio: float = 3.0,
    dark_matter: str = USUAL_DARK_MATTER,
) -> Exclusion:  # fmt: skip
    """Line of the observed relic density: below it a thermal relic would be too much.

    masses : of the boson, GeV. Options: the dark sector. The error of the measurement is 0.5 % of
    the coupling, that of the approximations about 5 % (`numerical_err`). inf at a mass where it is
    not offered.
    Raises MutauError without a dark sector, OutOfRange as `relic_density` where no mass is.
    """
    family = Family(model, alpha_d, mass_ratio, dark_matter)
    check_mediator("relic-density", VECTOR, family.point_class)
    if not alpha_d > 0.0:
        raise MutauError(
            "relic-density needs dark matter",
            place="alpha_d",
            remedy="add for example --alpha-d 0.1",
        )
    m = np.atleast_1d(np.asarray(masses, float))
    values, refused = list[float](), list[OutOfRange]()
    for mass in m:
        try:
            values.append(relic_coupling(family, float(mass)))
        except OutOfRange as error:
            values.append(math.inf)
            refused.append(error)
    if len(refused) == len(m):
        raise refused[0]
    found = np.array(values)
    data: dict[str, Any] = dict(bound_inputs("cosmology")["relic"])
    return exclusion(
        m, found, 0.05 * np.where(np.isfinite(found), found, 0.0), family.point_class,
        "relic-density", 0.95, "freeze-out, s channel", source=data["source"], **family.sector,
        assumptions=["thermal relic that is all of dark matter; too much of it below the line",
                     "radiation of photons, e, mu, pi, neutrinos; s channel of the boson alone"],
    )  # fmt: skip
