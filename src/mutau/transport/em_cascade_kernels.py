"""The depth-integrated cascade equations on an energy grid: compiled kernels."""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.matter.em_processes_tables import (
    ANNIHILATION,
    BETA_E,
    BETA_P,
    COMPTON_E,
    COMPTON_G,
    COMPTON_TOTAL,
    DELTA_E,
    DELTA_P,
    GAMMA_E,
    GAMMA_P,
    LOSS_E,
    LOSS_P,
    N_PROCESSES,
    N_RATES,
    N_W,
    PAIR,
    PAIR_TOTAL,
    STEP_LOG_E,
    STEP_W,
    W_LOW,
)

ELECTRON, POSITRON, PHOTON = range(3)
#: A bin further below its source than this many source widths sees it as a point.
NEAR: Final = 4.0
#: Power of the track-length density inside a bin; exact for the middle of a long cascade.
FALL: Final = 2.0


@njit(forceinline=True)
def cell(v: float) -> tuple[int, float]:
    """Index and place within the cell of the w grid for a fraction 0 < v < 1."""
    x = (np.log(v / (1.0 - v)) - W_LOW) / STEP_W
    i = min(max(int(x), 0), N_W - 2)
    return i, min(max(x - i, 0.0), 1.0)


@njit(forceinline=True)
def weights(t: float) -> tuple[float, float, float, float]:
    """Cubic Hermite weights of C, C, D, D at the two ends of a cell."""
    u = 1.0 - t
    lean = STEP_W * t * u
    return (1.0 + 2.0 * t) * u * u, t * t * (1.0 + 2.0 * u), -lean * u, lean * t


@njit(forceinline=True)
def combine(table: np.ndarray, i: int, h: tuple[float, float, float, float]) -> float:
    """C in cell i with the weights h; table (N_W, 3)."""
    return table[i, 0] * h[0] + table[i + 1, 0] * h[1] + table[i, 1] * h[2] + table[i + 1, 1] * h[3]


@njit(forceinline=True)
def number_above(table: np.ndarray, i: int, t: float) -> float:
    """C by cubic Hermite interpolation in cell i at t; table (N_W, 3)."""
    return combine(table, i, weights(t))


@njit(forceinline=True)
def integral_below(table: np.ndarray, v: float) -> float:
    """I(v) by cubic Hermite interpolation; table (N_W, 3). Linear below the grid."""
    if v <= 0.0:
        return 0.0
    x = (np.log(v / (1.0 - v)) - W_LOW) / STEP_W
    if x <= 0.0:
        v0 = 1.0 / (1.0 + np.exp(-W_LOW))
        return v / v0 * (table[0, 2] + v * table[0, 1] * np.log(v0 / v))
    i = min(int(x), N_W - 2)
    t = x - i
    u = 1.0 - t
    low = 1.0 / (1.0 + np.exp(-(W_LOW + i * STEP_W)))
    high = 1.0 / (1.0 + np.exp(-(W_LOW + (i + 1) * STEP_W)))
    return (
        table[i, 2] * (1.0 + 2.0 * t) * u * u
        + table[i + 1, 2] * t * t * (1.0 + 2.0 * u)
        + STEP_W
        * t
        * u
        * (table[i, 0] * low * (1.0 - low) * u - table[i + 1, 0] * high * (1.0 - high) * t)
    )


@njit
def blend(
    log_e: np.ndarray,
    spectra: np.ndarray,
    rates: np.ndarray,
    e: float,
    table: np.ndarray,
    rate: np.ndarray,
) -> None:
    """Tables at one source energy, linear in ln E, into table (9, N_W, 3) and rate (5,)."""
    x = (np.log(e) - log_e[0]) / STEP_LOG_E
    i = min(max(int(x), 0), log_e.shape[0] - 2)
    f = x - i
    for p in range(N_PROCESSES):
        a, b, out = spectra[p, i], spectra[p, i + 1], table[p]
        for j in range(N_W):
            for c in range(3):
                out[j, c] = a[j, c] + f * (b[j, c] - a[j, c])
    for r in range(N_RATES):
        rate[r] = rates[r, i] + f * (rates[r, i + 1] - rates[r, i])


