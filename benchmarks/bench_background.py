"""How fast the rare backgrounds come, and what importance sampling gains over brute force.

Processor time of one core, the better of two. Gain: figure of merit 1/(sigma^2 T), sigma the
relative error, over that of analog histories of the same length: n_brute/n = (1 - p)/(p n sigma^2),
p the chance per history of brute force. For decays and pairs a brute-force history is one beam
hadron or one beam muon.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mutau.background.dimuon_production import pair_production
from mutau.background.dimuons import dimuon_rates
from mutau.background.hadron_decays import selected_decays
from mutau.background.leading_hadrons_selected import escaped_hadrons
from mutau.background.punch_through import hcal_module, punch_through
from mutau.core.random import stream
from mutau.experiment import load_experiment
from mutau.matter.hadrons import hadron
from mutau.transport.decays import decay_in_flight
from mutau.xsec.muon_pairs import photon_total, trident_differential


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    result, times = call(), []
    for _ in range(2):
        begin = time.process_time()
        result = call()
        times.append(time.process_time() - begin)
    return result, min(times)


def _gain(chance: float, relative: float, events: int) -> str:
    return f"{100 * relative:.1f} %, gain {(1.0 - chance) / (chance * events * relative**2):.1e}"


def rows() -> list[dict[str, Any]]:
    """Measured figures with unit, error reached and goal."""
    experiment = load_experiment("na64mu")
    kaon, events = hadron("K-"), 100_000
    out: list[dict[str, Any]] = []

    def row(name: str, figure: float, unit: str, error: str, goal: str = "-") -> None:
        out.append(
            {"name": name, "figure": figure, "unit": unit, "error_reached": error, "goal": goal}
        )

    p4 = np.tile([160.0, 0.0, 0.0, np.sqrt(160.0**2 - kaon.mass**2)], (events, 1))
    for daughters in (("mu", "nu"), ("pi0", "mu", "nu")):
        channel = kaon.channel(*daughters)
        _, seconds = _timed(lambda c=channel: decay_in_flight(kaon, c, p4, stream(1)))
        row(f"decays, K- to {channel.label}", events / seconds, "1/s/core", "exact kinematics")
    goal = "30 % in 3 min on 2 cores"
    channel = kaon.channel("mu", "nu")
    got, seconds = _timed(lambda: selected_decays(experiment, "K-", channel, n=events))
    share = got.total / 3e-8
    row("K- to mu nu, all cuts", seconds, "s", _gain(share, got.err / got.total, events), goal)
    made_of, length, _ = hcal_module(experiment)
    for modules in (1, 2, 4):
        punch, seconds = _timed(
            lambda m=modules: punch_through("n", 112.0, made_of, length, 1.0, modules=m)
        )
        error = f"{100 * punch.err / punch.value:.1f} %, gain {punch.merit:.1e}"
        row(f"punch-through of {modules}, p = {punch.value:.1e}", seconds, "s", error, goal)
    found, seconds = _timed(lambda: escaped_hadrons(experiment, n=60_000))
    best = found[0]
    error = _gain(best.value, best.err / best.value, 60_000)
    row(f"K_L unseen, {best.value:.1e} per muon", seconds, "s", error, goal)
    pair_production.cache_clear()
    begin = time.process_time()
    pair_production(experiment)
    row("pairs made in the target", time.process_time() - begin, "s", "1 %", "-")
    rates, seconds = _timed(lambda: dimuon_rates(experiment, n=300_000))
    value, err = float(rates.value[4]), float(rates.err[4])
    row(f"pairs, all cuts, {value:.1e}", seconds, "s", _gain(value, err / value, 300_000), goal)
    energy = np.geomspace(1.0, 200.0, 40)
    _, seconds = _timed(lambda: photon_total(energy, z=82.0, a=207.2))
    row("gamma A to mu mu A, cross section", 1e3 * seconds / 40, "ms", "1e-3", "-")
    v = np.geomspace(0.02, 0.99, 40)
    _, seconds = _timed(lambda: trident_differential(v, 160.0, z=82.0, a=207.2))
    row("mu A to 3 mu A, d sigma/dv", 1e3 * seconds / 40, "ms", "1e-2", "-")
    return out


if __name__ == "__main__":
    for line in rows():
        print(
            f"{line['name']:42s} {line['figure']:10.3g} {line['unit']:10s} "
            f"{line['error_reached']:26s} goal {line['goal']}"
        )
