"""The page that shows the package shows it as it is, whole."""

from __future__ import annotations

import gc
import importlib
import re
import tomllib
from pathlib import Path

from mutau.core.registry import Registry
from mutau.experiment import loader
from mutau.matter import materials

HERE = Path(__file__).parent
PACKAGE = HERE / "package"
PAGE = HERE.parents[1] / "docs" / "contributing" / "package.md"


def test_the_page_is_the_package():
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```\n", text, re.S)
    modules = [p for p in sorted((PACKAGE / "mutau_toy").glob("*.py")) if p.stem != "__init__"]
    assert sorted(shown) == sorted(p.read_text(encoding="utf-8") for p in modules)
    assert (PACKAGE / "pyproject.toml").read_text(encoding="utf-8") in text


def test_the_page_and_the_package_have_every_group():
    """All registries that other packages can add to: whoever opens another one shows it here."""
    importlib.import_module("mutau.cli.main")
    for name in ("analysis.point", "background.registry", "bounds.computed", "io.event_files",
                 "matter.materials", "peers", "reactions.bosons", "signal.processes",
                 "stats.methods"):  # fmt: skip
        importlib.import_module(f"mutau.{name}")
    known = [item for item in gc.get_objects() if issubclass(type(item), Registry) and item.group]
    groups = {item.group for item in [*known, loader._registry(), materials._registry()]}
    groups = {group for group in groups if group != "mutau.numbers"}  # of another test
    text = PAGE.read_text(encoding="utf-8")
    assert {group for group in groups if f"| `{group}` |" not in text} == set()
    document = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))
    assert groups == {*document["project"]["entry-points"], "mutau.experiments"}
    assert len(groups) == 12
