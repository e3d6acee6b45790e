"""How fast the rare backgrounds come, and what importance sampling gains over brute force.

Gain: figure of merit 1/(sigma^2 T), sigma the
relative error, over that of analog histories of the same length: n_brute/n = (1 - p)/(p n sigma^2),
p the chance per history of brute force. For decays and pairs a brute-force history is one beam
hadron or one beam muon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import plain_decays
import plain_punch_through
from measure import Row, against, agree, best, main, row

from mutau.background.dimuon_production import pair_production
from mutau.background.dimuons import DEFAULT_EVENTS, dimuon_rates
from mutau.background.hadron_decays import selected_decays
from mutau.background.hermeticity import leakage
from mutau.background.hermeticity_selected import region_d
from mutau.background.leading_hadrons_selected import escaped_hadrons
from mutau.background.punch_through import HadronStack, hcal_module, punch_through
from mutau.core.constants import M_MU
from mutau.core.random import stream
from mutau.experiment import load_experiment
from mutau.matter.hadrons import hadron
from mutau.signal.simulate import run_tally
from mutau.transport.decays import decay_in_flight


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    return call(), best(call, 1)


def _gain(chance: float, relative: float, events: int) -> str:
    return f"{100 * relative:.1f} %, gain {(1.0 - chance) / (chance * events * relative**2):.1e}"


GOAL = "30 % in 3 min on 2 cores"


def _plain_decays(p4: np.ndarray) -> float:
    """K- to mu nu per second in NumPy; the mean energy of the muon is ours within 5 errors."""
    kaon, n = hadron("K-"), len(p4)
    masses = np.full(n, kaon.mass), np.full(n, M_MU), np.zeros(n)

    def work() -> np.ndarray:
        return plain_decays.two_body(p4, *masses, stream(2))[0]

    ours = decay_in_flight(kaon, kaon.channel("mu", "nu"), p4, stream(1))[:, 0, 0]
    theirs = work()[:, 0]
    error = float(ours.std() * np.sqrt(2.0 / n))
    agree("mean energy of the muon", ours.mean(), theirs.mean(), rel=0.0, abs_=5.0 * error)
    return n / best(work, 3)


def decays() -> list[Row]:
    """Kaons in flight: kinematics alone, and everything up to the last cut."""
    experiment, kaon, events = load_experiment("na64mu"), hadron("K-"), 100_000
    p4 = np.tile([160.0, 0.0, 0.0, np.sqrt(160.0**2 - kaon.mass**2)], (events, 1))
    out = []
    for daughters in (("mu", "nu"), ("pi0", "mu", "nu")):
        channel = kaon.channel(*daughters)
        rate = events / best(lambda c=channel: decay_in_flight(kaon, c, p4, stream(1)), 2)
        name = f"decays, K- to {channel.label}"
        plain = against("NumPy", lambda: _plain_decays(p4)) if len(daughters) == 2 else {}
        out.append(row(name, rate, "1/s/core", "exact kinematics", **plain))
    channel = kaon.channel("mu", "nu")
    got, seconds = _timed(lambda: selected_decays(experiment, "K-", channel, n=events))
    error = _gain(got.total / 3e-8, got.passed.err / got.total, events)
    out.append(row("K- to mu nu, all cuts", seconds, "s", error, GOAL))
    return out


def hadrons() -> list[Row]:
    """Punch-through of one, two and four modules, and hadrons that escape unseen."""
    experiment = load_experiment("na64mu")
    substance, length, _ = hcal_module(experiment)
    out = []
    for modules in (1, 2, 4):
        punch, seconds = _timed(
            lambda m=modules: punch_through("n", 112.0, HadronStack(substance, length, m), 1.0)
        )
        error = f"{100 * punch.err / punch.value:.1f} %, gain {punch.merit:.1e}"
        name = f"punch-through of {modules}, p = {punch.value:.1e}"

        def counting(punch: Any = punch) -> float:
            """Seconds until counting one by one has the same error."""
            args = 112.0, substance, length, 1.0, 300_000, stream(4)
            (value, err), seconds = _timed(lambda: plain_punch_through.survivors(*args))
            allowed = 4.0 * float(np.hypot(err, punch.err))
            agree("punch-through", punch.value, value, rel=0.0, abs_=allowed)
            return seconds * (err / value / (punch.err / punch.value)) ** 2

        plain = against("NumPy, counting", counting) if modules == 1 else {}
        out.append(row(name, seconds, "s", error, GOAL, **plain))
    found, seconds = _timed(lambda: escaped_hadrons(experiment, n=60_000))
    top = found[0]
    error = _gain(top.value, top.err / top.value, 60_000)
    out.append(row(f"K_L unseen, {top.value:.1e} per muon", seconds, "s", error, GOAL))
    return out


def pairs() -> list[Row]:
    """Muon pairs made in the target: production, all cuts."""
    experiment = load_experiment("na64mu")

    def produce() -> None:
        pair_production.cache_clear()
        pair_production(experiment)

    made = best(produce, 1)
    rates, seconds = _timed(lambda: dimuon_rates(experiment, n=DEFAULT_EVENTS))
    value, err = float(rates.value[4]), float(rates.err[4])
    cuts = _gain(value, err / value, DEFAULT_EVENTS)
    return [
        row("pairs made in the target", made, "s", "1 %"),
        row(f"pairs, all cuts, {value:.1e}", seconds, "s", cuts, GOAL),
    ]


def non_hermeticity() -> list[Row]:
    """Non-hermeticity by forced losses and biased hadrons, beside muons counted one by one.

    The gain is that of 1/(sigma^2 T) with both times measured: brute force needs 1/p muons for a
    relative error of 1, here the full simulation with track fit and cuts.
    """
    experiment, n = load_experiment("na64mu"), 60_000
    found, seconds = _timed(lambda: leakage(experiment, n=n, seed=3))
    _, plain = _timed(lambda: run_tally(experiment, 20_000, 1))
    per_muon = plain / (0.8 * 20_000)  # four of five beam muons are on target
    out = []
    for top, label in ((True, "top panel"), (False, "all cuts")):
        value, err = found.rate(region_d(found, experiment, top=top), 1)
        gain = per_muon / (value * seconds * (err / value) ** 2)
        name = f"leakage into D, {label}, {value:.1e}"
        out.append(row(name, seconds, "s", f"{100 * err / value:.1f} %, gain {gain:.1e}", GOAL))
    return out


PARTS = (decays, hadrons, pairs, non_hermeticity)

if __name__ == "__main__":
    main(PARTS)
