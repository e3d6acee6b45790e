"""Les Houches event files, version 3.0 (hep-ph/0109068, hep-ph/0609017, arXiv:1405.1067).

Weights. `Events.weight` is the expected number in the full exposure, XWGTUP a cross section. The
events of a file stand for the whole of `sigma_pb`, so that the exposure is sum(weight)/sigma_pb.

- All weights equal: IDWTUP = 3, every XWGTUP = 1, the cross section stands in XSECUP.
- Else: IDWTUP = -4, XWGTUP = weight * n_events * sigma_pb / sum(weight) in pb: the mean of XWGTUP
  is the cross section (negative weights are allowed, hence the sign).

The header states `weight_per_XWGTUP`, with which `read` gives the expected numbers back, also from
a file of which somebody kept a part of the events only. How the weights of another program's file
are read stands in `lhe_weights`.

Beams. IDBMUP is the most frequent species of the first and of the second incoming row; EBMUP the
largest energy among them, or `beam_energy_GeV` of the meta data for the beam.

Rows. Beam and target (at rest) are the two incoming particles, status -1; every outgoing particle
has both as mothers. The mass column holds the masses of `masses_of`; lifetime 0, spin 9 (unknown),
no colour. SCALUP, AQEDUP (unless the meta data holds `alpha`) and AQCDUP are -1: not stated.
Positions, and event numbers other than 0, 1, 2 ..., travel as `#x4 event ct x y z` lines (cm)
behind the particles, where the accord leaves room for comments.

Writing and reading go through pylhe, reading after the strict look of `lhe_text`.
"""

from __future__ import annotations

