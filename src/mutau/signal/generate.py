"""Signal events for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutau.core.errors import MutauError
from mutau.core.types import Events
from mutau.experiment import load_experiment
from mutau.models import Model
from mutau.signal.processes import process_of

if TYPE_CHECKING:
    from mutau.experiment import Experiment


def generate_events(model: Model, experiment: Experiment | str, n: int, *, seed: int = 1) -> Events:
    """Unweighted signal events with their vertices in the target.

    experiment : what `load_experiment` gave, or takes. n : number of events. Each carries the
    weight expected yield / n of the full exposure, before any cut.
    Returns Events. Raises MutauError for n < 1, OutOfRange where nothing is produced.
    """
    if n < 1:
        raise MutauError(f"n = {n} events", allowed="at least 1")
    experiment = load_experiment(experiment)
    return process_of(experiment).generate(experiment, model, n, seed)
