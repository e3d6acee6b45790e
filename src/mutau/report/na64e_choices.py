"""What single choices do to the NA64-e limit: cross section, experiment file, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.analysis.yields import assemble
from mutau.models import build_model
from mutau.selection.requirements import places
from mutau.signal.electron import Plan, prepared

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.models import Model

#: Where the shifts are evaluated, GeV: on the flat part, and where the band is left.
PLACES: Final = (1e-5, 2e-3)
#: Entries of the experiment file, {i} for every run period.
ENTRIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Coulomb correction": {"theory/coulomb": True},
    "protons one by one (inelastic form factor)": {"theory/form_factor": "elastic+inelastic"},
    "exact total with the spectrum of iww": {"theory/method": "iww-scaled"},
    "iww": {"theory/method": "iww"},
    "ww": {"theory/method": "ww"},
    "κ = 45 %": {"runs[{i}]/efficiency": "45 %"},
    "κ = 55 %": {"runs[{i}]/efficiency": "55 %"},
    "50 GeV for both periods": {"runs[{i}]/threshold": "50 GeV"},
    "47 GeV for both periods": {"runs[{i}]/threshold": "47 GeV"},
    "calorimeter 5 %/√E": {"target/resolution": "5 %"},
    "no beam spread": {"beam/energy_spread": "0 %"},
}


@dataclass(frozen=True, slots=True)
class Shift:
    """One choice, the rest as in the file. change : of the coupling at `PLACES`, relative."""

    name: str
    change: tuple[float, ...]


def shifts(experiment: Experiment, seed: int = 1, showers: int = 1000) -> tuple[Shift, ...]:
    """Relative change of the upper limit on the coupling for each choice alone.

    showers : of the pre-shower's sample; all but the last choice are compared without that cut,
    which needs a sample per window. The events allowed come from the posterior with a flat prior:
    deterministic, and for no event seen the same for any background.
    """
    from mutau.experiment import replace as changed

    points = [build_model("lmu-ltau", mass, 3e-4) for mass in PLACES]
    plan = Plan(seed, showers, False, True)
    shower = places(experiment.cuts, "preshower_energy")
    bare = changed(experiment, {f"{place}/min": "0 GeV" for place in shower})

    def couplings(file: Experiment, **given: bool) -> list[float]:
        return [_coupling(file, point, plan, seed, **given) for point in points]

    base = couplings(bare)
    values = {}
    for name, entries in ENTRIES.items():
        runs = range(len(experiment.runs))
        each = [(key.format(i=i), value) for key, value in entries.items() for i in runs]
        values[name] = couplings(changed(bare, dict(each)))
    values["no systematic errors"] = couplings(bare, exact=True)
    with_cut = couplings(experiment)
    values["no pre-shower cut"] = [b * b / c for b, c in zip(base, with_cut, strict=True)]
    return tuple(
        Shift(name, tuple(value / b - 1.0 for value, b in zip(found, base, strict=True)))
        for name, found in values.items()
    )


def _coupling(
    experiment: Experiment, model: Model, plan: Plan, seed: int, exact: bool = False
) -> float:
    """Coupling where the expected signal is what the posterior allows; S goes as its square."""
    from mutau.stats import upper_limit

    yields = assemble(prepared(experiment, model, plan), model, experiment, seed)
    if exact:
        yields = replace(yields, relative_systematic=0.0)
    allowed = upper_limit(yields, method="bayes").events
    return float(model.coupling * np.sqrt(allowed / yields.total))
