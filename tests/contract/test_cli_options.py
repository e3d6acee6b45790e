"""Options have an effect or are refused; every verb explains each of its options."""

from __future__ import annotations

import json
import re
import shlex

import pytest
import typer

from mutau.analysis.point import MODEL_OPTIONS, PROCESSES, takes
from mutau.cli.examples import EXAMPLES
from mutau.cli.main import app
from mutau.cli.options import EXCLUDE, LISTS, NEEDS, NEEDS_IN, joined_units

COMMANDS = typer.main.get_command(app).commands

#: Options of `mutau xsec` beside energy and --json: name in the engine -> words.
XSEC = {
    "mass": ("--mass", "0.1"),
    "coupling": ("--coupling", "1e-3"),
    "epsilon": ("--epsilon", "1e-3"),
    "model": ("--model", "lmu-ltau"),
    "alpha_d": ("--alpha-d", "0.1"),
    "mass_ratio": ("--alpha-d", "0.1", "--mass-ratio", "4"),
    "dark_matter": ("--alpha-d", "0.1", "--dark-matter", "dirac"),
    "material": ("--material", "lead"),
    "method": ("--method", "exact"),
    "form_factor": ("--form-factor", "elastic"),
    "coulomb": ("--coulomb",),
    "electrons": ("--electrons", "rest"),
    "differential": ("--differential",),
    "cuts": ("--cuts", "muone"),
    "charge": ("--charge", "1"),
    "beam": ("--beam", "mu-"),
    "sin2_theta_w": ("--sin2-theta-w", "0.238"),
    "alpha": ("--alpha-inverse", "137"),
    "limits": ("--limits", "pair_energy=1:50"),
    "error": ("--error", "0.1"),
    "seed": ("--seed", "2"),
}


def test_the_list_of_xsec_options_is_complete():
    parameters = {parameter.name for parameter in COMMANDS["xsec"].params}
    ours = {"alpha_inverse" if name == "alpha" else name for name in XSEC}
    assert parameters == ours | {"process", "energy", "json"}


@pytest.mark.parametrize("process", PROCESSES)
def test_every_option_that_a_process_does_not_use_is_refused(cli, process):
    point = ("--mass", "0.1", "--coupling", "1e-3") if PROCESSES[process].zprime else ()
    refused = [name for name in XSEC if not takes(process, name)]
    assert refused
    for name in refused:
        words = XSEC[name] if name in MODEL_OPTIONS else (*point, *XSEC[name])
        found = cli("xsec", process, "--energy", "100", *words)
        assert found.code == 2, (process, name)
        assert found.out == ""
        assert "has no effect on " + process in found.err
        option = (
            "--alpha-d"
            if name in ("mass_ratio", "dark_matter")
            else next(w for w in words[-2:] if w[:2] == "--")
        )
        assert found.err.startswith(f"mutau: MutauError: {option}:")
        users = found.err.split("it belongs to ")[1].strip().split(", ")
        assert users == [item for item in PROCESSES if takes(item, name)]


@pytest.mark.compiled
def test_options_have_an_effect_where_they_are_taken(cli):
    """The declared options are not merely tolerated: each changes the answer."""
    from mutau import LmuMinusLtau, cross_section

    zp = LmuMinusLtau(0.1, 1e-3)
    light = LmuMinusLtau(1e-3, 1e-3)
    for process, model, changes in [
        ("muon-brems", zp, {"material": "iron"}),
        ("muon-brems", zp, {"method": "ww"}),
        ("muon-brems", zp, {"form_factor": "elastic+inelastic"}),
        ("electron-brems", light, {"coulomb": True}),
        ("annihilation", zp, {"material": "iron"}),
        ("annihilation", zp, {"electrons": "rest"}),
        ("muon-electron-zprime", zp, {"alpha": 1 / 127.9}),
        ("muon-electron-zprime", zp, {"cuts": "muone"}),
    ]:
        assert set(changes) <= PROCESSES[process].options | {"method"}
        plain = cross_section(process, 10.0 if process == "annihilation" else 100.0, model)
        other = cross_section(
            process, 10.0 if process == "annihilation" else 100.0, model, **changes
        )
        if "alpha" not in changes:  # tree level: the photon's alpha enters squared
            assert other.sigma_pb != plain.sigma_pb, (process, changes)
        else:
            assert other.sigma_pb / plain.sigma_pb == pytest.approx(
                (137.036 / 127.9) ** 2, rel=1e-3
            )


