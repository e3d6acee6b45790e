"""Bounds computed from measured numbers and formulas alone, by name.

Each is a function of masses and a model that returns an Exclusion: confidence level, source and
assumptions with it. `compare` names the published curves that show the same bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from mutau.bounds.cards import published_limit
from mutau.bounds.inputs import bound_inputs
from mutau.bounds.recast import recast_at, search_of
from mutau.bounds.trident_limit import combined_trident_limit, exclusion, trident_limit
from mutau.core.errors import MutauError, require_in_range
from mutau.core.registry import Registry, instance_of
from mutau.core.types import Exclusion
from mutau.models import VECTOR, Family, check_mediator, model_class, moment_reference
from mutau.models.dark_matter import USUAL_DARK_MATTER
from mutau.models.muon_moment import OTHERS

Compute = Callable[..., Exclusion]


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound. Call it: bound(masses, model="lmu-ltau", **options) -> Exclusion.

    name, title : identifier, and the text for a legend. kind : "limit", "region" or "projection".
    source : keys of references.toml. mass_range : where it is offered, GeV. options : names that
    it takes beside masses and model, with their meaning. compare : published curves.
    mediators : kinds of boson (`Model.mediator`) that it computes; others are refused.
    """

    name: str
    title: str
    kind: str
    source: tuple[str, ...]
    mass_range: tuple[float, float]
    options: tuple[tuple[str, str], ...]
    compare: tuple[str, ...]
    mediators: tuple[str, ...]
    compute: Compute

    def __call__(self, masses: ArrayLike, model: str = "lmu-ltau", **options: Any) -> Exclusion:
        """The bound at these masses (GeV). Raises OutOfRange, UnknownName, MutauError."""
        check_mediator(self.name, self.mediators, model_class(model))
        known = [name for name, _ in self.options]
        for name in options:
            if name not in known:
                raise MutauError(
                    f"{self.name} has no option {name!r}", place="options",
                    allowed=", ".join(known) or "none",
                )  # fmt: skip
        for mass in np.atleast_1d(np.asarray(masses, float)):
            require_in_range(
                "mass", float(mass), *self.mass_range, unit="GeV", reason=f"range of {self.name}"
            )
        return self.compute(masses, model, **options)


BOUNDS: Final[Registry[Bound]] = Registry(
    "bound", "mutau.bounds", "'mutau show bounds' lists all", instance_of(Bound)
)

_TRIDENT_OPTIONS: Final = (
    ("rule", "two-sigma, one-sided, two-sided or cls"),
    ("cl", "confidence level of the rule"),
    ("relative_error", "in the place of the measured upward error"),
    ("method", "full or epa"),
    ("scattering", "coherent, diffractive or both"),
    ("form_factor", "fermi or tsai"),
    ("pauli", "blocking of nucleons"),
)
_TRIDENT_CURVES: Final = {"ccfr": ("ccfr-1991", "ccfr-1991-syen")}


def _add(name: str, **parts: Any) -> Callable[[Compute], Compute]:
    def file(compute: Compute) -> Compute:
        BOUNDS.register(name)(Bound(name=name, compute=compute, **parts))
        return compute

    return file


def _add_tridents() -> None:
    for experiment in ("ccfr", "charm2", "nutev", "dune"):
        data = bound_inputs("tridents")[experiment]

        def compute(
            masses: ArrayLike, model: str, experiment: str = experiment, **options: Any
        ) -> Exclusion:
            return trident_limit(experiment, masses, model, **options)

        _add(
            f"{experiment}-trident",
            title=data["title"],
            kind="projection" if data["projection"] else "limit",
            source=(data["source"], "Altmannshofer:2014"),
            mass_range=(1e-6, 1e3),
            options=_TRIDENT_OPTIONS,
            compare=_TRIDENT_CURVES.get(experiment, ()),
            mediators=VECTOR,
        )(compute)


_add_tridents()


@_add(
    "trident-combined",
    title="CCFR, CHARM-II and NuTeV tridents together, computed",
    kind="limit",
    source=("CCFR:1991", "CHARMII:1990trident", "NuTeV:2000trident"),
    mass_range=(1e-6, 1e3),
    options=(
        ("experiments", "which of ccfr, charm2, nutev, dune"),
        ("n_sigma", "rise of the deviance, its square root"),
        *_TRIDENT_OPTIONS[3:],
    ),
    compare=("ccfr-1991",),
    mediators=VECTOR,
)
def _combined(masses: ArrayLike, model: str, **options: Any) -> Exclusion:
    return combined_trident_limit(masses, model, **options)


