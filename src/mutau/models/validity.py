"""Up to which coupling a model's decays can be computed."""

from __future__ import annotations

import math
from typing import Final

from mutau.core.errors import OutOfRange
from mutau.models.base import Model

#: Where the search for any valid coupling ends, and its relative precision.
_LOWEST: Final = 1e-15
_PRECISION: Final = 1e-9


def _refusal(point: Model, coupling: float) -> OutOfRange | None:
    try:
        _ = point.with_coupling(coupling).branching_invisible
    except OutOfRange as error:
        return error
    return None


def highest_coupling(point: Model) -> float:
    """Largest coupling, for the mass and dark sector of a point, at which its decays are known.

    That is `coupling_max`, unless a width that the model leaves out matters beyond some coupling
    (decays into hadrons, beside those into dark matter); then the bound itself, from below.
    Returns float, relative precision 1e-9. Raises OutOfRange, as the model does, where there is
    no such coupling.
    Check: a model that leaves nothing out gives `coupling_max`.
    """
    low = high = point.coupling_max
    error = _refusal(point, low)
    while error is not None:
        if low < _LOWEST:
            raise error
        low, high = 0.1 * low, low
        error = _refusal(point, low)
    while high / low > 1.0 + _PRECISION:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _refusal(point, middle) is None else (low, middle)
    return low


def beyond_validity(point: Model) -> str:
    """Why the model does not hold above `highest_coupling`; "" where it does up to the end."""
    error = _refusal(point, point.coupling_max)
    return "" if error is None else str(error)
