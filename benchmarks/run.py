"""One table of all benchmarks: what, how fast, at which error, against which goal and which peer.

    python benchmarks/run.py [NAME ...] [--json FILE] [--page docs/benchmarks.md]

NAME : part of a script's name, "tracking" for bench_tracking.py; none runs all. Every script runs
in a process of its own, so that memory and compiled code of one do not help or hinder the next. A
row that fails says why; the rest goes on. Peers that are not installed are left out (`pip install
-e '.[peers]'`). Ctrl-C stops and shows what is there. --page writes the tables of the page anew.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measure import Row, faster, peer_name, run, shown
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
#: Below this line a page holds what `page_of` writes.
MARK = "## All rows\n"
#: Threads of numerical libraries: figures are per core.
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def scripts(wanted: list[str]) -> list[Path]:
    """The scripts whose names contain one of `wanted`; all without."""
    found = sorted(HERE.glob("bench_*.py"))
    return [path for path in found if not wanted or any(name in path.stem for name in wanted)]


def rows_of(path: Path, keep: list[Row]) -> None:
    """Run one script in its own process and append its rows as they come."""
    command = [sys.executable, str(HERE / "run.py"), "--child", str(path)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_CORE}
    )
    assert child.stdout is not None
    try:
        for line in child.stdout:
            one = {"script": path.stem, **json.loads(line)}
            keep.append(one)
            state = (
                f"failed: {one['failed']}"
                if "failed" in one
                else f"{shown(one['figure'])} {one['unit']}"
            )
            print(f"  {one['name']}: {state}", file=sys.stderr)
        if child.wait() != 0:
            keep.append(failure(path.stem, f"the script ended with code {child.returncode}"))
    finally:
        if child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5.0)


def child(path: Path) -> None:
    """Print the rows of one script as JSON, one per line: of its PARTS, else of its `rows()`."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for one in run(module.PARTS if hasattr(module, "PARTS") else (module.rows,)):
        print(json.dumps(one, default=float), flush=True)


def failure(stem: str, why: str) -> Row:
    """A row for a script that ended without finishing its rows."""
    return {"script": stem, "name": stem, "figure": None, "unit": "", "error_reached": "-",
            "goal": "-", "failed": why}  # fmt: skip


def machine() -> dict[str, Any]:
    """Processor, cores and load, for whoever compares two tables."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "load": load,
        "python": platform.python_version(),
    }


def table_of(rows: list[Row]) -> Table:
    """The rows as a table for people."""
    table = Table(
        "name", "figure", "unit", "error reached", "goal", "peer", "its figure", "ours faster by"
    )
    script = ""
    for one in rows:
        if one["script"] != script:
            script = one["script"]
            table.add_section()
            table.add_row(f"[bold]{script.removeprefix('bench_')}")
        if "failed" in one:
            table.add_row(one["name"], "failed", "", one["failed"])
            continue
        theirs = one.get("peer_reason") or shown(one.get("peer_figure"))
        times = faster(one)
        table.add_row(
            one["name"], shown(one["figure"]), one["unit"], shown(one["error_reached"]),
            shown(one["goal"]), peer_name(one), theirs if one.get("peer") else "",
            f"{times:.3g}" if times else "",
        )  # fmt: skip
    return table


def typeset(text: str) -> str:
    """Powers of ten as they are printed: 1.2e+07 is 1.2×10⁷."""
    power = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def written(found: re.Match[str]) -> str:
        if not int(found[2]):
            return found[1]
        factor = "" if found[1] == "1" else f"{found[1]}×"
        return f"{factor}10{str(int(found[2])).translate(power)}"

    return re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)\b", written, text).replace("|", "\\|")


def page_of(rows: list[Row]) -> str:
    """The rows as tables in Markdown, a section per script with the first line of its text."""
    lines, script = list[str](), ""
    for one in rows:
        if one["script"] != script:
            script = one["script"]
            text = ast.get_docstring(ast.parse((HERE / f"{script}.py").read_text("utf-8"))) or ""
            lines += ["", f"### {script.removeprefix('bench_')}", "", text.splitlines()[0], ""]
            lines += ["| | figure | error reached | goal | peer | its figure | ours faster by |"]
            lines += ["|---|---|---|---|---|---|---|"]
        figure = f"failed: {one['failed']}" if "failed" in one else shown(one["figure"])
        theirs = (one.get("peer_reason") or shown(one["peer_figure"])) if one.get("peer") else ""
        times = faster(one)
        cells = (
            one["name"], f"{figure} {one['unit']}", shown(one["error_reached"]), shown(one["goal"]),
            peer_name(one), theirs, f"{times:.3g}" if times else "",
        )  # fmt: skip
        row = " | ".join("" if cell == "-" else typeset(cell) for cell in cells)
        lines.append(f"| {row} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run, show, write; 0 if every row was measured, 1 if one failed, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="parts of script names; none: all")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows there as well")
    parser.add_argument("--page", metavar="FILE", type=Path, help="rewrite the tables of a page")
    options = parser.parse_args()
    if options.child:
        with contextlib.suppress(KeyboardInterrupt):
            child(options.child)
        return 0
    chosen = scripts(options.names)
    if not chosen:
        known = ", ".join(path.stem.removeprefix("bench_") for path in scripts([]))
        parser.error(f"no script has {' or '.join(options.names)} in its name; there are {known}")
    rows: list[Row] = []
    about, start, stopped = machine(), time.perf_counter(), False
    try:
        for i, path in enumerate(chosen):
            print(f"[{i + 1}/{len(chosen)}] {path.stem}", file=sys.stderr)
            rows_of(path, rows)
    except KeyboardInterrupt:
        stopped = True
        print("stopped; what is there:", file=sys.stderr)
    wide = Console(width=None if sys.stdout.isatty() else 190)
    wide.print(table_of(rows))
    seconds = time.perf_counter() - start
    where = f"{about['processor']}, {about['cores']} cores, load {about['load']:.1f} at the start"
    wide.print(f"{where}, Python {about['python']}; {seconds:.0f} s")
    if options.json:
        document = {"machine": about, "seconds": seconds, "complete": not stopped, "rows": rows}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if stopped:
        return 130
    if options.page:
        above, mark, _ = options.page.read_text(encoding="utf-8").partition(MARK)
        options.page.write_text(above + mark + page_of(rows), encoding="utf-8")
    return 1 if any("failed" in one for one in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
