"""The process mu e -> mu e Z' on the electrons of a thin target: MUonE and experiments like it.

On true quantities everything is deterministic quadrature, except for cuts on what quadrature does
not reach (acoplanarity, missing mass, ...). There, and with the detector, unweighted events are
drawn within the cuts loosened by several resolutions, reconstructed, and cut.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.constants import ALPHA
from mutau.core.errors import MutauError, OutOfRange
from mutau.core.random import stream
from mutau.core.storage import digest
from mutau.core.types import CrossSection, Events, provenance
from mutau.detector.muone import Reconstructed, reconstruct
from mutau.detector.muone_flight import Response
from mutau.models import VECTOR, Model, check_mediator
from mutau.reactions.bosons import KINDS
from mutau.reactions.muon_electron import (
    NO_CUTS,
    ZPRIME,
    Cuts,
    Reaction,
    closing_mass,
    total_cross_section,
)
from mutau.reactions.muon_electron_events import (
    SEARCH,
    Sampler,
    draw_events,
    make_sampler,
    place_in_stations,
)
from mutau.reactions.muon_electron_kinematics import production_threshold
from mutau.selection.cutflow import apply_cuts
from mutau.selection.requirements import label, true_bounds
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.incoming import core, mean_energy, placed
from mutau.signal.muone_response import (
    as_sample,
    check_measurable,
    loosened,
    perfect_response,
    response,
    stations,
)
from mutau.signal.not_computed import MUON_ON_ELECTRONS
from mutau.signal.processes import (
    SIGNAL_PROCESSES,
    Effort,
    Prepared,
    SignalProcess,
    in_proportion,
    mass_key,
)

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

DEFAULT_EVENTS: Final = 40_000
#: Weighted events are enough here, and need no careful bounds.
WEIGHTED_SEARCH: Final = 2
#: Coupling of the electron over that of the muon up to which the electron's radiation is left out.
ELECTRON_SHARE: Final = 0.05
GENERATE: Final = 100  # name in the random streams, beyond the numbers of cuts


def reaction(
    experiment: Experiment, mass: float, coupling: float = 1.0, mediator: str = "vector"
) -> Reaction:
    """mu e -> mu e Z' in this experiment. Raises OutOfRange above the production threshold."""
    return Reaction(
        ZPRIME, experiment.beam.energy, mass=mass, coupling=coupling,
        beam_charge=experiment.beam.charge, mediator=mediator,
    )  # fmt: skip


def true_cuts(cuts: Sequence[Cut], *, known_only: bool = False) -> Cuts:
    """The cuts of an experiment file as cuts on true quantities that quadrature can make.

    A cut on photons does nothing to the signal. known_only : pass over cuts that cannot be made
    so, instead of refusing them. Raises MutauError for such a cut, or an empty window.
    """
    values, left = true_bounds(cuts)
    if left and not known_only:
        raise MutauError(
            f"a cut {label(left[0])!r} cannot be made on true quantities of mu e -> mu e Z'",
            allowed="theta_mu (min), electron_energy, theta_e (max), photon_energy",
        )
    return Cuts(**values)


def by_quadrature(cuts: Sequence[Cut]) -> bool:
    """Whether all cuts can be made on true quantities by quadrature."""
    try:
        true_cuts(cuts)
    except MutauError:
        return False
    return True


def measured_events(
    experiment: Experiment,
    process: Reaction,
    cuts: Cuts,
    n: int,
    rng: np.random.Generator,
    *,
    measures: Response | None = None,
    stretch: float = 1.0,
    muon_tails: bool = True,
) -> tuple[CrossSection, Reconstructed]:
    """Cross section within cuts on true quantities, and n weighted events in there, measured.

    The weights add up to the cross section, pb. measures : the detector; None for the file's.
    stretch, muon_tails : as in `detector.muone.reconstruct`.
    """
    sampler = _weighted_sampler(process, cuts)
    drawn = draw_events(sampler, n, rng, weighted=True)
    events = place_in_stations(drawn, rng, **stations(experiment))
    measures = response(experiment) if measures is None else measures
    measured = reconstruct(events, measures, rng, stretch=stretch, muon_tails=muon_tails)
    return sampler.sigma, measured


