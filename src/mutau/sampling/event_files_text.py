"""Numbers and event records as text, by compiled kernels: what the LHE and HepMC3 writers share.

A float64 is written with 17 significant digits, so that reading gives the same bits back. The
digits come from x = m 2^e (m in [1/2, 1)) as the integer next to m (2^e 10^k), with the factor in
brackets held as the sum of two float64 (relative error about 1e-32) and the product kept exactly
(Dekker, Numer. Math. 18 (1971) 224). The last of the 17 digits is therefore the rounded one except
where the true value lies within 1e-15 of a unit of a tie, far below what a round trip needs:
half a unit in the 17th digit is at most 5.0e-17 of the value, half a spacing of float64 at least
5.5e-17.
"""

from __future__ import annotations

from functools import cache
from math import floor, frexp
from typing import Any

import numpy as np

from mutau.core.jit import njit

Array = np.ndarray

_MIN_EXPONENT = -1073  # of the smallest float64, 0.5 * 2^-1073
_MAX_EXPONENT = 1024
_DIGITS = 17
_TEN_17 = 10**17
#: Longest text that `put_float` writes: sign, digits, point, e, sign of exponent, exponent.
FLOAT_WIDTH = 1 + _DIGITS + 1 + 2 + 3
#: Longest text of an integer.
INT_WIDTH = 20

_ZERO, _MINUS, _PLUS, _POINT, _E, _SPACE, _NEWLINE = (ord(c) for c in "0-+.e \n")


@cache
def decimal_scales() -> tuple[Array, Array]:
    """The factors 2^e 10^k for every binary exponent e of a float64, and the decimal exponents.

    Returns (scale, exponent). scale : (2098, 4) float64; two factors, each as high + low part, that
    bring m 2^e, m in [1/2, 1), to 17 digits before the point if its decimal exponent is
    `exponent` (first two columns) or one more (last two). exponent : (2098,) int64.
    """
    scale = np.empty((_MAX_EXPONENT - _MIN_EXPONENT + 1, 4))
    exponent = np.empty(len(scale), dtype=np.int64)
    for row in range(len(scale)):
        e = row + _MIN_EXPONENT
        if e >= 1:
            exponent[row] = len(str(2 ** (e - 1))) - 1
        else:  # 2^(e-1) = 5^(1-e) / 10^(1-e)
            exponent[row] = len(str(5 ** (1 - e))) - 1 - (1 - e)
        for column in (0, 1):
            k = _DIGITS - 1 - int(exponent[row]) - column
            top = 2 ** max(e, 0) * 10 ** max(k, 0)
            bottom = 2 ** max(-e, 0) * 10 ** max(-k, 0)
            high = top / bottom  # division of integers rounds once
            numerator, denominator = high.as_integer_ratio()
            low = (top * denominator - numerator * bottom) / (bottom * denominator)
            scale[row, 2 * column : 2 * column + 2] = high, low
    return scale, exponent


