"""Figures as PNG, PDF or SVG."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from mutau.core.errors import MissingExtra, MutauError
from mutau.core.figure import Figure, Series
from mutau.core.storage import atomic_path
from mutau.report.drawing import draw_setup
from mutau.report.look import PLAIN, Look, looking, ranked, with_levels
from mutau.report.palette import coloured

FORMATS = (".png", ".pdf", ".svg")
STYLES = ("mutau", "ATLAS", "CMS", "LHCb2", "ALICE")
#: From this many entries on the legend stands beside the axes.
CROWDED = 6
_PALE = 0.18  # opacity of an area


def check_suffix(path: str | Path) -> Path:
    """The path, if a figure can be written there. Raises MutauError for another suffix."""
    path = Path(path)
    if path.suffix not in FORMATS:
        raise MutauError(
            f"no figure format for {path.suffix!r}", place=str(path), allowed=", ".join(FORMATS)
        )
    return path


def check_style(style: str) -> str:
    """The style, if it is known and can be drawn, so that nobody computes an hour in vain.

    Raises MutauError for another, MissingExtra without matplotlib (or mplhep, for a journal's).
    """
    if style not in STYLES:
        raise MutauError(f"style {style!r} is unknown", allowed=", ".join(STYLES))
    needed = ("matplotlib",) if style == "mutau" else ("matplotlib", "mplhep")
    if any(find_spec(name) is None for name in needed):
        raise MissingExtra(f"drawing figures in the style {style!r}", "plot")
    return style


def write_figure(
    figure: Figure, path: str | Path, style: str = "mutau", look: Look = PLAIN
) -> None:
    """Draw `figure` into a file; the suffix decides the format. Equal figures give equal files.

    style : "mutau", or one of mplhep's journal styles. look : ranges, labels, size, resolution.
    Raises MutauError for another suffix or style, MissingExtra without matplotlib.
    """
    path = check_suffix(path)
    check_style(style)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with mpl.rc_context(_rc(style)):
        canvas = _canvas(figure, look)
        FigureCanvasAgg(canvas)
        with atomic_path(path) as temporary, _fonts_without_dates():
            canvas.savefig(temporary, dpi=look.dpi, metadata=_metadata(path.suffix))


def draw(figure: Figure, axes: Any, look: Look = PLAIN) -> Any:
    """Draw a figure into Axes of one's own; returns them.

    axes : of Matplotlib, of a figure that is styled and saved by whoever made it. look : ranges,
    labels, legend and order; size and resolution are those of the Axes' own figure.
    Raises MutauError for the drawing of a set-up, which has two views, and for what `Look` refuses.

    >>> import matplotlib.pyplot as plt
    >>> from mutau.core.figure import Series
    >>> line = Series("a", np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> len(draw(Figure("f", "t", "x", "y", (line,)), plt.figure().add_subplot()).lines)
    1
    """
    if "layout" in figure.meta:
        raise MutauError(
            "a set-up is drawn in two views, not into one pair of axes",
            remedy="write it by `write_figure`",
        )
    shown = looking(figure, look)
    _draw(axes, shown, _legend_of(shown, look), look.order)
    return axes


def _legend_of(figure: Figure, look: Look) -> str:
    """Where the legend stands; beside the axes if it is long and nobody says where."""
    return look.legend or ("outside" if len(_in_legend(figure)) >= CROWDED else "best")


def _canvas(figure: Figure, look: Look) -> Any:
    """The figure as one of Matplotlib: axes, or the drawing of a set-up."""
    if "layout" in figure.meta:
        from mutau.analysis.layout import Layout

        return draw_setup(Layout.from_dict(figure.meta["layout"]))
    from matplotlib.figure import Figure as Canvas

    figure = looking(figure, look)
    legend = _legend_of(figure, look)
    crowded = legend == "outside"
    size = look.size or ((9.6, 5.4) if crowded else (7.2, 5.4))
    canvas = Canvas(figsize=size, layout="constrained")
    _draw(canvas.add_subplot(), figure, legend, look.order)
    left = figure.meta.get("not_drawn", {})
    if left and look.notes:
        said = "not drawn: " + "; ".join(f"{name} ({why})" for name, why in left.items())
        lines = "\n".join(wrap(said, int(15.5 * size[0])))
        canvas.supxlabel(lines, x=0.01, ha="left", fontsize=6.5, color="#555555")
    return canvas


@contextmanager
def _fonts_without_dates() -> Iterator[None]:
    """What embeds fonts into a PDF warns of those that carry no date; nobody can act on it."""
    log = logging.getLogger("fontTools.ttLib.tables._h_e_a_d")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _metadata(suffix: str) -> dict[str, Any]:
    """Dates are left out, so that the same figure gives the same file."""
    if suffix == ".png":
        return {"Software": "mutau"}
    return {"Date": None} if suffix == ".svg" else {"CreationDate": None, "Creator": "mutau"}


def _rc(style: str) -> Any:
    import matplotlib as mpl

    common = {
        **{k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(("backend", "date."))},
        "font.size": 11.0,
        "axes.linewidth": 0.9,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "xtick.minor.visible": True,
        "ytick.minor.visible": True,
        "legend.frameon": False,
        "legend.fontsize": 9.0,
        "svg.hashsalt": "mutau",
        "pdf.fonttype": 42,  # journals refuse the other kind
        "mathtext.fontset": "dejavusans",
    }
    if style == "mutau":
        return common
    import mplhep

    journal = {k: v for k, v in getattr(mplhep.style, style).items() if k != "figure.figsize"}
    # journal fonts lack some of our signs; what they lack comes from the second family
    generic = journal.get("font.family", "sans-serif")
    journal["font.family"] = [*journal[f"font.{generic}"][:1], "DejaVu Sans"]
    sizes = {
        "font.size": 13.0, "axes.labelsize": "medium", "xtick.labelsize": "small",
        "ytick.labelsize": "small", "legend.fontsize": 9.5, "axes.titlesize": "medium",
        "xtick.major.size": 8.0, "ytick.major.size": 8.0, "xtick.minor.size": 4.0,
        "ytick.minor.size": 4.0, "xtick.major.pad": 6.0, "axes.linewidth": 1.2,
        "axes.labelpad": 5.0,
        "xtick.major.width": 1.0, "ytick.major.width": 1.0, "xtick.minor.width": 0.7,
        "ytick.minor.width": 0.7, "savefig.bbox": None
    }  # fmt: skip
    return {**common, **journal, **sizes}


def _visible(figure: Figure, item: Series) -> bool:
    return item.within(figure.x_range, figure.y_range)


def _in_legend(figure: Figure) -> list[Series]:
    return [item for item in figure.series if item.label and _visible(figure, item)]


def _draw(axes: Any, figure: Figure, legend: str, order: Sequence[str]) -> None:
    axes.set_xscale("log" if "x" in figure.log else "linear")
    axes.set_yscale("log" if "y" in figure.log else "linear")
    handles, levels = [], with_levels(figure.series)
    for item, colour in coloured(figure.series):
        handle = _DRAWN[item.kind](axes, figure, item, colour)
        if item.label and _visible(figure, item) and handle is not None:
            handle.set_label(_drawable(item.label + levels.get(item.label, "")))
            handles.append(handle)
    handles = [handles[i] for i in _shown_first([item.get_label() for item in handles], order)]
    if figure.x_range:
        axes.set_xlim(*figure.x_range)
    elif not any(item.kind == "points" for item in figure.series):
        axes.margins(x=0.0)  # curves run from edge to edge
    if figure.y_range:
        axes.set_ylim(*figure.y_range)
    _ticks(axes)
    axes.set_xlabel(_drawable(figure.x_label))
    axes.set_ylabel(_drawable(figure.y_label))
    if figure.title:
        axes.set_title(_drawable(figure.title), loc="left", fontsize="medium")
    if legend == "outside":
        axes.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0
        )
    elif handles and legend != "none":
        axes.legend(handles=handles, loc=legend)


def _shown_first(labels: list[str], order: Sequence[str]) -> list[int]:
    """As `ranked`, of what is within the axes: a curve beyond them cannot be first."""
    wanted = [_drawable(text) for text in order]
    return ranked(labels, [t for t in wanted if any(label.startswith(t) for label in labels)])


def _drawable(label: str) -> str:
    """The label with primes outside of mathtext as mathtext, which has them in every font.

    Beside mathtext the second font family, where primes come from otherwise, is not looked at.
    """
    parts = label.split("$")
    if len(parts) < 3:
        return label
    parts[::2] = [part.replace("′", "$'$") for part in parts[::2]]
    return "$".join(parts)


def _ticks(axes: Any) -> None:
    """Every decade of a log axis is named as far as there is room, and has its minor ticks."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis, scale, limits in (
        (axes.xaxis, axes.get_xscale(), axes.get_xlim()),
        (axes.yaxis, axes.get_yscale(), axes.get_ylim()),
    ):
        decades = np.log10(limits[1] / limits[0]) if scale == "log" else 0.0
        if 0.0 < decades < 2.0:  # a few whole numbers between decades, so that they do not collide
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=14))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        elif decades >= 2.0:
            axis.set_major_locator(LogLocator(numticks=14))
            axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=200))
            axis.set_minor_formatter(NullFormatter())


