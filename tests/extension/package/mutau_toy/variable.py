"""A variable to cut on: what the muon lost."""

import numpy as np

from mutau.experiment import Variable
from mutau.selection.variables import Sample


def energy_lost(sample: Sample) -> np.ndarray:
    """Nominal beam energy minus that of the scattered muon, GeV."""
    return sample.beam_energy - sample.column("p_muon", "toy_energy_lost")[:, 0]


ENERGY_LOST = Variable(
    "toy_energy_lost", "energy", "nominal beam energy minus E'_mu", signed=True, value=energy_lost,
    needs=("muon_energy",),
)  # fmt: skip
