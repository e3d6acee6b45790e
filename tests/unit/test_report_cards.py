"""Rows as cards and functions: the list is whole, its commands are true, a part is a part."""

import json
import shlex

import numpy as np
import pytest
import typer

from mutau.core.errors import MutauError, Problems, UnknownName
from mutau.core.figure import Figure, Series
from mutau.core.paper_numbers import RULES, check_entry, paper_numbers
from mutau.core.types import Exclusion
from mutau.report import muone, muone_search, na64mu_backgrounds
from mutau.report import reproduction as module
from mutau.report.captions import caption_curves, curves_named_by
from mutau.report.cards import Card, Texts, cards, check_row, sections_of, texts_of
from mutau.report.completeness import with_what_is_not_drawn
from mutau.report.reproduction import LEVELS, chosen, load_functions, reproduce
from mutau.report.runs import FIGURES, ROWS, LeftOut, Level, Run
from mutau.report.statements import STATES, all_statements, check_statement, counted, statements
from mutau.report.write import write_report

QUICK = LEVELS["quick"]


@pytest.fixture(scope="module", autouse=True)
def loaded():
    load_functions()


def test_every_row_has_a_card_a_function_and_says_how():
    """What has no function is a heading over others, or a figure that is drawn."""
    table = cards()
    assert set(ROWS) <= set(table)
    assert all(table[id_].texts.how for id_ in ROWS)
    groups = {item.group for item in paper_numbers().values()}
    for id_ in set(table) - set(ROWS):
        assert id_ in groups or id_ in FIGURES, id_


def test_every_command_of_a_row_parses():
    from mutau.cli.main import app

    program = typer.main.get_command(app)
    for id_ in ROWS:
        for level in LEVELS:
            name, *words = shlex.split(cards()[id_].command_at(level))
            assert name == "mutau"
            with program.make_context("mutau", list(words)) as outer:
                verb, command, rest = program.resolve_command(outer, words)
                with command.make_context(verb, list(rest), parent=outer) as inner:
                    assert inner.params["json"] is True
                    if verb == "reproduce":
                        assert inner.params["only"] == id_
                        assert (inner.params["quick"], inner.params["full"]) == (
                            level == "quick", level == "full"
                        )  # fmt: skip


@pytest.mark.compiled
@pytest.mark.parametrize(
    "id_", ["me.n10", "me.n100", "me.nunu", "ee.pi0", "mu.had.total.before", "me.sqrts",
            "mu.had.absorber (kaon)", "me.band.stars", "me.elastic"],
)  # fmt: skip
def test_the_command_of_a_row_gives_its_number(cli, id_):
    card = cards()[id_]
    (row,) = (row for row in reproduce(only=[id_], level=QUICK).rows if row.id == id_)
    _, *words = shlex.split(row.command)
    found = json.loads(cli(*words).out)
    if card.result:
        assert words[0] != "reproduce"
        assert row.result.startswith(card.result)
        for key in card.result.split("/"):
            found = found[int(key) if isinstance(found, list) else key]
    else:
        (found,) = (item["value"] for item in found["numbers"] if item["id"] == id_)
    assert found * card.unit_of_result == pytest.approx(row.value, rel=1e-6)


def test_a_command_repeats_the_effort_of_the_level():
    card = cards()["mu.table1.punch"]
    assert card.command_at("default").endswith("--source punch-through --effort 0.3 --json")
    assert card.command_at("quick") == "mutau reproduce --only mu.table1.punch --quick --json"
    assert card.result_at("quick") == ""
    assert cards()["me.n10"].result_at("full") == "sigma_pb × 15000"
    efforts = {
        "na64mu": [{name: size for name, size in na64mu_backgrounds.EFFORT.items() if size}],
        "muone": [  # of samples that are drawn event by event, and of the slow ones
            {name: min(muone_search.effort(Run(level)), most) for name, level in LEVELS.items()}
            for most in (10.0, 1.0)
        ],
    }
    for card in cards().values():
        if card.efforts:
            assert card.efforts in efforts[card.number.document], card.id


# --- a part of a report -------------------------------------------------------------------------


