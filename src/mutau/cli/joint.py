"""Verbs about several experiments together: combine, discover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar

Experiments = Annotated[
    list[str], typer.Argument(help="Names out of `mutau show experiments`, or TOML files.")
]


def combine(
    experiments: Experiments,
    mass: Annotated[str, typer.Option(help="Z' mass: 0.1, 0.01,0.1 or 1MeV:1GeV:60.")],
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    cl: Annotated[float, typer.Option(help="Confidence level.")] = 0.90,
    method: Annotated[str, typer.Option(help="A name out of `mutau show methods`.")] = "bayes",
    seed: o.Seed = 1,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Also save as .npz.")] = None,
    json: o.Json = False,
) -> None:
    """Upper limit on the coupling from several experiments in one likelihood."""
    from mutau.core.storage import check_output
    from mutau.pipeline.combination import combined_limit
    from mutau.pipeline.limit import limit_answer

    if out:
        check_output(out, ".npz")
    with progress_bar("combine", quiet=json) as progress:
        line = combined_limit(
            experiments, o.energies("--mass", mass), model=model, alpha_d=alpha_d,
            mass_ratio=mass_ratio, cl=cl, method=method, seed=seed, progress=progress,
        )  # fmt: skip
    if out:
        line.save(out)
    emit(limit_answer(line), json)


def discover(
    experiments: Experiments,
    mass: o.Mass,
    coupling: o.Coupling = None,
    epsilon: o.Epsilon = None,
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    method: Annotated[str, typer.Option(help="asymptotic or toys.")] = "asymptotic",
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Expected p-value and significance of a true point, for each experiment and jointly."""
    from mutau.models import build_model
    from mutau.pipeline.combination import discovery_reach

    value = o.coupling_of(model, coupling, epsilon)
    point = build_model(model, o.energy("--mass", mass), value, alpha_d, mass_ratio)
    emit(discovery_reach(experiments, point, method=method, seed=seed), json)


VERBS: tuple[Callable[..., None], ...] = (combine, discover)
