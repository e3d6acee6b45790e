"""Losses and pair production beside NIST's tables.

ESTAR: M. J. Berger et al., NIST Standard Reference Database 124, MeV cm^2/g. Its collision losses
are the same theory with the same I and density effect (0.2 %); its radiative ones are those of
S. M. Seltzer and M. J. Berger (1985), exact in the screened field, 2 % apart at high Z.
XCOM: M. J. Berger et al., NIST Standard Reference Database 8, barn per atom, nuclear plus
electronic field; J. H. Hubbell et al. (1980) with radiative corrections and form factors.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from mutau.core.constants import M_E, N_A
from mutau.matter import material
from mutau.matter.em_processes import brems, pair
from mutau.matter.em_processes_medium import collision_loss, medium

pytestmark = pytest.mark.compiled

# material: (kinetic energy in MeV, collision, radiation)
ESTAR = {
    "lead": [
        (5, 1.120, 0.5773), (10, 1.201, 1.206), (20, 1.277, 2.554), (50, 1.365, 6.865),
        (100, 1.423, 14.36), (1000, 1.583, 153.9),
    ],
    "iron": [
        (5, 1.403, 0.2346), (10, 1.483, 0.5216), (20, 1.560, 1.145), (50, 1.647, 3.135),
        (100, 1.705, 6.584), (1000, 1.878, 71.16),
    ],
    "copper": [(10, 1.436, 0.5650), (100, 1.661, 7.079), (1000, 1.833, 76.30)],
    "tungsten": [(10, 1.203, 1.132), (100, 1.419, 13.55), (1000, 1.576, 145.2)],
    "aluminium": [(10, 1.636, 0.2858), (100, 1.847, 3.714), (1000, 2.021, 40.42)],
}  # fmt: skip

# material: (A, ((photon energy in MeV, barn per atom), ...))
XCOM = {
    "lead": (
        207.2,
        (
            (5, 7.389 + 0.08188), (10, 12.63 + 0.1060), (20, 18.59 + 0.1863), (50, 26.17 + 0.3138),
            (100, 30.94 + 0.3981), (1e3, 38.77 + 0.5570), (1e4, 40.34 + 0.5967),
            (1e5, 40.58 + 0.6033),
        ),
    ),
    "iron": (
        55.845,
        (
            (5, 0.7449 + 0.00853), (10, 1.415 + 0.03032), (20, 2.138 + 0.06072),
            (100, 3.663 + 0.1362), (1e4, 4.926 + 0.2193),
        ),
    ),
    "carbon": (
        12.011,
        (
            (10, 0.07686 + 0.008745), (20, 0.1177 + 0.01415), (100, 0.2079 + 0.03294),
            (1e4, 0.2975 + 0.05773),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ESTAR)
def test_electron_losses(name):
    m = medium(material(name), lpm=False, dielectric=False)
    for kinetic, collision, radiation in ESTAR[name]:
        e = kinetic * 1e-3 + M_E
        assert collision_loss(e, False, m.data.layers) / m.x0 * 1e3 == pytest.approx(
            collision, rel=2e-3
        )
        ours = quad(
            lambda x, e=e: brems(e, np.exp(x), m.data.rows, 0) * np.exp(x),
            np.log(1e-6 * e), np.log(e - M_E), limit=200,
        )[0]  # fmt: skip
        assert ours / m.x0 * 1e3 == pytest.approx(radiation, rel=2.2e-2), kinetic


@pytest.mark.parametrize("name", XCOM)
def test_pair_production(name):
    m = medium(material(name), lpm=False, dielectric=False)
    a, rows = XCOM[name]
    for mev, barn in rows:
        k = mev * 1e-3
        near = min(0.05 * k, 0.5 * k - 2 * M_E)
        rate = (
            2 * quad(lambda e, k=k: pair(k, e, m.data.rows, 0), M_E, k / 2, points=[M_E + near])[0]
        )
        ours = rate / (N_A / a * m.x0) * 1e24
        tolerance = 0.04 if mev < 50 else 0.02
        assert ours == pytest.approx(barn, rel=tolerance), mev
