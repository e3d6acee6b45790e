"""Arguments by an old name live one version longer, with a warning that writes the new call.

Each says in which version it goes. `deprecated` finds them all (the page "Names that go" of the
documentation lists them), and a test fails when one outlives its version.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_MARK = "__old_keyword_names__"


class OldKeyword(NamedTuple):
    """A keyword that a function still takes: what to write instead, and when it goes."""

    function: str  # with its module
    old: str
    new: str
    gone_in: str  # the first version without it

    def outlives(self, version: str) -> bool:
        """Whether a program of this version should no longer take it.

        >>> OldKeyword("m.area", "width", "size=dict(x=...)", "0.2.0").outlives("0.10.0")
        True
        """
        parts = [tuple(map(int, text.split(".")[:3])) for text in (self.gone_in, version)]
        return parts[0] <= parts[1]


def deprecated(module: ModuleType) -> Iterator[OldKeyword]:
    """Every old keyword of the functions and methods that a module defines, in their order."""
    for item in vars(module).values():
        if getattr(item, "__module__", "") == module.__name__:
            for function in (item, *(vars(item).values() if isinstance(item, type) else ())):
                yield from _marks(function)


def _marks(function: Any) -> Iterator[OldKeyword]:
    while callable(function):
        yield from getattr(function, "__dict__", {}).get(_MARK, ())
        function = getattr(function, "__wrapped__", None)


def old_keywords(
    name: str, build: Callable[..., Any], fields: Mapping[str, str], *, gone_in: str
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Decorator: keywords that became the fields of one object still build that object.

    name : the parameter that takes the object. build : makes it from its fields. fields : old
    keyword -> field of the object. gone_in : the first version that no longer takes them. A call
    with old keywords warns (DeprecationWarning) and says how
    it is written now; one with both raises TypeError, as two values for one parameter do.

    >>> @old_keywords("size", dict, {"width": "x"}, gone_in="9.0.0")
    ... def area(size):
    ...     return size["x"] ** 2
    >>> area({"x": 3})
    9
    """

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        @functools.wraps(function)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            old = [key for key in kwargs if key in fields]
            if not old:
                return function(*args, **kwargs)
            if name in kwargs:
                raise TypeError(f"{function.__name__}() takes {old[0]!r} or {name!r}, not both")
            values = {fields[key]: kwargs.pop(key) for key in old}
            written = ", ".join(f"{field}=..." for field in values)
            warnings.warn(
                f"{function.__name__}({', '.join(f'{key}=...' for key in old)}) goes away in "
                f"version {gone_in}; write {name}={build.__name__}({written})",
                DeprecationWarning, stacklevel=2,
            )  # fmt: skip
            kwargs[name] = build(**values)
            return function(*args, **kwargs)

        where = f"{function.__module__}.{function.__qualname__}"
        # functools.wraps copies the marks of an inner decorator: these replace them
        marks = tuple(
            OldKeyword(where, old, f"{name}={build.__name__}({field}=...)", gone_in)
            for old, field in fields.items()
        )
        setattr(call, _MARK, marks)
        return call

    return decorate
