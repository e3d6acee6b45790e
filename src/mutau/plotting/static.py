"""Figures as PNG, PDF or SVG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mutau.core.errors import MissingExtra, MutauError
from mutau.core.figure import Figure, Series
from mutau.core.storage import atomic_path

FORMATS = (".png", ".pdf", ".svg")
STYLES = ("mutau", "ATLAS", "CMS", "LHCb2", "ALICE")

_OURS = ("#b2182b", "#2166ac", "#1b7837", "#762a83", "#e08214", "#01665e", "#8c510a", "#c51b7d")
_PUBLISHED = (
    "#bdbdbd",
    "#9ecae1",
    "#c7c1de",
    "#fdd0a2",
    "#c7e9c0",
    "#d9c5b2",
    "#a6bddb",
    "#e0c6d8",
)
_EDGES = ("#636363", "#3182bd", "#6a51a3", "#a85b16", "#41903f", "#7a5230", "#2b6594")
_PREFERRED = "#74c476"


def check_suffix(path: str | Path) -> Path:
    """The path, if a figure can be written there. Raises MutauError for another suffix."""
    path = Path(path)
    if path.suffix not in FORMATS:
        raise MutauError(
            f"no figure format for {path.suffix!r}", place=str(path), allowed=", ".join(FORMATS)
        )
    return path


def write_figure(figure: Figure, path: str | Path, style: str = "mutau") -> None:
    """Draw `figure` into a file; the suffix decides the format.

    style : "mutau", or one of mplhep's journal styles.
    Raises MutauError for another suffix or style, MissingExtra without matplotlib.
    """
    path = check_suffix(path)
    if style not in STYLES:
        raise MutauError(f"style {style!r} is unknown", allowed=", ".join(STYLES))
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise MissingExtra("drawing figures", "plot") from error
    with mpl.rc_context(_rc(style)):
        canvas = Canvas(figsize=(7.2, 5.4), layout="constrained")
        FigureCanvasAgg(canvas)
        _draw(canvas.add_subplot(), figure)
        with atomic_path(path) as temporary:
            canvas.savefig(temporary, dpi=150, metadata=_metadata(path.suffix))


def _metadata(suffix: str) -> dict[str, Any]:
    """Dates are left out, so that the same figure gives the same file."""
    if suffix == ".png":
        return {"Software": "mutau"}
    return {"Date": None} if suffix == ".svg" else {"CreationDate": None, "Creator": "mutau"}


def _rc(style: str) -> Any:
    common = {
        "font.size": 11.0,
        "axes.linewidth": 0.9,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "xtick.minor.visible": True,
        "ytick.minor.visible": True,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "svg.hashsalt": "mutau",
        "mathtext.fontset": "dejavusans",
    }
    if style == "mutau":
        return common
    import mplhep

    journal = {k: v for k, v in getattr(mplhep.style, style).items() if k != "figure.figsize"}
    return {**common, **journal, "font.size": 13.0, "legend.fontsize": 9.0}


def _colours(series: tuple[Series, ...]) -> Iterator[tuple[Series, str, str]]:
    """Each series with its fill and edge colour, by role and order."""
    counts: dict[str, int] = {}
    for item in series:
        index = counts.get(item.role, 0)
        counts[item.role] = index + 1
        if item.role == "published":
            yield item, _PUBLISHED[index % len(_PUBLISHED)], _EDGES[index % len(_EDGES)]
        elif item.role == "preferred":
            yield item, _PREFERRED, "#238b45"
        elif item.role == "model":
            yield item, "#252525", "#252525"
        else:
            colour = _OURS[index % len(_OURS)]
            yield item, colour, colour


def _draw(axes: Any, figure: Figure) -> None:
    axes.set_xscale("log" if "x" in figure.log else "linear")
    axes.set_yscale("log" if "y" in figure.log else "linear")
    top = figure.y_range[1] if figure.y_range else None
    for item, fill, edge in _colours(figure.series):
        _draw_series(axes, item, fill, edge, top)
    if figure.x_range:
        axes.set_xlim(*figure.x_range)
    if figure.y_range:
        axes.set_ylim(*figure.y_range)
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    axes.set_title(figure.title, loc="left", fontsize="medium")
    if any(item.label for item in figure.series):
        many = sum(bool(item.label) for item in figure.series) > 7
        axes.legend(loc="best", ncols=2 if many else 1)


def _draw_series(axes: Any, item: Series, fill: str, edge: str, top: float | None) -> None:
    line = {"color": edge, "lw": 1.9 if item.role == "ours" else 1.1, "label": item.label or None}
    line["ls"] = "--" if item.dashed else "-"
    if item.kind == "line":
        axes.plot(item.x, item.y, zorder=5 if item.role == "ours" else 3, **line)
        if item.err is not None:
            axes.fill_between(
                item.x, item.y - item.err, item.y + item.err, color=edge, alpha=0.2, lw=0
            )
    elif item.kind == "steps":
        axes.stairs(item.y, item.x, **line)
        if item.err is not None:
            middle = 0.5 * (item.x[1:] + item.x[:-1])
            axes.errorbar(middle, item.y, item.err, fmt="none", color=edge, lw=0.8)
    elif item.kind == "points":
        axes.errorbar(
            item.x, item.y, item.err, fmt="o", ms=4, color=edge, label=item.label or None, lw=1
        )
    elif item.kind == "band":
        axes.fill_between(
            item.x,
            item.y,
            item.y2,
            color=fill,
            alpha=0.55,
            lw=0,
            label=item.label or None,
            zorder=2,
        )
    else:
        upper = item.y2 if item.y2 is not None else np.full_like(item.y, top or item.y.max() * 10)
        style = {"facecolor": fill, "edgecolor": edge, "lw": 0.8, "alpha": 0.45}
        axes.fill_between(item.x, item.y, upper, label=item.label or None, zorder=1, **style)
