"""Millicharged particles by virtual photons: yields and limits of an experiment that sees vectors.

Whatever emits a vector boson of mass M with coupling e emits a virtual photon of that mass, which
turns into a pair of Dirac particles of charge epsilon e. Integrated over the pair, the rate is that
of the vector times the pair's spectral density, without approximation:

    N(m_chi) = int dM^2/M^2 (epsilon^2 alpha/3 pi) (1 + 2 r) sqrt(1 - 4 r) N_V(M)

from M = 2 m_chi on, with r = m_chi^2/M^2, N_V being the events of a vector that couples with e to
leptons and is not seen. So acceptance and cuts are those of the vector at each M. Left out: the
running of alpha in the virtual photon (1 to 2 %), Z exchange, both particles made by photons of
muon and nucleus (epsilon^4). Holds while the pair is not seen either: its ionisation, epsilon^2 of
that of muons, must stay below the thresholds of the calorimeters.
Source: S. N. Gninenko, D. V. Kirpichnikov, N. V. Krasnikov, Phys. Rev. D 100 (2019) 035003, the
search that the NA64mu paper names; the density is that of QED's vacuum polarisation, Im Pi/pi.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.analysis.settings import AS_STATED, Settings
from mutau.analysis.yields import expected_yields
from mutau.core.constants import ALPHA
from mutau.core.errors import OutOfRange
from mutau.core.types import Exclusion, provenance
from mutau.experiment import load_experiment
from mutau.models import DarkPhoton
from mutau.signal.processes import registered
from mutau.stats import upper_limit

if TYPE_CHECKING:
    from mutau.experiment import Experiment

Array = NDArray[np.float64]

#: Masses at which the events of a vector are computed; between them a line in logarithms.
NODES: Final = 17
_POINTS: Final = 800
#: A vector that decays to dark matter alone: epsilon at which its events are counted.
_EPSILON, _ALPHA_D = 1e-4, 0.1


def pair_density(mass_chi: float, virtual: ArrayLike) -> Array:
    """Spectral density of a photon's pairs of charge e, per ln M^2, dimensionless.

    mass_chi : GeV. virtual : mass M of the photon, array_like, GeV. Returns 0 below 2 m_chi.
    Check: alpha/3 pi for heavy photons.

    >>> f"{float(pair_density(1e-6, 1.0)):.4e}"
    '7.7427e-04'
    """
    r = (mass_chi / np.asarray(virtual, float)) ** 2
    root = np.sqrt(np.maximum(1.0 - 4.0 * r, 0.0))
    return np.asarray(ALPHA / (3.0 * np.pi) * (1.0 + 2.0 * r) * root)


def over_masses(
    mass_chi: float, events: Callable[[Array], Array], ends: tuple[float, float]
) -> float:
    """Events of pairs of charge e from those of a vector with coupling e.

    events : of masses (N,) GeV; ends : lowest and highest of them, GeV; what lies beyond is left
    out. Returns 0 where every pair is heavier than that.
    Check: constant events give the integral of `pair_density` over ln M^2.
    """
    low, high = max(2.0 * mass_chi, ends[0]), ends[1]
    if low >= high:
        return 0.0
    # u^2 between them: the density begins as a root
    u = np.linspace(0.0, 1.0, _POINTS)
    log = np.log(low) + u**2 * np.log(high / low)
    mass = np.exp(log)
    mass[0], mass[-1] = low, high
    slope = 4.0 * u * np.log(high / low)  # d ln M^2/du
    return float(np.trapezoid(pair_density(mass_chi, mass) * events(mass) * slope, u))


def vector_events(
    experiment: Experiment, settings: Settings = AS_STATED, nodes: int = NODES
) -> tuple[Callable[[Array], Array], tuple[float, float], float]:
    """Events of an unseen vector with coupling e over its mass, the range, and their error.

    Returns (function of masses (N,) GeV, (lowest, highest) mass in GeV, largest relative error).
    Linear in logarithms between `nodes` masses.
    """
    ends = registered(experiment).mass_range(experiment)
    masses = np.geomspace(*ends, nodes)
    found, errors = [], []
    for mass in masses:
        model = DarkPhoton(mass=float(mass), epsilon=_EPSILON, alpha_d=_ALPHA_D)
        seen = expected_yields(
            model, experiment, seed=settings.seed, n_events=settings.n_events,
            full_chain=settings.full_chain,
        )  # fmt: skip
        found.append(max(seen.total, 1e-300) / _EPSILON**2)
        errors.append(seen.total_err / max(seen.total, 1e-300))
    logs = np.log(np.array(found))

    def events(mass: Array) -> Array:
        return np.asarray(np.exp(np.interp(np.log(mass), np.log(masses), logs)))

    return events, (float(ends[0]), float(ends[1])), float(max(errors))


def millicharged_limit(
    experiment: Experiment | str, masses: Sequence[float], *, settings: Settings = AS_STATED
) -> Exclusion:
    """Upper limit on the charge (in units of e) of a Dirac particle made by virtual photons.

    experiment : what `load_experiment` gave, or takes. masses : of the particle, GeV; pairs of
    more than twice that mass are counted as far as the experiment's process answers for vectors.
    settings : seed, n_events, full_chain, cl and method.
    Returns Exclusion of model "millicharged", whose coupling is the charge; inf where no pair can
    be made. Raises OutOfRange for a mass that is not positive.
    Check: for a light particle the limit improves as 1/sqrt(ln m) only.
    """
    experiment = load_experiment(experiment)
    settings.refuse_unused(
        "millicharged particles", "cl", "method", "n_events", "full_chain", "seed"
    )
    grid = np.asarray(masses, float)
    if not np.all((grid > 0.0) & np.isfinite(grid)):
        raise OutOfRange("mass of a millicharged particle", allowed="(0, inf) GeV")
    events, ends, error = vector_events(experiment, settings)
    cl, method = settings.level_of([experiment]), settings.method_of([experiment])
    middle = DarkPhoton(mass=float(np.sqrt(ends[0] * ends[1])), epsilon=_EPSILON, alpha_d=_ALPHA_D)
    plain = expected_yields(middle, experiment, seed=settings.seed, n_events=settings.n_events)
    allowed = upper_limit(plain, cl=cl, method=method).events
    made = np.array([over_masses(float(mass), events, ends) for mass in grid])
    charge = np.sqrt(allowed / np.maximum(made, 1e-300))
    charge[made <= 0.0] = np.inf
    finite = np.where(np.isfinite(charge), charge, 0.0)
    return Exclusion(
        grid, charge, 0.5 * error * finite, cl, experiment.name, "millicharged", method,
        {
            **provenance(settings.seed, experiment=experiment.digest),
            "signal_events": allowed,
            "virtual_masses_GeV": list(ends),
            "left_out": "running of alpha, epsilon^4, what the pair ionises",
        },
    )  # fmt: skip
