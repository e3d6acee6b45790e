"""The documentation builds without the network, is complete, has no dead links; tutorials run."""

from __future__ import annotations

import importlib
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mutau

pytest.importorskip("mkdocs", reason="the extra 'docs' is not installed")

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorial").glob("*.md"))


@pytest.fixture(scope="module")
def builder():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        yield importlib.import_module("build")
    finally:
        sys.path.remove(str(ROOT / "docs"))


@pytest.fixture(scope="module")
def built(builder, tmp_path_factory):
    """The site and its problems, with two dead links put in; no network while it is made."""
    folder, copy = (tmp_path_factory.mktemp(name) / name for name in ("site", "docs"))
    shutil.copytree(ROOT / "docs", copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "physics" / "index.md").open("a", encoding="utf-8") as file:
        file.write("\n[nowhere](nothing.md) [no such part](../reference/models.md#nothing)\n")

    def refuse(*_):
        raise AssertionError("the build asks for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "HERE", copy)
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        return folder, builder.build(folder)


@pytest.fixture(scope="module")
def site(built):
    return built[0]


def text_of(site, page):
    return (site / page).read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loads = re.findall(r"<(?:script|link|img)[^>]*?(?:src|href)=\"(.*?)\"", text)
        assert loads
        for address in loads:
            assert not re.match(r"(https?:)?//", address), f"{page.name}: {address}"
            if not address.startswith(("data:", "#")):
                target = (page.parent / address.split("?")[0].split("#")[0]).resolve()
                assert target.exists() or page.name == "404.html", f"{page.name}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", sheet.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("snippet", "bad"),
    [
        ('<script src="https://example.org/x.js"></script>', True),
        ("<script async src='//example.org/x.js'></script>", True),
        ('<link rel="stylesheet" href="https://example.org/x.css">', True),
        ('<img alt="" src="http://example.org/x.png">', True),
        ("<style>@import 'https://example.org/x.css'</style>", True),
        ("<style>a{background:url(https://example.org/x.png)}</style>", True),
        ('<pre class="mermaid"><code>graph</code></pre>', True),
        ('<a href="https://example.org">words</a>', False),
        ('<link rel="canonical" href="https://example.org">', False),
        ('<script src="assets/x.js"></script><img src="x.png">', False),
    ],
)
def test_what_counts_as_loaded_from_elsewhere(builder, tmp_path, snippet, bad):
    (tmp_path / "page.html").write_text(f"<html>{snippet}</html>", encoding="utf-8")
    assert bool(list(builder.external_loads(tmp_path))) is bad


def test_a_dead_link_is_a_problem_and_there_is_no_other(built):
    first, second = built[1]
    assert "nothing.md" in first
    assert "#nothing" in second


def test_every_list_and_every_name_in_it_has_its_place(site):
    from mutau.analysis.show import SHOWN, show_result

    for name in SHOWN:
        page = text_of(site, f"reference/{name}.html")
        for row in show_result(name)[name]:
            assert f"<code>{next(iter(row.values()))}</code>" in page, (name, row)
    from mutau.bounds import missing

    page = text_of(site, "reference/limits.html")
    assert all(f"<code>{item.name}</code>" in page for item in missing())


def test_every_verb_has_its_help(site):
    from mutau.cli.main import app

    page = text_of(site, "reference/command-line.html")
    for command in app.registered_commands:
        assert f">mutau {command.callback.__name__}<" in page
    assert page.count("Usage: mutau") == 1 + len(app.registered_commands)


def test_the_house_lists_every_verb():
    from mutau.cli.main import app

    note = (ROOT / "docs" / "design" / "0001-house.md").read_text(encoding="utf-8")
    verbs = {command.callback.__name__ for command in app.registered_commands}
    table = re.findall(r"^\| (`.*?) \|", note.partition("## Verbs")[2], re.M)
    assert set(re.findall(r"`(\w+)`", " ".join(table))) == verbs


