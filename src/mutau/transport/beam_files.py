"""Beam particles from a phase-space file, as a simulation of a beam line leaves one.

CSV      a header `x_cm,y_cm,px_GeV,py_GeV,pz_GeV`, in any order; `z_cm`, `pdg`, `weight` if known
Parquet  columns of the same names, or those of the package's own event files (x, y, z, px, py, pz,
         pdg, status, weight), of which the final ones (status 1) count
HepMC    .hepmc, .hepmc3, .hepmc.gz, .hepmc3.gz: the final particles (status 1) of every event, at
         their production vertices; a beam particle that is scattered on its way is one particle

Particles without z start at the entrance of the set-up. They are used in the order of the file, and
from its beginning again when a run needs more than it holds.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import FileError, MissingExtra, MutauError
from mutau.core.storage import digest, file_digest
from mutau.transport.beam import LOWEST_MOMENTUM, BeamMuons, BeamSource

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


def _missing(path: Path, names: list[str]) -> None:
    for name in REQUIRED:
        if name not in names:
            raise MutauError(
                f"the column {name!r} is missing",
                place=f"{path}: header",
                allowed=", ".join((*REQUIRED, *OPTIONAL)),
                remedy=f"the file has {', '.join(names) or 'no header'}",
            )


def _read_csv(path: Path) -> dict[str, Array]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(line for line in file if not line.startswith("#"))
        names = [name.strip() for name in next(lines, [])]
        _missing(path, names)
        columns: list[list[float]] = [[] for _ in names]
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            if len(line) != len(names):
                raise MutauError(
                    f"{len(line)} values, {len(names)} columns", place=f"{path}: row {number}"
                )
            for name, column, text in zip(names, columns, line, strict=True):
                try:
                    column.append(float(text))
                except ValueError:
                    raise MutauError(
                        f"{text!r} is not a number", place=f"{path}: row {number}: {name}"
                    ) from None
    return {name: np.array(column) for name, column in zip(names, columns, strict=True)}


def _read_parquet(path: Path) -> dict[str, Array]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("reading Parquet", "io") from error
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"{str(path)!r} is not a readable Parquet file ({error})") from None
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    if "x_cm" not in columns and {"px", "status"} <= columns.keys():
        outgoing = columns["status"] == FINAL
        columns = {
            new: columns[old][outgoing] for old, new in _EVENT_NAMES.items() if old in columns
        }
    _missing(path, list(columns))
    known = (*REQUIRED, *OPTIONAL)
    return {name: np.asarray(v, float) for name, v in columns.items() if name in known}


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
    for name, fine, allowed in rules:
        bad = np.flatnonzero(~fine)
        if bad.size:
            raise MutauError(
                f"{columns[name][bad[0]]:g} ({bad.size} such rows)",
                place=f"{path}: row {bad[0] + 1}: {name}",
                allowed=allowed,
            )


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
