"""HepMC ASCII files (Buckley et al., Comput. Phys. Commun. 260 (2021) 107310; arXiv:1912.08005).

Written in version 3, one vertex per event: beam and target enter with status 4, the others leave
with status 1. Momenta are in GeV, the vertex in mm (position and c t of the interaction). The
weight is `Events.weight`, the expected number in the full exposure; the cross section in pb is an
attribute of every event, and the meta data travel as the run attribute `mutau`. Incoming rows come
back with the position of the interaction: a beam particle has no production vertex here.

Read in versions 3 and 2, any graph, any unit, through pyhepmc, after the strict look of
`hepmc_text`. Of several weights the nominal one counts (see `read`). Weights of another program's
file stay as they stand; its cross section is that of the last event, where a running estimate has
all events behind it.
"""

from __future__ import annotations

import contextlib
import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mutau._version import __version__
from mutau.core.errors import FileError, MutauError
from mutau.core.types import Events
from mutau.io.hepmc_text import Listing, look_through
from mutau.io.layout import (
    EventBlocks,
    Progress,
    beams_first,
    chunks,
    cross_section_of,
    damaged,
    event_numbers,
    events_from,
    header_of,
    header_text,
    layout_of,
    masses_of,
)
from mutau.io.packed import open_text

Array = np.ndarray

_CM_TO_MM = 10.0
_BEAM, _FINAL = 4, 1
_MOST_EVENTS = 2 * 10**9  # event numbers have 32 bits
#: Names of the nominal weight, as analyses look for it (Rivet's list).
_NOMINAL = re.compile(r"|0|default|weight|nominal", re.IGNORECASE)
#: A repeated cross section may be rounded to this.
_SAME = 1e-6


def write(events: Events, path: Path, process_id: int, progress: Progress | None) -> None:
    """Write a HepMC3 ASCII file, compressed if the name ends in .gz.

    process_id : kept in the run attribute.
    Raises MutauError if there are no events, the outgoing rows of an event start at different
    places, or an event number is 2e9 or more.
    """
    import pyhepmc
    from pyhepmc.io import WriterAscii, pyiostream

    events = beams_first(events)
    layout = layout_of(events)
    x4_mm = _vertices(events, layout) * _CM_TO_MM
    run = pyhepmc.GenRunInfo()
    run.weight_names = ["Default"]
    run.tools = [("mutau", __version__, "")]
    run.attributes["mutau"] = header_text(events.meta, process_id=process_id, n_events=len(layout))
    sigma = cross_section_of(events.meta)
    mass = masses_of(events)
    with open_text(path, "wb") as file, pyiostream(file) as stream:
        writer = WriterAscii(stream, run)
        event = pyhepmc.GenEvent(run, pyhepmc.Units.GEV, pyhepmc.Units.MM)
        for part in chunks(layout, progress, "writing events"):
            for i in range(part.start, part.stop):
                _fill(event, events, layout, i, mass, x4_mm[i])
                if sigma is not None:  # set_cross_section would keep 9 digits
                    event.attributes["GenCrossSection"] = f"{sigma[0]!r} {sigma[1]!r} -1 -1"
                writer.write_event(event)
            stream.flush()
        writer.close()


def _fill(
    event: Any, events: Events, layout: EventBlocks, i: int, mass: Array, vertex_mm: Array
) -> None:
    """Put the rows of event `i` into an event of the library."""
    first, n = int(layout.first[i]), int(layout.count[i])
    rows = slice(first, first + n)
    incoming = events.status[rows] < 0
    parents = np.where(incoming[:, None], -1, [[1, int(incoming.sum())]]).astype(np.int32)
    energy, px, py, pz = events.p4[rows].T
    t, x, y, z = (np.full(n, value) for value in vertex_mm)
    event.from_hepevt(
        int(layout.label[i]), px, py, pz, energy, mass[rows], events.pdg[rows],
        np.where(incoming, _BEAM, _FINAL).astype(np.int32),
        parents=parents, vx=x, vy=y, vz=z, vt=t,
    )  # fmt: skip
    event.weights = [float(layout.weight[i])]


def _vertices(events: Events, layout: EventBlocks) -> Array:
    """Position of the one vertex of each event, (M, 4), cm: that of its outgoing rows."""
    if not len(layout):
        raise MutauError("a HepMC file without events cannot be read by other programs")
    if np.any(np.abs(layout.label) >= _MOST_EVENTS):
        raise MutauError(
            f"event number {np.max(np.abs(layout.label))}",
            allowed=f"below {_MOST_EVENTS} in a HepMC file",
        )
    last = layout.first + layout.count - 1
    if np.any(events.status[last] < 0):
        raise MutauError(
            "an event has no outgoing particle", remedy="write .root, .parquet or .npz"
        )
    vertex = events.x4[last]
    same = np.all(np.repeat(vertex, layout.count, axis=0) == events.x4, axis=1)
    if not np.all(same | (events.status < 0)):
        raise MutauError(
            "the outgoing particles of an event start at different places",
            allowed="one vertex per event in a HepMC file",
            remedy="write .lhe, .root, .parquet or .npz",
        )
    return vertex


# Reading


