"""What a refit must not move: numbers, and the surface that other people's scripts hold on to.

    python tests/regression/pins.py            what moved
    python tests/regression/pins.py --write    take what is there today as the reference

Everything is measured through the command line, so that no move inside the package touches this
file. A line of `pins.json` that changes is a change of the physics or of random streams, a line of
`surface.json` a change for users; both are explained in the changelog. A test never writes the
reference that it is checked against.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
REFERENCE, SURFACE = HERE / "pins.json", HERE / "surface.json"
POINT = "--mass 100MeV --coupling 1e-3"
#: command -> entries of its JSON answer that are pinned; "a.*.b" goes through all of a list or map.
COMMANDS: dict[str, tuple[str, ...]] = {
    f"model {POINT}": ("width_total_GeV", "branching.*", "delta_a_mu", "epsilon_eff"),
    "model --mass 300MeV --coupling 1e-3 --alpha-d 0.1": ("widths_GeV.*", "epsilon_eff"),
    "model --model dark-photon --mass 20MeV --epsilon 1e-4": ("width_total_GeV", "delta_a_mu"),
    **{
        f"xsec {process} {POINT} {options}": ("sigma_pb",)
        for process, options in (
            ("muon-brems", "--energy 160"),
            ("muon-brems", "--energy 160 --method ww"),
            ("muon-brems", "--energy 160 --method iww"),
            ("electron-brems", "--energy 100"),
            ("muon-electron-zprime", "--energy 150"),
            ("muon-electron-zprime", "--energy 150 --cuts muone"),
        )
    },
    "xsec electron-brems --energy 100 --mass 1MeV --coupling 1e-3 --coulomb": ("sigma_pb",),
    "xsec muon-electron-pair --energy 150 --material beryllium --limits pair_energy=1: "
    "--error 0.05": ("sigma_pb",),
    "xsec muon-muon-pair --energy 160 --limits pair_energy=80: --error 0.05": ("sigma_pb",),
    **{
        f"xsec annihilation --energy 49.5 --mass 225MeV --coupling 0.03 --electrons {electrons}": (
            "sigma_pb",
        )
        for electrons in ("rest", "virial", "compton")
    },
    **{
        f"xsec {process} --energy 150 --cuts muone": ("sigma_pb",)
        for process in ("muon-electron-elastic", "muon-electron-gamma", "muon-electron-nunu")
    },
    **{
        f"yields {experiment} {options} {POINT}": ("cutflow.*.signal", "signal_err", "background")
        for experiment, options in (
            ("na64mu", ""),
            ("na64mu", "--full-chain"),
            ("m3", ""),
            ("muone", ""),
            ("muone", "--truth"),
            ("muone-spectrometer", ""),
            ("na64e", ""),
            ("na64e-positron", ""),
        )
    },
    **{
        f"limit {experiment} --mass {mass} {options}": (
            "limits.*.coupling_upper_limit",
            "limits.*.numerical_err",
        )
        for experiment, mass, options in (
            ("na64mu", "10MeV", ""),
            ("na64mu", "1GeV", "--cl 0.95 --method bayes"),
            ("m3", "100MeV", ""),
            ("muone", "100MeV", ""),
            ("na64e", "1MeV", ""),
            ("na64e", "250MeV", ""),
            ("na64e", "1MeV", "--method asymptotic-cls"),
            ("na64e", "10MeV", "--model dark-photon --alpha-d 0.1"),
            ("ldmx-like", "10MeV", ""),
        )
    },
    **{
        f"background {experiment} --effort {effort}": (
            "sources.*.per_particle",
            "sources.*.err",
            "sources.*.model_err",
            "total_events",
        )
        for experiment, effort in (("na64mu", 0.02), ("na64e", 0.05), ("muone", 0.05))
    },
    "sensitivity na64e --mass 1MeV --exposure 1e11,1e13": ("limits.*.coupling_upper_limit",),
    "combine na64mu na64e --mass 100MeV": ("limits.*.coupling_upper_limit",),
    "discover na64e --mass 100MeV --coupling 0.02": ("reach.*.significance",),
    "cascade --particle e- --energy 100 --material lead": ("electron_X0_per_GeV.*",),
}
#: `generate` of these, pinned by means and covariance of what a detector sees.
SAMPLES = ("na64mu", "muone", "na64e")


def answer(command: str) -> dict[str, Any]:
    """The JSON object that a command prints."""
    from mutau.cli.main import run

    said, kept = io.StringIO(), sys.argv
    sys.argv = ["mutau", *shlex.split(command), "--json"]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            run()
    except SystemExit as stop:
        if stop.code:
            raise RuntimeError(f"mutau {command}: exit code {stop.code}") from stop
    finally:
        sys.argv = kept
    return json.loads(said.getvalue())


def entries(tree: Any, path: str) -> dict[str, float]:
    """Numbers of an answer under "a.*.b", each by its own path."""
    head, _, rest = path.partition(".")
    if not head:
        return {"": float(tree)} if isinstance(tree, int | float) else {}
    if head == "*":
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        names = ((item.get("name") or item.get("cut") or key) if isinstance(item, dict) else key
                 for key, item in items)  # fmt: skip
        values = tree.values() if isinstance(tree, dict) else tree
        found = dict(zip(map(str, names), values, strict=True))
    else:
        found = {head: tree[head]}
    return {
        f"{name}.{below}".rstrip("."): number
        for name, part in found.items()
        for below, number in entries(part, rest).items()
    }


def measured(command: str) -> tuple[dict[str, float], list[str]]:
    """The pinned numbers of a command as they are today, and the keys of its answer."""
    if command.startswith("generate"):
        return _sample(command), []
    tree = answer(command)
    numbers = {k: v for path in COMMANDS[command] for k, v in entries(tree, path).items()}
    return numbers, sorted(keys_of(tree))


def keys_of(tree: Any, above: str = "") -> set[str]:
    """All keys of an answer as "a.*.b"; names that depend on the request count as "*"."""
    if isinstance(tree, list):
        return set().union(*(keys_of(item, f"{above}*.") for item in tree))
    if not isinstance(tree, dict):
        return set()
    below = (keys_of(item, f"{above}{key}.") for key, item in tree.items() if key != "parts")
    return {f"{above}{key}" for key in tree}.union(*below)


def surface() -> dict[str, Any]:
    """Verbs with their options, and the names that `import mutau` offers."""
    import typer

    import mutau
    from mutau.cli.main import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    verbs = {
        verb: sorted(word for parameter in command.params for word in parameter.opts)
        for verb, command in commands.items()
    }
    return {"verbs": verbs, "public": sorted(mutau.__all__)}


def _sample(command: str) -> dict[str, float]:
    """Means and covariance of (E, px, py, z) of the outgoing particles, by particle."""
    from mutau import read_events

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.parquet"
        answer(f"{command} -o {path}")
        events = read_events(path)
    found = {}
    for pdg in sorted({int(code) for code in events.pdg}):
        chosen = events.pdg == pdg
        table = np.column_stack([events.p4[chosen][:, :3], events.x4[chosen][:, 3]])
        found |= {f"{pdg}.mean.{i}": float(v) for i, v in enumerate(table.mean(axis=0))}
        covariance = np.cov(table.T)[np.triu_indices(4)]
        found |= {f"{pdg}.covariance.{i}": float(v) for i, v in enumerate(covariance)}
    return found


def commands() -> list[str]:
    """All commands that are pinned."""
    return [*COMMANDS, *(f"generate {name} {POINT} -n 4000 --seed 3" for name in SAMPLES)]


def main() -> None:
    """Show what moved; write it with `--write`."""
    known = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}
    numbers, keys = {}, {}
    for command in commands():
        print(command, file=sys.stderr, flush=True)
        numbers[command], keys[command] = measured(command)
        for name, value in numbers[command].items():
            before = known.get(command, {}).get(name)
            if before != value:
                print(f"{command}\t{name}\t{before}\t{value}")
    if "--write" in sys.argv[1:]:
        REFERENCE.write_text(json.dumps(numbers, indent=1) + "\n")
        SURFACE.write_text(json.dumps({**surface(), "json_keys": keys}, indent=1) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("MUTAU_CACHE_DIR", str(Path(tempfile.gettempdir()) / "mutau-test-cache"))
    main()
