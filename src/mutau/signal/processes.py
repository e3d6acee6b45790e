"""Signal processes: for each process, the way from a model and an experiment to expected events.

A process prepares what does not depend on the coupling (samples, tables) once per mass, and then
answers for any coupling. So a limit solves S(g) = S_up directly, whatever the dependence on g.

One rule for masses holds on all processes. A mass that a process takes has a result: zero events
with a remark, or no limit, where no Z' can be made or none is left after the cuts; there only
events cannot be drawn. Any other mass is outside the validity of the calculation and refused with
the reason, alone or in a list (the whole list, before anything is computed). A mass inside whose
search for a coupling leaves the model's validity is left out of a curve and named (`masses`). Where
several experiments answer together, one that does not take the mass is left out, unless none takes
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import MutauError, OutOfRange
from mutau.core.registry import Registry, instance_of
from mutau.core.types import Events
from mutau.models import Model, check_mediator, model_class
from mutau.signal.efficiencies import Steps, efficiency_steps
from mutau.signal.not_computed import Missing

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray
#: model -> (signal after each cut, error of each), events in the full exposure.
Signal = Callable[[Model], tuple[Array, Array]]

#: Key of `Prepared.meta`: name -> relative change of the signal by what its theory leaves open.
MODEL_ERRORS: Final = "model_errors"


@dataclass(frozen=True, slots=True)
class Effort:
    """How a process is to prepare a mass.

    seed : fixes the Monte Carlo. n_events : sample size; 0 for the process's default.
    truth : cuts on true quantities with perfect acceptance. final_only : what is left after the
    last cut is enough, so that parts of the sample which cannot get there need not be drawn; the
    last number is the same to the digit. full_chain : efficiency by the full simulation.
    """

    seed: int = 1
    n_events: int = 0
    truth: bool = False
    final_only: bool = False
    full_chain: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a process knows about one mass in one experiment.

    cuts : names, the first is what is produced. signal : see `Signal`; valid for models of the
    same class, mass and dark sector as the one it was prepared with.
    run_fraction : (R,) fraction of the signal in each run period.
    extra_systematic : relative error of the signal beyond the experiment's overall one.
    """

    cuts: tuple[str, ...]
    signal: Signal
    run_fraction: Array = field(default_factory=lambda: np.ones(1))
    extra_systematic: float = 0.0
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignalProcess:
    """A process from the experiment's point of view.

    prepare : (experiment, model, `Effort`) -> Prepared.
    generate : (experiment, model, n, seed) -> Events with vertices, weights summing to the yield.
    mass_range : experiment -> (lowest, highest) mass in GeV where a curve makes sense.
    taken : experiment -> (lowest, highest) mass in GeV that the process answers for; None:
    mass_range.
    reasons : why not below, why not above.
    samples : (experiment, truth) -> whether the result rests on Monte Carlo events.
    not_simulated : (experiment, `Effort`) -> cuts of the file that it does not apply, as texts.
    full_chain : whether it can take its efficiency from the full simulation.
    mediators : kinds of boson (`Model.mediator`) that it computes; others are refused.
    off_shell : whether it counts dark matter that the boson is too light to decay into.
    not_computed : sources of its background that are known and that nobody computes; every total
    names them.
    within_cuts : as `generate`, of events that pass the file's cuts on true quantities; None where
    it cannot.
    beams, meaning : what files are checked against and lists show; of ours in `experiment.names`.
    tables : as in `experiment.names.DeclaredProcess`.
    """

    prepare: Callable[[Experiment, Model, Effort], Prepared]
    generate: Callable[[Experiment, Model, int, int], Events]
    mass_range: Callable[[Experiment], tuple[float, float]]
    not_simulated: Callable[[Experiment, Effort], list[str]]
    taken: Callable[[Experiment], tuple[float, float]] | None = None
    reasons: tuple[str, str] = ("", "")
    samples: Callable[[Experiment, bool], bool] = lambda experiment, truth: True
    full_chain: bool = False
    mediators: Collection[str] = field(kw_only=True)
    not_computed: tuple[Missing, ...] = ()
    off_shell: bool = False
    within_cuts: Callable[[Experiment, Model, int, int], Events] | None = None
    beams: tuple[str, ...] = ()
    meaning: str = ""
    tables: tuple[str, ...] = ()


def in_proportion(lepton: str, number: Array, error: Array) -> Signal:
    """Signal of events that the lepton emits, counted at unit coupling and invisible decay."""

    def signal(point: Model) -> tuple[Array, Array]:
        strength = point.invisible_strength(lepton)
        return strength * number, strength * error

    return signal


SIGNAL_PROCESSES: Registry[SignalProcess] = Registry(
    "process", "mutau.processes", check=instance_of(SignalProcess)
)
#: Where every result names the cuts of the file that it does not apply.
NOT_SIMULATED: Final = "not_simulated"


def mass_key(mass: float) -> int:
    """Whole number that names a mass in a random stream, so that a point does not depend on the
    curve it stands in."""
    return int(np.float64(mass).view(np.uint64))


#: Process -> module that registers its process when imported; only the one that is asked for loads.
PROCESS_MODULES: Final = {
    "muon-brems": "mutau.signal.muon_brems",
    "muon-electron-zprime": "mutau.signal.muon_electron",
    "electron-brems+annihilation": "mutau.signal.electron",
}


def registered(experiment: Experiment) -> SignalProcess:
    """The process of an experiment as it was registered. Raises UnknownName if it has none."""
    if experiment.process in PROCESS_MODULES:
        import_module(PROCESS_MODULES[experiment.process])
    return SIGNAL_PROCESSES[experiment.process]


