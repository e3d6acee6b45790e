"""Kernels of nu_mu A -> nu_mu A mu+ mu-: what is left of the 2 -> 4 process after exact integrals.

Two neutral vectors meet and make the muon pair: the weak current, of momentum K = k - k'
(K^2 = -kappa^2 < 0), and the photon of the nucleus, of momentum q (q^2 = -Q^2). Both are spacelike.
In the pair's rest frame, z along K, the helicity amplitudes of (boson a) + (photon b) -> mu+ mu-
are, times the product of the two propagators, polynomials in c = cos(theta); the sum over muon
helicities and the azimuth then leave even polynomials of degree 4, integrated against
1/(nu^2 - 4 P^2 p^2 c^2)^2 in closed form (nu = K.q, p = |K|, P the muon momentum).
What remains is a smooth integral over W^2 (pair mass squared), y = 2 k.q and Q^2 at each kappa^2.
Couplings multiply the result as C_V^2(kappa^2) sigma_V + C_A^2 sigma_A: vector and axial currents
do not interfere, because the photon and the vector current make a pair of even charge parity and
the axial current one of odd, and nothing here tells mu+ from mu-.

The tensors. Neutrinos, summed over the left-handed: L = 4 [n n - g kappa^2] on the space normal to
K, with n = k + k'. Nucleus, averaged over its azimuth about q in the frame of k and q:
H = a (-g) + b k k, normal to q. Arguments are plain floats, GeV. Checked pointwise against Dirac
matrices in tests/unit/test_bounds_trident_tensor.py. Own derivation; the conventional reduction to
transverse and longitudinal photons is in Ballett et al., J. High Energy Phys. 01 (2019) 119.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mutau.core.constants import M_P
from mutau.core.jit import njit
from mutau.matter.form_factors import FormFactor, g2_kernel
from mutau.reactions.quadrature import Rule

Array = np.ndarray


class Neutrinos(NamedTuple):
    """Energies (E,) GeV, and weights (E,) that sum to 1."""

    energies: Array
    flux: Array


class Scatterers(NamedTuple):
    """What is hit, at rest: masses (S,) GeV, counts (S,), and targets (S, 6) for `response`."""

    masses: Array
    counts: Array
    targets: Array


class NuclearTensor(NamedTuple):
    """H = a (-g) + b k k, normal to q."""

    a: float
    b: float


@njit
def angle_weights(x2: float, rest: float) -> tuple[float, float, float]:
    """Weights w at c^2 = 0, 1/2, 1 such that sum w f(c^2) = int_-1^1 f/(1 - x2 c^2)^2 dc, exactly.

    x2 in [0, 1), rest = 1 - x2 given apart to keep its digits; f a polynomial of degree 2 in c^2.
    Check: x2 = 0 gives int f = 2 f(0) at constant f.
    """
    if x2 < 0.04:  # nine terms: the next is below 2e-13
        i0 = i1 = i2 = 0.0
        power = 1.0
        for n in range(9):
            i0 += (n + 1.0) * power / (2.0 * n + 1.0)
            i1 += (n + 1.0) * power / (2.0 * n + 3.0)
            i2 += (n + 1.0) * power / (2.0 * n + 5.0)
            power *= x2
    else:
        x = math.sqrt(x2)
        j0 = 0.5 * math.log((1.0 + x) ** 2 / rest) / x
        j1 = (j0 - 1.0) / x2
        i0 = 0.5 * (1.0 / rest + j0)
        i1 = (i0 - j0) / x2
        i2 = (i1 - j1) / x2
    return 2.0 * (i0 - 3.0 * i1 + 2.0 * i2), 8.0 * (i1 - i2), 2.0 * (2.0 * i2 - i1)


@njit
def vector_numerator(
    c2: float, m: float, e: float, p: float, kappa2: float, q2: float, k0: float, dens: Array
) -> float:
    """L H |T|^2 (D- D+)^2 of the vector current at one c^2 (sum over +-c), K and q along z.

    m, e : muon mass, energy. p, k0 : momentum and energy of the weak current. kappa2, q2 : -K^2,
    -q^2. dens : (8,) elements of the two density matrices, see `densities`.
    """
    momentum2 = e * e - m * m
    nu = k0 * (2.0 * e - k0) + p * p
    q0 = 2.0 * e - k0
    s2 = 1.0 - c2
    pp = p * p
    n11, n00, n10, n1m, r11, r00, r10, r1m = dens
    two = 32.0 * momentum2 * nu * nu * s2 * (m * m * s2 + e * e * (1.0 + c2))
    # J = 1: (1,0) and (0,1); (c + 1)^2 f(c) + (c - 1)^2 f(-c) written out in c^2.
    mass_term = 64.0 * c2 * s2 * momentum2 * m * m * pp
    t10 = mass_term * k0 * k0 + 16.0 * momentum2 * pp * (
        (1.0 + c2) * (nu * nu + 4.0 * c2 * e * e * k0 * k0) - 8.0 * c2 * nu * e * k0
    )
    t01 = mass_term * q0 * q0 + 16.0 * momentum2 * pp * (
        (1.0 + c2) * (nu * nu + 4.0 * c2 * e * e * q0 * q0) - 8.0 * c2 * nu * e * q0
    )
    mixed = -mass_term * k0 * q0 - 16.0 * momentum2 * pp * (
        (1.0 + c2) * (nu * nu + 4.0 * c2 * e * e * k0 * q0) - 4.0 * c2 * nu * e * (k0 + q0)
    )
    root = math.sqrt(kappa2 * q2)
    one = (
        n11 * r00 * t10 * q2 / pp
        + n00 * r11 * t01 * kappa2 / pp
        + 2.0 * n10 * r10 * mixed * root / pp
    )
    # J = 0: (1,-1), (0,0), (-1,1).
    b2 = momentum2 * (nu * s2 + 2.0 * c2 * pp) ** 2
    shift2 = ((e - k0) * nu) ** 2
    slope = nu - 2.0 * pp
    even2 = c2 * (e * slope) ** 2
    t1m = 32.0 * m * m * (b2 + pp * nu * nu) + 32.0 * momentum2 * s2 * (shift2 + even2)
    cross = 32.0 * m * m * (b2 - pp * nu * nu) + 32.0 * momentum2 * s2 * (even2 - shift2)
    t00 = 128.0 * c2 * momentum2 * kappa2 * q2 * (c2 * m * m + e * e * s2)
    t1m00 = (
        64.0 * c2 * momentum2 * root
        * (m * m * (nu * s2 + 2.0 * c2 * pp) - e * e * s2 * slope)
    )  # fmt: skip
    zero = (
        2.0 * n11 * r11 * t1m + n00 * r00 * t00 - 4.0 * n10 * r10 * t1m00 + 2.0 * n1m * r1m * cross
    )
    return 2.0 * n11 * r11 * two + 2.0 * one + zero


@njit
def axial_numerator(
    c2: float, m: float, e: float, p: float, kappa2: float, q2: float, k0: float, dens: Array
) -> float:
    """L H |T|^2 (D- D+)^2 of the axial current at one c^2; arguments as `vector_numerator`."""
    momentum2 = e * e - m * m
    nu = k0 * (2.0 * e - k0) + p * p
    q0 = 2.0 * e - k0
    s2 = 1.0 - c2
    pp = p * p
    m2 = m * m
    n11, n00, n10, n1m, r11, r00, r10, r1m = dens
    two = 32.0 * momentum2 * momentum2 * nu * nu * s2 * (1.0 + c2)
    steep = 2.0 * k0 * momentum2
    level = e * nu
    t10 = 16.0 * s2 * m2 * pp * nu * nu + 16.0 * pp * (
        (1.0 + c2) * (level * level + c2 * steep * steep) - 4.0 * c2 * level * steep
    )
    # (0,1), times kappa: level and slope of G = kappa^2 (E nu -+ 2 c q0 P^2) + 2 K0 m^2 nu.
    level_g = kappa2 * level + 2.0 * k0 * m2 * nu
    steep_g = kappa2 * 2.0 * q0 * momentum2
    t01 = 16.0 * s2 * m2 * nu * nu * (nu * nu + 4.0 * momentum2 * pp) + 16.0 * (
        (1.0 + c2) * (level_g * level_g + c2 * steep_g * steep_g) - 4.0 * c2 * level_g * steep_g
    )
    mixed = -16.0 * s2 * m2 * pp * nu**3 - 16.0 * pp * (
        (1.0 + c2) * (level * level_g + c2 * steep * steep_g)
        - 2.0 * c2 * (level * steep_g + level_g * steep)
    )
    one = (
        n11 * r00 * t10 * q2 / pp
        + n00 * r11 * t01 / kappa2
        + 2.0 * n10 * r10 * mixed / pp * math.sqrt(q2 / kappa2)
    )
    slope = nu - 2.0 * pp
    even2 = c2 * (momentum2 * slope) ** 2
    shift2 = (nu * (e * e - e * k0 + m2)) ** 2
    massive = 32.0 * c2 * m2 * q0 * q0
    t1m = massive * (nu * nu + 4.0 * momentum2 * pp) + 32.0 * s2 * (even2 + shift2)
    cross = -massive * (nu * nu - 4.0 * momentum2 * pp) + 32.0 * s2 * (even2 - shift2)
    t00 = 128.0 * c2 * s2 * momentum2 * momentum2 * kappa2 * q2
    t1m00 = -64.0 * c2 * s2 * momentum2 * momentum2 * slope * math.sqrt(kappa2 * q2)
    zero = (
        2.0 * n11 * r11 * t1m + n00 * r00 * t00 - 4.0 * n10 * r10 * t1m00 + 2.0 * n1m * r1m * cross
    )
    return 2.0 * n11 * r11 * two + 2.0 * one + zero


@njit
def densities(
    kappa2: float, q2: float, w2: float, y: float, a: float, b: float, out: Array
) -> float:
    """Fill `out` with N11, N00, N10, N1-1, R11, R00, R10, R1-1; return the squared n_T.

    N : neutrino tensor, R : nuclear tensor a (-g) + b k k, in helicities along K. y = 2 k.q.
    Negative return: the point lies outside phase space (`out` is then not filled).
    """
    nu = 0.5 * (w2 + kappa2 + q2)
    momentum_w2 = nu * nu - kappa2 * q2  # (p W)^2
    n0 = math.sqrt(kappa2 / momentum_w2) * (y - nu)
    transverse2 = n0 * n0 - kappa2
    if transverse2 < 0.0:
        return transverse2
    transverse = math.sqrt(transverse2)
    k_t2 = 0.25 * transverse2
    k_02 = k_t2 + 0.25 * y * y / q2
    out[0] = 4.0 * (0.5 * transverse2 + kappa2)
    out[1] = 4.0 * transverse2
    out[2] = 4.0 * transverse * n0 / math.sqrt(2.0)
    out[3] = -2.0 * transverse2
    out[4] = a + 0.5 * b * k_t2
    out[5] = -a + b * k_02
    out[6] = b * 0.5 * transverse * math.sqrt(0.5 * k_02)
    out[7] = -0.5 * b * k_t2
    return transverse2


@njit
def pair_tensors(
    kappa2: float, q2: float, w2: float, y: float, m: float, dens: Array
) -> tuple[float, float]:
    """int_-1^1 dc L H |T|^2 / (D- D+)^2 of vector and axial current, from filled densities."""
    w = math.sqrt(w2)
    nu = 0.5 * (w2 + kappa2 + q2)
    pp = (nu * nu - kappa2 * q2) / w2
    p = math.sqrt(pp)
    e = 0.5 * w
    k0 = 0.5 * (w2 - kappa2 + q2) / w
    rest = (kappa2 * q2 + 4.0 * m * m * pp) / (nu * nu)
    x2 = 4.0 * (e * e - m * m) * pp / (nu * nu)
    w0, w1, w2_ = angle_weights(x2, rest)
    scale = 1.0 / nu**4
    vector = axial = 0.0
    for weight, c2 in ((w0, 0.0), (w1, 0.5), (w2_, 1.0)):
        vector += weight * vector_numerator(c2, m, e, p, kappa2, q2, k0, dens)
        axial += weight * axial_numerator(c2, m, e, p, kappa2, q2, k0, dens)
    return vector * scale, axial * scale


@njit
def dipole(t: float) -> float:
    """Dipole form factor of the nucleon, (1 + t/0.71 GeV^2)^-2."""
    return 1.0 / (1.0 + t / 0.71) ** 2


@njit
def response(t: float, target: Array) -> tuple[float, float]:
    """Electric and magnetic response (G2, G_M^2) at t = Q^2 of one scatterer; `target` says which.

    target[0] = 0: nucleus, form of matter.form_factors (z^2, screening, size, 0, 0).
    target[0] = 1: nucleus, symmetrised Fermi density with screening (z^2, screening, radius,
    surface), the last two in 1/GeV. target[0] = 2: nucleons of a broken nucleus
    (protons, neutrons, Fermi momentum, mu_p, mu_n): G2 = (G_E^2 + tau G_M^2)/(1 + tau), Pauli
    blocking (3/2) x - x^3/2 with x = |q|/(2 k_F) below x = 1, none where k_F = 0.
    """
    if target[0] == 0.0:
        return g2_kernel(t, FormFactor(target[1], target[2], target[3], 0.0, 0.0)), 0.0
    if target[0] == 1.0:
        q = math.sqrt(t)
        radius, surface = target[3], target[4]
        u = math.pi * q * surface
        if u > 300.0:  # sinh(u) leaves double precision, and the form factor is zero
            return 0.0, 0.0
        shape = u / math.tanh(u) * math.sin(q * radius) - q * radius * math.cos(q * radius)
        full = (
            3.0
            * u
            * shape
            / (math.sinh(u) * q**3 * radius * (radius**2 + (math.pi * surface) ** 2))
        )
        screened = t / (t + target[2])
        return target[1] * (full * screened) ** 2, 0.0
    tau = 0.25 * t / (M_P * M_P)
    block = 1.0
    if target[3] > 0.0:
        x = 0.5 * math.sqrt(t * (1.0 + tau)) / target[3]
        if x < 1.0:
            block = 1.5 * x - 0.5 * x**3
    shape2 = dipole(t) ** 2
    magnetic = shape2 * (target[1] * target[4] ** 2 + target[2] * target[5] ** 2)
    electric = shape2 * target[1]
    return block * (electric + tau * magnetic) / (1.0 + tau), block * magnetic


@njit
def y_top(q2: float, energy: float, mass: float) -> float:
    """Largest y = 2 k.q at given Q^2 for a target of this mass at rest."""
    recoil = 0.5 * q2 / mass
    return 2.0 * energy * q2 / (math.sqrt(q2 + recoil * recoil) + recoil)


@njit
def y_bottom(q2: float, kappa2: float, m: float) -> float:
    """Least y at given Q^2 and kappa^2: the pair at rest, W = 2 m, the neutrino along K."""
    half = 0.5 * (q2 + kappa2 + 4.0 * m * m)
    return half + math.sqrt(half * half - kappa2 * q2)


@njit
def q2_range(
    kappa2: float, energy: float, mass: float, m: float, q2_max: float
) -> tuple[float, float]:
    """Range of Q^2 where y_bottom < y_top, cut at q2_max; (0, 0) where there is none."""
    best, best_gap = 0.0, 0.0
    for i in range(241):  # the gap, a ratio, has one maximum; bracket it on a logarithmic lattice
        q2 = q2_max * 10.0 ** (-0.05 * i)
        gap = y_top(q2, energy, mass) / y_bottom(q2, kappa2, m)
        if gap > best_gap:
            best, best_gap = q2, gap
    if best_gap <= 1.0:
        return 0.0, 0.0
    # fourteen decades hold the other end; closed to the digits of a double
    low, high = best * 1e-14, best
    while high / low > 1.0 + 1e-13:
        middle = math.sqrt(low * high)
        if y_top(middle, energy, mass) > y_bottom(middle, kappa2, m):
            high = middle
        else:
            low = middle
    lower = high
    if y_top(q2_max, energy, mass) > y_bottom(q2_max, kappa2, m):
        return lower, q2_max
    low, high = best, q2_max
    while high / low > 1.0 + 1e-13:
        middle = math.sqrt(low * high)
        if y_top(middle, energy, mass) > y_bottom(middle, kappa2, m):
            low = middle
        else:
            high = middle
    return lower, low


@njit
def pair_mass_integral(
    kappa2: float,
    q2: float,
    y: float,
    m: float,
    nucleus: NuclearTensor,
    rule: Rule,
    dens: Array,
) -> tuple[float, float]:
    """int dW^2 beta int dc L H |T|^2/(D- D+)^2 for vector and axial."""
    low = 4.0 * m * m
    top = (y - q2) * (y - kappa2) / y
    vector = axial = 0.0
    if top <= low:
        return 0.0, 0.0
    span = math.log(top / low)
    for i in range(len(rule.nodes)):
        x = rule.nodes[i]
        w2 = low * math.exp(span * x * x)
        beta = math.sqrt(1.0 - low / w2)
        if densities(kappa2, q2, w2, y, nucleus.a, nucleus.b, dens) < 0.0:
            continue
        one, two = pair_tensors(kappa2, q2, w2, y, m, dens)
        jacobian = rule.weights[i] * 2.0 * x * span * w2 * beta
        vector += jacobian * one
        axial += jacobian * two
    return vector, axial


@njit
def nuclear_tensor(
    q2: float, y: float, energy: float, mass: float, electric: float, magnetic: float
) -> NuclearTensor:
    """The tensor for one neutrino energy and one scatterer at rest.

    (P P) averaged over the azimuth, times `electric`, plus the magnetic part (Q^2/4) G_M^2 (-g).
    Check: a = 0 for a spin-0 scatterer at y = y_top, where nothing is left transverse.
    """
    x = (mass * energy - 0.25 * y) ** 2 * 4.0 * q2 / (y * y)
    plain = 0.5 * (x - mass * mass - 0.25 * q2)
    return NuclearTensor(
        electric * plain + 0.25 * q2 * magnetic,
        electric * (x + plain) * 4.0 * q2 / (y * y),
    )


@njit
def trident_spectrum(
    kappa2: Array,
    beam: Neutrinos,
    target: Scatterers,
    m: float,
    q2_max: float,
    rule_q: Rule,
    rule: Rule,
) -> Array:
    """d sigma/d kappa^2 of the 2 -> 4 process at unit couplings: (2, N), vector and axial.

    kappa2 : (N,) GeV^2. m : muon mass. q2_max : upper end of Q^2. rule_q, rule : of Q^2, and of y
    and W^2.
    The average over energies and scatterers costs nothing: it is taken of a and b, in which the
    rest is linear. Without the factor G_F^2 alpha^2, which makes it 1/GeV^4.
    """
    energies, flux = beam
    masses, counts, targets = target
    out = np.zeros((2, len(kappa2)))
    dens = np.empty(8)
    electric, magnetic = np.empty(len(masses)), np.empty(len(masses))
    # (G_F^2/2) e^4 4 / [2 (s - M^2)] / [(2 pi)^2 (8 pi)^3 (s - M^2)] / 2 with s - M^2 = 2 M E
    front = 32.0 * math.pi**2 / 8.0 / (4.0 * math.pi**2) / (8.0 * math.pi) ** 3 / 2.0
    top_energy, top_mass = energies.max(), masses.max()
    for i in range(len(kappa2)):
        low_q, high_q = q2_range(kappa2[i], top_energy, top_mass, m, q2_max)
        if high_q <= low_q:
            continue
        span_q = math.log(high_q / low_q)
        for j in range(len(rule_q.nodes)):
            q2 = low_q * math.exp(span_q * rule_q.nodes[j])
            for n in range(len(masses)):
                electric[n], magnetic[n] = response(q2, targets[n])
            low, high = y_bottom(q2, kappa2[i], m), y_top(q2, top_energy, top_mass)
            if high <= low:
                continue
            span = math.log(high / low)
            outer = front * rule_q.weights[j] * span_q / q2
            for k in range(len(rule.nodes)):
                y = low * math.exp(span * rule.nodes[k])
                a = b = 0.0
                for n in range(len(masses)):
                    for e in range(len(energies)):
                        if y < y_top(q2, energies[e], masses[n]):
                            one, two = nuclear_tensor(
                                q2, y, energies[e], masses[n], electric[n], magnetic[n]
                            )
                            scale = counts[n] * flux[e] / (masses[n] * energies[e]) ** 2
                            a += scale * one
                            b += scale * two
                vector, axial = pair_mass_integral(
                    kappa2[i], q2, y, m, NuclearTensor(a, b), rule, dens
                )
                inner = outer * rule.weights[k] * span  # dy/y of dy against the 1/y of phase space
                out[0, i] += inner * vector
                out[1, i] += inner * axial
    return out


@njit
def photon_spectrum(kappa2: Array, s_hat: float, m: float, rule: Rule) -> Array:
    """d sigma/d kappa^2 of nu gamma -> nu mu+ mu- (real photon), unit couplings: (2, N).

    s_hat : GeV^2. Without the factor G_F^2 alpha. The photon's two helicities are averaged.
    Check: far above threshold the integral is s_hat/(9 pi^2) [ln(s_hat/m^2) - 8/3].
    """
    out = np.zeros((2, len(kappa2)))
    dens = np.empty(8)
    q2 = 1e-12 * m * m  # nothing transverse has a pole in Q^2; the longitudinal part is off
    # (1/2) (G_F^2/2) e^2 / (2 s) / [2 pi (8 pi)^2 s] / 2
    front = math.pi / (2.0 * s_hat) / (2.0 * math.pi * (8.0 * math.pi) ** 2 * s_hat) / 2.0
    y = s_hat + q2
    for i in range(len(kappa2)):
        if (y - q2) * (y - kappa2[i]) / y <= 4.0 * m * m:
            continue
        photon = NuclearTensor(1.0, 4.0 * q2 / (y * y))
        vector, axial = pair_mass_integral(kappa2[i], q2, y, m, photon, rule, dens)
        out[0, i] = front * vector
        out[1, i] = front * axial
    return out


@njit
def epa_spectrum(
    kappa2: Array, beam: Neutrinos, target: Scatterers, m: float, q2_max: float, rule: Rule
) -> Array:
    """d sigma/d kappa^2 with the nucleus replaced by real photons: (2, N), as `trident_spectrum`.

    Photons per ds dQ^2: (alpha/pi) G2(Q^2)/(s Q^2) for Q > s/(2E); the limit of `nuclear_tensor`
    for s^2/(4 E^2) << Q^2 << s, with the longitudinal photon and the Q^2 of the amplitude dropped.
    """
    energies, flux = beam
    _, counts, targets = target
    out = np.zeros((2, len(kappa2)))
    low_s = 4.0 * m * m
    for e in range(len(energies)):
        high_s = 2.0 * energies[e] * math.sqrt(q2_max)
        if high_s <= low_s:
            continue
        span = math.log(high_s / low_s)
        for k in range(len(rule.nodes)):
            s_hat = low_s * math.exp(span * rule.nodes[k])
            low_q = (0.5 * s_hat / energies[e]) ** 2
            span_q = math.log(q2_max / low_q)
            photons = 0.0
            for j in range(len(rule.nodes)):
                q2 = low_q * math.exp(span_q * rule.nodes[j])
                for n in range(len(counts)):
                    photons += rule.weights[j] * span_q * counts[n] * response(q2, targets[n])[0]
            scale = flux[e] * rule.weights[k] * span * photons / math.pi
            out += scale * photon_spectrum(kappa2, s_hat, m, rule)
    return out
