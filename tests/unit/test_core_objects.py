"""Errors, registry, random streams, storage, and the types that travel."""

import json
import os

import numpy as np
import pytest

from mutau.core import constants
from mutau.core.errors import (
    FileError,
    MutauError,
    OutOfRange,
    Problems,
    UnknownName,
    require_in_range,
)
from mutau.core.fourvectors import boost, mass_squared, polar_angle
from mutau.core.random import stream
from mutau.core.registry import Registry
from mutau.core.storage import atomic_path, cached_arrays, digest, save_arrays, write_text
from mutau.core.types import CrossSection, Events, Exclusion, Yields, provenance


def events(n: int = 3) -> Events:
    return Events(
        pdg=np.array([13, 32] * n, np.int32),
        event=np.repeat(np.arange(n), 2),
        status=np.ones(2 * n, np.int8),
        p4=np.arange(8.0 * n).reshape(-1, 4),
        x4=np.zeros((2 * n, 4)),
        weight=np.full(2 * n, 0.5),
        meta=provenance(seed=7, model="abc"),
    )


def test_unknown_name_suggests():
    error = UnknownName("material", "tugnsten", ["tungsten", "lead"])
    assert "did you mean 'tungsten'" in str(error)


def test_problems_are_counted_and_located():
    error = Problems("toy.toml", [("target/thickness", "35 has no unit"), ("beam", "missing")])
    assert str(error).splitlines() == [
        "toy.toml: target/thickness: 35 has no unit",
        "toy.toml: beam: missing",
        "2 problems; nothing was run.",
    ]


@pytest.mark.parametrize("value", [-1.0, 2.0, float("nan"), float("inf")])
def test_range_refuses(value):
    with pytest.raises(OutOfRange):
        require_in_range("mass", value, 0.0, 1.0)


def test_registry_refuses_duplicates_and_unknown():
    registry: Registry[int] = Registry("number")
    registry.register("one")(1)
    assert registry["one"] == 1
    assert list(registry) == ["one"]
    with pytest.raises(MutauError, match="twice"):
        registry.register("one")(1)
    with pytest.raises(UnknownName, match="did you mean 'one'"):
        registry["ones"]


def test_streams_are_named_by_their_key():
    assert stream(5, 1, 2).random() == stream(5, 1, 2).random()
    draws = {stream(seed, *key).random() for seed in (0, 1) for key in ((), (0,), (1,), (0, 0))}
    assert len(draws) == 8


def test_a_boost_keeps_the_mass_and_is_undone_by_its_opposite():
    rng = stream(1)
    space = rng.normal(size=(50, 3))
    p4 = np.column_stack([np.sqrt(np.sum(space**2, axis=1) + 0.7**2), space])
    beta = 0.9 * space[::-1] / np.linalg.norm(space[::-1], axis=1)[:, None]
    assert mass_squared(boost(p4, beta)) == pytest.approx(0.49, rel=1e-10)
    assert boost(boost(p4, beta), -beta) == pytest.approx(p4, rel=1e-9)


def test_boost_of_a_resting_mass():
    # beta = 0.6: gamma = 1.25, so m = 2 has E = 2.5 and p = 1.5
    assert boost([2.0, 0, 0, 0], [0, 0, 0.6]) == pytest.approx([2.5, 0, 0, 1.5])
    assert polar_angle([1.0, 1e-9, 0, 1.0]) == pytest.approx(1e-9, rel=1e-12)


def test_events_save_load_select(tmp_path):
    sample = events()
    sample.save(tmp_path / "e.npz")
    back = Events.load(tmp_path / "e.npz")
    assert back.meta == sample.meta
    for name in ("pdg", "event", "status", "p4", "x4", "weight"):
        assert np.array_equal(getattr(back, name), getattr(sample, name))
    assert back.n_events == 3
    assert len(back.of(32).pdg) == 3
    with pytest.raises(FileError, match="holds 'Events'"):
        Yields.load(tmp_path / "e.npz")


def test_events_refuse_nan_and_shapes():
    sample = events()
    with pytest.raises(MutauError, match="not finite"):
        Events(
            sample.pdg, sample.event, sample.status, sample.p4 * np.nan, sample.x4, sample.weight
        )
    with pytest.raises(MutauError, match="shape"):
        Events(sample.pdg, sample.event, sample.status, sample.p4[:2], sample.x4, sample.weight)


def test_exclusion_and_yields_round_trip(tmp_path):
    line = Exclusion(np.array([0.1]), np.array([1e-4]), np.array([1e-6]), 0.9, "toy", "z", "events")
    line.save(tmp_path / "x.npz")
    assert Exclusion.load(tmp_path / "x.npz").coupling[0] == 1e-4
    one = np.ones(1)
    yields = Yields(
        ("produced", "trigger"), np.array([4.0, 2.0]), np.array([0.1, 0.2]), one, one, one, one,
        0.15, 0.1, 1e-3, "toy", "z",
    )  # fmt: skip
    yields.save(tmp_path / "y.npz")
    back = Yields.load(tmp_path / "y.npz")
    assert back.cuts == ("produced", "trigger")
    assert (back.total, back.total_err) == (2.0, 0.2)


