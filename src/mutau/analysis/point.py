"""Answers about one model point: its widths and moments, and the cross section of a process."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.core.constants import ALPHA
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.registry import Registry, instance_of
from mutau.core.storage import digest
from mutau.core.types import CrossSection, provenance
from mutau.core.units import HBARC_GEV_CM
from mutau.models import Model, check_mediator
from mutau.reactions.abilities import ABILITIES, Abilities

if TYPE_CHECKING:
    from mutau.experiment.schema_beam import Beam
    from mutau.reactions.muon_electron import Cuts, Reaction


def model_summary(model: Model) -> dict[str, Any]:
    """Widths (GeV), branchings, Δa_μ and ε_eff of a model point, with its provenance."""
    described, width = model.to_dict(), model.width_total
    return {
        **described,
        "width_total_GeV": width,
        "widths_GeV": {name: model.width(name) for name in model.channels},
        "branching": {name: model.branching(name) for name in model.channels},
        "branching_invisible": model.branching_invisible,
        "delta_a_mu": model.delta_a_mu(),
        "epsilon_eff": getattr(model, "epsilon_eff", None),
        "ctau_cm": HBARC_GEV_CM / width if width > 0.0 else None,
        **provenance(model=digest(described)),
    }


@dataclass(frozen=True, slots=True)
class Request:
    """What a cross section is asked for.

    energy : GeV of the incoming particle, laboratory; None for that of the experiment `cuts`.
    beam : the particle, "mu-" or another; "" leaves it open, where its charge does not matter.
    cuts : name or path of an experiment whose cuts (on true quantities) restrict the final state,
    and whose beam it is; or "". charge : of the beam, -1 or +1; None for that of `cuts`, or else
    -1. alpha : fine-structure constant; None for alpha(0). sin2_theta_w : of the weak mixing angle;
    None for that at the Z mass. coulomb : with the Coulomb correction (electron bremsstrahlung).
    """

    energy: float | None
    model: Model | None
    beam: str = ""
    material: str = "lead"
    method: str = "exact"
    form_factor: str = "elastic"
    electrons: str = "virial"
    differential: bool = False
    cuts: str = ""
    charge: int | None = None
    alpha: float | None = None
    sin2_theta_w: float | None = None
    coulomb: bool = False
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    seed: int = 1
    error: float = 1e-3

    @property
    def beam_energy(self) -> float:
        """The energy, GeV. Raises MutauError where none is given."""
        if self.energy is None:
            raise MutauError("is missing", place="--energy", remedy="give the energy of the beam")
        return self.energy


@dataclass(frozen=True, slots=True)
class CrossSectionProcess:
    """A reaction as the command line sees it.

    compute : Request -> (cross section, further entries of the result). per : "atom" or "electron".
    zprime : whether it makes a Z', so that a model is needed. options : fields of `Request` that
    it looks at, beside `method`, whose "exact" every process has, and `beam`. mediators : kinds of
    boson (`Model.mediator`) that it computes; none where it makes none. abilities : what its
    reaction declares; asked outside, it is refused by name. None: it checks by itself.
    """

    compute: Callable[[Request], tuple[CrossSection, dict[str, Any]]]
    per: str
    zprime: bool
    meaning: str
    options: frozenset[str] = frozenset()
    mediators: Collection[str] = field(kw_only=True)
    abilities: Abilities | None = field(default=None, kw_only=True)

    def check(self, request: Request) -> None:
        """Raise MutauError or OutOfRange for a beam, energy or mass that is not declared."""
        if self.abilities is None:
            return
        if request.beam:
            self.abilities.check_beam(request.beam)
        if request.energy is not None:
            self.abilities.check_energy(request.energy)
        if self.zprime and request.model is not None:
            # for a heavy boson the reaction has the better reason, what the energy allows
            self.abilities.check_mass(min(request.model.mass, self.abilities.masses[1]))


PROCESSES: Registry[CrossSectionProcess] = Registry(
    "process",
    "mutau.cross_sections",
    "'mutau show processes' lists all",
    instance_of(CrossSectionProcess),
)
_POINTS = np.linspace(0.005, 0.995, 100)
#: Energies over a beam's spread, in standard deviations, and their weights: Gauss-Hermite, exact
#: for a cross section that is a polynomial of order 5 in it. The first is the energy itself.
_OVER_SPREAD = ((0.0, 2.0 / 3.0), (3.0**0.5, 1.0 / 6.0), (-(3.0**0.5), 1.0 / 6.0))


#: What describes the Z', for processes that make one.
MODEL_OPTIONS = (
    "mass", "coupling", "epsilon", "model", "alpha_d", "mass_ratio", "dark_matter",
)  # fmt: skip


def needs_model(process: str) -> bool:
    """Whether the process makes a Z'. Raises UnknownName."""
    return PROCESSES[process].zprime


