"""Extra neutrino species from a light mediator in the early universe, and the bound on it.

A mediator that neutrinos make by inverse decay (nu nubar -> Z') comes into equilibrium with them
if its width exceeds the expansion rate at T of about its mass. If it decays after neutrinos have
left the plasma (T of 2 MeV), its energy stays with them and N_eff rises: for m below 10 MeV nearly
whatever the coupling. With larger couplings its loop-induced width into e+ e- ties neutrinos to
the plasma for longer, and N_eff rises for heavier masses too. M. Escudero et al., J. High Energy
Phys. 03 (2019) 071, have both; here they come from two energy balances and, for couplings too
small for equilibrium, from the mediator's own number and energy.

Approximations: one temperature for all flavours (oscillations equalise them below 3 MeV) and no
chemical potential (`instantaneous_neff` bounds what it does); Maxwell-Boltzmann statistics in the
rates; no finite-temperature QED (which adds 0.01 to N_eff and cancels in the difference to the
standard value); the mediator's exchange between neutrinos and electrons off its mass shell left
out, which matters for g' above 1e-3; below 1 MeV other reactions make the mediator too.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.bounds.inputs import bound_inputs
from mutau.bounds.trident_limit import exclusion
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.types import Exclusion
from mutau.models import VECTOR, check_mediator, model_class, neutrino_charges

Array = NDArray[np.float64]

_T_START: Final = 0.03
_T_END: Final = 1e-5
MASS_RANGE: Final = (1e-4, 0.2)
COUPLING_RANGE: Final = (1e-13, 3e-2)
#: Above this times the coupling of equilibrium at _T_COUPLED the mediator is taken as thermal.
_SAFELY_THERMAL: Final = 10.0
_T_COUPLED: Final = 5e-3
#: Step of the search for the limit, a factor in the coupling.
_STEP: Final = 2.0


def _planck_mass() -> float:
    return float(bound_inputs("cosmology")["gravity"]["planck_mass_GeV"])


def _neff(hot: float, cold: float) -> float:
    """N_eff from the final temperatures of photons and (three massless) neutrinos."""
    return 3.0 * (11.0 / 4.0) ** (4.0 / 3.0) * (cold / hot) ** 4


def _evolve(change: Any, state: Array, arguments: tuple[float, ...], rtol: float) -> Array:
    """State at T_gamma = _T_END, by an implicit Runge-Kutta method (Radau) in ln a.

    A multistep method with loose tolerance can leave the equilibrium at the start unnoticed.
    """
    from scipy.integrate import solve_ivp

    def arrived(_: float, now: Array) -> float:
        return float(now[0] - _T_END)

    arrived.terminal = True  # type: ignore[attr-defined]
    out = solve_ivp(
        lambda _, now: change(now, *arguments), (0.0, 14.0), state, method="Radau",
        events=arrived, rtol=rtol, atol=rtol * np.maximum(np.abs(state) * 1e-4, 1e-12),
    )  # fmt: skip
    if out.status != 1:
        raise OutOfRange(f"the evolution of the early universe failed ({out.message})")
    return np.asarray(out.y[:, -1])


@cache
def standard_neff(rtol: float = 1e-6) -> float:
    """N_eff without a mediator, in the same approximations as `thermal_neff`.

    Check: 3.04; the precise value, 3.044, has flavours apart, exact statistics and QED.
    """
    from mutau.bounds.cosmology_kernels import change_thermal

    state = _evolve(
        change_thermal, np.array([_T_START, _T_START]), (0.0, 0.0, _planck_mass()), rtol
    )
    return _neff(state[0], state[1])


def thermal_neff(mass: float, width_e: float = 0.0, rtol: float = 1e-6) -> float:
    """N_eff with a mediator in equilibrium with the neutrinos throughout.

    mass : GeV, within MASS_RANGE. width_e : width into e+ e-, GeV. Raises OutOfRange.
    Check: `standard_neff` for a mass far above 20 MeV and width_e = 0.
    """
    from mutau.bounds.cosmology_kernels import change_thermal

    require_in_range("mass", mass, *MASS_RANGE, unit="GeV", reason="decay before recombination")
    start = max(_T_START, 2.0 * mass)
    state = _evolve(change_thermal, np.array([start, start]), (mass, width_e, _planck_mass()), rtol)
    return _neff(state[0], state[1])


def kinetic_neff(mass: float, width_nu: float, width_e: float = 0.0, rtol: float = 1e-6) -> float:
    """N_eff with a mediator that starts absent and is made by inverse decays.

    mass : GeV. width_nu, width_e : widths into neutrinos and e+ e-, GeV.
    Check: large width_nu gives `thermal_neff`, width_nu = 0 `standard_neff`.
    """
    from mutau.bounds.cosmology_kernels import change_kinetic, equilibrium_number

    require_in_range("mass", mass, *MASS_RANGE, unit="GeV", reason="decay before recombination")
    start = max(_T_START, 2.0 * mass)
    x = mass / start
    mean = 3.0 / x + 0.5 * x  # K_1/K_2 + 3/x for small x; inverse decays make softer ones
    empty = math.log(1e-6 * equilibrium_number(start, mass))
    state = _evolve(
        change_kinetic, np.array([start, start, empty, mean]),
        (mass, width_nu, width_e, _planck_mass()), rtol,
    )  # fmt: skip
    return _neff(state[0], state[1])


def instantaneous_neff(mass: float, t_decoupling: float = 2e-3, conserve: str = "entropy") -> float:
    """N_eff if neutrinos leave the plasma at once, with the mediator in equilibrium with them.

    mass, t_decoupling : GeV. conserve : "entropy" (no chemical potential: reactions that change
    the number of neutrinos stay fast) or "number" (decays and inverse decays alone: entropy and
    n_nu + 2 n_Z both kept, with chemical potentials mu and 2 mu). Nature lies between the two.
    Returns N_eff, 3 without mediator. Raises MutauError for another name, OutOfRange.
    Check: for m << T the mediator adds (1 + (3/6)(8/7))^(1/3) to the temperature ("entropy").
    """
    if conserve not in ("entropy", "number"):
        raise MutauError(f"conserve = {conserve!r}", allowed="entropy or number")
    require_in_range("t_decoupling", t_decoupling, 1e-4, 1e-2, unit="GeV")
    require_in_range("mass", mass, *MASS_RANGE, unit="GeV")
    number, entropy, _ = _mixture(t_decoupling, 0.0, mass)
    if conserve == "entropy":
        _, alone, _ = _mixture(1.0, 0.0, np.inf)
        ratio = (entropy / alone) ** (1.0 / 3.0) / t_decoupling
        return 3.0 * ratio**4
    low, high = -3.0, 3.0  # chemical potential over temperature, at the end
    for _ in range(60):
        middle = 0.5 * (low + high)
        n, s, _ = _mixture(1.0, middle, np.inf)
        low, high = (low, middle) if s / n < entropy / number else (middle, high)
    n, s, rho = _mixture(1.0, low, np.inf)
    scale = (entropy / s) ** (1.0 / 3.0) / t_decoupling
    return 3.0 * scale**4 * rho / _mixture(1.0, 0.0, np.inf)[2]


def _mixture(temperature: float, mu: float, mass: float) -> tuple[float, float, float]:
    """n_nu + 2 n_Z, entropy and energy densities of neutrinos (mu T) and mediator (2 mu T)."""
    y, w = np.polynomial.legendre.leggauss(200)
    y, w = 25.0 * (y + 1.0), 25.0 * w * (25.0 * (y + 1.0)) ** 2 / (2.0 * np.pi**2)
    f = 6.0 / (np.exp(y - mu) + 1.0)
    number, rho, pressure = float(w @ f), float(w @ (f * y)), float(w @ (f * y)) / 3.0
    entropy = rho + pressure - mu * number
    if np.isfinite(mass):
        energy = np.sqrt(y * y + (mass / temperature) ** 2)
        boson = 3.0 / np.expm1(energy - 2.0 * mu)
        n, e = float(w @ boson), float(w @ (boson * energy))
        p = float(w @ (boson * y * y / (3.0 * energy)))
        number, rho, entropy = number + 2.0 * n, rho + e, entropy + e + p - 2.0 * mu * n
    return number * temperature**3, entropy * temperature**3, rho * temperature**4


def shared_neff(mass: float, width_e: float) -> tuple[float, float]:
    """Temperature (GeV) at which plasma and neutrinos part, and N_eff if they part at once.

    mass, width_e : GeV; mediator in equilibrium with the neutrinos. Until the exchange of energy
    (mediators and weak reactions) falls behind the expansion one temperature is shared; after
    that each side keeps its entropy. Exact as width_e grows: then the electrons have gone before
    the two part and N_eff is 3 (11/4)^(4/3) = 11.56, which no coupling exceeds. Parting takes a
    while in truth, so `thermal_neff` lies below. Raises OutOfRange.
    Check: width_e = 0 and a heavy mediator part at 1.5 MeV, N_eff = 3.03.
    """
    from scipy.optimize import brentq

    from mutau.bounds.cosmology_kernels import (
        equilibrium_number,
        hubble,
        plasma,
        thermal,
        weak_transfer,
    )

    require_in_range("mass", mass, *MASS_RANGE, unit="GeV", reason="decay before recombination")
    step = 1e-4

    def sides(t: float) -> tuple[Array, Array]:
        return np.array(plasma(t)), 6.0 * np.array(thermal(t, 0.0, 1.0)) + 3.0 * np.array(
            thermal(t, mass, -1.0)
        )

    def ahead(t: float) -> float:
        """ln of the rate at which a difference of temperatures dies out, over H."""
        (rho, _, slope), (dark, _, dark_slope) = sides(t)
        above, below = t * (1.0 + step), t * (1.0 - step)
        made = equilibrium_number(above, mass) - equilibrium_number(below, mass)
        flow = (mass * width_e * made + weak_transfer(above, below)) / (2.0 * step * t)
        rate = flow * (1.0 / slope + 1.0 / dark_slope)
        return math.log(rate / hubble(rho + dark, _planck_mass()))

    t = float(brentq(ahead, _T_END, _T_START, rtol=1e-9))
    (rho, pressure, _), (dark, dark_pressure, _) = sides(t)
    hot = ((rho + pressure) / t / (4.0 * math.pi**2 / 45.0)) ** (1.0 / 3.0)
    cold = ((dark + dark_pressure) / t / (7.0 * math.pi**2 / 30.0)) ** (1.0 / 3.0)
    return t, float(_neff(hot, cold))


def equilibrium_coupling(
    mass: float, model: str = "lmu-ltau", temperature: float | None = None
) -> float:
    """Coupling at which inverse decays of neutrinos keep up with the expansion.

    Gamma <m/E> = H at `temperature` (GeV; None: a third of the mass), <m/E> that of a gas at this
    temperature. Raises OutOfRange for a mass outside MASS_RANGE.
    """
    from mutau.bounds.cosmology_kernels import bessel_12, hubble, plasma, thermal

    require_in_range("mass", mass, *MASS_RANGE, unit="GeV", reason="decay before recombination")
    t = mass / 3.0 if temperature is None else temperature
    k1, k2 = bessel_12(mass / t)
    rate = hubble(plasma(t)[0] + 6.0 * thermal(t, 0.0, 1.0)[0], _planck_mass())
    cls = model_class(model)
    check_mediator("the equilibrium with neutrinos", VECTOR, cls)
    return 1e-3 * math.sqrt(rate / (cls.at(mass, 1e-3).width("nunu") * k1 / k2))


def _thermal_coupling(mass: float, model: str) -> float:
    """Coupling above which the mediator is in equilibrium before neutrinos leave the plasma."""
    early = equilibrium_coupling(mass, model, max(mass / 3.0, _T_COUPLED))
    return _SAFELY_THERMAL * early


def neff(mass: float, coupling: float, model: str = "lmu-ltau") -> float:
    """N_eff for a mediator of this mass (GeV) and coupling; mass and coupling within the ranges.

    `thermal_neff` above 10 times the coupling of equilibrium at 5 MeV (or m/3, if higher), which
    is before neutrinos leave the plasma; `kinetic_neff` below.
    Raises MutauError for a model without neutrinos, OutOfRange.

    >>> f"{neff(5e-3, 1e-6) - standard_neff():.2f}"
    '0.74'
    """
    cls = model_class(model)
    if not any(neutrino_charges(cls)):
        raise MutauError(f"a {cls.title} does not couple to neutrinos", place="model")
    require_in_range("coupling", coupling, *COUPLING_RANGE, reason="range of the calculation")
    require_in_range("mass", mass, *MASS_RANGE, unit="GeV", reason="decay before recombination")
    item = cls.at(mass, coupling)
    width_e = item.width("ee")
    if coupling > _thermal_coupling(mass, model):
        return thermal_neff(mass, width_e)
    return kinetic_neff(mass, item.width("nunu"), width_e)


def neff_limit(
    masses: ArrayLike,
    model: str = "lmu-ltau",
    *,
    delta: float | None = None,
    tolerance: float = 5e-3,
) -> Exclusion:
    """Coupling above which every coupling makes N_eff exceed what is measured; inf where none.

    masses : GeV, within MASS_RANGE. delta : largest N_eff above the standard value (None: Planck's
    95 % upper end less the standard value). tolerance : relative, of the coupling.
    N_eff is not monotonic: near 1e-7 it dips, where the mediator holds neutrinos and plasma
    together just long enough to share its energy out. Below the line some couplings are excluded
    too; `neff` tells. Above, the search ends at the largest coupling of COUPLING_RANGE.
    Returns Exclusion; numerical_err is the width of the last bracket.
    """
    cls = model_class(model)
    data = bound_inputs("cosmology")
    if delta is None:
        delta = data["planck"]["neff_upper_95"] - data["standard"]["neff"]
    require_in_range("delta", delta, 0.01, 8.0, reason="below: accuracy; above: not reached")
    m = np.atleast_1d(np.asarray(masses, float))
    goal = standard_neff() + delta
    coupling, error = np.full(m.shape, np.inf), np.zeros(m.shape)
    for index, mass in enumerate(m):
        low, high = _last_allowed(float(mass), model, goal)
        while math.isfinite(high) and high / low > 1.0 + tolerance:
            middle = math.sqrt(low * high)
            if neff(float(mass), middle, model) > goal:
                high = middle
            else:
                low = middle
        if math.isfinite(high):
            coupling[index], error[index] = math.sqrt(low * high), 0.5 * (high - low)
    return exclusion(
        m, coupling, error, cls, "bbn-neff", 0.95, f"N_eff above the standard value < {delta:.3f}",
        source=data["planck"]["source"], delta_neff=delta,
        assumptions=[
            "one temperature for all neutrinos, no chemical potential, no QED corrections",
            "mediator made by inverse decays of neutrinos and e+ e- alone",
            "standard history otherwise (no other light species, no late entropy)",
        ],
    )  # fmt: skip


def _last_allowed(mass: float, model: str, goal: float) -> tuple[float, float]:
    """Bracket of the largest coupling that is allowed, going down; (low, inf) if that is the end.

    (smallest coupling, smallest coupling) where every coupling is excluded.
    """
    bottom, high = COUPLING_RANGE
    if neff(mass, high, model) <= goal:
        return high, math.inf
    while high > bottom:
        low = max(high / _STEP, bottom)
        if neff(mass, low, model) <= goal:
            return low, high
        high = low
    return bottom, bottom
