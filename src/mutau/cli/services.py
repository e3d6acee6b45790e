"""Verbs about the whole: plane, reproduce, check, show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from mutau.cli import blocks as b
from mutau.cli import options as o
from mutau.cli.looks import LookOptions
from mutau.cli.output import emit, progress_bar
from mutau.core.errors import MutauError

PlaneSettings = Annotated[Any, b.settings("n_events", "seed")]
_Only = Annotated[
    str | None, typer.Option(help="Published curves to draw, comma-separated; 'none' for none.")
]
_User = Annotated[
    list[str] | None,
    typer.Option(
        help="Own curve: CSV with header mass_GeV,coupling, or a HEPData table (YAML, CSV; "
        "FILE#name chooses a column); may be repeated."
    ),
]
_Bounds = Annotated[
    str, typer.Option(help="Bounds to compute from formulas, comma-separated: borexino-be7, ...")
]
_Measured = Annotated[
    list[str] | None,
    typer.Option(
        help="A true point, mass=0.1,coupling=5e-4: the region of (mass, coupling) that the "
        "experiments drawn would together measure; may be repeated."
    ),
]


def _overlay(
    only: str | None, user: list[str] | None, bounds: str, measured: list[str] | None
) -> Any:
    from mutau.analysis.plane import Overlay

    return Overlay(
        None if only is None else tuple(only.split(",")), tuple(user or ()),
        tuple(name for name in bounds.split(",") if name), tuple(measured or ()),
    )  # fmt: skip


#: What a plane shows beside limits: --only, --user, --bounds, --measured.
OverlayOptions = Annotated[
    Any,
    b.Block(
        {
            "only": (_Only, None),
            "user": (_User, None),
            "bounds": (_Bounds, ""),
            "measured": (_Measured, None),
        },
        _overlay,
    ),
]


@b.with_blocks
def plane(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Experiments to draw; default: those of the papers (na64mu, muone, na64e); "
            "'all' for every bundled one, studies included."
        ),
    ] = None,
    *,
    mass: o.Masses = None,
    family: b.FamilyOptions,
    overlay: OverlayOptions,
    year_gm2: o.Year = 2021,
    axes: Annotated[
        str,
        typer.Option(
            help="boson: its mass and coupling; dark-matter: m_chi and y = alpha_D epsilon^2 "
            "(m_chi/m)^4, with --alpha-d."
        ),
    ] = "boson",
    style: Annotated[str, typer.Option(help="mutau, or a journal style.")] = "mutau",
    settings: PlaneSettings,
    look: LookOptions,
    out: o.Output = "plane.png",
    json: o.Json = False,
) -> None:
    """The exclusion plane: limits, published curves, the g-2 band."""
    from mutau.analysis.dark_axes import plane_by
    from mutau.analysis.plane import Frame, plane_to_dict, wanted_experiments
    from mutau.core.storage import check_output
    from mutau.report.static import check_style, check_suffix, write_figure
    from mutau.signal.processes import refuse_unused_events

    check_output(check_suffix(out))
    check_style(style)
    plane_of_axes = plane_by(axes)
    masses = None if mass is None else o.energies("--mass", mass)
    named = tuple(experiments or ())
    refuse_unused_events(wanted_experiments(named), settings.n_events)
    with progress_bar("plane", quiet=json) as progress:
        drawn = plane_of_axes(
            named, masses, family, overlay=overlay, frame=Frame(year_gm2), settings=settings,
            progress=progress,
        )  # fmt: skip
    write_figure(drawn.figure, out, style, look)
    emit({"file": out, **plane_to_dict(drawn, points=json)}, json)


def reproduce(
    papers: Annotated[list[str] | None, typer.Argument(help="na64mu, muone, na64e or all.")] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Ids of rows and figures, comma-separated: computes what they need, of any paper."
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A minute; larger errors, shown.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The papers' own statistics.")] = False,
    style: Annotated[str, typer.Option(help="mutau, or a journal style.")] = "mutau",
    formats: Annotated[
        str, typer.Option(help="Formats of the figures beside PNG: pdf, svg, or pdf,svg.")
    ] = "",
    out: o.Folder = "results",
    json: o.Json = False,
) -> None:
    """Figures and numbers of the papers beside ours. And report.html."""
    from mutau.core.storage import check_folder
    from mutau.report.reproduction import LEVELS, chosen, paper_name
    from mutau.report.reproduction import reproduce as run
    from mutau.report.static import check_style
    from mutau.report.write import check_formats, summary, write_report

    named = [paper_name(name) for name in papers or () if name != "all"]
    wanted = () if "all" in (papers or ()) else named
    ids = [] if only is None else [name.strip() for name in only.split(",")]
    chosen(ids)
    level = LEVELS["quick" if quick else "full" if full else "default"]
    suffixes = check_formats(formats.split(","))
    check_style(style)
    check_folder(out)
    with progress_bar("reproduce", quiet=json) as progress:
        result = run(wanted, level, progress, ids)
    emit(summary(result, write_report(result, out, style, suffixes), json), json)


def check(
    file: Annotated[str, typer.Argument(help="An experiment file (TOML), or a bundled name.")],
    json: o.Json = False,
) -> None:
    """Located diagnosis of an experiment file. Changes and runs nothing."""
    from mutau.analysis.show import check_result, problem_rows

    try:
        emit(check_result(file), json)
    except MutauError as error:
        if json:
            emit({"file": file, "problems": problem_rows(error)}, as_json=True)
        raise


def show(
    what: Annotated[
        str,
        typer.Argument(
            help="experiments, materials, models, processes, signals, backgrounds, limits, bounds, "
            "constants, references, methods, variables, formats or crosschecks."
        ),
    ],
    of: Annotated[
        str | None,
        typer.Argument(
            help="With materials: an experiment, for those that its file describes.",
            show_default=False,
        ),
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="With limits: curves without public numbers.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Experiments, materials, models, limits: what there is."""
    from mutau.analysis.show import show_result

    emit(show_result(what, of, missing=missing), json)


def draw(
    experiment: o.Experiment,
    muon_energy: Annotated[
        str | None,
        typer.Option(
            help="Of the signal muon: 60, 60GeV; default: the highest that the cuts let through."
        ),
    ] = None,
    out: o.Output = "setup.png",
    json: o.Json = False,
) -> None:
    """The set-up from above and from the side, to scale, with the paths of beam and signal muon."""
    from mutau.analysis.layout import setup_figure
    from mutau.core.storage import check_output
    from mutau.report.static import check_style, check_suffix, write_figure

    check_output(check_suffix(out))
    check_style("mutau")
    energy = None if muon_energy is None else o.energy("--muon-energy", muon_energy)
    figure = setup_figure(experiment, muon_energy=energy)
    write_figure(figure, out)
    drawn = figure.meta["layout"]
    if not json:
        drawn = {"elements": len(drawn["parts"]), "not_drawn": drawn["not_drawn"]}
    emit({"file": out, **drawn}, json)


VERBS: tuple[Callable[..., None], ...] = (plane, draw, reproduce, check, show)
