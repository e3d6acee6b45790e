"""Time to draw a plane and to write a report, and the size of its page."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from measure import Row, best, main, row

from mutau.analysis.plane import Frame, chosen_curves, plane_of
from mutau.core.types import Exclusion, provenance
from mutau.report.exports import export
from mutau.report.reproduction import Level, Reproduction
from mutau.report.rows import Row as ReportRow
from mutau.report.static import write_figure
from mutau.report.write import write_report

_FIGURES, _ROWS = 20, 100


def _reproduction() -> Reproduction:
    """As large as a report of three papers: twenty figures, a hundred rows, three limits."""
    mass = np.geomspace(1e-3, 1.0, 61)
    limits = tuple(
        Exclusion(mass, scale * (1.0 + mass), 0.01 * mass, 0.9, name, "lmu-ltau", "bayes",
                  provenance(seed=1))
        for name, scale in (("na64mu", 1e-4), ("muone", 3e-5), ("na64e", 5e-4))
    )  # fmt: skip
    plane = plane_of(limits, chosen_curves())
    one = ReportRow("mu.da", "quantity", "1", "1.0", 1.0, 0.1, "+0.0 %", "agrees", "because", "how")
    figures = tuple(plane_of(limits, chosen_curves(), frame=Frame(figure_id=f"figure.{i}")).figure
                    for i in range(_FIGURES))  # fmt: skip
    return Reproduction(("na64mu", "muone", "na64e"), Level("bench", 1, 61), (one,) * _ROWS,
                        figures, {"bench": 0.0}, provenance(seed=1), limits, plane)  # fmt: skip


def figures_and_report() -> list[Row]:
    """One plane in three formats, a whole report, an export of everything."""
    result = _reproduction()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn, exported = result.figures[0], [*result.limits, *result.figures]
        table = [
            row(
                f"plane as {suffix}",
                best(lambda s=suffix: write_figure(drawn, folder / f"p.{s}"), 1),
                "s",
            )
            for suffix in ("png", "pdf", "svg")
        ]
        report = best(lambda: write_report(result, folder / "report"), 1)
        size = (folder / "report" / "report.html").stat().st_size / 1e6
        numbers = best(lambda: export("hepdata", exported, folder / "hepdata"), 1)
    return [
        *table,
        row("report, 21 figures", report, "s"),
        row("HEPData, 3 limits, 20 figures", numbers, "s"),
        row("page of 21 figures", size, "MB", "-", 8.0),
    ]


PARTS = (figures_and_report,)

if __name__ == "__main__":
    main(PARTS)
