"""Totals of every kind of boson against explicit Dirac matrices and an independent phase space."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import M_E, M_MU
from mutau.matter.nucleus import Nucleus
from mutau.models import build_model
from mutau.reactions import annihilation
from mutau.reactions.bremsstrahlung import Bremsstrahlung
from mutau.reactions.bremsstrahlung_events import BremsSampler
from mutau.reactions.muon_electron import ZPRIME, Cuts, Reaction, total_cross_section
from mutau.reactions.muon_electron_events import draw_events, make_sampler

pytestmark = pytest.mark.compiled

LEAD = Nucleus(82.0, 207.2)
#: Events of a vector are events of the others here, and doubles are enough for matrices.
HARD = Cuts(emitted_energy_min=30.0, electron_energy_min=1.0)
KINDS = ("axial-vector", "scalar", "pseudoscalar")
METRIC = np.array([1.0, -1.0, -1.0, -1.0])
EYE = np.eye(4, dtype=complex)


def _gamma():
    one, zero = np.eye(2), np.zeros((2, 2))
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    space = [np.block([[zero, s], [-s, zero]]) for s in sigma]
    return np.array([np.block([[one, zero], [zero, -one]]), *space])


GAMMA = _gamma()
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]


def dot(a, b):
    return np.sum(a * METRIC * b, axis=-1)


def slash(p):
    return np.einsum("...m,mij->...ij", p * METRIC, GAMMA)


def couplings(kind, k):
    """Matrices of the boson, (N, 4, 4) or (4, 4), and weights in the sum over polarisations."""
    if kind == "scalar":
        return [(EYE, 1.0)]
    if kind == "pseudoscalar":
        return [(1j * GAMMA5, 1.0)]
    chiral = GAMMA5 if kind == "axial-vector" else EYE
    gauge = [(GAMMA[i] @ chiral, -METRIC[i]) for i in range(4)]
    return [*gauge, (slash(k) @ chiral, 1.0 / dot(k, k))]


def bar(matrix):
    return GAMMA[0] @ np.conj(np.swapaxes(matrix, -1, -2)) @ GAMMA[0]


def line(kind, momenta, photon, m_l):
    """Vertices of a line that emits, in the field `photon` (N, 4): list of (matrix, weight)."""
    p, k, p_out = momenta
    late = (slash(p_out + k) + m_l * EYE) / (dot(p_out + k, p_out + k) - m_l**2)[:, None, None]
    early = (slash(p - k) + m_l * EYE) / (dot(p - k, p - k) - m_l**2)[:, None, None]
    field = slash(photon)
    return [(g @ late @ field + field @ early @ g, w) for g, w in couplings(kind, k)]


def nucleus_squared(kind, momenta, current, m_l):
    """1/2 sum over spins and polarisations, without what does not depend on the kind, (N,)."""
    p, _, p_out = momenta
    total = 0.0
    for vertex, weight in line(kind, momenta, current, m_l):
        product = (slash(p_out) + m_l * EYE) @ vertex @ (slash(p) + m_l * EYE) @ bar(vertex)
        total = total + weight * np.trace(product, axis1=-2, axis2=-1).real
    return 0.5 * total


def weighted_mean(ratio, weight):
    mean = np.average(ratio, weights=weight)
    return mean, math.sqrt(np.sum((weight * (ratio - mean)) ** 2)) / np.sum(weight)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lepton", [("muon", M_MU, 160.0), ("electron", M_E, 10.0)])
@pytest.mark.parametrize("mass", [0.003, 0.05, 0.5])
def test_bremsstrahlung_totals(kind, lepton, mass):
    """Events of the vector, weighted with |M|^2 of this kind over the vector's, both by matrices.

    The transverse part of the nuclear current alone (the rest is a gauge transformation) keeps the
    digits: P - lambda q with lambda = P.n/q.n and n along the beam. At 100 GeV too few of them are
    left for electrons and 3 MeV.
    """
    name, m_l, energy = lepton
    sampler = BremsSampler(name, LEAD, mass, energy, energy)
    n = 30_000
    drawn = sampler.sample(np.full(n, energy), np.random.default_rng(3))
    p = np.zeros((n, 4))
    p[:, 0], p[:, 3] = energy, math.sqrt(energy**2 - m_l**2)
    k, p_out, recoil = drawn.p_zprime, drawn.p_lepton, drawn.p_nucleus
    q = -recoil + np.array([LEAD.mass, 0.0, 0.0, 0.0])
    current = recoil + np.array([LEAD.mass, 0.0, 0.0, 0.0])
    current = current - (current[:, 3:] - current[:, :1]) / (q[:, 3:] - q[:, :1]) * q
    # momenta on their mass shells again, which ten digits of a sample are not
    momenta = p, k, p_out
    ratio = nucleus_squared(kind, momenta, current, m_l)
    ratio = ratio / nucleus_squared("vector", momenta, current, m_l)
    mean, error = weighted_mean(ratio, drawn.weight)
    vector, ours = (Bremsstrahlung(name, item).total(energy, mass, LEAD).sigma_pb
                    for item in ("vector", kind))  # fmt: skip
    assert ours / vector == pytest.approx(mean, rel=1e-2, abs=4.0 * error)
    assert error < 0.02 * mean


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mass", [0.003, 0.05, 0.2])
def test_muon_electron_totals(kind, mass):
    """The same for mu e -> mu e X: the muon's emission in the field of the electron's current."""
    n, energy = 8_000, 150.0
    vector = Reaction(ZPRIME, energy, mass=mass, coupling=1.0)
    events = draw_events(make_sampler(vector, HARD, search=4), n, np.random.default_rng(5))
    p1, p2, p3, p4, k = np.moveaxis(events.p4.reshape(n, 5, 4), 1, 0)
    weight = events.weight.reshape(n, 5)[:, 0]

    def squared(which):
        total = 0.0
        for b in range(4):
            for c in range(4):
                electron = np.trace(
                    (slash(p4) + M_E * EYE) @ GAMMA[b] @ (slash(p2) + M_E * EYE) @ GAMMA[c],
                    axis1=-2, axis2=-1,
                )  # fmt: skip
                fields = [np.tile(np.eye(4)[i], (n, 1)) for i in (b, c)]
                left = line(which, (p1, k, p3), fields[0], M_MU)
                right = line(which, (p1, k, p3), fields[1], M_MU)
                for (one, w), (two, _) in zip(left, right, strict=True):
                    product = (slash(p3) + M_MU * EYE) @ one @ (slash(p1) + M_MU * EYE) @ bar(two)
                    trace = np.trace(product, axis1=-2, axis2=-1)
                    total = total + w * (trace * electron).real
        return total

    mean, error = weighted_mean(squared(kind) / squared("vector"), weight)
    ours = Reaction(ZPRIME, energy, mass=mass, coupling=1.0, mediator=kind)
    sigma, reference = (total_cross_section(item, HARD).sigma_pb for item in (ours, vector))
    ratio = sigma / reference
    assert ratio == pytest.approx(mean, rel=1e-2, abs=4.0 * error)
    assert error < 0.02 * mean


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mass", [0.003, 0.05, 0.3])
def test_annihilation_on_the_peak(kind, mass):
    """Integral over the line by spinors: 1/4 sum |vbar Gamma u|^2, times pi/(2 m_e s beta) a Br."""
    model = build_model(f"{kind}-e", mass, 1e-4, 0.1)
    energy = 0.5 * mass
    along = math.sqrt(energy**2 - M_E**2)
    electron = np.array([energy, 0.0, 0.0, along])
    positron = np.array([energy, 0.0, 0.0, -along])
    total = 0.0
    for matrix, weight in couplings(kind, (electron + positron)[None]):
        product = (slash(positron) - M_E * EYE) @ matrix @ (slash(electron) + M_E * EYE)
        total += weight * np.trace(product @ bar(matrix), axis1=-2, axis2=-1).real
    squared = 0.25 * float(np.ravel(total)[0]) * model.lepton_coupling("e") ** 2
    # sigma = |M|^2/(2 s beta) 2 pi delta(s - M^2), and s = 2 m_e (E + m_e)
    beta = math.sqrt(1.0 - 4.0 * M_E**2 / mass**2)
    by_hand = squared * math.pi / (mass**2 * beta) / (2.0 * M_E) * 82 * 3.89379372e8
    by_hand *= model.branching_invisible
    assert annihilation.narrow_integral(model, element="Pb") == pytest.approx(by_hand, rel=1e-6)
    edges = annihilation.resonance_energy(mass) * np.geomspace(0.2, 5.0, 40)
    found = annihilation.integrated(edges, model, element="Pb", electrons="rest").sum()
    wide = model.width_total / mass
    assert found == pytest.approx(by_hand, rel=1e-2 + 2.0 * wide)
