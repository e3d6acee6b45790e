"""Counting experiments: likelihood, upper limits, coverage, discovery, workspaces. No physics.

Why it is as it is. Searches with no or few events seen live where asymptotic formulas end, so each
method is an object that says where it holds, measured against exact sums; outside it refuses or
warns with the remedy. `None` for level or method means what the experiment file states: one rule
at every interface. The signal's Monte Carlo error enters a limit as a constrained parameter or is
quoted beside it, never dropped.

The kernels are our own because limits are solved thousands of times per plane; pyhf is the oracle
in tests and the format in which models come and go (`histfactory`, `workspace`).

Names load when first used, so importing the sub-package loads neither Numba nor SciPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mutau.stats.coupling import CouplingLimit, iterate_coupling, solve_coupling
    from mutau.stats.histfactory import HistFactoryModel
    from mutau.stats.methods import METHODS, Method
    from mutau.stats.model import Channel, CountingModel, combine, counting_model
    from mutau.stats.profile import Fit, fit
    from mutau.stats.studies import (
        Coverage,
        Discovery,
        ExpectedLimits,
        coverage,
        discovery,
        expected_limits,
    )
    from mutau.stats.upper import UpperLimit, p_value, upper_limit
    from mutau.stats.workspace import from_workspace, to_workspace

_PUBLIC = {
    "METHODS": "methods",
    "Channel": "model",
    "CountingModel": "model",
    "CouplingLimit": "coupling",
    "Coverage": "studies",
    "Discovery": "studies",
    "ExpectedLimits": "studies",
    "Fit": "profile",
    "HistFactoryModel": "histfactory",
    "Method": "methods",
    "UpperLimit": "upper",
    "combine": "model",
    "counting_model": "model",
    "coverage": "studies",
    "discovery": "studies",
    "expected_limits": "studies",
    "fit": "profile",
    "from_workspace": "workspace",
    "iterate_coupling": "coupling",
    "p_value": "upper",
    "solve_coupling": "coupling",
    "to_workspace": "workspace",
    "upper_limit": "upper",
}

__all__ = [
    "METHODS",
    "Channel",
    "CountingModel",
    "CouplingLimit",
    "Coverage",
    "Discovery",
    "ExpectedLimits",
    "Fit",
    "HistFactoryModel",
    "Method",
    "UpperLimit",
    "combine",
    "counting_model",
    "coverage",
    "discovery",
    "expected_limits",
    "fit",
    "from_workspace",
    "iterate_coupling",
    "p_value",
    "solve_coupling",
    "to_workspace",
    "upper_limit",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mutau.stats' has no attribute {name!r}")
    return getattr(import_module(f"mutau.stats.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
