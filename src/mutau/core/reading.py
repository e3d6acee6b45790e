"""Files of others, read within bounds: regular files only, of a bounded size, depth and expansion.

A device has no end, a pipe may never speak, nine levels of YAML aliases stand for 1e9 values, and a
packed file may unfold to more than the memory. Every reader of a text or a document comes here.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import FileError, MissingExtra

#: Largest document (TOML, YAML, JSON) and largest table of text, bytes; deepest nesting; most
#: values of a YAML document, each alias counted with all that it stands for.
DOCUMENT_BYTES: Final = 10_000_000
TABLE_BYTES: Final = 500_000_000
JSON_BYTES: Final = 100_000_000
#: Whole numbers are below this, as TOML has them.
_LARGEST: Final = 2**63
DEEPEST: Final = 50
MOST_VALUES: Final = 1_000_000
#: What any file may expand to, and what it may expand to for each byte of its own: records of
#: events shrink by a factor 2 (17 digits) to 10 (few digits, many equal columns).
FREE_BYTES: Final = 1 << 26
MOST_EXPANSION: Final = 25


def open_regular(
    path: str | Path, what: str = "file", remedy: str = "check the path"
) -> io.BufferedReader:
    """A file open for reading in binary; no device, pipe, socket or folder, and without waiting.

    what : what it is read as, for messages. Raises FileError.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"cannot read the {what} {str(path)!r} ({reason})", remedy=remedy) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileError(
            f"cannot read the {what} {str(path)!r} (it is a folder, a device or a pipe)",
            allowed="a regular file", remedy=remedy,
        )  # fmt: skip
    return os.fdopen(handle, "rb")