class _Event(NamedTuple):
    """What one event holds. row : (n, 6) float64; pdg, HepMC status, E, px, py, pz (GeV).
    x4 : (n, 4) float64, cm.
    """

    label: int
    weight: float
    row: Array
    x4: Array


def read(path: Path) -> Events:
    """Read a HepMC ASCII file of version 3 or 2: GeV and cm.

    Status 4 becomes -1 and 1 stays; any other is 2, which is no final particle. Of several weights
    the first one counts whose name is "", 0, Default, Weight or Nominal (any case); if none is
    called so, the first one. An event without weights has 1. Events are numbered through where
    their own numbers repeat.
    Raises FileError, with line and event, if the file is foreign, damaged or cut off.
    """
    try:
        with open_text(path, "rb") as file:
            listing = look_through(file, path)
        with open_text(path, "rb") as file:
            found, meta = _events(file, path, listing)
    except FileError:
        raise
    except (OSError, EOFError, zlib.error, RuntimeError, UnicodeDecodeError) as problem:
        raise damaged(path, problem) from problem
    count = np.array([len(event.row) for event in found])
    row = np.concatenate([event.row for event in found])
    code = row[:, 1]
    numbers = event_numbers(np.array([event.label for event in found]))
    return events_from(
        path,
        row[:, 0],
        np.repeat(numbers, count),
        np.where(code == _BEAM, -1, np.where(code == _FINAL, 1, 2)),
        row[:, 2:],
        np.concatenate([event.x4 for event in found]),
        np.repeat([event.weight for event in found], count),
        meta,
    )


def _nominal(names: tuple[str, ...]) -> int:
    """Index of the nominal weight."""
    return next((i for i, name in enumerate(names) if _NOMINAL.fullmatch(name)), 0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library from writing its own messages to standard output and error meanwhile."""
    from pyhepmc import Setup

    before = (Setup.print_errors, Setup.print_warnings, Setup.debug_level)
    Setup.print_errors, Setup.print_warnings, Setup.debug_level = False, False, 0
    try:
        yield
    finally:
        Setup.print_errors, Setup.print_warnings, Setup.debug_level = before


def _events(file: Any, path: Path, listing: Listing) -> tuple[list[_Event], dict[str, Any]]:
    """All events as the library reads them, and the meta data."""
    import pyhepmc
    from pyhepmc.io import ReaderAscii, ReaderAsciiHepMC2, pyiostream

    nominal = _nominal(listing.weights)
    found = []
    with _quiet(), pyiostream(file) as stream:
        reader = ReaderAscii(stream) if listing.version == 3 else ReaderAsciiHepMC2(stream)
        for i, n_particles in enumerate(listing.n_particles, 1):
            event = pyhepmc.GenEvent()
            if not reader.read_event(event) or not len(event.particles):
                raise damaged(path, f"event {i} cannot be read, or is empty")
            if len(event.particles) != n_particles:  # HepMC drops what hangs on no whole vertex
                what = f"event {i}: {len(event.particles)} of {n_particles} particles fit its graph"
                raise damaged(path, f"{what}: a vertex without particles going in or out")
            event.set_units(pyhepmc.Units.GEV, pyhepmc.Units.MM)
            rows = event.numpy.particles
            columns = (rows.pid, rows.status, rows.e, rows.px, rows.py, rows.pz)
            weights = event.weights
            found.append(
                _Event(
                    event.event_number,
                    float(weights[nominal]) if len(weights) else 1.0,
                    np.stack(columns, axis=1).astype(np.float64),
                    _positions(event) / _CM_TO_MM,
                )
            )
        meta = _meta(event, listing, path)
        reader.close()
    return found, meta


def _positions(event: Any) -> Array:
    """(c t, x, y, z) in mm, (n, 4): the production vertex of each particle; for a beam, the vertex
    where it ends.
    """
    n, vertices = len(event.particles), event.vertices
    if len(vertices) == 1:
        place = vertices[0].position
        return np.tile([place.t, place.x, place.y, place.z], (n, 1))
    x4 = np.zeros((n, 4))
    for row, particle in enumerate(event.particles):
        vertex = particle.production_vertex
        if vertex is None or vertex.id == 0:  # the root of the graph is not a place
            vertex = particle.end_vertex
        if vertex is not None:
            place = vertex.position
            x4[row] = place.t, place.x, place.y, place.z
    return x4


def _meta(event: Any, listing: Listing, path: Path) -> dict[str, Any]:
    """Our meta data, or the cross section of another program's file, from its last event."""
    stated = listing.cross_section
    sigma, error = stated[min(_nominal(listing.weights), len(stated) - 1)] if stated else (0.0, 0.0)
    run = event.run_info
    if run is not None and "mutau" in run.attributes:
        meta = dict(header_of(str(run.attributes["mutau"]), path)["meta"])
        own = cross_section_of(meta)
        if stated and own and not abs(sigma - own[0]) <= _SAME * own[0]:
            raise damaged(path, f"its events state {sigma:g} pb and its header {own[0]:g} pb")
        return meta
    if run is not None and any(tool.name == "mutau" for tool in run.tools):
        raise damaged(path, "it is ours, and our header is missing")
    if not (math.isfinite(sigma) and math.isfinite(error) and sigma > 0.0):
        return {}
    return {"sigma_pb": sigma, "sigma_err_pb": max(0.0, error)}
