"""The three set-ups, drawn from their experiment files."""

from __future__ import annotations

from mutau.analysis.layout import setup_figure
from mutau.core.figure import Figure
from mutau.report.runs import FIGURES, Run

_HOW = "Drawn from the experiment file `{name}` to scale, by `mutau draw {name}`."


def _drawn(name: str, figure_id: str, more: str = "") -> Figure:
    caption = f"{_HOW.format(name=name)} {more}".strip()
    return setup_figure(name, figure_id=figure_id, caption=caption)


@FIGURES.register("mu.fig1")
def na64mu_setup(run: Run) -> Figure:
    """NA64mu with the paths of the beam and of a muon of half its energy."""
    return _drawn(
        "na64mu",
        "mu.fig1",
        "The muon is the least bent one of the signal; mean losses, no scattering.",
    )


@FIGURES.register("me.setup")
def muone_setup(run: Run) -> Figure:
    """The stations of MUonE with the least scattered muon of the signal."""
    return _drawn("muone", "me.setup", "The muon has the smallest angle that the cuts let through.")


@FIGURES.register("ee.fig1")
def na64e_setup(run: Run) -> Figure:
    """NA64-e with the bent beam before it."""
    return _drawn("na64e", "ee.fig1")
