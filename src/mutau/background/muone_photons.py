"""Photons that the muon radiates on a nucleus and that convert in the same station.

mu N -> mu N gamma with the muon deflected, the photon's pair taken for the electron because one of
the two is lost. The muon is deflected where it radiates, the photon being soft beside it
(classical current of both directions, exact in the angles), or in another collision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background.estimate import Estimate, background_source
from mutau.background.muone import hard_kicks
from mutau.background.muone_components import (
    Component,
    EstimateTexts,
    Sampled,
    as_component,
    crossings,
    per_particle,
    placed,
    region,
    size,
    tracks_of,
    trimmed_component,
)
from mutau.background.muone_inelastic import conversion
from mutau.core.constants import ALPHA, M_MU
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.matter import material
from mutau.matter.muon_cross_sections import differential
from mutau.reactions.muon_electron import Cuts
from mutau.signal.muone_response import check_measurable, response

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

CONVERSIONS: Final = "converted photons on nuclei"
#: Relative error: the photon is soft beside the muon, of which it takes up to a sixth.
_SOFT: Final = 0.3
_RANGE: Final = 2.0
_KEY: Final = 213


def soft_photon_density(photon: Array, before: Array, after: Array) -> Array:
    """d^2 N/(d omega d Omega) omega of soft photons off a muon turned from `before` to `after`.

    photon, before, after : (N, 2) directions, rad, small; before and after of one momentum p, in
    units of m/p each: angles times gamma. -alpha/(4 pi^2) (p'/p'k - p/pk)^2 omega^2 without
    recoil, per solid angle in those units. Source: J. D. Jackson, Classical Electrodynamics, 15.2.
    Check: integrates to 2 alpha/pi ((2 v^2 + 1)/(v sqrt(v^2 + 1)) asinh v - 1), v = turn/2.
    """
    a, b = 1.0 + np.sum((photon - before) ** 2, -1), 1.0 + np.sum((photon - after) ** 2, -1)
    turn2 = np.sum((before - after) ** 2, -1)
    # (p'/p'k - p/pk)^2 = m^2/(p'k)^2 + m^2/(pk)^2 - 2 pp'/(pk p'k), of p k = m omega a/(2 gamma)
    square = (2.0 + turn2) / (a * b) - 1.0 / a**2 - 1.0 / b**2
    return np.asarray(ALPHA / math.pi**2 * square)


def _direction(centre: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(N, 2) photon directions about `centre` with density 1/(pi (1 + x^2)^2), in units of 1/gamma,
    and that density."""
    n = len(centre)
    u = rng.random(n)
    radius2 = u / (1.0 - u)
    phi = rng.uniform(0.0, 2.0 * math.pi, n)
    offset = np.sqrt(radius2)[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=1)
    return centre + offset, 1.0 / (math.pi * (1.0 + radius2) ** 2)


def conversions_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = (),
    lowest: float | None = None,
) -> Component:  # fmt: skip
    """mu N -> mu N gamma with a conversion in the station, one electron of the pair lost.

    Half of the events radiate where they are deflected, half in another collision of the station.
    lowest : energy of a track, GeV; None for the file's. Raises NotApplicable as `tracks_of`.
    Check: grows as the square of the station's thickness, and with the energy of a track.
    """
    lowest = tracks_of(experiment).lowest if lowest is None else lowest
    rng, beam = stream(seed, *key, _KEY), experiment.beam.energy
    measures = response(experiment)
    assert measures.target is not None  # of `response`
    top = min(wide.electron_energy_max, 0.5 * beam)
    low = max(wide.electron_energy_min, 2.0 * lowest)
    span = math.log(top / low)
    omega = low * np.exp(span * rng.random(n))
    kick, chance = hard_kicks(measures.target, measures.thickness, n, rng)
    phi = rng.uniform(0.0, 2.0 * math.pi, n)
    momentum = np.sqrt((beam - omega) ** 2 - M_MU**2)
    turn = kick[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=1)
    legs = np.stack([np.zeros((n, 2)), turn / M_MU])  # angles in units of m/p
    leg = (rng.random(n) < 0.5).astype(int)
    photon, _ = _direction(legs[leg, np.arange(n)], rng)
    density = sum(0.5 / (math.pi * (1.0 + np.sum((photon - x) ** 2, -1)) ** 2) for x in legs)
    y = omega / beam
    hard = 1.0 - y + 0.5 * y * y
    same = np.arange(n) % 2 == 0
    emitted = np.where(
        same, soft_photon_density(photon, *legs) / density * hard, _elsewhere(experiment, omega)
    )
    weight = 2.0 / n * crossings(experiment) * chance * emitted * span
    weight *= conversion(experiment, omega, lowest)
    muon = _moving(momentum, turn / momentum[:, None])
    electron = _moving(omega, photon * M_MU / beam)
    events = placed(experiment, _massive(muon), electron, weight, rng)
    component = as_component(experiment, CONVERSIONS, events, rng, model_error=0.8)
    return trimmed_component(component, keep)


def _elsewhere(experiment: Experiment, omega: Array) -> Array:
    """Photons per d ln omega of one muon in one station, the nuclei and atomic electrons of
    Kelner, Kokoulin and Petrukhin (`matter.muon_cross_sections`)."""
    medium, beam = material(experiment.target.material), experiment.beam.energy
    thickness = experiment.target.thickness.cm(medium.radiation_length_cm)
    v = omega / beam
    found = np.zeros(len(omega))
    for element, number in medium.atoms_per_cm3:
        per_v = differential("bremsstrahlung", v, beam, element)
        found += number * thickness * PB_CM2 * v * per_v
    return found


def _moving(size_: Array, angles: Array) -> Array:
    """(N, 4) massless momenta of sizes (N,) at small angles (N, 2)."""
    slope = np.column_stack([angles, np.ones(len(angles))])
    slope /= np.linalg.norm(slope, axis=1)[:, None]
    return np.column_stack([size_, size_[:, None] * slope])


def _massive(muon: Array) -> Array:
    out = muon.copy()
    out[:, 0] = np.hypot(muon[:, 0], M_MU)
    return out


def conversions(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu N -> mu N gamma that pass the cuts, the photon converted in the station, one electron of
    its pair lost. The model error joins half the range between half and twice the lowest energy of
    a track, and the soft photon."""
    check_measurable(experiment)
    wide, n, lowest = region(experiment), size(effort), tracks_of(experiment).lowest
    found, *ends = (
        conversions_component(experiment, wide, n, seed, lowest=lowest * f).events(experiment.cuts)
        for f in (1.0, 1.0 / _RANGE, _RANGE)
    )
    return per_particle(
        experiment, CONVERSIONS, found,
        EstimateTexts(
            "soft photon of the deflected muon, or bremsstrahlung in another collision, times the "
            "conversion in the rest of the station; weighted Monte Carlo",
            f"an electron below {lowest:g} GeV leaves no track; both electrons of a pair above it "
            "are told apart; the photon's recoil on the muon left out",
        ),
        math.hypot(0.5 * (ends[1].events - ends[0].events), _SOFT * found.events),
        **{f"track from {lowest / _RANGE:g} GeV": ends[0].events,
           f"track from {lowest * _RANGE:g} GeV": ends[1].events},
    )  # fmt: skip


SAMPLED_CONVERSIONS: Final = Sampled(conversions_component)
background_source(CONVERSIONS, "muon-electron-zprime")(conversions)
