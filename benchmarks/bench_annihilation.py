"""Speed of resonant annihilation on moving atomic electrons. Peer: SciPy's quadrature."""

from __future__ import annotations

import numpy as np
import plain_annihilation
from measure import Row, against, agree, best, main, row

from mutau.core.errors import MissingExtra, UnknownName
from mutau.models import DarkPhoton, LmuMinusLtau
from mutau.reactions.annihilation import cross_section, folded
from mutau.reactions.annihilation_electrons import MODELS

ERRORS = {
    "rest": "1e-12", "virial": "1e-4", "hydrogenic": "1e-4", "hartree-fock": "1e-4",
    "compton": "1e-3",
}  # fmt: skip
MODEL = LmuMinusLtau(mass=0.225, coupling=0.03)
ENERGIES = np.linspace(20.0, 120.0, 2000)


def scipy_ms() -> float:
    """ms per energy of nested adaptive quadrature, hydrogen-like electrons."""
    few = np.array([20.0, 49.5, 60.0, 100.0])
    theirs = [plain_annihilation.cross_section(float(e), MODEL, "Pb") for e in few]
    agree("annihilation", cross_section(few, MODEL, electrons="hydrogenic"), theirs, rel=1e-4)
    return 250.0 * best(
        lambda: [plain_annihilation.cross_section(float(e), MODEL, "Pb") for e in few], 2
    )


def electrons_of_lead() -> list[Row]:
    """One row per model of the electrons that can be had."""
    found = []
    for electrons in MODELS:
        try:
            cross_section(ENERGIES[:2], MODEL, electrons=electrons)
        except (MissingExtra, UnknownName):  # an extra; orbitals of light atoms alone
            continue
        seconds = best(lambda kind=electrons: cross_section(ENERGIES, MODEL, electrons=kind))
        peer = against("SciPy quad", scipy_ms) if electrons == "hydrogenic" else {}
        name = f"annihilation on lead, electrons {electrons}"
        figure = 1e3 * seconds / len(ENERGIES)
        found.append(row(name, figure, "ms per energy", ERRORS[electrons], 0.2, **peer))
    return found


def diamond() -> Row:
    """Beam energies with spread."""
    photon, beam = DarkPhoton(mass=0.017, epsilon=1e-4), np.linspace(0.25, 0.32, 141)
    seconds = best(lambda: folded(beam, photon, spread=0.005, channel="all", element="C"))
    name = "diamond, 141 beam energies with spread, virial"
    return row(name, 1e3 * seconds, "ms", "1e-4", 200.0)


PARTS = (electrons_of_lead, diamond)

if __name__ == "__main__":
    main(PARTS)
