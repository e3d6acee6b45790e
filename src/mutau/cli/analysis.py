"""Verbs that plan an analysis: background, optimise, measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from mutau.cli import blocks as b
from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar

#: Where none is given: the benchmark of the MUonE paper at 100 MeV.
REFERENCE_COUPLING: Final = 1e-3
SampleSize = Annotated[
    int,
    typer.Option(
        "-n", parser=o.whole_number(0), metavar="N",
        help="Events per sample: 1000 or 1e4; 0: the default.",
    ),
]  # fmt: skip
#: A model point whose coupling may be left out.
ReferencePoint = Annotated[Any, b.point(coupling=REFERENCE_COUPLING)]
TuneSettings = Annotated[Any, b.settings("cl", "seed", "full_chain", n_events=(SampleSize, 0))]
MeasureSettings = Annotated[Any, b.settings("seed", n_events=(SampleSize, 0))]


Events = Annotated[
    str | None,
    typer.Option(help="File of events of MESMER: also these, as they are measured (MUonE)."),
]


def background(
    experiment: o.Experiment,
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source; may be repeated.")
    ] = None,
    mass: Annotated[
        str | None,
        typer.Option(
            help="Z' mass in GeV or with a unit: also what the photon veto must be for it (muon on "
            "electron)."
        ),
    ] = None,
    coupling: o.Coupling = None,
    effort: Annotated[
        float, typer.Option(help="Scales the Monte Carlo samples, 0.01 to 100.")
    ] = 1.0,
    spectrum: Annotated[
        str | None,
        typer.Option(help="CSV or ROOT file of energies seen: fit its sideband instead."),
    ] = None,
    sideband: Annotated[str, typer.Option(help="Ends of the sideband: 55GeV,90GeV.")] = "",
    bin_width: Annotated[str, typer.Option("--bin", help="Bins of single events.")] = "1GeV",
    events: Events = None,
    name: Annotated[str, typer.Option(help="Histogram or tree in a ROOT file.")] = "",
    column: Annotated[str, typer.Option(help="Column or branch with single energies.")] = "",
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Backgrounds per particle on target, beside the paper's. Each with its errors."""
    from mutau.background.registry import background_result
    from mutau.experiment import load_experiment

    item, point = load_experiment(experiment), None
    if spectrum is not None:
        from mutau.background.sideband_estimate import sideband_range, sideband_result

        ends = o.energies("--sideband", sideband) if sideband else []
        result = sideband_result(
            item, spectrum, sideband_range("--sideband", ends),
            bin_width=o.energy("--bin", bin_width), name=name, column=column, seed=seed,
        )  # fmt: skip
        emit(result, json)
        return
    if mass is not None:
        from mutau.models import Family

        point = o.model_point(Family(), mass, coupling, None, default=REFERENCE_COUPLING)
    row: dict[str, Any] = {}
    if events is not None:  # first, so that a wrong file costs no time
        from mutau.background.muone_event_file import event_file_row

        row = {"event_file": event_file_row(item, events, seed)}
    with progress_bar("background", quiet=json) as progress:
        result = background_result(
            item, only=tuple(source or ()), seed=seed, effort=effort, model=point,
            progress=progress,
        )  # fmt: skip
    emit({**result, **row}, json, reasons=True)


@b.with_blocks
def optimise(
    experiment: o.Experiment,
    *,
    point: ReferencePoint,
    variables: Annotated[
        str | None,
        typer.Option(
            help="Cuts to tune, comma-separated names of `mutau show variables`; "
            "default for muon on electron: theta_mu,electron_energy. Of another process: cuts of "
            "the file."
        ),
    ] = None,
    settings: TuneSettings,
    effort: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Size of the Monte Carlo behind each background, but muon on electron."
        ),
    ] = None,
    background_error: Annotated[
        float | None,
        typer.Option(
            help="Relative error of every background, 0.1 for 10 %; default: each its own."
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Write the tuned experiment (TOML).")
    ] = None,
    json: o.Json = False,
) -> None:
    """Cuts for the best expected limit. Judged on independent samples."""
    from mutau.analysis.optimise import optimise as optimised
    from mutau.analysis.optimise import optimised_to_dict
    from mutau.core.storage import check_output, write_text
    from mutau.experiment import load_experiment

    if out:
        check_output(out, ".toml")
    names = None if variables is None else tuple(variables.split(","))
    with progress_bar("optimise", quiet=json) as progress:
        found = optimised(
            load_experiment(experiment), point, variables=names,
            settings=replace(settings, effort=effort), background_error=background_error,
            progress=progress,
        )  # fmt: skip
    if out:
        write_text(out, found.experiment.to_toml())
    emit({**({"file": out} if out else {}), **optimised_to_dict(found)}, json)


@b.with_blocks
def measure(
    experiment: o.Experiment,
    *,
    point: ReferencePoint,
    toys: Annotated[int, typer.Option(min=1, help="Pseudo-experiments.")] = 100,
    events: Events = None,
    settings: MeasureSettings,
    json: o.Json = False,
) -> None:
    """Mass and coupling from an injected missing-mass peak. With pulls."""
    from mutau.analysis.muone_mass import measure_result
    from mutau.experiment import load_experiment

    with progress_bar("measure", quiet=json) as progress:
        result = measure_result(
            load_experiment(experiment), point, toys=toys, events=events, settings=settings,
            progress=progress,
        )  # fmt: skip
    emit(result, json)


VERBS: tuple[Callable[..., None], ...] = (background, optimise, measure)
