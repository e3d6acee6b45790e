"""Events of lepton pairs in an experiment's target for other programs: no model, one energy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.errors import MutauError, UnknownName
from mutau.core.random import stream
from mutau.core.types import Events, join, provenance
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.matter.nucleus import Nucleus
from mutau.reactions.abilities import ABILITIES, LEPTONS, PAIR_BEAMS
from mutau.reactions.lepton_pair_events import draw_pairs, make_pair_sampler
from mutau.reactions.lepton_pairs import PairReaction
from mutau.signal.incoming import placed

if TYPE_CHECKING:
    from mutau.experiment import Experiment

#: Name as of `mutau xsec` -> (beam, pair).
PAIRS: Final = {f"{beam}-{pair}-pair": (beam, pair) for beam in PAIR_BEAMS for pair in LEPTONS}
_KEY: Final = 41


def generate_pairs(
    reaction: str,
    experiment: Experiment | str,
    n: int,
    *,
    energy: float | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
    form_factor: str = "elastic",
    error: float = 3e-3,
    seed: int = 1,
) -> Events:
    """Unweighted events of a pair reaction on the nuclei of an experiment's target.

    reaction : a name out of PAIRS. energy : of the incoming particle, GeV; None for that of the
    beam, which a photon does not have. limits : as in `PairReaction`. error : relative, of the
    cross section.
    Vertices are spread evenly along the target and its stations, with the beam's spot and
    divergence; what the beam loses on its way and the spread of its energy are left out. The
    weights add up to the cross section per mean atom, pb (`meta`: sigma_pb, sigma_err_pb): times
    atoms per cm^2 a number per particle.
    Raises UnknownName for another reaction; MutauError for n < 1, a beam of another particle, a
    photon without energy; and what `PairReaction` raises.
    """
    if reaction not in PAIRS:
        raise UnknownName("pair reaction", reaction, PAIRS)
    if n < 1:
        raise MutauError(f"n = {n} events", allowed="at least 1")
    experiment = load_experiment(experiment)
    beam, pair = PAIRS[reaction]
    particle = experiment.beam.particle
    if beam != "photon":
        ABILITIES[reaction].check_beam(particle, whose=experiment.name)
    elif energy is None:
        raise MutauError("is missing", place="energy", remedy="give the energy of the photon")
    energy = experiment.beam.energy if energy is None else energy
    atoms = material(experiment.target.material).atoms_per_cm3
    whole = sum(density for _, density in atoms)
    samplers = [
        make_pair_sampler(
            PairReaction(beam, pair, energy, Nucleus.of(item, form_factor), dict(limits or {})),
            charge=1 if particle.endswith("+") else -1, error=error, seed=seed,
        )
        for item, _ in atoms
    ]  # fmt: skip
    part = np.array([density / whole for _, density in atoms])
    sigma = part * [sampler.sigma.sigma_pb for sampler in samplers]
    errors = part * [sampler.sigma.sigma_err_pb for sampler in samplers]
    rng = stream(seed, _KEY)
    counts = rng.multinomial(n, sigma / sigma.sum())
    described: dict[str, Any] = {
        **provenance(seed=seed, experiment=experiment.digest),
        "experiment": experiment.name, "process": reaction, "beam_energy_GeV": energy,
        "sigma_pb": float(sigma.sum()), "sigma_err_pb": float(np.sqrt(np.sum(errors**2))),
        "limits": {
            name: [end if math.isfinite(end) else None for end in ends]
            for name, ends in (limits or {}).items()
        },
    }  # fmt: skip
    found = []
    for sampler, count in zip(samplers, counts.tolist(), strict=True):
        if count:
            drawn = draw_pairs(sampler, count, rng, luminosity=1.0)
            scale = sigma.sum() * count / n / sampler.sigma.sigma_pb
            found.append(_in_target(drawn, experiment, energy, scale, described, rng))
    return join(found)


def _in_target(
    events: Events, experiment: Experiment, energy: float, scale: float, meta: dict[str, Any],
    rng: np.random.Generator,
) -> Events:  # fmt: skip
    """Events along z at vertices spread evenly, with the beam's spot; weights scaled."""
    target = experiment.target
    count = events.n_events
    length = target.thickness.cm(material(target.material).radiation_length_cm)
    x4 = np.zeros((len(events.pdg), 4))
    place = target.z + length * rng.random(count)
    if target.stations > 1:
        place += target.pitch * rng.integers(0, target.stations, count)
    x4[:, 3] = np.repeat(place, len(events.pdg) // count)
    x4[:, 0] = x4[:, 3]
    changed = replace(events, x4=x4, weight=events.weight * scale, meta=meta)
    return placed(changed, experiment, np.full(count, max(energy, 1.0)), rng)
