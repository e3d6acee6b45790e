"""Speed of Z' bremsstrahlung: cross sections per point, differential ones, events per second.

Run `python benchmarks/bench_brems.py`; `rows()` gives the same as a list. Warm figures: compiled
code in memory; processor time on one core, best of five.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mutau.core.random import stream
from mutau.sampling.brems_events import BremsSampler
from mutau.xsec import electron_brems, muon_brems
from mutau.xsec.bremsstrahlung import _integrate, reaction

LEAD = {"z": 82.0, "a": 207.2}
#: Quadrature orders of the reference that the errors are measured against.
REFERENCE = (100, 32, 60)


def _seconds(work: Callable[[], object], repeat: int) -> float:
    work()
    best = float("inf")
    for _ in range(repeat):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def _worst_error(lepton: str, energy: float, masses: np.ndarray, ours: np.ndarray) -> float:
    setting = reaction(lepton, **LEAD)
    reference = _integrate(setting, np.full(len(masses), energy), masses, 0.0, 1.0, REFERENCE)
    return float(np.max(np.abs(ours / reference - 1.0)))


def _totals(name: str, lepton: str, front: Any, energy: float, low: float) -> dict[str, object]:
    masses = np.geomspace(low, 1.0, 60)
    seconds = _seconds(lambda: front.totals(energy, masses, **LEAD), 5)
    ours = front.totals(energy, masses, **LEAD).sigma_pb
    return {
        "name": f"exact total, {name}, per (energy, mass), 60 masses",
        "figure": 1e3 * seconds / len(masses),
        "unit": "ms",
        "error_reached": f"{_worst_error(lepton, energy, masses, ours):.1e} (worst of 60)",
        "goal": "20 ms at 1e-3",
    }


def _spectra() -> list[dict[str, object]]:
    x = np.linspace(0.01, 0.99, 200)
    angle = np.geomspace(1e-5, 1e-1, 200)
    works = {
        "d sigma/dx": lambda: muon_brems.differential_x(x, 160.0, 0.1, **LEAD),
        "d2 sigma/dx dtheta": lambda: muon_brems.differential_x_theta(x, angle, 160.0, 0.1, **LEAD),
        "d2 sigma/dx dpsi": lambda: muon_brems.differential_x_psi(x, angle, 160.0, 0.1, **LEAD),
    }
    return [
        {
            "name": f"{name}, muons, per point",
            "figure": 1e6 * _seconds(work, 5) / len(x),
            "unit": "us",
            "error_reached": "below 1e-3",
            "goal": "-",
        }
        for name, work in works.items()
    ]


def _events(lepton: str, mass: float, low: float, high: float, n: int = 400_000) -> list[dict]:
    options = {"mass": mass, "energy_min": low, "energy_max": high}
    sampler = BremsSampler(lepton, **LEAD, **options)
    energies = np.random.default_rng(1).uniform(low, high, n)
    seconds = _seconds(lambda: sampler.sample(energies, stream(1)), 5)
    sample = sampler.sample(energies, stream(1))
    point = f"{lepton}, m = {mass:g} GeV, {low:g}-{high:g} GeV"
    return [
        {
            "name": f"unweighted events, {point}",
            "figure": n / seconds / 1e6,
            "unit": "million/s",
            "error_reached": f"acceptance {sample.acceptance:.2f}, weight above 1 in "
            f"{sample.overweight_fraction:.0e} (mean excess {np.mean(sample.weight) - 1.0:.0e})",
            "goal": "2 million/s",
        },
        {
            "name": f"table of bounds, {point}",
            "figure": 1e3 * _seconds(lambda: BremsSampler(lepton, **LEAD, **options), 5),
            "unit": "ms",
            "error_reached": "-",
            "goal": "20 ms",
        },
    ]


def rows() -> list[dict[str, object]]:
    """One dict per figure: name, figure, unit, error_reached, goal."""
    return [
        _totals("muons 160 GeV", "muon", muon_brems, 160.0, 1e-3),
        _totals("electrons 100 GeV", "electron", electron_brems, 100.0, 1e-6),
        *_spectra(),
        *_events("muon", 0.1, 140.0, 160.0),
        *_events("muon", 1e-3, 140.0, 160.0),
        *_events("muon", 1.0, 100.0, 160.0),
        *_events("electron", 1e-3, 50.0, 100.0),
        *_events("electron", 0.1, 50.0, 100.0),
    ]


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row['name']:60s} {row['figure']:10.3g} {row['unit']:10s} "
            f"{row['error_reached']}  (goal: {row['goal']})"
        )
