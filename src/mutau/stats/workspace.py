"""Counting models as HistFactory workspaces (JSON, as pyhf reads and writes), out and in.

Format: schema 1.0.0 of pyhf (L. Heinrich, M. Feickert, G. Stark, J. Open Source Softw. 6 (2021)
2823); HistFactory: K. Cranmer et al., CERN-OPEN-2012-016. No other package is needed here.
HistFactory programs interpolate a `normsys` by default with a polynomial below one sigma (their
"code 4"), this package with the plain exponential ("code 1"); with lo = 1/hi limits agree to 1e-6.
"""

from __future__ import annotations

import math
from typing import Any, Final

from mutau._version import __version__
from mutau.core.errors import MutauError
from mutau.stats.model import Channel, CountingModel

POI: Final = "strength"


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

    highest_strength : upper bound of the parameter of interest; enough for 30 events more than
        expected or seen if not given.
    Every channel has the samples "signal" (scaled by "strength") and "background". Gaussian
    backgrounds become `histosys` with a bound at zero events, lognormal ones `normsys`, gamma ones
    `shapesys`. A channel without observation gets its expected background (Asimov data).
    Raises MutauError if the model has no signal.
    """
    if model.total <= 0.0:
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
            lowest = max(-10.0, -channel.background / channel.background_err)
            name = f"background[{channel.name}]"
            parameters.append({"name": name, "bounds": [[lowest, 10.0]], "inits": [0.0]})
    top = highest_strength or events / model.total
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


def _refuse(place: str, what: str) -> MutauError:
    return MutauError(
        what,
        place=place,
        remedy="only independent counts with one signal and one background sample can be read",
    )


def _signal_errors(place: str, modifiers: list[dict[str, Any]], poi: str) -> dict[str, float]:
    errors = {}
    for modifier in modifiers:
        if modifier["name"] == poi and modifier["type"] == "normfactor":
            continue
        if modifier["type"] != "normsys":
            raise _refuse(place, f"the signal has a modifier of type {modifier['type']!r}")
        high, low = float(modifier["data"]["hi"]), float(modifier["data"]["lo"])
        if abs(high * low - 1.0) > 1e-9 or high < 1.0:
            raise _refuse(place, f"{modifier['name']!r} has hi = {high:g} and lo = {low:g} != 1/hi")
        errors[str(modifier["name"])] = high - 1.0
    return errors


def _background_error(place: str, sample: dict[str, Any], k: int) -> tuple[float, str]:
    modifiers = sample["modifiers"]
    if not modifiers:
        return 0.0, "fixed"
    if len(modifiers) > 1:
        raise _refuse(place, "the background has more than one modifier")
    kind, data, b = modifiers[0]["type"], modifiers[0]["data"], float(sample["data"][k])
    if kind == "shapesys":
        return float(data[k]), "gamma"
    if len(sample["data"]) > 1 or kind not in ("normsys", "histosys"):
        raise _refuse(place, f"the background modifier {modifiers[0]['name']!r} is a {kind!r}")
    if kind == "normsys":
        if abs(float(data["hi"]) * float(data["lo"]) - 1.0) > 1e-9:
            raise _refuse(place, f"{modifiers[0]['name']!r} has lo != 1/hi")
        return b * (float(data["hi"]) - 1.0), "lognormal"
    up, down = float(data["hi_data"][0]) - b, b - float(data["lo_data"][0])
    if abs(up - down) > 1e-9 * max(1.0, b):
        raise _refuse(place, f"{modifiers[0]['name']!r} is not symmetric")
    return up, "gaussian"


def _read_channel(document: dict[str, Any], poi: str, seen: list[float]) -> list[Channel]:
    place = f"channel {document['name']!r}"
    signal, background = None, None
    for sample in document["samples"]:
        if any(modifier["name"] == poi for modifier in sample["modifiers"]):
            signal = sample if signal is None else None
        elif background is None:
            background = sample
        else:
            raise _refuse(place, "more than one background sample")
    if signal is None:
        raise _refuse(place, f"not exactly one sample is scaled by {poi!r}")
    errors = _signal_errors(place, signal["modifiers"], poi)
    background = background or {"data": [0.0] * len(signal["data"]), "modifiers": []}
    found = []
    for k, events in enumerate(signal["data"]):
        err, constraint = _background_error(place, background, k)
        suffix = f"[{k}]" if len(signal["data"]) > 1 else ""
        found.append(
            Channel(
                document["name"] + suffix,
                float(events),
                float(background["data"][k]),
                err,
                float(seen[k]),
                constraint,
                errors,
            )
        )
    return found


def from_workspace(workspace: dict[str, Any]) -> CountingModel:
    """The counting model of a HistFactory workspace (a parsed JSON document).

    Every bin becomes a channel. Understood: `normfactor` (the parameter of interest) and `normsys`
    with lo = 1/hi on the signal; none, `shapesys`, or (single bins) `normsys`, symmetric `histosys`
    on the background. Raises MutauError, naming the channel, for anything else.
    Check: `from_workspace(to_workspace(model))` is the model, but for Monte Carlo errors.
    """
    try:
        poi = workspace["measurements"][0]["config"]["poi"]
        seen = {entry["name"]: entry["data"] for entry in workspace["observations"]}
        shared: dict[str, str] = {}
        channels: list[Channel] = []
        for document in workspace["channels"]:
            for sample in document["samples"]:
                if any(modifier["name"] == poi for modifier in sample["modifiers"]):
                    continue
                for modifier in sample["modifiers"]:
                    other = shared.setdefault(modifier["name"], document["name"])
                    if other != document["name"]:
                        raise _refuse(
                            f"channel {document['name']!r}",
                            f"the background error {modifier['name']!r} is shared with {other!r}",
                        )
            channels += _read_channel(document, poi, seen[document["name"]])
    except (KeyError, IndexError, TypeError) as error:
        raise MutauError(
            f"not a HistFactory workspace: {type(error).__name__} at {error}",
            allowed="channels, observations, measurements as in pyhf's schema 1.0.0",
        ) from error
    return CountingModel(tuple(channels))
