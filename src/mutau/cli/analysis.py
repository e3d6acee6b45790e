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


VERBS: tuple[Callable[..., None], ...] = (background,)
