"""Kinematics of a muon on an electron at rest: elastic, with a photon, with a massive V.

Source: K. Asai et al., Phys. Rev. D 106, L051702 (2022), "the paper" below; eqs. 1-4, Fig. 1 and
footnote 4. All energies are total energies in GeV, all angles to the beam, in rad.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import OutOfRange, require_in_range

Array = NDArray[np.float64]
#: Of the muon, GeV, the lower end excluded; above, the electroweak bosons could be made.
BEAM_ENERGIES: Final = (M_MU, 1e6)


def check_beam(energy: float) -> float:
    """Return the beam energy (GeV) if a muon can have it; raise OutOfRange otherwise."""
    return require_in_range(
        "beam energy",
        float(energy),
        *BEAM_ENERGIES,
        unit="GeV",
        reason="a muon on an electron at rest, far below the electroweak scale",
        open_low=True,
    )


def center_of_mass_energy(energy: float) -> float:
    """sqrt(s) in GeV for a muon of `energy` GeV on an electron at rest (paper, eq. 2).

    Check: 0.406 GeV at 150 GeV; m_mu + m_e for a muon at rest.

    >>> f"{center_of_mass_energy(150.0):.4f}"
    '0.4055'
    """
    check_beam(energy)
    return math.sqrt(M_MU**2 + M_E**2 + 2.0 * M_E * energy)


def production_threshold(energy: float) -> float:
    """Largest mass in GeV of a V that mu e -> mu e V can make: sqrt(s) - m_mu - m_e.

    >>> f"{production_threshold(150.0):.4f}"
    '0.2994'
    """
    return center_of_mass_energy(energy) - M_MU - M_E


def check_mass(mass: float, energy: float) -> float:
    """Return `mass` (GeV) if mu e -> mu e V can make it at this beam energy; else OutOfRange."""
    return require_in_range(
        "mass",
        float(mass),
        0.0,
        production_threshold(energy),
        unit="GeV",
        reason=f"muon-electron-zprime: a muon of {energy:g} GeV on an electron at rest makes "
        "nothing heavier",
        open_low=True,
    )


def elastic_muon_angle(theta_e: ArrayLike, energy: float) -> Array:
    """Muon angle at a given electron angle in mu e -> mu e (paper, eq. 1), rad.

    theta_e : array_like, rad, 0 <= theta_e < pi / 2. Returns float64 array, same shape.
    Raises OutOfRange if the electron would go backward: it cannot.
    Check: both angles satisfy p_mu sin(theta_mu) = p_e sin(theta_e); zero at theta_e = 0.
    """
    theta_e = _forward(theta_e)
    check_beam(energy)
    tangent = np.tan(theta_e)
    ratio = (M_MU**2 + M_E * energy) / (M_E**2 + M_E * energy)
    gamma2 = (M_E + energy) ** 2 / center_of_mass_energy(energy) ** 2
    # (1 + R)(1 + g^2 tan^2) - 2 with R - 1 taken out: no cancellation at small angles
    below = (1.0 + ratio) * gamma2 * tangent**2 + (ratio - 1.0)
    return np.asarray(np.arctan2(2.0 * tangent, below))


def elastic_electron_energy(theta_e: ArrayLike, energy: float) -> Array:
    """Electron energy at a given electron angle in mu e -> mu e (paper, eq. 3), GeV.

    theta_e : array_like, rad, 0 <= theta_e <= pi / 2. Raises OutOfRange otherwise.
    Check: m_e at 90 degrees.

    >>> f"{float(elastic_electron_energy(0.0, 150.0)):.1f}"
    '139.8'
    """
    theta_e = _forward(theta_e)
    check_beam(energy)
    b2 = (energy**2 - M_MU**2) / (energy + M_E) ** 2 * np.cos(theta_e) ** 2
    return np.asarray(M_E * (1.0 + b2) / (1.0 - b2))


def elastic_electron_angle(electron_energy: ArrayLike, energy: float) -> Array:
    """Electron angle at a given electron energy in mu e -> mu e, the inverse of eq. 3, rad.

    electron_energy : array_like, GeV, m_e to the largest. Raises OutOfRange outside.
    """
    electron_energy = np.asarray(electron_energy, float)
    largest = float(elastic_electron_energy(0.0, energy))
    for value in (electron_energy.min(), electron_energy.max()):
        require_in_range("electron energy", float(value), M_E, largest * (1 + 1e-12), unit="GeV")
    b2 = (energy**2 - M_MU**2) / (energy + M_E) ** 2
    cos2 = (electron_energy - M_E) / (electron_energy + M_E) / b2
    return np.asarray(np.arctan2(np.sqrt(np.maximum(1.0 - cos2, 0.0)), np.sqrt(cos2)))


def _forward(theta_e: ArrayLike) -> Array:
    theta_e = np.asarray(theta_e, float)
    if not np.all((theta_e >= 0.0) & (theta_e <= 0.5 * math.pi)):
        raise OutOfRange(
            "an electron at rest is never scattered backward",
            place="theta_e",
            allowed="[0, pi/2] rad",
        )
    return theta_e


def largest_muon_angle(energy: float, mass: float = 0.0) -> float:
    """Largest muon angle in rad for mu e -> mu e (mass 0), or with a V of `mass` GeV.

    The muon recoils against e or (e V) of invariant mass >= m_e + mass; the discriminant of its
    energy at fixed angle vanishes at the largest angle.
    Check: 1 / (gamma sqrt(R^2 - 1)) of the paper for mass 0, 4.84 mrad at 150 GeV.

    >>> f"{1e3 * largest_muon_angle(150.0):.2f}"
    '4.84'
    """
    check_beam(energy)
    if mass:
        check_mass(mass, energy)
    k = _recoil(energy, mass)
    p1 = math.sqrt(energy**2 - M_MU**2)
    sine2 = (k**2 / M_MU**2 - center_of_mass_energy(energy) ** 2) / p1**2
    return math.asin(math.sqrt(sine2)) if sine2 < 1.0 else math.pi


def _recoil(energy: float, mass: float) -> float:
    """(p1 + p2).p3 if the rest has invariant mass m_e + mass, GeV^2."""
    s = center_of_mass_energy(energy) ** 2
    return 0.5 * (s + M_MU**2 - (M_E + mass) ** 2)


def muon_energy_at_angle(
    theta_mu: ArrayLike, energy: float, mass: float = 0.0
) -> tuple[Array, Array]:
    """Both muon energies at a given angle when the rest has its smallest invariant mass, GeV.

    theta_mu : array_like, rad. mass : GeV, of a V beside the electron; 0 for mu e -> mu e.
    Returns (higher, lower); NaN beyond the largest angle, where there is no solution.
    """
    theta_mu = np.asarray(theta_mu, float)
    k = _recoil(energy, mass)
    total, p1 = energy + M_E, math.sqrt(energy**2 - M_MU**2)
    s = center_of_mass_energy(energy) ** 2
    below = s + (p1 * np.sin(theta_mu)) ** 2  # (E1 + m_e)^2 - (p1 cos)^2
    inside = k**2 - M_MU**2 * below
    root = np.sqrt(np.where(inside >= 0.0, inside, np.nan))
    p1_cos = p1 * np.cos(theta_mu)
    higher = (k * total + p1_cos * root) / below
    return higher, (k**2 + (M_MU * p1_cos) ** 2) / (below * higher)


def smallest_electron_energy(theta_mu: ArrayLike, energy: float) -> Array:
    """E_e^min(theta_th): smallest E_e of mu e -> mu e with theta_mu > theta_th (Fig. 1), GeV.

    theta_mu : array_like, rad. NaN beyond the largest muon angle: no event at all.
    Check: about 38 GeV at 1.5 mrad and 150 GeV.
    """
    higher, _ = muon_energy_at_angle(theta_mu, energy)
    return np.asarray(energy + M_E - higher)


def largest_electron_energy(theta_mu: ArrayLike, energy: float) -> Array:
    """Largest E_e of mu e -> mu e with theta_mu > theta_th, GeV; NaN beyond the largest angle."""
    _, lower = muon_energy_at_angle(theta_mu, energy)
    return np.asarray(energy + M_E - lower)


def smallest_electron_photon_energy(theta_mu: float, energy: float) -> float:
    """Smallest E_e + E_gamma of mu e -> mu e gamma with theta_mu > theta_th, GeV (Fig. 1).

    Found by minimising over the invariant mass of electron and photon and the muon's angle, not
    by the paper's argument that the minimum is the elastic one, which it confirms.
    theta_mu : rad. Returns NaN beyond the largest muon angle.
    """
    from scipy.optimize import minimize_scalar

    if theta_mu > largest_muon_angle(energy):
        return math.nan

    def rest(mass: float) -> float:
        angles = np.linspace(theta_mu, largest_muon_angle(energy, mass), 201)
        higher, _ = muon_energy_at_angle(np.minimum(angles, angles[-1] * (1 - 1e-12)), energy, mass)
        return float(np.nanmin(energy + M_E - higher))

    heaviest = production_threshold(energy)
    masses = heaviest * np.linspace(0.0, 0.999, 200) ** 2
    masses = np.array([m for m in masses if largest_muon_angle(energy, m) > theta_mu])
    values = [rest(m) for m in masses]
    best = int(np.argmin(values))
    if best in (0, len(masses) - 1):
        return values[best]
    found = minimize_scalar(rest, bounds=(masses[best - 1], masses[best + 1]), method="bounded")
    return float(min(found.fun, values[best]))


@dataclass(frozen=True, slots=True)
class PhotonBounds:
    """Bounds on the photon of mu e -> mu e gamma under cuts on the muon angle and E_e.

    energy_min : GeV, smallest photon energy. angle_max : rad, largest photon angle.
    muon_energy, muon_angle : GeV and rad, where `angle_max` is reached.
    """

    energy_min: float
    angle_max: float
    muon_energy: float
    muon_angle: float


def photon_bounds(
    energy: float,
    theta_mu_min: float = 1.5e-3,
    electron_energy_max: float = 25.0,
    electron_energy_min: float = M_E,
    points: int = 400,
) -> PhotonBounds:
    """Photon energy and angle bound of the paper's footnote 4, by search over the muon's plane.

    The muon's (E, theta) fixes the momentum of e + gamma; the photon's angle to it grows with E_e
    (eq. 4), so the largest allowed E_e decides. The photon goes round that momentum: its largest
    angle to the beam is the sum of the two angles, so the paper's bound is attained.
    The search runs over a grid of points x points, three times refined about the best point.
    Raises OutOfRange if the cuts leave no phase space.
    """
    check_beam(energy)
    if not theta_mu_min < largest_muon_angle(energy):
        raise OutOfRange(
            f"no muon of mu e -> mu e gamma is scattered by more than {theta_mu_min:g} rad",
            place="theta_mu_min",
            allowed=f"below {largest_muon_angle(energy):g} rad",
        )
    box = np.array([[M_MU, energy], [theta_mu_min, largest_muon_angle(energy)]])
    window = electron_energy_min, electron_energy_max
    best = (-1.0, math.nan, math.nan)
    for _ in range(4):
        e3 = np.linspace(box[0, 0], box[0, 1], points)[:, None] + np.zeros((1, points))
        theta = np.linspace(box[1, 0], box[1, 1], points)[None, :] + np.zeros((points, 1))
        angle = _photon_angle(energy, e3, theta, *window)
        if np.all(np.isnan(angle)):
            break
        where = np.unravel_index(int(np.nanargmax(angle)), angle.shape)
        if angle[where] > best[0]:
            best = (float(angle[where]), float(e3[where]), float(theta[where]))
        centre = np.array([[best[1]], [best[2]]])
        half = 4.0 * (box[:, 1:] - box[:, :1]) / points
        box = np.clip(centre + half * np.array([-1.0, 1.0]), box[:, :1], box[:, 1:])
    if best[0] < 0.0:
        raise OutOfRange(
            "no mu e -> mu e gamma passes these cuts", place="photon_bounds", remedy="loosen them"
        )
    least = float(smallest_electron_energy(theta_mu_min, energy)) - electron_energy_max
    return PhotonBounds(max(least, 0.0), *best)


def _photon_angle(energy: float, e3: Array, theta: Array, e4_min: float, e4_max: float) -> Array:
    """Largest photon angle at each muon energy and angle, rad; NaN where nothing is allowed."""
    p1, p3 = math.sqrt(energy**2 - M_MU**2), np.sqrt(np.maximum(e3**2 - M_MU**2, 0.0))
    rest = energy + M_E - e3
    px, pz = p3 * np.sin(theta), p1 - p3 * np.cos(theta)
    size = np.hypot(px, pz)
    m2 = rest**2 - size**2
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, half = rest * (m2 + M_E**2) / (2.0 * m2), size * (m2 - M_E**2) / (2.0 * m2)
        ok = (m2 > M_E**2) & (p3 > 0.0) & (mean + half >= e4_min) & (mean - half <= e4_max)
        e4 = np.minimum(mean + half, e4_max)
        cosine = rest / size - (m2 - M_E**2) / (2.0 * size * (rest - e4))
        angle = np.arctan2(px, pz) + np.arccos(np.clip(cosine, -1.0, 1.0))
    return np.where(ok, angle, np.nan)
