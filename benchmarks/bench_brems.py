"""Speed of Z' bremsstrahlung: cross sections per point, differential ones, events per second.

Peers: the Weizsaecker-Williams formula in SciPy and NumPy; the exact cross section at quasi-random
points in NumPy.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plain_brems
from measure import Row, against, agree, best, main, row

from mutau.core.constants import M_E, M_MU
from mutau.core.random import stream
from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems, muon_brems
from mutau.reactions.bremsstrahlung import _integrate, collision_of
from mutau.reactions.bremsstrahlung_events import BremsSampler

Z_AND_A = {"z": 82.0, "a": 207.2}
LEAD = {"nucleus": Nucleus(**Z_AND_A)}
#: Quadrature orders of the reference that the errors are measured against.
REFERENCE = (100, 32, 60)


def _worst_error(lepton: str, energy: float, masses: np.ndarray, ours: np.ndarray) -> float:
    energies = np.full(len(masses), energy)
    lead = collision_of(lepton, LEAD["nucleus"])
    reference = _integrate(lead, energies, masses, (0.0, 1.0), REFERENCE)
    return float(np.max(np.abs(ours / reference - 1.0)))


def _totals(name: str, lepton: str, front: Any, energy: float, low: float) -> Row:
    masses = np.geomspace(low, 1.0, 60)
    seconds = best(lambda: front.totals(energy, masses, **LEAD))
    ours = front.totals(energy, masses, **LEAD).sigma_pb
    error = f"{_worst_error(lepton, energy, masses, ours):.1e} (worst of 60)"
    few, m_l = slice(5, None, 10), M_MU if lepton == "muon" else M_E

    def plain() -> np.ndarray:
        return np.array(
            [plain_brems.exact(energy, m_l, float(m), **Z_AND_A)[0] for m in masses[few]]
        )

    def peer() -> float:
        agree("exact total", ours[few], plain(), rel=5e-3)
        return 1e3 * best(plain, 2) / len(masses[few])

    name = f"exact total, {name}, per (energy, mass), 60 masses"
    compared = against("NumPy, Sobol", peer)
    return row(name, 1e3 * seconds / len(masses), "ms", error, "20 ms at 1e-3", **compared)


def muon_totals() -> Row:
    """Muons of 160 GeV on lead."""
    return _totals("muons 160 GeV", "muon", muon_brems, 160.0, 1e-3)


def electron_totals() -> Row:
    """Electrons of 100 GeV on lead."""
    return _totals("electrons 100 GeV", "electron", electron_brems, 100.0, 1e-6)


def approximation() -> Row:
    """Weizsaecker-Williams, the one formula that is quickly written down."""
    masses = np.geomspace(1e-3, 1.0, 60)
    ours = muon_brems.totals(160.0, masses, method="ww", **LEAD).sigma_pb

    def plain() -> list[float]:
        return [plain_brems.total(160.0, M_MU, float(m), **Z_AND_A) for m in masses]

    def peer() -> float:
        agree("WW total", ours, plain(), rel=1e-3)
        return 1e3 * best(plain, 3) / len(masses)

    seconds = best(lambda: muon_brems.totals(160.0, masses, method="ww", **LEAD))
    name = "WW total, muons 160 GeV, per (energy, mass)"
    return row(name, 1e3 * seconds / len(masses), "ms", "1e-4", **against("SciPy, NumPy", peer))


def spectra() -> list[Row]:
    """Differential cross sections."""
    x = np.linspace(0.01, 0.99, 200)
    angle = np.geomspace(1e-5, 1e-1, 200)
    works = {
        "d sigma/dx": lambda: muon_brems.differential_x(x, 160.0, 0.1, **LEAD),
        "d2 sigma/dx dtheta": lambda: muon_brems.differential_x_theta(x, angle, 160.0, 0.1, **LEAD),
        "d2 sigma/dx dpsi": lambda: muon_brems.differential_x_psi(x, angle, 160.0, 0.1, **LEAD),
    }
    return [
        row(f"{name}, muons, per point", 1e6 * best(work) / len(x), "us", "below 1e-3")
        for name, work in works.items()
    ]


def _events(lepton: str, mass: float, low: float, high: float, n: int = 400_000) -> list[Row]:
    options = {"mass": mass, "energy_min": low, "energy_max": high}
    sampler = BremsSampler(lepton, **LEAD, **options)
    energies = np.random.default_rng(1).uniform(low, high, n)
    seconds = best(lambda: sampler.sample(energies, stream(1)))
    sample = sampler.sample(energies, stream(1))
    point = f"{lepton}, m = {mass:g} GeV, {low:g}-{high:g} GeV"
    error = (
        f"acceptance {sample.acceptance:.2f}, weight above 1 in {sample.overweight_fraction:.0e} "
        f"(mean excess {np.mean(sample.weight) - 1.0:.0e})"
    )
    table = 1e3 * best(lambda: BremsSampler(lepton, **LEAD, **options))
    return [
        row(f"unweighted events, {point}", n / seconds / 1e6, "million/s", error, "2 million/s"),
        row(f"table of bounds, {point}", table, "ms", "-", "20 ms"),
    ]


def events(*point: Any) -> list[Row]:
    """Unweighted events of one lepton, mass and range of energies."""
    return _events(*point)


POINTS = (
    ("muon", 0.1, 140.0, 160.0), ("muon", 1e-3, 140.0, 160.0), ("muon", 1.0, 100.0, 160.0),
    ("electron", 1e-3, 50.0, 100.0), ("electron", 0.1, 50.0, 100.0),
)  # fmt: skip
PARTS = (
    muon_totals,
    electron_totals,
    approximation,
    spectra,
    *(partial(events, *p) for p in POINTS),
)

if __name__ == "__main__":
    main(PARTS)
