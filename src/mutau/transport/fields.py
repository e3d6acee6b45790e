"""Fields of dipoles along z: uniform, with a fringe, or from a map; and orbits through a map.

Everything that carries charged particles through a magnet takes its slices and its mean fields
from here, so that simulation, trigger and track fit have the same field.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.core.units import GEV_PER_T_CM

if TYPE_CHECKING:
    from mutau.experiment.field_maps import FieldMap
    from mutau.experiment.schema import Magnet

Array = NDArray[np.float64]

#: Fringes are followed to this many of their lengths beyond either face: 1 - tanh 3 = 0.5 %.
REACH: Final = 3.0
FRINGE_SLICES: Final = 6
#: Longest slab of a map, cm. Within a slab the field is a quadratic in z with the same integral and
#: first two moments; its integral from the slab's start may differ by MAP_ERROR of the map's whole.
MAP_SLAB: Final = 25.0
MAP_ERROR: Final = 2e-5

_BEND: Final = {"+x": (1.0, 0.0), "-x": (-1.0, 0.0), "+y": (0.0, 1.0), "-y": (0.0, -1.0)}


def extent(magnet: Magnet) -> tuple[float, float]:
    """z (cm) where the field begins and ends."""
    begin, end = magnet.z, magnet.z + magnet.length
    if magnet.field_map:
        found, middle = magnet.map, 0.5 * (begin + end)
        return middle + float(found.z[0]), middle + float(found.z[-1])
    return begin - REACH * magnet.fringe, end + REACH * magnet.fringe


def slices(magnet: Magnet, solids: Sequence[tuple[float, float]] = ()) -> list[float]:
    """z (cm) at which the field of a dipole is cut, its faces and its ends among them.

    solids : (start, stop) of matter that the field must not reach into.
    Raises MutauError where it does, or where the fringe is too long for the magnet.
    """
    begin, end = magnet.z, magnet.z + magnet.length
    low, high = extent(magnet)
    for start, stop in solids if (low, high) != (begin, end) else ():
        if start < high - 1e-9 and stop > low + 1e-9:
            what = "map" if magnet.field_map else "fringe"
            raise MutauError(
                f"the {what} of magnet {magnet.name!r} reaches from {low:g} to {high:g} cm, into "
                f"a solid at {start:g} to {stop:g} cm",
                place=f"detector/magnet[{magnet.name}]",
                remedy="cut the map there, or move the solid" if magnet.field_map
                else "make `fringe` smaller or move the solid",
            )  # fmt: skip
    if magnet.field_map:
        middle = magnet.z + 0.5 * magnet.length
        faces = np.unique([low, begin, end, high, *(middle + _slabs(magnet.map, magnet.length))])
        faces = faces[np.append(True, np.diff(faces) > 1e-9)]  # no slivers by rounding
        counts = [math.ceil((b - a) / MAP_SLAB - 1e-9) for a, b in pairwise(faces)]
        cuts = [np.linspace(a, b, n + 1) for (a, b), n in zip(pairwise(faces), counts, strict=True)]
        return sorted({float(z) for part in cuts for z in part})
    if not magnet.fringe:
        return [begin, end]
    reach = REACH * magnet.fringe
    if magnet.length < 2.0 * reach:
        raise MutauError(
            f"the fringe of magnet {magnet.name!r} is too long for it",
            place=f"detector/magnet[{magnet.name}]",
            allowed=f"fringe up to {magnet.length / (2.0 * REACH):g} cm",
        )
    steps = np.linspace(-reach, reach, FRINGE_SLICES + 1)
    return [*(begin + steps).tolist(), *(end + steps).tolist()]


def _profile_integral(magnet: Magnet, z: float) -> float:
    """Integral up to z of B/2 [tanh((z-z0)/f) - tanh((z-z1)/f)] over B, up to a constant; cm."""
    a = abs(z - magnet.z) / magnet.fringe
    b = abs(z - magnet.z - magnet.length) / magnet.fringe
    # ln cosh without overflow
    value = a + np.log1p(np.exp(-2.0 * a)) - b - np.log1p(np.exp(-2.0 * b))
    return float(0.5 * magnet.fringe * value)


def mean_field(magnet: Magnet, low: float, high: float) -> float:
    """Mean field of a magnet without a map between two z, T.

    Uniform, or B/2 [tanh((z-z0)/f) - tanh((z-z1)/f)] up to 3 f from either face; B such that the
    integral is the stated one for any fringe f (the tails cut off are below 3e-4 of it).
    """
    if not magnet.fringe:
        end = magnet.z + magnet.length
        return magnet.field * max(min(high, end) - max(low, magnet.z), 0.0) / (high - low)
    first, last = extent(magnet)
    whole = _profile_integral(magnet, last) - _profile_integral(magnet, first)
    part = _profile_integral(magnet, min(high, last)) - _profile_integral(magnet, max(low, first))
    return magnet.integral * max(part, 0.0) / whole / (high - low)


def mean_curve(magnet: Magnet, charge: float, low: float, high: float) -> tuple[float, float]:
    """0.2998 B between two z, GeV/cm, towards +x and +y for the beam particle.

    charge : of the beam particle, +1 or -1. Of a map: on its axis.
    """
    if magnet.field_map:
        middle = magnet.z + 0.5 * magnet.length
        bx, by, _ = magnet.map.axis_integral(low - middle, high - middle) * magnet.field_scale
        factor = GEV_PER_T_CM * charge / (high - low)
        return -factor * float(by), factor * float(bx)
    curve = GEV_PER_T_CM * mean_field(magnet, low, high)
    x, y = _BEND[magnet.bends_to or ""]
    return curve * x, curve * y


def bending(magnet: Magnet, charge: float) -> tuple[float, float]:
    """Field integral on the axis, T cm, towards +x and +y for the beam particle."""
    low, high = extent(magnet)
    if not magnet.field_map:
        x, y = _BEND[magnet.bends_to or ""]
        whole = magnet.field * magnet.length
        return x * whole, y * whole
    x, y = mean_curve(magnet, charge, low, high)
    return x * (high - low) / GEV_PER_T_CM, y * (high - low) / GEV_PER_T_CM


def main_curve(magnet: Magnet, charge: float, low: float, high: float) -> tuple[float, float]:
    """As `mean_curve`, without the weaker of the two directions of the magnet as a whole."""
    x, y = mean_curve(magnet, charge, low, high)
    bend_x, bend_y = bending(magnet, charge)
    return (x, 0.0) if abs(bend_x) >= abs(bend_y) else (0.0, y)


def _quadratics(z: Array, lines: Array) -> Array:
    """(3, L): c0, c1, c2 of the quadratics in u (-1 to 1 through z) nearest to lines (Z, L).

    Least squares of the field that is linear between the z (Z,): the integral and the first two
    moments are kept. Check: a single interval comes back as it is.
    """
    u = (2.0 * z - z[0] - z[-1]) / (z[-1] - z[0])
    moments = np.zeros((3, lines.shape[1]))
    for part in (0.5 - math.sqrt(1.0 / 12.0), 0.5 + math.sqrt(1.0 / 12.0)):  # exact for cubics
        at = u[:-1] + part * np.diff(u)
        value = (1.0 - part) * lines[:-1] + part * lines[1:]
        legendre = np.stack([np.ones_like(at), at, 1.5 * at * at - 0.5])
        moments += 0.5 * (legendre * np.diff(u)) @ value
    p0, p1, p2 = moments * np.array([[0.5], [1.5], [2.5]])
    return np.stack([p0 - 0.5 * p2, p1, 1.5 * p2])


def _worst(z: Array, lines: Array) -> float:
    """Largest integral from z[0] of what `_quadratics` leaves of lines (Z, L), T cm."""
    c = _quadratics(z, lines)
    half = 0.5 * (z[-1] - z[0])
    u = ((z - z[0]) / half - 1.0)[:, None]
    smooth = half * (c[0] * (u + 1.0) + c[1] * (u**2 - 1.0) / 2.0 + c[2] * (u**3 + 1.0) / 3.0)
    parts = 0.5 * np.diff(z)[:, None] * (lines[1:] + lines[:-1])
    return float(np.max(np.abs(np.cumsum(parts, axis=0) - smooth[1:])))


@lru_cache(maxsize=8)
def _slabs(found: FieldMap, length: float) -> Array:
    """z (cm from the middle) of the planes that bound the slabs of a map: as few as are allowed.

    length : cm, of the magnet; slabs end at its faces where these are planes. Check: a field that
    stops from one plane to the next has a slab there.
    """
    lines = found.b.reshape(len(found.z), -1)
    steps = np.diff(found.z)[:, None]
    whole = np.sum(0.5 * steps * np.abs(lines[1:] + lines[:-1]), axis=0)
    allowed = MAP_ERROR * float(np.max(whole))
    faces = np.searchsorted(found.z, (-0.5 * length - 1e-6, 0.5 * length - 1e-6))
    bounds = [0]
    while (i := bounds[-1]) < len(found.z) - 1:
        last = int(np.searchsorted(found.z, found.z[i] + MAP_SLAB + 1e-6)) - 1
        last = max(min([last, *(face for face in faces if face > i)]), i + 1)
        good, bad = i + 1, last + 1  # bisection: the error grows with the length
        while bad - good > 1:
            tried = last if bad > last else (good + bad) // 2
            ok = _worst(found.z[i : tried + 1], lines[i : tried + 1]) <= allowed
            good, bad = (tried, bad) if ok else (good, tried)
        bounds.append(good)
    return np.asarray(found.z[bounds])


def flat_map(magnet: Magnet, charge: float) -> Array:
    """The map of a magnet as kernels take it, which read it by `field_kernels.map_at`.

    Numbers of x, y and slabs, charge of the beam particle, strongest field (T); then x of the
    planes in the hall (cm), the inverse distances to the next one and of their mean, the same in
    y, and the z that bound the slabs; then of each slab, y and x (fastest) the vectors c0, c1, c2
    (T): B = c0 + c1 u + c2 u^2, u from -1 to 1 through the slab.
    """
    found, bounds = magnet.map, _slabs(magnet.map, magnet.length)
    lines = found.b.reshape(len(found.z), -1) * magnet.field_scale
    places = np.searchsorted(found.z, bounds)
    slabs = [  # (3, Y X 3) to y, x, coefficient, component
        _quadratics(found.z[i : j + 1], lines[i : j + 1]).reshape(3, -1, 3).swapaxes(0, 1).ravel()
        for i, j in pairwise(places)
    ]
    strongest = found.strongest * abs(magnet.field_scale)
    head = [len(found.x), len(found.y), len(slabs), charge, strongest]
    axes = [
        np.concatenate([v, 1.0 / np.diff(v), [(len(v) - 1) / (v[-1] - v[0])]])
        for v in (magnet.x + found.x, magnet.y + found.y)
    ]
    middle = magnet.z + 0.5 * magnet.length
    return np.concatenate([head, *axes, middle + bounds, *slabs])


def join_maps(magnets: Sequence[Magnet], charge: float) -> tuple[Array, dict[str, int]]:
    """All maps in one flat array, and where that of each magnet begins."""
    parts, starts, length = [np.zeros(0)], dict[str, int](), 0
    for magnet in magnets:
        if magnet.field_map:
            starts[magnet.name] = length
            parts.append(flat_map(magnet, charge))
            length += len(parts[-1])
    return np.concatenate(parts), starts