def test_only_what_a_row_needs_is_computed(monkeypatch):
    """The photon's bounds are shared by two rows and computed once; nothing else is."""
    calls = []
    monkeypatch.setattr(
        muone.kinematics,
        "photon_bounds",
        lambda *given, f=muone.kinematics.photon_bounds: calls.append(1) or f(*given),
    )
    found = reproduce(only=["me.gamma.angle", "me.gamma.energy"], level=QUICK)
    assert [row.id for row in found.rows] == ["me.gamma.energy", "me.gamma.angle"]  # as the cards
    assert len(calls) == 1
    assert set(found.seconds) == {"row me.gamma.energy", "row me.gamma.angle", "muone.photons"}
    assert found.papers == ("muone",)
    assert not found.figures
    assert not found.absent
    each = [row.seconds for row in found.rows]  # each with the time of what both need
    assert min(each) >= found.seconds["muone.photons"]
    assert sum(each) > sum(found.seconds.values())


def test_an_id_stands_for_variants_groups_and_figures():
    assert chosen(["mu.had.absorber"])[0] == ["mu.had.absorber", "mu.had.absorber (kaon)"]
    assert chosen(["mu.had.absorber (kaon)"])[0] == ["mu.had.absorber (kaon)"]
    assert chosen(["mu.had.frac"])[0] == ["mu.had.frac.pi", "mu.had.frac.k"]
    assert chosen(["ee.fig2"]) == (["ee.fig2"], ["ee.fig2"])
    assert chosen(["ee.kfactor"]) == ([], ["ee.kfactor"])
    assert chosen(["ee.pi0", "me.sqrts"])[0] == ["me.sqrts", "ee.pi0"]
    with pytest.raises(UnknownName, match=r"did you mean 'me\.sqrts'"):
        chosen(["me.sqrt"])
    with pytest.raises(MutauError, match="leave the paper out"):
        reproduce(["muone"], QUICK, only=["me.sqrts"])


