"""Hadrons that take most of what a muon loses to a nucleus: mu N -> mu h X in the target.

The muon's energy goes to a nearly real photon by the photonuclear cross section of `matter`. What
the photon turns into: coherent and quasi-elastic vector mesons, by vector dominance and Glauber's
theory (data/hadrons.toml), and else the inelastic final states on nucleons of
`matter.nuclear_final_states`, two generators' mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import UnknownName
from mutau.core.units import PB_CM2
from mutau.matter.elements import Element
from mutau.matter.hadron_interactions import (
    nuclear_cross_sections,
    nucleon_cross_sections,
    single_collision_fraction,
)
from mutau.matter.hadrons import document, hadron
from mutau.matter.materials import material
from mutau.matter.muon_cross_sections import differential, photon_nucleon_ub, shadowing
from mutau.matter.nuclear_final_states import Rates, hadrons_above, spectrum

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

#: Kinds of leading hadrons that travel and their names in the table of final states: charged pions,
#: kaons, (anti)protons; K_L; neutrons and antineutrons.
KINDS: Final = {"pi": "pi", "K": "K", "p": "p", "pbar": "pbar", "K_L": "K_L", "n": "neutron"}
CHARGED: Final = ("pi", "K", "p", "pbar")
#: Mass number of the gold on which coherent mesons are measured.
_GOLD: Final = 196.97
#: Mass of the rho, GeV (PDG 2024).
_M_RHO: Final = 0.77526


def _on_nucleons(element: Element, part: Any) -> Rates:
    """Rates of `part(nucleon)`, mean over the protons and neutrons of a nucleus."""
    protons = element.z / element.a
    p, n = part("p"), part("n")
    # one sample behind both: errors add linearly
    return Rates(*(
        protons * getattr(p, name) + (1.0 - protons) * getattr(n, name)
        for name in ("value", "err", "model_err")
    ))  # fmt: skip


def inelastic_above(kind: str, z: ArrayLike, energy: ArrayLike, element: Element) -> Rates:
    """Hadrons of a kind with more than z of the energy of a photon, per inelastic interaction.

    kind : of KINDS. z, energy (GeV, 5 to 300) : of one shape. Per nucleon of the nucleus, as if it
    were free. The error of the model has the difference of the generators and, as upper end, what
    further collisions in the nucleus take: all leading hadrons of the photon's rho part
    (`nucleus_error`). Raises UnknownName, OutOfRange.
    """
    if kind not in KINDS:
        raise UnknownName("kind of leading hadron", kind, KINDS)
    found = _on_nucleons(
        element,
        lambda nucleon: hadrons_above(KINDS[kind], z, energy, nucleon=nucleon, origin="inelastic"),
    )
    nucleus = nucleus_error(element.a) * found.value
    return Rates(found.value, found.err, np.hypot(found.model_err, nucleus))


def inelastic_spectrum(kind: str, energy: float, element: Element) -> tuple[Array, Array]:
    """(z, hadrons per dz and inelastic interaction), kind of the table, as `inelastic_above`."""
    z, _ = spectrum(kind, energy)
    found = _on_nucleons(
        element, lambda nucleon: spectrum(kind, energy, nucleon=nucleon, origin="inelastic")[1]
    )
    return z, found.value


@lru_cache(maxsize=64)
def nucleus_error(a: float, energy: float = 100.0) -> float:
    """Fraction of leading hadrons that a nucleus may take from those of free nucleons, at most.

    The photon's rho part collides on as a rho does, and only what collides once leads; its
    point-like rest does not. An upper end, taken as error of the model; central values have no such
    loss.
    Check: 0 for a nucleon.
    """
    numbers: Any = document()["photon"]
    return float(numbers["rho_share"] * (1.0 - single_collision_fraction("rho", a, energy)))


def photon_nucleus_mb(element: Element, energy: float) -> float:
    """Total cross section of a real photon on a nucleus, mb, as the muon's losses have it.

    Source: L. B. Bezrukov, E. V. Bugaev, Sov. J. Nucl. Phys. 33 (1981) 635.
    """
    sigma = photon_nucleon_ub(energy)
    return 1e-3 * element.a * sigma * (0.75 * shadowing(sigma, element.z, element.a) + 0.25)


def vector_mesons_mb(a: float, energy: float = 100.0) -> tuple[float, float]:
    """Cross sections (mb) of a photon to one rho, omega or phi: coherent, the nucleus whole; and
    quasi-elastic, on one of its nucleons.

    Those measured on protons times the rho's on the nucleus over on a nucleon, by Glauber's theory.
    Coherent ones also times what STAR measured on gold over the same calculation, interpolated in
    ln A: the theory lacks inelastic shadowing. For a nucleon "coherent" is elastic, and
    quasi-elastic 0. Error: `vector_error`. Check: lead and gold, docs/validation/photonuclear.md.
    """
    numbers: Any = document()["photon"]
    on_proton = 1e-3 * (numbers["rho"] + numbers["omega"] + numbers["phi"])
    found = nuclear_cross_sections("rho", a, energy)
    total, inelastic = nucleon_cross_sections("rho", energy)
    scale = on_proton / (total - inelastic)
    shadow = numbers["coherent_on_gold"] ** (math.log(a) / math.log(_GOLD))
    rest = max(found.total - found.elastic - found.absorption, 0.0) if a > 1.5 else 0.0
    return scale * found.elastic * shadow, scale * rest


@dataclass(frozen=True, slots=True)
class PhotonFate:
    """Fractions of a photon's interactions with a nucleus; they sum to 1."""

    coherent: float
    quasi_elastic: float
    inelastic: float