def process_of(experiment: Experiment) -> SignalProcess:
    """The process of an experiment, refusing masses and mediators that it does not take.

    What it prepares has the efficiencies of the file behind its cuts, at the truth level none.
    Raises UnknownName if its process has none.
    """
    process = registered(experiment)

    def prepare(item: Experiment, model: Model, effort: Effort) -> Prepared:
        check_model(item, model)
        prepared = process.prepare(item, model, effort)
        if not item.efficiency or effort.truth:
            return prepared
        left_out = process.not_simulated(item, effort)
        return with_steps(prepared, efficiency_steps(item, model.mass, left_out))

    def generate(item: Experiment, model: Model, n: int, seed: int) -> Events:
        check_model(item, model)
        return process.generate(item, model, n, seed)

    def within_cuts(item: Experiment, model: Model, n: int, seed: int) -> Events:
        check_model(item, model)
        if process.within_cuts is None:
            raise MutauError(
                f"events of {item.process!r} cannot be drawn within the cuts of the file",
                place=item.name, remedy="draw them without, and cut them",
            )  # fmt: skip
        return process.within_cuts(item, model, n, seed)

    return replace(process, prepare=prepare, generate=generate, within_cuts=within_cuts)


def with_steps(prepared: Prepared, steps: Steps) -> Prepared:
    """The signal with stated efficiencies behind its last cut; their error is a systematic one."""
    if not steps.labels:
        return prepared

    def signal(point: Model) -> tuple[Array, Array]:
        events, error = prepared.signal(point)
        return np.append(events, steps.kept * events[-1]), np.append(error, steps.kept * error[-1])

    return replace(
        prepared,
        cuts=(*prepared.cuts, *steps.labels),
        signal=signal,
        extra_systematic=math.hypot(prepared.extra_systematic, steps.error),
    )


def masses_taken(experiment: Experiment) -> tuple[float, float]:
    """Lowest and highest mass (GeV) that the experiment's process answers for."""
    process = registered(experiment)
    return (process.taken or process.mass_range)(experiment)


def takes_mass(experiment: Experiment, mass: float) -> bool:
    """Whether the experiment's process answers for a mass (GeV)."""
    low, high = masses_taken(experiment)
    return low <= mass <= high


def check_masses(experiment: Experiment, masses: Iterable[float]) -> None:
    """Raise OutOfRange, with the reason, for the first mass (GeV) that the process refuses."""
    low, high = masses_taken(experiment)
    below, above = registered(experiment).reasons
    for mass in masses:
        if not low <= mass <= high:
            reason = above if mass > high else below
            raise OutOfRange(
                f"mass = {mass:g} GeV is not taken by {experiment.name}"
                + (f" ({reason})" if reason else ""),
                place="mass",
                allowed=f"[{low:.6g}, {high:.6g}] GeV",
            )


def check_model(experiment: Experiment, model: Model) -> None:
    """Raise MutauError for a boson that the process does not compute, OutOfRange for its mass."""
    check_mediator(experiment.process, registered(experiment).mediators, model)
    if not registered(experiment).off_shell:
        refuse_off_shell(experiment.process, model)
    check_masses(experiment, [model.mass])


def refuse_off_shell(what: str, model: Model) -> None:
    """Raise MutauError if the boson makes its dark matter off its mass shell only."""
    if model.off_shell:
        raise MutauError(
            f"{what} makes bosons on their mass shell, and this one is too light to decay into two "
            f"dark matter particles: what it makes off its mass shell is not computed",
            place="mass_ratio", allowed="mass_ratio > 2",
            remedy="use alpha_d = 0 for a model without a dark sector; experiments of process "
            "'electron-brems+annihilation' count it",
        )  # fmt: skip


def check_kind(experiment: Experiment, model: str) -> None:
    """Raise MutauError if the process does not compute the boson of a model, given by its tag."""
    check_mediator(experiment.process, registered(experiment).mediators, model_class(model))


def refuse_unused_events(
    experiments: Sequence[Experiment], n_events: int, *, truth: bool = False
) -> None:
    """Raise MutauError if a number of events is asked of processes none of which draws any."""
    if n_events > 0 and not any(registered(item).samples(item, truth) for item in experiments):
        names = ", ".join(item.name for item in experiments)
        raise MutauError(
            f"has no effect: {names} is computed by quadrature, without events",
            place="-n",
            remedy="leave it out",
        )


def refuse_full_chain(experiment: Experiment, wanted: bool, *, truth: bool = False) -> None:
    """Raise MutauError if the full simulation is asked of a process without one, or of truth."""
    if wanted and truth:
        raise MutauError("the full chain has no truth level", place="--full-chain",
                         remedy="leave out --truth")  # fmt: skip
    if wanted and not registered(experiment).full_chain:
        for module in PROCESS_MODULES.values():
            import_module(module)
        raise MutauError(
            f"{experiment.name} has no full simulation (process {experiment.process!r})",
            place="--full-chain",
            allowed=", ".join(
                name for name in sorted(SIGNAL_PROCESSES) if SIGNAL_PROCESSES[name].full_chain
            ),
        )


def has_process(experiment: Experiment) -> bool:
    """Whether the experiment's process can be run."""
    return experiment.process in PROCESS_MODULES or experiment.process in SIGNAL_PROCESSES


def check_point(experiment: Experiment, model: Model) -> None:
    """Raise OutOfRange or MutauError for a model point that the process cannot take."""
    check_model(experiment, model)
    if not model.off_shell and not model.branching_invisible > 0.0:
        raise MutauError(
            f"{model} has no invisible decay, so it leaves no missing energy",
            place="alpha_d",
            allowed="alpha_d > 0, or a model with neutrinos",
            remedy="add for example --alpha-d 0.1",
        )
