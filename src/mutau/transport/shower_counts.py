"""What a shower leaves where: energy by depth and radius, track length by energy; kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mutau.core.arrays import FloatArray, IntArray
from mutau.core.jit import inner, njit


class ShowerParticle:
    """A particle: species (0 e-, 1 e+, 2 photon), total energy in GeV, depth and lateral place in
    X0, direction."""

    species: int
    energy: float
    z: float
    x: float
    y: float
    ux: float
    uy: float
    uz: float


class Scope(NamedTuple):
    """What is counted, and how far particles are followed.

    edges : (K + 1,) rising energies of the track bins, GeV. depths : (S + 1,) X0, of the sections;
    outside them is leak. radii : (R + 1,) X0, of the rings, the last of which is open.
    first_depth, per_bin : X0 and 1/X0, of the D bins of the profile. node_bin : for each node of
    the shower's table the track bin it lies in. lateral : follow directions. Particles that are
    made behind far_depth (X0) with less than far_energy (GeV) are leak.
    """

    edges: FloatArray
    depths: FloatArray
    radii: FloatArray
    first_depth: float
    per_bin: float
    node_bin: IntArray
    lateral: bool
    far_depth: float
    far_energy: float


class ShowerTally(NamedTuple):
    """What has been counted: track (3, K) X0, of e-, e+, photons; section (S, R), profile (D,) and
    leak (1,) GeV."""

    track: FloatArray
    section: FloatArray
    profile: FloatArray
    leak: FloatArray


@njit
def empty_tally(bins: int, sections: int, rings: int, profile: int) -> ShowerTally:
    """A tally of zeros."""
    return ShowerTally(
        np.zeros((3, bins)), np.zeros((sections, rings)), np.zeros(profile), np.zeros(1)
    )


@inner
def copy_tally(source: ShowerTally, target: ShowerTally) -> None:
    """target becomes source."""
    for s in range(3):
        for i in range(source.track.shape[1]):
            target.track[s, i] = source.track[s, i]
    for i in range(source.section.shape[0]):
        for j in range(source.section.shape[1]):
            target.section[i, j] = source.section[i, j]
    for i in range(source.profile.shape[0]):
        target.profile[i] = source.profile[i]
    target.leak[0] = source.leak[0]


@inner
def clear_tally(tally: ShowerTally) -> None:
    """Back to zeros."""
    for s in range(3):
        for i in range(tally.track.shape[1]):
            tally.track[s, i] = 0.0
    for i in range(tally.section.shape[0]):
        for j in range(tally.section.shape[1]):
            tally.section[i, j] = 0.0
    for i in range(tally.profile.shape[0]):
        tally.profile[i] = 0.0
    tally.leak[0] = 0.0


@inner
def add_tally(tally: ShowerTally, total: ShowerTally, squares: ShowerTally) -> None:
    """Add a shower to the sums over showers, and its squares to theirs."""
    for s in range(3):
        for i in range(tally.track.shape[1]):
            total.track[s, i] += tally.track[s, i]
            squares.track[s, i] += tally.track[s, i] * tally.track[s, i]
    for i in range(tally.profile.shape[0]):
        total.profile[i] += tally.profile[i]
        squares.profile[i] += tally.profile[i] * tally.profile[i]


@inner(forceinline=True)
def deposit(energy: float, z: float, r: float, tally: ShowerTally, scope: Scope) -> None:
    """Leave energy at depth z and radius r, X0; outside all sections it is leak."""
    depths, radii = scope.depths, scope.radii
    sections, rings = tally.section.shape
    i = 0
    while i < sections and depths[i + 1] <= z:
        i += 1
    if i == sections or z < depths[0]:
        tally.leak[0] += energy
        return
    j = 1
    while j < rings and radii[j] <= r:
        j += 1
    tally.section[i, j - 1] += energy
    x = (z - scope.first_depth) * scope.per_bin
    if 0.0 <= x < tally.profile.shape[0]:
        tally.profile[int(x)] += energy


@inner(forceinline=True)
def count_track(
    p: ShowerParticle, node: int, high: float, length: float, tally: ShowerTally, scope: Scope
) -> None:
    """Spread a step's length over the energy bins it crossed.

    p : at the end of the step. high : energy before it; node : of that in the
    table.
    """
    edges, bins, low = scope.edges, tally.track.shape[1], p.energy
    i = scope.node_bin[node]
    while i < bins and edges[i + 1] <= high:
        i += 1
    if high == low:
        if i == bins and high == edges[i]:
            i -= 1  # the incident photon, at the last edge
        if 0 <= i < bins:
            tally.track[p.species, i] += length
        return
    per_energy = length / (high - low)
    i = min(i, bins - 1)
    while i >= 0 and edges[i + 1] > low:
        part = min(high, edges[i + 1]) - max(low, edges[i])
        if part > 0.0:
            tally.track[p.species, i] += per_energy * part
        i -= 1
