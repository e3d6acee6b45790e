"""Options that several verbs share: one spelling, one help text, one parser each."""

from __future__ import annotations

from typing import Annotated

import typer

from mutau.core.errors import MutauError, UnitError
from mutau.core.units import parse_energy


def energy(option: str, text: str) -> float:
    """Energy in GeV from "0.1" or "100MeV". Raises UnitError that names the option."""
    try:
        return parse_energy(text)
    except UnitError as error:
        raise UnitError(error.message, place=option, allowed=error.allowed) from None


def energies(option: str, text: str) -> list[float]:
    """Energies in GeV from "0.1", a list "0.01,0.1", or a log-spaced range "1MeV:1GeV:60".

    Raises MutauError that names the option.
    """
    if ":" not in text:
        return [energy(option, part) for part in text.split(",")]
    parts = text.split(":")
    if len(parts) != 3 or not parts[2].isdigit() or int(parts[2]) < 2:
        raise MutauError(
            f"{text!r} is not a range",
            place=option,
            remedy="write first:last:points, for example 1MeV:1GeV:60",
        )
    first, last, n = energy(option, parts[0]), energy(option, parts[1]), int(parts[2])
    if not 0.0 < first < last:
        raise MutauError(f"{text!r} is not a range", place=option, allowed="0 < first < last")
    ratio = (last / first) ** (1.0 / (n - 1))
    return [*(first * ratio**i for i in range(n - 1)), last]


def coupling_of(model: str, coupling: float | None, epsilon: float | None) -> float:
    """The one coupling that belongs to the model.

    Raises MutauError if none, both, or the other one is given.
    """
    from mutau.models import model_class

    wanted = model_class(model).coupling_name
    given = {"coupling": coupling, "epsilon": epsilon}
    value = given.pop(wanted)
    (other,) = given
    if value is None or given[other] is not None:
        raise MutauError(
            f"model {model!r} takes --{wanted}" + (f", not --{other}" if given[other] else ""),
            remedy=f"write for example --{wanted} 1e-3",
        )
    return value


Mass = Annotated[str, typer.Option(help="Z' mass in GeV, or with a unit: 100MeV.")]
Masses = Annotated[
    str | None,
    typer.Option("--mass", help="Z' mass: 0.1, 100MeV, a list 0.01,0.1, a range 1MeV:1GeV:60."),
]
Coupling = Annotated[float | None, typer.Option(help="Coupling g' of the Z' (lmu-ltau).")]
Epsilon = Annotated[float | None, typer.Option(help="Kinetic mixing (dark-photon).")]
ModelName = Annotated[str, typer.Option("--model", help="A name out of `mutau show models`.")]
AlphaD = Annotated[float, typer.Option(help="Coupling strength to dark matter; 0: none.")]
MassRatio = Annotated[float, typer.Option(help="Z' mass over dark-matter mass.")]
Experiment = Annotated[
    str, typer.Argument(help="A name out of `mutau show experiments`, or a TOML file.")
]
Seed = Annotated[int, typer.Option(min=0, help="Fixes every random number.")]
Events = Annotated[
    int, typer.Option("-n", min=0, help="Monte Carlo events per mass; 0: the road's default.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
Year = Annotated[int, typer.Option("--year-gm2", help="Reference year of the muon g-2 band.")]
Output = Annotated[str, typer.Option("-o", "--out", help="File or folder to write.")]