@njit
def exact_product(a: float, b: float) -> tuple[float, float]:
    """(a b rounded, what rounding took): their sum is a b exactly (Dekker), if none over- or
    underflows."""
    product = a * b
    split = 134217729.0 * a  # 2^27 + 1
    a_high = split - (split - a)
    a_low = a - a_high
    split = 134217729.0 * b
    b_high = split - (split - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@njit
def _scaled(m: float, high: float, low: float) -> Any:
    """Integer nearest to m (high + low), which must lie in [2^53, 2^63)."""
    product, error = exact_product(m, high)
    return np.int64(product) + np.int64(floor(error + m * low + 0.5))


@njit
def put_int(out: Array, at: int, value: int) -> int:
    """Write an integer into `out` (uint8) from `at`; returns the place after it."""
    if value < 0:
        out[at] = _MINUS
        at += 1
        value = -value
    length, rest = 1, value // 10
    while rest > 0:
        length += 1
        rest //= 10
    for place in range(at + length - 1, at - 1, -1):
        rest = value // 10
        out[place] = _ZERO + (value - 10 * rest)
        value = rest
    return at + length


@njit
def put_float(out: Array, at: int, value: float, scale: Array, exponent: Array) -> int:
    """Write a finite float64 as d.ddde+XX into `out` (uint8) from `at`; returns the place after it.

    Up to 17 significant digits, trailing zeros left away; 0 is written as 0.0.
    scale, exponent : from `decimal_scales`.
    """
    if value == 0.0:
        out[at], out[at + 1], out[at + 2] = _ZERO, _POINT, _ZERO
        return at + 3
    if value < 0.0:
        out[at] = _MINUS
        at += 1
        value = -value
    m, e = frexp(value)
    row = e - _MIN_EXPONENT
    power = exponent[row]
    digits = _scaled(m, scale[row, 0], scale[row, 1])
    if digits >= _TEN_17:
        power += 1
        digits = _scaled(m, scale[row, 2], scale[row, 3])
    high = digits // 100000000  # 9 digits, and 8 that follow
    low = digits - 100000000 * high
    for place in range(8, 0, -1):
        rest_high, rest_low = high // 10, low // 10
        out[at + 1 + place] = _ZERO + (high - 10 * rest_high)
        out[at + 9 + place] = _ZERO + (low - 10 * rest_low)
        high, low = rest_high, rest_low
    out[at], out[at + 1] = _ZERO + high, _POINT
    at += _DIGITS
    while out[at] == _ZERO and out[at - 1] != _POINT:
        at -= 1
    at += 1
    out[at], out[at + 1] = _E, _PLUS
    if power < 0:
        out[at + 1] = _MINUS
        power = -power
    at += 2
    if power < 10:
        out[at] = _ZERO
        at += 1
    return put_int(out, at, power)


@njit
def put_text(out: Array, at: int, text: Array) -> int:
    """Copy `text` (uint8) into `out` from `at`; returns the place after it."""
    for i in range(len(text)):
        out[at + i] = text[i]
    return at + len(text)


@njit
def _put_momentum(
    out: Array, at: int, p4: Array, mass: float, scale: Array, exponent: Array
) -> int:
    """Write ` px py pz E m`, with a space before each number."""
    for component in (1, 2, 3, 0):
        out[at] = _SPACE
        at = put_float(out, at + 1, p4[component], scale, exponent)
    out[at] = _SPACE
    return put_float(out, at + 1, mass, scale, exponent)


@njit(nogil=True)
def lhe_block(
    out: Array,
    texts: tuple,
    numbers: tuple,
    first: Array,
    count: Array,
    label: Array,
    xwgtup: Array,
    pdg: Array,
    status: Array,
    p4: Array,
    mass: Array,
    x4: Array,
    positions: int,
) -> int:
    """Write LHE `<event>` blocks into `out` (uint8); returns the number of bytes.

    texts : `texts_of` of the words around the numbers, in the order of `LHE_WORDS`; the last is
    what follows XWGTUP on the event's line. numbers : (scale, exponent, process id).
    first, count, label, xwgtup : (M,) first row, number of rows, number and weight of each event.
    pdg, status, p4, mass, x4 : per row. positions : comment lines with (c t, x, y, z) per event:
    0 none, 1 that of the first row, 2 one for every row.
    """
    scale, exponent, process_id = numbers
    begin, end, incoming, outgoing, tail, comment, after_weight = texts
    at = 0
    for i in range(len(first)):
        at = put_text(out, at, begin)
        at = put_int(out, at, count[i])
        out[at] = _SPACE
        at = put_int(out, at + 1, process_id)
        out[at] = _SPACE
        at = put_float(out, at + 1, xwgtup[i], scale, exponent)
        at = put_text(out, at, after_weight)
        rows = range(first[i], first[i] + count[i])
        for row in rows:
            at = put_int(out, at, pdg[row])
            at = put_text(out, at, incoming if status[row] < 0 else outgoing)
            at = _put_momentum(out, at, p4[row], mass[row], scale, exponent)
            at = put_text(out, at, tail)
        if positions > 0:
            for row in rows:
                if positions == 1 and row > first[i]:
                    break
                at = put_text(out, at, comment)
                at = put_int(out, at, label[i])
                for component in range(4):
                    out[at] = _SPACE
                    at = put_float(out, at + 1, x4[row, component], scale, exponent)
                out[at] = _NEWLINE
                at += 1
        at = put_text(out, at, end)
    return at


#: The words of an LHE event: begin, end, mothers and colours of incoming and of outgoing
#: particles (both incoming are the mothers of each outgoing one), lifetime and spin (9: unknown),
#: and the tag of a comment line with event number and position (c t, x, y, z) in cm.
LHE_WORDS = (
    "<event>\n",
    "</event>\n",
    " -1 0 0 0 0",
    " 1 1 2 0 0",
    " 0.0 9.0\n",
    "#x4 ",
)


@njit(nogil=True)
def hepmc_block(
    out: Array,
    texts: tuple,
    numbers: tuple,
    first: Array,
    count: Array,
    label: Array,
    weight: Array,
    pdg: Array,
    status: Array,
    p4: Array,
    mass: Array,
    x4_mm: Array,
) -> int:
    """Write HepMC3 events with one vertex each into `out` (uint8); returns the number of bytes.

    texts : `texts_of` of `HEPMC_WORDS` and the event's cross section line.
    numbers : (scale, exponent). first, count, label, weight : (M,) per event.
    pdg, status, p4, mass : per row. x4_mm : (M, 4) vertex, (c t, x, y, z) in mm.
    Incoming rows stand before outgoing ones.
    """
    scale, exponent = numbers
    begin, one_vertex, units, particle, vertex, at_place, is_beam, is_final, from_vertex, sigma = (
        texts
    )
    at = 0
    for i in range(len(first)):
        at = put_text(out, at, begin)
        at = put_int(out, at, label[i])
        at = put_text(out, at, one_vertex)
        at = put_int(out, at, count[i])
        at = put_text(out, at, units)
        at = put_float(out, at, weight[i], scale, exponent)
        at = put_text(out, at, sigma)
        n_incoming = 0
        for k in range(count[i]):
            row = first[i] + k
            beam = status[row] < 0
            if not beam and k == n_incoming:
                at = put_text(out, at, vertex)
                for j in range(n_incoming):
                    if j > 0:
                        out[at] = 44  # comma
                        at += 1
                    at = put_int(out, at, j + 1)
                at = put_text(out, at, at_place)
                for component in (1, 2, 3, 0):
                    out[at] = _SPACE
                    at = put_float(out, at + 1, x4_mm[i, component], scale, exponent)
                out[at] = _NEWLINE
                at += 1
            at = put_text(out, at, particle)
            at = put_int(out, at, k + 1)
            if beam:
                n_incoming += 1
                out[at], out[at + 1], out[at + 2] = _SPACE, _ZERO, _SPACE
                at += 3
            else:
                at = put_text(out, at, from_vertex)
            at = put_int(out, at, pdg[row])
            at = _put_momentum(out, at, p4[row], mass[row], scale, exponent)
            at = put_text(out, at, is_beam if beam else is_final)
    return at


#: The words of a HepMC3 event: event line with one vertex; units and weight; particle; vertex
#: with its incoming particles and place; status 4 (beam) and 1 (final); mother vertex -1.
HEPMC_WORDS = (
    "E ",
    " 1 ",
    "\nU GEV MM\nW ",
    "P ",
    "V -1 0 [",
    "] @",
    " 4\n",
    " 1\n",
    " -1 ",
)


def texts_of(*words: str) -> tuple[Array, ...]:
    """The words as uint8 arrays, for the kernels."""
    return tuple(np.frombuffer(word.encode(), dtype=np.uint8) for word in words)


def float_text(value: float) -> str:
    """One finite float64 as the kernels write it.

    >>> float_text(0.1), float_text(-150.0), float_text(0.0)
    ('1.0000000000000001e-01', '-1.5e+02', '0.0')
    """
    out: Any = np.empty(FLOAT_WIDTH, dtype=np.uint8)
    return bytes(out[: put_float(out, 0, float(value), *decimal_scales())]).decode()
