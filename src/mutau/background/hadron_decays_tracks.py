"""What a muon that did not come straight from the beam does in the set-up, and what the cuts say.

Fast mode of the trigger (see `detector.trigger`) for muons of either charge from any starting
point: mean energy loss, scattering, dipole as a uniform field, counters, calorimeters as slabs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import UnknownName
from mutau.core.records import zeros
from mutau.detector.beam_moments import described_beam
from mutau.detector.geometry import Geometry, build_geometry
from mutau.transport.pieces import TRIGGER, VETO

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment
    from mutau.selection.missing_momentum import MuonCuts

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MuonTracks:
    """What N muons crossed. behind, end : (N,) GeV behind the target and at the end, 0 if lost.

    touched : (N,) int64, bit i: names[i] was crossed. position : name -> (N, 2) cm of watched
    trackers (NaN where the muon did not come). triggers, vetoes : names.
    """

    behind: Array
    end: Array
    touched: NDArray[np.int64]
    names: tuple[str, ...]
    position: dict[str, Array]
    triggers: tuple[str, ...]
    vetoes: tuple[str, ...]

    def crossed(self, name: str) -> Mask:
        """(N,) bool. Raises UnknownName."""
        if name not in self.names:
            raise UnknownName("detector part", name, self.names)
        return np.asarray((self.touched >> self.names.index(name)) & 1 == 1)

    def all_of(self, names: tuple[str, ...]) -> Mask:
        """(N,) bool: every one of these was crossed."""
        return np.all([self.crossed(name) for name in names], axis=0) if names else self._full(True)

    def any_of(self, names: tuple[str, ...]) -> Mask:
        """(N,) bool: at least one of these was crossed."""
        return (
            np.any([self.crossed(name) for name in names], axis=0) if names else self._full(False)
        )

    def rows(self, chosen: Mask) -> MuonTracks:
        """The muons under a mask (N,)."""
        position = {name: at[chosen] for name, at in self.position.items()}
        return MuonTracks(
            self.behind[chosen], self.end[chosen], self.touched[chosen], self.names, position,
            self.triggers, self.vetoes,
        )  # fmt: skip

    def _full(self, value: bool) -> Mask:
        return np.full(len(self.touched), value)


def outgoing_trackers(experiment: Experiment) -> tuple[str, ...]:
    """Names of the tracking planes behind the target."""
    return tuple(item.name for item in experiment.detector.tracker if item.arm == "outgoing")


def modules(experiment: Experiment, kind: str) -> tuple[str, ...]:
    """Names of the calorimeter modules of a kind."""
    return tuple(item.name for item in experiment.detector.calorimeter if item.kind == kind)


def beam_tracks(experiment: Experiment, n: int, rng: np.random.Generator) -> Array:
    """n beam particles on the target's face: (n, 4) x, y (cm) and slopes.

    Gaussians of the beam's spot and divergence, with the correlations of the largest part of the
    beam that has a spot, where the file describes parts.
    """
    beam = described_beam(experiment)
    spots = [part for part in beam.parts if part.spot_x > 0.0]
    core = max(spots, key=lambda part: part.share, default=None)
    tracks = rng.standard_normal((n, 4))
    if core is not None:
        for i, c in enumerate((core.correlation_x, core.correlation_y)):
            tracks[:, 2 + i] = c * tracks[:, i] + math.sqrt(1.0 - c * c) * tracks[:, 2 + i]
    spread = np.array([beam.spot_x, beam.spot_y, beam.divergence_x, beam.divergence_y])
    return np.asarray(spread * tracks)


def carry(
    experiment: Experiment,
    track: Array,
    energy: Array,
    begin: ArrayLike,
    rng: np.random.Generator,
    *,
    charge: ArrayLike = 1.0,
    sudden: Array | None = None,
    positions: bool = False,
) -> MuonTracks:
    """Carry N muons through the set-up.

    track : (N, 4) x, y (cm) and slopes on the planes z = begin (cm); energy (N,) GeV.
    charge : +1 as the beam particle, -1 opposite. sudden : (N, 3) sudden energy loss (GeV) and
    change of slopes in the target, or None. positions : keep crossings of the trackers.
    """
    from mutau.background.hadron_decays_kernels import Carried, carry_kernel
    from mutau.transport.particle import MUON, Place, State

    geometry = build_geometry(experiment, outgoing_trackers(experiment))
    n = len(energy)
    muons = zeros(State, n)
    for name, column in zip(("x", "y", "tx", "ty"), np.asarray(track, float).T, strict=True):
        muons[name] = column
    muons["energy"], muons["z"], muons["charge"] = energy, begin, charge
    muons["mass"], muons["kind"] = M_MU, MUON
    losses = np.zeros((n, 3)) if sudden is None else np.ascontiguousarray(sudden, float)
    found = Carried(
        np.empty(n, np.int64),
        zeros(Place, n),
        np.empty(n),
        np.full((n, len(geometry.names), 2) if positions else (1, 0, 2), np.nan),
        zeros(State, 1),
    )
    carry_kernel(rng, geometry.setup, muons, losses, found)
    where = outgoing_trackers(experiment) if positions else ()
    return MuonTracks(
        found.behind["energy"],
        found.end,
        found.touched,
        geometry.names,
        {name: found.hits[:, geometry.index(name)] for name in where},
        _role(geometry, TRIGGER),
        _role(geometry, VETO),
    )


def _role(geometry: Geometry, role: int) -> tuple[str, ...]:
    pieces = geometry.setup.pieces
    return tuple(geometry.names[i] for i in pieces["name"][pieces["role"] == role])


def reconstructed_below(energy: ArrayLike, cuts: MuonCuts) -> Array:
    """Chance that a muon of `energy` (GeV) is reconstructed below the cut: a Gaussian resolution.

    What is beyond the Gaussian is the background "momentum mismatch".
    """
    from scipy.special import ndtr

    energy = np.asarray(energy, float)
    if cuts.resolution == 0.0:
        return (energy <= cuts.muon_energy).astype(float)
    width = cuts.resolution * np.maximum(energy, 1e-9)
    return np.asarray(ndtr((cuts.muon_energy - energy) / width) * (energy > 0.0))
