"""The comparison of shown with printed lines can fail."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("block", "count"),
    [
        ("$ echo 'a   1.0'\na 1.001\n", 1),
        ("$ printf '1\\n2 b\\n3\\n'\n2 b\n…\n", 1),
        ("$ true\n$ echo x\nx\n", 1),
    ],
)
def test_lines_that_agree(runs_as_shown, block, count):
    assert runs_as_shown(block) == count


@pytest.mark.parametrize(
    "block", ["$ echo 1.00\n1.01\n", "$ echo a 1\nb 1\n", "$ echo 1\n1 2\n", "$ false\n"]
)
def test_lines_that_differ(runs_as_shown, block):
    with pytest.raises(AssertionError):
        runs_as_shown(block)
