"""Drawings of set-ups (`analysis.layout`).

In an SVG each element of the set-up is one element, with its name as id, in the view from above;
in the side view the id ends with "-side".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from mutau.analysis.layout import Box, Layout, Part

M: Final = 100.0  # cm
#: Colour of a kind, and whether it is only outlined.
KINDS: Final[dict[str, tuple[str, bool]]] = {
    "target": ("#b03a2e", False),
    "calorimeter": ("#2471a3", False),
    "absorber": ("#7f8c8d", False),
    "magnet": ("#b7950b", True),
    "tracker": ("#1e8449", False),
    "trigger counter": ("#d35400", False),
    "veto counter": ("#7d3c98", False),
    "monitor": ("#34495e", False),
    "synchrotron detector": ("#148f77", False),
}
#: Beam, then the signal muon or the line where the beam would go on.
_PATHS: Final = (("#111111", "-"), ("#cc3311", "-."))
_LABEL: Final = 0.021  # of the width: least distance between names


def draw_setup(layout: Layout) -> Any:
    """A set-up as a figure of Matplotlib: from above over from the side, names above.

    z and the transverse axes have scales of their own, said in the axes; each is linear, so that
    lengths along one axis may be compared.
    """
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(11.0, 6.6))
    top, side = canvas.subplots(2, 1, sharex=True)
    canvas.subplots_adjust(left=0.07, right=0.985, top=0.8, bottom=0.17, hspace=0.08)
    _view(top, layout, "top")
    _view(side, layout, "side")
    _names(canvas, top, layout)
    _legend(canvas, layout)
    said = "; ".join(f"not drawn: {text}" for text in layout.not_drawn)
    canvas.text(0.07, 0.01, said, fontsize=7.0, color="#555555")
    return canvas


def _extent(layout: Layout, view: str) -> tuple[float, float, float, float]:
    """z from, z to (m), low, high (cm) of everything in a view."""
    boxes = [box for part in layout.parts for box in getattr(part, view)]
    z = [value / M for box in boxes for value in box[:2]]
    z += [value / M for path in layout.paths for value in (path.z.min(), path.z.max())]
    across = [value for box in boxes for value in box[2:]]
    for path in layout.paths:
        places = path.x if view == "top" else path.y
        across += [float(places.min()), float(places.max())]
    return min(z), max(z), min(across), max(across)


def _view(axes: Any, layout: Layout, view: str) -> None:
    from matplotlib.patches import PathPatch

    z_low, z_high, low, high = _extent(layout, view)
    pad = 0.02 * (z_high - z_low)
    axes.set_xlim(z_low - pad, z_high + pad)
    axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    axes.set_ylabel("x [cm], from above" if view == "top" else "y [cm], from the side")
    if view == "side":
        axes.set_xlabel("z [m], along the beam")
    for part in _back_to_front(layout):
        boxes = getattr(part, view)
        if not boxes:
            continue
        colour, hollow = KINDS[part.kind]
        patch = PathPatch(
            _outline(boxes), edgecolor=colour, linewidth=1.2 if boxes[0][0] != boxes[0][1] else 1.8,
            facecolor="none" if hollow else colour + "55", linestyle="--" if hollow else "-",
        )  # fmt: skip
        patch.set_gid(part.name if view == "top" else f"{part.name}-side")
        axes.add_patch(patch)
    for i, path in enumerate(layout.paths):
        colour, dash = _PATHS[min(i, len(_PATHS) - 1)]
        (line,) = axes.plot(
            path.z / M, path.x if view == "top" else path.y, dash, color=colour, lw=1.2
        )
        line.set_gid(f"path-{i}" if view == "top" else f"path-{i}-side")


def _back_to_front(layout: Layout) -> list[Part]:
    """Large things first, so that planes lie over them."""
    return sorted(layout.parts, key=lambda part: part.top[0][0] == part.top[0][1])


def _outline(boxes: Sequence[Box]) -> Any:
    """All boxes of an element as one path, in m and cm."""
    from matplotlib.path import Path as Outline

    corners, codes = [], []
    for z0, z1, low, high in boxes:
        corners += [(z0 / M, low), (z1 / M, low), (z1 / M, high), (z0 / M, high), (z0 / M, low)]
        codes += [Outline.MOVETO, *[Outline.LINETO] * 3, Outline.CLOSEPOLY]
    return Outline(corners, codes)


def _spread(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones (increasing), at least `least` apart, within low and high.

    Check: places that are far enough apart stay.
    """
    if len(wanted) * least > high - low:
        least = (high - low) / len(wanted)
    places: list[float] = []
    for place in wanted:  # pushed to the right, then back from the end
        places.append(max(place, places[-1] + least if places else low))
    limit = high
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], limit)
        limit = places[i] - least
    return places


def _names(canvas: Any, axes: Any, layout: Layout) -> None:
    """Names above the view from above, each with a line to its element."""
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    parts = sorted(layout.parts, key=lambda part: part.top[0][0] + part.top[0][1])
    middles = [0.5 * (part.top[0][0] + part.top[-1][1]) / M for part in parts]
    order = np.argsort(middles, kind="stable")
    parts, middles = [parts[i] for i in order], [middles[i] for i in order]
    places = _spread(middles, _LABEL * (high - low), low, high)
    for part, middle, place in zip(parts, middles, places, strict=True):
        colour, many = KINDS[part.kind][0], len({box[0] for box in part.top})
        reach = max(box[3] for box in part.top)
        axes.annotate(
            part.name + (f" ({many})" if many > 1 else ""),
            (middle, reach), (place, top + 0.08 * (top - bottom)), rotation=90, fontsize=8.5,
            color=colour, ha="center", va="bottom", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "alpha": 0.6},
        )  # fmt: skip
    canvas.suptitle(layout.title or layout.experiment, y=0.985, fontsize=11.0)


def _legend(canvas: Any, layout: Layout) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    kinds = [kind for kind in KINDS if any(part.kind == kind for part in layout.parts)]
    handles: list[Any] = []
    for kind in kinds:
        colour, hollow = KINDS[kind]
        face = "none" if hollow else colour + "55"
        name = "magnet (its gap)" if hollow else kind
        handles.append(Patch(ec=colour, fc=face, ls="--" if hollow else "-", label=name))
    for (colour, dash), path in zip(_PATHS, layout.paths, strict=False):
        handles.append(Line2D([], [], color=colour, ls=dash, lw=1.2, label=path.label))
    canvas.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.02),
        ncols=min(len(handles), 5),
        frameon=False,
    )
