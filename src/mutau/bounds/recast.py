"""Recasting a published curve from one vector model to another.

What a search counts is N = s(m) g_p^2 Br_f efficiency, where g_p is the coupling of the particle
that radiates the boson (or annihilates into it), Br_f the branching fraction of the decay that
is seen, and s(m) everything else, which does not know the model. Equal counts give

    g_p,to^2 Br_f,to eff_to = g_p,from^2 Br_f,from eff_from.

This holds for a narrow boson produced by one kind of particle through a vector current, whatever
it radiates off, and leaves kinematics, and so s(m), untouched. It does not hold where amplitudes
interfere (neutrino scattering), where several couplings enter, or where the lifetime matters:
`efficiency` is then the user's to give. Curves that cannot be recast say why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.bounds.cards import database
from mutau.bounds.curves import PublishedLimit
from mutau.bounds.inputs import bound_inputs
from mutau.bounds.search import Search
from mutau.core.constants import M_E, M_MU, M_PI, M_TAU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.models import VECTOR, Family, Model, VectorModel, check_mediator, model_class
from mutau.models.dark_matter import USUAL_DARK_MATTER

Array = NDArray[np.float64]
Efficiency = Callable[[Model], float]

_LEPTON: Final = {"electron": "e", "muon": "mu", "tau": "tau"}
_TRIES: Final = 200
_SPACING: Final = 1.1
_THRESHOLDS: Final = (2.0 * M_E, 2.0 * M_MU, 2.0 * M_PI, 2.0 * M_TAU)


def search_of(name: str) -> Search:
    """How a bundled curve was obtained.

    Raises UnknownName for a curve that is not bundled, MutauError, with the reason, for one that
    cannot be recast.
    """
    table = bound_inputs("recasts")
    if name not in database():
        raise UnknownName(
            "published limit", name, database(),
            remedy="for a curve of your own write '# production: electron' and "
            "'# final: invisible' into its file (or pass search=Search(...) in Python)",
        )  # fmt: skip
    entry = table.get(name)
    if entry is None or "production" not in entry:
        reason = entry["because"] if entry else "nobody has written down how it was obtained"
        raise MutauError(
            f"{name!r} cannot be recast: {reason}",
            place="recast",
            remedy="curves with one production coupling can: " + ", ".join(recastable()),
        )
    return Search(**entry)


def recastable() -> tuple[str, ...]:
    """Names of the bundled curves that can be recast."""
    return tuple(
        name
        for name, entry in bound_inputs("recasts").items()
        if isinstance(entry, Mapping) and "production" in entry
    )


def production_coupling(model: Model, production: str) -> float:
    """Absolute vector coupling of the particle that makes the boson. Raises MutauError for a boson
    that is no vector."""
    check_mediator("a recast", VECTOR, model)
    return abs(model.lepton_coupling(_LEPTON[production]))


def seen_branching(model: Model, search: Search) -> float:
    """Branching fraction of the decay that is seen, 1 where the publication took 1."""
    if search.branching == "one":
        return 1.0
    if search.final == "invisible":
        return model.branching_invisible
    if search.final == "visible":
        return 1.0 - model.branching_invisible
    return model.branching(search.final) if search.final in model.channels else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Recast:
    """A curve of one model as a bound on another, with the factors that led there.

    curve : the recast curve, with more points than the old one (see `recast`); masses where the
    new model cannot be seen are left out.
    production, branching, efficiency : (N,) the new model's over the old one's, at the limit:
    (g_p/g)^2, branching fraction, efficiency. Their product is (g_old/g_new)^2.
    search : what was assumed. left_out : (K,) masses, GeV, without a bound.
    """

    curve: PublishedLimit
    search: Search
    production: Array
    branching: Array
    efficiency: Array
    left_out: Array


def recast(
    curve: PublishedLimit,
    to_model: str,
    from_model: str | None = None,
    *,
    search: Search | None = None,
    options: Mapping[str, Any] | None = None,
    efficiency_from: Efficiency | None = None,
    efficiency_to: Efficiency | None = None,
) -> Recast:
    """A published upper limit on one vector model as one on another.

    curve : upper limit ("above"). to_model, from_model : tags or "charges:FILE" (None: the
    curve's own model). search : None for a bundled curve, or one whose file says. options :
    alpha_d, mass_ratio and dark_matter of the new model. efficiency_from, efficiency_to : fraction
    kept, as a function of the model (1).
    Points are added between those of the curve, so that thresholds of the models show.
    Returns Recast; the new curve carries the old one's confidence level and says what was done.
    Raises MutauError for a curve that cannot be recast, is no upper limit or has no point left.
    Check: a model to itself gives the same curve (with branching = "model"); there and back too.
    """
    found: list[tuple[float, float]] = []
    factors: list[tuple[float, float, float]] = []
    left_out = []
    search, old, new = _prepare(curve, to_model, from_model, search)
    for mass, coupling in zip(*_filled(curve, _THRESHOLDS), strict=True):
        source = _old_point(curve, old, mass, coupling)
        was = _parts(source, search, efficiency_from)
        counted = was.strength * (coupling / source.coupling) ** 2
        now = _solve(new, float(mass), counted, search, dict(options or {}), efficiency_to)
        if now is None:
            left_out.append(mass)
            continue
        found.append((mass, now.coupling))
        made = (now.made / now.coupling) / (was.made / was.coupling)
        factors.append((made**2, now.seen / was.seen, now.kept / was.kept))
    if len(found) < 2:
        raise MutauError(
            f"no point of {curve.name!r} bounds {new.title}: below its largest coupling it is not "
            f"made by {search.production}s, or not seen as {search.final}, or its branchings are "
            "not known",
            place="recast",
        )
    mass, value = np.array(found).T
    made, seen, kept = np.array(factors).T
    return Recast(
        _new_curve(curve, new, to_model, mass, value, search),
        search,
        made,
        seen,
        kept,
        np.array(left_out),
    )


def held_for(family: Family, curve: PublishedLimit) -> PublishedLimit:
    """A user's curve as a bound on that family: as it is, or recast where its file says how.

    Raises MutauError for a curve of another model that cannot be recast.
    """
    model, alpha_d, mass_ratio = family.model, family.alpha_d, family.mass_ratio
    same = model_class(curve.model) is family.point_class
    sector = (alpha_d, mass_ratio if alpha_d else curve.mass_ratio)
    stated = curve.alpha_d is not None or curve.mass_ratio is not None
    kind = curve.dark_matter in (None, family.dark_matter) or not alpha_d
    if same and kind and (not stated or (curve.alpha_d or 0.0, curve.mass_ratio) == sector):
        return curve
    if curve.search:
        return recast(curve, model, options=family.sector).curve
    if same:
        ratio = "" if curve.mass_ratio is None else f", mass_ratio = {curve.mass_ratio:g}"
        ratio += "" if curve.dark_matter is None else f", {curve.dark_matter}"
        raise MutauError(
            f"{curve.name!r} holds for alpha_d = {curve.alpha_d or 0.0:g}{ratio}, the plane for "
            f"alpha_d = {alpha_d:g}, mass_ratio = {mass_ratio:g}"
            + ("" if curve.dark_matter is None else f", {family.dark_matter}"),
            place="curves of the plane",
            remedy="draw the plane with the same --alpha-d and --mass-ratio, or write how the "
            "curve was obtained ('# production:', '# final:'), for a recast",
        )
    raise MutauError(
        f"{curve.name!r} holds for {curve.model}, not for {model}",
        place="curves of the plane",
        remedy=f"write '# model: {model}' into the file if that is wrong, or, for a recast, "
        "'# production: electron' and '# final: invisible' (what made the boson, what was seen)",
    )


def recast_at(
    curve: PublishedLimit,
    masses: ArrayLike,
    to_model: str,
    from_model: str | None = None,
    *,
    search: Search | None = None,
    options: Mapping[str, Any] | None = None,
) -> Array:
    """Couplings of the recast limit at given masses (GeV); inf where there is none.

    The published line is read at each mass and recast there: nothing is interpolated between
    recast points. Arguments and errors as `recast`; OutOfRange for a mass beyond the curve.
    """
    search, old, new = _prepare(curve, to_model, from_model, search)
    m = np.atleast_1d(np.asarray(masses, float))
    out = np.full(m.shape, np.inf)
    for index, (mass, coupling) in enumerate(zip(m, curve.coupling_at(m), strict=True)):
        source = _old_point(curve, old, mass, coupling)
        counted = _parts(source, search, None).strength * (coupling / source.coupling) ** 2
        solved = _solve(new, float(mass), counted, search, dict(options or {}), None)
        if solved is not None:
            out[index] = solved.coupling
    return out


def _prepare(
    curve: PublishedLimit, to_model: str, from_model: str | None, search: Search | None
) -> tuple[Search, type[VectorModel], type[VectorModel]]:
    """How the curve was obtained, and the classes of the old and the new model."""
    if curve.excludes != "above":
        raise MutauError(
            f"{curve.name!r} excludes {curve.excludes!r}", place="recast",
            allowed="an upper limit (excludes = above)",
        )  # fmt: skip
    if search is None and curve.search:
        production, final, branching = curve.search
        search = Search(production, final, branching, "as the curve's own file says")
    elif search is None:
        search = search_of(curve.name)
    old, new = model_class(from_model or curve.model), model_class(to_model)
    for cls in (old, new):
        check_mediator("a recast", VECTOR, cls)
    return search, old, new


def _old_point(
    curve: PublishedLimit, old: type[VectorModel], mass: float, coupling: float
) -> Model:
    """The point of the old model on the curve, with the dark sector that the curve states."""
    alpha_d = curve.alpha_d or 0.0
    mass_ratio = 3.0 if curve.mass_ratio is None else curve.mass_ratio
    kind = curve.dark_matter or USUAL_DARK_MATTER
    return cast(Model, old.at(mass, min(coupling, old.coupling_max), alpha_d, mass_ratio, kind))


def _filled(curve: PublishedLimit, thresholds: tuple[float, ...]) -> tuple[Array, Array]:
    """Nodes of the curve, and between them enough others to follow a branching fraction.

    Added: masses so that none is more than 10 % above the one before, and both sides of each
    threshold; couplings interpolated as the curve does.
    """
    low, high = curve.mass_range
    steps = np.geomspace(low, high, int(math.log(high / low) / math.log(_SPACING)) + 2)[1:-1]
    sides = np.array([t * f for t in thresholds for f in (1.0 - 1e-6, 1.0 + 1e-6)])
    gaps = np.concatenate([[1.0], curve.mass[1:] / curve.mass[:-1]])
    right = np.searchsorted(curve.mass, steps, side="right")
    extra = steps[gaps[np.clip(right, 0, len(gaps) - 1)] > _SPACING]
    extra = np.unique(np.concatenate([extra, sides[(sides > low) & (sides < high)]]))
    extra = extra[~np.isin(extra, curve.mass)]
    mass = np.concatenate([curve.mass, extra])
    order = np.argsort(mass, kind="stable")
    return mass[order], np.concatenate([curve.coupling, curve.coupling_at(extra)])[order]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a search counts at one point: coupling of the model, g_p, branching, efficiency."""

    coupling: float
    made: float
    seen: float
    kept: float

    @property
    def strength(self) -> float:
        """g_p^2 Br efficiency."""
        return self.made**2 * self.seen * self.kept


def _parts(model: Model, search: Search, efficiency: Efficiency | None) -> _Parts:
    kept = 1.0 if efficiency is None else efficiency(model)
    if not 0.0 <= kept <= 1.0:
        raise MutauError(f"efficiency = {kept!r} is no fraction", allowed="[0, 1]")
    made = production_coupling(model, search.production)
    return _Parts(model.coupling, made, seen_branching(model, search), kept)


def _solve(
    cls: type[VectorModel], mass: float, counted: float, search: Search,
    options: dict[str, Any], efficiency: Efficiency | None,
) -> _Parts | None:  # fmt: skip
    """The point whose coupling gives `counted`; None where none below the largest does.

    Newton's method on the logarithm of the strength, within a bracket; the strength grows with the
    coupling, as its square where branchings do not depend on it: there the first guess is right.
    """

    search = replace(search, branching="model")

    def at(coupling: float) -> _Parts:
        return _parts(cast(Model, cls.at(mass, coupling, **options)), search, efficiency)

    low, high = cls.coupling_max * 1e-18, cls.coupling_max
    while True:  # where branchings are known below some coupling only, start from that
        try:
            top = at(high).strength
            break
        except OutOfRange:
            high *= 0.5
            if high < low:
                return None
    if not top >= counted > 0.0:
        return None
    guess = high * math.sqrt(counted / top)
    for _ in range(_TRIES):
        if not low < guess < high:
            guess = math.sqrt(low * high)
        point = at(guess)
        value = math.log(point.strength / counted)
        if value < 0.0:
            low = guess
        else:
            high = guess
        if abs(value) < 1e-13 or high / low < 1.0 + 1e-14:
            return point
        nearby = math.log(at(guess * (1.0 - 1e-3)).strength / counted)
        guess *= math.exp(value * math.log1p(-1e-3) / (value - nearby))
    return at(guess)


def _new_curve(
    curve: PublishedLimit, cls: type[VectorModel], tag: str, mass: Array, value: Array,
    search: Search,
) -> PublishedLimit:  # fmt: skip
    done = (
        f"recast from {curve.model} to {cls.tag}: equal g_p^2 Br with production by "
        f"{search.production}s, seen as {search.final}"
    )
    kept: dict[str, Any] = {
        "cl": curve.cl, "cl_note": curve.cl_note, "source": curve.source, "also": curve.also,
        "origin": curve.origin, "kind": curve.kind, "excludes": "above",
        "quantity": curve.quantity, "plot": False,
    }  # fmt: skip
    return PublishedLimit(
        f"{curve.name}-to-{cls.tag.replace(':', '-')}", mass, value,
        title=f"{curve.title} (recast)", model=tag, basis="recast",
        description=f"upper limit on {cls.coupling_name} of {cls.title}, {done}",
        assumption=f"{search.because}; {cls.title}", conversion=f"{curve.conversion}; {done}",
        plot_reason="made on request", **kept,
    )  # fmt: skip
