"""Names of array types, for annotations of kernels and of what calls them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
#: An array of records (`record_type`).
Records = NDArray[np.void]


def record_type(**fields: type | tuple[type, tuple[int, ...]]) -> np.dtype[np.void]:
    """Type of an array of records, one per row.

    fields : name -> np.float64, np.int64, np.bool_, or (type, shape). A kernel reads and sets
    `rows[i].name`, compiled and interpreted alike; the column of all rows is `rows["name"]`.

    >>> points = np.zeros(2, record_type(plane=np.int64, x=np.float64))
    >>> points[1].x = 0.5
    >>> points["x"].tolist()
    [0.0, 0.5]
    """
    return np.dtype((np.record, [(name, *_kind(kind)) for name, kind in fields.items()]))


def _kind(kind: type | tuple[type, tuple[int, ...]]) -> tuple[type] | tuple[type, tuple[int, ...]]:
    return kind if isinstance(kind, tuple) else (kind,)
