"""Materials: density, composition, radiation and interaction lengths, density effect.

What a table does not give follows from the composition by the rules of `build`.
Light: no numerical library beyond the standard one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from mutau.core.constants import N_A
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.registry import Registry, instance_of
from mutau.core.units import HBARC_GEV_CM, parse_quantity
from mutau.experiment import load_experiment
from mutau.experiment.materials import (
    COMPOSITIONS,
    GROUP,
    REMEDY,
    MaterialName,
    amount,
    bundled_materials,
    description_faults,
    materials_in,
    parts_of,
)
from mutau.matter.elements import R_E_CM, Element, element, elements

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@dataclass(frozen=True, slots=True)
class DensityEffect:
    """Parameters of Sternheimer's density-effect correction delta(x), x = log10(beta gamma).

    delta = 2 ln10 x - cbar + a (x1 - x)^k between x0 and x1, without the power term above x1,
    delta0 10^(2 (x - x0)) below x0. All dimensionless.
    Source: Sternheimer, Berger, Seltzer, ADNDT 30 (1984) 261; PDG 2024 eq. 34.7.
    """

    cbar: float
    x0: float
    x1: float
    a: float
    k: float
    delta0: float

    def shifted(self, ratio: float) -> DensityEffect:
        """The parameters at `ratio` times the density (Sternheimer et al. 1984, sec. 2).

        The plasma energy grows as the root of the density: cbar - ln r, x0 and x1 - log10(r)/2.
        """
        step = 0.5 * math.log10(ratio)
        return replace(self, cbar=self.cbar - math.log(ratio), x0=self.x0 - step, x1=self.x1 - step)


@dataclass(frozen=True, slots=True)
class Material:
    """A homogeneous material, or a stack of layers seen as one.

    name : text. density : g/cm^3.
    elements : ((Element, mass fraction), ...), fractions sum to 1.
    radiation_length, nuclear_interaction_length : g/cm^2.
    mean_excitation_energy : eV. density_effect : Sternheimer's parameters.
    source : where the numbers come from. gas : bool.
    layers : ((Material, thickness in cm), ...) of one period, or () for a homogeneous material.
        For layers, energy loss is the mass-weighted sum over the layers (the density effect acts
        in each by itself), so `density_effect` and `mean_excitation_energy` are those of the
        fictitious homogeneous mixture and only informative.
    """

    name: str
    density: float
    elements: tuple[tuple[Element, float], ...]
    radiation_length: float
    nuclear_interaction_length: float
    mean_excitation_energy: float
    density_effect: DensityEffect
    source: str
    gas: bool = False
    layers: tuple[tuple[Material, float], ...] = ()

    @property
    def radiation_length_cm(self) -> float:
        """Radiation length, cm."""
        return self.radiation_length / self.density

    @property
    def interaction_length_cm(self) -> float:
        """Nuclear interaction length, cm."""
        return self.nuclear_interaction_length / self.density

    @property
    def z_over_a(self) -> float:
        """Mean Z/A by mass, mol/g: electrons per gram over Avogadro's number."""
        return sum(w * e.z / e.a for e, w in self.elements)

    @property
    def electrons_per_cm3(self) -> float:
        """Electrons per cm^3."""
        return self.density * N_A * self.z_over_a

    @property
    def atoms_per_cm3(self) -> tuple[tuple[Element, float], ...]:
        """Atoms per cm^3 of each element, in the order of `elements`."""
        return tuple((e, self.density * N_A * w / e.a) for e, w in self.elements)

    @property
    def plasma_energy(self) -> float:
        """Plasma energy hbar omega_p = sqrt(4 pi n_e r_e^3) m_e c^2 / alpha, eV."""
        return plasma_energy(self.density * self.z_over_a)

    @property
    def dominant_element(self) -> Element:
        """The element with most of Z(Z+1)/A: the one that radiates and scatters most."""
        return max(self.elements, key=lambda pair: pair[1] * pair[0].z * (pair[0].z + 1))[0]

    @property
    def components(self) -> tuple[tuple[Material, float], ...]:
        """((Material, mass fraction), ...): the layers, or the material itself with 1."""
        if not self.layers:
            return ((self, 1.0),)
        total = sum(m.density * t for m, t in self.layers)
        return tuple((m, m.density * t / total) for m, t in self.layers)

    def at_density(self, density: float) -> Material:
        """The same composition at another density, g/cm^3 (a gas at another pressure).

        Raises OutOfRange for a density that is not positive, MutauError for layers.
        """
        if self.layers:
            raise MutauError(f"{self.name!r} is made of layers", remedy="change its layers instead")
        _require_positive("density", density, self.name)
        effect = self.density_effect.shifted(density / self.density)
        return replace(self, density=density, density_effect=effect)


