"""Checks of meaning, after those of structure: does the described set-up make sense?

Every check yields (address, message) and changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mutau.core.errors import MutauError, UnknownName
from mutau.experiment.field_maps import MOST_FIELD
from mutau.experiment.materials import (
    REMEDY,
    description_faults,
    known_materials,
    materials_in,
    parts_of,
)
from mutau.experiment.names import PROCESSES
from mutau.experiment.variables import VARIABLES, window

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment, Target
    from mutau.experiment.schema_placed import Placed

Found = Iterator[tuple[str, str]]

_TOLERANCE = 1e-9  # cm; faces that touch do not overlap


def meaning(experiment: Experiment) -> list[tuple[str, str]]:
    """All problems of meaning, in the order of the checks."""
    checks = (
        _process, _version, _described, _materials, _names, _hall, _overlaps, _gaps, _files, _maps,
        _cuts, _efficiencies, _runs,
    )  # fmt: skip
    return [problem for check in checks for problem in check(experiment)]


def _process(experiment: Experiment) -> Found:
    try:
        process = PROCESSES[experiment.process]
    except MutauError as error:  # of another package, and faulty
        yield "process", str(error)
        return
    particle = experiment.beam.particle
    if particle not in process.beams:
        yield (
            "process",
            f"{experiment.process!r} needs a beam of {' or '.join(process.beams)}, not {particle}",
        )
    for name in ("theory", "upstream"):
        if getattr(experiment, name) and name not in process.tables:
            yield name, f"this table is for electron beams; {experiment.process!r} does not use it"


def _materials(experiment: Experiment) -> Found:
    known = known_materials() | {item.name for item in experiment.material}
    for place, name in experiment.materials_named():
        if str(name) not in known:
            yield place, str(UnknownName("material", name, known, remedy=REMEDY))
    for place, thing in experiment.detector.everything():
        thickness, material = getattr(thing, "thickness", None), getattr(thing, "material", None)
        if (thickness is None) != (material is None) and not hasattr(thing, "length"):
            yield place, "states `material` or `thickness` without the other"


def _described(experiment: Experiment) -> Found:
    """Materials of the file: sound, under names of their own, none of them part of itself."""
    tables = materials_in(experiment.to_dict())
    bundled = known_materials()
    free: set[str] = set()  # those whose parts are known to end
    while more := {
        name for name, table in tables.items()
        if name not in free and all(p in free for _, p in parts_of(table) if p in tables)
    }:  # fmt: skip
        free |= more
    for index, item in enumerate(experiment.material):
        place = f"material[{index}]"
        if item.name in bundled:
            yield f"{place}/name", f"{item.name!r} is a bundled material; choose another name"
        if item.name not in free:
            yield place, f"{item.name!r} is made of itself"
        for key, error in description_faults(tables[item.name], {*bundled, *tables}):
            yield f"{place}/{key}".rstrip("/"), str(error)


def _version(experiment: Experiment) -> Found:
    """A file with a version carries it in its name, so that its runs can stand side by side."""
    name, version = experiment.name, experiment.version
    if version and not (name.endswith(f"-{version}") and experiment.family):
        yield "version", f"{version!r} is not the end of the name; call it '{name}-{version}'"


def _names(experiment: Experiment) -> Found:
    seen: dict[str, str] = {}
    for place, thing in experiment.detector.everything():
        if thing.name in seen:
            yield f"{place}/name", f"{thing.name!r} is already the name of {seen[thing.name]}"
        seen.setdefault(thing.name, place)
    for key in ("material", "runs", "background", "efficiency", "systematics"):
        names: set[str] = set()
        for index, item in enumerate(getattr(experiment, key)):
            if item.name in names:
                yield f"{key}[{index}]/name", f"{item.name!r} stands twice"
            names.add(item.name)


def _outside(place: str, key: str, low: float, high: float, limit: tuple[float, float]) -> Found:
    if low < limit[0] - _TOLERANCE or high > limit[1] + _TOLERANCE:
        span = f"{low:g} cm" if low == high else f"{low:g} to {high:g} cm"
        yield f"{place}/{key}", f"{span} is outside the hall ({limit[0]:g} to {limit[1]:g} cm)"


def _hall(experiment: Experiment) -> Found:
    hall, target = experiment.hall, experiment.target
    if hall is None:
        return
    things: list[tuple[str, Target | Placed]] = [("target", target)]
    for place, thing in [*things, *experiment.detector.everything()]:
        if thing.z > hall.length:
            yield (
                f"{place}/z",
                f"{thing.z:g} cm is outside the hall (hall/length = {hall.length:g} cm)",
            )
        else:
            yield from _outside(place, "z", thing.z, thing.z + thing.extent, (0.0, hall.length))
    for place, thing in experiment.detector.everything():
        halves = thing.half_sizes
        for key, half, size in (("x", halves[0], hall.width), ("y", halves[1], hall.height)):
            middle = getattr(thing, key)
            yield from _outside(place, key, middle - half, middle + half, (-size / 2, size / 2))


def _apart(a: Placed, b: Placed) -> bool:
    """Whether two things do not share any (x, y): beside each other, or one in the other's hole."""
    for one, other in ((a, b), (b, a)):
        hole = getattr(one, "hole_width", 0.0), getattr(one, "hole_height", 0.0)
        half_x, half_y = other.half_sizes
        if (
            abs(other.x - one.x) + half_x <= hole[0] / 2 + _TOLERANCE
            and abs(other.y - one.y) + half_y <= hole[1] / 2 + _TOLERANCE
        ):
            return True
        if one.radius is not None:  # the point of the other that is nearest to its middle
            gap_x = max(abs(other.x - one.x) - (0.0 if other.radius else half_x), 0.0)
            gap_y = max(abs(other.y - one.y) - (0.0 if other.radius else half_y), 0.0)
            reach = one.radius + (other.radius or 0.0)
            if math.hypot(gap_x, gap_y) >= reach - _TOLERANCE:
                return True
    (a_x, a_y), (b_x, b_y) = a.half_sizes, b.half_sizes
    return abs(a.x - b.x) >= a_x + b_x - _TOLERANCE or abs(a.y - b.y) >= a_y + b_y - _TOLERANCE


