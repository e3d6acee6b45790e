"""Events of a muon on an electron at rest: elastic, with a photon, with a Z'.

    sampler = make_sampler(Reaction(ZPRIME, 150.0, mass=0.1, coupling=1e-3), PAPER_CUTS)
    events = draw_events(sampler, 100_000, stream(1), luminosity=15e3)

Rows of one event: incoming muon and electron, outgoing muon, electron, and Z' (PDG 32) or photon;
laboratory, z along the beam, every event turned by a random azimuth. Cuts are true quantities and
are met by construction. `make_sampler` is deterministic; all randomness is in the generator.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import OutOfRange, require_in_range
from mutau.core.random import REACH
from mutau.core.types import CrossSection, Events, provenance
from mutau.core.units import GEV2_PB
from mutau.reactions.muon_electron import (
    ELASTIC,
    GAMMA,
    NO_CUTS,
    NUNU,
    Cuts,
    Reaction,
    allowed_electron_energies,
    elastic_window,
    emission,
    kinematics_of,
    total_cross_section,
)
from mutau.reactions.muon_electron_amplitudes import elastic_numerator

if TYPE_CHECKING:
    from mutau.reactions.muon_electron_events_kernels import BoundedCells
    from mutau.reactions.phase_space import Cube

Array = NDArray[np.float64]

PHOTON, Z_PRIME, ELECTRON, MUON = 22, 32, 11, 13

_SPREAD_NODES = 5  # energies over the spread at which cells are bounded
_BINS = (32, 20, 20, 8)  # cells in T, E_V, u, psi
SEARCH = 24  # points per cell that look for its bound
_SAFETY = 1.25  # on the largest value found


@dataclass(frozen=True, slots=True)
class Sampler:
    """A reaction within cuts, ready to draw from.

    reaction, cuts : what is drawn. sigma : its deterministic cross section.
    grid : cells with their bounds. limits : (2, n) table of the limits of E_V. Elastic scattering
    needs neither: None. window : GeV, kinetic energies of the electron.
    scale : pb per unit of the bounds. spread : relative, of the beam's energy.
    """

    reaction: Reaction
    cuts: Cuts
    sigma: CrossSection
    grid: BoundedCells | None
    limits: Array | None
    window: tuple[float, float]
    scale: float
    spread: float = 0.0


def make_sampler(
    reaction: Reaction,
    cuts: Cuts = NO_CUTS,
    *,
    rounds: int = 5,
    search: int = SEARCH,
    spread: float = 0.0,
) -> Sampler:
    """Adapt the grid to the reaction within cuts and bound its cells; deterministic.

    rounds : of adapting the edges. search : points per cell that look for its bound; half of the
    time. A few suffice for weighted events, whose mean does not depend on the bounds. spread :
    relative, of the beam's energy, Gaussian and cut at REACH; none for elastic scattering.
    Raises OutOfRange if nothing passes the cuts, if the cross section is infinite, and for
    neutrino pairs, which have no events here (their cross section is in `reactions`).
    """
    if reaction.process == NUNU:
        raise OutOfRange(
            "events of mu e -> mu e nu nu are not drawn: 1e-6 of them are expected",
            place="make_sampler",
            remedy="total_cross_section gives their number",
        )
    sigma = total_cross_section(reaction, cuts)
    if sigma.sigma_pb <= 0.0:
        raise OutOfRange(
            f"no event of {reaction.process} passes these cuts",
            place="make_sampler",
            remedy="loosen them or choose a smaller mass",
        )
    if reaction.process == ELASTIC:
        require_in_range("spread", spread, 0.0, 0.0, reason="elastic events have one beam energy")
        low, high = elastic_window(reaction, cuts)
        return Sampler(reaction, cuts, sigma, None, None, (low - M_E, high - M_E), sigma.sigma_pb)
    require_in_range("spread", spread, 0.0, 0.9 / REACH, reason="energies must stay above 0")
    sampler = _adapt(reaction, _over(reaction, spread), cuts, rounds, search)
    return replace(sampler, sigma=sigma, spread=spread)


def _over(reaction: Reaction, spread: float) -> list[Reaction]:
    """The reaction at energies over the beam's spread, where it can take place."""
    if spread <= 0.0:
        return [reaction]
    found = []
    for z in np.linspace(-REACH, REACH, _SPREAD_NODES).tolist():
        with suppress(OutOfRange):
            found.append(replace(reaction, energy=reaction.energy * (1.0 + spread * z)))
    return found


