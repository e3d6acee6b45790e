"""A bound from a formula: y < 2e-4 at 1 MeV, falling with the root of the mass."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mutau.bounds import Bound
from mutau.core.types import Exclusion
from mutau.models import model_class


def compute(masses: ArrayLike, model: str, scale: float = 2e-4) -> Exclusion:
    """Upper limit on the coupling; see the module."""
    m = np.atleast_1d(np.asarray(masses, float))
    return Exclusion(
        m, scale * np.sqrt(1e-3 / m), 0.0 * m, 0.95, "toy-bound", model_class(model).tag, "formula",
        {"assumptions": ["a toy"], "source": []},
    )  # fmt: skip


BOUND = Bound(
    name="toy-bound",
    title="toy bound",
    kind="limit",
    source=(),
    mass_range=(1e-3, 1.0),
    options=(("scale", "coupling at 1 MeV"),),
    compare=(),
    mediators=("scalar",),
    compute=compute,
)
