"""Every number in the data carries its unit and its source; nothing speaks of one machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import mutau

ROOT = Path(__file__).parents[2]
DATA = Path(mutau.__path__[0]) / "data"
TEXT = (".py", ".md", ".toml", ".csv", ".cff", ".yml", ".sh", ".txt", ".html", "")


def test_constants_have_unit_source_year():
    for name, entry in tomllib.loads((DATA / "constants.toml").read_text()).items():
        assert {"value", "uncertainty", "unit", "source", "year"} <= set(entry), name


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.csv")), ids=lambda p: p.stem)
def test_a_csv_names_units_in_its_header(path):
    lines = [x for x in path.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    for column in lines[0].split(","):
        dimensionless = column in ("coupling", "epsilon") or column.startswith("coupling_")
        assert dimensionless or re.search(r"_(GeV|MeV|eV|cm|pb|rad|mrad)$", column), column


def tables_with_numbers(value, address=""):
    """Every table that directly holds a number, with its address and what it holds."""
    if isinstance(value, dict):
        if any(isinstance(v, float) for v in value.values()):
            yield address, value
        for key, item in value.items():
            yield from tables_with_numbers(item, f"{address}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from tables_with_numbers(item, f"{address}[{index}]")


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.toml")), ids=lambda p: p.stem)
def test_numbers_have_a_source(path):
    """A table with bare numbers names its source or reason, itself or the file as a whole."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    told = {"source", "because", "origin", "where"}
    if told & set(document):
        return
    for address, table in tables_with_numbers(document):
        parents = [document]
        for part in re.findall(r"[^/\[\]]+|\[\d+\]", address):
            step = parents[-1]
            parents.append(step[int(part[1:-1])] if part.startswith("[") else step[part])
        assert any(isinstance(p, dict) and told & set(p) for p in parents), f"{path.name}{address}"
        assert table


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    return [ROOT / name for name in names if Path(name).suffix in TEXT]


def test_the_project_names_no_machine():
    offenders = []
    pattern = re.compile(r"(?<![\w.])/(work|root|farm|home/\w+)/")
    for path in tracked():
        if path == Path(__file__) or not path.exists():
            continue
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                offenders.append(f"{path.relative_to(ROOT)}:{number}")
    assert not offenders