#: Parts of a material with their mass fractions.
Parts = Sequence[tuple[Material | Element, float]]


def plasma_energy(electron_density: float) -> float:
    """Plasma energy of `electron_density` = rho <Z/A>, mol/cm^3; returns eV.

    Check: 28.816 eV at 1 mol/cm^3 (PDG 2024 eq. 34.6).

    >>> f"{plasma_energy(1.0):.3f}"
    '28.816'
    """
    # hbar omega_p = hbar c sqrt(4 pi n_e r_e)
    return HBARC_GEV_CM * math.sqrt(4.0 * math.pi * N_A * electron_density * R_E_CM) * 1e9


def general_density_effect(mean_excitation: float, plasma: float, gas: bool) -> DensityEffect:
    """Density-effect parameters of any substance from I and the plasma energy, both eV.

    Good to about 0.5 % of dE/dx for condensed matter, 1 % for gases; a fitted set is better.
    Source: R. M. Sternheimer, R. F. Peierls, Phys. Rev. B 3 (1971) 3681, eqs. 8-13.
    Check: delta is continuous at x0, where it is 0.
    """
    cbar = 1.0 + 2.0 * math.log(mean_excitation / plasma)
    if gas:
        steps = [(10.0, 1.6, 4.0), (10.5, 1.7, 4.0), (11.0, 1.8, 4.0), (11.5, 1.9, 4.0)]
        steps += [(12.25, 2.0, 4.0), (13.804, 2.0, 5.0)]
        x0, x1 = next(
            ((low, high) for limit, low, high in steps if cbar < limit), (0.326 * cbar - 2.5, 5.0)
        )
    else:
        x1, limit, offset = (2.0, 3.681, 1.0) if mean_excitation < 100.0 else (3.0, 5.215, 1.5)
        x0 = 0.2 if cbar < limit else 0.326 * cbar - offset
    a = (cbar - 2.0 * math.log(10.0) * x0) / (x1 - x0) ** 3
    return DensityEffect(cbar, x0, x1, a, 3.0, 0.0)


def delta_at_x0(effect: DensityEffect) -> float:
    """The fitted curve at x0; equals delta0 within rounding for a sound set of parameters."""
    curve = 2.0 * math.log(10.0) * effect.x0 - effect.cbar
    return curve + effect.a * (effect.x1 - effect.x0) ** effect.k


def _require_positive(what: str, value: float, place: str) -> None:
    if not (value > 0.0 and math.isfinite(value)):
        raise OutOfRange(f"{what} = {value!r} is not positive", place=place, allowed="above 0")


def _merge(parts: Parts) -> tuple[tuple[Element, float], ...]:
    """Elements with mass fractions of elements and materials with mass fractions."""
    total: dict[Element, float] = {}
    for part, weight in parts:
        inner = part.elements if isinstance(part, Material) else ((part, 1.0),)
        for item, fraction in inner:
            total[item] = total.get(item, 0.0) + weight * fraction
    return tuple(total.items())


def _mean_excitation(elements: tuple[tuple[Element, float], ...]) -> float:
    """Bragg additivity: ln I averaged with the number of electrons; eV."""
    electrons = sum(w * e.z / e.a for e, w in elements)
    logs = sum(w * e.z / e.a * math.log(e.mean_excitation_energy) for e, w in elements)
    return math.exp(logs / electrons)


