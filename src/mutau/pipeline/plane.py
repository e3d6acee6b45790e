"""The exclusion plane: limits of experiments, published curves, the muon g-2 band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mutau.core.figure import Figure, Series
from mutau.core.types import Exclusion
from mutau.experiment import experiment_names, load_experiment
from mutau.limits import PublishedLimit, drawn_by_default, published_limit
from mutau.models import moment_reference
from mutau.models.muon_moment import vector_coupling_band
from mutau.pipeline.limit import limit_answer, limit_curve
from mutau.pipeline.roads import has_road

BAND_POINTS = 200


@dataclass(frozen=True, slots=True)
class Plane:
    """The plane as computed: our limits, what published curves are drawn, and the figure."""

    limits: tuple[Exclusion, ...]
    published: tuple[str, ...]
    year: int
    figure: Figure


def exclusion_plane(
    experiments: Sequence[str] = (),
    masses: Sequence[float] | None = None,
    *,
    model: str = "lmu-ltau",
    alpha_d: float = 0.0,
    mass_ratio: float = 3.0,
    only: Sequence[str] | None = None,
    year: int = 2021,
    seed: int = 1,
    n_events: int = 0,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    figure_id: str = "plane",
    title: str = "",
    progress: Callable[[float, str], None] | None = None,
) -> Plane:
    """Plane of mass and coupling with the limits of experiments on it.

    experiments : names or paths; none for every bundled one. masses : GeV; None for each
    experiment's own range. only : names of published curves; None for those marked to be drawn,
    ("none",) for none. year : of the muon g-2 reference.
    The limits are those of `limit_curve`, to the digit.
    Raises UnknownName for an experiment, a curve or a year that is not there.
    """
    wanted = tuple(experiments) or tuple(
        name for name in experiment_names() if has_road(load_experiment(name))
    )
    curves = _chosen(only)
    limits = []
    for index, name in enumerate(wanted):
        limits.append(
            limit_curve(
                load_experiment(name), masses, model=model, alpha_d=alpha_d,
                mass_ratio=mass_ratio, seed=seed, n_events=n_events,
                progress=_part(progress, index, len(wanted)),
            )
        )  # fmt: skip
    low = min(float(line.mass[0]) for line in limits)
    high = max(float(line.mass[-1]) for line in limits)
    x_range = x_range or (low, high if high > low else 10.0 * low)
    series = [*_published(curves, x_range[0]), *_band(x_range, year)]
    series += [_ours(line) for line in limits]
    figure = Figure(
        id=figure_id,
        title=title or f"Upper limits at {100 * limits[0].cl:g} % CL; g−2 reference of {year}",
        x_label="$m_{Z'}$ [GeV]",
        y_label="$g'$" if model == "lmu-ltau" else "coupling",
        series=tuple(series),
        log="xy",
        x_range=x_range,
        y_range=y_range or (1e-5, 1e-1),
        caption=(
            f"Limits of {', '.join(wanted)} on {model}; green: 2σ band of the muon g−2 with the "
            f"reference of {year}, Δa_μ = {printed_moment(year)}. Published curves: "
            + ("; ".join(f"{c.title} [{c.source}]" for c in curves) or "none")
            + "."
        ),
    )
    return Plane(tuple(limits), tuple(c.name for c in curves), year, figure)


def printed_moment(year: int) -> str:
    """The g-2 reference of a year as it is printed: 251(59)×10⁻¹¹."""
    item = moment_reference(year)
    return f"{item.difference * 1e11:g}({item.difference_uncertainty * 1e11:g})×10⁻¹¹"


def _part(progress: Any, index: int, total: int) -> Any:
    if progress is None:
        return None
    return lambda fraction, label: progress((index + fraction) / total, label)


def _chosen(only: Sequence[str] | None) -> tuple[PublishedLimit, ...]:
    if only is None:
        return drawn_by_default()
    return () if tuple(only) == ("none",) else tuple(published_limit(name) for name in only)


def _published(curves: Sequence[PublishedLimit], lowest: float) -> list[Series]:
    """Excluded areas, projections as dashed lines.

    A region (as opposed to a limit, which ends where its numbers end) holds for all lighter masses
    too, as its card says; it is drawn down to `lowest`.
    """
    series = []
    for curve in sorted(curves, key=lambda c: c.kind == "projection"):
        area = curve.kind in ("limit", "region")
        open_end = curve.kind == "region" and curve.mass[0] > lowest
        mass = np.concatenate([[lowest] if open_end else [], curve.mass])
        coupling = np.concatenate([curve.coupling[:1] if open_end else [], curve.coupling])
        series.append(
            Series(
                label=curve.title,
                x=mass,
                y=coupling,
                kind="region" if area else "line",
                role="published",
                dashed=not area,
                note=f"{curve.source}; {curve.assumption}",
            )
        )
    return series


def _band(x_range: tuple[float, float], year: int) -> list[Series]:
    mass = np.geomspace(*x_range, BAND_POINTS)
    band = vector_coupling_band(mass, year, 2.0)
    return [
        Series(
            label=f"$(g-2)_\\mu$ {year}, 2σ",
            x=mass,
            y=np.maximum(band.lower, 1e-12),
            y2=band.upper,
            kind="band",
            role="preferred",
        )
    ]


def _ours(line: Exclusion) -> Series:
    return Series(
        label=f"{line.experiment} (this work)",
        x=line.mass,
        y=line.coupling,
        err=line.numerical_err,
        role="ours",
        note=f"{line.method}, {100 * line.cl:g} % CL",
    )


def plane_answer(plane: Plane) -> dict[str, Any]:
    """What the command line prints of a plane."""
    rows = [
        {"experiment": line.experiment, **row}
        for line in plane.limits
        for row in limit_answer(line)["limits"]
    ]
    return {
        "year_gm2": plane.year,
        "published": list(plane.published),
        "experiments": [line.experiment for line in plane.limits],
        "confidence_levels": [line.cl for line in plane.limits],
        **plane.limits[0].meta,
        "limits": rows,
    }
