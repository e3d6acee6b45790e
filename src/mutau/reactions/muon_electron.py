"""Muon on an electron at rest: mu e -> mu e, + photon, + Z', + a neutrino pair, at tree level.

The electron of an atom counts as free and at rest. Its momentum in beryllium (a few keV) smears
sqrt(s) by less than 1 %, which matters only within about 3 MeV of the largest mass.

Deterministic cross sections and electron spectra with cuts on true quantities, exact in both
lepton masses. Source of the process, the cuts and the numbers to compare with: K. Asai et al.,
Phys. Rev. D 106, L051702 (2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import ALPHA, G_F, M_E, M_MU, SIN2_W
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.types import CrossSection
from mutau.core.units import GEV2_PB, PB_CM2
from mutau.reactions.abilities import ABILITIES
from mutau.reactions.bosons import boson
from mutau.reactions.muon_electron_amplitudes import elastic_numerator
from mutau.reactions.muon_electron_kinematics import (
    center_of_mass_energy,
    check_mass,
    elastic_electron_energy,
    largest_electron_energy,
    largest_muon_angle,
    production_threshold,
    smallest_electron_energy,
)
from mutau.reactions.quadrature import gauss_legendre

if TYPE_CHECKING:
    from mutau.reactions.muon_electron_integrals import CutLimits, MuonOnElectron, Vertices

Array = NDArray[np.float64]

ZPRIME: Final = "muon-electron-zprime"
ELASTIC: Final = "muon-electron-elastic"
GAMMA: Final = "muon-electron-gamma"
NUNU: Final = "muon-electron-nunu"
#: name -> meaning of every reaction of this module.
PROCESSES: Final = {
    ZPRIME: "mu e -> mu e Z'",
    ELASTIC: "mu e -> mu e",
    GAMMA: "mu e -> mu e gamma",
    NUNU: "mu e -> mu e nu nu-bar, three flavours",
}
#: alpha that some generators use by default at all scales; to compare with them.
ALPHA_GENERATOR: Final = 1.0 / 127.9

_SOFTEST: Final = 1e-6  # GeV; no photon below it where the cuts forbid soft ones
_ORDERS: Final = (12, 16, 22, 30, 40, 54)  # Gauss-Legendre orders tried until `accuracy` is met


@dataclass(frozen=True, slots=True)
class Reaction:
    """One of the reactions with its parameters.

    process : a key of `PROCESSES`. energy : GeV, of the beam muon.
    mass, coupling : GeV and dimensionless, of the Z'; only for `ZPRIME`.
    electron_coupling : coupling of the boson to the electron (by loop mixing at most a few
        per cent of `coupling`, neglected by default); only for `ZPRIME`.
    beam_charge : -1 or +1. It matters where both leptons emit.
    alpha : fine-structure constant at every photon vertex. Momentum transfers stay below
        (0.4 GeV)^2, so alpha(0) is the default; `ALPHA_GENERATOR` is another choice.
    sin2_theta_w : sin^2 of the weak mixing angle, of neutrino pairs; at the Z mass by default.
    mediator : kind of the boson, of `bosons.KINDS`; only for `ZPRIME`, where "Z'" stands for it.
    Raises UnknownName for the process, OutOfRange for a number; above the production threshold no
    Z' can be made and OutOfRange says so.
    """

    process: str
    energy: float
    mass: float = 0.0
    coupling: float = 0.0
    electron_coupling: float = 0.0
    beam_charge: int = -1
    alpha: float = ALPHA
    sin2_theta_w: float = SIN2_W
    mediator: str = "vector"

    def __post_init__(self) -> None:
        if self.process not in PROCESSES:
            raise UnknownName("process", self.process, PROCESSES)
        ABILITIES[self.process].check_energy(self.energy)
        require_in_range("alpha", self.alpha, 0.0, 1.0, open_low=True)
        require_in_range("sin2_theta_w", self.sin2_theta_w, 0.0, 1.0)
        if self.beam_charge not in (-1, 1):
            raise MutauError(f"beam charge {self.beam_charge!r}", allowed="-1 or +1")
        if self.process == ZPRIME:
            boson(self.mediator, ZPRIME)
            check_mass(self.mass, self.energy)
            for name in ("coupling", "electron_coupling"):
                if not math.isfinite(getattr(self, name)):
                    raise OutOfRange(f"{name} = {getattr(self, name)}", allowed="a finite number")
        elif self.mass or self.coupling or self.electron_coupling:
            raise MutauError(
                f"{self.process} has no mass and no coupling to choose",
                remedy=f"leave them out, or use {ZPRIME}",
            )


@dataclass(frozen=True, slots=True)
class Cuts:
    """Cuts on true quantities in the laboratory; the default keeps everything.

    theta_mu_min, theta_e_max : rad. electron_energy_min, electron_energy_max : GeV, total energy.
    emitted_energy_min : GeV, of the photon or Z'.
    Raises OutOfRange for a negative bound, MutauError for an empty window.
    """

    theta_mu_min: float = 0.0
    electron_energy_min: float = 0.0
    electron_energy_max: float = math.inf
    theta_e_max: float = math.pi
    emitted_energy_min: float = 0.0

    def __post_init__(self) -> None:
        require_in_range("theta_mu_min", self.theta_mu_min, 0.0, math.pi, unit="rad")
        require_in_range("theta_e_max", self.theta_e_max, 0.0, math.pi, unit="rad", open_low=True)
        require_in_range("electron_energy_min", self.electron_energy_min, 0.0, 1e9, unit="GeV")
        require_in_range("emitted_energy_min", self.emitted_energy_min, 0.0, 1e9, unit="GeV")
        if not self.electron_energy_max > max(self.electron_energy_min, M_E):
            raise MutauError(
                f"electron energy above {self.electron_energy_min:g} GeV and below "
                f"{self.electron_energy_max:g} GeV: nothing can pass",
                remedy="give a maximum above the minimum and above m_e",
            )

    @property
    def kernel_limits(self) -> CutLimits:
        """The cuts on angles and E_V as kernels take them; that on E_e limits T."""
        from mutau.reactions.muon_electron_integrals import CutLimits

        one_max = 2.0 * math.sin(0.5 * self.theta_e_max) ** 2 if self.theta_e_max < math.pi else 3.0
        return CutLimits(
            math.sin(0.5 * self.theta_mu_min) ** 2, max(self.emitted_energy_min, _SOFTEST), one_max
        )


NO_CUTS: Final = Cuts()
#: Conditions (i) and (ii) of the paper; (iii) is the photon veto.
PAPER_CUTS: Final = Cuts(theta_mu_min=1.5e-3, electron_energy_min=1.0, electron_energy_max=25.0)


def total_cross_section(
    reaction: Reaction, cuts: Cuts = NO_CUTS, *, accuracy: float = 1e-4
) -> CrossSection:
    """Cross section within cuts, pb per electron, by deterministic quadrature.

    accuracy : relative; the order grows until the error is below it, at most to 54. The error is
    twice the difference of the last two orders. Elastic scattering is a closed form, its error
    rounding.
    Zero with zero error if the cuts leave no phase space.
    Raises OutOfRange where the cross section is infinite: elastic without a lower E_e, photon
    emission where soft photons pass (give `emitted_energy_min`).
    Check: scales as alpha^2 coupling^2 for the Z'; 545.6 events per 15 fb^-1 at 10 MeV and
    coupling 5e-4 with `PAPER_CUTS` at 150 GeV.

    >>> z = Reaction(ZPRIME, 150.0, mass=0.1, coupling=1e-3)
    >>> f"{15e3 * total_cross_section(z, PAPER_CUTS).sigma_pb:.0f} events"
    '1073 events'
    """
    if reaction.process == ELASTIC:
        low, high = elastic_window(reaction, cuts)
        value = _elastic_integral(reaction, low, high)
        return CrossSection(value, 1e-12 * value)
    _check_soft_photons(reaction, cuts)

    def at(order: int) -> float:
        return sum(_integral(part, reaction, cuts, order) for part in _parts(reaction, cuts, order))

    value, error = _refine(at, accuracy)
    return CrossSection(value, error)


@dataclass(frozen=True, slots=True)
class ElectronSpectrum:
    """Cross section in bins of the electron's energy.

    edges : (B + 1,) float64, GeV, total energy. sigma_pb, sigma_err_pb : (B,) float64, pb per bin.
    """

    edges: Array
    sigma_pb: Array
    sigma_err_pb: Array


def electron_spectrum(
    reaction: Reaction, edges: ArrayLike, cuts: Cuts = NO_CUTS, *, order: int = 16
) -> ElectronSpectrum:
    """Cross section in bins of E_e within cuts (Fig. 2 of the paper), deterministic.

    edges : (B + 1,) increasing, GeV, above m_e. order : of the quadrature inside a bin; the error
    is the difference to order - 4. Raises as `total_cross_section`.
    Check: the sum over bins is the total cross section of the window that they cover.
    """
    edges = np.asarray(edges, float)
    if edges.ndim != 1 or len(edges) < 2 or np.any(np.diff(edges) <= 0.0) or edges[0] < M_E:
        raise MutauError(
            "edges of the electron energy must increase and lie above m_e",
            allowed="two or more numbers in GeV",
        )
    if reaction.process == ELASTIC:
        low, high = elastic_window(reaction, cuts)
        inside = np.clip(edges, low, max(high, low))
        sigma = np.array([_elastic_integral(reaction, *pair) for pair in pairwise(inside)])
        return ElectronSpectrum(edges, sigma, 1e-12 * sigma)
    _check_soft_photons(reaction, cuts)
    values = [
        sum(
            (_binned(part, reaction, cuts, edges, n) for part in _parts(reaction, cuts, n)),
            np.zeros(len(edges) - 1),
        )
        for n in (order - 4, order)
    ]
    return ElectronSpectrum(edges, values[1], np.abs(values[1] - values[0]))


def kept_fraction(
    reaction: Reaction, cuts: Cuts, tighter: Cuts, *, accuracy: float = 1e-4
) -> tuple[float, float]:
    """Fraction of the events within `cuts` that `tighter` keeps too (paper, footnote 5).

    Returns (fraction, its error by the two quadratures).
    Raises OutOfRange if nothing passes `cuts`.
    Check: 1 for equal cuts.
    """
    whole = total_cross_section(reaction, cuts, accuracy=accuracy)
    if whole.sigma_pb == 0.0:
        raise OutOfRange("no event passes the first cuts", remedy="choose a smaller mass")
    kept = total_cross_section(reaction, tighter, accuracy=accuracy)
    fraction = kept.sigma_pb / whole.sigma_pb
    return fraction, math.hypot(kept.sigma_err_pb, fraction * whole.sigma_err_pb) / whole.sigma_pb


def closing_mass(energy: float, cuts: Cuts) -> float:
    """Largest mass in GeV that still has phase space within cuts; at most the threshold.

    Returns 0 if not even a massless V passes.
    Check: `production_threshold` without cuts.
    """
    low, high = 0.0, production_threshold(energy)
    if allowed_electron_energies(energy, high * (1.0 - 1e-9), cuts) is not None:
        return high
    for _ in range(40):
        middle = 0.5 * (low + high)
        if allowed_electron_energies(energy, middle, cuts) is None:
            high = middle
        else:
            low = middle
    return low


def luminosity(
    particles: float, electron_density: float, thickness: float, stations: int = 1
) -> float:
    """Integrated luminosity on electrons, pb^-1: particles x electrons per cm^2.

    electron_density : cm^-3. thickness : cm, of one station. The loss of beam muons in a station
    is below 1e-4 and neglected.
    Raises OutOfRange for a negative number and for a target without electrons.
    Check: 40 x 1.5 cm of beryllium (4.94e23 cm^-3) and 5.06e14 muons give 15 fb^-1.

    >>> f"{luminosity(5.06e14, 4.94e23, 1.5, 40):.3g}"
    '1.5e+04'
    """
    require_in_range("particles", particles, 0.0, math.inf)
    require_in_range("electron density", electron_density, 0.0, 1e26, unit="cm^-3", open_low=True)
    require_in_range("thickness", thickness, 0.0, 1e6, unit="cm", open_low=True)
    require_in_range("stations", stations, 1, 1e6)
    return particles * electron_density * thickness * stations * PB_CM2


def elastic_window(reaction: Reaction, cuts: Cuts) -> tuple[float, float]:
    """Electron energies of elastic scattering within cuts, GeV; high <= low if there are none."""
    energy = reaction.energy
    low = max(cuts.electron_energy_min, M_E)
    high = min(cuts.electron_energy_max, float(elastic_electron_energy(0.0, energy)))
    if cuts.theta_mu_min > 0.0:
        if cuts.theta_mu_min >= largest_muon_angle(energy):
            return 0.0, 0.0
        low = max(low, float(smallest_electron_energy(cuts.theta_mu_min, energy)))
        high = min(high, float(largest_electron_energy(cuts.theta_mu_min, energy)))
    if cuts.theta_e_max < 0.5 * math.pi:
        low = max(low, float(elastic_electron_energy(cuts.theta_e_max, energy)))
    return low, high


def elastic_spectrum(reaction: Reaction, electron_energy: ArrayLike) -> Array:
    """d sigma / dE_e of elastic scattering, pb / GeV; 0 outside the kinematic range.

    electron_energy : array_like, GeV, total, above m_e. Check: its integral is the closed form.
    """
    t = np.asarray(electron_energy, float) - M_E
    top = float(elastic_electron_energy(0.0, reaction.energy)) - M_E
    inside = (t > 0.0) & (t <= top)
    s, q = 2.0 * M_E * reaction.energy, 2.0 * M_E * np.where(inside, t, top)
    squared = 2.0 * elastic_numerator(s, -q, M_MU**2, M_E**2) / q**2
    flux = 32.0 * math.pi * M_E * (reaction.energy**2 - M_MU**2)
    scale = (4.0 * math.pi * reaction.alpha) ** 2 * GEV2_PB / flux
    return np.where(inside, squared * scale, 0.0)


def _elastic_integral(reaction: Reaction, low: float, high: float) -> float:
    """Elastic cross section between two electron energies, pb.

    |M|^2 / e^4 = 2 [2 S^2 + 2 S t + t^2 + 2 t (m2 + e2)] / t^2 with t = -2 m_e T.
    """
    if high <= low:
        return 0.0
    if low <= M_E:
        raise OutOfRange(
            "the elastic cross section is infinite down to E_e = m_e",
            place="electron_energy_min",
            remedy="ask for a smallest electron energy above m_e",
        )
    s = 2.0 * M_E * reaction.energy
    a, b = 2.0 * M_E * (low - M_E), 2.0 * M_E * (high - M_E)  # -t
    integral = 4.0 * s * s * (1.0 / a - 1.0 / b) + 2.0 * (b - a)
    integral -= 4.0 * (s + M_MU**2 + M_E**2) * math.log(b / a)
    flux = 64.0 * math.pi * M_E**2 * (reaction.energy**2 - M_MU**2)
    return (4.0 * math.pi * reaction.alpha) ** 2 * integral / flux * GEV2_PB


def _check_soft_photons(reaction: Reaction, cuts: Cuts) -> None:
    """Refuse photon emission where the cuts let elastic scattering, hence soft photons, pass."""
    if reaction.process != GAMMA or cuts.emitted_energy_min > 0.0:
        return
    low, high = elastic_window(reaction, cuts)
    if high > low:
        raise OutOfRange(
            "the cross section of mu e -> mu e gamma is infinite here: soft photons pass the cuts",
            place="emitted_energy_min",
            remedy="ask for a smallest photon energy, for example 0.1 GeV",
        )


def allowed_electron_energies(energy: float, mass: float, cuts: Cuts) -> tuple[float, float] | None:
    """Kinetic energies (GeV) of the electron of mu e -> mu e V that phase space and cuts allow.

    energy, mass : GeV, of the beam and of V (0 for a photon). None if nothing is allowed.
    """
    from mutau.reactions import muon_electron_integrals as integrals

    s = center_of_mass_energy(energy) ** 2
    v_min = max(cuts.emitted_energy_min, _SOFTEST)
    soft = max(mass * M_MU, 0.5 * v_min * M_MU**2 / energy)
    # half a bound from below: |t| > m_e^2 (W^2 - m_mu^2)^2 / s^2 for a muon and V of mass W, and
    # W^2 - m_mu^2 >= 2 soft + mass^2
    least = M_E * (soft + 0.5 * mass**2) ** 2 / s**2
    low = max(cuts.electron_energy_min - M_E, least)
    high = min(cuts.electron_energy_max - M_E, energy - M_MU - mass)
    if not low < high:
        return None
    sine2 = math.sin(0.5 * cuts.theta_mu_min) ** 2
    at = integrals.MuonOnElectron(float(energy), M_MU, M_E, float(mass))
    first, last = integrals.electron_range(low, high, at, sine2, v_min)
    return (first, last) if last > first > 0.0 else None


def kinematics_of(reaction: Reaction) -> MuonOnElectron:
    """Energy and masses as kernels take them."""
    from mutau.reactions.muon_electron_integrals import MuonOnElectron

    return MuonOnElectron(float(reaction.energy), M_MU, M_E, float(reaction.mass))


def emission(reaction: Reaction) -> Vertices:
    """What emits, with its couplings, of a Z' or photon reaction.

    The kernels' muon line carries the current of a mu-; a mu+ turns its vector coupling, because
    a line with n vector vertices changes by (-1)^n under charge conjugation; axial, scalar and
    pseudoscalar vertices do not change. Raises MutauError for a boson that has spin 0 and 1.
    """
    from mutau.reactions import muon_electron_integrals as integrals

    charge = reaction.beam_charge
    if reaction.process == GAMMA:
        e = math.sqrt(4.0 * math.pi * reaction.alpha)
        return integrals.Vertices(integrals.OFF_BOTH, charge * e, -e, 0.0, 0.0)
    of = boson(reaction.mediator, ZPRIME)
    if max(of[:2]) and max(of[2:]):
        raise MutauError(
            f"{ZPRIME}: a {reaction.mediator} boson has spin 0 and 1", place="mediator",
            allowed="vector and axial parts, or scalar and pseudoscalar ones",
        )  # fmt: skip
    return integrals.vertices_of(
        of, -charge, float(reaction.coupling), float(reaction.electron_coupling)
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One emitted mass, what emits it, and its weight in the sum."""

    mass: float
    vertices: Vertices
    weight: float


