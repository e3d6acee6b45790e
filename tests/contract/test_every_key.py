"""Every key of every bundled experiment file changes a number, or is named as unused.

What `signal.usage` declares is never asked to vouch for itself: a key is changed, and numbers of
the calculations that are said to read it, or said not to, are computed and compared.

The suite changes one key of each kind, in the first of the files from the cheapest to the dearest
that has it; a kind that is read in one file and named as unused in another is tried in both.
All keys of all files, some ten minutes and more:
`MUTAU_EVERY_KEY=all pytest -n 0 tests/contract/test_every_key.py`.
"""

from __future__ import annotations

import os
import re
import warnings
from functools import cache

import numpy as np
import pytest
from numpy.lib.recfunctions import structured_to_unstructured

from mutau.analysis.settings import Settings
from mutau.analysis.yields import expected_yields
from mutau.background import electron_beam
from mutau.background.hadron_decays import selected_decays
from mutau.background.hcal_paths import unseen
from mutau.background.muone_coincidences import overlap
from mutau.background.muone_components import region
from mutau.background.muone_inelastic import inelastic_component
from mutau.background.muone_pairs import pair_component
from mutau.background.muone_sources import radiative_component
from mutau.core.errors import MutauError, NotApplicable
from mutau.core.random import stream
from mutau.core.storage import digest
from mutau.detector import electron_calibration
from mutau.detector.geometry import build_geometry
from mutau.detector.readout import build_readout
from mutau.detector.simulation import beam_source, simulate_chunk
from mutau.experiment import VARIABLES, experiment_names, load_experiment, replace
from mutau.matter.hadrons import hadron
from mutau.models import build_model
from mutau.selection.cutflow import passes
from mutau.selection.requirements import simulated
from mutau.selection.simulated import reconstruct, sample_of
from mutau.selection.variables import Sample
from mutau.signal import electron, electron_containment, usage
from mutau.signal.electron_calibration import calibration
from mutau.signal.exposure import particles_on_target
from mutau.signal.generate import generate_events
from mutau.signal.simulate import tally
from mutau.stats import upper_limit

POINTS = {
    "muon-brems": (build_model("lmu-ltau", 0.1, 1e-3), 500),
    "muon-electron-zprime": (build_model("lmu-ltau", 0.1, 1e-3), 1500),
    "electron-brems+annihilation": (build_model("lmu-ltau", 0.01, 1e-3), 60),
}
#: Other values of keys that are no numbers; the first that the checks accept and that matters.
OTHERS = {
    "particle": {"mu-": "mu+", "mu+": "mu-", "e-": "e+", "e+": "e-"},
    "method": {"bayes": "feldman-cousins", "events": "feldman-cousins", "exact": "iww"},
    "form_factor": {"elastic": "point"},
    "electrons": {"virial": "rest"},
    "role": {"trigger": "monitor", "veto": "monitor"},
    "arm": {"outgoing": "incoming"},
    "bends_to": {"-x": "+x", "+y": "-y"},
    "view": {"x": "u", "y": "v", "u": "x", "v": "y"},
    "kind": {"vhcal": "ecal", "hcal": "ecal", "ecal": "hcal"},
    "process": {"muon-brems": "muon-electron-zprime", "muon-electron-zprime": "muon-brems",
                "electron-brems+annihilation": "muon-brems"},
}  # fmt: skip
MATERIALS = ("lead", "iron", "polystyrene")
FACTORS = (1.3, 0.7, 0.1, 3.0, 0.92, 1.05, 0.95, 1.002, 0.998, -1.0, 10.0)
TRIES = 6


def other_values(key, value):
    last = key.split("/")[-1]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, 2 * value, value + 10]
    if isinstance(value, float):
        return [f * value for f in FACTORS] if value else [0.3, 3.0]
    if isinstance(value, list):
        return [[value[0] + 1, value[1]], [value[0], value[1] + 1]]
    if last == "material":
        return [name for name in MATERIALS if name != value]
    if last in OTHERS:
        return [OTHERS[last][value]]
    number, unit = re.fullmatch(r"([-+0-9.eE]+) (.*)", value).groups()
    numbers = [f * float(number) for f in FACTORS] if float(number) else [1.0, 20.0, -20.0]
    return [f"{x:.12g} {unit}" for x in numbers]


def flat(setup):
    """All numbers of a set-up, in a row."""
    records = [structured_to_unstructured(part) for part in (setup.pieces, setup.matter)]
    return np.concatenate([np.ravel(part) for part in (*records, setup.field, setup[3:])])


