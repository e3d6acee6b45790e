"""Depth and width of pion showers in iron: ours, Geant4's, and what Bock et al. measured.

python tools/hadron_depth.py --showers 300 [--geant4 200] [--energies 20 50 100]

The table of docs/validation/hadron_showers.md. Ours by generator, all energy and without what goes
to nuclei (`seen`); errors from a bootstrap over showers. Geant4 needs geant4-pybind.
"""

from __future__ import annotations

import argparse

import numpy as np

from mutau.background.punch_through import contained_fraction
from mutau.core.arrays import FloatArray as Array
from mutau.core.random import stream
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.materials import material
from mutau.transport.hadron_shower import ShowerBlock, containment, simulate_hadron_showers

LEVELS = (0.9, 0.95, 0.99)
LENGTH, WIDTH = 400.0, 1.0
SEEN = {"all": (1.0, 1.0, 1.0), "less nuclei": (1.0, 1.0, 0.0)}


def with_error(profiles: Array, width: float, level: float) -> str:
    """Containment of (n, bins) profiles with its bootstrap error."""
    rng = stream(1)
    n = len(profiles)
    each = [
        containment(profiles[rng.integers(0, n, n)].sum(axis=0), width, level) for _ in range(100)
    ]
    return f"{containment(profiles.sum(axis=0), width, level):.0f}({np.std(each):.0f})"


def measured(energy: float) -> str:
    """Bock et al. from the first collision of a pion on, folded with its depth."""
    iron = material("iron")
    free = inelastic_length("pi-", iron, energy).cm
    z = np.linspace(0.0, 400.0, 2001)
    inside = contained_fraction(energy, z / iron.interaction_length_cm, iron)
    density = np.exp(-z / free) / free
    folded = np.convolve(density, inside)[: len(z)] * (z[1] - z[0])
    return ", ".join(f"{np.interp(level, folded, z):.0f}" for level in LEVELS)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--showers", type=int, default=300)
    parser.add_argument("--geant4", type=int, default=0)
    parser.add_argument("--energies", type=float, nargs="+", default=[20.0, 50.0, 100.0])
    asked = parser.parse_args()
    for energy in asked.energies:
        print(f"{energy:g} GeV: Bock et al. {measured(energy)}", flush=True)
        for generator in ("urqmd", "pythia"):
            for name, seen in SEEN.items():
                block = ShowerBlock(material("iron"), LENGTH, bins=400, width=WIDTH, seen=seen)
                found = simulate_hadron_showers(
                    "pi-", energy, block, asked.showers, generator=generator, seed=5
                )
                depths = [with_error(found.depth, WIDTH, level) for level in LEVELS]
                radii = [with_error(found.radius, WIDTH, level) for level in LEVELS[:2]]
                share = found.electromagnetic.mean() / energy
                print(generator, name, *depths, "radius", *radii, f"em {share:.2f}", flush=True)
        if asked.geant4:
            from mutau.peers.geant4_jobs import Geant4Job, run_geant4

            job = Geant4Job(
                "pi-", energy, asked.geant4, material("iron"), LENGTH, 0.005, stop=0.002,
                half_width=300.0, deposits=True, slice=2.0, hadronic="FTFP_BERT",
            )  # fmt: skip
            deposits = run_geant4(job).deposits
            print("FTFP_BERT", *(with_error(deposits, 2.0, level) for level in LEVELS), flush=True)


if __name__ == "__main__":
    main()
