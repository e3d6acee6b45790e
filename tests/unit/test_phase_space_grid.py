"""The adaptive grid and the momenta of the cube's points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.reactions.importance import refined_edges
from mutau.reactions.muon_electron import PAPER_CUTS, allowed_electron_energies
from mutau.reactions.muon_electron_integrals import (
    OFF_MUON,
    MuonOnElectron,
    Vertices,
    v_energy_range,
)
from mutau.reactions.phase_space import Cube, cube_point, energy_limits, write_momenta


def test_equal_contents_keep_the_edges_and_empty_ones_too():
    edges = np.array([0.0, 0.1, 0.5, 1.0])
    assert np.allclose(refined_edges(edges, np.ones(3)), edges)
    assert np.array_equal(refined_edges(edges, np.zeros(3)), edges)


def test_edges_move_to_the_content_and_stay_ordered():
    """Iterated on a steep density, every bin comes to hold about the same."""
    edges = np.linspace(0.0, 1.0, 33)

    def content(edges):
        return np.exp(-20.0 * edges[:-1]) - np.exp(-20.0 * edges[1:])

    for _ in range(12):
        edges = refined_edges(edges, content(edges))
        assert np.all(np.diff(edges) > 0.0)
        assert (edges[0], edges[-1]) == (0.0, 1.0)
    held = content(edges)
    assert held.max() < 1.5 * held.mean()


@pytest.mark.compiled
@pytest.mark.parametrize("mass", [0.01, 0.1, 0.27])
def test_table_encloses_phase_space(mass):
    """Random T inside the bins: the table's limits lie outside the true ones, but not far."""
    window = allowed_electron_energies(150.0, mass, PAPER_CUTS)
    assert window is not None
    sine2 = PAPER_CUTS.kernel_limits[0]
    at = MuonOnElectron(150.0, M_MU, M_E, mass)
    limits = energy_limits(*window, at, sine2, 0.0)
    rng = np.random.default_rng(2)
    excess = []
    for x in rng.random(4000):
        T = window[0] * math.exp(math.log(window[1] / window[0]) * x)
        low, _, _, high = v_energy_range(T, at, sine2, 0.0)
        row = int(x * limits.shape[1])
        ends = [math.log(v / (150.0 - T - v)) for v in (low, high)]
        assert limits[0, row] <= ends[0] + 1e-9
        assert limits[1, row] >= ends[1] - 1e-9
        excess.append((limits[1, row] - limits[0, row]) / (ends[1] - ends[0]) - 1.0)
    assert np.median(excess) < 0.02


@pytest.mark.compiled
def test_momenta_have_the_invariants_of_the_point():
    mass = 0.1
    window = allowed_electron_energies(150.0, mass, PAPER_CUTS)
    assert window is not None
    cuts = PAPER_CUTS.kernel_limits
    at = MuonOnElectron(150.0, M_MU, M_E, mass)
    limits = energy_limits(*window, at, cuts.sine2, 0.0)
    rng = np.random.default_rng(3)
    cube = Cube(Vertices(OFF_MUON, 1.0, 0.0, 0.0, 0.0), cuts, *window, limits)
    out = np.empty((5, 4))
    done = 0
    for _ in range(300):
        x = rng.random(4)
        point = cube_point(x, at, cube)
        _, T, EV, u, one = point
        if point.density == 0.0:
            continue
        done += 1
        write_momenta(out, point, 1.0, 6.0 * rng.random(), at)
        assert out[3, 0] - M_E == pytest.approx(T, rel=1e-12)
        assert out[4, 0] == pytest.approx(EV, rel=1e-12)
        assert np.sqrt(out[4, 0] ** 2 - np.sum(out[4, 1:] ** 2)) == pytest.approx(mass, rel=1e-8)
        pair = out[3] + out[4]
        assert pair[0] ** 2 - np.sum(pair[1:] ** 2) - M_E**2 == pytest.approx(u, rel=1e-8)
        p4 = np.sqrt(np.sum(out[3, 1:] ** 2))
        assert 1.0 - out[3, 3] / p4 == pytest.approx(one, abs=1e-13)
    assert done > 100
