"""Spectrum of the fragments that the full simulation draws for a hadronic energy.

The simulation's hadronic cascade splits an energy by a fixed law, whatever made it
(`simulation_showers.fragment`); who wants other spectra reweights by this one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_POINTS = 2000


@lru_cache(maxsize=1)
def fragment_density() -> tuple[Array, Array]:
    """(z, F): fragments of any rank per dz of the energy that breaks up.

    F(z) = f(1-z) + int_z^1 f(eta) F(z/eta) d eta/eta, f(eta) = 1 - a + 3 a eta^2, eta the fraction
    that is left after one fragment. Source: R. D. Field, R. P. Feynman, Nucl. Phys. B 136 (1978) 1,
    sec. 2. Check: int z F dz = 1, all energy is in fragments.
    """
    from mutau.detector.simulation_showers import FIELD_FEYNMAN as a

    z = np.asarray((np.arange(_POINTS) + 0.5) / _POINTS, np.float64)

    def left(eta: Array) -> Array:
        return np.asarray(1.0 - a + 3.0 * a * eta * eta)

    found = np.zeros(_POINTS)
    # from z = 1 downwards: the integral needs F above z only
    found[-1] = left(1.0 - z[-1:])[0]
    for i in range(_POINTS - 2, -1, -1):
        inner = z[i + 1 :]  # z' = z/eta
        value = left(z[i] / inner) * found[i + 1 :] / inner
        found[i] = left(np.array([1.0 - z[i]]))[0] + float(np.sum(value)) / _POINTS
    return z, found
