"""What a search for missing momentum demands of a single muon, read from the cuts of a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@dataclass(frozen=True, slots=True)
class MuonCuts:
    """The selection as numbers, GeV; +-inf where the file has no such cut.

    incoming : window of the incoming momentum. muon_energy : largest reconstructed energy of the
    scattered muon. hcal, vhcal : largest deposits. calorimeters : largest sum of all deposits.
    resolution : relative rms of the momentum.
    """

    incoming: tuple[float, float]
    muon_energy: float
    hcal: float
    vhcal: float
    calorimeters: float
    resolution: float


def cuts_of(experiment: Experiment) -> MuonCuts:
    """The selection of an experiment; a cut that the file does not state is none."""
    beam = experiment.beam.energy
    low, high = -math.inf, math.inf
    energy = hcal = vhcal = total = math.inf
    for cut in experiment.cuts:
        top = math.inf if cut.max is None else cut.max
        if cut.variable == "incoming_momentum":
            low, high = max(low, -math.inf if cut.min is None else cut.min), min(high, top)
        elif cut.variable == "muon_energy":
            energy = min(energy, top)
        elif cut.variable == "muon_energy_fraction":
            energy = min(energy, top * beam)
        elif cut.variable == "hcal_energy":
            hcal = min(hcal, top)
        elif cut.variable == "vhcal_energy":
            vhcal = min(vhcal, top)
        elif cut.variable == "calorimeter_energy":
            total = min(total, top)
    resolution = experiment.detector.resolution
    return MuonCuts(
        (low, high), energy, hcal, vhcal, total, resolution.muon_momentum if resolution else 0.0
    )
