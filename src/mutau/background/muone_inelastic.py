"""Muons that scatter inelastically on nuclei: a hadron, or a converted photon, as the electron.

Nothing in the set-up tells an electron from a hadron, so an event with one further track and
nothing else seen looks like the signal. Virtual photons by their flux and the vector-meson form of
`matter.muon_cross_sections`; final states of real photons of the same mass of the hadrons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background import muone
from mutau.background.estimate import Estimate, background_source
from mutau.background.muone_components import (
    Component,
    EstimateTexts,
    Sampled,
    Tracks,
    as_component,
    atoms,
    joined,
    of_calorimeter,
    per_particle,
    placed,
    region,
    size,
    tracks_of,
    trimmed_component,
)
from mutau.background.muone_crystals import (
    BRIGHT,
    CHARGED,
    DARK,
    EVEN,
    STATES_FROM,
    STATES_TO,
    TO_PHOTONS,
    Deposits,
    kinetic,
    seen_energy,
)
from mutau.core.constants import ALPHA, M_MU, M_P
from mutau.core.fourvectors import two_massless
from mutau.core.random import stream
from mutau.detector.muone import Origin
from mutau.matter import material
from mutau.matter.elements import Element
from mutau.matter.muon_cross_sections import photon_nucleon_ub, shadowing
from mutau.matter.nuclear_final_states_events import draw
from mutau.reactions.muon_electron import Cuts
from mutau.signal.muone_response import check_measurable

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

Array = np.ndarray

INELASTIC: Final = "inelastic scattering on nuclei"
#: What is left where every charged particle of the lowest energy makes a track, at any angle.
EVERY_TRACK: Final = "tracks at all angles"
#: Squared masses of Bezrukov and Bugaev's vector mesons, GeV^2.
_M1, _M2 = 0.54, 1.80
_Q2_MAX: Final = 20.0
#: Relative errors: flux and longitudinal photons; final states of single nucleons at rest.
_FLUX: Final = 0.2
_KEY: Final = 212
#: Events drawn at a time: some fifteen hadrons each.
BATCH: Final = 50_000


def virtual_photon_cross_section(nu: Array, q2: Array, energy: float, item: Element) -> Array:
    """d^2 sigma/(d nu dQ^2) of mu A -> mu X, pb/GeV^3 per atom.

    nu, q2 : energy (GeV) and virtuality (GeV^2) of the photon, arrays of one shape. energy : of
    the muon, GeV. Transverse photons: alpha/pi/(nu Q^2) (1 - y + y^2/2 - m^2 y^2/Q^2) times the
    photon's cross section with 3/4 S (m1^2/(m1^2 + Q^2))^2 + 1/4 m2^2/(m2^2 + Q^2), what
    L. B. Bezrukov, E. V. Bugaev, Sov. J. Nucl. Phys. 33 (1981) 635 integrate; longitudinal ones
    left out (20 % at Q^2 of 0.3 GeV^2). Where it stops: below nu of 2 GeV, in the resonances.
    Check: its integral over Q^2 is `matter.muon_cross_sections.differential` ("nuclear").
    """
    y = nu / energy
    real = np.array([photon_nucleon_ub(float(e)) for e in np.ravel(nu)]).reshape(np.shape(nu))
    shadow = np.array([shadowing(float(s), float(item.z), item.a) for s in np.ravel(real)])
    shadow = shadow.reshape(np.shape(nu))
    falls = 0.75 * shadow * (_M1 / (_M1 + q2)) ** 2 + 0.25 * _M2 / (_M2 + q2)
    flux = ALPHA / math.pi / (nu * q2) * np.maximum(1 - y + y * y / 2 - (M_MU * y) ** 2 / q2, 0.0)
    return np.asarray(flux * 1e6 * real * item.a * falls)


@dataclass(frozen=True, slots=True)
class _Scattered:
    """Muons (N, 4), photon momenta (N, 3), nu_real (N,) of a real photon that makes hadrons of
    the same mass, weights (N,)."""

    muon: Array
    photon: Array
    nu_real: Array
    weight: Array


def _scatter(experiment: Experiment, wide: Cuts, n: int, rng: np.random.Generator) -> _Scattered:
    """n muons, even in ln nu and ln Q^2, beyond the smallest angle."""
    energy = experiment.beam.energy
    p = math.sqrt(energy**2 - M_MU**2)
    lowest, highest = max(wide.electron_energy_min, 0.5), 0.95 * energy
    nu = lowest * np.exp(math.log(highest / lowest) * rng.random(n))
    out = energy - nu
    p_out = np.sqrt(out**2 - M_MU**2)
    least = (M_MU * nu) ** 2 / (energy * out)
    angle = max(wide.theta_mu_min, 1e-5)
    near = least + 4.0 * p * p_out * math.sin(0.5 * angle) ** 2
    far = np.minimum(np.minimum(_Q2_MAX, 2.0 * M_P * nu), least + 4.0 * p * p_out)
    span = np.log(np.maximum(far / near, 1.0))
    q2 = near * np.exp(span * rng.random(n))
    weight = np.zeros(n)
    for element, number in atoms(experiment):
        weight += number * virtual_photon_cross_section(nu, q2, energy, element)
    weight *= nu * math.log(highest / lowest) * q2 * span / n
    theta = 2.0 * np.arcsin(np.sqrt(np.minimum((q2 - least) / (4.0 * p * p_out), 1.0)))
    phi = rng.uniform(0.0, 2.0 * math.pi, n)
    side = np.sin(theta) * p_out
    muon = np.stack([out, side * np.cos(phi), side * np.sin(phi), p_out * np.cos(theta)], axis=1)
    photon = -muon[:, 1:]
    photon[:, 2] += p
    real = nu - q2 / (2.0 * M_P)
    weight[real < 0.3] = 0.0
    return _Scattered(muon, photon, np.maximum(real, 0.3), weight)


def _hadrons(
    found: _Scattered, neutrons: float, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """(event, pdg, p4) of the final particles, along the photon; mesons that decay to photons as
    two of them (an eta also where it makes three pions)."""
    at = np.clip(found.nu_real, STATES_FROM, STATES_TO)
    nucleon = np.where(rng.random(len(at)) < neutrons, "n", "p")
    states = draw(rng, at, nucleon)
    of, pdg = states.event, states.pdg
    p4 = states.p4 * (found.nu_real / at)[of][:, None]  # below the table: all of it softer
    decays = np.isin(pdg, TO_PHOTONS[1:])
    first, second = two_massless(p4[decays], rng)
    of = np.concatenate([of[~decays], of[decays], of[decays]])
    photons = np.full(2 * int(decays.sum()), 22)
    pdg = np.concatenate([pdg[~decays], photons])
    p4 = np.concatenate([p4[~decays], first, second])
    return of, pdg, _along(p4, found.photon[of])


def _along(p4: Array, axis: Array) -> Array:
    """Momenta along z turned to the directions `axis` (P, 3), which are forward."""
    n = axis / np.linalg.norm(axis, axis=1)[:, None]
    side = np.stack([np.zeros(len(n)), n[:, 2], -n[:, 1]], axis=1)
    side /= np.linalg.norm(side, axis=1)[:, None]
    other = np.cross(n, side)
    turned = p4[:, 1:2] * side + p4[:, 2:3] * other + p4[:, 3:4] * n
    return np.column_stack([p4[:, 0], turned])


def conversion(experiment: Experiment, energy: Array, lowest: float) -> Array:
    """Chance (N,) that a photon of `energy` (N,) GeV, made at an even depth, converts in the
    station, with one electron of the pair below `lowest`: 7/9 of the radiation lengths behind it,
    1 - 4/3 x (1 - x) over the fraction x of the energy. Complete screening; thin stations."""
    medium = material(experiment.target.material)
    path = 0.5 * experiment.target.thickness.cm(medium.radiation_length_cm)
    x = np.minimum(lowest / np.maximum(energy, 1e-9), 0.5)
    lost = 2.0 * (x - 2.0 / 3.0 * x**2 + 4.0 / 9.0 * x**3)
    return np.asarray(path / medium.radiation_length_cm * lost)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What of inelastic scattering is assumed. tracks : None for the file's. deposits : of hadrons
    that interact. transfer : GeV, energies lost by the muon from which events count."""

    tracks: Tracks | None = None
    deposits: Deposits = EVEN
    transfer: float = 0.0


