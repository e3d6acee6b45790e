"""What a verb prints: one JSON object, or a readable rendering of the same object; progress."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mutau.signal.not_computed import in_words

Progress = Callable[[float, str], None]
#: Seconds between lines of progress where stderr is no terminal.
PERIOD: Final = 20.0
_PIPE_WIDTH = 200  # columns where stdout is no terminal
_BLOCK_FROM = 300  # characters in a row from which rows are shown as blocks, not as a table


def emit(result: Mapping[str, Any], as_json: bool, *, reasons: bool = False) -> None:
    """Print `result` to stdout: one JSON object, or tables for people.

    Not-a-number has no place in a result and infinities are written as null in JSON. For people
    what a result lacks is one line; reasons : as a table with the reasons, instead. The entries of
    "warnings", if the result has any, go to stderr as well.
    """
    for text in result.get("warnings", ()):
        print(f"mutau: warning: {text}", file=sys.stderr)
    if as_json:
        print(json.dumps(_plain(result), allow_nan=False))
        return
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    shown = _plain(result) if reasons else in_one_line(_plain(result))
    _render(Console(highlight=False, width=width), shown)


#: What a result lacks: its key, and how its entries become words.
_LACKS: Final[Mapping[str, Callable[[Any], list[str]]]] = {
    "not_computed": in_words,
    "not_simulated": list,
}


def in_one_line(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with what it lacks as texts at its end, one for each experiment it is about."""
    shown, lines = dict(result), dict[str, str]()
    for key, words in _LACKS.items():
        found = shown.pop(key, {})
        if key in result and not isinstance(found, Mapping):
            lines[key] = "; ".join(words(found)) or "none"
        elif found:
            lines |= {f"{key}[{k}]": "; ".join(words(v)) or "none" for k, v in found.items()}
    return shown | lines


def with_bins(result: Mapping[str, Any], title: str, edges: str, *columns: str) -> dict[str, Any]:
    """The result with a table, one row per bin, in place of its edges and of lists over bins.

    For people; programs get the lists. edges : a key such as "edges_GeV", whose end is the unit.
    """
    unit = edges.rpartition("_")[2]
    bounds = zip(result[edges][:-1], result[edges][1:], strict=True)
    rows = [
        {f"from_{unit}": low, f"to_{unit}": high, **{name: result[name][i] for name in columns}}
        for i, (low, high) in enumerate(bounds)
    ]
    rest = {key: value for key, value in result.items() if key not in (edges, *columns)}
    return {**rest, title: rows}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError("a result holds a value that is not a number")
        return value if math.isfinite(value) else None
    return value


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items()) or "none"
    return "" if value is None else str(value)


def _render(console: Any, result: Mapping[str, Any]) -> None:
    """Scalars as name and value; lists of objects as tables; nested objects indented."""
    from rich.table import Table
    from rich.text import Text

    def is_table(value: Any) -> bool:
        return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)

    facts = {key: value for key, value in result.items() if not is_table(value)}
    width = max((len(key) for key in facts), default=0)
    for key, value in facts.items():
        console.print(Text(f"{key:<{width}}  "), Text(_text(value) or "-"), sep="")
    for key, rows in result.items():
        if not is_table(rows):
            continue
        columns = list(dict.fromkeys(name for row in rows for name in row))
        cells = {name: [_text(row.get(name)) or "-" for row in rows] for name in columns}
        whole = sum(3 + _longest_word([name, *cells[name]]) for name in columns)
        long = max(sum(len(_text(value)) for value in row.values()) for row in rows)
        if long > _BLOCK_FROM or whole >= console.width:
            _render_blocks(console, key, rows)
            continue
        table = Table(title=key, title_justify="left", header_style="bold")
        for name in columns:
            numeric = all(isinstance(row.get(name), float | int | None) for row in rows)
            table.add_column(
                Text(name),
                justify="right" if numeric else "left",
                overflow="fold",
                min_width=_longest_word([name, *cells[name]]),
            )
        for row in zip(*cells.values(), strict=True):
            table.add_row(*map(Text, row))
        console.print(table)


def _longest_word(texts: list[str]) -> int:
    """Letters of the longest word: names and paths stay whole, so that they can be copied."""
    return max((len(word) for text in texts for word in text.split()), default=1)


def _render_blocks(console: Any, title: str, rows: Any) -> None:
    """Rows with long texts, one under the other."""
    from rich.text import Text

    console.print(Text(f"{title} ({len(rows)})", style="bold"))
    for row in rows:
        first, *others = row.items()
        console.print(Text(_text(first[1]), style="bold"))
        for name, value in others:
            if _text(value):
                text = textwrap.fill(
                    f"{name}: {_text(value)}", console.width, break_long_words=False,
                    break_on_hyphens=False, initial_indent="    ", subsequent_indent="    ",
                )  # fmt: skip
                console.print(Text(text), soft_wrap=True)


@contextlib.contextmanager
def progress_bar(title: str, quiet: bool = False) -> Iterator[Progress | None]:
    """Progress on stderr, fed with (fraction done, what is being done); None where quiet.

    On a terminal a bar; elsewhere a plain line every PERIOD seconds, so that short work is silent.
    """
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        with _lines(title) as update:
            yield update
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0)

        def update(fraction: float, label: str = "") -> None:
            bar.update(task, completed=fraction, description=label or title)

        yield update


@contextlib.contextmanager
def _lines(title: str) -> Iterator[Progress]:
    """What is being done, every PERIOD seconds, from a thread: a task may be longer than that."""
    state, ended, start = [f"mutau: {title}"], threading.Event(), time.monotonic()

    def tell() -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads stderr any more
            while not ended.wait(PERIOD):
                print(f"{state[0]} ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)

    def update(fraction: float, label: str = "") -> None:
        state[0] = f"mutau: {title}: {100.0 * fraction:.0f} % done" + f"; {label}" * bool(label)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield update
    finally:
        ended.set()
        thread.join()
