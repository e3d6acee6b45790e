"""Arrays of records with named fields, for kernels: `solids[r].half_x`, not `rows[r, 5]`.

The fields stand once, as annotations of a class, with their types: `int`, `float`, `bool`, another
such class, or `Annotated[Array, shape]` for a table of fixed shape within the record; a class may
inherit fields, which come first. `zeros` makes the NumPy array, which Numba reads and writes by the
same names; a record that is passed on is passed by reference, and one attribute is one load or
store. Numbers are stored as they are used: integers as 64-bit integers, so that a kernel casts
nothing. Interpreted kernels read them as well. A record does not hold the array that it lies in: a
kernel that makes an array of records must use the array itself as long as any of its records.

    class Place:
        x: float
        row: int

    places = zeros(Place, 10)    # Records[Place]
    places["x"] = 1.0            # all of them, as an array
    kernel(places)               # places[3].x in the kernel
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import (
    Annotated,
    Any,
    Protocol,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured
from numpy.typing import NDArray

T = TypeVar("T")

_SCALARS: dict[Any, str] = {int: "i8", float: "f8", bool: "?"}


class Records(Protocol[T]):
    """A one-dimensional array of records: one by its number, all of a field by its name."""

    @overload
    def __getitem__(self, index: int | tuple[int, ...]) -> T: ...
    @overload
    def __getitem__(self, index: str) -> Any: ...
    @overload
    def __getitem__(self, index: slice | NDArray[Any]) -> Records[T]: ...
    def __setitem__(self, index: Any, value: Any) -> None: ...
    def __iter__(self) -> Iterator[T]: ...
    def __len__(self) -> int: ...
    def copy(self) -> Records[T]:
        """The same records elsewhere in memory."""

    @property
    def size(self) -> int:
        """How many there are."""


def dtype_of(fields: type) -> np.dtype:
    """The aligned record type of a class of annotations."""
    return _dtype(fields)


@cache
def _dtype(fields: Any) -> np.dtype:
    hints = get_type_hints(fields, include_extras=True)
    plain = np.dtype([_field(name, hint) for name, hint in hints.items()], align=True)
    return np.dtype((np.record, plain))  # its rows have their fields as attributes in Python too


def _field(name: str, hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Annotated:
        return name, "f8", get_args(hint)[1]
    return name, _SCALARS.get(hint) or dtype_of(hint)


def zeros(fields: type[T], n: int | tuple[int, ...]) -> Records[T]:
    """n records (or an array of this shape), every number 0."""
    return cast("Records[T]", np.zeros(n, dtype_of(fields)))


def array_of(fields: type[T], records: list[Any]) -> Records[T]:
    """Records of one type, one behind the other, in an array of their own."""
    found = np.empty(len(records), dtype_of(fields))
    for i, record in enumerate(records):
        found[i] = record
    return cast("Records[T]", found)


def columns(records: Any, *fields: str) -> NDArray[np.float64]:
    """(…, len(fields)) some fields of float records side by side, without a copy if they are
    neighbours."""
    return np.asarray(structured_to_unstructured(records[list(fields)], copy=False))


def joined(parts: list[Records[T]]) -> Records[T]:
    """Records of several arrays, one behind the other."""
    return cast("Records[T]", np.concatenate(cast("list[NDArray[Any]]", parts)))


def frozen(records: Records[T]) -> Records[T]:
    """The same records, which nobody may write to any more."""
    cast(Any, records).setflags(write=False)
    return records
