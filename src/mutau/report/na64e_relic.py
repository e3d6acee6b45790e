"""The thermal target of the NA64-e paper beside a freeze-out of each kind of dark matter."""

from __future__ import annotations

import math
from typing import Final

from mutau.bounds.relic import relic_coupling
from mutau.models import Family
from mutau.models.dark_matter import DARK_MATTER, USUAL_DARK_MATTER, dark_matter
from mutau.report.rows import Ours
from mutau.report.runs import ROWS, Run

#: Coupling and ratio of masses of the paper's figure, and masses of the boson, GeV: dark matter of
#: 10 and 100 MeV below muons, 300 MeV above them.
ALPHA_D, RATIO = 0.1, 3.0
MASSES: Final = (0.03, 0.3, 0.9)
#: Of the approximations of the freeze-out, relative, of the constant.
MODEL: Final = 0.1


def constant(kind: str, mass: float) -> float:
    """g_D^2 g'^2 (m_chi/m)^4/(m_chi/MeV)^2 of the observed abundance. mass : of the boson, GeV."""
    coupling = relic_coupling(Family("lmu-ltau", ALPHA_D, RATIO, kind), mass)
    return 4.0 * math.pi * ALPHA_D * coupling**2 / RATIO**4 / (1e3 * mass / RATIO) ** 2


@ROWS.register("ee.fig4.right.relic")
def relic_row(run: Run) -> Ours:
    """Constant of eq. 2.2 for every kind."""
    kinds = {
        kind.title: [constant(kind.name, mass) for mass in MASSES] for kind in DARK_MATTER.values()
    }
    usual = kinds[dark_matter(USUAL_DARK_MATTER).title][0]
    return Ours(usual, None, MODEL * usual, {"kinds": kinds})