@njit(forceinline=True)
def mean_loss_rate(table: np.ndarray, e: float, high: float, low: float, a: float) -> float:
    """Mean over a bin [low, high] of the rate to fall from it below a near edge a <= low.

    With the track-length density falling as E^-FALL within the bin. The loss spectrum may be as
    singular as 1/k: near the edge the integral I does the mean of a flat density exactly, and the
    slope of the density multiplies the mean of C's logarithm. From a distance of NEAR widths on
    the rate at e is enough, and `push_all` takes that.
    """
    width = high - low
    above = integral_below(table, (high - a) / e)
    below = integral_below(table, (low - a) / e)
    i, t = cell((high - a) / e)
    slope = (table[i, 1] + t * (table[i + 1, 1] - table[i, 1])) * e / (e - high + a)
    far, near = (high - a) / width, (low - a) / width
    middle = 0.5 * (far + near)
    lean = far * (0.5 * far - middle) * np.log(far) - 0.25 * far * far + middle * far
    if near > 0.0:
        lean -= near * (0.5 * near - middle) * np.log(near) - 0.25 * near * near + middle * near
    return (above - below) * e / width + FALL * slope * width / (0.5 * (high + low)) * lean


@njit(forceinline=True)
def gains(table: np.ndarray, e: float, a: float, out: np.ndarray) -> None:
    """Secondaries above total energy a from a source at e > a: per X0 of each species, into out.

    out[species of the source, species of the secondary], 3 x 3; only what is made (the survivor
    of a loss is the loss rate's business).
    """
    i, t = cell(a / e)
    h = weights(t)
    out[ELECTRON, PHOTON] = combine(table[GAMMA_E], i, h)
    out[POSITRON, PHOTON] = combine(table[GAMMA_P], i, h)
    out[PHOTON, POSITRON] = combine(table[PAIR], i, h)
    out[PHOTON, PHOTON] = combine(table[COMPTON_G], i, h)
    i, t = cell((a - M_E) / e)
    h = weights(t)
    out[ELECTRON, ELECTRON] = combine(table[DELTA_E], i, h)
    out[POSITRON, ELECTRON] = combine(table[DELTA_P], i, h)
    out[PHOTON, ELECTRON] = out[PHOTON, POSITRON] + combine(table[COMPTON_E], i, h)


@njit
def solve_three(matrix: np.ndarray, right: np.ndarray) -> None:
    """Solution of three linear equations in the place of `right`; the matrix is used up.

    Without pivoting: what leaves a bin stands on the diagonal and what comes in has the other
    sign off it, so that no elimination cancels.
    """
    for i in range(2):
        for k in range(i + 1, 3):
            share = matrix[k, i] / matrix[i, i]
            for j in range(i + 1, 3):
                matrix[k, j] -= share * matrix[i, j]
            right[k] -= share * right[i]
    for i in range(2, -1, -1):
        for j in range(i + 1, 3):
            right[i] -= matrix[i, j] * right[j]
        right[i] /= matrix[i, i]


