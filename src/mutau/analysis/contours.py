"""What a signal would measure: regions of mass and coupling that the expected counts allow.

The counts expected at a true point are compared with every other point: q = -2 ln of the profile
likelihood ratio, errors of the signal profiled, backgrounds at their expectation. In two
parameters q below -2 ln(1 - CL) bounds a region: 2.279 for 68 %, 5.991 for 95 %. One count fixes
one combination of mass and coupling, so a single experiment gives a strip that runs on to other
masses; several experiments, whose rates depend differently on the mass, cut it short. Such a strip
errs on the safe side: with one combination fixed q has one degree of freedom, and the same
thresholds hold the truth in 87 and 98.6 % of cases. (Where the missing mass is seen, `mutau
measure` fits the peak instead.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np

from mutau.analysis.combination import load_all, prepare_joint, shared_systematics
from mutau.analysis.lacking import each_lacks
from mutau.analysis.loop import Progress, side_by_side
from mutau.analysis.settings import AS_STATED, Settings
from mutau.core.deprecation import old_keywords
from mutau.core.errors import MutauError, OutOfRange, require_in_range
from mutau.core.figure import Series
from mutau.core.storage import digest
from mutau.core.types import provenance
from mutau.experiment import Experiment
from mutau.models import Family, Model, highest_coupling
from mutau.signal.processes import masses_taken, takes_mass
from mutau.stats.model import CountingModel

Array = np.ndarray
LEVELS = (0.68, 0.95)
#: Masses looked at: this factor to both sides of the true one, so many points to each.
REACH, POINTS = 4.0, 12
#: Halvings (in the logarithm of the mass) of the step in which a region ends.
_HALVINGS = 3
#: Couplings at each mass, to each side of the best, out to where q has grown by this much more than
#: the highest threshold.
_NODES, _BEYOND = 32, 1.3
#: q where events are seen in a channel in which none can be: beyond every threshold, and finite.
_IMPOSSIBLE = 1e6
#: Gaps in a region that are less deep than this many numerical errors of q are none.
_NOISE = 2.0
#: Couplings looked at: this factor to both sides of the true one.
_COUPLINGS = 1e3


@dataclass(frozen=True, slots=True)
class Polygon:
    """One closed line round a region.

    mass, coupling : (N,) GeV and dimensionless; from the lightest mass along the lower edge to
    heavier ones and back along the upper edge; the last point joins the first. open_ends : masses
    (GeV) at which it reaches the end of the masses looked at and would go on. down_to_zero :
    whether no signal at all is compatible somewhere, so that the lower edge drawn there is only
    where looking ended. Points that are not allowed inside are not cut out.
    """

    mass: Array
    coupling: Array
    open_ends: tuple[float, ...] = ()
    down_to_zero: bool = False


@dataclass(frozen=True, slots=True)
class Contours:
    """Regions that a true point would leave.

    polygons : confidence level -> its closed lines. experiments : those that take the mass;
    left_out : the others.
    """

    point: Model
    polygons: Mapping[float, tuple[Polygon, ...]]
    experiments: tuple[Experiment, ...]
    left_out: tuple[str, ...]
    settings: Settings


def threshold(level: float) -> float:
    """q that bounds a joint region in two parameters with this probability: -2 ln(1 - level).

    The quantile of chi^2 with two degrees of freedom. Raises OutOfRange.

    >>> f"{threshold(0.95):.4f}"
    '5.9915'
    """
    require_in_range("confidence level", level, 0.05, 0.9999)
    return -2.0 * math.log1p(-level)


@dataclass(frozen=True)
class _Row:
    """One mass: ln of the best coupling, smallest q and its error by samples; and where q was
    computed: nodes : (2 _NODES + 1,) ln g, from the lower to the upper end, the best in the middle;
    q : (2 _NODES + 1,). from_zero : whether the nodes go down to where looking ends."""

    mass: float
    best: float
    least: float
    noise: float
    nodes: Array
    q: Array
    from_zero: bool


@old_keywords("settings", Settings, {"seed": "seed", "n_events": "n_events"}, gone_in="0.2.0")
def measured_contours(
    names: Sequence[str | Experiment],
    point: Model,
    *,
    levels: Sequence[float] = LEVELS,
    masses: Sequence[float] | None = None,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> Contours:
    """Regions of mass and coupling that experiments together would measure for a true point.

    names : experiments; those that do not take the mass of `point` are left out. levels :
    confidence levels. masses : GeV, to look at; None for a factor of 4 to both sides of the true
    one, as far as every experiment answers. The true mass is looked at in any case. settings :
    level and method have no effect and are refused.
    Raises MutauError if nothing is expected at the point, OutOfRange for a level or if no
    experiment takes the mass.
    Check: the true point lies in every region; without errors one channel gives
    2 (s - n + n ln(n/s)) below the threshold.
    """
    settings.refuse_unused(
        "measured regions", "background", "effort", "n_events", "full_chain", "seed"
    )
    limits = {level: threshold(level) for level in levels}
    top = _BEYOND * max(limits.values())
    experiments = load_all(names)
    able = [item for item in experiments if takes_mass(item, point.mass)] or experiments
    truth = prepare_joint(able, point, settings).model(point)
    if truth.total <= 0.0:
        raise MutauError(
            "no signal is expected at this point", place="true point",
            remedy="choose a larger coupling, or an experiment that reaches this mass",
        )  # fmt: skip
    expected = truth.signal + truth.background

    def row(mass: float) -> _Row:
        return _row(_QOfCoupling(able, point, expected, mass, settings), top)

    grid = _grid(able, point.mass, masses)
    rows = side_by_side(row, grid, "contours", progress)
    polygons = {
        level: _polygons(_with_ends(rows, limit, row), limit) for level, limit in limits.items()
    }
    left_out = tuple(item.name for item in experiments if item not in able)
    return Contours(point, polygons, tuple(able), left_out, settings)


def _grid(
    experiments: Sequence[Experiment], true: float, masses: Sequence[float] | None
) -> list[float]:
    """Masses to look at, the true one among them, as far as all experiments answer."""
    ranges = np.array([masses_taken(item) for item in experiments])
    low, high = float(ranges[:, 0].max()), float(ranges[:, 1].min())
    if masses is None:
        steps = np.linspace(0.0, math.log(REACH), POINTS + 1)[1:]
        masses = [*(true * np.exp(-steps)), *(true * np.exp(steps))]
        masses = [mass for mass in masses if low <= mass <= high]
    elif not all(low <= mass <= high for mass in masses):
        raise OutOfRange(
            "not every experiment answers for these masses", place="masses of the contours",
            allowed=f"[{low:.4g}, {high:.4g}] GeV",
        )  # fmt: skip
    return sorted({true, *(float(mass) for mass in masses)})


class _QOfCoupling:
    """q of ln g at one mass, each value computed once.

    true : whether it is the mass of the true point, where the best coupling is known. window : ends
    of ln g that are looked at.
    """

    def __init__(
        self, experiments: list[Experiment], point: Model, expected: Array, mass: float,
        settings: Settings,
    ) -> None:  # fmt: skip
        start = point if mass == point.mass else point.moved(mass, point.coupling)
        self._start, self._expected = start, expected
        self._joint = prepare_joint(experiments, start, settings)
        self._known: dict[float, float] = {}
        self.mass, self.true, self.coupling = mass, mass == point.mass, math.log(point.coupling)
        width, most = math.log(_COUPLINGS), math.log(highest_coupling(start))
        self.window = self.coupling - width, min(self.coupling + width, most)

    def model(self, log_coupling: float) -> CountingModel:
        """Counts expected at a coupling."""
        return self._joint.model(self._start.with_coupling(math.exp(log_coupling)))

    def __call__(self, log_coupling: float) -> float:
        if log_coupling not in self._known:
            self._known[log_coupling] = _q(self.model(log_coupling), self._expected)
        return self._known[log_coupling]


def _row(q: _QOfCoupling, top: float) -> _Row:
    """The best coupling at a mass, and q on both sides until it has grown by `top`."""
    from scipy.optimize import minimize_scalar

    best, least, noise = q.coupling, 0.0, 0.0
    if not q.true:
        coarse = np.linspace(*q.window, 41)
        lowest = int(np.argmin([q(float(x)) for x in coarse]))
        near = coarse[max(lowest - 1, 0)], coarse[min(lowest + 1, len(coarse) - 1)]
        found = minimize_scalar(q, bounds=near, method="bounded", options={"xatol": 1e-6})
        best, least = float(found.x), float(found.fun)
        noise = _noise(q.model(best), least)
    low, high = (_reach(q, best, end, least + top) for end in q.window)
    # closer to the best, where a region that goes down to no signal still has an edge
    steps = (np.arange(1, _NODES + 1) / _NODES) ** 1.5
    nodes = np.concatenate(
        [best + (low - best) * steps[::-1], [best], best + (high - best) * steps]
    )
    values = np.array([q(float(x)) for x in nodes])
    return _Row(q.mass, best, least, noise, nodes, values, low == q.window[0])


def _reach(q: _QOfCoupling, best: float, end: float, top: float) -> float:
    """ln g on one side of the best where q has passed `top`, or where looking ends."""
    step = 0.05
    while step < abs(end - best):
        outer = best + math.copysign(step, end - best)
        if q(outer) >= top:
            return outer
        step *= 1.3
    return end


def _noise(model: CountingModel, q: float) -> float:
    """Error of q by the finite samples: 2 sqrt(q) times their error in standard deviations."""
    fractions = [
        channel.signal_err**2 / max(channel.signal + channel.background, 1e-300)
        for channel in model.channels
        if channel.signal > 0.0
    ]
    return 2.0 * math.sqrt(q * sum(fractions))


def _q(model: CountingModel, data: Array) -> float:
    """-2 ln L of data under a model, above that of a model that fits perfectly; errors profiled.

    Where a mass is beyond the reach of a channel without background that saw events: _IMPOSSIBLE.
    """
    from mutau.stats import fit

    if any(n > 0.0 for n in data[model.signal + model.background <= 0.0]):
        return _IMPOSSIBLE
    return float(np.clip(2.0 * fit(model.with_observed(data), 1.0).nll, 0.0, _IMPOSSIBLE))


def _with_ends(rows: Sequence[_Row], limit: float, row: Callable[[float], _Row]) -> list[_Row]:
    """The rows without gaps that are only numerical, and more of them in the steps of the mass in
    which a region ends."""
    rows = [item for index, item in enumerate(rows) if not _is_noise(rows, index, limit)]
    found = list(rows)
    for one, other in pairwise(rows):
        inside, outside = (one, other) if one.least < limit else (other, one)
        if not inside.least < limit <= outside.least:
            continue
        for _ in range(_HALVINGS):
            middle = row(math.sqrt(inside.mass * outside.mass))
            found.append(middle)
            inside, outside = (middle, outside) if middle.least < limit else (inside, middle)
    return sorted(found, key=lambda item: item.mass)


def _polygons(rows: Sequence[_Row], limit: float) -> tuple[Polygon, ...]:
    """Closed lines round where q is below the threshold, by contourpy.

    The surface is the root of q, nearly linear in ln g off its valley, over the number of the mass
    and that of the node; what comes back is interpolated in the logarithms of both.
    """
    from contourpy import FillType, contour_generator

    kept = [*rows, *rows] if len(rows) == 1 else rows
    surface = contour_generator(
        z=np.sqrt([item.q for item in kept]), fill_type=FillType.OuterOffset
    )
    points, offsets = cast(Any, surface.filled(-1.0, math.sqrt(limit)))
    lines = (line[: int(cut[1]) - 1] for line, cut in zip(points, offsets, strict=True))
    found = [_polygon(kept, line) for line in lines]
    return tuple(sorted(found, key=lambda item: float(item.mass.min())))


def _polygon(rows: Sequence[_Row], line: Array) -> Polygon:
    """A line in numbers of (node, mass), each once, as masses and couplings."""
    last = len(rows) - 1
    node, at = line[::-1].T  # against the clock in (mass, coupling)
    on_end = ((at == 0.0) | (at == last)) & (node == np.round(node))
    keep = ~(on_end & (node > 0.0) & (node < 2 * _NODES))  # between the edges there
    node, at = node[keep], at[keep]
    below = np.minimum(at.astype(int), max(last - 1, 0))
    fraction, left = at - below, np.minimum(node.astype(int), 2 * _NODES - 1)
    masses = np.log([item.mass for item in rows])
    nodes = np.array([item.nodes for item in rows])
    at_rows = [
        nodes[i, left] + (node - left) * (nodes[i, left + 1] - nodes[i, left])
        for i in (below, below + 1)
    ]
    mass = np.exp(masses[below] + fraction * (masses[below + 1] - masses[below]))
    coupling = np.exp(at_rows[0] + fraction * (at_rows[1] - at_rows[0]))
    on_row = at == np.round(at)
    mass[on_row] = [rows[int(i)].mass for i in at[on_row]]
    first = int(np.lexsort((coupling, mass))[0])
    open_ends = tuple(rows[i].mass for i in (0, last) if np.any(at == i))
    bottom = (node == 0.0) & np.array([rows[int(i)].from_zero for i in np.round(at)])
    return Polygon(np.roll(mass, -first), np.roll(coupling, -first), open_ends, bool(bottom.any()))


def _is_noise(rows: Sequence[_Row], index: int, limit: float) -> bool:
    """Whether a mass lies in a gap, between masses of a region, that is only numerical."""
    first = last = index
    while first >= 0 and limit <= rows[first].least:
        first -= 1
    while last < len(rows) and limit <= rows[last].least:
        last += 1
    gap = rows[first + 1 : last]
    inner = bool(gap) and first >= 0 and last < len(rows)
    return inner and all(item.least < limit + _NOISE * item.noise for item in gap)


def contours_to_dict(found: Contours, *, points: bool = True) -> dict[str, Any]:
    """What the command line prints of contours. points : of the polygons too, for programs."""
    described = found.point.to_dict()
    polygons = [
        {
            "confidence_level": level,
            "minus_2_ln_likelihood_ratio": threshold(level),
            "polygons": [
                {
                    "mass_GeV": polygon.mass.tolist(),
                    "coupling": polygon.coupling.tolist(),
                    "open_ends_GeV": list(polygon.open_ends),
                    "down_to_zero": polygon.down_to_zero,
                }
                for polygon in polygons
            ],
        }
        for level, polygons in found.polygons.items()
    ]
    return {
        "true_point": described,
        "experiments": [item.name for item in found.experiments],
        "left_out": list(found.left_out),
        "shared_systematics": shared_systematics(found.experiments),
        **each_lacks(found.experiments, found.settings),
        "regions": [
            {
                "confidence_level": level,
                "lightest_GeV": float(polygon.mass.min()),
                "heaviest_GeV": float(polygon.mass.max()),
                "smallest_coupling": float(polygon.coupling.min()),
                "largest_coupling": float(polygon.coupling.max()),
                "goes_on_beyond_GeV": list(polygon.open_ends),
            }
            for level, polygons in found.polygons.items()
            for polygon in polygons
        ],
        **({"contours": polygons} if points else {}),
        **provenance(found.settings.seed, point=digest(described)),
    }


def true_point(text: str, family: Family) -> Model:
    """Model point from "mass=0.1,coupling=5e-4" (mass with or without unit; epsilon for a mixing).

    Raises MutauError for other texts.
    """
    from mutau.core.units import parse_energy

    name = family.coupling_name
    parts = dict(part.partition("=")[::2] for part in text.replace(" ", "").split(","))
    try:
        if set(parts) != {"mass", name}:
            raise ValueError
        mass, coupling = parse_energy(parts["mass"]), float(parts[name])
    except ValueError:
        raise MutauError(
            f"{text!r} is not a point of {family.model}", place="--measured",
            remedy=f"write for example mass=0.1,{name}=5e-4",
        ) from None  # fmt: skip
    return family.at(mass, coupling)


def contour_series(found: Contours) -> list[Series]:
    """The regions of a true point, the widest first, and the point itself.

    A region of several pieces is named once.
    """
    who = "+".join(item.name for item in found.experiments)
    series = []
    for level in sorted(found.polygons, reverse=True):
        for rank, polygon in enumerate(found.polygons[level]):
            text = f"{who} would measure, {100 * level:g} %"
            series.append(
                Series(
                    label="" if rank else text,
                    x=polygon.mass,
                    y=polygon.coupling,
                    kind="region-closed",
                    role="measured",
                    note="cut at the masses looked at" if polygon.open_ends else "",
                    meta={"name": f"measured-{100 * level:g}", "cl": level,
                          "model": found.point.tag},
                )
            )  # fmt: skip
    mass, coupling = np.array([found.point.mass]), np.array([found.point.coupling])
    truth = Series(
        "true point", mass, coupling, kind="points", role="measured",
        meta={"name": "true-point", "model": found.point.tag},
    )  # fmt: skip
    return [*series, truth]


def contour_text(found: Contours) -> str:
    """What the caption of a plane says of the regions."""
    levels = " and ".join(f"{100 * level:g}" for level in sorted(found.polygons))
    tied = ", ".join(row["name"] for row in shared_systematics(found.experiments))
    return (
        f" Yellow: what {', '.join(item.name for item in found.experiments)} together would "
        f"measure of a boson of {found.point.mass:g} GeV with coupling {found.point.coupling:g}, "
        f"{levels} % CL; shared systematic errors: {tied or 'none'}."
    )
