"""What a real photon makes of a nucleon at rest, 5 to 300 GeV: rates of leading hadrons by kind.

Read from data/final_states/photon_nucleon.npz, made offline by two generators that nothing here
imports (tools/nuclear_tables); the card beside it has their versions, statistics and digest. The
value is their mean, the error of the model half of their difference. Whole events are drawn by
`nuclear_final_states_events`.

Not in it: the photon's virtuality, and a nucleus around the nucleon.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import OutOfRange, UnknownName
from mutau.matter import data_tables

Array = NDArray[np.float64]

#: Hadrons by name: PDG numbers that are counted together. A charged name without sign: both.
HADRONS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType({
    "pi+": (211,), "pi-": (-211,), "pi": (211, -211), "pi0": (111,), "K+": (321,), "K-": (-321,),
    "K": (321, -321), "K_L": (130,), "K_S": (310,), "eta": (221,), "p": (2212,), "pbar": (-2212,),
    "n": (2112,), "nbar": (-2112,), "Lambda": (3122, -3122),
    "charged": (211, -211, 321, -321, 2212, -2212), "neutron": (2112, -2112),
    "hyperon": (3122, -3122, 3222, -3222, 3112, -3112, 3322, -3322, 3312, -3312, 3334, -3334),
})  # fmt: skip
#: Origins of final states: one vector meson and the nucleon whole; everything else; both.
ORIGINS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"elastic": (1,), "inelastic": (0, 2), "all": (0, 1, 2)}
)
NUCLEONS: Final = ("p", "n")


def card() -> Mapping[str, Any]:
    """The card of the table: generators, samples, numbers at the energy held out."""
    return data_tables.card("photon_nucleon")


def table() -> Mapping[str, NDArray[Any]]:
    """Arrays of the table, held against the digest of its card.

    energies (E,) GeV; kinds (K,) PDG; z_edges (B+1,); counts and pt2 (generators, E, nucleons,
    origins, K, B+1), the last bin for z above 1; events (generators, E, origins); library_*.
    Raises FileError for a table that is not the one of the card.
    """
    return data_tables.table("photon_nucleon")


@dataclass(frozen=True, slots=True)
class Rates:
    """Numbers per interaction: mean of the generators; err, statistical; model_err, half of the
    generators' difference. Arrays of one shape."""

    value: Array
    err: Array
    model_err: Array


def _index(what: str, name: str, known: Mapping[str, Any] | tuple[str, ...]) -> None:
    if name not in known:
        raise UnknownName(what, name, known)


def energy_nodes(energy: ArrayLike) -> tuple[NDArray[np.intp], Array]:
    """(lower node, fraction of the upper one), linear in ln E. Raises OutOfRange, also for NaN."""
    at, nodes = np.asarray(energy, float), table()["energies"]
    bad = ~((at >= nodes[0]) & (at <= nodes[-1]))
    if np.any(bad):
        raise OutOfRange(
            f"photon energy {float(at[bad][0]) if at.ndim else float(at):g} GeV is outside the "
            "table of nuclear final states",
            allowed=f"[{nodes[0]:g}, {nodes[-1]:g}] GeV",
        )
    log = np.log(nodes)
    lower = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    return lower, (np.log(at) - log[lower]) / (log[lower + 1] - log[lower])


def _counted(hadron: str, nucleon: str, origin: str) -> tuple[Array, Array]:
    """Hadrons (generators, E, bins + 1) and events (generators, E) of a kind and origin."""
    _index("hadron of a final state", hadron, HADRONS)
    _index("nucleon", nucleon, NUCLEONS)
    _index("origin of a final state", origin, ORIGINS)
    arrays = table()
    kinds = np.isin(arrays["kinds"], HADRONS[hadron])
    chosen = list(ORIGINS[origin])
    counts = arrays["counts"][:, :, NUCLEONS.index(nucleon)].astype(float)
    found = counts[:, :, chosen][:, :, :, kinds].sum(axis=(2, 3))
    return found, arrays["events"][:, :, chosen].sum(axis=2).astype(float)


def _joined(value: Array, square: Array, events: Array, lower: Any, upper: Array) -> Rates:
    """Rates from sums of weights and of squares (generators, E, ...) at nodes and fractions."""
    n0, n1 = events[:, lower], events[:, lower + 1]
    each = (1.0 - upper) * value[0] / n0 + upper * value[1] / n1
    variance = (1.0 - upper) ** 2 * square[0] / n0**2 + upper**2 * square[1] / n1**2
    return Rates(
        each.mean(axis=0),
        np.sqrt(variance.sum(axis=0)) / len(each),
        0.5 * (each.max(axis=0) - each.min(axis=0)),
    )


