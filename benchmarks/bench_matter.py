"""How fast matter acts on muons: tables, energy loss, scattering, the NA64mu trigger chain.

Processor time of one core, the better of three.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mutau.core.random import stream
from mutau.matter import material, mean_energy_after, stopping_power
from mutau.matter.muon_cross_sections import PROCESSES, moment
from mutau.transport.multiple_scattering import moliere, moliere_density, scatter
from mutau.transport.muon_propagation import (
    Muons,
    along_z,
    cross_dipole,
    drift_to_plane,
    propagate_slab,
)


def _seconds(call: Callable[[], Any]) -> float:
    call()
    times = []
    for _ in range(3):
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return min(times)


def _trigger_chain(muons: Muons) -> Muons:
    target = material("lead-scintillator")
    rng = stream(1)
    muons = propagate_slab(muons, target, 40.0 * target.radiation_length_cm, rng)
    muons = drift_to_plane(muons, 300.0)
    muons = cross_dipole(muons, 0.7, 300.0, 200.0)
    muons = drift_to_plane(muons, 900.0)
    return drift_to_plane(muons, 1200.0)


def _core_error() -> str:
    """Largest deviation of the sampler from Moliere's distribution over the core bins."""
    iron, n = material("iron"), 1_000_000
    parameters = moliere(160.0, iron, 1.0)
    angles = scatter(160.0, iron, np.full(n, 1.0), stream(2), point=True)
    edges = parameters.width * np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0])
    counts = np.histogram(np.hypot(angles[:, 0], angles[:, 1]), edges)[0]
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = 0.5 * np.diff(edges)[:, None]
    theta = edges[:-1, None] + half * (1.0 + nodes)
    expected = np.sum(half * weights * theta * moliere_density(theta, parameters), axis=1)
    return f"{np.max(np.abs(counts / n / expected - 1.0)):.1e} (bins, against Moliere)"


def rows() -> list[dict[str, Any]]:
    """Measured figures with unit, error reached and goal."""
    n = 1_000_000
    lead, iron = material("lead"), material("iron")
    energy = np.full(n, 160.0)
    muons = along_z(160.0, n)
    grid = np.geomspace(1.0, 1e4, 50)
    item = lead.elements[0][0]
    table = _seconds(lambda: [moment(name, 1, grid, item) for name in PROCESSES])
    loss = _seconds(lambda: stopping_power(energy, lead))
    after = _seconds(lambda: mean_energy_after(energy, lead, 22.0))
    kicks = _seconds(lambda: scatter(160.0, iron, np.full(n, 1.0), stream(3)))
    slab = _seconds(lambda: propagate_slab(muons, iron, 10.0, stream(4)))
    knock = _seconds(lambda: propagate_slab(muons, iron, 10.0, stream(4), straggling="knock-on"))
    field = _seconds(lambda: cross_dipole(muons, 0.7, 0.0, 200.0))
    chain = _seconds(lambda: _trigger_chain(muons))

    def row(name: str, figure: float, unit: str, error: str, goal: str = "-") -> dict[str, Any]:
        return {
            "name": name, "figure": figure, "unit": unit, "error_reached": error, "goal": goal,
        }  # fmt: skip

    return [
        row("radiative loss, one element and energy", 1e3 * table / 50, "ms", "1e-4", "< 10"),
        row("stopping power", n / loss, "1/s/core", "2e-4 of table", "-"),
        row("energy after a slab", n / after, "1/s/core", "1e-7 of energy", "-"),
        row("multiple scattering", n / kicks, "1/s/core", _core_error(), "-"),
        row("slab, mean loss", n / slab, "muons/s/core", "as scattering", "-"),
        row("slab, knock-on straggling", n / knock, "muons/s/core", "mean exact", "-"),
        row("dipole", n / field, "muons/s/core", "1e-12 of |p|", "-"),
        row("target + dipole + drifts", n / chain, "muons/s/core", "as scattering", "2e6"),
    ]


if __name__ == "__main__":
    for line in rows():
        print(
            f"{line['name']:42s} {line['figure']:10.3g} {line['unit']:14s} "
            f"{line['error_reached']:32s} goal {line['goal']}"
        )
