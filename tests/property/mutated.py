"""Damaged copies of good files, for readers that must not trip over them.

Run as a program for large numbers: `python tests/property/mutated.py 100000 [reader ...]` reads as
many damaged files with each reader, within 1 GB, and prints what became of them.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mutau.core.errors import MutauError

#: Memory of the program, bytes.
MEMORY = 10**9
#: Tokens that stand for other numbers, or for none, in some reader.
TOKENS = (
    *b"nan inf -1 0 1e999 1e-999 0_2 010 1:30 yes null {} [] *a &a MeV pb 10**-3 [ ] # , ;".split(),
    *b"true g mass_GeV weight x_cm - <<: 1.5 2 ~ 1e3 \" ''".split(),
    b"# cl: 0.5", b"!!float x", b"\t", b"\n\n", b"\x00", b"\xe9", b"\xef\xbb\xbf", b"1" * 400,
    b"---\n", b"  ", b": ", b"&a x",
)  # fmt: skip
_WORD = re.compile(rb"[A-Za-z0-9_.+-]+")


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with one to three changes: bits, cuts, doublings, swaps of words and lines."""
    for _ in range(min(rng.geometric(0.7), 3)):
        data = _CHANGES[rng.integers(len(_CHANGES))](data, rng)
    return data


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    if not data:
        return data
    at = int(rng.integers(len(data)))
    return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    low, high = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return data[:low] + data[high:] if high - low < len(data) // 3 else data[:high]


def _double(data: bytes, rng: np.random.Generator) -> bytes:
    low, high = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return data[:high] + data[low:]


def _token(data: bytes, rng: np.random.Generator) -> bytes:
    words = list(_WORD.finditer(data))
    if not words:
        return data
    word = words[rng.integers(len(words))]
    return data[: word.start()] + TOKENS[rng.integers(len(TOKENS))] + data[word.end() :]


def _word(data: bytes, rng: np.random.Generator) -> bytes:
    words = list(_WORD.finditer(data))
    if not words:
        return data
    one, other = (words[i] for i in rng.integers(len(words), size=2))
    return data[: one.start()] + other[0] + data[one.end() :]


def _lines(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    one, other = rng.integers(len(lines), size=2)
    if rng.integers(2):
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines.insert(int(one), lines[other])
    return b"".join(lines)


_CHANGES: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _flip, _cut, _double, _token, _token, _word, _lines,
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """A reader under test. good : files as (name, bytes). read : path -> what it makes of it.

    numbers : the numbers of a result that a limit or a run would rest on.
    """

    good: tuple[tuple[str, bytes], ...]
    read: Callable[[Path], Any]
    numbers: Callable[[Any], np.ndarray]


def _curve(path: Path) -> Any:
    from mutau.bounds import load_curve

    return load_curve(path)


def _spectrum(path: Path) -> Any:
    from mutau.background.spectrum_files import read_spectrum

    return read_spectrum(path, edges=np.linspace(50.0, 90.0, 9))


def _root_spectrum(path: Path) -> Any:
    from mutau.background.spectrum_files import read_spectrum

    return read_spectrum(path, name="t", column="e", edges=np.linspace(50.0, 90.0, 9))


def _beam(path: Path) -> Any:
    from mutau.transport.beam_files import read_beam

    return read_beam(path, "mu-")[0]


def _map(path: Path) -> Any:
    from mutau.experiment.field_maps import read_field_map

    return read_field_map(path)


def _experiment(path: Path) -> Any:
    from mutau.experiment import check_file

    return check_file(path)


def _charges(path: Path) -> Any:
    from mutau.models import load_charges

    return load_charges(path)


def _grid(path: Path) -> Any:
    from mutau.scan.grid import load_grid

    return load_grid(path)


def _figures(path: Path) -> Any:
    from mutau.analysis.results import read_figures

    return read_figures(path)


YAML = b"""\
independent_variables:
- header: {name: Mass of the boson, units: MeV}
  values: [{value: 1}, {low: 4, high: 25}, {value: 100}]
dependent_variables:
- header: {name: Observed limit on g, units: 10**-3}
  qualifiers: [{name: CL, value: 90, units: '%'}, {name: MODEL, value: lmu-ltau}]
  values: [{value: 0.1, errors: [{symerror: 0.01, label: stat}]}, {value: 0.2}, {value: '-'}]
"""
DOWNLOAD = b"""\
#: table_doi: 10.17182/hepdata.0.v1/t1
#: CL [%],,90
"M(Z') [GEV/$c^2$]","Limit on g'","stat +","stat -"
0.1,1e-3,1e-4,-1e-4
0.2,3e-3,1e-4,-1e-4

#: CL [%],,95
"M(Z') [GEV/$c^2$]","Expected limit [10**-3]"
0.1,2
0.2,4
"""
CURVE = b"# cl: 0.90\n# title: x\nmass_GeV,coupling\n0.01,1e-3\n0.05,2e-3\n0.2,9e-3\n"
PLANE = b"# cl: 0.9\n# alpha_d: 0.5\n# mass_ratio: 3\nmchi_MeV;y\n10;1e-12\n20;4e-12\n"
EVENTS = b"energy_GeV, weight\n" + b"".join(b"%d.5, 0.1\n" % e for e in range(50, 90))
BINS = b"low_GeV,high_GeV,count,error\n60,70,4,2\n70,80,9,3\n80,90,21,5\n"
BEAM = b"x_cm,y_cm,z_cm,px_GeV,py_GeV,pz_GeV,pdg,weight\n" + b"".join(
    b"%d.5,-1,0,0.0%d,0,160,13,1.5\n" % (i, i) for i in range(8)
)
MAP = b"x_cm,y_cm,z_mm,Bx_T,By_G,Bz_kG\n" + b"".join(
    b"%d,%d,%d,0,14000,%d\n" % (x, y, z, z) for x in (-5, 5) for y in (-4, 4) for z in (-9, 0, 9)
)
CHARGES = (
    b'schema = 1\nname = "mine"\nsource = "x"\n[charges]\ne = 0.1\nmu = 1.0\ntau = -1.1\nnumu = 1\n'
)
GRID = (
    b'schema = 1\nname = "s"\ntask = "limit"\nexperiment = "na64mu"\ncl = 0.9\nseed = 3\n'
    b'[grid]\nmass = "1MeV:1GeV:5"\nalpha_d = [0.0, 0.1]\n'
)
FIGURES = (
    b'{"figures": [{"id": "a", "title": "b", "x_label": "m", "y_label": "g", "x_range": null, '
    b'"y_range": [0.1, 1.0], "series": [{"label": "c", "x": [1.0, 2.0], "y": [3.0, 4.0]}]}]}'
)


def _figure_file() -> bytes:
    """What `mutau reproduce` writes: with the digest that every later change gives away."""
    from mutau.core.storage import sealed

    return json.dumps(sealed(json.loads(FIGURES))).encode()


def _root_file() -> bytes:
    import uproot

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.root"
        with uproot.recreate(path, compression=None) as file:
            file.mktree("t", {"e": np.float64, "weight": np.float64})
            file["t"].extend({"e": np.linspace(51, 89, 40), "weight": np.full(40, 0.5)})
        return path.read_bytes()


def _parquet_file() -> bytes:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [1.0, 2.0, 3.0] for name in ("x_cm", "y_cm", "px_GeV", "py_GeV", "pz_GeV")}
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def _figure_numbers(figures: Any) -> np.ndarray:
    parts = [np.ravel(part) for figure in figures for s in figure.series for part in (s.x, s.y)]
    return np.concatenate(parts or [np.zeros(0)])


