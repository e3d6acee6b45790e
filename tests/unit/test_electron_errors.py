"""What the theory of an electron signal leaves open, and radiation before annihilation."""

import json

import numpy as np
import pytest

from mutau.analysis.limit import limit_curve
from mutau.analysis.settings import Settings
from mutau.core.errors import NotApplicable
from mutau.experiment import load_experiment, replace
from mutau.models import Family
from mutau.signal.electron_errors import annihilation_with_radiation
from mutau.signal.electron_radiation import lowest_energy, radiator
from mutau.signal.electron_window import window

pytestmark = pytest.mark.compiled

SMALL = Settings(n_events=500)


def test_the_radiator_is_normalised_and_has_the_known_mean():
    b = 7.2973525693e-3 / np.pi * (np.log(0.04 / 0.51099895e-3**2) - 1.0)
    fraction, weight = radiator(0.04)
    assert weight.sum() == pytest.approx(1.0, rel=1e-12)
    mean = b * (1.0 + 0.75 * b) / (1.0 + b) - b / 3.0
    assert fraction @ weight == pytest.approx(mean, rel=2e-3)


def test_positrons_count_from_below_the_resonance_up():
    w = window(load_experiment("na64e"))
    low = lowest_energy(0.18, w)  # 32 GeV, under the window
    assert low < 0.18**2 / (2.0 * 0.51099895e-3) < w.low
    assert lowest_energy(0.4, w) == w.low  # resonance far above: the window decides
    assert lowest_energy(1e-6, w) == pytest.approx(0.05 * w.energy)


@pytest.mark.parametrize(("mass", "sign"), [(0.21, 1.0), (0.26, -1.0)])
def test_each_choice_of_theory_moves_the_limit_as_it_says(mass, sign):
    """The model errors of a limit are what the limit does when the choice is taken."""
    file, family = load_experiment("na64e"), Family("lmu-ltau", 0.1)
    base = limit_curve(file, [mass], family, settings=SMALL)
    (said,) = base.meta["errors"]
    for name, key in (
        ("Coulomb correction", "coulomb"), ("radiation before annihilation", "radiation"),
    ):  # fmt: skip
        other = replace(file, f"theory/{key}", True)
        taken = limit_curve(other, [mass], family, settings=SMALL).coupling / base.coupling - 1.0
        assert taken[0] == pytest.approx(said["model_errors"][name], abs=5e-3)
    # the electron's radiation feeds the window from a resonance below it, and thins one inside
    assert np.sign(said["model_errors"]["radiation before annihilation"]) == -sign
    parts = list(said["model_errors"].values())
    assert said["model_err"] / base.coupling[0] == pytest.approx(np.hypot.reduce(parts))
    # 15 %, 5.5 %, 10 % of kappa and the thresholds, half of it in the coupling
    least = 0.5 * np.sqrt(0.15**2 + 0.055**2 + 0.1**2)
    assert least < said["systematic_err"] / base.coupling[0] < 1.3 * least


def test_a_correction_that_is_in_leaves_a_tenth_of_itself():
    file = replace(load_experiment("na64e"), "theory/coulomb", True)
    plain = limit_curve("na64e", [1e-3], settings=SMALL).meta["errors"][0]["model_errors"]
    with_it = limit_curve(file, [1e-3], settings=SMALL).meta["errors"][0]["model_errors"]
    ratio = with_it["Coulomb correction"] / plain["Coulomb correction"]
    assert ratio == pytest.approx(0.1, rel=0.1)


def test_the_command_prints_all_errors(cli):
    (row,) = json.loads(cli("limit", "na64e", "--mass", "1MeV", "--json").out)["limits"]
    assert {"numerical_err", "systematic_err", "model_err", "model_errors"} <= set(row)
    assert row["model_err"] > 10.0 * row["numerical_err"]


def test_radiation_of_a_beam_in_a_thin_target_is_refused():
    thin = replace(load_experiment("ldmx-like"), {"beam/particle": "e+",
                                                  "target/thickness": "0.005 X0"})  # fmt: skip
    point = Family("dark-photon", 0.1).at(0.05, 1e-4)
    with pytest.raises(NotApplicable, match="theory/radiation"):
        annihilation_with_radiation(thin, point, window(thin))
