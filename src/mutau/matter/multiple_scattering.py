"""Multiple scattering of a charged particle: Highland, Moliere, and collision by collision.

Three descriptions of one thing, from the roughest to the most complete:

highland_angle : width of a Gaussian core; a fit, good to 11 % from 1e-3 to 100 X0 in the central
    98 % of angles; no tail.
moliere_density : Moliere's distribution for a point nucleus in the small-angle limit. Its tail is
    Rutherford's for ever; behind a thick target (transfers of the order of the inverse
    nuclear radius, 40 MeV for lead) the true tail is far lower.
ScatteringTable and scatter_kernel : hard collisions one by one, with screening, nuclear form
    factor, quasi-elastic nucleons and electrons, and the many soft ones as a Gaussian. Exact for
    thin and thick layers alike in the small-angle limit.

Angles are rad, thicknesses cm, momenta GeV; a transfer q is a transverse momentum, GeV. A collision
transfers the same transverse momentum at any energy, so one table serves all energies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import ALPHA, M_E, M_MU, M_P, MU_P
from mutau.core.errors import OutOfRange
from mutau.core.jit import inner, njit
from mutau.core.units import HBARC_GEV_CM
from mutau.matter.materials import Material

Array = NDArray[np.float64]

#: Mean number of hard collisions drawn one by one in a layer. The rest is a Gaussian, whose excess
#: kurtosis would be about 1/(200 N): bins of the angle come out right to 0.5 %.
N_HARD: Final = 3.0
_Q_MAX: Final = 5.0  # largest transfer in the tables, GeV
_GRID: Final = 600
_FERMI: Final = 1e-13  # cm
#: Highland's angle of one radiation length times p beta, GeV, and what multiplies the logarithm.
HIGHLAND: Final = 13.6e-3
HIGHLAND_LOG: Final = 0.038


def _positive(name: str, value: ArrayLike) -> Array:
    value = np.asarray(value, float)
    if not np.all((value > 0.0) & np.isfinite(value)):
        raise OutOfRange(f"{name} is not positive", allowed="(0, inf)")
    return value


def highland_angle(
    momentum: ArrayLike, material: Material, thickness: ArrayLike, mass: float = M_MU
) -> Array:
    """RMS projected angle of the central 98 %, rad, for a particle of charge one.

    momentum : GeV. thickness : cm. mass : GeV. Broadcast together.
    Raises OutOfRange where a value is not positive.
    Source: V. L. Highland, Nucl. Instrum. Meth. 129 (1975) 497; constants of G. R. Lynch,
    O. I. Dahl, Nucl. Instrum. Meth. B 58 (1991) 6; PDG 2024 eq. 34.16.
    Holds to 11 % for 1e-3 < x/X0 < 100. Check: 13.6 MeV/p for one radiation length, beta = 1.
    """
    momentum, thickness = _positive("momentum", momentum), _positive("thickness", thickness)
    beta2 = momentum**2 / (momentum**2 + mass**2)
    depth = thickness / material.radiation_length_cm
    return np.asarray(
        HIGHLAND / momentum * np.sqrt(depth / beta2) * (1.0 + HIGHLAND_LOG * np.log(depth / beta2))
    )


def highland_log(material: Material, thickness: float) -> float:
    """How much Highland's angle over the root of the depth grows with the logarithm of the depth.

    thickness : cm, where the angle is one. Behind a fraction f of it the angle is sqrt(f) times
    1 + (this number) ln f. Check: f = 1/e by `highland_angle` at beta = 1.
    """
    depth = float(_positive("thickness", thickness)) / material.radiation_length_cm
    return 0.038 / (1.0 + 0.038 * math.log(depth))


def highland_angle_thick(
    momentum_in: ArrayLike, momentum_out: ArrayLike, material: Material, thickness: ArrayLike
) -> Array:
    """Highland angle behind a layer in which the muon slows down, rad.

    The transfers are those of the whole layer; they turn into angles by 1/p^2 averaged over the
    depth. For a constant loss that average is exactly 1/(p_in p_out), so Highland's angle at the
    geometric mean momentum is the result. Raises OutOfRange as `highland_angle`.
    """
    mean = np.sqrt(_positive("momentum", momentum_in) * _positive("momentum", momentum_out))
    return highland_angle(mean, material, thickness)


@dataclass(frozen=True, slots=True)
class Moliere:
    """Moliere's parameters of a layer: characteristic angle, screening angle (rad) and B.

    chi_c : one collision in the layer scatters by more than chi_c (point nucleus, unscreened).
    chi_a : screening angle. b : solves B - ln B = ln(chi_c^2/(1.167 chi_a^2)).
    """

    chi_c: float
    chi_a: float
    b: float

    @property
    def width(self) -> float:
        """chi_c sqrt(B/2): standard deviation of the projected angle of the leading Gaussian."""
        return self.chi_c * math.sqrt(0.5 * self.b)


def _thomas_fermi(z: float) -> float:
    """Inverse radius of the atom, GeV: Z^(1/3) over 0.885 Bohr radii."""
    return ALPHA * M_E * z ** (1.0 / 3.0) / 0.88534  # (9 pi^2/128)^(1/3)


def _strength(material: Material) -> list[tuple[float, float, float, float, float]]:
    """Per element: (4 pi n alpha^2 (hbar c)^2 in GeV^2/cm, Z, A, screening q_a^2, radius^2).

    The screening momentum is Moliere's at beta = 1, GeV^2; the nuclear radius is the RMS charge
    radius in 1/GeV.
    """
    out = []
    for item, density in material.atoms_per_cm3:
        z, a = float(item.z), item.a
        unit = 4.0 * math.pi * density * (ALPHA * HBARC_GEV_CM) ** 2
        # Moliere 1947: chi_a^2 = chi_0^2 (1.13 + 3.76 (alpha z/beta)^2)
        q_a2 = _thomas_fermi(z) ** 2 * (1.13 + 3.76 * (ALPHA * z) ** 2)
        radius = rms_charge_radius(a) * _FERMI / HBARC_GEV_CM if z > 1.5 else 0.0
        out.append((unit, z, a, q_a2, radius**2))
    return out


def rms_charge_radius(a: float) -> float:
    """Root-mean-square charge radius of a nucleus of mass number a > 2, fm.

    Source: I. Angeli, Acta Phys. Hung. A 8 (1998) 23: (0.9071 + 1.105 a^-2/3 - 0.548 a^-4/3)
    a^(1/3), good to 2 %. Check: lead-208, measured 5.501 fm.
    """
    x = a ** (-2.0 / 3.0)
    return (0.9071 + 1.105 * x - 0.548 * x * x) * a ** (1.0 / 3.0)


def moliere(momentum: float, material: Material, thickness: float, mass: float = M_MU) -> Moliere:
    """Moliere's parameters behind `thickness` cm at `momentum` GeV, for a particle of charge one.

    For mixtures, Z(Z+1) weights the elements' screening logarithms.
    Raises OutOfRange where there are fewer than about 20 collisions (B < 4.5): then the theory
    fails; `ScatteringTable` does not.
    Source: G. Moliere, Z. Naturforsch. 3a (1948) 78; H. A. Bethe, Phys. Rev. 89 (1953) 1256.
    """
    _positive("momentum", momentum)
    _positive("thickness", thickness)
    beta2 = momentum**2 / (momentum**2 + mass**2)
    weights, logs = 0.0, 0.0
    for unit, z, _, _, _ in _strength(material):
        weight = unit * z * (z + 1.0)
        screening = (_thomas_fermi(z) / momentum) ** 2 * (1.13 + 3.76 * (ALPHA * z) ** 2 / beta2)
        weights, logs = weights + weight, logs + weight * math.log(screening)
    chi_c2 = weights * thickness / (momentum**2 * beta2)
    chi_a2 = math.exp(logs / weights)
    small_b = math.log(chi_c2 / chi_a2) + 1.0 - 2.0 * float(np.euler_gamma)
    if small_b < 3.0:
        raise OutOfRange(
            f"layer of {thickness:g} cm is too thin for Moliere's theory",
            allowed="about 20 collisions or more",
        )
    big_b = small_b + math.log(small_b)
    for _ in range(50):
        big_b -= (big_b - math.log(big_b) - small_b) / (1.0 - 1.0 / big_b)
    return Moliere(math.sqrt(chi_c2), math.sqrt(chi_a2), big_b)


def moliere_density(theta: ArrayLike, parameters: Moliere, *, projected: bool = False) -> Array:
    """Moliere's angular density with three terms of the expansion in 1/B.

    theta : rad, space angle (density per theta^2/2, so that the integral of density times
        theta dtheta is 1) or, `projected`, angle in one plane (integral over dtheta is 1).
    Relative error of the truncated series below 1 % for B > 4.5 and theta < 20 widths.
    Source: H. A. Bethe, Phys. Rev. 89 (1953) 1256, eqs. 25-27. Check: the tail of the space
    angle tends to 2 chi_c^2/theta^4, Rutherford.
    """
    from scipy.special import j0

    scale = parameters.chi_c * math.sqrt(parameters.b)
    reduced = np.abs(np.asarray(theta, float)) / scale
    nodes, weights = np.polynomial.legendre.leggauss(400)
    y = 7.0 * (1.0 + nodes)  # the integrand falls like exp(-y^2/4)
    u = 0.25 * y * y
    series = 1.0 + (u * np.log(u)) / parameters.b + 0.5 * (u * np.log(u) / parameters.b) ** 2
    common = 7.0 * weights * np.exp(-u) * series
    if projected:
        wave = np.cos(reduced[..., None] * y) / math.pi
        return np.asarray(wave @ common) / scale
    return np.asarray(j0(reduced[..., None] * y) @ (common * y)) / scale**2


def nuclear_form_factor(q: ArrayLike, radius2: float) -> Array:
    """Elastic charge form factor F(q) of a nucleus (Helm), 1 for radius2 = 0.

    q : GeV. radius2 : mean square charge radius, 1/GeV^2. Skin 0.9 fm; the radius of the sphere
    follows from the mean square radius. Source: R. H. Helm, Phys. Rev. 104 (1956) 1466.
    Check: F = 1 - q^2 radius2/6 for small q.
    """
    q = np.asarray(q, float)
    if radius2 == 0.0:
        return np.ones_like(q)
    skin2 = min((0.9 * _FERMI / HBARC_GEV_CM) ** 2, 0.2 * radius2)
    x = np.maximum(q * math.sqrt(5.0 / 3.0 * (radius2 - 3.0 * skin2)), 1e-3)
    sphere = 3.0 * (np.sin(x) - x * np.cos(x)) / x**3
    return np.asarray(sphere * np.exp(-0.5 * q * q * skin2))


def collision_density(q: ArrayLike, material: Material, *, point: bool = False) -> Array:
    """Collisions per cm and per d(q^2) at beta = 1, by a transfer of q: (..., 2), 1/(cm GeV^2).

    The last axis parts scattering on nuclei and their nucleons from scattering on electrons
    (at rest, T = q^2/2 m_e far below its limit). `point` leaves the nuclear size out and counts
    electrons as Z^2 -> Z(Z+1), as Moliere does.
    Nucleus: Z^2 F^2; protons one by one where it breaks up: Z (1 - F^2) of the Rosenbluth form
    (dipole, magnetic moment); screening by Moliere's q_a. For beta < 1 divide by beta^2.
    """
    q2 = np.asarray(q, float) ** 2
    nuclei, electrons = np.zeros(q2.shape), np.zeros(q2.shape)
    for unit, z, _, q_a2, radius2 in _strength(material):
        coulomb = unit / (q2 + q_a2) ** 2
        electrons += z * coulomb
        tau = q2 / (4.0 * M_P**2)
        # dipole of 0.71 GeV^2
        proton = (1.0 + q2 / 0.71) ** -4 * (1.0 + tau * MU_P**2) / (1.0 + tau)
        elastic = nuclear_form_factor(np.sqrt(q2), radius2) ** 2
        if z < 1.5:
            elastic = proton
        broken = (1.0 - elastic) * proton if z > 1.5 else 0.0
        nuclei += coulomb * (z * z if point else z * z * elastic + z * broken)
    return np.stack([nuclei, electrons], axis=-1)


class ScatteringTable(NamedTuple):
    """Integrals of the collision density of one material, as `scatter_kernel` reads them.

    Over the uniform grid y = ln(1/N - 1/N_tot) + i step, N(q) collisions per cm above q:
    total : N_tot, collisions per cm. start, step : of the grid.
    columns : (G, 3): ln q (GeV), integral of q^2 below q (GeV^2/cm), fraction of electrons at q;
    kernels read them by `log_transfer`, `softer` and `electron_fraction`.
    """

    total: float
    start: float
    step: float
    columns: Array


@cache
def scattering_table(material: Material, *, point: bool = False) -> ScatteringTable:
    """Table of a material; `point` as in `collision_density`. Relative error 1e-3 or better."""
    lowest = math.sqrt(min(item[3] for item in _strength(material)))
    log_q = np.linspace(math.log(1e-3 * lowest), math.log(_Q_MAX), 4001)
    q2 = np.exp(2.0 * log_q)
    parts = collision_density(np.sqrt(q2), material, point=point)
    density = parts.sum(axis=-1) * 2.0 * q2  # per d ln q
    h = log_q[1] - log_q[0]
    middle = np.exp(log_q[:-1] + 0.5 * h)
    inner = collision_density(middle, material, point=point).sum(axis=-1) * 2.0 * middle**2
    cells = h / 6.0 * (density[:-1] + 4.0 * inner + density[1:])  # Simpson
    above = np.append(np.cumsum(cells[::-1])[::-1], 0.0)
    cells2 = h / 6.0 * (density[:-1] * q2[:-1] + 4.0 * inner * middle**2 + density[1:] * q2[1:])
    start_square = 0.25 * density[0] * q2[0]  # below the grid the density is flat in q^2
    below2 = start_square + np.append(0.0, np.cumsum(cells2))
    below = 0.5 * density[0] + np.append(0.0, np.cumsum(cells))
    total = float(above[0] + below[0])
    y = np.log(below[:-1] / (total * above[:-1]))  # 1/N - 1/N_tot without cancellation
    grid = np.linspace(y[0], y[-1], _GRID)
    struck = parts[:-1, 1] / parts[:-1].sum(axis=-1)
    columns = np.stack(
        [np.interp(grid, y, values) for values in (log_q[:-1], below2[:-1], struck)], axis=-1
    )
    columns.flags.writeable = False
    return ScatteringTable(total, float(grid[0]), float(grid[1] - grid[0]), columns)


@inner(forceinline=True)
def _place(table: ScatteringTable, y: float) -> tuple[int, float]:
    """Interval of the grid that y is in, or the nearest one, and the place in it, 0 to 1."""
    u = (y - table.start) / table.step
    i = min(max(int(u), 0), table.columns.shape[0] - 2)
    return i, min(max(u - i, 0.0), 1.0)


@inner(forceinline=True)
def log_transfer(table: ScatteringTable, y: float) -> float:
    """ln of the transverse momentum, GeV."""
    i, s = _place(table, y)
    return table.columns[i, 0] * (1.0 - s) + table.columns[i + 1, 0] * s


@inner(forceinline=True)
def softer(table: ScatteringTable, y: float) -> float:
    """Integral of q^2 below the transverse momentum q, GeV^2/cm."""
    i, s = _place(table, y)
    return table.columns[i, 1] * (1.0 - s) + table.columns[i + 1, 1] * s


@inner(forceinline=True)
def electron_fraction(table: ScatteringTable, y: float) -> float:
    """Fraction of the collisions that are with electrons."""
    i, s = _place(table, y)
    return table.columns[i, 2] * (1.0 - s) + table.columns[i + 1, 2] * s


@inner
def deflection_kernel(y: float, table: ScatteringTable) -> float:
    """Transverse momentum q, GeV, at the coordinate y; Rutherford's q^2 ~ e^y below the grid."""
    log_q = log_transfer(table, y)
    if y < table.start:
        log_q += 0.5 * (y - table.start)
    return math.exp(log_q)


