"""Verbs that answer with numbers: model, xsec, yields, limit, cascade, generate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from mutau.cli import blocks as b
from mutau.cli import options as o
from mutau.cli.output import emit, progress_bar, with_bins
from mutau.core.errors import MutauError, UnknownName


@b.with_blocks
def model(point: b.PointOptions, json: o.Json = False) -> None:
    """Widths, branchings, Δa_μ and ε_eff of one model point."""
    from mutau.analysis.point import model_summary

    emit(model_summary(point), json)


_Electrons = Annotated[
    str,
    typer.Option(
        help="Atomic electrons in annihilation: rest, virial, hydrogenic, hartree-fock (up to "
        "neon) or compton."
    ),
]
_Coulomb = Annotated[
    bool, typer.Option("--coulomb", help="With the Coulomb correction; electron-brems.")
]

_Energy = Annotated[
    str | None,
    typer.Option(
        help="Energy of the incoming particle in GeV, or with a unit: 160GeV; default: that of "
        "the beam of --cuts."
    ),
]
_ZprimeMass = Annotated[
    str | None, typer.Option(help="Z' mass in GeV, or with a unit; for processes with a Z'.")
]
_ZprimePoint = Annotated[Any, b.optional_point(_ZprimeMass)]
_XsecMethod = Annotated[str, typer.Option(help="exact; for muon-brems, electron-brems ww, iww.")]
_FormFactor = Annotated[
    str,
    typer.Option(help="elastic, elastic+inelastic, unscreened or point; bremsstrahlung."),
]
_Differential = Annotated[
    bool, typer.Option("--differential", help="Also dσ/dx over x = E_Z'/E; bremsstrahlung.")
]
_Cuts = Annotated[
    str,
    typer.Option(
        help="Experiment whose cuts restrict mu e -> mu e X (true quantities), and whose beam "
        "it is."
    ),
]
_Charge = Annotated[
    int | None,
    typer.Option(help="Charge of the muon, -1 or 1; default: that of --cuts, or else -1."),
]
_Beam = Annotated[
    str, typer.Option(help="Particle of the beam: mu-, mu+, e- or e+; others are refused by name.")
]
_AlphaInverse = Annotated[float | None, typer.Option(help="1/α for mu e -> mu e X; default: α(0).")]
_Limits = Annotated[
    str,
    typer.Option(
        help="Limits of a pair's final state: pair_energy=1:150,lepton_theta=1.5mrad:5mrad (GeV, "
        "rad; either end may be missing)."
    ),
]
_Error = Annotated[float, typer.Option(help="Relative error of a Monte Carlo integral; pairs.")]
_Sin2 = Annotated[
    float | None,
    typer.Option(help="sin² of the weak mixing angle; muon-electron-nunu; default: at M_Z."),
]


@b.with_blocks
def xsec(
    context: typer.Context,
    process: Annotated[str, typer.Argument(help="A name out of `mutau show processes`.")],
    *,
    energy: _Energy = None,
    point: _ZprimePoint,
    material: o.Material = "lead",
    method: _XsecMethod = "exact",
    form_factor: _FormFactor = "elastic",
    coulomb: _Coulomb = False,
    electrons: _Electrons = "virial",
    differential: _Differential = False,
    cuts: _Cuts = "",
    charge: _Charge = None,
    beam: _Beam = "",
    alpha_inverse: _AlphaInverse = None,
    sin2_theta_w: _Sin2 = None,
    limits: _Limits = "",
    error: _Error = 1e-3,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Cross section per atom (or electron) in pb, with its error."""
    from mutau.analysis.point import cross_section_result, needs_model, refuse_unused

    chosen = [name for name in o.given(context) if name in _XSEC_OPTIONS or name in _MODEL_OPTIONS]
    refuse_unused(
        process,
        [_XSEC_OPTIONS.get(name, name) for name in chosen],
        lambda name: "--" + _SPELLED.get(name, name).replace("_", "-"),
    )
    model = None
    if needs_model(process):
        if not point.given:
            raise MutauError("is missing", place="--mass", remedy=f"{process} makes a Z'")
        model = point()
    values: dict[str, Any] = {
        "material": material, "method": method, "form_factor": form_factor,
        "electrons": electrons, "differential": differential, "cuts": cuts,
        "charge": charge, "beam": beam, "alpha": _alpha(alpha_inverse),
        "sin2_theta_w": sin2_theta_w,
        "coulomb": coulomb, "limits": o.limits("--limits", limits), "error": error, "seed": seed,
    }  # fmt: skip
    options = {
        _XSEC_OPTIONS[name]: values[_XSEC_OPTIONS[name]] for name in chosen if name in _XSEC_OPTIONS
    }
    at = None if energy is None else o.energy("--energy", energy)
    emit(cross_section_result(process, at, model, **options), json)


