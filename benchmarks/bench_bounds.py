"""Speed and accuracy of the computed bounds and of the recasts.

Peers: adaptive quadrature and a root for every mass, and an implicit solver over NumPy sums.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
import plain_bounds
from measure import Row, against, agree, best, main, row

MASSES = np.geomspace(1e-3, 1.0, 60)


def _relative(line: Any) -> float:
    return float(np.max(line.numerical_err / line.coupling))


def trident() -> list[Row]:
    """A table made from nothing, and limits from it."""
    from mutau.limits import BOUNDS
    from mutau.limits.trident import experiment_table

    bound = BOUNDS["ccfr-trident"]
    error = _relative(bound(MASSES))
    kept = os.environ.get("MUTAU_CACHE_DIR")
    experiment_table("ccfr", coarse=True)

    def fresh() -> None:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MUTAU_CACHE_DIR"] = folder
            try:
                experiment_table("ccfr")
            finally:
                if kept is None:
                    del os.environ["MUTAU_CACHE_DIR"]
                else:
                    os.environ["MUTAU_CACHE_DIR"] = kept

    limit = 60 / best(lambda: bound(MASSES), 3)
    return [
        row("trident table, 2 -> 4 over a spectrum", best(fresh, 1), "s", error, 2.0),
        row("trident limit from its table", limit, "masses/s", error, 1e3),
    ]


def borexino() -> Row:
    """Neutrino-electron scattering of 7Be neutrinos."""
    from mutau.limits import BOUNDS
    from mutau.limits.bounds_inputs import bound_inputs
    from mutau.limits.solar import recoil_edge

    bound = BOUNDS["borexino-be7"]
    found = bound(MASSES)
    low, high = bound_inputs("solar")["borexino"]["window_MeV"]
    energy = bound_inputs("solar")["borexino"]["line_energy_MeV"] * 1e-3
    window = (low * 1e-3, min(high * 1e-3, recoil_edge(energy)))
    shares, largest = found.meta["shares"], found.meta["ratio_limit"]

    def plain() -> list[float]:
        few = MASSES[::10]
        return [plain_bounds.borexino(float(m), shares, window, largest, energy) for m in few]

    def peer() -> float:
        agree("Borexino limit", found.coupling[::10], plain(), rel=1e-6)
        return 6 / best(plain, 1)

    rate = 60 / best(lambda: bound(MASSES), 10)
    name = "Borexino limit"
    return row(name, rate, "masses/s", _relative(found), 1e3, **against("SciPy quad, root", peer))


def neutrino_number() -> Row:
    """Thermal history with a light Z'."""
    from mutau.limits.bounds_inputs import bound_inputs
    from mutau.limits.cosmology import thermal_neff

    planck = bound_inputs("cosmology")["gravity"]["planck_mass_GeV"]
    error = abs(thermal_neff(8e-3, 1e-24) - thermal_neff(8e-3, 1e-24, 1e-9))

    def plain() -> float:
        return plain_bounds.thermal_neff(8e-3, 1e-24, planck)

    def peer() -> float:
        agree("N_eff", thermal_neff(8e-3, 1e-24), plain(), rel=1e-5)
        return 1 / best(plain, 2)

    rate = 1 / best(lambda: thermal_neff(8e-3, 1e-24), 3)
    name = "N_eff of one point"
    return row(name, rate, "points/s", error, 10.0, **against("SciPy, NumPy", peer))


def recasts() -> Row:
    """A curve recast to its own model, which must give it back."""
    from mutau.limits import published_limit
    from mutau.limits.recast import recast

    babar = published_limit("babar4mu-2016")
    again = recast(babar, "lmu-ltau").curve
    nodes = np.isin(again.mass, babar.mass)
    error = float(np.max(np.abs(np.log(again.coupling[nodes] / babar.coupling))))
    rate = len(again.mass) / best(lambda: recast(babar, "lmu-ltau"), 1)
    return row("recast, with its own model as check", rate, "points/s", error, 1e3)


PARTS = (trident, borexino, neutrino_number, recasts)

if __name__ == "__main__":
    main(PARTS)