def signal(item):
    model, n = POINTS[item.process]
    got = expected_yields(model, item, n_events=n)
    limit = upper_limit(got, cl=Settings().level_of([item]), method=Settings().method_of([item]))
    fast = flat(build_geometry(item).setup) if item.process == "muon-brems" else []
    return [fast, got.signal, got.signal_err, got.background, got.background_err, got.observed,
            got.run_fraction, [got.relative_systematic, limit.events]]  # fmt: skip


def full_chain(item):
    """Some muons through everything; beam particles and set-up as the walk takes them, and each cut
    on even values, because what few muons meet is not all that many would. Electrons: the window
    and what calibration electrons meet, of which the chain is made."""
    if item.process == "electron-brems+annihilation":
        return [*signal(item), *calibrated(item)]
    readout = build_readout(item)
    hits = simulate_chunk(item, 40, 1, 0, cells=True)
    sample = sample_of(hits, item, reconstruct(hits, item))
    beam = beam_source(item, readout)(2000, stream(1, 5), 0)
    even = {name: np.linspace(0.0, 60.0, 901) for name in VARIABLES}
    vector = np.tile([0.0, 0.0, 0.0, 1.0], (901, 1))
    vector[:, 0] = vector[:, 3] = np.linspace(0.0, 2.0 * item.beam.energy, 901)
    even |= {"p_muon": vector, "p_beam": vector, "trigger": np.ones(901, bool)}
    cuts = simulated(item.cuts)
    return [
        *tally(hits, item).sums.values(), *sample.columns.values(), hits.energy, hits.cells,
        beam.x, beam.y, beam.slope_x, beam.slope_y, beam.momentum, flat(readout.setup),
        [readout.trigger, readout.veto, readout.beam], readout.thresholds,
        readout.em, readout.hadronic,
        *(passes(cut, Sample(item.beam.energy, np.ones(901), even)) for cut in cuts),
        [particles_on_target(item)],
    ]  # fmt: skip


def background(item):
    if item.process == "muon-electron-zprime":
        found = radiative_component(item, region(item), 300, 1)
        inside = [passes(cut, found.sample) for cut in item.cuts]
        pairs = pair_component(item, region(item), 200, 1).sample.weights
        hadrons = inelastic_component(item, region(item), 1000, 1).sample
        return [*found.sample.columns.values(), found.sample.weights, found.missed, *inside, pairs,
                hadrons.weights, hadrons.columns["photon_energy"], [overlap(item)]]  # fmt: skip
    if item.process == "muon-brems":
        try:
            kaon, pion = ((name, hadron(name).channel("mu", "nu")) for name in ("K-", "pi-"))
            found = [selected_decays(item, *pair, n=300) for pair in (kaon, pion)]
        except NotApplicable as error:
            return [[len(str(error))]]
        return [[one.produced, one.stopping.value, one.hard.value] for one in found]
    numbers = [particles_on_target(item)]
    for number in (
        lambda: electron_beam.pion_decays(item).per_particle,
        lambda: electron_beam.muon_decays(item).per_particle,
        lambda: electron_beam.photonuclear_per_electron(item),
        lambda: unseen("n", 70.0, item, electron_beam.hcal_budget(item), n=200, seed=1).value,
    ):
        try:
            numbers.append(number())
        except NotApplicable as error:
            numbers.append(len(str(error)))
    return [numbers]


def calibrated(item):
    if not item.target.active:
        return [[0.0]]
    # the number of showers that simulates nothing: their pre-shower energy by a formula
    x0 = item.target.preshower.value if item.target.preshower else 0.0
    made = electron_calibration.Showers(
        0.1 * x0 * np.linspace(0.5, 1.5, 1000), np.linspace(0.0, 20.0, 1000)
    )
    columns = electron_calibration.electrons(item, made, seed=2)
    soft = electron_calibration._behind(item, np.linspace(2.1, 12.0, 4000), 2.0, stream(1))
    return [*soft, *columns.values(), calibration(item, made=made, seed=2).flow.fraction]


def events(item):
    found = generate_events(POINTS[item.process][0], item, 4, seed=1)
    return [found.pdg, found.p4, found.x4, found.weight]


def bare_signal(item):
    """Without the rows of the set-up: planes cut the steps through a magnet, to no effect."""
    return signal(item)[1:]


NUMBERS = {"bare signal": bare_signal, "signal": signal, "full chain": full_chain,
           "background": background, "calibration": calibrated, "events": events}  # fmt: skip


@pytest.fixture(autouse=True)
def few_showers(monkeypatch):
    """Containment from few showers; it is asked whether a number changes, not what it is.

    What is kept in memory is not for other tests, nor theirs for these.
    """
    forget()
    monkeypatch.setattr(electron_containment, "SHOWERS", 5)
    yield
    forget()


def forget():
    """Empty all that the electron beam's modules keep in memory."""
    for module in (electron_containment, electron):
        for item in vars(module).values():
            if hasattr(item, "cache_clear"):
                item.cache_clear()