def _width(item: Series) -> float:
    return {"ours": 1.9, "user": 1.6}.get(item.role, 1.1)


def _dashes(item: Series) -> str:
    return ":" if item.dotted else "--" if item.dashed else "-"


def _line(axes: Any, figure: Figure, item: Series, colour: str) -> Any:
    style = {"color": colour, "lw": _width(item), "ls": _dashes(item)}
    y = np.where(np.isfinite(item.y), item.y, np.nan)
    (drawn,) = axes.plot(item.x, y, zorder=5 if item.role in ("ours", "user") else 3, **style)
    if item.err is not None:
        axes.fill_between(item.x, y - item.err, y + item.err, color=colour, alpha=0.2, lw=0)
    return drawn


def _steps(axes: Any, figure: Figure, item: Series, colour: str) -> Any:
    style = {"color": colour, "lw": _width(item), "ls": _dashes(item)}
    drawn = axes.stairs(item.y, item.x, baseline=None, **style)
    if item.err is not None:
        middle = 0.5 * (item.x[1:] + item.x[:-1])
        seen = item.y > 0 if "y" in figure.log else slice(None)
        axes.errorbar(middle[seen], item.y[seen], item.err[seen], fmt="none", color=colour, lw=0.8)
    return drawn


def _points(axes: Any, figure: Figure, item: Series, colour: str) -> Any:
    if item.role == "measured":
        return axes.errorbar(item.x, item.y, fmt="*", ms=9, color=colour, zorder=7)
    return axes.errorbar(item.x, item.y, item.err, fmt="o", ms=4, color=colour, lw=1)


