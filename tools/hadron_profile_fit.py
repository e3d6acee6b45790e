"""Fit of the depth profile of hadronic showers to those that are followed particle by particle.

python tools/hadron_profile_fit.py [--showers 1000]

Prints the numbers of [shower_followed] in data/hadrons.toml. The form is that of Bock et al.; what
is fitted is the visible energy (less what goes to nuclei) of pions in iron at 20, 50 and 100 GeV,
mean of both generators of final states, folded with the depth of the first collision.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.optimize import least_squares
from scipy.special import gammainc

from mutau.core.arrays import FloatArray as Array
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.hadrons import document
from mutau.matter.materials import material
from mutau.transport.hadron_shower import ShowerBlock, simulate_hadron_showers

ENERGIES = (20.0, 50.0, 100.0)
WIDTH, BINS, USED = 2.0, 200, 120
IRON = material("iron")
DEPTH = WIDTH * np.arange(BINS + 1)


def contained(numbers: Array, energy: float) -> Array:
    """Fraction of the energy above each DEPTH from the face. numbers : alpha (2), beta_em,
    beta_hadronic (2), em_weight."""
    a_0, a_1, b_em, b_0, b_1, weight = numbers
    log = np.log(energy)
    a = a_0 + a_1 * log
    inside = weight * gammainc(a, b_em * DEPTH / IRON.radiation_length_cm)
    inside += (1.0 - weight) * gammainc(a, (b_0 + b_1 * log) * DEPTH / IRON.interaction_length_cm)
    free = inelastic_length("pi-", IRON, energy).cm
    first = np.exp(-DEPTH / free) / free
    return np.array(
        [np.trapezoid(first[: i + 1] * inside[i::-1], dx=WIDTH) for i in range(len(DEPTH))]
    )


def followed(energy: float, generator: str, n: int) -> Array:
    """The same of n simulated showers."""
    block = ShowerBlock(IRON, WIDTH * BINS, bins=BINS, width=WIDTH, seen=(1.0, 1.0, 0.0))
    found = simulate_hadron_showers("pi-", energy, block, n, generator=generator, seed=21)
    total = np.concatenate([[0.0], np.cumsum(found.depth.sum(axis=0))])
    return total / total[-1]


def main() -> None:
    """Simulate, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--showers", type=int, default=1000)
    n = parser.parse_args().showers
    each = {
        (energy, name): followed(energy, name, n)
        for energy in ENERGIES
        for name in ("urqmd", "pythia")
    }
    mean = {e: 0.5 * (each[e, "urqmd"] + each[e, "pythia"]) for e in ENERGIES}
    table = document()["shower"]
    measured = np.array(
        [*table["alpha"], table["beta_em"], *table["beta_hadronic"], table["em_weight"]]
    )

    def rest(numbers: Array) -> Array:
        return np.concatenate([(contained(numbers, e) - mean[e])[:USED] for e in ENERGIES])

    fitted = least_squares(rest, measured).x
    spread = max(np.abs(each[e, "urqmd"] - each[e, "pythia"]).max() for e in ENERGIES)
    print("alpha, beta_em, beta_hadronic, em_weight:", np.round(fitted, 4).tolist())
    print(f"largest difference of the fit {np.abs(rest(fitted)).max():.4f}")
    print(f"of the measured profile {np.abs(rest(measured)).max():.4f}, generators {spread:.4f}")


if __name__ == "__main__":
    main()
