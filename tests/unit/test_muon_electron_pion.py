"""mu e -> mu e pi0: the anomaly's amplitude and its phase space."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mutau.core.constants import ALPHA, M_E, M_MU, M_PI0, WIDTH_PI0
from mutau.core.errors import OutOfRange
from mutau.core.random import stream
from mutau.reactions.muon_electron_pion import (
    COUPLING,
    draw_pions,
    pion_amplitude,
    pion_tensor,
)

GEV2_PB = 3.893794e8


def test_the_coupling_is_that_of_the_anomaly_and_gives_the_width():
    assert pytest.approx(1.0 / (4.0 * math.pi**2 * 0.0923), rel=0.02) == COUPLING
    k = 0.5 * M_PI0
    one, two = np.array([[k, 0.0, 0.0, k]]), np.array([[k, 0.0, 0.0, -k]])
    tensor = pion_tensor(one, two)
    metric = np.diag([1.0, -1.0, -1.0, -1.0])
    square = float(np.einsum("nij,nkm,ik,jm->n", tensor, tensor, metric, metric)[0])
    square *= (4.0 * math.pi * ALPHA * COUPLING) ** 2
    width = 0.5 * square / (16.0 * math.pi * M_PI0)
    assert width == pytest.approx(WIDTH_PI0, rel=1e-9)
    assert np.abs(np.einsum("nij,nj->ni", tensor, two)).max() < 1e-12  # gauge invariance


def test_events_are_physical():
    found = draw_pions(150.0, (1.0, 25.0), 5000, stream(1))
    whole = np.array([150.0 + M_E, 0.0, 0.0, math.sqrt(150.0**2 - M_MU**2)])
    total = found.muon + found.electron + found.pion
    assert np.abs(total - whole).max() < 1e-9
    used = found.weight > 0.0
    for p4, mass in ((found.muon, M_MU), (found.electron, M_E), (found.pion, M_PI0)):
        square = p4[used, 0] ** 2 - np.sum(p4[used, 1:] ** 2, axis=1)
        assert np.abs(square - mass**2).max() < 1e-8
    assert np.all((found.electron[:, 0] > 1.0) & (found.electron[:, 0] < 25.0))


def test_uniform_phase_space_in_the_centre_of_mass_gives_the_same():
    """Muon and pion of any mass, the electron's direction even: only |M|^2 is shared."""
    found = draw_pions(150.0, (1.0, 25.0), 100_000, stream(2)).weight
    n, rng = 400_000, stream(3)
    s = M_MU**2 + M_E**2 + 2.0 * M_E * 150.0
    root = math.sqrt(s)
    low, high = M_MU + M_PI0, root - M_E
    w = low + (high - low) * rng.random(n)

    def size(whole, a, b):
        return np.sqrt((whole**2 - (a + b) ** 2) * (whole**2 - (a - b) ** 2)) / (2.0 * whole)

    def turned(p):
        c, phi = rng.uniform(-1.0, 1.0, n), rng.uniform(0.0, 2.0 * math.pi, n)
        r = np.sqrt(1.0 - c * c)
        return p[:, None] * np.stack([r * np.cos(phi), r * np.sin(phi), c], axis=1)

    out, rest = size(root, M_E, w), size(w, M_MU, M_PI0)
    p4 = turned(out)
    electron = np.column_stack([np.hypot(out, M_E), p4])
    inner = turned(rest)
    energy, gamma = np.hypot(rest, M_MU), np.hypot(out, w) / w
    beta = -p4 / w[:, None]
    along = np.sum(beta * inner, axis=1)
    muon = np.column_stack([
        gamma * energy + along, inner + beta * (energy + along / (gamma + 1.0))[:, None]
    ])  # fmt: skip
    p = float(size(np.array(root), M_MU, M_E))
    beam = np.tile([math.hypot(p, M_MU), 0.0, 0.0, p], (n, 1))
    target = np.tile([math.hypot(p, M_E), 0.0, 0.0, -p], (n, 1))
    # boost of the electron at rest back: E_lab = (P.k)/m_e
    lab = (target[:, 0] * electron[:, 0] - target[:, 3] * electron[:, 3]) / M_E
    weight = pion_amplitude(beam, target, muon, electron)
    weight *= out * 4.0 * math.pi / (16.0 * math.pi**2 * root)
    weight *= rest * 4.0 * math.pi / (16.0 * math.pi**2 * w)
    weight *= 2.0 * w * (high - low) / (2.0 * math.pi) / (4.0 * p * root) * GEV2_PB / n
    weight = np.where((lab > 1.0) & (lab < 25.0), weight, 0.0)
    error = math.hypot(*(math.sqrt(float(np.sum(x**2))) for x in (found, weight)))
    assert abs(found.sum() - weight.sum()) < 4.0 * error
    assert error < 0.04 * weight.sum()


def test_below_the_threshold_nothing_is_drawn():
    with pytest.raises(OutOfRange, match="no pion"):
        draw_pions(20.0, (1.0, 5.0), 10, stream(1))
    with pytest.raises(OutOfRange, match="nothing is left"):
        draw_pions(150.0, (25.0, 5.0), 10, stream(1))
