"""Counting models as HistFactory workspaces (JSON, as pyhf reads and writes), out and in.

Format: schema 1.0.0 of pyhf (L. Heinrich, M. Feickert, G. Stark, J. Open Source Softw. 6 (2021)
2823); HistFactory: K. Cranmer et al., CERN-OPEN-2012-016. Writing needs no other package, reading
pyhf, for its schema and for what a counting model cannot hold (`stats.histfactory`).
HistFactory programs interpolate a `normsys` by default with a polynomial below one sigma (their
"code 4"), this package with the plain exponential ("code 1"); with lo = 1/hi limits agree to 1e-6.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from mutau._version import __version__
from mutau.core.errors import MutauError
from mutau.stats.histfactory import HistFactoryModel, check_workspace
from mutau.stats.model import Channel, CountingModel, counting_model

POI: Final = "strength"
#: Upper end of the strength at the least: programs begin at 1, or ask for it.
_LEAST_TOP: Final = 10.0
#: Lowest pull of a Gaussian background that is written, and the lower bound that pyhf assumes.
_LOWEST_PULL, _USUAL_BOUND = -10.0, -5.0


def _background_modifier(channel: Channel) -> list[dict[str, Any]]:
    name = f"background[{channel.name}]"
    b, err = channel.background, channel.background_err
    if channel.constraint == "gaussian":
        data: Any = {"hi_data": [b + err], "lo_data": [b - err]}
        return [{"name": name, "type": "histosys", "data": data}]
    if channel.constraint == "lognormal":
        data = {"hi": 1.0 + err / b, "lo": 1.0 / (1.0 + err / b)}
        return [{"name": name, "type": "normsys", "data": data}]
    if channel.constraint == "gamma":
        return [{"name": name, "type": "shapesys", "data": [err]}]
    return []


def to_workspace(model: CountingModel, *, highest_strength: float | None = None) -> dict[str, Any]:
    """A HistFactory workspace of the model, ready for `json.dump`.

    highest_strength : upper bound of the parameter of interest; if not given enough for 30 events
        more than expected or seen, and 10 at the least, since pyhf begins at 1.
    Every channel has the samples "signal" (scaled by "strength") and "background". Gaussian
    backgrounds become `histosys` with a bound at zero events, lognormal ones `normsys`, gamma ones
    `shapesys`. A channel without observation gets its expected background (Asimov data).
    Raises MutauError if the model has no signal, or is no counting model.
    """
    if counting_model(model).total <= 0.0:
        raise MutauError("the model has no signal to export")
    channels, observations, parameters = [], [], []
    events = 30.0
    for channel in model.channels:
        seen = channel.background if math.isnan(channel.observed) else channel.observed
        events += 3.0 * (seen + channel.background)
        modifiers: list[dict[str, Any]] = [{"name": POI, "type": "normfactor", "data": None}]
        for key, error in channel.systematics.items():
            factor = {"hi": 1.0 + error, "lo": 1.0 / (1.0 + error)}
            modifiers.append({"name": key, "type": "normsys", "data": factor})
        channels.append(
            {
                "name": channel.name,
                "samples": [
                    {"name": "signal", "data": [channel.signal], "modifiers": modifiers},
                    {
                        "name": "background",
                        "data": [channel.background],
                        "modifiers": _background_modifier(channel),
                    },
                ],
            }
        )
        observations.append({"name": channel.name, "data": [seen]})
        if channel.constraint == "gaussian":
            lowest = max(_LOWEST_PULL, -channel.background / channel.background_err)
            name = f"background[{channel.name}]"
            parameters.append({"name": name, "bounds": [[lowest, 10.0]], "inits": [0.0]})
    top = highest_strength or max(_LEAST_TOP, events / model.total)
    parameters.insert(0, {"name": POI, "bounds": [[0.0, top]], "inits": [min(1.0, 0.5 * top)]})
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [
            {
                "name": f"mutau {__version__}",
                "config": {"poi": POI, "parameters": parameters},
            }
        ],
        "version": "1.0.0",
    }


class _BeyondCountingError(Exception):
    """What a counting model cannot hold, in words."""


def _signal_errors(place: str, modifiers: list[dict[str, Any]], poi: str) -> dict[str, float]:
    errors = {}
    for modifier in modifiers:
        name, kind = modifier["name"], modifier["type"]
        if (name, kind) == (poi, "normfactor"):
            continue
        if kind != "normsys":
            raise _BeyondCountingError(f"{place}: the signal has the {kind} {name!r}")
        high, low = float(modifier["data"]["hi"]), float(modifier["data"]["lo"])
        if abs(high * low - 1.0) > 1e-9 or high < 1.0:
            raise _BeyondCountingError(f"{place}: {name!r} has hi = {high:g} and lo = {low:g}")
        errors[str(name)] = high - 1.0
    return errors


def _background_error(place: str, sample: dict[str, Any], k: int) -> tuple[float, str]:
    modifiers = sample["modifiers"]
    if not modifiers:
        return 0.0, "fixed"
    if len(modifiers) > 1:
        raise _BeyondCountingError(f"{place}: the background has {len(modifiers)} modifiers")
    name, kind, data = (modifiers[0][key] for key in ("name", "type", "data"))
    b = float(sample["data"][k])
    if kind == "shapesys":
        return (float(data[k]), "gamma") if b > 0.0 else (0.0, "fixed")
    if len(sample["data"]) > 1 or kind not in ("normsys", "histosys"):
        raise _BeyondCountingError(f"{place}: the background has the {kind} {name!r}")
    if kind == "normsys":
        high, low = float(data["hi"]), float(data["lo"])
        if abs(high * low - 1.0) > 1e-9 or high < 1.0:
            raise _BeyondCountingError(f"{place}: {name!r} has hi = {high:g} and lo = {low:g}")
        return b * (high - 1.0), "lognormal"
    up, down = float(data["hi_data"][0]) - b, b - float(data["lo_data"][0])
    if abs(up - down) > 1e-9 * max(1.0, b) or up < 0.0:
        raise _BeyondCountingError(f"{place}: {name!r} is not symmetric")
    return up, "gaussian"


def _read_channel(document: dict[str, Any], poi: str, seen: list[float]) -> list[Channel]:
    place = f"channel {document['name']!r}"

    def is_signal(sample: dict[str, Any]) -> bool:
        return any(modifier["name"] == poi for modifier in sample["modifiers"])

    signals = [sample for sample in document["samples"] if is_signal(sample)]
    others = [sample for sample in document["samples"] if not is_signal(sample)]
    if len(signals) != 1 or len(others) > 1:
        raise _BeyondCountingError(
            f"{place}: {len(signals)} samples scaled by {poi!r} and {len(others)} others"
        )
    (signal,) = signals
    errors = _signal_errors(place, signal["modifiers"], poi)
    background = others[0] if others else {"data": [0.0] * len(seen), "modifiers": []}
    if min(*signal["data"], *background["data"]) < 0.0:
        raise _BeyondCountingError(f"{place}: a bin has negative events")
    found = []
    for k, events in enumerate(signal["data"]):
        err, constraint = _background_error(place, background, k)
        suffix = f"[{k}]" if len(seen) > 1 else ""
        b = float(background["data"][k])
        name = document["name"] + suffix
        found.append(Channel(name, float(events), b, err, float(seen[k]), constraint, errors))
    return found


def _check_names(workspace: dict[str, Any], poi: str) -> None:
    """A name of a background's error is one parameter: it may stand nowhere else."""
    owners: dict[str, set[str]] = {}
    for channel in workspace["channels"]:
        for sample in channel["samples"]:
            signal = any(modifier["name"] == poi for modifier in sample["modifiers"])
            owner = "the signal" if signal else f"{channel['name']}/{sample['name']}"
            for modifier in sample["modifiers"]:
                owners.setdefault(modifier["name"], set()).add(owner)
    for name, found in owners.items():
        if len(found) > 1:
            raise _BeyondCountingError(f"{name!r} moves {' and '.join(sorted(found))}")


