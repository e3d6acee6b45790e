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
    assert found.err == pytest.approx(3.64 + math.sqrt(25.0 + 3.64**2))
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
    assert plain.err == pytest.approx(1.0 + math.sqrt(10.0))


def test_equal_weights_are_poisson():
    """n events: 1 + sqrt(n + 1); Gehrels' upper error is 1 + sqrt(n + 3/4). Exact coverage."""
    n = np.arange(0, 400)
    errors = np.array([error_of_sum(float(k), float(k)) for k in n])
    assert errors[9] == pytest.approx(1.0 + math.sqrt(10.0))
    assert errors[399] == pytest.approx(math.sqrt(399.0), rel=0.06)
    for mean in (4.0, 7.0, 15.0, 60.0):
        chance = poisson.pmf(n, mean)
        one, two = (float(chance[np.abs(n - mean) <= z * errors].sum()) for z in (1.0, 2.0))
        assert one > 0.68
        assert two > 0.95
        plain = float(chance[np.abs(n - mean) <= 2.0 * np.sqrt(n)].sum())
        assert plain < two


def test_unequal_weights_are_covered():
    """Squares of exponentials, 40 on the average: as few as 40 x 2^2/24 = 6.7 equal ones."""
    rng, trials, mean = stream(11), 3000, 40.0
    truth, inside, plain = 2.0 * mean, np.zeros(2), np.zeros(2)
    for _ in range(trials):
        w = rng.exponential(size=rng.poisson(mean)) ** 2
        off, root = abs(w.sum() - truth), math.sqrt(np.sum(w**2))
        inside += [off <= z * weighted_sum(w).err for z in (1.0, 2.0)]
        plain += [off <= z * root for z in (1.0, 2.0)]
    one, two = inside / trials
    assert 0.68 < one < 0.85
    assert two > 0.93
    assert plain[0] / trials < 0.62
    assert plain[1] / trials < 0.89


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
