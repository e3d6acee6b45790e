"""Les Houches event files, version 3.0 (hep-ph/0109068, hep-ph/0609017, arXiv:1405.1067).

Weights. `Events.weight` is the expected number in the full exposure, XWGTUP a cross section. The
events of a file stand for the whole of `sigma_pb`, so that the exposure is sum(weight)/sigma_pb.

- All weights equal: IDWTUP = 3, every XWGTUP = 1, the cross section stands in XSECUP.
- Else: IDWTUP = -4, XWGTUP = weight * n_events * sigma_pb / sum(weight) in pb: the mean of XWGTUP
  is the cross section (negative weights are allowed, hence the sign).

The header states `weight_per_XWGTUP`, with which `read` gives the expected numbers back, also from
a file of which somebody kept a part of the events only. A file of another program states no
exposure: it is read at 1/pb, so that the sum of weights over events is its cross section in pb.

Beams. IDBMUP is the most frequent species of the first and of the second incoming row; EBMUP the
largest energy among them, or `beam_energy_GeV` of the meta data for the beam.

Rows. Beam and target (at rest) are the two incoming particles, status -1; every outgoing particle
has both as mothers. The mass column holds the masses of `masses_of`; lifetime 0, spin 9 (unknown),
no colour. SCALUP, AQEDUP (unless the meta data holds `alpha`) and AQCDUP are -1: not stated.
Positions, and event numbers other than 0, 1, 2 ..., travel as `#x4 event ct x y z` lines (cm)
behind the particles, where the accord leaves room for comments.
"""

from __future__ import annotations

import contextlib
import gzip
import html
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

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

Array = np.ndarray

_BLOCK = 1 << 23  # bytes read at once
_END = b"</LesHouchesEvents>"
_UNWEIGHTED, _WEIGHTED = 3, -4
#: Bytes that one event and one particle may take at most: 25 for each float, 21 for each integer.
_EVENT_BYTES, _ROW_BYTES = 320, 320


def write(events: Events, path: Path, process_id: int, progress: Progress | None) -> None:
    """Write a Les Houches event file, compressed if the name ends in .gz.

    Raises MutauError without `sigma_pb` in the meta data, without events, or if an event has not
    exactly two incoming particles.
    """
    from mutau.sampling.event_files_text import (
        LHE_WORDS,
        decimal_scales,
        float_text,
        lhe_block,
        texts_of,
    )

    events = beams_first(events)
    layout = layout_of(events)
    _require_two_beams(events, layout)
    strategy, xwgtup, factor = _weights(events, layout)
    plain_numbers = np.array_equal(layout.label, np.arange(len(layout)))
    positions = _positions(events, layout, plain_numbers)
    alpha = events.meta.get("alpha")
    aqed = float_text(alpha) if alpha else "-1.0"
    texts = texts_of(*LHE_WORDS, f" -1.0 {aqed} -1.0\n")
    numbers = (*decimal_scales(), process_id)
    mass = masses_of(events)
    head = _head(events, layout, process_id, strategy, xwgtup, factor)
    with open_text(path, "wb") as file:
        file.write(head.encode())
        for part in chunks(layout, progress, "writing events"):
            rows = int(layout.count[part].sum())
            room = _EVENT_BYTES * (part.stop - part.start) + _ROW_BYTES * rows
            out = np.empty(room, dtype=np.uint8)
            length = lhe_block(
                out,
                texts,
                numbers,
                layout.first[part],
                layout.count[part],
                layout.label[part],
                xwgtup[part],
                events.pdg,
                events.status,
                events.p4,
                mass,
                events.x4,
                positions,
            )
            file.write(out[:length].data)
        file.write(_END + b"\n")


@contextlib.contextmanager
def open_text(path: Path, mode: str) -> Iterator[Any]:
    """A binary file, or a compressed one where the name ends in .gz.

    Neither name nor time go into it: equal content gives equal bytes.
    """
    with path.open(mode) as file:
        if path.suffix.lower() != ".gz":
            yield file
            return
        with gzip.GzipFile("", mode, compresslevel=1, fileobj=file, mtime=0) as packed:
            yield packed


def _require_two_beams(events: Events, layout: Layout) -> None:
    if not len(layout):
        raise MutauError("a Les Houches event file states its beams, and there are no events")
    beams = np.add.reduceat(events.status < 0, layout.first)
    if np.any(beams != 2):
        raise MutauError(
            f"an event has {int(beams[beams != 2][0])} incoming particles",
            allowed="2 (beam and target) in a Les Houches event file",
            remedy="add the target at rest with status -1, or write another format",
        )


