"""How fast matter acts on muons: tables, energy loss, scattering, the NA64mu trigger chain.

Peers: the same look-ups and the same helix in NumPy and SciPy.
"""

from __future__ import annotations

import numpy as np
import plain_matter
from measure import Row, against, agree, best, main, row

from mutau.core.constants import M_MU
from mutau.core.random import stream
from mutau.matter import material, mean_energy_after, stopping_power
from mutau.matter.multiple_scattering import moliere, moliere_density, scatter
from mutau.matter.muon_cross_sections import PROCESSES, moment
from mutau.matter.nuclear_final_states import hadrons_above
from mutau.matter.nuclear_final_states_events import draw
from mutau.peers.muon_propagation import (
    Muons,
    along_z,
    cross_dipole,
    drift_to_plane,
    propagate_slab,
)

N = 1_000_000
LEAD, IRON = material("lead"), material("iron")


def tables() -> Row:
    """Integrals over the radiative cross sections."""
    grid, item = np.geomspace(1.0, 1e4, 50), LEAD.elements[0][0]
    seconds = best(lambda: [moment(name, 1, grid, item) for name in PROCESSES], 3)
    return row("radiative loss, one element and energy", 1e3 * seconds / 50, "ms", "1e-4", "< 10")


def losses() -> list[Row]:
    """Mean loss at a point and over a slab."""
    energy = np.random.default_rng(1).uniform(20.0, 160.0, N)
    table = plain_matter.spline(lambda e: stopping_power(e, LEAD))

    def look_up() -> np.ndarray:
        return np.exp(table(np.log(energy - M_MU)))

    def point() -> float:
        agree("stopping power", stopping_power(energy, LEAD), look_up(), rel=1e-3)
        return N / best(look_up, 3)

    def slab() -> float:
        few = energy[: N // 10]
        theirs = plain_matter.energy_after(few, table, 22.0)
        agree("energy after a slab", mean_energy_after(few, LEAD, 22.0), theirs, rel=1e-4)
        return len(few) / best(lambda: plain_matter.energy_after(few, table, 22.0), 2)

    loss = N / best(lambda: stopping_power(energy, LEAD), 3)
    after = N / best(lambda: mean_energy_after(energy, LEAD, 22.0), 3)
    return [
        row("stopping power", loss, "1/s/core", "2e-4 of table", **against("SciPy spline", point)),
        row("energy after a slab", after, "1/s/core", "1e-7 of energy",
            **against("NumPy, Runge-Kutta", slab)),
    ]  # fmt: skip


def _core_error() -> str:
    """Largest deviation of the sampler from Moliere's distribution over the core bins."""
    parameters = moliere(160.0, IRON, 1.0)
    angles = scatter(160.0, IRON, np.full(N, 1.0), stream(2), point=True)
    edges = parameters.width * np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0])
    counts = np.histogram(np.hypot(angles[:, 0], angles[:, 1]), edges)[0]
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = 0.5 * np.diff(edges)[:, None]
    theta = edges[:-1, None] + half * (1.0 + nodes)
    expected = np.sum(half * weights * theta * moliere_density(theta, parameters), axis=1)
    return f"{np.max(np.abs(counts / N / expected - 1.0)):.1e} (bins, against Moliere)"


def _moliere_table() -> float:
    """Angles per second from a table of Moliere's distribution; core as ours within 1 %."""
    parameters = moliere(160.0, IRON, 1.0)
    ours = scatter(160.0, IRON, np.full(N, 1.0), stream(3), point=True)
    inverse = plain_matter.inverse_moliere(parameters)
    theirs = plain_matter.scattered(inverse, N, stream(4))
    quantiles = [
        np.quantile(np.hypot(angles[:, 0], angles[:, 1]), [0.2, 0.5, 0.8, 0.95])
        for angles in (ours, theirs)
    ]
    agree("quantiles of the angle", *quantiles, rel=0.01)
    return N / best(lambda: plain_matter.scattered(inverse, N, stream(4)), 3)


def scattering() -> list[Row]:
    """Collisions one by one, and slabs."""
    muons = along_z(160.0, N)
    kicks = best(lambda: scatter(160.0, IRON, np.full(N, 1.0), stream(3)), 3)
    slab = best(lambda: propagate_slab(muons, IRON, 10.0, stream(4)), 3)
    knock = best(lambda: propagate_slab(muons, IRON, 10.0, stream(4), straggling="knock-on"), 3)
    return [
        row(
            "multiple scattering",
            N / kicks,
            "1/s/core",
            _core_error(),
            **against("NumPy, one table", _moliere_table),
        ),
        row("slab, mean loss", N / slab, "muons/s/core", "as scattering"),
        row("slab, knock-on straggling", N / knock, "muons/s/core", "mean exact"),
    ]


def dipole() -> Row:
    """Exact helix through a box of field."""
    rng = stream(5)
    start = along_z(160.0, N)
    p4 = start.p4.copy()
    p4[:, 1:3] = 0.2 * rng.standard_normal((N, 2))
    p4[:, 0] = np.sqrt(np.sum(p4[:, 1:] ** 2, axis=1) + M_MU**2)
    muons = Muons(start.x4, p4, start.charge, start.alive)

    def plain() -> tuple[np.ndarray, np.ndarray]:
        return plain_matter.across_dipole(muons.x4, muons.p4, muons.charge, 0.7, 200.0)

    def peer() -> float:
        ours, (x4, p4) = cross_dipole(muons, 0.7, 0.0, 200.0), plain()
        agree("place behind the dipole", ours.x4, x4, rel=1e-9, abs_=1e-9)
        agree("momentum behind the dipole", ours.p4, p4, rel=1e-9, abs_=1e-12)
        return N / best(plain, 3)

    rate = N / best(lambda: cross_dipole(muons, 0.7, 0.0, 200.0), 3)
    return row("dipole", rate, "muons/s/core", "1e-12 of |p|", **against("NumPy", peer))


def trigger_chain() -> Row:
    """Target, dipole and drifts of NA64mu."""
    target, muons = material("lead-scintillator"), along_z(160.0, N)

    def chain() -> Muons:
        behind = propagate_slab(muons, target, 40.0 * target.radiation_length_cm, stream(1))
        behind = cross_dipole(drift_to_plane(behind, 300.0), 0.7, 300.0, 200.0)
        return drift_to_plane(drift_to_plane(behind, 900.0), 1200.0)

    return row(
        "target + dipole + drifts", N / best(chain, 3), "muons/s/core", "as scattering", "2e6"
    )


def final_states() -> list[Row]:
    """Whole final states of photons on nucleons, and rates of leading hadrons."""
    energy, few = stream(6).uniform(5.0, 300.0, N), N // 10
    drawn = best(lambda: draw(stream(7), energy[:few]), 3)
    found = draw(stream(7), energy[:few])
    sums = np.add.reduceat(found.p4, found.first[:-1])
    error = float(np.max(np.abs(sums[:, 3] / energy[:few] - 1.0)))
    z = stream(8).random(N)
    rates = best(lambda: hadrons_above("charged", z, energy), 3)
    return [
        row("final states of photons", few / drawn, "events/s/core", f"{error:.0e} of momentum"),
        row("rates of leading hadrons", N / rates, "1/s/core", "that of the table"),
    ]


PARTS = (tables, losses, scattering, dipole, trigger_chain, final_states)

if __name__ == "__main__":
    main(PARTS)
