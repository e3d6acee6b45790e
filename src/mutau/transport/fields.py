"""Fields of dipoles along z: uniform, with a fringe, or from a map; and orbits through a map.

Everything that carries charged particles through a magnet takes its slices and its mean fields
from here, so that simulation, trigger and track fit have the same field.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
#: Longest slice of a map, cm. Steps of the integration in it, the longest first; one is taken if it
#: gets the field integrals right to MAP_ERROR, else the spacing of the map's planes.
MAP_SLICE: Final = 10.0
MAP_STEPS: Final = (5.0, 10.0 / 3.0, 2.5, 5.0 / 3.0, 1.25, 1.0)
MAP_ERROR: Final = 1e-4
#: Layout of a map in a flat array: numbers of planes, charge of the beam particle, step (cm); then
#: x, y, z of the planes in the hall (cm), then (Bx, By, Bz) in T, x fastest.
M_NX, M_NY, M_NZ, M_CHARGE, M_STEP, M_AXES = range(6)

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
        faces = [low, begin, end, high]
        counts = [math.ceil((b - a) / MAP_SLICE) for a, b in pairwise(faces)]
        cuts = [np.linspace(a, b, n + 1) for (a, b), n in zip(pairwise(faces), counts, strict=True)
                if n]  # fmt: skip
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


def step_of(found: FieldMap) -> float:
    """Step (cm) of orbits through a map: what Runge-Kutta makes of a field in z is Simpson's rule.

    The longest of MAP_STEPS whose rule is right along the axis and the edges of the grid, wherever
    the steps begin; the spacing of the planes (0.2 cm at least) if none is. Check: a field that
    stops from one plane to the next takes the spacing.
    """
    spacing = float(np.min(np.diff(found.z)))
    rows, columns = (sorted({0, len(axis) // 2, len(axis) - 1}) for axis in (found.y, found.x))
    lines = found.b[:, rows][:, :, columns].reshape(len(found.z), -1)
    for step in MAP_STEPS:
        if step > spacing and all(
            _simpson_error(found.z, lines, step, part * step) < MAP_ERROR
            for part in (0.0, 0.4, 0.7)
        ):
            return step
    return max(spacing, 0.2)


def _simpson_error(z: Array, lines: Array, step: float, offset: float) -> float:
    """Sizes of the errors of Simpson's rule in all steps, over the integral of |B|; largest line.

    lines : (Z, L) values at z (Z,), linear in between.
    """
    edges = np.arange(z[0] + offset, z[-1], step)
    at = np.union1d(z, edges)
    values = np.column_stack([np.interp(at, z, line) for line in lines.T])
    parts = 0.5 * np.diff(at)[:, None] * (values[1:] + values[:-1])
    below = np.concatenate([np.zeros((1, lines.shape[1])), np.cumsum(parts, axis=0)])
    exact = np.diff(below[np.searchsorted(at, edges)], axis=0)
    middle = 0.5 * (edges[1:] + edges[:-1])
    half = np.column_stack([np.interp(middle, z, line) for line in lines.T])
    ends = values[np.searchsorted(at, edges)]
    rule = step / 6.0 * (ends[1:] + ends[:-1] + 4.0 * half)
    whole = np.sum(np.abs(parts))
    return (
        float(np.max(np.sum(np.abs(rule - exact), axis=0)) / whole * lines.shape[1])
        if whole
        else 0.0
    )


def flat_map(magnet: Magnet, charge: float) -> Array:
    """The map of a magnet as kernels take it, see the layout above."""
    found = magnet.map
    middle = magnet.z + 0.5 * magnet.length
    head = [len(found.x), len(found.y), len(found.z), charge, step_of(found)]
    axes = (magnet.x + found.x, magnet.y + found.y, middle + found.z)
    return np.concatenate([head, *axes, (found.b * magnet.field_scale).ravel()])


def join_maps(magnets: Sequence[Magnet], charge: float) -> tuple[Array, dict[str, int]]:
    """All maps in one flat array, and where that of each magnet begins."""
    parts, starts, length = [np.zeros(0)], dict[str, int](), 0
    for magnet in magnets:
        if magnet.field_map:
            starts[magnet.name] = length
            parts.append(flat_map(magnet, charge))
            length += len(parts[-1])
    return np.concatenate(parts), starts
