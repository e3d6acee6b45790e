"""HistFactory workspaces read: checked against pyhf's schema, kept whole, handed to pyhf if needed.

What a counting model holds exactly becomes one (`stats.workspace`). Whatever else HistFactory has
(several backgrounds, asymmetric or shared errors, staterror, lumi, free factors, fixed parameters)
stays a `HistFactoryModel`, whose asymptotic limits pyhf computes. Nothing in a document that can
change a number is passed over.

HistFactory: K. Cranmer et al., CERN-OPEN-2012-016; pyhf: L. Heinrich, M. Feickert, G. Stark,
J. Open Source Softw. 6 (2021) 2823.
"""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np

from mutau.core.errors import MissingExtra, MutauError
from mutau.core.types import Array
from mutau.stats.methods import solve_falling

Document = Mapping[str, Any]
#: Methods that pyhf computes for a model of its own, and whether they divide by CLb.
ASYMPTOTIC: Final = {"asymptotic": False, "asymptotic-cls": True}
#: Of a limit by pyhf, relative; its fits give no more.
PRECISION: Final = 1e-4


def _pyhf() -> Any:
    try:
        with _quiet():
            return import_module("pyhf")
    except ImportError as error:
        raise MissingExtra("reading HistFactory workspaces", "stats") from error


@dataclass(frozen=True, slots=True, eq=False)
class HistFactoryModel:
    """A likelihood that only HistFactory holds; `upper_limit` and `p_value` take it.

    document : the workspace, checked. measurement : name of the one that is used. beyond : what a
    counting model cannot hold. Methods: those in `ASYMPTOTIC`, by pyhf.
    """

    document: Document
    measurement: str
    beyond: str

    def pdf_and_data(self) -> tuple[Any, list[float]]:
        """pyhf's model and its data. Raises MutauError for what pyhf refuses to build."""
        pyhf = _pyhf()
        try:
            with _quiet():
                workspace = pyhf.Workspace(self.document, validate=False)
                pdf = workspace.model(measurement_name=self.measurement)
                data = workspace.data(pdf)
        except (
            pyhf.exceptions.InvalidModel,
            pyhf.exceptions.InvalidModifier,
            pyhf.exceptions.InvalidNameReuse,
            pyhf.exceptions.InvalidWorkspaceOperation,
            KeyError, IndexError, TypeError, ValueError,
        ) as error:  # fmt: skip
            raise MutauError(
                f"pyhf refuses the workspace: {type(error).__name__}: {error}",
                place=f"measurement {self.measurement!r}",
            ) from error
        if pdf.config.poi_index is None or pdf.config.suggested_fixed()[pdf.config.poi_index]:
            raise MutauError(
                f"the parameter of interest {pdf.config.poi_name!r} is fixed or missing",
                place=f"measurement {self.measurement!r}",
            )
        return pdf, data

    @property
    def signal(self) -> Array:
        """Events that the parameter of interest adds at 1, nuisance parameters at their starts.

        Shape (bins of all channels,); bins where it takes events away (interference) are negative.
        """
        pdf, _ = self.pdf_and_data()
        start = pdf.config.suggested_init()
        events = []
        for strength in (1.0, 0.0):
            start[pdf.config.poi_index] = strength
            events.append(np.asarray(pdf.expected_actualdata(start), dtype=float))
        return events[0] - events[1]

    @property
    def total(self) -> float:
        """The sum of `signal`."""
        return float(self.signal.sum())


def _refused(what: str, place: str) -> MutauError:
    return MutauError(what, place=place, allowed="a workspace as in pyhf's schema 1.0.0")