def build(
    name: str, table: Mapping[str, Any], known: Mapping[str, Material] | None = None
) -> Material:
    """A material from a table as in data/materials.toml or `[[material]]` of an experiment file.

    table : one of `atoms` (relative numbers), `mass` (fractions of elements or named materials),
        `volume` (fractions of named materials, mixed) or `layers` (each named material in one
        period: its thickness, "1.5 mm", or its fraction of the thickness `period`);
        `density` ("11.35 g/cm^3"; for volume and layers it follows); and, where better known than
        the rules give, `state` ("gas"), `radiation_length`, `nuclear_interaction_length`
        ("6.37 g/cm^2"), `mean_excitation_energy` ("823 eV"), `density_effect`
        [cbar, x0, x1, a, k, delta0], `source`.
    known : further materials that `mass`, `volume` and `layers` may name.
    Rules: 1/X0 and 1/lambda_I add by mass fraction (X0 by Tsai's formula); ln I by electrons
    (Bragg); density effect by Sternheimer and Peierls.
    Raises MutauError, UnknownName, UnitError, OutOfRange with the place of the mistake.
    """
    for _, fault in description_faults(table, (*names(), *(known or ())), name):
        raise fault
    kind = next(key for key in COMPOSITIONS if key in table)
    sizes = {part: amount(part, size, kind) for part, size in table[kind].items()}
    layers: tuple[tuple[Material, float], ...] = ()
    if kind in ("atoms", "mass"):
        parts = [(_part(part, known, name), size) for part, size in sizes.items()]
        if kind == "atoms":
            parts = [(item, size * item.a) for item, size in parts if isinstance(item, Element)]
        total = sum(size for _, size in parts)
        parts = [(item, size / total) for item, size in parts]
    else:
        if "period" in table:
            whole = parse_quantity(table["period"], "length") / sum(sizes.values())
            sizes = {part: whole * size for part, size in sizes.items()}
        stack = [(_named(part, known, name), size) for part, size in sizes.items()]
        masses = [(part, part.density * size) for part, size in stack]
        total, volume = sum(m for _, m in masses), sum(sizes.values())
        parts = [(part, mass / total) for part, mass in masses]
        table = {"density": f"{total / volume!r} g/cm^3", **table}
        if kind == "layers":
            layers = tuple(stack)
    return _finish(name, table, parts, layers)


def _part(name: str, known: Mapping[str, Material] | None, place: str) -> Material | Element:
    """An element by its symbol, or a material by its name."""
    return element(name) if name in elements() else _named(name, known, place)


def _finish(
    name: str,
    table: Mapping[str, Any],
    parts: Parts,
    layers: tuple[tuple[Material, float], ...],
) -> Material:
    """Fill in what the table does not say. parts : with mass fractions."""
    elements = _merge(parts)

    def quantity(key: str, dimension: str, default: float) -> float:
        value = parse_quantity(table[key], dimension) if key in table else default
        _require_positive(key, value, name)
        return value

    density = quantity("density", "density", 0.0)
    x0 = 1.0 / sum(w / part.radiation_length for part, w in parts)
    lam = 1.0 / sum(w / part.nuclear_interaction_length for part, w in parts)
    excitation = 1e9 * quantity(
        "mean_excitation_energy", "energy", 1e-9 * _mean_excitation(elements)
    )
    state = table.get("state", "solid")
    if state not in ("solid", "liquid", "gas"):
        raise UnknownName("state", state, ("solid", "liquid", "gas"), place=name)
    z_over_a = sum(w * e.z / e.a for e, w in elements)
    if "density_effect" in table:
        numbers = table["density_effect"]
        if len(numbers) != 6 or not all(isinstance(x, int | float) for x in numbers):
            raise MutauError(
                f"density_effect = {numbers!r}", place=name, allowed="[cbar, x0, x1, a, k, delta0]"
            )
        effect = DensityEffect(*numbers)
        effect = effect.shifted(density / quantity("density_effect_at", "density", density))
    else:
        effect = general_density_effect(
            excitation, plasma_energy(density * z_over_a), state == "gas"
        )
    return Material(
        name=name,
        density=density,
        elements=elements,
        radiation_length=quantity("radiation_length", "areal density", x0),
        nuclear_interaction_length=quantity("nuclear_interaction_length", "areal density", lam),
        mean_excitation_energy=excitation,
        density_effect=effect,
        source=table.get("source", "user"),
        gas=state == "gas",
        layers=layers,
    )


def _named(name: str, known: Mapping[str, Material] | None, place: str) -> Material:
    return known[name] if known and name in known else material(name, place=place)


@cache
def _registry() -> Registry[Material]:
    """Bundled materials and, by the entry-point group, those of other packages."""
    return Registry("material", GROUP, REMEDY, instance_of(Material))


@cache
def _bundled(name: str) -> Material:
    return build(name, bundled_materials()[name])


@cache
def _described(name: str, described: str) -> Material:
    """A material of an experiment file, from the descriptions that its name carries."""
    tables = json.loads(described)
    known: dict[str, Material] = {}
    while name not in known:
        for one, table in tables.items():
            if one not in known and all(p in known for _, p in parts_of(table) if p in tables):
                known[one] = build(one, table, known)
    return known[name]