#: Parameter of the verb -> field of the engine's request.
_XSEC_OPTIONS: Final = {
    "material": "material",
    "method": "method",
    "form_factor": "form_factor",
    "coulomb": "coulomb",
    "electrons": "electrons",
    "differential": "differential",
    "cuts": "cuts",
    "charge": "charge",
    "beam": "beam",
    "sin2_theta_w": "sin2_theta_w",
    "alpha_inverse": "alpha",
    "limits": "limits",
    "error": "error",
    "seed": "seed",
}
_SPELLED: Final = {"alpha": "alpha-inverse"}
_MODEL_OPTIONS: Final = (
    "mass", "coupling", "epsilon", "model", "alpha_d", "mass_ratio", "dark_matter",
)  # fmt: skip


def _alpha(inverse: float | None) -> float | None:
    if inverse is not None and not 1.0 <= inverse < float("inf"):
        raise MutauError(
            f"1/α = {inverse:g} is not allowed", place="--alpha-inverse", allowed="1 or more",
            remedy="write for example 137.036",
        )  # fmt: skip
    return None if inverse is None else 1.0 / inverse


@b.with_blocks
def yields(
    experiment: o.Experiment,
    points: b.PointsOptions,
    truth: Annotated[
        bool, typer.Option("--truth", help="Cuts on true quantities, perfect acceptance.")
    ] = False,
    full_chain: o.FullChain = False,
    n: o.Events = 0,
    seed: o.Seed = 1,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Also write a table, a row per mass: .csv.")
    ] = None,
    json: o.Json = False,
) -> None:
    """Expected signal after each cut, and background. With their errors."""
    from mutau.analysis.yields import expected_yields, yields_table, yields_to_dict
    from mutau.core.storage import check_output, write_text
    from mutau.experiment import load_experiment
    from mutau.signal.processes import check_masses, refuse_unused_events

    if out:
        check_output(out, ".csv")
    found = load_experiment(experiment)
    refuse_unused_events([found], n, truth=truth)
    if len(points) > 1:
        check_masses(found, [point.mass for point in points])
    results: list[Any] = []
    with progress_bar("yields", quiet=json or len(points) == 1) as progress:
        for point in points:
            if progress:
                progress(len(results) / len(points), f"{point.mass:.3g} GeV")
            results.append(
                expected_yields(
                    point, found, seed=seed, n_events=n, truth=truth, full_chain=full_chain
                )
            )
    rows = yields_table(results)
    if out:
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        write_text(out, "\n".join(lines) + "\n")
    first = yields_to_dict(results[0])
    if len(results) == 1:
        emit(first, json)
        return
    each = [yields_to_dict(item) for item in results] if json else rows
    emit({"experiment": first["experiment"], "model": first["model"], "yields": each}, json)


@b.with_blocks
def limit(
    experiment: o.Experiment,
    *,
    mass: o.Masses = None,
    family: b.FamilyOptions,
    settings: b.LimitSettings,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Also save as .npz.")] = None,
    json: o.Json = False,
) -> None:
    """Upper limit on the coupling, per mass."""
    from mutau.analysis.limit import limit_curve, limit_to_dict
    from mutau.core.storage import check_output
    from mutau.experiment import load_experiment
    from mutau.signal.processes import refuse_unused_events

    masses = None if mass is None else o.energies("--mass", mass)
    if out:
        check_output(out, ".npz")
    found = load_experiment(experiment)
    refuse_unused_events([found], settings.n_events)
    with progress_bar("limit", quiet=json) as progress:
        line = limit_curve(found, masses, family, settings=settings, progress=progress)
    if out:
        line.save(out)
    emit(limit_to_dict(line), json)


