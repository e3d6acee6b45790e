"""Phase space of l N -> l N l'+ l'- on the unit cube, a map per diagram, and the density on it.

And of gamma N -> N l'+ l'-, whose two diagrams and maps are A and B with a photon on its mass
shell in place of the beam lepton's.

Each of the four diagrams of `lepton_pairs_amplitude` has poles of its own and a map that follows
them. They divide the integrand as |M|^2 w_i / sum_j w_j (F. Maltoni, T. Stelzer, JHEP 02 (2003)
027), so that one map need not know the poles of another: w is the square of a gauge-invariant set
of two diagrams, divided in the ratio of the squares of their denominators.
With r the line that meets the nucleus, dN = dQ^2 dphi/(2 pi)/(16 pi M |r|) and the pair
dP = dm^2/(2 pi) dz dphi/(16 pi^2),

    A, B  p -> p' gamma*(t1), gamma* -> one lepton of the pair and r, r N -> the other one N:
          dPS = dE' dt1/(16 pi^2 p) . dz dkappa^2 dphi/(2 pi)/(16 pi^2 z) . dN
    C     p -> gamma*(m^2) r, r N -> p' N, gamma* -> pair:
          dPS = dy dkappa^2/(16 pi^2 y) . dP . dN
    D     p N -> r N, r -> p' gamma*, gamma* -> pair:
          dPS = dN . dy dkappa^2 dphi/(2 pi)/(16 pi^2 y (1 - y)) . dP

    E, F  gamma -> one lepton of the pair and r, r N -> the other one N:
          dPS = dz dkappa^2 dphi/(2 pi)/(16 pi^2 z) . dN

z, y are light-cone fractions, kappa the transverse momentum in the splitting. Small differences
are never taken of large numbers: denominators and the longitudinal part of the momentum transfer
come from the variables of the map.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import inner
from mutau.matter.form_factors import FormFactor, g2_kernel
from mutau.reactions.lepton_pairs_amplitude import (
    Legs,
    Vector,
    Work,
    dot,
    nucleus_current,
    open_line,
    pair_mass2,
    squared_amplitude,
    transfer,
)
from mutau.reactions.lepton_pairs_axes import (
    fraction_point,
    logit_point,
    pole_point,
    two_scales,
)
from mutau.reactions.lepton_pairs_targets import converted_on_electron, squared_on_electron

#: Axes of the unit cube, maps of a beam lepton (A to D), and of all (E and F of a photon).
N_AXES: Final = 7
N_MAPS: Final = 4
N_ALL: Final = 6
#: What cuts can limit (GeV, rad, GeV^2), in the order of the rows of limits; "like" is the lepton
#: of the pair with the beam's charge, of identical ones the less energetic of the two.
OBSERVABLES: Final = (
    "lepton_energy", "lepton_theta", "like_energy", "like_theta", "opposite_energy",
    "opposite_theta", "pair_energy", "pair_mass", "momentum_transfer",
)  # fmt: skip
#: Which diagrams count: all, the two-photon set alone, that of bremsstrahlung type alone.
ALL: Final = 0
TWO_PHOTON: Final = 1
RADIATED: Final = 2
Array = NDArray[np.float64]
#: What a map returns: density, p, p', pair, q.
Found = tuple[float, Vector, Vector, Vector, Vector, Vector]
#: Where there is no phase space: density and momenta that nothing is done with.
_ZERO: Final[Vector] = (1.0, 1.0, 0.0, 0.0)
_NOTHING: Final[Found] = (0.0, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO)


class PairBeam(NamedTuple):
    """Beam particle on a nucleus at rest: energy, mass (0: a photon), mass of the nucleus, GeV."""

    energy: float
    m: float
    nucleus: float


class Reach(NamedTuple):
    """Limits of a map that follow from the cuts.

    low, high : of the pair's energy, GeV. first, second : largest energies of its leptons, in the
    order of the map. near, far : of 1 - cos(theta) of the beam lepton.
    """

    low: float
    high: float
    first: float
    second: float
    near: float
    far: float


class PairSetup(NamedTuple):
    """A reaction as kernels take it.

    mu : mass of the pair's leptons, GeV. identical : 1 for leptons like the beam's, else 0.
    diagrams : ALL, TWO_PHOTON or RADIATED. reach : of the leptons with and against the beam's
    charge. cuts : (9, 2) limits of OBSERVABLES. half_spin : the target is an electron, not a
    nucleus of spin 0.
    """

    beam: PairBeam
    mu: float
    identical: float
    diagrams: int
    reach: Reach
    ff: FormFactor
    cuts: Array
    half_spin: bool


@inner(forceinline=True)
def on_shell(p_plus: float, x: float, y: float, mass: float) -> Vector:
    """Light-cone components of a momentum from its plus component and transverse part."""
    return (p_plus, (x * x + y * y + mass * mass) / p_plus, x, y)


@inner(forceinline=True)
def transfer_limits(nu: float, gap: float, r: float, nucleus: float) -> tuple[float, float, float]:
    """Limits of Q^2 where a line of energy nu and momentum r meets the nucleus, and the curvature
    c of q_perp^2 = c (Q^2 - low)(high - Q^2); low > high where nothing is left.

    gap : mass^2 of what leaves less that of what comes.
    """
    a, b = 0.5 * gap / r, 0.5 * (1.0 + nu / nucleus) / r
    c = b * b - 0.25 / (nucleus * nucleus)
    half = 0.5 - a * b
    root = half * half - a * a * c
    if half <= 0.0 or root <= 0.0 or c <= 0.0:
        return 1.0, 0.0, c
    root = math.sqrt(root)
    return a * a / (half + root), (half + root) / c, c


@inner(forceinline=True)
def take_momentum(
    x: tuple[float, float], line: Vector, gap: float, mass2: float, scale: float, nucleus: float,
    ff: FormFactor,
) -> tuple[float, Vector]:  # fmt: skip
    """The nucleus gives a line the momentum q.

    x : place on the axis of Q^2, and azimuth of q about the line, from the plane of line and beam.
    line : energy, x, y, z. gap, mass2 : see `transfer_limits`, mass^2 of what leaves.
    scale : of Q^2, where the amplitude falls.
    Returns density of dQ^2/(16 pi M |r|), q (light-cone components); density 0 outside.
    """
    nu = line[0]
    r2 = nu * nu - mass2 + gap
    if nu <= 0.0 or r2 <= 0.0:
        return 0.0, _ZERO
    r = math.sqrt(r2)
    low, high, bend = transfer_limits(nu, gap, r, nucleus)
    if low >= high or 2.0 * nucleus * (nu - math.sqrt(mass2)) < gap:
        return 0.0, _ZERO
    Q2, jacobian = two_scales(
        x[0], low, high, low + ff.screen, low + ff.screen + scale / (1.0 + scale * ff.size)
    )
    recoil = 0.5 * Q2 / nucleus
    along = -0.5 * (gap + Q2 * (1.0 + nu / nucleus)) / r
    across = math.sqrt(max(bend * (Q2 - low) * (high - Q2), 0.0))
    flat = math.sqrt(line[1] * line[1] + line[2] * line[2])
    n_z, n_t = line[3] / r, flat / r
    c, s = (line[1] / flat, line[2] / flat) if flat > 0.0 else (1.0, 0.0)
    inward, aside = across * math.cos(x[1]), across * math.sin(x[1])
    radial = along * n_t + inward * n_z
    q_z = along * n_z - inward * n_t
    q = (q_z - recoil, -recoil - q_z, radial * c - aside * s, radial * s + aside * c)
    return jacobian / (16.0 * math.pi * nucleus * r), q


@inner(forceinline=True)
def at_nucleus(
    x: Array, side: float, z: float, poles: tuple[float, float],
    photon: Vector, mu: float, nucleus: float, ff: FormFactor,
) -> tuple[float, Vector, Vector, Vector]:  # fmt: skip
    """A photon splits into a lepton k of fraction z and a line, which meets the nucleus.

    x : (7,), its places 3 and 4. side : azimuth of k. poles : value and smallest one of
    kappa^2 + mu^2 + z (1 - z)|t1|. photon : plus component, x component, energy, longitudinal
    momentum.
    Returns the density of the second step, the struck lepton, k, q; density 0 outside.
    """
    pole, lowest = poles
    photon_plus, across, nu, along = photon
    relative = math.sqrt(max(pole - lowest, 0.0))
    k_x, k_y = relative * math.cos(side) + z * across, relative * math.sin(side)
    k = on_shell(z * photon_plus, k_x, k_y, mu)
    gap = pole / z
    line = (
        nu - 0.5 * (k[0] + k[1]), across - k_x, -k_y, along - 0.5 * (k[0] - k[1]),
    )  # fmt: skip
    turn = 2.0 * math.pi * x[4] + side - math.atan2(line[2], line[1])
    part, q = take_momentum((x[3], turn), line, gap, mu * mu, pole, nucleus, ff)
    struck_plus = (1.0 - z) * photon_plus + q[0]
    if part <= 0.0 or struck_plus <= 0.0:
        return 0.0, _ZERO, _ZERO, _ZERO
    return part, on_shell(struck_plus, line[1] + q[2], line[2] + q[3], mu), k, q


@inner(forceinline=True)
def two_photon_point(x: Array, beam: PairBeam, mu: float, ff: FormFactor, reach: Reach) -> Found:
    """Maps A and B: p, p', the lepton that the nucleus meets, the other one, q, with their density.

    x : (7,). reach.first : of the lepton that the nucleus meets (the limit of its light-cone
    momentum follows, with a factor 2 for what the nucleus gives).
    """
    energy, m, nucleus = beam
    momentum = math.sqrt(energy * energy - m * m)
    fraction, density = logit_point(x[0], reach.low / energy, reach.high / energy)
    nu = energy * fraction
    after = energy - nu
    if after <= m or nu <= 2.0 * mu:
        return _NOTHING
    p_after = math.sqrt(after * after - m * m)
    product = energy * after + momentum * p_after - m * m
    smallest = 2.0 * m * m * nu * nu / product
    z_low, z_high = max(1.0 - 2.0 * reach.first / nu, 0.0), min(reach.second / nu, 1.0)
    angles = 2.0 * momentum * p_after
    t_low, t_high = smallest + angles * reach.near, smallest + angles * reach.far
    if z_low >= z_high or t_low >= t_high:
        return _NOTHING
    z, stretch = fraction_point(x[5], z_low, z_high)
    if not 0.0 < z < 1.0:
        return _NOTHING
    # of dt1 dkappa^2/(t1 (kappa^2 + mu^2 + z (1 - z)|t1|)^2), one after the other
    minus_t1, jacobian = two_scales(x[1], t_low, t_high, 0.0, mu * mu / (z * (1.0 - z)))
    density *= energy * jacobian * stretch / (16.0 * math.pi**2 * momentum)
    lowest = mu * mu + z * (1.0 - z) * minus_t1
    pole, jacobian = pole_point(x[2], lowest, lowest + nu * nu)
    density *= jacobian / (16.0 * math.pi**2 * z)
    out = math.sqrt(max((minus_t1 - smallest) * (2.0 * product - minus_t1), 0.0))
    out *= 0.5 / momentum  # p' sin(theta')
    p1_z = (after * energy - 0.5 * minus_t1 - m * m) / momentum
    p1_plus = after + p1_z if p1_z > 0.0 else (m * m + out * out) / (after - p1_z)
    photon_plus = nu + momentum - p1_z
    photon = (photon_plus, -out, nu, momentum - p1_z)
    part, struck, k, q = at_nucleus(
        x, 2.0 * math.pi * x[6], z, (pole, lowest), photon, mu, nucleus, ff
    )
    if part <= 0.0:
        return _NOTHING
    return (
        density * part, on_shell(energy + momentum, 0.0, 0.0, m), on_shell(p1_plus, out, 0.0, m),
        struck, k, q,
    )  # fmt: skip


@inner(forceinline=True)
def conversion_point(x: Array, beam: PairBeam, mu: float, ff: FormFactor, reach: Reach) -> Found:
    """Maps E and F: a photon on its mass shell; what stands for p, p' is not used.

    x, reach : as in `two_photon_point`.
    """
    energy, _, nucleus = beam
    z_low, z_high = max(1.0 - 2.0 * reach.first / energy, 0.0), min(reach.second / energy, 1.0)
    if z_low >= z_high:
        return _NOTHING
    z, stretch = fraction_point(x[5], z_low, z_high)
    if not 0.0 < z < 1.0:
        return _NOTHING
    lowest = mu * mu
    pole, jacobian = pole_point(x[2], lowest, lowest + energy * energy)
    density = stretch * jacobian / (16.0 * math.pi**2 * z)
    photon = (2.0 * energy, 0.0, energy, energy)
    part, struck, k, q = at_nucleus(x, 0.0, z, (pole, lowest), photon, mu, nucleus, ff)
    if part <= 0.0:
        return _NOTHING
    return density * part, on_shell(2.0 * energy, 0.0, 0.0, 0.0), _ZERO, struck, k, q


@inner(forceinline=True)
def split_pair(
    z: float, perp2: float, turn: float, k_plus: float, k_x: float, k_y: float, mu: float
) -> tuple[Vector, Vector]:
    """The two leptons of a photon of plus component and transverse momentum given."""
    relative = math.sqrt(max(perp2 - mu * mu, 0.0))
    x, y = relative * math.cos(turn), relative * math.sin(turn)
    return (
        on_shell(z * k_plus, z * k_x + x, z * k_y + y, mu),
        on_shell((1.0 - z) * k_plus, (1.0 - z) * k_x - x, (1.0 - z) * k_y - y, mu),
    )


@inner(forceinline=True)
def radiated_point(
    x: Array, beam: PairBeam, mu: float, ff: FormFactor, reach: Reach, late: bool
) -> Found:
    """Maps C and, `late`, D: p, p', the two leptons of the pair, q, with their density.

    Of the reach, `far` is not used.
    """
    energy, m, nucleus = beam
    momentum = math.sqrt(energy * energy - m * m)
    p = on_shell(energy + momentum, 0.0, 0.0, m)
    y, density = logit_point(
        x[0], 0.25 * reach.low / energy, min(reach.high / energy, 1.0 - 0.1 * m / energy)
    )
    soft = 1.0 / (y * (energy + momentum))
    z_low, z_high = max(1.0 - 4.0 * reach.second * soft, 0.0), min(4.0 * reach.first * soft, 1.0)
    if z_low >= z_high:
        return _NOTHING
    z, stretch = fraction_point(x[5], z_low, z_high)
    if not 0.0 < z < 1.0:
        return _NOTHING
    # pair: mass by its transverse mass, with the density 1/m^2 of a virtual photon
    perp2, jacobian = two_scales(
        x[2], mu * mu, mu * mu + energy * energy, 0.0, mu * mu + (m * y) ** 2
    )
    density *= jacobian * stretch / (z * (1.0 - z)) / (16.0 * math.pi**2)
    mass2 = perp2 / (z * (1.0 - z))
    lowest = (y * m) ** 2 + (1.0 - y) * mass2
    across2 = 2.0 * reach.near * ((1.0 - y) * energy) ** 2  # that the beam lepton has to have
    pole, jacobian = two_scales(
        x[1], lowest, lowest + energy * energy, 1e-9 * lowest, lowest + across2
    )
    density *= jacobian / (16.0 * math.pi**2 * y)
    kappa = math.sqrt(max(pole - lowest, 0.0))
    if late:
        gap = pole / (y * (1.0 - y))
        line = (energy, 0.0, 0.0, momentum)
        part, q = take_momentum((x[3], 0.0), line, gap, gap + m * m, pole + across2, nucleus, ff)
        whole = p[0] + q[0]
        if part <= 0.0 or whole <= 0.0:
            return _NOTHING
        density *= part / (1.0 - y)
        angle = 2.0 * math.pi * x[4]
        k_x, k_y = y * q[2] + kappa * math.cos(angle), y * q[3] + kappa * math.sin(angle)
        k_plus = y * whole
        p1 = on_shell((1.0 - y) * whole, q[2] - k_x, q[3] - k_y, m)
    else:
        k_plus, k_x, k_y = y * p[0], kappa, 0.0
        k_minus = (mass2 + kappa * kappa) / k_plus
        line = (
            energy - 0.5 * (k_plus + k_minus), -kappa, 0.0, momentum - 0.5 * (k_plus - k_minus),
        )  # fmt: skip
        turn = 2.0 * math.pi * x[4]
        part, q = take_momentum((x[3], turn), line, pole / y, m * m, pole + across2, nucleus, ff)
        rest = (1.0 - y) * p[0] + q[0]
        if part <= 0.0 or rest <= 0.0:
            return _NOTHING
        density *= part
        p1 = on_shell(rest, q[2] - kappa, q[3], m)
    k1, k2 = split_pair(z, perp2, 2.0 * math.pi * x[6], k_plus, k_x, k_y, mu)
    return density, p, p1, k1, k2, q


@inner(forceinline=True)
def polar_angle(k: Vector) -> float:
    """Polar angle of a momentum."""
    return math.atan2(math.sqrt(k[2] * k[2] + k[3] * k[3]), 0.5 * (k[0] - k[1]))


@inner(forceinline=True)
def inside_cuts(p1: Vector, k1: Vector, k2: Vector, q: Vector, mass2: float, cuts: Array) -> bool:
    """Whether a final state lies within (9, 2) limits of OBSERVABLES."""
    first, second = 0.5 * (k1[0] + k1[1]), 0.5 * (k2[0] + k2[1])
    inside = (
        cuts[6, 0] <= first + second <= cuts[6, 1]
        and cuts[7, 0] <= math.sqrt(mass2) <= cuts[7, 1]
        and cuts[8, 0] <= -dot(q, q) <= cuts[8, 1]
    )
    for i in range(3):
        k = p1 if i == 0 else (k1 if i == 1 else k2)
        inside = inside and cuts[2 * i, 0] <= 0.5 * (k[0] + k[1]) <= cuts[2 * i, 1]
        low, high = cuts[2 * i + 1, 0], cuts[2 * i + 1, 1]
        if inside and (low > -math.inf or high < math.inf):  # angles take time
            inside = low <= polar_angle(k) <= high
    return inside


@inner(forceinline=True)
def part_of_map(
    which: int, p: Vector, p1: Vector, k1: Vector, k2: Vector, q: Vector, photons: float,
    radiated: float,
) -> float:  # fmt: skip
    """What a map stands for: its gauge-invariant set times its part of the set's denominators."""
    q2 = dot(q, q)
    if which < 2:
        a, b = k1[0] / (q2 - 2.0 * dot(q, k1)), k2[0] / (q2 - 2.0 * dot(q, k2))
        own = a if which == 0 else b
        return photons * own * own / (a * a + b * b)
    a, b = p1[0] / (q2 - 2.0 * dot(q, p1)), p[0] / (q2 + 2.0 * dot(q, p))
    own = a if which == 2 else b
    return radiated * own * own / (a * a + b * b)


