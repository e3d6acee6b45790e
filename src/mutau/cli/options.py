"""Options that several verbs share: one spelling, one help text, one parser each."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mutau.core.errors import MutauError, OutOfRange, UnitError
from mutau.core.reading import plain_number
from mutau.core.units import parse_energy, parse_quantity

if TYPE_CHECKING:
    from mutau.models import Family, Model

#: Options that have an effect only beside another one, in every verb that has both: name -> the
#: other, by the names of the verbs' parameters.
NEEDS: Final = {
    "mass_ratio": "alpha_d",
    "dark_matter": "alpha_d",
    "job_script": "dask_jobqueue",
}
#: The same for single verbs.
NEEDS_IN: Final = {
    "background": {
        "coupling": "mass",
        **dict.fromkeys(("sideband", "bin_width", "name", "column"), "spectrum"),
    },
    "discover": dict.fromkeys(("levels", "masses"), "contours"),
    "export": dict.fromkeys(("coupling", "epsilon", "model", "alpha_d"), "mass"),
}
#: Options of which one makes the other pointless: verb -> pairs.
EXCLUDE: Final = {
    "background": tuple(("spectrum", name) for name in ("source", "mass", "effort")),
    "cascade": tuple(("calorimeter", name) for name in ("material", "method", "edges")),
    "scan": (("dask", "dask_jobqueue"),),
    "simulate": (("no_events", "columns"),),
    "reproduce": (("quick", "full"),),
}
#: Options of which one value may hold several, between commas: verb -> names.
LISTS: Final = {
    "background": ("sideband",),
    "xsec": ("limits",),
    "cascade": ("edges",),
    "combine": ("mass",),
    "discover": ("levels", "masses"),
    "limit": ("mass",),
    "optimise": ("variables",),
    "plane": ("mass", "only", "bounds"),
    "reproduce": ("formats", "only"),
    "sensitivity": ("mass", "exposure"),
    "yields": ("mass",),
}
_QUANTITIES: Final = ("--mass", "--energy")
_NUMBER: Final = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
_UNIT: Final = re.compile(r"^[umkMGT\u00b5]?eV$")


def joined_units(words: list[str]) -> list[str]:
    """The words of a command line with a unit that stands alone put back to its number.

    >>> joined_units(["model", "--mass", "100", "MeV"])
    ['model', '--mass', '100 MeV']
    """
    result: list[str] = []
    for index, word in enumerate(words):
        if index >= 2 and _UNIT.match(word):
            before, option = words[index - 1], words[index - 2]
            name, _, value = before.partition("=")
            if (option in _QUANTITIES and _NUMBER.match(before)) or (
                name in _QUANTITIES and _NUMBER.match(value)
            ):
                result[-1] += f" {word}"
                continue
        result.append(word)
    return result


def given(context: typer.Context) -> tuple[str, ...]:
    """Names of the parameters that stand on the command line, in the order of the verb."""
    return tuple(
        name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    )


def spelling(context: typer.Context, name: str) -> str:
    """How the command line writes a parameter: `alpha_d` is `--alpha-d`."""
    for parameter in context.command.params:
        if parameter.name == name:
            return max(parameter.opts, key=len)
    return "--" + name.replace("_", "-")


def _written(context: typer.Context, name: str) -> list[str]:
    """The words that a parameter was given on the command line."""
    options = next(p.opts for p in context.command.params if p.name == name)
    words = []
    for word, after in pairwise([*sys.argv, ""]):
        option, equals, value = word.partition("=")
        if option in options:
            words.append(value if equals else after)
    return words


def check_given(context: typer.Context) -> None:
    """Refuse what would be ignored, and numbers that no verb takes. Raises MutauError."""
    verb, present = context.info_name or "", given(context)
    needs = NEEDS | NEEDS_IN.get(verb, {})
    for name in present:
        other = needs.get(name)
        if other and other in context.params and other not in present:
            raise MutauError(
                f"has no effect without {spelling(context, other)}",
                place=spelling(context, name),
            )
    for name in present:
        if type(context.params[name]) in (int, float):
            for word in _written(context, name):
                number(spelling(context, name), word)
    for one, other in EXCLUDE.get(verb, ()):
        if one in present and other in present:
            raise MutauError(
                f"{spelling(context, one)} and {spelling(context, other)} exclude each other"
            )
    level = context.params.get("cl")
    if level is not None:
        confidence_level(level)
    refuse_overwriting(context.params)


def refuse_overwriting(values: Mapping[str, Any]) -> None:
    """Raise MutauError where the file that a verb writes is one that it reads."""
    out = values.get("out")
    if not isinstance(out, str) or not os.path.isfile(out):
        return
    for name, value in values.items():
        for text in value if isinstance(value, list | tuple) else [value]:
            if name == "out" or not isinstance(text, str):
                continue
            for path in (text, text.partition(":")[2]):  # charges:FILE
                if os.path.isfile(path) and os.path.samefile(path, out):
                    raise MutauError(
                        f"{out!r} is read by this command and would be overwritten",
                        place="--out", remedy="give another name",
                    )  # fmt: skip


def check_repeated(context: typer.Context, words: Sequence[Any]) -> None:
    """Refuse an option that stands twice where only one of its values would count.

    words : the verb's parameters as the command line has them, one for each time. A verb that is
    asked for its help is let through. Raises MutauError that names the option.
    """
    if any(parameter.name == "help" for parameter in words):
        return
    for parameter in words:
        once = parameter.param_type_name == "option" and not parameter.multiple
        if once and sum(other is parameter for other in words) > 1:
            listed = parameter.name in LISTS.get(context.info_name or "", ())
            raise MutauError(
                "stands more than once, and only one value would count",
                place=max(parameter.opts, key=len),
                remedy="write all values in one, between commas" if listed else "give it once",
            )


def confidence_level(value: float) -> float:
    """A confidence level between 0.5 and 0.9999. Raises OutOfRange with the way to write it."""
    if not 0.5 <= value <= 0.9999:
        percent = 50.0 <= value <= 99.99
        fraction = (
            f"{value / 100.0:.2f}" if f"{value / 100.0:.4f}".endswith("00") else value / 100.0
        )
        raise OutOfRange(
            f"cl = {value:g} is no confidence level",
            place="--cl",
            allowed="[0.5, 0.9999]",
            remedy=f"write {fraction} for {value:g} %" if percent else "write for example 0.90",
        )
    return value


def energy(option: str, text: str) -> float:
    """Energy in GeV from "0.1" or "100MeV". Raises UnitError that names the option."""
    try:
        return parse_energy(text)
    except UnitError as error:
        raise UnitError(
            error.message.partition("; write")[0], place=option,
            allowed="one number in GeV, or with eV, keV, MeV, GeV or TeV",
            remedy=error.remedy or "write for example 0.1 or 100MeV",
        ) from None  # fmt: skip


def limits(option: str, text: str) -> dict[str, tuple[float, float]]:
    """Limits by name from "pair_energy=1:150,lepton_theta=:5mrad"; a missing end is open.

    Energies and masses in GeV, angles in rad, Q^2 in GeV^2 where no unit stands. Raises MutauError
    or UnitError that names the option; names are checked where they are used.
    """
    found: dict[str, tuple[float, float]] = {}
    for part in filter(None, text.split(",")):
        name, equals, between = part.partition("=")
        low, colon, high = between.partition(":")
        if not (equals and colon) or name in found:
            raise MutauError(
                f"{part!r} gives no limits" if name not in found else f"{name!r} stands twice",
                place=option, remedy="write for example pair_energy=1:150 or lepton_theta=1.5mrad:",
            )  # fmt: skip
        found[name] = (_end(option, name, low, -inf), _end(option, name, high, inf))
    return found


def _end(option: str, name: str, text: str, absent: float) -> float:
    if not text:
        return absent
    if name.endswith("theta") and text[-1:].isalpha():
        try:
            return parse_quantity(text, "angle")
        except UnitError as error:
            raise UnitError(error.message, place=option) from None
    return energy(option, text) if name.endswith(("energy", "mass")) else number(option, text)


def number(option: str, text: str) -> float:
    """A plain number. Raises MutauError that names the option."""
    try:
        return plain_number(text)
    except ValueError:
        raise MutauError(
            f"{text!r} is no number", place=option, remedy="write for example 0.95 or 1e11"
        ) from None


def energies(option: str, text: str) -> list[float]:
    """Energies in GeV from "0.1", a list "0.01,0.1", or a log-spaced range "1MeV:1GeV:60".

    Raises MutauError that names the option.
    """
    return spread(option, text, energy, "1MeV:1GeV:60")


def spread(option: str, text: str, read: Callable[[str, str], float], example: str) -> list[float]:
    """Values of one, of a list with commas, or of a log-spaced range first:last:points.

    read : (option, text) -> value. Raises MutauError that names the option.
    """
    if ":" not in text:
        return [read(option, part) for part in text.split(",")]
    parts = text.split(":")
    if len(parts) != 3 or not parts[2].isdecimal() or not 2 <= int(parts[2]) <= MOST_POINTS:
        raise MutauError(
            f"{text!r} is not a range", place=option, allowed=f"2 to {MOST_POINTS} points",
            remedy=f"write first:last:points, for example {example}",
        )  # fmt: skip
    first, last, n = read(option, parts[0]), read(option, parts[1]), int(parts[2])
    if not 0.0 < first < last < float("inf"):
        raise MutauError(
            f"the range {text!r} does not rise from a number above 0", place=option,
            allowed="0 < first < last", remedy=f"write for example {example}",
        )  # fmt: skip
    ratio = (last / first) ** (1.0 / (n - 1))
    return [*(first * ratio**i for i in range(n - 1)), last]


#: Points of a range on the command line.
MOST_POINTS: Final = 1_000_000


def whole_number(least: int) -> Any:
    """Parser of a count of at least `least`: 1000, 1e4; refuses 1.5 and nan."""

    def parse(value: str | int) -> int:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not (least <= number <= 1e15 and number == int(number)):
            raise typer.BadParameter(
                f"{value!r} is not a whole number from {least} on; write for example 1000 or 1e4"
            )
        return int(number)

    return parse


def _own_coupling(
    family: Family, coupling: float | None, epsilon: float | None, default: float | None
) -> float:
    """The coupling that belongs to the family, or `default`. Refuses the other's, and none."""
    wanted = family.coupling_name
    values = {"coupling": coupling, "epsilon": epsilon}
    value = values.pop(wanted)
    ((other, not_its_own),) = values.items()
    value = default if value is None else value
    if not_its_own is not None or value is None:
        extra = "" if not_its_own is None else f", not --{other}"
        raise MutauError(
            f"model {family.model!r} takes --{wanted}{extra}",
            remedy=f"write for example --{wanted} 1e-3",
        )
    return value


