"""A station of thin target and silicon planes: errors of straight tracks, one vertex, a kink.

Every piece of the target has the same planes behind it; a piece is seen by the planes of the one
before (incoming muon) and its own. A track is a straight line per projection, fitted with what the
planes resolve and what they scatter; scattering inside the struck piece is not part of a track's
error, as no plane stands in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError
from mutau.matter.materials import Material
from mutau.matter.multiple_scattering import highland_angle

Array = NDArray[np.float64]

#: Squared cosines of what a view measures with x and with y.
_SHARE: Final = {"x": (1.0, 0.0), "y": (0.0, 1.0), "u": (0.5, 0.5), "v": (0.5, 0.5)}
#: Two points in each projection are the fewest that a line has.
LEAST_PLANES: Final = 4
_MOMENTA: Final = np.geomspace(0.05, 200.0, 25)  # GeV, where the electron's errors are tabulated


@dataclass(frozen=True, slots=True)
class StripPlane:
    """z : cm from the front of the piece. view : x, y, u or v. pitch, thickness : cm.
    medium : what it is of. efficiency : of a hit."""

    z: float
    view: str
    pitch: float
    medium: Material
    thickness: float
    efficiency: float


@dataclass(frozen=True, slots=True)
class Station:
    """Planes behind each piece of the target, in the order of z.

    distance : cm from piece to piece. middle : cm, of the piece, from its front; where lines are
    compared. energy : GeV, of the beam.
    Raises MutauError for planes beyond the next piece, or too few to measure both projections.
    """

    planes: tuple[StripPlane, ...]
    distance: float
    middle: float
    energy: float

    def __post_init__(self) -> None:
        last = max(plane.z for plane in self.planes)
        if self.distance and last > self.distance:
            raise MutauError(
                f"the last plane stands {last:g} cm behind the front of a piece of the target",
                place="detector/plane", allowed=f"up to the next one, {self.distance:g} cm",
            )  # fmt: skip
        for axis, name in enumerate("xy"):
            if sum(_SHARE[plane.view][axis] > 0.0 for plane in self.planes) < 2:
                raise MutauError(
                    f"fewer than two planes measure {name}", place="detector/plane",
                    remedy="give two planes at least for each of x and y",
                )  # fmt: skip

    @property
    def track_efficiency(self) -> float:
        """Chance that one particle has hits in `LEAST_PLANES` planes at least."""
        chance = np.array([1.0])
        for plane in self.planes:
            one = np.array([1.0 - plane.efficiency, plane.efficiency])
            chance = np.convolve(chance, one)
        return float(chance[LEAST_PLANES:].sum())


def line_errors(station: Station, momentum: float, mass: float, *, incoming: bool) -> Array:
    """(2 projections, 2, 2) lower Cholesky factors of the covariance of place (cm, at the middle
    of the piece) and slope of a straight track.

    incoming : before the piece, by the planes of the piece before; else behind it.
    Generalised least squares with hits of pitch/sqrt(12) and scattering in the planes between the
    piece and a hit (Highland); a view at 45 degrees counts half in both projections.
    Check: without material two planes at z1, z2 give a slope of sqrt(2) sigma/(z2 - z1).
    """
    planes = station.planes
    at = np.array([
        station.distance + station.middle - p.z if incoming else p.z - station.middle
        for p in planes
    ])  # fmt: skip
    order = np.argsort(at)
    at = at[order]
    angle2 = np.array([
        float(highland_angle(momentum, planes[i].medium, planes[i].thickness, mass)) ** 2
        for i in order
    ])  # fmt: skip
    lever = np.maximum(at[:, None] - at[None, :], 0.0)
    scattered = (lever * angle2) @ lever.T
    found = np.zeros((2, 2, 2))
    for axis in range(2):
        share = np.array([_SHARE[planes[i].view][axis] for i in order])
        own = np.array([planes[i].pitch ** 2 / 12.0 for i in order])
        used = share > 0.0
        covariance = scattered[np.ix_(used, used)] + np.diag(own[used] / share[used])
        design = np.column_stack([np.ones(int(used.sum())), at[used]])
        error = np.linalg.inv(design.T @ np.linalg.solve(covariance, design))
        if incoming:
            error[0, 1] = error[1, 0] = -error[0, 1]  # the distance was counted against z
        found[axis] = np.linalg.cholesky(error)
    return found


@lru_cache(maxsize=16)
def _electron_table(station: Station) -> Array:
    """(momenta, 2, 2, 2) `line_errors` of an electron behind the piece."""
    return np.array([line_errors(station, float(p), M_E, incoming=False) for p in _MOMENTA])


@lru_cache(maxsize=16)
def muon_errors(station: Station) -> tuple[Array, Array]:
    """`line_errors` of the beam's muon before and behind the piece."""
    momentum = math.sqrt(station.energy**2 - M_MU**2)
    return tuple(line_errors(station, momentum, M_MU, incoming=k) for k in (True, False))  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Lines:
    """Errors of place (N, 2), cm, and slope (N, 2) of the tracks of one particle each."""

    place: Array
    slope: Array


