"""Curves of HEPData and digitisers: what a column is, its unit, its level; what is no coupling."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.bounds import load_curve
from mutau.bounds.curve_columns import coupling_column, energy_unit, mass_column, power_of_ten
from mutau.bounds.recast import held_for, recast
from mutau.core.errors import FileError, MutauError, Problems, UnknownName
from mutau.models import DarkPhoton, Family

yaml = pytest.importorskip("yaml", reason="needs the extra 'io'")


def table(folder, name="g", units="", values=("1e-3", "2e-3"), axis=("Mass", "GeV"), more=""):
    """A HEPData table with the masses 0.1 and 0.2."""
    unit = f", units: '{units}'" if units else ""
    path = folder / "table.yaml"
    path.write_text(
        "independent_variables:\n"
        f"- header: {{name: '{axis[0]}', units: '{axis[1]}'}}\n"
        "  values: [{value: 0.1}, {value: 0.2}]\n"
        "dependent_variables:\n"
        f"- header: {{name: '{name}'{unit}}}\n"
        "  qualifiers:\n"
        "  - {name: CL, value: 90, units: '%'}\n"
        f"{more}"
        f"  values: [{{value: {values[0]}}}, {{value: {values[1]}}}]\n",
        encoding="utf-8",
    )
    return path


def csv(folder, text, name="curve.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "units", "power", "scale"),
    [
        ("g", "", 1, 1.0),
        ("$g_{Z^{\\prime}}$", "", 1, 1.0),
        ("Observed 90% CL upper limit on g''", "", 1, 1.0),
        ("Upper limit on the coupling", "10**-3", 1, 1e-3),
        ("limit on coupling strength", "$10^{-4}$", 1, 1e-4),
        ("g''^2", "", 2, 1.0),
        ("Observed limit on g (stat. only)", "", 1, 1.0),
        ("coupling", "%", 1, 0.01),
        ("g [10**-3]", "", 1, 1e-3),
    ],
)
def test_gauge_couplings(tmp_path, name, units, power, scale):
    found = load_curve(table(tmp_path, name, units))
    assert found.coupling == pytest.approx((scale * np.array([1e-3, 2e-3])) ** (1 / power))
    assert found.model == "lmu-ltau"


@pytest.mark.parametrize(
    ("name", "units", "expected"),
    [
        ("$\\varepsilon$", "", [1e-3, 2e-3]),
        ("Kinetic mixing parameter", "10**-3", [1e-6, 2e-6]),
        ("$\\epsilon^{2}$", "", [math.sqrt(1e-3), math.sqrt(2e-3)]),
        ("$\\epsilon^2$ limit (90% CL)", "", [math.sqrt(1e-3), math.sqrt(2e-3)]),
        ("ε²", "10^-6", [math.sqrt(1e-9), math.sqrt(2e-9)]),
        ("Expected limit on kinetic mixing squared", "", [math.sqrt(1e-3), math.sqrt(2e-3)]),
    ],
)
def test_epsilon_is_that_of_the_dark_photon(tmp_path, name, units, expected):
    found = load_curve(table(tmp_path, name, units))
    assert found.model == "dark-photon"
    assert found.coupling == pytest.approx(expected, rel=1e-14)
    with pytest.raises(Problems, match="the coupling of lmu-ltau is not"):
        load_curve(table(tmp_path, name, units), model="lmu-ltau")


def test_logarithms_and_sines(tmp_path):
    found = load_curve(table(tmp_path, "log10(g)", values=("-3", "-2.5")))
    assert found.coupling == pytest.approx([1e-3, 10**-2.5])
    path = table(tmp_path, "sin^2(theta)", values=("1e-6", "4e-6"))
    with pytest.raises(Problems, match="sine of a mixing angle"):
        load_curve(path)
    assert load_curve(path, model="lmu-ltau").coupling == pytest.approx([1e-3, 2e-3])


@pytest.mark.parametrize(
    ("name", "units", "said"),
    [
        ("SIG", "PB", "has the unit 'PB'"),
        ("coupling", "pb", "has the unit 'pb'"),
        ("g", "GeV**-1", "has the unit 'GeV\\*\\*-1'"),
        ("SIG", "", "'SIG' is not known to be a coupling"),
        ("BR(H --> MU+ MU-)", "", "not known to be a coupling"),
        ("1/SIG*D(SIG)/DPT", "", "not known to be a coupling"),
        ("Observed limit", "", "not known to be a coupling"),
        ("Signal strength", "", "not known to be a coupling"),
        ("$g_{q}$", "", "not known to be a coupling"),
        ("$g_{a\\gamma}$", "", "not known to be a coupling"),
        ("g2", "", "not known to be a coupling"),
        ("g x 10^3", "", "not known to be a coupling"),
    ],
)
def test_what_is_no_coupling_is_refused_by_name(tmp_path, name, units, said):
    with pytest.raises(Problems, match=said):
        load_curve(table(tmp_path, name, units, values=("10", "20")))


def test_a_declared_column(tmp_path):
    path = table(tmp_path, "Observed limit", "10**-3")
    assert load_curve(f"{path}#Obs@coupling").coupling == pytest.approx([1e-6, 2e-6])
    squared = load_curve(f"{path}#@coupling^2").coupling
    assert squared == pytest.approx([math.sqrt(1e-6), math.sqrt(2e-6)])
    assert load_curve(f"{path}#@epsilon").model == "dark-photon"
    with pytest.raises(Problems, match="has the unit 'pb'"):
        load_curve(f"{table(tmp_path, 'Observed limit', 'pb')}#@coupling")
    with pytest.raises(Problems, match="what a column holds 'cuopling' is unknown"):
        load_curve(f"{table(tmp_path, 'Observed limit')}#@cuopling")
    with pytest.raises(Problems, match="names a power of ten"):
        load_curve(f"{table(tmp_path, 'limit x 10^3')}#@coupling")
    with pytest.raises(UnknownName):
        load_curve(path, model="z-prime")


@pytest.mark.parametrize(
    ("axis", "factor"),
    [
        (("$m_{Z''}$", "GeV/$c^2$"), 1.0), (("M(A'')", "MeV"), 1e-3),
        (("MASS", "$\\mathrm{GeV}/c^{2}$"), 1.0), (("mass of the boson", "keV"), 1e-6),
    ],
)  # fmt: skip
def test_axes_of_masses(tmp_path, axis, factor):
    assert load_curve(table(tmp_path, axis=axis)).mass == pytest.approx([factor / 10, factor / 5])


@pytest.mark.parametrize(
    "axis", ["PT", "E", "SQRT(S)", "M(LL)", "missing mass squared", "PLAB", "mT"]
)
def test_what_is_no_mass_is_refused_by_name(tmp_path, axis):
    with pytest.raises(Problems, match=r"is not known to be a mass"):
        load_curve(table(tmp_path, axis=(axis, "GeV")))


def test_a_mass_may_be_declared(tmp_path):
    path = table(tmp_path, axis=("X", "MeV"))
    path.write_text("# mass: boson\n" + path.read_text())
    assert load_curve(path).mass == pytest.approx([1e-4, 2e-4])


def test_units_one_by_one():
    assert [power_of_ten(u) for u in ("", "10**-3", "$\\times 10^{-3}$", "x 10^-3", "1e-3")] == [
        1.0, 1e-3, 1e-3, 1e-3, 1e-3,
    ]  # fmt: skip
    assert [power_of_ten(u) for u in ("100", "103", "pb", "arb. units", "GeV")] == [None] * 5
    assert energy_unit("GeV/$c^2$") == energy_unit("GeV c^{-2}") == 1.0
    assert energy_unit("GeV**2") is energy_unit("cm") is None
    assert mass_column("m_chi", "GeV").dark_matter
    assert not mass_column("m_A'", "GeV").dark_matter
    with pytest.raises(UnknownName):
        coupling_column("x", "", "mass")


DOWNLOAD = """\
#: table_doi: 10.17182/hepdata.0.v1/t1
#: name: Table 1
#: keyword reactions: E+ E- --> MU+ MU- X
#: CL [%],,90
#: MODEL,,lmu-ltau
"M(Z') [GEV/$c^2$]","g' for Z' --> MU+ MU-","stat +","stat -"
0.1,1e-3,1e-4,-1e-4
0.2,3e-3,1e-4,-1e-4

