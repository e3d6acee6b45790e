"""Patch sets: pyhf takes them against its schema, verifies and applies them."""

import numpy as np
import pytest

from mutau.core.errors import MutauError
from mutau.core.types import Yields
from mutau.report.workspaces import patch_set

pyhf = pytest.importorskip("pyhf")
pytestmark = pytest.mark.filterwarnings("ignore:jsonschema:DeprecationWarning")


def point(mass, signal, err):
    """Yields of one run period."""
    return Yields(
        ("made", "kept"), np.array([2.0 * signal, signal]), np.array([err, err]), np.array([3.0]),
        np.array([1.0]), np.array([2.0]), np.ones(1), 0.1, mass, 1e-3, "x", "lmu-ltau",
    )  # fmt: skip


def test_pyhf_applies_every_patch_and_finds_the_monte_carlo_error():
    background, plain = patch_set([point(0.01, 8.0, 0.4), point(0.1, 2.0, 0.3)])
    patches = pyhf.PatchSet(plain)
    workspace = pyhf.Workspace(background)
    patches.verify(workspace)
    assert patches.labels == ["mass_GeV", "coupling"]
    for values, signal, error in (((0.01, 1e-3), 8.0, 0.05), ((0.1, 1e-3), 2.0, 0.15)):
        model = pyhf.Workspace(patches.apply(workspace, values)).model()
        at = np.array(model.config.suggested_init())
        at[model.config.poi_index] = 1.0
        plus = at.copy()
        plus[model.config.par_slice("signal Monte Carlo")] = 1.0
        assert model.expected_actualdata(at)[0] == pytest.approx(signal + 3.0)
        assert model.expected_actualdata(plus)[0] == pytest.approx(signal * (1.0 + error) + 3.0)
    with pytest.raises(MutauError, match="each once"):
        patch_set([point(0.1, 2.0, 0.3), point(0.1, 2.0, 0.3)])