def _adapt(
    reaction: Reaction, spread: list[Reaction], cuts: Cuts, rounds: int, search: int
) -> Sampler:
    """Grid adapted at the nominal energy, its cells bounded at all energies of the spread."""
    from mutau.reactions import muon_electron_events_kernels as kernels
    from mutau.reactions.importance import alias_table, refined_edges
    from mutau.reactions.phase_space import energy_limits

    windows = [allowed_electron_energies(item.energy, item.mass, cuts) for item in spread]
    allowed = np.array([pair for pair in windows if pair is not None])  # the nominal at the least
    window = float(allowed[:, 0].min()), float(allowed[:, 1].max())
    sine2, v_min, _ = cuts.kernel_limits
    each = np.array([energy_limits(*window, kinematics_of(r), sine2, v_min) for r in spread])
    limits = np.stack([np.fmin.reduce(each[:, 0]), np.fmax.reduce(each[:, 1])])
    cube = _cube(reaction, cuts, window, limits)
    bins = np.array(_BINS)
    edges = np.zeros((4, bins.max() + 1))
    for axis in range(4):
        edges[axis, : bins[axis] + 1] = np.linspace(0.0, 1.0, bins[axis] + 1)
    for _ in range(rounds):
        cells = kernels.Cells(edges, bins)
        content = kernels.contents(40_000, cells, kinematics_of(reaction), cube)
        for axis, n in enumerate(bins):
            edges[axis, : n + 1] = refined_edges(edges[axis, : n + 1], np.sqrt(content[axis, :n]))
    cells = kernels.Cells(edges, bins)
    found = [
        kernels.search_bounds(
            search, cells, kinematics_of(item), _cube(item, cuts, window, limits)
        )[0]
        for item in spread
    ]
    bound = np.max(found, axis=0)
    bound = kernels.raise_to_neighbours(_SAFETY * bound, bins, 0.25)
    threshold, alias = alias_table(bound)
    scale = (4.0 * math.pi * reaction.alpha) ** 2 * GEV2_PB
    grid = kernels.BoundedCells(cells, bound, threshold, alias)
    return Sampler(reaction, cuts, CrossSection(0.0, 0.0), grid, limits, window, scale)


def _cube(reaction: Reaction, cuts: Cuts, window: tuple[float, float], limits: Array) -> Cube:
    from mutau.reactions.phase_space import Cube

    return Cube(emission(reaction), cuts.kernel_limits, *window, limits)


def draw_events(
    sampler: Sampler,
    n: int,
    rng: np.random.Generator,
    *,
    luminosity: float = 1.0,
    weighted: bool = False,
    event_offset: int = 0,
) -> Events:
    """n events within the sampler's cuts.

    rng : the generator that decides everything random. luminosity : pb^-1; the weights of the
    events add up to the expected number sigma x luminosity (pb, with the default of 1).
    weighted : False gives equal weights, but for about one event in 10^4 that lies above its
    cell's bound and weighs more; True keeps every point with its weight, several times faster per
    trial but of unequal use. event_offset : number of the first event.
    `meta` holds sigma_pb and sigma_err_pb (deterministic, at the nominal energy), the same from
    the trials drawn here, over the spread,
    (monte_carlo_pb, monte_carlo_err_pb), efficiency, and largest_weight over the usual one.
    Raises OutOfRange if n < 1 or the luminosity is negative.
    Check: four-momentum is conserved to 1e-9; the spectrum of E_e is `electron_spectrum`.
    """
    require_in_range("n", n, 1, 1e9)
    require_in_range("luminosity", luminosity, 0.0, math.inf, unit="pb^-1")
    if sampler.reaction.process == ELASTIC:
        p4, weight, record = _draw_elastic(sampler, n, rng)
    else:
        p4, weight, record = _draw_emission(sampler, n, rng, weighted)
    rows = p4.shape[1]
    weight *= sampler.sigma.sigma_pb * luminosity / np.sum(weight)
    charge = sampler.reaction.beam_charge
    muon = -charge * MUON
    emitted = {GAMMA: [PHOTON], ELASTIC: []}.get(sampler.reaction.process, [Z_PRIME])
    pdg = np.array([muon, ELECTRON, muon, ELECTRON, *emitted], np.int32)
    status = np.array([-1, -1, 1, 1, *([1] * len(emitted))], np.int8)
    meta = {
        **provenance(),
        "process": sampler.reaction.process,
        "beam_energy_GeV": sampler.reaction.energy,
        **({"beam_energy_spread": sampler.spread} if sampler.spread else {}),
        "alpha": sampler.reaction.alpha,
        **({"mass_GeV": sampler.reaction.mass} if emitted == [Z_PRIME] else {}),
        "sigma_pb": sampler.sigma.sigma_pb,
        "sigma_err_pb": sampler.sigma.sigma_err_pb,
        **record,
    }
    return Events(
        np.tile(pdg, n),
        np.repeat(np.arange(event_offset, event_offset + n), rows),
        np.tile(status, n),
        p4.reshape(n * rows, 4),
        np.zeros((n * rows, 4)),
        np.repeat(weight, rows),
        meta,
    )