#: CL [%],,95
"M(Z') [GEV/$c^2$]","Expected limit on g' (stat. only)"
0.1,2e-3
0.2,4e-3
"""


def test_a_download_of_two_blocks_with_its_levels(tmp_path):
    path = csv(tmp_path, DOWNLOAD, "download.csv")
    found = load_curve(f"{path}#stat. only")
    assert (found.coupling.tolist(), found.cl) == ([2e-3, 4e-3], 0.95)
    found = load_curve(f"{path}#MU-@coupling")  # its errors are not values, its name no error
    assert (found.coupling.tolist(), found.cl) == ([1e-3, 3e-3], 0.90)
    with pytest.raises(MutauError, match="has 2 columns"):
        load_curve(path)


def test_a_level_that_two_places_state_differently(tmp_path):
    path = csv(tmp_path, "# cl: 0.95\n" + DOWNLOAD.split("\n\n")[0], "one.csv")
    with pytest.raises(Problems, match=r"cl: the table says '90 %', a comment '0.95'"):
        load_curve(f"{path}#@coupling")
    path = table(tmp_path, "95% CL limit on g")
    with pytest.raises(Problems, match="their name says 95 % CL, another place '90 %'"):
        load_curve(path)
    path = csv(tmp_path, "#: name: t\nMASS [GeV],95% CL limit on g\n0.1,1e-3\n0.2,1e-3\n")
    assert load_curve(path).cl == 0.95


def test_a_comment_stands_once_and_is_spelt(tmp_path):
    twice = "# cl: 0.90\n# cl: 0.95\nmass_GeV,coupling\n0.1,1e-3\n0.2,1e-3\n"
    with pytest.raises(Problems, match="line 2: '# cl:' stands in a line before already"):
        load_curve(csv(tmp_path, twice))
    misspelt = twice.replace("# cl: 0.95", "# exclude: inside")
    with pytest.raises(Problems, match=r"'# exclude:' is unknown; did you mean '# excludes:'\?"):
        load_curve(csv(tmp_path, misspelt))


def test_a_byte_order_mark_before_the_first_comment(tmp_path):
    text = "\ufeff# excludes: inside\n# cl: 0.9\nmass_GeV,coupling\n1,1\n2,1\n1.5,2\n"
    found = load_curve(csv(tmp_path, text))
    assert found.excludes == "inside"
    assert found.is_excluded(1.5, 1.2)


def test_couplings_above_validity(tmp_path):
    text = "# cl: 0.9\nmass_GeV,coupling\n0.1,1e-3\n0.2,10\n"
    with pytest.raises(Problems, match=r"line 4/coupling: 10 is above 3.545, the largest of lmu-"):
        load_curve(csv(tmp_path, text))


def test_a_lower_limit_is_not_drawn_as_an_upper_one(tmp_path):
    path = table(tmp_path, "Lower limit on g")
    with pytest.raises(Problems, match="the values are a lower limit"):
        load_curve(path)
    assert load_curve(path, excludes="below").excludes == "below"


def test_a_submission_names_its_tables(tmp_path):
    text = "comment: x\n---\nname: a\ndata_file: one.yaml\n---\nname: b\ndata_file: two.yaml\n"
    with pytest.raises(FileError, match=r"a submission of 2 tables.*one.yaml, two.yaml"):
        load_curve(csv(tmp_path, text, "submission.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value: 1e-3", "value: 1:30", "'1:30' is not a number"),
        ("value: 1e-3", "value: 010", "'010' is not a number"),
        ("value: 1e-3", "value: 1_0e-3", "'1_0e-3' is not a number"),
        ("value: 1e-3", "value: yes", "'yes' is not a number"),
        ("value: 1e-3}", "value: 1e-3, value: 2e-3}", "the key 'value' stands twice"),
        ("{value: 0.1}", "{low: 0.2, high: 0.1}", "the bin from 0.2 to 0.1 does not rise"),
    ],
)
def test_numbers_that_readers_of_yaml_take_differently(tmp_path, old, new, said):
    path = table(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(MutauError, match=said):
        load_curve(path)


@pytest.mark.parametrize(
    ("text", "mass", "coupling"),
    [
        ("mass_MeV,coupling\n100, 1e-3\n200, 2e-3\n", [0.1, 0.2], [1e-3, 2e-3]),
        ("mass_GeV;g\n0.1;1e-3\n0.2;2e-3\n", [0.1, 0.2], [1e-3, 2e-3]),
        ("mass_GeV coupling^2\n0.1 1e-6\n0.2 4e-6\n", [0.1, 0.2], [1e-3, 2e-3]),
        ("# columns: mass_eV,log10(g)\n1e8, -3\n2e8,\t-2\n", [0.1, 0.2], [1e-3, 1e-2]),
    ],
)
def test_files_of_digitisers(tmp_path, text, mass, coupling):
    found = load_curve(csv(tmp_path, "# cl: 0.9\n" + text))
    assert found.mass == pytest.approx(mass, rel=1e-14)
    assert found.coupling == pytest.approx(coupling, rel=1e-14)


def test_the_plane_of_dark_matter_and_y(tmp_path):
    """y = epsilon^2 alpha_D (m_chi/m)^4; with alpha_D = 0.5, m = 3 m_chi: epsilon^2 = 162 y."""
    text = "# cl: 0.9\nmchi_MeV,y\n10,1e-12\n20,4e-12\n"
    with pytest.raises(Problems, match="the masses are those of dark matter; add the ratio"):
        load_curve(csv(tmp_path, text))
    with pytest.raises(Problems, match="y becomes a coupling by alpha_D"):
        load_curve(csv(tmp_path, "# mass_ratio: 3\n" + text))
    found = load_curve(csv(tmp_path, "# alpha_d: 0.5\n# mass_ratio: 3\n" + text))
    assert found.model == "dark-photon"
    assert found.mass == pytest.approx([0.03, 0.06])
    assert found.coupling == pytest.approx([math.sqrt(162e-12), math.sqrt(648e-12)])
    assert (found.alpha_d, found.mass_ratio) == (0.5, 3.0)
    for wrong in ("-1", "2", "half", "nan", "inf"):
        with pytest.raises(Problems, match="is not a number from 0 to 1"):
            load_curve(csv(tmp_path, f"# alpha_d: {wrong}\n# mass_ratio: 3\n" + text))


def test_no_dark_sector_may_be_stated(tmp_path):
    """As exports do: alpha_d = 0 with the ratio that has no effect then."""
    text = "# cl: 0.9\n# alpha_d: 0.0\n# mass_ratio: 3.0\nmass_GeV,coupling\n0.1,1e-3\n0.2,1e-3\n"
    found = load_curve(csv(tmp_path, text))
    assert held_for(Family(), found) is found
    with pytest.raises(Problems, match="y becomes a coupling by alpha_D"):
        load_curve(csv(tmp_path, text.replace("mass_GeV,coupling", "mass_GeV,y")))
    with pytest.raises(Problems, match="leaves no decay into dark matter"):
        load_curve(csv(tmp_path, text.replace("0.0", "0.1").replace("3.0", "2.0")))


def test_a_stated_dark_sector_is_used_or_refused(tmp_path):
    """epsilon with alpha_D and the ratio: a recast starts from the branching they give."""
    text = "# cl: 0.9\n# alpha_d: 1e-12\n# mass_ratio: 3\nmass_GeV,epsilon\n0.05,1e-5\n0.1,1e-5\n"
    found = load_curve(csv(tmp_path, text))
    assert held_for(Family("dark-photon", alpha_d=1e-12), found) is found
    with pytest.raises(MutauError, match="holds for alpha_d = 1e-12, mass_ratio = 3, the plane"):
        held_for(Family("dark-photon", alpha_d=0.1), found)
    how = "# production: electron\n# final: invisible\n"
    searched = load_curve(csv(tmp_path, how + text))
    with_sector = {"alpha_d": 0.5, "mass_ratio": 3.0}
    there = recast(searched, "dark-photon", options=with_sector).curve
    branching = DarkPhoton(0.05, 1e-5, 1e-12, 3.0).branching_invisible
    assert 0.01 < branching < 0.99
    assert there.coupling[0] == pytest.approx(1e-5 * math.sqrt(branching), rel=1e-4)


@pytest.mark.parametrize("name", ["log10(Mass)", "$\\log_{10} m_{A'}$", "ln mass", "inverse mass"])
def test_a_logarithm_of_a_mass_is_no_mass(name):
    """It was read as the mass itself: 2 for 100 MeV gave 2 MeV."""
    with pytest.raises(MutauError, match="is not known to be a mass"):
        mass_column(name, "MeV")


@pytest.mark.parametrize(
    "sector", [("0.5", "1e100"), ("0", "3"), ("1e-320", "3"), ("0.5", "1" * 300)]
)
def test_a_dark_sector_that_gives_no_coupling_is_refused(tmp_path, sector):
    """The fourth power of the ratio was an OverflowError."""
    head = "# cl: 0.9\n# alpha_d: {}\n# mass_ratio: {}\n".format(*sector)
    with pytest.raises(MutauError):
        load_curve(csv(tmp_path, head + "mchi_MeV,y\n10,1e-12\n20,2e-12\n"))
