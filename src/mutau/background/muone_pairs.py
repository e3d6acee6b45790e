"""Electron pairs made by the muon in the station, one electron of them lost.

mu N -> mu N e+ e-, exact (`reactions.lepton_pairs`), where one electron of the pair is taken for
that of mu e -> mu e Z' and the other leaves no track: its energy is below the lowest that the
detector finds. The muon is deflected in the same interaction, or keeps its direction and has one
hard collision with another nucleus of the station (`muone.hard_kicks`), before or behind.
On an atomic electron, mu e -> mu e e+ e-, the first is closed by kinematics: as for a photon, muon
and electron of the window leave 13 GeV and more to the two others, which are then seen. The second
is that on nuclei times the electrons' part of the cross section.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background import muone
from mutau.background.estimate import Estimate, background_source
from mutau.background.muone import hard_kicks
from mutau.background.muone_components import (
    STRETCH,
    Component,
    EstimateTexts,
    Sampled,
    as_events,
    atoms,
    per_particle,
    region,
    size,
    tracks_of,
    trimmed_component,
    unseen_radiation,
)
from mutau.core.random import stream
from mutau.detector.muone import PLAIN, Origin, Reconstructed, reconstruct
from mutau.detector.muone_flight import Response
from mutau.matter.elements import Element
from mutau.matter.muon_cross_sections import pair_on_electrons
from mutau.matter.nucleus import Nucleus
from mutau.reactions.lepton_pair_events import PairSampler, draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction
from mutau.reactions.muon_electron import Cuts
from mutau.reactions.muon_electron_events import place_in_stations
from mutau.signal.muone_response import as_sample, check_measurable, response, stations

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = NDArray[np.float64]

PAIRS, PAIRS_ON_ELECTRONS = "electron pairs on nuclei", "electron pairs on electrons"
#: Fewest pairs of a sample, all of one weight: a hole in it is not to be taken for a good region.
LEAST_PAIRS: Final = 100_000
#: The lowest energy of a track is known within this factor each way: half the range, relative.
PAIR_RANGE: Final = 2.0
MODEL_ERROR: Final = 0.5
#: Relative error for nuclei that break up: half of what protons one by one would add, +20 %, were
#: they not bound at momentum transfers below 0.2 GeV.
BROKEN: Final = 0.1
#: Relative error of the electrons' part, integrated over the pair's asymmetry.
FACTORISED: Final = 0.3
_KEY: Final = 204
#: Relative error of the cross sections, by the size of the integration.
ERROR: Final = 1e-2
#: Rows of `draw_pairs`: beam, nucleus, muon, like, opposite, nucleus.
_MUON, _PAIR = 2, (3, 4)


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
    kinked: tuple[bool, ...] = (False, True),
) -> tuple[Reconstructed, Array]:
    """Weighted sample of about n events as they are measured, and the energy of what is lost.

    atoms : nucleus -> atoms times luminosity, 1/pb. stations : arguments of `place_in_stations`.
    stretch : as in `detector.muone.reconstruct`. kinked : which of the two ways. The weights add up
    to the expected number within the region, kinks included; these have all angles.
    Check: proportional to the luminosity; without a target for kinks only deflections of the
    interaction itself are left.
    """
    kinds = [(nucleus, like, kink) for nucleus in atoms for like in (True, False)
             for kink in kinked if response.target is not None or not kink]  # fmt: skip
    each = max(n // len(kinds), 50)
    parts, lost = [], []
    for nucleus, like_seen, kink in kinds:
        sampler = _sampler(region, nucleus, like_seen, kink)
        drawn = draw_pairs(sampler, each, rng, luminosity=atoms[nucleus])
        p = drawn.p4.reshape(each, -1, 4)
        seen, other = _PAIR if like_seen else _PAIR[::-1]
        muon, electron, weight = p[:, _MUON].copy(), p[:, seen].copy(), drawn.weight[::6].copy()
        if kink and response.target is not None:
            q, chance = hard_kicks(response.target, response.thickness, each, rng)
            weight *= chance
            turns = _turn(muon, electron, q, rng)
        events = as_events(region.energy, muon, electron, weight)
        events = place_in_stations(events, rng, **stations)
        origin = PLAIN
        if response.downstream is not None and kink:
            depth = (events.x4[::4, 3] - stations["z"]) % (stations["pitch"] or math.inf)
            origin = Origin(displaced=_displaced(turns, depth, response.thickness, rng))
        parts.append(
            reconstruct(
                events, response, rng, stretch=stretch, muon_tails=False, origin=origin
            )
        )  # fmt: skip
        lost.append(p[:, other, 0])
    return _joined(parts), np.concatenate(lost)


def _displaced(
    turns: tuple[Array, NDArray[np.bool_]], depth: Array, thickness: float,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """(2, N, 2) lines of muon and electron beside the incoming one at `depth` (N,), cm, of
    collisions evenly before or behind. turns : of `_turn`."""
    angles, before = turns
    way = np.where(before, depth, thickness - depth) * rng.random(len(depth))
    apart = angles * way[:, None]
    sign, both = np.where(before, 1.0, -1.0)[:, None], before[:, None]
    return np.stack([apart * sign, apart * both])


def _turn(
    muon: Array, electron: Array, kick: Array, rng: np.random.Generator
) -> tuple[Array, NDArray[np.bool_]]:
    """Deflect the muon by kicks (GeV), in half of the events before the pair is made: both.

    Returns the muon's angles (N, 2), and where it was before.
    """
    phi = rng.uniform(0.0, 2.0 * math.pi, len(kick))
    direction = np.stack([np.cos(phi), np.sin(phi)], axis=1)
    before = rng.random(len(kick)) < 0.5
    angle = kick / np.linalg.norm(muon[:, 1:], axis=1)
    for momentum, turned in ((muon, np.ones(len(kick), bool)), (electron, before)):
        size = np.linalg.norm(momentum[:, 1:], axis=1)
        momentum[:, 1:3] += (angle * size * turned)[:, None] * direction
        momentum[:, 1:] *= (size / np.linalg.norm(momentum[:, 1:], axis=1))[:, None]
    return angle[:, None] * direction, before


def _joined(parts: list[Reconstructed]) -> Reconstructed:
    names = ["p_beam", "p_muon", "p_electron", "photon_energy", "merged", "weight"]
    if parts[0].vertex is not None:
        names += ["vertex", "kink"]
    return Reconstructed(*(np.concatenate([getattr(item, n) for item in parts]) for n in names))


@dataclass(frozen=True, slots=True)
class PairWays:
    """Which pairs are drawn. kinked : as in `pair_sample`. on_electrons : mu e -> mu e e+ e-
    instead, where only the deflection in another collision is open. lost : energy below which an
    electron is lost, GeV; None for the file's."""

    kinked: tuple[bool, ...] = (False, True)
    on_electrons: bool = False
    lost: float | None = None

    @property
    def name(self) -> str:
        """Of the source."""
        return PAIRS_ON_ELECTRONS if self.on_electrons else PAIRS


