"""Signal events for other programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.types import Events
from mutau.experiment import load_experiment
from mutau.models import Model
from mutau.signal.processes import process_of

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Memory of one event while it is made, bytes (measured: 0.94 GB for 1e6).
_BYTES: Final = 940


def generate_events(
    model: Model,
    experiment: Experiment | str,
    n: int,
    *,
    seed: int = 1,
    within_cuts: bool = False,
) -> Events:
    """Unweighted signal events with their vertices in the target.

    experiment : what `load_experiment` gave, or takes. n : number of events. Each carries the
    weight expected yield / n of the full exposure, before any cut. within_cuts : only events that
    pass the file's cuts on true quantities, whose weights add up to the yield within them.
    Returns Events. Raises MutauError for n < 1, OutOfRange for more events than this machine's
    memory holds, and where nothing is produced.
    """
    if n < 1:
        raise MutauError(f"n = {n} events", allowed="at least 1")
    room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if n * _BYTES > room:
        raise OutOfRange(
            f"n = {n:.3g} events take some {n * _BYTES / 1e9:.3g} GB of memory",
            allowed=f"up to {room // _BYTES:.2g} on this machine, which has {room / 1e9:.3g} GB",
            remedy="write several files, each with a seed of its own",
        )
    experiment = load_experiment(experiment)
    process = process_of(experiment)
    if within_cuts:
        assert process.within_cuts is not None  # of `process_of`
        return process.within_cuts(experiment, model, n, seed)
    return process.generate(experiment, model, n, seed)