def _usual(kind: str, bins: int) -> dict[str, Any]:
    """Settings of a parameter that say no more than HistFactory assumes anyway."""
    if kind == "shapesys":
        return {"inits": [1.0] * bins, "bounds": [[1e-10, 10.0]] * bins, "fixed": False}
    pull = {"inits": [0.0], "auxdata": [0.0], "sigmas": [1.0], "fixed": False}
    return pull | {"bounds": [[_USUAL_BOUND, -_USUAL_BOUND]]}


def _check_parameters(
    workspace: dict[str, Any], config: dict[str, Any], channels: list[Channel]
) -> None:
    """Settings of parameters are the usual ones, and Gaussian backgrounds bounded at zero."""
    poi, by_name = config["poi"], {channel.name: channel for channel in channels}
    stated = {item["name"]: item for item in config["parameters"]}
    for document in workspace["channels"]:
        for modifier in (m for sample in document["samples"] for m in sample["modifiers"]):
            name, kind = modifier["name"], modifier["type"]
            usual = _usual(kind, len(document["samples"][0]["data"]))
            usual |= {"name": name}
            if kind == "histosys":
                channel = by_name[document["name"]]
                low = -channel.background / max(channel.background_err, 1e-300)
                bound = [max(_LOWEST_PULL, low), -_LOWEST_PULL]
                own = stated.get(name, {}).get("bounds")
                if own is None and low > _USUAL_BOUND:
                    raise _BeyondCountingError(f"{name!r} is not bounded where nothing is left")
                if own is not None and np.allclose(own, [bound], rtol=1e-9, atol=0.0):
                    usual["bounds"] = own
                elif low > _USUAL_BOUND:
                    usual["bounds"] = [bound]
            if name != poi:
                _compare(stated.get(name, {}), usual)
    more = sorted(set(stated.get(poi, {})) - {"name", "inits", "bounds", "fixed"})
    if more or stated.get(poi, {}).get("fixed"):
        raise _BeyondCountingError(f"parameter {poi!r} sets {', '.join(more) or 'fixed'}")


