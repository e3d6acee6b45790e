"""Bounds on a mediator from measured trident rates, one experiment or several together."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.bounds.inputs import bound_inputs
from mutau.bounds.trident import EXPERIMENTS, SCATTERING, TridentTable, experiment_table
from mutau.core.errors import MutauError, UnknownName, require_in_range
from mutau.core.types import Exclusion, provenance
from mutau.models import VectorModel, model_class, neutrino_charges

Array = NDArray[np.float64]

RULES: Final = ("two-sigma", "one-sided", "two-sided", "cls")
_NORMAL: Final = NormalDist()
#: Confidence level that the literature gives to mean + 2 sigma.
_TWO_SIGMA_CL: Final = 0.95


def ratio_limit(measured: float, up: float, rule: str = "two-sigma", cl: float = 0.95) -> float:
    """Largest sigma/sigma_SM that a measured ratio allows.

    measured, up : ratio and its upward Gaussian error. rule : "two-sigma" (mean + 2 sigma, called
    95 % CL in the literature: two-sided 95.4 %, one-sided 97.7 %), "one-sided" or "two-sided"
    (mean + z sigma at `cl`), "cls" (one-sided, divided by the p-value of the standard model, so a
    low fluctuation does not exclude what the experiment cannot see).
    Raises UnknownName, OutOfRange.

    >>> f"{ratio_limit(0.82, 0.28):.2f} {ratio_limit(0.82, 0.28, 'cls'):.3f}"
    '1.38 1.443'
    """
    if rule not in RULES:
        raise UnknownName("rule", rule, RULES)
    require_in_range("cl", cl, 0.5, 1.0 - 1e-9, reason="a confidence level")
    require_in_range("up", up, 0.0, np.inf, open_low=True, reason="an error")
    if rule == "two-sigma":
        return measured + 2.0 * up
    if rule == "cls":
        standard = _NORMAL.cdf((measured - 1.0) / up)
        return measured - up * _NORMAL.inv_cdf((1.0 - cl) * standard)
    return measured + up * _NORMAL.inv_cdf(cl if rule == "one-sided" else 0.5 * (1.0 + cl))


def charge_product(cls: type[VectorModel], neutrino: int = 1, lepton: str = "mu") -> float:
    """Product of the charges of nu_mu (or another) and a lepton, in units of the coupling squared.

    Raises MutauError for a model whose neutrinos do not couple.
    """
    charge = neutrino_charges(cls)[neutrino]
    unit = cls.at(1.0, 1e-3)
    product = charge * (unit.lepton_coupling(lepton) / 1e-3 if charge else 0.0)
    if product == 0.0:
        raise MutauError(
            f"a {cls.title} does not couple to both nu_mu and {lepton}: no trident bound",
            place="model",
            allowed="a model with charges of both, for example lmu-ltau",
        )
    return product


def exclusion(
    masses: Array, coupling: Array, error: Array, cls: type[VectorModel], name: str, cl: float,
    method: str, **meta: Any,
) -> Exclusion:  # fmt: skip
    """Exclusion with infinite coupling where the limit lies beyond the model's largest one."""
    beyond = ~(coupling <= cls.coupling_max)
    return Exclusion(
        mass=masses,
        coupling=np.where(beyond, np.inf, coupling),
        numerical_err=np.where(beyond, 0.0, error),
        cl=cl,
        experiment=name,
        model=cls.tag,
        method=method,
        meta={**provenance(), **meta},
    )


def checked_masses(masses: ArrayLike) -> Array:
    """Masses as a one-dimensional array. Raises OutOfRange for one outside [1e-6, 1e3] GeV."""
    m = np.atleast_1d(np.asarray(masses, float))
    for value in m.ravel():
        require_in_range("mass", float(value), 1e-6, 1e3, unit="GeV", reason="range of the bound")
    return m.ravel()


def _assumptions(options: dict[str, Any]) -> list[str]:
    method = options.get("method", "full")
    scattering = options.get("scattering", SCATTERING) if method == "full" else ("coherent",)
    return [
        "2 -> 4 tree level" if method == "full" else "equivalent photons (real, sharp cut)",
        " and ".join(scattering) + " scattering, no cuts on the muons",
        "beam spectrum and target of data/limits/inputs/tridents.toml",
    ]


