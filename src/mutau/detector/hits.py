"""What the detectors of a set-up recorded, with the truth beside it: the frozen type `Hits`.

One row per simulated beam particle. Nothing is NaN: what was not seen is masked by `seen`,
`crossed`, or a bit, and its number is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError, UnknownName
from mutau.core.types import Saved

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: What a hit or a vertex comes from (`extra_origin`, `vertex_process`), by code.
ORIGINS: Final = ("none", "bremsstrahlung", "pair", "nuclear", "knock-on", "signal")
NOTHING, BREMSSTRAHLUNG, PAIR, NUCLEAR, KNOCK_ON, SIGNAL = range(len(ORIGINS))

#: Shape of each per-event array: N events, P planes, M calorimeter modules, 2-4 components.
_SHAPES: Final = {
    "event": "N",
    "weight": "N",
    "hit": "NP2",
    "seen": "NP",
    "true_hit": "NP2",
    "true_slope": "NP2",
    "true_momentum": "NP",
    "crossed": "NP",
    "energy": "NM",
    "deposit": "NM",
    "counters": "N",
    "crossed_counters": "N",
    "trigger": "N",
    "beam_trigger": "N",
    "incoming_momentum": "N",
    "p_beam": "N4",
    "x_beam": "N3",
    "p_target": "N4",
    "x_target": "N3",
    "p_out": "N4",
    "x_out": "N3",
    "end_energy": "N",
    "end_z": "N",
    "vertex": "N3",
    "vertex_loss": "N",
    "vertex_process": "N",
    "n_extra": "N",
    "lost_extra": "N",
}
_SPARSE: Final = {"extra_event": "K", "extra_plane": "K", "extra_hit": "K2", "extra_energy": "K",
                  "extra_origin": "K"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hits(Saved):
    """N events in P tracker planes, M calorimeter modules and up to 62 counters.

    planes : names of the planes along z. plane_z : (P,) cm, their places. modules : names of the
    calorimeter modules, the active target first ("target"). counters_named : names; bit i below
    belongs to name i.

    Measured:
    hit : (N, P, 2) float64, cm. Measured x, y of the muon; 0 where `seen` is False.
    seen : (N, P) bool. The plane fired on the muon: crossed, and not inefficient.
    extra_event, extra_plane : (K,) int64; row in this table, and plane, of each further hit.
    extra_hit : (K, 2) cm, measured. Rows are sorted by event, then by plane.
    energy : (N, M) float64, GeV. Visible energy with resolution.
    counters : (N,) int64. Bit i: counter i fired (crossed by anything charged, and efficient).
    trigger : (N,) bool. All trigger counters fired and no veto counter.
    beam_trigger : (N,) bool. Counters upstream of the target that are in the trigger, and the last
        trigger counter of the set-up (S0, S1, Smu of NA64mu).
    incoming_momentum : (N,) GeV/c, measured upstream.

    Truth:
    event : (N,) int64. Number of the beam particle in the whole run. weight : (N,) float64.
    true_hit, true_slope : (N, P, 2) cm and dx/dz, dy/dz, and true_momentum : (N, P) GeV/c of the
        muon at each plane it reached inside its frame (`crossed`, (N, P) bool), 0 elsewhere.
    extra_energy : (K,) GeV of the particle that made the hit; extra_origin : (K,) int64, index
        into `ORIGINS` of the collision it comes from.
    deposit : (N, M) GeV, before resolution. crossed_counters : (N,) int64, by the muon itself.
    p_beam, x_beam : (N, 4) GeV and (N, 3) cm where the simulation starts; p_target, x_target on
        the face of the target; p_out, x_out behind it; momentum 0 where the muon did not come.
    end_energy, end_z : (N,) GeV and cm, where the muon left the set-up or stopped.
    vertex : (N, 3) cm, vertex_loss : (N,) GeV, vertex_process : (N,) int64: place and energy of
        the signal's emission, else of the largest single loss, and its kind (`ORIGINS`).
    n_extra : (N,) int64, extra hits of the event; lost_extra : (N,) int64, those that did not fit
        into the buffer (0 but in the largest showers).
    cells_named : names of calorimeter cells, "HCAL1[column,row]", () unless asked for. cells :
        (N, K) GeV, visible energy of each; those of a module sum to its `energy`.
    meta : provenance.
    Raises MutauError if shapes disagree or a number is not finite.
    """

    planes: tuple[str, ...]
    plane_z: Array
    modules: tuple[str, ...]
    counters_named: tuple[str, ...]
    event: Ints
    weight: Array
    hit: Array
    seen: Mask
    true_hit: Array
    true_slope: Array
    true_momentum: Array
    crossed: Mask
    extra_event: Ints
    extra_plane: Ints
    extra_hit: Array
    extra_energy: Array
    extra_origin: Ints
    energy: Array
    deposit: Array
    counters: Ints
    crossed_counters: Ints
    trigger: Mask
    beam_trigger: Mask
    incoming_momentum: Array
    p_beam: Array
    x_beam: Array
    p_target: Array
    x_target: Array
    p_out: Array
    x_out: Array
    end_energy: Array
    end_z: Array
    vertex: Array
    vertex_loss: Array
    vertex_process: Ints
    n_extra: Ints
    lost_extra: Ints
    cells_named: tuple[str, ...] = ()
    cells: Array = field(default_factory=lambda: np.zeros((0, 0)))
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = {"N": len(self.event), "P": len(self.planes), "M": len(self.modules),
                 "K": len(self.extra_event), "2": 2, "3": 3, "4": 4}  # fmt: skip
        for name, text in {**_SHAPES, **_SPARSE, "plane_z": "P"}.items():
            values = getattr(self, name)
            shape = tuple(sizes[letter] for letter in text)
            if values.shape != shape:
                raise MutauError(f"hits: {name} has shape {values.shape}", allowed=str(shape))
            if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
                raise MutauError(f"hits: {name} holds a value that is not finite")
        wanted = (len(self.event), len(self.cells_named)) if self.cells_named else (0, 0)
        if self.cells.shape != wanted or not np.all(np.isfinite(self.cells)):
            raise MutauError(f"hits: cells have shape {self.cells.shape}", allowed=str(wanted))

    def __len__(self) -> int:
        return len(self.event)

    def fired(self, name: str) -> Mask:
        """(N,) bool: the counter of this name fired. Raises UnknownName."""
        return np.asarray((self.counters >> self._bit(name)) & 1 == 1)

    def _bit(self, name: str) -> int:
        if name not in self.counters_named:
            raise UnknownName("counter", name, self.counters_named)
        return self.counters_named.index(name)

    def module(self, name: str) -> Array:
        """(N,) GeV: visible energy of one module. Raises UnknownName."""
        if name not in self.modules:
            raise UnknownName("calorimeter module", name, self.modules)
        return np.asarray(self.energy[:, self.modules.index(name)])

    def hits_per_plane(self) -> Ints:
        """(N, P) int64: number of hits in each plane, the muon's and the extra ones."""
        count = self.seen.astype(np.int64)
        np.add.at(count, (self.extra_event, self.extra_plane), 1)
        return count

    def select(self, rows: NDArray) -> Hits:
        """The events under a mask or index array without repetition (same type)."""
        index = np.flatnonzero(rows) if rows.dtype == bool else np.asarray(rows)
        new = np.full(len(self), -1, np.int64)
        new[index] = np.arange(len(index))
        kept = new[self.extra_event] >= 0
        order = np.lexsort((self.extra_plane[kept], new[self.extra_event[kept]]))
        changes: dict[str, Any] = {name: getattr(self, name)[index] for name in _SHAPES}
        changes |= {name: getattr(self, name)[kept][order] for name in _SPARSE}
        changes["extra_event"] = new[changes["extra_event"]]
        if self.cells_named:
            changes["cells"] = self.cells[index]
        return replace(self, **changes)


