"""Kernels of a muon in matter: its steps, its hard collisions, its recoils."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.jit import inner, njit
from mutau.matter.multiple_scattering import deflection_kernel, scatter_kernel
from mutau.matter.muon_cross_sections import t_max_kernel
from mutau.matter.muon_energy_loss import T_MIN, energy_after_kernel, loss_kernel
from mutau.transport import catastrophic_losses as hard
from mutau.transport.catastrophic_losses import (
    LOG_SHARE,
    N_ENERGY,
    N_RECOIL_U,
    N_RECOIL_V,
    N_SHARE,
    RECOIL_ENERGIES,
    RECOIL_LOGIT,
    RECOIL_TAIL,
)
from mutau.transport.matter_tables import MaterialRecord, scattering_of
from mutau.transport.particle import State, secant

Array = NDArray[np.float64]

#: Energy (GeV) at which a muon counts as stopped.
STOPPED: Final = M_MU + T_MIN
#: Soft knock-on electrons drawn one by one in a step, and the lowest that are, GeV.
_N_SOFT: Final = 3.0
_LOWEST: Final = 2e-4
#: Mean number of hard collisions drawn in a gap of gas or a plane.
_THIN_HARD: Final = 1.0
#: Hadron-photon cross section over Q^2: poles (GeV^2) of Bezrukov and Bugaev (1981).
_POLE_1: Final = 0.54
_POLE_2: Final = 1.80
_N_RECOIL_E: Final = len(RECOIL_ENERGIES)
_RECOIL_LOG: Final = math.log(RECOIL_ENERGIES[0])
_RECOIL_STEP: Final = math.log(RECOIL_ENERGIES[1] / RECOIL_ENERGIES[0])


@inner
def _energy_bin(energy: float, matter: MaterialRecord) -> tuple[int, float]:
    """Interval of the tables in ln E, and the place in it; 0 to 1."""
    u = (math.log(energy) - matter.log_low) / matter.log_step
    i = min(max(int(u), 0), N_ENERGY - 2)
    return i, min(max(u - i, 0.0), 1.0)


@inner
def hard_rate(energy: float, matter: MaterialRecord) -> float:
    """Hard collisions per cm; 0 below the tables."""
    u = (math.log(energy) - matter.log_low) / matter.log_step
    if u < 0.0:
        return 0.0
    i = min(int(u), N_ENERGY - 2)
    s = min(u - i, 1.0)
    return (1.0 - s) * matter.rate[i, 4] + s * matter.rate[i + 1, 4]


@inner
def draw_loss(rng: np.random.Generator, energy: float, matter: MaterialRecord) -> tuple[int, float]:
    """(kind, energy lost in GeV) of one hard collision."""
    i, s = _energy_bin(energy, matter)
    rate, logit = matter.rate, matter.logit
    draw = rng.random() * ((1.0 - s) * rate[i, 4] + s * rate[i + 1, 4])
    kind = 0
    while kind < 3:
        draw -= (1.0 - s) * rate[i, kind] + s * rate[i + 1, kind]
        if draw <= 0.0:
            break
        kind += 1
    # where a process sets in between two energies only the upper one holds a spectrum
    if rate[i, kind] <= 0.0:
        s = 1.0
    depth = -math.log(1.0 - rng.random()) * (N_SHARE - 1) / LOG_SHARE
    j = min(int(depth), N_SHARE - 2)
    f = min(depth - j, 1.0)
    found = (1.0 - s) * ((1.0 - f) * logit[i, kind, j] + f * logit[i, kind, j + 1]) + s * (
        (1.0 - f) * logit[i + 1, kind, j] + f * logit[i + 1, kind, j + 1]
    )
    return kind, energy / (1.0 + math.exp(-found))


@inner
def nuclear_recoil(rng: np.random.Generator, v: float, energy: float) -> float:
    """Transverse momentum of a muon that interacts with a nucleus by a virtual photon, GeV."""
    t_min = (M_MU * v) ** 2 / (1.0 - v)
    span = math.log(2.0 * energy * energy * (1.0 - v) / t_min)  # far above the poles
    for _ in range(1000):
        q2 = t_min * math.exp(span * rng.random())
        flux = 1.0 - v + 0.5 * v * v - (1.0 - v) * t_min / q2
        first = _POLE_1 / (_POLE_1 + q2)
        height = flux * (0.75 * first * first + 0.25 * _POLE_2 / (_POLE_2 + q2))
        if rng.random() < height:
            return math.sqrt(max((q2 - t_min) * (1.0 - v), 0.0))
    return 0.0


@inner
def recoil_kernel(
    rng: np.random.Generator, kind: int, v: float, energy: float, matter: MaterialRecord
) -> float:
    """Transverse momentum, GeV, that the muon gets in a hard collision.

    Bremsstrahlung: exact tree level (`recoil_table`). Knock-on: two-body kinematics. Pairs:
    d sigma/dp_T^2 ~ 1/(p_T^2 + (v m_mu)^2)^2, the muon's side of the virtual photon that splits
    (virtuality above (v m_mu)^2/(1-v), a propagator squared and a cross section that falls as its
    inverse). Nuclei: flux of virtual photons times the Q^2 dependence of Bezrukov and Bugaev.
    """
    if kind == hard.NUCLEAR:
        return nuclear_recoil(rng, v, energy)
    if kind == hard.KNOCK_ON:
        lost = v * energy
        return math.sqrt(2.0 * M_E * lost * max(1.0 - lost / t_max_kernel(energy), 0.0))
    uniform = rng.random()
    if kind == hard.PAIR:
        return v * M_MU * math.sqrt(uniform / (1.0 - uniform))
    e = (math.log(energy) - _RECOIL_LOG) / _RECOIL_STEP
    k = min(max(int(e), 0), _N_RECOIL_E - 2)
    g = min(max(e - k, 0.0), 1.0)
    u = (math.log(v / (1.0 - v)) + RECOIL_LOGIT) * (N_RECOIL_V - 1) / (2.0 * RECOIL_LOGIT)
    i = min(max(int(u), 0), N_RECOIL_V - 2)
    s = min(max(u - i, 0.0), 1.0)
    w = math.log((uniform + 1e-12) / (1.0 - uniform + 1e-12))
    w = (w + RECOIL_TAIL) * (N_RECOIL_U - 1) / (2.0 * RECOIL_TAIL)
    j = min(max(int(w), 0), N_RECOIL_U - 2)
    f = min(max(w - j, 0.0), 1.0)
    log = 0.0
    for corner in range(4):
        weight = (g if corner & 1 else 1.0 - g) * (s if corner & 2 else 1.0 - s)
        line, column = k + (corner & 1), i + (corner >> 1)
        log += weight * (
            (1.0 - f) * matter.recoil[line, column, j] + f * matter.recoil[line, column, j + 1]
        )
    return M_MU * math.exp(log)


@njit
def recoils(
    rng: np.random.Generator, kind: int, v: Array, energy: float, matter: MaterialRecord, p_t: Array
) -> None:
    """`recoil_kernel` of N collisions of one kind: v (N,), writes p_t (N,), GeV."""
    for i in range(v.size):
        p_t[i] = recoil_kernel(rng, kind, v[i], energy, matter)


@njit
def soft_loss(
    rng: np.random.Generator, energy: float, path: float, matter: MaterialRecord
) -> float:
    """Energy behind a path in which no hard collision happens, GeV.

    The restricted mean, and around it: knock-on electrons below the cut, the hardest few one by
    one, the rest and soft radiation as a Gaussian.
    """
    losses = matter.restricted
    lost = path * loss_kernel(energy, losses)
    if lost > 0.02 * (energy - M_MU):
        out = energy_after_kernel(energy, path, losses)
    else:
        out = energy - path * loss_kernel(energy - 0.5 * lost, losses)
    if out <= STOPPED:
        return out
    beta2 = 1.0 - (M_MU / energy) ** 2
    xi = matter.half_k * path / beta2
    top = min(t_max_kernel(energy), matter.cut)
    low = min(max(xi / _N_SOFT, _LOWEST), top)
    i, s = _energy_bin(energy, matter)
    soft = (1.0 - s) * matter.soft[i] + s * matter.soft[i + 1]
    variance = xi * low + path * soft
    out += math.sqrt(variance) * rng.standard_normal()
    if low < top:
        span = 1.0 / low - 1.0 / top
        out += xi * math.log(top / low)
        for _ in range(rng.poisson(xi * span)):
            out -= 1.0 / (1.0 / low - rng.random() * span)
    return min(out, energy)


@inner
def thin_scatter(
    rng: np.random.Generator, path: float, p: float, beta2: float, matter: MaterialRecord
) -> tuple[float, float, float, float]:
    """`scatter_kernel` for a layer that takes no energy, with one hard collision on average.

    The Gaussian of the soft ones is then right to a few per cent of its core, which is small
    against what solids do; the tail of single collisions is the same.
    Returns angles (rad) and displacements (cm).
    """
    total, start, step = matter.total, matter.start, matter.step
    columns = matter.scatter
    reach = path / beta2
    mean = min(_THIN_HARD, total * reach)
    above = mean / reach
    angle_x = angle_y = shift_x = shift_y = 0.0
    if above < total:
        u = (math.log(1.0 / above - 1.0 / total) - start) / step
        i = min(max(int(u), 0), columns.shape[0] - 2)
        f = min(max(u - i, 0.0), 1.0)
        soft = (1.0 - f) * columns[i, 1] + f * columns[i + 1, 1]
        width = math.sqrt(0.5 * soft * reach) / p
        spread = 0.28867513459481287 * width  # 1/sqrt(12)
        angle_x = width * rng.standard_normal()
        angle_y = width * rng.standard_normal()
        shift_x = path * (0.5 * angle_x + spread * rng.standard_normal())
        shift_y = path * (0.5 * angle_y + spread * rng.standard_normal())
    draw, term, count = rng.random(), math.exp(-mean), 0
    while draw > term and count < 50:
        draw -= term
        count += 1
        term *= mean / count
    for _ in range(count):
        y = math.log(1.0 / (above * (1.0 - rng.random())) - 1.0 / total)
        angle = deflection_kernel(y, scattering_of(matter)) / p
        rest = path * rng.random()
        phi = 2.0 * math.pi * rng.random()
        part_x, part_y = angle * math.cos(phi), angle * math.sin(phi)
        angle_x += part_x
        angle_y += part_y
        shift_x += rest * part_x
        shift_y += rest * part_y
    return angle_x, angle_y, shift_x, shift_y


@inner
def _advance(
    muon: State, done: float, dense: float, change: tuple[float, float, float, float], out: float
) -> None:
    """Move the muon by `done` cm along z with the angles and displacements of `change`."""
    muon.x += done * muon.tx + change[2] / dense
    muon.y += done * muon.ty + change[3] / dense
    muon.z += done
    muon.tx += change[0]
    muon.ty += change[1]
    muon.energy = out


@inner(forceinline=True)
def _to_collision(
    rng: np.random.Generator, energy: float, path: float, matter: MaterialRecord
) -> tuple[float, bool]:
    """(cm to the next hard collision, True), or (path, False) if it lies beyond."""
    rate, draw = hard_rate(energy, matter), rng.random()
    if draw < rate * path:  # else the free path is longer, without the logarithm
        free = -math.log(1.0 - draw) / rate
        if free < path:
            return free, True
    return path, False


@inner
def solid_step(
    rng: np.random.Generator, matter: MaterialRecord, muon: State, length: float, dense: float
) -> tuple[float, float, bool]:
    """One step in a solid: (cm of z done, energy deposited, whether a hard collision ends it)."""
    energy = muon.energy
    slope = secant(muon) * dense
    path, collides = _to_collision(rng, energy, length * slope, matter)
    longest = 0.2 * (energy - M_MU) / loss_kernel(energy, matter.restricted)
    if path > longest:
        path, collides = longest, False
    out = soft_loss(rng, energy, path, matter)
    if out <= STOPPED:
        muon.energy = 0.0
        return length, energy - M_MU, False
    p_in = math.sqrt(energy * energy - M_MU * M_MU)
    p_out = math.sqrt(out * out - M_MU * M_MU)
    change = scatter_kernel(
        rng, path, p_in, p_out, p_in * p_out / (energy * out), scattering_of(matter),
        min(t_max_kernel(energy), matter.cut),
    )  # fmt: skip
    done = path / slope
    _advance(muon, done, dense, change, out)
    return done, energy - out, collides


@inner
def thin_step(
    rng: np.random.Generator, matter: MaterialRecord, muon: State, length: float, dense: float
) -> tuple[float, float, bool]:
    """As `solid_step` for gas and planes: the mean loss, which is small, and nobody measures it."""
    energy = muon.energy
    slope = secant(muon) * dense
    path, collides = _to_collision(rng, energy, length * slope, matter)
    out = energy - path * loss_kernel(energy, matter.restricted)
    if out - M_MU < 0.9 * (energy - M_MU):  # a muon about to stop
        return solid_step(rng, matter, muon, length, dense)
    square = energy * energy - M_MU * M_MU
    change = thin_scatter(rng, path, math.sqrt(square), square / (energy * energy), matter)
    done = path / slope
    _advance(muon, done, dense, change, out)
    return done, energy - out, collides


@inner(forceinline=True)
def mean_step(
    rng: np.random.Generator, matter: MaterialRecord, muon: State, length: float, dense: float,
    width: float,
) -> None:  # fmt: skip
    """All of a solid layer: mean energy loss (to 0.5 %) and scattering; energy 0 if it stops there.

    length : cm along z. dense : cm of material per cm. width : rad GeV, Highland's angle of the
    layer at p beta = 1 GeV; negative: collision by collision.
    """
    energy, losses = muon.energy, matter.loss
    slant = length * secant(muon)
    path = slant * dense
    lost = path * loss_kernel(energy, losses)
    after = energy - lost
    if lost > 0.2 * (energy - M_MU):
        after = energy_after_kernel(energy, path, losses)
    elif lost > 0.02 * (energy - M_MU):  # midpoint, good to 1e-3 of the loss
        after = energy - path * loss_kernel(energy - 0.5 * lost, losses)
    if after <= STOPPED:
        muon.energy = 0.0
        return
    square_in = energy * energy - M_MU * M_MU
    square_out = after * after - M_MU * M_MU
    if width < 0.0:
        change = scatter_kernel(
            rng, path, math.sqrt(square_in), math.sqrt(square_out), square_out / (after * after),
            scattering_of(matter), t_max_kernel(energy),
        )  # fmt: skip
        _advance(muon, length, dense, change, after)
        return
    angle = width * math.sqrt(energy * after / (square_in * square_out))
    kink_x = angle * rng.standard_normal()
    kink_y = angle * rng.standard_normal()
    spread = angle * 0.28867513459481287  # 1/sqrt(12)
    muon.x += length * muon.tx + slant * (0.5 * kink_x + spread * rng.standard_normal())
    muon.y += length * muon.ty + slant * (0.5 * kink_y + spread * rng.standard_normal())
    muon.z += length
    muon.tx += kink_x
    muon.ty += kink_y
    muon.energy = after
