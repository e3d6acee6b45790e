"""The claim of fig. 6 of the NA64mu paper with a background of our own."""

import numpy as np
import pytest

from mutau.analysis.sensitivity import Sensitivity
from mutau.models.muon_moment import vector_coupling_band
from mutau.report.cards import cards
from mutau.report.na64mu import PAPER_YEAR
from mutau.report.na64mu_exposure import EXPOSURES, FIG6, MASSES, band_within_reach
from mutau.report.rows import row_of


def flat(coupling_at_fig6):
    """Limits that fall as the square root of the exposure, given at 1e11 muons."""
    fall = np.sqrt(FIG6 / EXPOSURES)
    coupling = np.outer(coupling_at_fig6, fall)
    events = 1e-11 * EXPOSURES
    return Sensitivity(
        EXPOSURES, np.array(MASSES), coupling, 0.0 * coupling, coupling, coupling, coupling, events,
        0.5 * events, 1e-11, 5e-12, 0.9, "bayes", "na64mu", "lmu-ltau", {},
    )  # fmt: skip


@pytest.mark.parametrize(("factor", "verdict"), [(2.0, "agrees"), (0.5, "differs")])
def test_the_row_holds_the_limit_at_1e11_muons_against_the_lower_edge(factor, verdict):
    """The mass where the band is closest decides, and the exposure is that of the figure."""
    edge = vector_coupling_band(np.array(MASSES), PAPER_YEAR, 2.0).lower
    card = cards()["mu.fig6.band (background: all of Table I)"]
    row = row_of(card, band_within_reach(flat(edge / np.array([factor, 10.0]))))
    assert row.verdict == verdict
    assert row.value == pytest.approx(factor, rel=1e-9)
    assert row.id == "mu.fig6.band (background: all of Table I)"
    assert row.why.startswith("fig. 6 supposes no background")
    assert "1 ± 0.5 events of background" in row.ours
