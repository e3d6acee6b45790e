"""HepMC3 ASCII files (Buckley et al., Comput. Phys. Commun. 260 (2021) 107310; arXiv:1912.08005).

One vertex per event: beam and target enter with status 4, the others leave with status 1. Momenta
are in GeV, the vertex in mm (position and c t of the interaction). The weight is `Events.weight`,
the expected number in the full exposure; the cross section in pb is an attribute of every event,
and the meta data travel as the run attribute `mutau`. Incoming rows come back with the position
of the interaction: a beam particle has no production vertex here.
Writing needs no other package. Events of one vertex in GeV and mm are read by a kernel, whatever
program wrote them; any other file goes through pyhepmc, which knows every graph.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mutau._version import __version__
from mutau.core.errors import FileError, MutauError
from mutau.core.types import Events
from mutau.sampling.event_files_layout import (
    Layout,
    Progress,
    beams_first,
    chunks,
    cross_section_of,
    damaged,
    events_from,
    header_of,
    header_text,
    layout_of,
    masses_of,
)
from mutau.sampling.event_files_lhe import open_text

Array = np.ndarray

_START = b"HepMC::Version 3"
_END = b"HepMC::Asciiv3-END_EVENT_LISTING"
_CM_TO_MM = 10.0
#: Bytes that one event and one particle may take at most.
_EVENT_BYTES, _ROW_BYTES = 512, 256
_BLOCK = 1 << 23
_BEAM, _FINAL = 4, 1


def write(events: Events, path: Path, process_id: int, progress: Progress | None) -> None:
    """Write a HepMC3 ASCII file, compressed if the name ends in .gz.

    process_id : kept in the run attribute.
    Raises MutauError if there are no events or the outgoing rows of an event start at different
    places.
    """
    from mutau.sampling.event_files_text import (
        HEPMC_WORDS,
        decimal_scales,
        float_text,
        hepmc_block,
        texts_of,
    )

    events = beams_first(events)
    layout = layout_of(events)
    x4_mm = _vertices(events, layout) * _CM_TO_MM
    sigma = cross_section_of(events.meta)
    after_weight = "\n"
    if sigma is not None:
        values = f"{float_text(sigma[0])} {float_text(sigma[1])}"
        after_weight += f"A 0 GenCrossSection {values} -1 -1\n"
    texts = texts_of(*HEPMC_WORDS, after_weight)
    numbers = decimal_scales()
    mass = masses_of(events)
    header = header_text(events.meta, process_id=process_id, n_events=len(layout))
    head = (
        "HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\nW Default\n"
        f"T mutau\\|{__version__}\\|\nA mutau {_escaped(header)}\n"
    )
    with open_text(path, "wb") as file:
        file.write(head.encode())
        for part in chunks(layout, progress, "writing events"):
            rows = int(layout.count[part].sum())
            room = _EVENT_BYTES * (part.stop - part.start) + _ROW_BYTES * rows
            out = np.empty(room, dtype=np.uint8)
            length = hepmc_block(
                out,
                texts,
                numbers,
                layout.first[part],
                layout.count[part],
                layout.label[part],
                layout.weight[part],
                events.pdg,
                events.status,
                events.p4,
                mass,
                x4_mm[part],
            )
            file.write(out[:length].data)
        file.write(_END + b"\n\n")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\|")


def _vertices(events: Events, layout: Layout) -> Array:
    """Position of the one vertex of each event, (M, 4), cm: that of its outgoing rows."""
    if not len(layout):
        raise MutauError("a HepMC file without events cannot be read by other programs")
    last = layout.first + layout.count - 1
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

_NUMBER = rb"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?"
#: A particle, vertex, weight or event line that is not what it should be.
_BAD_LINE = re.compile(
    rb"^(?:P(?! \d+ -?\d+ -?\d+(?: N){5} \d+$)|V(?! -\d+ \d+ \[[\d,]*\](?: @(?: N){4})?$)"
    rb"|W(?!(?: N)+$)|E(?! -?\d+ \d+ \d+(?: @(?: N){4})?$)).*".replace(b"N", _NUMBER),
    re.MULTILINE,
)


def read(path: Path) -> Events:
    """Read a HepMC3 ASCII file: first weight, GeV and cm; particles of other status get 2.

    Raises FileError if the file is foreign, damaged or cut off.
    """
    from pyhepmc import io

    try:
        simple = _read_simple(path)
        n_listed = 1 if simple else _check_text(path)
        with open_text(path, "rb") as file, io.pyiostream(file) as stream:
            reader = io.ReaderAscii(stream)
            if simple:
                pdg, event, status, p4, x4, weight = simple
                meta = _meta(_next_event(path, reader), path)
                return events_from(path, pdg, event, status, p4, x4, weight, meta)
            return _read(path, reader, n_listed)
    except (OSError, EOFError, zlib.error) as problem:
        if isinstance(problem, FileError):
            raise
        raise damaged(path, problem) from problem


def _read_simple(path: Path) -> tuple[Array, ...] | None:
    """Columns of a file of events with one vertex each; None if there is anything else in it.

    pdg, event, status, p4 (GeV), x4 (cm), weight, one row per particle.
    """
    parts: list[tuple[Array, ...] | None] = []
    head, rest = b"", b""
    with open_text(path, "rb") as file:
        while block := file.read(_BLOCK):
            rest += block
            if not head:
                begin = rest.find(b"\nE ") + 1
                head, rest = rest[:begin], rest[begin:]
            cut = rest.rfind(b"\nE ") + 1
            if head and cut:
                parts.append(_columns(rest[:cut]))
                rest = rest[cut:]
                if parts[-1] is None:
                    return None
    body, mark, tail = rest.rpartition(_END)
    if not (head.startswith(_START) and mark) or tail.strip():
        return None
    parts.append(_columns(body))
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts):
        return None
    return tuple(np.concatenate(column) for column in zip(*whole, strict=True))


def _columns(text: bytes) -> tuple[Array, ...] | None:
    """The same of a text of whole events."""
    from mutau.sampling.event_files_parse import OF_EVENT, powers_of_ten, simple_hepmc

    if not text.endswith(b"\n"):
        return None
    n_events, n_rows = text.count(b"\nE ") + 1, text.count(b"\nP ")
    events, rows = np.empty((n_events, 2), np.int64), np.empty((n_rows, 2), np.int64)
    of_event, of_row = np.empty((n_events, 5)), np.empty((n_rows, 5))
    odd = np.empty((5 * (n_events + n_rows), 5), np.int64)
    data = np.frombuffer(text, np.uint8)
    n_odd = simple_hepmc(data, *powers_of_ten(), events, rows, of_event, of_row, odd)
    if n_odd < 0:
        return None
    for start, stop, kind, row, column in odd[:n_odd].tolist():
        (of_event if kind == OF_EVENT else of_row)[row, column] = float(text[start:stop])
    count = events[:, 1]
    each = np.repeat(of_event[:, [3, 0, 1, 2, 4]] / [*[_CM_TO_MM] * 4, 1.0], count, axis=0)
    status = _status(rows[:, 1])
    p4 = of_row[:, [3, 0, 1, 2]]
    return rows[:, 0], np.repeat(events[:, 0], count), status, p4, each[:, :4], each[:, 4]


def _status(code: Array) -> Array:
    """-1 for beams, 1 for final particles, 2 for any other status code of HepMC."""
    return np.where(code == _BEAM, -1, np.where(code == _FINAL, 1, 2))


def _check_text(path: Path) -> int:
    """Look through the whole text, which the library reads tolerantly; the number of events."""
    n_events, rest, in_head = 0, b"", True
    with open_text(path, "rb") as file:
        if file.read(len(_START)) != _START:
            raise damaged(path, "it does not begin as a HepMC3 file")
        while block := file.read(_BLOCK):
            text, _, rest = (rest + block).rpartition(b"\n")
            if in_head:  # the names of the weights stand in a W line of their own
                head, mark, text = text.partition(b"\nE ")
                in_head, text = not mark, b"E " + text if mark else b""
                rest = rest if mark else head + b"\n" + rest
            bad = _BAD_LINE.search(text)
            if bad:
                raise damaged(path, f"line {bad.group(0)[:60].decode(errors='replace')!r}")
            n_events += (b"\n" + text).count(b"\nE ")
            end = text + b"\n" + rest
    if not n_events or not end.rstrip().endswith(_END):
        raise damaged(path, "its end is missing, or it holds no event")
    return n_events


def _read(path: Path, reader: Any, n_listed: int) -> Events:
    """Collect the events that the library reads, `n_listed` of them."""
    import pyhepmc

    columns: list[list[Array]] = [[] for _ in range(7)]
    count = np.zeros(n_listed, dtype=np.int64)
    label, weight = np.zeros(n_listed, dtype=np.int64), np.ones(n_listed)
    meta: dict[str, Any] = {}
    for i in range(n_listed):
        event = _next_event(path, reader)
        event.set_units(pyhepmc.Units.GEV, pyhepmc.Units.MM)
        if i == 0:
            meta = _meta(event, path)
        row = event.numpy.particles
        values = (row.pid, row.status, row.e, row.px, row.py, row.pz)
        for column, value in zip(columns, (*values, _positions(event)), strict=True):
            column.append(value)
        count[i], label[i] = len(values[0]), event.event_number
        if event.weights:
            weight[i] = event.weights[0]
    pdg, code, *p4 = (np.concatenate(column) for column in columns[:6])
    given = np.array([len(x4) for x4 in columns[6]])  # 1 or the number of particles
    x4 = np.repeat(np.concatenate(columns[6]), np.repeat(count // given, given), axis=0)
    return events_from(
        path,
        pdg,
        np.repeat(label, count),
        _status(code),
        np.stack(p4, axis=1),
        x4 / _CM_TO_MM,
        np.repeat(weight, count),
        meta,
    )


def _next_event(path: Path, reader: Any) -> Any:
    """The next event of the library's reader. Raises FileError if it is empty or none."""
    import pyhepmc

    event = pyhepmc.GenEvent()
    if not reader.read_event(event) or not len(event.particles):
        raise damaged(path, "an event that cannot be read")
    return event


def _positions(event: Any) -> Array:
    """(c t, x, y, z) in mm: one row if there is one vertex, else one for each particle.

    The production vertex of a particle; for a beam, the vertex where it ends.
    """
    vertices = event.numpy.vertices
    if len(vertices.x) == 1:
        return np.stack([vertices.t, vertices.x, vertices.y, vertices.z], axis=1)
    x4 = np.zeros((len(event.particles), 4))
    for row, particle in enumerate(event.particles):
        vertex = particle.production_vertex
        if vertex is None or vertex.id == 0:  # the root of the graph is not a place
            vertex = particle.end_vertex
        if vertex is not None:
            place = vertex.position
            x4[row] = place.t, place.x, place.y, place.z
    return x4


def _meta(event: Any, path: Path) -> dict[str, Any]:
    """Our meta data, or the cross section of another program's file."""
    run = event.run_info
    if run is not None and "mutau" in run.attributes:
        return dict(header_of(str(run.attributes["mutau"]), path)["meta"])
    sigma = event.cross_section
    if sigma is None or not sigma.is_valid():
        return {}
    return {"sigma_pb": float(sigma.xsec()), "sigma_err_pb": float(sigma.xsec_err())}
