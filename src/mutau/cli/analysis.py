"""Verbs that plan an analysis: background, optimise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar


def background(
    experiment: o.Experiment,
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source; may be repeated.")
    ] = None,
    effort: Annotated[float, typer.Option(help="Scales the Monte Carlo samples.")] = 1.0,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Every background source per particle on target, with errors, beside the paper's value."""
    from mutau.experiment import load_experiment
    from mutau.pipeline.backgrounds import background_answer

    with progress_bar("background", quiet=json) as progress:
        answer = background_answer(
            load_experiment(experiment), only=tuple(source or ()), seed=seed, effort=effort,
            progress=progress,
        )  # fmt: skip
    emit(answer, json)


def optimise(
    experiment: o.Experiment,
    mass: o.Mass,
    variables: Annotated[
        str, typer.Option(help="Cuts to tune, comma-separated names of `mutau show variables`.")
    ] = "theta_mu,electron_energy",
    coupling: o.Coupling = None,
    epsilon: o.Epsilon = None,
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    cl: Annotated[
        float | None, typer.Option(help="Confidence level; default: the experiment's.")
    ] = None,
    background_error: Annotated[
        float | None,
        typer.Option(help="Relative error of every background; default: each its own."),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=0, help="Events per sample; 0: the default.")] = 0,
    seed: o.Seed = 1,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Write the tuned experiment (TOML).")
    ] = None,
    json: o.Json = False,
) -> None:
    """Cuts for the best expected limit given the backgrounds, judged on independent samples."""
    from mutau.core.storage import write_text
    from mutau.experiment import load_experiment
    from mutau.models import build_model, model_class
    from mutau.pipeline.muone_optimise import optimise as search
    from mutau.pipeline.muone_optimise import optimum_answer

    wanted = {"coupling": coupling, "epsilon": epsilon}[model_class(model).coupling_name]
    point = build_model(
        model, o.energy("--mass", mass), 1e-3 if wanted is None else wanted,
        alpha_d=alpha_d, mass_ratio=mass_ratio,
    )  # fmt: skip
    with progress_bar("optimise", quiet=json) as progress:
        found = search(
            load_experiment(experiment), point, variables=tuple(variables.split(",")), cl=cl,
            seed=seed, n=n, background_error=background_error, progress=progress,
        )  # fmt: skip
    if out:
        write_text(out, found.experiment.to_toml())
    emit({**({"file": out} if out else {}), **optimum_answer(found)}, json)


VERBS: tuple[Callable[..., None], ...] = (background, optimise)
