"""What a result lacks: backgrounds not computed, cuts not simulated, keys of the file not used.

Every result that rests on a background or on the cuts of a file carries these lists, for each
experiment; a limit keeps them in its `meta`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mutau.analysis.settings import AS_STATED, Settings
from mutau.background.registry import NOT_COMPUTED, not_computed
from mutau.core.types import Exclusion
from mutau.signal.processes import NOT_SIMULATED, Effort, process_of
from mutau.signal.usage import NOT_USED, not_used, signal_use

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Keys of the lists.
LACKING: Final = (NOT_COMPUTED, NOT_SIMULATED, NOT_USED)


def lacks(
    experiment: Experiment, settings: Settings = AS_STATED, *, truth: bool = False
) -> dict[str, Any]:
    """The lists of one experiment: rows as `not_computed` gives them, texts of cuts, addresses.

    settings : how it is run; a computed background also lacks what this file does not describe
    well enough. truth : cuts on true quantities, all of which are reported one by one.
    """
    uses = [signal_use(settings.full_chain)]
    if settings.background_choice == "computed":
        uses.append("background")
        rows = settings.computed(experiment).not_computed
    else:
        rows = not_computed(experiment)
    effort = Effort(settings.seed, settings.n_events, truth, full_chain=settings.full_chain)
    return {
        NOT_COMPUTED: rows,
        NOT_SIMULATED: process_of(experiment).not_simulated(experiment, effort),
        NOT_USED: not_used(experiment, *uses),
    }


def each_lacks(experiments: Sequence[Experiment], settings: Settings = AS_STATED) -> dict[str, Any]:
    """The lists of several experiments, by the name of the experiment."""
    found = {item.name: lacks(item, settings) for item in experiments}
    return {key: {name: lists[key] for name, lists in found.items()} for key in LACKING}


def lines_lack(lines: Sequence[Exclusion]) -> dict[str, Any]:
    """The lists of several limits, by the name of the experiment."""
    return {
        key: {line.experiment: line.meta[key] for line in lines if key in line.meta}
        for key in LACKING
    }
