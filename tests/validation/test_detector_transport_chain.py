"""The trigger's fast kernel against the same set-up made of the functions of `transport`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import M_MU
from mutau.core.random import stream
from mutau.detector.geometry import build_geometry
from mutau.detector.trigger import trigger_efficiency
from mutau.experiment import load_experiment
from mutau.matter.materials import material
from mutau.peers.muon_propagation import (
    Muons,
    along_z,
    cross_dipole,
    drift_to_plane,
    inside,
    propagate_slab,
)
from mutau.transport.orbits import dipole_kernel

pytestmark = pytest.mark.compiled


def scattered(n, mass=0.1, seed=1):
    """A stand-in for a signal sample: flat in energy, transverse momentum of the mass's size."""
    rng = stream(seed)
    energy = rng.uniform(5.0, 80.0, n)
    kick = 0.5 * (mass + M_MU) * np.sqrt(rng.exponential(1.0, n))
    phi = rng.uniform(0.0, 2.0 * np.pi, n)
    pz = np.sqrt(energy**2 - M_MU**2 - kick**2)
    return np.stack([energy, kick * np.cos(phi), kick * np.sin(phi), pz], axis=-1)


def chain(p_lepton, experiment, rng, straggling="none"):
    """Mask of muons that fire the trigger, by the public functions of `transport` alone."""
    n, beam, target = len(p_lepton), experiment.beam, experiment.target
    lead = material(target.material)
    length = target.thickness.cm(lead.radiation_length_cm)
    muons = along_z(beam.energy, n, z=target.z)
    x4, p4 = muons.x4.copy(), muons.p4.copy()
    x4[:, 1:3] = rng.standard_normal((n, 2)) * [beam.spot_x, beam.spot_y]
    slopes = rng.standard_normal((n, 2)) * [beam.divergence_x, beam.divergence_y]
    p4[:, 1:3] = slopes * p4[:, 3:]
    p4 *= (np.sqrt(beam.energy**2 - M_MU**2) / np.linalg.norm(p4[:, 1:], axis=1))[:, None]
    p4[:, 0] = beam.energy
    good = np.ones(n, bool)
    for counter in experiment.detector.counter:
        if counter.z < target.z:
            x, y = (x4[:, 1:3] + slopes * (counter.z - target.z)).T
            good &= abs(x - counter.x) <= counter.width / 2
            good &= abs(y - counter.y) <= counter.height / 2
    depth = length * rng.random(n)
    muons = propagate_slab(Muons(x4, p4, muons.charge, muons.alive), lead, depth, rng)
    assert muons.alive.all()
    out = p_lepton.copy()
    out[:, 1:3] += muons.slopes * p_lepton[:, 3:]
    size = np.linalg.norm(p_lepton[:, 1:], axis=1) / np.linalg.norm(out[:, 1:], axis=1)
    out[:, 1:] *= size[:, None]
    muons = Muons(muons.x4, out, muons.charge, muons.alive)
    muons = propagate_slab(muons, lead, length - depth, rng, straggling=straggling)
    detector = experiment.detector
    planes = {c.z: c for c in detector.counter if c.z > target.z}
    solids = {c.z: c for c in detector.calorimeter}
    magnet = detector.magnet[0]
    cuts = dict.fromkeys((magnet.z, 950.0, 1030.0, magnet.z + magnet.length), magnet)
    for z in sorted({*planes, *solids, *cuts}):
        if magnet.z < z <= magnet.z + magnet.length:
            start = max(c for c in cuts if c < z)
            # a field +y bends a negative muon to +x; MS2 bends to -x
            muons = cross_dipole(muons, -magnet.field, start, z - start)
        else:
            muons = drift_to_plane(muons, z)
        if z in cuts:
            good &= inside(muons, magnet.width / 2, magnet.height / 2)
        if z in planes:
            c = planes[z]
            hit = inside(muons, c.width / 2, c.height / 2, c.x, c.y)
            hit &= ~inside(muons, c.hole_width / 2, c.hole_height / 2, c.x, c.y) | (
                c.hole_width == 0
            )
            good &= hit if c.role == "trigger" else ~hit
        if z in solids:
            c = solids[z]
            hit = inside(muons, c.width / 2, c.height / 2, c.x, c.y)
            if c.hole_width:
                hit &= ~inside(muons, c.hole_width / 2, c.hole_height / 2, c.x, c.y)
            substance = material(c.material)
            through = np.where(hit, c.length, 0.0)
            muons = propagate_slab(muons, substance, through, rng, straggling=straggling)
    return good & muons.alive


