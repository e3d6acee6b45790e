"""Bosons off their mass shell: limits of the dispersion integral, and who refuses them."""

import json
import math

import numpy as np
import pytest

import mutau
from mutau.core.constants import ALPHA, M_E
from mutau.core.errors import MutauError, OutOfRange
from mutau.experiment import load_experiment
from mutau.models import Family
from mutau.reactions import annihilation
from mutau.signal.electron_line import boson_line, needs_line


def dark_photon(alpha_d, ratio, kind="complex-scalar", mass=0.1, epsilon=1e-4):
    return Family("dark-photon", alpha_d, ratio, kind).at(mass, epsilon)


@pytest.mark.parametrize("kind", ["complex-scalar", "majorana", "dirac"])
def test_a_narrow_line_is_the_boson_on_its_mass_shell(kind):
    model = dark_photon(1e-4, 3.0, kind)
    line = boson_line(model, 1.0)
    assert line.weight.sum() == pytest.approx(model.lepton_coupling("e") ** 2, rel=1e-3)
    assert line.weight @ line.mass == pytest.approx(line.weight.sum() * model.mass, rel=1e-3)


def test_only_wide_or_heavy_dark_matter_needs_the_line():
    assert not needs_line(dark_photon(0.0, 3.0))
    assert not needs_line(dark_photon(0.1, 3.0))  # 0.35 %
    assert needs_line(dark_photon(0.1, 3.0, "dirac"))  # 3 %
    assert needs_line(dark_photon(1e-6, 1.9))


def test_far_below_the_pair_the_boson_weighs_nothing():
    """1/(q^2 - m^2)^2 -> 1/q^4: the rate no longer depends on m; it goes as alpha_D epsilon^2."""
    chi = 0.1
    light, lighter = (dark_photon(0.1, m / chi, mass=m) for m in (2e-3, 1.5e-3))
    one, other = boson_line(light, 1.0), boson_line(lighter, 1.0)
    assert other.weight == pytest.approx(one.weight, rel=1e-3)
    half = boson_line(dark_photon(0.05, 0.02, mass=2e-3, epsilon=2e-4), 1.0)
    assert half.weight == pytest.approx(2.0 * one.weight, rel=1e-3)
    # int dq^2 q Gamma/(pi q^4) with Gamma = alpha_D q/12 (1 - 4 m_chi^2/q^2)^(3/2), to 1 GeV
    x = 1.0 - (2.0 * chi) ** 2
    integral = 2.0 * (math.atanh(math.sqrt(x)) - math.sqrt(x) - x**1.5 / 3.0)
    e2 = 4.0 * math.pi * ALPHA
    assert one.weight.sum() == pytest.approx(e2 * 1e-8 * 0.1 / (12 * math.pi) * integral, rel=2e-3)


def test_a_pair_above_what_is_evaluated_is_refused():
    with pytest.raises(OutOfRange, match=r"two dark matter particles weigh 1\.2 GeV"):
        boson_line(dark_photon(0.1, 0.5, mass=0.3), 1.0)


def test_annihilation_into_a_heavy_pair():
    """At rest: sigma = 12 pi Gamma_ee(s) Gamma_chi(s)/(s - m^2)^2 s/(s) ..., written out."""
    model = dark_photon(0.1, 1.5)  # two scalars weigh 0.133 GeV
    threshold = annihilation.resonance_energy(2.0 * model.mass_chi)
    energies = threshold * np.array([0.99, 1.5, 3.0])
    found = annihilation.cross_section(energies, model, element=1, electrons="rest")
    s = 2.0 * M_E * (M_E + energies)
    r = (model.mass_chi**2 / s)[1:]
    dark = 0.1 * np.sqrt(s[1:]) / 12.0 * (1.0 - 4.0 * r) ** 1.5
    electrons = ALPHA * 1e-8 * np.sqrt(s[1:]) / 3.0 * (1.0 + 2.0 * M_E**2 / s[1:])
    line = (s[1:] - model.mass**2) ** 2 + s[1:] * (dark + electrons) ** 2
    exact = 12.0 * math.pi * electrons * dark / line * 3.893793721e8
    assert found[0] == 0.0
    assert found[1:] == pytest.approx(exact, rel=1e-4)


@pytest.mark.compiled
def test_who_counts_them_and_who_does_not(cli):
    family = Family("lmu-ltau", 0.1, 1.5)
    with pytest.raises(MutauError, match="muon-brems makes bosons on their mass shell"):
        mutau.limit_curve(load_experiment("na64mu"), [0.05], family)
    with pytest.raises(MutauError, match="muon-electron-zprime makes bosons on their mass shell"):
        mutau.expected_yields(family.at(0.05, 1e-3), "muone")
    with pytest.raises(MutauError, match="generation of events makes bosons on their mass shell"):
        mutau.generate_events(family.at(0.05, 1e-3), load_experiment("na64e"), 10)
    words = ("--mass", "50MeV", "--model", "dark-photon", "--alpha-d", "0.1", "--mass-ratio", "1.5")
    found = json.loads(cli("limit", "na64e", *words, "-n", "400", "--json").out)
    (heavy,) = found["limits"]
    light = json.loads(cli("limit", "na64e", *words[:-1], "3", "-n", "400", "--json").out)
    assert heavy["coupling_upper_limit"] > 5.0 * light["limits"][0]["coupling_upper_limit"]


def test_more_dark_matter_is_made_where_more_states_are(cli):
    """Dirac over scalar is 4 (1 + 2r)/(1 - 4r) averaged over the line: above 4."""
    scalar, dirac = (
        boson_line(dark_photon(0.1, 1.5, kind), 1.0) for kind in ("complex-scalar", "dirac")
    )
    assert dirac.weight.sum() > 4.0 * scalar.weight.sum()


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["majorana", "dirac"])
def test_every_door_takes_the_kind(kind, cli, tmp_path):
    words = ("--alpha-d", "0.1", "--dark-matter", kind)
    point = ("--mass", "230MeV", "--model", "dark-photon", "--epsilon", "1e-4")
    width = json.loads(cli("model", *point, *words, "--json").out)["width_total_GeV"]
    assert width == Family("dark-photon", 0.1, 3.0, kind).at(0.23, 1e-4).width_total
    yields = json.loads(cli("yields", "na64e", *point, *words, "-n", "400", "--json").out)
    limit = json.loads(cli("limit", "na64e", *point[:4], *words, "-n", "400", "--json").out)
    grid = tmp_path / "grid.toml"
    grid.write_text(
        'schema = 1\nname = "s"\nexperiment = "na64e"\ntask = "limit"\nmodel = "dark-photon"\n'
        f'events = 400\n[grid]\nmass = ["230MeV"]\nalpha_d = 0.1\ndark_matter = ["{kind}"]\n'
    )
    assert cli("scan", str(grid), "-o", str(tmp_path / "out")).code == 0
    rows = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert f"{kind}," in rows[1]
    found = float(rows[1].split(",")[rows[0].split(",").index("coupling_upper_limit")])
    assert found == limit["limits"][0]["coupling_upper_limit"]
    assert limit["dark_matter"] == kind
    model = Family("dark-photon", 0.1, 3.0, kind).at(0.23, 1e-4)
    plain = mutau.expected_yields(model, "na64e", n_events=400)
    assert yields["signal"] == plain.total