def read_bytes(
    path: str | Path,
    what: str = "file",
    limit: int = DOCUMENT_BYTES,
    remedy: str = "check the path",
) -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises FileError."""
    try:
        with open_regular(path, what, remedy) as file:
            size = os.fstat(file.fileno()).st_size  # a read takes the memory that it is allowed
            data = file.read(min(size, limit) + 1)
    except OSError as error:
        raise FileError(f"cannot read the {what} {str(path)!r} ({error.strerror})") from error
    if len(data) > limit:
        raise FileError(
            f"the {what} {str(path)!r} is too large", allowed=f"at most {limit / 1e6:g} MB"
        )
    return data


def read_text(
    path: str | Path,
    what: str = "file",
    limit: int = DOCUMENT_BYTES,
    remedy: str = "check the path",
) -> str:
    """The text of a regular file in UTF-8, a byte-order mark left out. Raises FileError."""
    data = read_bytes(path, what, limit, remedy)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"byte {data[error.start]:#04x} in line {line} is not UTF-8: not a text file, or one "
            "in another encoding (Latin-1)",
            place=str(path),
            remedy="convert it, for example with 'iconv -f latin1 -t utf-8'",
        ) from None


def read_toml(
    path: str | Path, what: str = "file", remedy: str = "check the path"
) -> dict[str, Any]:
    """Plain data of a TOML file. Raises FileError if it cannot be read or is not TOML."""
    text = read_text(path, what, remedy=remedy)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"not a TOML file: {error}", place=str(path)) from None
    except RecursionError:
        raise _too_deep(path) from None
    except ValueError as error:  # a number of more digits than Python converts, a date that is none
        raise FileError(f"not a TOML file: {error}", place=str(path)) from None
    _check_values(document, path)
    return document


def read_json(path: str | Path, what: str = "file") -> Any:
    """Plain data of a JSON file; NaN, infinities and keys that stand twice are refused.

    Raises FileError if it cannot be read or is not JSON.
    """
    text = read_text(path, what, JSON_BYTES)

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            again = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the key {again!r} stands twice")
        return found

    def not_a_number(word: str) -> float:
        raise ValueError(f"{word} is no number of JSON")

    def finite(word: str) -> float:
        value = float(word)
        return value if math.isfinite(value) else not_a_number(word)

    try:
        plain = json.loads(
            text, object_pairs_hook=once, parse_constant=not_a_number, parse_float=finite
        )
    except RecursionError:
        raise _too_deep(path) from None
    except ValueError as error:
        raise FileError(f"not a JSON file: {error}", place=str(path)) from None
    _check_values(plain, path)
    return plain


def parse_yaml(text: str, path: str | Path) -> Any:
    """Plain data of one YAML document, every scalar as the text that stands there.

    What YAML makes of `1:30`, `010` or `yes` is left to whoever reads the value. Aliases may stand
    for MOST_VALUES values in all; keys that stand twice, tags, and a second document are refused.
    path : for messages. Raises FileError; MissingExtra without PyYAML.
    """
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        raise MissingExtra("reading YAML", "io") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = _built(yaml, yaml.parse(text, Loader=loader))
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise FileError(f"not a YAML file: {said}", place=str(path)) from None
    _check_values(document, path)
    return document


def _built(yaml: Any, events: Any) -> Any:
    """Data from parser events, without recursion; ValueError for what `parse_yaml` refuses."""
    anchors: dict[str, tuple[Any, int]] = {}
    root: list[Any] = []
    # open containers: (data, is a mapping, anchor, pending key or None, size)
    stack: list[list[Any]] = [[root, False, None, None, 0]]
    documents = 0

    def add(value: Any, size: int) -> None:
        top = stack[-1]
        top[4] += size
        if top[4] > MOST_VALUES:
            raise ValueError(f"it stands for more than {MOST_VALUES:g} values")
        if not top[1]:
            top[0].append(value)
        elif top[3] is None:
            if not isinstance(value, str):
                raise ValueError(f"line {line}: a key is not a text")
            if value in top[0]:
                raise ValueError(f"line {line}: the key {value[:100]!r} stands twice")
            top[3] = (value,)
        else:
            top[0][top[3][0]] = value
            top[3] = None

    for event in events:
        line = event.start_mark.line + 1
        tag = getattr(event, "tag", None)
        if tag not in _TAGS:
            raise ValueError(f"line {line}: the tag {str(tag)[:100]!r} is unknown")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ValueError(f"line {line}: a second document begins")
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                anchors[event.anchor] = event.value, 1
            add(event.value, 1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise ValueError(f"line {line}: *{event.anchor[:100]} stands for nothing yet")
            add(*anchors[event.anchor])
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(stack) > DEEPEST:
                raise ValueError(f"line {line}: nested more than {DEEPEST} deep")
            mapping = isinstance(event, yaml.MappingStartEvent)
            stack.append([{} if mapping else [], mapping, event.anchor, None, 1])
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            data, _, anchor, _, size = stack.pop()
            if anchor:
                anchors[anchor] = data, size
            add(data, size)
    if not root:
        raise ValueError("it is empty")
    return root[0]


#: Tags that say nothing that the value does not.
_TAGS: Final = (
    None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "map", "seq")),
)  # fmt: skip


def _check_values(document: Any, path: str | Path) -> None:
    """Raise FileError for data nested deeper than DEEPEST, or whole numbers beyond 64 bits."""
    level: list[Any] = [document]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if any(isinstance(item, int) and abs(item) >= _LARGEST for item in level):
            raise FileError(
                "a whole number has more than 64 bits", place=str(path),
                remedy="write it as a float, for example 1e20",
            )  # fmt: skip
        if not level:
            return
    raise _too_deep(path)


def _too_deep(path: str | Path) -> FileError:
    return FileError("nested too deeply", place=str(path), allowed=f"{DEEPEST} levels")


def refuse_expansion(path: str | Path, n_bytes: int, size: int | None = None) -> None:
    """Raise FileError if a file expands to `n_bytes`, far beyond what records of events do.

    size : of the file in bytes; None, to look it up.
    """
    size = Path(path).stat().st_size if size is None else size
    if n_bytes > max(FREE_BYTES, MOST_EXPANSION * size):
        raise FileError(
            f"{str(path)!r} expands to more than {n_bytes >> 20} MiB from {size} bytes",
            allowed=f"{FREE_BYTES >> 20} MiB, or {MOST_EXPANSION} times the size of the file",
            remedy="if it is yours, expand it and give the plain file",
        )


_PLAIN: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.?(?:nan|inf|infinity)", re.IGNORECASE)


def plain_number(text: str) -> float:
    """The number that a text is, blanks around it left out; NaN and infinities as they are.

    Python's own conversion also takes "0_2" for 2.0 and digits of every script; here they are not
    numbers. Raises ValueError with the text.

    >>> plain_number(" 1e-3 ")
    0.001
    """
    word = text.strip(" \t\r\n")
    if _PLAIN.fullmatch(word):
        return float(word)
    if _NOT_FINITE.fullmatch(word):
        return float(word.replace(".", ""))
    raise ValueError(f"{text[:100]!r} is not a number")