def _parts(reaction: Reaction, cuts: Cuts, order: int) -> list[_Part]:
    """What has to be summed: one part, or neutrino pairs by flavour and mass."""
    from mutau.reactions import muon_electron_integrals as integrals

    if reaction.process != NUNU:
        return [_Part(reaction.mass, emission(reaction), 1.0)]
    largest = closing_mass(reaction.energy, cuts)
    parts = []
    for x, w in zip(*gauss_legendre(order), strict=True):
        mass = largest * x
        # G_F^2 q^2 / (12 pi^2) dq^2: the neutrinos' tensor integrated over their phase space
        weight = largest * w * 2.0 * mass * (G_F * mass) ** 2 / (12.0 * math.pi**2)
        for flavour in neutrino_couplings(reaction.sin2_theta_w).values():
            v_mu, *others = flavour
            vertices = integrals.Vertices(
                integrals.VECTOR_AXIAL, -reaction.beam_charge * v_mu, *others
            )  # fmt: skip
            parts.append(_Part(mass, vertices, weight))
    return parts


def neutrino_couplings(
    sin2_theta_w: float = SIN2_W,
) -> dict[str, tuple[float, float, float, float]]:
    """Effective (v_mu, v_e, a_mu, a_e) of the pair of each neutrino flavour, for a mu- beam.

    L = -(G_F / sqrt 2) [nu-bar gamma (1 - gamma5) nu] [l-bar gamma (v - a gamma5) l]: Z exchange
    gives v = -1/2 + 2 sin^2(theta_W), a = -1/2 to both leptons, W exchange adds 1 to both numbers
    of the matching one. sin^2(theta_W) is that at the Z mass by default; it runs by 3 %.
    """
    v, a = -0.5 + 2.0 * sin2_theta_w, -0.5
    return {
        "nu_e": (v, v + 1.0, a, a + 1.0),
        "nu_mu": (v + 1.0, v, a + 1.0, a),
        "nu_tau": (v, v, a, a),
    }


