"""The trigger's fast mode in NumPy: all muons from one thing to the next, Gaussian scattering."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plain_matter
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.detector import boxes
from mutau.detector import geometry as g
from mutau.matter import material, stopping_power

Array = NDArray[np.float64]
Losses = dict[str, Any]


def losses(experiment: Any) -> Losses:
    """Spline of the stopping power in each thing that scatters, by its name."""
    detector = experiment.detector
    solids = {s.name: s.material for s in (*detector.calorimeter, *detector.absorber)}
    solids["target"] = experiment.target.material

    def spline(of: str) -> Any:
        made_of = material(of)
        return plain_matter.spline(lambda e: stopping_power(e, made_of))

    return {name: spline(of) for name, of in solids.items()}


def _inside(ray: Array, row: Array) -> NDArray[np.bool_]:
    dx, dy = np.abs(ray[0] - row[boxes.X]), np.abs(ray[1] - row[boxes.Y])
    hole = (dx < row[boxes.HOLE_X]) & (dy < row[boxes.HOLE_Y])
    return (dx <= row[boxes.HALF_X]) & (dy <= row[boxes.HALF_Y]) & ~hole


def _slab(ray: Array, length: Any, width: Any, loss: Any, rng: np.random.Generator) -> Array:
    """ray : (5, N) x, y, dx/dz, dy/dz, energy; energy NaN behind where the muon stops."""
    before = ray[4]
    with np.errstate(invalid="ignore"):
        after = plain_matter.energy_after(before, loss, length, steps=4)
        square = (before**2 - M_MU**2) * (after**2 - M_MU**2)
        angle = width * np.sqrt(before * after / square)
    normal = rng.standard_normal((4, ray.shape[1]))
    kink = angle * normal[:2]
    out = ray.copy()
    out[:2] += length * (ray[2:4] + 0.5 * kink + angle / math.sqrt(12.0) * normal[2:])
    out[2:4] += kink
    out[4] = after
    return out


def _bend(ray: Array, row: Array) -> Array:
    """Through a uniform field that bends in x; NaN where the muon curls up."""
    x, y, tx, ty, energy = ray
    momentum = np.sqrt(energy**2 - M_MU**2)
    secant = np.sqrt(1.0 + tx * tx)
    radius = momentum * secant / np.sqrt(secant**2 + ty * ty) / row[boxes.CURVE_X]
    sine = tx / secant
    new = sine + row[boxes.LENGTH] / radius
    with np.errstate(invalid="ignore"):
        cosine = np.sqrt(1.0 - new * new)
        path = radius * (np.arcsin(new) - np.arcsin(sine))
    x = x + row[boxes.LENGTH] * (sine + new) / (1.0 / secant + cosine)
    slope = ty / secant
    return np.array([x, y + slope * path, new / cosine, slope / cosine, energy])


def efficiency(
    p4: Array, depth: Array, experiment: Any, tables: Losses, rng: np.random.Generator
) -> float:
    """Share that fires the trigger, of those whose incoming muon was on target."""
    things = g.build_geometry(experiment)
    rows, target = things.rows, things.rows[things.target]
    n, loss = len(p4), tables["target"]
    ray = np.empty((5, n))
    ray[:4], ray[4] = things.beam[1:, None] * rng.standard_normal((4, n)), things.beam[0]

    def sees(row: Array, place: Array) -> NDArray[np.bool_]:
        hit = _inside(place, row)
        return hit & (rng.random(len(hit)) < row[g.EFFICIENCY])

    kept = np.ones(n, bool)
    for row in rows[: things.target]:
        there = ray[:2] + (row[boxes.Z] - target[boxes.Z]) * ray[2:4]
        if row[boxes.KIND] in (g.TRIGGER, g.VETO):
            kept &= sees(row, there) == (row[boxes.KIND] == g.TRIGGER)
    on_target = int(kept.sum())
    shares = np.linspace(0.0, 1.0, len(things.widths))
    for share, part in ((depth, 0), (1.0 - depth, 1)):
        width = np.sqrt(share * np.interp(share, shares, things.widths))
        kept &= _inside(ray, target) | (part == 1)
        ray = _slab(ray, share * target[boxes.LENGTH], width, loss, rng)
        if part == 0:
            ray[2:4] += p4[:, 1:3].T / p4[:, 3]
            ray[4] = p4[:, 0]
    ray = ray[:, kept & (p4[:, 3] > 0.0)]
    z = target[boxes.Z] + target[boxes.LENGTH]
    for row in rows[things.target + 1 :]:
        ray[:2] += (row[boxes.Z] - z) * ray[2:4]
        z = row[boxes.Z]
        hit = _inside(ray, row)
        if row[boxes.KIND] == g.SLAB:
            loss = tables[things.names[int(row[g.NAME])]]
            inside = _slab(ray[:, hit], row[boxes.LENGTH], row[g.WIDTH], loss, rng)
            ray[:2] += row[boxes.LENGTH] * ray[2:4]  # what passes beside
            ray[:, hit] = inside
            z += row[boxes.LENGTH]
            ray = ray[:, ray[4] > M_MU]
        elif row[boxes.KIND] == boxes.DIPOLE:
            ray = _bend(ray[:, hit], row)
            z += row[boxes.LENGTH]
            ray = ray[:, np.isfinite(ray[0])]
            ray = ray[:, _inside(ray, row)]
        elif row[boxes.KIND] in (g.TRIGGER, g.VETO):
            ray = ray[:, sees(row, ray) == (row[boxes.KIND] == g.TRIGGER)]
    return ray.shape[1] / on_target
