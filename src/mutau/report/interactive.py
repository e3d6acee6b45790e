"""The plane as an interactive drawing: plain data for plotly.js, built here, drawn in the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from mutau.analysis.plane import Plane, printed_moment
from mutau.core.errors import UnknownName
from mutau.core.figure import Series
from mutau.core.references import reference
from mutau.report.palette import coloured, html_label

_FAR = (1e-12, 10.0)  # couplings where areas that are open to one side end
_DIGITS = 6
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def plotly_script() -> str:
    """The text of plotly.js as it comes with the Python package; "" if that is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        return ""
    return str(get_plotlyjs())


def plane_document(plane: Plane) -> dict[str, Any]:
    """Traces, layout, curves and years of a plane, ready for JSON.

    Every curve is a legend group; an area has a second, unnamed trace for what it fills. The bands
    of all years share the group "gm2", and one year is shown at a time.
    """
    figure = plane.figure
    drawn = [(item, colour) for item, colour in coloured(figure.series) if item.role != "preferred"]
    data, curves = [], []
    for rank, (item, colour) in enumerate(drawn):
        group = f"{item.role}:{item.meta.get('name', '')}:{rank}"
        data += _traces(item, colour, group)
        curves.append(
            {
                "group": group,
                "label": html_label(item.label),
                "colour": colour,
                "role": item.role,
                "look": _look(item),
            }
        )
    for band, colour in coloured(plane.bands[:1]):
        for item in plane.bands:
            data += _traces(item, colour, "gm2", shown=item.meta["year"] == plane.year)
        label = html_label("$(g-2)_\\mu$ band, 2σ")
        curves.append({"group": "gm2", "label": label, "colour": colour, "role": band.role,
                       "look": "area"})  # fmt: skip
    years = [
        {
            "year": band.meta["year"],
            "difference": printed_moment(band.meta["year"]),
            "note": html_label(band.note),
        }
        for band in plane.bands
    ]
    return {"data": data, "layout": _layout(plane), "curves": curves, "years": years,
            "year": plane.year}  # fmt: skip


def _look(item: Series) -> str:
    """How its swatch is drawn, a class of the style sheet."""
    if item.kind.startswith("region"):
        return "area"
    return "dotted" if item.dotted else "dashed" if item.dashed else "solid"


def _layout(plane: Plane) -> dict[str, Any]:
    figure = plane.figure
    axis = {
        "type": "log", "exponentformat": "power", "showline": True, "mirror": True,
        "linecolor": "#444", "gridcolor": "#e6e9ee", "ticks": "inside", "zeroline": False,
        "minor": {"ticks": "inside", "showgrid": False},
    }  # fmt: skip
    window: dict[str, Any] = {}
    for name, limits in (("xaxis", figure.x_range), ("yaxis", figure.y_range)):
        label = figure.x_label if name == "xaxis" else figure.y_label
        log_range = [_rounded(np.log10(v)) for v in limits] if limits else None
        title = {"text": html_label(label), "standoff": 12}
        window[name] = {**axis, "title": title, "range": log_range, "automargin": True}
    return {
        **window,
        "hovermode": "closest",
        "hoverdistance": 40,
        "hoverlabel": {"align": "left"},
        "font": {"family": _FONT, "size": 14, "color": "#222"},
        "paper_bgcolor": "#fff",
        "plot_bgcolor": "#fff",
        "margin": {"l": 70, "r": 20, "t": 20, "b": 60},
        "legend": {"groupclick": "togglegroup", "tracegroupgap": 0, "font": {"size": 12}},
        "dragmode": "zoom",
    }


def _traces(item: Series, colour: str, group: str, shown: bool = True) -> list[dict[str, Any]]:
    """The fill of an area or band, if it is one, and the line with the hover text."""
    y = np.where(np.isfinite(item.y), item.y, _FAR[1])
    common = {"type": "scatter", "legendgroup": group, "visible": shown,
              "meta": {"year": item.meta.get("year")}}  # fmt: skip
    outline = _outline(item, y)
    found: list[dict[str, Any]] = []
    if outline is not None:
        opacity = 0.35 if item.kind == "band" else 0.16
        found.append(
            {
                **common, "x": _list(outline[0]), "y": _list(outline[1]), "mode": "lines",
                "line": {"color": colour, "width": 0.0 if item.kind == "band" else 0.8},
                "fill": "toself", "fillcolor": _faded(colour, opacity),
                "hoverinfo": "skip", "showlegend": False,
            }
        )  # fmt: skip
    line = {
        "color": colour, "width": 2.5 if item.role == "ours" else 1.3,
        "dash": "dot" if item.dotted else "dash" if item.dashed else "solid",
    }  # fmt: skip
    rows = [item.y] if item.y2 is None else [item.y, item.y2]
    for rank, row in enumerate(rows):
        seen = np.isfinite(row) & (row > 2.0 * _FAR[0])
        trace: dict[str, Any] = {
            **common, "x": _list(item.x[seen]), "y": _list(row[seen]), "mode": "lines",
            "line": line, "name": html_label(item.label), "showlegend": rank == 0,
            "hovertemplate": _hover(item),
        }  # fmt: skip
        if item.kind == "points":
            trace |= {"mode": "markers", "marker": {"color": colour, "size": 9, "symbol": "star"}}
        if item.kind == "region-closed":
            trace |= {"x": trace["x"] + trace["x"][:1], "y": trace["y"] + trace["y"][:1]}
        if item.err is not None and rank == 0:
            trace["customdata"] = _list(item.err[seen])
        found.append(trace)
    return found


def _outline(item: Series, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The closed line round what a series fills; None for a line."""
    if item.kind == "region-closed":
        return item.x, y
    if item.kind not in ("band", "region", "region-below"):
        return None
    far = np.full_like(y, _FAR[0] if item.kind == "region-below" else _FAR[1])
    far = far if item.y2 is None else item.y2
    return np.concatenate([item.x, item.x[::-1]]), np.concatenate([y, far[::-1]])


def _hover(item: Series) -> str:
    error = " ± %{customdata:.1~g}" if item.err is not None else ""
    lines = [
        f"<b>{html_label(item.label)}</b>",
        "mass = %{x:.4~g} GeV",
        "coupling = %{y:.3~g}" + error,
        *(_broken(text) for text in _about(item)),
    ]
    return "<br>".join(lines) + "<extra></extra>"


def _about(item: Series) -> list[str]:
    """Confidence level, method and sources of a curve, a line each, as far as known."""
    level = f"{100 * item.meta['cl']:g} % CL" if item.meta.get("cl") else ""
    method = f"computed here, method {item.meta['method']}" if item.meta.get("method") else ""
    texts = [level or item.meta.get("cl_note", ""), method]
    if item.role == "preferred":
        texts.append(item.note)
    return [html_label(text) for text in (*texts, *source_texts(item)) if text]


def source_texts(item: Series) -> list[str]:
    """The publications behind a series, each in one line."""
    found = []
    for key in item.meta.get("sources", ()):
        try:
            found.append(reference(key).short)
        except UnknownName:
            found.append(str(key))
    return found


def _broken(text: str) -> str:
    """Lines of at most about 60 characters, so that hover boxes stay on narrow screens."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= 60:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _list(values: np.ndarray) -> list[float]:
    return [_rounded(value) for value in values.tolist()]
