"""Readers over damaged files: read, or refused by a MutauError; every number of a file counts.

`mutated.py` beside this file reads any number of them, as a program.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from mutau.core.errors import MutauError

sys.path.insert(0, str(Path(__file__).parent))
from mutated import readers, try_reader

READERS = readers()
#: Files per reader in the suite; with 40 of them a reader that trips over one in twenty is found
#: with a probability of 87 %, one in ten with 99 %.
FILES = 40
_NUMBER = re.compile(rb"(?<![\w.$^*-])-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?(?![\w.])")
#: Numbers that change no result, by reader: errors of points, numbers in texts, identifiers.
DEAD = {
    "t.yaml": {b"0.01", b"100"}, "t.csv": {b"1e-4", b"-1e-4", b"2", b"4", b"95"},
    "s.toml": {b"0.1", b"0.0", b"0.9"}, "f.json": {b"0.1", b"1.0"},
}  # fmt: skip
#: What stands for another number in one reader or another, or for none.
AMBIGUOUS = (
    b"nan", b"inf", b"1_5", b"0_2", b"1:30", b"yes", b"1,5x", "\uff11".encode(), b"0x10", b"1e999",
)  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_damaged_files_are_read_or_refused(name, tmp_path):
    found = try_reader(READERS[name], FILES, 7, tmp_path)
    assert not found.wrong, found.wrong
    assert found.longest < 30_000
    assert sum(found.counts.values()) == FILES


#: Files of texts whose every number is looked at; of a file with two tables the first.
TEXTS = {
    file: (name, data.split(b"\n\n")[0] + b"\n")
    for name in ("hepdata", "curve", "beam", "map", "charges", "scan", "figures", "spectrum")
    for file, data in READERS[name].good
}
TEXTS["e.csv"] = ("spectrum", b"".join(TEXTS["e.csv"][1].splitlines(keepends=True)[:12]))


def result(name, path, data):
    path.write_bytes(data)
    return np.asarray(READERS[name].numbers(READERS[name].read(path)), float)


@pytest.mark.parametrize("file", TEXTS)
def test_every_number_counts_or_is_refused(file, tmp_path):
    """Another number in its place gives another result or a refusal; no odd spelling is read."""
    name, data = TEXTS[file]
    before = result(name, tmp_path / file, data)
    looked = 0
    for match in _NUMBER.finditer(data):
        line = data[data.rfind(b"\n", 0, match.start()) + 1 : match.start()]
        if match[0] in DEAD.get(file, ()) or line.startswith((b"#: table", b"schema")):
            continue
        for new in (b"%r" % (1.25 * float(match[0]) + 0.001), *AMBIGUOUS):
            if file.endswith(".toml") and new in (b"1_5", b"0x10"):
                continue  # whole numbers of TOML
            changed = data[: match.start()] + new + data[match.end() :]
            try:
                after = result(name, tmp_path / file, changed)
            except MutauError:
                continue
            assert new not in AMBIGUOUS, (match, line, new)
            assert before.shape != after.shape or not np.array_equal(before, after), (match, line)
        looked += 1
    assert looked >= 2
