"""Whole final states of a photon and a nucleon at rest, drawn from the library of the table.

An event of the library is stored as rapidities and transverse momenta. At another energy all its
rapidities y become (1 + a) y + b, with the a and b that conserve energy and momentum: the fragments
of the nucleon stay as slow as they are and the photon's keep their fraction of its energy, as
limiting fragmentation has it. Charge, baryon number and four-momentum are conserved in each event.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.errors import MutauError, UnknownName
from mutau.core.jit import njit
from mutau.matter.hadrons import mass_of_code
from mutau.matter.nuclear_final_states import (
    NUCLEONS,
    ORIGINS,
    card,
    energy_nodes,
    table,
)

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_ROUNDS: Final = 50
#: Events of the library whose transverse masses come closer to the energy than this are not used
#: at it: there is no room for their rapidities.
_ROOM: Final = 0.999


@dataclass(frozen=True, slots=True, eq=False)
class HadronFinalStates:
    """Final particles of N interactions, one after the other, in the frame of the nucleon at rest.

    first : (N + 1,) where the particles of each begin and end. pdg : (P,). p4 : (P, 4), GeV,
    photon along z. origin, generator : (N,) number of `ORIGINS`, of the card's generators.
    """

    first: Index
    pdg: NDArray[np.int32]
    p4: Array
    origin: NDArray[np.uint8]
    generator: NDArray[np.uint8]

    @property
    def event(self) -> Index:
        """(P,) the interaction that each particle belongs to."""
        return np.repeat(np.arange(len(self.origin)), np.diff(self.first))


@cache
def _masses() -> Array:
    """(K,) GeV, of the kinds of the table."""
    return np.array([mass_of_code(int(kind)) for kind in table()["kinds"]])


@cache
def _targets() -> Array:
    """(2,) masses of proton and neutron, GeV."""
    return _masses()[[table()["kinds"].tolist().index(kind) for kind in (2212, 2112)]]


@cache
def _library() -> Mapping[str, NDArray[Any]]:
    """Unpacked library: first (L + 1,); pz as y, px, py (P,) with p_T balanced; m_t (2, P), sums
    (2, L) for proton and neutron; kind (2, P); segment (L,) = generator and node."""
    arrays = table()
    y_low, y_step, p_step = arrays["units"]
    count = arrays["library_count"].astype(np.int64)
    first = np.concatenate([[0], np.cumsum(count)])
    of = np.repeat(np.arange(len(count)), count)
    px, py = (arrays[f"library_{name}"] * p_step for name in ("px", "py"))
    px, py = (p - (np.bincount(of, p, len(count)) / count)[of] for p in (px, py))
    kind = np.stack([arrays["library_kind_p"], arrays["library_kind_n"]]).astype(np.int64)
    m_t = np.sqrt(_masses()[kind] ** 2 + px**2 + py**2)
    nodes = len(arrays["energies"])
    return MappingProxyType({
        "first": first,
        "y": y_low + y_step * arrays["library_rapidity"],
        "px": px,
        "py": py,
        "kind": kind,
        "m_t": m_t,
        "sums": np.stack([np.bincount(of, one, len(count)) for one in m_t]),
        "segment": arrays["library_generator"].astype(np.int64) * nodes + arrays["library_node"],
    })  # fmt: skip


@cache
def _cumulative(origin: str) -> Array:
    """(L,) cumulated weights of events of an origin; each segment is 1 long."""
    weight = table()["library_weight"].astype(float)
    weight = np.where(np.isin(table()["library_origin"], ORIGINS[origin]), weight, 0.0)
    segment = _library()["segment"]
    weight /= np.bincount(segment, weight)[segment]
    return np.cumsum(weight)


@njit
def _conserve(first: Index, m_t: Array, y: Array, energy: Array, mass: Array) -> int:
    """Rapidities of each event, in place, such that four-momentum is conserved; the number of
    events that did not converge. Newton's method for a and b of y (1 + a) + b."""
    failed = 0
    for i in range(len(energy)):
        plus, minus = 2.0 * energy[i] + mass[i], mass[i]
        a, b, done = 0.0, 0.0, False
        for _ in range(60):
            up, down, up_y, down_y = 0.0, 0.0, 0.0, 0.0
            for k in range(first[i], first[i + 1]):
                e = math.exp((1.0 + a) * y[k] + b)
                up += m_t[k] * e
                down += m_t[k] / e
                up_y += m_t[k] * e * y[k]
                down_y += m_t[k] / e * y[k]
            r_up, r_down = math.log(up / plus), math.log(down / minus)
            if abs(r_up) + abs(r_down) < 1e-12:
                done = True
                break
            spread = up_y / up - down_y / down
            step = -(r_up + r_down) / max(spread, 1e-9)
            step = min(max(step, -0.3), 0.3)  # Newton's steps, held where exp is not linear
            a += step
            b -= r_up + up_y / up * step
        if not done:
            failed += 1
        for k in range(first[i], first[i + 1]):
            y[k] = (1.0 + a) * y[k] + b
    return failed