def takes(process: str, option: str) -> bool:
    """Whether an option of `Request` or of the model has an effect on the process."""
    entry = PROCESSES[process]
    if option in MODEL_OPTIONS:
        return entry.zprime
    if option == "beam":
        return entry.abilities is not None
    return option == "method" or option in entry.options


def refuse_unused(process: str, options: Iterable[str], spell: Callable[[str], str] = str) -> None:
    """Raise MutauError for the first option that has no effect on the process.

    options : fields of `Request` or of the model that were given. spell : how a message writes one.
    """
    for option in options:
        if not takes(process, option):
            users = [name for name in PROCESSES if takes(name, option)]
            raise MutauError(
                f"has no effect on {process}", place=spell(option),
                remedy=f"leave it out; it belongs to {', '.join(users)}",
            )  # fmt: skip


def _request(
    process: str, energy: float | None, model: Model | None, options: dict[str, Any]
) -> Request:
    refuse_unused(process, options)
    if model is not None and needs_model(process):
        check_mediator(process, PROCESSES[process].mediators, model)
    request = Request(energy, model, **options)
    PROCESSES[process].check(request)
    return request


def _boson(request: Request) -> Model:
    if request.model is None:
        raise MutauError("this process makes a Z' and needs a model", place="model")
    return request.model


def _only_exact(request: Request, process: str) -> None:
    if request.method != "exact":
        raise MutauError(
            f"{process} has no method {request.method!r}", place="method", allowed="exact",
            remedy="muon-brems and electron-brems also have ww and iww",
        )  # fmt: skip


def brems(request: Request, lepton: str) -> tuple[CrossSection, dict[str, Any]]:
    """Bremsstrahlung of a Z' on the nuclei of a material, per mean atom."""
    from mutau.matter import material
    from mutau.matter.nucleus import Nucleus
    from mutau.reactions.bremsstrahlung import Bremsstrahlung

    model = _boson(request)
    front = Bremsstrahlung("muon" if lepton == "mu" else "electron", model.mediator)
    mass, energy = model.mass, request.beam_energy
    atoms = material(request.material).atoms_per_cm3
    number = sum(n for _, n in atoms)
    sigma, square_error = 0.0, 0.0
    slope = np.zeros_like(_POINTS)
    for element, n in atoms:
        settings: dict[str, Any] = {
            "nucleus": Nucleus.of(element, request.form_factor),
            "coupling": abs(model.lepton_coupling(lepton)),
            "method": request.method,
            "coulomb": request.coulomb,
        }
        part = front.total(energy, mass, **settings)
        sigma += n / number * part.sigma_pb
        square_error += (n / number * part.sigma_err_pb) ** 2
        if request.differential:
            slope += n / number * front.differential_x(_POINTS, energy, mass, **settings)
    result: dict[str, Any] = {"energy_GeV": energy, "alpha": ALPHA, "material": request.material}
    if request.differential:
        result["differential"] = [
            {"x": x, "dsigma_dx_pb": y}
            for x, y in zip(_POINTS.tolist(), slope.tolist(), strict=True)
        ]
    return CrossSection(sigma, square_error**0.5), result


_BREMS = frozenset({"material", "form_factor", "differential"})
PROCESSES.register("muon-brems")(
    CrossSectionProcess(
        lambda r: brems(r, "mu"), "atom", True, "mu N -> mu N Z' on nuclei, tree level", _BREMS,
        mediators=ABILITIES["muon-brems"].mediators, abilities=ABILITIES["muon-brems"],
    )
)  # fmt: skip
PROCESSES.register("electron-brems")(
    CrossSectionProcess(
        lambda r: brems(r, "e"), "atom", True, "e N -> e N Z' on nuclei, by loop mixing",
        _BREMS | {"coulomb"}, mediators=ABILITIES["electron-brems"].mediators,
        abilities=ABILITIES["electron-brems"],
    )
)  # fmt: skip


def lepton_pair(beam: str, pair: str, request: Request) -> tuple[CrossSection, dict[str, Any]]:
    """Pairs of leptons made by a lepton or a photon on the atoms of a material."""
    from mutau.analysis.pair_totals import pair_totals

    _only_exact(request, f"{beam}-{pair}-pair")
    nuclei, electrons = pair_totals(
        beam, pair, request.beam_energy, request.material, form_factor=request.form_factor,
        limits=request.limits, error=request.error, seed=request.seed,
    )  # fmt: skip
    return nuclei, {
        "electrons_pb": electrons.sigma_pb,
        "electrons_err_pb": electrons.sigma_err_pb,
        "atom_pb": nuclei.sigma_pb + electrons.sigma_pb,
        "atom_err_pb": math.hypot(nuclei.sigma_err_pb, electrons.sigma_err_pb),
        "energy_GeV": request.beam_energy,
        "material": request.material,
        "limits": {name: list(limits) for name, limits in request.limits.items()},
        "seed": request.seed,
    }