@njit
def solve(
    edges: np.ndarray,
    centres: np.ndarray,
    particle: int,
    log_e: np.ndarray,
    spectra: np.ndarray,
    rates: np.ndarray,
) -> np.ndarray:
    """Track length of each species in each bin, X0 per incident particle.

    edges : (N + 1,) GeV, falling from the energy of the incident particle. centres : (N,) energy
    that stands for each bin. particle : of the incident one. log_e, spectra, rates :
    SpectrumTables. Returns (3, N).

    One equation per edge a and species: particles made above a = those removed above a + those
    that fall below a. With track lengths L_j per bin these are triangular in j.
    """
    n = centres.shape[0]
    track = np.zeros((3, n))
    made = np.zeros((3, n))  # from the bins above, minus what they lost
    table = np.empty((N_PROCESSES, N_W, 3))
    rate = np.empty(N_RATES)
    gain = np.zeros((3, 3))
    made[particle, :] = 1.0
    beta_of = (BETA_E, BETA_P)
    loss_of = (LOSS_E, LOSS_P)
    if particle == PHOTON:
        blend(log_e, spectra, rates, edges[0], table, rate)
        first = 1.0 / (rate[PAIR_TOTAL] + rate[COMPTON_TOTAL])
        made[PHOTON, :] = 0.0
        push(first, PHOTON, table, edges[0], edges, 0, made, gain)
    for j in range(n):
        e, high, low = centres[j], edges[j], edges[j + 1]
        blend(log_e, spectra, rates, e, table, rate)
        gains(table, e, low, gain)
        removal = rate[PAIR_TOTAL] + rate[COMPTON_TOTAL] - gain[PHOTON, PHOTON]
        matrix = np.zeros((3, 3))
        right = made[:, j].copy()
        for s in range(2):
            flow, earlier = edge_flow(track[s], edges, j)
            beta = rate[beta_of[s]]
            matrix[s, s] = mean_loss_rate(table[loss_of[s]], e, high, low, low) + beta * flow
            right[s] -= beta * earlier
        matrix[ELECTRON, ELECTRON] -= gain[ELECTRON, ELECTRON]
        matrix[POSITRON, POSITRON] += rate[ANNIHILATION]
        matrix[ELECTRON, POSITRON] = -gain[POSITRON, ELECTRON]
        matrix[ELECTRON, PHOTON] = -gain[PHOTON, ELECTRON]
        matrix[POSITRON, PHOTON] = -gain[PHOTON, POSITRON]
        matrix[PHOTON, ELECTRON] = -gain[ELECTRON, PHOTON]
        matrix[PHOTON, POSITRON] = -gain[POSITRON, PHOTON]
        matrix[PHOTON, PHOTON] = removal
        solve_three(matrix, right)
        for s in range(3):
            track[s, j] = right[s]
        push_all(track[:, j], table, rate, e, edges, j, made, gain)
    return track


@njit(forceinline=True)
def edge_flow(track: np.ndarray, edges: np.ndarray, j: int) -> tuple[float, float]:
    """Track-length density at the lower edge of bin j as flow * L_j + earlier.

    Linear extrapolation from the bin and the one above; flat in the first bin.
    """
    width = edges[j] - edges[j + 1]
    if j == 0:
        return 1.0 / width, 0.0
    before = edges[j - 1] - edges[j]
    lean = width / (width + before)
    return (1.0 + lean) / width, -lean * track[j - 1] / before


@njit
def push(
    length: float,
    source: int,
    table: np.ndarray,
    e: float,
    edges: np.ndarray,
    start: int,
    made: np.ndarray,
    gain: np.ndarray,
) -> None:
    """Add what photons of energy e make above every edge from bin `start` on."""
    for i in range(start, made.shape[1]):
        gains(table, e, edges[i + 1], gain)
        for s in range(3):
            made[s, i] += length * gain[source, s]


