"""What stands where in a set-up, and the paths through it: the data of its drawing.

Everything comes from the experiment file; what it does not state (the gap of a beam line's magnets)
is not invented, but listed as not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import NotApplicable, require_in_range
from mutau.core.figure import Figure, Series
from mutau.experiment.loader import load_experiment
from mutau.experiment.variables import window
from mutau.selection.requirements import highest_muon_energy
from mutau.transport.pieces import target_length

if TYPE_CHECKING:
    from pathlib import Path

    from mutau.experiment import Experiment
    from mutau.experiment.schema_placed import Placed

Array = NDArray[np.float64]
#: z from, z to, then x (top view) or y (side view) from and to; cm.
Box = tuple[float, float, float, float]

#: GeV, of the slowest signal muon that is drawn.
SLOW: Final = 10.0 * M_MU
TARGET, BEAM, SIGNAL = "target", "beam", "signal muon"
_COUNTERS: Final = {"trigger": "trigger counter", "veto": "veto counter", "monitor": "monitor"}


@dataclass(frozen=True, slots=True)
class Part:
    """One element of a set-up.

    name : as in the file. kind : what it is, for the legend. top, side : its sections through its
    own middle, seen from above (z, x) and from the side (z, y); several where it has a hole, or
    stands at several places. A plane has boxes without length. A magnet is its gap.
    """

    name: str
    kind: str
    top: tuple[Box, ...]
    side: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class DrawnPath:
    """The mean path of a particle: z, x, y (N,) cm; label says of which."""

    label: str
    z: Array
    x: Array
    y: Array


@dataclass(frozen=True, slots=True)
class Layout:
    """A set-up as it is drawn. not_drawn : what the file has and a drawing cannot show, and why."""

    experiment: str
    title: str
    parts: tuple[Part, ...]
    paths: tuple[DrawnPath, ...]
    not_drawn: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Part:
        """The part of this name. Raises KeyError."""
        return next(part for part in self.parts if part.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON; cm."""
        return {
            "experiment": self.experiment,
            "title": self.title,
            "parts": [
                {"name": part.name, "kind": part.kind, "top_cm": part.top, "side_cm": part.side}
                for part in self.parts
            ],
            "paths": [
                {"label": path.label, "z_cm": path.z.tolist(), "x_cm": path.x.tolist(),
                 "y_cm": path.y.tolist()}
                for path in self.paths
            ],
            "not_drawn": list(self.not_drawn),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The layout that gave `plain`, to the last digit."""
        parts = [
            Part(
                item["name"],
                item["kind"],
                *(tuple(tuple(box) for box in item[key]) for key in ("top_cm", "side_cm")),
            )
            for item in plain["parts"]
        ]
        paths = [
            DrawnPath(item["label"], *(np.array(item[key]) for key in ("z_cm", "x_cm", "y_cm")))
            for item in plain["paths"]
        ]
        said = tuple(plain["not_drawn"])
        return cls(plain["experiment"], plain["title"], tuple(parts), tuple(paths), said)

    def figure(self, figure_id: str, caption: str = "") -> Figure:
        """As a figure of the report, which is drawn in both views; the series are that from above,
        by the names of the elements, z in m and x in cm."""
        series = []
        for part in self.parts:
            for i, (z0, z1, low, high) in enumerate(part.top):
                z = np.array([z0, z1, z1, z0]) / 100.0
                x = np.array([low, low, high, high])
                label = "" if i else part.name
                series.append(Series(label, z, x, kind="region-closed", note=part.kind))
        series += [Series(path.label, path.z / 100.0, path.x, role="model") for path in self.paths]
        said = [caption, *(f"Not drawn: {text}." for text in self.not_drawn)]
        return Figure(
            figure_id, self.title or self.experiment, "z [m]", "x [cm]", tuple(series),
            caption=" ".join(said).strip(), meta={"layout": self.to_dict()},
        )  # fmt: skip


def _sections(z: float, length: float, middle: float, half: float, hole: float) -> tuple[Box, ...]:
    """One box, or the two beside a hole (half size, 0: none)."""
    low, high = middle - half, middle + half
    if not hole:
        return ((z, z + length, low, high),)
    return ((z, z + length, low, middle - hole), (z, z + length, middle + hole, high))


def _part(thing: Placed, kind: str) -> Part:
    half_x, half_y = thing.half_sizes
    hole_x, hole_y = (getattr(thing, f"hole_{side}", 0.0) / 2.0 for side in ("width", "height"))
    return Part(
        thing.name,
        kind,
        _sections(thing.z, thing.extent, thing.x, half_x, hole_x),
        _sections(thing.z, thing.extent, thing.y, half_y, hole_y),
    )


def _target(experiment: Experiment) -> tuple[list[Part], list[str]]:
    target, length = experiment.target, target_length(experiment.target)
    if target.width is None or target.height is None:
        return [], ["target: the file states no width and height"]
    faces = [target.z + i * target.pitch for i in range(target.stations)]
    sides = (target.width / 2.0, target.height / 2.0)
    top, side = (tuple((z, z + length, -half, half) for z in faces) for half in sides)
    return [Part(TARGET, TARGET, top, side)], []


def _kind(address: str, thing: Placed) -> str:
    kind = address.partition("/")[2].partition("[")[0]
    return _COUNTERS[getattr(thing, "role", "")] if kind == "counter" else kind


def _beam_line(experiment: Experiment) -> tuple[list[Part], list[DrawnPath], list[str]]:
    """The magnets and the synchrotron detector before the hall, and the beam that they bend.

    The deflected line is the axis of the hall, the synchrotron detector stands on the side where
    the undeflected one would go on, `beam.decay_path` before the target.
    """
    upstream, energy = experiment.upstream, experiment.beam.energy
    srd = upstream.srd if upstream else None
    if upstream is None or srd is None or not upstream.field_integral or not upstream.length:
        return [], [], [] if upstream is None else ["upstream: the file states no place of it"]
    from mutau.detector.electron_srd import Bend

    bend = Bend(upstream.field_integral, upstream.length)
    z = experiment.target.z - experiment.beam.decay_path
    end = z - srd.distance
    angle = bend.angle(energy)
    arc = np.linspace(0.0, 1.0, 33)  # of the way back through the magnets
    x = 0.5 * angle * bend.length * arc**2
    far = bend.length / 2.0
    beam = DrawnPath(
        f"{BEAM}, {energy:g} GeV",
        np.concatenate([[end - bend.length - far], end - bend.length * arc[::-1],
                        [experiment.target.z]]),
        np.concatenate([[x[-1] + angle * far], x[::-1], [0.0]]),
        np.zeros(len(arc) + 2),
    )  # fmt: skip
    box = ((z, z, -srd.gap - srd.width, -srd.gap),)
    undeflected = DrawnPath(
        "undeflected line",
        np.array([end - bend.length, z]),
        np.array([x[-1], x[-1] - angle * (z - end + bend.length)]),
        np.zeros(2),
    )
    parts = [Part("SRD", "synchrotron detector", box, ())]
    said = f"from {end - bend.length:g} to {end:g} cm"
    return (
        parts,
        [beam, undeflected],
        [
            f"bending magnets, {said}: the file states no gap; the bent beam is drawn",
            "SRD in the side view: the file states no height",
        ],
    )


def signal_muon(experiment: Experiment) -> tuple[str, float, tuple[float, float]]:
    """The signal muon that is drawn: (label, energy in GeV, slopes).

    The one that the cuts on the true muon just let through: the least bent, or the least scattered.
    Every other muon of the signal is further away from the beam.
    """
    energy = experiment.beam.energy
    highest = min(highest_muon_energy(experiment.cuts, energy), energy)
    angle = window(experiment.cuts, "theta_mu")[0]
    slope = math.tan(angle) if math.isfinite(angle) else 0.0
    said = f"{SIGNAL}, {highest:g} GeV" + (f", {1e3 * angle:g} mrad" if slope else "")
    return said, highest, (-slope, 0.0)


def _muon_paths(experiment: Experiment, muon_energy: float | None) -> list[DrawnPath]:
    from mutau.transport.mean_path import mean_path
    from mutau.transport.setup import compile_setup

    compiled = compile_setup(experiment, None, mean=True)
    energy, target = experiment.beam.energy, experiment.target
    beam = mean_path(compiled, energy)
    label, energy_out, slopes = signal_muon(experiment)
    if muon_energy is not None:
        label, energy_out = f"{SIGNAL}, {muon_energy:g} GeV", muon_energy
    z = target.z + (target.stations // 2) * target.pitch + target_length(target) / 2.0
    x, y = (float(np.interp(z, beam[:, 2], beam[:, axis])) for axis in (0, 1))
    paths = (
        (f"{BEAM}, {energy:g} GeV", beam),
        (label, mean_path(compiled, energy_out, (x, y, z), slopes)),
    )
    return [DrawnPath(name, path[:, 2], path[:, 0], path[:, 1]) for name, path in paths]


def layout(experiment: Experiment, muon_energy: float | None = None) -> Layout:
    """Everything that stands in the set-up, the path of its beam and, of muons, of a signal muon.

    muon_energy : GeV, of the signal muon; None: see `signal_muon`.
    Raises OutOfRange for an energy that is not between the muon's mass and the beam's energy,
    NotApplicable for one beside a beam of electrons.
    Check: an element that is moved in the file moves by the same length; the paths are the mean
    places of `simulate`.
    """
    muons = experiment.beam.particle in ("mu-", "mu+")
    if muon_energy is not None:
        if not muons:
            raise NotApplicable("a beam of electrons leaves no signal muon to draw")
        require_in_range("muon energy", muon_energy, SLOW, experiment.beam.energy, unit="GeV")
    parts, not_drawn = _target(experiment)
    parts += [
        _part(thing, _kind(where, thing)) for where, thing in experiment.detector.everything()
    ]
    more, paths, said = _beam_line(experiment)
    if muons:
        paths = _muon_paths(experiment, muon_energy)
    elif not paths:
        reach = np.array([0.0, experiment.target.z])
        paths = [
            DrawnPath(f"{BEAM}, {experiment.beam.energy:g} GeV", reach, 0.0 * reach, 0.0 * reach)
        ]
    return Layout(
        experiment.name, experiment.title, (*parts, *more), tuple(paths), (*not_drawn, *said)
    )


def setup_figure(
    experiment: str | Path | Experiment,
    *,
    muon_energy: float | None = None,
    figure_id: str = "setup",
    caption: str = "",
) -> Figure:
    """The drawing of a set-up, for `write_figure`: from above and from the side, with paths.

    experiment : a name, a file or an experiment. muon_energy : GeV, see `layout`.
    Raises as `load_experiment` and `layout`.
    """
    return layout(load_experiment(experiment), muon_energy).figure(figure_id, caption)