def _compare(stated: dict[str, Any], usual: dict[str, Any]) -> None:
    for key, value in stated.items():
        if value != usual.get(key):
            raise _BeyondCountingError(f"parameter {stated['name']!r} sets {key} = {value}")


def _counting(workspace: dict[str, Any], measurement: str) -> CountingModel:
    """The counting model of a checked workspace. Raises _BeyondCountingError."""
    config = next(m["config"] for m in workspace["measurements"] if m["name"] == measurement)
    poi = config["poi"]
    seen = {entry["name"]: entry["data"] for entry in workspace["observations"]}
    _check_names(workspace, poi)
    channels: list[Channel] = []
    for document in workspace["channels"]:
        channels += _read_channel(document, poi, seen[document["name"]])
    _check_parameters(workspace, config, channels)
    return CountingModel(tuple(channels))


def from_workspace(
    workspace: dict[str, Any], *, measurement: str | None = None
) -> CountingModel | HistFactoryModel:
    """The model of a HistFactory workspace (a parsed JSON document).

    measurement : name of one; may be left out where there is one only.
    Every bin becomes a channel of a CountingModel where that holds the whole document: one signal
    and at most one background per channel, `normsys` with lo = 1/hi on the signal, and on a
    background nothing, a `shapesys`, or (single bins) a `normsys` or symmetric `histosys` of its
    own. Everything else becomes a `HistFactoryModel`, for pyhf to compute with.
    Raises MutauError, naming the place, for what is no consistent workspace (`check_workspace`);
    MissingExtra without pyhf.
    Check: `from_workspace(to_workspace(model))` is the model, but for Monte Carlo errors.
    """
    chosen = check_workspace(workspace, measurement)
    try:
        return _counting(workspace, chosen)
    except _BeyondCountingError as error:
        found = HistFactoryModel(workspace, chosen, str(error))
    found.pdf_and_data()  # what pyhf refuses is refused here
    return found
