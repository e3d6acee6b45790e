"""Time to draw a plane and to write a report, and the size of its page.

Run `python benchmarks/bench_plotting.py`; `rows()` gives the same as a list.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mutau.core.types import Exclusion, provenance
from mutau.pipeline.exports import export
from mutau.pipeline.plane import chosen_curves, plane_of
from mutau.pipeline.reproduction import Level, Reproduction, Row
from mutau.plotting.report import write_report
from mutau.plotting.static import write_figure

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
    row = Row("mu.da", "quantity", "1", "1.0", 1.0, 0.1, "+0.0 %", "agrees", "because", "how")
    figures = tuple(plane_of(limits, chosen_curves(), figure_id=f"figure.{i}").figure
                    for i in range(_FIGURES))  # fmt: skip
    return Reproduction(("na64mu", "muone", "na64e"), Level("bench", 1, 61), (row,) * _ROWS,
                        figures, {"bench": 0.0}, provenance(seed=1), limits, plane)  # fmt: skip


def _seconds(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def rows() -> list[dict[str, Any]]:
    """One row per figure of merit; nothing here has an error to reach."""
    result = _reproduction()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = result.figures[0]
        write_figure(drawn, folder / "warm.png")
        times = {
            f"plane as {suffix}": _seconds(lambda s=suffix: write_figure(drawn, folder / f"p.{s}"))
            for suffix in ("png", "pdf", "svg")
        }
        times["report, 21 figures"] = _seconds(lambda: write_report(result, folder / "report"))
        size = (folder / "report" / "report.html").stat().st_size / 1e6
        exported = [*result.limits, *result.figures]
        times["HEPData, 3 limits, 20 figures"] = _seconds(
            lambda: export("hepdata", exported, folder / "hepdata")
        )
    table = [
        {"name": title, "figure": seconds, "unit": "s", "error_reached": 0.0, "goal": None}
        for title, seconds in times.items()
    ]
    page = {"name": "page of 21 figures", "figure": size, "unit": "MB", "error_reached": 0.0,
            "goal": 8.0}  # fmt: skip
    return [*table, page]


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']:32s} {row['figure']:8.3g} {row['unit']}")