for _beam, _pair in product(("muon", "electron", "photon"), ("muon", "electron")):
    PROCESSES.register(f"{_beam}-{_pair}-pair")(
        CrossSectionProcess(
            partial(lepton_pair, _beam, _pair), "atom", False,
            f"{_beam} N -> N {_pair} pair on nuclei, tree level, 2 to 3" if _beam == "photon"
            else f"{_beam} N -> {_beam} N {_pair} pair on nuclei, tree level, 2 to 4",
            frozenset({"material", "form_factor", "limits", "seed", "error"}), mediators=(),
            abilities=ABILITIES[f"{_beam}-{_pair}-pair"],
        )
    )  # fmt: skip


def muon_electron(process: str, request: Request) -> tuple[CrossSection, dict[str, Any]]:
    """Muon on an electron at rest, per electron; the reactions of `reactions.muon_electron`.

    An experiment in `cuts` counts whole: its cuts, its charge, its energy unless another is given,
    and its spread, over which the cross section is averaged beside that at the energy itself.
    """
    from mutau.reactions.muon_electron import NO_CUTS, NUNU, total_cross_section

    _only_exact(request, process)
    if request.model is not None:
        from mutau.signal.muon_electron import check_coupled

        check_coupled(request.model)
    beam, cuts = None, NO_CUTS
    if request.cuts:
        from mutau.experiment import load_experiment
        from mutau.signal.muon_electron import true_cuts

        experiment = load_experiment(request.cuts)
        beam = experiment.beam
        ABILITIES[process].check_beam(beam.particle, place="cuts", whose=experiment.name)
        cuts = true_cuts(experiment.cuts)
    reaction = _on_electrons(process, request, beam)
    sigma = total_cross_section(reaction, cuts)
    result: dict[str, Any] = {
        "energy_GeV": reaction.energy, "charge": reaction.beam_charge, "alpha": reaction.alpha,
        "cuts": request.cuts or "none",
    }  # fmt: skip
    if process == NUNU:
        result["sin2_theta_w"] = reaction.sin2_theta_w
    if beam is not None and beam.energy_spread > 0.0:
        result["energy_spread"] = beam.energy_spread
        result["sigma_over_spread_pb"] = _over_spread(reaction, cuts, beam.energy_spread, sigma)
    return sigma, result


def _on_electrons(process: str, request: Request, beam: Beam | None) -> Reaction:
    """The reaction with what is given, else that of the beam, else its own defaults."""
    from mutau.reactions.muon_electron import Reaction

    if request.energy is None and beam is not None:
        request = replace(request, energy=beam.energy)
    charge = _charge(request, beam)
    given: dict[str, Any] = {
        "beam_charge": charge, "alpha": request.alpha, "sin2_theta_w": request.sin2_theta_w,
    }  # fmt: skip
    if request.model is not None:
        from mutau.signal.muon_electron import electron_coupling

        model = request.model
        given |= {
            "mass": model.mass, "coupling": model.lepton_coupling("mu"),
            "mediator": model.mediator, "electron_coupling": electron_coupling(model),
        }  # fmt: skip
    chosen = {name: value for name, value in given.items() if value is not None}
    return Reaction(process, request.beam_energy, **chosen)


def _charge(request: Request, beam: Beam | None) -> float | None:
    """Charge of the muon as it is asked for, else that of the beam; None where neither is given."""
    named = (-1 if request.beam.endswith("-") else 1) if request.beam else None
    if named is not None and request.charge not in (None, named):
        raise MutauError(
            f"{request.charge} is not the charge of {request.beam}", place="charge",
            remedy="give one of the two",
        )  # fmt: skip
    asked = request.charge if named is None else named
    return asked if asked is not None else beam.charge if beam else None


def _over_spread(reaction: Reaction, cuts: Cuts, spread: float, middle: CrossSection) -> float:
    """Cross section averaged over a Gaussian beam of this relative spread, pb.

    middle : that at the energy itself. Energies at which nothing can be made count as zero.
    Check: a cross section that grows like E^2 comes out larger by 1 + spread^2.
    """
    from mutau.reactions.muon_electron import total_cross_section

    (_, weight), *others = _OVER_SPREAD
    total = weight * middle.sigma_pb
    for z, weight in others:
        try:
            at = replace(reaction, energy=reaction.energy * (1.0 + spread * z))
        except OutOfRange:
            continue
        total += weight * total_cross_section(at, cuts).sigma_pb
    return total


