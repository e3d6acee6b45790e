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
        "a second beam muon within the gate of counters and calorimeters; the simulation has one "
        "at a time",
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
)

#: Muons on electrons of a thin target.
MUON_ON_ELECTRONS: Final = (
    Missing(
        "inelastic scattering on nuclei",
        "muons that break up or excite a nucleus; a hadron is taken for the electron, since "
        "nothing in the set-up tells them apart",
        "2.5e11 interactions in 15 fb^-1 of MUonE before any selection",
        "photonuclear interactions that transfer 1 to 25 GeV; how many look like a signal is not "
        "known",
    ),
    Missing(
        "electron pairs on electrons",
        "mu e -> mu e e+ e-, with the pair or its softer part unseen",
    ),
    Missing(
        "pions on electrons and nuclei",
        "single pi0 whose photons are missed, and converted photons of mu N -> mu N gamma",
    ),
    Missing(
        "pile-up",
        "two beam muons in one event",
        "1.3e7 muons per second at MUonE",
        "intensity of the M2 beam for this experiment, CERN-SPSC-2019-026",
    ),
    Missing("decays of beam muons", "mu -> e nu nu along the stations, the electron as partner"),
    Missing(
        "tails of the resolutions",
        "angles and energies are smeared by Gaussians; elastic scattering outside the window that "
        "a real detector reads inside it",
        "5e4 events in 15 fb^-1 of MUonE from a tail of 1e-6",
        "4.6e10 elastic events have theta_mu > 1.5 mrad: elastic cross section at 150 GeV",
    ),
    Missing(
        "energy lost by electrons",
        "elastic electrons above the window that radiate on their way to the calorimeter, unseen",
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
