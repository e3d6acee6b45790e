"""Which keys of an experiment file a result rests on, and which stand in it without effect.

Every process declares what each of its calculations reads; what a file states beyond that is named
in the result (`not_used`), and what no calculation reads by `mutau check` (`unused`). A test
changes every key of every bundled file and compares numbers with what is declared here.

A key is written as its address without numbers, with what the item is behind a colon:
`detector/calorimeter:hcal/length`, `cuts:trigger/variable`; `*` stands for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from glob import escape
from typing import TYPE_CHECKING, Any, Final

from mutau.experiment.document import TEXTS
from mutau.experiment.materials import materials_in, parts_of

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Patterns = tuple[str, ...]
#: Key of results that name what their calculation does not use.
NOT_USED: Final = "not_used"
#: Calculations: signal with its cuts, the same by the full simulation, backgrounds, simulated
#: calibration electrons, events for other programs.
USES: Final = ("signal", "full chain", "background", "calibration", "events")
#: Keys that are labels.
_LABELS: Final = TEXTS | {"schema", "name"}
#: What says of an item in a list which one it is.
_KINDS: Final = ("role", "arm", "kind", "variable", "instead_of")

_BOX: Final = ("z", "x", "y", "width", "height", "radius", "hole_width", "hole_height")
_STATISTICS: Final = (
    "process", "statistics/*", "systematics/signal", "background/expected",
    "background/per_particle", "background/error", "background/relative_error", "runs/particles",
    "runs/efficiency", "runs/efficiency_error", "runs/background", "runs/background_error",
    "runs/relative_error", "runs/observed",
)  # fmt: skip


def _of(table: str, *keys: str) -> Patterns:
    return tuple(f"{table}/{key}" for key in keys)


def _cuts(*variables: str) -> Patterns:
    return tuple(f"cuts:{name}/*" for name in variables)


def _efficiencies(experiment: Experiment, *, full_chain: bool = False) -> Patterns:
    """The stated efficiencies that count, by what they stand for."""
    if not experiment.efficiency:
        return ()
    from mutau.signal.efficiencies import in_force
    from mutau.signal.processes import Effort, registered

    left_out = registered(experiment).not_simulated(experiment, Effort(full_chain=full_chain))
    kinds = {
        f":{list(item.instead_of)}" if item.instead_of else ""
        for item in in_force(experiment, left_out)
    }
    return tuple(f"efficiency{escape(kind)}/*" for kind in sorted(kinds))


#: Solids and counters as the fast mode of the muon's trigger knows them.
_FAST_SETUP: Final = (
    *_of("detector/counter:trigger", "role", "efficiency", *_BOX),
    *_of("detector/counter:veto", "role", "efficiency", *_BOX),
    *_of("detector/magnet", "*"),
    *_of("detector/calorimeter:*", "material", "length", *_BOX),
    *_of("detector/absorber", "material", "length", *_BOX),
    "target/length",
)
_SPOT: Final = _of("beam", "spot_x", "spot_y", "divergence_x", "divergence_y")


def _gate(experiment: Experiment) -> Patterns:
    """What decides how often a second muon is in the gate, where there is one."""
    resolution = experiment.detector.resolution
    if resolution is None or not resolution.gate:
        return ()
    return ("detector/resolution/gate", *_of("beam", "per_spill", "spill"))


def _placed(experiment: Experiment) -> Patterns:
    """What `pipeline.incoming` reads to place signal events: the core of the beam."""
    own = ("beam/parts/*",) if experiment.beam.parts else (*_SPOT, "beam/energy_spread")
    return (*own, "beam/phase_space", "process")


def _muon_signal(experiment: Experiment) -> Patterns:
    from mutau.selection.requirements import fast_mode, variables

    cuts = variables(fast_mode(experiment.cuts))
    return (
        *_STATISTICS, *_efficiencies(experiment), *_gate(experiment),
        *_of("beam", "energy", "particles", "phase_space"), *_SPOT,
        *_of("target", "material", "thickness", "z", "width", "height"),
        *(_FAST_SETUP if "trigger" in cuts else ()), *_cuts(*cuts),
    )  # fmt: skip


def _muon_full(experiment: Experiment) -> Patterns:
    from mutau.selection.requirements import simulated, variables

    beam = experiment.beam
    shape = ("beam/parts/*",) if beam.parts else (*_SPOT, "beam/energy_spread")
    return (
        *_STATISTICS, *_efficiencies(experiment, full_chain=True),
        *_of("beam", "energy", "particle", "particles", "phase_space"), *shape,
        *_of("target", "material", "thickness", "z", "length", "width", "height", "stations",
             "pitch", "active", "cells", "resolution", "resolution_constant", "noise"),
        *_gate(experiment),
        "hall/length", "hall/material", "detector/*",
        *_cuts(*variables(simulated(experiment.cuts))),
    )  # fmt: skip


def _without_efficiencies(patterns: Patterns) -> Patterns:
    """What a background reads of the keys of a signal: stated efficiencies do not scale it."""
    return tuple(pattern for pattern in patterns if not pattern.startswith("efficiency"))


def _muon_background(experiment: Experiment) -> Patterns:
    return (
        *_without_efficiencies(_muon_full(experiment)), *_SPOT,
        *_of("beam", "energy_spread", "pions", "kaons", "decay_path"), "detector/resolution/*",
    )  # fmt: skip


def _muon_events(experiment: Experiment) -> Patterns:
    return (
        *_placed(experiment),
        *_of("beam", "energy", "particle", "particles"),
        *_of("target", "material", "thickness", "z"),
    )  # fmt: skip


def _electron_signal(experiment: Experiment) -> Patterns:
    from mutau.signal.electron_containment import applies

    target = experiment.target
    own: tuple[str, ...] = ("width", "height") if applies(experiment) else ()
    if target.active:
        own += ("resolution", "resolution_constant", "preshower")
    cuts: tuple[str, ...] = ("preshower_energy",) if target.active else ()
    if not experiment.runs or any(run.threshold is None for run in experiment.runs):
        cuts += ("ecal_energy", "electron_energy", "e_miss")
    counted = any(source.per_particle is not None for source in experiment.background)
    return (
        *_STATISTICS, *_efficiencies(experiment),
        *_of("beam", "energy", "particle", "energy_spread"),
        *(() if experiment.runs and not counted else ("beam/particles",)),
        *(_of("beam", "spot_x", "spot_y") if applies(experiment) else ()),
        *_of("target", "material", "thickness", "active", "stations", *own), "theory/*",
        *(() if target.active else _of("detector/calorimeter:ecal", "kind", "resolution",
                                       "resolution_constant")),
        "runs/threshold", "runs/threshold_error", *_cuts(*cuts),
    )  # fmt: skip


_HCAL: Final = _of("detector/calorimeter:hcal", "kind", "material", "length", "threshold", *_BOX)


def _electron_background(experiment: Experiment) -> Patterns:
    return (
        *_of("beam", "energy", "particle", "particles", "pions", "decay_path"), *_SPOT,
        *_of("upstream", "line", "bite", "srd/mistaken"), *_of("target", "material", "z"),
        *_of("runs", "threshold", "particles"), *_HCAL, *_cuts("hcal_energy"),
    )  # fmt: skip


def _electron_calibration(experiment: Experiment) -> Patterns:
    from mutau.selection.requirements import cuts_without, variables

    if not experiment.target.active:
        return ()
    return (
        *_of("beam", "energy", "particle", "energy_spread", "spot_x", "spot_y", "per_spill",
             "spill"),
        *_of("upstream", "field_integral", "length", "radiation_lengths", "window",
             "srd/distance", "srd/gap", "srd/width", "srd/resolution"),
        *_of("target", "material", "thickness", "z", "active", "preshower", "resolution",
             "resolution_constant"),
        *_of("detector/counter:veto", "role", "efficiency", "threshold", "material", "thickness",
             *_BOX),
        *_HCAL, "detector/resolution/incoming_momentum",
        *_of("detector/calorimeter:vhcal", "kind", "threshold", *_BOX),
        *_cuts(*variables(cuts_without(experiment.cuts, "ecal_energy", "e_miss"))),
    )  # fmt: skip


def _electron_full(experiment: Experiment) -> Patterns:
    return (*_electron_signal(experiment), *_electron_calibration(experiment))


def _electron_events(experiment: Experiment) -> Patterns:
    return (
        *_placed(experiment),
        *_of("beam", "energy", "particle"), "runs/particles", "theory/*",
        *_of("target", "material", "thickness", "z", "active"),
    )  # fmt: skip


_ECAL: Final = (
    "kind", "z", "x", "y", "width", "height", "resolution", "resolution_constant",
)  # fmt: skip


#: Of `detector/resolution` what a signal is measured with; the lowest track matters for pairs only.
_MEASURED: Final = ("muon_angle", "electron_angle", "muon_momentum", "incoming_momentum")


def _muone_signal(experiment: Experiment) -> Patterns:
    from mutau.selection.requirements import cuts_without, variables

    return (
        *_STATISTICS, *_efficiencies(experiment),
        *_of("beam", "energy", "particle", "particles", "luminosity", "spot_x", "spot_y"),
        *_of("target", "material", "thickness", "stations", "pitch", "z"),
        *_of("detector/calorimeter:ecal", *_ECAL), *_of("detector/resolution", *_MEASURED),
        *(_of_planes() if experiment.detector.plane else ()),
        *_cuts(*variables(
            experiment.cuts if experiment.detector.plane
            else cuts_without(experiment.cuts, "photon_energy")
        )),
    )  # fmt: skip


def _of_planes() -> Patterns:
    """What a signal is measured with where planes are described: these, what stands behind a muon
    filter, the crystals, and photons of the electron that the veto sees."""
    return (
        "detector/plane/*", "detector/absorber/material", "detector/absorber/length",
        *_of("detector/counter:trigger", "role", "z", "width", "height", "radius"),
        *_of("detector/calorimeter:ecal", "cells", "noise", "threshold", "material", "length"),
        *_of("beam", "per_spill", "spill", "divergence_x", "divergence_y"),
        "detector/resolution/gate",
    )  # fmt: skip


def _muone_background(experiment: Experiment) -> Patterns:
    photon = _of("detector/calorimeter:ecal", "threshold", "separation", "photon_inefficiency")
    resolution = experiment.detector.resolution
    measured = resolution is not None and resolution.incoming_momentum > 0.0
    spread = () if measured else ("beam/energy_spread",)
    tracks = (*_of("detector/resolution", "lowest_track", "gate", "vertex"),
              *_of("detector/calorimeter:ecal", "material", "length"), *_of("target", "width"),
              *_of("beam", "per_spill", "spill"))  # fmt: skip
    return (*_without_efficiencies(_muone_signal(experiment)), *photon, *spread, *tracks, "cuts:*")


def _muone_events(experiment: Experiment) -> Patterns:
    return (
        *_placed(experiment),
        *_of("beam", "energy", "particle", "particles", "luminosity"),
        *_of("target", "material", "thickness", "stations", "pitch", "z"),
    )  # fmt: skip


#: Process -> calculation -> what it reads of a file.
READS: Final[Mapping[str, Mapping[str, Callable[[Any], Patterns]]]] = {
    "muon-brems": {
        "signal": _muon_signal, "full chain": _muon_full, "background": _muon_background,
        "events": _muon_events,
    },
    "electron-brems+annihilation": {
        "signal": _electron_signal, "background": _electron_background,
        "full chain": _electron_full, "calibration": _electron_calibration,
        "events": _electron_events,
    },
    "muon-electron-zprime": {
        "signal": _muone_signal, "background": _muone_background, "events": _muone_events,
    },
}  # fmt: skip


def stated_keys(experiment: Experiment) -> dict[str, str]:
    """Address -> key in the form of this module, of everything that a file states but texts."""
    return dict(_leaves(experiment.to_dict(), "", ""))


def _leaves(node: Mapping[str, Any], place: str, key: str) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if name in _LABELS:
            continue
        here, general = f"{place}/{name}".lstrip("/"), f"{key}/{name}".lstrip("/")
        if isinstance(value, Mapping):
            yield from _leaves(value, here, general)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for index, item in enumerate(value):
                kind = next((f":{item[k]}" for k in _KINDS if k in item), "")
                name = str(item.get("name", ""))
                label = index if not name or name.isdigit() else name  # as `replace` takes it
                yield from _leaves(item, f"{here}[{label}]", general + kind)
        else:
            yield here, general


def uses_of(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Address -> calculations that read it, of every stated key."""
    declared = READS.get(experiment.process, {})
    patterns = {use: read(experiment) for use, read in declared.items()}
    uses = {
        place: tuple(
            use for use in USES if any(fnmatchcase(key, one) for one in patterns.get(use, ()))
        )
        for place, key in stated_keys(experiment).items()
    }
    return uses | _uses_of_materials(experiment, uses)


