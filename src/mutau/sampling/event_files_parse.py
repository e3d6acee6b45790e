"""Numbers out of text by compiled kernels, and HepMC3 events of the simplest kind with them.

Decimal to float64, correctly rounded: digits times a power of ten as an exact sum of two float64
(T. J. Dekker, Numer. Math. 18 (1971) 224) whose error is known; where that error could decide the
rounding, or digits or exponent are beyond the table, the caller asks Python for this number.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np

from mutau.core.jit import njit
from mutau.sampling.event_files_text import exact_product

Array = np.ndarray

#: Powers of ten of the table run from minus this to this.
_POWERS: Final = 280
_MOST_DIGITS: Final = 18
_DOUBT: Final = 2.0**-100
_NEWLINE, _SPACE, _PLUS, _COMMA, _MINUS, _POINT, _ZERO = 10, 32, 43, 44, 45, 46, 48
_AT, _A, _E, _P, _U, _V, _W, _OPEN, _CLOSE, _LOWER_E = 64, 65, 69, 80, 85, 86, 87, 91, 93, 101
#: Where a number belongs that Python is asked for.
OF_EVENT, OF_ROW = 0, 1


@lru_cache(maxsize=1)
def powers_of_ten() -> tuple[Array, Array]:
    """Each power of ten of the table as the sum of two float64: (2 _POWERS + 1,) twice."""
    high, low = np.empty(2 * _POWERS + 1), np.empty(2 * _POWERS + 1)
    for k in range(-_POWERS, _POWERS + 1):
        exact = Fraction(10) ** k
        high[k + _POWERS] = float(exact)
        low[k + _POWERS] = float(exact - Fraction(high[k + _POWERS]))
    return high, low


@njit
def read_int(text: Array, at: int) -> Any:
    """(value, place behind) of the integer at `at`; place -1 where none stands."""
    negative = text[at] == _MINUS
    at += negative
    value, start = 0, at
    while _ZERO <= text[at] < _ZERO + 10:
        value = 10 * value + (text[at] - _ZERO)
        at += 1
    if at == start or at - start > _MOST_DIGITS:
        return 0, -1
    return (-value if negative else value), at


@njit
def read_float(text: Array, at: int, high: Array, low: Array) -> Any:
    """(value, place behind, whether the value is certain) of the number at `at`; place -1: none.

    high, low : from `powers_of_ten`. text must not end within the number.
    """
    negative = text[at] == _MINUS
    at += negative
    digits, n_digits, power, start = 0, 0, 0, at
    point = -1
    while True:
        c = text[at]
        if c == _POINT and point < 0 and at > start:
            point = at
        elif _ZERO <= c < _ZERO + 10:
            if n_digits > 0 or c > _ZERO:
                n_digits += 1
            if n_digits <= _MOST_DIGITS:
                digits = 10 * digits + (c - _ZERO)
        else:
            break
        at += 1
    if at == start:
        return 0.0, -1, True
    if point >= 0:
        power = point + 1 - at
    if text[at] == _LOWER_E or text[at] == _E:
        at += 1
        at += text[at] == _PLUS
        e, at = read_int(text, at)
        if at < 0:
            return 0.0, -1, True
        power += e
    sign = -1.0 if negative else 1.0
    if digits == 0:
        return sign * 0.0, at, True
    if n_digits > _MOST_DIGITS or abs(power) > _POWERS:
        return 0.0, at, False
    m = float(digits)
    rest = float(digits - np.int64(m))
    ten, ten_low = high[power + _POWERS], low[power + _POWERS]
    product, error = exact_product(m, ten)
    if not 1e-280 < product < 1e280:
        return 0.0, at, False
    error += m * ten_low + rest * ten
    doubt = product * _DOUBT
    value = product + (error - doubt)
    return sign * value, at, value == product + (error + doubt)


@njit
def _numbers(text, at, n, high, low, out, row, first, kind, odd, n_odd):  # type: ignore[no-untyped-def]
    """n numbers, each behind a space, into out[row, first:]; (place behind or -1, n_odd)."""
    for i in range(n):
        if text[at] != _SPACE:
            return -1, n_odd
        begin = at + 1
        value, at, sure = read_float(text, begin, high, low)
        if at < 0:
            return -1, n_odd
        out[row, first + i] = value
        if not sure:
            odd[n_odd, 0], odd[n_odd, 1], odd[n_odd, 2] = begin, at, kind
            odd[n_odd, 3], odd[n_odd, 4] = row, first + i
            n_odd += 1
    return at, n_odd


@njit
def _integers(text, at, n, out):  # type: ignore[no-untyped-def]
    """n integers, each behind a space, into out; place behind or -1."""
    for i in range(n):
        if at < 0 or text[at] != _SPACE:
            return -1
        out[i], at = read_int(text, at + 1)
    return at


@njit
def _vertex(text, at, whole):  # type: ignore[no-untyped-def]
    """Behind ` -1 STATUS [1,2] @` of a vertex line, or -1."""
    at = _integers(text, at, 2, whole)
    if at < 0 or whole[0] != -1 or text[at] != _SPACE or text[at + 1] != _OPEN:
        return -1
    at += 1
    while text[at] != _CLOSE:
        _, at = read_int(text, at + 1)
        if at < 0 or (text[at] != _COMMA and text[at] != _CLOSE):
            return -1
    return at + 3 if text[at + 1] == _SPACE and text[at + 2] == _AT else -1


@njit
def simple_hepmc(text, high, low, events, rows, event_numbers, row_numbers, odd):  # type: ignore[no-untyped-def]
    """Read HepMC3 events of one vertex each, in GeV and mm; -1 if there is anything else.

    text : uint8, whole events; the first byte an E, the last a line's end. high, low : from
    `powers_of_ten`. Filled are events (M, 2): number, particles; rows (N, 2): PDG and status code;
    event_numbers (M, 5): x, y, z, c t in mm and first weight; row_numbers (N, 5): px, py, pz, E, m;
    odd (K, 5): first byte and end of a number for Python, OF_EVENT or OF_ROW, row, column.
    Returns the number of those.
    """
    whole = np.empty(3, np.int64)
    at, event, row, n_odd, size = 0, -1, 0, 0, len(text)
    promised, found, placed, units, weighed = 0, 0, True, True, True
    while at < size:
        kind = text[at]
        at += 1
        if kind == _E:
            if found != promised or not (placed and units and weighed):
                return -1
            at = _integers(text, at, 3, whole)
            event += 1
            promised, found, placed, units, weighed = whole[2], 0, False, False, False
            if at < 0 or whole[1] != 1 or promised < 1:
                return -1
            events[event, 0], events[event, 1] = whole[0], promised
        elif kind == _P:
            at = _integers(text, at, 3, whole)
            if at < 0 or whole[0] != found + 1 or whole[1] < -1 or whole[1] > 0:
                return -1
            rows[row, 0] = whole[2]
            at, n_odd = _numbers(text, at, 5, high, low, row_numbers, row, 0, OF_ROW, odd, n_odd)
            at = _integers(text, at, 1, whole)
            rows[row, 1] = whole[0]
            row += 1
            found += 1
        elif kind == _V:
            at = -1 if placed else _vertex(text, at, whole)
            if at < 0:
                return -1
            placed = True
            at, n_odd = _numbers(
                text, at, 4, high, low, event_numbers, event, 0, OF_EVENT, odd, n_odd
            )
        elif kind == _W:
            if weighed:
                return -1
            weighed = True
            at, n_odd = _numbers(
                text, at, 1, high, low, event_numbers, event, 4, OF_EVENT, odd, n_odd
            )
        elif kind == _U:
            for c in (32, 71, 69, 86, 32, 77, 77):  # GEV MM
                if text[at] != c:
                    return -1
                at += 1
            units = True
        elif kind == _A and text[at] == _SPACE:
            while text[at] != _NEWLINE:
                at += 1
        else:
            return -1
        if at < 0 or text[at] != _NEWLINE:
            return -1
        at += 1
    return n_odd if found == promised and placed and units and weighed else -1
