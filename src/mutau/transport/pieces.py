"""Boxes that stand along z, as records; cut where another of them begins or ends.

A set-up is an array of pieces in the order of z (`setup`): what every walk asks is `walls` and
`orbits`, whatever it does with the particle.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.records import Records, array_of, zeros
from mutau.matter.materials import material

if TYPE_CHECKING:
    from mutau.experiment.schema import Target
    from mutau.experiment.schema_placed import Placed

Array = NDArray[np.float64]

#: Kinds of pieces. Of a dipole the box is the gap: outside is iron.
SOLID, COUNTER, TRACKER, DIPOLE = range(4)
#: What a counter is for, in the fast mode of the trigger.
NO_ROLE, TRIGGER, VETO = range(3)
#: Half size (cm) that stands for no walls.
OPEN: Final = 1e6
#: Ends of pieces nearer than this (cm) are one.
TOUCH: Final = 1e-8


class Piece:
    """A piece of a solid or of a magnet, a counter or a tracker; lengths cm.

    kind : SOLID, COUNTER, TRACKER or DIPOLE. z, length : face and depth; 0 of a plane. x, y : the
    middle. half_x, half_y, hole_x, hole_y : half sizes; hole_x = 0: no hole. radius : of a round
    plane, 0 of a rectangle; the half sizes are then those of the square around it.
    name : number of the thing it is of, in the order of `SetupOf.names`. target : of the target.
    material : number of the material, -1 for none. dense : cm of material per cm along z, of a
    plane the thickness. width : Highland's angle of the piece at p beta = 1 GeV; width_log : how
    much it grows, relative, with ln of the fraction of the piece, 0 where it does not.
    magnet : number of the magnet. field : where its map begins in the fields, -1 for none.
    curve_x, curve_y : 0.2998 B in GeV per cm, signed towards where the beam particle is bent; of a
    map on its axis.
    role : of a counter. efficiency, sigma : of a plane, the latter its resolution.
    tracker : number of a tracker along z.
    em, hadronic, counter, crossed : where the deposits of an event hold its own (0: nobody asks):
    electromagnetic, hadronic, of a counter, and 1 where the muon crosses a counter. cells : where
    those of its cells begin, 0 for none; n_columns, n_lines : their number, line by line from the
    corner of smallest x and y.
    """

    kind: int
    z: float
    length: float
    x: float
    y: float
    half_x: float
    half_y: float
    hole_x: float
    hole_y: float
    radius: float
    name: int
    target: bool
    material: int
    dense: float
    width: float
    width_log: float
    magnet: int
    field: int
    curve_x: float
    curve_y: float
    role: int
    efficiency: float
    sigma: float
    tracker: int
    em: int
    hadronic: int
    counter: int
    crossed: int
    cells: int
    n_columns: int
    n_lines: int


Pieces = Records[Piece]


def box_of(thing: Placed) -> dict[str, float]:
    """Place and half sizes of what stands in the set-up, cm, by the fields of a piece.

    Raises NotApplicable for a round thing with a length: walls are those of rectangles.
    """
    half_x, half_y = thing.half_sizes
    if thing.radius is not None and thing.extent:
        half_x = thing.width / 2.0  # refuses, naming the thing
    return {
        "x": thing.x,
        "y": thing.y,
        "half_x": half_x,
        "half_y": half_y,
        "radius": thing.radius or 0.0,
        "hole_x": getattr(thing, "hole_width", 0.0) / 2.0,
        "hole_y": getattr(thing, "hole_height", 0.0) / 2.0,
    }


def piece_of(kind: int, z: float, **values: float) -> Pieces:
    """One piece of a kind at z (cm), an array of length 1; fields by name.

    Without sizes it has no walls, without a material none; it is fully efficient.
    """
    piece = zeros(Piece, 1)
    stated: dict[str, float] = {
        "kind": kind, "z": z, "material": -1, "field": -1, "half_x": OPEN, "half_y": OPEN,
        "efficiency": 1.0, "dense": 1.0,
    } | values  # fmt: skip
    for name, value in stated.items():
        piece[name] = value
    for name in ("half_x", "half_y"):
        piece[name] = np.minimum(piece[name], OPEN)
    return piece


def target_sides(target: Target) -> dict[str, float]:
    """Half sizes of a target, cm; none where the file states none. It stands on the axis."""
    sides = {"half_x": target.width, "half_y": target.height}
    return {key: size / 2.0 for key, size in sides.items() if size}


def target_length(target: Target) -> float:
    """Length of one station, cm: that of the file, else the thickness of its material."""
    return target.length or target.thickness.cm(material(target.material).radiation_length_cm)


def boxes_of(things: Sequence[Placed | Target]) -> Pieces:
    """Things in the set-up, one piece each, as boxes; of a target its first station."""
    from mutau.experiment.schema import Target

    return array_of(
        Piece,
        [
            piece_of(SOLID, thing.z, length=target_length(thing), **target_sides(thing))[0]
            if isinstance(thing, Target)
            else piece_of(SOLID, thing.z, length=thing.extent, **box_of(thing))[0]
            for thing in things
        ],
    )


def cut_pieces(pieces: Pieces) -> Pieces:
    """Those with a length, cut where another begins or ends or a plane (length 0) stands.

    So what shares a stretch of z begins and ends together, to the last digit, and no plane stands
    within one. Returns new pieces, and the planes on the ends that they touch.
    Check: the lengths of the pieces of a solid add up to its own.
    """
    ends = np.unique(np.concatenate([pieces["z"], pieces["z"] + pieces["length"]]))
    ends = ends[np.append(True, np.diff(ends) > TOUCH)]
    out = []
    for i in range(len(pieces)):
        whole = pieces[i : i + 1]
        long = float(whole["length"][0]) > 0.0
        low, high = (
            float(ends[np.argmin(np.abs(ends - z))])
            for z in (whole["z"][0], whole["z"][0] + whole["length"][0])
        )
        inside = ends[(ends > low) & (ends < high)].tolist()
        for begin, end in pairwise([low, *inside, high]):
            piece = whole.copy()
            piece["z"], piece["length"] = begin, end - begin if long else 0.0
            out.append(piece[0])
    return array_of(Piece, out)
