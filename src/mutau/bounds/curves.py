"""Published curves in the plane of mass and coupling: what they exclude, and between the points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, OutOfRange, Problems
from mutau.core.storage import digest

Array = NDArray[np.float64]
Excludes = Literal["above", "below", "inside", "nothing"]

HEADER: Final = "mass_GeV,coupling"
EXCLUDES: Final = ("above", "below", "inside", "nothing")
KINDS: Final = ("limit", "region", "band", "projection", "contour")
BASES: Final = ("measured", "reinterpreted", "recast", "projected", "computed")


@dataclass(frozen=True, slots=True, eq=False)
class PublishedLimit:
    """One curve in the (mass, coupling) plane with everything known about where it came from.

    name, title : identifier, and the text for a legend.
    mass, coupling : (N,) float64, GeV and dimensionless; mass does not decrease along a line.
    model : tag of the model whose coupling it is. quantity, description : what was bounded.
    kind : limit, region, band, projection or contour (a theory line).
    basis : measured, reinterpreted, recast, projected or computed.
    excludes : "above" (an upper limit on the coupling), "below" (a lower limit), "inside" (the
    points run round a closed region) or "nothing" (a preferred band or a theory line).
    cl : confidence level, None where the publication states none (then cl_note says what it says).
    source, also : keys of references.toml. assumption : about the model, by the publication.
    origin, conversion, plausibility, remark : where the numbers come from, what was done to them,
    how they were checked, what to mind. plot, plot_reason : drawn unless asked otherwise, and why.
    search : how a curve of a user's was obtained, for a recast: production, final, branching as in
    `recast.Search`; empty where it does not say (bundled curves are looked up by name).
    alpha_d, mass_ratio, dark_matter : dark sector that the coupling was bounded with, and its kind;
    None where not stated.
    """

    name: str
    mass: Array
    coupling: Array
    title: str = ""
    model: str = "lmu-ltau"
    quantity: str = "coupling_upper_limit"
    description: str = ""
    kind: str = "limit"
    basis: str = "measured"
    excludes: str = "above"
    cl: float | None = None
    cl_note: str = ""
    source: str = ""
    also: tuple[str, ...] = field(default=())
    assumption: str = ""
    origin: str = ""
    conversion: str = ""
    plausibility: str = ""
    remark: str = ""
    plot: bool = True
    plot_reason: str = ""
    search: tuple[str, ...] = field(default=())
    alpha_d: float | None = None
    mass_ratio: float | None = None
    dark_matter: str | None = None

    def __post_init__(self) -> None:
        for name in ("mass", "coupling"):
            column = np.array(getattr(self, name), dtype=float)
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        wrong = check_points(self.mass, self.coupling, closed=self.excludes == "inside")
        if wrong:
            raise Problems(self.name, wrong)

    @property
    def mass_range(self) -> tuple[float, float]:
        """Lowest and highest mass of the curve, GeV."""
        return float(self.mass.min()), float(self.mass.max())

    @property
    def digest(self) -> str:
        """Digest of the points and of what they exclude, for the provenance of a figure."""
        sector = () if self.alpha_d is None else (self.alpha_d, self.mass_ratio, self.dark_matter)
        return digest(self.mass, self.coupling, self.excludes, self.model, *sector)

    def covers(self, mass: ArrayLike) -> NDArray[np.bool_]:
        """Where the curve has something to say: mass (GeV, array_like) within its range."""
        m = np.asarray(mass, float)
        low, high = self.mass_range
        return np.asarray((m >= low) & (m <= high))

    def coupling_at(self, mass: ArrayLike, outside: str = "raise") -> Array:
        """Coupling of the line at given masses, interpolated linearly in the two logarithms.

        mass : array_like, GeV. outside : "raise", or "nan" for masses beyond the curve.
        Returns float64 array. At a vertical step the weaker bound of the two is taken.
        Raises OutOfRange beyond the curve or for a mass that is no positive number; MutauError for
        a closed region, which has no single coupling per mass.
        """
        if self.excludes == "inside":
            raise MutauError(f"{self.name!r} is a closed region, not a line", place="coupling_at")
        m = self._masses(mass, outside, ("raise", "nan"))
        return np.asarray(np.exp(self._log_line(np.log(m))))

    def _log_line(self, log_mass: Array) -> Array:
        """ln(coupling) of the line at ln(mass), NaN beyond it, the weaker bound at a step."""
        nodes, values = np.log(self.mass), np.log(self.coupling)
        line = np.asarray(np.interp(log_mass, nodes, values, left=np.nan, right=np.nan))
        weakest = np.min if self.excludes == "below" else np.max
        for place in np.unique(nodes[1:][nodes[1:] == nodes[:-1]]):
            line[log_mass == place] = weakest(values[nodes == place])
        return line

    def is_excluded(
        self, mass: ArrayLike, coupling: ArrayLike, outside: str = "raise"
    ) -> NDArray[np.bool_]:
        """Whether points of the plane are excluded by this curve.

        mass, coupling : array_like, broadcast; GeV, dimensionless, positive. outside : "raise", or
        "no" to answer False for masses beyond the curve, where it says nothing.
        Returns bool array; a point on the line is not excluded.
        Raises OutOfRange beyond the curve; MutauError for a theory line, which excludes nothing.
        """
        if self.excludes == "nothing":
            raise MutauError(
                f"{self.name!r} is a {self.kind}; it excludes nothing",
                remedy="'mutau show limits' tells limits from contours",
            )
        m, g = np.broadcast_arrays(np.asarray(mass, float), np.asarray(coupling, float))
        m = self._masses(m, outside, ("raise", "no"))
        if not np.all((g > 0.0) & np.isfinite(g)):
            raise OutOfRange("a coupling is not positive and finite", allowed="coupling > 0")
        out = np.zeros(m.shape, bool)
        inside = self.covers(m)
        if self.excludes == "inside":
            out[inside] = _inside_polygon(
                np.log(m[inside]), np.log(g[inside]), np.log(self.mass), np.log(self.coupling)
            )
            return out
        line, point = self._log_line(np.log(m[inside])), np.log(g[inside])
        out[inside] = point > line if self.excludes == "above" else point < line
        return out

    def _masses(self, mass: ArrayLike, outside: str, allowed: tuple[str, str]) -> Array:
        """Masses as an array, refused where they are no masses or, with "raise", not covered."""
        if outside not in allowed:
            raise MutauError(f"outside = {outside!r} is not allowed", allowed=" or ".join(allowed))
        m = np.asarray(mass, float)
        if not np.all((m > 0.0) & np.isfinite(m)):
            raise OutOfRange("a mass is not positive and finite", allowed="mass > 0 GeV")
        beyond = ~self.covers(m)
        if outside == "raise" and np.any(beyond):
            low, high = self.mass_range
            raise OutOfRange(
                f"mass = {float(m[beyond].flat[0]):g} GeV is beyond the curve {self.name!r}",
                allowed=f"[{low:g}, {high:g}] GeV",
                remedy=f"pass outside={allowed[1]!r} to go on without it",
            )
        return m


def _inside_polygon(x: Array, y: Array, px: Array, py: Array) -> NDArray[np.bool_]:
    """Even-odd rule: whether (x, y) lies in the closed polygon of the nodes (px, py)."""
    inside = np.zeros(np.shape(x), bool)
    for x0, y0, x1, y1 in zip(px, py, np.roll(px, -1), np.roll(py, -1), strict=True):
        if x0 == x1:
            continue
        crosses = (x0 > x) != (x1 > x)
        inside ^= crosses & (y < y0 + (x - x0) / (x1 - x0) * (y1 - y0))
    return inside


def check_points(
    mass: Array, coupling: Array, closed: bool = False, where: list[str] | None = None
) -> list[tuple[str, str]]:
    """What is wrong with the points of a curve: (address, sentence) pairs.

    where : address of each point in its file; without it points are counted from 1.
    """
    where = where or [f"point {i + 1}" for i in range(len(mass))]
    if mass.shape != coupling.shape or mass.ndim != 1:
        return [("points", f"{mass.shape} masses do not match {coupling.shape} couplings")]
    least = 3 if closed else 2
    if len(mass) < least:
        return [("points", f"at least {least} are needed, not {len(mass)}")]
    wrong = []
    for i, (m, g) in enumerate(zip(mass, coupling, strict=True)):
        for name, value in (("mass_GeV", m), ("coupling", g)):
            if not np.isfinite(value):
                wrong.append((f"{where[i]}/{name}", f"{value} is not a finite number"))
            elif value <= 0.0:
                wrong.append((f"{where[i]}/{name}", f"{value:g} is not positive"))
        if i and not closed and m < mass[i - 1]:
            wrong.append(
                (f"{where[i]}/mass_GeV", f"{m:g} is below the one before; sort the rows by mass")
            )
    return wrong
