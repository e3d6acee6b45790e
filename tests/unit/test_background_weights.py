"""Errors of sums of few, unequal weights: by hand, and by how often they cover the truth."""

import math

import numpy as np
import pytest
from scipy.stats import poisson

from mutau.background.momentum_multihit import _SPOILED, _choose
from mutau.background.weights import combined, error_of_sum, weighted_sum
from mutau.core.random import stream


def test_sums_by_hand():
    """Weights 3, 4: sum 7, squares 25, cubes 91, unit 3.64."""
    found = weighted_sum([3.0, 0.0, 4.0])
    assert found.value == 7.0
    assert found.effective == pytest.approx(49.0 / 25.0)
    assert found.largest == pytest.approx(4.0 / 7.0)
    assert found.err == pytest.approx(math.sqrt(25.0 + 3.64**2))
    nothing = weighted_sum(np.zeros(5))
    assert (nothing.value, nothing.err, nothing.effective, nothing.largest) == (0.0,) * 4
    # two independent halves; the whole is no other sum but for the errors' small-number part
    both = combined((weighted_sum([3.0]), weighted_sum([4.0]), nothing))
    assert both.value == 7.0
    assert both.effective == pytest.approx(found.effective)
    assert both.largest == pytest.approx(found.largest)
    assert both.err >= math.hypot(3.0, 4.0)
    assert list(found.parts()) == ["effective number of events", "share of the heaviest event"]


def test_a_fixed_number_of_equal_weights_has_no_error():
    assert weighted_sum(np.full(50, 0.2), fixed=True).err == pytest.approx(0.0, abs=1e-6)
    rare = np.zeros(100_000)
    rare[:9] = 1.0
    plain = weighted_sum(rare)
    assert weighted_sum(rare, fixed=True).err == pytest.approx(plain.err, rel=1e-3)
    assert plain.err == pytest.approx(math.sqrt(10.0))


def test_equal_weights_are_poisson():
    """n events: sqrt(n + 1). Mean square over Poisson numbers, and exact coverage."""
    n = np.arange(0, 400)
    errors = np.array([error_of_sum(float(k), float(k)) for k in n])
    assert errors[9] == pytest.approx(math.sqrt(10.0))
    for mean in (4.0, 7.0, 15.0, 60.0):
        chance = poisson.pmf(n, mean)
        assert math.sqrt(chance @ errors**2 / mean) == pytest.approx(1.0, abs=0.12)
        one, two = (float(chance[np.abs(n - mean) <= z * errors].sum()) for z in (1.0, 2.0))
        assert one > 0.62
        assert two > 0.89
        plain = float(chance[np.abs(n - mean) <= 2.0 * np.sqrt(n)].sum())
        assert plain <= two


@pytest.mark.parametrize(("mean", "power"), [(20.0, 1), (100.0, 2)])
def test_unequal_weights_scatter_as_they_declare(mean, power):
    """Exponentials (10 effective events) and their squares (17): within a tenth; it was too large
    by 35 and 38 %. Twice the error covers more than twice the root of the squares."""
    rng, trials = stream(11), 4000
    truth = mean * (2.0 if power == 2 else 1.0)
    found = []
    for _ in range(trials):
        w = rng.exponential(size=rng.poisson(mean)) ** power
        found.append((w.sum(), weighted_sum(w).err, math.sqrt(np.sum(w**2))))
    value, error, plain = np.array(found).T
    assert math.sqrt(np.mean(error**2)) / value.std() == pytest.approx(1.05, abs=0.07)
    covered, bare = (np.mean(np.abs(value - truth) <= 2.0 * e) for e in (error, plain))
    assert covered > 0.9
    assert bare < covered


def test_spoiled_planes_have_their_natural_probability():
    """Means of the weights over sets of planes: products of the planes' own chances."""
    n, chance = 200_000, np.array([0.02, 0.05, 0.3, 0.1])
    where = np.tile([True, True, True, False], (n, 1))
    chosen, weight = _choose(where, chance, stream(3))
    assert not chosen[:, 3].any()
    assert weight.mean() == pytest.approx(1.0, abs=0.02)
    for set_ in ([], [0], [2], [0, 2], [0, 1, 2]):
        flags = np.isin(np.arange(3), set_)
        natural = np.prod(np.where(flags, chance[:3], 1.0 - chance[:3]))
        mine = np.all(chosen[:, :3] == flags, axis=1)
        assert mine.mean() > 0.01
        assert weight[mine].sum() / n == pytest.approx(natural, rel=0.05)
    none = _choose(np.zeros((5, 4), bool), chance, stream(3))
    assert not none[0].any()
    assert none[1].tolist() == [1.0] * 5
    assert _SPOILED.sum() == pytest.approx(1.01, abs=0.02)
