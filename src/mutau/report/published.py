"""One folder with what others need of an experiment: its file, limits, likelihoods, events, page.

Every file follows from the experiment file and from what `manifest.json` states, so that the folder
can be made again and compared (`report.verification`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau._version import __version__
from mutau.analysis.citations import collect, of_limit
from mutau.analysis.likelihood import GridLikelihood, grid_likelihood, write_likelihood
from mutau.analysis.limit import default_masses, limit_curve, limit_to_dict
from mutau.analysis.loop import Progress, part_of
from mutau.analysis.settings import AS_STATED, Settings
from mutau.analysis.yields import expected_yields
from mutau.core.errors import MutauError
from mutau.core.storage import sealed, staged, write_text
from mutau.core.types import Exclusion, Yields
from mutau.experiment import load_experiment
from mutau.experiment.loader import experiment_path
from mutau.io.event_files import write_events
from mutau.models import Family
from mutau.report.hepdata import write_submission
from mutau.report.published_page import page
from mutau.report.workspaces import write_patch_set
from mutau.signal.generate import generate_events

if TYPE_CHECKING:
    from mutau.experiment import Experiment

FORMAT: Final = "mutau publication 1"
MANIFEST: Final = "manifest.json"
EXPERIMENT: Final = "experiment.toml"
#: Masses where none are given, and events of the sample.
POINTS: Final = 13
EVENTS: Final = 1000
_CAVEATS: Final = """\
# Before you recast {name}

- Signal: {signal_by}; what of the experiment file it does not apply: {not_simulated}.
- Backgrounds come from: {background}; sources that nobody computed: {not_computed}.
- The limit is by `{method}` at {cl:g} % CL; {warnings}
- The likelihood holds for {model} between {low:g} and {high:g} GeV and couplings {first:.3g} to
  {last:.3g}; between its points the signal is known to {interpolation:.2g} (relative), by its Monte
  Carlo to {monte_carlo:.2g}. Systematic errors and the shape of the spectrum do not depend on the
  point. The HS3 document carries a polynomial with an error of its own, which stands in its `misc`.
- Another model than {model} needs its own production and decays: the signal here may not be scaled
  by a coupling alone where widths or decays inside the apparatus matter.
- Events: {events} unweighted signal events at {mass:g} GeV and coupling {coupling:.4g}, before any
  cut; the weight of each is the expected yield over their number.
- `mutau verify DIR` computes everything here again.
"""


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a publication shows: results of one experiment."""

    line: Exclusion
    likelihood: GridLikelihood
    yields: tuple[Yields, ...]
    best: tuple[float, float]