@_add(
    "borexino-be7",
    title="Borexino ⁷Be, computed",
    kind="limit",
    source=("Borexino:2011", "Serenelli:2011"),
    mass_range=(1e-6, 1e3),
    options=(
        ("cl", "one-sided confidence level of the criterion"),
        ("criterion", "largest R/R_SM, in the place of the data"),
        ("p_ee", "survival probability"),
        ("mu_share", "nu_mu among what is not nu_e"),
        ("window", "recoil energies, GeV"),
    ),
    compare=("borexino-2011", "borexino-2011-syen"),
    mediators=VECTOR,
)
def _borexino(masses: ArrayLike, model: str, **options: Any) -> Exclusion:
    from mutau.bounds.solar import borexino_limit

    return borexino_limit(masses, model, **options)


@_add(
    "bbn-neff",
    title="Extra neutrinos, computed",
    kind="region",
    source=("Planck:2018", "Escudero:2019"),
    mass_range=(1e-4, 0.2),
    options=(
        ("delta", "largest N_eff above the standard value"),
        ("tolerance", "relative, of the coupling"),
    ),
    compare=("bbn-2019-syen", "neff-h0band-left-2019-syen", "neff-h0band-right-2019-syen"),
    mediators=VECTOR,
)
def _neff(masses: ArrayLike, model: str, **options: Any) -> Exclusion:
    from mutau.bounds.cosmology import neff_limit

    return neff_limit(masses, model, **options)


@_add(
    "gm2-muon",
    title="muon g − 2, computed",
    kind="limit",
    source=("Aliberti:2025wp", "MuonG2:2025final"),
    mass_range=(1e-9, 1e3),
    options=(("year", "reference year: 2006, 2021, 2023 or 2025"), ("n_sigma", "upper edge, 2")),
    compare=(),
    mediators=(*OTHERS, "vector"),
)
def _moment(masses: ArrayLike, model: str, year: int = 2025, n_sigma: float = 2.0) -> Exclusion:
    cls = model_class(model)
    m = np.atleast_1d(np.asarray(masses, float))
    item = moment_reference(year)
    upper = np.asarray(cls.g_minus_2_band(m, year, n_sigma).upper)
    return exclusion(
        m, upper, np.zeros_like(m), cls, "gm2-muon", 2.0 * NormalDist().cdf(n_sigma) - 1.0,
        f"upper edge of the {n_sigma:g}-sigma band of {year}",
        year=year, difference=item.difference,
        assumptions=[f"one loop, {cls.mediator} coupling; nothing else moves a_mu"],
    )  # fmt: skip


#: Options of a bound that depends on the dark sector.
_SECTOR: Final = (
    ("alpha_d", "of the model's dark sector"), ("mass_ratio", "of the same"),
    ("dark_matter", "its kind"),
)  # fmt: skip


def _recast_bound(name: str, title: str, curve: str) -> None:
    """A published curve through the recast engine, as a bound on any model."""
    item = published_limit(curve)

    def compute(
        masses: ArrayLike, model: str, alpha_d: float = 0.0, mass_ratio: float = 3.0,
        dark_matter: str = USUAL_DARK_MATTER,
    ) -> Exclusion:  # fmt: skip
        if item.cl is None:
            raise MutauError(f"{curve!r} states no confidence level")
        m = np.atleast_1d(np.asarray(masses, float))
        options = Family(model, alpha_d, mass_ratio, dark_matter).sector
        value = recast_at(item, m, model, options=options)
        search = search_of(curve)
        return exclusion(
            m, value, np.zeros_like(m), model_class(model), name, item.cl,
            f"equal g_p^2 Br with production by {search.production}s, seen as {search.final}",
            source=item.source, curve=curve, assumptions=[item.assumption, search.because],
        )  # fmt: skip

    _add(
        name, title=title, kind="limit", source=(item.source,), mass_range=item.mass_range,
        options=_SECTOR,
        compare=(curve,), mediators=VECTOR,
    )(compute)  # fmt: skip


@_add(
    "relic-density",
    title="Observed relic density, computed",
    kind="region",
    source=("Planck:2018", "Gondolo:1991"),
    mass_range=(2e-3, 6.0),
    options=_SECTOR,
    compare=(),
    mediators=VECTOR,
)
def _relic(masses: ArrayLike, model: str, **options: Any) -> Exclusion:
    from mutau.bounds.relic import relic_limit

    return relic_limit(masses, model, **options)


_recast_bound("belle2-invisible", "Belle II invisible 2020, recast", "belle2-inv-2020-br1")
_recast_bound("babar-4mu", "BaBar 4μ 2016, recast", "babar4mu-2016")
_recast_bound("babar-invisible", "BaBar γ + invisible 2017, recast", "babar-inv-2017-recast")
_recast_bound("na64e-invisible", "NA64-e 2019, recast", "na64e-2019-recast")
