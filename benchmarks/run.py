"""One table of all benchmarks: what, how fast, at which error, against which goal."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows that a `bench_*.py` script measures."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.rows()


def main(wanted: list[str]) -> None:
    """Run the scripts whose names contain one of `wanted`; all without arguments."""
    table = Table("name", "figure", "unit", "error reached", "goal")
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if wanted and not any(name in path.stem for name in wanted):
            continue
        print(f"measuring {path.stem} ...", file=sys.stderr)
        for row in rows_of(path):
            figure = row["figure"]
            shown = f"{figure:.3g}" if isinstance(figure, float) else str(figure)
            table.add_row(
                row["name"], shown, row["unit"], str(row["error_reached"]), str(row["goal"])
            )
    Console(width=140).print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
