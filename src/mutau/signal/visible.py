"""Visible decays within a set-up: where bosons decay, and whether products reach a calorimeter.

Each boson flies straight from its vertex with the mean path lambda = (p/m) c tau:

    in the target   1 - exp(-d/lambda),               d what is left of the target,
    behind it       exp(-d/lambda) - exp(-(d + D)/lambda),  D the free path,
    beyond          the rest.

The free path of a thick target ends at the first module of kind "hcal" (a pair of muons is two more
minimum-ionising particles there); that of thin stations at the next one (a displaced vertex).
Decays are isotropic in the rest frame, as the mean over polarisations is; products fly straight,
so a magnet behind the target is left out, and no response is applied: this is what is there to be
seen, not what a selection keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.core.constants import M_E, M_MU, M_TAU
from mutau.core.errors import MutauError, UnknownName
from mutau.core.random import stream
from mutau.models import Model
from mutau.signal.processes import check_model, mass_key
from mutau.signal.targets import target_length

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = np.ndarray

#: Channel -> mass of each product, GeV.
PRODUCTS: Final = {"ee": M_E, "mumu": M_MU, "tautau": M_TAU, "gammagamma": 0.0}
DEFAULT_EVENTS: Final = 20_000
VISIBLE: Final = 7  # name in the random streams


@dataclass(frozen=True, slots=True)
class Flight:
    """N bosons made: p4 (N, 4) GeV, left (N,) cm of target in front of each, weight (N,), the sum
    of which is the number made in the exposure; free : cm, path behind the target."""

    p4: Array
    left: Array
    weight: Array
    free: float


@dataclass(frozen=True, slots=True)
class VisibleDecays:
    """Decays of one channel in the full exposure, with their Monte Carlo errors.

    made : bosons, all decays. branching : of the channel. mean_path : cm, of the mean boson.
    in_target, behind, beyond : numbers of decays. seen : of `behind`, both products within the
    first hcal's face; NaN where there is none. errors : of in_target, behind, beyond, seen.
    free_path : cm.
    """

    channel: str
    made: float
    branching: float
    mean_path: float
    in_target: float
    behind: float
    beyond: float
    seen: float
    errors: tuple[float, float, float, float]
    free_path: float


def _hcal(experiment: Experiment) -> tuple[float, float, float] | None:
    """z, half width and half height, cm, of the first hadron calorimeter."""
    modules = [item for item in experiment.detector.calorimeter if item.kind == "hcal"]
    if not modules:
        return None
    first = min(modules, key=lambda item: item.z)
    return first.z, 0.5 * first.width, 0.5 * first.height


def free_path(experiment: Experiment) -> float:
    """Path behind the target before the pair must have been made, cm. Raises MutauError."""
    target, length = experiment.target, target_length(experiment)
    if target.stations > 1:
        return target.pitch - length
    hcal = _hcal(experiment)
    if hcal is None:
        raise MutauError(
            f"{experiment.name} has neither stations nor a hadron calorimeter: no free path",
            place="detector/calorimeter", allowed='a module of kind "hcal", or stations',
        )  # fmt: skip
    return hcal[0] - target.z - length


def flight(experiment: Experiment, model: Model, n: int, rng: np.random.Generator) -> Flight:
    """Bosons of the experiment's process, all of them, whatever they decay into.

    Raises MutauError for a process that has no such sample.
    """
    check_model(experiment, model)
    if experiment.process == "muon-brems":
        from mutau.signal import muon_brems as process
    elif experiment.process == "muon-electron-zprime":
        from mutau.signal import muon_electron as process  # type: ignore[no-redef]
    else:
        raise MutauError(
            f"{experiment.process}: visible decays are not computed", place="process",
            allowed="muon-brems or muon-electron-zprime",
        )  # fmt: skip
    p4, left, weight = process.bosons(experiment, model, n, rng)
    return Flight(p4, left, weight, free_path(experiment))


def _both_inside(
    experiment: Experiment, made: Flight, path: Array, mass: float, product: float,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Whether both products of decays at `path` (N,) cm behind the target meet the hcal, (N,)."""
    hcal = _hcal(experiment)
    if hcal is None:
        return np.full(len(path), np.nan)
    z_face, half_width, half_height = hcal
    n = len(path)
    cosine, azimuth = 2.0 * rng.random(n) - 1.0, 2.0 * np.pi * rng.random(n)
    momentum = np.sqrt(max(0.25 * mass * mass - product * product, 0.0))
    sine = np.sqrt(1.0 - cosine**2)
    axis = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], axis=1)
    energy = made.p4[:, 0]
    beta = made.p4[:, 1:] / energy[:, None]
    gamma = energy / mass
    z_end = experiment.target.z + target_length(experiment)
    slope = made.p4[:, 1:3] / made.p4[:, 3:]
    start = slope * (made.left + path)[:, None]
    inside = np.ones(n, bool)
    for sign in (1.0, -1.0):
        rest = sign * momentum * axis
        along = np.sum(beta * rest, axis=1)
        shift = gamma / (gamma + 1.0) * gamma * along + gamma * 0.5 * mass
        lab = rest + beta * shift[:, None]
        distance = z_face - z_end - path
        at = start + lab[:, :2] / np.where(lab[:, 2:] > 0.0, lab[:, 2:], np.nan) * distance[:, None]
        inside &= (np.abs(at[:, 0]) < half_width) & (np.abs(at[:, 1]) < half_height)
    return inside.astype(float)