def test_every_key_of_an_experiment_file_is_explained(site):
    page = text_of(site, "reference/experiment-file.html")

    def keys(value):
        for key, item in value.items():
            inner = item[0] if isinstance(item, list) and item else item
            if isinstance(inner, dict):
                yield from keys(inner)
            else:
                yield key

    from mutau.experiment import experiment_names, experiment_path

    for name in experiment_names():
        document = tomllib.loads(experiment_path(name).read_text(encoding="utf-8"))
        assert {key for key in keys(document) if f"<code>{key}</code>" not in page} == set()


def test_every_public_name_is_documented(site):
    index = text_of(site, "api/index.html")
    links = {
        name: address
        for address, name in re.findall(r'<a href="([^"]+)"><code>([^<]+)</code></a>', index)
    }
    assert set(links) == set(mutau.__all__) - {"__version__"}
    for name, address in links.items():
        page, anchor = address.split("#")
        assert f'id="{anchor}"' in text_of(site, f"api/{page}"), name


def test_no_path_of_this_machine_is_published(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert str(ROOT) not in text, page.name
        assert str(Path.home()) + "/" not in text, page.name


@pytest.mark.parametrize(
    ("docstring", "markdown"),
    [
        ("One line.", "One line."),
        ("", ""),
        ("Width of a\nparticle.", "Width of a particle."),
        (
            "Do.\n\na, b : (N,) float64, GeV. c : text that\n    goes on.\nReturns x*y. Raises E.",
            "Do.\n\n- `a`, `b` : (N,) float64, GeV.\n- `c` : text that goes on.\n\n"
            "Returns x&#42;y. Raises E.",
        ),
        ("Do.\n\n>>> f(1)\n2", "Do.\n\n```pycon\n>>> f(1)\n2\n```"),
        ("Do.\n\n    x = a_b * c", "Do.\n\n```text\nx = a_b * c\n```"),
        ("sigma_pb and `a*b` < |x|", "sigma_pb and `a*b` &#60; &#124;x&#124;"),
        ("- one\n- two", "- one\n- two"),
    ],
)
def test_docstrings_become_markdown(builder, docstring, markdown):
    assert importlib.import_module("api_pages").markdown_of(docstring) == markdown


# Tutorials

#: Verbs that take longer; the tests of the README and of the verbs themselves run them.
SLOW = ("limit", "plane", "yields")


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


@pytest.mark.compiled
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_run_as_they_stand(page, tmp_path, runs_as_shown, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, done = {"__name__": "tutorial"}, 0
    for language, text in blocks(page, "(toml|shell|console|python)"):
        if language == "toml":
            file = tmp_path / f"{tomllib.loads(text)['name']}.toml"
            file.write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, page.name, "exec"), names)
        elif language == "console":
            assert runs_as_shown(text), text
        else:
            for line in text.splitlines():
                _command(line, tmp_path)
        done += 1
    assert done or page.stem == "index"


def _command(line, folder):
    """Run one line of a page; of a slow verb only see that it has the options."""
    words = line.split()
    assert words[0] == "mutau", line
    program = Path(sys.executable).parent / "mutau"
    if words[1] in SLOW:
        page_help = _run([program, words[1], "--help"], folder).stdout
        options = [word for word in words if word.startswith("-")]
        assert all(re.search(rf"(^|[\s,]){word}\b", page_help) for word in options), line
    else:
        assert _run([program, *words[1:]], folder).stdout, line


def _run(command, folder):
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def test_the_tutorials_mistake_is_found_where_it_says(tmp_path):
    (page,) = (page for page in TUTORIALS if page.stem == "new-experiment")
    (text,) = blocks(page, "toml")
    assert text.count('z = "10 m"\n') == 1
    (tmp_path / "toy.toml").write_text(text.replace('z = "10 m"\n', "z = 10\n"), encoding="utf-8")
    from mutau.core.errors import Problems
    from mutau.experiment import check_file

    with pytest.raises(Problems, match=r"detector/counter\[1\]/z: .*no unit"):
        check_file(tmp_path / "toy.toml")
