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


@pytest.mark.parametrize(
    ("group", "change", "place"),
    [
        ("mutau.processes", {"process": "bad"}, "process"),
        ("mutau.variables", {"cuts": [{"variable": "bad", "min": "1 GeV"}]}, "cuts[0]"),
        ("mutau.variables", {"cuts": [{"variable": "bad"}]}, "cuts[0]"),
    ],
)
def test_a_file_that_names_a_faulty_one_is_refused_with_its_place(group, change, place, bad, cli,
                                                                  tmp_path):  # fmt: skip
    from mutau.experiment.document import read_document, write_toml
    from mutau.experiment.loader import experiment_path

    bad(group, "raises")
    document = {**read_document(experiment_path("muone")), **change}
    for cut in change.get("cuts", ()):
        cut["because"] = "x"
    path = tmp_path / "named.toml"
    path.write_text(write_toml(document))
    result = cli("check", str(path))
    assert result.code == 2
    assert f"named.toml: {place}" in result.err
    assert "RuntimeError: no luck" in result.err
    assert result.out == ""


def test_a_change_of_the_package_is_another_digest(install, tmp_path):
    """Results on disk rest on what another package computes."""
    from mutau.core import plugins
    from mutau.experiment import load_experiment, replace

    folder = tmp_path / "lost-package"
    folder.mkdir()
    module = folder / "plug_lost.py"
    text = (
        "from mutau.experiment import Variable\n"
        "V = Variable('lost', 'energy', 'x', value=lambda s: {} * s.weights, needs=('trigger',))\n"
    )
    module.write_text(text.format(1.0))
    install({"mutau.variables": {"lost": "plug_lost:V"}}, folder)
    cut = [{"variable": "lost", "min": "0 GeV", "because": "x"}]
    plain = load_experiment("na64e")
    first = replace(plain, "cuts", cut).digest
    assert replace(plain, "cuts", cut).digest == first
    module.write_text(text.format(2.0))
    plugins.forget()
    assert replace(plain, "cuts", cut).digest != first
    assert load_experiment("na64e").digest == plain.digest
