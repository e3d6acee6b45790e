"""Finding, reading, checking and changing experiments. Pydantic loads with the first file."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mutau.core.errors import MOST_PROBLEMS, MutauError, Problems
from mutau.core.registry import Registry, instance_of
from mutau.experiment.document import address, element_name, read_document, with_value
from mutau.experiment.materials import described_names

if TYPE_CHECKING:
    from mutau.experiment.schema import Experiment


@cache
def _registry() -> Registry[Path]:
    """Bundled files and, by the entry-point group `mutau.experiments`, those of other packages."""
    registry: Registry[Path] = Registry(
        "experiment",
        group="mutau.experiments",
        remedy="'mutau show experiments' lists all; a path to a TOML file works too",
        check=instance_of(str, Path),
    )
    folder = Path(str(files("mutau.data").joinpath("experiments")))
    for path in sorted(folder.glob("*.toml")):
        registry.register(path.stem)(path)
    return registry


def experiment_names() -> tuple[str, ...]:
    """Names that `load_experiment` knows without a path, sorted."""
    return tuple(sorted(_registry()))


def experiment_path(name_or_path: str | Path) -> Path:
    """The file of a bundled name or of a path.

    Anything with a folder or a suffix is a path. A name is that of a file ("na64mu-2022"),
    or of a family ("na64mu") of which one version is there and no file has the plain name.
    Raises UnknownName for a name that is not bundled, MutauError for a family of several versions,
    which it lists; a path is not opened here.
    """
    path, known = Path(name_or_path), _registry()
    if isinstance(name_or_path, Path) or len(path.parts) > 1 or path.is_file():
        return path
    name = str(name_or_path)
    versions = [name] if name in known else _versions(name)
    if path.suffix and not versions:
        return path
    if len(versions) > 1:
        raise MutauError(
            f"experiment {name!r} has several versions",
            allowed=", ".join(versions),
            remedy="name one of them",
        )
    return Path(known[versions[0] if versions else name])


def _versions(family: str) -> list[str]:
    """Names of bundled files whose version belongs to a family, sorted; only they are read."""
    near = [name for name in _registry() if name.startswith(f"{family}-")]
    stated = {name: read_document(Path(_registry()[name])).get("version") for name in near}
    return sorted(name for name, version in stated.items() if name == f"{family}-{version}")


def load_experiment(name_or_path: str | Path | Experiment) -> Experiment:
    """The experiment of a bundled name ("na64mu") or of a TOML file; an experiment is itself.

    Raises UnknownName or FileError if there is no such file, Problems with every located mistake
    if it is not a valid experiment, MutauError for anything else.

    >>> load_experiment("na64mu").beam.energy
    160.0
    """
    if isinstance(name_or_path, str | Path):
        return check_file(experiment_path(name_or_path))
    from mutau.experiment.schema import Experiment

    if isinstance(name_or_path, Experiment):
        return name_or_path
    raise MutauError(
        f"{name_or_path!r} is not an experiment",
        allowed="a name, a path, or what load_experiment or replace gave",
    )


def check_file(path: str | Path) -> Experiment:
    """Check one file: structure first, then meaning. Changes nothing, computes nothing.

    Files that it names (`beam/phase_space`, `field_map` of a magnet) count from its folder.
    Returns the experiment. Raises FileError, or Problems with all addresses and messages.
    """
    document = read_document(path)
    return from_document(_located(document, Path(path).absolute().parent), str(path))


def _located(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The document with names of files made absolute; odd values are left to the schema."""
    beam, detector = document.get("beam"), document.get("detector")
    magnets = detector.get("magnet") if isinstance(detector, dict) else ()
    magnets = magnets if isinstance(magnets, list) else ()
    tables = [(beam, "phase_space"), *((m, "field_map") for m in magnets)]
    for table, key in tables:
        if isinstance(table, dict) and isinstance(table.get(key), str) and table[key]:
            table[key] = str(folder / table[key])
    return document


def replace(
    experiment: Experiment, changes: Mapping[str, Any] | str, value: Any = None
) -> Experiment:
    """The experiment with values changed by address; the given one stays as it is.

    changes : one address with `value`, or a mapping of addresses to values. Addresses are those
    of the messages, `detector/counter[3]/x`, or name the item, `detector/counter[S4]/x`. Values
    are as in the file: text with a unit. Raises Problems if the result is not valid.

    >>> replace(load_experiment("na64mu"), "beam/energy", "100 GeV").beam.energy
    100.0
    """
    document = experiment.to_dict()
    for place, new in (changes if isinstance(changes, Mapping) else {changes: value}).items():
        document = with_value(document, place, new)
    return from_document(document, experiment.name)


def from_document(document: Mapping[str, Any], name: str) -> Experiment:
    """The experiment of plain data (as `Experiment.to_dict` gives it); `name` is for messages."""
    from pydantic import ValidationError

    from mutau.experiment.checks import meaning
    from mutau.experiment.schema import Experiment

    try:
        own = described_names(document)
        experiment = Experiment.model_validate(document, context=own)
    except ValidationError as error:
        found = error.errors(include_url=False)
        wrong = [
            (address(item["loc"]), _message(dict(item)) if row < MOST_PROBLEMS else item["msg"])
            for row, item in enumerate(found)
        ]
        raise _problems(name, document, wrong) from None
    experiment._document.update(copy.deepcopy(dict(document)))
    problems = meaning(experiment)
    if problems:
        raise _problems(name, document, problems)
    return experiment


def _problems(name: str, document: Mapping[str, Any], wrong: Sequence[tuple[str, str]]) -> Problems:
    """Problems that also name the elements they are about."""
    return Problems(name, wrong, {place: element_name(document, place) for place, _ in wrong})


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys that the table at a location may have."""
    from pydantic import BaseModel

    from mutau.experiment.schema import Experiment

    model: Any = Experiment
    for step in location:
        if isinstance(step, int):
            continue
        model = _model_of(model.model_fields[step].annotation, BaseModel)
    return [field.alias or key for key, field in model.model_fields.items()]


def _model_of(annotation: Any, base: type) -> Any:
    """The model class inside `Model`, `Model | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, base):
        return annotation
    found = (_model_of(part, base) for part in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)


_LIMITS: Final = {
    "greater_than": "above",
    "greater_than_equal": "at least",
    "less_than": "below",
    "less_than_equal": "at most",
}
_WANTED: Final = {
    "string_type": "a text",
    "string_too_short": "a text that says something",
    "string_pattern_mismatch": "a name of small letters, digits and hyphens",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "model_type": "a table",
    "tuple_type": "a list",
}


def _message(error: dict[str, Any]) -> str:
    """Our words for one problem that Pydantic found."""
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    location = error["loc"]
    if kind == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"this key is unknown; {hint}"
    if kind == "missing":
        if location[-1] == "because":
            return "is missing; write where the numbers stand, or why they are assumed"
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        near = difflib.get_close_matches(str(value), context["expected"].replace("'", "").split())
        hint = f"did you mean {near[0]!r}?" if near else f"allowed: {context['expected']}"
        return f"{value!r} is unknown; {hint}"
    if kind in _LIMITS:
        bound = next(iter(context.values()))
        return f"{value!r} is not allowed; it must be {_LIMITS[kind]} {bound:g}"
    if kind in _WANTED:
        return f"{value!r} is not {_WANTED[kind]}"
    return f"{value!r}: {error['msg']}"
