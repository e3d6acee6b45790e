"""The verb sensitivity: what to expect at other exposures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar
from mutau.core.errors import MutauError


def _exposures(text: str) -> list[float]:
    """Particles on target from 1e11, a list 1e10,1e11 or a log-spaced range 1e9:1e13:9."""
    parts = text.split(":")
    try:
        if len(parts) == 1:
            return [float(part) for part in text.split(",")]
        first, last, n = float(parts[0]), float(parts[1]), int(parts[2])
        if len(parts) != 3 or not 0.0 < first < last < float("inf") or not 2 <= n <= o.MOST_POINTS:
            raise ValueError
    except (ValueError, IndexError):
        raise MutauError(
            f"{text!r} is not a number of particles, a list or a range", place="--exposure",
            remedy="write for example 1e11, 1e10,1e11 or 1e9:1e13:9",
        ) from None  # fmt: skip
    ratio = (last / first) ** (1.0 / (n - 1))
    return [*(first * ratio**i for i in range(n - 1)), last]


def sensitivity(
    experiment: o.Experiment,
    mass: Annotated[str, typer.Option(help="Z' mass: 0.1, 10MeV,100MeV or 1MeV:1GeV:13.")],
    exposure: Annotated[
        str, typer.Option(help="Particles on target: 1e11, 1e10,1e11 or 1e9:1e13:9.")
    ],
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    cl: o.Level = None,
    method: o.Method = None,
    full_chain: o.FullChain = False,
    background: o.BackgroundFrom = "computed",
    n: o.Events = 0,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Expected limit over exposure, with background and without; where background begins."""
    from mutau.experiment import load_experiment
    from mutau.pipeline.roads import refuse_unused_events
    from mutau.pipeline.sensitivity import sensitivity as expected
    from mutau.pipeline.sensitivity import sensitivity_answer

    masses, exposures = o.energies("--mass", mass), _exposures(exposure)
    found = load_experiment(experiment)
    refuse_unused_events(found, n)
    with progress_bar("sensitivity", quiet=json) as progress:
        result = expected(
            found, masses, exposures, model=model, alpha_d=alpha_d, mass_ratio=mass_ratio, cl=cl,
            method=method, background=background, full_chain=full_chain, seed=seed, n_events=n,
            progress=progress,
        )  # fmt: skip
    emit(sensitivity_answer(result), json)


VERBS: tuple[Callable[..., None], ...] = (sensitivity,)
