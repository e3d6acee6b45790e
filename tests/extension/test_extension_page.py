"""The page that shows the package shows it as it is, whole."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE / "package"
PAGE = HERE.parents[1] / "docs" / "contributing" / "package.md"


def test_the_page_is_the_package():
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```\n", text, re.S)
    modules = [p for p in sorted((PACKAGE / "mutau_toy").glob("*.py")) if p.stem != "__init__"]
    assert sorted(shown) == sorted(p.read_text(encoding="utf-8") for p in modules)
    assert (PACKAGE / "pyproject.toml").read_text(encoding="utf-8") in text
