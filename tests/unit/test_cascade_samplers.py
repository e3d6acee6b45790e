"""Random draws of single reactions follow the kernels they claim to follow."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad

from mutau.core.constants import M_E
from mutau.core.random import stream
from mutau.matter import material
from mutau.matter.em_processes import annihilation, bhabha, brems, compton, moller, pair
from mutau.matter.em_processes_medium import medium
from mutau.transport.shower_samplers import annihilate, convert, radiate, scatter, strike, turn
from mutau.transport.shower_tables import locate, node_energy, shower_tables

pytestmark = pytest.mark.compiled

IRON = medium(material("iron"))
MEDIUM = IRON.data
N = 4000
SIGMAS = 4.5  # with some thirty comparisons, a false alarm once in thousands of runs


@cache
def tables():
    """Of iron; made when a test wants them, since that calls kernels."""
    return shower_tables(IRON, 20.0, 0.02, 0.05)


def mean_of(density, low, high):
    """Mean of x and of ln x under a positive density between low and high."""
    logs = [math.log(low), math.log(high)]
    norm = quad(lambda u: density(math.exp(u)) * math.exp(u), *logs, limit=300)[0]
    return [
        quad(lambda u, f=f: f(u) * density(math.exp(u)) * math.exp(u), *logs, limit=300)[0] / norm
        for f in (math.exp, lambda u: u)
    ]


def sample(draw):
    """(N, 2) energies and (N, 2) cosines of N draws of two products."""
    made = [draw() for _ in range(N)]
    return (
        np.array([[getattr(p, name) for p in pair] for pair in made]) for name in ("energy", "cos")
    )


def agree(drawn, expected):
    for values, mean in zip((drawn, np.log(drawn)), expected, strict=True):
        assert abs(values.mean() - mean) < SIGMAS * values.std() / math.sqrt(len(values))


def test_nodes_are_bits():
    for index in (8 * 1023, 8 * 1023 + 3, 8 * 1020 + 7):
        e = node_energy(index)
        assert locate(e) == (index, 0.0)
        middle = 0.5 * (e + node_energy(index + 1))
        assert locate(middle) == (index, pytest.approx(0.5))


def test_struck_electrons():
    rng, e = stream(1, 1), 0.5
    drawn = np.array([strike(0, e, 2e-3, rng)[1].energy - M_E for _ in range(N)])
    agree(drawn, mean_of(lambda t: moller(e, t), 2e-3, (e - M_E) / 2))
    drawn = np.array([strike(1, e, 2e-3, rng)[1].energy - M_E for _ in range(N)])
    agree(drawn, mean_of(lambda t: bhabha(e, t), 2e-3, e - M_E))
    assert strike(0, 3e-3, 2e-3, rng)[1].energy == M_E  # nothing above the cut is possible


def test_annihilation_photons():
    rng, e = stream(1, 2), 0.05
    drawn, _ = sample(lambda: annihilate(e, rng))
    half = 0.5 * math.sqrt((e - M_E) / (e + M_E))
    low, high = ((0.5 + s * half) * (e + M_E) * (1 - 1e-9 * s) for s in (-1, 1))
    agree(drawn.ravel(), mean_of(lambda k: annihilation(e, k), low, high))
    assert drawn[:, 0] + drawn[:, 1] == pytest.approx(e + M_E)


def test_compton_photons():
    rng, k = stream(1, 3), 0.03
    drawn, _ = sample(lambda: scatter(k, rng))
    agree(drawn[:, 0], mean_of(lambda x: compton(k, x), k / (1 + 2 * k / M_E) * (1 + 1e-9), k))
    assert drawn[:, 0] + drawn[:, 1] == pytest.approx(k + M_E)


def test_radiated_photons():
    e, soft = 3.7, 0.02
    rng = stream(1, 4)
    drawn, cosines = sample(lambda: radiate(0, e, tables(), True, rng))
    agree(
        drawn[:, 1],
        mean_of(lambda k: brems(e, k, MEDIUM.rows, MEDIUM.mode) / k, soft, e - M_E),
    )
    assert drawn[:, 1].min() > soft * (1 - 2e-3)
    versine = 1 - cosines[:, 1]  # half of the angles lie within m/E
    assert np.mean(versine < 0.5 * (M_E / e) ** 2) == pytest.approx(0.5, abs=0.04)


def test_pairs():
    k = 0.9
    rng = stream(1, 5)
    drawn, _ = sample(lambda: convert(k, tables(), False, rng))
    low, high = M_E * (1 + 1e-9), (k - M_E) * (1 - 1e-9)
    agree(drawn[:, 0], mean_of(lambda e: pair(k, e, MEDIUM.rows, MEDIUM.mode), low, high))
    assert drawn[:, 0] + drawn[:, 1] == pytest.approx(k)


@pytest.mark.parametrize("kind", ["moller", "compton", "annihilation"])
def test_angles_balance_transverse_momentum(kind):
    """Both products lie in one plane on opposite sides, with p_T equal and p_z summing up."""
    rng, e = stream(1, 6), 0.2
    draw = {
        "moller": lambda: strike(0, e, 1e-3, rng),
        "compton": lambda: scatter(e, rng),
        "annihilation": lambda: annihilate(e, rng),
    }[kind]
    for _ in range(50):
        made = draw()
        mass = [0.0 if product.species == 2 else M_E for product in made]
        p = [
            math.sqrt(max(product.energy**2 - m * m, 0))
            for product, m in zip(made, mass, strict=True)
        ]
        before = e if kind == "compton" else math.sqrt(e * e - M_E * M_E)
        along = sum(q * product.cos for q, product in zip(p, made, strict=True))
        assert along == pytest.approx(before, rel=1e-9)
        across = [q * math.sqrt(1 - product.cos**2) for q, product in zip(p, made, strict=True)]
        assert across[0] == pytest.approx(across[1], rel=1e-5, abs=1e-9)


def test_turning_keeps_length_and_makes_the_angle():
    rng = stream(1, 7)
    for _ in range(50):
        v = rng.normal(size=3)
        v /= np.linalg.norm(v)
        cos, phi = rng.uniform(-1, 1), rng.uniform(0, 2 * math.pi)
        u = np.array(turn(*v, cos, phi))
        assert np.linalg.norm(u) == pytest.approx(1.0)
        assert u @ v == pytest.approx(cos, abs=1e-12)
    assert turn(0.0, 0.0, -1.0, 0.5, 0.0)[2] == pytest.approx(-0.5)
