"""A plain second way to carry muons: through a slab of matter, empty space, a dipole magnet.

It gives no result: cross-checks and tests hold the walks of the package against it. Plain functions
from a frozen state to a new one. Matter acts by the mean energy loss (or with knock-on electrons
drawn one by one) and by `multiple_scattering`; the field by the exact helix.
Lengths cm, energies GeV, fields T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError, OutOfRange, UnknownName
from mutau.core.jit import njit
from mutau.core.units import GEV_PER_T_CM
from mutau.matter.materials import Material
from mutau.matter.multiple_scattering import (
    ScatteringTable,
    scatter_kernel,
    scattering_table,
)
from mutau.matter.muon_cross_sections import t_max_kernel
from mutau.matter.muon_energy_loss import (
    HALF_K,
    T_MAX,
    T_MIN,
    energy_after_kernel,
    loss_kernel,
    loss_table,
)

Array = NDArray[np.float64]

#: Mean number of knock-on electrons drawn one by one in a step.
N_KNOCK_ON: Final = 4.0
_LOWEST_KNOCK_ON: Final = 2e-4  # GeV, above the K shells; softer collisions are a Gaussian


@dataclass(frozen=True, slots=True)
class Muons:
    """N muons on their way.

    x4 : (N, 4) float64, cm. (c t, x, y, z).
    p4 : (N, 4) float64, GeV. (E, px, py, pz); z along the beam.
    charge : (N,) float64, +1 or -1.
    alive : (N,) bool. False where the muon has stopped, turned back or missed a plane; its
        position is then that of the last step (momentum 0 if stopped); nothing touches it again.
    Raises MutauError if the shapes disagree or a number is not finite.
    """

    x4: Array
    p4: Array
    charge: Array
    alive: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.x4)
        shapes = {"x4": (n, 4), "p4": (n, 4), "charge": (n,), "alive": (n,)}
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values.shape != shape:
                raise MutauError(f"muons: {name} has shape {values.shape}", allowed=str(shape))
            if not np.all(np.isfinite(values)):
                raise MutauError(f"muons: {name} holds a value that is not finite")

    def __len__(self) -> int:
        return len(self.x4)

    @property
    def energy(self) -> Array:
        """Total energies, GeV, (N,)."""
        return self.p4[:, 0]

    @property
    def momentum(self) -> Array:
        """Magnitudes of the three-momenta, GeV, (N,)."""
        return np.asarray(np.linalg.norm(self.p4[:, 1:], axis=1))

    @property
    def slopes(self) -> Array:
        """(px/pz, py/pz), (N, 2); pz must not vanish."""
        return np.asarray(self.p4[:, 1:3] / self.p4[:, 3:])

    def select(self, rows: Array) -> Muons:
        """The rows under a mask or index array."""
        return Muons(self.x4[rows], self.p4[rows], self.charge[rows], self.alive[rows])


def along_z(energy: ArrayLike, n: int, *, charge: float = -1.0, z: float = 0.0) -> Muons:
    """A pencil beam: n muons on the z axis at z cm, of total energy `energy` (GeV, scalar or (n,)).

    Raises OutOfRange for an energy at or below the muon mass or a charge other than +1, -1.
    """
    energy = np.broadcast_to(np.asarray(energy, float), (n,))
    if not np.all((energy > M_MU) & np.isfinite(energy)):
        raise OutOfRange("muon energy is not above its mass", allowed=f"above {M_MU:.5f} GeV")
    if charge not in (-1.0, 1.0):
        raise OutOfRange(f"charge {charge!r} of a muon", allowed="+1 or -1")
    x4, p4 = np.zeros((n, 4)), np.zeros((n, 4))
    x4[:, 3] = z
    p4[:, 0], p4[:, 3] = energy, np.sqrt((energy - M_MU) * (energy + M_MU))
    return Muons(x4, p4, np.full(n, charge), np.ones(n, bool))


@njit
def _draw_knock_on(rng: np.random.Generator, cut: float, t_max: float, energy: float) -> float:
    """Kinetic energy of a knock-on electron above `cut`, from the spin-1/2 cross section."""
    beta2 = 1.0 - (M_MU / energy) ** 2
    while True:
        t = 1.0 / (1.0 / cut - rng.random() * (1.0 / cut - 1.0 / t_max))
        if rng.random() < 1.0 - beta2 * t / t_max + 0.5 * (t / energy) ** 2:
            return t


@njit
def straggling_kernel(
    rng: np.random.Generator,
    energy: float,
    mean_out: float,
    path: float,
    half_k: float,
) -> tuple[float, float, float, float]:
    """Energy after a path with knock-on fluctuations: (energy, cut, push_x, push_y), GeV.

    mean_out : energy after the mean loss. half_k : HALF_K rho <Z/A>, GeV/cm.
    Electrons above `cut`, on average N_KNOCK_ON - 1 or more, are drawn one by one and give their
    transverse momenta; softer ones are a Gaussian of the restricted (Bohr) width.
    """
    beta2 = 1.0 - (M_MU / energy) ** 2
    xi = half_k * path / beta2
    t_max = t_max_kernel(energy)
    cut = min(max(xi / N_KNOCK_ON, _LOWEST_KNOCK_ON), t_max)
    soft = xi * cut * (1.0 - 0.5 * beta2 * cut / t_max + cut * cut / (6.0 * energy * energy))
    out = mean_out + math.sqrt(soft) * rng.standard_normal()
    push_x = push_y = 0.0
    if cut < t_max:
        log, span = math.log(t_max / cut), t_max - cut
        number = xi * (span / (cut * t_max) - beta2 / t_max * log + 0.5 * span / energy**2)
        taken = xi * (log - beta2 / t_max * span + 0.25 * span * (t_max + cut) / (energy * energy))
        out += taken  # what the harder ones take on average comes back, then is drawn
        for _ in range(rng.poisson(number)):
            t = _draw_knock_on(rng, cut, t_max, energy)
            out -= t
            push = math.sqrt(2.0 * M_E * t * max(1.0 - t / t_max, 0.0))
            phi = 2.0 * math.pi * rng.random()
            push_x += push * math.cos(phi)
            push_y += push * math.sin(phi)
    return min(out, energy), cut, push_x, push_y


@njit
def _turn(
    px: float, py: float, pz: float, p_out: float, angle_x: float, angle_y: float
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """New momentum after tilting, and the two unit vectors across the old direction."""
    p = math.sqrt(px * px + py * py + pz * pz)
    nx, ny, nz = px / p, py / p, pz / p
    # e1, e2 across n, smooth around n = z
    h = 1.0 / (1.0 + nz)
    ax, ay, az = 1.0 - nx * nx * h, -nx * ny * h, -nx
    bx, by, bz = -nx * ny * h, 1.0 - ny * ny * h, -ny
    a2 = angle_x * angle_x + angle_y * angle_y
    if a2 < 1e-4:  # series, right to rounding
        scale, c = 1.0 - a2 / 6.0 * (1.0 - a2 / 20.0), 1.0 - 0.5 * a2 * (1.0 - a2 / 12.0)
    else:
        angle = math.sqrt(a2)
        scale, c = math.sin(angle) / angle, math.cos(angle)
    u, w = angle_x * scale, angle_y * scale
    return (
        p_out * (c * nx + u * ax + w * bx),
        p_out * (c * ny + u * ay + w * by),
        p_out * (c * nz + u * az + w * bz),
        ax, ay, az, bx, by, bz,
    )  # fmt: skip


class Slab(NamedTuple):
    """What a slab does: loss (`loss_table`), collisions, half_k (HALF_K rho <Z/A>, GeV/cm); whether
    muons scatter, and whether knock-on electrons are drawn."""

    loss: Array
    collisions: ScatteringTable
    half_k: float
    scatters: bool
    straggles: bool


@njit
def _slab_step(rng: np.random.Generator, x: Array, p: Array, left: float, slab: Slab) -> float:
    """One step of one muon, in place; returns the z distance still to go, negative if it stopped.

    A step loses at most a fifth of the kinetic energy.
    """
    energy = p[0]
    p_in = math.sqrt((energy - M_MU) * (energy + M_MU))
    path = left * p_in / p[3]
    longest = 0.2 * (energy - M_MU) / loss_kernel(energy, slab.loss)
    last = path <= longest
    path = path if last else longest
    out = energy_after_kernel(energy, path, slab.loss)
    top, push_x, push_y = t_max_kernel(energy), 0.0, 0.0
    if slab.straggles:
        out, top, push_x, push_y = straggling_kernel(rng, energy, out, path, slab.half_k)
    if out - M_MU <= T_MIN:
        p[0], p[1], p[2], p[3] = M_MU, 0.0, 0.0, 0.0
        return -1.0
    p_out = math.sqrt((out - M_MU) * (out + M_MU))
    beta2 = p_in * p_out / (energy * out)
    angle_x = angle_y = shift_x = shift_y = 0.0
    if slab.scatters:
        angle_x, angle_y, shift_x, shift_y = scatter_kernel(
            rng, path, p_in, p_out, beta2, slab.collisions, top
        )
        depth = path * rng.random()
        angle_x, shift_x = angle_x + push_x / p_out, shift_x + depth * push_x / p_out
        angle_y, shift_y = angle_y + push_y / p_out, shift_y + depth * push_y / p_out
    nx, ny, nz = p[1] / p_in, p[2] / p_in, p[3] / p_in
    p[1], p[2], p[3], ax, ay, az, bx, by, bz = _turn(p[1], p[2], p[3], p_out, angle_x, angle_y)
    p[0] = out
    z = x[3]
    x[0] += path * 0.5 * (energy / p_in + out / p_out)
    x[1] += path * nx + shift_x * ax + shift_y * bx
    x[2] += path * ny + shift_x * ay + shift_y * by
    x[3] += path * nz + shift_x * az + shift_y * bz
    left -= x[3] - z
    if last and p[3] > 0.0:  # slide onto the plane along the new direction
        x[0] += left * out / p[3]
        x[1] += left * p[1] / p[3]
        x[2] += left * p[2] / p[3]
        x[3] += left
        return 0.0
    return left


@njit
def _slab_loop(
    rng: np.random.Generator,
    x4: Array,
    p4: Array,
    alive: NDArray[np.bool_],
    thickness: Array,
    slab: Slab,
) -> None:
    for i in range(len(x4)):
        left = thickness[i]
        goal = x4[i, 3] + left
        while alive[i] and left > 1e-12:
            left = _slab_step(rng, x4[i], p4[i], left, slab)
            alive[i] = left >= 0.0 and p4[i, 3] > 1e-3 * p4[i, 0]
        if alive[i]:
            x4[i, 3] = goal


def propagate_slab(
    muons: Muons,
    material: Material,
    thickness: ArrayLike,
    rng: np.random.Generator,
    *,
    scattering: bool = True,
    straggling: Literal["none", "knock-on"] = "none",
) -> Muons:
    """Carry muons through a slab across z, from where they are to z + thickness.

    thickness : cm along z, scalar or (N,), not negative (0 leaves a muon where it is).
    scattering : collision by collision (`multiple_scattering.scatter`); off for mean tracks.
    straggling : "none" loses the mean of all processes; "knock-on" draws the harder knock-on
        electrons (with their deflections) and a Gaussian for soft ones around the same mean.
        Radiative losses are at their mean in both: the rare large ones (in 40 X0 of lead 1 % of
        160 GeV muons radiate more than 5 GeV) need a full Monte Carlo.
    Returns Muons on the plane z + thickness, or not alive where they stopped or turned around.
    Raises OutOfRange for a bad thickness or energies outside the tables of energy loss.
    Valid for tracks within about 0.5 rad of z. Checks: without scattering the energy is
    `mean_energy_after` of the path; the angles are those of `scatter`.
    """
    if straggling not in ("none", "knock-on"):
        raise UnknownName("straggling", straggling, ("none", "knock-on"))
    depth = np.ascontiguousarray(np.broadcast_to(np.asarray(thickness, float), (len(muons),)))
    if not np.all((depth >= 0.0) & np.isfinite(depth)):
        raise OutOfRange("a thickness is negative or not finite", allowed="[0, inf) cm")
    energy = muons.energy[muons.alive]
    if energy.size and not (energy.min() > M_MU + T_MIN and energy.max() <= M_MU + T_MAX):
        raise OutOfRange(
            f"muon energies from {energy.min():g} to {energy.max():g} GeV",
            allowed=f"kinetic energy {T_MIN} to {T_MAX:g} GeV",
        )
    x4, p4, alive = muons.x4.copy(), muons.p4.copy(), muons.alive.copy()
    slab = Slab(
        loss_table(material), scattering_table(material),
        HALF_K * material.density * material.z_over_a, scattering, straggling == "knock-on",
    )  # fmt: skip
    _slab_loop(rng, x4, p4, alive, depth, slab)
    return replace(muons, x4=x4, p4=p4, alive=alive)


@njit
def _drift(x: Array, p: Array, z: float) -> None:
    dz = z - x[3]
    x[0] += dz * p[0] / p[3]
    x[1] += dz * p[1] / p[3]
    x[2] += dz * p[2] / p[3]
    x[3] = z


@njit
def _drift_loop(x4: Array, p4: Array, alive: NDArray[np.bool_], z: float) -> None:
    for i in range(len(x4)):
        if alive[i]:
            if p4[i, 3] > 1e-6 * p4[i, 0]:
                _drift(x4[i], p4[i], z)
            else:
                alive[i] = False


def _finite(name: str, value: float, *, positive: bool = False) -> float:
    if not math.isfinite(value) or (positive and value <= 0.0):
        raise OutOfRange(f"{name} = {value!r}", allowed="positive" if positive else "finite")
    return value


def drift_to_plane(muons: Muons, z: float) -> Muons:
    """Carry muons on straight lines through empty space to the plane z (cm), forward or back.

    Muons that do not move towards +z are marked not alive. Check: c t grows by path/beta.
    """
    _finite("z", z)
    x4, alive = muons.x4.copy(), muons.alive.copy()
    _drift_loop(x4, muons.p4, alive, z)
    return replace(muons, x4=x4, alive=alive)


@njit
def helix_kernel(x: Array, p: Array, curve: float, length: float, bend: int) -> bool:
    """Exact helix across `length` cm of field, in place; False where the muon turns back.

    curve : 0.29979e-2 charge B, GeV/cm. bend : index (1 or 2) of the momentum component that the
    field changes; the other stays. The sign for bend = 2 is the caller's.
    """
    other = 3 - bend
    across, forward = p[bend], p[3]
    p_plane2 = across * across + forward * forward
    new = across - curve * length
    rest = p_plane2 - new * new
    if rest <= 0.0 or forward <= 0.0:
        return False
    new_forward = math.sqrt(rest)
    shift = length * (across + new) / (forward + new_forward)
    chord = math.sqrt(shift * shift + length * length)
    sine = (new * forward - across * new_forward) / p_plane2  # of the turning angle
    if abs(sine) < 0.02:
        arc = chord * (1.0 + sine * sine / 24.0 * (1.0 + 29.0 / 80.0 * sine * sine))
    else:
        half = 0.5 * math.atan2(sine * p_plane2, across * new + forward * new_forward)
        arc = chord * half / math.sin(half)
    plane = math.sqrt(p_plane2)
    x[0] += arc * p[0] / plane
    x[bend] += shift
    x[other] += arc * p[other] / plane
    x[3] += length
    p[bend], p[3] = new, new_forward
    return True


class Dipole(NamedTuple):
    """curve : 0.29979e-2 B, GeV/cm. begin, length : of the field, end : where to go, cm. bend : as
    in `helix_kernel`."""

    curve: float
    begin: float
    length: float
    end: float
    bend: int


@njit
def _dipole_loop(
    x4: Array,
    p4: Array,
    charge: Array,
    alive: NDArray[np.bool_],
    dipole: Dipole,
) -> None:
    for i in range(len(x4)):
        if not alive[i]:
            continue
        if p4[i, 3] <= 1e-6 * p4[i, 0]:
            alive[i] = False
            continue
        _drift(x4[i], p4[i], dipole.begin)
        curve = dipole.curve * charge[i]
        alive[i] = helix_kernel(x4[i], p4[i], curve, dipole.length, dipole.bend)
        if alive[i]:
            x4[i, 3] = dipole.begin + dipole.length
            _drift(x4[i], p4[i], dipole.end)


def cross_dipole(
    muons: Muons,
    field: float,
    z0: float,
    length: float,
    axis: Literal["x", "y"] = "y",
    *,
    effective_length: float | None = None,
) -> Muons:
    """Carry muons through a dipole magnet from wherever they are to its end at z0 + length.

    field : T, along +axis ("y": vertical field, bends in x). z0, length : cm, the magnet's box.
    effective_length : integral of the field on the axis over its middle value, cm; a uniform field
        of that length around the middle of the box stands for fringe fields (may be longer than
        the box). Vertical focusing by the fringe is left out: an angle error of
        (bend angle) * (half gap)/(effective length) * (entry slope), below 1e-3 of the bend here.
    Returns Muons on the plane z0 + length; not alive where the field turns them back.
    The motion is the exact helix: |p| and energy are conserved to rounding, and the momentum
    across changes by exactly 0.299792458 GeV/(T m) times charge, field and length:
    a field +y pushes a positive muon to -x, a field +x pushes it to +y.
    Raises OutOfRange for a length that is not positive or a number that is not finite.
    """
    _finite("field", field)
    _finite("z0", z0)
    _finite("length", length, positive=True)
    if axis not in ("x", "y"):
        raise UnknownName("field axis", axis, ("x", "y"))
    span = length if effective_length is None else effective_length
    _finite("effective_length", span, positive=True)
    curve = GEV_PER_T_CM * field * (1.0 if axis == "y" else -1.0)
    x4, p4, alive = muons.x4.copy(), muons.p4.copy(), muons.alive.copy()
    begin = z0 + 0.5 * (length - span)
    dipole = Dipole(curve, begin, span, z0 + length, 1 if axis == "y" else 2)
    _dipole_loop(x4, p4, muons.charge, alive, dipole)
    return replace(muons, x4=x4, p4=p4, alive=alive)


def inside(muons: Muons, half_x: float, half_y: float, x: float = 0.0, y: float = 0.0) -> Array:
    """Mask of living muons within a rectangle around (x, y), half sizes in cm; (N,) bool."""
    dx, dy = np.abs(muons.x4[:, 1] - x), np.abs(muons.x4[:, 2] - y)
    return np.asarray(muons.alive & (dx <= half_x) & (dy <= half_y))
