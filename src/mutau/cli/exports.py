"""Verbs that hand results to others: cite, export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

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
    answer = {"references": found.rows(), "elsewhere": elsewhere, **provenance()}
    emit(answer | ({"file": out} if out else {"bibtex": found.bibtex()}), json)


def export(
    kind: Annotated[str, typer.Argument(help="hepdata, pyhf or csv.")],
    results: Annotated[
        list[str],
        typer.Argument(
            help="Files of `mutau limit -o`, folders of `mutau reproduce`; for pyhf experiments."
        ),
    ],
    out: o.Folder,
    mass: Annotated[
        str | None, typer.Option(help="Z' mass in GeV, or 100MeV, of a pyhf workspace.")
    ] = None,
    coupling: o.Coupling = None,
    epsilon: o.Epsilon = None,
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
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
    if mass is not None and kind != "pyhf":
        raise MutauError(f"has no effect on {kind}", place="--mass", allowed="pyhf")
    if mass is None:
        found = load_results(results)
    else:
        point = o.model_point(model, mass, coupling, epsilon, alpha_d, mass_ratio)
        found = point_yields(results, point, seed=seed)
    paths = write(kind, found, out)
    names = [str(path) for path in paths]
    files = names if json or len(names) < 10 else f"{len(names)} in {out}"
    emit({"format": kind, "files": files, **provenance()}, json)


VERBS: tuple[Callable[..., None], ...] = (cite, export)