def photon_fate(element: Element, energy: float = 100.0) -> PhotonFate:
    """What a photon does to a nucleus: `vector_mesons_mb` over `photon_nucleus_mb`, and the rest.

    Check: hydrogen has the measured 10.95 microbarn of 115.
    """
    total = photon_nucleus_mb(element, energy)
    coherent, quasi_elastic = (part / total for part in vector_mesons_mb(element.a, energy))
    return PhotonFate(coherent, quasi_elastic, 1.0 - coherent - quasi_elastic)


def vector_meson_above(z: ArrayLike) -> Array:
    """Charged hadrons with more than the fraction z, per coherent or quasi-elastic vector meson.

    rho0 with the photon's helicity: pions at z = (1 + beta cos)/2 with density 3/4 sin^2; two of
    them. omega (three pions, soft) is left out, phi -> K+ K- counted as the rho.
    Check: at z = 1/2 one of the two.
    """
    beta = math.sqrt(1.0 - 4.0 * (hadron("pi-").mass / _M_RHO) ** 2)
    c = np.clip((2.0 * np.asarray(z, float) - 1.0) / beta, -1.0, 1.0)
    numbers: Any = document()["photon"]
    seen = (numbers["rho"] + 0.5 * numbers["phi"]) / (
        numbers["rho"] + numbers["omega"] + numbers["phi"]
    )
    return np.asarray(seen * 2.0 * (0.5 - 0.75 * (c - c**3 / 3.0)))


@dataclass(frozen=True, slots=True)
class Leading:
    """Leading hadrons of one kind or origin per beam muon: value, statistical error, error of the
    model."""

    value: float
    err: float
    model_err: float


@dataclass(frozen=True, slots=True)
class LeadingHadrons:
    """Leading hadrons per beam muon in the whole target.

    nuclear : interactions that cost the muon more than the threshold. inelastic : by kind of
    KINDS. vector : charged hadrons of coherent, quasi_elastic : of quasi-elastic vector mesons.
    """

    nuclear: float
    inelastic: dict[str, Leading]
    vector: Leading
    quasi_elastic: Leading

    @property
    def charged(self) -> float:
        """Charged hadrons of all origins."""
        made = sum(self.inelastic[kind].value for kind in CHARGED)
        return made + self.vector.value + self.quasi_elastic.value

    @property
    def total(self) -> Leading:
        """All kinds. Errors of the model add linearly within an origin, which they have in common;
        statistical ones too, as all kinds come from one sample."""
        kinds = self.inelastic.values()
        vectors = (self.vector, self.quasi_elastic)
        return Leading(
            sum(item.value for item in (*kinds, *vectors)),
            sum(item.err for item in kinds),
            math.hypot(
                sum(item.model_err for item in kinds), sum(item.model_err for item in vectors)
            ),
        )


def photonuclear_density(experiment: Experiment, v: Array) -> Array:
    """Photonuclear interactions of a beam muon in the target per v."""
    medium = material(experiment.target.material)
    length = experiment.target.thickness.cm(medium.radiation_length_cm)
    total = np.zeros(v.shape)
    for item, atoms in medium.atoms_per_cm3:
        sigma = differential("nuclear", v, experiment.beam.energy, item)
        total += atoms * length * PB_CM2 * sigma
    return total


def leading_hadrons(experiment: Experiment, threshold: float | None = None) -> LeadingHadrons:
    """Leading hadrons above `threshold` GeV made in the target, per beam muon; no selection.

    threshold : default half of the beam energy (80 GeV in the NA64mu paper, which finds 1e-6);
    at least 5 GeV, and the beam at most 300 GeV. Raises OutOfRange.
    """
    energy = experiment.beam.energy
    least = 0.5 * energy if threshold is None else threshold
    u, w = np.polynomial.legendre.leggauss(64)
    low, high = least / energy, 1.0 - 2.0 * M_MU / energy
    v = 0.5 * (low + high) + 0.5 * (high - low) * u
    weight = 0.5 * (high - low) * w * photonuclear_density(experiment, v)
    element = material(experiment.target.material).dominant_element
    fate = photon_fate(element)
    z, inelastic = least / (v * energy), weight * fate.inelastic
    made = {}
    for kind in KINDS:
        found = inelastic_above(kind, z, v * energy, element)
        made[kind] = Leading(*(
            float(np.sum(inelastic * part)) for part in (found.value, found.err, found.model_err)
        ))  # fmt: skip
    pairs = float(np.sum(weight * vector_meson_above(z)))
    relative = float(document()["photon"]["vector_error"])
    vectors = [
        Leading(pairs * fraction, 0.0, relative * pairs * fraction)
        for fraction in (fate.coherent, fate.quasi_elastic)
    ]
    return LeadingHadrons(float(weight.sum()), made, *vectors)


def neutral_error(experiment: Experiment) -> float:
    """Relative error of neutral leading hadrons (K_L, neutrons) that few GeV separate from all.

    Above z = 0.8 of a photon with 0.7 of the beam's energy: generators, nucleus, statistics.
    """
    element = material(experiment.target.material).dominant_element
    parts = [
        inelastic_above(kind, 0.8, 0.7 * experiment.beam.energy, element) for kind in ("K_L", "n")
    ]
    err, model_err = (sum(float(getattr(p, name)) for p in parts) for name in ("err", "model_err"))
    return math.hypot(err, model_err) / sum(float(p.value) for p in parts)
