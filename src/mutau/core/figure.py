"""What a figure shows, as data: computed in the pipeline, drawn in plotting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mutau.core.errors import MutauError

Kind = Literal["line", "steps", "points", "band", "region"]


@dataclass(frozen=True, slots=True)
class Series:
    """One thing drawn.

    label : for the legend; "" keeps it out. x, y : (N,) float64 in the units of the axes.
    kind : line; steps (y between edges: x has N+1 entries); points with errors; band between y and
    y2; region: excluded from y upwards (to y2 where given).
    y2 : (N,) or None. err : (N,) or None, statistical error of y.
    role : "ours", "published", "preferred" or "model"; it decides the colour family.
    note : source and assumption, shown on hover and in the caption.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    kind: Kind = "line"
    y2: np.ndarray | None = None
    err: np.ndarray | None = None
    role: str = "ours"
    dashed: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        extra = 1 if self.kind == "steps" else 0
        if len(self.x) != len(self.y) + extra:
            raise MutauError(f"series {self.label!r}: x has {len(self.x)}, y {len(self.y)} entries")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: axes, series, caption.

    id : as in the list of published numbers ("mu.fig6"). x_label, y_label carry the unit.
    x_range, y_range : (low, high), or None to follow the data. log : axes with log scale, "xy".
    """

    id: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    caption: str = ""
    log: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
