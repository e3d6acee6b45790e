"""Events of Z' made in a cascade: final states of bremsstrahlung and annihilation.

The shower gives emitter, its energy, direction and place; the exact 2 -> 3 kinematics of
bremsstrahlung come from `brems_events`, turned to the emitter's direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mutau.core.constants import M_E
from mutau.core.types import Events
from mutau.reactions.bremsstrahlung_events import PDG_ZPRIME, BremsSampler

Array = np.ndarray

#: An atomic electron that would need more momentum than this to put the pair on the mass shell
#: (GeV) is taken at rest, and the Z' off its shell with the mass that the pair has.
LARGEST_MOMENTUM: Final = 2.0 * M_E


@dataclass(frozen=True, slots=True)
class Emitters:
    """N electrons or positrons that emit. pdg : (N,) 11 or -11. energy : (N,) GeV. direction :
    (N, 3) unit vectors. x4 : (N, 4) cm. weight : (N,)."""

    pdg: Array
    energy: Array
    direction: Array
    x4: Array
    weight: Array

    def select(self, rows: Array) -> Emitters:
        """The rows under a mask."""
        return Emitters(
            self.pdg[rows], self.energy[rows], self.direction[rows], self.x4[rows],
            self.weight[rows],
        )  # fmt: skip


def turned(p4: Array, direction: Array) -> Array:
    """Four-momenta (..., 4) given relative to z, turned so that z goes to `direction` (N, 3).

    The turn is about the axis perpendicular to z and the direction. Check: lengths are kept.
    """
    ux, uy, uz = direction.T
    extra = (1,) * (p4.ndim - 2)
    ux, uy, uz = (u.reshape(-1, *extra) for u in (ux, uy, uz))
    x, y, z = p4[..., 1], p4[..., 2], p4[..., 3]
    # Rodrigues' formula with axis (-uy, ux, 0)/sin; (1 - cos)/sin^2 = 1/(1 + cos)
    f = 1.0 / np.maximum(1.0 + uz, 1e-12)
    along = f * (ux * y - uy * x)
    out = p4.copy()
    out[..., 1] = uz * x - uy * along + ux * z
    out[..., 2] = uz * y + ux * along + uy * z
    out[..., 3] = uz * z - ux * x - uy * y
    return out


def brems_rows(sampler: BremsSampler, emitters: Emitters, rng: np.random.Generator) -> Events:
    """Five rows per event: emitter, nucleus at rest; outgoing lepton, Z', nucleus."""
    sample = sampler.sample(emitters.energy, rng)
    n = len(emitters.energy)
    p4 = np.zeros((n, 5, 4))
    p4[:, 0, 0] = emitters.energy
    p4[:, 0, 3] = np.sqrt((emitters.energy - M_E) * (emitters.energy + M_E))
    p4[:, 2], p4[:, 3], p4[:, 4] = sample.p_lepton, sample.p_zprime, sample.p_nucleus
    p4 = turned(p4, emitters.direction)
    p4[:, 1] = 0.0
    p4[:, 1, 0] = sampler.nucleus.mass
    nucleus = sampler.nucleus.pdg
    pdg = np.empty((n, 5), np.int32)
    pdg[:, 0] = pdg[:, 2] = emitters.pdg
    pdg[:, 1] = pdg[:, 4] = nucleus
    pdg[:, 3] = PDG_ZPRIME
    return _events(pdg, (-1, -1, 1, 1, 1), p4, emitters, emitters.weight * sample.weight)


def annihilation_rows(mass: float, emitters: Emitters) -> Events:
    """Three rows per event: positron, atomic electron; Z'.

    The electron moves along the positron with the momentum that makes the pair's mass `mass`; its
    transverse momentum, which the cross section does not fix, is set to zero. Beyond
    LARGEST_MOMENTUM it is at rest and the Z' is off its shell.
    """
    energy = emitters.energy
    p = np.sqrt((energy - M_E) * (energy + M_E))
    # (E + e)^2 - (p + q)^2 = M^2 with e^2 = q^2 + m^2: E e - p q = half
    half = 0.5 * mass * mass - M_E**2
    root = p * np.sqrt(np.maximum(half * half - M_E**4, 0.0))
    q = (half * p - root * energy / p) / M_E**2
    other = (half * p + root * energy / p) / M_E**2
    q = np.where(np.abs(other) < np.abs(q), other, q)
    q = np.where(np.abs(q) <= LARGEST_MOMENTUM, q, 0.0)
    p4 = np.zeros((len(energy), 3, 4))
    p4[:, 0, 0], p4[:, 0, 3] = energy, p
    p4[:, 1, 0], p4[:, 1, 3] = np.sqrt(q * q + M_E**2), q
    p4[:, 2] = p4[:, 0] + p4[:, 1]
    p4 = turned(p4, emitters.direction)
    pdg = np.tile(np.array([-11, 11, PDG_ZPRIME], np.int32), (len(energy), 1))
    return _events(pdg, (-1, -1, 1), p4, emitters, emitters.weight)


def _events(
    pdg: Array, status: tuple[int, ...], p4: Array, emitters: Emitters, weight: Array
) -> Events:
    n, rows = pdg.shape
    return Events(
        pdg=pdg.reshape(-1),
        event=np.repeat(np.arange(n, dtype=np.int64), rows),
        status=np.tile(np.array(status, np.int8), n),
        p4=p4.reshape(-1, 4),
        x4=np.repeat(emitters.x4, rows, axis=0),
        weight=np.repeat(weight, rows),
    )


def with_meta(events: Events, meta: Mapping[str, Any]) -> Events:
    """The same events with provenance."""
    return Events(
        events.pdg, events.event, events.status, events.p4, events.x4, events.weight, dict(meta)
    )
