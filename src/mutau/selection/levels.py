"""Which cut variables each level of simulation gives; cuts on others are left out, and named so.

Names only, so that what is said of a file before anything is computed stays light.
"""

from __future__ import annotations

from typing import Final

#: Of a missing-momentum search by the full simulation.
SIMULATED: Final = (
    "trigger", "muon_energy", "muon_energy_fraction", "theta_mu", "incoming_momentum", "n_tracks",
    "e_miss", "ecal_energy", "vhcal_energy", "hcal_energy", "calorimeter_energy",
)  # fmt: skip
#: Of the same not in the fast mode, which has no detectors but counters and target.
BEYOND_FAST_MODE: Final = (
    "incoming_momentum", "n_tracks", "vhcal_energy", "hcal_energy", "calorimeter_energy",
)  # fmt: skip
