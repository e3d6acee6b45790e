"""What there is, and whether an experiment file is sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutau.core.constants import TABLE
from mutau.core.errors import MutauError, Problems
from mutau.core.registry import Registry

if TYPE_CHECKING:
    from mutau.analysis.point import CrossSectionProcess
    from mutau.experiment import Experiment

Rows = list[dict[str, Any]]
SHOWN: Registry[Callable[[], Rows]] = Registry("list", remedy="for example 'mutau show materials'")


@SHOWN.register("experiments")
def _experiments() -> Rows:
    from mutau.experiment import experiment_names, experiment_path, load_experiment

    rows = []
    for name in experiment_names():
        item = load_experiment(name)
        rows.append(
            {
                "name": name,
                "family": item.family,
                "version": item.version or "",
                "title": item.title,
                "process": item.process,
                "source": item.source,
                "file": str(experiment_path(name)),
            }
        )
    return rows


@SHOWN.register("materials")
def _materials() -> Rows:
    from mutau.matter import describe

    return describe()


@SHOWN.register("models")
def _models() -> Rows:
    from mutau.models import REGISTRY

    rows = []
    for tag in REGISTRY:
        item = REGISTRY[tag]
        rows.append(
            {
                "name": tag,
                "class": item.__name__,
                "mediator": item.mediator,
                "coupling": item.coupling_name,
                "channels": list(item.channels),
                "meaning": (item.__doc__ or "").strip().splitlines()[0],
            }
        )
    return rows


@SHOWN.register("processes")
def _processes() -> Rows:
    from mutau.analysis.point import PROCESSES

    return [
        {
            "name": name,
            "per": item.per,
            "mediators": list(item.mediators),
            **_declared(item),
            "meaning": item.meaning,
        }
        for name, item in PROCESSES.items()
    ]


def _declared(process: CrossSectionProcess) -> dict[str, Any]:
    """What the reaction of a process declares; empty where it declares nothing."""
    if process.abilities is None:
        return {}
    found = {
        "beams": list(process.abilities.beams), "energy_GeV": list(process.abilities.energies),
    }  # fmt: skip
    return found | ({"mass_GeV": list(process.abilities.masses)} if process.zprime else {})


@SHOWN.register("crosschecks")
def _crosschecks() -> Rows:
    from mutau.peers import CROSSCHECKS, load_crosschecks

    load_crosschecks()
    return [
        {
            "name": name,
            "peer": item.peer,
            "installed": item.installed,
            "meaning": item.about,
        }
        for name, item in CROSSCHECKS.items()
    ]


@SHOWN.register("limits")
def _limits() -> Rows:
    from mutau.bounds import database

    return [
        {
            "name": item.name,
            "title": item.title,
            "kind": item.kind,
            "cl": item.cl,
            "model": item.model,
            "drawn": item.plot,
            "mass_GeV": list(item.mass_range),
            "source": item.source,
        }
        for item in database().values()
    ]


@SHOWN.register("bounds")
def _bounds() -> Rows:
    from mutau.bounds import BOUNDS

    return [
        {
            "name": name,
            "title": BOUNDS[name].title,
            "kind": BOUNDS[name].kind,
            "mass_GeV": list(BOUNDS[name].mass_range),
            "compare_with": BOUNDS[name].compare,
        }
        for name in BOUNDS
    ]


@SHOWN.register("constants")
def _constants() -> Rows:
    return [
        {
            "name": name,
            "value_internal": item.value,
            "uncertainty": item.uncertainty,
            "unit_of_source": item.unit,
            "source": item.source,
            "year": item.year,
        }
        for name, item in TABLE.items()
    ]


@SHOWN.register("references")
def _references() -> Rows:
    from mutau.core.references import references

    return [{"key": r.key, "reference": r.short, "doi": r.doi} for r in references().values()]


@SHOWN.register("methods")
def _methods() -> Rows:
    from mutau.stats import METHODS

    return [
        {"name": name, "meaning": METHODS[name].meaning, "holds": METHODS[name].holds}
        for name in METHODS
    ]


@SHOWN.register("variables")
def _variables() -> Rows:
    from mutau.experiment import VARIABLES

    return [
        {"name": name, "dimension": item.dimension, "meaning": item.meaning}
        for name, item in VARIABLES.items()
    ]


@SHOWN.register("signals")
def _signals() -> Rows:
    """Processes that an experiment file may name."""
    from mutau.experiment import PROCESSES

    return [
        {"name": name, "beams": list(item.beams), "meaning": item.meaning}
        for name, item in PROCESSES.items()
    ]


@SHOWN.register("backgrounds")
def _backgrounds() -> Rows:
    from mutau.background.estimate import MODULES, all_sources

    ours = {module for modules in MODULES.values() for module in modules}
    return [
        {
            "name": name,
            "process": process,
            "of": "mutau" if item.compute.__module__ in ours else "another package",
        }
        for name, item in all_sources().items()
        for process in item.processes
    ]


@SHOWN.register("formats")
def _formats() -> Rows:
    from mutau.io.event_files import SUFFIXES

    return [
        {"name": name, "meaning": item.title, "needs": item.needs}
        for name, item in SUFFIXES.items()
    ]


def show_result(what: str, of: str | None = None, *, missing: bool = False) -> dict[str, Any]:
    """Rows of one list; with `missing` (limits only) the curves without public numbers.

    of : an experiment, name or path; with materials only, those that its file describes.
    Raises UnknownName for another list, MutauError for `missing` or `of` with a list that has none.
    """
    rows = SHOWN[what]
    if of is not None:
        from mutau.experiment import load_experiment
        from mutau.matter import describe

        if what != "materials":
            raise MutauError(
                f"an experiment has no list of its own of {what!r}", place=of, allowed="materials"
            )
        return {what: describe(load_experiment(of)), "experiment": of}
    if missing and what != "limits":
        raise MutauError(
            f"nothing is known to be missing from {what!r}", place="--missing",
            remedy="'mutau show limits --missing' lists curves without public numbers",
        )  # fmt: skip
    if missing:
        from mutau.bounds import missing as missing_curves

        return {"missing": [asdict(item) for item in missing_curves()]}
    return {what: rows()}


def check_result(file: str) -> dict[str, Any]:
    """Diagnosis of an experiment file and of the files that it names.

    `unused` : addresses in the file that no calculation of its process reads.

    Raises Problems with every located mistake, or as `check_beam` and `transport.fields.slices`.
    """
    from mutau.experiment import check_file, experiment_path
    from mutau.matter.materials import described_in
    from mutau.signal.processes import has_process
    from mutau.signal.usage import unused

    path = experiment_path(file)
    item = check_file(path)
    own = list(described_in(item))
    if item.process == "muon-brems":
        from mutau.signal.targets import target_length

        target_length(item)
    if item.process == "muon-electron-zprime":
        from mutau.signal.exposure import luminosity_on_electrons

        luminosity_on_electrons(item)
    if item.beam.phase_space:
        from mutau.transport.beam_files import check_beam

        check_beam(item)
    return {
        "file": str(Path(path)),
        "experiment": item.name,
        "version": item.version or "",
        "process": item.process,
        "can_be_run": has_process(item),
        "digest": item.digest,
        **({"materials": own} if own else {}),
        "unused": unused(item),
        **({"magnets": _magnets(item)} if item.detector.magnet else {}),
        "problems": [],
    }


def problem_rows(error: MutauError) -> Rows:
    """What an error says about a file: rows of address, element (its name, or ""), message.

    One row per problem; an error that is not about a place in the file has the address "file".
    """
    if not isinstance(error, Problems):
        return [{"address": "file", "element": "", "message": str(error)}]
    return [
        {"address": place, "element": error.elements.get(place, ""), "message": message}
        for place, message in error.problems
    ]


def _magnets(experiment: Experiment) -> Rows:
    """Field of every magnet as it is used; warns of a map that no field can be.

    Raises MutauError where a field reaches into matter.
    """
    import warnings

    from mutau.transport.fields import bending, extent, slices

    target, detector = experiment.target, experiment.detector
    solids = [(s.z, s.z + s.extent) for s in (*detector.calorimeter, *detector.absorber)]
    solids.append((target.z, target.z + target.extent))
    charge, rows = float(experiment.beam.charge), list[dict[str, Any]]()
    for magnet in experiment.detector.magnet:
        slices(magnet, solids)
        (low, high), (x, y) = extent(magnet), bending(magnet, charge)
        kind = "map" if magnet.field_map else "fringe" if magnet.fringe else "uniform"
        row = {
            "name": magnet.name,
            "field": kind,
            "from_cm": low,
            "to_cm": high,
            "bends_to_x_T_m": x / 100.0,
            "bends_to_y_T_m": y / 100.0,
        }
        if magnet.field_map:
            found = magnet.map
            row |= {
                "points": "x".join(str(len(axis)) for axis in (found.x, found.y, found.z)),
                "strongest_T": abs(magnet.field_scale) * found.strongest,
                "divergence": found.divergence,
            }
            if found.suspicious:
                warnings.warn(
                    f"{magnet.field_map}: div B is {found.divergence:.2g} of the field's "
                    "gradients, not 0: signs, units or columns of the map are wrong",
                    stacklevel=2,
                )
        rows.append(row)
    return rows
