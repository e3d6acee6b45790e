"""Speed and accuracy of the computed bounds and of the recasts.

Peers: a Monte Carlo with Dirac spinors, adaptive quadrature and a root for every mass, and an
implicit solver over NumPy sums.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import plain_bounds
import plain_brems
import plain_tridents
from measure import Row, against, agree, best, main, row

from mutau.core.constants import M_U

MASSES = np.geomspace(1e-3, 1.0, 60)


def _relative(line: Any) -> float:
    return float(np.max(line.numerical_err / line.coupling))


@contextmanager
def _empty_cache() -> Iterator[None]:
    """An own folder for computed tables, so that nothing is found there."""
    kept = os.environ.get("MUTAU_CACHE_DIR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUTAU_CACHE_DIR"] = folder
        try:
            yield
        finally:
            if kept is None:
                del os.environ["MUTAU_CACHE_DIR"]
            else:
                os.environ["MUTAU_CACHE_DIR"] = kept


def trident() -> list[Row]:
    """A table made from nothing, and limits from it."""
    from mutau.bounds import BOUNDS
    from mutau.bounds.trident import experiment_table

    bound = BOUNDS["ccfr-trident"]
    error = _relative(bound(MASSES))
    experiment_table("ccfr", coarse=True)

    def fresh() -> None:
        with _empty_cache():
            experiment_table("ccfr")

    limit = 60 / best(lambda: bound(MASSES), 3)
    return [
        row("trident table, 2 -> 4 over a spectrum", best(fresh, 1), "s", error, 2.0),
        row("trident limit from its table", limit, "masses/s", error, 1e3),
    ]


def trident_cross_section() -> Row:
    """Iron at one energy, coherent; the peer to 1 %."""
    from mutau.bounds import trident
    from mutau.matter import element

    iron, options = element("Fe"), {"scattering": ("coherent",), "form_factor": "tsai"}

    def ours() -> Any:
        with _empty_cache():
            return trident.trident_cross_section(20.0, {"Fe": 1.0}, **options)

    def plain() -> tuple[float, float]:
        def charge2(t: np.ndarray) -> np.ndarray:
            return plain_brems.form_factor(t, iron.z, iron.a)

        rng = np.random.default_rng(1)
        parts = [
            plain_tridents.total(20.0, iron.a * M_U, charge2, 4.0, 20_000, rng) for _ in range(12)
        ]
        values = np.array([value for value, _ in parts])
        return float(values.mean()), float(values.std() / np.sqrt(len(values) - 1.0))

    def peer() -> float:
        value, err = plain()
        agree("trident cross section", found.sigma_pb, value, rel=0.0, abs_=4.0 * err)
        return 1e3 * best(plain, 1)

    found = ours()
    error = f"{found.sigma_err_pb / found.sigma_pb:.0e}"
    name = "trident cross section, iron, 20 GeV"
    return row(name, 1e3 * best(ours), "ms", error, **against("NumPy, spinors, to 1 %", peer))


def borexino() -> Row:
    """Neutrino-electron scattering of 7Be neutrinos."""
    from mutau.bounds import BOUNDS
    from mutau.bounds.inputs import bound_inputs
    from mutau.bounds.solar import recoil_edge

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
    from mutau.bounds.cosmology import thermal_neff
    from mutau.bounds.inputs import bound_inputs

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
    from mutau.bounds import published_limit
    from mutau.bounds.recast import recast

    babar = published_limit("babar4mu-2016")
    again = recast(babar, "lmu-ltau").curve
    nodes = np.isin(again.mass, babar.mass)
    error = float(np.max(np.abs(np.log(again.coupling[nodes] / babar.coupling))))
    rate = len(again.mass) / best(lambda: recast(babar, "lmu-ltau"), 1)
    return row("recast, with its own model as check", rate, "points/s", error, 1e3)


PARTS = (trident, trident_cross_section, borexino, neutrino_number, recasts)

if __name__ == "__main__":
    main(PARTS)