#: Relative numerical errors that `reactions.annihilation.cross_section` states.
_ANNIHILATION_ERROR = {
    "rest": 1e-12, "virial": 1e-4, "hydrogenic": 1e-4, "hartree-fock": 1e-4, "compton": 1e-3,
}  # fmt: skip


def annihilation(request: Request) -> tuple[CrossSection, dict[str, Any]]:
    """e+ e- -> Z' -> invisible on the electrons of a material, per mean atom."""
    from mutau.matter import material
    from mutau.reactions.annihilation import cross_section, narrow_integral, resonance_energy

    _only_exact(request, "annihilation")
    model = _boson(request)
    if request.electrons not in _ANNIHILATION_ERROR:
        raise UnknownName("electron model", request.electrons, _ANNIHILATION_ERROR)
    atoms = material(request.material).atoms_per_cm3
    number = sum(n for _, n in atoms)
    sigma = sum(
        n / number
        * float(
            cross_section(
                [request.beam_energy], model, element=element.symbol,
                electrons=request.electrons,
            )[0]
        )
        for element, n in atoms
    )  # fmt: skip
    integral = sum(
        n / number * narrow_integral(model, element=element.symbol) for element, n in atoms
    )
    return CrossSection(sigma, _ANNIHILATION_ERROR[request.electrons] * sigma), {
        "energy_GeV": request.beam_energy,
        "material": request.material,
        "electrons": request.electrons,
        "resonance_energy_GeV": resonance_energy(model.mass),
        "narrow_integral_pb_GeV": integral,
    }


PROCESSES.register("annihilation")(
    CrossSectionProcess(
        annihilation, "atom", True, "e+ e- -> Z' -> invisible on atomic electrons",
        frozenset({"material", "electrons"}), mediators=ABILITIES["annihilation"].mediators,
        abilities=ABILITIES["annihilation"],
    )
)  # fmt: skip
#: What matters where both leptons emit: the sign of their interference, and the Z's couplings.
_OF_BOTH_LEPTONS = {
    "muon-electron-gamma": frozenset({"charge"}),
    "muon-electron-nunu": frozenset({"charge", "sin2_theta_w"}),
}
for _name, _meaning in {
    "muon-electron-zprime": "mu e -> mu e Z' on an electron at rest, tree level",
    "muon-electron-elastic": "mu e -> mu e; needs --cuts, being infinite without",
    "muon-electron-gamma": "mu e -> mu e gamma; needs --cuts, being infinite without",
    "muon-electron-nunu": "mu e -> mu e nu nu-bar, three flavours",
}.items():
    PROCESSES.register(_name)(
        CrossSectionProcess(
            partial(muon_electron, _name), "electron", _name.endswith("zprime"), _meaning,
            frozenset({"cuts", "alpha"}) | _OF_BOTH_LEPTONS.get(_name, frozenset()),
            mediators=ABILITIES[_name].mediators, abilities=ABILITIES[_name],
        )
    )  # fmt: skip


def cross_section_result(
    process: str, energy: float | None, model: Model | None, **options: Any
) -> dict[str, Any]:
    """Cross section of a process with everything the command line prints.

    process : a name in PROCESSES. energy : GeV; None for that of the experiment in `cuts`.
    options : fields of `Request`.
    Returns sigma_pb and sigma_err_pb per atom or per electron (key `per`), with provenance.
    Raises UnknownName, OutOfRange or MutauError as the process does; MutauError for an option that
    has no effect on it.
    """
    from mutau.experiment import load_experiment

    entry = PROCESSES[process]
    request = _request(process, energy, model, options)
    sigma, further = entry.compute(request)
    described = model.to_dict() if model else {}
    seed = further.pop("seed", None)
    digests = {"request": digest(process, energy, described, sorted(options.items()))}
    if request.cuts:
        digests["experiment"] = load_experiment(request.cuts).digest
    return {
        "process": process,
        "energy_GeV": further.pop("energy_GeV"),
        **described,
        "method": request.method,
        **({"beam": request.beam} if request.beam else {}),
        "per": entry.per,
        "sigma_pb": sigma.sigma_pb,
        "sigma_err_pb": sigma.sigma_err_pb,
        **further,
        **provenance(seed, **digests),
    }


def cross_section(
    process: str, energy: float | None, model: Model | None, **options: Any
) -> CrossSection:
    """Cross section of a process, per atom or per electron, with its error.

    process : a name of `mutau show processes`. energy : of the beam, GeV; None for that of the
    experiment in `cuts`. options : those of `mutau xsec` that the process takes, for example
    material="lead", method="exact", "ww" or "iww".
    Returns CrossSection. Raises UnknownName, OutOfRange or MutauError as the process does;
    MutauError for an option that has no effect on it.
    """
    entry = PROCESSES[process]
    return entry.compute(_request(process, energy, model, options))[0]