def model_point(
    family: Family,
    mass: str,
    coupling: float | None,
    epsilon: float | None,
    *,
    default: float | None = None,
) -> Model:
    """Point of a family by the options; `default` for the coupling where none is given.

    Raises MutauError without a coupling and a default, and what the model raises.
    """
    value = _own_coupling(family, coupling, epsilon, default)
    return family.at(energy("--mass", mass), value)


def model_points(
    family: Family, mass: str, coupling: float | None, epsilon: float | None
) -> list[Model]:
    """As `model_point`, one for each mass of a list or a range."""
    value = _own_coupling(family, coupling, epsilon, None)
    return [family.at(item, value) for item in energies("--mass", mass)]


Mass = Annotated[str, typer.Option(help="Z' mass in GeV, or with a unit: 100MeV.")]
MassList = Annotated[
    str,
    typer.Option(
        "--mass",
        help="Z' mass in GeV or with a unit: 0.1, 100MeV, a list 0.01,0.1, a range 1MeV:1GeV:60.",
    ),
]
Masses = Annotated[
    str | None,
    typer.Option(
        "--mass",
        help="Z' mass in GeV or with a unit: 0.1, 100MeV, a list 0.01,0.1, a range 1MeV:1GeV:60; "
        "default: the experiment's range.",
    ),
]
Coupling = Annotated[float | None, typer.Option(help="Coupling g' of the Z' (no unit); lmu-ltau.")]
Epsilon = Annotated[float | None, typer.Option(help="Kinetic mixing (no unit); dark-photon.")]
ModelName = Annotated[
    str,
    typer.Option("--model", help="A name out of `mutau show models`, or charges:FILE.toml."),
]
AlphaD = Annotated[
    float, typer.Option(help="Coupling strength to dark matter, g_D^2/(4 pi); 0: none.")
]
MassRatio = Annotated[
    float,
    typer.Option(
        help="Z' mass over dark-matter mass; with --alpha-d. Up to 2 the Z' makes dark matter off "
        "its mass shell only."
    ),
]
DarkMatter = Annotated[
    str,
    typer.Option(
        help="complex-scalar, majorana, pseudo-dirac or dirac; with --alpha-d.",
    ),
]
Experiment = Annotated[
    str, typer.Argument(help="A name out of `mutau show experiments`, or a TOML file.")
]
Seed = Annotated[int, typer.Option(min=0, help="Fixes every random number.")]
Events = Annotated[
    int,
    typer.Option(
        "-n", parser=whole_number(0), metavar="N",
        help="Monte Carlo events per mass: 1000 or 1e4; 0: the process's default.",
    ),
]  # fmt: skip
Level = Annotated[
    float | None,
    typer.Option(help="Confidence level, 0.5 to 0.9999; default: the experiment's."),
]
Method = Annotated[
    str | None,
    typer.Option(help="A name out of `mutau show methods`; default: the experiment's."),
]
Material = Annotated[str, typer.Option(help="A name out of `mutau show materials`.")]
FullChain = Annotated[
    bool,
    typer.Option("--full-chain", help="Efficiency by the full simulation (seconds per mass)."),
]
BackgroundFrom = Annotated[
    str,
    typer.Option(
        "--background",
        help="file; computed: as `mutau background` (minutes, once); or none.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
Year = Annotated[int, typer.Option("--year-gm2", help="Reference year of the muon g-2 band.")]
Output = Annotated[str, typer.Option("-o", "--out", help="File to write; the ending decides.")]
Folder = Annotated[str, typer.Option("-o", "--out", help="Folder to write into.")]