def print_of(item, use):
    """Digest of the numbers of one calculation, or of the reason why there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            numbers = NUMBERS[use](item)
        except MutauError as error:
            return f"refused: {type(error).__name__}"
    return digest(*[np.asarray(part, float).tolist() for part in numbers])


class Probe:
    """Prints of a file, computed once each."""

    def __init__(self, item):
        self.item, self.known = item, {}

    def base(self, use):
        if use not in self.known:
            self.known[use] = print_of(self.item, use)
        return self.known[use]

    def changes(self, place, value, use, tries=TRIES):
        """Whether any of some other values changes the numbers of a calculation; None where none
        of them is accepted."""
        accepted = 0
        places = [place] if isinstance(place, str) else place
        for other in other_values(places[0], value):
            try:
                changed = replace(self.item, dict.fromkeys(places, other))
            except MutauError:
                continue
            accepted += 1
            if print_of(changed, use) != self.base(use):
                return True
            if accepted == tries:
                break
        return False if accepted else None


def value_at(document, place):
    node = document
    for step in place.split("/"):
        name, _, label = step.rstrip("]").partition("[")
        node = node[name]
        if label:
            node = (
                node[int(label)]
                if label.isdigit()
                else next(item for item in node if item.get("name") == label)
            )
    return node


def fault(item, probe, place, value):
    """What is declared wrongly of one key; "" for nothing.

    A value that no check accepts is as good as one that changes a number. Where one of several
    alike things decides nothing (the threshold of the last of three modules), all are changed.
    """
    uses = usage.uses_of(item)[place]
    if not uses:
        found = [use for use in usage.READS[item.process] if probe.changes(place, value, use, 1)]
        return f"{place}: said to be unused, changes {found}" if found else ""
    key = usage.stated_keys(item)[place]
    alike = [other for other, one in usage.stated_keys(item).items() if one == key]
    for places in ([place], alike) if len(alike) > 1 else ([place],):
        if any(probe.changes(places, value, use) is not False for use in uses):
            return ""
    return f"{place}: said to be read by {uses}, changes nothing"


#: From the cheapest to the dearest to compute; a new file comes first.
DEAR = (
    "m3", "ldmx-like", "na64e-positron", "na64mu", "na64e", "muone-spectrometer", "muone",
    "ldmx-like-ecal", "na64e-run4", *(f"na64e-positron-{energy}" for energy in (70, 60, 40)),
    "muone-run1", "muone-160", "na64mu-2022",
)  # fmt: skip
#: Calculations that are cheap enough to be asked for every key that they are said not to read.
ASIDE = {"signal": "bare signal", "events": "events"}


def kind_of(item, place):
    """Address without numbers and without what the item is: `detector/calorimeter/width`."""
    return re.sub(r":[^/]*", "", usage.stated_keys(item)[place])


@cache
def chosen():
    """Experiment -> addresses that are tried."""
    everything, seen, found = os.environ.get("MUTAU_EVERY_KEY") == "all", set(), {}
    for name in sorted(experiment_names(), key=lambda n: DEAR.index(n) if n in DEAR else -1):
        item = load_experiment(name)
        uses, found[name] = usage.uses_of(item), []
        for place in uses:
            if place.endswith("/variable"):
                continue  # its bounds are tried
            kind = kind_of(item, place), bool(uses[place])
            if everything or kind not in seen:
                found[name].append(place)
            seen.add(kind)
    return found


def test_every_kind_of_key_is_among_those_tried():
    items = {name: load_experiment(name) for name in experiment_names()}
    every = {kind_of(item, p) for item in items.values() for p in usage.stated_keys(item)
             if not p.endswith("/variable")}  # fmt: skip
    tried = {kind_of(items[name], p) for name, places in chosen().items() for p in places}
    assert tried == every
    assert set(chosen()) == set(items)


@pytest.mark.compiled
@pytest.mark.parametrize("name", experiment_names())
def test_every_key_changes_a_number_or_is_named_as_unused(name):
    item = load_experiment(name)
    document, probe = item.to_dict(), Probe(item)
    wrong = [fault(item, probe, p, value_at(document, p)) for p in chosen()[name]]
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.compiled
@pytest.mark.parametrize("name", experiment_names())
def test_what_signal_and_events_are_said_not_to_use_does_not_change_them(name):
    item = load_experiment(name)
    document, probe, uses = item.to_dict(), Probe(item), usage.uses_of(item)
    wrong = [
        f"{place} changes {use}"
        for place in chosen()[name]
        for use in ASIDE
        if uses[place] and use not in uses[place] and use in usage.READS[item.process]
        and not place.endswith(("/variable", "/kind"))
        and probe.changes(place, value_at(document, place), ASIDE[use], 1)
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)
