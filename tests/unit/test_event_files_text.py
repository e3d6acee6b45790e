"""Numbers as text: every float64 comes back bit for bit, and the digits are the right ones."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mutau.sampling.event_files_text import FLOAT_WIDTH, float_text, put_int


@settings(deadline=None)  # the first call compiles
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)  # smallest
@example(2.2250738585072014e-308)  # smallest with all its bits
@example(1.7976931348623157e308)  # largest
@example(99999999999999999.0)
@example(9.999999999999999e22)  # next below a power of ten
@example(1e23)  # not representable: the float64 below it
def test_any_float_comes_back_bit_for_bit(value):
    text = float_text(value)
    back = float(text)
    assert back == value
    assert len(text) <= FLOAT_WIDTH
    # The digits are those of the exact value, rounded in the 17th: not just some that read back.
    exact = Decimal(value)
    if exact:
        unit = Decimal(10) ** (exact.adjusted() - 16)
        assert abs(Decimal(text) - exact) <= Decimal("0.5000000000000001") * unit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (150.0, "1.5e+02"),
        (-1.0, "-1.0e+00"),
        (0.1, "1.0000000000000001e-01"),  # 0.1 is 0.1000000000000000055...
        (1e-5, "1.0000000000000001e-05"),
        (2.0**-1074, "4.9406564584124654e-324"),
        (1e100, "1.0e+100"),
    ],
)
def test_known_texts(value, text):
    assert float_text(value) == text


@pytest.mark.parametrize("value", [0, 7, -13, 1000822080, 2**31 - 1, -(10**18)])
def test_integers(value):
    out = np.zeros(24, dtype=np.uint8)
    assert bytes(out[: put_int(out, 0, value)]).decode() == str(value)
