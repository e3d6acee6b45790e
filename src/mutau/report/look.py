"""How a figure looks on paper, apart from what it shows: ranges, labels, size, legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mutau.core.errors import MutauError, UnknownName, require_in_range
from mutau.core.figure import Figure, Series

#: Places of the legend: Matplotlib's within the axes, beside them, none; "" as there is room.
LEGENDS: Final = (
    *("", "outside", "none", "best", "upper left", "upper right", "lower left", "lower right"),
    *("center left", "center right", "lower center", "upper center"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a figure for a paper may change without being computed again.

    x_range, y_range : ends of the axes in their units. x_label, y_label, title : texts, None for
    those of the figure; title "" for none. size : width and height in inches. dpi : of a PNG.
    legend : a place out of `LEGENDS`. order : labels, or what they begin with, of what shall stand
    first in the legend, in this order. notes : whether what is not drawn is said under the axes.
    Raises MutauError, OutOfRange or UnknownName for what cannot be.

    >>> Look(size=(3.4, 2.6), dpi=600, title="").dpi
    600.0
    """

    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    x_label: str | None = None
    y_label: str | None = None
    title: str | None = None
    size: tuple[float, float] | None = None
    dpi: float = 150.0
    legend: str = ""
    order: Sequence[str] = ()
    notes: bool = True

    def __post_init__(self) -> None:
        require_in_range("resolution", float(self.dpi), 20.0, 2400.0, unit="dpi")
        object.__setattr__(self, "dpi", float(self.dpi))
        for value in self.size or ():
            require_in_range("size", value, 0.5, 60.0, unit="inches")
        if self.legend not in LEGENDS:
            raise UnknownName("place of the legend", self.legend, [p for p in LEGENDS if p])
        for name in ("x_range", "y_range"):
            ends = getattr(self, name)
            if ends is not None and not ends[0] < ends[1]:
                raise MutauError(f"{name} = {ends} does not increase", place=name)


#: As the figure is.
PLAIN: Final = Look()


def looking(figure: Figure, look: Look) -> Figure:
    """The figure with these ranges and labels; what is shown stays.

    Raises MutauError for an end of a logarithmic axis that is not positive, or a label in `order`
    that no curve has.
    """
    for axis, ends in (("x", look.x_range), ("y", look.y_range)):
        if ends is not None and axis in figure.log and ends[0] <= 0.0:
            raise MutauError(f"{axis}_range begins at {ends[0]:g} on a logarithmic axis",
                             allowed="above 0")  # fmt: skip
    texts = {
        name: text for name in ("x_label", "y_label", "title")
        if (text := getattr(look, name)) is not None
    }  # fmt: skip
    ranked([item.label for item in figure.series if item.label], look.order)
    return replace(
        figure, x_range=look.x_range or figure.x_range, y_range=look.y_range or figure.y_range,
        **texts,
    )  # fmt: skip


def ranked(labels: Sequence[str], order: Sequence[str]) -> list[int]:
    """Places of the labels, those that begin with a wanted text first, the others as they were.

    Colours do not depend on it. Raises UnknownName for a text that begins no label.

    >>> ranked(["CCFR", "BaBar", "ours"], ["ours"])
    [2, 0, 1]
    """
    first: list[int] = []
    for text in order:
        found = [i for i, label in enumerate(labels) if label.startswith(text)]
        if not found:
            raise UnknownName("curve", text, labels, place="order")
        first += [i for i in found if i not in first]
    return [*first, *(i for i in range(len(labels)) if i not in first)]


def with_levels(series: Iterable[Series]) -> dict[str, str]:
    """What the legend adds where confidence levels are mixed: label -> ", 95 % CL".

    The level of most of our own limits (without any: of most curves) needs no word; a curve that
    states none is left as it is.
    """
    levels = {item.label: item.meta["cl"] for item in series if item.label and item.meta.get("cl")}
    own = [item.meta["cl"] for item in series if item.role == "ours" and item.meta.get("cl")]
    counted = own or list(levels.values())
    if len(set(levels.values())) < 2:
        return {}
    usual = max(set(counted), key=counted.count)
    return {label: f", {100.0 * level:g} % CL" for label, level in levels.items() if level != usual}
