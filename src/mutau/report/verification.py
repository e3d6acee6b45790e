"""A published folder computed again, and compared file by file.

A changed byte is found by the digests of the manifest; a changed number whose digest was mended by
the computation, which starts from the experiment file and the settings alone.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from mutau._version import __version__
from mutau.analysis.loop import Progress
from mutau.analysis.settings import Settings
from mutau.core.errors import FileError, MutauError
from mutau.core.reading import read_json
from mutau.core.storage import Damaged, with_seal
from mutau.experiment import load_experiment
from mutau.models import Family
from mutau.report.published import EXPERIMENT, FORMAT, MANIFEST, digests, publish_experiment

#: Relative difference of numbers that another machine may give.
PRECISION: Final = 1e-6
_NUMBER: Final = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
_DIGEST: Final = re.compile(r"\b[0-9a-f]{16,64}\b")


def verify_folder(folder: str | Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Compare a folder that `publish_experiment` wrote with its manifest and with itself made anew.

    Returns files (their number), differences (rows {file, why}; empty where all agrees).
    Raises FileError for a folder without a manifest of ours, MutauError for one of another version
    of this program, which can only be compared by that.
    """
    folder = Path(folder)
    manifest, rows = _manifest(folder / MANIFEST)
    if manifest.get("mutau_version") != __version__:
        raise MutauError(
            f"mutau {manifest.get('mutau_version')} made it, this is {__version__}",
            place=str(folder), remedy="compare it with that version",
        )  # fmt: skip
    stated, found = manifest["files"], digests(folder)
    for name in sorted({*stated, *found}):
        if name not in found:
            rows.append({"file": name, "why": "is missing"})
        elif name not in stated:
            rows.append({"file": name, "why": "is not in the manifest"})
        elif stated[name] != found[name]:
            rows.append({"file": name, "why": "its digest is another: it was changed"})
    known = {row["file"] for row in rows}
    rows += [row for row in _anew(folder, manifest, progress) if row["file"] not in known]
    return {"folder": str(folder), "files": len(stated) + 1, "differences": rows}


def _manifest(path: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The manifest, and a row if its own digest is another. Raises FileError."""
    plain = read_json(path, "manifest")
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise FileError(f"{str(path)!r} is no manifest of a publication",
                        remedy="'mutau publish EXPERIMENT -o DIR' writes one")  # fmt: skip
    missing = {"files", "settings", "family", "masses_GeV"} - {*plain}
    if missing:
        raise FileError(f"{str(path)!r} lacks {sorted(missing)}", remedy="fetch it again")
    try:
        return with_seal(dict(plain)), []
    except Damaged as error:
        plain.pop("digest", None)
        return plain, [{"file": MANIFEST, "why": str(error)}]


def _anew(
    folder: Path, manifest: dict[str, Any], progress: Progress | None
) -> list[dict[str, str]]:
    """Rows of files that a computation from the experiment file gives otherwise."""
    rows = []
    try:
        experiment = load_experiment(folder / EXPERIMENT)
        if experiment.digest != manifest.get("experiment_digest"):
            rows.append({"file": EXPERIMENT, "why": "is not the experiment of the results"})
        with tempfile.TemporaryDirectory(prefix="mutau-verify-") as name:
            publish_experiment(
                str(folder / EXPERIMENT), name, manifest["masses_GeV"],
                Family(**manifest["family"]), settings=Settings(**manifest["settings"]),
                progress=progress,
            )  # fmt: skip
            made = Path(name)
            for path in sorted(item for item in made.rglob("*") if item.is_file()):
                place = path.relative_to(made).as_posix()
                if place != EXPERIMENT and (folder / place).is_file():
                    why = difference(path, folder / place)
                    rows += [{"file": place, "why": why}] if why else []
    except (MutauError, TypeError) as error:
        rows.append({"file": EXPERIMENT, "why": f"the results cannot be made again: {error}"})
    return rows


def difference(ours: Path, theirs: Path) -> str:
    """What differs between two text files beyond PRECISION in a number; "" for nothing.

    Digests count in files other than the manifest, whose digests are compared by themselves.
    """
    one, two = ours.read_bytes(), theirs.read_bytes()
    if one == two:
        return ""
    texts = [data.decode("utf-8", errors="replace") for data in (one, two)]
    if ours.name == MANIFEST:
        texts = [json.dumps({**json.loads(t), "files": 0, "digest": 0}) for t in texts]
    else:
        texts = [re.sub(r'"digest": "[0-9a-f]{16}"', '"digest": ""', text) for text in texts]
    words = [_NUMBER.split(_DIGEST.sub("", text)) for text in texts]
    if words[0] != words[1] or _DIGEST.findall(texts[0]) != _DIGEST.findall(texts[1]):
        return "its text is another when it is made again"
    numbers = [[float(n) for n in _NUMBER.findall(_DIGEST.sub("", text))] for text in texts]
    for mine, given in zip(*numbers, strict=True):
        if not math.isclose(mine, given, rel_tol=PRECISION, abs_tol=1e-300):
            return f"{given!r} stands where {mine!r} comes out when it is made again"
    return ""
