"""Files that are whole, on the disk and of nobody else; tables that are read only as written."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import zipfile

import numpy as np
import pytest

from mutau.core import storage
from mutau.core.errors import FileError, MachineError, MutauError
from mutau.core.storage import (
    atomic_path,
    cached_arrays,
    load_arrays,
    private_cache_dir,
    remove_halves,
    save_arrays,
    staged,
    write_text,
)
from mutau.core.types import Exclusion

TABLE = {"rate": np.array([1.0, 2.0, 4.0]), "name": np.array(["a", "b"]), "empty": np.zeros((0, 3))}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def computed(key="k", kind="t"):
    """(what cached_arrays gives, how often it computed)."""
    calls = []

    def compute():
        calls.append(1)
        return TABLE

    return cached_arrays(kind, key, compute), len(calls)


def equal(found):
    return found.keys() == TABLE.keys() and all(
        np.array_equal(found[name], TABLE[name]) and found[name].dtype == TABLE[name].dtype
        for name in TABLE
    )


def rewritten(path, **changes):
    """The same archive with other arrays, as NumPy writes it; None drops one."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})


def of_another_key(path):
    save_arrays(path, TABLE, storage._table_header("t", "other", TABLE))


def of_another_kind(path):
    save_arrays(path, TABLE, storage._table_header("u", "k", TABLE))


def flipped(path):
    """One bit of the packed numbers."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("rate.npy").header_offset + 60
    data[at] ^= 1
    path.write_bytes(bytes(data))


DAMAGES = {
    "scaled": lambda path: rewritten(path, rate=1.5 * TABLE["rate"]),
    "one ulp": lambda path: rewritten(path, rate=np.nextafter(TABLE["rate"], 9.0)),
    "an array missing": lambda path: rewritten(path, rate=None),
    "one more": lambda path: rewritten(path, more=np.ones(2)),
    "another shape": lambda path: rewritten(path, empty=np.zeros((0, 4))),
    "another type": lambda path: rewritten(path, rate=TABLE["rate"].astype(np.float32)),
    "no digest": lambda path: rewritten(path, __digest__=None),
    "no header": lambda path: rewritten(path, __header__=None),
    "of another key": of_another_key,
    "of another kind": of_another_kind,
    "one bit": flipped,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "nothing": lambda path: path.write_bytes(b""),
    "a text": lambda path: path.write_text("mine"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_table_that_is_not_what_was_written_is_computed_again(cache, name):
    assert computed()[1] == 1
    found, calls = computed()
    assert calls == 0
    assert equal(found)
    (path,) = cache.iterdir()
    DAMAGES[name](path)
    with pytest.warns(UserWarning, match=r"^cached table 't-k.npz' is not believed and computed"):
        found, calls = computed()
    assert (equal(found), calls) == (True, 1)
    if name != "a folder":
        assert computed()[1] == 0
    assert computed(key="l")[1] == 1
    assert computed(kind="u")[1] == 1


def test_a_limit_that_was_changed_on_disk_is_no_limit(tmp_path):
    """Ten times lower by hand: refused by whoever loads it, and so is one without a digest."""
    path = tmp_path / "x.npz"
    Exclusion(np.array([0.1]), np.array([1e-4]), np.array([1e-6]), 0.9, "toy", "z", "bayes").save(
        path
    )
    assert Exclusion.load(path).coupling[0] == 1e-4
    rewritten(path, coupling=np.array([1e-5]))
    with pytest.raises(FileError, match=r"its digest is another.*make it again"):
        Exclusion.load(path)
    rewritten(path, __digest__=None)
    with pytest.raises(FileError, match="'__digest__' is missing"):
        load_arrays(path)


def test_a_cache_folder_is_made_for_its_owner_alone(cache):
    before = os.umask(0o002)
    try:
        assert private_cache_dir() == cache
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777, 0o777])
def test_a_cache_folder_that_others_can_write_is_refused(cache, mode):
    cache.mkdir()
    cache.chmod(mode)
    with pytest.raises(MutauError, match=f"can be written by others .mode {mode:04o}.*chmod 700"):
        computed()
    assert list(cache.iterdir()) == []
    cache.chmod(0o755)  # others may read
    assert computed()[1] == 1


@pytest.mark.parametrize(("owner", "taken"), [(0, True), (1234, True), (4321, False)])
def test_a_cache_folder_of_others_is_refused(cache, monkeypatch, owner, taken):
    """The owner as the system tells it: root's and one's own are taken, others' are not."""
    cache.mkdir(mode=0o755)
    real = os.stat(cache)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(
        type(cache), "stat", lambda self, **_: os.stat_result((*real[:4], owner, *real[5:10]))
    )
    if taken:
        storage.check_private(cache)
    else:
        with pytest.raises(MutauError, match=r"belongs to another user \(uid 4321"):
            storage.check_private(cache)


def test_a_cache_that_cannot_be_made_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert computed()[1] == 1
    assert computed()[1] == 1


