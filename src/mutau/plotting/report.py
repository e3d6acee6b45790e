"""The report: one self-contained page with every figure and every published number beside ours."""

from __future__ import annotations

import base64
import html
import json
import platform
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mutau.core.errors import FileError
from mutau.core.storage import write_text
from mutau.plotting.static import write_figure

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; color: #222;
       padding: 0 1rem; background: #fff; }
h1, h2 { line-height: 1.2; } figure { margin: 1.5rem 0; } img { max-width: 100%; }
figcaption { color: #555; max-width: 52rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { border-bottom: 1px solid #ddd; padding: .35rem .6rem; text-align: left;
         vertical-align: top; }
th { background: #f5f5f5; } td.num { white-space: nowrap; } code { background: #f5f5f5; }
.agrees { color: #1b7837; font-weight: 600; } .differs { color: #b2182b; font-weight: 600; }
.shown { color: #555; }
"""
_HEAD = ("id", "quantity", "paper", "ours", "difference", "verdict", "why, and how", "s")


def prepare_folder(folder: str | Path) -> Path:
    """Make the folder, and see that a file can be written there, before anything is computed.

    Raises FileError if that is impossible.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise FileError(
            f"cannot write into the folder {str(folder)!r} ({error.strerror})",
            remedy="choose a folder that is writable",
        ) from error


def write_report(result: Any, folder: str | Path, style: str = "mutau") -> list[Path]:
    """Write figures (PNG), `numbers.json` and `report.html` into `folder`; return the paths.

    result : mutau.pipeline.reproduction.Reproduction.
    Raises FileError if the folder cannot be made or written.
    """
    folder = prepare_folder(folder)
    paths = []
    for figure in result.figures:
        path = folder / f"{figure.id}.png"
        write_figure(figure, path, style)
        paths.append(path)
    numbers = folder / "numbers.json"
    write_text(numbers, json.dumps(_numbers(result), indent=1, ensure_ascii=False))
    page = folder / "report.html"
    write_text(page, _page(result, paths))
    return [*paths, numbers, page]


def _numbers(result: Any) -> dict[str, Any]:
    rows = [{name: getattr(row, name) for name in row.__slots__} for row in result.rows]
    return {**result.meta, "level": result.level.name, "seconds": result.seconds, "rows": rows}


def _versions() -> str:
    names = []
    for package in ("mutau", "numpy", "scipy", "numba", "matplotlib"):
        try:
            names.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join([*names, f"Python {platform.python_version()}"])


def _row(row: Any) -> str:
    cells = [
        f"<td><code>{html.escape(row.id)}</code></td>",
        f"<td>{html.escape(row.quantity)}</td>",
        f"<td>{html.escape(row.paper)}</td>",
        f"<td class=num>{html.escape(row.ours)}</td>",
        f"<td class=num>{html.escape(row.difference)}</td>",
        f"<td class={row.verdict}>{row.verdict}</td>",
        f"<td>{html.escape(row.why)}<br><small>{html.escape(row.how)}</small></td>",
        f"<td class=num>{row.seconds:.1f}</td>",
    ]
    return "<tr>" + "".join(cells) + "</tr>"


def _page(result: Any, images: list[Path]) -> str:
    level = result.level
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    body = "\n".join(_row(row) for row in result.rows)
    agree = sum(row.verdict == "agrees" for row in result.rows)
    differ = sum(row.verdict == "differs" for row in result.rows)
    shown = []
    for figure, path in zip(result.figures, images, strict=True):
        data = base64.b64encode(path.read_bytes()).decode()
        shown.append(
            f"<figure id='{html.escape(figure.id)}'><h3>{html.escape(figure.title)}</h3>"
            f"<img alt='{html.escape(figure.title)}' src='data:image/png;base64,{data}'>"
            f"<figcaption><code>{html.escape(figure.id)}</code> {html.escape(figure.caption)}"
            "</figcaption></figure>"
        )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>mutau: papers and ours</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>
<h1>Published numbers beside ours</h1>
<p>Papers: {html.escape(", ".join(result.papers))}. Level: {level.name} ({level.events} Monte Carlo
events per point, {level.points} points per curve), seed {level.seed}. {agree} numbers agree,
{differ} differ (each with its reason), the rest are shown. Computed with
{html.escape(_versions())} in {sum(result.seconds.values()):.0f} s.</p>
<h2>Numbers</h2><div class=scroll><table><thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div>
<h2>Figures</h2>
{"".join(shown)}
</body></html>
"""