def trident_limit(
    experiment: str,
    masses: ArrayLike,
    model: str = "lmu-ltau",
    *,
    rule: str = "two-sigma",
    cl: float = 0.95,
    ratio_error: float | None = None,
    **options: Any,
) -> Exclusion:
    """Upper limit on the coupling from the trident rate of one experiment.

    experiment : "ccfr", "charm2", "nutev" or "dune" (a projection: measured = 1). masses : GeV.
    model : tag or "charges:FILE". rule, cl : see `ratio_limit`. ratio_error : of the measured
    ratio, instead of the published one. options : as `trident_table` (method, scattering,
    form_factor, pauli).
    Returns Exclusion; numerical_err from a coarser quadrature. inf where the coupling is not
    perturbative. Check: for m far above the momentum transfer the limit grows with m.
    """
    if experiment not in EXPERIMENTS:
        raise UnknownName("trident experiment", experiment, EXPERIMENTS)
    cls = model_class(model)
    product = charge_product(cls)
    m = checked_masses(masses)
    data = bound_inputs("tridents")[experiment]
    up = data["ratio_up"] if ratio_error is None else ratio_error
    largest = ratio_limit(data["ratio"], up, rule, cl)
    lines = [
        np.sqrt(
            experiment_table(experiment, coarse=coarse, **options).product_limit(
                m, largest, product
            )
            / abs(product)
        )
        for coarse in (False, True)
    ]
    return exclusion(
        m, lines[0], np.abs(lines[0] - lines[1]), cls, f"{experiment}-trident",
        _TWO_SIGMA_CL if rule == "two-sigma" else cl,
        f"sigma/sigma_SM < {largest:.3f} ({rule})",
        source=data["source"], ratio_limit=largest, assumptions=_assumptions(options),
    )  # fmt: skip


def _deviance(tables: Sequence[TridentTable], data: Any, m: Array, x: Array) -> Array:
    """sum of ((R - measured)/error)^2 at products x (K, M) for masses (M,)."""
    total = np.zeros(np.broadcast_shapes(x.shape, m.shape))
    for table, item in zip(tables, data, strict=True):
        shift = table.ratio(m, x) - item["ratio"]
        error = np.where(shift > 0.0, item["ratio_up"], item["ratio_down"])
        total += (shift / error) ** 2
    return total


def combined_trident_limit(
    masses: ArrayLike,
    model: str = "lmu-ltau",
    *,
    experiments: Sequence[str] = ("ccfr", "charm2", "nutev"),
    n_sigma: float = 2.0,
    **options: Any,
) -> Exclusion:
    """Upper limit from several measured trident rates together.

    Gaussian ratios, each with the error of the side where the prediction lies; the deviance may
    rise by n_sigma^2 above its least value at couplings >= 0 (2 sigma: 95.4 % two-sided). Nothing
    is shared between the experiments. masses, model, options : as `trident_limit`.
    """
    cls = model_class(model)
    product = charge_product(cls)
    m = checked_masses(masses)
    data = [bound_inputs("tridents")[name] for name in experiments]
    lines = []
    for coarse in (False, True):
        tables = [experiment_table(name, coarse=coarse, **options) for name in experiments]
        a, b = tables[0].slopes(m)
        scale = 1.0 / (np.abs(a) + np.sqrt(b))  # the product that moves the ratio by about one
        # in units of that product: far beyond any limit
        steps = np.concatenate([[0.0], np.geomspace(1e-3, 30.0, 400)])[:, None]
        sign = np.sign(product)
        floor = _deviance(tables, data, m, sign * steps * scale).min(axis=0)
        low, high = np.zeros_like(m), 30.0 * scale
        best = steps[_deviance(tables, data, m, sign * steps * scale).argmin(axis=0), 0] * scale
        low = best
        for _ in range(80):
            middle = 0.5 * (low + high)
            allowed = _deviance(tables, data, m, sign * middle) - floor < n_sigma**2
            low, high = np.where(allowed, middle, low), np.where(allowed, high, middle)
        lines.append(np.sqrt(0.5 * (low + high) / abs(product)))
    return exclusion(
        m, lines[0], np.abs(lines[0] - lines[1]), cls, "trident-combined",
        2.0 * _NORMAL.cdf(n_sigma) - 1.0,
        f"deviance of {', '.join(experiments)} below its least value + {n_sigma**2:g}",
        source=[item["source"] for item in data], assumptions=_assumptions(options),
    )  # fmt: skip
