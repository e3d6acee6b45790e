"""Which background a limit takes: that of the file, the computed one, or none.

An experiment with its background computed is again an experiment; so a limit, a sensitivity and a
scan say the same of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import MutauError, UnknownName
from mutau.core.storage import cached_arrays, digest
from mutau.pipeline.exposure import physics_digest

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Where the background of a limit comes from: the file, `mutau background`, or nowhere.
BACKGROUND_CHOICES: Final = ("file", "computed", "none")
#: Size of the Monte Carlo behind a computed background: statistical errors of 5 to 20 %.
EFFORT: Final = 0.3


def computed_background(
    experiment: Experiment, *, seed: int = 1, effort: float = EFFORT
) -> list[dict[str, Any]]:
    """name, per_particle and error (statistics and model together) of every computed source.

    As `mutau background`, kept in the cache folder under a digest of experiment, names of the
    sources, seed, effort and program, since it takes minutes.
    Raises MutauError for an experiment whose background cannot be computed.
    """
    from mutau.core.code_digest import code_digest
    from mutau.pipeline.backgrounds import background_answer, background_sources

    sources = sorted(background_sources(experiment))
    if not sources:
        raise MutauError(
            f"no background is computed for the process {experiment.process!r}",
            place=experiment.name, allowed="file or none",
        )  # fmt: skip

    def compute() -> dict[str, np.ndarray]:
        rows = background_answer(experiment, seed=seed, effort=effort)["sources"]
        numbers = [
            [row["per_particle"], float(np.hypot(row["err"], row["model_err"]))] for row in rows
        ]
        return {"name": np.array([row["name"] for row in rows]), "number": np.array(numbers)}

    key = digest(physics_digest(experiment), sources, seed, effort, code_digest(__name__))
    found = cached_arrays("background", key, compute)
    return [
        {"name": str(name), "per_particle": float(number[0]), "error": float(number[1])}
        for name, number in zip(found["name"], found["number"], strict=True)
    ]


def with_background(
    experiment: Experiment, choice: str, *, seed: int = 1, effort: float = EFFORT
) -> Experiment:
    """The experiment with its background as the file says, as computed, or none.

    choice : out of BACKGROUND_CHOICES. "computed" and "none" replace the sources of the file and
    the background of its run periods; computed ones share the run periods by particles.
    Raises UnknownName for another choice, and as `computed_background`.
    """
    if choice not in BACKGROUND_CHOICES:
        raise UnknownName("background", choice, BACKGROUND_CHOICES, place="--background")
    if choice == "file":
        return experiment
    rows = []
    if choice == "computed":
        rows = computed_background(experiment, seed=seed, effort=effort)
    because = f"computed: mutau background, effort {effort:g}, seed {seed}"
    return with_sources(experiment, rows, because)


def with_sources(
    experiment: Experiment, rows: Sequence[Mapping[str, Any]], because: str
) -> Experiment:
    """The experiment with these sources (name, per_particle, error) and no other background."""
    from mutau.experiment.loader import from_document

    document = experiment.to_dict()
    document["background"] = [{**row, "because": because} for row in rows]
    for run in document.get("runs", []):
        for key in ("background", "background_error", "relative_error"):
            run.pop(key, None)
    return from_document(document, experiment.name)