def join_hits(parts: Sequence[Hits]) -> Hits:
    """Several chunks of one set-up as one; the meta of the first is kept.

    Raises MutauError for no chunks, or chunks of different set-ups.
    """
    if not parts:
        raise MutauError("no hits to join")
    first = parts[0]
    names = [item.name for item in fields(Hits) if item.type == "tuple[str, ...]"]
    if any(getattr(part, name) != getattr(first, name) for part in parts for name in names):
        raise MutauError("hits of different set-ups cannot be joined")
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in (*_SHAPES, *_SPARSE)
    }
    joined["extra_event"] = np.concatenate(
        [part.extra_event + offset for part, offset in zip(parts, offsets, strict=False)]
    )
    if first.cells_named:
        joined["cells"] = np.concatenate([part.cells for part in parts])
    return replace(first, **joined)


def shape_of(name: str, n: int, planes: int, modules: int) -> tuple[tuple[int, ...], str]:
    """Shape and dtype of one per-event array of `Hits`; for readers of tables."""
    sizes = {"N": n, "P": planes, "M": modules, "2": 2, "3": 3, "4": 4}
    annotation = str(Hits.__annotations__[name])
    kind = {"Mask": "bool", "Ints": "int64"}.get(annotation, "float64")
    return tuple(sizes[letter] for letter in _SHAPES[name]), kind
