"""Results on disk: limits, yields and figures as they were written, and their names."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mutau.core.errors import FileError
from mutau.core.figure import Figure
from mutau.core.reading import read_json
from mutau.core.storage import Damaged, load_arrays, sealed, with_seal, write_text
from mutau.core.types import Exclusion, Yields
from mutau.models.dark_matter import USUAL_DARK_MATTER

Result = Exclusion | Figure | Yields
_TYPES: dict[str, Any] = {"Exclusion": Exclusion, "Yields": Yields}


def load_results(paths: Iterable[str | Path]) -> list[Result]:
    """Results from files: a limit or yields (.npz), figures (.json), or a folder with both.

    A folder is what `mutau reproduce` writes: `figures.json` and `limits/*.npz`.
    Raises FileError for a file that is missing or holds something else.
    """
    found: list[Result] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [path / "figures.json", *sorted((path / "limits").glob("*.npz"))]
            inside = [item for item in inside if item.exists()]
            if not inside:
                raise FileError(
                    f"{str(path)!r} holds no results", remedy="'mutau reproduce -o DIR' writes some"
                )
            found += load_results(inside)
        elif not path.exists():
            raise FileError(
                f"there is no file {str(path)!r}", allowed="what mutau wrote: .npz, .json, a folder"
            )
        elif path.suffix == ".json":
            found += read_figures(path)
        else:
            kind = load_arrays(path)[1].get("type")
            if kind not in _TYPES:
                raise FileError(
                    f"{str(path)!r} holds {kind!r}", allowed="a limit, yields, or figures"
                )
            found.append(_TYPES[kind].load(path))
    return found


def write_figures(figures: Sequence[Figure], path: Path) -> None:
    """Figures as one JSON file, to the last digit, with the digest of all."""
    plain = sealed({"figures": [figure.to_dict() for figure in figures]})
    write_text(path, json.dumps(plain, ensure_ascii=False, allow_nan=False))


def read_figures(path: Path) -> list[Figure]:
    """What `write_figures` wrote. Raises FileError for another file, or one changed since."""
    try:
        plain = with_seal(read_json(path, "file of figures"))
        return [Figure.from_dict(item) for item in plain["figures"]]
    except (ValueError, KeyError, TypeError, Damaged) as error:
        reason = f"no key {error}" if isinstance(error, KeyError) else error
        raise FileError(
            f"{str(path)!r} is no file of figures ({reason})",
            remedy="'mutau reproduce -o DIR' writes DIR/figures.json",
        ) from error


def limit_name(line: Exclusion) -> str:
    """Name for the files of a limit: experiment, model, dark sector."""
    parts = [line.experiment, line.model]
    if line.meta.get("alpha_d"):
        parts.append(f"alphad{line.meta['alpha_d']:g}-ratio{line.meta.get('mass_ratio', 3.0):g}")
        kind = line.meta.get("dark_matter", USUAL_DARK_MATTER)
        parts += [kind] if kind != USUAL_DARK_MATTER else []
    return slug("-".join(parts))


def slug(text: str) -> str:
    """A text as a file name: letters, digits, points and hyphens; Greek letters by their names.

    >>> slug("BaBar 4μ (2016)")
    'BaBar-4mu-2016'
    """
    spelled = re.sub("[α-ω]", lambda m: unicodedata.name(m[0]).split()[-1].lower(), text)
    plain = unicodedata.normalize("NFKD", spelled)
    return re.sub(r"[^A-Za-z0-9.]+", "-", plain).strip("-.") or "series"
