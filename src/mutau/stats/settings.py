"""Level and method of a limit where none is asked for: what the data state, else the defaults.

The one rule for every function and command that sets a limit: `None` means what the experiment
file says (its table `statistics`, which yields carry), and only where it says nothing the defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mutau.core.errors import MutauError
from mutau.core.types import Yields

DEFAULT_CL: Final = 0.90
DEFAULT_METHOD: Final = "bayes"
#: Name of the entry in the `meta` of yields that repeats the table `statistics` of their file.
STATED: Final = "statistics"


def chosen(data: object, cl: float | None, method: str | None) -> tuple[float, str]:
    """Level and method: those given, else those that the data state, else the defaults.

    data : yields carry what their experiment file states; any other model states nothing.
    Check: yields of a file with 95 % and "asymptotic-cls" give (0.95, "asymptotic-cls").
    """
    stated: Mapping[str, Any] = data.meta.get(STATED, {}) if isinstance(data, Yields) else {}
    level = stated.get("cl", DEFAULT_CL) if cl is None else cl
    return level, stated.get("method", DEFAULT_METHOD) if method is None else method


def agreed(what: str, stated: Iterable[tuple[str, Any]], option: str) -> Any:
    """The one value that all files state.

    what : for messages. stated : pairs of experiment and value, at least one. option : how a value
    is given instead. Raises MutauError where they differ.
    """
    rows = list(stated)
    if len({value for _, value in rows}) > 1:
        stated_by = ", ".join(f"{name} says {value}" for name, value in rows)
        raise MutauError(
            f"the files differ in {what}: {stated_by}", remedy=f"choose one with {option}"
        )
    return rows[0][1]
