"""Radiation lengths by Tsai's formula against the table of the Review of Particle Physics."""

from __future__ import annotations

import pytest

from mutau.matter import element

# PDG 2024, table 6.1, g/cm^2, printed with two decimals
PDG = {
    "H": 63.04, "He": 94.32, "Li": 82.78, "Be": 65.19, "C": 42.70, "N": 37.99, "O": 34.24,
    "F": 32.93, "Ne": 28.93, "Al": 24.01, "Si": 21.82, "Cl": 19.28, "Ar": 19.55, "Ti": 16.16,
    "Fe": 13.84, "Cu": 12.86, "Ge": 12.25, "Sn": 8.82, "Xe": 8.48, "W": 6.76, "Pt": 6.54,
    "Au": 6.46, "Pb": 6.37, "U": 6.00,
}  # fmt: skip


@pytest.mark.parametrize("symbol", PDG)
def test_radiation_length(symbol):
    # rounding of the table is 0.005; 2e-4 more for atomic weights and constants revised since
    tolerance = 0.005 + 2e-4 * PDG[symbol]
    assert element(symbol).radiation_length == pytest.approx(PDG[symbol], abs=tolerance)