def _sum(weight: Array) -> tuple[float, float]:
    """Sum and its error, of weights of independent events."""
    n = len(weight)
    return float(weight.sum()), float(np.sqrt(n / max(n - 1, 1) * np.sum(
        (weight - weight.mean()) ** 2)))  # fmt: skip


def visible_decays(
    experiment: Experiment, model: Model, channel: str, *, n_events: int = 0, seed: int = 1
) -> VisibleDecays:
    """Decays into one channel, in the target, behind it and beyond, in the full exposure.

    channel : "ee", "mumu", "tautau" or "gammagamma", of the model. n_events : bosons; 0 for 20000.
    Raises UnknownName for the channel, OutOfRange for a boson that does not decay, MutauError for a
    process without.
    Check: the three numbers sum to made times branching; for c tau -> 0 all is in the target, and
    for a long life `behind` is made times branching times the free path over the mean path.
    """
    known = [name for name in PRODUCTS if name in model.channels]
    if channel not in known:
        raise UnknownName("visible channel", channel, known)
    branching = model.branching(channel)
    rng = stream(seed, mass_key(model.mass), VISIBLE)
    made = flight(experiment, model, n_events if n_events > 0 else DEFAULT_EVENTS, rng)
    momentum = np.sqrt(np.sum(made.p4[:, 1:] ** 2, axis=1))
    path = momentum / model.mass * model.ctau
    with np.errstate(over="ignore", under="ignore"):
        reach, window = np.exp(-made.left / path), -np.expm1(-made.free / path)
    chance = -np.expm1(-made.left / path), reach * window, reach * (1.0 - window)
    where = -path * np.log1p(-rng.random(len(path)) * window)
    where = np.minimum(where, made.free)
    hits = _both_inside(experiment, made, where, model.mass, PRODUCTS[channel], rng)
    share = made.weight * branching
    parts = [_sum(share * part) for part in (*chance, chance[1] * hits)]
    (inside, e_0), (behind, e_1), (beyond, e_2), (seen, e_3) = parts
    return VisibleDecays(
        channel, made=float(made.weight.sum()), branching=branching,
        mean_path=float(np.average(path, weights=made.weight)), in_target=inside, behind=behind,
        beyond=beyond, seen=seen, errors=(e_0, e_1, e_2, e_3), free_path=made.free,
    )  # fmt: skip