def _weights(events: Events, layout: Layout) -> tuple[int, Array, float]:
    """IDWTUP, XWGTUP of each event, and Events.weight / XWGTUP."""
    sigma = cross_section_of(events.meta)
    if sigma is None:
        raise MutauError(
            "a Les Houches event file states a cross section, and these events have none",
            remedy="put 'sigma_pb' into their meta data, or write another format",
        )
    weight = layout.weight
    if np.all(weight == weight[0]) and weight[0] > 0.0:
        return _UNWEIGHTED, np.ones(len(weight)), float(weight[0])
    total = float(np.sum(weight))
    if total <= 0.0:
        raise MutauError(f"the weights of the events add up to {total:g}", allowed="a positive sum")
    factor = total / (len(weight) * sigma[0])
    return _WEIGHTED, weight / factor, factor


def _positions(events: Events, layout: Layout, plain_numbers: bool) -> int:
    """0: no position lines needed; 1: one per event; 2: one per particle."""
    shared = np.repeat(events.x4[layout.first], layout.count, axis=0)
    if not np.array_equal(shared, events.x4):
        return 2
    return 0 if plain_numbers and not np.any(events.x4) else 1


def _head(
    events: Events,
    layout: Layout,
    process_id: int,
    strategy: int,
    xwgtup: Array,
    factor: float,
) -> str:
    """Everything before the first event."""
    from mutau.sampling.event_files_text import float_text

    beams = []
    for place in (0, 1):
        rows = layout.first + place
        codes, numbers = np.unique(events.pdg[rows], return_counts=True)
        beams.append((int(codes[np.argmax(numbers)]), float(events.p4[rows, 0].max())))
    if "beam_energy_GeV" in events.meta:
        beams[0] = (beams[0][0], float(events.meta["beam_energy_GeV"]))
    sigma, error = cross_section_of(events.meta) or (0.0, 0.0)
    xmaxup = 1.0 if strategy == _UNWEIGHTED else float(np.abs(xwgtup).max())
    header = header_text(
        events.meta,
        mutau_version=__version__,
        weight_per_XWGTUP=factor,
        n_events=len(layout),
    )
    energies = " ".join(float_text(energy) for _, energy in beams)
    values = " ".join(float_text(value) for value in (sigma, error, xmaxup))
    return (
        '<LesHouchesEvents version="3.0">\n'
        "<!-- momenta, energies and masses in GeV, cross sections in pb; "
        "weight_per_XWGTUP times XWGTUP is the expected number in the full exposure -->\n"
        f"<header>\n<mutau>\n{html.escape(header, quote=False)}\n</mutau>\n</header>\n<init>\n"
        f"{beams[0][0]} {beams[1][0]} {energies} 0 0 0 0 {strategy} 1\n"
        f"{values} {process_id}\n"
        f'<generator name="mutau" version="{__version__}">mutau {__version__}</generator>\n'
        "</init>\n"
    )


# Reading


def read(path: Path) -> Events:
    """Read a Les Houches event file, our own or another program's.

    Status codes are kept as they stand (2 for an intermediate resonance); further weights and
    other blocks inside an event are passed over.
    Raises FileError if the file is foreign, damaged or cut off.
    """
    try:
        with open_text(path, "rb") as file:
            head, rest = _read_head(file, path)
            sigma, error = _cross_section(head, path)
            header = _own_header(head, path)
            parts = [_parse(text, path) for text in _blocks(file, rest, path)]
    except (OSError, EOFError, zlib.error) as problem:
        if isinstance(problem, FileError):
            raise
        raise damaged(path, problem) from problem
    if not parts:
        raise damaged(path, "it holds no event")
    return _assemble(path, parts, header, sigma, error)


def _read_head(file: BinaryIO, path: Path) -> tuple[bytes, bytes]:
    """Everything up to </init>, and what has been read beyond it."""
    text = b""
    while b"</init>" not in text:
        block = file.read(_BLOCK)
        if not block or (not text and b"<LesHouchesEvents" not in block[:4096]):
            raise damaged(path, "it has no <LesHouchesEvents> with an <init> block")
        text += block
    head, _, rest = text.partition(b"</init>")
    return head, rest


def _numbers(words: list[bytes], path: Path) -> Array:
    """The words as numbers. Raises FileError if one is none, or is not finite."""
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError as problem:
        raise damaged(path, problem) from problem
    if not np.all(np.isfinite(values)):
        raise damaged(path, "it holds a number that is not finite")
    return values


