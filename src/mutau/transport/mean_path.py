"""The path of one particle through a set-up as it is on average: bent, slowed, not scattered.

For drawings, and for whoever wants to know where the axis goes. The walks that make results draw
every loss and every angle; the mean of the places that they give is this path, as long as the
angles are small.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.matter.muon_energy_loss import energy_after_kernel
from mutau.transport.orbits import Orbit, bend
from mutau.transport.pieces import DIPOLE, SOLID
from mutau.transport.setup import CompiledSetup
from mutau.transport.walls import within

Array = NDArray[np.float64]
#: cm: a point of the path is noted at least so often within matter and fields.
STEP: Final = 5.0
_SLOW: Final = 1.05 * M_MU  # GeV: a muon that is slower counts as stopped


class _Tracer:
    """A particle on its way; `points` are those passed."""

    def __init__(self, compiled: CompiledSetup, start: tuple[float, ...], energy: float) -> None:
        self.setup, self.pieces = compiled.setup, compiled.setup.pieces
        self.x, self.y, self.z, self.tx, self.ty = start
        self.energy, self.points = energy, [start[:3]]

    def straight(self, z: float) -> None:
        """On to z without forces."""
        step = z - self.z
        self.x, self.y, self.z = self.x + step * self.tx, self.y + step * self.ty, z
        self.points.append((self.x, self.y, self.z))

    def around(self, z: float) -> int:
        """Number of the piece with a length that holds the particle just behind z; -1 for none, -2
        for the iron beside the gap of a magnet."""
        found = -1
        inside = (self.pieces["z"] <= z + 1e-9) & (self.pieces["z"] + self.pieces["length"] > z)
        for r in np.flatnonzero(inside & np.isin(self.pieces["kind"], (SOLID, DIPOLE))).tolist():
            if within(self.x, self.y, self.pieces[r]):
                return r
            if self.pieces[r].kind == DIPOLE:
                found = -2
        return found

    def through(self, r: int, step: float) -> bool:
        """A step within a piece; whether the particle goes on."""
        piece = self.pieces[r]
        if piece.kind == SOLID:
            loss = self.setup.matter[piece.material].loss
            cm = step * math.sqrt(1.0 + self.tx**2 + self.ty**2) * float(piece.dense)
            self.energy = float(energy_after_kernel(self.energy, cm, loss))
            self.straight(self.z + step)
            return self.energy > _SLOW
        momentum = math.sqrt(self.energy**2 - M_MU**2)
        orbit = Orbit(self.x, self.y, self.z, self.tx, self.ty, momentum, 1.0)
        self.x, self.y, self.tx, self.ty, ahead = bend(orbit, piece, self.setup.field, step)
        self.z += step
        self.points.append((self.x, self.y, self.z))
        return ahead > 0.0


def mean_path(
    compiled: CompiledSetup,
    energy: float,
    start: tuple[float, float, float] | None = None,
    slopes: tuple[float, float] = (0.0, 0.0),
) -> Array:
    """Path of a muon of the beam's charge, (N, 3): x, y and z in cm, in the order passed.

    compiled : of the fast mode (`compile_setup(..., mean=True)`), whose losses are whole.
    energy : GeV, at the start. start : x, y, z in cm; None: on the axis where the set-up begins.
    slopes : dx/dz, dy/dz there. The path ends behind the set-up, where the muon enters the iron of
    a magnet, curls up or stops.
    Check: without magnets and matter a straight line; behind a thin dipole it is bent by
    0.2998 (B L / T m)/(p / GeV).
    """
    pieces = compiled.setup.pieces
    x, y, z = start or (0.0, 0.0, compiled.start)
    tracer = _Tracer(compiled, (x, y, z, *slopes), energy)
    edges = np.unique(
        np.concatenate([pieces["z"], pieces["z"] + pieces["length"], [compiled.setup.end]])
    )
    for edge in edges[edges > z + 1e-9].tolist():
        while tracer.z < edge - 1e-9:
            r = tracer.around(tracer.z)
            if r == -2:
                return np.array(tracer.points)
            if r == -1:
                tracer.straight(edge)
            elif not tracer.through(r, min(STEP, edge - tracer.z)):
                return np.array(tracer.points)
    return np.array(tracer.points)
