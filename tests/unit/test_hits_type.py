"""The frozen type Hits: shapes, masks, selection, joining, files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mutau.core.errors import MutauError, UnknownName
from mutau.detector.hits import Hits, join_hits, shape_of


def some_hits(n=3, planes=("A", "B"), extra=((0, 1), (2, 0), (2, 1)), first=0):
    """n events, two planes, one module, two counters; extra hits as (event, plane)."""
    rng = np.random.default_rng(1)
    sizes = {"planes": len(planes), "modules": 1}
    data = {}
    for item in dataclasses.fields(Hits):
        if str(item.type) in ("Array", "Mask", "Ints") and not item.name.startswith(
            ("extra", "plane_z", "cells")
        ):
            shape, kind = shape_of(item.name, n, *sizes.values())
            data[item.name] = rng.random(shape).astype(kind)
    data["event"] = np.arange(first, first + n)
    data["counters"] = np.array([0b01, 0b11, 0b10][:n])
    data["seen"] = np.ones((n, len(planes)), bool)
    data["seen"][0, 0] = False
    k = len(extra)
    return Hits(
        planes=planes,
        plane_z=np.arange(len(planes)) * 10.0,
        modules=("target",),
        counters_named=("S0", "S1"),
        extra_event=np.array([e for e, _ in extra], np.int64).reshape(k),
        extra_plane=np.array([p for _, p in extra], np.int64).reshape(k),
        extra_hit=np.arange(2.0 * k).reshape(k, 2),
        extra_energy=np.ones(k),
        extra_origin=np.full(k, 4),
        meta={"seed": 1},
        **data,
    )


def test_hits_per_plane_counts_the_muon_and_the_others():
    """Event 0: inefficient in A, one extra in B besides its own; event 2: one extra in each."""
    assert some_hits().hits_per_plane().tolist() == [[0, 2], [1, 1], [2, 2]]


def test_counters_and_modules_by_name():
    hits = some_hits()
    assert hits.fired("S0").tolist() == [True, True, False]
    assert hits.fired("S1").tolist() == [False, True, True]
    assert np.array_equal(hits.module("target"), hits.energy[:, 0])
    with pytest.raises(UnknownName, match="S2"):
        hits.fired("S2")
    with pytest.raises(UnknownName, match="HCAL"):
        hits.module("HCAL")


def test_selection_renumbers_extra_hits():
    """Events 2 and 0, in that order: extra hits of 2 now belong to row 0, that of 0 to row 1."""
    chosen = some_hits().select(np.array([2, 0]))
    assert chosen.event.tolist() == [2, 0]
    assert chosen.extra_event.tolist() == [0, 0, 1]
    assert chosen.extra_plane.tolist() == [0, 1, 1]
    assert chosen.extra_hit[:, 0].tolist() == [2.0, 4.0, 0.0]
    assert some_hits().select(np.array([False, True, False])).extra_event.size == 0


def test_joined_chunks_are_the_whole():
    whole = join_hits([some_hits(), some_hits(first=3)])
    assert whole.event.tolist() == [0, 1, 2, 3, 4, 5]
    assert whole.extra_event.tolist() == [0, 2, 2, 3, 5, 5]
    back = whole.select(np.arange(3, 6))
    assert np.array_equal(back.hit, some_hits().hit)
    with pytest.raises(MutauError, match="different set-ups"):
        join_hits([some_hits(), some_hits(planes=("A", "C"))])
    with pytest.raises(MutauError, match="no hits"):
        join_hits([])


def test_saved_hits_come_back(tmp_path):
    hits = some_hits()
    hits.save(tmp_path / "hits.npz")
    back = Hits.load(tmp_path / "hits.npz")
    for item in dataclasses.fields(Hits):
        old, new = getattr(hits, item.name), getattr(back, item.name)
        assert np.array_equal(old, new) if isinstance(old, np.ndarray) else old == new


def test_wrong_shapes_and_nan_are_refused():
    hits = some_hits()
    with pytest.raises(MutauError, match="true_slope has shape"):
        dataclasses.replace(hits, true_slope=np.zeros((3, 2)))
    bad = hits.energy.copy()
    bad[1, 0] = np.nan
    with pytest.raises(MutauError, match="energy holds a value that is not finite"):
        dataclasses.replace(hits, energy=bad)
