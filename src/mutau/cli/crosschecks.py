"""The verb that lays our numbers beside those of other programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

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
    """Ours beside Geant4 or ACTS on the same input. Ends with 1 where they disagree."""
    from mutau.peers import crosscheck_result

    with progress_bar("crosscheck", quiet=json) as progress:
        result = crosscheck_result(names or (), effort=effort, seed=seed, progress=progress)
    emit(result if json else _readable(result), json)
    if not all(item["agrees"] for item in result["verdicts"]):
        raise typer.Exit(1)


def _readable(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result for people: one table per cross-check, values with errors, remarks as notes."""
    shown = {key: value for key, value in result.items() if key != "rows"}
    notes: list[str] = []
    for check in dict.fromkeys(row["check"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["check"] == check]
        shown[f"{check}: ours beside {rows[0]['peer']}"] = _table(rows, notes)
    if notes:
        shown["notes"] = [{"note": i, "text": text} for i, text in enumerate(notes, 1)]
    return shown


def _table(rows: Sequence[Mapping[str, Any]], notes: list[str]) -> list[dict[str, str]]:
    """Rows of text; remarks are added to `notes` and numbered there."""
    out = []
    for row in rows:
        remark = row["remark"]
        if remark and remark not in notes:
            notes.append(remark)
        out.append(
            {
                "quantity": row["quantity"],
                "unit": row["unit"],
                "ours": _with_error(row["ours"], row["error"]),
                row["peer"]: _with_error(row["theirs"], row["their_error"]),
                "difference": "" if row["relative"] is None else f"{100 * row['relative']:+.2f} %",
                "pull": "" if row["pull"] is None else f"{row['pull']:+.1f}",
                "p": "" if row["p_value"] is None else f"{row['p_value']:.2g}",
                "judged": "yes" if row["judged"] else "no",
                "note": str(notes.index(remark) + 1) if remark else "",
            }
        )
    return out


def _with_error(value: float, error: float) -> str:
    """A value and its error with two digits of the error; five digits where it is exact."""
    if not 0.0 < error < math.inf:
        return f"{value:.5g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


VERBS: Final[tuple[Callable[..., None], ...]] = (crosscheck,)
