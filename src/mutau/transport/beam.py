"""The beam at the entrance of a set-up: drawn from its description, or read from a file.

A description is a sum of parts (core, halo), each with its fraction of the intensity, a momentum
distribution, and positions and slopes at the face of the target that are correlated among each
other and with the momentum. Files are read in `beam_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError, OutOfRange

if TYPE_CHECKING:
    from mutau.experiment.schema_beam import Beam, BeamPart

Array = NDArray[np.float64]

#: Momenta that the simulation follows, GeV/c; lower draws are drawn again.
LOWEST_MOMENTUM: Final = 0.5
_TRIALS: Final = 1000


@dataclass(frozen=True, slots=True)
class BeamMuons:
    """N beam particles at one plane.

    x, y : (N,) cm. slope_x, slope_y : (N,) dx/dz, dy/dz. momentum : (N,) GeV/c.
    weight : (N,) float64. z : cm, the plane. part : (N,) int64, index of the part of the beam.
    Raises MutauError if shapes disagree or a number is not finite.
    """

    x: Array
    y: Array
    slope_x: Array
    slope_y: Array
    momentum: Array
    weight: Array
    z: float
    part: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.x)
        for name in ("x", "y", "slope_x", "slope_y", "momentum", "weight"):
            values = getattr(self, name)
            if values.shape != (n,) or not np.all(np.isfinite(values)):
                raise MutauError(f"beam: {name} must be {n} finite numbers")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def energy(self) -> Array:
        """Total energies of muons, GeV, (N,)."""
        return np.asarray(np.sqrt(self.momentum**2 + M_MU**2))

    def at(self, z: float) -> BeamMuons:
        """The same particles carried on straight lines to another plane, forward or back."""
        dz = z - self.z
        return BeamMuons(
            self.x + dz * self.slope_x, self.y + dz * self.slope_y, self.slope_x, self.slope_y,
            self.momentum, self.weight, z, self.part,
        )  # fmt: skip


class BeamSource(Protocol):
    """Where beam particles come from: (n, rng, number of the first one) -> particles."""

    def __call__(self, n: int, rng: np.random.Generator, first: int) -> BeamMuons: ...


def _momenta(part: BeamPart, nominal: float, n: int, rng: np.random.Generator) -> Array:
    """Momenta of a part: Gaussian around its mean; the fraction `tail` flat from `tail_min` up."""
    mean = part.energy or nominal
    p = mean * (1.0 + part.energy_spread * rng.standard_normal(n))
    if part.tail > 0.0:
        low = rng.random(n) < part.tail
        p[low] = part.tail_min + (mean - part.tail_min) * rng.random(np.count_nonzero(low))
    for _ in range(_TRIALS):
        bad = p < LOWEST_MOMENTUM
        if not np.any(bad):
            return p
        count = int(np.count_nonzero(bad))
        p[bad] = mean * (1.0 + part.energy_spread * rng.standard_normal(count))
    raise OutOfRange(
        f"beam part {part.name!r} has momenta below {LOWEST_MOMENTUM} GeV", place="beam/parts"
    )


def _pair(
    size: float, angle: float, correlation: float, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Position and slope, Gaussian with rms `size`, `angle` and their correlation."""
    u, v = rng.standard_normal(n), rng.standard_normal(n)
    return size * u, angle * (correlation * u + np.sqrt(1.0 - correlation**2) * v)


def draw_part(
    part: BeamPart, nominal: float, z: float, n: int, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array, Array]:
    """(x, y, slope_x, slope_y, momentum) of n particles of one part at the target's face z.

    A part with `inner` and `outer` is a ring: uniform over the area between two radii, slopes
    Gaussian. Dispersion adds position and slope in proportion to p0/p - 1, as behind a bend, which
    is the same as that of delta = p/p0 - 1 with the opposite sign for small delta.
    """
    p = _momenta(part, nominal, n, rng)
    return *positions(part, p, nominal, rng), p


def positions(
    part: BeamPart, p: Array, nominal: float, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """(x, y, slope_x, slope_y) at the target's face of particles with momenta p (n,), GeV/c.

    nominal : the momentum without dispersion. Conventions as `draw_part`.
    """
    n = len(p)
    if part.outer > 0.0:
        radius = np.sqrt(part.inner**2 + (part.outer**2 - part.inner**2) * rng.random(n))
        phi = 2.0 * np.pi * rng.random(n)
        x, y = radius * np.cos(phi), radius * np.sin(phi)
        tx = part.divergence_x * rng.standard_normal(n)
        ty = part.divergence_y * rng.standard_normal(n)
    else:
        x, tx = _pair(part.spot_x, part.divergence_x, part.correlation_x, n, rng)
        y, ty = _pair(part.spot_y, part.divergence_y, part.correlation_y, n, rng)
    off = nominal / p - 1.0
    x, y = x + part.dispersion_x * off, y + part.dispersion_y * off
    return x, y, tx + part.dispersion_angle_x * off, ty + part.dispersion_angle_y * off


def parts_of(beam: Beam) -> tuple[BeamPart, ...]:
    """The parts of a beam; where the file names none, one Gaussian of its spot and spread."""
    from mutau.experiment.schema_beam import BeamPart

    return beam.parts or (
        BeamPart.model_construct(
            name="beam", share=1.0, energy_spread=beam.energy_spread, spot_x=beam.spot_x,
            spot_y=beam.spot_y, divergence_x=beam.divergence_x, divergence_y=beam.divergence_y,
            because=beam.because,
        ),
    )  # fmt: skip


def described_beam(beam: Beam, face: float) -> BeamSource:
    """Source that draws from the description in an experiment file.

    beam : its table, with the parts of `parts_of`. face : z (cm) of the target's face, where
    positions and slopes are stated.
    Every particle has weight 1. Check: rms and correlations of the draws are the stated ones.
    """
    parts = parts_of(beam)
    edges = np.cumsum([part.share for part in parts])
    nominal = float(np.sqrt(beam.energy**2 - M_MU**2))

    def draw(n: int, rng: np.random.Generator, first: int) -> BeamMuons:
        which = np.searchsorted(edges / edges[-1], rng.random(n), side="right")
        which = np.minimum(which, len(parts) - 1)
        columns = np.empty((5, n))
        for index, part in enumerate(parts):
            rows = which == index
            columns[:, rows] = draw_part(part, nominal, face, int(np.count_nonzero(rows)), rng)
        x, y, tx, ty, p = columns
        return BeamMuons(x, y, tx, ty, p, np.ones(n), face, which)

    return draw
