"""Nonsense on the command line: one line on stderr, exit code 2, nothing computed or written.

Every case is refused before anything heavy begins, so that the whole matrix takes seconds.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mutau.experiment import experiment_path

POINT = ("--mass", "0.1", "--coupling", "1e-3")
MASS = ("--mass", "0.1")
#: Verbs that take one mass and a coupling, up to their options.
POINTED = [
    ("model",),
    ("xsec", "muon-brems", "--energy", "160"),
    ("xsec", "electron-brems", "--energy", "100"),
    ("xsec", "annihilation", "--energy", "100"),
    ("xsec", "muon-electron-zprime", "--energy", "150"),
    ("yields", "na64mu"),
    ("yields", "muone"),
    ("yields", "na64e"),
    ("generate", "na64mu", "-n", "10", "-o", "e.lhe"),
    ("generate", "muone", "-n", "10", "-o", "e.npz"),
    ("optimise", "muone"),
    ("measure", "muone"),
    ("discover", "na64mu", "muone"),
    ("background", "muone", "--effort", "0.01"),
    ("export", "pyhf", "na64mu", "-o", "w"),
]
#: Verbs that take a list of masses.
LISTED = [
    ("limit", "na64mu"),
    ("limit", "muone"),
    ("limit", "na64e"),
    ("plane", "na64mu", "-o", "p.png"),
    ("combine", "na64mu", "muone"),
]
#: Verbs that read an experiment file, with their further words.
READING = [
    ("check", ()),
    ("yields", POINT),
    ("limit", MASS),
    ("generate", (*POINT, "-n", "3", "-o", "e.lhe")),
    ("background", ()),
    ("optimise", MASS),
    ("combine", ("na64mu", *MASS)),
    ("simulate", ("-o", "r", "-n", "10")),
    ("cite", ()),
]


@pytest.fixture
def assert_refused(cli, tmp_path, recwarn):
    """Run words that must be refused; gives back the message."""

    def run(*words: str, lines: bool = False) -> str:
        before = set(tmp_path.rglob("*"))
        found = cli(*words)
        assert found.code == 2, (words, found)
        assert found.out == "", words
        assert "Traceback" not in found.err, words
        assert "warning" not in found.err, words
        message = found.err.strip().splitlines()
        if lines and len(message) > 1:
            assert message[-1].endswith("nothing was run."), words
        else:
            assert len(message) == 1, (words, message)
        assert message[0].startswith("mutau: "), words
        assert set(tmp_path.rglob("*")) == before, words
        return found.err

    return run


@pytest.mark.parametrize("verb", POINTED, ids=" ".join)
def test_impossible_masses_and_couplings(assert_refused, verb):
    for mass in ("nan", "-1", "0", "inf", "1e9", "", "abc", "0.1,0.2", "1e-30", "100 cm", "5 g"):
        if verb[0] != "yields" or mass != "0.1,0.2":  # which takes lists
            assert_refused(*verb, "--mass", mass, "--coupling", "1e-3")
    for coupling in ("-1", "nan", "0", "inf", "1e9", "x", ""):
        assert_refused(*verb, *MASS, "--coupling", coupling)


@pytest.mark.compiled
@pytest.mark.parametrize("verb", LISTED, ids=" ".join)
def test_impossible_lists_of_masses(assert_refused, verb):
    for mass in ("nan", "-1", "0", "inf", "1e9", "", "abc", "0.1,nan", "0.1,1e9", ",", "0:1:3"):
        assert_refused(*verb, "--mass", mass)
    for mass in ("1:0:3", "1:2:1", "1:2:x", "1MeV:1GeV:60:3", "1:2:99999999", "1:inf:3"):
        assert_refused(*verb, "--mass", mass)


@pytest.mark.parametrize("verb", [v for v in POINTED if v[0] != "background"], ids=" ".join)
def test_impossible_models(assert_refused, verb):
    for words in (
        ("--alpha-d", "-1"), ("--alpha-d", "nan"), ("--alpha-d", "2"), ("--model", "x"),
        ("--alpha-d", "0.1", "--mass-ratio", "nan"), ("--alpha-d", "0.1", "--mass-ratio", "-1"),
        ("--model", "charges:none.toml"), ("--epsilon", "1e-3"), ("--model", "dark-photon"),
        ("--mass-ratio", "4"),
    ):  # fmt: skip
        assert_refused(*verb, *POINT, *words)


@pytest.mark.parametrize("energy", ["-1", "nan", "0", "inf", "x", "", "1 cm"])
def test_impossible_energies(assert_refused, energy):
    for process in ("muon-brems", "electron-brems", "annihilation", "muon-electron-zprime"):
        assert_refused("xsec", process, *POINT, "--energy", energy)
    assert_refused("xsec", "muon-electron-nunu", "--energy", energy)
    assert_refused("xsec", "muon-electron-elastic", "--cuts", "muone", "--energy", energy)
    assert_refused("cascade", "--energy", energy)


@pytest.fixture
def files(tmp_path) -> list[str]:
    """Names of files that are no experiment, each in its own way."""
    good = Path(experiment_path("na64mu")).read_text(encoding="utf-8")
    texts = {
        "empty": "",
        "not-toml": "a = = 3\n",
        "nul": "a = 3\x00",
        "no-unit": good.replace('"160 GeV"', "160"),
        "infinite": good.replace('"160 GeV"', '"1e400 GeV"'),
        "negative": good.replace('"160 GeV"', '"-160 GeV"'),
        "lists": "beam = [1, 2]\ntarget = 3\ncuts = 'x'\nname = 1\ndetector = 'a'\nruns = {}\n",
        "types": 'schema = "x"\nname = ["a"]\nbeam = "mu-"\ntarget = []\ncuts = [1, [3]]\n'
        'background = [[]]\n[detector]\ncounter = [1]\nmagnet = "x"\n',
        "dates": "schema = 1\nname = 2020-01-01\nbeam = 2020-01-01T00:00:00\ntarget = nan\n",
        "unknown-key": good + "\n[nonsense]\na = 1\n",
        "deep": "a = " + "[" * 3000 + "]" * 3000,
    }
    names = [f"{name}.toml" for name in texts]
    for name, text in zip(names, texts.values(), strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "folder.toml").mkdir()
    if os.getuid() != 0:  # root reads everything
        (tmp_path / "secret.toml").write_text(good, encoding="utf-8")
        (tmp_path / "secret.toml").chmod(0)
        names.append("secret.toml")
    return [*names, "binary.toml", "folder.toml", "none.toml", "none/none.toml", "nosuch", "", "/"]


@pytest.mark.parametrize(("verb", "words"), READING, ids=[verb for verb, _ in READING])
def test_what_is_no_experiment_file(assert_refused, files, verb, words):
    for file in files:
        assert_refused(verb, file, *words, lines=True)


def test_what_is_no_scan_and_no_result(assert_refused, files):
    for file in files:
        assert_refused("scan", file, "-o", "s", lines=True)
        assert_refused("export", "csv", file, "-o", "x", lines=True)


def test_check_tells_its_problems_as_json(cli, files, tmp_path):
    for file in files:
        found = cli("check", file, "--json")
        assert found.code == 2, file
        answer = json.loads(found.out)
        assert answer["file"] == file
        assert answer["problems"], file
        for row in answer["problems"]:
            assert set(row) == {"address", "element", "message"}
            assert row["address"]
            assert row["message"]
    text = (tmp_path / "no-unit.toml").read_text(encoding="utf-8")
    (tmp_path / "no-unit.toml").write_text(text.replace('name = "S4"', 'name = "S4"\nz2 = 3'))
    rows = json.loads(cli("check", "no-unit.toml", "--json").out)["problems"]
    by_address = {row["address"]: row for row in rows}
    assert "has no unit" in by_address["beam/energy"]["message"]
    (place,) = [place for place in by_address if place.endswith("/z2")]
    assert by_address[place]["element"] == "S4"
    assert "[S4]" in cli("check", "no-unit.toml").err
    good = json.loads(cli("check", "na64mu", "--json").out)
    assert good["problems"] == []


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    """Spreadsheets and some editors begin text files with one."""
    import numpy as np

    from mutau.background.spectrum_files import read_spectrum
    from mutau.bounds import load_curve
    from mutau.experiment import load_experiment
    from mutau.experiment.field_maps import read_field_map, write_field_map
    from mutau.models import load_charges
    from mutau.transport.beam_files import read_beam

    def marked(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8-sig")
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        return str(path)

    good = Path(experiment_path("na64mu")).read_text(encoding="utf-8")
    assert load_experiment(marked("a.toml", good)).digest == load_experiment("na64mu").digest
    charges = 'schema = 1\nname = "mine"\nsource = "t"\n[charges]\nmu = 1.0\nnumu = 1.0\n'
    assert load_charges(marked("b.toml", charges)).name == "mine"
    curve = load_curve(marked("c.csv", "# cl: 0.9\nmass_GeV,coupling\n0.1,1e-3\n0.2,2e-3\n"))
    assert curve.coupling.tolist() == [1e-3, 2e-3]
    beam = marked("d.csv", "x_cm,y_cm,px_GeV,py_GeV,pz_GeV\n1,0,0,0,160\n")
    assert read_beam(beam, "mu-")[0]["x_cm"].tolist() == [1.0]
    side, ramp = np.array([-1.0, 1.0]), np.ones((2, 2, 2, 3))
    write_field_map(tmp_path / "e.csv", side, side, side, ramp)
    field = read_field_map(marked("e.csv", (tmp_path / "e.csv").read_text()))
    assert field.strongest == pytest.approx(np.sqrt(3.0))
    spectrum = marked("f.csv", "energy_GeV\n50\n60\n")
    assert read_spectrum(spectrum, edges=[40.0, 55.0, 70.0]).counts.tolist() == [1.0, 1.0]


OUTPUTS = [
    (("limit", "na64mu", *MASS), ".npz", "file"),
    (("combine", "na64mu", "muone", *MASS), ".npz", "file"),
    (("plane", "na64mu", *MASS), ".png", "file"),
    (("generate", "na64mu", *POINT), ".lhe", "file"),
    (("optimise", "muone", *MASS), ".toml", "file"),
    (("cite", "na64mu"), ".bib", "file"),
    (("export", "pyhf", "na64mu", *POINT), "", "folder"),
    (("reproduce", "na64mu", "--quick"), "", "folder"),
    (("simulate", "na64mu", "-n", "10"), "", "folder"),
]


@pytest.mark.compiled
@pytest.mark.parametrize(("words", "suffix", "kind"), OUTPUTS, ids=[w[0][0] for w in OUTPUTS])
def test_outputs_that_cannot_be_written(assert_refused, tmp_path, words, suffix, kind):
    (tmp_path / "inway").write_text("x")
    (tmp_path / f"taken{suffix or '.d'}").mkdir()
    places = [f"inway/x{suffix}", f"/proc/x{suffix}"]
    if kind == "file":
        places += [f"none/x{suffix}", f"taken{suffix}"]
    else:
        places.append("inway")
    if os.getuid() != 0:  # root writes everywhere
        (tmp_path / "closed").mkdir(mode=0o555)
        places.append(f"closed/x{suffix}")
    os.mkfifo(tmp_path / f"pipe{suffix}")  # as any device, it would lose its place to the file
    places.append(f"pipe{suffix}")
    places.append("n" * 300 + suffix)
    for place in places:
        assert place.split("/x")[0][:99] in assert_refused(*words, "-o", place)
    assert (tmp_path / f"pipe{suffix}").is_fifo()


WRONG = [
    *[("yields", "na64mu", *POINT, "-n", n) for n in ("-1", "1.5", "nan", "1e30", "x")],
    *[("generate", "na64mu", *POINT, "-o", "e.lhe", "-n", n) for n in ("0", "-3", "1.5", "inf")],
    *[("simulate", "na64mu", "-o", "r", "-n", n) for n in ("0", "-1", "nan", "inf", "1.5")],
    *[("cascade", "--energy", "10", "--method", "mc", "-n", n) for n in ("0", "1", "2.5")],
    *[("cascade", "--energy", "10", "--edges", e) for e in ("x", "nan,1", "", "1", "5,1", "1,inf")],
    ("cascade", "--energy", "10", "--method", "x"),
    ("cascade", "--energy", "10", "--particle", "mu-"),
    ("cascade", "--energy", "10", "--material", "x"),
    ("cascade", "--energy", "10", "-n", "100"),
    ("cascade",),
    *[("cascade", "--calorimeter", name) for name in ("none", "na64mu", "ldmx-like")],
    ("cascade", "--calorimeter", "na64e", "--material", "lead"),
    ("cascade", "--calorimeter", "na64e", "--energy", "1MeV"),
    *[("limit", "na64mu", *MASS, "--cl", cl) for cl in ("0", "nan", "-1", "1", "95", "100")],
    ("limit", "na64mu", *MASS, "--method", "x"),
    ("limit", "na64mu", *MASS, "-o", "x.csv"),
    ("yields", "na64mu", *POINT, "--seed", "-1"),
    ("combine", "na64mu", "na64mu", *MASS),
    ("combine", "na64mu", "muone", *MASS, "--cl", "90"),
    ("combine", "na64mu", "muone", *MASS, "--method", "x"),
    ("discover", "na64mu", *POINT, "--method", "x"),
    ("plane", "na64mu", *MASS, "--style", "x"),
    ("plane", "na64mu", *MASS, "--only", "x"),
    ("plane", "na64mu", *MASS, "--user", "none.csv"),
    ("plane", "na64mu", *MASS, "--bounds", "x"),
    ("plane", "na64mu", *MASS, "-o", "x.gif"),
    ("plane", "na64mu", *MASS, "--year-gm2", "1999"),
    ("reproduce", "x"),
    ("reproduce", "all", "x"),
    ("reproduce", "na64mu", "--formats", "gif"),
    ("reproduce", "na64mu", "--style", "x"),
    ("reproduce", "na64mu", "--quick", "--full"),
    ("show", "x"),
    ("show",),
    ("cite", "x"),
    ("cite", "none.npz"),
    ("export", "x", "na64mu", "-o", "w"),
    ("export", "csv", "none.npz", "-o", "w"),
    ("export", "pyhf", "na64mu", *MASS, "-o", "w"),
    ("background", "na64mu", "--source", "x"),
    *[("background", "na64mu", "--effort", effort) for effort in ("nan", "0", "-1", "1e9")],
    pytest.param(
        ("background", "na64e", "--spectrum", "none.csv", "--sideband", "55,90"),
        marks=pytest.mark.compiled,
    ),
    ("optimise", "na64mu", *MASS),
    ("optimise", "muone", *MASS, "--variables", "x"),
    ("optimise", "muone", *MASS, "--variables", ""),
    *[("optimise", "muone", *MASS, "--background-error", e) for e in ("nan", "-1", "inf")],
    ("measure", "na64mu", *MASS),
    ("measure", "muone", *MASS, "--toys", "0"),
    ("crosscheck", "x"),
    ("scan", "none.toml"),
    ("scan", "none.toml", "-o", "s", "--workers", "0"),
    ("scan", "none.toml", "-o", "s", "--dask", "x", "--dask-jobqueue", "slurm"),
    ("model",),
    ("model", "--mass"),
    ("model", "extra", *POINT),
    ("nosuch",),
    ("--nosuch",),
    ("xsec", "x", "--energy", "1"),
    ("xsec", "muon-brems", "--energy", "160", "--coupling", "1e-3"),
    ("xsec", "muon-brems", "--energy", "160", *MASS),
    ("xsec", "muon-brems", "--energy", "160", *POINT, "--form-factor", "x"),
    ("xsec", "annihilation", "--energy", "160", *POINT, "--electrons", "x"),
    ("xsec", "annihilation", "--energy", "160", *POINT, "--method", "ww"),
    ("xsec", "muon-electron-elastic", "--energy", "150"),
    ("xsec", "muon-electron-elastic", "--energy", "150", "--cuts", "x"),
    *[
        ("xsec", "muon-electron-nunu", "--energy", "150", "--alpha-inverse", a)
        for a in ("0", "nan")
    ],
]


@pytest.mark.compiled
@pytest.mark.parametrize("verb", ["limit", "sensitivity"])
def test_what_is_cheap_to_refuse_is_refused_before_minutes(assert_refused, monkeypatch, verb):
    """A background that is computed takes minutes; nothing may be refused after it that is known
    before."""
    computed = "mutau.background.choice.computed_background"
    monkeypatch.setattr(computed, lambda *_, **__: pytest.fail("computed"))
    words = [verb, "na64mu", "--background", "computed"]
    if verb == "sensitivity":
        words += ["--exposure", "1e11"]
    for wrong in (
        ("--mass", "0.1", "--method", "x"), ("--mass", "80"), ("--mass", "0.1,nan"),
        ("--mass", "0.1", "--model", "dark-photon"), ("--mass", "0.1", "--alpha-d", "-1"),
    ):  # fmt: skip
        assert_refused(*words, *wrong)


def test_the_parser_names_the_value(assert_refused):
    for words, message in [
        (("model", *MASS, "--coupling", "1e-3x"), "Invalid value '1e-3x' for '--coupling'"),
        (("model", *MASS, "--coupling="), "Invalid value '' for '--coupling'"),
        (("limit", "na64mu", "--seed=1.5"), "Invalid value '1.5' for '--seed'"),
        (("generate", "na64mu", *POINT, "-n", "x", "-o", "e.lhe"), "Invalid value 'x' for '-n'"),
        (("scan", "none.toml", "-o", "s", "--workers", "0"), "Invalid value '0' for '--workers'"),
    ]:
        assert message in assert_refused(*words)


def test_a_scheduler_that_is_not_there(assert_refused, tmp_path):
    pytest.importorskip("distributed", reason="needs the extra 'dask'")
    (tmp_path / "grid.toml").write_text(
        '\ufeffschema = 1\nname = "g"\ntask = "limit"\nexperiment = "na64mu"\n'
        "[grid]\nmass = [0.1]\n",
        encoding="utf-8",
    )
    said = assert_refused("scan", "grid.toml", "-o", "s", "--dask", "nowhere")
    assert "no Dask scheduler answers at 'nowhere'" in said


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_words(assert_refused, words):
    assert_refused(*words)