def hadrons_above(
    hadron: str, z: ArrayLike, energy: ArrayLike, *, nucleon: str = "p", origin: str = "all"
) -> Rates:
    """Hadrons with E_h > z nu per interaction of a photon of `energy` nu with a nucleon at rest.

    hadron : of HADRONS. z : 0 to 1. energy : GeV, 5 to 300; of one shape with z. nucleon : "p",
    "n". origin : of ORIGINS; rates are per interaction of that origin.
    The errors are those of the generators' statistics, and half of their difference.
    Raises UnknownName, OutOfRange.
    Check: charged hadrons above 0.8 at 130 GeV, 0.048 by Sophia and 0.055 by Pythia.
    """
    z, energy = np.broadcast_arrays(np.asarray(z, float), np.asarray(energy, float))
    if not np.all((z >= 0.0) & (z <= 1.0)):
        raise OutOfRange("z is outside its range", allowed="[0, 1] for the energy fraction z")
    lower, upper = energy_nodes(energy)
    counts, events = _counted(hadron, nucleon, origin)
    above = np.cumsum(counts[:, :, ::-1], axis=2)[:, :, ::-1]
    at = z * (above.shape[2] - 1)
    bin_ = np.minimum(at.astype(int), above.shape[2] - 2)
    fraction = at - bin_
    sums = [
        (1.0 - fraction) * above[:, node, bin_] + fraction * above[:, node, bin_ + 1]
        for node in (lower, lower + 1)
    ]
    return _joined(np.stack(sums), np.stack(sums), events, lower, upper)


def spectrum(
    hadron: str, energy: float, *, nucleon: str = "p", origin: str = "all"
) -> tuple[Array, Rates]:
    """(z, hadrons per dz and interaction) at the middles of the bins of z = E_h/nu below 1.

    Arguments, errors and what is raised as in `hadrons_above`. Check: sum of z dN/dz dz over pi0,
    photons and all the rest is 1 + M/nu.
    """
    lower, upper = energy_nodes(energy)
    counts, events = _counted(hadron, nucleon, origin)
    edges = table()["z_edges"]
    width = np.diff(edges)
    sums = np.stack([counts[:, node, :-1] for node in (lower, lower + 1)])
    found = _joined(sums, sums, events[..., None], lower, upper)
    return 0.5 * (edges[1:] + edges[:-1]), Rates(
        found.value / width, found.err / width, found.model_err / width
    )


def transverse_momentum(
    hadron: str, z_min: float, z_max: float, energy: float, *, nucleon: str = "p"
) -> tuple[float, float]:
    """(root mean square p_T in GeV, half of the generators' difference) of hadrons between two z.

    z_min, z_max : rounded outwards to bins of 0.02. Others, and what is raised, as `hadrons_above`.
    """
    _index("hadron of a final state", hadron, HADRONS)
    _index("nucleon", nucleon, NUCLEONS)
    if not 0.0 <= z_min < z_max <= 1.0:
        raise OutOfRange(f"z from {z_min:g} to {z_max:g}", allowed="0 <= z_min < z_max <= 1")
    lower, upper = energy_nodes(energy)
    arrays = table()
    bins = len(arrays["z_edges"]) - 1
    cut = slice(math.floor(z_min * bins), math.ceil(z_max * bins))
    kinds = np.isin(arrays["kinds"], HADRONS[hadron])
    number, square = (
        arrays[name][:, :, NUCLEONS.index(nucleon)][:, :, :, kinds, cut].sum(
            axis=(2, 3, 4), dtype=float
        )
        for name in ("counts", "pt2")
    )
    number, square = (
        (1.0 - upper) * item[:, lower] + upper * item[:, lower + 1] for item in (number, square)
    )
    if np.any(number == 0.0):
        raise OutOfRange(f"no {hadron} between z = {z_min:g} and {z_max:g} in the table")
    each = np.sqrt(square / number)
    return float(each.mean()), float(0.5 * np.ptp(each))


def elastic_fraction(energy: ArrayLike) -> Rates:
    """Elastic vector mesons per interaction with a nucleon. Raises OutOfRange.

    Check: measured 9.4 + 1.0 + 0.55 of 115 microbarn around 100 GeV, 0.095.
    """
    lower, upper = energy_nodes(energy)
    events = table()["events"].astype(float)
    sums = np.stack([events[:, node, 1] for node in (lower, lower + 1)])
    return _joined(sums, sums, events.sum(axis=2), lower, upper)
