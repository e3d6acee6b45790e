"""Muon pairs made by neutrinos on nuclei (tridents), with W, Z and Z' inside the integral.

The weak current of the neutrino and the vector or axial current of the muons exchange
K^2 = -kappa^2. Written as (G_F/sqrt 2) [nubar ga (1 - g5) nu][mubar ga (C_V - C_A g5) mu],

    C_V(kappa^2) = 1 + (2 s^2 - 1/2) Z + v^2 g_nu g_mu/(kappa^2 + m^2),  C_A = 1 - Z/2,

with v^2 = 1/(sqrt 2 G_F), Z = m_Z^2/(m_Z^2 + kappa^2) and 1 from the W, whose momentum is not K
but the other one; its propagator is left at zero momentum (the Z propagator takes 0.03 % off
CCFR's cross section, mean kappa^2/m_Z^2 being 7e-4; the W's would be of the same size). The
interference is constructive if neutrino and muon have equal charges. As the mediator enters
through kappa^2 alone, one table of d sigma/d kappa^2 per beam and target gives every mass and
coupling. The photon-flux version is that of W. Altmannshofer et al., Phys. Rev. Lett. 113 (2014)
091801; docs/validation/bounds.md compares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.bounds.inputs import bound_inputs
from mutau.core.constants import ALPHA, G_F, M_MU, M_P, MU_P, SIN2_W
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.storage import cached_arrays, digest
from mutau.core.types import CrossSection
from mutau.core.units import GEV2_PB, HBARC_GEV_CM
from mutau.matter import element

if TYPE_CHECKING:
    from mutau.bounds.trident_kernels import Scatterers

Array = NDArray[np.float64]

EXPERIMENTS: Final = ("ccfr", "charm2", "nutev", "dune")
METHODS: Final = ("full", "epa")
SCATTERING: Final = ("coherent", "diffractive")
FORMS: Final = ("fermi", "tsai")
#: v^2 = 1/(sqrt 2 G_F), GeV^2.
V2: Final = 1.0 / (math.sqrt(2.0) * G_F)
_Q2_MAX: Final = 4.0
_KAPPA2_MIN: Final = 1e-8
_ENERGIES_PER_BIN: Final = 3
#: Nodes in kappa^2, Q^2, and y and W^2, of the table and of the coarser one that gives its error.
_FINE: Final = (80, 40, 24)
_COARSE: Final = (60, 28, 16)


@dataclass(frozen=True, slots=True, eq=False)
class TridentTable:
    """d sigma/d kappa^2 over a beam and a target, ready for any mediator.

    kappa2 : (N,) GeV^2. vector, axial : (N,) pb, already times the width of each node: their sums
    are the cross sections per formula unit of the target at C_V = 1 and C_A = 1 alone.
    foot : (2,) lower end of the table (GeV^2) and (d sigma_V/d kappa^2)/kappa^2 there.
    """

    kappa2: Array
    vector: Array
    axial: Array
    foot: Array

    def couplings(self, sin2_w: float = SIN2_W, z_propagator: bool = True) -> tuple[Array, Array]:
        """C_V and C_A of the standard model at every kappa^2."""
        z = np.ones_like(self.kappa2)
        if z_propagator:
            mass2 = float(bound_inputs("tridents")["weak"]["z_mass_GeV"]) ** 2
            z = mass2 / (mass2 + self.kappa2)
        return 1.0 + (2.0 * sin2_w - 0.5) * z, 1.0 - 0.5 * z

    def standard(self, sin2_w: float = SIN2_W, z_propagator: bool = True) -> float:
        """Cross section of the standard model, pb per formula unit of the target."""
        c_v, c_a = self.couplings(sin2_w, z_propagator)
        return float(c_v**2 @ self.vector + c_a**2 @ self.axial)

    def slopes(
        self, mass: ArrayLike, sin2_w: float = SIN2_W, z_propagator: bool = True
    ) -> tuple[Array, Array]:
        """a and b of sigma/sigma_SM = 1 + a x + b x^2, x = g_nu g_mu; mass array_like, GeV.

        Below the first node, where d sigma/d kappa^2 is proportional to kappa^2 (vector current),
        the integral over 1/(kappa^2 + m^2)^2 is added in closed form.
        """
        m2 = np.asarray(mass, float)[..., None] ** 2
        c_v, _ = self.couplings(sin2_w, z_propagator)
        total = self.standard(sin2_w, z_propagator)
        pole = 1.0 / (self.kappa2 + m2)
        a = 2.0 * V2 * (pole @ (c_v * self.vector)) / total
        b = V2**2 * (pole**2 @ self.vector) / total
        ratio = self.foot[0] / m2[..., 0]
        b = b + V2**2 * self.foot[1] * (np.log1p(ratio) - ratio / (1.0 + ratio)) / total
        return np.asarray(a), np.asarray(b)

    def ratio(self, mass: ArrayLike, product: ArrayLike) -> Array:
        """sigma/sigma_SM for a mediator of this mass (GeV) and g_nu g_mu; arrays broadcast."""
        a, b = self.slopes(mass)
        x = np.asarray(product, float)
        return np.asarray(1.0 + a * x + b * x * x)

    def product_limit(self, mass: ArrayLike, ratio: float, sign: float = 1.0) -> Array:
        """|g_nu g_mu| at which sigma/sigma_SM reaches `ratio` from below, for a sign of it.

        Raises OutOfRange for a ratio of 1 or less: the standard model itself would be excluded.
        """
        require_in_range("ratio", ratio, 1.0, np.inf, open_low=True, reason="excludes no coupling")
        a, b = self.slopes(mass)
        a = math.copysign(1.0, sign) * a
        return np.asarray((np.sqrt(a * a + 4.0 * b * (ratio - 1.0)) - a) / (2.0 * b))


def _nucleus(symbol: str, form: str) -> tuple[float, Array]:
    """Mass (GeV) and `response` parameters of one nucleus."""
    from mutau.matter.nucleus import Nucleus

    item = element(symbol)
    nucleus = Nucleus.of(item)
    z2, screen, size, _, _ = nucleus.shape
    mass = nucleus.mass
    if form == "tsai":
        return mass, np.array([0.0, z2, screen, size, 0.0, 0.0])
    data = bound_inputs("tridents")["nucleus"]
    if symbol not in data["charge_radius_fm"]:
        raise UnknownName(
            "nucleus with a charge radius", symbol, data["charge_radius_fm"],
            remedy="take form_factor='tsai', which needs none",
        )  # fmt: skip
    surface = data["surface_fm"]
    half_density2 = (
        5.0 * data["charge_radius_fm"][symbol] ** 2 - 7.0 * (math.pi * surface) ** 2
    ) / 3.0
    per_fm = 1e-13 / HBARC_GEV_CM
    radius = math.sqrt(half_density2) * per_fm
    return mass, np.array([1.0, z2, screen, radius, surface * per_fm, 0.0])


def _scatterers(
    target: Mapping[str, float], scattering: Sequence[str], form: str, pauli: bool
) -> Scatterers:
    """Everything in a formula unit of the target."""
    from mutau.bounds.trident_kernels import Scatterers

    data = bound_inputs("tridents")["nucleon"]
    rows = []
    for symbol, count in target.items():
        item = element(symbol)
        if "coherent" in scattering:
            mass, parameters = _nucleus(symbol, form)
            rows.append((mass, count, parameters))
        if "diffractive" in scattering:
            momentum = data["fermi_momentum_GeV"] if pauli else 0.0
            moment = data["neutron_magnetic_moment"]
            nucleons = [2.0, item.z, round(item.a) - item.z, momentum, MU_P, moment]
            rows.append((M_P, count, np.array(nucleons)))
    return Scatterers(
        np.array([row[0] for row in rows]),
        np.array([float(row[1]) for row in rows]),
        np.array([row[2] for row in rows]),
    )


def beam(experiment: str) -> tuple[Array, Array]:
    """Energies (GeV) and weights, which sum to 1, of the neutrinos of an experiment.

    Each bin of the input is taken flat and split into three; where the input states a mean energy
    of the rate, the energies are stretched by the one factor that makes int E^2 flux/int E flux
    equal to it. Raises UnknownName.
    """
    if experiment not in EXPERIMENTS:
        raise UnknownName("trident experiment", experiment, EXPERIMENTS)
    data = bound_inputs("tridents")[experiment]["beam"]
    edges, flux = np.array(data["energy_edges_GeV"]), np.array(data["flux_per_GeV"])
    steps = (np.arange(_ENERGIES_PER_BIN) + 0.5) / _ENERGIES_PER_BIN
    energies = (edges[:-1, None] + np.diff(edges)[:, None] * steps).ravel()
    weights = np.repeat(flux * np.diff(edges), _ENERGIES_PER_BIN)
    weights /= weights.sum()
    wanted = data.get("mean_rate_energy_GeV")
    if wanted:
        energies = energies * wanted * (energies @ weights) / (energies**2 @ weights)
    return energies, weights


def _compute(
    energies: Array, flux: Array, target: Mapping[str, float], options: Mapping[str, Any],
    nodes: tuple[int, int, int],
) -> dict[str, Array]:  # fmt: skip
    from mutau.bounds.trident_kernels import Neutrinos, epa_spectrum, trident_spectrum, y_top
    from mutau.reactions.quadrature import gauss_legendre

    hit = _scatterers(target, options["scattering"], options["form_factor"], options["pauli"])
    x, w = gauss_legendre(nodes[0])
    neutrinos, rule = Neutrinos(energies, flux), gauss_legendre(nodes[2])
    span = math.log(y_top(_Q2_MAX, energies.max(), hit.masses.max()) / _KAPPA2_MIN)
    kappa2 = _KAPPA2_MIN * np.exp(span * x)
    width = w * span * kappa2 * G_F**2 * ALPHA**2 * GEV2_PB
    if options["method"] == "full":
        rule_q = gauss_legendre(nodes[1])
        table = trident_spectrum(kappa2, neutrinos, hit, M_MU, _Q2_MAX, rule_q, rule)
    else:
        table = epa_spectrum(kappa2, neutrinos, hit, M_MU, _Q2_MAX, rule)
    foot = table[0, 0] * G_F**2 * ALPHA**2 * GEV2_PB / kappa2[0]
    return {
        "kappa2": kappa2, "vector": table[0] * width, "axial": table[1] * width,
        "foot": np.array([_KAPPA2_MIN, foot]),
    }  # fmt: skip


def trident_table(
    target: Mapping[str, float],
    energies: ArrayLike,
    flux: ArrayLike | None = None,
    *,
    method: str = "full",
    scattering: Sequence[str] = SCATTERING,
    form_factor: str = "fermi",
    pauli: bool = True,
    coarse: bool = False,
) -> TridentTable:
    """Table of d sigma/d kappa^2 for any beam and target; kept in the cache folder.

    target : atoms of each element per formula unit. energies, flux : (E,) GeV and weights (None:
    equal). method : "full" (2 -> 4) or "epa" (real photons; coherent only, a factor 1.7 to 2.3 too
    large because sigma(nu gamma) grows with s and the photon spectrum is cut, not zero, at its
    end). scattering : "coherent", "diffractive" (elastic on protons and neutrons) or both.
    form_factor : "fermi" (measured radii) or "tsai" (a dipole). pauli : blocking of nucleons.
    Raises UnknownName or MutauError for what there is not, OutOfRange for an energy outside
    [0.3, 10^4] GeV.
    """
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    if form_factor not in FORMS:
        raise UnknownName("form factor", form_factor, FORMS)
    for name in scattering:
        if name not in SCATTERING:
            raise UnknownName("kind of scattering", name, SCATTERING)
    from mutau.core.code_digest import code_digest

    if method == "epa":
        scattering = tuple(name for name in scattering if name == "coherent")
    if not scattering or not target:
        raise MutauError("nothing scatters", place="scattering", allowed=", ".join(SCATTERING))
    e = np.atleast_1d(np.asarray(energies, float))
    for value in e:
        require_in_range("energy", float(value), 0.3, 1e4, unit="GeV", reason="Fermi theory")
    weight = np.ones_like(e) if flux is None else np.asarray(flux, float)
    if weight.shape != e.shape or not np.all(weight >= 0.0) or not weight.sum() > 0.0:
        raise OutOfRange("flux must be one non-negative weight per energy")
    weight = weight / weight.sum()
    options = {
        "method": method, "scattering": tuple(scattering), "form_factor": form_factor,
        "pauli": pauli,
    }  # fmt: skip
    nodes = _COARSE if coarse else _FINE
    inputs = bound_inputs("tridents")
    key = digest(
        code_digest(__name__), dict(target), e, weight, options, nodes,
        dict(inputs["nucleus"]), dict(inputs["nucleon"]),
    )  # fmt: skip
    return TridentTable(
        **cached_arrays("trident", key, lambda: _compute(e, weight, target, options, nodes))
    )


def experiment_table(experiment: str, **options: Any) -> TridentTable:
    """Table of one of EXPERIMENTS over its beam and target; options as `trident_table`."""
    energies, flux = beam(experiment)
    target = bound_inputs("tridents")[experiment]["target"]
    return trident_table(target, energies, flux, **options)


def trident_cross_section(
    energy: float, target: Mapping[str, float], mass: float = 1.0, product: float = 0.0,
    **options: Any,
) -> CrossSection:  # fmt: skip
    """Cross section of nu_mu -> nu_mu mu+ mu- per formula unit, pb, with its numerical error.

    energy : GeV. mass, product : mediator, GeV, and g_nu g_mu (0: the standard model).
    options as `trident_table`. The same for antineutrinos.
    Check: a spin-0 nucleus against a Monte Carlo over phase space with Dirac matrices.
    """
    fine, coarse = (trident_table(target, energy, coarse=c, **options) for c in (False, True))
    values = [t.standard() * float(t.ratio(mass, product)) for t in (fine, coarse)]
    return CrossSection(values[0], abs(values[0] - values[1]))
