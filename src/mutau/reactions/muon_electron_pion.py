"""mu e -> mu e pi0 on an electron at rest: two virtual photons that make a neutral pion.

The amplitude is that of the anomaly, e^2 F eps^{mu nu rho sigma} q1_rho q2_sigma between the two
lepton lines, with F from the measured width of the pion and rho poles in both virtualities. Left
out: the pion off a lepton line (no such coupling at tree level), radiative corrections. Accuracy:
3 % (width 1.5 %; pole form below 0.2 GeV^2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import ALPHA, M_E, M_MU, M_PI0, WIDTH_PI0
from mutau.core.errors import OutOfRange
from mutau.core.units import GEV2_PB
from mutau.reactions.muon_electron_kinematics import center_of_mass_energy

Array = NDArray[np.float64]

#: pi0 gamma gamma coupling, 1/GeV: Gamma = pi alpha^2 m^3 F^2/4. Check: 1/(4 pi^2 f_pi) = 0.274.
COUPLING: Final = math.sqrt(4.0 * WIDTH_PI0 / (math.pi * ALPHA**2 * M_PI0**3))
_RHO2: Final = 0.7753**2  # GeV^2
_METRIC: Final = np.diag([1.0, -1.0, -1.0, -1.0])


def _levi_civita() -> Array:
    tensor = np.zeros((4, 4, 4, 4))
    for i in range(4):
        for j in range(4):
            for k in range(4):
                for m in range(4):
                    tensor[i, j, k, m] = np.linalg.det(np.eye(4)[[i, j, k, m]])
    return tensor


_EPSILON: Final = _levi_civita()


def lepton_tensor(before: Array, after: Array, mass: float) -> Array:
    """(N, 4, 4), upper indices, sum over spins of a lepton line between momenta (N, 4)."""
    product = np.einsum("ni,ij,nj->n", before, _METRIC, after)
    outer = before[:, :, None] * after[:, None, :]
    outer = outer + np.swapaxes(outer, 1, 2)
    return np.asarray(4.0 * (outer - (product - mass**2)[:, None, None] * _METRIC))


def pion_tensor(q1: Array, q2: Array) -> Array:
    """(N, 4, 4), lower indices: eps_{mu nu rho sigma} q1^rho q2^sigma."""
    return np.asarray(np.einsum("ijkm,nk,nm->nij", _EPSILON, q1, q2))


def pion_amplitude(p1: Array, p2: Array, p3: Array, p4: Array) -> Array:
    """(N,) |M|^2 of mu(p1) e(p2) -> mu(p3) e(p4) pi0, averaged over spins, GeV^-2.

    Momenta (N, 4), GeV; best in the centre of mass, where nothing large cancels.
    Check: 0 where the photons are parallel; with -g for the lepton tensors the pion's own width.
    """
    q1, q2 = p1 - p3, p2 - p4
    t1, t2 = (np.einsum("ni,ij,nj->n", q, _METRIC, q) for q in (q1, q2))
    pion = pion_tensor(q1, q2)
    muon, electron = lepton_tensor(p1, p3, M_MU), lepton_tensor(p2, p4, M_E)
    whole = np.einsum("nij,nik,nkm,njm->n", muon, pion, electron, pion, optimize=True)
    poles = t1 * t2 * (1.0 - t1 / _RHO2) * (1.0 - t2 / _RHO2)
    return np.asarray((4.0 * math.pi * ALPHA) ** 4 * COUPLING**2 * whole / (4.0 * poles**2))


@dataclass(frozen=True, slots=True)
class PionEvents:
    """muon, electron, pion : (N, 4), GeV, laboratory, azimuth even. weight : (N,) pb."""

    muon: Array
    electron: Array
    pion: Array
    weight: Array


def draw_pions(
    energy: float, electron_energies: tuple[float, float], n: int, rng: np.random.Generator
) -> PionEvents:
    """n weighted events with the electron between two energies; the weights add up to sigma.

    energy : of the muon, GeV. Even in the logarithm of the electron's energy, in the squared mass
    of muon and pion, and in their directions at rest.
    Raises OutOfRange below the threshold, or for an empty range.
    Check: uniform phase space gives the same cross section.
    """
    if center_of_mass_energy(energy) <= M_MU + M_E + M_PI0:
        raise OutOfRange(f"no pion is made at {energy:g} GeV", place="energy")
    p = math.sqrt(energy**2 - M_MU**2)
    low, high = max(electron_energies[0], 1.0001 * M_E), min(electron_energies[1], energy)
    if not low < high:
        raise OutOfRange(f"electron from {low:g} to {high:g} GeV: nothing is left")
    span = math.log(high / low)
    e4 = low * np.exp(span * rng.random(n))
    p4 = np.sqrt(e4**2 - M_E**2)
    along = (M_E**2 * energy**2 + M_MU**2 * p4**2) / (energy * e4 + p * p4)
    top = M_MU**2 + 2.0 * (M_E * (energy + M_E - e4) - along)  # W^2 of a forward electron
    bottom = (M_MU + M_PI0) ** 2
    w2 = bottom + np.maximum(top - bottom, 0.0) * rng.random(n)
    half2 = np.minimum((top - w2) / (4.0 * p * p4), 1.0)  # sin^2 of half the electron's angle
    w = np.sqrt(w2)
    rest = np.sqrt(np.maximum((w2 - (M_MU + M_PI0) ** 2) * (w2 - (M_MU - M_PI0) ** 2), 0.0))
    rest *= 0.5 / w
    phi = rng.uniform(0.0, 2.0 * math.pi, n)
    sine = 2.0 * np.sqrt(np.maximum(half2 * (1.0 - half2), 0.0))
    electron = np.stack(
        [e4, p4 * sine * np.cos(phi), p4 * sine * np.sin(phi), p4 * (1.0 - 2.0 * half2)], axis=1
    )
    whole = np.array([energy + M_E, 0.0, 0.0, p]) - electron
    muon = _boosted(_isotropic(np.hypot(rest, M_MU), rest, rng), whole, w)
    pion = whole - muon
    beam = np.tile([energy, 0.0, 0.0, p], (n, 1))
    target = np.tile([M_E, 0.0, 0.0, 0.0], (n, 1))
    frame = energy + M_E, p
    value = pion_amplitude(*(_along_z(k, frame) for k in (beam, target, muon, electron)))
    jacobian = e4 * span * np.maximum(top - bottom, 0.0) / (16.0 * math.pi**2 * p)
    jacobian *= rest * 4.0 * math.pi / (16.0 * math.pi**2 * w)
    weight = np.where(top > bottom, value * jacobian / (4.0 * M_E * p) * GEV2_PB / n, 0.0)
    return PionEvents(muon, electron, pion, weight)


def _isotropic(energy: Array, size: Array, rng: np.random.Generator) -> Array:
    cosine, phi = rng.uniform(-1.0, 1.0, len(size)), rng.uniform(0.0, 2.0 * math.pi, len(size))
    sine = np.sqrt(1.0 - cosine**2)
    return np.stack(
        [energy, size * sine * np.cos(phi), size * sine * np.sin(phi), size * cosine], axis=1
    )


def _boosted(p4: Array, whole: Array, mass: Array) -> Array:
    """Momenta (N, 4) at rest of a system of momentum `whole` (N, 4) and mass (N,)."""
    along = np.sum(p4[:, 1:] * whole[:, 1:], axis=1)
    energy = (whole[:, 0] * p4[:, 0] + along) / mass
    factor = (p4[:, 0] + energy) / (whole[:, 0] + mass)
    return np.column_stack([energy, p4[:, 1:] + factor[:, None] * whole[:, 1:]])


def _along_z(p4: Array, frame: tuple[float, float]) -> Array:
    """Momenta (N, 4) in the rest frame of a system of (energy, p_z)."""
    energy, p = frame
    mass = math.sqrt((energy - p) * (energy + p))
    out = p4.copy()
    plus = (p4[:, 0] + p4[:, 3]) * mass / (energy + p)
    minus = (p4[:, 0] - p4[:, 3]) * (energy + p) / mass
    out[:, 0], out[:, 3] = 0.5 * (plus + minus), 0.5 * (plus - minus)
    return out