def _cross_section(head: bytes, path: Path) -> tuple[float, float]:
    """Sum of XSECUP and its error over the processes, pb."""
    text = re.sub(rb"<.*|#.*", b"", head.rpartition(b"<init")[2].partition(b">")[2])
    values = _numbers(text.split(), path)
    if len(values) < 14 or len(values) != 10 + 4 * int(values[9]):
        raise damaged(path, "its <init> block has the wrong length")
    process = values[10:].reshape(-1, 4)
    return float(process[:, 0].sum()), float(np.hypot.reduce(process[:, 1]))


def _own_header(head: bytes, path: Path) -> dict[str, Any]:
    """Our header, or an empty one for a file of another program."""
    match = re.search(rb"<mutau>(.*?)</mutau>", head, re.DOTALL)
    if match is None:
        return {}
    return header_of(html.unescape(match.group(1).decode()), path)


def _blocks(file: BinaryIO, rest: bytes, path: Path) -> Iterator[bytes]:
    """Texts of whole events, as they come. Raises FileError if the end is missing."""
    while True:
        block = file.read(_BLOCK)
        rest += block
        text, mark, tail = rest.rpartition(b"</event>")
        if mark:
            rest = tail
            yield text + mark
        if not block:
            break
    if rest.strip() != _END:
        raise damaged(path, "its end is missing")


_EVENT = re.compile(rb"<event\b[^>]*>\s*([^<#]*)([^<]*)(.*?)</event>\s*", re.DOTALL)
_X4 = re.compile(rb"#x4 ([^\n]*)")


def _parse(text: bytes, path: Path) -> tuple[Array, Array, Array, Array]:
    """Numbers of whole events: counts (M,), event lines (M, 6), particle lines (N, 13), and
    event number with position (N, 5), or none (0, 5).

    Each event is checked to hold as many numbers as its first one says.
    """
    words: list[bytes] = []
    lines: list[bytes] = []
    lengths, position = [], 0
    for match in _EVENT.finditer(text):
        if text[position : match.start()].strip():
            raise damaged(path, "there is something between its events")
        position = match.end()
        body = match.group(1).split()
        words += body
        lengths.append(len(body))
        lines += _X4.findall(match.group(2))
    if position != len(text):
        raise damaged(path, "there is something between its events")
    if 0 in lengths:
        raise damaged(path, "an event is empty")
    values = _numbers(words, path)
    start = np.cumsum([0, *lengths[:-1]])
    count = values[start].astype(np.int64)
    if np.any(count < 1) or not np.array_equal(6 + 13 * values[start], lengths):
        raise damaged(path, "an event has the wrong number of entries")
    is_line = np.zeros(len(values), dtype=bool)
    for column in range(6):
        is_line[start + column] = True
    x4 = _numbers(b" ".join(lines).split(), path)
    x4 = x4.reshape(-1, 5) if len(x4) % 5 == 0 else x4[:, None]
    if len(x4) == len(count):  # one line per event
        x4 = np.repeat(x4, count, axis=0)
    if len(x4) not in (0, count.sum()):
        raise damaged(path, "its positions are incomplete")
    return count, values[is_line].reshape(-1, 6), values[~is_line].reshape(-1, 13), x4


def _assemble(
    path: Path,
    parts: list[tuple[Array, Array, Array, Array]],
    header: dict[str, Any],
    sigma: float,
    error: float,
) -> Events:
    """Events out of the numbers of all blocks."""
    count, line, particle = (np.concatenate([part[i] for part in parts]) for i in range(3))
    n_events, n_rows = len(count), len(particle)
    integer = particle[:, :2]
    if np.any(integer != np.rint(integer)) or np.any(np.abs(integer[:, 1]) > 9):
        raise damaged(path, "a PDG or status code is not one")
    xwgtup = line[:, 2]
    if header:
        factor, meta = header.get("weight_per_XWGTUP"), header["meta"]
    else:
        total = float(xwgtup.sum())
        factor = sigma / total if total else None
        meta = {"sigma_pb": sigma, "sigma_err_pb": error}
    if not isinstance(factor, float | int):
        raise damaged(path, "its weights have no normalisation")
    event, x4 = np.repeat(np.arange(n_events), count), np.zeros((n_rows, 4))
    lines = [part[3] for part in parts if len(part[3])]
    if lines:
        if len(lines) != len(parts):
            raise damaged(path, "its positions are incomplete")
        positions = np.concatenate(lines)
        event, x4 = positions[:, 0], positions[:, 1:]
    return events_from(
        path,
        integer[:, 0],
        event,
        integer[:, 1],
        particle[:, [9, 6, 7, 8]],
        x4,
        np.repeat(xwgtup * factor, count),
        meta,
    )
