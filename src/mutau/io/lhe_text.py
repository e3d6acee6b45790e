"""A strict look through the text of a Les Houches event file, on its way into pylhe.

pylhe reads tolerantly: it cuts 13.5 to 13, takes `1_0` for 10, drops what stands behind the last
column, does not compare the announced with the actual number of particles, and stops with a
warning where the text is no proper XML. And programs write what no XML parser takes: unescaped
`<` and `&` in the header, comments before and after everything. So pylhe gets the numbers of the
file and nothing else, each one checked:

- before `<init>`: our own header is kept, names of weights are counted, all else is passed over;
- `<init>`: its numbers in lines of 10 and 4; other elements in it are passed over;
- events: `trials`, the event line, the particle lines and `#x4` lines. Comments are passed over
  anywhere, and so are further elements of an event (weights of variations, scales), once the number
  of `<weights>` has been compared with the names.

Fortran's exponents `1.0D+00` are read as `1.0E+00`. What else is no number, or stands where nothing
of the kind is known, is refused with its line.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from mutau.io.layout import damaged

_BLOCK = 1 << 20  # bytes read at once
_MOST_HEAD = 1 << 26  # bytes before </init>, and of one event
_SHOWN = 60

_N = rb"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eEdD][+-]?\d++)?"
_I = rb"[+-]?\d{1,15}+(?:\.0*+)?"
_NUMBER = re.compile(_N)
_WHOLE = re.compile(_I)
_EVENT_LINE = re.compile(rb"\s+".join([_I] * 2 + [_N] * 4))
_PARTICLE_LINE = re.compile(rb"\s+".join([_I] * 6 + [_N] * 7))
_EXPONENTS = bytes.maketrans(b"dD", b"ee")

_HASH_LINE = rb"#[^\n]*"
_TAG = rb"<(?P<close>/?)[A-Za-z][\w.-]*[^<>]*?(?P<empty>/?)>"
_ANY_TAG, _HASH_OR_TAG = re.compile(_TAG), re.compile(_HASH_LINE + b"|" + _TAG)
_ROOT = re.compile(rb"<LesHouchesEvents\b[^<>]*>")
_WEIGHT_ID = re.compile(rb"<weight\b[^<>]*?\bid\s*=\s*(?:'[^'<>]*'|\"[^\"<>]*\")")
_WEIGHTS = re.compile(rb"<weights\b[^<>]*>([^<]*)<")
#: What only our files hold before the first event, whatever became of our header.
_OURS = re.compile(rb"weight_per_XWGTUP|<generator name=\"mutau\"")
_TRIALS = re.compile(rb"\btrials\s*=\s*(?:'([^']*)'|\"([^\"]*)\")")
_X4 = re.compile(rb"#x4(?:[ \t]+" + _N + rb"){5}\s*")
#: What may follow after </init>, one after the other.
_NEXT = re.compile(
    rb"\s+|#[^\n]*\n|<!--.*?-->|<event(?P<attributes>(?:\s[^<>]*)?)>(?P<event>.*?)</event\s*>"
    rb"|(?P<end></LesHouchesEvents\s*>)",
    re.DOTALL,
)
_TAIL = re.compile(rb"(?:\s+|#[^\n]*(?:\n|\Z)|<!--.*?-->)*+", re.DOTALL)


class CheckedText:
    """The numbers of a Les Houches event file as a stream that pylhe reads.

    file : binary, open for reading. path : its name for messages.
    own : whether it has our header, known after the first piece. event : events given so far.
    Raises FileError with place (line, event) for whatever is not used and could change a number.
    """

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path = file, path
        self._rest, self._at, self._done, self._line = b"", 0, False, 1
        self.own, self.event = False, 0
        self._n_weights = 0
        self._pieces = self._clean()

    def __enter__(self) -> CheckedText:
        return self

    def __exit__(self, *_: object) -> None:
        self._pieces.close()

    def read(self, size: int = -1) -> bytes:
        """The next piece, whatever `size`; b"" at the end."""
        return next((piece for piece in self._pieces if piece), b"")

    def _fill(self, wanted: int = 0) -> bool:
        """Read on, `wanted` bytes or a block; whether there was anything."""
        block = self._file.read(max(_BLOCK, wanted))
        self._done = not block
        self._rest = self._rest[self._at :] + block
        self._at = 0
        return bool(block)

    def _refuse(self, what: str, line: int | None = None) -> NoReturn:
        inside = f", event {self.event + 1}" if self.event or line is not None else ""
        raise damaged(self._path, f"line {line or self._line}{inside}: {what}")

    def _clean(self) -> Generator[bytes, None, None]:
        yield self._head()
        pieces: list[bytes] = []
        end = False
        while not end:
            match = _NEXT.match(self._rest, self._at)
            if match is None or (match.end() == len(self._rest) and not self._done):
                if len(self._rest) - self._at > _MOST_HEAD:
                    self._refuse(f"an event of more than {_MOST_HEAD >> 20} MiB")
                yield b"".join(pieces)
                pieces = []
                if not self._fill(len(self._rest) - self._at) and match is None:
                    self._refuse(self._between())
                continue
            if match["event"] is not None:
                pieces.append(self._event(match))
                self.event += 1
            self._line += self._rest.count(b"\n", self._at, match.end())
            self._at, end = match.end(), bool(match["end"])
        self._tail()
        yield b"".join(pieces) + b"</LesHouchesEvents>\n"

    def _between(self) -> str:
        """What is wrong with the text at hand, which is nothing that may stand there."""
        rest = self._rest[self._at :]
        name = re.match(rb"</?([A-Za-z][\w.-]*)", rest)
        if (
            not rest.strip()
            or rest.startswith((b"<!--", b"</Les"))
            or (name and name[1] == b"event")
        ):
            return "its end is missing"
        if name:
            return f"the element <{name[1].decode()}> between events is not known"
        return f"{_shown(rest)} between its events"

    def _tail(self) -> None:
        """Raise FileError if anything but comments follows."""
        while self._fill(len(self._rest) - self._at):
            if len(self._rest) > _MOST_HEAD:
                break
        found = _TAIL.match(self._rest)
        at = found.end() if found else 0
        if at < len(self._rest):
            self._refuse(f"{_shown(self._rest[at:])} after its end")

    # Before the events

    def _head(self) -> bytes:
        """Root, our header and <init>, in a form that any parser takes."""
        while not (parts := self._split()):
            if len(self._rest) > _MOST_HEAD or not self._fill(len(self._rest)):
                raise damaged(
                    self._path, "it has no <LesHouchesEvents> with a complete <init> block"
                )
        header, init, end = parts
        self._line += self._rest.count(b"\n", 0, end)
        self._at = end
        own = _element(header, b"mutau")
        self.own = own is not None
        kept = b"" if own is None else header[own.start : own.end]
        if own is None and _OURS.search(self._rest, 0, end):
            raise damaged(self._path, "it is ours, and our header is missing: weights are unknown")
        for text in (header, init):
            if names := _element(text, b"initrwgt"):
                self._n_weights += len(_WEIGHT_ID.findall(names.inside(text)))
        lines = b"".join(b" ".join(line) + b"\n" for line in self._init_lines(init))
        head = b"<header>" + kept + b"</header>\n" if kept else b""
        return b"<LesHouchesEvents version='3.0'>\n" + head + b"<init>\n" + lines + b"</init>\n"

    def _split(self) -> tuple[bytes, bytes, int] | None:
        """(header, inside of <init>, place behind it) of the text at hand; None: not yet whole."""
        text = _without_comments(self._rest)
        root = _ROOT.search(text)
        if root is None:
            if len(text) > _BLOCK:
                raise damaged(self._path, "it does not begin with <LesHouchesEvents>")
            return None
        before = re.sub(rb"<\?[^<>]*\?>|#[^\n]*|\s+|\xef\xbb\xbf", b"", text[: root.start()])
        if before:
            self._refuse(f"{_shown(before)} before <LesHouchesEvents>")
        at, header = root.end(), b""
        first = re.compile(rb"<(header|init)\b").search(text, at)
        if first is not None and first[1] == b"header":
            found = _element(text, b"header", at)
            if found is None:
                return None
            header, at = found.inside(text), found.end
        init = _element(text, b"init", at)
        if init is None:
            return None
        if re.search(rb"<event\b", text[at : init.start]):
            self._refuse("an event before <init>")
        if re.search(rb"<init\b", init.inside(text)):
            self._refuse("an <init> within <init>")
        return header, init.inside(text), init.end

    def _init_lines(self, init: bytes) -> list[list[bytes]]:
        """The numbers of <init>: one line of 10, one of 4 for each process."""
        if len(init) > _BLOCK and _element(init, b"initrwgt") is None:
            raise damaged(self._path, f"<init> of more than {_BLOCK >> 20} MiB")
        words = _outside(init).translate(_EXPONENTS).split()
        for word in words:
            if not _NUMBER.fullmatch(word):
                raise damaged(self._path, f"<init>: {_shown(word)} is not a number")
        if len(words) < 14 or len(words) != 10 + 4 * float(words[9]):
            n = words[9].decode() if len(words) > 9 else "?"
            raise damaged(
                self._path, f"<init>: {len(words)} numbers, not 10 and 4 for each of {n} processes"
            )
        for place in (0, 1, 4, 5, 6, 7, 8, 9, *range(13, len(words), 4)):
            if not _WHOLE.fullmatch(words[place]):
                raise damaged(self._path, f"<init>: {_shown(words[place])} is no whole number")
        return [words[:10]] + [words[i : i + 4] for i in range(10, len(words), 4)]

    # Events

    def _event(self, match: re.Match[bytes]) -> bytes:
        """One event: the number of trials, the lines of numbers and of positions."""
        body = match["event"]
        first = self._line + self._rest.count(b"\n", self._at, match.start("event"))
        trials = _TRIALS.search(match["attributes"])
        tries = (trials[1] or trials[2] or b"").strip() if trials else b"1"
        if not _NUMBER.fullmatch(tries) or not float(tries) > 0.0:
            self._refuse(f"trials {_shown(tries)} is no positive number", first)
        if b"<!--" in body:
            body = _without_comments(body)
        lines: list[bytes] = []
        positions: list[bytes] = []
        for offset, raw in enumerate(body.split(b"\n")):
            text, mark, comment = raw.partition(b"#")
            text, more, _ = text.partition(b"<")
            text = text.strip()
            if text:
                pattern = _PARTICLE_LINE if lines else _EVENT_LINE
                if not pattern.fullmatch(text):
                    self._refuse(_what_is_wrong(text, 13 if lines else 6), first + offset)
                lines.append(text.translate(_EXPONENTS))
            if more:
                place = sum(len(line) + 1 for line in body.split(b"\n")[:offset])
                self._further(body[place + raw.index(b"<") :], first + offset)
                break
            if self.own and comment.startswith(b"x4"):
                if not _X4.fullmatch(mark + comment):
                    self._refuse(f"{_shown(raw)} is not event, ct, x, y, z", first + offset)
                positions.append((mark + comment).strip())
        announced = float(lines[0].split()[0]) if lines else 0.0
        if announced != len(lines) - 1 or announced < 1:
            n = max(0, len(lines) - 1)
            self._refuse(f"{n} particles where {announced:g} are announced", first)
        return (
            b"<event trials='"
            + tries
            + b"'>\n"
            + b"\n".join([*lines, *positions])
            + b"\n</event>\n"
        )

    def _further(self, text: bytes, line: int) -> None:
        """Elements behind the particles: nothing between them, as many weights as names."""
        if re.search(rb"<event\b", text):
            self._refuse("an event begins within it", line)
        between = _outside(text).strip()
        if between:
            self._refuse(f"{_shown(between)} behind its particles", line)
        for found in _WEIGHTS.finditer(text):
            n = len(found[1].split())
            if self._n_weights and n != self._n_weights:
                self._refuse(f"{n} weights where <initrwgt> names {self._n_weights}", line)


class _Place(NamedTuple):
    """Where an element begins, its inside begins and ends, and it ends."""

    start: int
    inner: int
    inner_end: int
    end: int

    def inside(self, text: bytes) -> bytes:
        """What stands between its tags."""
        return text[self.inner : self.inner_end]


def _element(text: bytes, name: bytes, at: int = 0) -> _Place | None:
    """The first element of this name from `at` on; None unless it is complete."""
    opening = re.compile(rb"<" + name + rb"\b[^<>]*>").search(text, at)
    if opening is None:
        return None
    closing = re.compile(rb"</" + name + rb"\s*>").search(text, opening.end())
    if closing is None:
        return None
    return _Place(opening.start(), opening.end(), closing.start(), closing.end())


def _without_comments(text: bytes) -> bytes:
    """The text with blanks instead of complete XML comments; as long as before."""
    parts, at = [], 0
    while (start := text.find(b"<!--", at)) >= 0 and (end := text.find(b"-->", start + 4)) >= 0:
        parts += [text[at:start], b" " * (end + 3 - start)]
        at = end + 3
    return b"".join([*parts, text[at:]])


def _outside(text: bytes) -> bytes:
    """What stands outside of all elements and comment lines. Tags that fit nowhere stay."""
    parts: list[bytes] = []
    at = depth = 0
    while found := (_ANY_TAG if depth else _HASH_OR_TAG).search(text, at):
        if not depth:
            parts.append(text[at : found.start()])
            if found["close"]:
                parts.append(found[0])
        at = found.end()
        if found["close"] is not None and not found["empty"]:
            depth = max(0, depth + (-1 if found["close"] else 1))
    return b" ".join([*parts, text[at:]])


def _shown(text: bytes) -> str:
    """The beginning of a text, for a message."""
    return repr(text.strip()[:_SHOWN].decode("utf-8", "replace"))


def _what_is_wrong(line: bytes, n: int) -> str:
    words = line.split()
    for word in words:
        if not _NUMBER.fullmatch(word):
            return f"{_shown(word)} is not a number"
    if len(words) != n:
        return f"{len(words)} numbers where {n} belong: {_shown(line)}"
    return f"a code that is no whole number: {_shown(line)}"
