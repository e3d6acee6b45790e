"""Cosmic muons in step with the beam: a rate times a time, per particle on target."""

from mutau.background.estimate import BackgroundSource, Estimate
from mutau.core.errors import NotApplicable
from mutau.experiment import Experiment

PER_SECOND, WINDOW_S, MISTAKEN = 100.0, 1e-8, 1e-5


def cosmics(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Accidental cosmic muons that look like signal. Raises NotApplicable without a target size."""
    if not experiment.target.width:
        raise NotApplicable("the target has no size, so nobody knows how many muons cross it")
    rate = PER_SECOND * experiment.target.width * experiment.target.height / 1e4
    number = rate * WINDOW_S * MISTAKEN
    return Estimate(
        "toy-cosmics", number, 0.0, 0.3 * number, "rate x window x fraction",
        "100 muons per s and m^2",
    )  # fmt: skip


COSMICS = BackgroundSource(("toy-emission", "muon-brems"), cosmics)
