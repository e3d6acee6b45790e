"""Electron pairs made by the muon on a nucleus of the station, one electron of them lost.

mu N -> mu N e+ e-, exact (`reactions.lepton_pairs`), where one electron of the pair is taken for
that of mu e -> mu e Z' and the other leaves no track: its energy is below the lowest that the
detector finds. The muon is deflected in the same interaction, or keeps its direction and has one
hard collision with another nucleus of the station (`muone.hard_kicks`), before or behind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.muone import hard_kicks
from mutau.core.constants import M_E
from mutau.core.types import Events
from mutau.detector.muone import Reconstructed, Response, reconstruct
from mutau.matter.nucleus import Nucleus
from mutau.reactions.lepton_pair_events import PairSampler, draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction
from mutau.reactions.muon_electron_events import place_in_stations

Array = NDArray[np.float64]

#: Relative error of the cross sections, by the size of the integration.
ERROR: Final = 1e-2
#: Rows of `draw_pairs`: beam, nucleus, muon, like, opposite, nucleus.
_BEAM, _MUON, _PAIR = 0, 2, (3, 4)


@dataclass(frozen=True, slots=True)
class PairRegion:
    """Where true pairs can look like the signal.

    energy : of the beam, GeV. charge : of its muon. theta : smallest angle of the muon, rad.
    seen : limits of the energy of the electron that is seen, GeV. lost : energy below which the
    other is, GeV.
    """

    energy: float
    charge: int
    theta: float
    seen: tuple[float, float]
    lost: float


@lru_cache(maxsize=32)
def _sampler(region: PairRegion, nucleus: Nucleus, like_seen: bool, kinked: bool) -> PairSampler:
    """One of four classes: which electron is seen, whether the muon's angle is left to a kink."""
    pair = ("like_energy", "opposite_energy") if like_seen else ("opposite_energy", "like_energy")
    limits = {
        pair[0]: region.seen,
        pair[1]: (0.0, region.lost),
        "lepton_theta": (0.0, region.theta) if kinked else (region.theta, math.pi),
    }
    reaction = PairReaction("muon", "electron", region.energy, nucleus, limits)
    return make_pair_sampler(reaction, charge=region.charge, error=ERROR)


def pair_sample(
    region: PairRegion,
    response: Response,
    atoms: dict[Nucleus, float],
    stations: dict[str, Any],
    rng: np.random.Generator,
    *,
    n: int,
    stretch: float = 1.0,
) -> tuple[Reconstructed, Array]:
    """Weighted sample of about n events as they are measured, and the energy of what is lost.

    atoms : nucleus -> atoms times luminosity, 1/pb. stations : arguments of `place_in_stations`.
    stretch : as in `detector.muone.reconstruct`. The weights add up to the expected number within
    the region, kinks included; these have all angles.
    Check: proportional to the luminosity; without a target for kinks only deflections of the
    interaction itself are left.
    """
    kinds = [(nucleus, like, kinked) for nucleus in atoms for like in (True, False)
             for kinked in (False, True) if response.target is not None or not kinked]  # fmt: skip
    each = max(n // len(kinds), 50)
    parts, lost = [], []
    for nucleus, like_seen, kinked in kinds:
        sampler = _sampler(region, nucleus, like_seen, kinked)
        drawn = draw_pairs(sampler, each, rng, luminosity=atoms[nucleus])
        p = drawn.p4.reshape(each, -1, 4)
        seen, other = _PAIR if like_seen else _PAIR[::-1]
        muon, electron, weight = p[:, _MUON].copy(), p[:, seen].copy(), drawn.weight[::6].copy()
        if kinked and response.target is not None:
            kick, chance = hard_kicks(response.target, response.thickness, each, rng)
            weight *= chance
            _turn(muon, electron, kick, rng)
        events = _as_events(p[:, _BEAM], muon, electron, weight)
        events = place_in_stations(events, rng, **stations)
        parts.append(reconstruct(events, response, rng, stretch=stretch, muon_tails=False))
        lost.append(p[:, other, 0])
    return _joined(parts), np.concatenate(lost)


def _turn(muon: Array, electron: Array, kick: Array, rng: np.random.Generator) -> None:
    """Deflect the muon by kicks (GeV), in half of the events before the pair is made: both."""
    phi = rng.uniform(0.0, 2.0 * math.pi, len(kick))
    direction = np.stack([np.cos(phi), np.sin(phi)], axis=1)
    before = rng.random(len(kick)) < 0.5
    angle = kick / np.linalg.norm(muon[:, 1:], axis=1)
    for momentum, turned in ((muon, np.ones(len(kick), bool)), (electron, before)):
        size = np.linalg.norm(momentum[:, 1:], axis=1)
        momentum[:, 1:3] += (angle * size * turned)[:, None] * direction
        momentum[:, 1:] *= (size / np.linalg.norm(momentum[:, 1:], axis=1))[:, None]


def _as_events(beam: Array, muon: Array, electron: Array, weight: Array) -> Events:
    """Events of mu e -> mu e with these momenta, as the detector takes them."""
    n = len(weight)
    p4 = np.zeros((n, 4, 4))
    p4[:, 0], p4[:, 1, 0], p4[:, 2], p4[:, 3] = beam, M_E, muon, electron
    return Events(
        np.tile(np.array([13, 11, 13, 11], np.int32), n),
        np.repeat(np.arange(n), 4),
        np.tile(np.array([-1, -1, 1, 1], np.int8), n),
        p4.reshape(-1, 4),
        np.zeros((4 * n, 4)),
        np.repeat(weight, 4),
    )


def _joined(parts: list[Reconstructed]) -> Reconstructed:
    names = ("p_beam", "p_muon", "p_electron", "photon_energy", "merged", "weight")
    return Reconstructed(*(np.concatenate([getattr(item, n) for item in parts]) for n in names))
