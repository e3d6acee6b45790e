"""The plane of dark matter mass and y = alpha_D epsilon^2 (m_chi/m)^4.

Freeze-out far from the resonance depends on the dark sector through y alone, so planes of several
couplings share the line of the observed abundance. For a boson with a coupling g in the place of
epsilon, epsilon stands for g/e.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from mutau.analysis.plane import Frame, Plane, exclusion_plane
from mutau.core.constants import E_CHARGE
from mutau.core.errors import MutauError
from mutau.core.figure import Figure, Series
from mutau.models import Family
from mutau.models.dark_matter import dark_matter


def y_of(family: Family, coupling: Any) -> np.ndarray:
    """y of couplings (array_like) of a family with a dark sector; inf stays inf.

    Check: m = m_chi, alpha_D = 1, epsilon = 1 gives 1.
    """
    unit = 1.0 if family.coupling_name == "epsilon" else E_CHARGE
    epsilon = np.asarray(coupling, float) / unit
    return np.asarray(family.alpha_d * epsilon**2 / family.mass_ratio**4)


def dark_matter_plane(
    experiments: Any = (), masses: Any = None, family: Family | str = "lmu-ltau", **options: Any
) -> Plane:
    """`exclusion_plane` in m_chi and y: same arguments, results and limits; another figure.

    masses and the ranges of `frame` are those of boson and coupling.
    Raises as `exclusion_plane`, MutauError without a dark sector.
    """
    family = Family.of(family)
    if not family.alpha_d > 0.0:
        raise MutauError(
            "a plane of dark matter needs some", place="alpha_d", allowed="above 0",
            remedy="add for example --alpha-d 0.1",
        )  # fmt: skip
    drawn = exclusion_plane(experiments, masses, family, **options)
    frame = options.get("frame", Frame())
    return replace(drawn, figure=_mapped(drawn.figure, family, frame))


def _mapped(figure: Figure, family: Family, frame: Frame) -> Figure:
    ratio, y_title = family.mass_ratio, "$y = \\alpha_D \\epsilon^2 (m_\\chi/m)^4$"
    if family.coupling_name != "epsilon":
        y_title = "$y = \\alpha_D (g/e)^2 (m_\\chi/m)^4$"
    return replace(
        figure,
        title=frame.title or f"{dark_matter(family.dark_matter).title}, $\\alpha_D$ = "
        f"{family.alpha_d:g}, $m/m_\\chi$ = {ratio:g}",
        x_label="$m_\\chi$ [GeV]",
        y_label=y_title,
        series=tuple(mapped_series(item, family) for item in figure.series),
        x_range=figure.x_range and (figure.x_range[0] / ratio, figure.x_range[1] / ratio),
        y_range=figure.y_range and (
            float(y_of(family, figure.y_range[0])), float(y_of(family, figure.y_range[1]))
        ),
    )  # fmt: skip


def mapped_series(item: Series, family: Family) -> Series:
    """A series over boson mass and coupling in m_chi and y of a family with a dark sector."""
    y = y_of(family, item.y)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = None if item.err is None else np.nan_to_num(2.0 * item.err / item.y)
    return replace(
        item,
        x=item.x / family.mass_ratio,
        y=y,
        y2=None if item.y2 is None else y_of(family, item.y2),
        err=None if relative is None else np.where(np.isfinite(y), relative * y, 0.0),
    )


#: What a plane shows: name of its axes -> how it is computed.
PLANES: Final[dict[str, Callable[..., Plane]]] = {
    "boson": exclusion_plane,
    "dark-matter": dark_matter_plane,
}


def plane_by(axes: str) -> Callable[..., Plane]:
    """The plane with these axes. Raises MutauError for another name."""
    if axes not in PLANES:
        raise MutauError(f"{axes!r} is no pair of axes", place="axes", allowed=", ".join(PLANES))
    return PLANES[axes]
