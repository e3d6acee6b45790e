"""The verb that lays our numbers beside those of other programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import typer

from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar


def crosscheck(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Which (see `mutau show crosschecks`); none: all.", show_default=False),
    ] = None,
    effort: Annotated[float, typer.Option(help="Scales the samples of both programs.")] = 1.0,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Ours beside another program (Geant4, ACTS) on the same input; skipped where not installed."""
    from mutau.peers import crosscheck_answer

    with progress_bar("crosscheck", quiet=json) as progress:
        answer = crosscheck_answer(names or (), effort=effort, seed=seed, progress=progress)
    emit(answer, json)


VERBS: Final[tuple[Callable[..., None], ...]] = (crosscheck,)
