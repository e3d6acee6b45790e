"""Pieces of work on disk: believed only if they are what this program wrote for this very place."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from pathlib import Path

import pytest

from mutau.core.errors import FileError, MutauError
from mutau.core.storage import Damaged, digest, sealed, unsealed
from mutau.scan.executors import serial
from mutau.scan.grid import load_grid
from mutau.scan.pieces import (
    Stamped,
    differences,
    program_stamp,
    read_piece,
    write_piece,
)
from mutau.scan.points import run_scan
from mutau.scan.shards import run_shards, shard_path

#: 20 points in three shards: 8, 8 and 4.
SCAN = """
schema = 1
name = "s"
task = "limit"
experiment = "na64mu"
[grid]
mass = "10MeV:1GeV:20"
"""


def body_of(path):
    return json.loads(path.read_text())


def flip(text):
    """Another last digit of the last number of a piece's result."""
    body = json.loads(text)
    value = body["result"][-1]["coupling_upper_limit"]
    old, new = repr(value), repr(value)[:-1] + str((int(repr(value)[-1]) + 1) % 10)
    assert text.count(old) == 1
    return text.replace(old, new)


def resealed(text, **changes):
    """What somebody would write who copies the digest's rule, but for another place or program."""
    return json.dumps(sealed({**unsealed(text), **changes}))


