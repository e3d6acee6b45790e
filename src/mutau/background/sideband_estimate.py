"""A user's energy spectrum carried from its sideband into the signal boxes of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import MutauError
from mutau.core.storage import digest
from mutau.core.types import provenance

if TYPE_CHECKING:
    from mutau.background.sideband import EnergySpectrum
    from mutau.experiment import Experiment

#: Width of the bins that single events are sorted into where none is given, GeV.
BIN: Final = 1.0
MOST_BINS: Final = 100_000


def signal_boxes(experiment: Experiment) -> Mapping[float, tuple[str, ...]]:
    """Upper edges of the signal boxes in the energy seen, GeV, and the run periods of each.

    Raises MutauError for an experiment without such a threshold.
    """
    from mutau.signal.electron_window import window

    found = window(experiment)
    boxes: dict[float, tuple[str, ...]] = {}
    for name, edge in zip(found.periods, found.nominal, strict=True):
        boxes[edge] = (*boxes.get(edge, ()), name)
    return boxes


def sideband_result(
    experiment: Experiment,
    path: str | Path,
    sideband: tuple[float, float],
    *,
    bin_width: float = BIN,
    name: str = "",
    column: str = "",
    seed: int = 1,
) -> dict[str, Any]:
    """Background in each signal box from the exponential fitted to a sideband.

    path : spectrum of the energy seen, CSV or ROOT (`spectrum_files.read_spectrum`, which takes
    `name` and `column`). sideband : (low, high), GeV. bin_width : GeV, for single events.
    Returns fit and, per box, events with their error beside what the experiment file states.
    Raises MutauError for NaN, an empty sideband or one that overlaps a box, FileError.
    """
    from mutau.background.sideband import Sideband, extrapolate
    from mutau.background.spectrum_files import read_spectrum

    low, high = sideband
    if not bin_width > 0.0 or (high - low) / bin_width > MOST_BINS:
        raise MutauError(
            f"bin width = {bin_width:g} GeV", place="--bin",
            allowed=f"above 0, for at most {MOST_BINS} bins",
        )  # fmt: skip
    windows = {edge: Sideband(low, high, 0.0, edge) for edge in signal_boxes(experiment)}
    bins = max(int(np.ceil((high - low) / bin_width - 1e-9)), 1)
    edges = np.linspace(low, high, bins + 1)
    spectrum = read_spectrum(path, edges=edges, name=name, column=column)
    stated = {run.name: (run.background, run.background_spread) for run in experiment.runs}
    rows = list[dict[str, Any]]()
    for edge, periods in signal_boxes(experiment).items():
        found = extrapolate(spectrum, windows[edge], seed=seed)
        paper = [stated[period] for period in periods if period in stated]
        rows.append(
            {
                "box_GeV": [0.0, edge],
                "runs": list(periods),
                "expected": found.expected,
                "err": found.err,
                "interval_68": list(found.interval),
                "stated": sum(value for value, _ in paper) if paper else None,
                "stated_err": float(np.sqrt(sum(err**2 for _, err in paper))) if paper else None,
            }
        )
    return {
        "experiment": experiment.name,
        "spectrum": str(path),
        "sideband_GeV": [low, high],
        "events": found.events,
        "slope_per_GeV": found.slope,
        "slope_err_per_GeV": float(np.sqrt(found.covariance[1, 1])),
        "deviance": found.deviance,
        "degrees_of_freedom": found.bins - 2,
        "boxes": rows,
        "note": "one fit of the whole spectrum, carried into the box of each run period; its error "
        "is that of the two parameters and says nothing of another shape inside the box",
        **provenance(
            seed=seed, experiment=experiment.digest,
            spectrum=digest(spectrum.edges, spectrum.counts, *_variances(spectrum)),
        ),
    }  # fmt: skip


def _variances(spectrum: EnergySpectrum) -> tuple[np.ndarray, ...]:
    return () if spectrum.variances is None else (spectrum.variances,)


def sideband_range(option: str, ends: Sequence[float]) -> tuple[float, float]:
    """(low, high) of two energies in GeV. Raises MutauError that names the option."""
    if len(ends) != 2:
        raise MutauError(
            f"{len(ends)} energies", place=option, allowed="two: low,high",
            remedy="write for example 55GeV,90GeV",
        )  # fmt: skip
    return float(ends[0]), float(ends[1])
