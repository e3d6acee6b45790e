"""What caches of results are keyed by: the program, its tables, and files that experiments name."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import mutau
from mutau.core.code_digest import _package_facts, code_digest, module_name
from mutau.core.storage import file_digest
from mutau.experiment import load_experiment
from mutau.signal.exposure import physics_digest

PACKAGE = Path(mutau.__path__[0])
BEAM = "x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n"


def test_digest_of_a_file_is_that_of_what_it_holds(tmp_path):
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).write_text(text)
    a, b, c = (file_digest(tmp_path / name) for name in "abc")
    assert a == b != c
    assert len(a) == 16
    assert file_digest(tmp_path / "absent") == ""


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


SOURCES = {
    "__init__.py": "",
    "core/__init__.py": "",
    "core/constants.py": 'TABLE = "constants.toml"\n',
    "matter/__init__.py": "from importlib import import_module\ndef __getattr__(name): ...\n",
    "matter/lead.py": '"""Lead."""\nfrom mutau.core.constants import TABLE\n',
    "matter/iron.py": "Z = 26\n",
    "reactions/__init__.py": "",
    "reactions/brems.py": "def f():\n    from mutau.matter.lead import TABLE\n    return 1\n",
    "reactions/registry.py": 'FOLDER = "mutau.reactions"\n',
    "yields.py": "from mutau.matter import lead_of\n",
    "typed.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mutau.matter.iron\n"
    ),
    "data/constants.toml": "alpha = 1\n",
    "data/other.toml": "beta = 1\n",
}
#: what is edited -> the modules whose digest changes
EDITS = {
    "core/constants.py": "core.constants matter.lead reactions.brems reactions.registry yields",
    "data/constants.toml": "core.constants matter.lead reactions.brems reactions.registry yields",
    "data/other.toml": "",
    "matter/iron.py": "matter.iron yields",
    "matter/lead.py": "matter.lead reactions.brems reactions.registry yields",
    "reactions/brems.py": "reactions.brems reactions.registry",
}


def digests(folder):
    modules = [
        f"mutau.{name.removesuffix('.py').replace('/', '.')}"
        for name in SOURCES
        if name.endswith(".py") and "__init__" not in name
    ]
    _package_facts.cache_clear()
    code_digest.cache_clear()
    return {module: code_digest(module, package=folder) for module in modules}


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setenv("MUTAU_CACHE_DIR", str(tmp_path / "cache"))
    for name, text in SOURCES.items():
        (tmp_path / "mutau" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "mutau" / name).write_text(text)
    yield tmp_path / "mutau"
    _package_facts.cache_clear()
    code_digest.cache_clear()


@pytest.mark.parametrize("name", EDITS)
def test_digest_of_code_changes_with_all_that_it_rests_on_and_with_nothing_else(package, name):
    before = digests(package)
    (package / name).write_text(SOURCES[name] + ("more = 2\n"))
    after = digests(package)
    changed = {
        module.removeprefix("mutau.") for module in before if before[module] != after[module]
    }
    assert changed == set(EDITS[name].split())


def test_docstrings_comments_and_places_do_not_count(package, tmp_path):
    before = digests(package)
    (package / "matter/lead.py").write_text(
        "# more\n\n" + SOURCES["matter/lead.py"].replace("Lead", "Pb")
    )
    assert digests(package) == before
    package.rename(tmp_path / "moved")
    assert digests(tmp_path / "moved") == before


def test_kept_facts_are_read_only_whole(package, tmp_path):
    before = digests(package)
    (kept,) = (tmp_path / "cache").glob("code-*.json")
    text = kept.read_text()
    for wrong in (
        "",
        "[]",
        "null",
        text[:-9],
        text.replace("mutau.matter.iron", "mutau.matter.ir0n"),
    ):
        kept.write_text(wrong)
        assert digests(package) == before


def test_a_file_outside_the_package_rests_on_what_it_imports(package, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("from mutau.matter.iron import Z\n")
    one = code_digest(str(own), package=package)
    (package / "matter/iron.py").write_text("Z = 27\n")
    digests(package)
    assert code_digest(str(own), package=package) != one
    with pytest.raises(KeyError, match="absent"):
        code_digest("mutau.absent", package=package)


def test_every_kernel_rests_on_the_kernels_it_calls():
    """Against Numba's own view: globals of every compiled function that are compiled themselves."""
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "core.jit import njit" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(module_name(path))
        compiled = [item for item in vars(module).values() if hasattr(item, "py_func")]
        homes = {item.__module__ for item in compiled if item.__module__.startswith("mutau.")}
        missing += [f"{module.__name__}: {home}" for home in homes - rests_on(module.__name__)]
    assert not missing


def rests_on(module):
    known, found, todo = _package_facts(PACKAGE), set(), [module]
    while todo:
        if (name := todo.pop()) not in found:
            found.add(name)
            todo += known[name][1]
    return found


def test_another_numpy_is_another_digest(monkeypatch):
    before = code_digest("mutau.core.units")
    code_digest.cache_clear()
    monkeypatch.setattr("mutau.core.code_digest.np.__version__", "99.0")
    assert code_digest("mutau.core.units") != before
    code_digest.cache_clear()
