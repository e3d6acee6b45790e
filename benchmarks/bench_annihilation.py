"""Speed of resonant annihilation on moving atomic electrons.

Run `python benchmarks/bench_annihilation.py`; `rows()` gives the same as a list.
"""

from __future__ import annotations

import time

import numpy as np

from mutau.core.errors import MissingExtra
from mutau.models import DarkPhoton, LmuMinusLtau
from mutau.xsec.annihilation import cross_section, folded
from mutau.xsec.annihilation_electrons import MODELS

ERRORS = {"rest": "1e-12", "virial": "1e-4", "hydrogenic": "1e-4", "compton": "1e-3"}


def rows() -> list[dict[str, object]]:
    """One dict per figure: name, figure, unit, error_reached, goal."""
    model, energies = LmuMinusLtau(mass=0.225, coupling=0.03), np.linspace(20.0, 120.0, 2000)
    found: list[dict[str, object]] = []
    for electrons in MODELS:
        try:
            cross_section(energies[:2], model, electrons=electrons)
        except MissingExtra:
            continue
        begin = time.perf_counter()
        cross_section(energies, model, electrons=electrons)
        found.append(
            {
                "name": f"annihilation on lead, electrons {electrons}",
                "figure": 1e3 * (time.perf_counter() - begin) / len(energies),
                "unit": "ms per energy",
                "error_reached": ERRORS[electrons],
                "goal": 0.2,
            }
        )
    photon, beam = DarkPhoton(mass=0.017, epsilon=1e-4), np.linspace(0.25, 0.32, 141)
    folded(beam[:1], photon, spread=0.005, channel="all", element="C")
    begin = time.perf_counter()
    folded(beam, photon, spread=0.005, channel="all", element="C")
    found.append(
        {
            "name": "diamond, 141 beam energies with spread, virial",
            "figure": 1e3 * (time.perf_counter() - begin),
            "unit": "ms",
            "error_reached": "1e-4",
            "goal": 200.0,
        }
    )
    return found


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row['name']:50s} {row['figure']:10.4g} {row['unit']:15s} "
            f"error {row['error_reached']:8s} goal {row['goal']:g}"
        )
