"""Second method for the yield of an electron beam: showers with forced emissions, one by one.

The rates along every track are those of the deterministic calculation; what differs is the cascade,
a Monte Carlo instead of the cascade equations, and that each event has its own energies, place and
calorimeter reading. Also events for other programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.constants import ALPHA
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.storage import digest
from mutau.core.types import Events, join, provenance
from mutau.matter import Material
from mutau.matter.nucleus import Nucleus
from mutau.models import Model
from mutau.reactions import annihilation
from mutau.reactions.bremsstrahlung import Bremsstrahlung
from mutau.reactions.electron_brems_table import BremsTable
from mutau.reactions.electron_events import Emitters, annihilation_rows, brems_rows, with_meta
from mutau.signal import electron_containment
from mutau.signal.electron_emission import (
    annihilation_emission,
    brems_emission,
    brems_theory,
    motion,
)
from mutau.signal.electron_tracks import FLOOR, THICK, THIN, thickness, tracks
from mutau.signal.electron_window import window
from mutau.signal.incoming import (
    NODES,
    beam_energies,
    core,
    energy_range,
    mean_energy,
    placed,
)
from mutau.signal.processes import check_point, mass_key, refuse_off_shell

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.transport.shower import Emission, EmissionSample

Array = np.ndarray

#: Nodes of the emission rates in the emitter's energy, and quantiles of the Z' energy.
RATE_NODES: Final = 48
QUANTILES: Final = 65
#: Cut of showers whose whole energy counts, not where it is left, GeV.
WHOLE_CUT: Final = 0.05
#: Energies over the beam's spread at which a line is tabulated, in a thin target.
LINE_NODES: Final = 4001
#: Over the weight below which 99 % of the emissions happen; what lies above is kept as weight.
CAP: Final = 1.2
GENERATE, SHOWERS, READINGS, UNWEIGHT = 100, 101, 102, 103  # names in the random streams


@dataclass(frozen=True, slots=True, eq=False)
class MonteCarloYield:
    """Expected events of one model point by Monte Carlo, in the full exposure.

    produced, inside, kept, counted : (value, statistical error): Z' from emitters above the
    window's lowest energy; seen below the threshold; with the pre-shower cut; with efficiencies.
    edges : (B + 1,) GeV; spectrum : (B,) events per bin of the energy read, produced.
    depth : (N,) X0 of the emissions; weight : (N,) events each stands for.
    """

    produced: tuple[float, float]
    inside: tuple[float, float]
    kept: tuple[float, float]
    counted: tuple[float, float]
    edges: Array
    spectrum: Array
    depth: Array
    weight: Array


def quantiles(table: BremsTable, energy: float, low: float) -> Array:
    """(QUANTILES,) fractions x at equal steps of probability, for Z' above `low` GeV.

    Even steps for the lower half, finer and finer towards x = 1, where heavy Z' lie.
    """
    low = min(max(low, 0.9 * table.mass), 0.99 * energy)
    x = 1.0 / (1.0 + np.exp(-np.linspace(np.log(low / (energy - low)), 14.0, 400)))
    above = table.above(np.full(x.shape, energy), x * energy)
    if not above[0] > 0.0:
        return np.ones(QUANTILES)
    share = np.append(1.0 - above / above[0], 1.0)
    return np.interp(np.linspace(0.0, 1.0, QUANTILES), share, np.append(x, 1.0))


def emissions(
    experiment: Experiment,
    model: Model,
    low: float,
    x_low: float,
    k_low: float,
    highest: float | None = None,
) -> list[Emission]:
    """Channels of the shower for one model point.

    low : lowest emitter energy, GeV. x_low : of the brems table. k_low : lowest Z' energy, GeV.
    highest : of the beam, GeV; None for its nominal energy, above which rates stay as there.
    """
    from mutau.transport.shower import Emission

    way = tracks(experiment, low)
    highest = 1.0001 * (highest or experiment.beam.energy)
    energy = np.geomspace(low, highest, RATE_NODES)
    top = np.minimum(energy, experiment.beam.energy)
    strength = model.invisible_strength("e")
    theory = brems_theory(experiment, model.mediator)
    brems = brems_emission(way, model.mass, low, x_low, theory)
    rate = strength * brems.atoms * brems.table.above(top, np.full(RATE_NODES, k_low))
    fraction = np.array([quantiles(brems.table, float(e), k_low) for e in top])
    found = [Emission("brems", ("e-", "e+"), energy, rate, np.clip(fraction, 0.0, 1.0))]
    pairs = annihilation_emission(way, model, low, motion(experiment))
    if len(pairs.energy) > 1:
        nodes, rate = pairs.energy, pairs.per_x0
        if highest > nodes[-1]:
            nodes, rate = np.append(nodes, highest), np.append(rate, rate[-1])
        found.append(Emission("annihilation", ("e+",), nodes, rate))
    return found


def _share(values: Array, weight: Array) -> tuple[float, float]:
    """Sum of weight times values and its error, for a mean over the rows of a sample."""
    terms = weight * values
    n = len(terms)
    return float(terms.sum()), float(np.sqrt(n * np.var(terms)))


def monte_carlo_yield(
    experiment: Experiment, model: Model, *, n: int = 4000, seed: int = 1, bins: int = 60,
    lateral: bool = False,
) -> MonteCarloYield:  # fmt: skip
    """Yield of a model point by showers with one forced emission each.

    n : showers. Only emissions above the window's lowest energy are drawn, so `produced` is not
    that of the process. lateral : follow all particles in three dimensions, down to the lowest cut,
    so
    that what leaves the target is that of each event (slow); else it is drawn as the process has
    it.
    Returns MonteCarloYield. Raises as the process.
    Check: `inside`, `kept` and `counted` are those of the process within the errors.
    """
    from mutau.signal.electron_response import preshower_passes
    from mutau.transport.shower import visible_energy

    check_point(experiment, model)
    refuse_off_shell("the Monte Carlo of showers", model)
    w = window(experiment)
    key = mass_key(model.mass)
    channels = emissions(experiment, model, w.low, w.low / w.energy, w.low)
    rng = stream(seed, READINGS, key)
    found, front, deposit = _showers(
        experiment, channels, w.low, n, (seed, key), rng if lateral else None
    )
    if not lateral:
        deposit = deposit * rng.choice(w.contained, n)
    read = visible_energy(deposit, w.stochastic, w.constant, 0.0, rng)
    read += w.spread * rng.standard_normal(n)  # a beam particle of more energy leaves more
    passes = np.ones(n)
    if w.preshower_min > 0.0:
        passes = preshower_passes(front, w.preshower_min, w.stochastic)
    particles = float(w.particles.sum())
    weight = found.weight / n
    share = w.particles / particles
    inside = np.array([read < edge for edge in w.nominal], float)
    edges = np.linspace(-0.1 * w.energy, 1.1 * w.energy, bins + 1)  # the beam's spread
    spectrum, _ = np.histogram(read, edges, weights=particles * weight)
    return MonteCarloYield(
        _share(np.ones(n), particles * weight),
        _share(share @ inside, particles * weight),
        _share((share @ inside) * passes, particles * weight),
        _share(((share * w.efficiency) @ inside) * passes, particles * weight),
        edges, spectrum, found.position[:, 0], particles * weight,
    )  # fmt: skip


def _showers(
    experiment: Experiment, channels: list[Emission], low: float, n: int, key: tuple[int, int],
    places: np.random.Generator | None,
) -> tuple[EmissionSample, Array, Array]:  # fmt: skip
    """n showers with emissions; energy left in the pre-shower, and in the whole target, GeV.

    low : GeV, below which nothing is followed behind the pre-shower. key : seed and mass. places :
    draws where the particles enter; None to follow depths only, where nothing leaves a deep target.
    """
    from mutau.matter import material
    from mutau.signal.electron_response import SHOWER_CUT, layout
    from mutau.transport.shower import Shower, ShowerGeometry, simulate_emissions

    target, beam = experiment.target, experiment.beam
    medium = material(target.material)
    x0, t = medium.radiation_length_cm, thickness(experiment)
    front = target.preshower.cm(x0) / x0 if target.preshower else 0.0
    deep = t >= THICK  # nothing leaves: the energy that is not followed stays as well
    geometry = layout(front, t, low if deep else 0.0)
    if places is not None:
        geometry = ShowerGeometry(
            sections=np.unique([0.0, front, t]), rings=electron_containment.RINGS, lateral=True
        )
    seed, mass = key
    found = simulate_emissions(
        Shower(
            beam.particle,
            beam.energy,
            medium,
            cut=SHOWER_CUT if front > 0.0 or places is not None else WHOLE_CUT,
        ),
        n,
        channels,
        geometry=geometry,
        seed=seed,
        key=(SHOWERS, mass),
        workers=2,
    )
    deposits = found.deposits
    if places is not None:
        where = electron_containment.entries(experiment, n, places)
        radii, half = electron_containment.RINGS * x0, (0.5 * target.width, 0.5 * target.height)
        on_face = electron_containment.share_on_face(radii, where, half)
        deposits = deposits * on_face[:, None, :]
        return found, deposits[:, 0].sum(axis=1), deposits.sum(axis=(1, 2))
    return found, deposits[:, 0, 0], deposits.sum(axis=(1, 2)) + (found.leak if deep else 0.0)


def _cascade_emitters(
    experiment: Experiment, medium: Material, channel: Emission, cut: float, n: int,
    key: Sequence[int], seed: int,
) -> Emitters:  # fmt: skip
    """n emitters of one channel, nearly unweighted, from showers followed down to `cut` GeV.

    A shower is kept with the probability of its mean number of emissions over CAP times what 99 %
    of the emissions come from; the few above carry their excess.
    """
    from mutau.transport.shower import Shower, ShowerGeometry, simulate_emissions

    geometry = ShowerGeometry(sections=np.array([0.0, thickness(experiment)]), lateral=True)
    count = 2 * n + 200
    while True:
        found = simulate_emissions(
            Shower(experiment.beam.particle, experiment.beam.energy, medium, cut=cut),
            count,
            [channel],
            geometry=geometry,
            seed=seed,
            key=key,
            workers=2,
            spread=core(experiment).energy_spread,
        )
        rising = np.sort(found.weight)
        cap = CAP * rising[np.searchsorted(np.cumsum(rising), 0.99 * rising.sum())]
        rng = stream(seed, *key, UNWEIGHT)
        rows = np.flatnonzero(rng.random(count) * cap < found.weight)
        if len(rows) >= n:
            return _emitters(experiment, medium, found, rows[:n], cap)
        count = int(1.2 * count * max(n / max(len(rows), 1), 1.5))


def _emitters(
    experiment: Experiment, medium: Material, found: EmissionSample, rows: Array, cap: float
) -> Emitters:
    place = found.position[rows] * medium.radiation_length_cm  # depth, x, y
    x4 = np.zeros((len(rows), 4))
    x4[:, 1], x4[:, 2] = place[:, 1], place[:, 2]
    x4[:, 3] = experiment.target.z + place[:, 0]
    x4[:, 0] = x4[:, 3]
    return Emitters(
        found.emitter[rows], np.minimum(found.emitter_energy[rows], energy_range(experiment)[1]),
        found.direction[rows], x4, np.maximum(found.weight[rows] / cap, 1.0),
    )  # fmt: skip


def _thin_emitters(
    experiment: Experiment, medium: Material, energy: Array, rng: np.random.Generator
) -> Emitters:
    """Beam particles of these energies (n,), GeV, at places in a thin target."""
    n = len(energy)
    x4 = np.zeros((n, 4))
    length = thickness(experiment) * medium.radiation_length_cm
    x4[:, 3] = experiment.target.z + length * rng.random(n)
    x4[:, 0] = x4[:, 3]
    sign = 11 if experiment.beam.particle == "e-" else -11
    along = np.tile([0.0, 0.0, 1.0], (n, 1))
    return Emitters(np.full(n, sign, np.int32), energy, along, x4, np.ones(n))


def _radiating(medium: Material, mass: float, kind: str, energy: Array) -> Array:
    """Cross section of bremsstrahlung on the dominant element at beam energies, pb."""
    main = medium.dominant_element
    front = Bremsstrahlung("electron", kind)
    return np.asarray(front.totals(energy, mass, Nucleus.of(main)).sigma_pb)


def _annihilating(experiment: Experiment, medium: Material, model: Model, energy: Array) -> Array:
    """Cross section of annihilation on the dominant element at beam energies, pb."""
    return annihilation.cross_section(
        energy, model, element=medium.dominant_element.symbol, electrons=motion(experiment)
    )


def _refuse_other_theory(experiment: Experiment) -> None:
    """Raise MutauError where the file asks for what events do not have."""
    theory = brems_theory(experiment)
    if theory.method != "exact":
        raise MutauError(
            f"events are drawn from the exact cross section, not {theory.method!r}",
            place=f"{experiment.name}: theory/method",
            allowed='"exact"',
        )
    if experiment.theory is not None and experiment.theory.radiation:
        raise MutauError(
            "events are drawn without radiation before annihilation",
            place=f"{experiment.name}: theory/radiation",
            allowed="false",
        )


def generate(experiment: Experiment, model: Model, n: int, seed: int) -> Events:
    """Unweighted events; see `processes.SignalProcess`.

    Emitters lie above `electron_tracks.FLOOR` of the beam energy; how many radiate and how many
    annihilate is drawn from the deterministic yields, at the nominal energy. The beam is that of
    the file (`incoming`), its dispersion left out. Bremsstrahlung is on the nuclei of the target's
    dominant element, with the form factor of the file; a Coulomb correction only counts in their
    number.
    Raises MutauError where the file asks for an approximation: events are exact.
    """
    from mutau.matter import material

    _refuse_other_theory(experiment)
    key = mass_key(model.mass)
    rng = stream(seed, GENERATE, key)
    medium, floor = material(experiment.target.material), FLOOR * experiment.beam.energy
    particles = float(window(experiment).particles.sum())
    radiated, annihilated, channels = _sources(experiment, model, floor)
    total = float(radiated + annihilated.sum())
    n_annihilated = int(rng.binomial(n, annihilated.sum() / total))
    parts = []
    for index, count in enumerate((n - n_annihilated, n_annihilated)):
        if not count:
            continue
        if thickness(experiment) <= THIN:
            rates = (
                partial(_radiating, medium, model.mass, model.mediator),
                partial(_annihilating, experiment, medium, model),
            )
            energy = beam_energies(experiment, count, rng, rates[index], (NODES, LINE_NODES)[index])
            emitters = _thin_emitters(experiment, medium, energy, rng)
        else:
            cut = floor
            if index:
                share = np.cumsum(annihilated) / annihilated.sum()
                lowest = max(int(np.searchsorted(share, 1e-3)) - 1, 0)
                cut = float(channels[1].energy[lowest])
            emitters = _cascade_emitters(
                experiment, medium, channels[index], cut, count, (GENERATE, key, index), seed
            )
        scale = particles * total * count / n / emitters.weight.sum()
        emitters = replace(emitters, weight=emitters.weight * scale)
        if index:
            parts.append(annihilation_rows(model.mass, emitters))
        else:
            parts.append(
                _radiate(medium, model, emitters, brems_theory(experiment).form_factor, rng)
            )
    described = {
        **provenance(seed=seed, experiment=experiment.digest, model=digest(model.to_dict())),
        "experiment": experiment.name,
        "expected_events": particles * total,
        "beam_energy_GeV": experiment.beam.energy,
        "annihilation_share": float(annihilated.sum() / total),
        "alpha": ALPHA,
        **model.to_dict(),
        **_mean_cross_section(experiment, medium, model),
    }
    at_mean = np.full(n, mean_energy(experiment))
    return with_meta(placed(join(parts), experiment, at_mean, rng), described)


def _sources(
    experiment: Experiment, model: Model, floor: float
) -> tuple[float, Array, list[Emission]]:
    """Mean numbers per beam particle, of bremsstrahlung and of annihilations by node; channels."""
    way = tracks(experiment, floor)
    strength = model.invisible_strength("e")
    theory = brems_theory(experiment, model.mediator)
    brems = brems_emission(way, model.mass, floor, 0.0, theory)
    pairs = annihilation_emission(
        way, model, floor, motion(experiment), experiment.beam.energy_spread
    )
    channels = []
    if thickness(experiment) > THIN:
        channels = emissions(experiment, model, floor, 0.0, 0.0, energy_range(experiment)[1])
    return strength * float(brems.above(np.zeros(1))[0]), pairs.number, channels


def _radiate(
    medium: Material, model: Model, emitters: Emitters, form_factor: str, rng: np.random.Generator
) -> Events:
    from mutau.reactions.bremsstrahlung_events import BremsSampler

    main = medium.dominant_element
    sampler = BremsSampler(
        "electron", Nucleus.of(main, form_factor), model.mass, float(emitters.energy.min()),
        float(emitters.energy.max()), mediator=model.mediator,
    )  # fmt: skip
    return brems_rows(sampler, emitters, rng)


def _mean_cross_section(experiment: Experiment, medium: Material, model: Model) -> dict[str, Any]:
    """Bremsstrahlung at the beam energy per mean atom, pb: what event files state."""
    atoms = medium.atoms_per_cm3
    number = sum(n for _, n in atoms)
    strength = model.invisible_strength("e")
    sigma = error = 0.0
    theory = brems_theory(experiment, model.mediator)
    for element, n in atoms:
        part = theory.front.total(
            experiment.beam.energy, model.mass, Nucleus.of(element, theory.form_factor),
            coulomb=theory.coulomb,
        )  # fmt: skip
        sigma += n / number * strength * part.sigma_pb
        error += n / number * strength * part.sigma_err_pb
    return {"sigma_pb": sigma, "sigma_err_pb": error}
