"""The trigger's fast mode in NumPy: all muons from one thing to the next, Gaussian scattering."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plain_matter
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.detector.geometry import build_geometry
from mutau.matter import material, stopping_power
from mutau.transport.pieces import COUNTER, DIPOLE, SOLID, TRIGGER

Array = NDArray[np.float64]
Losses = dict[str, Any]


def losses(experiment: Any) -> Losses:
    """Spline of the stopping power in each thing that scatters, by its name."""
    detector = experiment.detector
    solids = {s.name: s.material for s in (*detector.calorimeter, *detector.absorber)}
    solids["target"] = experiment.target.material

    def spline(of: str) -> Any:
        substance = material(of)
        return plain_matter.spline(lambda e: stopping_power(e, substance))

    return {name: spline(of) for name, of in solids.items()}


def _inside(ray: Array, row: Any) -> NDArray[np.bool_]:
    dx, dy = np.abs(ray[0] - row["x"]), np.abs(ray[1] - row["y"])
    hole = (dx < row["hole_x"]) & (dy < row["hole_y"])
    return (dx <= row["half_x"]) & (dy <= row["half_y"]) & ~hole


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


def _bend(ray: Array, row: Any) -> Array:
    """Through a uniform field that bends in x; NaN where the muon curls up."""
    x, y, tx, ty, energy = ray
    momentum = np.sqrt(energy**2 - M_MU**2)
    secant = np.sqrt(1.0 + tx * tx)
    radius = momentum * secant / np.sqrt(secant**2 + ty * ty) / row["curve_x"]
    sine = tx / secant
    new = sine + row["length"] / radius
    with np.errstate(invalid="ignore"):
        cosine = np.sqrt(1.0 - new * new)
        path = radius * (np.arcsin(new) - np.arcsin(sine))
    x = x + row["length"] * (sine + new) / (1.0 / secant + cosine)
    slope = ty / secant
    return np.array([x, y + slope * path, new / cosine, slope / cosine, energy])


def efficiency(
    p4: Array, depth: Array, experiment: Any, tables: Losses, rng: np.random.Generator
) -> float:
    """Fraction that fires the trigger, of those whose incoming muon was on target."""
    things = build_geometry(experiment)
    rows = things.setup.pieces
    target = rows[things.target]
    n, loss = len(p4), tables["target"]
    ray = np.empty((5, n))
    ray[:4], ray[4] = things.beam[1:, None] * rng.standard_normal((4, n)), things.beam[0]

    def sees(row: Any, place: Array) -> NDArray[np.bool_]:
        hit = _inside(place, row)
        return hit & (rng.random(len(hit)) < row["efficiency"])

    kept = np.ones(n, bool)
    for row in rows[: things.target]:
        there = ray[:2] + (row["z"] - target["z"]) * ray[2:4]
        if row["kind"] == COUNTER:
            kept &= sees(row, there) == (row["role"] == TRIGGER)
    on_target = int(kept.sum())
    for share, part in ((depth, 0), (1.0 - depth, 1)):
        log = np.log(np.maximum(share, 1.0 / 64.0))
        width = target["width"] * np.sqrt(share) * (1.0 + target["width_log"] * log)
        kept &= _inside(ray, target) | (part == 1)
        ray = _slab(ray, share * target["length"], width, loss, rng)
        if part == 0:
            ray[2:4] += p4[:, 1:3].T / p4[:, 3]
            ray[4] = p4[:, 0]
    ray = ray[:, kept & (p4[:, 3] > 0.0)]
    z = target["z"] + target["length"]
    for row in rows[things.target + 1 :]:
        ray[:2] += (row["z"] - z) * ray[2:4]
        z = row["z"]
        hit = _inside(ray, row)
        if row["kind"] == SOLID:
            loss = tables[things.names[row["name"]]]
            inside = _slab(ray[:, hit], row["length"], row["width"], loss, rng)
            ray[:2] += row["length"] * ray[2:4]  # what passes beside
            ray[:, hit] = inside
            z += row["length"]
            ray = ray[:, ray[4] > M_MU]
        elif row["kind"] == DIPOLE:
            ray = _bend(ray[:, hit], row)
            z += row["length"]
            ray = ray[:, np.isfinite(ray[0])]
            ray = ray[:, _inside(ray, row)]
        elif row["kind"] == COUNTER:
            ray = ray[:, sees(row, ray) == (row["role"] == TRIGGER)]
    return ray.shape[1] / on_target
