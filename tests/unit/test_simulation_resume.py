"""Simulated runs on disk: killed, damaged, swapped, of others; a folder or one file."""

from __future__ import annotations

import dataclasses
import shutil
import warnings

import numpy as np
import pytest

from mutau.core.errors import FileError, MutauError
from mutau.detector import simulation
from mutau.experiment import load_experiment
from mutau.scan import simulate
from mutau.scan.event_tables import read_hits, read_seal
from mutau.scan.simulate import SHARD, SimulationRun, load_tally, run_simulation

pytestmark = pytest.mark.compiled

pq = pytest.importorskip("pyarrow.parquet")

CHUNK = 1000  # of these tests: small shards
N = 2 * CHUNK + CHUNK // 4  # three of them


@pytest.fixture(scope="module", autouse=True)
def small_chunks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "CHUNK", CHUNK)
        patch.setattr(simulate, "CHUNK", CHUNK)
        yield


@pytest.fixture(scope="module")
def run(small_chunks):
    item = load_experiment("na64mu")
    return SimulationRun(
        item.to_dict(), item.name, N, 2, shard=CHUNK, keep="beam", columns="summary",
        tracks=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """Folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run_simulation(run, folder)
    return folder


@pytest.fixture(scope="module")
def other(run, tmp_path_factory):
    """Folder of the run with another seed, one shard."""
    folder = tmp_path_factory.mktemp("other") / "run"
    run_simulation(dataclasses.replace(run, seed=3, n=CHUNK), folder)
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def event(folder, index):
    return folder / "events" / f"{index:08d}.parquet"


def shard(folder, index):
    return folder / "shards" / f"{index:08d}.json"


def swap(one, two):
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(bytes(data))


def half_the_rows(path):
    table = pq.read_table(path)
    pq.write_table(table.slice(0, table.num_rows // 2), path)


#: What may have happened to a finished folder -> (how, shards that are computed again).
DAMAGES = {
    "events deleted": (lambda f, o: event(f, 1).unlink(), [1]),
    "events cut": (lambda f, o: event(f, 1).write_bytes(event(f, 1).read_bytes()[:-100]), [1]),
    "events emptied": (lambda f, o: event(f, 1).write_bytes(b""), [1]),
    "one bit of the events": (lambda f, o: flip(event(f, 1), 0.3), [1]),
    "one bit of the footer": (lambda f, o: flip(event(f, 1), 0.99), [1]),
    "rows dropped": (lambda f, o: half_the_rows(event(f, 0)), [0]),
    "events swapped": (lambda f, o: swap(event(f, 0), event(f, 1)), [0, 1]),
    "events of others": (lambda f, o: shutil.copy(event(o, 0), event(f, 0)), [0]),
    "all of others": (
        lambda f, o: (
            shutil.copy(event(o, 0), event(f, 0)),
            shutil.copy(shard(o, 0), shard(f, 0)),
        ),
        [0],
    ),
    "shards swapped": (
        lambda f, o: (
            swap(event(f, 0), event(f, 1)),
            swap(shard(f, 0), shard(f, 1)),
        ),
        [0, 1],
    ),
    "tally emptied": (
        lambda f, o: shard(f, 2).write_text(
            shard(f, 2).read_text().replace('"tally": {', '"tally": {}, "x": {')
        ),
        [2],
    ),
    "an object": (lambda f, o: shard(f, 2).write_text("{}"), [2]),
    "null": (lambda f, o: shard(f, 2).write_text("null"), [2]),
    "shard deleted": (lambda f, o: shard(f, 2).unlink(), [2]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_not_as_it_was_written_is_computed_again(
    name, run, whole, other, tmp_path, monkeypatch
):
    """Only that, and the folder is that of an undisturbed run to the byte."""
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    damage, again = DAMAGES[name]
    damage(folder, other)
    assert contents(folder) != contents(whole)
    compute, computed = simulate.compute_shard, []
    monkeypatch.setattr(
        simulate,
        "compute_shard",
        lambda *args: (computed.append(args[2]), compute(*args))[1],
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = run_simulation(run, folder, resume=True)
    lines = [str(item.message) for item in said]
    assert len(lines) == (0 if name == "shard deleted" else 1)
    assert all(f"{len(again)} of 3 pieces" in line for line in lines)
    assert computed == again
    assert contents(folder) == contents(whole)
    rows = sum(len(pq.read_table(path)) for path in result.files)
    assert rows == result.tally.sums["beam_trigger"][0] > 0
    assert load_tally(folder).sums["beam_trigger"][0] == rows


def test_a_kill_anywhere_leaves_the_same_run(run, whole, tmp_path):
    """Behind each shard, once behind each: every folder ends as the undisturbed one."""

    class Killed(Exception):
        pass

    def kill(fraction, text):
        raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            run_simulation(run, tmp_path / "run", resume=True, progress=kill)
    run_simulation(run, tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(whole)


def test_a_kill_loses_at_most_a_fifth_of_half_a_million(run):
    """Shards are about a minute on a slow machine: 5e5 muons are several."""
    assert dataclasses.replace(run, n=500_000, shard=SHARD).shards >= 5
    assert SHARD % 20_000 == 0


def test_files_that_are_not_of_the_run_are_not_its_events(run, whole, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    shutil.copy(event(whole, 0), event(folder, 7))
    with pytest.warns(UserWarning, match=r"00000007\.parquet', which is not of this run"):
        result = run_simulation(run, folder, resume=True)
    assert result.files == tuple(event(folder, i) for i in range(3))


def test_a_finished_file_is_read_and_no_other_run_replaces_it(run, whole, tmp_path):
    """--resume on a finished file: the same run is read, another refused with the difference; the
    file stays to the byte. Its metadata hold what it is."""
    out = tmp_path / "run.parquet"
    made = run_simulation(run, out)
    before = out.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["run.parquet"]
    assert read_seal(out)["manifest"]["seed"] == 2
    assert read_seal(out)["rows"] == sum(len(pq.read_table(event(whole, i))) for i in range(3))
    for changes, said in (
        ({"seed": 7, "n": 1000}, f"n: {N} there, 1000 now; seed: 2 there, 7 now"),
        ({"keep": "all"}, "keep: 'beam' there, 'all' now"),
    ):
        with pytest.raises(MutauError, match=f"holds another run .{said}"):
            run_simulation(dataclasses.replace(run, **changes), out, resume=True)
    with pytest.raises(MutauError, match="is there already; choose another name"):
        run_simulation(run, out)
    shutil.copytree(whole, tmp_path / "run.parts")  # a folder run of that name is not its pieces
    again = run_simulation(run, out, resume=True)
    assert contents(tmp_path / "run.parts") == contents(whole)
    assert out.read_bytes() == before
    assert (again.files, again.folder) == (made.files, tmp_path)
    for name, values in made.tally.sums.items():
        assert np.array_equal(values, again.tally.sums[name]), name
        assert np.array_equal(values, load_tally(out).sums[name]), name


@pytest.mark.parametrize("place", [0.2, 0.6, "seal", "foreign", "text"])
def test_a_damaged_or_foreign_file_is_not_taken_for_the_run(place, run, whole, tmp_path):
    out = tmp_path / "run.parquet"
    run_simulation(run, out)
    if place == "seal":
        data = out.read_bytes()
        assert data.count(b'"n": 2250') >= 1
        out.write_bytes(data.replace(b'"n": 2250', b'"n": 2251'))
    elif place == "foreign":
        pq.write_table(pq.read_table(out), out)
    elif place == "text":
        out.write_text("mine")
    else:
        flip(out, place)
    before = out.read_bytes()
    with pytest.raises(FileError, match="is there already and is no finished run"):
        run_simulation(run, out, resume=True)
    with pytest.raises(FileError, match="holds no finished tally"):
        load_tally(out)
    assert out.read_bytes() == before


def test_a_damaged_table_is_not_read(whole, tmp_path):
    """One bit anywhere in the numbers: refused, not read; so is a rewritten one."""
    path = tmp_path / "a.parquet"
    for damage in (lambda: flip(path, 0.4), lambda: half_the_rows(path)):
        shutil.copy(event(whole, 0), path)
        damage()
        with pytest.raises(FileError, match="does not hold simulated events"):
            read_hits(path)


@pytest.mark.parametrize("kind", ["notes", "hidden", "folder", "file", "link", "another program"])
def test_a_folder_of_others_is_not_taken_for_the_pieces_of_a_file(kind, run, tmp_path):
    """run.parts exists and is not ours: refused before anything is computed, nothing is touched."""
    folder = tmp_path / "run.parts"
    if kind == "file":
        folder.write_text("mine")
    elif kind == "link":
        (tmp_path / "far").mkdir()
        folder.symlink_to(tmp_path / "far")
    else:
        name = {"notes": "notes.txt", "hidden": ".env", "folder": "a/b/c.txt"}.get(kind)
        path = folder / (name or "manifest.json")
        path.parent.mkdir(parents=True)
        path.write_text("mine" if name else '{"name": "an app"}')
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MutauError, match=r"is in the way|holds results of other work"):
        run_simulation(run, tmp_path / "run.parquet", resume=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_run_does_not_become_a_file(run, whole, tmp_path):
    """-o run.parts, then -o run.parquet --resume: the folder is a result of its own and stays."""
    shutil.copytree(whole, tmp_path / "run.parts")
    with pytest.raises(MutauError, match=r"other work \(file: None there, 'run\.parquet' now\)"):
        run_simulation(run, tmp_path / "run.parquet", resume=True)
    assert contents(tmp_path / "run.parts") == contents(whole)


def test_notes_put_among_the_pieces_meanwhile_stay(run, tmp_path):
    """Written while the run goes on: the file is finished, the notes stay, a line says so."""
    notes = [tmp_path / "run.parts" / name for name in ("notes.txt", "shards/.env", "events/a.b")]

    def write(fraction, text):
        for path in notes:
            path.write_text("mine")

    half = tmp_path / ".run-1-0123456789ab.parquet"  # of a kill while the file was written
    half.write_bytes(b"PAR1")
    with pytest.warns(UserWarning, match=r"run\.parts' stays: it holds files of others"):
        run_simulation(run, tmp_path / "run.parquet", progress=write)
    assert [path.read_text() for path in notes] == ["mine"] * 3
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"run.parquet", *(p.relative_to(tmp_path).as_posix() for p in notes)}


def test_a_kill_behind_the_merge_is_tidied_by_the_next_call(run, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(simulate, "_remove_parts", kill)
        with pytest.raises(Killed):
            run_simulation(run, tmp_path / "run.parquet")
    assert (tmp_path / "run.parts" / "manifest.json").exists()
    before = (tmp_path / "run.parquet").read_bytes()
    run_simulation(run, tmp_path / "run.parquet", resume=True)
    assert contents(tmp_path) == {"run.parquet": before}
    assert not (tmp_path / "run.parts").exists()
