"""Errors that a user can act on.

Each carries four things: the value that was refused, the place where it stands,
what is allowed there, and what to do. The command line prints them on one line
and ends with exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class MutauError(ValueError):
    """Wrong input. Base of every error that the command line turns into exit code 2.

    message : what is wrong, naming the value.
    place : where the value stands (argument, file and key), or "".
    allowed : what would have been accepted, or "".
    remedy : what to do next, or "".
    """

    def __init__(
        self, message: str, *, place: str = "", allowed: str = "", remedy: str = ""
    ) -> None:
        self.message, self.place, self.allowed, self.remedy = message, place, allowed, remedy
        text = f"{place}: {message}" if place else message
        if allowed:
            text += f"; allowed: {allowed}"
        if remedy:
            text += f"; {remedy}"
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        """How an error travels from a worker: by its attributes, as subclasses take other
        arguments than the text that `args` holds."""
        return _restored, (type(self), self.args), dict(self.__dict__)


def _restored(cls: type[MutauError], args: tuple[Any, ...]) -> MutauError:
    return cls.__new__(cls, *args)


class UnknownName(MutauError):
    """A name that no registry or data file holds; suggests the nearest one."""

    def __init__(
        self, kind: str, name: object, known: Iterable[str], *, place: str = "", remedy: str = ""
    ) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else ""
        super().__init__(
            f"{kind} {name!r} is unknown",
            place=place,
            allowed="" if near else ", ".join(names),
            remedy="; ".join(part for part in (hint, remedy) if part),
        )


class UnitError(MutauError):
    """A quantity without unit, with an unknown unit, or of the wrong dimension."""


class NotApplicable(MutauError):
    """A calculation that the set-up does not call for, or does not describe well enough; whoever
    lists several calculations names it with the reason and goes on."""


class OutOfRange(MutauError):
    """A value outside the range where the calculation holds."""


class FileError(MutauError):
    """A file that is missing, cannot be read, or cannot be written."""


class MissingExtra(MutauError):
    """A part of the package whose optional dependency is not installed."""

    def __init__(self, what: str, extra: str, *, place: str = "") -> None:
        super().__init__(
            f"{what} needs an optional package that is not installed",
            place=place,
            remedy=f"pip install 'mutau[{extra}]'",
        )


class Problems(MutauError):
    """Several located problems found in one document, reported together.

    problems : tuple of (address, message) pairs, in document order.
    elements : address -> name of the element there, where it has one; the text ends with it.
    """

    def __init__(
        self,
        document: str,
        problems: Iterable[tuple[str, str]],
        elements: Mapping[str, str] | None = None,
    ) -> None:
        self.document = document
        self.problems = tuple(problems)
        self.elements = {place: name for place, name in (elements or {}).items() if name}
        lines = [
            f"{document}: {place}: {text}{self._element(place)}" for place, text in self.problems
        ]
        count = len(lines)
        lines.append(f"{count} problem{'s' if count != 1 else ''}; nothing was run.")
        super().__init__("\n".join(lines))

    def _element(self, address: str) -> str:
        return f" [{self.elements[address]}]" if address in self.elements else ""


def require_in_range(
    name: str,
    value: float,
    low: float,
    high: float,
    *,
    unit: str = "",
    reason: str = "",
    open_low: bool = False,
) -> float:
    """Return `value` if low <= value <= high (low < value with `open_low`), else raise.

    Raises OutOfRange, naming value, range and reason; NaN is always refused.
    """
    above = value > low if open_low else value >= low
    if not (above and value <= high):
        unit = f" {unit}" if unit else ""
        bracket = "(" if open_low else "["
        raise OutOfRange(
            f"{name} = {value:g}{unit} is outside the range of validity"
            + (f" ({reason})" if reason else ""),
            allowed=f"{bracket}{low:g}, {high:g}]{unit}",
        )
    return value
