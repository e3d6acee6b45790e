"""Every step of the electrons and positrons of single showers: where, and at what energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from mutau.core.random import stream
from mutau.core.types import Saved, provenance
from mutau.matter.materials import Material
from mutau.transport.shower import CHUNK, SOFT, ShowerGeometry, laid_out, prepared
from mutau.transport.shower_kernels import STEP, STEPS_AT
from mutau.transport.shower_run_kernels import NO_CHANNELS, run_showers

Array = np.ndarray

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
    particle: str,
    energy: float,
    material: Material,
    n: int,
    *,
    cut: float = 1.0,
    geometry: ShowerGeometry | None = None,
    seed: int = 1,
    key: Sequence[int] = (),
    soft: float = SOFT,
) -> ShowerSteps:
    """All steps of e+- in `n` showers of one particle in a homogeneous target.

    Arguments as `shower.simulate_showers`, whose showers these are: the same seed and key give the
    same. Of the geometry only the first and the last section depth, and `lateral`, count; without
    `lateral` depth is path length. In lead a shower makes about 1.5 energy/cut steps.
    Returns ShowerSteps. Raises as `simulate_showers`.
    Check: lengths by energy sum to the track lengths of `simulate_showers`.
    """
    s, t, x0_cm = prepared(particle, energy, material, cut, soft, n)
    flat, layout = laid_out(np.array([cut, energy]), geometry or ShowerGeometry(), t, False)
    layout = layout._replace(records=True)
    cells = layout.sections * layout.rings
    sums = np.zeros((2, 3 * layout.bins + cells + layout.profile + 1))
    rows = list[Array]()
    room = int(min(n, CHUNK) * _ROOM * (energy / cut + 10.0))
    for chunk, start in enumerate(range(0, n, CHUNK)):
        count = min(CHUNK, n - start)
        while True:
            kept = np.zeros((1, STEPS_AT + STEP * room))
            run_showers(
                s, np.full(count, float(energy)), t, flat, layout, layout, NO_CHANNELS,
                stream(seed, *key, chunk), np.zeros((count, cells)), np.zeros(count), kept, sums,
            )  # fmt: skip
            made = int(kept[0, 0])
            if made <= room:
                break
            room = 2 * made  # the same stream again, with room for all
        found = kept[0, STEPS_AT : STEPS_AT + STEP * made].reshape(-1, STEP).copy()
        found[:, 0] += start
        rows.append(found)
    table = np.concatenate(rows)
    return ShowerSteps(
        table[:, 0].astype(int), np.where(table[:, 1] == 0.0, 11, -11).astype(np.int32),
        table[:, 2].copy(), table[:, 3].copy(), table[:, 4].copy(), table[:, 5:].copy(), n,
        particle, float(energy), material.name, float(cut), x0_cm, provenance(seed),
    )  # fmt: skip
