"""Experiments are data: the schema of their TOML files, the loader, and located checks.

Why it is as it is. A detector that somebody plans must be a file, not a program: whoever adds one
writes TOML and no Python. So this sub-package knows what a file may say and nothing of what
follows from it. `schema*` describes the parts in internal units, frozen; `loader` reads, collects
all mistakes with their address in the file before anything is computed, and `variables` and
`names` state what the cuts and processes of a file can be called.

A value that a paper leaves open stands in the file as an assumption with `because`, where a study
can vary it; a default in the code would hide it. Unknown keys are refused, and keys that no
calculation reads are named (`signal.usage`), since a typing error must not become a silent wish.

Importing this sub-package is light; Pydantic loads with the first file.
"""

from typing import TYPE_CHECKING, Any

from mutau.experiment.loader import (
    check_file,
    experiment_names,
    experiment_path,
    load_experiment,
    replace,
)
from mutau.experiment.materials import MaterialName, known_materials
from mutau.experiment.names import PROCESSES, DeclaredProcess
from mutau.experiment.variables import VARIABLES, Variable

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

__all__ = [
    "PROCESSES",
    "VARIABLES",
    "DeclaredProcess",
    "Experiment",
    "MaterialName",
    "Variable",
    "check_file",
    "experiment_names",
    "experiment_path",
    "known_materials",
    "load_experiment",
    "replace",
]


def __getattr__(name: str) -> Any:
    if name == "Experiment":
        from mutau.experiment.schema import Experiment

        return Experiment
    raise AttributeError(f"module 'mutau.experiment' has no attribute {name!r}")
