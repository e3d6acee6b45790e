"""Beam particles from a phase-space file, as a simulation of a beam line leaves one.

CSV      a header `x_cm,y_cm,px_GeV,py_GeV,pz_GeV`, in any order; `z_cm`, `pdg`, `weight` if known
Parquet  columns of the same names, or those of the package's own event files (x, y, z, px, py, pz,
         pdg, status, weight), of which the final ones (status 1) count
HepMC    .hepmc, .hepmc3, .hepmc.gz, .hepmc3.gz: the final particles (status 1) of every event, at
         their production vertices; a beam particle that is scattered on its way is one particle

The unit behind the last underscore of a name may be another (`x_mm`, `px_MeV`); units that metadata
or a comment state beside it must agree. Other columns are passed over, except those that look like
a weight, a particle or a status under another name: they would change the number, and are refused.
Particles without z start at the entrance of the set-up. They are used in the order of the file, and
from its beginning again when a run needs more than it holds.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import FileError, MissingExtra, MutauError, UnitError
from mutau.core.reading import open_regular, plain_number
from mutau.core.storage import digest, file_digest
from mutau.core.units import other_units, parse_quantity
from mutau.transport.beam import LOWEST_MOMENTUM, BeamMuons, BeamSource

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = NDArray[np.float64]

REQUIRED: Final = ("x_cm", "y_cm", "px_GeV", "py_GeV", "pz_GeV")
OPTIONAL: Final = ("z_cm", "pdg", "weight")
#: Names in the package's own event files.
_EVENT_NAMES: Final = {
    "x": "x_cm", "y": "y_cm", "z": "z_cm", "px": "px_GeV", "py": "py_GeV", "pz": "pz_GeV",
    "pdg": "pdg", "weight": "weight",
}  # fmt: skip
#: Codes of the particles that a beam may consist of.
PDG: Final = {"mu-": 13, "mu+": -13}
SUFFIXES: Final = (".csv", ".parquet", ".hepmc", ".hepmc.gz", ".hepmc3", ".hepmc3.gz")
#: Status of a particle that leaves its event, in event files.
FINAL: Final = 1
#: Columns with a unit, and its dimension; those without.
_DIMENSIONS: Final = {
    **dict.fromkeys(("x", "y", "z"), "length"), **dict.fromkeys(("px", "py", "pz"), "energy"),
}  # fmt: skip
_PLAIN: Final = ("pdg", "weight")
#: Names that would change the number under another name than ours.
_LIKE_OURS: Final = re.compile(
    r"^(?:pdg.*|pid|particle_?id|.*weights?|wgts?|wts?|w|status|prescale|charge)$", re.IGNORECASE
)
_UNITS_SAID: Final = re.compile(r"^#\s*units?\b\s*[:=]?(.*)$", re.IGNORECASE)
#: Longest line of a CSV file, characters.
_LONGEST: Final = 100_000
#: The median momentum may differ from the energy of the experiment's beam by this, relatively; the
#: median distance from the middle of the beam on target may be this many of its stated spots.
_MOMENTUM: Final = 0.25
_SPOTS: Final = 5.0


def _columns_of(path: Path, names: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Our name of each column that counts -> its place in the file, and its factor to cm or GeV.

    Raises MutauError for a column that stands twice, in one unit or two, for an unknown unit, and
    for names that would change the number if they were ours.
    """
    found: dict[str, tuple[int, float]] = {}
    place = f"{path}: header"
    for index, name in enumerate(names):
        stem, _, unit = name.rpartition("_")
        if name in _PLAIN:
            ours, factor = name, 1.0
        elif stem in _DIMENSIONS:
            try:
                factor = parse_quantity(f"1 {unit}", _DIMENSIONS[stem])
            except UnitError as error:
                raise MutauError(f"{name!r}: {error.message}", place=place,
                                 allowed=", ".join((*REQUIRED, *OPTIONAL))) from None  # fmt: skip
            ours = f"{stem}_cm" if _DIMENSIONS[stem] == "length" else f"{stem}_GeV"
        elif _LIKE_OURS.match(name):
            raise MutauError(
                f"the column {name!r} is not used, but may change the number", place=place,
                allowed=", ".join((*REQUIRED, *OPTIONAL)), remedy="rename it, or leave it out",
            )  # fmt: skip
        else:
            continue
        if ours in found:
            raise MutauError(f"the column {ours!r} stands twice", place=place)
        found[ours] = index, factor
    _missing(path, list(names), found)
    return found


