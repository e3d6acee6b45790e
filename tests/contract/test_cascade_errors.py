"""Bad input to the cascade is refused with value, place and remedy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.matter import material
from mutau.transport.em_cascade import energy_balance, track_lengths
from mutau.transport.shower import (
    Emission,
    Shower,
    ShowerGeometry,
    simulate_emissions,
    simulate_showers,
    visible_energy,
)
from mutau.transport.shower_profile import peak_depth

LEAD = material("lead")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("mu-", 10.0, LEAD, [1.0, 10.0]), UnknownName, "mu-"),
        (("e-", -1.0, LEAD, [1.0, 10.0]), OutOfRange, "energy"),
        (("e-", float("nan"), LEAD, [1.0, 10.0]), OutOfRange, "energy"),
        (("e-", 1e9, LEAD, [1.0, 10.0]), OutOfRange, "energy"),
        (("e-", 10.0, LEAD, [1e-4, 10.0]), OutOfRange, "low-energy corrections"),
        (("e-", 10.0, LEAD, [20.0, 30.0]), OutOfRange, "lowest edge"),
        (("e-", 10.0, LEAD, [5.0, 2.0]), MutauError, "rise"),
        (("e-", 10.0, LEAD, [5.0]), MutauError, "two or more"),
        (("e-", 10.0, LEAD, [1.0, float("nan")]), MutauError, "rise"),
        (("e-", 10.0, LEAD, [1.0, float("inf")]), MutauError, "finite"),
        (("e-", 10.0, LEAD, [10.0, 12.0]), OutOfRange, "nothing below"),
    ],
)
def test_track_lengths_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        track_lengths(*arguments)


@pytest.mark.compiled
def test_integrals_refuse_what_they_do_not_know():
    got = track_lengths("e-", 10.0, LEAD, [1.0, 10.0])
    with pytest.raises(OutOfRange, match="low"):
        got.integrate(np.ones_like, "e+", low=0.1)
    with pytest.raises(OutOfRange, match="high"):
        got.total("e-", high=20.0)
    with pytest.raises(MutauError, match="not finite"):
        got.integrate(lambda e: e * np.nan, "e+")
    with pytest.raises(OutOfRange, match="lower edges"):
        got.density("e-", [0.5])
    with pytest.raises(UnknownName, match="positron"):
        got.density("positron", [2.0])
    with pytest.raises(OutOfRange, match="cut"):
        energy_balance("e-", 10.0, LEAD, 20.0)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("cut", {"cut": 1e-3}),
        ("cut", {"cut": 11.0}),
        ("soft", {"soft": 0.0}),
        ("energy", {"energy": math.nan}),
        ("muon", {"particle": "muon"}),
    ],
)
def test_a_shower_refuses(words, changes):
    with pytest.raises(MutauError, match=words):
        Shower(**({"particle": "e-", "energy": 10.0, "material": LEAD} | changes))


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("showers", {"n": 0}),
        ("below the cut", {"edges": [0.5, 10.0]}),
        ("rise", {"edges": [3.0, 2.0]}),
    ],
)
def test_showers_refuse(words, changes):
    with pytest.raises(MutauError, match=words):
        simulate_showers(Shower("e-", 10.0, LEAD), **({"n": 5} | changes))


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("sections", {"sections": np.array([4.0, 0.0])}),
        ("rings begin", {"rings": np.array([1.0, 2.0])}),
        ("lateral", {"rings": np.array([0.0, 1.0, 2.0])}),
        ("equally", {"profile": np.array([0.0, 1.0, 3.0])}),
    ],
)
def test_geometry_refuses(words, changes):
    with pytest.raises(MutauError, match=words):
        ShowerGeometry(**changes)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("cannot emit", {"particles": ("gamma",)}),
        ("negative", {"rate": np.array([1.0, -1.0])}),
        ("negative", {"rate": np.array([1.0, np.nan])}),
        ("rise", {"energy": np.array([2.0, 1.0])}),
        ("quantiles", {"fraction": np.array([[0.0, 2.0], [0.0, 1.0]])}),
        ("quantiles", {"fraction": np.zeros((3, 2))}),
    ],
)
def test_emissions_refuse(words, changes):
    good = {
        "name": "test", "particles": ("e-",), "energy": np.array([1.0, 10.0]), "rate": np.ones(2),
    }  # fmt: skip
    with pytest.raises(MutauError, match=words):
        Emission(**(good | changes))


def test_the_rest_refuses():
    with pytest.raises(MutauError, match="no emission channel"):
        simulate_emissions(Shower("e-", 10.0, LEAD), 5, [])
    rng = np.random.default_rng(1)
    with pytest.raises(OutOfRange, match="deposited"):
        visible_energy(np.array([-1.0]), 0.1, 0.0, 0.0, rng)
    with pytest.raises(OutOfRange, match="stochastic"):
        visible_energy(np.array([1.0]), -0.1, 0.0, 0.0, rng)
    with pytest.raises(MutauError, match="three bins"):
        peak_depth([0.0, 1.0, 2.0, 3.0], [0.1, 1.0, 0.1])
