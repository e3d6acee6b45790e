"""Weights of other programs' Les Houches event files, by IDWTUP: against numbers by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mutau.core.errors import FileError
from mutau.io.event_files import read_events
from mutau.io.lhe_weights import LheProcess, LheSample, weights_of

PATH = Path("f.lhe")


def of(idwtup, processes, xwgtup, idprup=None, trials=None):
    """weights_of for processes given as (XSECUP, XERRUP, LPRUP)."""
    xwgtup = np.array(xwgtup, float)
    idprup = np.ones(len(xwgtup), np.int64) if idprup is None else np.array(idprup)
    trials = np.ones(len(xwgtup)) if trials is None else np.array(trials, float)
    sample = LheSample(xwgtup, idprup, trials)
    return weights_of(PATH, idwtup, [LheProcess(*p) for p in processes], sample)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_sample_that_says_all_the_same_reads_the_same_by_any_strategy(sign, kind):
    weight, sigma, error = of(sign * kind, [(30.0, 2.0, 1)], [30.0] * 4)
    assert weight.tolist() == [7.5] * 4
    assert (sigma, error) == (30.0, 2.0)


# Two processes of 2 and 3 events; XWGTUP (20, 40) and (3, 6, 9)
XWGTUP, IDPRUP = [20.0, 3.0, 40.0, 6.0, 9.0], [7, 2, 7, 2, 2]


@pytest.mark.parametrize("stated", [(30.0, 6.0), (-1.0, -1.0), (0.0, 0.0), (30.0, -1.0)])
def test_1_each_process_has_the_mean_of_its_weights(stated):
    weight, sigma, error = of(1, [(stated[0], 0, 7), (stated[1], 0, 2)], XWGTUP, IDPRUP)
    assert weight == pytest.approx([10.0, 1.0, 20.0, 2.0, 3.0])
    assert sigma == pytest.approx(30.0 + 6.0)
    # (10, -10)/2 and (-3, 0, 3)/3 in quadrature
    assert error == pytest.approx(np.sqrt(2 * 5.0**2 + 2 * 1.0**2))


@pytest.mark.parametrize("idwtup", [1, -1, 4, -4])
def test_trials_without_an_event_count(idwtup):
    weight, sigma, error = of(idwtup, [(6.0, 0.0, 1)], [20.0, 40.0], trials=[4, 6])
    assert weight.tolist() == [2.0, 4.0]
    assert sigma == pytest.approx(6.0)
    # ten trials, 20 and 40 in two of them: (2000/10 - 36)/10
    assert error == pytest.approx(np.sqrt(16.4))


def test_2_each_process_has_its_xsecup():
    weight, sigma, error = of(2, [(12.0, 3.0, 7), (36.0, 4.0, 2)], XWGTUP, IDPRUP)
    assert weight == pytest.approx([4.0, 6.0, 8.0, 12.0, 18.0])
    assert (sigma, error) == (pytest.approx(48.0), 5.0)


def test_3_all_events_share_the_sum_of_xsecup():
    weight, sigma, error = of(3, [(12.0, 3.0, 7), (36.0, -1.0, 2)], [1] * 5, [7, 2, 7, 2, 2])
    assert weight == pytest.approx([48.0 / 5.0] * 5)
    assert (sigma, error) == (pytest.approx(48.0), 3.0)  # XERRUP -1: none
    # weights of +1 and -1 by the net number of events: 8 pb over 3 - 1
    assert of(-3, [(8.0, 0.0, 1)], [1, 1, -1, 1])[0].tolist() == [4.0, 4.0, -4.0, 4.0]
    # any common scale
    assert of(3, [(8.0, 0.0, 1)], [2.0] * 4)[0].tolist() == [2.0] * 4


@pytest.mark.parametrize("xsecup", [-1.0, 0.0, 30.0])
@pytest.mark.parametrize("idwtup", [4, -4, 1, -1])
def test_4_the_mean_of_the_weights_is_the_cross_section(xsecup, idwtup):
    weight, sigma, error = of(idwtup, [(xsecup, 0.0, 1)], [45.0, 15.0])
    assert weight.tolist() == [22.5, 7.5]
    assert sigma == 30.0
    assert error == pytest.approx(15.0 / np.sqrt(2.0))


def test_negative_weights_stay_negative():
    weight, sigma, _ = of(-4, [(-1.0, -1.0, 1)], [10.0, -10.0, 10.0, 10.0])
    assert weight.tolist() == [2.5, -2.5, 2.5, 2.5]
    assert sigma == 5.0


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_weights_whose_sum_is_the_cross_section_are_read_so(n):
    weight, sigma, _ = of(-4, [(30.0, 0.1, 1)], [30.0 / n] * n)
    assert weight == pytest.approx([30.0 / n] * n)
    assert sigma == pytest.approx(30.0)


@pytest.mark.parametrize("idwtup", [2, -2, 3, -3])
@pytest.mark.parametrize("xsecup", [-1.0, 0.0])
def test_2_and_3_need_xsecup(idwtup, xsecup):
    with pytest.raises(FileError, match=rf"f.lhe.*XSECUP {xsecup:g} of process 1.*IDWTUP {idwtup}"):
        of(idwtup, [(xsecup, 0.0, 1)], [1.0, 1.0])
    if xsecup:
        with pytest.raises(FileError, match=r"XSECUP -1 of process 2"):
            of(idwtup, [(5.0, 0.0, 1), (xsecup, 0.0, 2)], [1.0, 1.0], [1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, [(1.0, 0.0, 1)], [1.0]), "IDWTUP 0; allowed: 1, 2, 3, 4"),
        ((5, [(1.0, 0.0, 1)], [1.0]), "IDWTUP 5"),
        ((3, [(np.inf, 0.0, 1)], [1.0]), "XSECUP inf"),
        ((3, [(1.0, np.nan, 1)], [1.0]), r"XSECUP 1.0 \+- nan"),
        ((-3, [(1.0, 0.0, 1)], [1.0, -1.0]), "XWGTUP adds up to 0 and XSECUP to 1 pb"),
        ((-3, [(1.0, 0.0, 1)], [-1.0, -1.0]), "XWGTUP adds up to -2"),
        ((-3, [(-5.0, 0.0, 1)], [1.0, 1.0]), "XSECUP adds up to -5"),
        ((-4, [(-1.0, 0.0, 1)], [-1.0, -1.0]), "add up to -1; allowed: a positive sum"),
        ((-4, [(-1.0, 0.0, 1)], [0.0, 0.0]), "add up to 0"),
        ((4, [(3.0, 0.1, 1)], [30.0] * 1000), "averages to 30 pb and XSECUP adds up to 3 pb"),
        ((-4, [(3.0, 0.1, 1)], [30.0] * 1000), "averages to 30 pb"),
        ((1, [(3.0, 0.1, 1)], [30.0] * 1000), "averages to 30 pb"),
        ((1, [(3.0, 0.1, 1), (4.0, 0, 2)], [3.0, 4.0], [1, 3]), "IDPRUP 3 of an event"),
        ((2, [(3.0, 0.1, 1), (4.0, 0, 2)], [3.0, 4.0], [1, 1]), "process 2 has XSECUP 4 pb and 0"),
        ((2, [(3.0, 0.1, 1), (0.0, 0, 2)], [3.0, 4.0], [1, 2]), "process 2 has XSECUP 0 pb and 1"),
        ((2, [(3.0, 0.1, 1), (4.0, 0, 1)], [3.0, 4.0], [1, 1]), "two processes have one LPRUP"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_by_name(arguments, message):
    with pytest.raises(FileError, match=message):
        of(*arguments)


def test_ten_events_without_a_negative_one_do_not_contradict_a_smaller_cross_section():
    # 20 % negative events: sigma = 0.6 |XWGTUP|; one file in ten has ten positive ones
    assert of(-4, [(0.6, 0.01, 1)], [1.0] * 10)[1] == 1.0
    with pytest.raises(FileError, match="averages to 1 pb"):
        of(-4, [(0.6, 0.01, 1)], [1.0] * 1000)


# The same through whole files, as programs write them

MADGRAPH = """<LesHouchesEvents version="3.0">
<header>
<!--
#*********************************************************************
#*                     MadGraph5_aMC@NLO                             *
#*********************************************************************
-->
<MGVersion>
3.5.1
</MGVersion>
<MG5ProcCard>
<![CDATA[
generate mu- n > mu- n zp
]]>
</MG5ProcCard>
<MGRunCard>
<![CDATA[
  average =  event_norm       ! average/sum. Normalization of the weight in the LHEF
   {norm}
]]>
</MGRunCard>
<initrwgt>
<weightgroup name='mg_reweighting' weight_name_strategy='includeIdInWeightName'>
<weight id='rwgt_1'>set gmu 1e-3 # orig & scaled</weight>
</weightgroup>
</initrwgt>
</header>
<init>
13 1000822080 1.600000e+02 1.937000e+02 0 0 0 0 {idwtup} 1
{xsecup} +1.2e-02 +{weight} 1
<generator name='MadGraph5_aMC@NLO' version='3.5.1'>please cite 1405.0301 </generator>
</init>
"""
MADGRAPH_EVENT = """<event>
 5      1 +{weight} 1.60000000e+01 7.54677100e-03 1.30000000e-01
       13 -1    0    0    0    0 +0.0000e+00 +0.0000e+00 +1.5999997e+02 1.6e+02 1.0566e-01 0.0000e+00 1.0000e+00
 1000822080 -1  0    0    0    0 -0.0000e+00 -0.0000e+00 -0.0000000e+00 1.937e+02 1.937e+02 0.0000e+00 9.0000e+00
       13  1    1    2    0    0 +1.0000e-01 +0.0000e+00 +3.9999000e+01 4.0e+01 1.0566e-01 0.0000e+00 1.0000e+00
 1000822080 1   1    2    0    0 -1.0000e-01 +0.0000e+00 +1.0000e-01 1.937e+02 1.937e+02 0.0000e+00 9.0000e+00
       32  1    1    2    0    0 +0.0000e+00 +0.0000e+00 +1.1990000e+02 1.2e+02 1.0000e-01 0.0000e+00 -1.0000e+00