def test_a_part_says_that_it_is_one(tmp_path):
    found = reproduce(only=["mu.width", "mu.table1"], level=QUICK)
    assert [row.id for row in found.rows] == ["mu.width"]
    (left,) = (item for item in found.absent if item.id == "mu.table1")
    assert "left out at level quick" in left.because
    write_report(found, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "This is a part of the report" in page
    assert "mutau reproduce --only mu.width,mu.table1 --quick<" in page
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["only"] == ["mu.width", "mu.table1"]
    assert {item["document"] for item in numbers["statements"]} == {"na64mu"}


def test_the_command_line_refuses_before_it_computes(cli, monkeypatch):
    monkeypatch.setattr(module, "_computed", lambda *_: pytest.fail("something was computed"))
    found = cli("reproduce", "--only", "mu.fig7", "--quick")
    assert found.code == 2
    assert "did you mean 'mu.fig" in found.err
    for words in (("--only", ","), ("--only", ""), ("--only", "me.sqrts", "muone")):
        assert cli("reproduce", *words).code == 2, words


def test_limits_stand_as_the_papers_do(monkeypatch):
    """Whichever row asked first: their order gives them their colours."""

    def computed(run, *_):
        for name in ("na64e", "muone", "na64e", "na64mu"):
            run.limit(Exclusion(np.array([0.01, 0.1]), np.array([1e-4, 1e-3]), np.zeros(2), 0.9,
                                name, "lmu-ltau", "bayes", {"rank": len(run.limits)}))  # fmt: skip
        return [], [], {}

    monkeypatch.setattr(module, "_computed", computed)
    limits = reproduce(level=QUICK).limits
    assert [line.experiment for line in limits] == ["na64mu", "muone", "na64e", "na64e"]
    assert [line.meta["rank"] for line in limits] == [3, 1, 0, 2]


def test_pieces_are_kept_with_their_arguments_and_their_refusals():
    calls = []

    def piece(run, x):
        calls.append(x)
        if x < 0:
            raise LeftOut("negative")
        return 2 * x

    run = Run(Level("tiny", 1, 1))
    assert [run.of(piece, x) for x in (1, 2, 1)] == [2, 4, 2]
    for _ in range(2):
        with pytest.raises(LeftOut, match="negative"):
            run.of(piece, -1)
    assert calls == [1, 2, -1]


# --- texts ----------------------------------------------------------------------------------------


def test_texts_are_read_and_faults_are_named():
    found = sections_of("# t\n\n## a.b (c)\n\n**Ours.** {{ x }}\ntwo\n\n**How.** by hand\n", "f")
    assert found == {"a.b (c)": Texts("{{ x }} two", "by hand", "")}
    for text in ("## a\n**Who.** x\n", "## a\nx\n", "## a\n**How.** x\n## a\n**How.** y\n"):
        with pytest.raises(Problems, match="a: "):
            sections_of(text, "f.md")


def test_a_bad_variant_is_named():
    numbers, entry = paper_numbers("muone"), {"of": "me.n10", "variant": "x"}
    assert check_row(entry, numbers) == []
    for change in (
        {"of": "mu.da"},
        {"variant": ""},
        {"low": 1.0},
        {"command": "mutau show models"},
    ):
        assert len(check_row({**entry, **change}, numbers)) == 1


def test_a_word_that_is_not_given_is_an_error():
    card = Card(paper_numbers()["me.sqrts"], Texts(ours="{{ nothing }}", how="x"))
    with pytest.raises(MutauError, match=r"muone\.md: me\.sqrts.*nothing"):
        texts_of(card, {})
    assert texts_of(card, {"nothing": "<b>"}).ours == "<b>"  # plain: the page escapes it


def test_a_shape_says_why_it_allows_what_it_allows():
    entry = {"id": "x", "quantity": "q", "paper": "1", "unit": "1", "where": "w", "rule": "shape",
             "low": 0.9, "high": 1.1}  # fmt: skip
    assert check_entry(entry)
    assert check_entry({**entry, "tolerance": "as wide as the line"}) == []
    assert check_entry({**entry, "tolerance": "x", "command": "mutau show models"})
    assert all(item.allows_because for item in paper_numbers().values())
    assert set(RULES) >= {item.rule for item in paper_numbers().values()}


# --- statements ----------------------------------------------------------------------------------


def test_every_statement_names_rows_that_exist_and_says_what_became_of_it():
    found = all_statements(tuple(FIGURES))
    assert {item.document for item in found} == {"na64mu", "muone", "na64e"}
    table = counted(found)
    assert sum(sum(states.values()) for states in table.values()) == len(found)
    assert set(table["muone"]) == set(STATES)
    only = statements(["na64mu"], FIGURES, ["mu.width"])
    assert {item.where for item in only} == {"eq. 4", "eq. 5", "sec. I"}


def test_statements_are_as_many_as_the_papers_make():
    """Nothing is lost unnoticed, and what is not computed stays a small part."""
    table = counted(all_statements(tuple(FIGURES)))
    assert {paper: sum(states.values()) for paper, states in table.items()} == {
        "na64mu": 79, "muone": 53, "na64e": 57,
    }  # fmt: skip
    assert sum(states["not computed"] for states in table.values()) <= 11


def test_a_figure_says_what_it_does_not_show():
    """BESIII has no numbers; of a figure that shows all, nothing is said."""
    plain = Figure("ee.fig4.left", "t", "x", "y", ())
    left = with_what_is_not_drawn(plain).meta["not_drawn"]
    assert "no table was found" in left["BESIII"]
    shown = tuple(
        Series("", np.ones(2), np.ones(2), meta={"name": name})
        for item in caption_curves() if item.figure == "ee.fig4.left" for name in item.drawn
    )  # fmt: skip
    some = with_what_is_not_drawn(Figure("ee.fig4.left", "t", "x", "y", shown))
    assert set(some.meta["not_drawn"]) == {"BESIII"}
    assert "not_drawn" not in with_what_is_not_drawn(Figure("mine", "t", "x", "y", ())).meta
    assert "bbn-2019-syen" in curves_named_by("ee.fig4.left")
    assert "na64e-2019-recast" not in curves_named_by("ee.fig4.left")  # the caption has none


@pytest.mark.parametrize(
    "change",
    [
        {"rows": ["mu.width", "mu.nothing"]}, {"state": "agrees"}, {"state": "otherwise"},
        {"state": "not computed"}, {"rows": []}, {"line": 0}, {"document": "na64"}, {"word": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_statement_is_named(change):
    entry = {"document": "na64mu", "line": 52, "where": "eq. 5", "text": "t", "rows": ["mu.width"],
             "state": "as written"}  # fmt: skip
    assert check_statement(entry, FIGURES) == []
    assert len(check_statement({**entry, **change}, FIGURES)) == 1
