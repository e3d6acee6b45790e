"""A station of MUonE: errors of fitted lines, one vertex, radiation before the calorimeter."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammainc

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.detector.muone_downstream import Downstream, arrive
from mutau.detector.muone_station import (
    Station,
    StripPlane,
    common_vertex,
    draw_lines,
    line_errors,
    place_errors,
)
from mutau.experiment import load_experiment
from mutau.experiment import replace as changed
from mutau.matter import material
from mutau.signal.muone_response import check_measurable, downstream, muon_filter, response

SILICON = material("silicon")
PROGRAMME = load_experiment("muone-160")


def plane(z, view, thickness=0.064, pitch=9e-3):
    return StripPlane(z, view, pitch, SILICON, thickness, 0.99)


def station(*planes):
    return Station(planes, 100.0, 0.75, 160.0)


def covariance(item, momentum, mass, *, incoming=False):
    factor = line_errors(item, momentum, mass, incoming=incoming)
    return factor @ np.swapaxes(factor, -1, -2)


def test_two_planes_without_matter_are_a_line_through_two_points():
    """Slope sqrt(2) sigma/(z2 - z1); the place that of the line drawn back to the piece."""
    thin = 1e-9
    item = station(*(plane(z, v, thin) for z, v in ((20.0, "x"), (90.0, "x"), (22.0, "y"),
                                                    (92.0, "y"))))  # fmt: skip
    sigma = 9e-3 / math.sqrt(12.0)
    x = covariance(item, 160.0, M_MU)[0]
    assert math.sqrt(x[1, 1]) == pytest.approx(sigma * math.sqrt(2.0) / 70.0, rel=1e-5)
    near, far = 20.0 - 0.75, 90.0 - 0.75
    assert math.sqrt(x[0, 0]) == pytest.approx(sigma * math.hypot(near, far) / 70.0, rel=1e-5)
    # before the piece the farther plane is the first: the same by mirror, the correlation turned
    before = covariance(item, 160.0, M_MU, incoming=True)[0]
    near, far = 100.75 - 90.0, 100.75 - 20.0
    assert math.sqrt(before[0, 0]) == pytest.approx(sigma * math.hypot(near, far) / 70.0, rel=1e-5)
    assert before[0, 1] * x[0, 1] < 0.0


def test_a_soft_electron_is_measured_by_what_the_first_plane_scatters():
    """0.2 GeV: the angle's error is Highland's angle of the planes before the second point, not the
    strips; at 100 GeV it is the strips."""
    row = downstream(PROGRAMME)
    soft, hard = (math.sqrt(covariance(row.station, p, M_E)[0, 1, 1]) for p in (0.2, 100.0))
    one = 13.6e-3 / 0.2 * math.sqrt(0.064 / 9.37) * (1.0 + 0.038 * math.log(0.064 / 9.37))
    assert one < soft < 2.5 * one
    assert hard == pytest.approx(9e-3 / math.sqrt(12.0) / 53.0, rel=0.25)  # spread of the x planes
    assert soft / hard > 50.0


def test_lines_drawn_have_the_errors_they_are_drawn_with():
    item, n = downstream(PROGRAMME).station, 40_000
    rng = stream(1)
    normals = tuple(rng.standard_normal((n, 4)) for _ in range(3))
    lines = draw_lines(item, np.full(n, 2.0), normals)
    wanted = place_errors(item, np.full(1, 2.0)).ravel()
    for line, error in zip(lines, wanted, strict=True):
        assert np.std(line.place) == pytest.approx(error, rel=0.03)


def test_lines_through_one_point_have_a_vertex_there():
    slopes = np.zeros((3, 2, 2))
    slopes[1], slopes[2] = [[1.5e-3, 0.0], [0.0, 2e-3]], [[-20e-3, 1e-3], [5e-3, -9e-3]]
    z = np.array([0.4, -2.0])
    errors = np.full((3, 2), 3e-3)
    found, chi2 = common_vertex(-slopes * z[:, None], slopes, errors)
    np.testing.assert_allclose(found, z, rtol=1e-10)
    np.testing.assert_allclose(chi2, 0.0, atol=1e-12)


def test_the_chi2_of_one_vertex_has_three_degrees_of_freedom():
    rng, n = stream(2), 20_000
    slopes = np.zeros((3, n, 2))
    slopes[1], slopes[2] = (2e-3, 0.0), (-15e-3, 0.5e-3)
    errors = np.full((3, n), 3e-3)
    found, chi2 = common_vertex(3e-3 * rng.standard_normal((3, n, 2)), slopes, errors)
    assert chi2.mean() == pytest.approx(3.0, abs=0.06)
    assert np.std(found) == pytest.approx(3e-3 / np.sqrt(np.sum(
        (slopes[:, 0] - slopes[:, 0].mean(axis=0)) ** 2)), rel=0.03)  # fmt: skip


def test_track_efficiency_counts_planes():
    """Four hits of six with 0.99 each: by the binomial."""
    item = downstream(PROGRAMME).station
    e = 0.99
    assert item.track_efficiency == pytest.approx(
        sum(math.comb(6, k) * e**k * (1 - e) ** (6 - k) for k in (4, 5, 6)), rel=1e-12
    )


@pytest.mark.compiled
def test_without_matter_everything_arrives():
    """A piece and planes a thousand times thinner: the energy itself, nothing apart."""
    row = downstream(PROGRAMME)
    planes = tuple(replace(p, thickness=p.thickness * 1e-4) for p in row.station.planes)
    thin = Downstream(replace(row.station, planes=planes), row.target, row.thickness * 1e-4,
                      row.count, row.first, row.end, row.radius)  # fmt: skip
    found = arrive(thin, np.full(4000, 5.0), np.full(4000, 100.0), stream(1))
    assert np.mean(found.energy) == pytest.approx(5.0, rel=2e-3)
    assert np.mean(found.apart > 0.5) < 5e-3


@pytest.mark.compiled
def test_what_arrives_is_the_energy_less_what_is_deposited():
    """One shower's radius beyond everything. From the last station: the electron's ionisation,
    2 MeV cm^2/g. From the first: the part of a shower that lies before 3.3 radiation lengths, by
    Longo and Sestili's profile with a critical energy of 73 MeV (silicon 40, beryllium 105), to
    which what falls below 20 MeV adds."""
    row = replace(downstream(PROGRAMME), radius=1e9)
    n = 4000
    first, last = (
        arrive(row, np.full(n, 20.0), np.full(n, row.first + 100.0 * k), stream(1)) for k in (0, 39)
    )
    matter = 0.75 * 1.848 * 2.0e-3 + 6 * 0.064 * 2.329 * 2.2e-3  # GeV
    assert 20.0 - np.mean(last.energy) == pytest.approx(1.15 * matter, rel=0.25)
    top = math.log(20.0 / 0.073) - 0.5
    share = float(gammainc(1.0 + 0.5 * top, 0.5 * row.radiation_lengths()))
    assert share < 1.0 - np.mean(first.energy) / 20.0 < 2.0 * share
    assert np.all(first.apart == 0.0)


@pytest.mark.compiled
def test_the_electron_radiates_what_bethe_and_heitler_say():
    """Behind the last station photons do not convert: the chance to radiate nothing of more than
    1 GeV of 10 is exp(-n), n the number of such photons by 1/k (4/3 - 4/3 y + y^2)."""
    row = replace(downstream(PROGRAMME), radius=1e-6)
    found = arrive(row, np.full(40_000, 10.0), np.full(40_000, row.first + 3900.0), stream(3))
    t = 0.5 * 1.5 / 35.28 + 6 * 0.064 / 9.37
    least = 0.1
    n = t * (4 / 3 * (math.log(1 / least) - 1 + least) + 0.5 * (1 - least**2))
    loud = np.mean((found.apart > 1.0) | (found.energy < 5.0))
    assert loud == pytest.approx(1.0 - math.exp(-n), rel=0.2)


@pytest.mark.compiled
def test_stations_behind_spoil_electrons():
    """Soft electrons of the first stations are lost or seen with a photon apart; those of the last
    are not."""
    row = downstream(PROGRAMME)
    n = 4000
    first, last = (
        arrive(row, np.full(n, 3.0), np.full(n, row.first + 100.0 * k), stream(1)) for k in (0, 39)
    )
    assert np.mean(first.energy > 2.5) < 0.5 < np.mean(last.energy > 2.5)
    # 3.3 radiation lengths in all: 40 x (15 mm beryllium and 3.84 mm silicon)
    assert row.radiation_lengths() == pytest.approx(40 * (1.5 / 35.28 + 6 * 0.064 / 9.37), rel=0.01)


def test_what_a_file_states_twice_or_lacks_is_refused():
    twice = changed(PROGRAMME, "detector/resolution/muon_angle", "0.01 mrad")
    with pytest.raises(MutauError, match="beside the planes"):
        downstream(twice)
    beyond = changed(PROGRAMME, "detector/plane[Y2]/z", "110 cm")
    with pytest.raises(MutauError, match="up to the next one, 100 cm"):
        downstream(beyond)
    views = {f"detector/plane[{name}]/view": "x" for name in ("Y1", "Y2", "U", "V")}
    blind = changed(PROGRAMME, views)
    with pytest.raises(MutauError, match="two planes measure y"):
        downstream(blind)
    muone = load_experiment("muone")
    assert downstream(muone) is None
    cut = [{"variable": "kink", "max": 10, "because": "x"}]
    with pytest.raises(MutauError, match="nothing measures 'kink'"):
        check_measurable(changed(muone, "cuts", cut))
    check_measurable(changed(PROGRAMME, "cuts", cut))


@pytest.mark.compiled
def test_the_muon_filter_stands_behind_the_calorimeter():
    assert muon_filter(PROGRAMME).z == 4450.0
    assert muon_filter(changed(PROGRAMME, "detector/counter[muon chamber]/role", "veto")) is None
    assert muon_filter(load_experiment("muone")) is None
    noisy = response(changed(PROGRAMME, "detector/calorimeter[ECAL]/noise", "300 MeV"))
    assert float(noisy.energy_sigma(1.0)) > float(response(PROGRAMME).energy_sigma(1.0)) > 0.05
