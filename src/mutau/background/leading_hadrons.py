"""Hadrons that take most of what a muon loses to a nucleus: mu N -> mu h X in the target.

The muon's energy goes to a nearly real photon by the photonuclear cross section of `matter`; what
the photon turns into is data/hadrons.toml: coherent vector mesons, by vector dominance and
Glauber's theory, and the leading hadron of a quark jet by Field and Feynman.
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
from mutau.matter.hadron_interactions import nuclear_cross_sections
from mutau.matter.hadrons import document, hadron
from mutau.matter.materials import material
from mutau.matter.muon_cross_sections import differential

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]

#: Kinds of leading hadrons that travel: charged mesons, K_L, neutrons and antineutrons.
KINDS: Final = ("charged", "K_L", "n")
_Z: Final[Array] = np.asarray((np.arange(2000) + 0.5) / 2000.0, np.float64)
#: Masses of vector mesons, GeV (PDG 2024): rho, K*.
_M_RHO: Final = 0.77526
_M_KSTAR: Final = 0.89167


@lru_cache(maxsize=1)
def jet_density() -> tuple[Array, Array]:
    """(z, F): mesons of any rank per dz in a quark jet, before vector mesons decay.

    F(z) = f(1-z) + int_z^1 f(eta) F(z/eta) d eta/eta, f(eta) = 1 - a + 3 a eta^2, eta the share
    that is left after one meson. Source: R. D. Field, R. P. Feynman, Nucl. Phys. B 136 (1978) 1,
    sec. 2. Check: int z F dz = 1, all energy is in mesons.
    """
    a = document()["photon"]["fragmentation"]

    def left(eta: Array) -> Array:
        return np.asarray(1.0 - a + 3.0 * a * eta * eta)

    found = np.zeros(_Z.size)
    # from z = 1 downwards: the integral needs F above z only
    found[-1] = left(1.0 - _Z[-1:])[0]
    for i in range(_Z.size - 2, -1, -1):
        inner = _Z[i + 1 :]  # z' = z/eta
        value = left(_Z[i] / inner) * found[i + 1 :] / inner
        found[i] = left(np.array([1.0 - _Z[i]]))[0] + float(np.sum(value)) / _Z.size
    return _Z, found


def _decayed(parent: Array, mass: float, own: float, other: float) -> Array:
    """Spectrum of a daughter of a fast vector meson, isotropic decay: flat between limits."""
    energy = (mass**2 + own**2 - other**2) / (2.0 * mass)
    momentum = math.sqrt(max(energy**2 - own**2, 0.0))
    low, high = (energy - momentum) / mass, (energy + momentum) / mass
    out = np.empty(_Z.size)
    cumulative = np.append(np.cumsum((parent / _Z)[::-1])[::-1], 0.0) / _Z.size
    edges = np.linspace(0.0, 1.0, _Z.size + 1)
    for i, z in enumerate(_Z):
        first, last = np.interp(
            [z / high, min(z / low, 1.0) if low > 0 else 1.0], edges, cumulative
        )
        out[i] = (first - last) / (high - low)
    return out


@lru_cache(maxsize=1)
def jet_hadrons() -> dict[str, Array]:
    """Hadrons of each kind per dz in the quark jets of a photon, on the grid of `jet_density`.

    Quarks by their squared charge (u:d:s = 4:1:1), pairs from the vacuum u:d:s = 2:2:1, as many
    vector as pseudoscalar mesons; every rank is given the flavours of the first, right for leading
    ones.
    """
    numbers: Any = document()["photon"]
    _, mesons = jet_density()
    strange, vectors = numbers["strange"], numbers["vector_to_pseudoscalar"]
    light = 0.5 * (1.0 - strange)  # u, or d, from the vacuum
    up, down, odd = 4.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0
    charged_light = (up + down) * light
    neutral_light = (up + down) * light
    charged_kaon = up * strange + odd * light
    neutral_kaon = down * strange + odd * light
    m_pi, m_k = hadron("pi-").mass, hadron("K-").mass
    from_rho = _decayed(mesons, _M_RHO, m_pi, m_pi)
    from_kstar = _decayed(mesons, _M_KSTAR, m_k, m_pi)
    pion_kstar = _decayed(mesons, _M_KSTAR, m_pi, m_k)
    # rho+- -> pi+- pi0; neutral vectors: half rho0 -> pi+ pi-, half omega (three pions, soft)
    charged = (1.0 - vectors) * (charged_light + charged_kaon) * mesons
    charged = charged + vectors * (charged_light + 0.5 * 2.0 * neutral_light) * from_rho
    # K* -> K pi: isospin sends 2/3 to the charged pion
    to_neutral = (2.0 / 3.0 * charged_kaon + 1.0 / 3.0 * neutral_kaon) * vectors
    to_charged = (1.0 / 3.0 * charged_kaon + 2.0 / 3.0 * neutral_kaon) * vectors
    charged = charged + to_charged * from_kstar
    charged = charged + vectors * 2.0 / 3.0 * (charged_kaon + neutral_kaon) * pion_kstar
    k_zero = (1.0 - vectors) * neutral_kaon * mesons + to_neutral * from_kstar
    return {"charged": charged, "K_L": 0.5 * k_zero, "n": numbers["baryon"] * charged}


def jet_above(kind: str, z: ArrayLike) -> Array:
    """Hadrons of a kind with more than the share z of the photon's energy, per jet event.

    kind : of KINDS. z : any shape. Raises UnknownName.
    """
    if kind not in KINDS:
        raise UnknownName("kind of leading hadron", kind, KINDS)
    density = jet_hadrons()[kind]
    above = np.append(np.cumsum(density[::-1])[::-1], 0.0) / _Z.size
    return np.asarray(np.interp(np.asarray(z, float), np.linspace(0.0, 1.0, _Z.size + 1), above))


def vector_meson_share(a: float, energy: float = 100.0) -> float:
    """Share of photon interactions that make one vector meson and leave the nucleus whole.

    For a nucleus: the rho's part of the hadronic photon times elastic over total cross section of a
    rho, with omega and phi in their ratio to it. Error 15 %. Check: a = 1 gives the measured 9.4
    microbarn of rho of a total of 115 within 10 %.
    """
    numbers: Any = document()["photon"]
    found = nuclear_cross_sections("rho", a, energy)
    rho = numbers["rho_share"] * found.elastic / found.total
    return float(rho * (1.0 + (numbers["omega"] + numbers["phi"]) / numbers["rho"]))


def vector_meson_above(z: ArrayLike) -> Array:
    """Charged hadrons with more than the share z, per coherent vector meson.

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
class LeadingHadrons:
    """Leading hadrons per beam muon in the whole target.

    nuclear : interactions that cost the muon more than the threshold. charged_jet, charged_vector,
    K_L, n : hadrons above it, by kind and origin. err : absolute, of the sum, physics.
    """

    nuclear: float
    charged_jet: float
    charged_vector: float
    K_L: float
    n: float
    err: float

    @property
    def total(self) -> float:
        """All kinds."""
        return self.charged_jet + self.charged_vector + self.K_L + self.n


