"""Signal of an electron beam through every cut: showers with the emission inside, detectors.

The number of Z' in the window of missing energy is that of the deterministic calculation. What the
other cuts keep of them comes from simulated showers with one emission each, followed in three
dimensions: energy by depth and radius, hence pre-shower and shape; before the target the beam
electron's momentum, synchrotron radiation and hits; behind it the photonuclear reactions of the
rest of the shower. The shape is held to that of an electron of the energy seen. One sample serves
every mass by weights, for bremsstrahlung and annihilation apart.

The scale: calibration electrons through the same cuts give the simulated efficiency, the file the
measured one (kappa of arXiv:2404.06982, section 5). The simulation is taken for what depends on
mass and process, the file for the size: their ratio is the last step of the cut flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mutau.core.code_digest import code_digest
from mutau.core.storage import cached_arrays, digest
from mutau.detector.electron_calibration import (
    NOT_SIMULATED,
    SHOWER_CUT,
    Showers,
    electrons,
    shape_at_energy,
    shower_geometry,
    showers,
)
from mutau.matter import material
from mutau.models import Model
from mutau.selection.cutflow import apply_cuts
from mutau.selection.requirements import cuts_without, label
from mutau.selection.variables import Sample
from mutau.signal.electron_calibration import SIGNAL, calibration
from mutau.signal.electron_emission import AnnihilationEmission, BremsEmission
from mutau.signal.electron_response import (
    POSITRON_RATE,
    TargetResponse,
    proposal,
    response_columns,
)
from mutau.signal.electron_window import EnergyWindow, window
from mutau.signal.processes import Effort, Prepared

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Showers with an emission; calibration electrons, as many again for their shape; electrons of each
#: energy whose shape the rest of a shower is held to.
DEFAULT_SHOWERS: Final = 2000
CALIBRATION: Final = 1000
SHAPE: Final = 500
_BUILDING: Final = Lock()


@dataclass(frozen=True, slots=True, eq=False)
class ChainSample:
    """Emissions in showers followed in three dimensions; one row each.

    response : as `TargetResponse`. left : (N,) GeV that the rest of the shower leaves in the
    target. chi2 : (N,) of its shape against electrons of the energy left.
    """

    response: TargetResponse
    left: Array
    chi2: Array


@lru_cache(maxsize=8)
def _sample(experiment: Experiment, low: float, n: int, seed: int) -> ChainSample:
    key = digest(
        code_digest(__name__), repr(material(experiment.target.material)), experiment.beam.particle,
        experiment.beam.energy, repr(experiment.target), low, n, seed,
    )  # fmt: skip
    made = cached_arrays("electron-chain", key, lambda: _simulate(experiment, low, n, seed))
    names = TargetResponse.__dataclass_fields__
    return ChainSample(
        TargetResponse(**{name: made[name] for name in names}), made["left"], made["chi2"]
    )


def chain_sample(experiment: Experiment, low: float, n: int, seed: int) -> ChainSample:
    """Sample for emitters above `low` GeV; kept in memory and in the cache folder.

    Raises MutauError for a target that is not active.
    """
    with _BUILDING:
        return _sample(experiment, low, n, seed)


def _simulate(experiment: Experiment, low: float, n: int, seed: int) -> dict[str, Array]:
    from mutau.transport.shower import Emission, Shower, simulate_emissions

    beam = experiment.beam
    ends = proposal(low / beam.energy)
    energies, flat = np.array([low, 1.001 * beam.energy]), np.ones(2)
    channels = [
        Emission("brems", ("e-", "e+"), energies, flat, np.tile(ends, (2, 1))),
        Emission("annihilation", ("e+",), energies, POSITRON_RATE * flat),
    ]
    medium = material(experiment.target.material)
    found = simulate_emissions(
        Shower(beam.particle, beam.energy, medium, cut=SHOWER_CUT), n, channels,
        geometry=shower_geometry(experiment), seed=seed, key=(8,), workers=2,
    )  # fmt: skip
    deposits = np.maximum(found.deposits, 1e-12)
    columns = {
        **response_columns(found, ends, low, n),
        "left": found.deposits.sum(axis=(1, 2)),
        "chi2": shape_at_energy(experiment, deposits, SHAPE, seed),
        "preshower": found.deposits[:, 0].sum(axis=1),
    }
    made = found.weight > 0.0
    return {name: np.asarray(column)[made] for name, column in columns.items()}


@dataclass(frozen=True, slots=True, eq=False)
class ChainFractions:
    """Fractions of the events in the window that are left after each cut, and their errors; (C,)
    each, the first 1."""

    fraction: Array
    error: Array


def _kept(
    experiment: Experiment, sample: ChainSample, weight: Array, w: EnergyWindow, seed: int
) -> ChainFractions:
    """Of one source: rows weighted by their rate and their chance to lie in the window."""
    columns = electrons(
        experiment, Showers(sample.response.preshower, sample.chi2), seed=seed,
        left=sample.left / experiment.beam.energy,
    )  # fmt: skip
    share = w.particles / w.particles.sum()
    inside = sum(
        s * w.passes(sample.response.boson_energy, t) for s, t in zip(share, w.nominal, strict=True)
    )
    weights = weight * inside
    if not weights.sum() > 0.0:
        steps = 1 + len(cuts_without(experiment.cuts, *SIGNAL))
        return ChainFractions(np.ones(steps), np.zeros(steps))
    drawn = Sample(experiment.beam.energy, weights, columns)
    flow = apply_cuts(experiment.cuts, drawn, skip=SIGNAL)
    return ChainFractions(flow.fraction, flow.error)


def prepare_full(
    experiment: Experiment, effort: Effort, base: Prepared, brems: BremsEmission,
    annihilation: AnnihilationEmission,
) -> Prepared:  # fmt: skip
    """`Prepared` of one mass with every cut of the file simulated.

    base : of the deterministic calculation, all steps. brems, annihilation : into the window, the
    first at coupling 1.

    effort.n_events : showers with an emission; 0 for `DEFAULT_SHOWERS`. Errors: of the window, of
    the showers, and of the simulated efficiency of calibration electrons.
    Raises MutauError for a target that is not active or a cut on what is not simulated.
    Check: for a light boson that leaves half the shower the efficiency is near that of calibration
    electrons.
    """
    n = effort.n_events or DEFAULT_SHOWERS
    w = window(experiment)
    sample = chain_sample(experiment, w.low, n, effort.seed)
    sources = {
        "bremsstrahlung": sample.response.weights(brems, None),
        "annihilation": sample.response.weights(None, annihilation),
    }
    kept = {
        name: _kept(experiment, sample, weight, w, effort.seed) for name, weight in sources.items()
    }
    share = float(base.meta["annihilation_share"])
    mixed = (1.0 - share) * kept["bremsstrahlung"].fraction + share * kept["annihilation"].fraction
    errors = np.hypot(
        (1.0 - share) * kept["bremsstrahlung"].error, share * kept["annihilation"].error
    )
    measured = calibration(
        experiment, made=showers(experiment, CALIBRATION, effort.seed), seed=effort.seed
    )
    stated = float(base.run_fraction @ w.efficiency)
    scale = stated / measured.kappa
    fraction = np.append(mixed, mixed[-1] * scale)
    relative = np.append(
        errors / np.maximum(mixed, 1e-300),
        np.hypot(errors[-1] / max(mixed[-1], 1e-300), measured.error / measured.kappa),
    )

    def signal(point: Model) -> tuple[Array, Array]:
        value, error = base.signal(point)  # produced, in the window, ...
        events = np.append(value[0], value[1] * fraction)
        spread = np.hypot(events[1:] * relative, error[1] * fraction)
        return events, np.append(error[0], spread)

    names = [label(cut) for cut in cuts_without(experiment.cuts, *SIGNAL)]
    return Prepared(
        (*base.cuts[:2], *names, "measured over simulated efficiency of calibration electrons"),
        signal, base.run_fraction, base.extra_systematic,
        meta={
            **base.meta, "signal_by": "full simulation", "beam_showers": n,
            "efficiency": {
                name: _pair(one.fraction[-1], one.error[-1]) for name, one in kept.items()
            },
            "calibration_efficiency": {
                "simulated": _pair(measured.kappa, measured.error), "stated": stated,
            },
            "not_in_the_simulation": list(NOT_SIMULATED),
        },
    )  # fmt: skip


def _pair(value: Any, error: Any) -> dict[str, float]:
    return {"value": float(value), "err": float(error)}
