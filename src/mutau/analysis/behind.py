"""What stands behind a limit, in one line: level, method, background, and what is not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.analysis.settings import Settings
from mutau.background.registry import NOT_COMPUTED
from mutau.core.types import Exclusion
from mutau.models import Family
from mutau.signal.not_computed import in_words
from mutau.signal.processes import NOT_SIMULATED, process_of

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Key of the line in results.
STANDS_ON: Final = "stands_on"


def stands_on(line: Exclusion) -> str:
    """Level, method, signal, background, sources not computed, cuts not simulated, of a limit.

    What the line does not know it leaves out. Cuts that a fast mode does not simulate make its
    limit too low; by how much, `cost_of_cuts` says.
    """
    meta, parts = line.meta, [f"{100.0 * line.cl:g} % CL, {line.method}"]
    if "signal_by" in meta:
        parts.append(f"signal by {meta['signal_by']}")
    if "background_events" in meta:
        parts.append(
            f"background {meta['background_events']:.3g} ± {meta['background_err_events']:.2g} "
            f"events ({meta['background']})"
        )
    lacking, left_out = meta.get(NOT_COMPUTED), meta.get(NOT_SIMULATED)
    if isinstance(lacking, list | tuple):  # of one experiment; of several, by name
        parts.append(f"not computed: {', '.join(in_words(lacking)) or 'nothing known'}")
    if isinstance(left_out, list | tuple):
        words = ", ".join(left_out) or "none"
        cost = "; too low by what they cost" if left_out else ""
        parts.append(f"cuts not simulated: {words}{cost}")
    return "; ".join(parts)


def cost_of_cuts(
    experiment: Experiment, mass: float, family: Family | str = "lmu-ltau", *,
    muons: int = 4000, events: int = 10_000, seed: int = 1,
) -> tuple[float, float]:  # fmt: skip
    """By how much cuts that the fast mode does not simulate raise a limit on the coupling.

    mass : GeV. muons, events : of the full simulation and of the fast mode.
    Returns (fraction of the coupling, statistical error): the root of the yields' ratio, minus 1.
    Raises MutauError for a process without a full simulation.
    Check: 0 within its error where the fast mode applies every cut.
    """
    from mutau.signal.processes import refuse_full_chain

    refuse_full_chain(experiment, True)
    model = Family.of(family).at(mass, 1e-3)
    number = []
    for full_chain, n in ((False, events), (True, muons)):
        effort = Settings(seed=seed, n_events=n, full_chain=full_chain).preparation(experiment)
        signal, error = process_of(experiment).prepare(experiment, model, effort).signal(model)
        number.append((float(signal[-1]), float(error[-1])))
    (fast, fast_err), (full, full_err) = number
    ratio = float(np.sqrt(fast / full))
    return ratio - 1.0, 0.5 * ratio * float(np.hypot(fast_err / fast, full_err / full))
