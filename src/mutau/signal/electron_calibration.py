"""Efficiency of the selection on simulated calibration electrons: the cuts of the file, in order.

This is the kappa of the NA64-e paper (arXiv:2404.06982, section 5), there measured in data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.detector.electron_calibration import Setting, Showers, electrons, showers
from mutau.selection.cutflow import CutFlow, apply_cuts
from mutau.selection.requirements import places
from mutau.selection.variables import Sample

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Cut variables that pile-up decides, and those that choose the signal instead of the electron.
PILE_UP: Final = ("n_upstream_hits",)
SIGNAL: Final = ("ecal_energy", "e_miss")
#: Every assumption at another value that is as good: entries of the file, or the setting.
OTHERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "0.01 X0 before the magnets": {"upstream/radiation_lengths": 0.01},
    "0.1 X0 before the magnets": {"upstream/radiation_lengths": 0.1},
    "synchrotron detector 5 cm wide": {"upstream/srd/width": "5 cm"},
    "synchrotron detector 12 cm wide": {"upstream/srd/width": "12 cm"},
    "50 ns": {"upstream/window": "50 ns"},
    "300 ns": {"upstream/window": "300 ns"},
    "0.1 X0 and 300 ns": {"upstream/radiation_lengths": 0.1, "upstream/window": "300 ns"},
}
SETTINGS: Final[Mapping[str, Setting]] = {
    "1 GeV of a reaction stays in the target": Setting(absorbed=1.0),
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Cut flow of electrons that leave everything in the target.

    flow : of all cuts in the order of the file but those on the energy seen. kappa,
    error : fraction
    left, statistical. quiet, quiet_error : the same without those that pile-up decides.
    """

    flow: CutFlow
    kappa: float
    error: float
    quiet: float
    quiet_error: float


def calibration(
    experiment: Experiment, n: int = 600, seed: int = 1, setting: Setting | None = None,
    made: Showers | None = None,
) -> Calibration:  # fmt: skip
    """Electrons of the beam energy through the selection of an experiment file.

    n : showers; `made` : showers to use again. Raises MutauError for a target that is not active,
    or a cut on something that calibration electrons do not have, as synchrotron radiation without
    the table `upstream`.
    """
    made = made or showers(experiment, n, seed)
    columns = electrons(experiment, made, setting, seed)
    sample = Sample(experiment.beam.energy, np.ones(len(made.chi2)), columns)
    flow = apply_cuts(experiment.cuts, sample, skip=SIGNAL)
    quiet = apply_cuts(experiment.cuts, sample, skip=(*SIGNAL, *PILE_UP))
    return Calibration(
        flow, flow.efficiency, float(flow.error[-1]), quiet.efficiency, float(quiet.error[-1])
    )


def other_settings(experiment: Experiment, n: int = 600, seed: int = 1) -> dict[str, float]:
    """kappa with each assumption alone at another value; the same showers for all."""
    from mutau.experiment import replace as changed

    made = showers(experiment, n, seed)
    found = {
        name: calibration(changed(experiment, entries), n, seed, made=made).kappa
        for name, entries in OTHERS.items()
    }
    for name, setting in SETTINGS.items():
        found[name] = calibration(experiment, n, seed, setting, made).kappa
    shape = places(experiment.cuts, "shower_chi2")
    for fraction in (0.90, 0.99):
        edge = float(np.quantile(made.chi2, fraction))
        moved = changed(experiment, {f"{place}/max": edge for place in shape})
        same = calibration(moved, n, seed, made=made)
        found[f"shape that keeps {100 * fraction:.0f} %"] = same.kappa
    return found
