"""Reference pages out of the registries and data: what `mutau show` lists, the verbs, the file."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from api_pages import escaped, markdown_of

import mutau
from mutau.core.deprecation import deprecated

_PACKAGE = Path(mutau.__path__[0])

#: Title and opening of the page of each list of `mutau show`; others get their name as title.
_TITLES = {
    "models": ("Models", "What `--model` takes."),
    "experiments": (
        "Experiments",
        "What comes with the package. Their files are the best examples of "
        "[the format](experiment-file.md).",
    ),
    "processes": ("Processes", "What `mutau xsec` takes."),
    "materials": ("Materials", "What an experiment file and `--material` may name."),
    "limits": (
        "Published limits",
        "Curves in the plane of mass and coupling. Each is a card (model, confidence level, "
        "conversion, where the numbers come from) and a table of points.",
    ),
    "constants": (
        "Constants",
        "Values are in internal units: GeV, cm, s, g, pb, rad. The unit is that of the source.",
    ),
    "references": ("References", "What data and docstrings cite."),
    "methods": ("Statistical methods", "What `--method` of `mutau limit` takes."),
    "signals": ("Signal processes", "What `process` of an experiment file takes."),
    "backgrounds": ("Backgrounds", "Computed sources of background of every signal process."),
    "formats": ("Event formats", "Suffixes that `-o` of `mutau generate` takes."),
    "variables": ("Cut variables", "What `variable` in a cut of an experiment file takes."),
}
#: Keys whose values another key decides upon.
_SPECIAL_KEYS = {
    ("Cut", bound): 'a quantity of the variable\'s dimension, `"50 GeV"`, or a number'
    for bound in ("min", "max")
}
#: Keys that the loader fills in where the file leaves them out.
_FILLED = {("Experiment", "process"): "by the beam particle"}
#: Columns that say where a file lies on the machine that builds the pages.
_PRIVATE = {"file"}


def cell(value: Any) -> str:
    """One value as the text of a table cell; DOIs and arXiv numbers become links."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {cell(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(cell(item) for item in value)
    text = escaped(str(value).replace("\n", " "))
    text = re.sub(r"doi:(10\.\S+?)(?=[;,.]?(?:\s|$))", r"[doi:\1](https://doi.org/\1)", text)
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def anchor(key: str) -> str:
    """The place of a reference on its page.

    >>> anchor("BaBar:2016fourmu")
    'babar-2016fourmu'
    """
    return re.sub(r"\W+", "-", key).lower()


@cache
def _reference_keys() -> frozenset[str]:
    from mutau.core.references import references

    return frozenset(references())