@inner
def conversion_density(
    which: int, x: Array, setup: PairSetup, work: Work
) -> tuple[float, Vector, Vector, Vector, Vector]:
    """`pair_density` of a photon: sum over the spins of the pair, average over polarisations.

    Polarisations along x and y: the photon goes along z, so they leave out nothing and add nothing.
    """
    beam, mu, reach, ff = setup.beam, setup.mu, setup.reach, setup.ff
    energy, _, nucleus = beam
    if which == N_MAPS:
        density, _, p1, k1, k2, q = conversion_point(x, beam, mu, ff, reach)
    else:
        other = Reach(reach.low, reach.high, reach.second, reach.first, reach.near, reach.far)
        density, _, p1, k2, k1, q = conversion_point(x, beam, mu, ff, other)
    if density <= 0.0 or not inside_cuts(p1, k1, k2, q, pair_mass2(k1, k2, mu), setup.cuts):
        return 0.0, p1, k1, k2, q
    Q2 = -dot(q, q)
    total = 0.0
    if setup.half_spin:
        total = converted_on_electron(k1, k2, mu, nucleus, q, work)
    else:
        line = work[0, 0]
        open_line(k2, k1, -mu, mu, mu, nucleus_current(nucleus, 0.5 * Q2 / nucleus, q), q, line)
        for a in range(2):
            for b in range(2):
                for i in (2, 3):
                    total += line[a, b, i].real ** 2 + line[a, b, i].imag ** 2
    one, two = k1[0] / (Q2 + 2.0 * dot(q, k1)), k2[0] / (Q2 + 2.0 * dot(q, k2))
    own = one if which == N_MAPS else two
    value = density * total * own * own / (one * one + two * two)
    return value * g2_kernel(Q2, ff) / (Q2 * Q2) / (8.0 * nucleus * energy), p1, k1, k2, q


