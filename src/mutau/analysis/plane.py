"""The exclusion plane: limits of experiments, published and own curves, the muon g-2 bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.analysis.contours import (
    Contours,
    contour_series,
    contour_text,
    contours_to_dict,
    measured_contours,
    true_point,
)
from mutau.analysis.lacking import LACKING, lines_lack
from mutau.analysis.limit import OF_FAMILY, kept_limit, limit_to_dict
from mutau.analysis.loop import Progress, part_of, side_by_side
from mutau.analysis.settings import AS_STATED, Settings
from mutau.bounds import BOUNDS, PublishedLimit, drawn_by_default, load_curve, published_limit
from mutau.bounds.recast import held_for, recast, recastable
from mutau.core.deprecation import old_keywords
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.figure import Figure, Kind, Series
from mutau.core.types import Exclusion
from mutau.experiment import experiment_names, load_experiment
from mutau.models import Family, model_class, moment_reference, moment_references
from mutau.models.dark_matter import USUAL_DARK_MATTER, dark_matter
from mutau.signal.processes import check_masses, has_process, process_of

if TYPE_CHECKING:
    from mutau.experiment import Experiment

BAND_POINTS, BOUND_POINTS = 240, 41
#: Bands and open regions are computed this much beyond the axes, for whoever zooms out.
BEYOND = 10.0
#: What a plane shows where no experiment is named: those of the three papers.
PAPER_EXPERIMENTS = ("na64mu", "muone", "na64e")
_KINDS: dict[str, Kind] = {"above": "region", "below": "region-below", "inside": "region-closed"}
#: What may differ from line to line of a plane, and stands in its row.
_IN_A_ROW: Final = (
    "projection", "signal_by", "background", "background_events", "background_err_events",
    "sources", "priors",
)  # fmt: skip
#: What a plane collects from all its lines.
_OF_ALL_LINES: Final = ("refused", "warnings")


@dataclass(frozen=True, slots=True)
class Plane:
    """The plane as computed: our limits, what published curves are drawn, and the figure.

    bands : the muon g-2 band of every reference year, oldest first; the figure shows that of
    `year` alone. Empty for a model that does not move g-2. contours : what true points would leave.
    left_out : experiments that have no limit on this model, with the reason.
    """

    limits: tuple[Exclusion, ...]
    published: tuple[str, ...]
    year: int
    figure: Figure
    bands: tuple[Series, ...] = ()
    contours: tuple[Contours, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a plane shows beside our limits.

    only : names of published curves; None for those marked to be drawn, ("none",) for none. user :
    own curves, as files that `load_curve` reads. bounds : names of bounds to compute from formulas,
    out of `bounds.BOUNDS`. measured : true points, such as "mass=0.1,coupling=5e-4": what the
    experiments together would measure of each (`contours`).
    """

    only: Sequence[str] | None = None
    user: Sequence[str | Path] = ()
    bounds: Sequence[str] = ()
    measured: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """How a plane is framed.

    year : of the muon g-2 reference. x_range, y_range : ends of the axes, GeV and coupling; None
    for what the limits need. figure_id : name of the figure. title : "" for the usual one.
    """

    year: int = 2021
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    figure_id: str = "plane"
    title: str = ""


#: A plane with the usual curves, and its usual frame.
NOTHING_ELSE: Final = Overlay()
USUAL: Final = Frame()


