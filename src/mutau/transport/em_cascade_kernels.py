"""The depth-integrated cascade equations on an energy grid: compiled kernels."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from mutau.core.arrays import FloatArray
from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.core.records import Records, dtype_of
from mutau.matter.em_processes_tables import (
    N_W,
    STEP_LOG_E,
    STEP_W,
    W_LOW,
    CascadeRates,
    Spectra,
    SpectrumNode,
    SpectrumTables,
)

ELECTRON, POSITRON, PHOTON = range(3)


class BySpecies:
    """A number for each species."""

    electron: float
    positron: float
    photon: float


_SPECIES: Final = dtype_of(BySpecies)
_NODE: Final = dtype_of(SpectrumNode)
_RATES: Final = dtype_of(CascadeRates)


#: A bin further below its source than this many source widths sees it as a point.
NEAR: Final = 4.0
#: Power of the track-length density inside a bin; exact for the middle of a long cascade.
FALL: Final = 2.0


class EnergyBins(NamedTuple):
    """Bins of energy: edges (N + 1,) GeV, falling from the energy of the incident particle;
    centres (N,), the energy that stands for each bin."""

    edges: FloatArray
    centres: FloatArray


class Gains(NamedTuple):
    """Secondaries per X0 of a source: electron_photon, photons made by an electron, and so on."""

    electron_electron: float
    electron_photon: float
    positron_electron: float
    positron_photon: float
    photon_electron: float
    photon_positron: float
    photon_photon: float


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
def combine(table: Records[SpectrumNode], i: int, h: tuple[float, float, float, float]) -> float:
    """C in cell i with the weights h; table (N_W,)."""
    low, high = table[i], table[i + 1]
    return low.number * h[0] + high.number * h[1] + low.slope * h[2] + high.slope * h[3]


@njit(forceinline=True)
def number_above(table: Records[SpectrumNode], i: int, t: float) -> float:
    """C by cubic Hermite interpolation in cell i at t; table (N_W,)."""
    return combine(table, i, weights(t))


@njit(forceinline=True)
def integral_below(table: Records[SpectrumNode], v: float) -> float:
    """I(v) by cubic Hermite interpolation; table (N_W,). Linear below the grid."""
    if v <= 0.0:
        return 0.0
    x = (np.log(v / (1.0 - v)) - W_LOW) / STEP_W
    if x <= 0.0:
        v0 = 1.0 / (1.0 + np.exp(-W_LOW))
        return v / v0 * (table[0].below + v * table[0].slope * np.log(v0 / v))
    i = min(int(x), N_W - 2)
    t = x - i
    u = 1.0 - t
    low = 1.0 / (1.0 + np.exp(-(W_LOW + i * STEP_W)))
    high = 1.0 / (1.0 + np.exp(-(W_LOW + (i + 1) * STEP_W)))
    near, far = table[i], table[i + 1]
    bend = near.number * low * (1.0 - low) * u - far.number * high * (1.0 - high) * t
    return (
        near.below * (1.0 + 2.0 * t) * u * u
        + far.below * t * t * (1.0 + 2.0 * u)
        + STEP_W * t * u * bend
    )


@njit(forceinline=True)
def mix_spectrum(table: Records[Any], i: int, f: float, out: Records[SpectrumNode]) -> None:
    """Spectrum a fraction f of the way from energy i to the next, into out (N_W,)."""
    low, high = table[i], table[i + 1]
    for j in range(N_W):
        a, b, c = low[j], high[j], out[j]
        c.number = a.number + f * (b.number - a.number)
        c.slope = a.slope + f * (b.slope - a.slope)
        c.below = a.below + f * (b.below - a.below)


@njit
def blend(t: SpectrumTables, e: float, table: Spectra, rate: CascadeRates) -> None:
    """Tables at one source energy, linear in ln E, into table (N_W,) and the record rate."""
    x = (np.log(e) - t.log_e[0]) / STEP_LOG_E
    i = min(max(int(x), 0), t.log_e.shape[0] - 2)
    f = x - i
    mix_spectrum(t.spectra.loss_e, i, f, table.loss_e)
    mix_spectrum(t.spectra.gamma_e, i, f, table.gamma_e)
    mix_spectrum(t.spectra.delta_e, i, f, table.delta_e)
    mix_spectrum(t.spectra.loss_p, i, f, table.loss_p)
    mix_spectrum(t.spectra.gamma_p, i, f, table.gamma_p)
    mix_spectrum(t.spectra.delta_p, i, f, table.delta_p)
    mix_spectrum(t.spectra.pair, i, f, table.pair)
    mix_spectrum(t.spectra.compton_e, i, f, table.compton_e)
    mix_spectrum(t.spectra.compton_g, i, f, table.compton_g)
    low, high = t.rates[i], t.rates[i + 1]
    rate.loss_e = low.loss_e + f * (high.loss_e - low.loss_e)
    rate.loss_p = low.loss_p + f * (high.loss_p - low.loss_p)
    rate.annihilation = low.annihilation + f * (high.annihilation - low.annihilation)
    rate.pair = low.pair + f * (high.pair - low.pair)
    rate.compton = low.compton + f * (high.compton - low.compton)


@njit
def space_at_one_energy() -> tuple[Spectra, Records[CascadeRates]]:
    """Where `blend` writes: a spectrum of every process, and one record of rates."""
    nodes: Any = np.empty((9, N_W), _NODE)
    rates: Any = np.empty(1, _RATES)
    table = Spectra(
        nodes[0], nodes[1], nodes[2], nodes[3], nodes[4], nodes[5], nodes[6], nodes[7], nodes[8]
    )
    return table, rates


@njit(forceinline=True)
def mean_loss_rate(
    table: Records[SpectrumNode], e: float, high: float, low: float, a: float
) -> float:
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
    slope = (table[i].slope + t * (table[i + 1].slope - table[i].slope)) * e / (e - high + a)
    far, near = (high - a) / width, (low - a) / width
    middle = 0.5 * (far + near)
    lean = far * (0.5 * far - middle) * np.log(far) - 0.25 * far * far + middle * far
    if near > 0.0:
        lean -= near * (0.5 * near - middle) * np.log(near) - 0.25 * near * near + middle * near
    return (above - below) * e / width + FALL * slope * width / (0.5 * (high + low)) * lean


@njit(forceinline=True)
def gains(table: Spectra, e: float, a: float) -> Gains:
    """Secondaries above total energy a from a source at e > a, per X0.

    Only what is made (the survivor of a loss is the loss rate's business). No electron makes a
    positron except through a photon.
    """
    i, t = cell(a / e)
    h = weights(t)
    electron_photon = combine(table.gamma_e, i, h)
    positron_photon = combine(table.gamma_p, i, h)
    pairs = combine(table.pair, i, h)
    photon_photon = combine(table.compton_g, i, h)
    i, t = cell((a - M_E) / e)
    h = weights(t)
    return Gains(
        combine(table.delta_e, i, h), electron_photon, combine(table.delta_p, i, h),
        positron_photon, pairs + combine(table.compton_e, i, h), pairs, photon_photon,
    )  # fmt: skip


@njit(forceinline=True)
def lost(
    table: Records[SpectrumNode], near: bool, e: float, high: float, low: float, a: float
) -> float:
    """Rate to fall from a bin [low, high] below an edge a <= low; near : the bin has a width."""
    if near:
        return mean_loss_rate(table, e, high, low, a)
    i, t = cell((e - a) / e)
    return combine(table, i, weights(t))


@njit(forceinline=True)
def balance(
    made: BySpecies, gain: Gains, loss_e: float, loss_p: float, removal: float
) -> tuple[float, float, float]:
    """Track lengths of e-, e+, photons of one bin from what is made there and what leaves.

    loss_e, loss_p, removal : rates at which each leaves the bin, without
    what it makes there. Gauss's elimination without pivoting: what leaves a bin stands on the
    diagonal and what comes in has the other sign off it, so that no elimination cancels. An
    electron makes no positron, so its column has two entries.
    """
    electron, positron, photon = made.electron, made.positron, made.photon
    e_e, e_p, e_g = loss_e, -gain.positron_electron, -gain.photon_electron
    p_p, p_g = loss_p, -gain.photon_positron
    g_e, g_p, g_g = -gain.electron_photon, -gain.positron_photon, removal
    ratio = g_e / e_e
    g_p -= ratio * e_p
    g_g -= ratio * e_g
    photon -= ratio * electron
    ratio = g_p / p_p
    g_g -= ratio * p_g
    photon -= ratio * positron
    photon /= g_g
    positron -= p_g * photon
    positron /= p_p
    electron -= e_p * positron
    electron -= e_g * photon
    electron /= e_e
    return electron, positron, photon


@njit
def solve(grid: EnergyBins, particle: int, t: SpectrumTables) -> Records[BySpecies]:
    """Track length of each species in each bin, X0 per incident particle, (N,).

    particle : the incident one.
    One equation per edge a and species: particles made above a = those removed above a + those
    that fall below a. With track lengths L_j per bin these are triangular in j.
    """
    edges, n = grid.edges, grid.centres.shape[0]
    track: Any = np.zeros(n, _SPECIES)
    made: Any = np.zeros(n, _SPECIES)  # from the bins above, minus what they lost
    table, rates = space_at_one_energy()
    rate = rates[0]
    if particle == PHOTON:
        blend(t, edges[0], table, rate)
        push_first(1.0 / (rate.pair + rate.compton), table, edges, made)
    for j in range(n):
        if particle == ELECTRON:
            made[j].electron += 1.0
        elif particle == POSITRON:
            made[j].positron += 1.0
    for j in range(n):
        e, high, low = grid.centres[j], edges[j], edges[j + 1]
        blend(t, e, table, rate)
        gain = gains(table, e, low)
        flow, earlier_e = edge_flow(track["electron"], edges, j)
        flow, earlier_p = edge_flow(track["positron"], edges, j)
        loss_e = mean_loss_rate(table.loss_e, e, high, low, low) + rate.loss_e * flow
        loss_p = mean_loss_rate(table.loss_p, e, high, low, low) + rate.loss_p * flow
        made[j].electron -= rate.loss_e * earlier_e
        made[j].positron -= rate.loss_p * earlier_p
        here = track[j]
        here.electron, here.positron, here.photon = balance(
            made[j], gain, loss_e - gain.electron_electron, loss_p + rate.annihilation,
            rate.pair + rate.compton - gain.photon_photon,
        )  # fmt: skip
        push_all(here, table, rate, grid, j, made)
    return track


@njit(forceinline=True)
def edge_flow(track: FloatArray, edges: FloatArray, j: int) -> tuple[float, float]:
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
def push_first(length: float, table: Spectra, edges: FloatArray, made: Records[BySpecies]) -> None:
    """Add what photons of the highest energy make above every edge, in `length` X0."""
    e = edges[0]
    for i in range(len(made)):
        gain = gains(table, e, edges[i + 1])
        made[i].electron += length * gain.photon_electron
        made[i].positron += length * gain.photon_positron
        made[i].photon += length * gain.photon_photon


@njit
def push_all(
    length: BySpecies,
    table: Spectra,
    rate: CascadeRates,
    grid: EnergyBins,
    j: int,
    made: Records[BySpecies],
) -> None:
    """Add to every later balance what bin j makes, minus what it loses."""
    edges, e = grid.edges, grid.centres[j]
    high, low = edges[j], edges[j + 1]
    removal = rate.pair + rate.compton
    for i in range(j + 1, len(made)):
        a, out = edges[i + 1], made[i]
        gain = gains(table, e, a)
        out.electron += (
            length.electron * gain.electron_electron
            + length.positron * gain.positron_electron
            + length.photon * gain.photon_electron
        )
        out.positron += length.photon * gain.photon_positron
        out.photon += (
            length.electron * gain.electron_photon
            + length.positron * gain.positron_photon
            + length.photon * gain.photon_photon
        )
        near = not low - a > NEAR * (high - low)
        loss_e = lost(table.loss_e, near, e, high, low, a)
        loss_p = lost(table.loss_p, near, e, high, low, a)
        out.electron -= length.electron * loss_e
        out.positron -= length.positron * (loss_p + rate.annihilation)
        out.photon -= length.photon * removal


@njit(forceinline=True)
def energy_above(table: Records[SpectrumNode], v: float) -> float:
    """Mean energy per X0, in units of the source's, carried by secondaries above fraction v."""
    whole = table[-1].below
    if v <= 0.0:
        return whole
    if v >= 1.0:
        return 0.0
    i, t = cell(v)
    return whole - integral_below(table, v) + v * number_above(table, i, t)


@njit(forceinline=True)
def energy_below(table: Records[SpectrumNode], v: float) -> float:
    """Mean energy per X0, in units of the source's, carried by secondaries below fraction v."""
    return table[-1].below - energy_above(table, v)


@njit(forceinline=True)
def fallen(loss: Records[SpectrumNode], e: float, high: float, low: float, cut: float) -> float:
    """Energy per X0, GeV, that leptons of a bin [low, high] take below the cut as they fall."""
    v = 1.0 - cut / e
    if low - cut > NEAR * (high - low):
        i, t = cell(v)
        found = cut * number_above(loss, i, t)
    else:
        found = cut * mean_loss_rate(loss, e, high, low, cut)
    return found - e * (loss[-1].below - integral_below(loss, v))


@njit(forceinline=True)
def number_at(table: Records[SpectrumNode], v: float) -> float:
    """C at the fraction v."""
    i, t = cell(v)
    return number_above(table, i, t)


class Flow(NamedTuple):
    """Where the energy of a cascade goes, GeV: collisions below DELTA_CUT, electrons and positrons
    below the last edge, photons below it; rest : what rest energy of atomic electrons came in."""

    collisions: float
    leptons: float
    photons: float
    rest: float


@njit
def energy_flow(track: Records[BySpecies], grid: EnergyBins, t: SpectrumTables) -> Flow:
    """Where the energy goes; track : of `solve` on the grid.

    A recoil electron below the last edge counts with its kinetic energy, any other particle with
    its total energy.
    """
    collisions = leptons = photons = rest = 0.0
    table, rates = space_at_one_energy()
    rate, edges = rates[0], grid.edges
    cut = edges[-1]
    for j in range(grid.centres.shape[0]):
        e, high, low, here = grid.centres[j], edges[j], edges[j + 1], track[j]
        blend(t, e, table, rate)
        v, v_kin = cut / e, (cut - M_E) / e
        collisions += here.electron * rate.loss_e + here.positron * rate.loss_p
        leptons += here.electron * (
            fallen(table.loss_e, e, high, low, cut) + e * energy_below(table.delta_e, v_kin)
        )
        rest += here.electron * M_E * number_at(table.delta_e, v_kin)
        leptons += here.positron * (
            fallen(table.loss_p, e, high, low, cut) + e * energy_below(table.delta_p, v_kin)
        )
        rest += here.positron * M_E * number_at(table.delta_p, v_kin)
        leptons += 2.0 * here.photon * e * energy_below(table.pair, v)
        leptons += here.photon * e * energy_below(table.compton_e, v_kin)
        rest += here.photon * M_E * number_at(table.compton_e, v_kin)
        rest += here.positron * M_E * rate.annihilation
        photons += here.electron * e * energy_below(table.gamma_e, v)
        photons += here.positron * e * energy_below(table.gamma_p, v)
        photons += here.photon * e * energy_below(table.compton_g, v)
    last = grid.centres.shape[0] - 1
    flow, earlier = edge_flow(track["electron"], edges, last)
    leptons += cut * rate.loss_e * (flow * track[last].electron + earlier)
    flow, earlier = edge_flow(track["positron"], edges, last)
    leptons += cut * rate.loss_p * (flow * track[last].positron + earlier)
    return Flow(collisions, leptons, photons, rest)
