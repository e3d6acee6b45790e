"""What a figure shows, as data: computed in the pipeline, drawn in plotting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, get_args

import numpy as np

from mutau.core.errors import MutauError

Kind = Literal[
    "line", "steps", "points", "band", "region", "region-below", "region-closed", "heatmap"
]
_ARRAYS = ("x", "y", "y2", "err", "z")


@dataclass(frozen=True, slots=True)
class Series:
    """One thing drawn.

    label : for the legend; "" keeps it out. x, y : (N,) float64 in the units of the axes.
    kind : line; steps (y between edges: x has N+1 entries); points with errors; band between y and
    y2; region: excluded from y upwards (to y2 where given); region-below: from y downwards;
    region-closed: inside the closed line through the points; heatmap: z over the edges x and y.
    y2 : (N,) or None. err : (N,) or None, statistical error of y.
    role : "ours", "published", "user", "preferred", "measured" or "model"; it decides the colour
    family. dashed, dotted : of the line; dashed is a projection.
    note : source and assumption, shown on hover and in the caption.
    z : (len(y) - 1, len(x) - 1) for a heatmap, row by row of y; None for every other kind.
    meta : plain data about where it comes from, as far as known: name, cl, sources (keys of
    references), year, experiment, model, method.
    Raises MutauError for shapes that do not fit, edges that do not increase, or a NaN.
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
    z: np.ndarray | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    dotted: bool = False

    def __post_init__(self) -> None:
        where = f"series {self.label!r}"
        if self.kind not in get_args(Kind):
            raise MutauError(f"kind {self.kind!r} is unknown", place=where)
        if (self.kind == "heatmap") != (self.z is not None):
            raise MutauError("z belongs to a heatmap, and to nothing else", place=where)
        if self.z is not None:
            shape = (len(self.y) - 1, len(self.x) - 1)
            if np.shape(self.z) != shape:
                raise MutauError(f"z has shape {np.shape(self.z)}", place=where, allowed=str(shape))
            if np.any(np.diff(self.x) <= 0) or np.any(np.diff(self.y) <= 0):
                raise MutauError("the edges of a heatmap must increase", place=where)
        else:
            extra = 1 if self.kind == "steps" else 0
            if len(self.x) != len(self.y) + extra:
                raise MutauError(f"x has {len(self.x)}, y {len(self.y)} entries", place=where)
            for name in ("y2", "err"):
                column = getattr(self, name)
                if column is not None and len(column) != len(self.y):
                    raise MutauError(f"{name} has {len(column)} entries", place=where)
        for name in _ARRAYS:
            column = getattr(self, name)
            if column is not None and np.any(np.isnan(column)):
                raise MutauError(f"{name} holds a value that is not a number", place=where)

    def within(
        self, x_range: tuple[float, float] | None, y_range: tuple[float, float] | None
    ) -> bool:
        """Whether anything of the series lies within these axes (None: all of them).

        An open region counts up (or down) to infinity; lines are looked at where they cross the
        ends of `x_range` too.
        """
        low, high = x_range or (-np.inf, np.inf)
        if self.x.max() < low or self.x.min() > high:
            return False
        if y_range is None:
            return True
        rows = [np.asarray(row, float) for row in (self.y, self.y2) if row is not None]
        if self.kind in ("line", "band", "region", "region-below") and len(self.x) > 1:
            order = np.argsort(self.x, kind="stable")
            ends = np.clip((low, high), self.x.min(), self.x.max())
            inside = (self.x >= low) & (self.x <= high)
            rows = [np.append(r[inside], np.interp(ends, self.x[order], r[order])) for r in rows]
        values = np.concatenate(rows)
        values = values[~np.isnan(values)]
        up = self.kind == "region" and self.y2 is None
        down = self.kind == "region-below"
        return bool((up or values.max() >= y_range[0]) and (down or values.min() <= y_range[1]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data without the entries left at their defaults; infinities become texts."""
        plain: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in _ARRAYS and value is not None:
                plain[item.name] = _plain(np.asarray(value, float))
            elif item.name == "meta":
                plain |= {"meta": dict(value)} if value else {}
            elif value != item.default:
                plain[item.name] = value
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The series that gave `plain`, to the last digit."""
        values: dict[str, Any] = dict(plain)
        values |= {name: np.array(values[name], float) for name in _ARRAYS if name in values}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: axes, series, caption.

    id : as in the list of published numbers ("mu.fig6"). x_label, y_label carry the unit, and
    z_label, for the colours of a heatmap, does too.
    x_range, y_range : (low, high), or None to follow the data. log : axes with log scale, "xyz".
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
    z_label: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["series"] = [item.to_dict() for item in self.series]
        return {**plain, "meta": dict(self.meta)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The figure that gave `plain`, to the last digit. Raises MutauError for other data."""
        try:
            ranges = {
                name: None if plain[name] is None else (plain[name][0], plain[name][1])
                for name in ("x_range", "y_range")
            }
            series = tuple(Series.from_dict(item) for item in plain["series"])
            return cls(**{**plain, **ranges, "series": series})
        except (KeyError, IndexError, TypeError, ValueError) as error:
            if isinstance(error, MutauError):
                raise
            raise MutauError(f"not the data of a figure ({error!r})") from error


def _plain(array: np.ndarray) -> Any:
    """Nested lists of numbers; +-inf as the texts that float() takes back."""
    if np.all(np.isfinite(array)):
        return array.tolist()
    if array.ndim > 1:
        return [_plain(row) for row in array]
    return [value if np.isfinite(value) else str(value) for value in array.tolist()]
