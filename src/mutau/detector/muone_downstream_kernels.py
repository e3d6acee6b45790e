"""An electron through thin layers to a calorimeter, particle by particle (`muone_downstream`)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.core.records import Records
from mutau.matter.multiple_scattering import HIGHLAND, HIGHLAND_LOG

Array = NDArray[np.float64]

#: GeV. Softer photons are not emitted one by one, softer particles not followed.
SOFTEST = 0.02
ROOM = 512  # particles on the stack, and at the calorimeter
_TURN = 2.0 * math.pi
_WIDEST = 20.0  # of an emission angle, in units of m/E


class Layers(NamedTuple):
    """z (K,) cm, rising; thickness (K,) in radiation lengths; loss (K,) GeV of an electron;
    end : z of the calorimeter, cm."""

    z: Array
    thickness: Array
    loss: Array
    end: float


class Flying:
    """A particle: whether charged (else a photon), energy (GeV), place (cm), slopes, the next layer
    and the share of it that lies before the particle."""

    charged: bool
    energy: float
    x: float
    y: float
    z: float
    slope_x: float
    slope_y: float
    layer: int
    share: float


class Seen:
    """Of one electron: energy near the hardest particle at the calorimeter (GeV), its place (cm),
    energy of the hardest other cluster (GeV)."""

    energy: float
    x: float
    y: float
    apart: float


@njit
def _angle(energy: float, rng: np.random.Generator) -> float:
    """Emission angle of density 2 u du/(1 + u^2)^2, u in units of m/E."""
    u = rng.random()
    return min(math.sqrt(u / (1.0 - u)), _WIDEST) * M_E / energy


@njit
def _photon_share(least: float, rng: np.random.Generator) -> float:
    """y of (1 - y + 3/4 y^2)/y between `least` and 1."""
    while True:
        y = least ** rng.random()
        if rng.random() < 1.0 - y + 0.75 * y * y:
            return y


@njit
def _pair_share(rng: np.random.Generator) -> float:
    """x of 1 - 4/3 x (1 - x) between 0 and 1."""
    while True:
        x = rng.random()
        if rng.random() < 1.0 - 4.0 / 3.0 * x * (1.0 - x):
            return x


@njit
def _push(
    stack: Records[Flying], n: int, like: Flying, energy: float, turn: float, phi: float
) -> int:
    """Another particle from where `like` is, turned away from it; the new number of them."""
    if n >= len(stack) or energy <= SOFTEST:
        return n
    new = stack[n]
    new.energy, new.x, new.y, new.z = energy, like.x, like.y, like.z
    new.slope_x = like.slope_x + turn * math.cos(phi)
    new.slope_y = like.slope_y + turn * math.sin(phi)
    new.layer, new.share = like.layer, like.share
    return n + 1


@njit
def _through(
    now: Flying, layers: Layers, stack: Records[Flying], n: int, rng: np.random.Generator
) -> tuple[bool, int]:
    """Move a particle to the calorimeter; whether it gets there, and how many wait on the stack."""
    converts = -math.log(1.0 - rng.random()) * 9.0 / 7.0
    while now.layer < len(layers.z):
        at = max(layers.z[now.layer], now.z)
        now.x += now.slope_x * (at - now.z)
        now.y += now.slope_y * (at - now.z)
        now.z = at
        depth = now.share * layers.thickness[now.layer]
        if now.charged:
            least = SOFTEST / now.energy
            mean = 4.0 / 3.0 * (-math.log(least) - 1.0 + least) + 0.5 * (1.0 - least * least)
            for _ in range(rng.poisson(max(depth * mean, 0.0))):
                if now.energy < 2.0 * SOFTEST or n >= len(stack):
                    break
                k = now.energy * _photon_share(SOFTEST / now.energy, rng)
                before = n
                n = _push(stack, n, now, k, _angle(now.energy, rng), _TURN * rng.random())
                if n > before:
                    stack[before].charged = False
                    stack[before].share = now.share * rng.random()
                now.energy -= k
            now.energy -= now.share * layers.loss[now.layer]
            if now.energy <= SOFTEST:
                return False, n
            if depth > 0.0:
                width = HIGHLAND / now.energy * math.sqrt(depth)
                width *= max(1.0 + HIGHLAND_LOG * math.log(depth), 0.5)
                now.slope_x += width * rng.normal()
                now.slope_y += width * rng.normal()
        else:
            converts -= depth
            if converts < 0.0:
                one, phi = _pair_share(rng), _TURN * rng.random()
                for k in range(2):
                    mine = now.energy * (one if k == 0 else 1.0 - one)
                    before = n
                    n = _push(stack, n, now, mine, _angle(mine, rng), phi + k * math.pi)
                    if n > before:
                        stack[before].charged = True
                        stack[before].share = now.share * rng.random()
                return False, n
        now.layer += 1
        now.share = 1.0
    now.x += now.slope_x * (layers.end - now.z)
    now.y += now.slope_y * (layers.end - now.z)
    return True, n


@njit
def _arrivals(
    layers: Layers, stack: Records[Flying], found: Records[Flying], rng: np.random.Generator
) -> int:
    """Follow the first particle of the stack, which is spent, and all it makes; fill `found` with
    those that reach the calorimeter and return their number."""
    n, arrived = 1, 0
    while n > 0 and arrived < len(found):
        n -= 1
        found[arrived] = stack[n]
        reaches, n = _through(found[arrived], layers, stack, n, rng)
        arrived += reaches
    return arrived


@njit
def _near(one: Flying, other: Flying, radius: float) -> bool:
    dx, dy = one.x - other.x, one.y - other.y
    return dx * dx + dy * dy < radius * radius


@njit
def _cluster(n: int, found: Records[Flying], radius: float, out: Seen) -> None:
    """Fill `out` from n particles at the calorimeter."""
    best, other = -1, -1
    for i in range(n):
        if best < 0 or found[i].energy > found[best].energy:
            best = i
    if best < 0:
        return
    out.x, out.y = found[best].x, found[best].y
    for i in range(n):
        if _near(found[i], found[best], radius):
            out.energy += found[i].energy
        elif other < 0 or found[i].energy > found[other].energy:
            other = i
    for i in range(n):
        if other < 0 or _near(found[i], found[best], radius):
            continue
        if _near(found[i], found[other], radius):
            out.apart += found[i].energy


@njit
def fill(
    energy: Array, first: Records[Any], radius: float, layers: Layers, thickness: float,
    rooms: tuple[Records[Flying], Records[Flying]], rng: np.random.Generator, out: Records[Seen],
) -> None:  # fmt: skip
    """Fill `out` (N records of zeros) for electrons of `energy` (N,) made at an even depth of the
    layers `first` (N,), whose pieces are `thickness` cm thick. rooms : to work in."""
    stack, found = rooms
    for k in range(len(energy)):
        share = rng.random()
        start = stack[0]
        start.charged, start.energy, start.x, start.y = True, energy[k], 0.0, 0.0
        start.slope_x, start.slope_y, start.layer, start.share = 0.0, 0.0, first[k], share
        start.z = layers.z[first[k]] + (0.5 - share) * thickness
        _cluster(_arrivals(layers, stack, found, rng), found, radius, out[k])