def _spectrum(part: _Part, reaction: Reaction, cuts: Cuts, energy: Array, order: int) -> Array:
    """d sigma / dT of one part at kinetic energies (GeV), pb / GeV."""
    from mutau.reactions import muon_electron_integrals as integrals

    # the map of the azimuth leaves little to integrate of the muon line, more of the other
    n_phi = 4 + order // 3 if integrals.from_muon(part.vertices) else 4 + order
    phi = (np.arange(n_phi) + 0.5) * (math.pi / n_phi)
    values = integrals.spectrum(
        energy,
        integrals.MuonOnElectron(float(reaction.energy), M_MU, M_E, float(part.mass)),
        part.vertices,
        cuts.kernel_limits,
        gauss_legendre(order),
        np.cos(phi),
    )
    return np.asarray(values * (4.0 * math.pi * reaction.alpha) ** 2 * GEV2_PB * part.weight)


def _integral(part: _Part, reaction: Reaction, cuts: Cuts, order: int) -> float:
    """Integral of one part over the electron's energy, pb; a sin^2 map softens both ends."""
    window = allowed_electron_energies(reaction.energy, part.mass, cuts)
    if window is None:
        return 0.0
    low, high = window
    x, w = gauss_legendre(order)
    angle, span = 0.5 * math.pi * x, math.log(high / low)
    energy = low * np.exp(span * np.sin(angle) ** 2)
    values = _spectrum(part, reaction, cuts, energy, order)
    return float(np.sum(values * energy * np.sin(2.0 * angle) * w) * span * 0.5 * math.pi)


def _binned(part: _Part, reaction: Reaction, cuts: Cuts, edges: Array, order: int) -> Array:
    """Integral of one part over each bin of the electron's energy, pb."""
    window = allowed_electron_energies(reaction.energy, part.mass, cuts)
    if window is None:
        return np.zeros(len(edges) - 1)
    inside = np.clip(edges - M_E, *window)
    x, w = gauss_legendre(order)
    span = np.log(inside[1:] / inside[:-1])[:, None]
    energy = inside[:-1, None] * np.exp(span * x)
    values = _spectrum(part, reaction, cuts, energy.ravel(), order).reshape(energy.shape)
    return np.asarray(np.sum(values * energy * span * w, axis=1))


def _refine(at: Callable[[int], float], accuracy: float) -> tuple[float, float]:
    """Value and error of a quadrature whose order grows until the error is small enough."""
    value, error = at(_ORDERS[0]), math.inf
    for order in _ORDERS[1:]:
        better = at(order)
        value, error = better, 2.0 * abs(better - value)
        if error <= accuracy * abs(value):
            break
    return value, error
