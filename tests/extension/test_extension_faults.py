"""Plug-ins that fail: our verbs go on, stderr says so once, what needs them is refused."""

from __future__ import annotations

import json

import pytest

MODULES = {
    "raises": "raise RuntimeError('no luck')\n",
    "exits": "import sys\nsys.exit(3)\n",
    "prints": "print('hello from the plug-in')\nthing = None\n",
    "typed": "thing = 'just a text'\n",
}
#: Group -> a verb of ours that reads its list, and a verb that needs the name "bad".
GROUPS = {
    "mutau.models": (("show", "models"), ("model", "--model", "bad", "--mass", "0.1")),
    "mutau.materials": (
        ("show", "materials"),
        ("cascade", "--particle", "e-", "--energy", "1", "--material", "bad"),
    ),
    "mutau.processes": (("show", "signals"), None),
    "mutau.cross_sections": (("show", "processes"), ("xsec", "bad", "--energy", "100")),
    "mutau.backgrounds": (("show", "backgrounds"), None),
    "mutau.variables": (("show", "variables"), None),
    "mutau.methods": (
        ("show", "methods"),
        ("limit", "muone", "--mass", "0.1", "--method", "bad"),
    ),
    "mutau.event_formats": (("show", "formats"), None),
    "mutau.bounds": (
        ("show", "bounds"),
        ("plane", "muone", "--bounds", "bad", "--mass", "0.1", "-o", "p.png"),
    ),
    "mutau.crosschecks": (("show", "crosschecks"), ("crosscheck", "bad")),
    "mutau.experiments": (("show", "experiments"), ("check", "bad")),
}
REASONS = {
    "raises": "RuntimeError: no luck",
    "exits": "SystemExit: 3",
    "prints": "is a NoneType",
    "typed": "is a str",
}


@pytest.fixture
def bad(install, tmp_path):
    def add(group, how):
        folder = tmp_path / "bad-package"
        folder.mkdir()
        (folder / "plug_bad.py").write_text(MODULES[how])
        install({group: {"bad": "plug_bad:thing"}}, folder)

    return add


@pytest.mark.parametrize("how", MODULES)
@pytest.mark.parametrize("group", GROUPS)
def test_our_verbs_go_on_and_stderr_says_so_once(group, how, bad, cli):
    if (group, how) == ("mutau.experiments", "typed"):
        pytest.skip("a text is a path there")
    lists, needs = GROUPS[group]
    before = json.loads(cli(*lists, "--json").out)
    bad(group, how)
    result = cli(*lists, "--json")
    assert result.code == 0
    assert json.loads(result.out) == before
    told = [line for line in result.err.splitlines() if line.startswith("mutau: warning")]
    assert len(told) == 1, result.err
    assert f"plug-in 'bad' ({group})" in told[0]
    assert REASONS[how] in told[0] or "declares no" in told[0]
    if needs:
        refused = cli(*needs)
        assert refused.code == 2, refused
        assert "repair or remove the package" in refused.err
        assert refused.out == ""