ALL_WAYS: Final = PairWays()
ON_ELECTRONS: Final = PairWays((True,), on_electrons=True)


def pair_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = (),
    ways: PairWays = ALL_WAYS,
) -> Component:  # fmt: skip
    """mu N -> mu N e+ e- with one electron below the lowest energy of a track, within `wide`.

    Nuclei stay whole. Raises NotApplicable as `tracks_of`.
    """
    lost = tracks_of(experiment).lowest if ways.lost is None else ways.lost
    top = min(wide.electron_energy_max, 0.9 * experiment.beam.energy)
    number = {
        Nucleus.of(element): per_pb
        * (_electrons(experiment, element) if ways.on_electrons else 1.0)
        for element, per_pb in atoms(experiment)
    }
    found, _ = pair_sample(
        PairRegion(
            experiment.beam.energy, int(experiment.beam.charge), wide.theta_mu_min,
            (max(wide.electron_energy_min, lost), top), lost,
        ),
        response(experiment), number, stations(experiment), stream(seed, *key, _KEY), n=n,
        stretch=STRETCH, kinked=ways.kinked,
    )  # fmt: skip
    sample = as_sample(experiment, found)
    component = Component(ways.name, sample, unseen_radiation(experiment, found), MODEL_ERROR)
    return trimmed_component(component, keep)


