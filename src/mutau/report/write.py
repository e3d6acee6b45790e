"""The report of a reproduction: a folder with the page, figures, numbers and limits."""

from __future__ import annotations

import base64
import io
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mutau.analysis.citations import collect
from mutau.analysis.results import limit_name, write_figures
from mutau.core.errors import MutauError
from mutau.core.figure import Figure
from mutau.core.storage import staged, write_text
from mutau.report.page import Image, page
from mutau.report.reproduction import sources
from mutau.report.statements import counted
from mutau.report.static import FORMATS, check_style, write_figure

#: What a limit says of itself: cuts that were not simulated, backgrounds that were not computed.
LEFT_OPEN = ("not_simulated", "not_computed")
_PACKAGES = ("mutau", "numpy", "scipy", "numba", "iminuit", "matplotlib", "mplhep", "plotly")


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Suffixes with their points, ".png" first. Raises MutauError for an unknown format."""
    wanted = dict.fromkeys([".png", *(f".{item.lstrip('.')}" for item in formats if item)])
    for suffix in wanted:
        if suffix not in FORMATS:
            raise MutauError(f"no figure format for {suffix!r}", allowed=", ".join(FORMATS))
    return tuple(wanted)


def write_report(
    result: Any, folder: str | Path, style: str = "mutau", formats: Sequence[str] = ()
) -> list[Path]:
    """Write a reproduction into `folder`; return the paths, `report.html` last.

    result : mutau.report.reproduction.Reproduction. formats : of the figures, beside PNG.
    Written, all or nothing: all figures, `figures.json`, `numbers.json`, `limits/*.npz`,
    `references.bib`, page.
    Raises FileError if the folder cannot be made or written, MutauError for a style or format.
    """
    suffixes = check_formats(formats)
    check_style(style)
    with staged(folder) as stage:
        paths = _write(result, stage, style, suffixes)
    return [Path(folder) / path.relative_to(stage) for path in paths]


def summary(result: Any, paths: Sequence[Path], everything: bool) -> dict[str, Any]:
    """What the command line prints of a report.

    paths : as `write_report` returns them. everything : its numbers and the reasons of what is
    absent too, which people find in the report.
    """
    verdicts = [row.verdict for row in result.rows]
    found: dict[str, Any] = {
        "report": str(paths[-1]),
        "figures": [path.name for path in paths if path.suffix == ".png"],
        "agree": verdicts.count("agrees"),
        "differ": verdicts.count("differs"),
        "undecided": verdicts.count("undecided"),
        "shown": verdicts.count("shown"),
        "inputs": verdicts.count("input"),
        "absent": len(result.absent),
        "statements": counted(result.statements),
        "seconds": sum(result.seconds.values()),
    }
    if result.only:
        found["only"] = list(result.only)
    if everything:
        found |= result.meta
        keys = ("id", "document", "paper", "ours", "value", "err", "model_err", "difference",
                "verdict", "command")  # fmt: skip
        found["numbers"] = [{key: getattr(row, key) for key in keys} for row in result.rows]
        found["absent_because"] = {item.id: item.because for item in result.absent}
    return found


def _write(result: Any, folder: Path, style: str, suffixes: Sequence[str]) -> list[Path]:
    twin = _twin(result)
    figures = ([result.plane.figure] if result.plane and not twin else []) + list(result.figures)
    paths, images = [], []
    for figure in figures:
        for suffix in suffixes:
            paths.append(folder / f"{figure.id}{suffix}")
            write_figure(figure, paths[-1], style)
        images.append(_image(figure, folder / f"{figure.id}.png"))
    if twin:
        images.insert(0, _image(result.plane.figure, folder / f"{twin.id}.png"))
    write_figures(figures, folder / "figures.json")
    numbers = folder / "numbers.json"
    write_text(numbers, json.dumps(_numbers(result), indent=1, ensure_ascii=False))
    if result.limits:
        (folder / "limits").mkdir(exist_ok=True)
    for line in result.limits:
        paths.append(folder / "limits" / f"{limit_name(line)}.npz")
        line.save(paths[-1])
    cited = collect(sources(result))
    write_text(folder / "references.bib", cited.bibtex())
    written = folder / "report.html"
    write_text(written, page(result, images, _facts(result), cited))
    return [*paths, folder / "figures.json", folder / "references.bib", numbers, written]


def _twin(result: Any) -> Figure | None:
    """The figure of a paper that shows just what the plane shows, if there is one: of one paper."""

    def shown(figure: Figure) -> Any:
        return [item.to_dict() for item in figure.series], figure.x_range, figure.y_range

    if not result.plane:
        return None
    plane = shown(result.plane.figure)
    return next((figure for figure in result.figures if shown(figure) == plane), None)


def _numbers(result: Any) -> dict[str, Any]:
    return {
        **result.meta,
        "level": result.level.name,
        "seconds": result.seconds,
        "rows": [_finite(asdict(row)) for row in result.rows],
        **({"only": list(result.only)} if result.only else {}),
        "absent": [item.id for item in result.absent],
        "absent_because": {item.id: item.because for item in result.absent},
        "statements": [asdict(item) for item in result.statements],
        "statements_counted": counted(result.statements),
        "left_open": {
            limit_name(line): {key: line.meta[key] for key in LEFT_OPEN if key in line.meta}
            for line in result.limits
        },
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it: no infinite distance (from a printed number where ours is 0)."""
    distance = row["distance"]
    return {**row, "distance": None if distance is None or math.isinf(distance) else distance}