_Reaction = Annotated[
    str,
    typer.Option(
        help="Instead of the signal, a name out of `mutau show processes`: pairs of leptons on the "
        "nuclei of the target (muon-electron-pair, …; weights add up to pb), muon-electron-elastic "
        "or -gamma on its electrons, or muon-brems, the boson off nuclei of the stations."
    ),
]
_PairEnergy = Annotated[
    str | None,
    typer.Option(
        help="With --reaction: energy of the incoming particle in GeV, or with a unit; default: "
        "the beam's."
    ),
]
_WithinCuts = Annotated[
    bool, typer.Option("--within-cuts", help="Only within the file's cuts on true quantities.")
]
_Decay = Annotated[bool, typer.Option("--decay", help="Write the neutrinos that the Z' decays to.")]
#: Parameter of `generate` -> option, of those that only events of pairs take.
_OF_PAIRS: Final = {"energy": "--energy", "limits": "--limits", "form_factor": "--form-factor"}


def _boson_events(
    model: Any, found: Any, n: int, seed: int, *, off_nuclei: bool, within_cuts: bool, decay: bool
) -> Any:
    """Events with a boson: the signal, or off nuclei of the stations."""
    from mutau.signal.generate import generate_events
    from mutau.signal.muone_events import generate_on_nuclei, with_neutrinos

    if off_nuclei:
        if within_cuts:
            raise MutauError(
                "has no effect on muon-brems", place="--within-cuts", remedy="leave it out"
            )
        events = generate_on_nuclei(model, found, n, seed=seed)
    else:
        events = generate_events(model, found, n, seed=seed, within_cuts=within_cuts)
    return with_neutrinos(events, model, seed=seed) if decay else events


def _other_events(
    reaction: str, found: Any, n: int, seed: int, *, energy: float | None, limits: Any,
    form_factor: str | None, within_cuts: bool,
) -> Any:  # fmt: skip
    """Events without a boson: on electrons of the stations, or pairs on nuclei."""
    from mutau.signal.muone_events import ON_ELECTRONS, generate_on_electrons
    from mutau.signal.pair_events import PAIRS, generate_pairs

    if reaction not in (*ON_ELECTRONS, *PAIRS):
        raise UnknownName("reaction", reaction, ("muon-brems", *ON_ELECTRONS, *PAIRS))
    if reaction in ON_ELECTRONS:
        for option, value in (("--energy", energy), ("--form-factor", form_factor)):
            if value is not None:
                raise MutauError(
                    f"has no effect on {reaction}", place=option, remedy="leave it out"
                )
        return generate_on_electrons(
            reaction, found, n, limits=limits, within_cuts=within_cuts, seed=seed
        )
    if within_cuts:
        raise MutauError(
            f"has no effect on {reaction}", place="--within-cuts", remedy="give --limits"
        )
    return generate_pairs(
        reaction, found, n, energy=energy, limits=limits, form_factor=form_factor or "elastic",
        seed=seed,
    )  # fmt: skip