@njit
def push_all(
    length: np.ndarray,
    table: np.ndarray,
    rate: np.ndarray,
    e: float,
    edges: np.ndarray,
    j: int,
    made: np.ndarray,
    gain: np.ndarray,
) -> None:
    """Add to every later balance what bin j makes, minus what it loses."""
    high, low = edges[j], edges[j + 1]
    removal = rate[PAIR_TOTAL] + rate[COMPTON_TOTAL]
    for i in range(j + 1, made.shape[1]):
        a = edges[i + 1]
        gains(table, e, a, gain)
        for s in range(3):
            made[s, i] += length[0] * gain[0, s] + length[1] * gain[1, s] + length[2] * gain[2, s]
        if low - a > NEAR * (high - low):
            c, t = cell((e - a) / e)
            h = weights(t)
            loss_e, loss_p = combine(table[LOSS_E], c, h), combine(table[LOSS_P], c, h)
        else:
            loss_e = mean_loss_rate(table[LOSS_E], e, high, low, a)
            loss_p = mean_loss_rate(table[LOSS_P], e, high, low, a)
        made[ELECTRON, i] -= length[ELECTRON] * loss_e
        made[POSITRON, i] -= length[POSITRON] * (loss_p + rate[ANNIHILATION])
        made[PHOTON, i] -= length[PHOTON] * removal


@njit(forceinline=True)
def energy_above(table: np.ndarray, v: float) -> float:
    """Mean energy per X0, in units of the source's, carried by secondaries above fraction v."""
    whole = table[N_W - 1, 2]
    if v <= 0.0:
        return whole
    if v >= 1.0:
        return 0.0
    i, t = cell(v)
    return whole - integral_below(table, v) + v * number_above(table, i, t)


@njit
def energy_flow(
    track: np.ndarray,
    edges: np.ndarray,
    centres: np.ndarray,
    log_e: np.ndarray,
    spectra: np.ndarray,
    rates: np.ndarray,
) -> np.ndarray:
    """Where the energy goes, GeV: collisions below DELTA_CUT, electrons and positrons below the
    last edge, photons below it; and fourth, what rest energy of atomic electrons came in.

    Arguments as `solve`, track its result. A recoil electron below the last edge counts with its
    kinetic energy, any other particle with its total energy.
    """
    out = np.zeros(4)
    table = np.empty((N_PROCESSES, N_W, 3))
    rate = np.empty(N_RATES)
    cut = edges[-1]
    for j in range(centres.shape[0]):
        e = centres[j]
        lm, lp, lg = track[0, j], track[1, j], track[2, j]
        blend(log_e, spectra, rates, e, table, rate)
        v, v_kin, v_loss = cut / e, (cut - M_E) / e, 1.0 - cut / e
        out[0] += lm * rate[BETA_E] + lp * rate[BETA_P]
        for length, loss, delta in ((lm, LOSS_E, DELTA_E), (lp, LOSS_P, DELTA_P)):
            high, low = edges[j], edges[j + 1]
            if low - cut > NEAR * (high - low):
                i, t = cell(v_loss)
                fallen = cut * number_above(table[loss], i, t)
            else:
                fallen = cut * mean_loss_rate(table[loss], e, high, low, cut)
            fallen -= e * (table[loss, N_W - 1, 2] - integral_below(table[loss], v_loss))
            slow = table[delta, N_W - 1, 2] - energy_above(table[delta], v_kin)
            out[1] += length * (fallen + e * slow)
            i, t = cell(v_kin)
            out[3] += length * M_E * number_above(table[delta], i, t)
        out[1] += 2.0 * lg * e * (table[PAIR, N_W - 1, 2] - energy_above(table[PAIR], v))
        slow = table[COMPTON_E, N_W - 1, 2] - energy_above(table[COMPTON_E], v_kin)
        out[1] += lg * e * slow
        i, t = cell(v_kin)
        out[3] += lg * M_E * number_above(table[COMPTON_E], i, t)
        out[3] += lp * M_E * rate[ANNIHILATION]
        for length, p in ((lm, GAMMA_E), (lp, GAMMA_P), (lg, COMPTON_G)):
            out[2] += length * e * (table[p, N_W - 1, 2] - energy_above(table[p], v))
    last = centres.shape[0] - 1
    for s, r in ((ELECTRON, BETA_E), (POSITRON, BETA_P)):
        flow, earlier = edge_flow(track[s], edges, last)
        out[1] += cut * rate[r] * (flow * track[s, last] + earlier)
    return out
