"""Experiments are data: the schema of their TOML files, the loader, and located checks.

An experiment is a frozen description in internal units (`Experiment` and its parts); nothing in
it computes physics. Importing this package is light; Pydantic loads with the first file.
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
