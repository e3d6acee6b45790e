"""Anomalous magnetic moment of the muon: contribution of a light boson, and reference values."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import OutOfRange, UnknownName

Array = NDArray[np.float64]

_SWITCH: Final = 5.0  # r = (m/m_mu)^2 above which the 1/r form is used; both give 1e-13 there
_SERIES_TERMS: Final = 34
#: Kinds of boson beside the vector that `moment` knows.
OTHERS: Final = ("axial-vector", "scalar", "pseudoscalar")


def _light(r: Array) -> Array:
    """Loop integral for r <= 5: 1/2 - r + r(r-2)/2 ln r - r(r^2/2 - 2r + 1) K(r)."""
    root = np.sqrt(np.abs(4.0 / r - 1.0))
    safe = np.where(root > 0.0, root, 0.5)
    bent = np.where(r < 4.0, np.arctan(safe), np.arctanh(np.where(r < 4.0, 0.5, safe))) / safe
    k = 2.0 / r * np.where(root > 0.0, bent, 1.0)
    return 0.5 - r + 0.5 * r * (r - 2.0) * np.log(r) - r * (0.5 * r * r - 2.0 * r + 1.0) * k


def _heavy(r: Array) -> Array:
    """Loop integral for r > 4 by y with y(1-y) = 1/r: every term small, nothing cancels."""
    beta = np.sqrt(1.0 - 4.0 / r)
    y = 2.0 / (r * (1.0 + beta))
    total = np.zeros_like(y)
    for k in range(_SERIES_TERMS, 0, -1):
        total = (total + 2.0 / (k * (k + 1) * (k + 2))) * y
    return (total + y * y / (1.0 - y) + y * y * np.log(y) / (1.0 - y) ** 2) / beta


def moment_integral(mass: ArrayLike) -> Array:
    """I(m) = int_0^1 dx x^2 (1-x)/[x^2 + (1-x) m^2/m_mu^2].

    mass : array_like, GeV, positive. Returns float64 array, dimensionless.
    Raises OutOfRange for a mass that is not positive and finite.
    Source: eq. 3 of H. Sieber et al., Phys. Rev. D 105, 052006 (2022), integrated in closed form;
    relative error below 1e-12 from 1e-9 to 1e4 GeV.
    Check: 1/2 for m << m_mu; m_mu^2/(3 m^2) for m >> m_mu.

    >>> f"{float(moment_integral(1e-9)):.6f}"
    '0.500000'
    """
    m = np.asarray(mass, float)
    if not np.all((m > 0.0) & np.isfinite(m)):
        raise OutOfRange("a mass is not positive and finite", allowed="mass > 0 GeV")
    r = np.atleast_1d((m / M_MU) ** 2)
    out = np.empty(r.shape)
    light = r <= _SWITCH
    out[light], out[~light] = _light(r[light]), _heavy(r[~light])
    return out.reshape(m.shape)


def vector_moment(coupling: ArrayLike, mass: ArrayLike) -> Array:
    """One-loop contribution to a_mu of a boson with vector coupling to the muon.

    coupling : array_like, dimensionless. mass : array_like, GeV. Returns float64 array.
    Source: eq. 3 of Phys. Rev. D 105, 052006: g^2/(4 pi^2) times `moment_integral`.
    Check: g^2/(8 pi^2) for m << m_mu; g^2 m_mu^2/(12 pi^2 m^2) for m >> m_mu.
    """
    g = np.asarray(coupling, float)
    return np.asarray(g * g / (4.0 * np.pi**2) * moment_integral(mass))


def vector_coupling_for_moment(mass: ArrayLike, delta_a: ArrayLike) -> Array:
    """Vector coupling to the muon that contributes `delta_a` to a_mu; inverse of `vector_moment`.

    mass : array_like, GeV. delta_a : array_like, not negative. Returns float64 array.
    Raises OutOfRange for a negative delta_a, which no vector coupling gives.
    """
    delta = np.asarray(delta_a, float)
    if not np.all((delta >= 0.0) & np.isfinite(delta)):
        raise OutOfRange(
            f"delta_a = {delta!s} cannot come from a vector coupling", allowed="delta_a >= 0"
        )
    return np.asarray(np.sqrt(4.0 * np.pi**2 * delta / moment_integral(mass)))


#: Nodes of `moment` in ln(x/(1-x)); the trapezoidal rule converges exponentially in their step.
_LOGIT: Final = np.arange(-46.0, 46.0, 0.125)


def moment(mediator: str, coupling: ArrayLike, mass: ArrayLike) -> Array:
    """One-loop contribution to a_mu of a boson of any kind, with its sign.

    mediator : "vector", "axial-vector", "scalar" or "pseudoscalar". coupling : array_like, to the
    muon. mass : array_like, GeV. Returns float64 array.
    Source: J. P. Leveille, Nucl. Phys. B 137 (1978) 63, for an inner lepton that is the muon:
    g^2/(8 pi^2) int_0^1 dx Q/[x^2 + r (1-x)], r = m^2/m_mu^2, with Q = 2x^2(1-x) (vector),
    x^2 (2-x) (scalar), -x^3 (pseudoscalar), 2x(1-x)(x-4) - 4 x^3/r (axial vector). The last term is
    the longitudinal boson, a pseudoscalar of coupling 2 g m_mu/m; see `bosons_of_files` for where
    it stops holding. Relative error below 1e-11 from 1e-9 to 1e3 GeV.
    Check: massless, a 8 pi^2/g^2 is 1, 3/2, -1/2 and -2/r; heavy axial vector, -10/(3 r).

    >>> [f"{float(moment(kind, 1.0, 1e-6)) * 8 * np.pi**2:.3f}" for kind in ("scalar", "vector")]
    ['1.500', '1.000']
    """
    m = np.asarray(mass, float)
    if not np.all((m > 0.0) & np.isfinite(m)):
        raise OutOfRange("a mass is not positive and finite", allowed="mass > 0 GeV")
    g = np.asarray(coupling, float)
    if mediator == "vector":
        return vector_moment(g, m)
    r = (m[..., None] / M_MU) ** 2
    x, bar = 1.0 / (1.0 + np.exp(-_LOGIT)), 1.0 / (1.0 + np.exp(_LOGIT))
    if mediator == "scalar":
        numerator = x * x * (1.0 + bar) + 0.0 * r
    elif mediator == "pseudoscalar":
        numerator = -(x**3) + 0.0 * r
    elif mediator == "axial-vector":
        numerator = 2.0 * x * bar * (x - 4.0) - 4.0 * x**3 / r
    else:
        raise UnknownName("kind of boson", mediator, ("vector", *OTHERS))
    step = _LOGIT[1] - _LOGIT[0]
    integral = np.sum(numerator / (x * x + r * bar) * x * bar, axis=-1) * step
    return np.asarray(g * g / (8.0 * np.pi**2) * integral)


def coupling_band(mediator: str, mass: ArrayLike, year: int, n_sigma: float = 2.0) -> CouplingBand:
    """Couplings to the muon of a boson of any kind that bring a_mu within the measurement.

    Arguments, result and errors as `vector_coupling_band`; a boson that lowers a_mu is bounded by
    the lower end of the interval. Raises OutOfRange where its sign is the wrong one throughout.
    """
    m = np.asarray(mass, float)
    unit = moment(mediator, 1.0, m)
    low, high = moment_reference(year).interval(n_sigma)
    sign = 1.0 if np.all(unit > 0.0) else -1.0
    near, far = (low, high) if sign > 0.0 else (-high, -low)
    if not far > 0.0:
        raise OutOfRange(
            f"a {mediator} boson moves a_mu the other way than the measurement of {year}, by "
            f"{n_sigma:g} uncertainties",
            allowed="a year and a number of uncertainties that hold 0",
        )
    return CouplingBand(
        np.sqrt(max(near, 0.0) / (sign * unit)), np.sqrt(far / (sign * unit))
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MomentReference:
    """One year's measurement and prediction of a_mu; plain numbers, not in units of 1e-11."""

    year: int
    title: str
    measured: float
    measured_uncertainty: float
    predicted: float
    predicted_uncertainty: float
    difference: float
    difference_uncertainty: float
    source_measured: str
    source_predicted: str
    source_difference: str
    note: str

    def interval(self, n_sigma: float) -> tuple[float, float]:
        """Difference minus and plus `n_sigma` uncertainties; the lower end may be negative."""
        if not (np.isfinite(n_sigma) and n_sigma >= 0.0):
            raise OutOfRange(f"n_sigma = {n_sigma} is not allowed", allowed="n_sigma >= 0")
        spread = n_sigma * self.difference_uncertainty
        return self.difference - spread, self.difference + spread

    @property
    def compatible_with_zero(self) -> bool:
        """True where the difference is within two uncertainties of zero."""
        return self.interval(2.0)[0] <= 0.0


