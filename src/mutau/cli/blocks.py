"""Blocks of options: a parameter of a verb that the command line writes as several options.

A verb takes a model point, a family of models or settings whole, as the Python function does that
it calls. The options of a block are spelled and explained in one place, `options`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from mutau.cli import options as o


@dataclass(frozen=True)
class Block:
    """Options that make one object.

    options : name of the parameter that the parser sees -> (annotation, default; `REQUIRED` for
    none). build : takes them by name.
    """

    options: Mapping[str, tuple[Any, Any]]
    build: Callable[..., Any]


REQUIRED: Final = inspect.Parameter.empty


def with_blocks(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb as the parser is to see it: every parameter that is a `Block` written out."""
    blocks: dict[str, Block] = {}
    shown: list[inspect.Parameter] = []
    for parameter in inspect.signature(verb, eval_str=True).parameters.values():
        notes = getattr(parameter.annotation, "__metadata__", ())
        block = next((note for note in notes if isinstance(note, Block)), None)
        if block is None:
            shown.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        blocks[parameter.name] = block
        shown += [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
            for name, (annotation, default) in block.options.items()
        ]

    @functools.wraps(verb)
    def run(**values: Any) -> None:
        made = {
            name: block.build(**{option: values.pop(option) for option in block.options})
            for name, block in blocks.items()
        }
        verb(**values, **made)

    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run


_FAMILY: Final = {
    "model": (o.ModelName, "lmu-ltau"),
    "alpha_d": (o.AlphaD, 0.0),
    "mass_ratio": (o.MassRatio, 3.0),
    "dark_matter": (o.DarkMatter, "complex-scalar"),
}
_COUPLINGS: Final = {"coupling": (o.Coupling, None), "epsilon": (o.Epsilon, None)}


def _family(**sector: Any) -> Any:
    from mutau.models import Family

    return Family(**sector)


def _point(
    mass: str, coupling: float | None, epsilon: float | None, *,
    default: float | None = None, **sector: Any,
) -> Any:  # fmt: skip
    """The model point of the options. Raises as `options.model_point`."""
    return o.model_point(_family(**sector), mass, coupling, epsilon, default=default)


class OptionalPoint:
    """A model point that there may be: `given` says whether a mass is; calling it makes the point.

    So a verb can first refuse what has no effect.
    """

    def __init__(self, **words: Any) -> None:
        self._words = words
        self.given = words["mass"] is not None

    def __call__(self) -> Any:
        """The point. Raises as `options.model_point`."""
        return _point(**self._words)


def point(mass: Any = o.Mass, *, coupling: float | None = None) -> Block:
    """A model point by --mass, --coupling or --epsilon, --model and dark sector.

    mass : annotation of that option. coupling : where none is given; None to ask for one.
    """
    options = {"mass": (mass, REQUIRED), **_COUPLINGS, **_FAMILY}
    return Block(options, functools.partial(_point, default=coupling))


def optional_point(mass: Any) -> Block:
    """An `OptionalPoint` by the same options. mass : annotation of --mass."""
    return Block({"mass": (mass, None), **_COUPLINGS, **_FAMILY}, OptionalPoint)


def _points(mass: str, coupling: float | None, epsilon: float | None, **sector: Any) -> Any:
    """The model points of the options. Raises as `options.model_points`."""
    return o.model_points(_family(**sector), mass, coupling, epsilon)


#: A model point for each mass of a list or a range.
PointsOptions = Annotated[
    Any, Block({"mass": (o.MassList, REQUIRED), **_COUPLINGS, **_FAMILY}, _points)
]
#: --model, --alpha-d, --mass-ratio.
FamilyOptions = Annotated[Any, Block(_FAMILY, _family)]
PointOptions = Annotated[Any, point()]

#: Field of `analysis.settings.Settings` -> parameter of the parser, its annotation and default.
_SETTINGS: Final = {
    "cl": ("cl", o.Level, None),
    "method": ("method", o.Method, None),
    "full_chain": ("full_chain", o.FullChain, False),
    "background": ("background", o.BackgroundFrom, "file"),
    "n_events": ("n", o.Events, 0),
    "seed": ("seed", o.Seed, 1),
}


def settings(*fields: str, **special: tuple[Any, Any]) -> Block:
    """`analysis.settings.Settings` by the options of these fields.

    special : field -> (annotation, default), where a verb means something else by it.
    """
    chosen = {field: _SETTINGS[field] for field in _SETTINGS if field in (*fields, *special)}
    names = {name: field for field, (name, _, _) in chosen.items()}

    def build(**values: Any) -> Any:
        from mutau.analysis.settings import Settings

        return Settings(**{names[name]: value for name, value in values.items()})

    options = {
        name: special.get(field, (annotation, default))
        for field, (name, annotation, default) in chosen.items()
    }
    return Block(options, build)


#: All that a limit takes: --cl, --method, --full-chain, --background, -n, --seed.
LimitSettings = Annotated[Any, settings(*_SETTINGS)]
