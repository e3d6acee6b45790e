"""The verb sensitivity: what to expect at other exposures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from mutau.cli import blocks as b
from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar


@b.with_blocks
def sensitivity(
    experiment: o.Experiment,
    mass: Annotated[str, typer.Option(help="Z' mass: 0.1, 10MeV,100MeV or 1MeV:1GeV:13.")],
    exposure: Annotated[
        str, typer.Option(help="Particles on target: 1e11, 1e10,1e11 or 1e9:1e13:9.")
    ],
    family: b.FamilyOptions,
    settings: b.LimitSettings,
    json: o.Json = False,
) -> None:
    """Expected limit over exposure. With background and without; where background begins."""
    from mutau.analysis.sensitivity import sensitivity as expected
    from mutau.analysis.sensitivity import sensitivity_to_dict
    from mutau.experiment import load_experiment
    from mutau.signal.processes import refuse_unused_events

    masses = o.energies("--mass", mass)
    exposures = o.spread("--exposure", exposure, o.number, "1e9:1e13:9")
    found = load_experiment(experiment)
    refuse_unused_events([found], settings.n_events)
    with progress_bar("sensitivity", quiet=json) as progress:
        result = expected(found, masses, exposures, family, settings=settings, progress=progress)
    emit(sensitivity_to_dict(result), json)


VERBS: tuple[Callable[..., None], ...] = (sensitivity,)
