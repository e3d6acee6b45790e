"""Cross section of e N -> e N Z' as a table: integral above an energy and its density, any emitter.

For sums over the emitters of a cascade, which ask for many energies at one mass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.polynomial import chebyshev

from mutau.core.constants import M_E
from mutau.core.jit import njit
from mutau.matter import Element
from mutau.matter.nucleus import Nucleus
from mutau.reactions.bremsstrahlung import Bremsstrahlung
from mutau.reactions.bremsstrahlung_maps import (
    energy_limits,
    energy_scales,
    from_variable,
    to_variable,
)

Array = np.ndarray

#: What `BremsTheory.method` may be.
METHODS: Final = ("exact", "iww-scaled", "iww", "ww")
#: Relative error of a table against direct quadrature (test), and of `reactions` beneath it.
TABLE_ERROR: Final = 1e-3
_PANELS: Final = 16
#: Gauss-Lobatto points on (0, 1): exact to degree 7, the ends shared by neighbouring panels.
_LOBATTO: Final = 0.5 + 0.5 * np.array([-1.0, -np.sqrt(3.0 / 7.0), 0.0, np.sqrt(3.0 / 7.0), 1.0])
_LOBATTO_W: Final = np.array([9.0, 49.0, 64.0, 49.0, 9.0]) / 180.0
#: Close to the kinematic limit, within 1e-4 of it in x for light Z', phase space closes; there the
#: cubic through the last four points goes on, which adds at most 2e-4 of dsigma/dx at the end.
_END: Final = np.array(
    [np.prod([(1.0 - a) / (b - a) for a in _LOBATTO[:4] if a != b]) for b in _LOBATTO[:4]]
)


@dataclass(frozen=True, slots=True)
class BremsTheory:
    """Which cross section of bremsstrahlung.

    method : "exact", "ww", "iww", or "iww-scaled": the spectrum of iww with the exact total, what a
    simulation does that corrects iww by a factor. form_factor, coulomb : as `electron_brems`.
    mediator : kind of the boson.
    """

    method: str = "exact"
    form_factor: str = "elastic"
    coulomb: bool = False
    mediator: str = "vector"

    @property
    def front(self) -> Bremsstrahlung:
        """Cross sections of this kind of boson."""
        return Bremsstrahlung("electron", self.mediator)

    def slope(self, x: Array, energy: float, mass: float, element: Element) -> Array:
        """d sigma/dx at coupling 1, pb, at x (n,)."""
        scaled = self.method == "iww-scaled"
        nucleus = Nucleus.of(element, self.form_factor)
        method = "iww" if scaled else self.method
        value = self.front.differential_x(
            x, energy, mass, nucleus, method=method, coulomb=self.coulomb
        )
        if not scaled:
            return value
        exact, iww = (
            self.front.total(energy, mass, nucleus, method=name, coulomb=self.coulomb).sigma_pb
            for name in ("exact", "iww")
        )
        return np.asarray(value * exact / iww)


EXACT: Final = BremsTheory()


@dataclass(frozen=True, slots=True, eq=False)
class BremsTable:
    """Cross section of e N -> e N Z' at coupling 1 as a function of emitter and Z' energy.

    In x = E_Z'/E the variable is that of `bremsstrahlung_maps`, from x_low to the kinematic
    limit, cut into panels; in ln E a Chebyshev polynomial runs through the nodes.
    mass : GeV. nucleus : its mass, GeV. x_low : lower end. nodes : (e,) emitter energies, GeV.
    above_edge : (e, P + 1) pb, integral from a panel's edge to the limit; slope : its derivative
    in the variable scaled to (0, 1).
    """

    mass: float
    nucleus: float
    x_low: float
    nodes: Array
    above_edge: Array
    slope: Array

    def _place(self, energy: Array, k: Array) -> tuple[Array, Array]:
        """Scaled variable in [0, 1] of each (energy, k), and its derivative by k, 1/GeV."""
        start, end = _range(energy, self.mass, self.nucleus, self.x_low)
        a, b = energy_scales(M_E, self.mass)
        # at and above the limit, where the map diverges, the place is 1; below zero, where a wide
        # resolution may ask, it is 0
        k = np.maximum(k, 0.0)
        w = k / np.maximum(energy - k, 1e-12 * energy)
        g = _map(w, a, b)
        q = (g - start) / (end - start)
        dg = g * (b - a) / (16.0 * (w + a) * (w + b)) * (1.0 + w) ** 2 / energy
        return np.clip(q, 0.0, 1.0), dg / (end - start)

    def _over_nodes(self, energy: Array, ndim: int) -> Array:
        """(e, ...) weights of the nodes in the interpolation to `energy`, of `ndim` axes more."""
        n = len(self.nodes)
        energy = energy.reshape((1,) * (ndim - energy.ndim) + energy.shape)
        if n == 1:
            return np.ones((1, *energy.shape))
        low, high = np.log(self.nodes[0]), np.log(self.nodes[-1])
        cos = np.cos(np.pi * (np.arange(n) + 0.5) / n)
        ends = np.cos(0.5 * np.pi / n)
        # beyond the nodes by at most a tenth of the range: polynomials run away there
        t = np.clip((2.0 * np.log(energy) - low - high) / (high - low) * ends, -1.2, 1.2)
        first = chebyshev.chebvander(t, n - 1)  # (..., n)
        at = chebyshev.chebvander(-cos, n - 1)  # rising nodes
        scale = np.full(n, 2.0 / n)
        scale[0] = 1.0 / n
        return np.moveaxis((first * scale) @ at.T, -1, 0)

    def above(self, energy: Array, k: Array) -> Array:
        """int_k dk' d sigma/dk', pb, for emitters of `energy`, GeV; arrays broadcast together."""
        energy, k = np.asarray(energy, float), np.asarray(k, float)
        q, _ = self._place(energy, k)
        total = np.sum(self._over_nodes(energy, q.ndim) * self._hermite(q, False), axis=0)
        return np.where(k < energy, np.maximum(total, 0.0), 0.0)

    def density(self, energy: Array, k: Array) -> Array:
        """d sigma/dk, pb/GeV; arguments as `above`."""
        energy, k = np.asarray(energy, float), np.asarray(k, float)
        q, slope = self._place(energy, k)
        value = -self._hermite(q, True) * slope
        total = np.sum(self._over_nodes(energy, q.ndim) * value, axis=0)
        return np.where((q > 0.0) & (q < 1.0), np.maximum(total, 0.0), 0.0)

    def _hermite(self, q: Array, derivative: bool) -> Array:
        """(e, ...) cubic Hermite interpolation of `above_edge` at q, or its derivative by q."""
        panels = self.above_edge.shape[1] - 1
        i = np.minimum((q * panels).astype(int), panels - 1)
        t = q * panels - i
        y0, y1 = self.above_edge[:, i], self.above_edge[:, i + 1]
        m0, m1 = self.slope[:, i] / panels, self.slope[:, i + 1] / panels
        if derivative:
            return panels * (
                6.0 * t * (1.0 - t) * (y1 - y0)
                + m0 * (1.0 - t) * (1.0 - 3.0 * t)
                + m1 * t * (3.0 * t - 2.0)
            )
        return (
            y0 * (1.0 + 2.0 * t) * (1.0 - t) ** 2
            + y1 * t * t * (3.0 - 2.0 * t)
            + t * (1.0 - t) * (m0 * (1.0 - t) - m1 * t)
        )


def _map(w: Array, a: float, b: float) -> Array:
    return np.asarray(((1.0 + w / a) / (1.0 + w / b)) ** (1.0 / 16.0))


def _range(energy: Array, mass: float, nucleus: float, x_low: float) -> tuple[Array, Array]:
    """Variable at x_low (or where the Z' becomes possible) and at the kinematic limit."""
    start, end = _limits(np.ravel(energy), mass, nucleus, x_low)
    return start.reshape(np.shape(energy)), end.reshape(np.shape(energy))


@njit
def _limits(energy: Array, mass: float, nucleus: float, x_low: float) -> tuple[Array, Array]:
    a, b = energy_scales(M_E, mass)
    start, end = np.zeros(len(energy)), np.ones(len(energy))
    for i in range(len(energy)):
        e = energy[i]
        low, high = energy_limits(e, M_E, mass, nucleus)
        low = max(low, x_low * e)
        if low < high:
            start[i] = to_variable(low / (e - low), a, b)
            end[i] = to_variable(high / (e - high), a, b)
    return start, end


def brems_table(
    element: Element, mass: float, low: float, high: float, x_low: float,
    theory: BremsTheory = EXACT,
) -> BremsTable:  # fmt: skip
    """Table for emitters between `low` and `high`, GeV (equal: one energy), and x above x_low.

    Energies below the reaction's threshold count as the lowest one above it.
    """
    nucleus = Nucleus.of(element).mass
    low = min(max(low, 1.02 * mass + 2.0 * M_E), high)  # the threshold and 2 %
    ratio = high / low
    n = 1 if ratio < 1.0 + 1e-9 else 6 if ratio < 4.0 else 12
    cos = np.cos(np.pi * (np.arange(n) + 0.5) / n)[::-1]
    middle, half = 0.5 * np.log(low * high), 0.5 * np.log(ratio) / np.cos(0.5 * np.pi / n)
    nodes = np.exp(middle + half * cos * (n > 1)) if n > 1 else np.array([high])
    a, b = energy_scales(M_E, mass)
    inner = (np.arange(_PANELS)[:, None] + _LOBATTO[:-1]).ravel() / _PANELS
    q = np.append(inner, 1.0)
    above, slope = np.zeros((n, _PANELS + 1)), np.zeros((n, _PANELS + 1))
    start, end = _range(nodes, mass, nucleus, x_low)
    for i, energy in enumerate(nodes):
        w, dw = np.array([from_variable(start[i] + (end[i] - start[i]) * v, a, b) for v in q]).T
        x = w / (1.0 + w)
        value = theory.slope(x, float(energy), mass, element)
        value = value * dw / (1.0 + w) ** 2 * (end[i] - start[i])  # d sigma/dq
        value[-1] = max(_END @ value[-5:-1], 0.0)
        corners = np.stack([value[j : j + 4 * _PANELS : 4] for j in range(4)] + [value[4::4]])
        panels = _LOBATTO_W @ corners / _PANELS
        above[i, :-1] = np.cumsum(panels[::-1])[::-1]
        slope[i] = -value[::4]
    return BremsTable(mass, nucleus, x_low, nodes, above, slope)
