"""What we export is read by pyhf's own program, and the example beside it runs and is right."""

import json
import math
import re
import warnings

import numpy as np
import pytest

from mutau.core.types import Yields
from mutau.models import LmuMinusLtau
from mutau.report.exports import export, point_yields

pyhf = pytest.importorskip("pyhf", reason="pyhf is not installed (extra 'stats')")
click_testing = pytest.importorskip("click.testing")


def yields(signal, background=0.0, observed=0.0):
    one = np.ones(1)
    return Yields(
        ("counted",), signal * one, 0.0 * one, background * one, 0.3 * background * one,
        observed * one, one, 0.0, 0.01, 1e-3, "toy", "lmu-ltau",
    )  # fmt: skip


def pyhf_cls(path):
    """`pyhf cls FILE`: what it prints."""
    from pyhf.cli import cli

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
        done = click_testing.CliRunner().invoke(cli, ["cls", str(path)])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("signal", [1e-3, 1.0, 2.3, 40.0, 3e4])
@pytest.mark.parametrize(("background", "observed"), [(0.0, 0.0), (0.7, 1.0), (30.0, 28.0)])
def test_the_program_of_pyhf_reads_our_file(tmp_path, signal, background, observed):
    # without a background the asymptotic CLs is 2 Phi(-sqrt(2 s))
    path, *_ = export("pyhf", [yields(signal, background, observed)], tmp_path)
    found = pyhf_cls(path)
    assert 0.0 <= found["CLs_obs"] <= 1.0
    if not background:
        assert found["CLs_obs"] == pytest.approx(math.erfc(math.sqrt(signal)), rel=1e-2, abs=1e-12)


@pytest.mark.compiled
def test_the_program_of_pyhf_reads_a_bundled_experiment(tmp_path):
    results = point_yields(["na64mu"], LmuMinusLtau(0.01, 1e-3))
    path, *_ = export("pyhf", results, tmp_path)
    assert pyhf_cls(path)["CLs_obs"] < 1e-6  # hundreds of events, none seen


def test_the_example_beside_the_file_runs_and_gives_the_level(tmp_path, monkeypatch, capsys):
    path, metadata, text = export("pyhf", [yields(4.0)], tmp_path)
    limit = json.loads(metadata.read_text())["upper_limit"]
    assert limit["events"] == pytest.approx(2.302585, rel=1e-6)
    said = text.read_text()
    assert "1.35 events at 90 % CL, where 2.30 is" in " ".join(said.split())
    (example,) = re.findall(r"```python\n(.*?)```", said, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
        exec(compile(example, str(text), "exec"), {})
        workspace = pyhf.Workspace(json.loads(path.read_text()))
        model = workspace.model()
        default = [
            float(pyhf.infer.hypotest(events / 4.0, workspace.data(model), model))
            for events in (1.34, 1.37)
        ]
    cls = float(capsys.readouterr().out)
    assert cls == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / 400))  # binomial, 400 toys
    assert default[0] > 0.1 > default[1]  # the asymptotic formula: 1.353 events
