"""Answers about electromagnetic cascades: mean track lengths, and what a calorimeter reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.random import stream
from mutau.core.storage import digest
from mutau.core.types import provenance
from mutau.matter import material as find_material

if TYPE_CHECKING:
    from mutau.experiment import Experiment

METHODS = ("equations", "mc")
LOWEST = 1.0  # GeV, default lowest edge
BINS = 20
#: Cut of showers in a calorimeter, GeV: the lowest that the cross sections allow. What falls below
#: it stays where it is; with 10 MeV a 100 GeV shower leaves 24 % more in the first 4 X0 of
#: lead-scintillator and its peak lies 0.4 X0 earlier.
CALORIMETER_CUT = 0.005
CALORIMETER_SHOWERS = 100
CALORIMETER = 41  # name in the random streams


def cascade_result(
    particle: str,
    energy: float,
    material: str,
    *,
    edges: Sequence[float] | None = None,
    method: str = "equations",
    showers: int = 2000,
    seed: int = 1,
) -> dict[str, Any]:
    """Mean differential track length dL/dE of e- and e+ of a cascade, in bins of energy.

    particle : "e-", "e+" or "gamma". energy : GeV. material : name. edges : GeV, rising; None for
    20 log-spaced bins from 1 GeV to the energy. method : "equations" (deterministic) or "mc".
    showers, seed : of the Monte Carlo. Returns the answer with errors: numerical or statistical;
    the Monte Carlo also gives the mean energy left per depth of what falls below the lowest edge
    where it does (`profile_…`).
    Raises UnknownName, OutOfRange, MutauError as `transport.em_cascade`.
    """
    from mutau.transport.em_cascade import track_lengths
    from mutau.transport.shower import Shower, simulate_showers

    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    medium = find_material(material)
    if edges is None and energy <= LOWEST:
        raise OutOfRange(
            f"energy = {energy:g} GeV lies below the default bins",
            remedy="give --edges, for example 10MeV,0.1,0.5",
        )
    require_in_range("energy", energy, 0.0, 1e9, unit="GeV", open_low=True)
    bins = np.geomspace(LOWEST, energy, BINS + 1) if edges is None else np.asarray(edges, float)
    found: Any
    if method == "equations":
        found = track_lengths(particle, energy, medium, bins)
    else:
        cut = float(np.min(bins))
        found = simulate_showers(
            Shower(particle, energy, medium, cut=cut), showers, edges=bins, seed=seed, workers=2
        )
    width = np.diff(bins)
    profile = {}
    if method == "mc":
        profile = {
            "profile_edges_X0": found.depth,
            "profile_GeV_per_X0": found.profile,
            "profile_err_GeV_per_X0": found.profile_err,
        }
    return {
        "particle": particle,
        "energy_GeV": energy,
        "material": material,
        "method": method,
        "edges_GeV": bins,
        "electron_X0_per_GeV": found.electron,
        "positron_X0_per_GeV": found.positron,
        "electron_err_X0_per_GeV": found.err[0],
        "positron_err_X0_per_GeV": found.err[1],
        "electron_total_X0": float(found.electron @ width),
        "positron_total_X0": float(found.positron @ width),
        **profile,
        **provenance(
            seed=seed if method == "mc" else None,
            request=digest(particle, energy, material, method, showers, bins),
        ),
    }


def _showering_beam(experiment: Experiment) -> str:
    """The beam's particle. Raises MutauError for one that makes no shower."""
    particle = experiment.beam.particle
    if particle not in ("e-", "e+", "gamma"):
        raise MutauError(
            f"the beam, {particle}, makes no shower of its own",
            place=f"{experiment.name}: beam/particle",
            remedy="name what shall enter the target: --particle e-",
        )
    return str(particle)


def calorimeter_result(
    experiment: Experiment,
    *,
    particle: str | None = None,
    energy: float | None = None,
    showers: int = CALORIMETER_SHOWERS,
    seed: int = 1,
) -> dict[str, Any]:
    """Showers in an experiment's active target: mean depth profile, and the energy it reads.

    particle, energy (GeV) : None for those of the beam, without its spread. showers : number.
    Returns the answer with statistical errors: energy left in the pre-shower and in all of the
    target, behind it, and beside it (outside the circle within its face, so from above); the
    reading with the resolution of the file, `visible`; means, their errors, rms of showers.
    The layers are a homogeneous mixture; particles are followed down to `CALORIMETER_CUT`.
    Raises MutauError for a target that is not active or not in one piece and for a beam that makes
    no shower, UnknownName for
    another particle, OutOfRange as `transport.shower`.
    """
    from mutau.transport.shower import Shower, ShowerGeometry, simulate_showers, visible_energy
    from mutau.transport.shower_profile import peak_depth

    target, place = experiment.target, f"{experiment.name}: target"
    if not target.active or target.stations > 1:
        raise MutauError("the target is no calorimeter: not active, or in pieces", place=place)
    medium = find_material(target.material)
    x0 = medium.radiation_length_cm
    depth = target.thickness.cm(x0) / x0
    front = target.preshower.cm(x0) / x0 if target.preshower else 0.0
    radius = 0.5 * min(target.width, target.height) / x0
    geometry = ShowerGeometry(
        sections=np.unique([0.0, front, depth]), lateral=True,
        rings=np.array([0.0, radius, 1e9] if radius > 0.0 else [0.0, 1e9]),
        profile=np.linspace(0.0, depth, max(int(np.ceil(2.0 * depth)), 4) + 1),
    )  # fmt: skip
    particle = particle or _showering_beam(experiment)
    energy = experiment.beam.energy if energy is None else energy
    require_in_range("energy", energy, 0.0, 1e9, unit="GeV", open_low=True)
    found = simulate_showers(
        Shower(particle, energy, medium, cut=CALORIMETER_CUT),
        showers,
        geometry=geometry,
        seed=seed,
        edges=np.array([CALORIMETER_CUT, energy]),
        workers=2,
    )
    inside = found.deposits[:, :, 0]
    whole = inside.sum(axis=1)
    read = visible_energy(
        whole, target.resolution, target.resolution_constant, 0.0, stream(seed, CALORIMETER)
    )
    columns = {
        **({"preshower": inside[:, 0]} if front > 0.0 else {}),
        "left": whole, "visible": read, "behind": found.leak,
        "beside": found.deposits[:, :, 1:].sum(axis=(1, 2)),
    }  # fmt: skip
    return {
        "experiment": experiment.name,
        "particle": particle,
        "energy_GeV": energy,
        "material": target.material,
        "thickness_X0": depth,
        "showers": showers,
        "cut_GeV": CALORIMETER_CUT,
        **_moments(columns),
        "peak_X0": peak_depth(found.depth, found.profile),
        "profile_edges_X0": found.depth,
        "profile_GeV_per_X0": found.profile,
        "profile_err_GeV_per_X0": found.profile_err,
        **provenance(seed=seed, experiment=experiment.digest),
    }


def _moments(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Mean, its error and rms of energies (N,), GeV, by name."""
    numbers: dict[str, float] = {}
    for name, values in columns.items():
        rms = float(np.std(values, ddof=1))
        numbers |= {
            f"{name}_GeV": float(values.mean()),
            f"{name}_err_GeV": rms / float(np.sqrt(len(values))),
            f"{name}_rms_GeV": rms,
        }
    return numbers