@lru_cache(maxsize=8)
def _weighted_sampler(process: Reaction, cuts: Cuts) -> Sampler:
    """Deterministic; kept because several samples of one process are drawn in a row."""
    return make_sampler(process, cuts, search=WEIGHTED_SEARCH)


def electron_coupling(model: Model) -> float:
    """Coupling of the electron where it counts beside the muon's, with its sign; else 0.

    The loop mixing of L_mu - L_tau, 0.005 of the muon's coupling, stays below ELECTRON_SHARE, and
    so do couplings in proportion to mass.
    """
    electron = 0.0
    with suppress(OutOfRange):  # mixing that diverges: no coupling at tree level
        electron = model.lepton_coupling("e")
    return electron if abs(electron) > ELECTRON_SHARE * abs(model.lepton_coupling("mu")) else 0.0


def check_coupled(model: Model) -> None:
    """Raise MutauError for a boson that neither lepton of mu e -> mu e X emits."""
    if model.lepton_coupling("mu") == 0.0 and electron_coupling(model) == 0.0:
        raise MutauError(
            f"model {model.tag!r} couples neither to the muon nor to the electron", place="model"
        )


def check_boson(model: Model, mediators: Collection[str] = VECTOR) -> None:
    """Raise MutauError for a boson of another kind, or that the electron radiates too: only the
    muon's part is in the samples."""
    check_mediator("muon-electron-zprime", mediators, model)
    electron = abs(electron_coupling(model))
    if electron:
        raise MutauError(
            f"model {model.tag!r} couples to the electron with {electron / model.coupling:.3g} of "
            "its coupling: the electron of mu e -> mu e X radiates it too, and that part, which "
            "interferes, is not in the samples of this process",
            place="model",
            remedy="use muons on nuclei or electrons, for example na64mu or na64e",
        )


def prepare(experiment: Experiment, model: Model, effort: Effort) -> Prepared:
    """Everything about one mass that does not depend on the coupling; see `SignalProcess`.

    Raises MutauError for a cut on something that the detector of the file does not measure, and for
    a boson that couples to electrons as to muons.
    """
    check_boson(model, KINDS)
    mass, energy = model.mass, experiment.beam.energy
    names = ("produced, decays invisibly", *(label(cut) for cut in experiment.cuts))
    if mass >= production_threshold(energy):
        return _nothing(names, f"a Z' of {mass:g} GeV is above the production threshold")
    process = reaction(experiment, mass, mediator=model.mediator)
    steps = [
        true_cuts(experiment.cuts[:k], known_only=True) for k in range(len(experiment.cuts) + 1)
    ]
    if effort.truth and by_quadrature(experiment.cuts):
        values = [_allowed(process, cuts) for cuts in steps]
    elif effort.truth:
        values = _detected(experiment, process, steps, effort, perfect_response())
    else:
        check_measurable(experiment)
        values = _detected(experiment, process, steps, effort, response(experiment))
    scale = luminosity_on_electrons(experiment)
    number = scale * np.array([value for value, _ in values])
    error = scale * np.array([err for _, err in values])

    meta: dict[str, Any] = {"luminosity_per_pb": scale}
    if closing_mass(energy, steps[-1]) <= mass:
        meta["remark"] = f"on true quantities no Z' of {mass:g} GeV passes the cuts"
    return Prepared(names, in_proportion("mu", number, error), meta=meta)


def _allowed(process: Reaction, cuts: Cuts) -> tuple[float, float]:
    """Cross section within true cuts and its numerical error, pb."""
    if closing_mass(process.energy, cuts) <= process.mass:
        return 0.0, 0.0
    sigma = total_cross_section(process, cuts)
    return sigma.sigma_pb, sigma.sigma_err_pb


