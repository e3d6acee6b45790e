"""One density per reaction, put together in one place for quadrature, sampler, lepton's angle."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import mutau.reactions
from mutau.core.constants import M_MU
from mutau.matter.form_factors import g2
from mutau.matter.nucleus import Nucleus
from mutau.reactions import bremsstrahlung_kernels as kernels
from mutau.reactions import muon_brems
from mutau.reactions.bremsstrahlung import collision_of
from mutau.reactions.bremsstrahlung_density import density, density_at, density_mean
from mutau.reactions.bremsstrahlung_events import BremsSampler
from mutau.reactions.lepton_pairs import PairReaction

LEAD = Nucleus(82.0, 207.2, "elastic+inelastic")
FOLDER = Path(mutau.reactions.__path__[0])
#: What a density is made of -> the only modules that may put it together.
ONE_HOME = {
    "density_front": {"bremsstrahlung_density"},
    "amplitude_at": {"bremsstrahlung_density"},
    "amplitude_mean": {"bremsstrahlung_density"},
    "recoil_mean": {"bremsstrahlung_recoil"},
    "zprime_kernel": {"muon_electron_integrals"},
    "axial_kernel": {"muon_electron_integrals"},
    "scalar_kernel": {"muon_electron_integrals"},
    "squared_amplitude": {"lepton_pairs_kernels"},
    "production": {"annihilation"},
}


@pytest.mark.parametrize("part", ONE_HOME)
def test_a_density_is_put_together_in_one_place(part):
    """Calls of a part of a density, but for its definition, stand in one module."""
    pattern = re.compile(rf"(?<!def )\b{part}\b[(}}]")
    users = {path.stem for path in FOLDER.glob("*.py") if pattern.search(path.read_text())}
    assert users == ONE_HOME[part]


@pytest.mark.compiled
@pytest.mark.parametrize("mass", [0.001, 0.1, 1.0])
def test_the_mean_over_the_azimuth_is_the_mean_of_the_density(mass):
    """Closed form against the midpoint rule, exponentially accurate for a periodic function."""
    rng = np.random.default_rng(3)
    collision = collision_of("muon", LEAD)
    energy, nucleus = 160.0, LEAD.mass
    phi = (np.arange(4096) + 0.5) * (np.pi / 4096)
    for _ in range(20):
        x = rng.uniform(0.1, 0.9)
        low, high = kernels.u_limits(energy, M_MU, mass, nucleus, x, 1.0 - x)
        u = low * (high / low) ** rng.uniform(0.01, 0.3)
        em = kernels.emission(energy, M_MU, mass, nucleus, x, 1.0 - x, u, u - low)
        t = em.t_min * (em.t_max / em.t_min) ** rng.uniform(0.01, 0.4)
        ex = kernels.exchange(M_MU, mass, nucleus, u, em, t, t - em.t_min)
        point = energy, mass, collision, em, u, t, ex
        at = np.mean([density_at(*point, float(c)) for c in np.cos(phi)])
        assert density_mean(*point) == pytest.approx(at, rel=1e-9)


@pytest.mark.compiled
def test_the_density_by_hand():
    """alpha^2/(16 pi) E/(p^2 |V|) G2/t^2 A/M^2 with A = 1: phase space and form factor alone."""
    energy, v, t = 10.0, 4.0, 1e-3
    collision = collision_of("muon", LEAD)
    q_minus = 0.3
    found = density(energy, collision, v, q_minus, t, 1.0)
    alpha2_pb = 137.035999**-2 * 3.89379372e8
    p2 = energy**2 - M_MU**2
    by_hand = alpha2_pb / (16.0 * np.pi) * energy / (p2 * v * q_minus**2 * t * t)
    by_hand *= float(g2(t, 82.0, 207.2, "elastic+inelastic"))
    assert found == pytest.approx(by_hand, rel=1e-6)


def test_a_nucleus_has_what_reactions_need():
    assert LEAD.mass == pytest.approx(207.2 * 0.93149410242, rel=1e-8)
    assert LEAD.pdg == 1000822070
    assert LEAD.shape.z2 == 6724.0
    assert LEAD.shape.z_inelastic == 82.0
    assert Nucleus(1.0, 1.008, "elastic+inelastic").shape.z_inelastic == 0.0


@pytest.mark.compiled
def test_old_keywords_warn_and_give_the_same():
    new = muon_brems.total(160.0, 0.1, Nucleus(6.0, 12.011, "point"))
    with pytest.warns(DeprecationWarning, match="nucleus=Nucleus"):
        old = muon_brems.total(160.0, 0.1, z=6.0, a=12.011, form_factor="point")
    assert old == new
    with pytest.warns(DeprecationWarning, match="nucleus=Nucleus"):
        sampler = BremsSampler("muon", z=6.0, a=12.011, mass=0.1, energy_min=9.0, energy_max=10.0)
    assert sampler.nucleus == Nucleus(6.0, 12.011)
    with pytest.warns(DeprecationWarning, match="nucleus=Nucleus"):
        reaction = PairReaction("muon", "electron", 150.0, z=4.0, a=9.012)
    assert reaction.nucleus == Nucleus(4.0, 9.012)