def _uses_of_materials(
    experiment: Experiment, uses: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """A description is read by whatever reads the name of its material, or of one made with it."""
    tables = materials_in(experiment.to_dict())
    readers: dict[str, set[str]] = {name: set() for name in tables}
    for place, named in experiment.materials_named():
        if str(named) in readers:
            readers[str(named)] |= {*uses[_by_name(experiment, place)]}
    for _ in tables:  # as deep as they may consist of one another
        for name, table in tables.items():
            for _, part in parts_of(table):
                if part in readers:
                    readers[part] |= readers[name]
    return {
        place: tuple(use for use in USES if use in readers[name])
        for name in tables
        for place in uses
        if place.startswith(f"material[{name}]/")
    }


def _by_name(experiment: Experiment, place: str) -> str:
    """The address `detector/counter[3]/material` with the name of the item, as in `stated_keys`."""
    head, bracket, rest = place.partition("[")
    index, _, key = rest.partition("]")
    if not bracket:
        return place
    name = getattr(experiment.detector, head.removeprefix("detector/"))[int(index)].name
    return f"{head}[{index if name.isdigit() else name}]{key}"


def unused(experiment: Experiment) -> list[str]:
    """Addresses that no calculation reads; none for a process that declares nothing."""
    if experiment.process not in READS:
        return []
    return joined(experiment, {place for place, uses in uses_of(experiment).items() if not uses})


def not_used(experiment: Experiment, *uses: str) -> list[str]:
    """Addresses that no calculation of `uses` (out of USES) reads; whole tables by their name."""
    return list(_not_used(experiment, uses))


@lru_cache(maxsize=64)
def _not_used(experiment: Experiment, uses: tuple[str, ...]) -> tuple[str, ...]:
    declared = READS.get(experiment.process, {})
    if not any(use in declared for use in uses):
        return ()
    places = {place for place, read in uses_of(experiment).items() if not {*read} & {*uses}}
    return tuple(joined(experiment, places))


def signal_use(full_chain: bool) -> str:
    """The calculation behind yields and limits: by the full simulation, or not."""
    return "full chain" if full_chain else "signal"


def joined(experiment: Experiment, places: set[str]) -> list[str]:
    """The addresses, in the order of the file; a table or list all of whose keys are among them
    stands for them. A cut is followed by its variable."""
    every = list(stated_keys(experiment))
    found: dict[str, None] = {}
    for place in every:
        if place in places:
            found.setdefault(next(head for head in _heads(place) if _below(every, head) <= places))
    return [_with_variable(experiment, head) for head in found]


def _heads(place: str) -> list[str]:
    """What an address lies in, from the outermost to itself: table, list, item, key."""
    steps = place.split("/")
    heads = ["/".join(steps[: i + 1]) for i in range(len(steps))]
    return list(dict.fromkeys(form for head in heads for form in (_as_list(head), head)))


def _as_list(head: str) -> str:
    return head[: head.rindex("[")] if head.endswith("]") else head


def _below(every: list[str], head: str) -> set[str]:
    """Addresses at or below one; of a list, those of all its items."""
    return {p for p in every if p == head or p.startswith((f"{head}/", f"{head}["))}


def _with_variable(experiment: Experiment, head: str) -> str:
    from mutau.selection.requirements import variables

    named = {f"cuts[{i}]": name for i, name in enumerate(variables(experiment.cuts))}
    return f"{head} ({named[head]})" if head in named else head
