"""Verbs that hand results to others: cite, export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from mutau.cli import blocks as b
from mutau.cli import options as o
from mutau.cli.output import emit


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


VERBS: tuple[Callable[..., None], ...] = (cite, export)
