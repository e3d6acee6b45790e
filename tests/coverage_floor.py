"""Which lines the tests of `make coverage` reach, per sub-package; fails below the floors.

    python tests/coverage_floor.py          (after both runs of pytest with --cov)

Compiled kernels are not seen by the tracer, so their lines count only where a test of
`tests/interpreted.txt` runs them as Python. Not measured: what only tests with the mark
`compiled` reach, and other processes (workers, the command line in a shell).
"""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from pathlib import Path

import coverage

import mutau

#: Least percentage of lines, five to six below what `make coverage` reaches: machines without a
#: browser or Geant4 skip some tests. "all" is the whole package.
FLOORS = {
    "all": 64.0,
    "analysis": 66.0,
    "background": 48.0,
    "bounds": 75.0,
    "cli": 83.0,
    "core": 89.0,
    "detector": 57.0,
    "experiment": 93.0,
    "io": 92.0,
    "matter": 88.0,
    "models": 94.0,
    "reactions": 55.0,
    "report": 64.0,
    "scan": 59.0,
    "selection": 77.0,
    "signal": 45.0,
    "stats": 89.0,
    "transport": 49.0,
}


def percentages() -> dict[str, float]:
    """Per cent of lines by sub-package, and of all; files that no test imports count in full."""
    data = coverage.Coverage()
    data.load()
    lines, missed = defaultdict[str, int](int), defaultdict[str, int](int)
    package = Path(mutau.__path__[0])
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        _, statements, _, missing, _ = data.analysis2(str(path))
        for name in (parts[0] if len(parts) > 1 else "(top)", "all"):
            lines[name] += len(statements)
            missed[name] += len(missing)
    return {name: 100.0 * (1.0 - missed[name] / n) for name, n in lines.items() if n}


def main() -> int:
    """Print the table; 1 if anything is below its floor."""
    out, below = io.StringIO(), []
    for name, found in percentages().items():
        floor = FLOORS.get(name)
        low = floor is not None and found < floor
        below += [name] if low else []
        said = "" if floor is None else f"  floor {floor:g} %{'  TOO LOW' if low else ''}"
        print(f"{name:12} {found:6.1f} %{said}", file=out)
    print(out.getvalue(), end="")
    if below:
        print(f"below the floor: {', '.join(below)}; write tests, or say why not", file=sys.stderr)
    return bool(below)


if __name__ == "__main__":
    sys.exit(main())
