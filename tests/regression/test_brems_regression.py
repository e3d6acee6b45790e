"""Cross sections at coupling 1, pb per atom, as they were when first validated.

Any change beyond the numerical error is a change of the physics and belongs in the changelog.
"""

from __future__ import annotations

import pytest

from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems, muon_brems

pytestmark = pytest.mark.compiled

FRONTS = {"muon": muon_brems, "electron": electron_brems}
# lepton, energy GeV, mass GeV, z, a, method, sigma pb
KNOWN = [
    ("muon", 160.0, 0.001, 82.0, 207.2, "exact", 1.47759e11),
    ("muon", 160.0, 0.001, 82.0, 207.2, "ww", 1.47674e11),
    ("muon", 160.0, 0.001, 82.0, 207.2, "iww", 1.62095e11),
    ("muon", 160.0, 1.0, 82.0, 207.2, "exact", 1.15268e08),
    ("muon", 160.0, 1.0, 82.0, 207.2, "ww", 1.16147e08),
    ("muon", 160.0, 1.0, 82.0, 207.2, "iww", 2.84116e08),
    ("muon", 20.0, 0.05, 6.0, 12.011, "exact", 8.74488e07),
    ("muon", 20.0, 0.05, 6.0, 12.011, "ww", 8.36485e07),
    ("muon", 20.0, 0.05, 6.0, 12.011, "iww", 1.65994e08),
    ("electron", 100.0, 1e-06, 82.0, 207.2, "exact", 5.17365e15),
    ("electron", 100.0, 1e-06, 82.0, 207.2, "ww", 3.64420e15),
    ("electron", 100.0, 1e-06, 82.0, 207.2, "iww", 3.64433e15),
    ("electron", 100.0, 1.0, 82.0, 207.2, "exact", 2.04411e08),
    ("electron", 100.0, 1.0, 82.0, 207.2, "ww", 2.96861e08),
    ("electron", 100.0, 1.0, 82.0, 207.2, "iww", 5.76192e08),
    ("electron", 11.0, 0.01, 74.0, 183.84, "exact", 6.70206e12),
    ("electron", 11.0, 0.01, 74.0, 183.84, "ww", 7.48408e12),
    ("electron", 11.0, 0.01, 74.0, 183.84, "iww", 8.35975e12),
]


@pytest.mark.parametrize(("lepton", "energy", "mass", "z", "a", "method", "sigma"), KNOWN)
def test_cross_sections_stay(lepton, energy, mass, z, a, method, sigma):
    """Same value within 3e-4, the error that the quadrature states."""
    ours = FRONTS[lepton].total(energy, mass, Nucleus(z, a), method=method)
    assert ours.sigma_pb == pytest.approx(sigma, rel=3e-4)