def _missing(path: Path, names: list[str], found: Iterable[str]) -> None:
    for name in REQUIRED:
        if name not in found:
            raise MutauError(
                f"the column {name!r} is missing",
                place=f"{path}: header",
                allowed=", ".join((*REQUIRED, *OPTIONAL)),
                remedy=f"the file has {', '.join(names)[:400] or 'no header'}",
            )


def _lines(path: Path, file: Iterable[str], said: list[str]) -> Iterator[str]:
    """Lines that are no comments; what comments say about units goes into `said`."""
    for line in file:
        if len(line) > _LONGEST:
            raise FileError(f"a line of {str(path)!r} is longer than {_LONGEST} characters")
        if not line.startswith("#"):
            yield line
        elif match := _UNITS_SAID.match(line):
            said.append(match[1].strip())


def _read_csv(path: Path) -> dict[str, Array]:
    said: list[str] = []
    with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as file:
        try:
            text = iter(lambda: file.readline(_LONGEST + 1), "")
            lines = csv.reader(_lines(path, text, said))
            names = [name.strip() for name in next(lines, [])]
            order = _columns_of(path, names)
            held = {name: array("d") for name in order}
            for number, line in enumerate(lines, 1):
                if line:
                    _add(held, order, line, len(names), f"{path}: row {number}")
        except UnicodeDecodeError as error:
            raise FileError(
                f"{str(path)!r} is not UTF-8 ({error.reason}): another encoding (Latin-1)?",
                remedy="convert it, for example with 'iconv -f latin1 -t utf-8'",
            ) from None
        except csv.Error as error:
            raise FileError(f"{str(path)!r} is no CSV file ({error})") from None
    _check_said(path, said, {name.rpartition("_")[2] for name in names if "_" in name})
    return {name: order[name][1] * np.array(column) for name, column in held.items()}


def _add(
    held: Mapping[str, array[float]], order: Mapping[str, tuple[int, float]], line: list[str],
    width: int, place: str,
) -> None:  # fmt: skip
    """Put the numbers of one row into the columns. Raises MutauError."""
    if len(line) != width:
        raise MutauError(f"{len(line)} values, {width} columns", place=place)
    for name, (index, _) in order.items():
        try:
            held[name].append(plain_number(line[index]))
        except ValueError as error:
            raise MutauError(str(error), place=f"{place}: {name}") from None


def _check_said(path: Path, said: Iterable[str], units: set[str]) -> None:
    """Raise MutauError if a comment or metadata name a unit that the header does not."""
    for text in said:
        if other_units(text, units, "length", "energy"):
            raise MutauError(
                f"units {text[:100]!r} are stated beside the header, which says "
                f"{', '.join(sorted(units))}",
                place=str(path), remedy="state units in the names of the columns alone",
            )  # fmt: skip


def _read_parquet(path: Path) -> dict[str, Array]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("reading Parquet", "io") from error
    try:
        with open_regular(path) as file:
            table = pq.ParquetFile(file, page_checksum_verification=True).read()
    except (OSError, pa.ArrowException, ValueError) as error:
        raise FileError(f"{str(path)!r} is not a readable Parquet file ({error})") from None
    names = list(table.column_names)
    for name in names:
        if names.count(name) > 1:
            raise MutauError(f"the column {name!r} stands twice", place=f"{path}: header")
    own = {"px", "status"} <= set(names) and not any(name.startswith("x_") for name in names)
    if own:
        order = {new: (names.index(old), 1.0) for old, new in _EVENT_NAMES.items() if old in names}
        _missing(path, names, order)
    else:
        order = _columns_of(path, names)
    units = {"cm", "GeV"} if own else {names[i].rpartition("_")[2] for i, _ in order.values()}
    _check_said(path, _units_said(table.schema.metadata), units)
    columns = {
        name: factor * _numbers(path, table, index, name) for name, (index, factor) in order.items()
    }
    if not own:
        return columns
    final = _numbers(path, table, names.index("status"), "status") == FINAL
    return {name: column[final] for name, column in columns.items()}


