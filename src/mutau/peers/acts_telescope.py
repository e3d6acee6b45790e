"""A spectrometer arm as ACTS knows it: planes, thin scatterers and field, the same as ours.

ACTS has x along the beam and lengths in mm: its (x, y, z) are our (z, x, y). A plane measures
(loc0, loc1) = (-y, x).
"""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.core.records import frozen
from mutau.core.units import GEV_PER_T_CM
from mutau.detector.tracking_geometry import Arm

Array = NDArray[np.float64]

MM_PER_CM: Final = 10.0
#: Highland's formula as ACTS writes it for one thin layer: angle in GeV, and factor of the log.
HIGHLAND: Final = (13.6e-3, 0.038)
#: mm before and behind a sharp edge of the field where the stepper is made to stop. Its step
#: across the edge sees the field at start, middle and end; what it gains at an entry it loses at
#: the exit, because a box of field counts its front face as inside and its back face not.
EDGE_MM: Final = 0.6
#: mm before the first plane where tracks start and where their parameters are wanted.
START_MM: Final = 10.0
_RADIATION_LENGTH_MM: Final = 100.0
_HALF_WIDTH_MM: Final = 2000.0
_FAR_MM: Final = 1e6


@dataclass(frozen=True)
class Telescope:
    """An arm in ACTS.

    detector : keeps the geometry alive. geometry, field : of ACTS. planes : geometry identifiers
    of the arm's planes, along the beam. start : mm, where tracks start, the first plane being 0.
    """

    detector: Any
    geometry: Any
    field: Any
    planes: tuple[Any, ...]
    start: float


def slab_depth(power: float) -> float:
    """Radiation lengths of one slab to which ACTS gives the scattering `power` (GeV^2).

    power : variance of the projected angle times (p beta)^2. Zero gives zero.
    Solves x (1 + 0.038 ln x)^2 = power/(13.6 MeV)^2 for a particle of beta = 1, charge 1. The
    logarithm of each slab is its own; ours is that of the whole arm, so the depths differ.
    """
    from scipy.optimize import brentq

    if power <= 0.0:
        return 0.0
    scale, slope = HIGHLAND

    def excess(log_x: float) -> float:
        return math.exp(log_x) * (1.0 + slope * log_x) ** 2 - power / scale**2

    return math.exp(float(brentq(excess, -20.0, 5.0, xtol=1e-13)))


def without_losses(arm: Arm) -> Arm:
    """The arm with scattering but no energy loss, as both fits have it here."""
    steps = arm.steps.copy()
    steps["loss"] = 0.0
    return replace(arm, steps=frozen(steps))


def surfaces_of(arm: Arm) -> list[tuple[float, int, float]]:
    """(distance from the first plane in mm, plane index or -1, scattering power in GeV^2).

    Every plane and every scatterer of the arm, and two empty surfaces about each edge of the field.
    """
    edges = sorted({edge for piece in arm.field for edge in piece[:2]})
    found: list[tuple[float, int, float]] = []
    z = float(arm.z[0])
    for step in arm.steps:
        z += float(step.length)
        plane, power = int(step.plane), float(step.power)
        if plane >= 0 or power > 0.0:
            found.append(((z - arm.z[0]) * MM_PER_CM, plane, power))
    found[0] = (found[0][0], 0, found[0][2])
    for edge in edges:
        if arm.z[0] < edge < arm.z[-1]:
            at = (edge - arm.z[0]) * MM_PER_CM
            found += [(at - EDGE_MM, -1, 0.0), (at + EDGE_MM, -1, 0.0)]
    return sorted(found)


def _material(target: Any, depth: float) -> dict[str, Any]:
    """One entry of ACTS' material map: a slab of `depth` radiation lengths (thin for none)."""
    described = {
        "kind": "material", "radiation_length": _RADIATION_LENGTH_MM, "interaction_length": 465.0,
        "relative_atomic_mass": 28.0, "atomic_number": 14.0, "molar_density": 8.3e-5,
        "molar_electron_density": 1.16e-3, "mean_excitation_energy": 1.7e-7,
    }  # fmt: skip
    thickness = max(depth, 1e-14) * _RADIATION_LENGTH_MM
    place = {"volume": target.volume, "layer": target.layer, "sensitive": target.sensitive}
    return {
        "material": {
            "kind": "homogeneous",
            "settings": {"mapping_type": "default", "split_factor": 1.0},
            "slab": {"material": described, "thickness": thickness},
        },
        "target": {"kind": "geometry-id", "geometry_id": place},
    }


def _put_material(geometry: Any, depths: list[tuple[Any, float]]) -> None:
    from acts.json import TrackingGeometryMaterialJsonConverter

    units = {"angle": "rad", "energy": "GeV", "length": "mm", "material_amount": "mol"}
    document = {
        "$schema": "urn:acts:material-map:1",
        "header": {"format": "acts-material-map", "version": 1, "units": units},
        "surfaces": [_material(target, depth) for target, depth in depths],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "material.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        TrackingGeometryMaterialJsonConverter().fromFile(str(path)).apply(geometry)


def _field(arm: Arm) -> Any:
    """The arm's uniform pieces, and nothing before, between and behind them."""
    import acts

    def box(start: float, stop: float) -> Any:
        return acts.RangeXDDim3((start, stop), (-_FAR_MM, _FAR_MM), (-_FAR_MM, _FAR_MM))

    parts, done = [], -_FAR_MM
    for start, stop, curve, axis, in_map in arm.field:
        if in_map >= 0:
            raise MutauError(
                "the field of this arm is a map", allowed="uniform dipoles in this cross-check"
            )
        tesla = curve / GEV_PER_T_CM * acts.UnitConstants.T
        low, high = ((edge - arm.z[0]) * MM_PER_CM for edge in (start, stop))
        if low > done:
            parts.append((box(done, low), acts.Vector3(0.0, 0.0, 0.0)))
        across = (0.0, 0.0, -tesla) if axis == 0 else (0.0, tesla, 0.0)
        parts.append((box(low, high), acts.Vector3(*across)))
        done = high
    parts.append((box(done, _FAR_MM), acts.Vector3(0.0, 0.0, 0.0)))
    return acts.MultiRangeBField(parts)


def build_telescope(arm: Arm) -> Telescope:
    """Planes, scatterers and field of the arm as a tracking geometry of ACTS.

    Raises MutauError for an arm with a field map.
    """
    import acts
    from acts import examples

    wanted = surfaces_of(arm)
    settings = examples.TelescopeDetector.Config()
    settings.positions = [place for place, _, _ in wanted]
    settings.stereos = [0.0] * len(wanted)
    settings.bounds = [_HALF_WIDTH_MM, _HALF_WIDTH_MM]
    settings.rotDirection = 0  # along x
    settings.thickness = 1e-3
    settings.logLevel = acts.logging.ERROR
    detector = examples.TelescopeDetector(settings)
    geometry, context = detector.trackingGeometry(), detector.nominalGeometryContext()
    sensitive = sorted(
        ((surface.center(context)[0], target) for target, surface
         in geometry.geoIdSurfaceMap().items() if target.sensitive),
        key=lambda item: item[0],
    )  # fmt: skip
    targets = [target for _, target in sensitive]
    depths = [slab_depth(power) for _, _, power in wanted]
    _put_material(geometry, list(zip(targets, depths, strict=True)))
    planes = [target for target, (_, plane, _) in zip(targets, wanted, strict=True) if plane >= 0]
    return Telescope(detector, geometry, _field(arm), tuple(planes), -START_MM)
