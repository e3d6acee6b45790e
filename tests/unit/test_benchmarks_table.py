"""The benchmark table's own logic: failing rows, wrong peers, absent peers, ratios, Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import measure

    return measure


def test_a_failing_part_becomes_a_row_and_the_rest_goes_on(measure):
    def breaks():
        raise ValueError("no such table")

    def works():
        return [measure.row("a", 1.0, "ms"), measure.row("b", 2.0, "ms")]

    first, *rest = measure.run([breaks, works])
    assert first["failed"] == "ValueError: no such table"
    assert first["name"] == "breaks"
    assert [one["figure"] for one in rest] == [1.0, 2.0]


def test_a_wrong_peer_raises(measure):
    ours = np.array([1.0, 2.0])
    measure.agree("x", ours, ours * (1.0 + 1e-7), rel=1e-6)
    for theirs in (ours * 1.01, ours[:1], np.array([1.0, np.nan])):
        with pytest.raises(measure.WrongPeer):
            measure.agree("x", ours, theirs, rel=1e-6)


def test_an_absent_peer_is_not_run_and_says_so(measure):
    found = measure.against("other", lambda: 1 / 0, needs="a_module_that_is_not_there")
    assert found["peer_figure"] is None
    assert "not installed" in found["peer_reason"]


def test_a_page_of_the_documentation(measure):
    """Every row under the heading of its script; powers of ten printed, bars of |M| escaped."""
    import run

    fast = measure.row("|M|^2", 1.2e7, "1/s", "to 1e-07", peer="NumPy", peer_figure=1.2e5)
    slow = {"failed": "no table 7", **measure.row("b", 1.0, "s"), "figure": None}
    page = run.page_of([{"script": "bench_models", **fast}, {"script": "bench_stats", **slow}])
    assert "### models\n\nSpeed and accuracy of the models" in page
    assert "| \\|M\\|^2 | 1.2×10⁷ 1/s | to 10⁻⁷ |  | NumPy | 1.2×10⁵ | 100 |" in page
    assert "| b | failed: no table 7 s |  |  |  |  |  |" in page
    assert run.typeset("b7e2 3e-08 x1e5 0e+00") == "b7e2 3×10⁻⁸ x1e5 0"


def test_how_many_times_faster(measure):
    """1e6 against 1e4 a second and 2 ms against 200 ms are both a factor 100."""
    rate = measure.row("a", 1e6, "events/s/core", peer="p", peer_figure=1e4)
    span = measure.row("b", 2.0, "ms per energy", peer="p", peer_figure=200.0)
    size = measure.row("c", 6.0, "MB", peer="p", peer_figure=3.0)
    assert measure.faster(rate) == pytest.approx(100.0)
    assert measure.faster(span) == pytest.approx(100.0)
    assert measure.faster(size) is None
    assert measure.faster(measure.row("d", 1.0, "s")) is None


def test_best_leaves_the_first_call_out(measure):
    spent = iter([9.0, 2.0, 1.5])
    clock = [0.0]

    def work():
        clock[0] += next(spent)

    assert measure.best(work, 2, lambda: clock[0]) == pytest.approx(1.5)


SCRIPT = """
import time
from measure import row
def quick():
    return row("quick", 1.0, "s", 1e-3, 5.0)
def broken():
    raise RuntimeError("on purpose")
def slow():
    time.sleep(30.0)
    return row("slow", 1.0, "s")
PARTS = (quick, broken{more})
"""


def _copy(folder, more=""):
    for name in ("run.py", "measure.py"):
        (folder / name).write_text((FOLDER / name).read_text())
    (folder / "bench_toy.py").write_text(SCRIPT.format(more=more))
    return [sys.executable, str(folder / "run.py"), "--json", str(folder / "out.json")]


def test_one_command_prints_the_table_and_writes_it(tmp_path):
    command = _copy(tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1  # a row failed
    assert "on purpose" in done.stdout
    assert "[1/1] bench_toy" in done.stderr
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [one["name"] for one in rows] == ["quick", "broken"]
    assert rows[0] | {"figure": 1.0, "goal": 5.0, "script": "bench_toy"} == rows[0]
    wrong = subprocess.run([*command, "nothing"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "toy" in wrong.stderr


def test_ctrl_c_keeps_what_is_there(tmp_path):
    command = _copy(tmp_path, more=", slow")
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in child.stderr:
        if "on purpose" in line:
            break
    time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in out
    document = json.loads((tmp_path / "out.json").read_text())
    assert not document["complete"]
    assert len(document["rows"]) == 2