def _units_said(metadata: Mapping[bytes, bytes] | None) -> list[str]:
    """What metadata of a file or of a column say about units."""
    items = (metadata or {}).items()
    return [said.decode("utf-8", "replace") for key, said in items if b"unit" in key.lower()]


def _numbers(path: Path, table: Any, index: int, name: str) -> Array:
    """One column of numbers, nulls as NaN. Raises MutauError for another type, or another unit."""
    import pyarrow as pa

    column, field = table.column(index), table.schema.field(index)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise MutauError(f"{field.name!r} holds {column.type}, not numbers", place=str(path))
    unit = field.name.rpartition("_")[2] if "_" in field.name else name.rpartition("_")[2]
    _check_said(path, _units_said(field.metadata), {unit})
    return np.asarray(column.to_numpy(), float)


def _read_hepmc(path: Path) -> dict[str, Array]:
    from mutau.io.event_files import read_events

    events = read_events(path)
    events = events.select(events.status == FINAL)
    columns = dict(zip(("x_cm", "y_cm", "z_cm"), events.x4[:, 1:].T, strict=True))
    columns |= zip(("px_GeV", "py_GeV", "pz_GeV"), events.p4[:, 1:].T, strict=True)
    return {**columns, "pdg": events.pdg.astype(float), "weight": events.weight}


def _check(path: Path, columns: Mapping[str, Array]) -> None:
    """Every number finite, every particle a muon that goes forward. Raises MutauError."""
    if not len(columns["x_cm"]):
        raise MutauError("the file holds no particles", place=str(path))
    for name, values in columns.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise MutauError(
                f"{values[bad[0]]} is not finite ({bad.size} such values)",
                place=f"{path}: row {bad[0] + 1}: {name}",
                remedy="repair or drop these rows",
            )
    rules = [("pz_GeV", columns["pz_GeV"] > LOWEST_MOMENTUM, f"above {LOWEST_MOMENTUM} GeV")]
    if "weight" in columns:
        rules.append(("weight", columns["weight"] >= 0.0, "0 and above"))
    if "pdg" in columns:
        rules.append(("pdg", np.abs(columns["pdg"]) == 13.0, "13 or -13: the simulation of muons"))
    for name, ok, allowed in rules:
        bad = np.flatnonzero(~ok)
        if bad.size:
            raise MutauError(
                f"{columns[name][bad[0]]:g} ({bad.size} such rows)",
                place=f"{path}: row {bad[0] + 1}: {name}",
                allowed=allowed,
            )
    if "weight" in columns and not np.any(columns["weight"]):
        raise MutauError("all weights are 0", place=f"{path}: weight")


@lru_cache(maxsize=4)
def _read(path: Path, changed: int, size: int) -> tuple[dict[str, Array], str, str]:
    """Columns, their digest, and that of the file."""
    held, name = file_digest(path), path.name.lower()
    if name.endswith(".csv"):
        columns = _read_csv(path)
    elif name.endswith(".parquet"):
        columns = _read_parquet(path)
    else:
        columns = _read_hepmc(path)
    _check(path, columns)
    return columns, digest(columns), held


def read_beam(
    path: str | Path, particle: str | None = None, held: str = ""
) -> tuple[dict[str, Array], str]:
    """Columns of a phase-space file (cm, GeV), checked, and their digest.

    particle : of the beam; a file that says `pdg` may then hold no other muons, since the field
    bends all of them to one side. None, or no muon: either sign. held : digest of the file when the
    experiment was loaded; another content is refused. "": any.
    Raises FileError for a file that is missing, damaged or of another kind, MutauError naming row
    and column for a missing column, a value that is not finite, or a particle that is no muon on
    its way forward; MissingExtra without pyarrow or pyhepmc.
    """
    path = Path(path)
    if not path.name.lower().endswith(SUFFIXES):
        raise FileError(
            f"{path.name!r} is not the name of a phase-space file",
            place="beam/phase_space", allowed=", ".join(SUFFIXES),
        )  # fmt: skip
    if not path.is_file():
        raise FileError(
            f"there is no file {str(path)!r}", place="beam/phase_space",
            remedy="a relative path starts in the folder of the experiment file",
        )  # fmt: skip
    state = path.stat()
    columns, found, now = _read(path, state.st_mtime_ns, state.st_size)
    if held and now != held:
        raise MutauError(
            f"{str(path)!r} has changed since the experiment was loaded",
            place="beam/phase_space", remedy="load the experiment again",
        )  # fmt: skip
    if particle in PDG:
        _one_kind(path, columns, particle)
    return columns, found