class CouplingBand(NamedTuple):
    """Couplings that bring a_mu into an interval, per mass; lower is 0 where zero is inside."""

    lower: Array
    upper: Array


@cache
def moment_references() -> dict[int, MomentReference]:
    """All reference years of data/gm2.toml, by year."""
    text = files("mutau.data").joinpath("gm2.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    scale = float(table["unit"])
    out = {}
    for year, entry in table["year"].items():
        values: dict[str, Any] = {
            name: value if isinstance(value, str) else value * scale
            for name, value in entry.items()
        }
        out[int(year)] = MomentReference(year=int(year), **values)
    return out


def moment_reference(year: int) -> MomentReference:
    """The reference of one year. Raises UnknownName for a year that data/gm2.toml lacks."""
    table = moment_references()
    try:
        return table[int(year)]
    except (KeyError, TypeError, ValueError):
        raise UnknownName("reference year of g-2", str(year), map(str, table)) from None


def vector_coupling_band(mass: ArrayLike, year: int, n_sigma: float = 2.0) -> CouplingBand:
    """Vector couplings to the muon that bring a_mu within `n_sigma` of the measurement.

    mass : array_like, GeV. year : a key of data/gm2.toml. n_sigma : float.
    Returns CouplingBand(lower, upper), float64 arrays; lower is 0 where zero is inside the band.
    Raises UnknownName for the year; OutOfRange if the whole interval is negative.
    """
    low, high = moment_reference(year).interval(n_sigma)
    return CouplingBand(
        vector_coupling_for_moment(mass, max(low, 0.0)), vector_coupling_for_moment(mass, high)
    )
