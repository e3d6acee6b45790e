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
from typing import Any

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
#: Gaps in a region that are less deep than this many numerical errors of q are none.
_NOISE = 2.0
#: Couplings looked at: this factor to both sides of the true one.
_COUPLINGS = 1e3


@dataclass(frozen=True, slots=True)
class Polygon:
    """One closed line round a region.

    mass, coupling : (N,) GeV and dimensionless; along the lower edge to heavier masses and back
    along the upper edge; the last point joins the first. open_ends : masses (GeV) at which it
    reaches the end of the masses looked at and would go on. down_to_zero : whether no signal at
    all is compatible somewhere, so that the lower edge drawn there is only where looking ended.
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
    """One mass: ln of the best coupling, smallest q and its error by samples, q of ln g."""

    mass: float
    best: float
    least: float
    noise: float
    window: tuple[float, float]
    q: Callable[[float], float]

    def edges(self, limit: float) -> tuple[float, float] | None:
        """Couplings at which q passes `limit`, to both sides of the best, or where looking ends."""
        from scipy.optimize import brentq

        if self.least >= limit:
            return None
        found = []
        for sign, end in zip((-1.0, 1.0), self.window, strict=True):
            inner, step = self.best, 0.05
            while True:
                outer = inner + sign * min(step, abs(end - inner))
                if self.q(outer) >= limit:
                    outer = float(brentq(lambda x: self.q(x) - limit, inner, outer, xtol=1e-5))
                    break
                if outer == end:
                    break
                inner, step = outer, 1.6 * step
            found.append(math.exp(outer))
        return found[0], found[1]


@old_keywords("settings", Settings, {"seed": "seed", "n_events": "n_events"})
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
        return _row(able, point, expected, mass, settings)

    grid = _grid(able, point.mass, masses)
    rows = side_by_side(row, grid, "contours", progress)
    polygons = {level: _polygons(rows, limit, row) for level, limit in limits.items()}
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


def _row(
    experiments: list[Experiment], point: Model, expected: Array, mass: float, settings: Settings
) -> _Row:
    from scipy.optimize import minimize_scalar

    start = point if mass == point.mass else point.moved(mass, point.coupling)
    joint = prepare_joint(experiments, start, settings)
    known: dict[float, float] = {}

    def q(log_coupling: float) -> float:
        if log_coupling not in known:
            counting = joint.model(start.with_coupling(math.exp(log_coupling)))
            known[log_coupling] = _q(counting, expected)
        return known[log_coupling]

    true, width = math.log(point.coupling), math.log(_COUPLINGS)
    window = (
        true - width,
        min(true + width, math.log(highest_coupling(start))),
    )
    if mass == point.mass:
        return _Row(mass, true, 0.0, 0.0, window, q)
    coarse = np.linspace(*window, 41)
    lowest = int(np.argmin([q(float(x)) for x in coarse]))
    near = coarse[max(lowest - 1, 0)], coarse[min(lowest + 1, len(coarse) - 1)]
    found = minimize_scalar(q, bounds=near, method="bounded", options={"xatol": 1e-6})
    counting = joint.model(start.with_coupling(math.exp(found.x)))
    noise = _noise(counting, float(found.fun))
    return _Row(mass, float(found.x), float(found.fun), noise, window, q)


def _noise(model: CountingModel, q: float) -> float:
    """Error of q by the finite samples: 2 sqrt(q) times their error in standard deviations."""
    shares = [
        channel.signal_err**2 / max(channel.signal + channel.background, 1e-300)
        for channel in model.channels
        if channel.signal > 0.0
    ]
    return 2.0 * math.sqrt(q * sum(shares))


def _q(model: CountingModel, data: Array) -> float:
    """-2 ln L of data under a model, above that of a model that fits perfectly; errors profiled."""
    from mutau.stats import fit

    return float(max(2.0 * fit(model.with_observed(data), 1.0).nll, 0.0))


def _polygons(
    rows: Sequence[_Row], limit: float, row: Callable[[float], _Row]
) -> tuple[Polygon, ...]:
    """Runs of neighbouring masses with a region, each with its ends.

    Where q passes the threshold by no more than its numerical error, and comes back, it does not.
    """
    rows = [item for index, item in enumerate(rows) if not _is_noise(rows, index, limit)]
    found, run = list[Polygon](), list[tuple[float, float, float]]()
    open_ends: list[float] = []
    floor = math.exp(rows[0].window[0]) * (1.0 + 1e-9)
    for index, item in enumerate(rows):
        edges = item.edges(limit)
        before = rows[index - 1] if index else None
        if edges is not None:
            if not run and before is not None:
                run.append(_tip(item, before, limit, row))
            elif not run:
                open_ends.append(item.mass)
            run.append((item.mass, *edges))
        elif run and before is not None:
            run.append(_tip(before, item, limit, row))
            found.append(_closed(run, open_ends, floor))
            run, open_ends = [], []
    if run:
        found.append(_closed(run, [*open_ends, rows[-1].mass], floor))
    return tuple(found)


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


def _tip(
    inside: _Row, outside: _Row, limit: float, row: Callable[[float], _Row]
) -> tuple[float, float, float]:
    """Where a region ends between two masses: (mass, coupling, coupling)."""
    for _ in range(_HALVINGS):
        middle = row(math.sqrt(inside.mass * outside.mass))
        if middle.least < limit:
            inside = middle
        else:
            outside = middle
    fraction = (limit - inside.least) / max(outside.least - inside.least, 1e-300)
    mass = inside.mass * (outside.mass / inside.mass) ** min(max(fraction, 0.0), 1.0)
    coupling = math.exp(inside.best + fraction * (outside.best - inside.best))
    return mass, coupling, coupling


def _closed(
    run: Sequence[tuple[float, float, float]], open_ends: Sequence[float], floor: float
) -> Polygon:
    mass, low, high = np.array(run).T
    around = np.concatenate([mass, mass[::-1]]), np.concatenate([low, high[::-1]])
    keep = np.ones(len(around[0]), bool)  # a tip stands twice
    keep[1:] = (np.diff(around[0]) != 0.0) | (np.diff(around[1]) != 0.0)
    keep[-1] &= around[0][-1] != around[0][0] or around[1][-1] != around[1][0]
    return Polygon(around[0][keep], around[1][keep], tuple(open_ends), bool(low.min() <= floor))


def contours_answer(found: Contours, *, points: bool = True) -> dict[str, Any]:
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
