"""What caches of results are keyed by: the program, its tables, and files that experiments name."""

from __future__ import annotations

import pytest

from mutau.core.jit import program_digest
from mutau.core.storage import file_digest
from mutau.experiment import load_experiment
from mutau.pipeline.exposure import physics_digest

BEAM = "x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n"


def test_digest_of_a_file_is_that_of_what_it_holds(tmp_path):
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).write_text(text)
    a, b, c = (file_digest(tmp_path / name) for name in "abc")
    assert a == b != c
    assert len(a) == 16
    assert file_digest(tmp_path / "absent") == ""


@pytest.mark.parametrize("name", ["pipeline/backgrounds.py", "data/materials.toml", "core/a.py"])
def test_digest_of_the_program_sees_rooms_and_tables(tmp_path, name):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("1")
    (tmp_path / "cli").mkdir()
    one = program_digest(package=tmp_path)
    program_digest.cache_clear()
    (tmp_path / "cli" / "words.py").write_text("1")
    assert program_digest(package=tmp_path) == one
    program_digest.cache_clear()
    (tmp_path / name).write_text("2")
    assert program_digest(package=tmp_path) != one


def test_experiments_with_another_beam_file_are_others(tmp_path):
    """Same path, other particles: another digest, not equal; elsewhere, same particles: the same
    digest. Caches in memory and on disk are keyed by these."""
    text = load_experiment("m3").to_toml().replace("[beam]\n", '[beam]\nphase_space = "b.csv"\n')

    def written(folder, row):
        folder.mkdir(exist_ok=True)
        (folder / "e.toml").write_text(text)
        (folder / "b.csv").write_text(BEAM + row)
        return load_experiment(folder / "e.toml")

    one = written(tmp_path / "one", "0,0,0,0,15\n")
    assert one.beam.phase_space is not None
    keys = one.digest, physics_digest(one)
    other = written(tmp_path / "one", "0,0,0,0,14\n")
    assert other.digest != keys[0]
    assert physics_digest(other) != keys[1]
    assert other != one
    moved = written(tmp_path / "two", "0,0,0,0,15\n")
    assert (moved.digest, physics_digest(moved)) == keys


def test_digest_of_single_rooms(tmp_path):
    """A room and a file named: another room or file does not count, a table does."""
    names = ("xsec/a.py", "matter/a.py", "matter/b.py", "stats/a.py", "data/a.toml")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    one = program_digest("xsec", "matter/a.py", package=tmp_path)
    changes = dict(zip(names, (False, False, True, True, False), strict=True))
    for name, same in changes.items():
        (tmp_path / name).write_text("2")
        program_digest.cache_clear()
        assert (program_digest("xsec", "matter/a.py", package=tmp_path) == one) is same
        (tmp_path / name).write_text("1")