def _draw_emission(
    sampler: Sampler, n: int, rng: np.random.Generator, weighted: bool
) -> tuple[Array, Array, dict[str, Any]]:
    """Momenta (n, 5, 4), weights (n,) and record of what the drawing found."""
    from mutau.reactions import muon_electron_events_kernels as kernels

    grid, limits = sampler.grid, sampler.limits
    assert grid is not None  # of `_adapt`
    assert limits is not None
    p4, weight = np.empty((n, 5, 4)), np.empty(n)
    trials, total, square, largest = kernels.draw(
        rng, not weighted, p4, weight, grid, sampler.spread, kinematics_of(sampler.reaction),
        _cube(sampler.reaction, sampler.cuts, sampler.window, limits),
    )  # fmt: skip
    height = float(np.sum(grid.bound)) * sampler.scale
    mean = total / trials
    error = math.sqrt(max(square / trials - mean * mean, 0.0) / max(trials - 1, 1))
    record = {
        "monte_carlo_pb": mean * height,
        "monte_carlo_err_pb": error * height,
        "efficiency": n / trials,
        "largest_weight": max(largest, 1.0),
    }
    return p4, weight, record


def _draw_elastic(
    sampler: Sampler, n: int, rng: np.random.Generator
) -> tuple[Array, Array, dict[str, Any]]:
    """T from 1 / T^2 with accept-reject: the rest of |M|^2 only falls."""
    low, high = sampler.window
    energy = sampler.reaction.energy
    s = 2.0 * M_E * energy
    kept: list[Array] = []
    found, trials = 0, 0
    while found < n:
        size = 2 * (n - found) + 100
        place = rng.random(size)
        T = low * high / (high - place * (high - low))
        ratio = elastic_numerator(s, -2.0 * M_E * T, M_MU**2, M_E**2) / (2.0 * s * s)
        good = T[rng.random(size) < ratio]
        kept.append(good)
        found += len(good)
        trials += size
    T = np.concatenate(kept)[:n]
    turn = rng.uniform(0.0, 2.0 * math.pi, n)
    p1, p_e = math.sqrt(energy**2 - M_MU**2), np.sqrt(T * (T + 2.0 * M_E))
    cos_e = (energy + M_E) * T / (p1 * p_e)
    sin_e = np.sqrt(np.maximum((1.0 - cos_e) * (1.0 + cos_e), 0.0))
    p4 = np.zeros((n, 4, 4))
    p4[:, 0, 0], p4[:, 0, 3], p4[:, 1, 0] = energy, p1, M_E
    p4[:, 3, 0] = T + M_E
    p4[:, 3, 1], p4[:, 3, 2] = p_e * sin_e * np.cos(turn), p_e * sin_e * np.sin(turn)
    p4[:, 3, 3] = p_e * cos_e
    p4[:, 2] = p4[:, 0] + p4[:, 1] - p4[:, 3]
    return p4, np.ones(n), {"efficiency": found / trials, "largest_weight": 1.0}


def place_in_stations(
    events: Events,
    rng: np.random.Generator,
    *,
    stations: int,
    thickness: float,
    pitch: float,
    z: float = 0.0,
) -> Events:
    """The events with production points spread evenly over a row of equal targets.

    thickness, pitch, z : cm; of one station, from station to station, of the first one's front.
    All rows of an event share the point (c t, 0, 0, z); t counts from z = 0 at the beam's speed.
    Raises OutOfRange if stations overlap.
    """
    require_in_range("stations", stations, 1, 1e6)
    require_in_range("thickness", thickness, 0.0, 1e6, unit="cm", open_low=True)
    if stations > 1:
        require_in_range(
            "pitch", pitch, thickness, 1e9, unit="cm", reason="stations must not overlap"
        )
    first = np.concatenate([[True], np.diff(events.event) != 0])
    n = int(np.count_nonzero(first))
    place = z + pitch * rng.integers(0, stations, n) + thickness * rng.random(n)
    x4 = np.zeros_like(events.x4)
    x4[:, 3] = place[np.cumsum(first) - 1]
    beam = events.p4[first]
    beta = beam[:, 3] / beam[:, 0]
    x4[:, 0] = x4[:, 3] / beta[np.cumsum(first) - 1]
    return replace(events, x4=x4)
