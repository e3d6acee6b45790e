"""Detector non-hermeticity in both panels of the hermeticity plane and behind the whole selection.

Losses to nuclei are forced and their hadrons biased (`hermeticity`); losses to photons, pairs and
electrons are forced too, but their showers make an edge in E_CAL that falls so steeply that none is
seen in region D: how many there can be at most is an error of the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.estimate import Estimate, background_source
from mutau.background.hcal_paths import hcal_modules
from mutau.background.hermeticity import Biasing, Leakage, leakage
from mutau.background.leading_hadrons import neutral_error
from mutau.background.weights import WeightedSum, weighted_sum
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.core.records import zeros
from mutau.detector.readout import build_readout
from mutau.detector.simulation import CARRIED
from mutau.selection.cutflow import passing
from mutau.selection.missing_momentum import cuts_of
from mutau.selection.requirements import cuts_on, simulated
from mutau.transport.catastrophic_losses import KINDS

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Forced beam muons of an estimate with effort 1, for nuclear and for the other losses.
DEFAULT_MUONS: Final = 60_000
_SHOWER_MUONS: Final = 12_000
#: Fewer of them do not fix the slope of the edge; with fewer nuclear ones some ten events decide.
_FEWEST: Final = 8_000
_FEWEST_NUCLEAR: Final = 20_000
#: Cuts that go with the beam trigger in the top panel of fig. 5 of the NA64mu paper.
_TOP: Final = ("incoming_momentum", "n_tracks", "muon_energy", "muon_energy_fraction")
#: Where the hardest hadron ends.
YOKE, HCAL, BESIDE, CHARGED_LEAD, SEVERAL = range(5)
ENDS: Final = ("yoke", "hcal", "beside", "charged", "several")
#: Relative error of what gets past all cuts after a shower in iron: a small rest of a shower, which
#: usually fires a veto. What comes back is known to some per cent, such rests are not.
IRON_ERROR: Final = 1.0
#: Effective events below which what no event shows is an error: 2.3 of a typical weight.
_FEW_EVENTS: Final = 3.0
#: Relative changes for the modelling error: scale of the calorimeters, of the muon's momentum.
SCALE_ERROR: Final = 0.1
MOMENTUM_ERROR: Final = 0.03
#: Events of the edge in E_CAL that fix its slope.
_EDGE_EVENTS: Final = 40


@dataclass(frozen=True, slots=True)
class Panel:
    """Leakage into region D under one set of cuts, per beam muon on target.

    total : with the spectra of leading hadrons. model_err : absolute.
    plain, plain_err : with the fragments of the full simulation. parts : name in ENDS -> value, by
    the end of the hardest hadron; "hcal" is punch-through and not in `total`. errors : name ->
    absolute error of the modelling. showers : most that the edge of electromagnetic showers can
    leave below the limit, at 90 % (`edge_limit`); not in `total` but in `model_err`.
    """

    total: WeightedSum
    model_err: float
    plain: float
    plain_err: float
    parts: dict[str, float]
    errors: dict[str, float]
    showers: float

    @property
    def value(self) -> float:
        """The leakage."""
        return self.total.value

    @property
    def err(self) -> float:
        """Statistical error of `value`."""
        return self.total.err


def ends(found: Leakage, experiment: Experiment) -> tuple[NDArray[np.int64], Array]:
    """Where the hardest hadron of each event ends (M,), and cm of the yoke it has ahead (M,).

    Neutral hadrons and photons fly straight on, to the iron of a magnet or the hadronic
    calorimeter, whichever comes first; charged ones are not followed here.
    """
    from mutau.background.hermeticity_ends import first_ends
    from mutau.transport.particle import CHARGED, State

    lead, readout = found.lead, build_readout(experiment)
    kinds = {item.name: item.kind for item in experiment.detector.calorimeter}
    hcal = [
        readout.places.em + i for i, name in enumerate(readout.modules) if kinds.get(name) == "hcal"
    ]
    met, ahead = np.zeros(len(lead), np.int64), np.zeros(len(lead))
    rng = stream(0)  # nothing is drawn on a straight line
    first_ends(rng, readout.setup, np.array(hcal, np.int64), lead, zeros(State, 1), met, ahead)
    where = np.array([BESIDE, HCAL, YOKE])[met]
    where[lead["kind"] == CHARGED] = CHARGED_LEAD
    where[lead["kind"] < 0] = SEVERAL
    return where, ahead


def region_d(found: Leakage, experiment: Experiment, *, top: bool) -> Mask:
    """(M,) events in region D: of the top panel (beam trigger, one track), or of all cuts."""
    keep = found.seen <= cuts_of(experiment).calorimeters
    cuts = cuts_on(experiment.cuts, *_TOP) if top else simulated(experiment.cuts)
    keep = keep & passing(cuts, found.sample)
    return np.asarray(keep & found.sample.columns["beam_trigger"] if top else keep)


def edge_limit(found: Leakage, chosen: Mask, limit: float) -> float:
    """Most that an edge of E_CAL can leave below `limit` GeV, at 90 %: an end, not an estimate.

    found : with room for the edge. The lowest events (_EDGE_EVENTS, or all but one) below the next
    one, at E: n of them, mean distance s from it, the maximum likelihood of an exponential. Scale
    and number are taken at their upper ends of 95 % each, s 2n/chi2(2n, 5 %) and
    chi2(2n + 2, 95 %)/2 events, so that both hold in 90 % of samples or more. Holds for an edge
    that is exponential or bends down towards low energy, as that of showers does; a shelf below it
    is what the forced hadronic losses count. Without two events: 2.3 events, anywhere.
    Check: measured on pseudo-experiments, the limit covers in 90 % or more.
    """
    from scipy.stats import chi2

    seen, weight = found.seen[chosen], found.weights["plain"][chosen]
    order = np.argsort(seen)[: _EDGE_EVENTS + 1]
    count = weighted_sum(weight[order[:-1]])
    if len(order) < 2 or count.value <= 0.0:
        return 2.3 * found.forced[0] / found.trials
    top, low, part = float(seen[order[-1]]), seen[order[:-1]], weight[order[:-1]]
    n = count.effective
    scale = float(np.sum(part * (top - low)) / part.sum()) * 2.0 * n / chi2.ppf(0.05, 2.0 * n)
    most = count.value / n * 0.5 * chi2.ppf(0.95, 2.0 * n + 2.0)
    return float(most * math.exp(-max(top - limit, 0.0) / scale))


def _required(experiment: Experiment) -> None:
    """Raises NotApplicable where nothing behind the target sees energy or the muon."""
    place = experiment.name
    if experiment.beam.particle not in CARRIED:
        raise NotApplicable(
            f"leakage is computed for muon beams, not {experiment.beam.particle}", place=place
        )
    if not experiment.target.active:
        raise NotApplicable("the target is not active, nothing sees what escapes", place=place)
    hcal_modules(experiment)
    if not math.isfinite(cuts_of(experiment).calorimeters):
        raise NotApplicable(
            "states no upper cut on calorimeter_energy: there is no region of little energy",
            place=f"{experiment.name}: cuts",
            remedy='write for example variable = "calorimeter_energy", max = "20 GeV"',
        )


def _panel(
    nuclear: Leakage, showers: Iterable[Leakage], experiment: Experiment, *, top: bool
) -> Panel:
    chosen = region_d(nuclear, experiment, top=top)
    where, _ = ends(nuclear, experiment)
    through = chosen & (where == HCAL)
    chosen &= where != HCAL
    total = nuclear.total(chosen, "leading")
    value = total.value
    yoke = nuclear.rate(chosen & (where == YOKE), "leading")[0]
    errors = {
        "final states": neutral_error(experiment) * value,
        "showers in iron": IRON_ERROR * yoke,
        "too few events": _too_few(nuclear, where, total),
    }
    for name, columns in (("transverse momentum", ("wide", "narrow")),
                          ("interaction length", ("long", "short"))):  # fmt: skip
        up, down = (nuclear.rate(chosen, k)[0] for k in columns)
        errors[name] = 0.5 * abs(up - down)
    errors["energy scales"] = _scales(nuclear, experiment, where, "leading", top=top)
    soft = _showers(showers, experiment, top=top)
    return Panel(
        total,
        math.hypot(*errors.values(), soft),
        *nuclear.rate(chosen, "plain"),
        {
            name: nuclear.rate(through if code == HCAL else chosen & (where == code), "leading")[0]
            for code, name in enumerate(ENDS)
        },
        errors,
        soft,
    )


def _too_few(nuclear: Leakage, where: NDArray[np.int64], total: WeightedSum) -> float:
    """What a selection with hardly any event may have missed (90 %): 2.3 times the mean weight of
    the events that end in a yoke; 0 with more than _FEW_EVENTS."""
    weights = nuclear.weights["leading"][(where == YOKE) & (nuclear.weights["leading"] > 0.0)]
    if total.effective > _FEW_EVENTS or not len(weights):
        return 0.0
    return 2.3 * float(weights.mean())


def _showers(found: Iterable[Leakage], experiment: Experiment, *, top: bool) -> float:
    """Most that showers leave in region D, at 90 %: the edges of the top panel, added.

    Behind all cuts: times the fraction of the top panel's edge that passes them at most (90 %),
    which falls towards low E_CAL, so that this is an upper end.
    """
    limit, value = cuts_of(experiment).calorimeters, 0.0
    for one in found:
        mask = _edge_mask(one, experiment, top=True)
        rate = edge_limit(one, mask, limit)
        if not top and np.any(mask):
            every = one.total(mask)
            passed = one.total(mask & _edge_mask(one, experiment, top=False))
            least = 2.3 * every.value / every.effective  # of none seen
            rate *= min(max(passed.value + 1.28 * passed.err, least) / every.value, 1.0)
        value += rate
    return value


def _edge_mask(found: Leakage, experiment: Experiment, *, top: bool) -> Mask:
    """As `region_d` without the limit on E_CAL."""
    whole = replace(found, seen=np.zeros_like(found.seen))
    return region_d(whole, experiment, top=top)


def _scales(
    found: Leakage, experiment: Experiment, where: NDArray[np.int64], which: str, *, top: bool
) -> float:
    """Change by the scales of the calorimeters and of the muon's momentum, both at once: half the
    range between too low and too high."""
    rates = []
    for factor in (1.0 - SCALE_ERROR, 1.0 + SCALE_ERROR):
        columns = dict(found.sample.columns)
        for name in ("ecal_energy", "vhcal_energy", "hcal_energy"):
            columns[name] = columns[name] * factor
        columns["p_muon"] = columns["p_muon"] * (1.0 + MOMENTUM_ERROR * np.sign(factor - 1.0))
        scaled = replace(
            found, sample=replace(found.sample, columns=columns), seen=found.seen * factor
        )
        rates.append(found.rate(region_d(scaled, experiment, top=top) & (where != HCAL), which)[0])
    return 0.5 * abs(rates[1] - rates[0])


def non_hermeticity(
    experiment: Experiment,
    *,
    n: int = DEFAULT_MUONS,
    seed: int = 1,
    biasing: Biasing | None = None,
) -> tuple[Panel, Panel]:
    """Leakage into region D: (top panel, all cuts). n : forced beam muons.

    Left out: neutrinos from charm, photonuclear interactions of radiated photons (both below 1 %
    of the leakage by nuclei of NA64mu), yokes that end somewhere across (theirs do not).
    Raises NotApplicable for a set-up without active target or hadronic calorimeter.
    """
    _required(experiment)
    nuclear = leakage(experiment, n=n, seed=seed, biasing=biasing)
    behind = nuclear.behind_vetoes()
    room = 0.4 * experiment.beam.energy
    few = max(n * _SHOWER_MUONS // DEFAULT_MUONS, _FEWEST)
    showers = [
        leakage(experiment, n=few, seed=seed, kind=kind, most=room)
        for kind in KINDS if kind != "nuclear"
    ]  # fmt: skip
    return (
        _panel(nuclear, showers, experiment, top=True),
        _panel(behind, showers, experiment, top=False),
    )


@background_source("non-hermeticity", "muon-brems")
def detector_non_hermeticity(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Energy that gets past the calorimeters (paper: ~ 1e-12 for NA64mu)."""
    top, final = non_hermeticity(
        experiment, n=max(int(DEFAULT_MUONS * effort), _FEWEST_NUCLEAR), seed=seed
    )
    parts = {
        "top panel": top.value,
        "top panel err": top.err,
        "top panel model_err": top.model_err,
        "fragments of the simulation": final.plain,
        **final.total.parts(),
        "showers, at most (90 %)": final.showers,
        "top panel, showers, at most (90 %)": top.showers,
    }
    parts |= {f"hardest hadron: {name}": final.parts[name] for name in ENDS}
    parts |= {f"error: {name}": value for name, value in final.errors.items()}
    return Estimate(
        "non-hermeticity",
        final.value,
        final.err,
        final.model_err,
        "forced losses in the target, biased hadrons, full simulation",
        "places of the VHCAL's hole and the magnet's gap; leading neutral hadrons",
        "mu.table1.hermeticity",
        parts,
    )
