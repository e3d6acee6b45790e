"""Trigger of a missing-momentum experiment, fast mode: which scattered muons make it fire.

What is simulated: beam spot and divergence, multiple scattering and mean energy loss before and
behind the vertex in the target, the dipole (helix, or Runge-Kutta through a map), scattering and
loss in everything solid on the way, counters with holes, positions and inefficiencies. What is
not: fluctuations of the energy loss, secondaries that reach a veto, air. Where those matter the
full simulation takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, UnknownName
from mutau.core.records import columns, zeros
from mutau.detector.fractions import weighted_fraction
from mutau.detector.geometry import Geometry, build_geometry
from mutau.transport.pieces import COUNTER, TRACKER

if TYPE_CHECKING:
    from mutau.detector.trigger_kernel import Verdicts
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """What became of N scattered muons.

    passed : (N,) bool, the trigger fires. on_target : (N,) bool, the incoming muon passed the
        counters before the target.
    efficiency, error : weighted fraction that passes, of those whose incoming muon passed all
        counters before the target (a muon on target is counted by them), and its error.
    beam_acceptance, beam_error : fraction whose incoming muon passed those counters.
    steps, kept, kept_error : names along z, and the weighted fraction (of all) left after each.
    energy : (N,) GeV, behind the target; 0 where the muon was stopped or turned back.
    slopes, position : (N, 2), dx/dz, dy/dz and cm, at the end of the target.
    names, touched : (N,) int64, bit i set where the incoming or the scattered muon crossed the
        solid or counter names[i]; not set beyond the point where the trigger had already failed,
        none where there was no vertex. See `crossed`.
    hits : name -> (N, 2) cm for the names that were asked for, NaN where the muon did not come.
    """

    passed: NDArray[np.bool_]
    on_target: NDArray[np.bool_]
    efficiency: float
    error: float
    beam_acceptance: float
    beam_error: float
    steps: tuple[str, ...]
    kept: Array
    kept_error: Array
    energy: Array
    slopes: Array
    position: Array
    names: tuple[str, ...]
    touched: NDArray[np.int64]
    hits: dict[str, Array]

    def crossed(self, name: str) -> NDArray[np.bool_]:
        """(N,) bool: the muon crossed this solid or counter. Raises UnknownName."""
        if name not in self.names:
            raise UnknownName("detector part", name, self.names)
        return (self.touched >> self.names.index(name)) & 1 == 1


def _checked(p_lepton: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array]:
    p4 = np.ascontiguousarray(p_lepton, float)
    if p4.ndim != 2 or p4.shape[1] != 4 or not len(p4):
        raise MutauError(f"p_lepton has shape {p4.shape}", allowed="(N, 4): E, px, py, pz")
    w = np.ones(len(p4)) if weights is None else np.asarray(weights, float)
    if w.shape != (len(p4),):
        raise MutauError(f"weights have shape {w.shape}", allowed=f"({len(p4)},)")
    if not (np.all(np.isfinite(p4)) and np.all(np.isfinite(w)) and np.all(w >= 0.0)):
        raise MutauError("p_lepton or weights hold a value that is negative or not finite")
    return p4, w


def trigger_efficiency(
    p_lepton: ArrayLike,
    weights: ArrayLike | None,
    experiment: Experiment,
    rng: np.random.Generator,
    *,
    depth: ArrayLike | None = None,
    watch: tuple[str, ...] = (),
    scattering: Literal["collisions", "gaussian"] = "collisions",
) -> TriggerResult:
    """Which scattered muons fire the trigger of the experiment.

    p_lepton : (N, 4) GeV, scattered muon relative to the direction of the incoming one (+z), as
        the samplers give it. weights : (N,) or None for equal ones.
    depth : (N,) place of the vertex in units of the target's thickness, or None: uniform, right
        where the cross section does not change along the target.
    watch : names whose crossing points to return.
    scattering : "collisions", with single large angles and the nuclear form factor; "gaussian",
        Highland's width without tails, faster, good where tails do not decide.
    Returns TriggerResult. Raises MutauError for bad arrays or a set-up the fast mode cannot do.
    Sources: NA64mu paper, sec. II (counters); `matter.multiple_scattering`
    and `matter.muon_energy_loss` for what happens on the way.
    Approximation: directions are composed as slopes; relative error of an angle below theta^2.
    Limiting check: no scattering and no field leave the straight line from the vertex.
    """
    from mutau.detector.trigger_kernel import Scattered, Verdicts, trigger_kernel
    from mutau.transport.particle import Place, State

    p4, w = _checked(p_lepton, weights)
    geometry = build_geometry(experiment, tuple(watch))
    if scattering not in ("collisions", "gaussian"):
        raise UnknownName("scattering", scattering, ("collisions", "gaussian"))
    n = len(p4)
    where = np.full(n, -1.0) if depth is None else np.ascontiguousarray(depth, float)
    if where.shape != (n,) or (depth is not None and not np.all((where >= 0) & (where <= 1))):
        raise MutauError("depth must be one number per muon", allowed="0 to 1")
    found = Verdicts(
        np.empty(n, np.int16),
        np.empty(n, np.int64),
        zeros(Place, n),
        np.full((n, len(geometry.names), 2) if watch else (1, 0, 2), np.nan),
        zeros(State, 1),
    )
    events = Scattered(
        p4, where, geometry.beam, geometry.target, geometry.target_z[1], scattering == "gaussian"
    )
    trigger_kernel(rng, geometry.setup, events, found)
    return _result(geometry, found, w, watch)


def _result(
    geometry: Geometry, found: Verdicts, weights: Array, watch: tuple[str, ...]
) -> TriggerResult:
    """The summary of what the kernel wrote."""
    pieces, failed, behind = geometry.setup.pieces, found.failed, found.behind
    passed = failed < 0
    judged = ((pieces["kind"] != COUNTER) & (pieces["kind"] != TRACKER)) | (pieces["role"] > 0)
    last = {geometry.names[int(pieces["name"][i])]: int(i) for i in np.flatnonzero(judged)}
    last = dict(sorted(last.items(), key=lambda item: item[1]))  # a dipole counts at its end
    # sums over the events that end at each row; index 0 holds those that pass
    ends = failed.astype(np.int64) + 1
    sums = [np.bincount(ends, w, len(pieces) + 1) for w in (weights, weights**2)]
    left = [s.sum() - np.cumsum(s[1:]) for s in sums]  # after each row
    total, total_2 = float(sums[0].sum()), float(sums[1].sum())
    kept = [weighted_fraction(left[0][i], total, left[1][i], total_2) for i in last.values()]
    before = geometry.target - 1
    on, on_2 = (left[0][before], left[1][before]) if before >= 0 else (total, total_2)
    acceptance, acceptance_error = weighted_fraction(on, total, on_2, total_2)
    efficiency, error = weighted_fraction(sums[0][0], on, sums[1][0], on_2)
    return TriggerResult(
        passed=passed,
        on_target=passed | (failed >= geometry.target),
        efficiency=efficiency,
        error=error,
        beam_acceptance=acceptance,
        beam_error=acceptance_error,
        steps=tuple(last),
        kept=np.array([fraction for fraction, _ in kept]),
        kept_error=np.array([uncertainty for _, uncertainty in kept]),
        energy=behind["energy"],
        slopes=columns(behind, "tx", "ty"),
        position=columns(behind, "x", "y"),
        names=geometry.names,
        touched=found.touched,
        hits={name: found.hits[:, geometry.index(name)] for name in watch},
    )


def beam_through(
    experiment: Experiment, n: int, rng: np.random.Generator, *, watch: tuple[str, ...] = ()
) -> TriggerResult:
    """Beam muons that radiate nothing, through the same set-up.

    n : number of muons. Energies are Gaussian with the spread of the beam.
    Returns TriggerResult; its efficiency is the rate at which undisturbed beam muons fire the
    trigger. Those with a hard loss in the target come on top: `detector.studies.trigger_rate`.
    """
    from mutau.core.constants import M_MU
    from mutau.detector.beam_moments import described_beam

    beam = described_beam(experiment)
    energy = beam.energy * (1.0 + beam.energy_spread * rng.standard_normal(n))
    energy = np.maximum(energy, 0.1 * beam.energy)
    p4 = np.zeros((n, 4))
    p4[:, 0], p4[:, 3] = energy, np.sqrt(energy**2 - M_MU**2)
    return trigger_efficiency(p4, None, experiment, rng, depth=np.zeros(n), watch=watch)
