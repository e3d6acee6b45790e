"""Cut variables as functions of a sample. Their names and dimensions stand in `experiment`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.errors import MutauError
from mutau.core.fourvectors import mass_squared, polar_angle
from mutau.core.registry import Registry
from mutau.detector import muone
from mutau.experiment import VARIABLES

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """N events as columns; true or reconstructed is the choice of whoever fills them.

    beam_energy : nominal, GeV.
    weights : (N,) float64, not negative.
    columns : name -> array. Four-momenta `p_muon`, `p_electron`, `p_beam` are (N, 4) in GeV with
        z along the incoming particle; what a detector measures directly is a column (N,) of the
        variable's own name (`hcal_energy`, …), GeV; `trigger` is bool.
    Raises MutauError for a wrong length or a value that is not finite.
    """

    beam_energy: float
    weights: Array
    columns: Mapping[str, NDArray]

    def __post_init__(self) -> None:
        n = len(self.weights)
        for name, column in {"weights": self.weights, **self.columns}.items():
            if len(column) != n or not np.all(np.isfinite(column)):
                raise MutauError(
                    f"column {name!r} of the sample", allowed=f"{n} rows of finite numbers"
                )
        if np.any(self.weights < 0.0):
            raise MutauError("weights of the sample are negative", allowed="0 and above")

    def column(self, name: str, variable: str) -> NDArray:
        """A column that `variable` needs. Raises MutauError if the sample does not have it."""
        if name not in self.columns:
            raise MutauError(
                f"the sample has no column {name!r}, which the cut on {variable!r} needs",
                allowed=", ".join(sorted(self.columns)),
                remedy="simulate that detector, or name the cut in `skip`",
            )
        return self.columns[name]


Function = Callable[[Sample], NDArray]
FUNCTIONS: Final[Registry[Function]] = Registry("cut variable")


#: What a detector gives as it is: the column of its own name.
for _name in (
    "trigger",
    "n_tracks",
    "photon_energy",
    "ecal_energy",
    "preshower_energy",
    "veto_energy",
    "vhcal_energy",
    "hcal_energy",
    "hcal_mips",
    "srd_energy",
    "n_upstream_hits",
    "shower_chi2",
    "vertex",
    "kink",
):
    FUNCTIONS.register(_name)(partial(Sample.column, name=_name, variable=_name))


@FUNCTIONS.register("muon_energy")
def muon_energy(sample: Sample) -> Array:
    """Energy of the scattered muon, GeV; 0 where there is none."""
    return np.asarray(sample.column("p_muon", "muon_energy")[:, 0])


@FUNCTIONS.register("muon_energy_fraction")
def muon_energy_fraction(sample: Sample) -> Array:
    """E'_mu over the nominal beam energy."""
    return muon_energy(sample) / sample.beam_energy


@FUNCTIONS.register("theta_mu")
def theta_mu(sample: Sample) -> Array:
    """Angle of the scattered muon to the incoming particle, rad."""
    return polar_angle(sample.column("p_muon", "theta_mu"))


@FUNCTIONS.register("incoming_momentum")
def incoming_momentum(sample: Sample) -> Array:
    """Momentum of the incoming particle, GeV."""
    p_beam = sample.column("p_beam", "incoming_momentum")
    return np.asarray(np.linalg.norm(p_beam[:, 1:], axis=1))


@FUNCTIONS.register("electron_energy")
def electron_energy(sample: Sample) -> Array:
    """Energy of the scattered electron, GeV."""
    return np.asarray(sample.column("p_electron", "electron_energy")[:, 0])


@FUNCTIONS.register("theta_e")
def theta_e(sample: Sample) -> Array:
    """Angle of the scattered electron to the incoming particle, rad."""
    return polar_angle(sample.column("p_electron", "theta_e"))


@FUNCTIONS.register("acoplanarity")
def acoplanarity(sample: Sample) -> Array:
    """pi minus the azimuth between muon and electron, in [0, pi], rad; 0 for elastic scattering."""
    muon = sample.column("p_muon", "acoplanarity")
    electron = sample.column("p_electron", "acoplanarity")
    cross = muon[:, 1] * electron[:, 2] - muon[:, 2] * electron[:, 1]
    along = muon[:, 1] * electron[:, 1] + muon[:, 2] * electron[:, 2]
    return np.asarray(np.arctan2(np.abs(cross), -along))


@FUNCTIONS.register("inelasticity")
def inelasticity(sample: Sample) -> Array:
    """(p_beam + p_e - p_electron)^2 - m_mu^2, GeV^2: from the electron alone, target at rest."""
    beam = sample.column("p_beam", "inelasticity")[:, 0]
    return muone.inelasticity(electron_energy(sample), theta_e(sample), beam)


def _missing(sample: Sample, name: str) -> Array:
    names = ("p_beam", "p_muon", "p_electron")
    return muone.missing_momentum(*(sample.column(column, name) for column in names))


@FUNCTIONS.register("missing_energy")
def missing_energy(sample: Sample) -> Array:
    """Energy of beam particle and target electron minus that of muon and electron, GeV."""
    return _missing(sample, "missing_energy")[:, 0]


@FUNCTIONS.register("missing_mass2")
def missing_mass2(sample: Sample) -> Array:
    """Square of the missing four-momentum, GeV^2; may be negative."""
    return mass_squared(_missing(sample, "missing_mass2"))


@FUNCTIONS.register("e_miss")
def e_miss(sample: Sample) -> Array:
    """Nominal beam energy minus the energy seen in the active target, GeV."""
    return np.asarray(sample.beam_energy - sample.column("ecal_energy", "e_miss"))


@FUNCTIONS.register("calorimeter_energy")
def calorimeter_energy(sample: Sample) -> Array:
    """E_CAL = E_ECAL + E_VHCAL + E_HCAL, GeV (NA64mu paper, fig. 5)."""
    names = ("ecal_energy", "vhcal_energy", "hcal_energy")
    total = np.zeros(len(sample.weights))
    for name in names:
        total += sample.column(name, "calorimeter_energy")
    return total


def evaluate(name: str, sample: Sample) -> NDArray:
    """Values of a variable, (N,), in internal units (bool for a condition).

    Raises UnknownName for a name that is not registered, MutauError for a missing column.
    """
    value = VARIABLES[name].value
    return np.asarray((value or FUNCTIONS[name])(sample))
