"""What no calculation here gives: sources of background that a computed total lacks, by process.

A total is only as good as what is in it. Each entry says what is missing and why, its size where
one is known, and where that stands; a process carries its list (`SignalProcess.not_computed`).
Whoever adds a source to a process removes its entry here; one that is registered under the same
name is no longer missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Missing:
    """A source of background that is not computed.

    name : of the source. reason : what it is, and what is lacking. size : as a text with its unit
    and exposure, "" where none is known. source : where the size stands, or how it was estimated.
    """

    name: str
    reason: str
    size: str = ""
    source: str = ""

    def row(self) -> dict[str, str]:
        """As results carry it."""
        return asdict(self)


#: Muons on nuclei of a thick target. All five rows of Table I of the NA64mu paper are computed.
MUON_ON_NUCLEI: Final = (
    Missing(
        "pile-up",
        "a second beam muon within the gate of counters and calorimeters; the signal has it where "
        "the file states a gate, the backgrounds have one muon at a time",
    ),
    Missing(
        "decays of neutral kaons of the beam",
        "no number of K_L in the beam is published; a bound, with as many K_L as K- all taken for "
        "measured beam particles, stands in the parts of hadron decays and not in the total",
        "below 5.4e-12 per muon on target of NA64mu",
        "docs/validation/na64mu_backgrounds.md",
    ),
    Missing(
        "loose tracks",
        "computed muon pairs leave one hit in each plane; a track may need fewer planes, and noise "
        "and tracks of other particles are not simulated",
        "3.6e-11 per muon on target of NA64mu from pairs, where a track needs three planes",
        "docs/validation/na64mu_backgrounds.md",
    ),
    Missing(
        "leading hyperons of the target",
        "they decay within some 8 m, a third of the Lambda to n pi0; not followed",
        "1.5e-8 per muon on target of NA64mu made above 80 GeV, a fifth of K_L and neutrons",
        "docs/physics/nuclear_final_states.md",
    ),
    Missing(
        "regeneration of K_S, decays of K_L in matter",
        "K_L that turn to K_S in the target or the calorimeters, or decay there",
        "below 1e-3 in one interaction length, 5e-4 in 1.5 m, of the K_L of NA64mu at 100 GeV",
        "docs/physics/nuclear_final_states.md",
    ),
)

#: Muons on electrons of a thin target.
MUON_ON_ELECTRONS: Final = (
    Missing(
        "tracks with errors",
        "hits of delta electrons and noise that turn the muon's track, two tracks found as one, "
        "and, where a file describes no planes, tracks not found",
    ),
    Missing(
        "cracks and dead cells of the calorimeter",
        "photons and electrons that hit no live crystal; where a file states none, electronic "
        "noise and energy of other events in the crystals",
        "3.6e8 radiative events in 15 fb^-1 of MUonE times the dead part of the front",
        "mutau background muone: radiative events with photons not looked at",
    ),
    Missing(
        "particles of the beam that are no muons",
        "hadrons and electrons of the beam, muons of the halo",
    ),
    Missing(
        "interactions between the stations",
        "planes, supports and air: pairs, conversions and inelastic scattering away from the "
        "plates, where the vertex is not in a plate",
    ),
)

#: Electron beams on an active target.
ELECTRON_BEAM: Final = (
    Missing(
        "interactions upstream of the target",
        "electro- and photonuclear reactions in windows, counters and trackers, whose hadrons miss "
        "the detectors while a soft electron hits the target; the dominant source",
        "0.7 +- 0.3 events in 9.1e11 electrons of NA64-e",
        "arXiv:2404.06982, section 4: sideband of the data, in which all sources are",
    ),
    Missing(
        "muon pairs of photons",
        "gamma N -> mu+ mu- N in the target, both muons unseen behind it",
    ),
    Missing(
        "incomplete hermeticity",
        "hadrons and photons of the target that leave by its sides or beside the calorimeters",
    ),
    Missing("decays of beam kaons", "K -> e nu pi0 and others before the target"),
)


def in_words(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """Rows of `Missing` for people: each name, with its size where one is known."""
    return [f"{row['name']} ({row['size']})" if row["size"] else row["name"] for row in rows]