def _band(axes: Any, figure: Figure, item: Series, colour: str) -> Any:
    return axes.fill_between(item.x, item.y, item.y2, color=colour, alpha=0.4, lw=0, zorder=2.5)


def _beyond(figure: Figure, item: Series, up: bool) -> float:
    """A height beyond the axes, where an open region ends."""
    if figure.y_range:
        low, high = figure.y_range
        return high * 10.0 if up else (low / 10.0 if "y" in figure.log else low - (high - low))
    finite = item.y[np.isfinite(item.y)]
    return float(finite.max() * 10.0 if up else finite.min() / 10.0)


def _region(axes: Any, figure: Figure, item: Series, colour: str) -> Any:
    """An area open to one side: pale, with a line along the limit.

    The line goes down the ends of a region, which says that it ends there; where only the numbers
    of a limit end, there is no line.
    """
    up = item.kind == "region"
    edge = np.full_like(item.y, _beyond(figure, item, up))
    far = item.y2 if item.y2 is not None else edge
    near = np.where(np.isfinite(item.y), item.y, far)
    axes.fill_between(item.x, near, far, facecolor=colour, alpha=_PALE, lw=0, zorder=1)
    if item.meta.get("kind") != "region":
        return _outline(axes, item.x, near, item, colour)
    x = np.concatenate([item.x[:1], item.x, item.x[-1:]])
    return _outline(axes, x, np.concatenate([far[:1], near, far[-1:]]), item, colour)


def _closed(axes: Any, figure: Figure, item: Series, colour: str) -> Any:
    x, y = np.append(item.x, item.x[0]), np.append(item.y, item.y[0])
    strength = 2.0 * _PALE if item.role == "measured" else _PALE
    axes.fill(x, y, facecolor=colour, alpha=strength, lw=0, zorder=1)
    return _outline(axes, x, y, item, colour)


def _outline(axes: Any, x: Any, y: Any, item: Series, colour: str) -> Any:
    """The edge of an area; returns what stands for the area in a legend."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    own = item.role in ("user", "measured")
    axes.plot(x, y, color=colour, lw=1.6 if own else 0.9, ls=_dashes(item), zorder=4 if own else 2)
    return Patch(facecolor=(*to_rgb(colour), 1.5 * _PALE), edgecolor=colour, lw=1.0)


def _heatmap(axes: Any, figure: Figure, item: Series, colour: str) -> Any:
    """Colours on a log scale if "z" is in `figure.log`; there, empty cells stay white."""
    from matplotlib.colors import LogNorm

    z = np.asarray(item.z, float)
    norm = None
    if "z" in figure.log:
        z = np.ma.masked_less_equal(z, 0.0)
        least = float(z.min()) if z.count() else 1.0
        norm = LogNorm(least, max(float(z.max()), 10.0 * least)) if z.count() else None
    mesh = axes.pcolormesh(item.x, item.y, z, norm=norm, cmap="viridis", rasterized=True, lw=0)
    axes.figure.colorbar(mesh, ax=axes, label=_drawable(figure.z_label), pad=0.02)


_DRAWN: dict[str, Callable[[Any, Figure, Series, str], Any]] = {
    "line": _line,
    "steps": _steps,
    "points": _points,
    "band": _band,
    "region": _region,
    "region-below": _region,
    "region-closed": _closed,
    "heatmap": _heatmap,
}