@old_keywords("frame", Frame, {name: name for name in Frame.__slots__}, gone_in="0.2.0")
@old_keywords("overlay", Overlay, {name: name for name in Overlay.__slots__}, gone_in="0.2.0")
@old_keywords("settings", Settings, {"seed": "seed", "n_events": "n_events"}, gone_in="0.2.0")
@old_keywords("family", Family, OF_FAMILY, gone_in="0.2.0")
def exclusion_plane(
    experiments: Sequence[str | Experiment] = (),
    masses: Sequence[float] | None = None,
    family: Family | str = "lmu-ltau",
    *,
    overlay: Overlay = NOTHING_ELSE,
    frame: Frame = USUAL,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Plane:
    """Plane of mass and coupling with the limits of experiments on it.

    experiments : what `load_experiment` gave, or takes; none for those of the papers, ("all",) for
    every bundled one. masses : GeV; None for each experiment's own range. family, settings : as in
    `limit_curve`, whose limits these are, to the digit.
    Raises UnknownName for an experiment, a curve or a year that is not there, MutauError for a
    curve that does not hold for the family.
    """
    family = Family.of(family)
    curves = chosen_curves(family, overlay.only)
    own = [held_for(family, load_curve(path)) for path in overlay.user]
    moment_reference(frame.year)
    for name in overlay.bounds:
        BOUNDS[name]
    points = [true_point(text, family) for text in overlay.measured]
    limits, refused = _limits(tuple(experiments), masses, family, settings, progress)
    together = [item for item in wanted_experiments(experiments) if item.name not in refused]
    regions = replace(settings, cl=None, method=None)
    contours = [
        measured_contours(together, point, settings=regions, progress=progress) for point in points
    ]
    drawn = plane_of(limits, curves, own, overlay.bounds, contours, frame=frame)
    return replace(drawn, left_out=refused)


def wanted_experiments(names: Sequence[str | Experiment]) -> list[Experiment]:
    """Experiments of a plane: those named; of the papers for none; all that run for ("all",)."""
    if tuple(names) == ("all",):
        return [item for item in map(load_experiment, experiment_names()) if has_process(item)]
    return [load_experiment(name) for name in names or PAPER_EXPERIMENTS]


def _limits(
    experiments: tuple[str | Experiment, ...],
    masses: Sequence[float] | None,
    family: Family,
    settings: Settings,
    progress: Progress | None,
) -> tuple[list[Exclusion], dict[str, str]]:
    """Limits of the experiments, and those that have none, with the reason.

    An experiment that refuses all its masses is left out, one that nobody named also if it refuses
    the model.
    """
    named, wanted = experiments not in ((), ("all",)), wanted_experiments(experiments)
    if named and masses is not None:  # before anything is computed
        for item in wanted:
            check_masses(item, masses)

    def at(index: int) -> Exclusion | str:
        item, own = wanted[index], masses
        if masses is not None and not named:  # each within its own range
            low, high = process_of(item).mass_range(item)
            own = [mass for mass in masses if low <= mass <= high]
            if not own:
                return f"curves from {low:.3g} to {high:.3g} GeV"
        part = part_of(progress, index / len(wanted), (index + 1) / len(wanted))
        try:
            return kept_limit(item, own, family, settings, part)
        except MutauError as error:
            if named and not isinstance(error, OutOfRange):
                raise
            return str(error)

    found = side_by_side(at, range(len(wanted)), "", workers=1)  # each is side by side inside
    limits = [line for line in found if isinstance(line, Exclusion)]
    refused = {
        item.name: line for item, line in zip(wanted, found, strict=True) if isinstance(line, str)
    }
    if not limits:
        reasons = sorted(set(refused.values()))
        listed = reasons if len(reasons) == 1 else [f"{k}: {v}" for k, v in refused.items()]
        raise OutOfRange(f"no experiment has a limit on this plane: {'; '.join(listed)}")
    return limits, refused


def plane_of(
    limits: Sequence[Exclusion],
    curves: Sequence[PublishedLimit],
    own: Sequence[PublishedLimit] = (),
    bounds: Sequence[str] = (),
    contours: Sequence[Contours] = (),
    *,
    frame: Frame = USUAL,
) -> Plane:
    """Plane of limits that are computed already; at least one, all for the same model.

    curves, own : published curves, and the user's. contours : what true points would leave.
    Others as in `exclusion_plane`.
    Raises MutauError for no limits or for several models.
    """
    models = {line.model for line in limits}
    if len(models) != 1:
        raise MutauError(f"limits of {len(models)} models cannot share a plane", allowed="one")
    (model,) = models
    low = min(float(line.mass[0]) for line in limits)
    high = max(float(line.mass[-1]) for line in limits)
    x_range = frame.x_range or (low, high if high > low else 10.0 * low)
    bands = g_minus_2_bands(model, (x_range[0] / BEYOND, x_range[1] * BEYOND))
    series = curve_series(curves, x_range[0] / BEYOND)
    series += curve_series(own, x_range[0] / BEYOND, role="user")
    series += [band for band in bands if band.meta["year"] == frame.year]
    series += [_bound(name, limits[0], x_range) for name in bounds]
    series += [_ours(line, limits) for line in limits]
    series += [item for found in contours for item in contour_series(found)]
    y_range = frame.y_range or _coupling_range(limits)
    seen = {item.meta.get("name") for item in series if item.within(x_range, y_range)}
    shown = [curve for curve in (*curves, *own) if curve.name in seen]
    figure = Figure(
        id=frame.figure_id,
        title=frame.title or _usual_title(limits, frame.year),
        x_label="$m_{Z'}$ [GeV]",
        y_label="$g'$" if model == "lmu-ltau" else _coupling_label(model),
        series=tuple(series),
        log="xy",
        x_range=x_range,
        y_range=y_range,
        caption=_caption(limits, shown, series, contours, frame.year if bands else None),
    )
    names = tuple(curve.name for curve in (*curves, *own))
    return Plane(tuple(limits), names, frame.year, figure, bands, tuple(contours))


def _usual_title(limits: Sequence[Exclusion], year: int) -> str:
    levels = ", ".join(f"{100 * cl:g}" for cl in sorted({line.cl for line in limits}))
    return f"Upper limits at {levels} % CL; g−2 reference of {year}"


def _caption(
    limits: Sequence[Exclusion],
    shown: Sequence[PublishedLimit],
    series: Sequence[Series],
    contours: Sequence[Contours],
    year: int | None,
) -> str:
    """What a plane shows, in words. year : of the g-2 band; None without one."""
    names = ", ".join(dict.fromkeys(line.experiment for line in limits))
    texts = [
        f"Limits of {names} on {limits[0].model}",
        "" if year is None else f"; {_band_text(year)}",
        f". Curves of others: {_sources_text(shown) or 'none'}.",
        " Dashed: projections." if any(item.dashed for item in series) else "",
        *(contour_text(found) for found in contours),
    ]
    return "".join(texts)


def _coupling_label(model: str) -> str:
    return "$\\varepsilon$" if model_class(model).coupling_name == "epsilon" else "coupling $g$"


def _coupling_range(limits: Sequence[Exclusion]) -> tuple[float, float]:
    """1e-5 to 0.1, and whole decades further where a limit lies lower."""
    found = np.concatenate([line.coupling[np.isfinite(line.coupling)] for line in limits])
    lowest = float(found.min()) if len(found) else 1.0
    return min(1e-5, float(10.0 ** np.floor(np.log10(lowest)))), 1e-1


def _sources_text(curves: Sequence[PublishedLimit]) -> str:
    return "; ".join(f"{curve.title} [{curve.source or curve.origin}]" for curve in curves)


def _band_text(year: int) -> str:
    return f"green: 2σ band of g−2 with the reference of {year}, Δ$a_\\mu$ = {printed_moment(year)}"


def printed_moment(year: int) -> str:
    """The g-2 reference of a year as it is printed: 251(59)×10⁻¹¹."""
    item = moment_reference(year)
    return f"{item.difference * 1e11:g}({item.difference_uncertainty * 1e11:g})×10⁻¹¹"


def chosen_curves(
    family: Family | str = "lmu-ltau", only: Sequence[str] | None = None
) -> tuple[PublishedLimit, ...]:
    """Published curves for a plane of one family of models; `only` as in `Overlay`.

    A curve of another model, or of this one without the dark sector asked for, is recast where
    `bounds.recast` can. By default what cannot be recast is left out if it is of another model;
    of the same model it stays, and its assumption says that it knows no dark sector.
    Raises UnknownName, and MutauError with the reason for a name in `only` that cannot be recast.
    """
    family = Family.of(family)
    if only is not None:
        names = () if tuple(only) == ("none",) else only
        return tuple(_adapted(published_limit(name), family) for name in names)
    curves = dict.fromkeys([*drawn_by_default(family.model), *drawn_by_default()])
    found = []
    for curve in curves:
        with suppress(MutauError):
            found.append(_adapted(curve, family))
    return tuple(found)


def _adapted(curve: PublishedLimit, family: Family) -> PublishedLimit:
    """The curve as a bound on the family. Raises MutauError."""
    same = model_class(curve.model) is family.point_class
    if same and not (family.alpha_d and curve.name in recastable()):
        return curve
    found = recast(curve, family.model, options=family.sector).curve
    return replace(found, title=found.title.replace("(recast) (recast)", "(recast)"))


def curve_series(
    curves: Sequence[PublishedLimit], lowest: float, role: str = "published"
) -> list[Series]:
    """Excluded areas, then projections (dashed) and contours as lines.

    A region (as opposed to a limit, which ends where its numbers end) holds for all lighter masses
    too, as its card says; it is drawn down to `lowest`.
    """
    series = []
    for curve in sorted(curves, key=lambda c: c.kind == "projection"):
        area = curve.kind in ("limit", "region") and curve.excludes in _KINDS
        open_end = curve.kind == "region" and curve.mass[0] > lowest
        mass = np.concatenate([[lowest] if open_end else [], curve.mass])
        coupling = np.concatenate([curve.coupling[:1] if open_end else [], curve.coupling])
        series.append(
            Series(
                label=curve.title,
                x=mass,
                y=coupling,
                kind=_KINDS[curve.excludes] if area else "line",
                role=role,
                dashed=curve.kind == "projection",
                note="; ".join(t for t in (curve.source or curve.origin, curve.assumption) if t),
                meta={
                    "name": curve.name, "cl": curve.cl, "cl_note": curve.cl_note,
                    "kind": curve.kind, "model": curve.model,
                    "sources": [key for key in (curve.source, *curve.also) if key],
                },
            )
        )  # fmt: skip
    return series


def g_minus_2_bands(model: str, x_range: tuple[float, float]) -> tuple[Series, ...]:
    """The 2σ band of every reference year over a range of masses (GeV); none where the model
    does not move g-2."""
    mass = np.geomspace(*x_range, BAND_POINTS)
    bands = []
    for year, item in moment_references().items():
        try:
            band = model_class(model).g_minus_2_band(mass, year, 2.0)
        except MutauError:
            return ()
        ends = "below 2σ" if item.compatible_with_zero else "2σ"
        bands.append(
            Series(
                label=f"$(g-2)_\\mu$ {year}, {ends}",
                x=mass,
                y=np.maximum(band.lower, 1e-12),
                y2=band.upper,
                kind="band",
                role="preferred",
                note=f"{item.title}: Δ$a_\\mu$ = {printed_moment(year)}; {item.note}",
                meta={
                    "name": f"gm2-{year}", "year": year, "model": model,
                    "sources": list(dict.fromkeys((item.source_measured, item.source_predicted,
                                                   item.source_difference))),
                },
            )
        )  # fmt: skip
    return tuple(bands)


def _is_bound(item: Series) -> bool:
    return item.role == "ours" and "experiment" not in item.meta


def _ours(line: Exclusion, limits: Sequence[Exclusion]) -> Series:
    """The line of a limit: dashed for a projection; dotted with a dark sector where the same
    experiment without one is there too, since both often coincide."""
    alpha_d = line.meta.get("alpha_d", 0.0)
    plain = {other.experiment for other in limits if not other.meta.get("alpha_d")}
    sector = f", $\\alpha_D$ = {alpha_d:g}" if alpha_d else ""
    kind = line.meta.get("dark_matter", USUAL_DARK_MATTER)
    sector += f", {dark_matter(kind).title}" if alpha_d and kind != USUAL_DARK_MATTER else ""
    return Series(
        label=f"{line.experiment}{sector} (this work)",
        x=line.mass,
        y=line.coupling,
        err=line.numerical_err,
        role="ours",
        dashed=bool(line.meta.get("projection")),
        dotted=bool(alpha_d) and line.experiment in plain,
        note=f"{line.method}, {100 * line.cl:g} % CL"
        + (", projection" if line.meta.get("projection") else ""),
        meta={
            "name": line.experiment, "experiment": line.experiment, "cl": line.cl,
            "method": line.method, "model": line.model, "alpha_d": alpha_d,
        },
    )  # fmt: skip


def _bound(name: str, line: Exclusion, x_range: tuple[float, float]) -> Series:
    """A bound from formulas over the plane's masses, for the model and dark sector of a limit."""
    bound = BOUNDS[name]
    low, high = max(bound.mass_range[0], x_range[0]), min(bound.mass_range[1], x_range[1])
    if low >= high:
        raise OutOfRange(
            f"{name} says nothing about the masses of this plane", place="bounds",
            allowed=f"{bound.mass_range[0]:g} to {bound.mass_range[1]:g} GeV",
        )  # fmt: skip
    known = {option for option, _ in bound.options} & {"alpha_d", "mass_ratio", "dark_matter"}
    options = {option: line.meta[option] for option in sorted(known) if option in line.meta}
    found = bound(np.geomspace(low, high, BOUND_POINTS), line.model, **options)
    seen = np.isfinite(found.coupling)
    return Series(
        label=f"{bound.title} here" if bound.title.endswith("computed") else bound.title,
        x=found.mass[seen],
        y=found.coupling[seen],
        err=found.numerical_err[seen],
        dashed=bound.kind == "projection",
        note="; ".join(found.meta.get("assumptions", ())),
        meta={
            "name": name, "cl": found.cl, "method": found.method, "model": line.model,
            "sources": list(bound.source),
        },
    )  # fmt: skip


def _of_all(limits: Sequence[Exclusion]) -> dict[str, Any]:
    """Masses that were refused and warnings of all lines, each with its experiment."""
    refused = [
        {"experiment": line.experiment, **row}
        for line in limits
        for row in line.meta.get("refused", ())
    ]
    said = [
        f"{line.experiment}: {text}" for line in limits for text in line.meta.get("warnings", ())
    ]
    found = {"refused": refused, "warnings": said}
    return {key: rows for key, rows in found.items() if rows}


def plane_to_dict(plane: Plane, *, points: bool = True) -> dict[str, Any]:
    """What the command line prints of a plane: what all lines share, then a row for each line.

    points : those of every line and contour too, for programs.
    """
    rows = [
        {"experiment": line.experiment, **row}
        for line in plane.limits
        for row in limit_to_dict(line)["limits"]
    ]
    regions = [contours_to_dict(item, points=points) for item in plane.contours]
    first = plane.limits[0].meta
    digests = {line.experiment: line.meta["digests"]["experiment"] for line in plane.limits}
    return {
        "year_gm2": plane.year,
        "published": list(plane.published),
        "experiments": [line.experiment for line in plane.limits],
        **({"left_out": dict(plane.left_out)} if plane.left_out else {}),
        "bounds": [item.meta["name"] for item in plane.figure.series if _is_bound(item)],
        **{
            key: value
            for key, value in first.items()
            if key not in (*_IN_A_ROW, *_OF_ALL_LINES, *LACKING)
        },
        **_of_all(plane.limits),
        "digests": {**digests, "model": first["digests"]["model"]},
        **lines_lack(plane.limits),
        **({"measured": regions} if regions else {}),
        "lines": [
            {
                "experiment": line.experiment,
                "confidence_level": line.cl,
                "method": line.method,
                **{key: line.meta[key] for key in _IN_A_ROW if key in line.meta},
                "lowest_coupling": float(line.coupling.min()),
                "at_mass_GeV": float(line.mass[line.coupling.argmin()]),
            }
            for line in plane.limits
        ],
        **({"limits": rows} if points else {}),
    }
