"""How a result is to be computed: one object that every function of `analysis` takes whole.

What is not given is what the experiment file says, at every interface; a function that has no use
for something that was given refuses it by name, so that nothing is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from mutau.background.choice import (
    BACKGROUND_CHOICES,
    EFFORT,
    Computed,
    computed_background,
    with_background,
)
from mutau.core.errors import MutauError, UnknownName
from mutau.signal.processes import Effort, refuse_full_chain
from mutau.stats.settings import DEFAULT_CL, DEFAULT_METHOD, agreed

if TYPE_CHECKING:
    from mutau.experiment import Experiment


@dataclass(frozen=True, slots=True)
class Settings:
    """Level, method, background, statistics and seed; what is left out is as the file says.

    cl : confidence level; None for that of the file, else 0.90. method : name in `stats.METHODS`
    (for a discovery: "asymptotic" or "toys"); None for that of the file, else "bayes".
    background : "file", "computed" (as `mutau background`, its errors a nuisance parameter) or
    "none"; None for "file". effort : size of the Monte Carlo behind a computed background; None
    for 0.3. n_events : Monte Carlo events per mass; 0 for the process's default. full_chain :
    efficiency by the full simulation, its Monte Carlo error in that of the result. seed : fixes
    every random number.
    Raises UnknownName for another background.

    >>> Settings(cl=0.95).level_of([])
    0.95
    """

    cl: float | None = None
    method: str | None = None
    background: str | None = None
    effort: float | None = None
    n_events: int = 0
    full_chain: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if self.background not in (None, *BACKGROUND_CHOICES):
            raise UnknownName(
                "background", str(self.background), BACKGROUND_CHOICES, place="--background"
            )

    def refuse_unused(self, what: str, *used: str) -> None:
        """Raise MutauError for a setting that was given and has no effect.

        what : is computed, for the message. used : names of the settings that do have one.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name not in used and value != item.default:
                raise MutauError(
                    f"{item.name} = {value!r} has no effect on {what}",
                    place=f"settings.{item.name}", allowed=", ".join(used), remedy="leave it out",
                )  # fmt: skip

    @property
    def background_choice(self) -> str:
        """Where the background comes from: "file", "computed" or "none"."""
        return self.background or BACKGROUND_CHOICES[0]

    def preparation(self, experiment: Experiment) -> Effort:
        """How the experiment's process is to prepare a mass; what is left after all cuts is enough.

        Raises MutauError for a full simulation that the process does not have.
        """
        refuse_full_chain(experiment, self.full_chain)
        return Effort(self.seed, self.n_events, final_only=True, full_chain=self.full_chain)

    def with_background(self, experiment: Experiment) -> Experiment:
        """The experiment with the background chosen; minutes, once, where it is computed."""
        return with_background(
            experiment, self.background_choice, seed=self.seed, effort=self._effort
        )

    def computed(self, experiment: Experiment) -> Computed:
        """The computed background and what it lacks. Raises as `computed_background`."""
        return computed_background(experiment, seed=self.seed, effort=self._effort)

    @property
    def _effort(self) -> float:
        return EFFORT if self.effort is None else self.effort

    def level_of(self, experiments: Sequence[Experiment]) -> float:
        """The confidence level: the one given, else that of the files, else DEFAULT_CL.

        Raises MutauError where the files differ.
        """
        if self.cl is not None:
            return self.cl
        stated = [
            (item.name, item.statistics.cl if item.statistics else DEFAULT_CL)
            for item in experiments
        ]
        return float(agreed("their confidence level", stated, "cl (--cl)"))

    def method_of(self, experiments: Sequence[Experiment]) -> str:
        """The method: the one given, else that of the files, else DEFAULT_METHOD.

        A file's "events" knows no background: with a computed one "bayes" stands for it, and in
        company it gives way to another file's method; both are the same where nothing is seen and
        no background expected. Raises UnknownName, MutauError where the other methods differ.
        """
        if self.method is not None:
            from mutau.stats import METHODS

            METHODS[self.method]
            return self.method
        stated = [(item.name, self._stated_method(item)) for item in experiments]
        others = [row for row in stated if row[1] != "events"]
        return str(agreed("the method of their limits", others or stated, "method (--method)"))

    def _stated_method(self, experiment: Experiment) -> str:
        stated = experiment.statistics.method if experiment.statistics else DEFAULT_METHOD
        replaced = (stated, self.background_choice) == ("events", "computed")
        return DEFAULT_METHOD if replaced else stated


#: Everything as the file says.
AS_STATED: Final = Settings()
