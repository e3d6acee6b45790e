"""From events to a coupling."""

import math

import pytest

from mutau.core.errors import MutauError, OutOfRange
from mutau.stats import iterate_coupling, solve_coupling


def test_a_square_law_gives_the_square_root():
    found = solve_coupling(lambda g: 4e8 * g**2, 2.302585)
    assert found.coupling == pytest.approx(math.sqrt(2.302585 / 4e8), rel=2e-6)
    assert found.power == pytest.approx(2.0, rel=1e-4)
    assert len(found.path) <= 8


@pytest.mark.parametrize("start", [1e-6, 1e-3, 0.5])
def test_no_power_law_is_assumed(start):
    # A width that grows with the coupling takes events away: S = c g^2/(1 + (g/g0)^2), and a
    # step in the power at g0.
    def signal(g):
        return 1e7 * g**2 / (1 + (g / 1e-3) ** 2)

    found = solve_coupling(signal, 3.0, start=start)
    exact = math.sqrt(3.0 / (1e7 - 3.0 * 1e6))
    assert found.coupling == pytest.approx(exact, rel=3e-6)
    assert found.power == pytest.approx(2 / (1 + exact**2 * 1e6), rel=1e-2)


def test_the_error_of_the_signal_is_divided_by_the_power():
    found = solve_coupling(lambda g: (1e8 * g**4, 0.08 * 1e8 * g**4), 5.0)
    assert found.coupling_err / found.coupling == pytest.approx(0.02, rel=1e-3)


def test_the_limit_may_depend_on_the_coupling():
    found = solve_coupling(lambda g: 1e6 * g**2, lambda g: 2.0 * (1 + 100 * g))
    g = found.coupling
    assert 1e6 * g**2 == pytest.approx(2.0 * (1 + 100 * g), rel=1e-5)


def test_nothing_excluded_is_infinity():
    assert solve_coupling(lambda g: 0.0, 2.3).coupling == math.inf
    assert solve_coupling(lambda g: 1e-3 * g**2, 2.3).coupling == math.inf


def test_an_integer_step_in_the_signal_is_still_bracketed():
    found = solve_coupling(lambda g: 10.0 if g > 0.0123 else 1e-3, 2.0)
    assert found.coupling == pytest.approx(0.0123, rel=1e-5)


def test_iteration_reaches_the_direct_solution_and_shows_its_path():
    # The prefactor goes as g^2, the width takes a few per cent away.
    def signal(g):
        return 1e7 * g**2 / (1 + 100 * g)

    direct = solve_coupling(signal, 3.0).coupling
    path = iterate_coupling(signal, 3.0, start=2e-3, tolerance=0.005)
    assert path.path[0] == 2e-3
    assert path.coupling == pytest.approx(direct, rel=0.005)
    assert abs(path.path[-2] / direct - 1) < 0.01
    assert len(path.path) - 1 <= 3


def test_iteration_with_a_square_law_needs_one_step_and_its_confirmation():
    path = iterate_coupling(lambda g: 1e7 * g**2, 3.0, start=1.0).path
    assert len(path) == 3
    assert path[1] == pytest.approx(math.sqrt(3e-7), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: solve_coupling(lambda g: 10.0, 2.3), OutOfRange, "too many"),
        (lambda: solve_coupling(lambda g: math.nan, 2.3), MutauError, "nan"),
        (lambda: solve_coupling(lambda g: -1.0, 2.3), MutauError, "-1"),
        (lambda: solve_coupling(lambda g: g, 0.0), MutauError, "limit"),
        (lambda: solve_coupling(lambda g: g, 1.0, start=100.0), OutOfRange, "start"),
        (lambda: iterate_coupling(lambda g: 0.0, 1.0, start=0.1), MutauError, "no signal"),
        # true power 6: each step overshoots by a factor of -2
        (lambda: iterate_coupling(lambda g: g**6, 1.0, start=2.0), MutauError, "did not settle"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_any_exposure_has_its_coupling():
    # the search went no lower than 1e-9, and asked for a bound that no command has
    found = solve_coupling(lambda g: 1e60 * g**2, 2.3)
    assert found.coupling == pytest.approx(math.sqrt(2.3e-60), rel=2e-6)