def needs():
    for verb, command in COMMANDS.items():
        names = {parameter.name: parameter for parameter in command.params}
        for name, other in (NEEDS | NEEDS_IN.get(verb, {})).items():
            if name in names and other in names:
                yield verb, name, other


ARGUMENTS = {
    "xsec": ("muon-brems", "--energy", "160"), "generate": ("na64mu", "-o", "e.lhe"),
    "scan": ("grid.toml", "-o", "s"), "export": ("pyhf", "na64mu", "-o", "w"), "model": (),
    "combine": ("na64mu",), "plane": (),
}  # fmt: skip
VALUES = {
    "model": ("lmu-ltau",), "job_script": (), "sideband": ("55,90",), "bin_width": ("1GeV",),
}  # fmt: skip


@pytest.mark.parametrize(("verb", "name", "other"), list(needs()))
def test_an_option_without_its_partner_is_refused(cli, verb, name, other):
    parameter = next(item for item in COMMANDS[verb].params if item.name == name)
    words = [*ARGUMENTS.get(verb, ("na64mu",)), parameter.opts[0], *VALUES.get(name, ("3",))]
    given = {item.opts[0] for item in COMMANDS[verb].params if item.opts[0] in words}
    for item in COMMANDS[verb].params:  # what the verb cannot do without
        if item.required and item.param_type_name == "option" and item.opts[0] not in given:
            words += [item.opts[0], "0.1"]
    found = cli(verb, *words)
    assert found.code == 2
    option = f"--{other.replace('_', '-')}"
    assert f"{parameter.opts[-1]}: has no effect without {option}" in found.err


def test_the_tables_of_options_name_what_there_is():
    for verb, table in NEEDS_IN.items():
        names = {parameter.name for parameter in COMMANDS[verb].params}
        assert set(table) | set(table.values()) <= names
    for verb, pairs in EXCLUDE.items():
        names = {parameter.name for parameter in COMMANDS[verb].params}
        assert {name for pair in pairs for name in pair} <= names


OPTIONS = [
    (verb, parameter)
    for verb, command in COMMANDS.items()
    for parameter in command.params
    if parameter.param_type_name == "option" and parameter.name != "help"
]


def twice(parameter, one, other):
    """The words of an option that stands twice, in two of its spellings where it has them."""
    flag = [] if parameter.is_flag else [one], [] if parameter.is_flag else [other]
    return [parameter.opts[0], *flag[0], parameter.opts[-1], *flag[1]]


@pytest.mark.parametrize(
    ("verb", "parameter"), OPTIONS, ids=[f"{verb} {item.opts[-1]}" for verb, item in OPTIONS]
)
def test_an_option_that_stands_twice_counts_twice_or_is_refused(cli, verb, parameter):
    words = twice(parameter, "1", "2")
    if parameter.multiple:
        command = COMMANDS[verb]
        _, _, order = command.make_parser(command.context_class(command)).parse_args(words)
        assert [item.name for item in order].count(parameter.name) == 2
        return
    found = cli(verb, *ARGUMENTS.get(verb, ("na64mu",)), *words)
    assert found.code == 2
    assert found.out == ""
    assert "stands more than once" in found.err
    listed = parameter.name in LISTS.get(verb, ())
    assert ("between commas" in found.err) == listed


def test_both_values_of_a_repeatable_option_count(cli):
    pions, muons = ("--source", "pion decays"), ("--source", "muon decays")
    both = json.loads(cli("background", "na64e", *pions, *muons, "--json").out)
    assert [row["name"] for row in both["sources"]] == ["pion decays", "muon decays"]
    once = json.loads(cli("background", "na64e", *pions, *pions, "--json").out)  # counted once
    assert len(once["sources"]) == 1
    assert once["total_per_particle"] == once["sources"][0]["per_particle"]


