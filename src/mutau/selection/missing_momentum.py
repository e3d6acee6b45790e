"""What a search for missing momentum demands of a single muon, read from the cuts of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutau.experiment.variables import window
from mutau.selection.requirements import highest_muon_energy

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@dataclass(frozen=True, slots=True)
class MuonCuts:
    """The selection as numbers, GeV; +-inf where the file has no such cut.

    incoming : window of the incoming momentum. muon_energy : largest reconstructed energy of the
    scattered muon. hcal, vhcal : largest deposits. hcal_mips : most muons that the HCAL's modules
    agree with. calorimeters : largest sum of all deposits.
    resolution : relative rms of the momentum.
    """

    incoming: tuple[float, float]
    muon_energy: float
    hcal: float
    vhcal: float
    hcal_mips: float
    calorimeters: float
    resolution: float


def cuts_of(experiment: Experiment) -> MuonCuts:
    """The selection of an experiment; a cut that the file does not state is none."""
    cuts = experiment.cuts
    resolution = experiment.detector.resolution
    return MuonCuts(
        window(cuts, "incoming_momentum"),
        highest_muon_energy(cuts, experiment.beam.energy),
        window(cuts, "hcal_energy")[1],
        window(cuts, "vhcal_energy")[1],
        window(cuts, "hcal_mips")[1],
        window(cuts, "calorimeter_energy")[1],
        resolution.muon_momentum if resolution else 0.0,
    )
