"""Errors come out of a worker process as they went in: type, text and parts."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

import pytest

from mutau.core.errors import (
    FileError,
    MachineError,
    MissingExtra,
    MutauError,
    NotApplicable,
    OutOfRange,
    Problems,
    UnitError,
    UnknownName,
)

PARTS = {"place": "na64mu.toml: target/material", "allowed": "lead", "remedy": "write lead"}
ERRORS = [
    MutauError("tugnsten", **PARTS),
    FileError("cannot read", **PARTS),
    OutOfRange("mass = 3 GeV", **PARTS),
    UnitError("35", **PARTS),
    UnknownName("material", "tugnsten", ["tungsten", "lead"], place="target", remedy="look"),
    UnknownName("material", "x", ["tungsten", "lead"]),
    MissingExtra("running on a Dask cluster", "dask"),
    Problems("scan.toml", [("schema", "must be 1"), ("grid/mass", "is no range")]),
    Problems("my.toml", [("detector/counter[0]/z", "is outside")], {"detector/counter[0]/z": "S1"}),
    NotApplicable("no scintillators", **PARTS),
    MachineError("the disk is full", **PARTS),
]


def fail(index: int) -> None:
    """For a worker process."""
    raise ERRORS[index]


def parts(error: MutauError) -> tuple[object, ...]:
    return type(error), str(error), error.args, vars(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
def test_every_error_keeps_its_parts_in_a_pickle(error: MutauError, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(error, protocol))
    assert parts(again) == parts(error)
    assert parts(copy.copy(error)) == parts(error)


def test_no_error_class_is_left_out() -> None:
    import_module("mutau.cli.main")

    def below(cls: type) -> set[type]:
        return {cls}.union(*(below(child) for child in cls.__subclasses__()))

    assert below(MutauError) == {type(error) for error in ERRORS}


def test_an_unknown_name_in_a_worker_is_told_as_such() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(UnknownName, match="did you mean 'tungsten'"),
    ):
        pool.submit(fail, 4).result(timeout=60)
