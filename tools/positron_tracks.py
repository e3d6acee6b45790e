"""Track length of positrons near the beam energy: cascade equations beside simulated showers.

    python tools/positron_tracks.py [SHOWERS]

prints the table of docs/validation/cascade.md: electrons of 100 GeV in lead, showers followed down
to 89 GeV only, so that ten million take minutes. Each batch has a seed of its own.
"""

from __future__ import annotations

import sys

import numpy as np

from mutau.matter import material
from mutau.transport.em_cascade import track_lengths
from mutau.transport.shower import Shower, simulate_showers

EDGES = np.array([90.0, 92.0, 94.0, 95.0, 96.0, 98.0, 100.0])
CUT = 89.0
#: Radiation below this fraction of the energy is a mean loss: far less than 100 - 98 GeV.
SOFT = 5e-4
BATCH = 1_000_000


def main() -> None:
    """Sums of batches, bin by bin and over 90 to 95, 95 to 100 GeV."""
    lead, number = material("lead"), int(float(sys.argv[1]) if len(sys.argv) > 1 else 1e7)
    equations = track_lengths("e-", 100.0, lead, EDGES).positron * np.diff(EDGES)
    shower = Shower("e-", 100.0, lead, cut=CUT, soft=SOFT)
    total, square = np.zeros(len(EDGES) - 1), np.zeros(len(EDGES) - 1)
    batches = max(number // BATCH, 1)
    for seed in range(batches):
        found = simulate_showers(shower, BATCH, edges=EDGES, seed=1000 + seed, workers=2)
        total += found.positron * np.diff(EDGES)
        square += (found.err[1] * np.diff(EDGES)) ** 2
    mean, error = total / batches, np.sqrt(square) / batches
    low = EDGES[:-1] < 95.0
    for name, chosen in (("90 to 95", low), ("95 to 100", ~low), ("90 to 100", low | ~low)):
        made, err = mean[chosen].sum(), np.hypot.reduce(error[chosen])
        ratio = equations[chosen].sum() / made
        print(
            f"{name} GeV: {made:.5g} X0, equations/showers {ratio:.4f} +- {ratio * err / made:.4f}"
        )
    for i, (value, err) in enumerate(zip(mean, error, strict=True)):
        ratio = equations[i] / value
        print(f"{EDGES[i]:g}-{EDGES[i + 1]:g}: {ratio:.4f} +- {ratio * err / value:.4f}")


if __name__ == "__main__":
    main()
