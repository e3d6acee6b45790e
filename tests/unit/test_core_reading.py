"""The one reader of documents: what has no end, unfolds, nests or speaks too much is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from mutau.analysis.results import read_figures
from mutau.bounds import load_curve
from mutau.bounds.cards import load_card
from mutau.core.errors import MOST_PROBLEMS, FileError, MutauError, Problems, shortened
from mutau.core.reading import (
    open_regular,
    parse_yaml,
    plain_number,
    read_json,
    read_text,
    read_toml,
)
from mutau.core.storage import load_arrays
from mutau.experiment import check_file, load_experiment
from mutau.models import load_charges
from mutau.scan.grid import load_grid

yaml = pytest.importorskip("yaml", reason="needs the extra 'io'")
READERS = {
    "experiment": check_file, "charges": load_charges, "card": load_card, "scan": load_grid,
    "figures": read_figures, "curve": load_curve,
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_devices_pipes_and_folders_are_refused_at_once(reader, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    for path in ("/dev/zero", tmp_path / "pipe", tmp_path):
        with pytest.raises(FileError, match="a folder, a device or a pipe"):
            reader(path)
    with pytest.raises(FileError, match="No such file"):
        reader(tmp_path / "none.toml")
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("name", ["experiment", "charges", "card", "scan", "figures"])
def test_large_deep_and_foreign_files(name, tmp_path):
    reader, path = READERS[name], tmp_path / "f.toml"
    deep = {"figures": "[" * 100_000}.get(name, "a = " + "[" * 100_000 + "]" * 100_000)
    path.write_text(deep)
    with pytest.raises(FileError, match="nested too deeply"):
        reader(path)
    shallow = "[" * 80 + "]" * 80
    path.write_text(shallow if name == "figures" else f"a = {shallow}")
    with pytest.raises(FileError, match="nested too deeply; allowed: 50 levels"):
        reader(path)
    with path.open("wb") as file:
        file.truncate(200_000_000)  # sparse: takes no room on the disk
    with pytest.raises(FileError, match="is too large; allowed: at most"):
        reader(path)
    path.write_bytes("a = 1 # é".encode("latin-1"))
    with pytest.raises(FileError, match="byte 0xe9 in line 1 is not UTF-8"):
        reader(path)


@pytest.mark.parametrize("name", ["experiment", "charges", "card", "scan"])
def test_many_unknown_keys_make_a_short_message(name, tmp_path):
    path = tmp_path / "f.toml"
    path.write_text("".join(f"key{i} = 1\n" for i in range(100_000)))
    began = time.monotonic()
    with pytest.raises(MutauError) as caught:
        READERS[name](path)
    assert len(str(caught.value)) < 20_000
    assert len(caught.value.problems) >= 100_000
    assert "... and" in str(caught.value)
    assert time.monotonic() - began < 20.0


def test_messages_are_bounded():
    assert shortened("x" * 100, 100) == "x" * 100
    long = shortened("a" + "x" * 10_000 + "b", 200)
    assert len(long) <= 200
    assert (long[0], long[-1]) == ("a", "b")
    assert len(str(MutauError("y" * 10**6, place="z" * 10**6))) < 30_000
    few = Problems("d", [("p", "m")] * (MOST_PROBLEMS + 5))
    assert "... and 5 more" in str(few)
    assert str(few).endswith(f"{MOST_PROBLEMS + 5} problems; nothing was run.")


def billion(levels=9):
    lines = ["a0: &a0 x"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels + 1)]
    return "\n".join(lines) + "\n"


def test_yaml_aliases_are_counted_by_what_they_stand_for(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(billion())
    began = time.monotonic()
    with pytest.raises(FileError, match="it stands for more than 1e"):
        load_curve(path)
    assert time.monotonic() - began < 5.0
    assert parse_yaml("a: &x [1, {b: 2}]\nc: *x\n", "t") == {
        "a": ["1", {"b": "2"}], "c": ["1", {"b": "2"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "the key 'a' stands twice"),
        ("a: *x\n", "stands for nothing yet"),
        ("a: &x [*x]\n", "stands for nothing yet"),
        ("- a\n---\n- b\n", "a second document begins"),
        ("a: !!python/object:x 1\n", "the tag .* is unknown"),
        ("[a, b]: 1\n", "a key is not a text"),
        ("[" * 1000, "nested more than 50 deep"),
        ("", "it is empty"),
        ("a: [1", "not a YAML file"),
        ("a: \x00", "not a YAML file"),
    ],
)
def test_yaml_that_is_refused(text, said):
    with pytest.raises(FileError, match=said):
        parse_yaml(text, "t.yaml")


def test_scalars_of_yaml_stay_as_they_are_written():
    assert parse_yaml("[010, 1:30, yes, 1_0, ~, 1e-3]", "t") == [
        "010", "1:30", "yes", "1_0", "~", "1e-3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": 1e999}', "1e999 is no number of JSON"),
        ("{", "not a JSON file"),
        ("1" * 5000, "not a JSON file"),
        ('{"a": [' + "1" * 400 + "]}", "a whole number has more than 64 bits"),
    ],
)
def test_json_that_is_refused(tmp_path, text, said):
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(FileError, match=said):
        read_json(path)


def test_toml_that_is_refused(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text("a = " + "1" * 5000)
    with pytest.raises(FileError, match="not a TOML file"):
        read_toml(path)
    path.write_text("[b]\na = -" + "1" * 400)
    with pytest.raises(FileError, match=r"more than 64 bits; write it as a float"):
        read_toml(path)
    path.write_text("\ufeffa = 1_000\n")
    assert read_toml(path) == {"a": 1000}  # digits may be grouped in TOML
    assert read_text(path) == "a = 1_000\n"


def test_results_that_expand_without_end_or_are_no_files(tmp_path):
    """120 MB of zeros in 120 kB are no table of results; a pipe does not hang."""
    path = tmp_path / "joint.npz"
    np.savez_compressed(path, mass=np.zeros(15_000_000))
    with pytest.raises(FileError, match="expands to more than 114 MiB"):
        load_arrays(path)
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(FileError, match="a device or a pipe"):
        load_arrays(tmp_path / "pipe.npz")
    with pytest.raises(FileError, match="null"):
        open_regular("a\0b")


@pytest.mark.parametrize(
    "text", ["0_2", "1_000", "１２", "٣", "0x10", "", "1 2", "1,5", "--1", "1e"]
)
def test_numbers_that_python_or_nobody_reads(text):
    with pytest.raises(ValueError, match="is not a number"):
        plain_number(text)


def test_numbers():
    texts = ["1", "-1.5", "+.5", "2.", "1e-3", "1E+3", " 7\t", ".nan", "-inf"]
    assert [str(plain_number(t)) for t in texts] == [
        "1.0", "-1.5", "0.5", "2.0", "0.001", "1000.0", "7.0", "nan", "-inf",
    ]  # fmt: skip


def test_options_of_the_command_line(cli):
    point = ("model", "--mass", "0.1", "--coupling")
    for words, said in (
        ((*point, "0_1e-3"), "--coupling: '0_1e-3' is no number"),
        (("model", "--mass", "0_2", "--coupling", "1e-3"), "--mass: '0_2' is not a number"),
        (("model", "--mass", "0,9MeV", "--coupling", "1e-3"), "write '0.9MeV'"),
        (("model", "--mass", "100mev", "--coupling", "1e-3"), "did you mean 'meV' or 'MeV'?"),
        (("model", "--mass", "1MeV,100MeV", "--coupling", "1e-3"), "is a list of values"),
        (("limit", "na64mu", "--mass", "0.1", "--seed", "1_0"), "--seed: '1_0' is no number"),
        (("yields", "na64mu", "--mass", "0.1", "--coupling", "1e-3", "-n", "1_0"), "-n: '1_0'"),
    ):
        result = cli(*words)
        assert result.code == 2, words
        assert said in result.err, words


def test_an_experiment_that_is_a_device_takes_no_memory():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        "from mutau.cli.main import run; import sys; sys.argv = ['mutau', 'check', '/dev/zero'];"
        "run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "a device or a pipe" in done.stderr
    assert load_experiment("na64mu").name == "na64mu"