def names() -> tuple[str, ...]:
    """Names of the bundled materials, in the order of data/materials.toml, and of those that other
    packages offer."""
    return (*bundled_materials(), *(n for n in _registry().names() if n not in bundled_materials()))


def material(name: str, *, place: str = "") -> Material:
    """The material of a name: the one way from a name to its properties.

    name : of an experiment (`experiment.target.material`), which knows its own description; or the
    text of a bundled material, one of another package, or "NAME@EXPERIMENT" for a material that an
    experiment file describes. place : where the name stands, for the message.
    Raises UnknownName with the nearest one; what `load_experiment` raises.

    >>> material("lead").radiation_length
    6.37
    """
    if isinstance(name, MaterialName) and name.described:
        return _described(str(name), name.described)
    own, at, experiment = name.partition("@")
    if at:
        return material(load_experiment(experiment).material_name(own), place=place)
    if name in bundled_materials():
        return _bundled(str(name))
    if name not in _registry():
        raise UnknownName("material", name, names(), place=place, remedy=REMEDY)
    return _registry()[name]


def sandwich(name: str, *layers: tuple[str | Material, float], source: str = "user") -> Material:
    """Layers seen as one material, for example sandwich("ecal", ("lead", 0.15), (plastic, 0.15)).

    layers : (material or its name, thickness in cm) of one period.
    """
    known = {m.name: m for m, _ in layers if isinstance(m, Material)}
    stack = {m.name if isinstance(m, Material) else m: f"{t!r} cm" for m, t in layers}
    if len(stack) != len(layers):
        raise MutauError("a material is named twice", place=name, remedy="add its thicknesses up")
    return build(name, {"layers": stack, "source": source}, known)


#: What a stack of layers seen as one material leaves out; a mixture of them leaves out all of it.
LAYERS_LEAVE_OUT: Final = (
    "the order and faces of the layers: every step meets the mean material, with the energy loss "
    "of each layer by its mass; showers do not change from layer to layer"
)
MIXTURE_LEAVES_OUT: Final = (
    "the layers and grains, if it has any: energy loss and density effect are those of a "
    "homogeneous mixture, and no sampling fluctuation follows from it"
)


def leaves_out(item: Material, table: Mapping[str, Any]) -> str:
    """What a material described by a table leaves out of the real one, "" for nothing known."""
    if item.layers:
        return LAYERS_LEAVE_OUT
    return MIXTURE_LEAVES_OUT if "volume" in table and item.gas is False else ""


def described_in(experiment: Experiment) -> dict[str, Material]:
    """Materials that an experiment file describes, by name, in its order."""
    found = (experiment.material_name(one.name) for one in experiment.material)
    return {str(name): material(name) for name in found}


def describe(experiment: Experiment | None = None) -> list[dict[str, Any]]:
    """One row per material, for tables: name, lengths in cm and g/cm^2, composition.

    experiment : rows of what its file describes; None: of the bundled materials and those of other
    packages that can be loaded.
    """
    if experiment is not None:
        tables = materials_in(experiment.to_dict())
        own = described_in(experiment)
        return [row_of(one, leaves_out(one, tables[name])) for name, one in own.items()]
    rows = [row_of(_bundled(name), "") for name in bundled_materials()]
    return rows + [row_of(_registry()[name], "") for name in _registry()]


def row_of(item: Material, left_out: str) -> dict[str, Any]:
    """One material as a row of `describe`."""
    layers = (f"{m.name} {t * 10:g} mm" for m, t in item.layers)
    atoms = (f"{e.symbol}:{w:.4g}" for e, w in item.elements)
    return {
        "name": item.name,
        "density_g_cm3": item.density,
        "radiation_length_g_cm2": item.radiation_length,
        "radiation_length_cm": item.radiation_length_cm,
        "interaction_length_g_cm2": item.nuclear_interaction_length,
        "interaction_length_cm": item.interaction_length_cm,
        "composition": " + ".join(layers) if item.layers else " ".join(atoms),
        "source": item.source,
        **({"leaves_out": left_out} if left_out else {}),
    }


__all__ = [
    "DensityEffect",
    "Material",
    "build",
    "delta_at_x0",
    "describe",
    "described_in",
    "general_density_effect",
    "material",
    "names",
    "plasma_energy",
    "sandwich",
]