def _detected(
    experiment: Experiment,
    process: Reaction,
    steps: list[Cuts],
    effort: Effort,
    measures: Response,
) -> list[tuple[float, float]]:
    """Cross section after each cut on measured quantities, pb, with its error.

    One sample per different loose window; the last serves every cut from the one that made it.
    """
    n = effort.n_events if effort.n_events > 0 else DEFAULT_EVENTS
    loose = [loosened(cuts, measures) for cuts in steps]
    mass = process.mass
    values = [(0.0, 0.0)] * len(steps) if effort.final_only else [_allowed(process, steps[0])]
    for k in range(len(steps) - 1 if effort.final_only else 1, len(steps)):
        first = loose.index(loose[k])
        if closing_mass(process.energy, loose[k]) <= mass:
            value = (0.0, 0.0)
        else:
            rng = stream(effort.seed, mass_key(mass), first)
            sigma, measured = measured_events(
                experiment, process, loose[k], n, rng, measures=measures
            )
            flow = apply_cuts(experiment.cuts, as_sample(experiment, measured))
            fraction, err = float(flow.fraction[k]), float(flow.error[k])
            value = (
                sigma.sigma_pb * fraction,
                math.hypot(sigma.sigma_pb * err, sigma.sigma_err_pb * fraction),
            )
        if effort.final_only:
            values[k] = value
        else:
            values.append(value)
    return values


def _nothing(names: tuple[str, ...], remark: str) -> Prepared:
    zero = np.zeros(len(names))
    return Prepared(names, lambda _: (zero, zero), meta={"remark": f"{remark}: nothing is made"})


def generate(
    experiment: Experiment, model: Model, n: int, seed: int, *, within_cuts: bool = False
) -> Events:
    """Unweighted signal events in the stations, with the beam of the file (`incoming`).

    within_cuts : only those that pass the cuts of the file that true quantities can make.

    The weights sum to the produced yield, which is that at the nominal energy.
    """
    check_boson(model, KINDS)
    low, high = masses_taken(experiment)[0], production_threshold(experiment.beam.energy)
    if not model.mass < high:
        raise OutOfRange(
            f"mass = {model.mass:g} GeV: no Z' can be produced on electrons at rest",
            place="mass",
            allowed=f"[{low:g}, {high:.4g}) GeV",
        )
    rng = stream(seed, mass_key(model.mass), GENERATE)
    coupling = model.lepton_coupling("mu")
    spread = core(experiment).energy_spread
    search = SEARCH if not spread else SEARCH // 2  # at several energies
    signal = replace(
        reaction(experiment, model.mass, coupling, model.mediator), energy=mean_energy(experiment)
    )
    cuts = true_cuts(experiment.cuts, known_only=True) if within_cuts else NO_CUTS
    sampler = make_sampler(signal, cuts, search=search, spread=spread)
    visible = luminosity_on_electrons(experiment) * model.branching_invisible
    events = place_in_stations(
        draw_events(sampler, n, rng, luminosity=visible), rng, **stations(experiment)
    )
    events = placed(events, experiment, events.p4[:: len(events.p4) // n, 0], rng)
    described = {
        **events.meta,
        **provenance(seed=seed, experiment=experiment.digest, model=digest(model.to_dict())),
        "experiment": experiment.name,
        "expected_events": visible * sampler.sigma.sigma_pb,
        **model.to_dict(),
        "alpha": ALPHA,
    }
    return replace(events, meta=described)


def mass_range(experiment: Experiment) -> tuple[float, float]:
    """From 1 MeV to just below where the cuts close phase space."""
    return 1e-3, 0.999 * closing_mass(
        experiment.beam.energy, true_cuts(experiment.cuts, known_only=True)
    )


def masses_taken(experiment: Experiment) -> tuple[float, float]:
    """From 10 keV, below which quadrature errs by more than 1 %; without end: above the threshold
    of production the result is zero."""
    return 1e-5, np.inf


def not_simulated(experiment: Experiment, effort: Effort) -> list[str]:
    """None: every cut of the file is applied, or refused by name."""
    return []


SIGNAL_PROCESSES.register("muon-electron-zprime")(
    SignalProcess(
        prepare, generate, mass_range, not_simulated, masses_taken,
        reasons=("below 10 keV the cross section is not computed to 1 %", ""),
        samples=lambda item, truth: not (truth and by_quadrature(item.cuts)),
        mediators=KINDS,
        not_computed=MUON_ON_ELECTRONS,
        within_cuts=partial(generate, within_cuts=True),
    )
)  # fmt: skip
