"""Momentum mismatch: beam muons that a spectrometer reconstructs with too low a momentum.

Two sources of Table I of the NA64mu paper (sec. III C): muons with one hit in every plane, and
muons whose hits are mixed up with those of a knock-on electron. What makes the first is not a tail
of the resolution but one hard collision near the middle of the dipole, in the air there: it turns
the muon as the field would turn a slower one, and leaves all hits on a perfect track.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mutau.background.estimate import Estimate, background_source
from mutau.background.momentum_losses import seen_losses
from mutau.background.momentum_multihit import inefficiency_law, wrong_hits
from mutau.background.momentum_sampling import (
    Integral,
    Spectrometer,
    TrackCuts,
    spectrometer,
    wrong_momentum,
)
from mutau.background.momentum_tail import extrapolate, residuals
from mutau.background.weights import parts_of
from mutau.core.random import stream
from mutau.detector.beam_moments import beam_note
from mutau.selection.requirements import highest_muon_energy

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

#: Smallest probability of a track's chi^2. The paper names no such cut; without one, hits that a
#: knock-on electron pulls away by a centimetre make wrong momenta for one muon in 10^4.
P_VALUE: Final = 1e-3
#: Energy, GeV, above which the calorimeters see what a muon loses in the spectrometer: the
#: selection of NA64mu leaves 8 GeV in the HCAL, of which a muon makes 5.
LOSS_SEEN: Final = 3.0
#: Relative errors of the parts of the collision density (`momentum_matter.PARTS`).
MODEL_ERRORS: Final = (0.15, 0.3, 0.5, 0.1)
#: Momentum below which a track with several hits per plane counts, relative to the beam's.
MULTI_FRACTION: Final = 0.625  # 100 of 160 GeV, NA64mu paper sec. III C
_MODEL_MULTI: Final = 0.5
#: Muons below which the grid may miss the electrons that matter and the error does not say so.
_FEWEST: Final = 100_000


def momentum_limit(experiment: Experiment) -> float:
    """Largest reconstructed momentum of the selection, GeV.

    From the cuts on the muon's energy, half of the beam's energy if there is none.
    """
    energy = experiment.beam.energy
    highest = highest_muon_energy(experiment.cuts, energy)
    return highest if math.isfinite(highest) else 0.5 * energy


def one_hit_cuts(experiment: Experiment, *, triggered: bool, p_value: float = P_VALUE) -> TrackCuts:
    """Cuts of the case of one hit in every plane of the outgoing arm."""
    planes = sum(tracker.arm == "outgoing" for tracker in experiment.detector.tracker)
    return TrackCuts(momentum_limit(experiment), planes, p_value, triggered=triggered)


def mismatch_probability(
    experiment: Experiment, cuts: TrackCuts, n: int, rng: np.random.Generator
) -> Integral:
    """Chance per beam muon that one hard collision gives a track of too low momentum.

    n : muons simulated; 2e5 give 1 %. With the trigger take 4e5 or more (2 to 4 %): with fewer the
    grid may miss its rare corner, and the error is then too small. The extra means are the
    fractions of `momentum_matter.PARTS`. Collisions that lose more than LOSS_SEEN are not in it.
    Two hard collisions add less than 1e-6 of this. Hits displaced by knock-on electrons alone do
    not pass a cut on chi^2: three planes would have to agree in five coordinates.
    Check: equal to counting in an unbiased sample where that is possible (more air, higher limit).
    """
    return wrong_momentum(spectrometer(experiment, LOSS_SEEN), cuts, 1, 0, n, rng)


def _without_chi2(spec: Spectrometer, cuts: TrackCuts, n: int, rng: np.random.Generator) -> float:
    """Chance per muon with hits displaced by knock-on electrons and no cut on chi^2."""
    free = replace(cuts, p_value=0.0, triggered=False)
    return sum(wrong_momentum(spec, free, 0, shifts, n, rng).value for shifts in (1, 2))


@background_source("momentum-mismatch", "muon-brems")
def momentum_mismatch(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Muons with one hit in every plane, reconstructed below the limit of the selection.

    per_particle is per muon on target after the trigger counters behind the spectrometer; parts
    hold the spectrometer alone, which is what the paper's 1e-12 speaks of.
    Statistical error about 2 % at effort 1 (some 10 s on one core).
    Raises what `momentum_sampling.spectrometer` raises.
    """
    spec = spectrometer(experiment, LOSS_SEEN)
    size = max(int(1e6 * effort), 20_000)
    alone_cuts = one_hit_cuts(experiment, triggered=False)
    full = mismatch_probability(
        experiment, one_hit_cuts(experiment, triggered=True), max(size, 400_000), stream(seed, 1)
    )
    alone = mismatch_probability(experiment, alone_cuts, size, stream(seed, 2))
    lost = seen_losses(
        spec, alone_cuts, LOSS_SEEN / spec.arm.energy, max(size // 10, 20_000), stream(seed, 3)
    )
    tail = residuals(spec, alone_cuts, max(size, 400_000), stream(seed, 4))
    distance = spec.momentum - alone_cuts.below
    fractions = full.extra if len(full.extra) else alone.extra
    relative = math.hypot(*(e * s for e, s in zip(MODEL_ERRORS, fractions, strict=True)))
    return Estimate(
        name="momentum-mismatch",
        per_particle=full.value,
        err=full.err,
        model_err=relative * full.value,
        method="forced hard collision in the matter of the spectrometer, Kalman fit of every track",
        assumption="""air between the planes and in the dipole; collisions that excite a nucleon \
and lose less than 3 GeV (known to 50 %); chi^2 probability above 0.001"""
        + beam_note(experiment),
        paper_id="mu.track.tail",
        parts={
            "spectrometer_alone": alone.value,
            "spectrometer_alone_err": alone.err,
            "share_of_excited_nucleons": float(fractions[2]),
            "without_chi2_cut": _without_chi2(spec, alone_cuts, size // 5, stream(seed, 5)),
            **parts_of(full.effective, full.largest),
            "losses_seen_by_calorimeters": sum(item.value for item in lost.values()),
            "exponential_tail_1e-3": extrapolate(tail, distance, 1e-3).per_muon,
            "exponential_tail_1e-4": extrapolate(tail, distance, 1e-4).per_muon,
        },
    )


@background_source("momentum-mismatch-multi-hit", "muon-brems")
def momentum_mismatch_multi_hit(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Muons whose hits are mixed up with those of a knock-on electron.

    per_particle is the spectrometer alone, as in the paper: one track, of the combination of
    smallest chi^2, below 100 of 160 GeV, whereas the muon crosses all planes. The electrons have
    10 GeV and more: behind the trigger counters little, behind the calorimeters nothing is left
    (parts). Statistical error about 20 % at effort 1.
    """
    spec = spectrometer(experiment, LOSS_SEEN)
    size = max(int(6e5 * effort), 20_000)
    planes = len(spec.arm.names)
    below = MULTI_FRACTION * experiment.beam.energy
    alone, triggered = TrackCuts(below, planes, P_VALUE), TrackCuts(
        below, planes, P_VALUE, triggered=True
    )  # fmt: skip
    track = wrong_hits(spec, alone, "one track", max(size, _FEWEST), stream(seed, 1))
    law = inefficiency_law(experiment, alone, 2, max(size, 2 * _FEWEST), stream(seed, 2))
    ratios = law.extra if len(law.extra) else np.zeros(2)
    beside = wrong_hits(spec, alone, "one track", size, stream(seed, 3), muon_outside=True)
    fired = [
        wrong_hits(spec, triggered, "one track", size, stream(seed, 4, i), muon_outside=bool(i))
        for i in range(2)
    ]
    soft = wrong_hits(spec, alone, "one track", size, stream(seed, 5), transfer_max=LOSS_SEEN)
    return Estimate(
        name="momentum-mismatch-multi-hit",
        per_particle=track.value,
        err=track.err,
        model_err=_MODEL_MULTI * track.value,
        method="forced knock-on electron, biased inefficiency, best combination of hits",
        assumption="""inefficiencies of the planes independent of each other; air between the \
planes; two particles 1 mm apart make two hits; a muon with 4 hits is found as a second track"""
        + beam_note(experiment),
        paper_id="mu.track.multi",
        parts={
            "one_hit_per_plane": law.value,
            "one_hit_per_plane_err": law.err,
            "factor_of_first_tracker": float(ratios[0]),
            "factor_of_second_tracker": float(ratios[1] / ratios[0]) if ratios[0] > 0.0 else 0.0,
            **parts_of(track.effective, track.largest),
            "muon_beside_the_planes": beside.value,
            "with_trigger": fired[0].value + fired[1].value,
            "electron_unseen_by_calorimeters": soft.value,
        },
    )
