"""Publications by key: the one list that every `source` in the data points into."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from mutau.core.errors import Problems, UnknownName

_TEXTS = ("collaboration", "title", "journal", "volume", "pages", "doi", "arxiv", "url")


@dataclass(frozen=True, slots=True)
class Reference:
    """One publication. authors : "Family, Given" each; "others" at the end stands for et al."""

    key: str
    authors: tuple[str, ...]
    title: str
    year: int
    collaboration: str = ""
    journal: str = ""
    volume: str = ""
    pages: str = ""
    doi: str = ""
    arxiv: str = ""
    url: str = ""

    @property
    def short(self) -> str:
        """One line for captions: first author or collaboration, where, year."""
        first = self.authors[0].split(",")[0]
        who = self.collaboration or first + (" et al." if len(self.authors) > 1 else "")
        where = " ".join(part for part in (self.journal, self.volume, self.pages) if part)
        if not where or not (self.volume or self.pages):
            where = f"arXiv:{self.arxiv}" if self.arxiv else where
        return f"{who}, {where} ({self.year})"

    def bibtex(self) -> str:
        """The entry for a LaTeX bibliography."""
        entry = {
            "author": " and ".join(
                name if "," in name or name == "others" else f"{{{name}}}" for name in self.authors
            ),
            "collaboration": self.collaboration,
            "title": f"{{{self.title}}}",
            "journal": self.journal,
            "volume": self.volume,
            "pages": self.pages,
            "year": str(self.year),
            "doi": self.doi,
            "eprint": self.arxiv,
            "archivePrefix": "arXiv" if self.arxiv else "",
            "url": self.url,
        }
        kind = "article" if self.journal else "misc"
        lines = [f"  {name} = {{{value}}}," for name, value in entry.items() if value]
        return "\n".join([f"@{kind}{{{self.key},", *lines, "}"])


def check_reference(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with one entry of references.toml, as sentences; empty where nothing is."""
    wrong = []
    authors = entry.get("authors")
    if not (isinstance(authors, list) and authors and all(isinstance(a, str) for a in authors)):
        wrong.append("authors must be a list of names")
    if not isinstance(entry.get("year"), int):
        wrong.append("year is missing")
    if not entry.get("title"):
        wrong.append("title is missing")
    wrong += [f"{name!r} is unknown" for name in entry if name not in ("authors", "year", *_TEXTS)]
    wrong += [
        f"{name} must be a text" for name in _TEXTS if not isinstance(entry.get(name, ""), str)
    ]
    if not any(entry.get(name) for name in ("doi", "arxiv", "journal", "url")):
        wrong.append("one of doi, arxiv, journal, url is needed")
    return wrong


@cache
def references() -> Mapping[str, Reference]:
    """Every publication of data/references.toml by its key.

    Raises Problems naming every entry that is not complete.
    """
    text = files("mutau.data").joinpath("references.toml").read_text(encoding="utf-8")
    table = {key: entry for key, entry in tomllib.loads(text).items() if key != "schema"}
    wrong = [(key, text) for key, entry in table.items() for text in check_reference(entry)]
    if wrong:
        raise Problems("references.toml", wrong)
    built = {
        key: Reference(key=key, **{**entry, "authors": tuple(entry["authors"])})
        for key, entry in table.items()
    }
    return MappingProxyType(built)


def reference(source: str) -> Reference:
    """The publication behind a source written as a key, "doi:..." or "arXiv:...".

    Raises UnknownName if the list lacks it.
    """
    table = references()
    if source in table:
        return table[source]
    scheme, _, value = source.partition(":")
    for item in table.values():
        if (scheme.lower() == "doi" and item.doi.lower() == value.lower() != "") or (
            scheme.lower() == "arxiv" and item.arxiv == value != ""
        ):
            return item
    raise UnknownName("reference", source, table, remedy="add it to references.toml")