def _overlaps(experiment: Experiment) -> Found:
    """Solid volumes that share space. Planes may stand in a magnet's gap, never in a solid."""
    target = experiment.target
    start, stop = target.z, target.z + target.extent
    things = experiment.detector.everything()
    solids = [
        (place, thing) for place, thing in things if thing.extent and not hasattr(thing, "bends_to")
    ]
    volumes = [(place, thing) for place, thing in things if thing.extent]
    for place, thing in things:
        inside = thing.z < stop - _TOLERANCE and thing.z + thing.extent > start + _TOLERANCE
        between = target.pitch > 0.0 and not thing.extent  # planes between the stations
        if inside and not between and target.extent:
            yield f"{place}/z", f"{thing.name!r} overlaps the target ({start:g} to {stop:g} cm)"
    for index, (place, thing) in enumerate(volumes):
        for other_place, other in volumes[:index]:
            shared = min(thing.z + thing.extent, other.z + other.extent) - max(thing.z, other.z)
            if shared > _TOLERANCE and not _apart(thing, other):
                yield (
                    f"{place}/z",
                    f"{thing.name!r} overlaps {other.name!r} ({other_place}) over {shared:g} cm",
                )
    for place, thing in things:
        for _, solid in solids:
            within = solid.z + _TOLERANCE < thing.z < solid.z + solid.extent - _TOLERANCE
            if not thing.extent and within and not _apart(thing, solid):
                yield f"{place}/z", f"{thing.name!r} stands inside {solid.name!r}"
    planes = experiment.detector.tracker
    for index, plane in enumerate(planes):
        for one in planes[:index]:
            if abs(plane.z - one.z) <= _TOLERANCE and not _apart(plane, one):
                yield f"detector/tracker[{index}]/z", f"{plane.name!r} overlaps {one.name!r}"


def _gaps(experiment: Experiment) -> Found:
    """Planes inside a magnet must fit its gap."""
    for magnet in experiment.detector.magnet:
        for place, thing in experiment.detector.everything():
            if thing.extent or not magnet.z < thing.z < magnet.z + magnet.length:
                continue
            halves = zip(("x", "y"), thing.half_sizes, magnet.half_sizes, strict=True)
            for key, half, gap in halves:
                reach = abs(getattr(thing, key) - getattr(magnet, key)) + half
                if reach > gap + _TOLERANCE:
                    yield (
                        f"{place}/{key}",
                        f"{thing.name!r} reaches {reach:g} cm from the middle of magnet "
                        f"{magnet.name!r}, whose gap ends at {gap:g} cm",
                    )