def test_halves_of_a_killed_process_go_and_nothing_else(tmp_path):
    mine = (
        ".env", ".gitignore", ".a-1-0123456789ab.txt", ".00000001-1-0123456789ab.parquet",
        "00000001-1-0123456789ab.json", ".00000001-1-0123456789AB.json", ".00000001-x.json",
        ".00000001-1-0123456789ab", ".00000001.json", ".00000001-1-0123456789abc.json",
    )  # fmt: skip
    for name in mine:
        (tmp_path / name).write_text("mine")
    half, of_another = ".00000001-77-0123456789ab.json", ".00000002-78-0123456789ab.json"
    for name in (half, of_another):
        (tmp_path / name).write_text("")
    (tmp_path / ".00000003-77-0123456789ab.json").mkdir()
    remove_halves(tmp_path, r"\d{8}\.json", 77)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*mine, of_another, ".00000003-77-0123456789ab.json"}
    remove_halves(tmp_path, r"\d{8}\.json")
    assert {path.name for path in tmp_path.iterdir()} == left - {of_another}
    remove_halves(tmp_path / "absent", ".*")


def test_what_atomic_path_leaves_at_a_kill_is_what_remove_halves_finds(tmp_path):
    for name in ("00000001.json", "run.parquet", "a.lhe.gz", "plain", "run.v2.parquet"):
        with pytest.raises(KeyError), atomic_path(tmp_path / name) as temporary:  # noqa: PT012
            shutil.copy(temporary, tmp_path / "kept")
            (tmp_path / "kept").rename(tmp_path / f"{temporary.name}")
            raise_at = temporary.with_name("x")
            temporary.rename(raise_at)  # what a kill would leave: nobody tidies
            raise KeyError
        (tmp_path / "x").rename(temporary)
        remove_halves(tmp_path, "other")
        assert temporary.exists()
        remove_halves(tmp_path, name.replace(".", r"\."), os.getpid())
        assert list(tmp_path.iterdir()) == []


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """fsync of the file, then the name, then fsync of the folder."""
    order, real_sync, real_replace = [], os.fsync, type(tmp_path).replace

    def sync(handle):
        order.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        real_sync(handle)

    def replace(self, target):
        order.append("named")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(type(tmp_path), "replace", replace)
    write_text(tmp_path / "a.txt", "x")
    assert order[0].startswith(".a-")
    assert order[1:] == ["named", tmp_path.name]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, MachineError),
        (errno.EDQUOT, MachineError),
        (errno.EIO, MachineError),
        (errno.EACCES, FileError),
    ],
)
def test_a_full_disk_is_the_machine_and_a_forbidden_folder_the_input(tmp_path, number, kind):
    with pytest.raises(FileError) as caught, atomic_path(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is kind
    assert caught.value.exit_code == (1 if kind is MachineError else 2)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_knows_no_fsync_is_written_all_the_same(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.EINVAL, "not here")

    monkeypatch.setattr(os, "fsync", refuse)
    write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").read_text() == "x"


def test_several_files_appear_together_or_not_at_all(tmp_path):
    out = tmp_path / "a" / "b"
    with pytest.raises(KeyError), staged(out) as stage:  # noqa: PT012
        write_text(stage / "one.txt", "1")
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    out.mkdir(parents=True)
    for name in ("one.txt", "mine.txt", ".env"):
        (out / name).write_text("before")
    (tmp_path / "far.txt").write_text("before")
    (out / "link.txt").symlink_to(tmp_path / "far.txt")
    with pytest.raises(KeyboardInterrupt), staged(out) as stage:  # noqa: PT012
        write_text(stage / "one.txt", "1")
        raise KeyboardInterrupt
    assert {path.read_text() for path in out.iterdir()} == {"before"}
    with staged(out) as stage:
        (stage / "in").mkdir()
        write_text(stage / "in" / "two.txt", "2")
        write_text(stage / "one.txt", "1")
        write_text(stage / "link.txt", "3")
    texts = {p.relative_to(out).as_posix(): p.read_text() for p in out.rglob("*") if p.is_file()}
    assert texts == {
        "one.txt": "1", "in/two.txt": "2", "link.txt": "3", "mine.txt": "before", ".env": "before",
    }  # fmt: skip
    assert (tmp_path / "far.txt").read_text() == "3"


def test_a_folder_in_the_way_of_one_file_stops_all(tmp_path):
    (tmp_path / "out" / "b.txt").mkdir(parents=True)
    with (  # noqa: PT012
        pytest.raises(FileError, match=r"b\.txt' is a folder"),
        staged(tmp_path / "out") as stage,
    ):
        for name in ("a.txt", "b.txt", "c.txt"):
            write_text(stage / name, "x")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.txt"]


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
@pytest.mark.parametrize("many", [False, True])
def test_a_file_that_is_written_anew_keeps_its_mode(tmp_path, mode, many):
    path = tmp_path / "x.csv"
    path.write_text("old")
    path.chmod(mode)
    if many:
        with staged(tmp_path) as stage:
            (stage / "x.csv").write_text("new")
    else:
        write_text(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_linked_folder_is_not_cleaned(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    half = tmp_path / "elsewhere" / ".00000001-7-0123456789ab.json"
    half.write_text("of another run")
    (tmp_path / "shards").symlink_to("elsewhere")
    remove_halves(tmp_path / "shards", r"\d{8}\.json")
    assert half.exists()
    remove_halves(tmp_path / "elsewhere", r"\d{8}\.json")
    assert not half.exists()