def _finite(value: Any, place: str) -> None:
    """Raise MutauError, with its place, for a number that is none or infinite."""
    if isinstance(value, float) and not math.isfinite(value):
        raise _refused(f"{value!r} is no number", place)
    if isinstance(value, Mapping):
        for key, item in value.items():
            _finite(item, f"{place}/{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _finite(item, f"{place}[{index}]")


def _once(rows: list[Any], what: str) -> list[str]:
    """Names of rows, each once."""
    names = [row["name"] for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _refused(f"{', '.join(map(repr, twice))} stand twice", what)
    return names


def check_workspace(document: Document, measurement: str | None = None) -> str:
    """See that a workspace is one, whole and consistent; returns the name of its measurement.

    Raises MutauError, with the place, for what pyhf's schema refuses, a number that is not finite,
    names that stand twice, observations that do not belong to the channels bin by bin, or several
    different measurements of which none was chosen; MissingExtra without pyhf.
    """
    pyhf = _pyhf()
    try:
        with _quiet():
            pyhf.schema.validate(document, "workspace.json")
    except pyhf.exceptions.InvalidSpecification as error:
        place = "/".join(str(part) for part in getattr(error, "path", "")) or "workspace"
        text = str(error.__cause__ or error).splitlines()[0][:300]
        raise _refused(text, place) from None
    _finite(document, "workspace")
    channels = _once(document["channels"], "channels")
    seen = {row["name"]: row["data"] for row in document["observations"]}
    if sorted(_once(document["observations"], "observations")) != sorted(channels):
        raise _refused(
            f"observations of {sorted(seen)} for channels {sorted(channels)}", "workspace"
        )
    for channel in document["channels"]:
        _check_bins(channel, seen[channel["name"]])
    names = _once(document["measurements"], "measurements")
    chosen = next((m for m in document["measurements"] if m["name"] == measurement), None)
    _check_strength(document, (chosen or document["measurements"][0])["config"])
    configs = [row["config"] for row in document["measurements"]]
    if measurement is None and any(config != configs[0] for config in configs):
        raise MutauError(
            f"there are {len(names)} different measurements", place="measurements",
            allowed=", ".join(names), remedy="choose one with measurement=...",
        )  # fmt: skip
    if measurement is not None and measurement not in names:
        raise _refused(f"there is no measurement {measurement!r} among {names}", "measurements")
    return measurement or str(names[0])


def _check_strength(document: Document, config: Document) -> None:
    """The parameter of interest is a strength, and not one of two free factors of one product."""
    poi, samples = config["poi"], [s for c in document["channels"] for s in c["samples"]]
    kinds = {m["type"] for s in samples for m in s["modifiers"] if m["name"] == poi}
    if kinds - {"normfactor"}:
        raise MutauError(
            f"the parameter of interest {poi!r} is a {', '.join(sorted(kinds))}",
            place="measurements", allowed="a normfactor, which scales the signal",
        )  # fmt: skip
    held = {row["name"] for row in config["parameters"] if row.get("fixed")}
    factors = [
        {m["name"] for m in s["modifiers"] if m["type"] == "normfactor"} - held for s in samples
    ]
    scaled = [found - {poi} for found in factors if poi in found]
    others = set().union(*(found for found in factors if poi not in found))
    free = set.intersection(*scaled) - others if scaled else set()
    if free:
        raise MutauError(
            f"{poi!r} and {sorted(free)[0]!r} scale the same samples: only their product is known, "
            "and no limit on one of them exists", place="measurements",
            remedy=f"fix {sorted(free)[0]!r} in the measurement's parameters",
        )  # fmt: skip


def _check_bins(channel: Document, seen: list[float]) -> None:
    """Every list of a channel has one entry per bin, and nothing observed is negative."""
    place, bins = f"channel {channel['name']!r}", len(seen)
    if min(seen) < 0.0:
        raise _refused(f"observed {min(seen):g} events", place)
    _once(channel["samples"], place)
    for sample in channel["samples"]:
        lists = {"data": sample["data"]}
        kinds = [f"{item['type']} {item['name']!r}" for item in sample["modifiers"]]
        if len(set(kinds)) < len(kinds):
            twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
            raise _refused(f"{', '.join(twice)} twice", f"{place}, sample {sample['name']!r}")
        for modifier in sample["modifiers"]:
            data = modifier["data"]
            parts = data if isinstance(data, Mapping) else {"data": data}
            for key, values in parts.items():
                if isinstance(values, list):
                    lists[f"{modifier['type']} {modifier['name']!r} {key}"] = values
        for key, values in lists.items():
            if len(values) != bins:
                raise _refused(
                    f"{key} has {len(values)} values beside {bins} observed",
                    f"{place}, sample {sample['name']!r}",
                )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of pyhf and what it uses, and without its reports of failed fits."""
    log = logging.getLogger("pyhf")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            log.setLevel(level)


@contextlib.contextmanager
def _fitting(pyhf: Any, optimizer: Any) -> Iterator[None]:
    """pyhf with NumPy and this optimizer, without warnings, and afterwards as before."""
    before = pyhf.get_backend()
    try:
        with _quiet():
            pyhf.set_backend("numpy", optimizer)
            yield
    finally:
        pyhf.set_backend(*before)


def p_curve(model: HistFactoryModel, method: str) -> Callable[[float], float]:
    """strength -> asymptotic p-value of pyhf's q-tilde, or CLs.

    The strength is bounded by zero from below and by ten times the one asked for, whatever the
    document says: its bounds are for fits. A fit that SciPy cannot finish goes to Minuit.
    Raises MutauError for a method that pyhf does not compute, or where no fit converges.
    """
    if method not in ASYMPTOTIC:
        raise MutauError(
            f"method {method!r} does not know this HistFactory model ({model.beyond})",
            place="method",
            allowed=", ".join(ASYMPTOTIC),
        )
    pyhf, cls = _pyhf(), ASYMPTOTIC[method]
    pdf, data = model.pdf_and_data()
    calls = 200 + 100 * pdf.config.npars + 5 * pdf.config.npars**2  # Minuit's own bound

    def p(strength: float) -> float:
        bounds, start = pdf.config.suggested_bounds(), pdf.config.suggested_init()
        bounds[pdf.config.poi_index] = (0.0, 10.0 * strength)
        start[pdf.config.poi_index] = strength
        for optimizer in (
            pyhf.optimize.scipy_optimizer(),
            pyhf.optimize.minuit_optimizer(maxiter=calls),
        ):
            with (
                _fitting(pyhf, optimizer),
                contextlib.suppress(pyhf.exceptions.FailedMinimization, ValueError),
            ):
                ratio, (both, _) = pyhf.infer.hypotest(
                    strength, data, pdf, init_pars=start, par_bounds=bounds, test_stat="qtilde",
                    return_tail_probs=True,
                )  # fmt: skip
                value = float(ratio if cls else both)
                if math.isfinite(value):
                    return value
        raise MutauError(
            f"no fit converged at strength {strength:g}", place=f"measurement {model.measurement!r}"
        )

    return p


def strength_limit(model: HistFactoryModel, cl: float, method: str) -> float:
    """Upper limit on the parameter of interest to `PRECISION`; inf where it changes no bin.

    Raises as `p_curve`; MutauError where it takes more events away than it adds.
    """
    p = p_curve(model, method)
    signal = model.signal
    if not np.any(signal):
        return math.inf
    if signal.sum() < 0.0:
        raise MutauError(
            f"the parameter of interest takes {-signal.sum():g} events away where it is 1",
            place=f"measurement {model.measurement!r}", allowed="a signal that adds events",
        )  # fmt: skip
    total = float(np.abs(signal).sum())
    seen = sum(sum(row["data"]) for row in model.document["observations"])
    return solve_falling(p, 1.0 - cl, (3.0 + 2.0 * math.sqrt(seen)) / total, PRECISION)
