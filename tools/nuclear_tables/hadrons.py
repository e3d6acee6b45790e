"""Inelastic cross sections of hadrons on nuclei by kind and energy, by Pythia's PythiaCascade.

    python hadrons.py OUT

OUT/hadron_nucleus.npz and .toml. Only mass numbers that the program has tabulated are asked: at
others its interpolation is off (58: 863 mb beside 688 mb at 56, protons of 100 GeV). Sibyll, on
nuclei up to oxygen, stands beside it in the card.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from particle import Particle

ENERGIES = (3.0, 5.0, 8.0, 13.0, 20.0, 32.0, 50.0, 80.0, 130.0, 200.0, 300.0)
MASS_NUMBERS = (1, 2, 4, 9, 12, 14, 16, 27, 40, 56, 63, 84, 107, 129, 197, 208)
NAMES = {
    "pi+": 211, "pi-": -211, "K+": 321, "K-": -321, "K_L": 130, "p": 2212, "n": 2112,
    "pbar": -2212, "nbar": -2112, "Lambda": 3122, "Sigma+": 3222, "Sigma-": 3112, "Xi-": 3312,
}  # fmt: skip
#: Kinds of Sibyll's table, at this energy (GeV), on these nuclei.
SIBYLL = ("pi-", "K-", "p")
SIBYLL_ENERGY = 130.0
SIBYLL_NUCLEI = ((9, 4), (12, 6), (16, 8))


def pythia() -> np.ndarray:
    """(kinds, energies, mass numbers), mb."""
    import pythia8mc

    run = pythia8mc.PythiaCascade()
    start = Path(sys.prefix) / "share/Pythia8/setups/InitDefaultMPI.cmnd"
    if not run.init(0.3, 1.0, str(start)):
        raise SystemExit("PythiaCascade does not start")
    out = np.empty((len(NAMES), len(ENERGIES), len(MASS_NUMBERS)))
    for i, pdg in enumerate(NAMES.values()):
        mass = Particle.from_pdgid(pdg).mass * 1e-3
        for j, energy in enumerate(ENERGIES):
            p = math.sqrt(energy**2 - mass**2)
            if not run.sigmaSetuphN(pdg, pythia8mc.Vec4(0.0, 0.0, p, energy), mass):
                raise SystemExit(f"no cross section of {pdg} at {energy} GeV")
            out[i, j] = [run.sigmahA(a) for a in MASS_NUMBERS]
    return out


def sibyll() -> list[str]:
    """Lines of the card: production (no quasi-elastic) and elastic cross sections, mb."""
    from chromo.constants import GeV
    from chromo.kinematics import FixedTarget
    from chromo.models import Sibyll23d

    run = Sibyll23d(FixedTarget(SIBYLL_ENERGY * GeV, "pi-", SIBYLL_NUCLEI[0]))
    lines = []
    for name in SIBYLL:
        for nucleus in SIBYLL_NUCLEI:
            found = run.cross_section(FixedTarget(SIBYLL_ENERGY * GeV, name, nucleus))
            lines.append(
                f'[[sibyll]]\nhadron = "{name}"\na = {nucleus[0]}\nenergy_GeV = {SIBYLL_ENERGY}\n'
                f"production_mb = {found.prod:.2f}\nelastic_mb = {found.elastic:.2f}\n"
            )
    return lines


def main() -> None:
    """Write table and card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    with get_context("spawn").Pool(1) as pool:  # each program in a process of its own
        sigma, lines = pool.apply(pythia), pool.apply(sibyll)
    path = out / "hadron_nucleus.npz"
    np.savez_compressed(
        path, names=np.array(list(NAMES)), energies=np.array(ENERGIES),
        mass_numbers=np.array(MASS_NUMBERS, float), inelastic_mb=sigma,
    )  # fmt: skip
    seal = hashlib.sha256(path.read_bytes()).hexdigest()
    text = CARD.format(
        seal=seal, pythia=version("pythia8mc"), sibyll=f"2.3d (chromo {version('chromo')})"
    )
    (out / "hadron_nucleus.toml").write_text(text + "\n" + "\n".join(lines), encoding="utf-8")
    print(path, path.stat().st_size)


CARD = '''# Inelastic cross sections of hadrons on nuclei: what hadron_nucleus.npz holds.
schema = 1
table = "hadron_nucleus.npz"
sha256 = "{seal}"
made_by = "tools/nuclear_tables: hadrons.py"
generator = "Pythia {pythia}, PythiaCascade"
beside = "Sibyll {sibyll}"
source = """PythiaCascade: T. Sjostrand, M. Utheim, Eur. Phys. J. C 82 (2022) 21: A times the cross
section on a nucleon over the mean number of collisions, of nuclei that Angantyr made; Sibyll:
F. Riehn et al., Phys. Rev. D 102 (2020) 063002"""
because = "mass numbers that PythiaCascade has tabulated; no statistics: its own parametrisations"
'''

if __name__ == "__main__":
    main()
