"""Readable answers: nothing that one would copy is broken, nothing is left blank."""

import subprocess
import sys
import time

from mutau.cli.output import emit, progress_bar, with_bins


def test_long_words_stay_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    path = "/a/folder/" + "x" * 200 + "/experiment.toml"
    row = {"name": "toy", "title": "two words " * 30, "file": path}
    emit({"experiments": [row]}, as_json=False)
    out = capsys.readouterr().out
    assert path in out
    assert max(len(line) for line in out.splitlines() if path not in line) <= 200


def test_a_table_that_fits_is_a_table(capsys):
    rows = [{"mass_GeV": 0.1, "limit": 1e-4}, {"mass_GeV": 1.0, "limit": float("inf")}]
    emit({"limits": rows}, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("│")[1:3] for line in lines if "│" in line] == [
        ["      0.1 ", " 0.0001 "],
        ["        1 ", "      - "],
    ]


def test_lists_over_bins_become_a_table():
    answer = {"edges_GeV": [1.0, 2.0, 4.0], "n": [5, 6], "n_err": [0.5, 0.6], "seed": 1}
    assert with_bins(answer, "bins", "edges_GeV", "n", "n_err") == {
        "seed": 1,
        "bins": [
            {"from_GeV": 1.0, "to_GeV": 2.0, "n": 5, "n_err": 0.5},
            {"from_GeV": 2.0, "to_GeV": 4.0, "n": 6, "n_err": 0.6},
        ],
    }


def test_nothing_is_said(capsys):
    emit({"seed": None, "problems": [], "digests": {}}, as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["seed", "-"], ["problems", "none"], ["digests", "none"],
    ]  # fmt: skip


def test_progress_without_a_terminal_is_lines(capsys, monkeypatch):
    """A line every period, also while one task goes on; silent when short, quiet or finished."""

    def wait(text):
        end = time.monotonic() + 20.0
        while text not in (seen := capsys.readouterr().err) and time.monotonic() < end:
            time.sleep(0.002)
        return seen.splitlines()

    with progress_bar("scan", quiet=True) as progress:
        assert progress is None
    with progress_bar("scan") as progress:
        progress(0.5, "half")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("mutau.cli.output.PERIOD", 0.01)
    with progress_bar("scan") as progress:
        assert "mutau: scan (0 s)" in wait("scan (0")
        progress(0.256, "2/8, 3 s left")
        assert "mutau: scan: 26 % done; 2/8, 3 s left (0 s)" in wait("3 s left (0 s)")
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_closed_stdout_or_stderr_is_no_mistake():
    """As a daemon may have them: the program runs, and says what it can."""
    words = f"{sys.executable} -m mutau show models"
    for closed, out in ((">&-", False), ("2>&-", True), (">&- 2>&-", False)):
        done = subprocess.run(
            ["sh", "-c", f"{words} {closed}"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr, bool(done.stdout)) == (0, "", out), closed
