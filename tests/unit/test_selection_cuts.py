"""Cut variables and cut flow by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.errors import MutauError, UnknownName
from mutau.experiment.schema_counting import Cut
from mutau.selection.cutflow import apply_cuts, passes
from mutau.selection.requirements import label
from mutau.selection.variables import FUNCTIONS, Sample, evaluate


def vector(energy, tx, ty, mass=0.0):
    p = math.sqrt(energy**2 - mass**2)
    norm = math.sqrt(1.0 + tx**2 + ty**2)
    return [energy, p * tx / norm, p * ty / norm, p / norm]


SAMPLE = Sample(
    160.0,
    np.array([1.0, 1.0, 1.0, 1.0]),
    {
        "p_muon": np.array(
            [vector(40.0, 3e-3, 4e-3), vector(80.0, 1e-3, 0), vector(120.0, 0, 0), [0.0] * 4]
        ),
        "p_electron": np.array(
            [
                vector(10.0, -3e-3, -4e-3),
                vector(20.0, 0, 1e-3),
                vector(2.0, 1e-2, 0),
                vector(1.0, 0, 0),
            ]
        ),
        "p_beam": np.array([vector(161.0, 0, 0)] * 4),
        "trigger": np.array([True, True, False, True]),
        "ecal_energy": np.array([0.5, 60.0, 110.0, 150.0]),
        "vhcal_energy": np.array([0.0, 1.0, 0.0, 0.0]),
        "hcal_energy": np.array([2.0, 2.0, 2.0, 2.0]),
    },
)


def cut(variable, **bounds):
    return Cut(variable=variable, because="test", **bounds)


def test_variables_by_hand():
    np.testing.assert_allclose(evaluate("muon_energy", SAMPLE), [40.0, 80.0, 120.0, 0.0])
    np.testing.assert_allclose(evaluate("muon_energy_fraction", SAMPLE), [0.25, 0.5, 0.75, 0.0])
    np.testing.assert_allclose(
        evaluate("theta_mu", SAMPLE), [math.atan(5e-3), math.atan(1e-3), 0.0, 0.0], rtol=1e-9
    )
    np.testing.assert_allclose(evaluate("theta_e", SAMPLE)[0], math.atan(5e-3), rtol=1e-9)
    np.testing.assert_allclose(evaluate("electron_energy", SAMPLE), [10.0, 20.0, 2.0, 1.0])
    np.testing.assert_allclose(evaluate("incoming_momentum", SAMPLE), 161.0)
    np.testing.assert_allclose(evaluate("e_miss", SAMPLE), [159.5, 100.0, 50.0, 10.0])
    np.testing.assert_allclose(evaluate("calorimeter_energy", SAMPLE), [2.5, 63.0, 112.0, 152.0])
    # back to back, and at a right angle
    np.testing.assert_allclose(evaluate("acoplanarity", SAMPLE)[:2], [0.0, math.pi / 2], atol=1e-9)
    assert evaluate("trigger", SAMPLE).tolist() == [True, True, False, True]


def test_a_cut_flow_by_hand():
    flow = apply_cuts(
        [cut("trigger"), cut("muon_energy_fraction", max=0.5), cut("vhcal_energy", max="0.5 GeV")],
        SAMPLE,
    )
    assert flow.names == (
        "produced",
        "trigger",
        "muon_energy_fraction <= 0.5",
        "vhcal_energy <= 0.5",
    )
    np.testing.assert_allclose(flow.fraction, [1.0, 0.75, 0.75, 0.5])
    np.testing.assert_allclose(flow.error[1:], [math.sqrt(0.75 * 0.25 / 4)] * 2 + [0.25])
    assert (flow.error[0], flow.efficiency) == (0.0, 0.5)
    assert flow.passed.tolist() == [True, False, False, True]


def test_weights_count():
    weighted = Sample(160.0, np.array([4.0, 1.0, 1.0, 2.0]), SAMPLE.columns)
    flow = apply_cuts([cut("trigger")], weighted)
    assert flow.fraction[1] == pytest.approx(7.0 / 8.0, rel=1e-12)
    chosen = np.array([1, 1, 0, 1])
    error = math.sqrt(np.sum(weighted.weights**2 * (chosen - 7 / 8) ** 2)) / 8.0
    assert flow.error[1] == pytest.approx(error, rel=1e-12)


def test_bounds_pass_and_order_does_not_matter_for_the_end():
    assert passes(cut("muon_energy", max="80 GeV"), SAMPLE).tolist() == [True, True, False, True]
    assert passes(cut("muon_energy", min="80 GeV"), SAMPLE).tolist() == [False, True, True, False]
    cuts = [cut("trigger"), cut("muon_energy", min="1 GeV", max="80 GeV")]
    one, other = apply_cuts(cuts, SAMPLE), apply_cuts(cuts[::-1], SAMPLE)
    assert (one.passed == other.passed).all()
    assert one.efficiency == other.efficiency == 0.5
    assert label(cuts[1]) == "1 <= muon_energy <= 80"


def test_what_cannot_be_known_is_skipped_by_name_only():
    cuts = [cut("trigger"), cut("srd_energy", min="1 MeV", max="100 MeV")]
    with pytest.raises(MutauError, match="no column 'srd_energy'"):
        apply_cuts(cuts, SAMPLE)
    flow = apply_cuts(cuts, SAMPLE, skip=("srd_energy",))
    assert flow.skipped == ("0.001 <= srd_energy <= 0.1",)
    assert flow.names == ("produced", "trigger")


def test_wrong_samples_are_refused():
    with pytest.raises(MutauError, match="column 'trigger'"):
        Sample(160.0, np.ones(3), {"trigger": np.ones(2, bool)})
    with pytest.raises(MutauError, match="column 'hcal_energy'"):
        Sample(160.0, np.ones(2), {"hcal_energy": np.array([1.0, np.nan])})
    with pytest.raises(MutauError, match="negative"):
        Sample(160.0, -np.ones(2), {})
    with pytest.raises(UnknownName, match="did you mean 'theta_mu'"):
        evaluate("theta_muon", SAMPLE)
    with pytest.raises(MutauError, match="carries weight"):
        apply_cuts([cut("trigger")], Sample(160.0, np.zeros(4), SAMPLE.columns))


def test_other_packages_register_variables_once():
    with pytest.raises(MutauError, match="registered twice"):
        FUNCTIONS.register("theta_mu")(lambda sample: sample.weights)