def _choose(
    rng: np.random.Generator, energy: Array, neutron: NDArray[np.int64], origin: str, one: int
) -> Index:
    """Numbers of library events. one : generator, or -1 for either."""
    library, nodes = _library(), len(table()["energies"])
    lower, upper = energy_nodes(energy)
    n = len(energy)
    generators = len(card()["generators"])
    generator = rng.integers(0, generators, n) if one < 0 else np.full(n, one)
    node = lower + (rng.random(n) < upper)
    mass = _targets()[neutron]
    room = _ROOM * np.sqrt(mass * (2.0 * energy + mass))
    cumulative, found = _cumulative(origin), np.zeros(n, np.int64)
    todo = np.arange(n)
    for _ in range(_ROUNDS):
        at = generator[todo] * nodes + node[todo] + rng.random(len(todo))
        found[todo] = np.minimum(np.searchsorted(cumulative, at, "right"), len(cumulative) - 1)
        todo = todo[library["sums"][neutron[todo], found[todo]] > room[todo]]
        if not len(todo):
            return found
        node[todo] = lower[todo]  # an event of the upper energy that has no room at this one
    raise MutauError(
        f"no final state of the library fits {float(energy[todo[0]]):g} GeV",
        place="nuclear final states",
    )


def draw(
    rng: np.random.Generator,
    energy: ArrayLike,
    nucleon: str | NDArray[np.str_] = "p",
    *,
    origin: str = "all",
    generator: str | None = None,
) -> HadronFinalStates:
    """Final states of real photons of `energy` on nucleons at rest, unweighted, one for each.

    energy : (N,) GeV, 5 to 300. nucleon : "p" or "n", or (N,) of them. origin : "elastic" vector
    mesons, "inelastic", or "all" in their proportion. generator : of the card; None takes each for
    half of the events. Events come from a finite library (some 300 per stratum of the leading
    hadron's z, energy and generator), turned by a random angle: samples much larger than it repeat
    its events. Raises OutOfRange, UnknownName.
    Check: four-momentum, charge and baryon number are conserved in each event.
    """
    at = np.atleast_1d(np.asarray(energy, float))
    names = np.broadcast_to(np.asarray(nucleon), at.shape)
    for name in np.unique(names):
        if name not in NUCLEONS:
            raise UnknownName("nucleon", str(name), NUCLEONS)
    if origin not in ORIGINS:
        raise UnknownName("origin of a final state", origin, ORIGINS)
    generators = list(card()["generators"])
    if generator is not None and generator not in generators:
        raise UnknownName("generator", generator, generators)
    neutron = (names == "n").astype(np.int64)
    chosen = _choose(
        rng, at, neutron, origin, -1 if generator is None else generators.index(generator)
    )
    return _built(rng, at, neutron, chosen)


def _built(
    rng: np.random.Generator, energy: Array, neutron: NDArray[np.int64], chosen: Index
) -> HadronFinalStates:
    """The chosen events at these energies."""
    library = _library()
    count = np.diff(library["first"])[chosen]
    first = np.concatenate([[0], np.cumsum(count)])
    of = np.repeat(np.arange(len(chosen)), count)
    rows = np.arange(first[-1]) + np.repeat(library["first"][chosen] - first[:-1], count)
    target = neutron[of]
    m_t, y = library["m_t"][target, rows], library["y"][rows].copy()
    if _conserve(first, m_t, y, energy, _targets()[neutron]):
        raise MutauError("a final state does not conserve energy", place="nuclear final states")
    angle = 2.0 * math.pi * rng.random(len(chosen))
    c, s = np.cos(angle)[of], np.sin(angle)[of]
    px, py = library["px"][rows], library["py"][rows]
    p4 = np.stack([m_t * np.cosh(y), c * px - s * py, s * px + c * py, m_t * np.sinh(y)], axis=1)
    arrays = table()
    return HadronFinalStates(
        first,
        arrays["kinds"][library["kind"][target, rows]],
        p4,
        arrays["library_origin"][chosen],
        arrays["library_generator"][chosen],
    )
