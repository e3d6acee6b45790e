"""Every step of the electrons and positrons of single showers: where, and at what energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from mutau.core.arrays import FloatArray
from mutau.core.random import stream
from mutau.core.records import Records, columns, joined, zeros
from mutau.core.types import Saved, provenance
from mutau.transport.shower import (
    CHUNK,
    Shower,
    ShowerGeometry,
    checked_number,
    results_for,
    scope_of,
)
from mutau.transport.shower_kernels import ShowerStep
from mutau.transport.shower_run_kernels import NO_CHANNELS, Incident, Wanted, run_showers

Array = FloatArray

#: Steps per incident energy over the cut that room is made for at first.
_ROOM: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class ShowerSteps(Saved):
    """Steps of e- and e+, one row each, in the order they were made.

    shower : (N,) int, which shower. pdg : (N,) int32, 11 or -11. energy, energy_after : (N,) GeV,
    total, before and after the continuous loss of the step. length : (N,) X0. position : (N, 3)
    depth, x, y in X0, where the step begins. showers, particle, energy_in (GeV), material, cut
    (GeV), x0_cm : what was simulated.
    """

    shower: Array
    pdg: Array
    energy: Array
    energy_after: Array
    length: Array
    position: Array
    showers: int
    particle: str
    energy_in: float
    material: str
    cut: float
    x0_cm: float
    meta: Mapping[str, Any] = field(default_factory=dict)


def simulate_steps(
    shower: Shower,
    n: int,
    *,
    geometry: ShowerGeometry | None = None,
    seed: int = 1,
    key: Sequence[int] = (),
) -> ShowerSteps:
    """All steps of e+- in `n` showers of one particle in a homogeneous target.

    Arguments as `shower.simulate_showers`, whose showers these are: the same seed and key give the
    same. Of the geometry only the first and the last section depth, and `lateral`, count; without
    `lateral` depth is path length. In lead a shower makes about 1.5 energy/cut steps.
    Returns ShowerSteps. Raises as `simulate_showers`.
    Check: lengths by energy sum to the track lengths of `simulate_showers`.
    """
    checked_number(n)
    energy, cut = float(shower.energy), float(shower.cut)
    shape, t = geometry or ShowerGeometry(), shower.tables()
    scope = scope_of(np.array([cut, energy]), shape, t)
    wanted = Wanted(emits=False, records=True)
    rows = list[Records[ShowerStep]]()
    room = int(min(n, CHUNK) * _ROOM * (energy / cut + 10.0))
    for chunk, start in enumerate(range(0, n, CHUNK)):
        incident = Incident(shower.species, np.full(min(CHUNK, n - start), energy))
        while True:
            out = results_for(len(incident.energy), scope, shape)._replace(
                steps=zeros(ShowerStep, room)
            )
            run_showers(incident, t, scope, NO_CHANNELS, wanted, out, stream(seed, *key, chunk))
            made = int(out.written[0])
            if made <= room:
                break
            room = 2 * made  # the same stream again, with room for all
        found = out.steps[:made].copy()
        found["shower"] += start
        rows.append(found)
    table = joined(rows)
    return ShowerSteps(
        table["shower"].astype(int), np.where(table["species"] == 0, 11, -11).astype(np.int32),
        table["energy"].copy(), table["energy_after"].copy(), table["length"].copy(),
        columns(table, "z", "x", "y").copy(), n, shower.particle, energy,
        shower.material.name, cut, shower.x0_cm, provenance(seed),
    )  # fmt: skip