@b.with_blocks
def generate(
    context: typer.Context,
    experiment: o.Experiment,
    point: _ZprimePoint,
    out: o.Output,
    n: Annotated[
        int,
        typer.Option(
            "-n", parser=o.whole_number(1), metavar="N", help="Number of events: 1000 or 1e4."
        ),
    ] = 10_000,
    reaction: _Reaction = "",
    energy: _PairEnergy = None,
    limits: _Limits = "",
    form_factor: _FormFactor = "elastic",
    within_cuts: _WithinCuts = False,
    decay: _Decay = False,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Events for other programs: signal, or another reaction. LHE, HepMC3, ROOT, Parquet, NumPy."""
    from mutau.experiment import load_experiment
    from mutau.io.event_files import check_output, write_events

    given = set(o.given(context))
    boson = not reaction or reaction == "muon-brems"
    if not boson and decay:
        raise MutauError("has no effect without a Z'", place="--decay", remedy="leave it out")
    if not boson and (useless := [name for name in _MODEL_OPTIONS if name in given]):
        raise MutauError(
            f"has no effect on {reaction}", place="--" + useless[0].replace("_", "-"),
            remedy="leave it out, or leave out --reaction",
        )  # fmt: skip
    if boson:
        for name, option in _OF_PAIRS.items():
            if name in given:
                raise MutauError(
                    "has no effect on the signal", place=option, remedy="name a --reaction"
                )
        if not point.given:
            raise MutauError(
                "is missing", place="--mass", remedy="give the Z' mass, or a --reaction"
            )
    check_output(out)
    found = load_experiment(experiment)
    if boson:
        events = _boson_events(
            point(), found, n, seed, off_nuclei=bool(reaction), within_cuts=within_cuts, decay=decay
        )
    else:
        at = None if energy is None else o.energy("--energy", energy)
        events = _other_events(
            reaction, found, n, seed, energy=at, limits=o.limits("--limits", limits),
            form_factor=form_factor if "form_factor" in given else None, within_cuts=within_cuts,
        )  # fmt: skip
    with progress_bar(f"writing {out}", quiet=json):
        write_events(events, out)
    emit(
        {"file": out, "events": events.n_events, "particles": len(events.pdg), **events.meta}, json
    )


_Calorimeter = Annotated[
    str | None,
    typer.Option(
        help="Instead: depth profile and reading of this experiment's active target; particle and "
        "energy of its beam unless they are given."
    ),
]


def cascade(
    context: typer.Context,
    energy: Annotated[
        str | None,
        typer.Option(help="Energy of the incident particle in GeV, or with a unit: 100GeV."),
    ] = None,
    particle: Annotated[str | None, typer.Option(help="e- (default), e+ or gamma.")] = None,
    material: o.Material = "lead",
    calorimeter: _Calorimeter = None,
    method: Annotated[str, typer.Option(help="equations or mc.")] = "equations",
    edges: Annotated[
        str | None,
        typer.Option(
            help="Edges of energy bins in GeV or with a unit: 1,2,5,10 or 1GeV:100GeV:21; "
            "default: 20 bins."
        ),
    ] = None,
    showers: Annotated[
        int | None,
        typer.Option(
            "-n",
            parser=o.whole_number(2),
            metavar="N",
            help="Showers, with --method mc (default 2000) or --calorimeter (default 100).",
        ),
    ] = None,
    seed: o.Seed = 1,
    json: o.Json = False,
) -> None:
    """Track length dL/dE of e- and e+ in a shower; the calorimeter."""
    from mutau.analysis.cascade import calorimeter_result, cascade_result
    from mutau.experiment import load_experiment

    at = None if energy is None else o.energy("--energy", energy)
    some = {} if showers is None else {"showers": showers}
    if calorimeter is not None:
        file = load_experiment(calorimeter)
        result = calorimeter_result(file, particle=particle, energy=at, seed=seed, **some)
    else:
        if at is None:
            raise MutauError("is missing", place="--energy", remedy="or give --calorimeter")
        if method == "equations" and showers is not None:
            raise MutauError(
                "has no effect on --method equations", place="-n", allowed="--method mc"
            )
        bins = None if edges is None else o.energies("--edges", edges)
        result = cascade_result(
            particle or "e-", at, material, edges=bins, method=method, seed=seed, **some
        )
    if not json and "edges_GeV" in result:
        result = with_bins(
            result, "track lengths", "edges_GeV", "electron_X0_per_GeV", "electron_err_X0_per_GeV",
            "positron_X0_per_GeV", "positron_err_X0_per_GeV",
        )  # fmt: skip
    if not json and "profile_edges_X0" in result:
        result = with_bins(
            result, "profile", "profile_edges_X0", "profile_GeV_per_X0", "profile_err_GeV_per_X0"
        )
    emit(result, json)


VERBS: tuple[Callable[..., None], ...] = (model, xsec, yields, limit, cascade, generate)
