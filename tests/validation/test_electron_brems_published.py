"""Totals of e N -> e N A' against exact tree-level totals published with another program.

M. Bondi et al., Comput. Phys. Commun. 269 (2021) 108129 (arXiv:2101.12192): reference table that
its distribution is tested against, lead, epsilon = 1e-4, x > 0.01 below 1 MeV. The NA64-e limits
were simulated with that program.
"""

import numpy as np
import pytest

from mutau.core.constants import ALPHA
from mutau.matter.nucleus import Nucleus
from mutau.reactions import electron_brems

pytestmark = pytest.mark.compiled

LEAD = {"nucleus": Nucleus(82.0, 207.2)}
COUPLING = 1e-4 * np.sqrt(4.0 * np.pi * ALPHA)
#: MeV, then pb at 20, 100 and 160 GeV.
TABLE = {
    0.001: (3.23977e6, 3.23977e6, 3.23977e6),
    0.01: (2.78115e6, 2.78115e6, 2.78115e6),
    0.1: (1.26755e6, 1.26755e6, 1.26755e6),
    0.5: (423870.0, 423870.0, 423870.0),
    1.0: (212418.0, 212418.0, 212418.0),
    2.0: (90711.9, 91284.1, 91397.1),
    10.0: (7994.97, 8486.3, 8544.49),
    20.0: (2253.41, 2620.75, 2671.91),
    50.0: (322.708, 466.909, 498.221),
    100.0: (61.7703, 106.04, 119.076),
    300.0: (2.89845, 7.37425, 8.98125),
    1000.0: (0.0191653, 0.191974, 0.288934),
}
ENERGIES = np.array([20.0, 100.0, 160.0])


@pytest.mark.parametrize("mev", TABLE)
def test_exact_totals_of_another_program(mev):
    """Within 1.5 % from 10 keV to 300 MeV, 4 % at 1 GeV; elastic up to 2 MeV, with protons above.

    The elastic total is 1.5 % smaller, so the table above 4 MeV, which goes with ours to 0.3 %
    from 10 to 50 MeV, holds the inelastic form factor. At 1 keV ours is 2.6 % lower, and goes with
    an integration in 40 digits (below).
    """
    light = mev <= 2.0
    found = electron_brems.totals(
        ENERGIES, mev * 1e-3,
        Nucleus(82.0, 207.2, "elastic" if light else "elastic+inelastic"),
        coupling=COUPLING, x_min=0.01 if light else 0.0,
    )  # fmt: skip
    tolerance = 0.03 if mev == 0.001 else 0.04 if mev > 900.0 else 0.015
    tolerance = 3e-3 if 10.0 <= mev <= 50.0 else tolerance
    assert found.sigma_pb == pytest.approx(TABLE[mev], rel=tolerance)


@pytest.mark.parametrize(("x", "known"), [(0.015, 5.6398e16), (0.5, 1.18259e15)])
def test_a_boson_of_one_kev_in_forty_digits(x, known):
    """d sigma/dx at 1 keV, 100 GeV: the amplitude in invariants, summed with mpmath in 40 digits.

    Plain nested Gauss-Legendre sums in ln(-u), ln t and the azimuth, 72 x 84 x 64 points; its own
    convergence is 1e-3 at x = 0.015, where the last doubling of points moved it by 5e-3.
    """
    found = electron_brems.differential_x([x], 100.0, 1e-6, **LEAD)[0]
    assert found == pytest.approx(known, rel=2e-3)