def test_yields_and_exclusions_refuse_shapes_and_numbers():
    one, two = np.ones(1), np.ones(2)

    def yields(**changes):
        given = {
            "cuts": ("produced", "trigger"), "signal": two, "signal_err": two, "background": one,
            "background_err": one, "observed": np.array([np.nan]), "run_fraction": one,
            "relative_systematic": 0.1, "mass": 0.1, "coupling": 1e-3, "experiment": "toy",
            "model": "z",
        }  # fmt: skip
        return Yields(**(given | changes))

    def line(**changes):
        given = {"mass": two, "coupling": np.array([1e-4, np.inf]), "numerical_err": two}
        return Exclusion(**(given | {"cl": 0.9} | changes), experiment="toy", model="z", method="m")

    assert yields().total == 1.0
    assert line().coupling[1] == np.inf
    for made, changes, text in [
        (yields, {"signal": one}, r"yields of toy: signal has shape \(1,\); allowed: \(2,\)"),
        (yields, {"cuts": ()}, "0 cuts"),
        (yields, {"background": np.ones((1, 1))}, "background of shape"),
        (yields, {"run_fraction": two}, "run_fraction has shape"),
        (yields, {"signal": np.array([1.0, np.nan])}, "signal holds nan"),
        (yields, {"background": np.array([-0.5])}, "background holds -0.5"),
        (yields, {"observed": np.array([-1.0])}, "observed holds -1"),
        (yields, {"mass": np.inf}, "mass holds inf"),
        (yields, {"coupling": np.nan}, "coupling holds nan"),
        (line, {"coupling": one}, "exclusion of toy: coupling has shape"),
        (line, {"mass": np.ones((2, 1))}, "mass has shape"),
        (line, {"coupling": np.array([1e-4, np.nan])}, "coupling holds nan"),
        (line, {"numerical_err": np.array([1e-6, np.inf])}, "numerical_err holds inf"),
        (line, {"cl": 90.0}, "cl holds 90"),
    ]:
        with pytest.raises(MutauError, match=text):
            made(**changes)
    for numbers in [(-1.0, 0.1), (1.0, np.nan), (np.inf, 0.0)]:
        with pytest.raises(MutauError, match="cross section"):
            CrossSection(*numbers)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_keep_to_the_umask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "x")
        save_arrays(tmp_path / "a.npz", {"a": np.ones(1)}, {})
    finally:
        os.umask(before)
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {mode}


def test_a_broken_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("foreign", [b"schema = 1\n", b"", b"PK\x03\x04 half"])
def test_a_foreign_file_is_no_result(tmp_path, foreign):
    (tmp_path / "a.npz").write_bytes(foreign)
    with pytest.raises(FileError, match="it is no NPZ file") as caught:
        Events.load(tmp_path / "a.npz")
    assert "pickle" not in str(caught.value)
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(FileError, match="it is no NPZ file"):
        Events.load(tmp_path / "a.npy")


def test_unwritable_folder_is_a_clear_error(tmp_path):
    with pytest.raises(FileError, match=r"cannot write .*choose a folder"):
        write_text(tmp_path / "missing" / "a.txt", "x")


def test_tables_are_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path / "cache"))
    calls = []

    def compute():
        calls.append(1)
        return {"a": np.arange(3.0)}

    key = digest("lead", 160.0, np.arange(2))
    assert cached_arrays("t", key, compute)["a"][2] == 2.0
    assert cached_arrays("t", key, compute)["a"][2] == 2.0
    assert len(calls) == 1


def test_digest_sees_every_part():
    seen = {digest(*parts) for parts in [(1,), (1.5,), ("1",), ([1],), ({"a": 1},), ({"a": 2},)]}
    assert len(seen) == 6
    nested = [{"a": {"b": 1}, "c": 2}, {"a": {"b": 1, "c": 2}}]
    assert digest(nested[0]) != digest(nested[1])


def test_header_is_json(tmp_path):
    save_arrays(tmp_path / "h.npz", {"a": np.ones(2)}, {"k": 1})
    with np.load(tmp_path / "h.npz") as file:
        assert json.loads(str(file["__header__"])) == {"k": 1}


def test_constants_carry_source_and_agree_with_known_ratios():
    assert pytest.approx(137.035999177, rel=1e-10) == 1.0 / constants.ALPHA
    assert pytest.approx(206.7682827, rel=1e-8) == constants.M_MU / constants.M_E
    assert all(c.source and c.year > 2000 for c in constants.TABLE.values())


def test_where_nothing_is_excluded_there_is_no_error_either():
    from mutau.analysis.limit import limit_to_dict

    two, none = np.array([0.1, 0.2]), np.array([1e-4, np.inf])
    line = Exclusion(two, none, np.array([1e-6, 0.0]), 0.9, "toy", "z", "events")
    rows = limit_to_dict(line)["limits"]
    assert [row["numerical_err"] for row in rows] == [1e-6, np.inf]  # null when printed
