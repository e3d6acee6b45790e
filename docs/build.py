"""Build the documentation: the written pages, and those generated from registries and sources.

    python docs/build.py [folder]        (default: site)

A broken link between pages, or a page that loads a script, style, font or picture from another
site, is an error. The build itself uses no network.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "src" / "mutau"
#: The tabs in their order, with their titles: a page of its own, or a folder of pages.
TABS = {
    "index.md": "Home",
    "tutorial": "Tutorials",
    "reference": "Reference",
    "api": "Python API",
    "physics": "Physics",
    "validation": "Validation",
    "benchmarks.md": "Benchmarks",
    "design": "Design",
    "contributing": "Contributing",
}
#: Folders of generated pages.
GENERATED = ("reference", "api")
_LOADS = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc\s*=\s*[\"']?(?:https?:)?//[^\s\"'>]+"
    r"|<link\b(?![^>]*\brel\s*=\s*[\"']?(?:canonical|alternate|prev|next))[^>]*?"
    r"\shref\s*=\s*[\"']?(?:https?:)?//[^\s\"'>]+"
    r"|url\(\s*[\"']?(?:https?:)?//[^)]+"
    r"|@import\s+[\"'](?:https?:)?//[^\"']+",
    re.IGNORECASE,
)
# The theme fetches a drawing program for these, when such a diagram is on the page.
_DIAGRAM = re.compile(
    r"<(?:pre|div)\b[^>]*\bclass\s*=\s*[\"']?[^\"'>]*\bmermaid\b[^>]*>", re.IGNORECASE
)


def write_pages(folder: Path) -> None:
    """Put all pages into an empty folder: copies of the written ones, then the generated ones."""
    from api_pages import public_page, sub_package_pages
    from reference_pages import all_pages

    for name in ("style.css", "images", *TABS):
        if (HERE / name).is_dir():
            shutil.copytree(HERE / name, folder / name)
        elif name not in GENERATED:
            shutil.copy(HERE / name, folder / name)
    pages = {f"reference/{name}": text for name, text in all_pages().items()}
    pages |= {f"api/{part}.md": text for part, text in sub_package_pages(PACKAGE).items()}
    pages["api/index.md"] = public_page(PACKAGE)
    pages["reference/index.md"] = contents("Reference", pages, "reference")
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in TABS:
        if (HERE / name).is_dir():
            _append_contents(folder / name / "index.md")


def title_of(text: str, default: str) -> str:
    """The first heading of a page, without its anchor."""
    found = re.search(r"^# (.+?)(?: \{ #.*\})?$", text, re.MULTILINE)
    return found[1].strip() if found else default


def contents(title: str, pages: dict[str, str], folder: str) -> str:
    """A page that lists all pages of a folder by their titles."""
    lines = [f"# {title}", ""]
    for name in sorted(pages):
        if name.startswith(f"{folder}/"):
            file = name.removeprefix(f"{folder}/")
            lines.append(f"- [{title_of(pages[name], file)}]({file})")
    return "\n".join(lines) + "\n"


def _append_contents(index: Path) -> None:
    """Add the list of a folder's pages to its index, those left out that it links already."""
    text = index.read_text(encoding="utf-8")
    rest = [
        f"- [{title_of(page.read_text(encoding='utf-8'), page.stem)}]({page.name})"
        for page in sorted(index.parent.glob("*.md"))
        if page != index and f"({page.name})" not in text
    ]
    if rest:
        index.write_text("\n".join([text.rstrip(), "", *rest]) + "\n", encoding="utf-8")


def navigation(folder: Path) -> list[dict[str, Any]]:
    """The list of pages: one tab per folder, its index first, the others as the index has them."""
    nav: list[dict[str, Any]] = []
    for name, title in TABS.items():
        if name.endswith(".md"):
            nav.append({title: name})
            continue
        entries: list[Any] = [f"{name}/index.md"]
        index = (folder / name / "index.md").read_text(encoding="utf-8")
        pages = [page for page in sorted((folder / name).glob("*.md")) if page.name != "index.md"]
        places = {page.name: index.find(f"({page.name}") % len(index) for page in pages}
        for page in sorted(pages, key=lambda page: places[page.name]):
            text = page.read_text(encoding="utf-8")
            entries.append({title_of(text, page.stem): f"{name}/{page.name}"})
        nav.append({title: entries})
    return nav


def external_loads(site: Path) -> Iterator[tuple[str, str]]:
    """(file, text) of everything in a built site that a browser would load from another site."""
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".css"):
            text = path.read_text(encoding="utf-8")
            for found in (*_LOADS.finditer(text), *_DIAGRAM.finditer(text)):
                yield path.relative_to(site).as_posix(), found[0][:200]


class _Collected(logging.Handler):
    """Warnings of the site generator, one text each."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def build(site: Path) -> list[str]:
    """Build into the folder `site`; returns what is wrong with the result, nothing if all is well.

    The generator's own messages about links, and everything from `external_loads`.
    """
    from mkdocs.commands.build import build as make
    from mkdocs.config import load_config

    collected = _Collected()
    logger = logging.getLogger("mkdocs")
    logger.addHandler(collected)
    try:
        with tempfile.TemporaryDirectory(prefix="mutau-docs-") as name:
            folder = Path(name)
            write_pages(folder)
            config = load_config(
                config_file=str(HERE / "mkdocs.yml"),
                docs_dir=str(folder),
                site_dir=str(site.resolve()),
                nav=navigation(folder),
            )
            make(config)
    finally:
        logger.removeHandler(collected)
    return [*collected.texts, *(f"{page} loads {what}" for page, what in external_loads(site))]


def main(arguments: list[str]) -> int:
    """Build, print what is wrong, and return the exit code."""
    if len(arguments) > 1 or any(word.startswith("-") for word in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    site = Path(arguments[0] if arguments else "site")
    problems = build(site)
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    if problems:
        return 1
    print(f"{site}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
