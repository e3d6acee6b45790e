"""Verbs that answer with numbers: model, xsec, yields, limit, generate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar


def _model(name: str, mass: float, coupling: float, alpha_d: float, mass_ratio: float) -> Any:
    from mutau.models import build_model

    return build_model(name, mass, coupling, alpha_d=alpha_d, mass_ratio=mass_ratio)


def model(
    mass: o.Mass,
    coupling: o.Coupling = None,
    epsilon: o.Epsilon = None,
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    json: o.Json = False,
) -> None:
    """Widths, branchings, Δa_μ and ε_eff of one model point."""
    from mutau.pipeline.point import model_summary

    value = o.coupling_of(model, coupling, epsilon)
    emit(model_summary(_model(model, o.energy("--mass", mass), value, alpha_d, mass_ratio)), json)


def xsec(
    process: Annotated[str, typer.Argument(help="A name out of `mutau show processes`.")],
    energy: Annotated[str, typer.Option(help="Energy of the incoming particle, GeV.")],
    mass: Annotated[str | None, typer.Option(help="Z' mass in GeV, or with a unit.")] = None,
    coupling: o.Coupling = None,
    epsilon: o.Epsilon = None,
    material: Annotated[str, typer.Option(help="A name out of `mutau show materials`.")] = "lead",
    method: Annotated[str, typer.Option(help="exact, ww or iww, where the process has them.")] = (
        "exact"
    ),
    form_factor: Annotated[str, typer.Option(help="elastic or elastic+inelastic.")] = "elastic",
    coulomb: Annotated[
        bool, typer.Option("--coulomb", help="With the Coulomb correction (electron-brems).")
    ] = False,
    electrons: Annotated[
        str, typer.Option(help="Atomic electrons in annihilation: rest, virial or compton.")
    ] = "virial",
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    differential: Annotated[bool, typer.Option(help="Also dσ/dx over x = E_Z'/E.")] = False,
    cuts: Annotated[
        str, typer.Option(help="Experiment whose cuts restrict mu e -> mu e X (true quantities).")
    ] = "",
    alpha_inverse: Annotated[
        float | None, typer.Option(help="1/α for mu e -> mu e X; default: α(0).")
    ] = None,
    json: o.Json = False,
) -> None:
    """Total cross section per atom (or per electron) in pb, with its error."""
    from mutau.pipeline.point import cross_section_answer, needs_model

    point = None
    if needs_model(process):
        if mass is None:
            raise typer.BadParameter("this process makes a Z'; give its mass", param_hint="--mass")
        value = o.coupling_of(model, coupling, epsilon)
        point = _model(model, o.energy("--mass", mass), value, alpha_d, mass_ratio)
    answer = cross_section_answer(
        process, o.energy("--energy", energy), point, material=material, method=method,
        form_factor=form_factor, electrons=electrons, differential=differential, cuts=cuts,
        alpha=None if alpha_inverse is None else 1.0 / alpha_inverse, coulomb=coulomb,
    )  # fmt: skip
    emit(answer, json)


def yields(
    experiment: o.Experiment,
    mass: o.Mass,
    coupling: o.Coupling = None,
    epsilon: o.Epsilon = None,
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    truth: Annotated[bool, typer.Option(help="True quantities, perfect acceptance.")] = False,
    n: o.Events = 0,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Expected signal after each cut, background, and their errors."""
    from mutau.experiment import load_experiment
    from mutau.pipeline.yields import expected_yields, yields_answer

    value = o.coupling_of(model, coupling, epsilon)
    point = _model(model, o.energy("--mass", mass), value, alpha_d, mass_ratio)
    found = load_experiment(experiment)
    result = expected_yields(point, found, seed=seed, n_events=n, truth=truth)
    emit(yields_answer(result), json)


def limit(
    experiment: o.Experiment,
    mass: o.Masses = None,
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    cl: Annotated[
        float | None, typer.Option(help="Confidence level; default: the experiment's.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="Statistical method; default: the experiment's.")
    ] = None,
    n: o.Events = 0,
    seed: o.Seed = 1,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Also save as .npz.")] = None,
    json: o.Json = False,
) -> None:
    """Upper limit on the coupling, per mass."""
    from mutau.core.storage import check_output
    from mutau.experiment import load_experiment
    from mutau.pipeline.limit import limit_answer, limit_curve

    masses = o.energies("--mass", mass) if mass else None
    if out:
        check_output(out, ".npz")
    with progress_bar("limit", quiet=json) as progress:
        line = limit_curve(
            load_experiment(experiment), masses, model=model, alpha_d=alpha_d,
            mass_ratio=mass_ratio, cl=cl, method=method, seed=seed, n_events=n,
            progress=progress,
        )  # fmt: skip
    if out:
        line.save(out)
    emit(limit_answer(line), json)


def generate(
    experiment: o.Experiment,
    mass: o.Mass,
    out: o.Output,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of events.")] = 10_000,
    coupling: o.Coupling = None,
    epsilon: o.Epsilon = None,
    model: o.ModelName = "lmu-ltau",
    alpha_d: o.AlphaD = 0.0,
    mass_ratio: o.MassRatio = 3.0,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Signal events for other programs (.lhe, .lhe.gz, .hepmc, .root, .parquet, .npz)."""
    from mutau.experiment import load_experiment
    from mutau.pipeline.generate import generate_events
    from mutau.sampling.event_files import check_output, write_events

    check_output(out)
    value = o.coupling_of(model, coupling, epsilon)
    point = _model(model, o.energy("--mass", mass), value, alpha_d, mass_ratio)
    events = generate_events(point, load_experiment(experiment), n, seed=seed)
    with progress_bar(f"writing {out}", quiet=json):
        write_events(events, out)
    emit(
        {"file": out, "events": events.n_events, "particles": len(events.pdg), **events.meta}, json
    )


def cascade(
    energy: Annotated[str, typer.Option(help="Energy of the incident particle, GeV.")],
    particle: Annotated[str, typer.Option(help="e-, e+ or gamma.")] = "e-",
    material: Annotated[str, typer.Option(help="A name out of `mutau show materials`.")] = "lead",
    method: Annotated[str, typer.Option(help="equations or mc.")] = "equations",
    edges: Annotated[
        str | None, typer.Option(help="Energy bins: 1,2,5,10 or 1GeV:100GeV:21; default 20 bins.")
    ] = None,
    showers: Annotated[int, typer.Option("-n", min=2, help="Showers of the Monte Carlo.")] = 2000,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Mean differential track length of e- and e+ in an electromagnetic cascade."""
    from mutau.pipeline.cascade import cascade_answer

    bins = o.energies("--edges", edges) if edges else None
    answer = cascade_answer(
        particle, o.energy("--energy", energy), material, edges=bins, method=method,
        showers=showers, seed=seed,
    )  # fmt: skip
    emit(answer, json)


VERBS: tuple[Callable[..., None], ...] = (model, xsec, yields, limit, cascade, generate)
