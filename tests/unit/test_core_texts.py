"""What results look like to a person: numbers with errors, one line or one table per object."""

from __future__ import annotations

import numpy as np
import pytest

from mutau.core.types import CrossSection, Events, Exclusion, Yields, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.26721e-4, 4.36e-7, "(1.2672 ± 0.0044)e-04"),  # 0.00436 of 1.26721: two digits, 0.0044
        (143.38965, 0.98752, "143.39 ± 0.99"),
        (10341.32, 1.15, "10341.3 ± 1.1"),
        (57.0, 52.0, "57 ± 52"),
        (2.5e7, 1.0e5, "(2.500 ± 0.010)e+07"),
        (0.3, 0.0, "0.3"),
        (0.0, 0.2, "0.00 ± 0.20"),
        (0.001, 0.002, "0.0010 ± 0.0020"),
        (1200.0, 345.0, "1200 ± 345"),
    ],
)
def test_a_number_shows_two_digits_of_its_error(value, error, text):
    assert with_error(value, error) == text


def test_a_cross_section_is_said_with_its_unit():
    assert str(CrossSection(10341.32, 1.15)) == "10341.3 ± 1.1 pb"


def test_events_say_how_many_they_are_and_do_not_list_them():
    n = 3000
    events = Events(
        pdg=np.tile([13, 32], n).astype(np.int32), event=np.repeat(np.arange(n), 2),
        status=np.ones(2 * n, np.int8), p4=np.ones((2 * n, 4)), x4=np.zeros((2 * n, 4)),
        weight=np.ones(2 * n),
    )  # fmt: skip
    assert repr(events) == "<Events: 3000 events, 6000 particles (pdg 13, 32)>"


def test_yields_are_a_cut_flow():
    yields = Yields(
        cuts=("produced", "trigger"), signal=np.array([762.4957, 143.3896]),
        signal_err=np.array([0.0657, 0.9875]), background=np.array([0.3, 0.4]),
        background_err=np.array([0.03, 0.04]), observed=np.array([np.nan, 1.0]),
        run_fraction=np.array([0.5, 0.5]), relative_systematic=0.0, mass=0.1, coupling=1e-3,
        experiment="toy", model="lmu-ltau",
    )  # fmt: skip
    assert str(yields).splitlines() == [
        "toy, lmu-ltau: 0.1 GeV, coupling 0.001",
        "  produced    762.496 ± 0.066",
        "  trigger     143.39 ± 0.99",
        "  background  0.700 ± 0.050",  # 0.03 and 0.04 in quadrature
    ]


def test_a_limit_says_where_there_is_none():
    line = Exclusion(
        mass=np.array([0.1, 1.0]), coupling=np.array([1.26721e-4, np.inf]),
        numerical_err=np.array([4.36e-7, 0.0]), cl=0.9, experiment="toy", model="lmu-ltau",
        method="bayes",
    )  # fmt: skip
    assert str(line).splitlines() == [
        "toy, lmu-ltau: upper limit at 90 % CL",
        "  0.1 GeV  < (1.2672 ± 0.0044)e-04",
        "  1 GeV  no limit",
    ]