def _source(text: str) -> str:
    """A source, with keys of our list of references as links to it."""
    return "; ".join(
        f"[{escaped(key)}](references.md#{anchor(key)})" if key in _reference_keys() else cell(key)
        for key in text.split("; ")
    )


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown table of rows with the union of their columns; empty columns are left out."""
    if not rows:
        return "Nothing yet."
    names = list(dict.fromkeys(name for row in rows for name in row if name not in _PRIVATE))
    names = [name for name in names if any(row.get(name) not in (None, "", []) for row in rows)]
    lines = ["| " + " | ".join(f"{name}" for name in names) + " |", "|---" * len(names) + "|"]
    for row in rows:
        cells = [
            _source(str(row[name])) if name == "source" and row.get(name) else cell(row.get(name))
            for name in names
        ]
        cells[0] = f"`{row.get(names[0])}`"  # the name by which it is called
        if names[0] == "key" and row["key"] in _reference_keys():
            cells[0] = f'<span id="{anchor(row["key"])}"></span>' + cells[0]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", *(part for part in parts if part)]) + "\n"


def shown_pages() -> dict[str, str]:
    """One page for every list that `mutau show` knows."""
    from mutau.analysis.show import SHOWN
    from mutau.bounds import missing

    pages = {}
    for name in SHOWN:
        title, opening = _TITLES.get(name, (name.capitalize(), ""))
        parts = [opening, f"On your machine: `mutau show {name}`.", table(SHOWN[name]())]
        if name == "limits":
            rows = [asdict(item) for item in missing()]
            parts += [
                "## Curves without public numbers",
                "In the papers, but published as a drawing only: `mutau show limits --missing`.",
                table(rows),
            ]
        pages[name] = _page(title, *parts)
    return pages


def paper_numbers_page() -> str:
    """Every number that the papers print, as data/paper_numbers holds it."""
    from mutau.core.paper_numbers import paper_numbers

    rows = [
        {
            "id": item.id,
            "document": item.document,
            "quantity": item.quantity,
            "paper": item.paper,
            "where": item.where,
            "compared by": item.rule,
            "allowed, because": item.allows_because,
        }
        for item in paper_numbers().values()
    ]
    opening = (
        "Every number and figure that the papers print, what they leave open and ours adds, and "
        "how ours is compared with it. "
        "`mutau reproduce` computes them and writes `report.html` with both side by side."
    )
    return _page("The papers' numbers", opening, table(rows))


def moment_page() -> str:
    """Reference values of the muon's anomalous moment by year."""
    from mutau.models import moment_references

    rows = []
    for item in moment_references().values():
        rows.append(
            {
                "year": item.year,
                "what": item.title,
                "difference [1e-11]": f"{item.difference * 1e11:.0f}"
                f"({item.difference_uncertainty * 1e11:.0f})",
                "source": item.source_difference,
                "note": item.note,
            }
        )
    opening = "Measurement minus prediction of a_μ, chosen with `--year-gm2`."
    return _page("Muon moment", opening, table(rows))


def deprecated_page() -> str:
    """Keywords of functions that still work, with a warning, and go in the version named."""
    modules = [
        importlib.import_module(
            f"mutau.{'.'.join(path.relative_to(_PACKAGE).with_suffix('').parts)}"
        )
        for path in sorted(_PACKAGE.rglob("*.py"))
        if re.search(r"\bold_keywords\b|@one_nucleus\b", path.read_text(encoding="utf-8"))
    ]
    rows = [
        {"function": item.function, "old": item.old, "now": item.new, "gone in": item.gone_in}
        for module in modules
        for item in deprecated(module)
    ]
    opening = "Old keywords of functions. They warn, and work until the version in the last column."
    return _page("Names that go", opening, table(rows))


def event_files_page() -> str:
    """The formats of event files."""
    from mutau.io.event_files import SUFFIXES

    rows = [
        {
            "suffix": item.suffix,
            "format": item.title,
            "needs": item.needs or "nothing more",
        }
        for item in SUFFIXES.values()
    ]
    opening = (
        "`mutau generate … -o NAME` and `mutau.write_events`: the suffix decides. What weights "
        "mean and what each format keeps: [Event files](../design/0003-event-files.md)."
    )
    return _page("Event files", opening, table(rows))


def command_page() -> str:
    """The command line: help texts of every verb."""
    from typer.testing import CliRunner

    from mutau.cli.main import app

    runner = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"})
    verbs = [command.callback.__name__ for command in app.registered_commands if command.callback]
    parts = [_help(runner, app, [])]
    for verb in verbs:
        parts += [f"## mutau {verb}", _help(runner, app, [verb])]
    parts.insert(
        1,
        "Exit codes: 0 done, 2 wrong input (the message says where and what to do), 1 anything "
        "else. `--json` gives one object on stdout and nothing else there.",
    )
    return _page("Command line", *parts)


def _help(runner: Any, app: Any, words: list[str]) -> str:
    result = runner.invoke(app, [*words, "--help"], prog_name="mutau")
    if result.exit_code:
        raise RuntimeError(f"mutau {' '.join(words)} --help failed: {result.output}")
    return f"```text\n{result.output.strip()}\n```"