def readers() -> dict[str, Reader]:
    """Readers by name; those of optional formats where their packages are there."""
    from mutau.experiment import experiment_path

    def curve(c: Any) -> np.ndarray:
        return np.concatenate([c.mass, c.coupling, [c.cl or 0.5]])

    def spectrum(s: Any) -> np.ndarray:
        return np.concatenate([s.edges, s.counts, s.counts if s.variances is None else s.variances])

    def beam(columns: Any) -> np.ndarray:
        return np.concatenate(list(columns.values()))

    toml = experiment_path("m3").read_bytes()
    found = {
        "hepdata": Reader((("t.yaml", YAML), ("t.csv", DOWNLOAD)), _curve, curve),
        "curve": Reader((("c.csv", CURVE), ("p.csv", PLANE)), _curve, curve),
        "spectrum": Reader((("e.csv", EVENTS), ("b.csv", BINS)), _spectrum, spectrum),
        "beam": Reader((("beam.csv", BEAM),), _beam, beam),
        "map": Reader(
            (("m.csv", MAP),), _map, lambda m: np.concatenate([m.x, m.y, m.z, m.b.ravel()])
        ),
        "experiment": Reader(
            (("e.toml", toml),), _experiment,
            lambda e: np.array([e.beam.energy, e.beam.particles or 0.0, e.target.z]),
        ),
        "charges": Reader((("c.toml", CHARGES),), _charges, lambda t: np.array(t.charges)),
        "scan": Reader((("s.toml", GRID),), _grid, lambda g: np.array([len(g), g.seed, g.events])),
        "figures": Reader((("f.json", _figure_file()),), _figures, _figure_numbers),
    }  # fmt: skip
    try:
        found["root"] = Reader((("t.root", _root_file()),), _root_spectrum, spectrum)
        found["parquet"] = Reader((("b.parquet", _parquet_file()),), _beam, beam)
    except ImportError:
        pass
    return found


@dataclass
class Outcome:
    """What became of the files: read, or refused by kind of error; longest message; faults."""

    counts: Counter[str]
    longest: int
    wrong: list[str]


def try_reader(reader: Reader, n: int, seed: int, folder: Path) -> Outcome:
    """Read n damaged files. wrong : tracebacks, NaN, results of no numbers, endless messages."""
    rng = np.random.default_rng(seed)
    found = Outcome(Counter(), 0, [])
    for index in range(n):
        name, good = reader.good[index % len(reader.good)]
        data = mutated(good, rng)
        path = folder / f"{index % 64}-{name}"  # caches of readers go by name, time and size
        path.write_bytes(data)
        try:
            result = reader.read(path)
        except MutauError as error:
            found.counts[type(error).__name__] += 1
            found.longest = max(found.longest, len(str(error)))
            continue
        except Exception as error:
            found.counts["TRACEBACK"] += 1
            if len(found.wrong) < 5:
                found.wrong.append(f"{type(error).__name__}: {error}; {data[:300]!r}")
            continue
        found.counts["read"] += 1
        numbers = np.asarray(reader.numbers(result), float)
        if not np.all(np.isfinite(numbers)):
            found.counts["NOT FINITE"] += 1
            found.wrong.append(f"not finite: {data[:300]!r}")
    return found


def main(words: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY, 4 * MEMORY))  # address space, not memory
    warnings.simplefilter("ignore")
    n, names, failed = int(words[0]), words[1:], False
    for name, reader in readers().items():
        if names and name not in names:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = try_reader(reader, n, 1, Path(folder))
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        failed |= bool(found.wrong) or held > MEMORY or found.longest > 30_000
        print(
            f"{name:10} {time.monotonic() - began:6.0f} s, {held / 1e6:4.0f} MB, longest message "
            f"{found.longest}: {dict(found.counts.most_common())}", flush=True,
        )  # fmt: skip
        for line in found.wrong:
            print("   ", line[:600])
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
