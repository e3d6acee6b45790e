"""What every event file needs of `Events`: whole events in order, masses, a header, the bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mutau.core import constants
from mutau.core.errors import FileError, MutauError, one_line
from mutau.core.storage import digest
from mutau.core.types import Events

Array = np.ndarray
Progress = Callable[[float, str], None]

#: Masses of particles whose energy is so far above them that E^2 - p^2 has lost them, GeV.
LIGHT_MASSES = {
    11: constants.M_E,
    12: 0.0,
    13: constants.M_MU,
    14: 0.0,
    15: constants.M_TAU,
    16: 0.0,
    22: 0.0,
    211: constants.M_PI,
}
Z_PRIME = 32
#: A known mass is kept if it agrees with E^2 - p^2 to this fraction of E^2: the rounding of the
#: four-momentum and of the sampler (momentum is conserved to 1e-9 there).
_ON_SHELL = 1e-8
_CHUNK_ROWS = 65536


@dataclass(frozen=True, slots=True)
class EventBlocks:
    """Events cut into whole ones.

    first, count : (M,) int64; first row and number of rows of each event.
    label : (M,) int64; the event numbers. weight : (M,) float64; one per event.
    """

    first: Array
    count: Array
    label: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.first)


def _problem(text: str, remedy: str) -> MutauError:
    return MutauError(f"events: {text}", remedy=remedy)


def _starts(events: Events) -> Array:
    """Rows where an event begins. Raises MutauError if the rows of an event are not neighbours."""
    first = np.flatnonzero(np.diff(events.event)) + 1
    first = np.concatenate([np.zeros(min(len(events.event), 1), dtype=np.int64), first])
    if len(np.unique(events.event[first])) != len(first):
        raise _problem("the rows of an event are not neighbours", "sort the rows by event number")
    return first


def layout_of(events: Events) -> EventBlocks:
    """Cut `events` into whole events.

    Raises MutauError if the rows of an event are not neighbours or differ in weight.
    """
    first = _starts(events)
    label = events.event[first]
    count = np.diff(np.append(first, len(events.pdg)))
    weight = events.weight[first]
    if not np.array_equal(np.repeat(weight, count), events.weight):
        raise _problem("rows of one event differ in weight", "give each row its event's weight")
    return EventBlocks(first, count, label, weight)


def event_numbers(labels: Array) -> Array:
    """A number for each event, (M,) int64: the file's where no two are equal, else 0, 1, 2 ...

    Files hold whole events one by one; numbers that repeat (all 0, as many programs write them, or
    two files joined) must not make one event of several.
    """
    if len(np.unique(labels)) == len(labels):
        return np.asarray(labels, dtype=np.int64)
    return np.arange(len(labels))


def beams_first(events: Events) -> Events:
    """`events` with the incoming rows of each event before the outgoing ones, fastest first.

    The order of events and of outgoing rows is kept; already ordered events come back as they are.
    Raises MutauError for a status other than -1 and 1, or an event without incoming row.
    """
    if not np.all(np.isin(events.status, (-1, 1))):
        odd = events.status[~np.isin(events.status, (-1, 1))][0]
        raise _problem(f"status {odd} cannot be written", "keep the rows of status -1 and 1")
    beam, first = events.status < 0, _starts(events)
    if len(beam) and np.add.reduceat(beam, first, dtype=np.int64).min() < 1:
        raise _problem("an event has no incoming particle", "keep the rows of status -1")
    speed = np.where(beam, -events.p4[:, 3] / np.maximum(np.abs(events.p4[:, 0]), 1e-300), 0.0)
    place = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(beam))))
    order = np.lexsort((speed, ~beam, place))
    return events if np.array_equal(order, np.arange(len(order))) else events.select(order)


def masses_of(events: Events) -> Array:
    """Mass of each row, GeV: (N,) float64.

    Leptons, neutrinos, photons and charged pions: the constants; the Z' : `mass_GeV` of the meta
    data where it is given; others, and rows off that mass shell: sqrt((E - p)(E + p)), negative
    for a space-like vector as the Les Houches accord has it.
    Limit: the last loses digits where E is far above the mass (relative error 1e-16 (E/m)^2).
    """
    energy, space = events.p4[:, 0], events.p4[:, 1:]
    p = np.sqrt(np.einsum("ij,ij->i", space, space))
    square = (energy - p) * (energy + p)
    mass = np.sign(square) * np.sqrt(np.abs(square))
    known = dict(LIGHT_MASSES)
    if "mass_GeV" in events.meta:
        known |= {Z_PRIME: float(events.meta["mass_GeV"])}
    for pdg in np.unique(events.pdg):
        if abs(int(pdg)) in known:
            value = known[abs(int(pdg))]
            rows = (events.pdg == pdg) & (np.abs(square - value**2) <= _ON_SHELL * energy**2)
            mass[rows] = value
    return mass


def header_text(meta: Mapping[str, Any], **more: Any) -> str:
    """JSON text of the meta data under "meta", and what a format adds.

    Raises MutauError if the meta data cannot be written as JSON (NaN included).
    """
    try:
        return json.dumps({"meta": dict(meta), **more}, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise MutauError(f"the meta data of the events cannot be written ({error})") from error


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def header_of(text: str | bytes, path: str | Path) -> dict[str, Any]:
    """What `header_text` wrote. Raises FileError if it is not that."""
    try:
        header = json.loads(text, parse_constant=_no_constant)
        if isinstance(header, dict) and isinstance(header.get("meta"), dict):
            cross_section_of(header["meta"])
            return header
    except (ValueError, TypeError, RecursionError) as error:  # MutauError is a ValueError
        raise damaged(path, f"its header: {error}") from error
    raise damaged(path, "its header is of another kind")


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def cross_section_of(meta: Mapping[str, Any]) -> tuple[float, float] | None:
    """`sigma_pb` and `sigma_err_pb` (0 if not stated) of the meta data, or None without them.

    Raises MutauError if they are not finite, sigma not positive or the error negative.
    """
    if meta.get("sigma_pb") is None:
        return None
    sigma, error = float(meta["sigma_pb"]), float(meta.get("sigma_err_pb") or 0.0)
    if not (math.isfinite(sigma) and sigma > 0.0 and math.isfinite(error) and error >= 0.0):
        raise MutauError(
            f"cross section {sigma:g} +- {error:g} pb in the meta data of the events",
            allowed="sigma_pb > 0, sigma_err_pb >= 0, finite",
        )
    return sigma, error


def events_digest(events: Events) -> str:
    """Digest of a sample and its meta data, whatever integers its columns hold."""
    return digest(
        np.asarray(events.pdg, np.int32),
        np.asarray(events.event, np.int64),
        np.asarray(events.status, np.int8),
        *(np.asarray(column, np.float64) for column in (events.p4, events.x4, events.weight)),
        header_text(events.meta),
    )


def check_digest(events: Events, header: Mapping[str, Any], path: str | Path) -> Events:
    """The events, if they are those whose digest the header states, or it states none.

    Raises FileError for others: damage where a format has no checksum, or files that were joined
    (the weights of two files are those of two exposures).
    """
    found = events_digest(events)
    if header.get("digest", found) != found:
        raise damaged(path, "its events are not those that were written, or files were joined")
    return events


def damaged(path: str | Path, what: object) -> FileError:
    """The error for a file that is not, or no longer, what its name says."""
    return FileError(
        f"{str(path)!r} is damaged or not an event file of this kind ({one_line(what)})",
        remedy="make it again",
    )


def events_from(
    path: str | Path,
    pdg: Array,
    event: Array,
    status: Array,
    p4: Array,
    x4: Array,
    weight: Array,
    meta: Mapping[str, Any],
) -> Events:
    """`Events` from what a file held, with the types of the columns set.

    Raises FileError for shapes that disagree or numbers that are not finite.
    """
    for name, column, bound in (("PDG code", pdg, 2**31), ("status", status, 128)):
        if len(column) and not np.all(np.abs(np.asarray(column, dtype=np.float64)) < bound):
            raise damaged(path, f"a {name} is out of range")
    try:
        return Events(
            np.ascontiguousarray(pdg, dtype=np.int32),
            np.ascontiguousarray(event, dtype=np.int64),
            np.ascontiguousarray(status, dtype=np.int8),
            np.ascontiguousarray(p4, dtype=np.float64),
            np.ascontiguousarray(x4, dtype=np.float64),
            np.ascontiguousarray(weight, dtype=np.float64),
            dict(meta),
        )
    except (ValueError, OverflowError) as error:  # MutauError is a ValueError
        raise damaged(path, error) from error


def chunks(layout: EventBlocks, progress: Progress | None, label: str) -> Iterator[slice]:
    """Slices of whole events, some ten thousand rows each; reports the fraction after each one."""
    total, start = len(layout), 0
    per_event = max(1.0, float(np.mean(layout.count))) if total else 1.0
    step = max(1, int(_CHUNK_ROWS / per_event))
    while start < total:
        stop = min(total, start + step)
        yield slice(start, stop)
        if progress is not None:
            progress(stop / total, label)
        start = stop
