"""The background "single-hadron punch-through": a leading hadron from the target that is not seen.

Of the two ways that the NA64mu paper names (sec. III C), the neutral one survives the selection:
the scattered muon is the single track, and a neutral hadron with nearly all of the lost energy
leaves target and HCAL with nothing. A charged leading hadron makes a second track in every plane.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.background.estimate import Estimate, background_source
from mutau.background.hadron_decays_hcal import (
    crossing_patterns,
    mip_probability,
    muon_in_hcal,
    muon_vetoes,
)
from mutau.background.hadron_decays_tracks import modules, outgoing_trackers, reconstructed_below
from mutau.background.hcal_paths import hcal_modules, unseen
from mutau.background.leading_hadrons import (
    inelastic_above,
    leading_hadrons,
    photon_fate,
    photonuclear_density,
)
from mutau.background.punch_through import PunchThrough
from mutau.background.weights import WeightedSum, combined, weighted_sum
from mutau.core.errors import NotApplicable
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.detector.beam_moments import beam_note
from mutau.detector.studies import SignalMuons, hard_losses
from mutau.detector.trigger import trigger_efficiency
from mutau.matter.hadron_nucleus import inelastic_length
from mutau.matter.materials import material
from mutau.matter.muon_cross_sections import PROCESSES, differential, knock_on
from mutau.matter.muon_energy_loss import stopping_power
from mutau.matter.nuclear_final_states import table
from mutau.selection.missing_momentum import MuonCuts, cuts_of

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

DEFAULT_EVENTS: Final = 60_000
#: Energy at which punch-through is computed, over that of the beam; it changes by 20 % up to 1.
_TYPICAL: Final = 0.7
#: Least fraction of the photon's energy that a leading hadron has, for its error.
_LEADING: Final = 0.86
#: Interaction lengths, relative error: it acts exponentially.
_LENGTH_ERROR: Final = 0.03
#: Visible energy (GeV) below which the paper's arithmetic calls a hadron undetected.
UNSEEN: Final = 1.0


@dataclass(frozen=True, slots=True)
class Escaped:
    """Neutral leading hadrons of one kind that pass the selection, per beam muon on target.

    value, err : number and statistical error. weights : the sum without the HCAL. punch : chance
    to cross the HCAL unseen, for each set of modules that the muon crosses: (fraction of the
    weights, chance), the largest fraction first.
    """

    kind: str
    value: float
    err: float
    weights: WeightedSum
    punch: tuple[tuple[float, PunchThrough], ...]

    @property
    def unseen(self) -> float:
        """Mean chance to cross the HCAL unseen."""
        return sum(fraction * item.value for fraction, item in self.punch)


def hadron_budget(experiment: Experiment, cuts: MuonCuts, crossed: Iterable[str]) -> float:
    """Energy (GeV) that a hadron may leave in the HCAL beside one muon through the modules of
    these names, under the cut; inf without a cut."""
    return max(cuts.hcal - muon_in_hcal(experiment, crossed), 0.0)


def _nuclear_share(experiment: Experiment, v: Array) -> Array:
    """Share of photonuclear interactions among all hard losses at v (as `hard_losses` has them)."""
    medium, energy = material(experiment.target.material), experiment.beam.energy
    length = experiment.target.thickness.cm(medium.radiation_length_cm)
    total = np.zeros(v.shape)
    for item, atoms in medium.atoms_per_cm3:
        for process in PROCESSES:
            total += atoms * length * PB_CM2 * differential(process, v, energy, item)
    total += medium.electrons_per_cm3 * length * PB_CM2 * energy * knock_on(v * energy, energy)
    return np.asarray(photonuclear_density(experiment, v) / np.maximum(total, 1e-300))


def _accepted(
    experiment: Experiment, sample: SignalMuons, cuts: MuonCuts, rng: np.random.Generator
) -> tuple[Array, list[tuple[tuple[str, ...], Mask]]]:
    """(N,) chance that the scattered muon passes trigger and selection by itself, on target; and
    the sets of modules of the HCAL that muons cross (`crossing_patterns`)."""
    names = outgoing_trackers(experiment)
    got = trigger_efficiency(
        sample.p_lepton, sample.weights, experiment, rng, depth=sample.depth, watch=names,
        scattering="gaussian",
    )  # fmt: skip
    passed = got.passed.copy()
    for name in names:
        passed &= got.crossed(name)
    for name in muon_vetoes(experiment, cuts.vhcal):
        passed &= ~got.crossed(name)
    crossed = {name: got.crossed(name) for name in modules(experiment, "hcal")}
    chance = mip_probability(experiment, got.energy, cuts.hcal, crossed)
    chance = chance * reconstructed_below(got.energy, cuts)
    accepted = np.where(passed, chance, 0.0) / got.beam_acceptance
    return np.asarray(accepted), crossing_patterns(experiment, crossed)


def escaped_hadrons(
    experiment: Experiment, *, n: int = DEFAULT_EVENTS, seed: int = 1
) -> tuple[Escaped, ...]:
    """K_L and neutrons that take the lost energy out unseen, beside an accepted muon.

    n : muons with a hard loss; n/3 histories in the HCAL. What is not in the leading hadron is seen
    in the target, all of it, and must stay below the cut on the sum of the calorimeters. The muon
    need not cross the HCAL: what it leaves there depends on the modules in its way, and what the
    hadron may leave beside it.
    Left out: energy of the rest that escapes into the HCAL (it only makes events fail).
    Raises NotApplicable without an HCAL, where neither it nor the sum has a cut, or where photons
    are outside the table of final states.
    """
    cuts, energy = cuts_of(experiment), experiment.beam.energy
    hcal_modules(experiment)
    if not math.isfinite(min(cuts.hcal, cuts.calorimeters)):
        raise NotApplicable(
            "states no upper cut on hcal_energy or calorimeter_energy: a hadron need not hide",
            place=f"{experiment.name}: cuts",
            remedy='write for example variable = "hcal_energy", max = "8 GeV"',
        )
    rng = stream(seed, 51)
    low = min(max(0.9 * (1.0 - cuts.muon_energy / energy), 0.05), 0.9)
    first, last = float(table()["energies"][0]), float(table()["energies"][-1])
    if low * energy < first or energy > last:
        raise NotApplicable(
            f"photons of {low * energy:.3g} to {energy:.3g} GeV, and their final states are "
            f"tabulated from {first:g} to {last:g} GeV",
            place=f"{experiment.name}: beam/energy and cuts",
        )
    sample = hard_losses(experiment, n, rng, low=low)
    v = np.clip(1.0 - sample.p_lepton[:, 0] / energy, 1e-6, 1.0)
    medium = material(experiment.target.material)
    thickness = experiment.target.thickness.cm(medium.radiation_length_cm)
    accepted, patterns = _accepted(experiment, sample, cuts, rng)
    weight = sample.weights * _nuclear_share(experiment, v) * accepted
    ionised = thickness * float(stopping_power(0.5 * energy, medium))
    element = medium.dominant_element
    inelastic = weight * photon_fate(element).inelastic
    found = []
    for kind in ("K_L", "n"):
        length = inelastic_length(kind, medium, _TYPICAL * energy).cm
        free = np.exp(-(1.0 - sample.depth) * thickness / length)
        parts = []
        for names, rows in patterns:
            budget = hadron_budget(experiment, cuts, names)
            in_hcal = muon_in_hcal(experiment, names)
            rest = max(cuts.calorimeters - ionised - in_hcal, 0.0)  # in the target beside the muon
            z = np.clip(1.0 - rest / (v * energy), 0.0, 1.0)
            made = inelastic_above(kind, z, v * energy, element).value
            one = weighted_sum(np.where(rows, inelastic * made * free, 0.0))
            if one.value > 0.0:
                parts.append((one, min(budget, rest)))
        found.append(_through_hcal(experiment, kind, parts, max(n // 3, 1000), seed))
    return tuple(found)


def _through_hcal(
    experiment: Experiment, kind: str, parts: list[tuple[WeightedSum, float]], n: int, seed: int
) -> Escaped:
    """Hadrons of one kind behind the HCAL. parts : those beside muons of one set of modules, and
    the energy (GeV) that they may leave."""
    before = combined(one for one, _ in parts)
    punched = [
        unseen(kind, _TYPICAL * experiment.beam.energy, experiment, budget, n=n, seed=seed)
        for _, budget in parts
    ]
    value, square = 0.0, 0.0
    for (one, _), punch in zip(parts, punched, strict=True):
        value += one.value * punch.value
        square += (one.err * punch.value) ** 2 + (one.value * punch.err) ** 2
    fractions = [
        (one.value / before.value, punch) for (one, _), punch in zip(parts, punched, strict=True)
    ]
    fractions.sort(key=lambda item: -item[0])
    return Escaped(kind, value, math.sqrt(square), before, tuple(fractions))


def _model_error(experiment: Experiment, found: tuple[Escaped, ...]) -> float:
    """Absolute: final states (generators, nucleus, statistics), interaction lengths, soft
    collisions, shower profile. The last three for the set of modules that most muons cross.
    """
    element = material(experiment.target.material).dominant_element
    total = 0.0
    for item in found:
        if not item.punch:
            continue
        _, punch = item.punch[0]
        made = inelastic_above(item.kind, _LEADING, punch.energy, element)
        relative = math.hypot(float(made.err), float(made.model_err)) / float(made.value)
        parts = [relative, math.expm1(_LENGTH_ERROR * punch.depth)]
        # soft collisions half as many again; 0.2 less of the energy electromagnetic
        for diffraction, em_shift in ((1.5, 0.0), (1.0, -0.2)):
            other = unseen(
                item.kind, punch.energy, experiment, punch.budget, n=5000, seed=1,
                diffraction=diffraction, em_shift=em_shift,
            )  # fmt: skip
            parts.append(abs(other.value / punch.value - 1.0))
        total += (item.value * math.hypot(*parts)) ** 2
    return math.sqrt(total)


def paper_estimate(experiment: Experiment, *, seed: int = 1) -> float:
    """The NA64mu paper's arithmetic with our numbers: leading hadrons made in the target times the
    chance to cross the whole HCAL with less than UNSEEN GeV, no selection (it prints <~ 1e-12)."""
    made = leading_hadrons(experiment)
    total = 0.0
    for name, rate in (
        ("pi-", made.charged),
        ("K_L", made.inelastic["K_L"].value),
        ("n", made.inelastic["n"].value),
    ):
        energy = _TYPICAL * experiment.beam.energy
        total += rate * unseen(name, energy, experiment, UNSEEN, n=5000, seed=seed).value
    return total


@background_source("punch-through", "muon-brems")
def single_hadron_punch_through(experiment: Experiment, seed: int, effort: float) -> Estimate:
    """Leading hadron from the target that crosses the HCAL unseen (paper: <~ 1e-12 for NA64mu)."""
    found = escaped_hadrons(experiment, n=max(int(DEFAULT_EVENTS * effort), 3000), seed=seed)
    made = leading_hadrons(experiment)
    parts = {
        "made": made.total.value,
        "made charged": made.charged,
        "made K_L": made.inelastic["K_L"].value,
        "made neutrons": made.inelastic["n"].value,
        **combined(item.weights for item in found).parts(),
        "arithmetic of the paper": paper_estimate(experiment, seed=seed),
    }
    for item in found:
        parts |= {
            f"{item.kind}": item.value,
            f"{item.kind} before the HCAL": item.weights.value,
            f"punch-through of {item.kind} (per hadron)": item.unseen,
        }
    return Estimate(
        "punch-through",
        sum(item.value for item in found),
        math.sqrt(sum(item.err**2 for item in found)),
        _model_error(experiment, found),
        "exact production, weighted muons, forced punch-through",
        "final states of free nucleons; fraction of soft collisions of K_L" + beam_note(experiment),
        "mu.table1.punch",
        parts,
    )
