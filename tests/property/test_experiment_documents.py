"""Documents survive writing and reading; changed files never end in anything but our errors."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutau.core.errors import MutauError
from mutau.experiment import load_experiment, replace
from mutau.experiment.document import with_value, write_toml
from mutau.experiment.loader import from_document

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=12)
KEY = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), min_size=1, max_size=6)
SCALAR = st.one_of(TEXT, st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False))
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEY, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEY, VALUE, max_size=5))
@settings(deadline=None)
def test_what_is_written_is_read_back(document):
    assert tomllib.loads(write_toml(document)) == document


def leaves(value, place=""):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{place}/{key}" if place else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{place}[{index}]")
    else:
        yield place, value


NA64MU = load_experiment("na64mu")
LEAVES = [place for place, _ in leaves(NA64MU.to_dict()) if "cells" not in place]


@given(st.sampled_from(LEAVES), st.one_of(VALUE, st.sampled_from(["3 cm", "1 GeV", "2 X0", 1e30])))
@settings(deadline=None, max_examples=200)
def test_any_value_anywhere_is_taken_or_refused_with_its_place(place, value):
    try:
        changed = replace(NA64MU, place, value)
    except MutauError:
        return  # located refusals are tested one by one elsewhere
    assert changed.to_dict() == with_value(NA64MU.to_dict(), place, value)
    assert (changed == NA64MU) == (changed.model_dump() == NA64MU.model_dump())


@given(st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_lengths_scale_with_their_unit(value):
    one = replace(NA64MU, "beam/spot_x", f"{value!r} mm").beam.spot_x
    other = replace(NA64MU, "beam/spot_x", f"{value!r} cm").beam.spot_x
    assert other == pytest.approx(10.0 * one, rel=1e-14)


@given(st.sampled_from([place for place in LEAVES if place.endswith("because")]))
@settings(deadline=None, max_examples=40)
def test_no_table_is_taken_without_its_reason(place):
    document = with_value(NA64MU.to_dict(), place, "x")
    with pytest.raises(MutauError, match="because"):
        from_document(with_value(document, place, ""), "changed")
