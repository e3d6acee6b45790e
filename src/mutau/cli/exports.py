"""Verbs that hand results to others: cite, export, likelihood, publish, verify."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from mutau.cli import blocks as b
from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar


def cite(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Experiments, published curves, limits, gm2 or a year of it, constants, or files "
            "of results; default: all that a plane shows."
        ),
    ] = None,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Write BibTeX there.")] = None,
    json: o.Json = False,
) -> None:
    """BibTeX of everything that a result rests on."""
    from mutau.analysis.citations import cited
    from mutau.core.storage import check_output, write_text
    from mutau.core.types import provenance

    if out:
        check_output(out)
    found = cited(names or ())
    if out:
        write_text(out, found.bibtex())
    elif not json:
        typer.echo(found.bibtex(), nl=False)
        return
    elsewhere = [{"source": text, "used_by": list(by)} for text, by in found.elsewhere.items()]
    result = {"references": found.rows(), "elsewhere": elsewhere, **provenance()}
    emit(result | ({"file": out} if out else {"bibtex": found.bibtex()}), json)


_WorkspaceMass = Annotated[
    str | None, typer.Option(help="Z' mass in GeV, or 100MeV, of a pyhf workspace.")
]

WorkspacePoint = Annotated[Any, b.optional_point(_WorkspaceMass)]


@b.with_blocks
def export(
    kind: Annotated[str, typer.Argument(help="hepdata, pyhf or csv.")],
    results: Annotated[
        list[str],
        typer.Argument(
            help="Files of `mutau limit -o`, folders of `mutau reproduce`; for pyhf experiments."
        ),
    ],
    out: o.Folder,
    point: WorkspacePoint,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Limits, figures and model points for HEPData, pyhf or as CSV."""
    from mutau.analysis.results import load_results
    from mutau.core.errors import MutauError
    from mutau.core.storage import check_folder
    from mutau.core.types import provenance
    from mutau.report.exports import EXPORTS, point_yields
    from mutau.report.exports import export as write

    EXPORTS[kind]
    check_folder(out)
    if point.given and kind != "pyhf":
        raise MutauError(f"has no effect on {kind}", place="--mass", allowed="pyhf")
    found = point_yields(results, point(), seed=seed) if point.given else load_results(results)
    paths = write(kind, found, out)
    names = [str(path) for path in paths]
    files = names if json or len(names) < 10 else f"{len(names)} in {out}"
    emit({"format": kind, "files": files, **provenance()}, json)


_Points = Annotated[
    list[str] | None,
    typer.Option(
        "--point", help="What it says about mass=0.1,coupling=5e-4 (GeV); may be repeated."
    ),
]
_Couplings = Annotated[
    str,
    typer.Option(help="Couplings of the grid, LOW:HIGH:N or a list; default: around the limits."),
]
_LikelihoodFile = Annotated[
    str, typer.Option("-o", "--out", help="File to write: .json, or .hs3.json for HS3.")
]


@b.with_blocks
def likelihood(
    experiment: Annotated[
        str, typer.Argument(help="An experiment, or a file that this verb wrote (.json).")
    ],
    mass: o.Masses = None,
    couplings: _Couplings = "",
    point: _Points = None,
    *,
    family: b.FamilyOptions,
    settings: b.LimitSettings,
    out: _LikelihoodFile = "",
    json: o.Json = False,
) -> None:
    """The likelihood over mass and coupling: a file, and any point of it."""
    from mutau.analysis import likelihood as module
    from mutau.core.storage import check_output

    if out:
        check_output(out, ".json")
    points = [module.point_of(text) for text in point or ()]
    if experiment.endswith(".json"):
        found = module.read_likelihood(experiment)
    else:
        masses = None if mass is None else o.energies("--mass", mass)
        grid = module.couplings_of(couplings)
        with progress_bar("likelihood", quiet=json) as progress:
            found = module.grid_likelihood(
                experiment, masses, family, couplings=grid, settings=settings, progress=progress
            )
    if out:
        module.write_likelihood(found, out)
    emit({**({"file": out} if out else {}), **module.likelihood_to_dict(found, points)}, json)


@b.with_blocks
def publish(
    experiment: o.Experiment,
    out: o.Folder,
    mass: o.Masses = None,
    *,
    family: b.FamilyOptions,
    settings: b.LimitSettings,
    json: o.Json = False,
) -> None:
    """What others need of an experiment, in one folder with a manifest."""
    from mutau.core.storage import check_folder
    from mutau.report.published import publish_experiment

    check_folder(out)
    masses = None if mass is None else o.energies("--mass", mass)
    with progress_bar("publish", quiet=json) as progress:
        found = publish_experiment(
            experiment, out, masses, family, settings=settings, progress=progress
        )
    emit(found, json)


def verify(
    folder: Annotated[str, typer.Argument(help="A folder that `mutau publish` wrote.")],
    json: o.Json = False,
) -> None:
    """Recompute a published folder. Ends with 1, naming the files, where it differs."""
    from mutau.report.verification import verify_folder

    with progress_bar("verify", quiet=json) as progress:
        found = verify_folder(folder, progress=progress)
    emit(found, json)
    if found["differences"]:
        raise typer.Exit(1)


VERBS: tuple[Callable[..., None], ...] = (cite, export, likelihood, publish, verify)
