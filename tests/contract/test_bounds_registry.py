"""Every registered bound keeps its promises, and every input says where it comes from."""

import re

import numpy as np
import pytest

from mutau.bounds import database, missing, published_limit
from mutau.bounds.computed import BOUNDS
from mutau.bounds.inputs import bound_inputs
from mutau.bounds.recast import recast, recastable, search_of
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.references import reference
from mutau.core.types import Exclusion

ALL = pytest.mark.parametrize("name", list(BOUNDS))


def sample(bound):
    low, high = bound.mass_range
    return np.array([max(low, 6e-3), min(high, 0.3)])


@ALL
def test_a_bound_says_where_it_comes_from(name):
    bound = BOUNDS[name]
    assert bound.name == name
    assert bound.title
    assert bound.kind in ("limit", "region", "projection")
    for key in bound.source:
        assert reference(key).key == key
    for curve in bound.compare:
        assert published_limit(curve)


def test_curves_without_numbers_name_bounds_that_exist():
    named = {name for curve in missing() for name in re.findall(r"bound '([^']+)'", curve.note)}
    assert named == {"dune-trident", "charm2-trident", "borexino-be7"}
    assert named <= set(BOUNDS)


@pytest.mark.compiled
@ALL
def test_a_bound_gives_an_exclusion(name, tmp_path):
    bound = BOUNDS[name]
    masses = sample(bound)
    options = {"bbn-neff": {"tolerance": 0.1}, "relic-density": {"alpha_d": 0.1}}.get(name, {})
    line = bound(masses, **options)
    assert line.mass.shape == line.coupling.shape == line.numerical_err.shape == masses.shape
    assert np.all(line.coupling > 0.0)
    assert np.all(np.isfinite(line.numerical_err))
    assert 0.5 < line.cl < 1.0
    assert line.model == "lmu-ltau"
    assert line.meta["assumptions"]
    line.save(tmp_path / "line.npz")
    np.testing.assert_array_equal(Exclusion.load(tmp_path / "line.npz").coupling, line.coupling)


@ALL
def test_a_bound_refuses_what_it_does_not_know(name):
    bound = BOUNDS[name]
    with pytest.raises(MutauError, match="no option"):
        bound([0.01], colour="red")
    with pytest.raises(OutOfRange, match="mass"):
        bound([-1.0])
    with pytest.raises(OutOfRange, match="mass"):
        bound([np.nan])


def test_every_curve_is_recastable_or_says_why_not():
    assert set(bound_inputs("recasts")) - {"schema", "source"} == set(database())
    for name in database():
        if name in recastable():
            assert search_of(name).because
        else:
            with pytest.raises(MutauError, match="cannot be recast"):
                search_of(name)


@pytest.mark.parametrize("name", recastable())
def test_a_curve_recast_to_its_own_model_is_itself(name):
    curve = published_limit(name)
    search = search_of(name)
    if search.branching == "one":  # below 2 m_mu every decay is invisible, to 1e-4
        expected, masses = 2e-4, curve.mass < 0.21
    else:
        expected, masses = 1e-9, np.ones(curve.mass.shape, bool)
    if not np.any(masses):
        return
    ours = recast(curve, curve.model).curve
    at = np.isin(ours.mass, curve.mass[masses])
    for mass, coupling in zip(ours.mass[at], ours.coupling[at], strict=True):
        nodes = curve.coupling[curve.mass == mass]
        assert np.min(np.abs(nodes / coupling - 1.0)) < expected


@pytest.mark.parametrize("name", ["tridents", "solar", "cosmology", "recasts"])
def test_sources_resolve(name):
    def walk(table):
        for key, value in table.items():
            if key == "source":
                yield value
            elif hasattr(value, "items"):
                yield from walk(value)

    keys = [
        key
        for text in walk(bound_inputs(name))
        for key in re.findall(r"[A-Za-z]+\d?:\d{4}\w*", text)
    ]
    assert keys or name == "recasts"
    for key in keys:
        assert reference(key).key == key