import io
import warnings
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mutau._version import __version__
from mutau.core.errors import FileError, MutauError
from mutau.core.types import Events
from mutau.io.layout import (
    Layout,
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
from mutau.io.lhe_text import CheckedText
from mutau.io.lhe_weights import UNWEIGHTED, WEIGHTED, LheProcess, LheSample, weights_of
from mutau.io.packed import open_text

Array = np.ndarray

_MM_TO_CM = 0.1
_NOT_STATED = -1.0
_UNKNOWN_SPIN = 9.0
_RESONANCES = (2, 3)
#: Events that are turned into arrays at once.
_EVENTS_AT_ONCE = 8192


def write(events: Events, path: Path, process_id: int, progress: Progress | None) -> None:
    """Write a Les Houches event file, compressed if the name ends in .gz.

    Every number has as many digits as it takes to read the same bits back.
    Raises MutauError without `sigma_pb` in the meta data, without events, or if an event has not
    exactly two incoming particles.
    """
    import pylhe

    events = beams_first(events)
    layout = layout_of(events)
    _require_two_beams(events, layout)
    strategy, xwgtup, factor = _weights(events, layout)
    header = ET.Element("mutau")
    header.text = header_text(
        events.meta, mutau_version=__version__, weight_per_XWGTUP=factor, n_events=len(layout)
    )
    listed = _listed(events, layout, xwgtup, process_id, progress)
    file = pylhe.LHEFile(
        init=_init(events, layout, process_id, strategy, xwgtup),
        events=listed,
        header=pylhe.LHEHeader(initrwgt=pylhe.LHEInitRWGT(), extra_elements=[header]),
        comment="momenta, energies and masses in GeV, cross sections in pb; "
        "weight_per_XWGTUP times XWGTUP is the expected number in the full exposure",
    )
    with open_text(path, "wb") as raw, io.TextIOWrapper(raw, "utf-8", newline="\n") as text:
        file.write(text, lheformat=_text_format())
        text.write("\n")


def _text_format() -> Any:
    """How pylhe writes each line: the shortest text that gives the same float64 back."""
    import pylhe

    return pylhe.LHEXMLFormat(
        indent="",
        weights=pylhe.LHEWeightFormat.NONE,
        eventinfo="{nparticles} {pid} {weight!r} {scale!r} {aqed!r} {aqcd!r}",
        particle="{id} {status} {mother1} {mother2} {color1} {color2} "
        "{px!r} {py!r} {pz!r} {e!r} {m!r} {lifetime!r} {spin!r}",
        initinfo="{beamA} {beamB} {energyA!r} {energyB!r} {PDFgroupA} {PDFgroupB} "
        "{PDFsetA} {PDFsetB} {weightingStrategy} {numProcesses}",
        procinfo="{xSection!r} {error!r} {unitWeight!r} {procId}",
    )


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
        return UNWEIGHTED, np.ones(len(weight)), float(weight[0])
    total = float(np.sum(weight))
    if total <= 0.0:
        raise MutauError(f"the weights of the events add up to {total:g}", allowed="a positive sum")
    factor = total / (len(weight) * sigma[0])
    return WEIGHTED, weight / factor, factor


def _positions(events: Events, layout: Layout) -> int:
    """0: no position lines needed; 1: one per event; 2: one per particle."""
    shared = np.repeat(events.x4[layout.first], layout.count, axis=0)
    if not np.array_equal(shared, events.x4):
        return 2
    plain_numbers = np.array_equal(layout.label, np.arange(len(layout)))
    return 0 if plain_numbers and not np.any(events.x4) else 1


def _init(events: Events, layout: Layout, process_id: int, strategy: int, xwgtup: Array) -> Any:
    """The <init> block: beams, cross section, weights."""
    import pylhe

    beams = []
    for place in (0, 1):
        rows = layout.first + place
        codes, numbers = np.unique(events.pdg[rows], return_counts=True)
        beams.append((int(codes[np.argmax(numbers)]), float(events.p4[rows, 0].max())))
    energy = float(events.meta.get("beam_energy_GeV", beams[0][1]))
    sigma, error = cross_section_of(events.meta) or (0.0, 0.0)
    xmaxup = 1.0 if strategy == UNWEIGHTED else float(np.abs(xwgtup).max())
    text = f"mutau {__version__}"
    return pylhe.LHEInit(
        initInfo=pylhe.LHEInitInfo(
            beams[0][0], beams[1][0], energy, beams[1][1], 0, 0, 0, 0, strategy, 1
        ),
        procInfo=[pylhe.LHEProcInfo(sigma, error, xmaxup, process_id)],
        generators=[pylhe.LHEGenerator("mutau", __version__, text)],
    )


def _listed(
    events: Events, layout: Layout, xwgtup: Array, process_id: int, progress: Progress | None
) -> Iterator[Any]:
    """The events as pylhe holds them, one after the other."""
    from pylhe import LHEEvent, LHEEventInfo, LHEParticle

    lines = _positions(events, layout)
    aqed = float(events.meta.get("alpha") or _NOT_STATED)
    mass = masses_of(events)
    for part in chunks(layout, progress, "writing events"):
        count = layout.count[part]
        start = int(layout.first[part.start])
        rows = slice(start, start + int(count.sum()))
        columns = (events.pdg[rows], events.status[rows], *events.p4[rows].T, mass[rows])
        row = zip(*(column.tolist() for column in columns), strict=True)
        at = start
        for i, (n, weight) in enumerate(zip(count.tolist(), xwgtup[part].tolist(), strict=True)):
            particles = []
            for pdg, status, e, px, py, pz, m in islice(row, n):
                mothers = (0, 0) if status < 0 else (1, 2)
                particles.append(
                    LHEParticle(pdg, status, *mothers, 0, 0, px, py, pz, e, m, 0.0, _UNKNOWN_SPIN)
                )
            info = LHEEventInfo(n, process_id, weight, _NOT_STATED, aqed, _NOT_STATED)
            label = int(layout.label[part.start + i])
            comments = [
                f"#x4 {label} " + " ".join(map(repr, x4))
                for x4 in events.x4[at : at + (0, 1, n)[lines]].tolist()
            ]
            at += n
            yield LHEEvent(info, particles, optional=comments)


# Reading


class _Columns(NamedTuple):
    """What the events of a file hold, M events and N particles.

    n_rows, process, label : (M,) int64; particles, IDPRUP, event number (-1: none).
    xwgtup, trials : (M,) float64; trials: what the event took, 1 where not stated.
    row : (N, 6) float64; pdg, status, E, px, py, pz.
    x4 : (N, 4) float64, cm.
    """

    n_rows: Array
    process: Array
    label: Array
    xwgtup: Array
    trials: Array
    row: Array
    x4: Array


def read(path: Path) -> Events:
    """Read a Les Houches event file, our own or another program's.

    Status codes are kept as they stand (2 for an intermediate resonance). Lifetimes of such
    resonances (VTIMUP) displace what they decay into. Further weights of an event are variations
    of XWGTUP and are passed over.
    Raises FileError, with line and event, if the file is foreign, damaged or cut off, or holds what
    could change a number and is not understood.
    """
    import pylhe

    try:
        with (
            open_text(path, "rb") as file,
            CheckedText(file, path) as text,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("error", RuntimeWarning)  # how pylhe tells that it gave up
            listed = pylhe.LHEFile.frombuffer(text)
            header = _own_header(listed, path)
            parts = []
            events = iter(listed.events)
            while block := list(islice(events, _EVENTS_AT_ONCE)):
                parts.append(_columns(block, path))
    except (OSError, EOFError, zlib.error) as problem:
        raise damaged(path, problem) from problem
    except FileError:
        raise
    except (ValueError, IndexError, RuntimeWarning, ET.ParseError) as problem:
        raise damaged(path, f"pylhe: {problem}") from problem
    if not parts:
        raise damaged(path, "it holds no event")
    columns = _Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return _assemble(path, columns, header, listed.init)


def _own_header(file: Any, path: Path) -> dict[str, Any]:
    """Our header, or an empty one for a file of another program."""
    if file.header is None:
        return {}
    (element,) = file.header.extra_elements
    return header_of("".join(element.itertext()), path)


def _columns(events: list[Any], path: Path) -> _Columns:
    """The numbers of some events."""
    rows, x4, labels = [], [], []
    for event in events:
        listed = event.particles
        rows += [(p.id, p.status, p.e, p.px, p.py, p.pz) for p in listed]
        if event.optional:
            label, places = _own_positions(event, path)
        else:
            label, places = -1, _decay_places(listed, path)
        labels.append(label)
        x4 += places
    info = [event.eventinfo for event in events]
    return _Columns(
        np.array([len(event.particles) for event in events]),
        np.array([i.pid for i in info], dtype=np.float64).astype(np.int64),
        np.array(labels, dtype=np.int64),
        np.array([i.weight for i in info]),
        np.array([float(event.attributes["trials"]) for event in events]),
        np.array(rows, dtype=np.float64),
        np.array(x4, dtype=np.float64),
    )


def _own_positions(event: Any, path: Path) -> tuple[int, list[list[float]]]:
    """Event number and place of each particle (cm) from the lines that we write."""
    n, lines = len(event.particles), [line.split()[1:] for line in event.optional]
    try:
        labels = {int(line[0]) for line in lines}
    except ValueError as problem:
        raise damaged(path, f"an event number of a #x4 line: {problem}") from problem
    if len(lines) not in (1, n) or len(labels) > 1:
        raise damaged(path, f"event {min(labels)}: {len(lines)} positions of {n} particles")
    places = [[float(word) for word in line[1:]] for line in lines]
    return labels.pop(), places * n if len(places) == 1 else places


def _decay_places(particles: list[Any], path: Path) -> list[list[float]]:
    """Production point (c t, x, y, z), cm, of each particle: where its mothers have decayed.

    VTIMUP is c tau in mm: the decay lies at c tau (E, p)/m from the production.
    """
    places = [[0.0] * 4 for _ in particles]
    if not any(p.lifetime for p in particles if p.status in _RESONANCES):
        return places
    for i, particle in enumerate(particles):
        at = particle.mother1 - 1
        if at < 0:
            continue
        if at >= i:
            raise damaged(path, f"a particle stands before its mother {at + 1}, which lives on")
        mother = particles[at]
        places[i] = list(places[at])
        if mother.lifetime and mother.status in _RESONANCES:
            if not (mother.lifetime > 0.0 and mother.m > 0.0):
                raise damaged(
                    path, f"lifetime {mother.lifetime:g} mm of a mass of {mother.m:g} GeV"
                )
            scale = mother.lifetime * _MM_TO_CM / mother.m
            p4 = (mother.e, mother.px, mother.py, mother.pz)
            places[i] = [x + scale * p for x, p in zip(places[at], p4, strict=True)]
    return places


def _assemble(path: Path, columns: _Columns, header: dict[str, Any], init: Any) -> Events:
    """Events out of the numbers of all blocks."""
    processes = [LheProcess(p.xSection, p.error, p.procId) for p in init.procInfo]
    strategy = init.initInfo.weightingStrategy
    if not np.all(np.isfinite(columns.xwgtup)):
        raise damaged(path, "an XWGTUP is not finite")
    if header:
        weight = columns.xwgtup * _own_factor(header, processes, strategy, path)
        meta = header["meta"]
    else:
        sample = LheSample(columns.xwgtup, columns.process, columns.trials)
        weight, sigma, error = weights_of(path, strategy, processes, sample)
        meta = {"sigma_pb": sigma, "sigma_err_pb": error}
    numbers = columns.label
    if np.any(numbers < 0):
        numbers = np.arange(len(numbers))
    count = columns.n_rows
    if np.any(np.abs(columns.row[:, 1]) > 9):
        raise damaged(path, "a status code is not one")
    return events_from(
        path,
        columns.row[:, 0],
        np.repeat(event_numbers(numbers), count),
        columns.row[:, 1],
        columns.row[:, 2:],
        columns.x4,
        np.repeat(weight, count),
        meta,
    )


def _own_factor(
    header: dict[str, Any], processes: list[LheProcess], strategy: int, path: Path
) -> float:
    """`weight_per_XWGTUP` of our header, if the rest of the file still says the same."""
    factor = header.get("weight_per_XWGTUP")
    if isinstance(factor, bool) or not isinstance(factor, float | int) or not factor > 0.0:
        raise damaged(path, f"weight_per_XWGTUP of its header is {factor!r}")
    stated = cross_section_of(header["meta"])
    found = (strategy, [process.xsecup for process in processes])
    if stated is None or strategy not in (UNWEIGHTED, WEIGHTED) or found[1] != [stated[0]]:
        raise damaged(
            path,
            f"IDWTUP and XSECUP are {found}, not what its header says: {stated and stated[0]} pb",
        )
    return float(factor)