<mgrwt>
<rscale>  0 0.16000000E+02</rscale>
</mgrwt>
<rwgt>
<wgt id='rwgt_1'> +{weight} </wgt>
</rwgt>
</event>
"""  # noqa: E501


def file_of(tmp_path, head, event, n, **values):
    text = head.format(**values) + event.format(**values) * n + "</LesHouchesEvents>\n"
    (tmp_path / "f.lhe").write_text(text, encoding="utf-8")
    return tmp_path / "f.lhe"


@pytest.mark.parametrize(
    ("norm", "idwtup", "weight"),
    [("average", -4, "3.2000000e+00"), ("sum", 3, "8.0000000e-01"), ("unity", 3, "1.0")],
)
def test_madgraph(tmp_path, norm, idwtup, weight):
    path = file_of(
        tmp_path, MADGRAPH, MADGRAPH_EVENT, 4,
        norm=norm, idwtup=idwtup, weight=weight, xsecup="+3.2000000e+00",
    )  # fmt: skip
    events = read_events(path)
    assert events.weight == pytest.approx([0.8] * 20)
    assert dict(events.meta) == {"sigma_pb": pytest.approx(3.2), "sigma_err_pb": 0.012}
    assert events.pdg[:5].tolist() == [13, 1000822080, 13, 1000822080, 32]
    assert events.p4[4].tolist() == [120.0, 0.0, 0.0, 119.9]


SHERPA = """<?xml version="1.0" encoding="utf-8"?>
<LesHouchesEvents version="3.0">
<header>
<!--
# created by SHERPA 2.2.15
-->
</header>
<init>
    13     11         160      0.000511   -1   -1     -1     -1    1    1
               1.0                0.1               10.0    1
