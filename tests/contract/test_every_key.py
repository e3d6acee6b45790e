"""Every key of every bundled experiment file changes a number, or is named as unused.

What `pipeline.usage` declares is never asked to vouch for itself: a key is changed, and numbers of
the calculations that are said to read it, or said not to, are computed and compared.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from mutau.background import electron_beam
from mutau.background.hadron_decays import selected_decays
from mutau.core.errors import MutauError, NotApplicable
from mutau.core.storage import digest
from mutau.detector import electron_calibration
from mutau.detector.simulation import simulate_chunk
from mutau.experiment import experiment_names, load_experiment, replace
from mutau.matter.hadrons import hadron
from mutau.models import build_model
from mutau.pipeline import electron_containment, usage
from mutau.pipeline.electron_calibration import calibration
from mutau.pipeline.generate import generate_events
from mutau.pipeline.limit import chosen_level, chosen_method
from mutau.pipeline.muone_backgrounds import SOURCES as MUONE_SOURCES
from mutau.pipeline.simulate import tally
from mutau.pipeline.yields import expected_yields
from mutau.selection.simulated import reconstruct, sample_of
from mutau.stats import upper_limit

POINTS = {
    "muon-brems": (build_model("lmu-ltau", 0.1, 1e-3), 1500),
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
    "bends_to": {"-x": "+x"},
    "kind": {"vhcal": "ecal", "hcal": "ecal", "ecal": "hcal"},
    "process": {"muon-brems": "muon-electron-zprime", "muon-electron-zprime": "muon-brems",
                "electron-brems+annihilation": "muon-brems"},
}  # fmt: skip
MATERIALS = ("lead", "iron", "polystyrene")
FACTORS = (1.3, 0.7, 1.05, 0.95, 1.002, 0.998, -1.0, 3.0, 10.0, 0.1)
TRIES = 4


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


def signal(item):
    model, n = POINTS[item.process]
    got = expected_yields(model, item, n_events=n)
    limit = upper_limit(got, cl=chosen_level(item, None), method=chosen_method(item, None, "file"))
    return [got.signal, got.signal_err, got.background, got.background_err, got.observed,
            got.run_fraction, [got.relative_systematic, limit.events]]  # fmt: skip


def full_chain(item):
    hits = simulate_chunk(item, 60, 1, 0, cells=True)
    sample = sample_of(hits, item, reconstruct(hits, item))
    return [*tally(hits, item).sums.values(), *sample.columns.values(), hits.energy, hits.cells]


def background(item):
    if item.process == "muon-electron-zprime":
        return [[source(item, 1, 0.01).per_particle for source in MUONE_SOURCES.values()]]
    if item.process == "muon-brems":
        try:
            kaon, pion = ((name, hadron(name).channel("mu", "nu")) for name in ("K-", "pi-"))
            found = [selected_decays(item, *pair, n=300) for pair in (kaon, pion)]
        except NotApplicable as error:
            return [[hash(str(error))]]
        return [[one.produced, one.stopping.value, one.hard.value] for one in found]
    numbers = []
    for source in (electron_beam.pion_decays, electron_beam.muon_decays,
                   lambda x: electron_beam.neutral_punch_through(x, 1, 0.05)):  # fmt: skip
        try:
            numbers.append(source(item).per_particle)
        except NotApplicable as error:
            numbers.append(hash(str(error)))
    return [numbers]


def calibrated(item):
    if not item.target.active:
        return [[0.0]]
    # the number of showers that simulates nothing: their pre-shower energy by a formula
    x0 = item.target.preshower.value if item.target.preshower else 0.0
    made = electron_calibration.Showers(
        0.1 * x0 * np.linspace(0.5, 1.5, 4000), np.linspace(0.0, 20.0, 4000)
    )
    columns = electron_calibration.electrons(item, made, seed=2)
    return [*columns.values(), calibration(item, made=made, seed=2).flow.share]


def events(item):
    found = generate_events(POINTS[item.process][0], item, 4, seed=1)
    return [found.pdg, found.p4, found.x4, found.weight]


NUMBERS = {"signal": signal, "full chain": full_chain, "background": background,
           "calibration": calibrated, "events": events}  # fmt: skip


@pytest.fixture(autouse=True)
def few_showers(monkeypatch):
    """Containment from few showers; it is asked whether a number changes, not what it is."""
    monkeypatch.setattr(electron_containment, "SHOWERS", 5)


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
        for other in other_values(place, value):
            try:
                changed = replace(self.item, place, other)
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


@pytest.mark.parametrize("name", experiment_names())
def test_every_key_changes_a_number_or_is_named_as_unused(name):
    item = load_experiment(name)
    document, probe = item.to_dict(), Probe(item)
    wrong = []
    for place, uses in usage.uses_of(item).items():
        if place.endswith("/variable"):
            continue  # which quantity is cut on: its bounds are changed
        value = value_at(document, place)
        for use in uses[:1] or NUMBERS:
            if not uses and use not in usage.READS[item.process]:
                continue
            found = probe.changes(place, value, use, TRIES if uses else 2)
            if (
                uses
                and found is False
                and not any(probe.changes(place, value, other) for other in uses[1:])
            ):
                wrong.append(f"{place}: said to be read by {uses}, changes nothing")
            if not uses and found:
                wrong.append(f"{place}: said to be unused, changes {use}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", experiment_names())
def test_what_a_signal_is_said_not_to_use_does_not_change_it(name):
    item = load_experiment(name)
    document, probe = item.to_dict(), Probe(item)
    wrong = [
        place
        for place, uses in usage.uses_of(item).items()
        if uses and "signal" not in uses and not place.endswith(("/variable", "/kind"))
        and probe.changes(place, value_at(document, place), "signal", 1)
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)
