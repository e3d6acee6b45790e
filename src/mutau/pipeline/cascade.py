"""Answers about electromagnetic cascades: mean track lengths, by equations or Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mutau.core.errors import OutOfRange, UnknownName, require_in_range
from mutau.core.storage import digest
from mutau.core.types import provenance
from mutau.matter import material as find_material

METHODS = ("equations", "mc")
LOWEST = 1.0  # GeV, default lowest edge
BINS = 20


def cascade_answer(
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
    from mutau.transport.shower import simulate_showers

    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    stuff = find_material(material)
    if edges is None and energy <= LOWEST:
        raise OutOfRange(
            f"energy = {energy:g} GeV lies below the default bins",
            remedy="give --edges, for example 10MeV,0.1,0.5",
        )
    require_in_range("energy", energy, 0.0, 1e9, unit="GeV", open_low=True)
    bins = np.geomspace(LOWEST, energy, BINS + 1) if edges is None else np.asarray(edges, float)
    found: Any
    if method == "equations":
        found = track_lengths(particle, energy, stuff, bins)
    else:
        cut = float(np.min(bins))
        found = simulate_showers(
            particle, energy, stuff, showers, cut=cut, edges=bins, seed=seed, workers=2
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