AS_THE_FILE_SAYS: Final = Assumed()


def inelastic_component(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = (),
    assumed: Assumed = AS_THE_FILE_SAYS,
) -> Component:  # fmt: skip
    """mu A -> mu X with one track beside the muon's, within `wide`.

    The track is a charged hadron, measured by what it shows of its energy, or a converted photon
    with its partner lost where there is no charged one. All else that hits the calorimeter above
    the threshold of the veto counts against the event. Raises NotApplicable as `tracks_of`.
    Check: more events where fewer particles make a track.
    """
    tracks = assumed.tracks or tracks_of(experiment)
    rng, batches = stream(seed, *key, _KEY), max(math.ceil(n / BATCH), 1)
    parts = [
        trimmed_component(_batch(experiment, wide, n // batches, rng, tracks, assumed), keep)
        for _ in range(batches)
    ]
    return joined(parts, 1.0 / batches)


def _batch(
    experiment: Experiment, wide: Cuts, n: int, rng: np.random.Generator, tracks: Tracks,
    assumed: Assumed,
) -> Component:  # fmt: skip
    """n muons that scatter; the weights add up to the whole exposure."""
    found = _scatter(experiment, wide, n, rng)
    z, a = (sum(w * getattr(e, k) for e, w in atoms(experiment)) for k in ("z", "a"))
    of, pdg, p4 = _hadrons(found, 1.0 - z / a, rng)
    chosen, chance = _electrons(experiment, tracks, n, (of, pdg, p4))
    enough = experiment.beam.energy - found.muon[:, 0] >= assumed.transfer
    events = np.flatnonzero((chosen >= 0) & (found.weight > 0.0) & enough)
    number = np.full(n, -1)
    number[events] = np.arange(len(events))
    ecal = next(item for item in experiment.detector.calorimeter if item.kind == "ecal")
    seen = seen_energy(pdg, p4[:, 0], material(ecal.material), ecal.length, rng, assumed.deposits)
    electron = p4[chosen[events]].copy()
    shown = seen[chosen[events]]
    electron *= (np.maximum(shown, 1e-3) / electron[:, 0])[:, None]
    made = placed(experiment, found.muon[events], electron, (found.weight * chance)[events], rng)
    rest = (number[of] >= 0) & (np.arange(len(of)) != chosen[of])
    hit, merged = of_calorimeter(experiment, made, number[of[rest]], p4[rest], rng)
    others, energy = number[of[rest]], seen[rest]
    _add(made.p4, np.bincount(others[merged], energy[merged], minlength=len(events)))
    apart = np.zeros(len(events))
    np.maximum.at(apart, others[hit & ~merged], energy[hit & ~merged])
    # what shows is no photon that a veto may miss, but energy that is there
    missed = np.where(apart > 0.0, 0.0, 1.0)
    radiates = pdg[chosen[events]] == 22
    return as_component(
        experiment, INELASTIC, made, rng, apart=apart, missed=missed, model_error=0.6,
        origin=Origin(radiates),
    )  # fmt: skip


def _add(p4: Array, extra: Array) -> None:
    """Give the electrons of placed events more energy, in place."""
    electron = p4.reshape(-1, 4, 4)[:, 3]
    electron *= (1.0 + extra / electron[:, 0])[:, None]


def _electrons(
    experiment: Experiment, tracks: Tracks, n: int, particles: tuple[Array, Array, Array]
) -> tuple[Array, Array]:
    """(N,) the particle taken for the electron, -1 for none or several tracks, and its chance."""
    of, pdg, p4 = particles
    theta = np.arctan2(np.hypot(p4[:, 1], p4[:, 2]), p4[:, 3])
    inside = (kinetic(pdg, p4[:, 0]) > tracks.lowest) & (theta < tracks.widest)
    charged = np.flatnonzero(inside & np.isin(np.abs(pdg), CHARGED))
    count = np.bincount(of[charged], minlength=n)
    chosen, chance = np.full(n, -1), np.ones(n)
    chosen[of[charged]] = charged
    chosen[count != 1] = -1
    photons = np.flatnonzero(inside & (pdg == 22))
    photons = photons[np.argsort(p4[photons, 0])]
    best = np.full(n, -1)
    best[of[photons]] = photons  # the last, most energetic one
    use = (count == 0) & (best >= 0)
    chosen[use] = best[use]
    chance[use] = conversion(experiment, p4[best[use], 0], tracks.lowest)
    return chosen, chance


def inelastic(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """mu A -> mu X that pass the cuts with one track beside the muon's.

    The model error joins half the ranges between half and twice the limits of tracks and between
    the least and most that crystals show, the flux, and half of what loses less than 5 GeV, where
    the final states are not from the table.
    """
    check_measurable(experiment)
    wide, n, tracks = region(experiment), size(effort), tracks_of(experiment)

    def events(assumed: Assumed) -> muone.EventNumber:
        return inelastic_component(experiment, wide, n, seed, assumed=assumed).events(
            experiment.cuts
        )  # fmt: skip

    found = events(AS_THE_FILE_SAYS)
    parts = {
        "tracks from half the energy, to twice the angle": Assumed(tracks.times(0.5)),
        "from twice the energy, to half the angle": Assumed(tracks.times(2.0)),
        EVERY_TRACK: Assumed(Tracks(tracks.lowest, math.pi)),
        "crystals that show little": Assumed(deposits=DARK),
        "much": Assumed(deposits=BRIGHT),
        "5 GeV and more lost by the muon": Assumed(transfer=STATES_FROM),
    }
    value = {name: events(assumed).events for name, assumed in parts.items()}
    more, fewer, _, dark, bright, hard = value.values()
    error = math.hypot(
        0.5 * (more - fewer), 0.5 * (dark - bright), _FLUX * found.events,
        0.5 * max(found.events - hard, 0.0),
    )  # fmt: skip
    return per_particle(
        experiment, INELASTIC, found,
        EstimateTexts(
            "virtual photons by flux and vector-meson dominance, final states of two generators; "
            "weighted Monte Carlo",
            f"a charged particle above {tracks.lowest:g} GeV and within "
            f"{1e3 * tracks.widest:.0f} mrad makes a track, and one track beside the muon's is "
            "taken for the electron; nucleons free and at rest; below 5 GeV the final states of "
            "5 GeV, softer",
        ),
        error, **value,
    )  # fmt: skip


#: Six in a thousand muons make an event in the paper's window, all of one weight of 10^7 in 5e4:
#: many are drawn, so that a window with a hundredth of them is not empty.
SAMPLED_INELASTIC: Final = Sampled(inelastic_component, times=4.0, least=200_000)
background_source(INELASTIC, "muon-electron-zprime")(inelastic)