def photonuclear_density(experiment: Experiment, v: Array) -> Array:
    """Photonuclear interactions of a beam muon in the target per v."""
    made_of = material(experiment.target.material)
    length = experiment.target.thickness.cm(made_of.radiation_length_cm)
    total = np.zeros(v.shape)
    for item, atoms in made_of.atoms_per_cm3:
        sigma = differential("nuclear", v, experiment.beam.energy, item)
        total += atoms * length * PB_CM2 * sigma
    return total


def leading_hadrons(experiment: Experiment, threshold: float | None = None) -> LeadingHadrons:
    """Leading hadrons above `threshold` GeV made in the target, per beam muon; no selection.

    threshold : default half of the beam energy (80 GeV in the NA64mu paper, which finds 1e-6).
    """
    energy = experiment.beam.energy
    least = 0.5 * energy if threshold is None else threshold
    u, w = np.polynomial.legendre.leggauss(64)
    low, high = least / energy, 1.0 - 2.0 * M_MU / energy
    v = 0.5 * (low + high) + 0.5 * (high - low) * u
    weight = 0.5 * (high - low) * w * photonuclear_density(experiment, v)
    dominant = material(experiment.target.material).dominant_element
    vector = vector_meson_share(dominant.a)
    z = least / (v * energy)
    made = {kind: float(np.sum(weight * (1.0 - vector) * jet_above(kind, z))) for kind in KINDS}
    charged_vector = float(np.sum(weight * vector * vector_meson_above(z)))
    numbers: Any = document()["photon"]
    err = math.hypot(
        numbers["fragmentation_error"] * sum(made.values()),
        numbers["vector_error"] * charged_vector,
    )
    return LeadingHadrons(
        float(weight.sum()), made["charged"], charged_vector, made["K_L"], made["n"], err
    )
