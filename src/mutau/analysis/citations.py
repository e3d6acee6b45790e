"""Publications behind a result, collected from the data objects that it was computed with.

Nothing is listed by hand: an experiment names its source and, in its texts, those of its sizes; a
material, a constant, a published curve and a year of the muon g-2 name theirs.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutau._version import __version__
from mutau.bounds import PublishedLimit, database
from mutau.core.constants import TABLE
from mutau.core.errors import UnknownName
from mutau.core.figure import Figure
from mutau.core.references import Reference, reference, references
from mutau.core.types import Exclusion, Yields
from mutau.models import MomentReference, moment_reference, moment_references

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: (source as written, what uses it)
Source = tuple[str, str]
_NUMBERS = re.compile(r"(?:arXiv|doi):\s?[\w./-]*\w", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:[A-Z][A-Za-z]*\. )+(?:[A-Z] )?\d+ \((?:19|20)\d\d\) [A-Z]?\d+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_SOFTWARE = f"""@software{{mutau,
  author = {{{{The mutau maintainers}}}},
  title = {{{{mutau: a light Z' boson from its Lagrangian to an exclusion plot}}}},
  version = {{{__version__}}},
}}"""


@dataclass(frozen=True, slots=True)
class Citations:
    """What to cite. used_by : key of a reference -> what uses it, in the order of the keys.

    elsewhere : sources that references.toml has no entry for, as written -> what uses them.
    """

    used_by: Mapping[str, tuple[str, ...]]
    elsewhere: Mapping[str, tuple[str, ...]]

    def bibtex(self) -> str:
        """Entries for a LaTeX bibliography; what has no entry stands in comments at the end."""
        entries = [_SOFTWARE]
        for key, users in self.used_by.items():
            entries.append(f"% used by: {', '.join(users)}\n{references()[key].bibtex()}")
        for text, users in self.elsewhere.items():
            entries.append(f"% not in the list of references: {text} (used by: {', '.join(users)})")
        return "\n\n".join(entries) + "\n"

    def rows(self) -> list[dict[str, Any]]:
        """One row per publication: key, reference, doi, arxiv, used_by."""
        table = references()
        return [
            {
                "key": key, "reference": table[key].short, "doi": table[key].doi,
                "arxiv": table[key].arxiv, "used_by": list(users),
            }
            for key, users in self.used_by.items()
        ]  # fmt: skip


def collect(sources: Iterable[Source]) -> Citations:
    """Sources resolved against the list of references, each with what uses it."""
    known: dict[str, dict[str, None]] = {}
    elsewhere: dict[str, dict[str, None]] = {}
    for text, user in sources:
        keys, rest = resolve(text)
        for key in keys:
            known.setdefault(key, {})[user] = None
        for item in rest:
            elsewhere.setdefault(item, {})[user] = None
    return Citations(
        {key: tuple(known[key]) for key in sorted(known)},
        {text: tuple(elsewhere[text]) for text in sorted(elsewhere)},
    )


def resolve(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keys of the references that a text names, and what it names beyond the list.

    A text is a key, "doi:...", "arXiv:...", or prose that holds such numbers, a journal with volume
    and page, or "PDG 2024" for the key "PDG:2024". Parts of prose between semicolons that carry a
    year but name nothing known come back as they are; parts without a year are explanations.

    >>> resolve("arXiv:2404.06982")
    (('NA64e:2024lmutau',), ())
    >>> resolve("A. N. Other, 1999; mixture rules")
    ((), ('A. N. Other, 1999',))
    """
    keys, rest = dict[str, None](), list[str]()
    for part in " ".join(text.split()).split("; "):
        found = named_in(part)
        keys |= dict.fromkeys(key for key in found if key in references())
        rest += [item for item in found if item not in references()]
        if not found and _YEAR.search(part):
            rest.append(part)
    return tuple(keys), tuple(rest)


def named_in(text: str) -> list[str]:
    """Keys that a text names; publications beyond the list as they are written."""
    try:
        return [reference(text).key]
    except UnknownName:
        pass
    found = [key for key, pattern in _patterns() if pattern.search(text)]
    for written in _NUMBERS.findall(text):
        try:
            found.append(reference(written.replace(" ", "")).key)
        except UnknownName:
            found.append(written)
    for match in _ARTICLE.finditer(text):
        if not any(pattern.search(match[0]) for _, pattern in _patterns()):
            found.append(match[0])
    return list(dict.fromkeys(found))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((item.key, _pattern(item)) for item in references().values())


def _pattern(item: Reference) -> re.Pattern[str]:
    name, _, year = item.key.partition(":")
    families = ", ".join(author.split(",")[0] for author in item.authors)
    ways = [
        rf"(?<![\w.]){re.escape(name)} {re.escape(year)}(?!\w)",
        rf"(?<!\w){re.escape(families)},? \(?{item.year}\b",
    ]
    if item.journal and item.volume and item.pages:
        parts = (re.escape(part) for part in (item.journal, item.volume, item.pages))
        ways.append(r"(?<!\w){},? {}\b[ ,(0-9)]{{0,9}}\b{}\b".format(*parts))
    return re.compile("|".join(ways))


def of_experiment(experiment: Experiment) -> Iterator[Source]:
    """Sources of an experiment: its own, those in the texts of its file, those of its materials."""
    from mutau.matter import material

    yield experiment.source, experiment.name
    for key, value in _entries(experiment.to_dict()):
        if key == "because":  # prose: what it names counts, what it explains does not
            yield from ((found, experiment.name) for found in named_in(" ".join(value.split())))
        elif key == "material":
            yield from of_material(material(experiment.material_name(value)))


def of_material(item: Any) -> Iterator[Source]:
    """Sources of a material, of what it is layered from, and of the table of elements."""
    yield _elements_source(), "elements"
    if not item.source.startswith(("assumption", "user")):
        yield item.source, f"material {item.name}"
    for part, _ in item.layers:
        yield from of_material(part)


@cache
def _elements_source() -> str:
    text = files("mutau.data").joinpath("elements.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["source"])


def _entries(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _entries(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _entries(item, key)
    elif isinstance(value, str):
        yield key, value


def of_constants() -> Iterator[Source]:
    """Sources of the physical constants."""
    for item in TABLE.values():
        yield item.source, "constants"


def of_curve(curve: PublishedLimit) -> Iterator[Source]:
    """Sources of a published curve: the publication, what it rests on, where the numbers lie."""
    for key in (curve.source, *curve.also):
        if key:
            yield key, f"curve {curve.name}"
    yield from ((found, f"curve {curve.name}") for found in named_in(curve.origin))


def of_moment(item: MomentReference) -> Iterator[Source]:
    """Measurement, prediction and difference of a year of the muon g-2."""
    for key in (item.source_measured, item.source_predicted, item.source_difference):
        yield key, f"g-2 of {item.year}"


def of_figure(figure: Figure) -> Iterator[Source]:
    """Sources that the series of a figure carry."""
    for series in figure.series:
        for key in series.meta.get("sources", ()):
            yield key, f"figure {figure.id}"


def own_sources(*experiments: Experiment) -> dict[str, dict[str, list[str]]]:
    """What experiments that are not bundled name, for the record of their results.

    Returns {"sources": {experiment: texts}}, and nothing where all are bundled.
    """
    from mutau.experiment import experiment_names

    own = [item for item in experiments if item.name not in experiment_names()]
    found = {
        item.name: list(
            dict.fromkeys(text for text, user in of_experiment(item) if user == item.name)
        )
        for item in own
    }
    return {"sources": found} if found else {}


def of_limit(line: Exclusion | Yields) -> Iterator[Source]:
    """Sources of the experiments that a limit or yields are of: bundled ones, and those that the
    result brings along (`own_sources`)."""
    from mutau.experiment import experiment_names, load_experiment

    brought = line.meta.get("sources", {})
    for name in line.experiment.split("+"):  # as `combined_limit` joins them
        if name in experiment_names():
            yield from of_experiment(load_experiment(name))
        yield from ((text, name) for text in brought.get(name, ()))


def of_plane(limits: Iterable[Exclusion], figure: Figure, year: int) -> Iterator[Source]:
    """Sources of a plane: limits, drawn curves, the year of g-2, constants."""
    for line in limits:
        yield from of_limit(line)
    yield from of_figure(figure)
    yield from of_moment(moment_reference(year))
    yield from of_constants()


def cited(names: Iterable[str]) -> Citations:
    """What to cite for things by name; nothing named means everything a default plane shows.

    names : experiments (or their files), published curves, "limits" for all of them, "gm2" or a
    year of it, "constants", files of a limit (.npz) or of figures (.json), folders of results.
    Raises UnknownName for another name.
    """
    wanted = tuple(names)
    if not wanted:
        from mutau.bounds import drawn_by_default
        from mutau.experiment import experiment_names

        wanted = (*experiment_names(), *(c.name for c in drawn_by_default()), "gm2", "constants")
    return collect(source for name in wanted for source in _of_name(name))


def _of_name(name: str) -> Iterator[Source]:
    from mutau.experiment import experiment_names, load_experiment

    if name in experiment_names() or name.endswith(".toml"):
        yield from of_experiment(load_experiment(name))
    elif name == "limits":
        for curve in database().values():
            yield from of_curve(curve)
    elif name in database():
        yield from of_curve(database()[name])
    elif name == "gm2":
        for item in moment_references().values():
            yield from of_moment(item)
    elif name.isdigit():
        yield from of_moment(moment_reference(int(name)))
    elif name == "constants":
        yield from of_constants()
    elif Path(name).exists():
        from mutau.analysis.results import load_results

        for result in load_results([name]):
            yield from of_figure(result) if isinstance(result, Figure) else of_limit(result)
    else:
        known = (*experiment_names(), *database(), "limits", "gm2", "constants")
        raise UnknownName("thing to cite", name, known, remedy="or give a file of results")
