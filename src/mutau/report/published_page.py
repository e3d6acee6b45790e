"""The page of a publication: plane and likelihood as drawings in the page itself, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

import numpy as np

from mutau.analysis.likelihood import GridLikelihood
from mutau.core.errors import OutOfRange
from mutau.core.types import Exclusion

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640.0, 400.0, 70.0, 50.0
#: Cells of the likelihood's picture along mass and coupling.
_CELLS: Final = (24, 24)
_STYLE: Final = "body{font-family:sans-serif;max-width:50em;margin:2em auto}td,th{padding:.2em 1em}"


class _Frame:
    """Logarithmic axes of a drawing."""

    def __init__(self, x: Sequence[float], y: Sequence[float]) -> None:
        self.x = (math.log10(min(x)), math.log10(max(x)))
        self.y = (math.log10(min(y)), math.log10(max(y)))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point stands, in pixels."""
        fx = (math.log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        fy = (math.log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        return _LEFT + fx * (_WIDTH - _LEFT - 10.0), (1.0 - fy) * (_HEIGHT - _BOTTOM - 10.0) + 10.0

    def svg(self, inside: str) -> str:
        """The drawing with its axes."""
        lines = []
        for axis, (low, high) in enumerate((self.x, self.y)):
            for power in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1):
                point = (10.0**power, 10.0 ** self.y[0]) if axis == 0 else (
                    10.0 ** self.x[0], 10.0**power
                )  # fmt: skip
                px, py = self.at(*point)
                end = (px, py + 6.0) if axis == 0 else (px - 6.0, py)
                lines.append(f'<path d="M{px:.1f} {py:.1f}L{end[0]:.1f} {end[1]:.1f}"/>')
                place = (px - 12.0, py + 22.0) if axis == 0 else (px - 48.0, py + 5.0)
                lines.append(
                    f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" stroke="none">1e{power}</text>'
                )
        x0, y0 = self.at(10.0 ** self.x[0], 10.0 ** self.y[0])
        x1, y1 = self.at(10.0 ** self.x[1], 10.0 ** self.y[1])
        box = f'<path fill="none" d="M{x0:.1f} {y0:.1f}H{x1:.1f}V{y1:.1f}H{x0:.1f}Z"/>'
        return (
            f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" stroke="#222" font-size="13" '
            f'role="img">{inside}{box}{"".join(lines)}</svg>'
        )


def _plane(line: Exclusion) -> str:
    seen = np.isfinite(line.coupling)
    mass, coupling = line.mass[seen], line.coupling[seen]
    wide = (0.3 * float(coupling.min()), 3.0 * float(coupling.max()))
    frame = _Frame((0.9 * float(line.mass.min()), 1.1 * float(line.mass.max())), wide)
    places = [frame.at(float(m), float(g)) for m, g in zip(mass, coupling, strict=True)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return frame.svg(f'<path fill="none" stroke="#0b5" stroke-width="3" d="{path}"/>')


def _likelihood(grid: GridLikelihood) -> str:
    """p-values over mass and coupling: dark where excluded."""
    masses = np.geomspace(grid.mass[0], grid.mass[-1], _CELLS[0] + 1)
    couplings = np.geomspace(grid.coupling[0], grid.coupling[-1], _CELLS[1] + 1)
    frame = _Frame(masses.tolist(), couplings.tolist())
    cells = []
    for m0, m1 in pairwise(masses):
        mass = math.sqrt(m0 * m1)
        try:
            limit = grid.limit(mass)[0]
        except OutOfRange:
            limit = 0.0
        for g0, g1 in pairwise(couplings):
            level = 0.5 + 0.5 * math.tanh(2.0 * math.log(math.sqrt(g0 * g1) / max(limit, 1e-300)))
            (x0, y0), (x1, y1) = frame.at(m0, g1), frame.at(m1, g0)
            grey = round(255 - 160 * level)
            cells.append(
                f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0 + 0.5:.1f}" '
                f'height="{y1 - y0 + 0.5:.1f}" stroke="none" fill="rgb({grey},{grey},255)"/>'
            )
    return frame.svg("".join(cells))


def page(line: Exclusion, grid: GridLikelihood) -> str:
    """The page: needs neither network nor script.

    Drawn: the limit over mass, and where the likelihood's grid excludes.
    """
    title = escape(f"{line.experiment}, {line.model}: upper limit at {100 * line.cl:g} % CL")
    rows = "".join(
        f"<tr><td>{mass:.4g}</td><td>{coupling:.4g}</td><td>{error:.2g}</td></tr>"
        for mass, coupling, error in zip(line.mass, line.coupling, line.numerical_err, strict=True)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1>"
        f"<p>Method {escape(line.method)}. Coupling over mass in GeV; above the line is excluded. "
        "The numbers: limits/limit.json; before a recast: CAVEATS.md.</p>"
        f"{_plane(line)}<h2>Likelihood</h2><p>Coupling over mass: dark where more signal than the "
        f"limit is expected, light where less. likelihood/likelihood.json answers for any point, "
        f"between its masses to {grid.interpolation_err:.2g} of the signal.</p>{_likelihood(grid)}"
        "<table><tr><th>mass [GeV]</th><th>coupling</th><th>numerical error</th></tr>"
        f"{rows}</table></html>\n"
    )