def publish_experiment(
    experiment: Experiment | str,
    folder: str | Path,
    masses: Sequence[float] | None = None,
    family: Family | str = "lmu-ltau",
    *,
    settings: Settings = AS_STATED,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a publication of an experiment into a new folder; all files or none.

    experiment : a bundled name or the path of its file. masses : GeV; None for 13 over the range
    of the experiment, without its ends where nothing is excluded. family, settings : as in
    `limit_curve`.
    Returns folder, number of files and the digest of the manifest.
    Raises as `grid_likelihood` does, MutauError for an experiment without a file of its own or one
    that names further files and for a folder with files in it, FileError.
    """
    if not isinstance(experiment, str | Path):
        raise MutauError("a publication needs the file of the experiment", place="experiment",
                         allowed="a bundled name, or the path of a file")  # fmt: skip
    _check_empty(Path(folder))
    text = experiment_path(experiment).read_text(encoding="utf-8")
    loaded, family = load_experiment(experiment), Family.of(family)
    named = [m.field_map for m in loaded.detector.magnet if m.field_map]
    if loaded.beam.phase_space or named:
        raise MutauError(
            "the experiment file names further files, which a publication does not hold",
            place=loaded.name, remedy="write the beam's moments and the field into the file",
        )  # fmt: skip
    grid = default_masses(loaded, POINTS) if masses is None else np.asarray(masses, float)
    grid = np.array([float(f"{mass:.6g}") for mass in grid])
    parts = _compute(loaded, grid, family, settings, progress)
    with staged(folder) as stage:
        write_text(stage / EXPERIMENT, text)
        _write(stage, loaded, parts, family, settings)
        manifest = {
            "format": FORMAT, "mutau_version": __version__, "experiment": loaded.name,
            "experiment_digest": loaded.digest, "family": family.to_dict(),
            "masses_GeV": grid.tolist(), "settings": asdict(settings),
            "files": digests(stage),
        }  # fmt: skip
        plain = sealed(manifest)
        write_text(stage / MANIFEST, json.dumps(plain, indent=1))
    return {
        "folder": str(folder), "files": len(manifest["files"]) + 1, "digest": plain["digest"],
        "experiment": loaded.name, "mutau_version": __version__,
    }  # fmt: skip


def _check_empty(folder: Path) -> None:
    """Raise MutauError for a folder with files: others would count as changes to a publication."""
    if folder.is_dir() and any(folder.iterdir()):
        raise MutauError(f"{str(folder)!r} holds files", place="folder (--out)",
                         allowed="a new or an empty folder")  # fmt: skip


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder but the manifest, by its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != MANIFEST
    }


def _compute(
    experiment: Experiment, grid: np.ndarray, family: Family, settings: Settings,
    progress: Progress | None,
) -> _Contents:  # fmt: skip
    line = limit_curve(
        experiment, grid, family, settings=settings, progress=part_of(progress, 0.0, 0.4)
    )
    seen = np.isfinite(line.coupling)
    if not seen.any():
        raise MutauError("nothing is excluded at any mass", remedy="take other masses (--mass)")
    inside = grid[np.isin(grid, line.mass)]
    likelihood = grid_likelihood(
        experiment, inside, family, settings=settings, progress=part_of(progress, 0.4, 0.8)
    )
    place = int(np.argmin(np.where(seen, line.coupling, np.inf)))
    yields = tuple(
        expected_yields(
            family.at(float(mass), float(coupling)), experiment, seed=settings.seed,
            n_events=settings.n_events,
        )
        for mass, coupling in zip(line.mass[seen], line.coupling[seen], strict=True)
    )  # fmt: skip
    return _Contents(
        line, likelihood, yields, (float(line.mass[place]), float(line.coupling[place]))
    )


def _write(
    stage: Path, experiment: Experiment, parts: _Contents, family: Family, settings: Settings
) -> None:
    from mutau.report.exports import to_csv

    line = parts.line
    for name in ("limits", "likelihood", "hepdata", "events"):
        (stage / name).mkdir()
    limits = limit_to_dict(line)
    for row in limits["limits"]:
        if not math.isfinite(row["coupling_upper_limit"]):
            row["coupling_upper_limit"], row["numerical_err"] = None, None
    write_text(stage / "limits" / "limit.json", json.dumps(limits, indent=1, allow_nan=False))
    if np.isfinite(line.coupling).sum() > 1:
        to_csv([line], stage / "limits")
    write_likelihood(parts.likelihood, stage / "likelihood" / "likelihood.json")
    write_likelihood(parts.likelihood, stage / "likelihood" / "likelihood.hs3.json")
    write_patch_set(parts.yields, stage / "likelihood", "pyhf")
    write_submission([line, *parts.yields], stage / "hepdata")
    write_text(stage / "references.bib", collect(list(of_limit(line))).bibtex())
    mass, coupling = parts.best
    sample = generate_events(family.at(mass, coupling), experiment, EVENTS, seed=settings.seed)
    write_events(sample, stage / "events" / "signal.lhe")
    write_text(stage / "CAVEATS.md", _caveats(parts))
    write_text(stage / "index.html", page(line, parts.likelihood))


def _caveats(parts: _Contents) -> str:
    line, grid = parts.line, parts.likelihood

    def listed(key: str) -> str:
        found = line.meta.get(key) or ()
        words = [row if isinstance(row, str) else json.dumps(row) for row in found]
        return "; ".join(words) or "none named"

    return _CAVEATS.format(
        name=line.experiment, signal_by=line.meta["signal_by"],
        not_simulated=listed("not_simulated"), background=line.meta["background"],
        not_computed=listed("not_computed"), method=line.method, cl=100.0 * line.cl,
        warnings=listed("warnings"), model=line.model, low=grid.mass[0], high=grid.mass[-1],
        first=grid.coupling[0], last=grid.coupling[-1], interpolation=grid.interpolation_err,
        monte_carlo=float((grid.signal_err / grid.signal).max()), events=EVENTS,
        mass=parts.best[0], coupling=parts.best[1],
    )  # fmt: skip
