"""The README's hello-worlds run as they stand, and docstring examples are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mutau

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Modules whose docstring examples call kernels.
COMPILED_EXAMPLES = {
    "mutau.bounds.cosmology", "mutau.matter.muon_energy_loss", "mutau.reactions.electron_brems",
    "mutau.reactions.muon_brems", "mutau.reactions.muon_electron",
}  # fmt: skip


def block(language: str) -> str:
    """The first fenced block of that language."""
    match = re.search(rf"```{language}\n(.*?)```", README, re.S)
    assert match
    return match.group(1)


@pytest.mark.compiled
def test_python_hello_world(tmp_path):
    code = block("python")
    assert len(code.strip().splitlines()) == 5
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    strength, limit = out.stdout.split("\n", maxsplit=1)
    assert f"# {strength}\n" in code
    assert re.search(r"0\.1 GeV  < \(1\.\d+ ± \d", limit)


@pytest.mark.compiled
def test_shell_hello_world(runs_as_shown, tmp_path):
    script = block("console")
    assert script.count("$ mutau ") == 3
    assert runs_as_shown(script) == 5
    assert (tmp_path / "plane.png").stat().st_size > 10_000


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_picture_is_there():
    for image in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / image).stat().st_size > 10_000


def modules_with_examples() -> list:
    names = []
    for info in pkgutil.walk_packages(mutau.__path__, "mutau."):
        path = Path(mutau.__path__[0], *info.name.split(".")[1:])
        source = path / "__init__.py" if info.ispkg else path.with_suffix(".py")
        if ">>> " in source.read_text(encoding="utf-8"):
            marks = [pytest.mark.compiled] if info.name in COMPILED_EXAMPLES else []
            names.append(pytest.param(info.name, marks=marks))
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_docstring_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
