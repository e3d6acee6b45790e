"""Kill `simulate` at random moments, go on, and compare with a run that nobody disturbed.

    python tools/kill_simulate.py [--times 20] [--workers 2 4] [--shards 12]

Shards are small, so that a kill meets every stage: workers that start, events half written, the
tally. Each time a fresh run is ended by SIGKILL, its parent alone or the whole process group in
turn, then resumed; the folder must equal the undisturbed one to the byte, and no process of it may
be left. Ends with 1 where one differs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from mutau.detector import simulation
from mutau.scan import simulate

#: Events of a shard. Set in every process: workers import this file as their main module.
CHUNK: Final = 250
simulation.CHUNK = CHUNK  # type: ignore[misc]
simulate.CHUNK = CHUNK  # type: ignore[misc]


def child(folder: str, workers: int, shards: int) -> None:
    """The run: shards of CHUNK events."""
    from mutau.experiment import load_experiment

    item = load_experiment("na64mu")
    run = simulate.SimulationRun(
        item.to_dict(), item.name, shards * CHUNK, 3, shard=CHUNK, columns="summary", tracks=False
    )
    simulate.run_simulation(run, folder, workers=workers, resume=True)


def start(folder: Path, workers: int, shards: int) -> subprocess.Popen[bytes]:
    """The run in a process group of its own."""
    words = [sys.executable, "-W", "ignore", __file__, "--child", str(folder)]
    words += ["--workers", str(workers), "--shards", str(shards)]
    return subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE)


def finish(folder: Path, workers: int, shards: int) -> float:
    """Run to the end; seconds. Raises SystemExit where it fails."""
    begin = time.monotonic()
    process = start(folder, workers, shards)
    said = process.communicate()[1].decode()
    if process.returncode != 0:
        raise SystemExit(f"the run ended with {process.returncode}: {said}")
    return time.monotonic() - begin


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def alive(group: int) -> bool:
    """Whether a process of a group is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


def killed(folder: Path, workers: int, shards: int, after: float, *, whole: bool) -> bool:
    """Begin a run and kill it; whether it was still there to be killed.

    whole : the process group; else the parent, whose workers must end by themselves.
    Raises SystemExit where some are left after 20 s.
    """
    process = start(folder, workers, shards)
    time.sleep(after)
    met = process.poll() is None
    if met:
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if whole else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 20.0
    while alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    if alive(process.pid):
        os.killpg(process.pid, signal.SIGKILL)
        raise SystemExit("workers of a killed run stayed behind")
    return met


def study(folder: Path, workers: int, shards: int, times: int) -> int:
    """Kill, resume, compare; how many kills met a run that was there."""
    whole_folder = folder / f"whole-{workers}"
    finish(whole_folder, workers, shards)  # kernels come from the cache afterwards
    reference = contents(whole_folder)
    shutil.rmtree(whole_folder)
    lasts = finish(whole_folder, workers, shards)
    if contents(whole_folder) != reference:
        raise SystemExit("two undisturbed runs differ")
    draw, met = random.Random(workers), 0
    for number in range(times):
        one = folder / f"{workers}-{number}"
        after = lasts * draw.uniform(0.3, 0.95)
        met += killed(one, workers, shards, after, whole=bool(number % 2))
        finish(one, workers, shards)
        found = contents(one)
        if found != reference:
            names = {*found} ^ {*reference} or {k for k in found if found[k] != reference[k]}
            raise SystemExit(f"{workers} workers, kill {number} after {after:.2f} s: {names}")
        shutil.rmtree(one)
    return met


def main() -> None:
    """Study each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.workers[0], options.shards)
        return
    with tempfile.TemporaryDirectory(prefix="mutau-kills-") as name:
        for workers in options.workers:
            met = study(Path(name), workers, options.shards, options.times)
            print(f"{workers} workers: {options.times} runs equal to the byte, {met} killed midway")


if __name__ == "__main__":
    main()
