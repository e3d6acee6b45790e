"""Tables that Geant4 reads before it runs, for machines without its data sets.

The package geant4-pybind holds the program without its data (gigabytes, downloaded apart). Standard
electromagnetic physics above some MeV needs little of it:

- radiation of electrons below 1 GeV (Seltzer and Berger): here from our own formula, so below 1 GeV
  the peer radiates as we do and above it by its own model;
- photoabsorption, Rayleigh scattering: nothing, as in ours; names of nuclear levels: none;
- for lists with hadrons: flat cross sections below the energies where Geant4 has formulas (nucleons
  below 20 MeV, photons on nuclei below 150 MeV); no levels of nuclei, so no lines of photons.

Where the environment names a directory with Geant4's own data, that is used instead.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from mutau.core.constants import ALPHA, M_E
from mutau.core.units import PB_CM2
from mutau.matter.elements import R_E_CM
from mutau.matter.em_processes import brems_row
from mutau.matter.em_processes_medium import medium
from mutau.matter.materials import Material

#: Environment variables by which Geant4 finds its data sets.
DATA_SETS: Final = (
    "G4ABLADATA", "G4CHANNELINGDATA", "G4DICHROICDATA", "G4ENSDFSTATEDATA", "G4INCLDATA",
    "G4LEDATA", "G4LENDDATA", "G4LEVELGAMMADATA", "G4NEUTRONHPDATA", "G4NEUTRONXSDATA",
    "G4NUDEXLIBDATA", "G4PARTICLEHPDATA", "G4PARTICLEXSDATA", "G4PIIDATA", "G4PROTONHPDATA",
    "G4RADIOACTIVEDATA", "G4REALSURFACEDATA", "G4SAIDXSDATA", "G4URRPTDATA",
)  # fmt: skip
#: What must lie in a directory for it to be the named data set (the two that are read).
_PROOF: Final = {"G4LEDATA": "brem_SB/br82", "G4ENSDFSTATEDATA": "ENSDFSTATE.dat"}
#: Grids of the radiation tables: photon energy over kinetic energy; ln(kinetic energy/MeV).
_FRACTION: Final = np.concatenate(
    [[1e-12], np.geomspace(1e-4, 0.05, 12), np.linspace(0.1, 1.0, 46)]
)
_LOG_T: Final = np.linspace(math.log(1e-3), math.log(1e4), 90)
_NOTHING: Final = "1e-3 1e5 2\n2\n1e-3 1e-30\n1e5 1e-30\n"
_NO_SHELLS: Final = "1 1 1e-3\n1e-4 1e-30 0 0 0 0 0\n"


def _radiation(row: Any) -> np.ndarray:
    """beta^2/Z^2 k dsigma/dk in mb on the grids, (len(_LOG_T), len(_FRACTION)); no suppression.

    row : an element of a medium (`em_processes`). Source: Tsai 1974, as `brems_row`.
    """
    out = np.zeros((len(_LOG_T), len(_FRACTION)))
    per_weight = ALPHA * R_E_CM**2 / PB_CM2 * 1e-9  # mb
    for j, log_t in enumerate(_LOG_T):
        kinetic = 1e-3 * math.exp(log_t)  # GeV
        energy = kinetic + M_E
        beta2 = kinetic * (kinetic + 2.0 * M_E) / energy**2
        for i, fraction in enumerate(_FRACTION):
            value = brems_row(energy, min(fraction, 1.0 - 1e-9) * kinetic, row, 0)
            out[j, i] = beta2 * max(value, 0.0) / row.weight * per_weight / row.z**2
    return out


def _write_radiation(path: Path, row: Any) -> None:
    lines = [f"0 {len(_FRACTION)} {len(_LOG_T)}"]
    lines += [" ".join(f"{x:.8g}" for x in grid) for grid in (_FRACTION, _LOG_T)]
    lines += [" ".join(f"{x:.6g}" for x in values) for values in _radiation(row)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def write_tables(folder: Path, materials: Iterable[Material]) -> None:
    """Write the stand-ins for the elements of `materials` below `folder` (an existing one)."""
    radiation, light, rayleigh = (
        folder / name for name in ("brem_SB", "epics2017/phot", "epics2017/rayl")
    )
    for place in (radiation, light, rayleigh):
        place.mkdir(parents=True)
    (folder / "ENSDFSTATE.dat").write_text("", encoding="ascii")
    done: set[int] = set()
    for item in materials:
        for row in medium(item).data.rows:
            z = int(row.z)
            if z in done:
                continue
            done.add(z)
            _write_radiation(radiation / f"br{z}", row)
            for name in ("pe-cs", "pe-ss-cs", "pe-le-cs"):
                (light / f"{name}-{z}.dat").write_text(_NOTHING, encoding="ascii")
            for name in ("pe-high", "pe-low"):
                (light / f"{name}-{z}.dat").write_text(_NO_SHELLS, encoding="ascii")
            (rayleigh / f"re-cs-{z}.dat").write_text(_NOTHING, encoding="ascii")


#: Projectiles of Geant4's element-wise tables with hadrons; their flat cross sections, mm^2, by the
#: beginning of a file's name, and the energy (MeV) up to which they reach.
_PROJECTILES: Final = ("neutron", "proton", "deuteron", "triton", "he3", "alpha", "gamma")
_FLAT: Final = {"inel": 1e-22, "el": 2e-22, "cap": 1e-25}
_REACH: Final = {"gamma": 150.0}
_FLAT_PHOTON: Final = 1e-26
_HEAVIEST: Final = 94


def write_hadron_tables(folder: Path) -> None:
    """Write the stand-ins that lists with hadrons ask for, of all elements, below `folder`."""
    for projectile in _PROJECTILES:
        place, high = folder / projectile, _REACH.get(projectile, 20.0)
        place.mkdir()
        for name, value in _FLAT.items():
            flat = _FLAT_PHOTON if projectile == "gamma" else value
            text = f"1e-9 {high} 2\n2\n1e-9 {flat}\n{high} {flat}\n"
            for z in range(1, _HEAVIEST + 1):
                (place / f"{name}{z}").write_text(text, encoding="ascii")


def data_environment(folder: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Where Geant4 finds each data set: the user's directory if it is one, else `folder`."""
    found = {}
    for name in DATA_SETS:
        own = environment.get(name, "")
        good = bool(own) and Path(own, _PROOF.get(name, "")).exists()
        found[name] = own if good else str(folder)
    return found


def own_data(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names Geant4's own low-energy data."""
    return data_environment(Path(), environment)["G4LEDATA"] != str(Path())
