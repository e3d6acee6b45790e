"""Unweighted events of lepton pairs made by a lepton or a photon on a nucleus, exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from mutau.core.errors import OutOfRange, require_in_range
from mutau.core.types import CrossSection, Events, provenance
from mutau.reactions.abilities import PAIR_BEAMS
from mutau.reactions.lepton_pairs import Grids, PairReaction, adapted

#: PDG codes of the negative leptons.
PDG: Final = {"electron": 11, "muon": 13}
PHOTON: Final = 22


@dataclass(frozen=True, slots=True)
class PairSampler:
    """A reaction with its grids. charge : of the beam lepton, -1 or +1; of a photon not used."""

    reaction: PairReaction
    grids: Grids
    charge: int

    @property
    def sigma(self) -> CrossSection:
        """Cross section per atom within the reaction's limits, pb."""
        return CrossSection(float(self.grids.sigma.sum()), math.hypot(*self.grids.err))


def make_pair_sampler(
    reaction: PairReaction, *, charge: int = -1, error: float = 3e-3, seed: int = 1
) -> PairSampler:
    """Adapt the grids. error : relative, of the cross section that the events carry.

    The distribution does not depend on the charge but in what "like" and "opposite" mean.
    Raises OutOfRange for a charge other than -1 or +1, and as `adapted`.
    """
    if charge not in (-1, 1):
        raise OutOfRange(f"charge = {charge!r} of the beam lepton", allowed="-1 or +1")
    return PairSampler(reaction, adapted(reaction, error=error, seed=seed), charge)


def draw_pairs(
    sampler: PairSampler, n: int, rng: np.random.Generator, *, luminosity: float = 1.0
) -> Events:
    """n events: incoming particle, nucleus; outgoing lepton, pair (like, opposite), nucleus.

    The nucleus is at rest before. Of a photon no lepton goes out: five rows an event, not six.
    rng : decides everything random. luminosity : atoms/pb; the weights add up to the expected
    number. Equal weights, but for a part of 1e-3 of the sum that lies above the bound of its map.
    `meta` holds sigma_pb, sigma_err_pb, the same from the trials drawn here (monte_carlo_pb,
    monte_carlo_err_pb), efficiency and largest_weight over the usual one.
    Raises OutOfRange for n < 1 or a luminosity that is negative.
    Check: four-momentum is conserved to rounding, every particle on its mass shell.
    """
    from mutau.reactions.lepton_pairs_sampling import draw

    require_in_range("n", n, 1, 1e9)
    require_in_range("luminosity", luminosity, 0.0, math.inf, unit="atoms/pb")
    reaction, grids = sampler.reaction, sampler.grids
    made, weight = np.empty((n, 3, 4)), np.empty(n)
    trials, total, square = draw(
        rng, reaction.maps[0], grids.edges, grids.bounds / reaction.scale, reaction.setup(), made,
        weight,
    )  # fmt: skip
    mass, nucleus = PAIR_BEAMS[reaction.beam], reaction.nucleus.mass
    first = 1 if reaction.of_photon else 0  # of what goes out
    p4 = np.zeros((n, 6 - first, 4))
    p4[:, 0, 0] = reaction.energy
    p4[:, 0, 3] = math.sqrt(reaction.energy**2 - mass**2)
    p4[:, 1, 0] = nucleus
    p4[:, 2:-1] = made[:, first:]
    p4[:, -1] = p4[:, 0] + p4[:, 1] - p4[:, 2:-1].sum(axis=1)
    height = float(grids.bounds.sum())
    mean = total / trials
    error = math.sqrt(max(square / trials - mean * mean, 0.0) / max(trials - 1, 1))
    sigma = sampler.sigma
    codes = _codes(sampler)
    rows = len(codes)
    weight *= sigma.sigma_pb * luminosity / weight.sum()
    return Events(
        pdg=np.tile(np.array(codes, np.int32), n),
        event=np.repeat(np.arange(n), rows),
        status=np.tile(np.array([-1, -1] + [1] * (rows - 2), np.int8), n),
        p4=p4.reshape(n * rows, 4),
        x4=np.zeros((n * rows, 4)),
        weight=np.repeat(weight, rows),
        meta={
            **provenance(),
            "process": f"{reaction.beam} pair of {reaction.pair}s",
            "beam_energy_GeV": reaction.energy,
            "sigma_pb": sigma.sigma_pb,
            "sigma_err_pb": sigma.sigma_err_pb,
            "monte_carlo_pb": mean * height,
            "monte_carlo_err_pb": error * height,
            "efficiency": n / trials,
            "largest_weight": float(max(weight.max() / np.median(weight), 1.0)),
        },
    )


def _codes(sampler: PairSampler) -> list[int]:
    """PDG codes of the rows of an event."""
    reaction = sampler.reaction
    like, code = -sampler.charge * PDG[reaction.pair], reaction.nucleus.pdg
    if reaction.of_photon:
        return [PHOTON, code, like, -like, code]
    beam = -sampler.charge * PDG[reaction.beam]
    return [beam, code, beam, like, -like, code]
