"""`publish` and `verify`: a touched file is named, also where its digest was mended."""

import hashlib
import json
import re

import pytest

from mutau.core.storage import sealed

pytest.importorskip("pyhf")

MASSES = "20MeV,25MeV,30MeV,36MeV,42MeV,50MeV,60MeV"


@pytest.fixture
def published(cli, tmp_path):
    folder = tmp_path / "m3"
    made = cli("publish", "m3", "--mass", MASSES, "-o", str(folder))
    assert made.code == 0, made.err
    return folder


def differing(cli, folder):
    """Files that `verify` names, and its exit code."""
    found = cli("verify", str(folder), "--json")
    return found.code, [row["file"] for row in json.loads(found.out)["differences"]]


@pytest.mark.compiled
def test_what_was_changed_is_named(cli, published):
    assert differing(cli, published) == (0, [])
    page = published / "CAVEATS.md"
    whole = page.read_bytes()
    page.write_bytes(whole.replace(b"limit", b"limiT", 1))
    assert differing(cli, published) == (1, ["CAVEATS.md"])
    page.write_bytes(whole)
    # one digit of a limit, and both digests mended
    name = next(n for n in sorted(p.name for p in (published / "limits").glob("*.csv"))
                if "errors" not in n)  # fmt: skip
    table = published / "limits" / name
    text = table.read_text()
    digit = list(re.finditer(r"[1-8](?=[0-9]*e-|[0-9]*\s*$)", text))[-1].start()
    table.write_text(f"{text[:digit]}{int(text[digit]) + 1}{text[digit + 1 :]}")
    place = published / "manifest.json"
    manifest = json.loads(place.read_text())
    manifest.pop("digest")
    manifest["files"][f"limits/{name}"] = hashlib.sha256(table.read_bytes()).hexdigest()
    place.write_text(json.dumps(sealed(manifest), indent=1))
    assert differing(cli, published) == (1, [f"limits/{name}"])


@pytest.mark.compiled
def test_a_folder_with_files_is_refused_and_kept(cli, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.txt").write_text("mine")
    found = cli("publish", "m3", "--mass", MASSES, "-o", str(tmp_path / "own"))
    assert found.code == 2
    assert "a new or an empty folder" in found.err
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["mine.txt"]
