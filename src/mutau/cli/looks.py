"""Options that change how a figure looks: ranges, labels, size, legend."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from mutau.cli import blocks as b
from mutau.core.errors import MutauError
from mutau.core.reading import plain_number

_XRange = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Ends of the x axis, in its unit: 1e-3:1.")
]
_YRange = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Ends of the y axis, in its unit.")
]
_XLabel = Annotated[
    str | None, typer.Option(help="Text of the x axis; between dollars as in LaTeX.")
]
_YLabel = Annotated[str | None, typer.Option(help="Text of the y axis.")]
_Title = Annotated[str | None, typer.Option(help="Text above the axes; 'none' for none.")]
_Size = Annotated[
    str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Of the figure in inches: 3.4x2.6.")
]
_Dpi = Annotated[float, typer.Option(help="Pixels per inch of a PNG; journals ask for 300.")]
_Legend = Annotated[
    str,
    typer.Option(help="Place of the legend: best, outside, none, 'upper left', …; default: fits."),
]
_Order = Annotated[
    str,
    typer.Option(help="What shall stand first in the legend: beginnings of labels, with commas."),
]


def pair(option: str, text: str, between: str) -> tuple[float, float]:
    """Two numbers out of a text. Raises MutauError for another text.

    >>> pair("--x-range", "1e-3:1", ":")
    (0.001, 1.0)
    """
    parts = text.split(between)
    if len(parts) != 2:
        raise MutauError(f"{text!r} is not two numbers", place=option,
                         remedy=f"write for example 3{between}4")  # fmt: skip
    first, second = (_one(option, part) for part in parts)
    return first, second


def _one(option: str, text: str) -> float:
    try:
        return plain_number(text)
    except ValueError:
        raise MutauError(
            f"{text!r} is not a number", place=option,
            allowed="plain numbers, of an axis in its unit (masses in GeV): 1e-3",
        ) from None  # fmt: skip


def _look(
    x_range: str | None, y_range: str | None, x_label: str | None, y_label: str | None,
    title: str | None, size: str | None, dpi: float, legend: str, legend_order: str,
) -> Any:  # fmt: skip
    from mutau.report.look import Look

    return Look(
        x_range=None if x_range is None else pair("--x-range", x_range, ":"),
        y_range=None if y_range is None else pair("--y-range", y_range, ":"),
        x_label=x_label, y_label=y_label, title="" if title == "none" else title,
        size=None if size is None else pair("--size", size, "x"), dpi=dpi, legend=legend,
        order=tuple(part.strip() for part in legend_order.split(",") if part.strip()),
    )  # fmt: skip


_OPTIONS: Final = {
    "x_range": (_XRange, None), "y_range": (_YRange, None), "x_label": (_XLabel, None),
    "y_label": (_YLabel, None), "title": (_Title, None), "size": (_Size, None),
    "dpi": (_Dpi, 150.0), "legend": (_Legend, ""), "legend_order": (_Order, ""),
}  # fmt: skip
#: How a figure looks: made before anything is computed, so that what is wrong costs no time.
LookOptions = Annotated[Any, b.Block(_OPTIONS, _look)]