def _electrons(experiment: Experiment, item: Element) -> float:
    """Pairs on the electrons of an atom over those on its nucleus (Kelner 1998)."""
    return float(pair_on_electrons(experiment.beam.energy, float(item.z))) / item.z


def electron_pairs(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu N -> mu N e+ e- that pass the cuts, one electron of the pair lost.

    The model error is half the range between half and twice the lowest energy of a track.
    """
    found = _events(experiment, seed, effort, {
        "deflected in the same interaction": PairWays((False,)),
        "deflected in another collision": PairWays((True,)),
    })  # fmt: skip
    return per_particle(
        experiment, PAIRS, found.number,
        EstimateTexts(
            "exact tree level, 2 -> 4, through the detector; the muon deflected in the same "
            "interaction, or by a forced hard collision in the same station",
            f"{found.assumption}; Coulomb corrections and nuclei that break up left out",
        ),
        math.hypot(found.half_range, BROKEN * found.number.events), **found.parts,
    )  # fmt: skip


def pairs_on_electrons(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu e -> mu e e+ e- that pass the cuts, all electrons but one lost, the muon deflected in
    another collision of the station."""
    found = _events(experiment, seed, effort, {"deflected in another collision": ON_ELECTRONS})
    return per_particle(
        experiment, PAIRS_ON_ELECTRONS, found.number,
        EstimateTexts(
            "pairs on nuclei (exact, 2 -> 4) times the electrons' part of the cross section "
            "(Kelner), the muon deflected by a forced hard collision in the same station",
            f"{found.assumption}; the struck electron is lost, too; with the deflection in the "
            "same interaction none: muon and electron of the window leave 13 GeV to be seen",
        ),
        math.hypot(found.half_range, FACTORISED * found.number.events), **found.parts,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """Events of the sum, half their range with the lowest track, parts, and what was assumed."""

    number: muone.EventNumber
    half_range: float
    parts: dict[str, float]
    assumption: str


def _events(experiment: Experiment, seed: int, effort: float, ways: dict[str, PairWays]) -> _Found:
    check_measurable(experiment)
    lowest, n = tracks_of(experiment).lowest, size(0.2 * effort)
    wide, cuts = region(experiment), experiment.cuts

    def total(factor: float, n: int) -> list[muone.EventNumber]:
        return [
            pair_component(
                experiment, wide, n, seed, ways=replace(way, lost=lowest * factor)
            ).events(cuts)
            for way in ways.values()
        ]  # fmt: skip

    middle = total(1.0, n)
    softer, harder = (
        sum(part.events for part in total(factor, n // 2))
        for factor in (1.0 / PAIR_RANGE, PAIR_RANGE)
    )
    number = muone.EventNumber(
        sum(part.events for part in middle), math.hypot(*(part.error for part in middle))
    )
    parts = {f"track from {lowest / PAIR_RANGE:g} GeV": softer,
             f"track from {lowest * PAIR_RANGE:g} GeV": harder,
             **{name: part.events for name, part in zip(ways, middle, strict=True)}}  # fmt: skip
    return _Found(
        number, 0.5 * abs(harder - softer), parts,
        f"an electron below {lowest:g} GeV leaves no track, any above it a track that is rejected",
    )  # fmt: skip


SAMPLED_PAIRS: Final = {
    PAIRS: Sampled(pair_component, least=LEAST_PAIRS),
    PAIRS_ON_ELECTRONS: Sampled(partial(pair_component, ways=ON_ELECTRONS)),
}
for _name, _compute in ((PAIRS, electron_pairs), (PAIRS_ON_ELECTRONS, pairs_on_electrons)):
    background_source(_name, "muon-electron-zprime")(_compute)
