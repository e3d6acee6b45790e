"""Which background a limit takes: that of the file, the computed one, or none.

An experiment with its background computed is again an experiment; so a limit, a sensitivity and a
scan say the same of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mutau.core.errors import MutauError, UnknownName
from mutau.core.storage import cached_arrays, digest
from mutau.signal.exposure import physics_digest

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Where the background of a limit comes from: the file, `mutau background`, or nowhere.
BACKGROUND_CHOICES: Final = ("file", "computed", "none")
#: Size of the Monte Carlo behind a computed background: statistical errors of 5 to 20 %.
EFFORT: Final = 0.3
#: Keys of a row of what is not computed.
KEYS: Final = ("name", "reason", "size", "source")


class Computed(NamedTuple):
    """A computed background.

    sources : rows of name, per_particle and error (statistics and model together).
    not_computed : what the sum lacks, as `mutau background` lists it.
    """

    sources: list[dict[str, Any]]
    not_computed: list[dict[str, str]]


def computed_background(
    experiment: Experiment, *, seed: int = 1, effort: float = EFFORT
) -> Computed:
    """Every computed source, and what is not computed.

    As `mutau background`, kept in the cache folder under a digest of experiment, names of the
    sources, seed, effort and program, since it takes minutes.
    Raises MutauError for an experiment whose background cannot be computed at all.
    """
    from mutau.background.estimate import SOURCES
    from mutau.background.registry import background_result, background_sources, not_computed
    from mutau.core import plugins
    from mutau.core.code_digest import code_digest

    sources = sorted(background_sources(experiment))
    missing = not_computed(experiment)

    def compute() -> dict[str, np.ndarray]:
        result = background_result(experiment, seed=seed, effort=effort)
        rows = result["sources"]
        refused = [row for row in result["not_computed"] if row not in missing]
        numbers = [
            [row["per_particle"], float(np.hypot(row["err"], row["model_err"]))] for row in rows
        ]
        return {
            "name": np.array([row["name"] for row in rows], str),
            "number": np.array(numbers, float).reshape(len(rows), 2),
            "refused": np.array([list(row.values()) for row in refused], str).reshape(-1, 4),
        }

    others = [plugins.source_digest(SOURCES.group, name) for name in sources]
    key = digest(physics_digest(experiment), sources, seed, effort, code_digest(__name__), *others)
    found = cached_arrays("background", key, compute) if sources else {"name": np.empty(0)}
    if not len(found["name"]):
        raise MutauError(
            f"no background is computed for {experiment.name} (process {experiment.process!r})",
            place="--background", allowed="file or none",
        )  # fmt: skip
    rows = [
        {"name": str(name), "per_particle": float(number[0]), "error": float(number[1])}
        for name, number in zip(found["name"], found["number"], strict=True)
    ]
    refused = [
        dict(zip(KEYS, (str(text) for text in row), strict=True))
        for row in np.atleast_2d(found["refused"]).tolist()
    ]
    return Computed(rows, [*refused, *missing])


def with_background(
    experiment: Experiment, choice: str, *, seed: int = 1, effort: float = EFFORT
) -> Experiment:
    """The experiment with its background as the file says, as computed, or none.

    choice : out of BACKGROUND_CHOICES. "computed" and "none" replace the sources of the file and
    the background of its run periods; computed ones share the run periods by particles. A computed
    sum may lack sources (`Computed.not_computed`): it is taken only where it is asked for.
    Raises UnknownName for another choice, and as `computed_background`.
    """
    if choice not in BACKGROUND_CHOICES:
        raise UnknownName("background", choice, BACKGROUND_CHOICES, place="--background")
    if choice == "file":
        return experiment
    rows = []
    if choice == "computed":
        rows = computed_background(experiment, seed=seed, effort=effort).sources
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
