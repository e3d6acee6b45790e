"""Counting models as HS3 documents: plain Poisson counts, constraints and expressions, in JSON.

Format: HEP Statistics Serialization Standard 0.2 (C. Burgard et al., hep-statistics-serialization-
standard). Unlike a HistFactory workspace it holds our likelihood as it is: signal factors
exp(theta ln(1 + error)), backgrounds as parameters with their constraint, and a signal that is a
function of mass and coupling.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from mutau._version import __version__
from mutau.core.errors import MutauError
from mutau.stats.model import Channel, CountingModel, counting_model

VERSION: Final = "0.2.0"
STRENGTH: Final = "strength"
#: How far a unit Gaussian parameter is let go.
_PULLS: Final = 8.0
Document = dict[str, Any]


def identifier(*words: str) -> str:
    """A name that every reader of HS3 takes: letters, digits and underlines.

    >>> identifier("background", "na64e: 2021")
    'background_na64e_2021'
    """
    return re.sub(r"\W+", "_", "_".join(words), flags=re.ASCII).strip("_")


def _axis(name: str, low: float, high: float) -> Document:
    return {"name": name, "min": low, "max": high}


def _distribution(name: str, kind: str, **fields: Any) -> Document:
    return {"name": name, "type": kind, **fields}


def _unit_gaussian(parameter: str) -> Document:
    name = identifier("constraint", parameter)
    return _distribution(name, "gaussian_dist", mean=0.0, sigma=1.0, x=parameter)


def _background(channel: Channel, name: str) -> tuple[str, list[Document], list[Any]]:
    """(expression of the background, its constraint, its parameter as (axis, start))."""
    b, err = channel.background, channel.background_err
    if channel.constraint == "fixed":
        return repr(b), [], []
    parameter = identifier("background", name)
    constraint = identifier("constraint", parameter)
    if channel.constraint == "lognormal":
        gauss = _unit_gaussian(parameter)
        expression = f"{b!r}*exp({channel.width!r}*{parameter})"
        return expression, [gauss], [(_axis(parameter, -_PULLS, _PULLS), 0.0)]
    top = b + 10.0 * err + 10.0
    start = [(_axis(parameter, 0.0, top), b)]
    if channel.constraint == "gaussian":
        gauss = _distribution(constraint, "gaussian_dist", mean=b, sigma=err, x=parameter)
        return parameter, [gauss], start
    side = identifier("side", parameter)
    poisson = _distribution(constraint, "poisson_dist", mean=side, x=channel.measured)
    function = {
        "name": side, "type": "generic_function", "expression": f"{channel.width!r}*{parameter}"
    }  # fmt: skip
    return parameter, [poisson, function], start


def to_hs3(
    model: CountingModel,
    *,
    signal: str = STRENGTH,
    parameters: Mapping[str, tuple[float, float, float]] | None = None,
    remarks: Mapping[str, Any] | None = None,
) -> Document:
    """The likelihood of a counting model as an HS3 document, ready for `json.dump`.

    signal : expression that multiplies the signal of every channel. parameters : name -> (lowest,
    highest, start) of its free parameters; None for `strength`. remarks : plain data that go into
    `misc` under "mutau".
    Channels without observation get their expected background (Asimov data).
    Raises MutauError for a model without signal.
    """
    total = counting_model(model).total
    if total <= 0.0:
        raise MutauError("the model has no signal to export")
    events = 30.0 + 3.0 * sum(
        c.background + c.observed for c in model.channels if not math.isnan(c.observed)
    )
    free = parameters or {STRENGTH: (0.0, max(10.0, events / total), 0.0)}
    axes: list[Any] = [(_axis(name, low, high), at) for name, (low, high, at) in free.items()]
    thetas = {name: identifier("theta", name) for name in model.systematics}
    axes += [(_axis(name, -_PULLS, _PULLS), 0.0) for name in thetas.values()]
    distributions = [_unit_gaussian(name) for name in thetas.values()]
    functions: list[Document] = []
    counts: list[Document] = []
    data: list[Document] = []
    for channel in model.channels:
        name = identifier(channel.name)
        background, constraint, own = _background(channel, name)
        axes += own
        distributions += [item for item in constraint if item["type"] != "generic_function"]
        functions += [item for item in constraint if item["type"] == "generic_function"]
        factors = [
            f"{math.log1p(size)!r}*{thetas[key]}" for key, size in channel.systematics.items()
        ]
        scale = f"*exp({' + '.join(factors)})" if factors else ""
        expression = f"({signal})*{channel.signal!r}{scale} + {background}"
        mean, seen = identifier("mean", name), identifier("observed", name)
        functions.append({"name": mean, "type": "generic_function", "expression": expression})
        counts.append(_distribution(identifier("counts", name), "poisson_dist", mean=mean, x=seen))
        n = channel.background if math.isnan(channel.observed) else channel.observed
        highest = 10.0 * (n + channel.background + 10.0)
        data.append(
            {
                "name": identifier("data", name), "type": "unbinned",
                "axes": [_axis(seen, 0.0, highest)], "entries": [[n]],
            }
        )  # fmt: skip
    return _document(
        counts, distributions, functions, data, axes, list(free),
        {"misc": {"mutau": dict(remarks)}} if remarks else {},
    )  # fmt: skip


def _document(
    counts: list[Document], constraints: list[Document], functions: list[Document],
    data: list[Document], axes: list[Any], interest: list[str], more: Document,
) -> Document:  # fmt: skip
    """The parts of a document in their places. axes : (axis, start) of every parameter."""
    return {
        "metadata": {
            "hs3_version": VERSION, "packages": [{"name": "mutau", "version": __version__}]
        },
        "distributions": [*counts, *constraints],
        "functions": functions,
        "data": data,
        "likelihoods": [
            {
                "name": "likelihood",
                "distributions": [item["name"] for item in counts],
                "data": [item["name"] for item in data],
                "aux_distributions": [item["name"] for item in constraints],
            }
        ],
        "domains": [
            {"name": "all", "type": "product_domain", "axes": [axis for axis, _ in axes]}
        ],
        "parameter_points": [
            {
                "name": "start",
                "parameters": [{"name": axis["name"], "value": at} for axis, at in axes],
            }
        ],
        "analyses": [
            {
                "name": "limit", "likelihood": "likelihood", "domains": ["all"], "init": "start",
                "parameters_of_interest": interest,
            }
        ],
        **more,
    }  # fmt: skip
