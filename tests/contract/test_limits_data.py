"""Everything in the folders of published numbers is complete, consistent and cited."""

import re

import numpy as np
import pytest

from mutau.bounds import database, drawn_by_default, missing, published_limit
from mutau.core.errors import UnknownName
from mutau.core.paper_numbers import DOCUMENTS, check_entry, paper_numbers
from mutau.core.references import check_reference, reference, references
from mutau.models import moment_references

LIMITS = pytest.mark.parametrize("limit", database().values(), ids=list(database()))


@LIMITS
def test_a_card_says_where_its_curve_comes_from(limit):
    for source in (limit.source, *limit.also):
        assert reference(source).key == source
    assert limit.assumption
    assert limit.plot_reason
    assert len(limit.origin) > 20
    assert limit.cl is not None or limit.cl_note
    assert limit.kind != "projection" or limit.basis == "projected"
    assert (limit.excludes == "nothing") == (limit.kind in ("band", "contour"))


@LIMITS
def test_a_curve_can_be_asked_on_all_its_range(limit):
    low, high = limit.mass_range
    mass = np.clip(np.geomspace(low, high, 97), low, high)
    values = limit.coupling_at(mass)
    assert np.all(np.isfinite(values))
    assert limit.coupling.min() * (1 - 1e-12) <= values.min()
    assert values.max() <= limit.coupling.max() * (1 + 1e-12)
    if limit.excludes == "above":
        assert np.all(limit.is_excluded(mass, 1.001 * values))
        assert not np.any(limit.is_excluded(mass, 0.999 * values))
    if limit.excludes in ("above", "below"):  # a point of the curve itself is not excluded
        assert not np.any(limit.is_excluded(limit.mass, limit.coupling_at(limit.mass)))


def test_what_a_plane_shows():
    shown = {item.name for item in drawn_by_default()}
    assert {"babar4mu-2016", "ccfr-1991", "borexino-2011", "belle2-inv-2020"} <= shown
    assert "na64mu-projection-2018" not in shown  # its card says why
    assert not {item for item in shown if database()[item].excludes == "nothing"}
    assert drawn_by_default("dark-photon") == ()
    with pytest.raises(UnknownName, match="ccfr-1991"):
        published_limit("ccfr-1992")


def test_missing_curves_are_cited_and_their_substitutes_exist():
    names = [curve.name for curve in missing()]
    assert len(set(names)) == len(names) >= 15
    for curve in missing():
        assert reference(curve.source)
        assert curve.why
        assert re.match(r"(na64mu|muone|na64e) ", curve.shown_in)
        for name in curve.instead:
            assert published_limit(name)
        assert curve.name not in database()


def test_references():
    table = references()
    for key, item in table.items():
        assert item.bibtex().startswith("@")
        assert str(item.year) in item.short
        assert item.key == key
    assert reference("doi:10.1103/PhysRevD.105.052006").key == "Sieber:2022na64mu"
    assert reference("arXiv:2404.06982").key == "NA64e:2024lmutau"
    found = [item.arxiv for item in table.values() if item.arxiv]
    found += [item.doi for item in table.values() if item.doi]
    assert len(set(found)) == len(found)
    for bad in ("doi:", "arXiv:", "arXiv:0000.00000", "Nobody:1900"):
        with pytest.raises(UnknownName):
            reference(bad)


def test_bibtex_by_hand():
    assert reference("CCFR:1991").bibtex() == (
        "@article{CCFR:1991,\n"
        "  author = {Mishra, S. R. and others},\n"
        "  collaboration = {CCFR},\n"
        "  title = {{Neutrino tridents and W-Z interference}},\n"
        "  journal = {Phys. Rev. Lett.},\n"
        "  volume = {66},\n"
        "  pages = {3117},\n"
        "  year = {1991},\n"
        "  doi = {10.1103/PhysRevLett.66.3117},\n"
        "}"
    )


def test_incomplete_references_are_told():
    assert check_reference({"title": "x", "year": 1, "authors": ["a"], "doi": "1"}) == []
    wrong = check_reference({"title": "", "year": "1", "author": "a"})
    assert len(wrong) == 5


def test_reference_years_are_cited():
    for item in moment_references().values():
        for source in (item.source_measured, item.source_predicted, item.source_difference):
            assert reference(source)


def test_every_row_of_the_list_of_published_numbers_is_there():
    expected = (
        "mu.da mu.width mu.fig1 mu.fig2 mu.fig3.keep mu.fig3.halo mu.fig3.spot mu.fig4 "
        "mu.trigger.rate "
        "mu.mip.ecal mu.mip.hcal mu.hcal.charged mu.track.res mu.track.tail mu.track.multi "
        "mu.fig5.top mu.fig5.bottom mu.leak mu.had.frac mu.had.decay mu.had.kmu mu.had.total "
        "mu.had.absorber mu.had.short mu.lead mu.punch mu.lead.total mu.dimuon mu.table1 mu.free "
        "mu.fig6 me.sqrts me.theta.max me.fig1 me.ee.min me.gamma.energy me.gamma.angle "
        "me.photon.hits me.fig2 me.n10 me.n100 me.soft me.forward me.nunu me.fig3 me.end me.reach "
        "me.elastic me.radiative me.multiple me.nuclear me.pairs me.pairs.electrons me.converted "
        "me.tails me.pi0 me.pileup me.decays me.veto.crystals me.veto.100 me.veto.10 me.veto.one "
        "me.leak.100 "
        "me.leak.10 me.leak.one me.tuned.muone me.tuned.muone-spectrometer me.mass ee.fig1 "
        "ee.da ee.pi0 "
        "ee.pimax ee.fig2 ee.fig3 ee.fig5 ee.exposure ee.kappa ee.thr ee.bkg ee.syst ee.iter "
        "ee.fig4.left ee.fig4.right"
    ).split()
    rows = [key for key, item in paper_numbers().items() if not item.group]
    assert [row for row in rows if row in expected] == expected  # others are of single sentences
    assert sum(len(paper_numbers(name)) for name in DOCUMENTS) == len(paper_numbers())


def test_published_numbers_allow_themselves():
    for item in paper_numbers().values():
        if item.value is not None and item.allows(item.value) is not None:
            assert item.allows(item.value), item.id
        if item.rule == "order of magnitude" and item.value is not None:
            assert item.high / item.low == pytest.approx(10.0)
        assert (item.rule in ("figure", "statement", "formula", "not given")) == (
            item.value is item.low is item.high is None
        ), item.id
    assert paper_numbers("na64mu")["mu.fig2.160"].allows(0.36) is False
    assert paper_numbers()["mu.track.tail"].allows(1e-14) is True
    assert paper_numbers()["mu.fig6"].allows(1.0) is None


def test_bad_published_numbers_are_told():
    entry = {"id": "x", "quantity": "q", "paper": "1", "unit": "1", "where": "w", "rule": "range"}
    assert check_entry({**entry, "low": 1.0, "high": 2.0}) == []
    for change in ({"low": 2.0, "high": 1.0}, {"value": 1}, {"rule": "guess"}, {"hi": 1.0},
                   {"unit": 1}, {"value": float("nan")}):  # fmt: skip
        assert check_entry({**entry, **change})
    with pytest.raises(UnknownName):
        paper_numbers("na64")
