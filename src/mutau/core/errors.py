"""Errors that a user can act on.

Each carries four things: the value that was refused, the place where it stands,
what is allowed there, and what to do. The command line prints them on one line
and ends with exit code 2 (1 for what the machine refuses).
"""

from __future__ import annotations

import difflib
import errno
import sys
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

#: Most characters of a message, of one problem in a list of them, and most problems listed.
MOST_TEXT, MOST_LINE, MOST_PROBLEMS = 13_000, 600, 20


def shortened(text: str, most: int) -> str:
    """A text with its middle left out where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    half = (most - 40) // 2
    return f"{text[:half]} [... {len(text) - 2 * half} characters ...] {text[-half:]}"


def one_line(text: object, most: int = 300) -> str:
    """A text in one line of at most `most` characters: libraries quote whole files.

    >>> one_line("a\\n  b")
    'a b'
    """
    return shortened(" ".join(str(text).split()), most)


class MutauError(ValueError):
    """Wrong input. Base of every error that the command line turns into exit code 2.

    message : what is wrong, naming the value.
    place : where the value stands (argument, file and key), or "".
    allowed : what would have been accepted, or "".
    remedy : what to do next, or "".
    """

    #: How the command line ends.
    exit_code: ClassVar[int] = 2

    def __init__(
        self, message: str, *, place: str = "", allowed: str = "", remedy: str = ""
    ) -> None:
        message = shortened(message, MOST_TEXT)
        self.message, self.place, self.allowed, self.remedy = message, place, allowed, remedy
        text = f"{place}: {message}" if place else message
        if allowed:
            text += f"; allowed: {allowed}"
        if remedy:
            text += f"; {remedy}"
        super().__init__(shortened(text, 2 * MOST_TEXT))

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


class MachineError(FileError):
    """What the machine refuses, not the input: a full disk, a quota, a fault of the device."""

    exit_code = 1


#: Errors of the system that the same command may not meet again.
_OF_THE_MACHINE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE)


def file_error(message: str, error: OSError | ValueError, *, remedy: str = "") -> FileError:
    """FileError of a failed access, or MachineError where a correct input fails as well.

    message : what failed; the reason of the system is added. remedy : for a FileError.
    """
    text = f"{message} ({getattr(error, 'strerror', None) or error})"
    if getattr(error, "errno", None) in _OF_THE_MACHINE:
        return MachineError(text, remedy="free space, or choose a place on another disk")
    return FileError(text, remedy=remedy)


def show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """A warning as one line on stderr; takes the place of `warnings.showwarning`."""
    print(f"mutau: warning: {message}", file=sys.stderr, flush=True)


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

    problems : tuple of (address, message) pairs, in document order; the text lists the first 20.
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
        count = len(self.problems)
        lines = [
            shortened(f"{document}: {place}: {text}{self._element(place)}", MOST_LINE)
            for place, text in self.problems[:MOST_PROBLEMS]
        ]
        if count > MOST_PROBLEMS:
            lines.append(f"... and {count - MOST_PROBLEMS} more")
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