@inner
def scatter_kernel(
    rng: np.random.Generator,
    path: float,
    p_in: float,
    p_out: float,
    beta2: float,
    table: ScatteringTable,
    electron_top: float,
) -> tuple[float, float, float, float]:
    """Angles and displacements behind a layer: (angle_x, angle_y, shift_x, shift_y), rad and cm.

    path : cm. p_in, p_out : momentum before and after, GeV, linear in between. beta2 : mean
    beta^2. electron_top : largest energy of a struck electron, GeV; harder electron collisions
    belong to somebody else (or do not exist).
    Shifts are those on the plane at the end of the path, seen along the first direction.
    """
    total, reach = table.total, path / beta2
    mean = min(N_HARD, total * reach)
    above = mean / reach  # collisions per cm that count as hard
    angle_x = angle_y = shift_x = shift_y = 0.0
    slope = (p_out - p_in) / path
    if above < total:
        y_cut = math.log(1.0 / above - 1.0 / total)
        soft = 0.5 / beta2 * softer(table, y_cut)
        a0 = path / (p_in * p_out)
        a1 = a2 = 0.0
        for i in range(3):  # Gauss: integrals of (path - x)^n / p^2
            # half the root of 3/5: the nodes of Gauss's rule of three points
            node = 0.5 + (i - 1) * 0.3872983346207417
            weight = path * (4.0 / 9.0 if i == 1 else 5.0 / 18.0)
            rest = path * (1.0 - node)
            p2 = (p_in + slope * path * node) ** 2
            a1 += weight * rest / p2
            a2 += weight * rest * rest / p2
        spread = math.sqrt(soft * max(a2 - a1 * a1 / a0, 0.0))
        width = math.sqrt(soft * a0)
        angle_x = width * rng.standard_normal()
        angle_y = width * rng.standard_normal()
        shift_x = angle_x * a1 / a0 + spread * rng.standard_normal()
        shift_y = angle_y * a1 / a0 + spread * rng.standard_normal()
    draw, term, count = rng.random(), math.exp(-mean), 0
    while draw > term and count < 200:
        draw -= term
        count += 1
        term *= mean / count
    for _ in range(count):
        y = math.log(1.0 / (above * (1.0 - rng.random())) - 1.0 / total)
        q = deflection_kernel(y, table)
        if q > 1e-3:  # an electron struck that hard may lie outside its kinematics
            energy = 0.5 * q * q / M_E
            weight = max(1.0 - energy / electron_top, 0.0)
            if rng.random() < electron_fraction(table, y) * (1.0 - weight):
                continue
        rest = path * rng.random()
        angle = q / (p_out - slope * rest)
        phi = 2.0 * math.pi * rng.random()
        part_x, part_y = angle * math.cos(phi), angle * math.sin(phi)
        angle_x += part_x
        angle_y += part_y
        shift_x += rest * part_x
        shift_y += rest * part_y
    return angle_x, angle_y, shift_x, shift_y