@inner
def pair_density(
    which: int, x: Array, setup: PairSetup, work: Work
) -> tuple[float, Vector, Vector, Vector, Vector]:
    """Cross section per unit volume of a map's cube, over (4 pi alpha)^4, GeV^-2, and the momenta.

    Over (4 pi alpha)^3 for a photon, where the second of the momenta is not used.
    which : map, 0 to 5 for A to F. x : (7,). work : see `squared_amplitude`.
    Of the pair k1 is the one with the charge of the beam. Of identical leptons the more energetic
    one counts as the beam's, in cuts and in what is returned; a map may take either for it, and
    the maps of both assignments divide the integrand: that makes up for the 1/2 of identical
    particles.
    """
    beam, mu, reach, ff = setup.beam, setup.mu, setup.reach, setup.ff
    energy, m, nucleus = beam
    if which >= N_MAPS:
        return conversion_density(which, x, setup, work)
    same = setup.identical > 0.5
    if which == 0:
        found = two_photon_point(x, beam, mu, ff, reach)
    elif which == 1:
        other = Reach(reach.low, reach.high, reach.second, reach.first, reach.near, reach.far)
        found = two_photon_point(x, beam, mu, ff, other)
    else:
        found = radiated_point(x, beam, mu, ff, reach, which == 3)
    density, p, p1, k1, k2, q = found
    if which == 1:
        k1, k2 = k2, k1
    if density <= 0.0:
        return 0.0, p1, k1, k2, q
    mass2 = pair_mass2(k1, k2, mu)
    harder, softer, cut_mass2 = p1, k1, mass2
    if same and k1[0] + k1[1] > p1[0] + p1[1]:
        harder, softer, cut_mass2 = k1, p1, pair_mass2(p1, k2, mu)
    if not inside_cuts(harder, softer, k2, q, cut_mass2, setup.cuts):
        return 0.0, p1, k1, k2, q
    t1 = transfer(p, p1, m)
    t2, mass2_other = t1, mass2
    if same:
        t2, mass2_other = transfer(p, k1, m), pair_mass2(p1, k2, m)
    Q2 = -dot(q, q)
    legs, invariants = Legs(p, p1, k1, k2, m, mu), (t1, mass2, t2, mass2_other)
    if setup.half_spin:
        sums = squared_on_electron(legs, nucleus, q, invariants, same, work)
    else:
        J = nucleus_current(nucleus, 0.5 * Q2 / nucleus, q)
        sums = squared_amplitude(legs, J, q, invariants, same, work)
    total, photons, radiated, photons_other, radiated_other = sums
    if setup.diagrams == TWO_PHOTON:
        total = photons
    elif setup.diagrams == RADIATED:
        total = radiated
    value = density * total * part_of_map(which, p, p1, k1, k2, q, photons, radiated)
    value /= photons + radiated + photons_other + radiated_other
    value *= g2_kernel(Q2, ff)
    momentum = math.sqrt(energy * energy - m * m)
    return value / (Q2 * Q2) / (8.0 * nucleus * momentum), harder, softer, k2, q