def _one_kind(path: Path, columns: Mapping[str, Array], particle: str) -> None:
    wanted = PDG[particle]
    bad = np.flatnonzero(columns.get("pdg", np.array([wanted])) != wanted)
    if bad.size:
        raise MutauError(
            f"{columns['pdg'][bad[0]]:g} ({bad.size} such rows) is not the {particle} of the beam",
            place=f"{path}: row {bad[0] + 1}: pdg",
            allowed=f"{wanted}",
            remedy="drop these rows, or change beam/particle",
        )


def _median(values: Array, weight: Array) -> float:
    """Weighted median."""
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())])


def check_beam(experiment: Experiment) -> None:
    """Compare the phase-space file of an experiment with what else the file says of its beam.

    Particle, energy (median momentum), place along the beam, distance from the middle on target:
    a file in other units, of another beam or behind the target shows by them.
    Raises MutauError for what does not fit, and as `read_beam`.
    """
    beam, target = experiment.beam, experiment.target
    if not beam.phase_space:
        return
    path = Path(beam.phase_space)
    columns, _ = read_beam(path, beam.particle, beam.phase_space_digest)
    weight = columns.get("weight", np.ones(len(columns["x_cm"])))
    px, py, pz = (columns[name] for name in ("px_GeV", "py_GeV", "pz_GeV"))
    momentum = _median(np.sqrt(px**2 + py**2 + pz**2), weight)
    if abs(momentum / beam.energy - 1.0) > _MOMENTUM:
        raise MutauError(
            f"the median momentum is {momentum:.4g} GeV, beam/energy is {beam.energy:g} GeV",
            place=str(path), allowed=f"{_MOMENTUM:.0%} apart",
            remedy="state the unit of the file in its header (px_MeV), or change beam/energy",
        )  # fmt: skip
    z = columns.get("z_cm")
    if z is not None and _median(z, weight) > target.z:
        raise MutauError(
            f"the particles start at z = {_median(z, weight):.4g} cm, behind the target's face at "
            f"{target.z:g} cm",
            place=str(path), remedy="check the unit and the origin of z",
        )  # fmt: skip
    flight = 0.0 if z is None else target.z - z
    for axis, slope, spot in (("x", px / pz, beam.spot_x), ("y", py / pz, beam.spot_y)):
        there = columns[f"{axis}_cm"] + flight * slope
        spread = _median(np.abs(there - _median(there, weight)), weight)
        if spot > 0.0 and spread > _SPOTS * spot:
            raise MutauError(
                f"half of the particles are more than {spread:.3g} cm from the middle in {axis}, "
                f"beam/spot_{axis} is {spot:g} cm",
                place=str(path), allowed=f"{_SPOTS:g} spots",
                remedy=f"state the unit of the file in its header ({axis}_mm), or change the spot",
            )  # fmt: skip


def file_beam(
    path: str | Path, start: float, particle: str | None = None, held: str = ""
) -> BeamSource:
    """Source that gives the particles of a file, one after the other.

    start : z (cm) for particles without one; all are carried there on straight lines. particle,
    held : as in `read_beam`.
    Raises as `read_beam`.
    """
    columns, _ = read_beam(path, particle, held)
    z = columns.get("z_cm", np.full(len(columns["x_cm"]), start))
    pz = columns["pz_GeV"]
    tx, ty = columns["px_GeV"] / pz, columns["py_GeV"] / pz
    x = columns["x_cm"] + (start - z) * tx
    y = columns["y_cm"] + (start - z) * ty
    p = np.sqrt(columns["px_GeV"] ** 2 + columns["py_GeV"] ** 2 + pz**2)
    weight = columns.get("weight", np.ones(len(x)))

    def take(n: int, rng: np.random.Generator, first: int) -> BeamMuons:
        rows = (first + np.arange(n)) % len(x)
        return BeamMuons(
            x[rows], y[rows], tx[rows], ty[rows], p[rows], weight[rows], start,
            np.zeros(n, np.int64),
        )  # fmt: skip

    return take


def source_digest(path: str | Path | None) -> str:
    """Digest of a phase-space file's particles, "" for none; for manifests."""
    return read_beam(path)[1] if path else ""
