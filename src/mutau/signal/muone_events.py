"""Events of what else a muon does at the stations: elastic, radiative, a boson off a nucleus.

For other programs, like the signal: vertices in the stations, the file's beam, weights that add up
to the expected number. Reactions on electrons within cuts on true quantities, those of the file or
stated ones; soft ends without a cut would be infinite and are refused by the reaction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from scipy.special import ndtri

from mutau.core.constants import ALPHA
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.fourvectors import two_massless
from mutau.core.random import REACH, stream
from mutau.core.types import Events, join, provenance
from mutau.experiment import load_experiment
from mutau.experiment import replace as changed
from mutau.models import VECTOR, Model, check_mediator, neutrino_charges
from mutau.reactions.muon_electron import (
    ELASTIC,
    GAMMA,
    NO_CUTS,
    Cuts,
    Reaction,
    total_cross_section,
)
from mutau.reactions.muon_electron_events import draw_events, make_sampler, place_in_stations
from mutau.signal.exposure import luminosity_on_electrons
from mutau.signal.generate import generate_events
from mutau.signal.incoming import core, mean_energy, placed
from mutau.signal.muon_electron import true_cuts
from mutau.signal.muone_response import stations

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.models.vector import VectorModel

#: Reactions on electrons that have events here.
ON_ELECTRONS: Final = (ELASTIC, GAMMA)
#: The boson off a nucleus of the stations.
ON_NUCLEI: Final = "muon-brems"
#: Limits by name -> (side, argument of `Cuts`).
_LIMITS: Final = {
    "theta_mu": ("theta_mu_min", None),
    "electron_energy": ("electron_energy_min", "electron_energy_max"),
    "theta_e": (None, "theta_e_max"),
    "photon_energy": ("emitted_energy_min", None),
}
_KEY: Final = 43
#: Energies that stand for the beam's spread in elastic scattering.
ENERGIES: Final = 64


def stated_cuts(limits: Mapping[str, tuple[float, float]], start: Cuts = NO_CUTS) -> Cuts:
    """Cuts on true quantities from limits by name (`_LIMITS`), beside those of `start`.

    Raises UnknownName, or MutauError for a side that the reaction cannot cut.
    """
    values: dict[str, float] = {}
    for name, ends in limits.items():
        if name not in _LIMITS:
            raise UnknownName("limit", name, _LIMITS, place="limits")
        for key, end in zip(_LIMITS[name], ends, strict=True):
            if not math.isfinite(end):
                continue
            if key is None:
                side = "lower" if end == ends[0] else "upper"
                raise MutauError(
                    f"{name} takes no {side} limit here", place="limits",
                    allowed="theta_mu=LOW:, electron_energy=LOW:HIGH, theta_e=:HIGH, "
                    "photon_energy=LOW:",
                )  # fmt: skip
            values[key] = end
    return replace(start, **values)


def generate_on_electrons(
    name: str,
    experiment: Experiment | str,
    n: int,
    *,
    limits: Mapping[str, tuple[float, float]] | None = None,
    within_cuts: bool = False,
    seed: int = 1,
) -> Events:
    """Unweighted events of mu e -> mu e or mu e -> mu e gamma in the stations of a file.

    name : out of ON_ELECTRONS. limits : see `stated_cuts`. within_cuts : also the file's cuts that
    true quantities can make. The beam has the file's spot, divergence and spread (in elastic
    scattering `ENERGIES` energies stand for it); alpha does not run. The weights add up to the
    expected number of the exposure; `meta` holds sigma_pb and sigma_err_pb at the mean energy.
    Raises UnknownName; MutauError for n < 1 or another beam; OutOfRange where nothing passes, or
    the rate is infinite without a limit.
    """
    if name not in ON_ELECTRONS:
        raise UnknownName("reaction on electrons", name, ON_ELECTRONS)
    if n < 1:
        raise MutauError(f"n = {n} events", allowed="at least 1")
    experiment = load_experiment(experiment)
    if not experiment.beam.particle.startswith("mu"):
        raise MutauError(
            f"{name} needs a beam of muons, not {experiment.beam.particle}", place=experiment.name
        )
    cuts = true_cuts(experiment.cuts, known_only=True) if within_cuts else NO_CUTS
    cuts = stated_cuts(limits or {}, cuts)
    rng, mean = stream(seed, _KEY), mean_energy(experiment)
    if cuts == NO_CUTS:
        raise OutOfRange(
            f"{name} has an infinite rate without limits",
            place="limits (--limits)",
            remedy="write for example electron_energy=1:, or take only events within the cuts "
                   "of the file (--within-cuts)",
        )  # fmt: skip
    plain = Reaction(name, mean, beam_charge=experiment.beam.charge)
    sigma = total_cross_section(plain, cuts)
    if not sigma.sigma_pb > 0.0:
        raise OutOfRange(f"no event of {name} passes these cuts", remedy="loosen them")
    luminosity = luminosity_on_electrons(experiment)
    if name == ELASTIC:
        events = _elastic(plain, cuts, n, core(experiment).energy_spread, rng)
        events = replace(events, weight=events.weight * luminosity)
    else:
        sampler = make_sampler(plain, cuts, spread=core(experiment).energy_spread)
        events = draw_events(sampler, n, rng, luminosity=luminosity)
    events = place_in_stations(events, rng, **stations(experiment))
    rows = len(events.pdg) // n
    events = placed(events, experiment, events.p4[::rows, 0], rng)
    meta: dict[str, Any] = {
        **events.meta,
        **provenance(seed=seed, experiment=experiment.digest),
        "experiment": experiment.name, "process": name, "beam_energy_GeV": mean,
        "sigma_pb": sigma.sigma_pb, "sigma_err_pb": sigma.sigma_err_pb, "alpha": ALPHA,
        "expected_events": float(events.weight[::rows].sum()),
    }  # fmt: skip
    return replace(events, meta=meta)


def _elastic(
    reaction: Reaction, cuts: Cuts, n: int, spread: float, rng: np.random.Generator
) -> Events:
    """Elastic events at energies of the beam in equal parts of its Gaussian, cut at REACH; weights
    in pb, averaged over them."""
    number = ENERGIES if spread > 0.0 else 1
    place = (np.arange(number) + 0.5) / number
    z = np.clip(ndtri(place), -REACH, REACH)
    parts, left = [], []
    for one in z.tolist():
        at = replace(reaction, energy=reaction.energy * (1.0 + spread * one))
        sigma = total_cross_section(at, cuts).sigma_pb
        if sigma > 0.0:
            parts.append(at)
            left.append(sigma)
    share = np.array(left)
    mean = float(share.sum() / number)
    found, offset = [], 0
    for at, count in zip(parts, rng.multinomial(n, share / share.sum()).tolist(), strict=True):
        if count:
            drawn = draw_events(make_sampler(at, cuts), count, rng, event_offset=offset)
            found.append(replace(drawn, weight=np.full(len(drawn.pdg), mean / n), meta={}))
            offset += count
    return join(found)


def generate_on_nuclei(
    model: Model, experiment: Experiment | str, n: int, *, seed: int = 1
) -> Events:
    """Unweighted events of mu N -> mu N Z' in the stations of a file.

    What the muon loses between stations is left out (0.1 GeV in 30 cm of beryllium). The weights
    add up to the expected number of the exposure: particles on target times stations.
    Raises as `generate_events`; MutauError where the file gives no number of particles.
    Check: proportional to the number of stations.
    """
    experiment = load_experiment(experiment)
    target = experiment.target
    one = changed(experiment, {"process": ON_NUCLEI})
    events = generate_events(model, one, n, seed=seed)
    rng = stream(seed, _KEY, 1)
    first = np.diff(events.event, prepend=events.event[:1] - 1) != 0
    shift = target.pitch * rng.integers(0, target.stations, int(first.sum()))
    moved = shift[np.cumsum(first) - 1]
    x4 = events.x4.copy()
    slope = events.p4[first][np.cumsum(first) - 1]
    x4[:, 0] += moved
    x4[:, 1:3] += moved[:, None] * slope[:, 1:3] / slope[:, 3:]
    x4[:, 3] += moved
    meta = {
        **events.meta, "experiment": experiment.name, "process": ON_NUCLEI,
        "expected_events": events.meta["expected_events"] * target.stations,
    }  # fmt: skip
    return replace(events, x4=x4, weight=events.weight * target.stations, meta=meta)


def with_neutrinos(events: Events, model: Model, *, seed: int = 1) -> Events:
    """The events with the boson (PDG 32) replaced by the neutrinos it decays to.

    Flavours by the squared charges of the model's neutrinos; isotropic at rest, since the boson's
    polarisation is not kept. Raises MutauError where no boson is in the events, or it has no
    neutrinos to decay to.
    Check: momenta balance as before.
    """
    bosons = events.pdg == 32
    if not np.any(bosons):
        raise MutauError("no Z' (PDG code 32) is in these events", place="decay")
    flavours = (12, 14, 16)
    check_mediator("the decay to neutrinos", VECTOR, model)
    share = np.square(neutrino_charges(cast("type[VectorModel]", type(model))))
    if not share.sum() > 0.0:
        raise MutauError(f"model {model.tag!r} has no neutrinos to decay to", place="decay")
    rng = stream(seed, _KEY, 2)
    count = int(bosons.sum())
    code = rng.choice(flavours, size=count, p=share / share.sum())
    first, second = two_massless(events.p4[bosons], rng)
    repeat = np.where(bosons, 2, 1)
    at = np.repeat(np.arange(len(events.pdg)), repeat)
    found = {
        name: getattr(events, name)[at].copy() for name in ("pdg", "event", "status", "p4", "x4")
    }
    place = np.flatnonzero(events.pdg[at] == 32)
    found["pdg"][place[0::2]], found["pdg"][place[1::2]] = code, -code
    found["p4"][place[0::2]], found["p4"][place[1::2]] = first, second
    return Events(**found, weight=events.weight[at], meta={**events.meta, "decayed": "neutrinos"})
