"""A strict look through HepMC ASCII, version 2 and 3, before pyhepmc reads it.

The library takes the front part of a broken number, skips lines that it does not know, and stops
without a word where an event is incomplete. So every line that carries numbers is compared with its
pattern, the particles and vertices of each event are counted, and the number of weights is compared
with the names in the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from mutau.io.layout import damaged

_BLOCK: Final = 1 << 20  # bytes read at once
_MOST: Final = 1 << 26  # bytes of the header, and of one event
_SHOWN: Final = 60

_N = rb"[+-]?\d++(?:\.\d*+)?(?:[eE][+-]?\d++)?"
_I = rb"-?(?:1\d{9}|\d{1,9})(?!\d)"  # what surely fits into 32 bits


def _lines(**patterns: bytes) -> re.Pattern[bytes]:
    """One line that begins with one of the letters; the pattern of what follows, N and I in it."""
    each = (
        letter.encode() + pattern.replace(b"N", _N).replace(b"I", _I)
        for letter, pattern in patterns.items()
    )
    return re.compile(rb"(?:" + b"|".join(each) + rb")\s*")


#: Lines of events of version 3; W is checked with the names of the header.
_LINES_3 = _lines(
    E=rb" I \d{1,9} \d{1,9}(?: @(?: N){4})?",
    U=rb" (?:GEV|MEV) (?:MM|CM)",
    W=rb"(?: N)*",
    A=rb" I (?:GenCrossSection(?: N){2,4}(?: N N)*+|(?!GenCrossSection\b)\S.*)",
    T=rb" .*",
    P=rb" I I I(?: N){5} I",
    V=rb" I I \[(?:I(?:,I)*+)?\](?: @(?: N){4})?",
)
#: Of version 2; E and N are taken apart.
_LINES_2 = _lines(
    E=rb" .*",
    N=rb" \d{1,9}(?: \"[^\"]*\")*",
    U=rb" (?:GEV|MEV) (?:MM|CM)",
    C=rb"(?: N){2}",
    H=rb"(?: N)*",
    F=rb"(?: N)*",
    V=rb" I I(?: N){4} \d{1,9} \d{1,9} \d{1,9}(?: N)*",
    P=rb" I I(?: N){5} I N N I \d{1,9}(?: I)*",
)
_E_2 = re.compile(
    rb"E I I N N N I I \d{1,9} I I \d{1,9}(?: N)*\s*".replace(b"N", _N).replace(b"I", _I)
)


class _Version(NamedTuple):
    """One version of the format: its number, first and last line, and its lines of events."""

    number: int
    start: bytes
    end: bytes
    lines: re.Pattern[bytes]


_VERSIONS = (
    _Version(
        3,
        b"HepMC::Asciiv3-START_EVENT_LISTING",
        b"HepMC::Asciiv3-END_EVENT_LISTING",
        _LINES_3,
    ),
    _Version(
        2,
        b"HepMC::IO_GenEvent-START_EVENT_LISTING",
        b"HepMC::IO_GenEvent-END_EVENT_LISTING",
        _LINES_2,
    ),
)


class Listing(NamedTuple):
    """What the look found.

    version : of the format, 2 or 3. n_particles : of each event. weights : their names.
    cross_section : of the last event that states one, value and error by weight, pb.
    """

    version: int
    n_particles: tuple[int, ...]
    weights: tuple[str, ...]
    cross_section: tuple[tuple[float, float], ...]


class _Look:
    """One look through a file."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path = file, path
        self._line = self._event = 0
        self._n_particles: list[int] = []
        self._names: tuple[str, ...] = ()
        self._cross_section: tuple[tuple[float, float], ...] = ()

    def _refuse(self, what: str, line: int | None = None) -> NoReturn:
        inside = f", event {self._event}" if self._event else ""
        raise damaged(self._path, f"line {line or self._line}{inside}: {what}")

    def whole(self) -> Listing:
        """Look through all of it."""
        pieces = self._pieces()
        version = self._head(next(pieces))
        last = b""
        for piece in pieces:
            if last:
                self._event_lines(last, version)
            last = piece
        body, mark, tail = last.partition(b"\n" + version.end)
        if not mark:
            self._refuse("its end is missing, or it holds no event")
        if tail.strip():
            self._refuse(f"{_shown(tail)} after its end")
        self._event_lines(body + b"\n", version)
        found = tuple(self._n_particles)
        return Listing(version.number, found, self._names, self._cross_section)

    def _pieces(self) -> Iterator[bytes]:
        """The header, then one event after the other; the last one with what follows it."""
        rest = b""
        while block := self._file.read(max(_BLOCK, len(rest))):
            first, *more = (rest + block).split(b"\nE ")
            rest = first
            for piece in more:
                yield rest + b"\n"
                rest = b"E " + piece
            if len(rest) > _MOST:
                self._refuse(f"an event or header of more than {_MOST >> 20} MiB")
        yield rest

    def _head(self, text: bytes) -> _Version:
        """Version and names of weights of the header."""
        lines = [line.rstrip() for line in text.split(b"\n") if line.strip()]
        if not lines or not lines[0].startswith(b"HepMC::Version "):
            raise damaged(self._path, "it does not begin as a HepMC file")
        found = [version for version in _VERSIONS if lines[1:] and lines[1] == version.start]
        if not found:
            what = _shown(lines[1]) if lines[1:] else "nothing"
            raise damaged(self._path, f"line 2: {what} is no event listing of version 2 or 3")
        for line in lines[2:]:
            if line.startswith(b"W "):
                self._names = tuple(line[2:].decode("utf-8", "replace").split("\\|"))
            elif line[:2] not in (b"T ", b"A "):
                raise damaged(self._path, f"line {_shown(line)} of its header is not known")
        self._line = text.count(b"\n")
        return found[0]

    def _event_lines(self, text: bytes, version: _Version) -> None:
        """One event: every line as it should be, as many as announced."""
        self._event += 1
        lines = text.split(b"\n")
        for offset, line in enumerate(lines, 1):
            if line.startswith(version.end):
                self._refuse(
                    "an end before the end: split files that were joined", self._line + offset
                )
            if line.strip() and not version.lines.fullmatch(line):
                self._refuse(f"{_shown(line)}", self._line + offset)
            if line.startswith((b"A 0 GenCrossSection ", b"C ")):
                self._cross_section = _cross_section(line)
        kinds = [line[:1] for line in lines]
        if kinds.count(b"U") != 1 or kinds.count(b"E") != 1:
            self._refuse("its units (a line 'U GEV MM') are not stated once", self._line + 1)
        self._n_particles.append(kinds.count(b"P"))
        (self._announced_3 if version.number == 3 else self._announced_2)(lines, kinds)
        self._line += len(lines) - 1

    def _announced_3(self, lines: list[bytes], kinds: list[bytes]) -> None:
        _, _, n_vertices, n_particles, *_ = lines[0].split()
        if kinds.count(b"P") != int(n_particles) or kinds.count(b"V") > int(n_vertices):
            self._refuse(
                f"{kinds.count(b'P')} particles and {kinds.count(b'V')} vertices where "
                f"{int(n_particles)} and {int(n_vertices)} are announced",
                self._line + 1,
            )
        self._graph(lines, int(n_particles))
        weights = [len(line.split()) - 1 for line in lines if line.startswith(b"W")]
        if len(weights) > 1 or (self._names and weights != [len(self._names)]):
            n = sum(weights)
            self._refuse(f"{n} weights where the header names {len(self._names)}", self._line + 1)

    def _graph(self, lines: list[bytes], n_particles: int) -> None:
        """Particles numbered through; every number of a particle or vertex stands for one."""
        vertices = {0}
        used: set[int] = set()
        for offset, line in enumerate(lines, 1):
            if line.startswith(b"V"):
                words = line.translate(None, b"[]").split()
                incoming = [int(word) for word in words[3].split(b",")] if b"[]" not in line else []
                good = (
                    int(words[1]) not in vertices
                    and int(words[1]) < 0
                    and len(used | set(incoming)) == len(used) + len(incoming)
                    and all(0 < i <= n_particles for i in incoming)
                )
                vertices.add(int(words[1]))
                used.update(incoming)
                if not good:
                    self._refuse(f"{_shown(line)} fits no graph", self._line + offset)
        listed = 0
        for offset, line in enumerate(lines, 1):
            if line.startswith(b"P"):
                listed += 1
                number, parent = (int(word) for word in line.split(maxsplit=3)[1:3])
                if number != listed or not (parent in vertices or 0 < parent < number):
                    self._refuse(f"{_shown(line)} fits no graph", self._line + offset)

    def _announced_2(self, lines: list[bytes], kinds: list[bytes]) -> None:
        words = lines[0].split()
        at = 12 + int(words[11]) if _E_2.fullmatch(lines[0]) else 0
        if not 0 < at < len(words) or not words[at].isdigit():
            self._refuse(_shown(lines[0]), self._line + 1)
        n_weights = int(words[at])
        if len(words) - at - 1 != n_weights:
            self._refuse(
                f"{len(words) - at - 1} weights where {n_weights} are announced", self._line + 1
            )
        self._names_2(lines, n_weights)
        particles = sum(
            int(line.split()[7]) + int(line.split()[8]) for line in lines if line[:1] == b"V"
        )
        if kinds.count(b"P") != particles or kinds.count(b"V") != int(words[8]):
            self._refuse(
                f"{kinds.count(b'P')} particles and {kinds.count(b'V')} vertices where {particles} "
                f"and {int(words[8])} are announced",
                self._line + 1,
            )

        self._graph_2(lines)

    def _graph_2(self, lines: list[bytes]) -> None:
        """Each vertex followed by its particles; barcodes that differ, ends that exist."""
        vertices = {b"0", *(line.split()[1] for line in lines if line[:1] == b"V")}
        barcodes: set[bytes] = set()
        left = listed = 0
        for offset, line in enumerate(lines, 1):
            words, kind = line.split(), line[:1]
            good = True
            if kind == b"V":
                listed += 1
                good = not left and words[1][:1] == b"-" and len(words) == 10 + int(words[9])
                left = int(words[7]) + int(words[8])
            elif kind == b"P":
                good = left > 0 and words[1] not in barcodes and words[11] in vertices
                good = good and len(words) == 13 + 2 * int(words[12])
                barcodes.add(words[1])
                left -= 1
            elif kind != b"E" and line.strip():
                good = not listed
            if not good:
                self._refuse(f"{_shown(line)} fits no graph", self._line + offset)
        if left or len(vertices) != listed + 1:
            self._refuse("its particles and vertices fit no graph", self._line + 1)

    def _names_2(self, lines: list[bytes], n_weights: int) -> None:
        """The names of the weights, the same in each event."""
        names = [line for line in lines if line.startswith(b"N")]
        if len(names) > 1:
            self._refuse("two lines of names of weights", self._line + 1)
        if names:
            found_names = tuple(
                name.decode("utf-8", "replace") for name in re.findall(rb'"([^"]*)"', names[0])
            )
            if not int(names[0].split()[1]) == len(found_names) == n_weights:
                self._refuse(
                    f"{n_weights} weights where {len(found_names)} are named", self._line + 1
                )
            if self._event > 1 and found_names != self._names:
                self._refuse("names of weights that differ from the first event's", self._line + 1)
            self._names = found_names


def _cross_section(line: bytes) -> tuple[tuple[float, float], ...]:
    """Value and error by weight: `C value error`, or `A 0 GenCrossSection value error accepted
    attempted`, then value and error of each further weight.
    """
    numbers = [float(word) for word in line.split() if word[:1] in b"+-.0123456789"]
    if line.startswith(b"A"):
        numbers = numbers[1:3] + numbers[5:]
    return tuple(zip(numbers[::2], numbers[1::2], strict=False))


def _shown(text: bytes) -> str:
    """The beginning of a text, for a message."""
    return repr(text.strip()[:_SHOWN].decode("utf-8", "replace"))


def look_through(file: Any, path: Path) -> Listing:
    """Look through a whole HepMC file, open for reading. Raises FileError with line and event."""
    return _Look(file, path).whole()
