"""The state of one particle, as every walk carries it, and what all of them do with it."""

from __future__ import annotations

import math
from typing import Final

from mutau.core.constants import M_E, M_MU, M_PI
from mutau.core.jit import inner

#: Kinds of particles. SHOWER: an electromagnetic one, as a profile. CHARGED, NEUTRAL: hadrons.
#: MARKER: an electron of a shower behind a solid, which makes hits but whose energy is counted in
#: the shower.
PHOTON, ELECTRON, SHOWER, CHARGED, NEUTRAL, MARKER, MUON = range(7)
#: Their masses, GeV, where it matters: in a field.
MASSES: Final = (0.0, M_E, 0.0, M_PI, 0.0, M_E, M_MU)
#: Largest slope that the small-angle transport follows; steeper particles leave the set-up.
STEEP: Final = 1.0


class Place:
    """Where a particle passes: place (cm), slopes, energy (GeV; 0: it does not come)."""

    x: float
    y: float
    z: float
    tx: float
    ty: float
    energy: float


class State(Place):
    """One particle: lengths cm, energies GeV.

    x, y, z, tx, ty : place and slopes dx/dz, dy/dz. energy : total, 0 where it has ended.
    charge : over that of the beam particle. mass : in a field. kind : as above. piece : number of
    the piece where it is. origin : what it comes from, a code of `detector.hits`.
    depth, a, b, swept : of a shower in flight, depth (X0) and shape of its profile, and whether a
    magnet has taken its electrons.
    """

    charge: float
    mass: float
    kind: int
    piece: int
    origin: int
    depth: float
    a: float
    b: float
    swept: bool


@inner(forceinline=True)
def secant(state: State) -> float:
    """Path length per cm along z."""
    return math.sqrt(1.0 + state.tx * state.tx + state.ty * state.ty)


@inner(forceinline=True)
def is_steep(state: State) -> bool:
    """Whether the particle is too steep to be followed."""
    return abs(state.tx) > STEEP or abs(state.ty) > STEEP


@inner(forceinline=True)
def has_track(state: State) -> bool:
    """Whether the particle is charged, so that a plane sees it and a field bends it."""
    return state.kind in (ELECTRON, CHARGED, MARKER, MUON)


@inner(forceinline=True)
def move(state: State, step: float) -> None:
    """On a straight line, by `step` cm along z."""
    state.x += step * state.tx
    state.y += step * state.ty
    state.z += step


@inner
def copy_place(to: Place, of: Place) -> None:
    """Place, slopes and energy of another."""
    to.x, to.y, to.z = of.x, of.y, of.z
    to.tx, to.ty, to.energy = of.tx, of.ty, of.energy


@inner
def copy_state(to: State, of: State) -> None:
    """All of another state."""
    to.x, to.y, to.z = of.x, of.y, of.z
    to.tx, to.ty, to.energy = of.tx, of.ty, of.energy
    to.charge, to.mass, to.kind = of.charge, of.mass, of.kind
    to.piece, to.origin = of.piece, of.origin
    to.depth, to.a, to.b, to.swept = of.depth, of.a, of.b, of.swept