def experiment_file_page() -> str:
    """The keys of an experiment file, table by table, out of the schema."""
    from mutau.experiment.schema import Experiment

    seen: dict[str, Any] = {}
    _collect(Experiment, "", seen)
    parts = [
        'Quantities are texts with a unit, `"35 cm"`; every table says in `because` where its '
        "numbers stand or why they are assumed. Unknown keys are refused. "
        "`mutau check FILE.toml` finds all mistakes and says where they are.",
        "[A new experiment in 15 minutes](../tutorial/new-experiment.md) goes through one.",
    ]
    for address, model in seen.items():
        parts.append(f"## {address or 'At the top'}")
        parts.append(markdown_of(re.sub(r"\n    ", "\n", model.__doc__ or "")))
        parts.append(table(_keys(model)))
    return _page("The experiment file", *parts)


def _collect(model: Any, address: str, seen: dict[str, Any]) -> None:
    """Every table of the file with its address, in the order of the schema."""
    seen[address] = model
    for name, field in model.model_fields.items():
        inner, listed = _table_of(field.annotation)
        if inner is not None:
            path = f"{address}.{name}" if address else name
            _collect(inner, f"[[{path}]]" if listed else path, seen)


def _table_of(annotation: Any) -> tuple[Any, bool]:
    """The table behind a field's type, and whether the field is a list of them."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for part in getattr(annotation, "__args__", ()):
        inner, _ = _table_of(part)
        if inner is not None:
            return inner, getattr(annotation, "__origin__", None) is tuple
    return None, False


def _keys(model: Any) -> list[dict[str, Any]]:
    """Key, what it takes, whether it must be there, and the default, of one table's values."""
    rows = []
    for name, field in model.model_fields.items():
        if _table_of(field.annotation)[0] is not None:
            continue
        required = field.is_required() and (model.__name__, name) not in _FILLED
        default = None if required or field.default in (None, "", ()) else field.default
        rows.append(
            {
                "key": field.alias or name,
                "takes": _SPECIAL_KEYS.get((model.__name__, name)) or _takes(field),
                "needed": "yes" if required else "",
                "default": _FILLED.get((model.__name__, name))
                or (default if default is None else str(default).lower()),
            }
        )
    return rows


def _takes(field: Any) -> str:
    """What a key accepts, found by offering it examples of every dimension."""
    from pydantic import TypeAdapter, ValidationError

    from mutau.core.units import DIMENSIONS

    choice = re.match(r"typing.Literal\[(.*)\]", str(field.annotation))
    if choice:
        return " or ".join(part.strip("' ").join("``") for part in choice[1].split(","))
    annotation = field.annotation
    if field.metadata:
        annotation = Annotated[(annotation, *field.metadata)]
    adapter = TypeAdapter(annotation, config={"strict": True})

    def accepts(value: object) -> bool:
        try:
            adapter.validate_python(value)
        except (ValidationError, ValueError):
            return False
        return True

    if accepts("any text"):
        return "text"
    if annotation is str or field.annotation is str:
        return _names(adapter)
    kinds = {"true or false": True, "two numbers, `[6, 5]`": [6, 5]}
    found = [text for text, value in kinds.items() if accepts(value)]
    found += [f'`"{sample}"`' for _, sample in DIMENSIONS.values() if accepts(sample)]
    if accepts(1) and found[:1] != ["true or false"]:
        found.append("a number" if accepts(0.5) else "a whole number")
    return " or ".join(found)


def _names(adapter: Any) -> str:
    """The names that a field allows; where there are many, `mutau show` lists them."""
    from pydantic import ValidationError

    try:
        adapter.validate_python("?")
    except ValidationError as error:
        refusal = error.errors()[0].get("ctx", {}).get("error")
        allowed = getattr(refusal, "allowed", "").split(", ")
        if allowed != [""]:
            return " or ".join(f"`{name}`" for name in allowed)
    return "a name"


def all_pages() -> dict[str, str]:
    """Every reference page by file name."""
    pages = {f"{name}.md": text for name, text in shown_pages().items()}
    pages["command-line.md"] = command_page()
    pages["experiment-file.md"] = experiment_file_page()
    pages["event-files.md"] = event_files_page()
    pages["paper-numbers.md"] = paper_numbers_page()
    pages["muon-moment.md"] = moment_page()
    pages["deprecated.md"] = deprecated_page()
    return pages