#: What may have happened to the second piece -> its new text, given all three.
DAMAGES = {
    "one digit": lambda texts: flip(texts[1]),
    "ten times": lambda texts: re.sub(
        r'("coupling_upper_limit": )([\d.e-]+)', r"\g<1>0.1", texts[1]
    ),
    "no rows": lambda texts: "[]",
    "null": lambda texts: "null",
    "a number": lambda texts: "5",
    "an object": lambda texts: "{}",
    "nothing": lambda texts: "",
    "cut": lambda texts: texts[1][: len(texts[1]) // 2],
    "not a number": lambda texts: re.sub(r'(_limit": )[\d.e-]+', r"\1NaN", texts[1]),
    "negative": lambda texts: re.sub(r'(_limit": )[\d.e-]+', r"\g<1>-1", texts[1]),
    "empty result": lambda texts: re.sub(r'("result": )\[.*\]', r"\1[]", texts[1]),
    "a copy of another": lambda texts: texts[0],
    "of other work": lambda texts: resealed(texts[1], key="0123456789abcdef"),
    "of another place": lambda texts: resealed(texts[1], name="00000000"),
    "of another program": lambda texts: resealed(
        texts[1], program={**program_stamp(), "mutau_version": "0.0"}
    ),
    "no digest": lambda texts: json.dumps(unsealed(texts[1])),
    "digest of no text": lambda texts: json.dumps({**json.loads(texts[1]), "digest": 5}),
    "deep": lambda texts: "[" * 100_000,
    "bytes": lambda texts: "\udcff",
}


@pytest.fixture
def scan(tmp_path, monkeypatch):
    """A finished scan with invented limits; yields (grid, folder, computed masses)."""
    seen = []

    def point(_grid, _base, values):
        seen.append(values["mass"])
        return {**values, "coupling_upper_limit": 1e-4 * values["mass"] ** 0.37, "numerical_err": 0}

    monkeypatch.setattr("mutau.scan.points.compute_point", point)
    (tmp_path / "scan.toml").write_text(SCAN)
    grid = load_grid(tmp_path / "scan.toml")
    run_scan(grid, tmp_path / "out", consent=True)
    seen.clear()
    return grid, tmp_path / "out", seen


@pytest.mark.compiled
@pytest.mark.parametrize("name", DAMAGES)
def test_a_piece_that_is_not_what_was_written_is_computed_again(scan, name):
    """One line says so; the table is that of before to the byte; the other pieces stay."""
    grid, folder, seen = scan
    pieces = [shard_path(folder, i) for i in range(3)]
    before, table = [path.read_text() for path in pieces], (folder / "results.csv").read_bytes()
    after = DAMAGES[name](before)
    assert after != before[1]
    pieces[1].write_text(after, encoding="utf-8", errors="surrogateescape")
    (folder / "results.csv").write_text("an old one")
    stamps = [path.stat().st_mtime_ns for path in (pieces[0], pieces[2])]
    with pytest.warns(
        UserWarning, match=r"^1 of 3 pieces .* computed again \(00000001\.json: .*\)$"
    ):
        run_scan(grid, folder, consent=True, resume=True)
    assert seen == [grid.point(i)["mass"] for i in range(8, 16)]
    assert (folder / "results.csv").read_bytes() == table
    assert [path.read_text() for path in pieces] == before
    assert [path.stat().st_mtime_ns for path in (pieces[0], pieces[2])] == stamps


@pytest.mark.compiled
def test_swapped_and_missing_pieces(scan):
    grid, folder, seen = scan
    table = (folder / "results.csv").read_bytes()
    pieces = [shard_path(folder, i) for i in range(3)]
    first = pieces[0].read_text()
    pieces[0].write_text(pieces[1].read_text())
    pieces[1].write_text(first)
    with pytest.warns(UserWarning, match=r"^2 of 3 pieces .*0\.json: its name .*1\.json: its name"):
        run_scan(grid, folder, consent=True, resume=True)
    assert len(seen) == 16
    pieces[2].unlink()
    run_scan(grid, folder, consent=True, resume=True)  # no warning: the rest of a killed run
    assert len(seen) == 20
    assert (folder / "results.csv").read_bytes() == table


@pytest.mark.compiled
def test_the_line_is_printed_once_and_the_exit_code_is_0(scan, cli, monkeypatch):
    """The whole command: one flipped digit, `mutau: warning: ...`, the table of before."""
    _, folder, _ = scan
    table = (folder / "results.csv").read_bytes()
    shard_path(folder, 2).write_text(flip(shard_path(folder, 2).read_text()))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        done = cli("scan", "scan.toml", "-o", "out", "--resume", "--yes", "--workers", "1")
    assert done.code == 0
    lines = [line for line in done.err.splitlines() if "warning" in line]
    assert len(lines) == 1
    assert lines[0].startswith("mutau: warning: 1 of 3 pieces in 'out' are not what was written")
    assert (folder / "results.csv").read_bytes() == table


def test_a_piece_changed_while_the_work_runs_is_refused(tmp_path):
    def work(index):
        if index == 1:
            shard_path(tmp_path / "r", 0).write_text("[]")
        return index

    with (
        pytest.raises(FileError, match=r"00000000\.json' was changed while the work ran"),
        run_shards(tmp_path / "r", {"kind": "a"}, 2, work) as parts,
    ):
        list(parts)
    with (
        pytest.warns(UserWarning, match="1 of 2"),
        run_shards(tmp_path / "r", {"kind": "a"}, 2, abs, resume=True) as parts,
    ):
        assert list(parts) == [0, 1]


def test_results_are_read_one_at_a_time(tmp_path, monkeypatch):
    """Memory does not grow with the number of pieces: the third is read when it is asked for."""
    read = []

    def spy(path, key, name):
        read.append(name)
        return read_piece(path, key, name)

    with run_shards(tmp_path / "r", {}, 3, abs) as parts:
        monkeypatch.setattr("mutau.scan.shards.read_piece", spy)
        assert read == []
        assert next(parts) == 0
        assert read == ["00000000"]
        assert list(parts) == [1, 2]
    assert read == ["00000000", "00000001", "00000002"]


def test_results_of_another_program_are_refused(tmp_path):
    """Each result says what computed it: version, constants, code; a worker with others is named
    with the difference, and what was finished before stays."""

    def foreign(work, indices):
        for index, (stamp, result) in serial(work, indices):
            yield index, ({**stamp, "constants": "0" * 16} if index == 1 else stamp, result)

    with (
        pytest.raises(MutauError, match=r"piece 1 was computed by another .*constants: '0{16}' th"),
        run_shards(tmp_path / "r", {}, 3, abs, executor=foreign),
    ):
        pass
    assert [path.name for path in (tmp_path / "r" / "shards").iterdir()] == ["00000000.json"]
    stamp, result = Stamped(abs)(-2)
    assert (stamp, result) == (program_stamp(), 2)
    assert set(stamp) >= {"mutau_version", "constants", "code"}


def test_a_constant_in_memory_is_part_of_the_stamp(monkeypatch):
    from mutau.core import constants

    here = program_stamp()
    alpha = constants.TABLE["alpha"]
    changed = constants.Constant(
        alpha.value * (1 + 1e-12), alpha.uncertainty, alpha.unit, alpha.source, alpha.year
    )
    monkeypatch.setitem(constants.TABLE, "alpha", changed)
    program_stamp.cache_clear()
    try:
        assert differences(program_stamp(), here).startswith("constants: ")
    finally:
        program_stamp.cache_clear()


def test_a_piece_says_what_it_is(tmp_path):
    """Key, place, rows, program and digest stand in the file, for anybody to check."""
    write_piece(tmp_path / "p.json", "k", "00000007", [1.5, None, "a"])
    body = body_of(tmp_path / "p.json")
    assert (body["key"], body["name"], body["rows"]) == ("k", "00000007", 3)
    assert body["program"] == program_stamp()
    assert body.pop("digest") == digest(json.dumps(body))
    assert read_piece(tmp_path / "p.json", "k", "00000007") == [1.5, None, "a"]
    for key, name, what in (("l", "00000007", "key"), ("k", "00000008", "name")):
        with pytest.raises(Damaged, match=f"its {what} is that of another"):
            read_piece(tmp_path / "p.json", key, name)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_piece(tmp_path / "q.json", "k", "0", [float("nan")])
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


OTHERS = (".env", ".gitignore", "notes.txt", ".00000000.json", ".00000000-1-abc.json", ".config/a")


def test_files_of_others_survive_a_run(tmp_path):
    """Hidden or not, in the folder, in `shards/` or beside; and folders named like our halves."""
    folder = tmp_path / "proj"
    places = [folder / place for place in ("repo", "shards", "events", "")]
    kept = [place / name for place in places for name in OTHERS]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    half = "shards/.00000000-1-0123456789ab.json"
    (folder / "repo/.00000000-1-0123456789ab.json").write_text("mine, by chance")
    (folder / half).write_text("ours")
    (folder / "events" / Path(half).name).mkdir()
    (folder / "events/.00000001-2-0123456789ab.parquet").symlink_to(folder / "notes.txt")
    with run_shards(folder, {"kind": "a"}, 2, abs) as parts:
        assert list(parts) == [0, 1]
    assert [path.read_text() for path in kept] == ["mine"] * len(kept)
    assert (folder / "repo/.00000000-1-0123456789ab.json").exists()
    assert (folder / "events" / Path(half).name).is_dir()
    assert (folder / "events/.00000001-2-0123456789ab.parquet").is_symlink()
    assert not (folder / half).exists()


@pytest.mark.compiled
def test_a_folder_moved_elsewhere_goes_on(scan, tmp_path):
    grid, folder, seen = scan
    shutil.move(folder, tmp_path / "moved")
    run_scan(grid, tmp_path / "moved", consent=True, resume=True)
    assert seen == []