def _facts(result: Any) -> dict[str, str]:
    """What the page says about how it was made."""
    level = result.level
    seconds = sum(result.seconds.values())
    part = {"Part": f"only {', '.join(result.only)}"} if result.only else {}
    facts = part | {
        "Level": f"{level.name}: {level.events} Monte Carlo events per point, "
        f"{level.points} points per curve",
        "Seed": f"{level.seed}; the result does not depend on the number of workers",
        "Time": f"{seconds:.0f} s ({platform.system()}, {platform.machine()})",
        "Versions": _versions(),
    }
    for line in result.limits:
        digests = line.meta.get("digests", {})
        facts[f"Limit {limit_name(line)}"] = (
            f"{100 * line.cl:g} % CL, method {line.method}, {len(line.mass)} masses; digests: "
            + ", ".join(f"{name} {value}" for name, value in digests.items())
            + "".join(
                f"; {key.replace('_', ' ')}: {_listed(line.meta[key])}"
                for key in LEFT_OPEN
                if line.meta.get(key)
            )
        )
    return facts


def _listed(items: Any) -> str:
    """A list of names, or of tables with name, reason and size, in one line."""
    texts = []
    for item in items:
        row = item if isinstance(item, Mapping) else {"name": item}
        size = f" ({row['size']})" if row.get("size") else ""
        texts.append(": ".join(str(row[key]) for key in ("name", "reason") if row.get(key)) + size)
    return "; ".join(texts)


def _versions() -> str:
    names = []
    for package in _PACKAGES:
        try:
            names.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join([*names, f"Python {platform.python_version()}"])


def _image(figure: Figure, path: Path) -> Image:
    """A drawn PNG for the page: WebP of 256 colours where Pillow has it, a third of the size.

    No colour moves by more than some 6 %; the exact picture lies beside the page.
    """
    from PIL import Image as Picture
    from PIL import features

    with Picture.open(path) as picture:
        if not features.check("webp"):
            data, kind = path.read_bytes(), "png"
        else:
            packed = io.BytesIO()
            few = picture.convert("RGB").quantize(
                256, Picture.Quantize.MAXCOVERAGE, dither=Picture.Dither.NONE
            )
            few.convert("RGB").save(packed, "WEBP", lossless=True, method=4)
            data, kind = packed.getvalue(), "webp"
        text = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        return Image(figure, text, *picture.size)