def _files(experiment: Experiment) -> Found:
    """The phase-space file is there; what is in it is checked where it is used."""
    beam = experiment.beam
    if beam.phase_space and not beam.phase_space_digest:
        yield (
            "beam/phase_space",
            f"there is no file {beam.phase_space!r} that can be read; "
            "a relative path starts in the folder of the experiment file",
        )


def _maps(experiment: Experiment) -> Found:
    """Field maps can be read, are whole, and fill the gap of their magnet."""
    for index, magnet in enumerate(experiment.detector.magnet):
        field = (magnet.field_integral or 0.0) / magnet.length
        if field > MOST_FIELD:
            yield (
                f"detector/magnet[{index}]/field_integral",
                f"a field of {field:.4g} T over {magnet.length:g} cm is above any magnet's; "
                "check the unit",
            )
        if not magnet.field_map:
            continue
        place = f"detector/magnet[{index}]/field_map"
        try:
            found = magnet.map
        except MutauError as error:
            yield place, str(error)
            continue
        sizes = {"x": magnet.width, "y": magnet.height, "z": magnet.length}
        for name, size in sizes.items():
            low, high = getattr(found, name)[[0, -1]].tolist()
            if low > -size / 2 + _TOLERANCE or high < size / 2 - _TOLERANCE:
                yield (
                    place,
                    f"{magnet.field_map}: {name} from {low:g} to {high:g} cm does not fill the "
                    f"magnet, which needs {-size / 2:g} to {size / 2:g} cm from its middle; "
                    "extend the map, or make the magnet smaller",
                )
        if found.strongest * abs(magnet.field_scale) > MOST_FIELD:
            yield place, f"times field_scale the field is above {MOST_FIELD:g} T; check the unit"
        if not magnet.integral:
            yield place, f"{magnet.field_map}: the field on the axis bends nothing"


def _cuts(experiment: Experiment) -> Found:
    """Cuts that no event can pass, alone or together; a trigger that nothing makes."""
    roles = {counter.role for counter in experiment.detector.counter}
    for index, cut in enumerate(experiment.cuts):
        variable = VARIABLES[cut.variable]
        if cut.variable == "trigger" and "trigger" not in roles:
            yield f"cuts[{index}]/variable", "'trigger' needs a counter of role 'trigger'"
        low, high = window(experiment.cuts[: index + 1], cut.variable)
        least, most = variable.reach(experiment.beam.energy)
        if low > high:
            yield f"cuts[{index}]", f"no {cut.variable!r} passes all cuts ({low:g} to {high:g})"
        elif high < least or low > most:
            yield (
                f"cuts[{index}]/{'max' if high < least else 'min'}",
                f"no event has {cut.variable!r} {f'<= {high:g}' if high < least else f'>= {low:g}'}"
                f"; it lies between {least:g} and {most:g}",
            )
        elif variable.whole and math.isfinite(high) and math.floor(high) < low:
            yield (
                f"cuts[{index}]",
                f"no whole number of {cut.variable!r} from {low:g} to {high:g}",
            )


def _efficiencies(experiment: Experiment) -> Found:
    """An efficiency instead of a cut needs the cut: else it would always, or never, count."""
    stated = {cut.variable for cut in experiment.cuts}
    for index, item in enumerate(experiment.efficiency):
        for name in item.instead_of:
            if name not in stated:
                yield f"efficiency[{index}]/instead_of", f"there is no cut on {name!r}"


def _runs(experiment: Experiment) -> Found:
    """Thresholds below the beam energy; periods that make up the exposure, within its stated error
    (or 1e-6)."""
    beam = experiment.beam.energy
    for i, run in enumerate(experiment.runs):
        if run.threshold is not None and run.threshold >= beam:
            text = f"{run.threshold:g} GeV is not below the beam energy, {beam:g} GeV"
            yield f"runs[{i}]/threshold", text
    stated = experiment.beam.particles
    if not experiment.runs or stated is None:
        return
    total = sum(run.particles for run in experiment.runs)
    if abs(total - stated) > max(experiment.beam.particles_error, 1e-6 * stated):
        yield "runs", f"have {total:g} particles together, but beam/particles = {stated:g}"
