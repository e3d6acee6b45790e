"""Speed and accuracy of the computed bounds and of the recasts."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from measure import Row, best, main, row

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

    bound = BOUNDS["borexino-be7"]
    seconds = best(lambda: bound(MASSES), 3)
    return row("Borexino limit", 60 / seconds, "masses/s", _relative(bound(MASSES)), 1e3)


def neutrino_number() -> Row:
    """Thermal history with a light Z'."""
    from mutau.limits.cosmology import standard_neff, thermal_neff

    standard_neff()
    error = abs(thermal_neff(8e-3, 1e-24) - thermal_neff(8e-3, 1e-24, 1e-9))
    seconds = best(lambda: thermal_neff(8e-3, 1e-24), 3)
    return row("N_eff of one point", 1 / seconds, "points/s", error, 10.0)


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
