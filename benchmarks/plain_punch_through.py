"""Hadrons through a calorimeter, counted one by one in NumPy: nothing forced, no weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

from mutau.background.punch_through import EM_SPREAD
from mutau.core.constants import M_P
from mutau.matter.hadron_interactions import interaction_length
from mutau.matter.hadrons import document
from mutau.matter.materials import Material

Array = NDArray[np.float64]


def _seen(energy: Array, depth: Array, em: Array, radiation: float) -> Array:
    """Energy of showers that `depth` interaction lengths hold, GeV."""
    shape = document()["shower"]
    log = np.log(np.maximum(energy, 1.0))
    a = shape["alpha"][0] + shape["alpha"][1] * log
    slope = shape["beta_hadronic"][0] + shape["beta_hadronic"][1] * log
    hadronic = gammainc(a, slope * depth)
    return energy * (em * gammainc(a, shape["beta_em"] * radiation * depth) + (1 - em) * hadronic)


def survivors(
    energy: float,
    substance: Material,
    length: float,
    budget: float,
    n: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Share of n neutrons that leave at most `budget` GeV in `length` cm, and its error."""
    lam = interaction_length("n", substance, energy)
    radiation, table = lam / substance.radiation_length_cm, document()["leading"]
    (low2, high), kind = table["mass_squared"], table["p"]
    chance, power = kind["diffraction"], kind["power"] + 1.0
    e, left = np.full(n, energy), np.full(n, budget)
    room, passed = np.full(n, length / lam), 0
    while len(e):
        room = room - rng.standard_exponential(len(e))
        passed += int(np.count_nonzero(room <= 0.0))
        inside = room > 0.0
        e, left, room = e[inside], left[inside], room[inside]
        mean = document()["shower"]["em_weight"]
        em = np.clip(mean + EM_SPREAD * rng.standard_normal(len(e)), 0.0, 1.0)
        least, u = low2 / (2.0 * M_P * e), rng.random(len(e))
        soft = (rng.random(len(e)) < chance) & (least < high)
        hard = (high**power + u * (1.0 - high**power)) ** (1.0 / power)
        share = np.where(soft, least * (high / least) ** u, hard)
        left = left - _seen(share * e, room, em, radiation)
        e = e * (1.0 - share)
        alive = left >= 0.0
        passed += int(np.count_nonzero(alive & (e < 2.0)))  # nothing leading is left
        alive &= e >= 2.0
        e, left, room = e[alive], left[alive], room[alive]
    value = passed / n
    return value, float(np.sqrt(value * (1.0 - value) / n))
