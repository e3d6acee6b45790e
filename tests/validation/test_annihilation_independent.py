"""Annihilation at 200 to 320 MeV against showers by Monte Carlo times a Breit-Wigner by quadrature.

`peers.annihilation_yield` shares no kernel with `reactions.annihilation_kernels`, none with the
cascade equations and nothing of `signal`.
"""

import dataclasses

import numpy as np
import pytest

from mutau.experiment import load_experiment, replace
from mutau.matter import material
from mutau.models import Family
from mutau.peers.annihilation_yield import (
    MissingEnergy,
    annihilation_yields,
    cross_section,
    positron_track,
)
from mutau.reactions import annihilation
from mutau.signal.electron_errors import annihilation_with_radiation
from mutau.signal.electron_window import window
from mutau.signal.processes import Effort, process_of

SHOWERS = {"na64e": 400_000, "na64e-positron": 60_000}
#: Per mille of both quadratures, and of the tables of the cascade.
NUMERICAL = 6e-3


@pytest.fixture(scope="module")
def tracks():
    return {
        name: positron_track(
            load_experiment(name).beam.particle, 100.0, material("lead-scintillator"), 30.0, number
        )
        for name, number in SHOWERS.items()
    }


def per_particle(name, model):
    """Annihilations per beam particle in the window of the file's first period, no other cut; and
    the fraction of a shower that stays in the target."""
    file = load_experiment(name)
    run = dict(file.to_dict()["runs"][0])
    bare = replace(file, {"runs": [run], "beam/particles": run["particles"], "cuts": []})
    prepared = process_of(bare).prepare(bare, model, Effort(final_only=True))
    events = prepared.signal(model)[0][-1] * prepared.meta["annihilation_share"]
    kept = 1.0 - prepared.meta.get("leaves_the_target", 0.0)
    return events / bare.runs[0].particles / bare.runs[0].efficiency, kept


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["complex-scalar", "dirac"])
@pytest.mark.parametrize("name", SHOWERS)
def test_annihilation_around_the_resonance(name, kind, tracks):
    """From 40 MeV below the edge at 226 MeV, where only the line's tail is in the window, to 320.

    A positron beam of 100 GeV ends at 320 MeV, where the resonance lies on the beam: up to 300 MeV.
    """
    masses = [0.2, 0.215, 0.23, 0.26, 0.3, *([0.32] if name == "na64e" else [])]
    for mass in masses:
        model = Family("dark-photon", 0.1, 3.0, kind).at(mass, 1e-4)
        ours, kept = per_particle(name, model)
        window = MissingEnergy(100.0, 50.0, 0.1, 1.0, contained=kept)
        values, errors = annihilation_yields(model, tracks[name], [window])
        error = np.hypot(errors[0], NUMERICAL * values[0])
        if mass > 0.31:  # E_+ above 95 GeV: 1.019 +- 0.009 (cascade.md)
            error = np.hypot(error, 0.02 * values[0])
        assert ours == pytest.approx(values[0], abs=4.0 * error), mass
        assert error < 0.05 * values[0], mass


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["majorana", "dirac"])
def test_the_line_itself(kind):
    """Two quadratures of the same average over the electrons, on the line and in its tails."""
    model = Family("dark-photon", 0.1, 3.0, kind).at(0.23, 1e-4)
    energy = annihilation.resonance_energy(0.23) * np.array([0.7, 0.97, 1.0, 1.03, 1.5])
    ours = annihilation.cross_section(energy, model, element="Pb")
    assert ours == pytest.approx(cross_section(model, energy, "Pb"), rel=3e-3)


@pytest.mark.compiled
def test_radiation_moves_annihilation_below_its_edge(tracks):
    """What the electron radiates is missing too: below the edge events are gained, above some are
    lost. With b = (alpha/pi)(ln(m^2/m_e^2) - 1) and a line that a narrow boson would have, the gain
    is the radiator b/x over the positrons above 50 GeV, x = 1 - E_res/E, times the line's area."""
    plain, radiated = MissingEnergy(100.0, 50.0), MissingEnergy(100.0, 50.0, radiates=True)
    narrow = Family("dark-photon", 1e-3, 3.0).at(0.2, 1e-4)
    track = tracks["na64e-positron"]
    values, _ = annihilation_yields(narrow, track, [plain, radiated], nodes=24)
    resonance = annihilation.resonance_energy(0.2)
    b = 7.2973525693e-3 / np.pi * (2.0 * np.log(0.2 / 0.51099895e-3) - 1.0)
    middle = 0.5 * (track.edges[1:] + track.edges[:-1])
    x = 1.0 - resonance / middle
    radiator = b * np.abs(x) ** (b - 1.0) * (1.0 + 0.75 * b) - 0.5 * b * (2.0 - x)
    lengths = track.density * np.diff(track.edges) * plain.passes(middle)
    area = sum(
        n * annihilation.narrow_integral(narrow, element=element.symbol)
        for element, n in track.material.atoms_per_cm3
    ) * track.material.radiation_length_cm * 1e-36  # fmt: skip
    gained = area * np.sum((lengths * radiator / middle)[x > 0.0])
    assert values[1] - values[0] == pytest.approx(gained, rel=0.1)


@pytest.mark.compiled
@pytest.mark.parametrize("name", SHOWERS)
def test_radiation_before_annihilation(name, tracks):
    """The process with `theory/radiation` beside the plain calculation: another quadrature of the
    radiator, another cascade. Below the edge the electron's radiation makes up most of the events.
    """
    file = load_experiment(name)
    run = dict(file.to_dict()["runs"][0])
    bare = replace(file, {"runs": [run], "beam/particles": run["particles"], "cuts": []})
    w = window(bare)
    kept = float(w.contained.mean())
    plain = MissingEnergy(100.0, 50.0, 0.1, 1.0, contained=kept)
    for mass in (0.2, 0.235, 0.3):
        model = Family("dark-photon", 0.1, 3.0).at(mass, 1e-4)
        ours = annihilation_with_radiation(bare, model, w.at_nominal())[0, 0]
        windows = [plain, dataclasses.replace(plain, radiates=True)]
        values, errors = annihilation_yields(model, tracks[name], windows)
        relative = np.hypot(errors[0] / values[0], 0.015)
        assert ours == pytest.approx(values[1], rel=4.0 * relative), mass
        assert abs(values[1] / values[0] - 1.0) > 5e-3  # it is there