def _drawn(factor: Array, normal: Array) -> Lines:
    """factor : (2, 2, 2) or (N, 2, 2, 2). normal : (N, 4)."""
    z = normal.reshape(-1, 2, 2)
    out = np.einsum("...aij,...aj->...ai", np.broadcast_to(factor, (len(z), 2, 2, 2)), z)
    place, slope = np.moveaxis(out, -1, 0)
    return Lines(place, slope)


def draw_lines(
    station: Station, electron: Array, normals: tuple[Array, Array, Array]
) -> tuple[Lines, Lines, Lines]:
    """Errors of the tracks of incoming muon, muon and electron.

    electron : (N,) momenta, GeV. normals : standard normal numbers (N, 4) of each.
    """
    before, behind = muon_errors(station)
    table = _electron_table(station)
    at = np.clip(electron, _MOMENTA[0], _MOMENTA[-1])
    where = np.clip(np.searchsorted(_MOMENTA, at) - 1, 0, len(_MOMENTA) - 2)
    part = np.log(at / _MOMENTA[where]) / np.log(_MOMENTA[1] / _MOMENTA[0])
    part = part[:, None, None, None]
    factor = table[where] * (1.0 - part) + table[where + 1] * part
    return tuple(  # type: ignore[return-value]
        _drawn(f, z) for f, z in zip((before, behind, factor), normals, strict=True)
    )


def common_vertex(places: Array, slopes: Array, errors: Array) -> tuple[Array, Array]:
    """Where three lines meet along z (cm), and the chi^2 of one point, 3 degrees of freedom.

    places, slopes : (3, N, 2) at z = 0 and per cm. errors : (3, N), cm, of the places.
    Least squares in x, y and z; the slopes' own errors are left out (a plate is thin).
    Check: lines through one point give its z and 0.
    """
    weight = (1.0 / errors**2)[..., None]
    total = weight.sum(axis=0)
    a = places - (weight * places).sum(axis=0) / total
    b = slopes - (weight * slopes).sum(axis=0) / total
    aa, ab, bb = ((weight * x * y).sum(axis=(0, 2)) for x, y in ((a, a), (a, b), (b, b)))
    bb = np.maximum(bb, 1e-30)
    return -ab / bb, np.maximum(aa - ab**2 / bb, 0.0)


def place_errors(station: Station, electron: Array) -> Array:
    """(3, N) errors of the places of incoming muon, muon and electron, mean of both projections."""
    before, behind = muon_errors(station)

    def size(factor: Array) -> Array:
        return np.asarray(np.sqrt(np.mean(factor[..., 0, 0] ** 2, axis=-1)))

    mine = np.interp(np.log(electron), np.log(_MOMENTA), size(_electron_table(station)))
    return np.stack([np.full(len(electron), size(x)) for x in (before, behind)] + [mine])