def test_fast_and_step_by_step_agree():
    """Independent streams, 4e4 muons each: 4 sigma of the difference, 1.3 % of the efficiency."""
    experiment = load_experiment("na64mu")
    p4 = scattered(40_000)
    slow = chain(p4, experiment, stream(5))
    fast = trigger_efficiency(p4, None, experiment, stream(6))
    share = float(np.mean(slow))
    quick = float(np.mean(fast.passed))
    error = math.sqrt(2.0 * share * (1.0 - share) / len(p4))
    assert 0.1 < share < 0.6
    assert quick == pytest.approx(share, abs=4.0 * error)


def test_the_slope_form_of_the_dipole_is_the_helix():
    """`detector` carries slopes, `transport` momenta and time: one orbit."""
    rng = stream(7)
    n = 200
    energy = rng.uniform(1.0, 160.0, n)
    start = rng.uniform(-5.0, 5.0, (n, 2))
    slopes = rng.uniform(-0.1, 0.1, (n, 2))
    p = np.sqrt(energy**2 - M_MU**2)
    pz = p / np.sqrt(1.0 + np.sum(slopes**2, axis=1))
    p4 = np.stack([energy, slopes[:, 0] * pz, slopes[:, 1] * pz, pz], axis=-1)
    x4 = np.column_stack([np.zeros(n), start, np.zeros(n)])
    muons = Muons(x4, p4, np.full(n, -1.0), np.ones(n, bool))
    there = cross_dipole(muons, 0.7, 0.0, 200.0)
    curve = 0.299792458e-2 * 0.7
    for i in range(n):
        *got, fine = dipole_kernel(*start[i], *slopes[i], p[i], 200.0, curve)
        assert fine == 1.0
        np.testing.assert_allclose(got[:2], there.x4[i, 1:3], rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(got[2:], there.slopes[i], rtol=1e-10, atol=1e-12)


def test_what_is_left_out_is_small():
    """Straggling by knock-on electrons, left out of the fast mode, moves the efficiency little."""
    experiment = load_experiment("na64mu")
    p4 = scattered(40_000, seed=8)
    plain = float(np.mean(chain(p4, experiment, stream(9))))
    loose = float(np.mean(chain(p4, experiment, stream(10), straggling="knock-on")))
    error = math.sqrt(2.0 * plain * (1.0 - plain) / len(p4))
    assert abs(loose - plain) < 0.01 * plain + 4.0 * error


def test_gaussian_and_collisions_give_nearly_the_same_efficiency():
    """Tails of scattering do not decide for signal muons: 2 % of the efficiency."""
    experiment = load_experiment("na64mu")
    p4 = scattered(200_000, seed=11)
    got = [
        trigger_efficiency(p4, None, experiment, stream(12), scattering=mode)
        for mode in ("gaussian", "collisions")
    ]
    assert got[0].efficiency == pytest.approx(got[1].efficiency, rel=0.02)


def test_air_and_thin_planes_may_be_left_out():
    """`build_geometry` drops them: together below 0.04 mrad at 80 GeV, the target above 1 mrad."""
    from mutau.matter.multiple_scattering import highland_angle

    experiment = load_experiment("na64mu")
    target, air = experiment.target, material("air")
    lead = material(target.material)
    thick = float(highland_angle(80.0, lead, target.thickness.cm(lead.radiation_length_cm)))
    way = experiment.detector["S4"].z - target.z
    thin = float(highland_angle(80.0, air, way))
    for tracker in experiment.detector.tracker:
        gas = material(tracker.material)
        thin = math.hypot(thin, float(highland_angle(80.0, gas, tracker.thickness.cm(1.0))))
    assert thin < 0.04e-3
    assert thick > 1e-3
    assert "MM1" not in build_geometry(experiment).names
