"""How good the defences of mu e -> mu e Z' must be: the photon veto, the calorimeter's tail.

Each is the number at which one background alone is as large as the signal, or one event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mutau.background.muone import EventNumber, VetoNeeds
from mutau.background.muone_components import DEFAULT_EVENTS, region
from mutau.background.muone_sources import elastic_numbers, radiative_component
from mutau.models import Model
from mutau.selection.cutflow import passing
from mutau.selection.requirements import cuts_on, cuts_without
from mutau.signal.muon_electron import true_cuts
from mutau.signal.muone_response import check_measurable
from mutau.signal.processes import Effort, process_of

if TYPE_CHECKING:
    from mutau.experiment import Experiment


def veto_needs(
    experiment: Experiment, model: Model, *, seed: int = 1, n: int = 0, truth: bool = False
) -> VetoNeeds:
    """How rare a missed photon must be for this model point, under the cuts of the file.

    n : events per sample; 0 for the default. truth : true quantities, perfect acceptance, every
    photon told apart. The veto is the file's cut on photons; its inefficiency is left open.
    Returns VetoNeeds: the inefficiencies at which mu e -> mu e gamma is as large as the signal,
    and one event. Raises OutOfRange if no signal passes, MutauError as `prepare` does.
    Check: `background(equal_to_signal)` is the signal.
    """
    cuts = cuts_without(experiment.cuts, "photon_energy")
    n = n or DEFAULT_EVENTS
    ready = process_of(experiment).prepare(experiment, model, Effort(seed, n, truth))
    signal, error = (float(steps[-1]) for steps in ready.signal(model))
    if truth:
        wide = true_cuts(cuts, known_only=True)
    else:
        check_measurable(experiment)
        wide = region(experiment)
    component = radiative_component(experiment, wide, n, seed, truth=truth)
    weight = component.kept(cuts)
    vetoed = ~passing(cuts_on(experiment.cuts, "photon_energy"), component.sample)
    return VetoNeeds.of(
        EventNumber(signal, error),
        EventNumber.of(weight[vetoed]),
        EventNumber.of(weight[~vetoed]),
    )


def leak_needs(experiment: Experiment, model: Model, *, seed: int = 1, n: int = 0) -> VetoNeeds:
    """How rarely an electron may be measured far too low for this model point, as `veto_needs`.

    `apart` are elastic events that pass the cut on the muon's angle and are kept out by the
    electron's energy alone; `equal_to_signal` and `one_event` are shares of them whose energy is
    measured inside the window, by whatever makes a tail (hadrons from the shower, cracks, dead
    cells). `unseen` is what Gaussian resolutions let in. Cuts other than on theta_mu and E_e are
    not applied: with them the search bears more. n : events of the signal's sample.
    Raises OutOfRange if no signal passes, MutauError as `prepare` does.
    Check: 1 / one_event is the number of elastic events beyond the cut.
    """
    check_measurable(experiment)
    ready = process_of(experiment).prepare(experiment, model, Effort(seed, n or DEFAULT_EVENTS))
    signal, error = (float(steps[-1]) for steps in ready.signal(model))
    let_in, kept_out = elastic_numbers(experiment)
    return VetoNeeds.of(EventNumber(signal, error), kept_out, let_in)


def veto_scan(
    experiment: Experiment,
    models: Sequence[Model],
    *,
    seed: int = 1,
    n: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> list[dict[str, Any]]:
    """Rows of `veto_needs` for several model points, measured and on true quantities side by side.

    Values that do not exist (unseen events alone are too many) are None.
    """
    rows = []
    for done, model in enumerate(models):
        if progress:
            progress(done / len(models), f"{model.mass:g} GeV")
        for truth in (True, False):
            needs = veto_needs(experiment, model, seed=seed, n=n, truth=truth)
            rows.append(
                {
                    "mass_GeV": model.mass,
                    "coupling": model.coupling,
                    "level": "truth" if truth else "reconstructed",
                    "signal": needs.signal.events,
                    "radiative_apart": needs.apart.events,
                    "radiative_apart_err": needs.apart.error,
                    "radiative_unseen": needs.unseen.events,
                    "radiative_unseen_err": needs.unseen.error,
                    "inefficiency_equal_to_signal": _number(needs.equal_to_signal),
                    "inefficiency_one_event": _number(needs.one_event),
                }
            )
    return rows


def leak_rows(
    experiment: Experiment, model: Model, *, seed: int = 1, n: int = 0
) -> list[dict[str, Any]]:
    """`leak_needs` of one model point as it is printed beside the photon veto."""
    needs = leak_needs(experiment, model, seed=seed, n=n)
    return [
        {
            "mass_GeV": model.mass,
            "coupling": model.coupling,
            "signal": needs.signal.events,
            "elastic_kept_out_by_energy": needs.apart.events,
            "elastic_let_in_by_resolution": needs.unseen.events,
            "share_equal_to_signal": _number(needs.equal_to_signal),
            "share_one_event": _number(needs.one_event),
        }
    ]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
