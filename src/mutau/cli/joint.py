"""Verbs about several experiments together: combine, discover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from mutau.cli import blocks as b
from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar

Experiments = Annotated[
    list[str], typer.Argument(help="Names out of `mutau show experiments`, or TOML files.")
]
DiscoveryMethod = Annotated[str, typer.Option(help="asymptotic or toys.")]
CombineSettings = Annotated[Any, b.settings("cl", "method", "n_events", "seed")]
DiscoverSettings = Annotated[Any, b.settings("seed", method=(DiscoveryMethod, "asymptotic"))]


@b.with_blocks
def combine(
    experiments: Experiments,
    mass: Annotated[str, typer.Option(help="Z' mass: 0.1, 0.01,0.1 or 1MeV:1GeV:60.")],
    family: b.FamilyOptions,
    settings: CombineSettings,
    gain: Annotated[
        bool,
        typer.Option("--gain", help="Also each experiment alone, and what they gain together."),
    ] = False,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Also save as .npz.")] = None,
    json: o.Json = False,
) -> None:
    """Limit from several experiments in one likelihood."""
    from mutau.analysis.combination import combined_limit, load_all
    from mutau.analysis.combination_gain import combination_gain
    from mutau.analysis.limit import limit_to_dict
    from mutau.core.storage import check_output
    from mutau.signal.processes import refuse_unused_events

    if out:
        check_output(out, ".npz")
    found = load_all(experiments)
    refuse_unused_events(found, settings.n_events)
    grid = o.energies("--mass", mass)
    shown: dict[str, Any] = {}
    with progress_bar("combine", quiet=json) as progress:
        if gain:
            both = combination_gain(found, grid, family, settings=settings, progress=progress)
            line, shown = both.joint, {"gain": both.rows()}
        else:
            line = combined_limit(found, grid, family, settings=settings, progress=progress)
    if out:
        line.save(out)
    emit(limit_to_dict(line) | shown, json)


def _levels(text: str) -> list[float]:
    """Confidence levels from "0.68,0.95". Raises MutauError that names the option."""
    from mutau.analysis.contours import threshold
    from mutau.core.errors import MutauError

    levels = [o.number("--levels", part) for part in text.split(",")]
    for level in levels:
        if 1.0 < level < 100.0:
            raise MutauError(
                f"{level:g} is no confidence level",
                place="--levels",
                remedy=f"write {level / 100.0:g} for {level:g} %",
            )
        threshold(level)
    return levels


@b.with_blocks
def discover(
    experiments: Experiments,
    *,
    point: b.PointOptions,
    settings: DiscoverSettings,
    contours: Annotated[
        bool, typer.Option("--contours", help="Also the regions of (mass, coupling) it would give.")
    ] = False,
    levels: Annotated[str, typer.Option(help="Confidence levels of the contours.")] = "0.68,0.95",
    masses: Annotated[
        str | None,
        typer.Option(help="Masses to look at for contours; default: to 4 times heavier, lighter."),
    ] = None,
    json: o.Json = False,
) -> None:
    """Expected significance of a true point. And the region it would be measured in."""
    from mutau.analysis.combination import discovery_reach
    from mutau.analysis.contours import contours_to_dict, measured_contours

    wanted = _levels(levels)
    grid = None if masses is None else o.energies("--masses", masses)
    result = discovery_reach(experiments, point, settings=settings)
    if contours:
        with progress_bar("contours", quiet=json) as progress:
            found = measured_contours(
                experiments, point, levels=wanted, masses=grid,
                settings=replace(settings, method=None), progress=progress,
            )  # fmt: skip
        result |= contours_to_dict(found, points=json)
    emit(result, json)


VERBS: tuple[Callable[..., None], ...] = (combine, discover)