def test_an_option_that_stands_twice_beside_help_gives_the_help(cli):
    found = cli("limit", "na64e", "--mass", "1MeV", "--mass", "2MeV", "--help")
    assert found.code == 0
    assert "Examples:" in found.out


def test_the_lists_of_options_hold_what_takes_a_list(cli):
    for verb, names in LISTS.items():
        assert set(names) <= {parameter.name for parameter in COMMANDS[verb].params}
    assert len(cli("limit", "na64e", "--mass", "1MeV,2MeV", "--mass=3MeV").err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("yields", "na64e", "--mass", "0.1", "--coupling", "1e-3", "--truth", "-n", "100"),
        ("yields", "muone", "--mass", "0.1", "--coupling", "1e-3", "--truth", "-n", "1e3"),
        ("show", "materials", "--missing"),
        ("cascade", "--energy", "10", "-n", "10"),
        ("export", "csv", "na64mu", "--mass", "0.1", "--coupling", "1e-3", "-o", "w"),
        ("background", "na64mu", "--mass", "0.1"),
    ],
)
def test_what_would_be_ignored_is_refused(cli, words):
    found = cli(*words)
    assert found.code == 2
    assert found.out == ""


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_explains_every_option(cli, verb):
    command = COMMANDS[verb]
    for parameter in command.params:
        text = parameter.help or ""
        assert text, (verb, parameter.name)
        if parameter.name in ("mass", "energy", "edges"):
            assert "GeV" in text, (verb, parameter.name)
        if parameter.param_type_name == "option" and not parameter.required:
            optional = parameter.default is None and parameter.name != "help"
            assert parameter.show_default or not optional, (verb, parameter.name)
    found = cli(verb, "--help")
    assert found.code == 0
    assert "Examples:" in found.out
    for line in EXAMPLES[verb]:
        assert f"\n    {line}\n" in found.out  # on a line of its own, not wrapped


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_of_the_help_are_understood(line):
    program, verb, *words = shlex.split(line)
    assert program == "mutau"
    assert line in EXAMPLES[verb]
    context = COMMANDS[verb].make_context(verb, words)
    assert context.params
    assert len(line) <= 96


def test_every_verb_has_an_example():
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["model", "--mass", "100", "MeV"], ["model", "--mass", "100 MeV"]),
        (["model", "--mass=1e2", "MeV", "--json"], ["model", "--mass=1e2 MeV", "--json"]),
        (["xsec", "p", "--energy", ".5", "TeV"], ["xsec", "p", "--energy", ".5 TeV"]),
        (["plane", "MeV"], ["plane", "MeV"]),  # the name of an experiment
        (["limit", "x", "--mass", "abc", "MeV"], ["limit", "x", "--mass", "abc", "MeV"]),
        (["limit", "--cl", "0.9", "MeV"], ["limit", "--cl", "0.9", "MeV"]),
    ],
)
def test_a_unit_may_stand_in_a_word_of_its_own(words, joined):
    assert joined_units(words) == joined


@pytest.mark.compiled
def test_messages_say_how_to_write_it(cli):
    for words, expected in [
        (("limit", "na64mu", "--mass", "0.1", "--cl", "90"), "write 0.90 for 90 %"),
        (("limit", "na64mu", "--mass", "0.1", "--cl", "99.5"), "write 0.995 for 99.5 %"),
        (
            ("xsec", "muon-brems", "--energy", "160", "--mass", "500", "--coupling", "1e-3"),
            "cannot be made by a lepton of energy 160 GeV",
        ),
        (("generate", "na64mu", "--mass", "0.1", "-n", "1.5", "-o", "e.lhe"), "1000 or 1e4"),
        (("limi", "na64mu"), "Did you mean 'limit'?"),
        (("limit",), "Missing argument 'experiment'"),
    ]:
        found = cli(*words)
        assert found.code == 2
        assert expected in found.err
        assert len(found.err.splitlines()) == 1
    years = cli("plane", "na64mu", "--mass", "0.1", "--year-gm2", "1999").err
    assert len(re.findall("2021", years)) == 1
    one, other = (
        cli("model", "--mass", *mass, "--coupling", "1e-3", "--json").out
        for mass in (("100MeV",), ("100", "MeV"))
    )
    assert one == other