@njit
def _scatter_loop(
    rng: np.random.Generator,
    path: Array,
    momentum: Array,
    beta2: Array,
    table: ScatteringTable,
    electron_top: Array,
) -> Array:
    out = np.empty((path.size, 4))
    for i in range(path.size):
        p = momentum[i]
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = scatter_kernel(
            rng, path[i], p, p, beta2[i], table, electron_top[i]
        )
    return out


def scatter(
    momentum: ArrayLike,
    material: Material,
    thickness: ArrayLike,
    rng: np.random.Generator,
    *,
    mass: float = M_MU,
    electron_top: ArrayLike = np.inf,
    point: bool = False,
) -> Array:
    """Angles and displacements behind a layer, collision by collision, without energy loss.

    momentum : GeV. thickness : cm, along the track. Broadcast together to shape S.
    electron_top : largest energy of a struck electron, GeV (default: no limit).
    point : point nucleus and Z(Z+1), the assumptions of Moliere's theory.
    Returns float64 array S + (4,): angle_x, angle_y (rad), shift_x, shift_y (cm).
    Small angles: good to 1 % where they stay below 0.1 rad; transfers above 5 GeV are left out.
    Source: mixed simulation as in J. M. Fernandez-Varea et al., Nucl. Instrum. Meth. B 73 (1993)
    447, with `collision_density`. Check: `point` reproduces Moliere's distribution.
    """
    momentum = _positive("momentum", momentum)
    top = np.asarray(electron_top, float)
    momentum, path, top = np.broadcast_arrays(momentum, _positive("thickness", thickness), top)
    beta2 = momentum**2 / (momentum**2 + mass**2)
    flat = [np.ascontiguousarray(item).ravel() for item in (path, momentum, beta2, top)]
    table = scattering_table(material, point=point)
    out = _scatter_loop(rng, flat[0], flat[1], flat[2], table, flat[3])
    return out.reshape((*momentum.shape, 4))


def scatter_gaussian(
    width: ArrayLike, thickness: ArrayLike, rng: np.random.Generator, size: int | None = None
) -> Array:
    """Angles and displacements of a Gaussian of given projected width, correlated as they are.

    width : rad, for example `highland_angle`. thickness : cm. size : number of draws where both
    are scalars. Returns (..., 4) as `scatter`.
    Source: PDG 2024 eqs. 34.21-22. Check: correlation of angle and shift is sqrt(3)/2.
    """
    width, thickness = np.broadcast_arrays(
        np.asarray(width, float), _positive("thickness", thickness)
    )
    shape = width.shape if size is None else (size,)
    z = rng.standard_normal((4, *shape))
    angles = width * z[:2]
    shifts = thickness * (0.5 * angles + width / math.sqrt(12.0) * z[2:])
    return np.stack([*angles, *shifts], axis=-1)
