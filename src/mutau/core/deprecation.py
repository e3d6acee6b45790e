"""Arguments by an old name live one version longer, with a warning that writes the new call."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def old_keywords(
    name: str, build: Callable[..., Any], fields: Mapping[str, str]
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Decorator: keywords that became the fields of one object still build that object.

    name : the parameter that takes the object. build : makes it from its fields. fields : old
    keyword -> field of the object. A call with old keywords warns (DeprecationWarning) and says how
    it is written now; one with both raises TypeError, as two values for one parameter do.

    >>> @old_keywords("size", dict, {"width": "x"})
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
                f"{function.__name__}({', '.join(f'{key}=...' for key in old)}) goes away with the "
                f"next version; write {name}={build.__name__}({written})",
                DeprecationWarning, stacklevel=2,
            )  # fmt: skip
            kwargs[name] = build(**values)
            return function(*args, **kwargs)

        return call

    return decorate