<xsecinfo neve="4" totxsec="1.0" />
</init>
"""


def test_sherpa_with_trials(tmp_path):
    """XML declaration, element in <init>, weighted mu e -> mu e gamma; sum of XWGTUP / trials."""
    event = """<event trials='{trials}' muf2='100' mur2='100'>
5 1 {weight} 10.0 0.0072973 -1
 13 -1 0 0 0 0 0 0 160 160 0.10566 0 9
 11 -1 0 0 0 0 0 0 0 0.000511 0.000511 0 9
 13 1 1 2 0 0 0 0.1 150 150 0.10566 0 9
 11 1 1 2 0 0 0 -0.1 6 6 0.000511 0 9
 22 1 1 2 0 0 0 0 4 4 0 0 9
</event>
"""
    listed = [("2.0", 2), ("-0.5", 1), ("1.25", 4), ("5.25", 1)]
    text = SHERPA + "".join(event.format(weight=w, trials=n) for w, n in listed)
    path = tmp_path / "f.lhe"
    path.write_text(text + "</LesHouchesEvents>", encoding="utf-8")
    events = read_events(path)
    assert events.weight[::5].tolist() == [0.25, -0.0625, 0.15625, 0.65625]
    assert events.meta["sigma_pb"] == 1.0
    for bad in ("0", "x", "-2", "nan"):
        path.write_text(path.read_text().replace("trials='2'", f"trials='{bad}'"))
        with pytest.raises(FileError, match=rf"line 13, event 1: trials '{bad}'"):
            read_events(path)
        path.write_text(path.read_text().replace(f"trials='{bad}'", "trials='2'"))


def test_pythia_and_powheg(tmp_path):
    """Pythia's header of text, POWHEG's comment with --, its tail and Fortran's numbers."""
    head = """<LesHouchesEvents version="1.0">
<!--
File written by Pythia8::LHAup -- or by POWHEG, with a < b
-->
<init>
     13     11  1.60000E+02  0.51100D-03 -1 -1 -1 -1 3 1
 0.30000D+01  0.20000D-01  0.10000E+01 10001
</init>
"""
    event = """<event>
      2  10001  0.10000D+01  0.91188D+02  0.78125D-02  0.11800D+00
      13    -1     0     0     0     0  0.D+00 0.D+00 .16D+03 1.6D+02 0.10566D+00 0. 9.
      11     1     1     1     0     0  0.D+00 0.D+00 .16D+03 1.6D+02 0.51100D-03 0. 9.
#rwgt    1  2  3
</event>
"""
    tail = "</LesHouchesEvents>\n #Random number generator exit values: 12 0 0\n"
    (tmp_path / "f.lhe").write_text(head + event * 3 + tail, encoding="utf-8")
    events = read_events(tmp_path / "f.lhe")
    assert events.weight[::2] == pytest.approx([1.0] * 3)
    assert dict(events.meta) == {"sigma_pb": pytest.approx(3.0), "sigma_err_pb": 0.02}
    assert events.p4[0].tolist() == [160.0, 0.0, 0.0, 160.0]
