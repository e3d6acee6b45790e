"""Sentences of the MUonE paper with something to compute that no number of its text holds."""

from __future__ import annotations

from typing import Final

import numpy as np

from mutau.bounds import BOUNDS, published_limit
from mutau.core.constants import E_CHARGE, M_E, M_MU
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.models import LmuMinusLtau, loop_mixing
from mutau.models.muon_moment import vector_coupling_band
from mutau.reactions.vacuum_polarization import hadron_loop
from mutau.report.muone import BENCHMARKS, PAPER_YEAR, beam_energy
from mutau.report.rows import Ours
from mutau.report.runs import ROWS, Run
from mutau.signal.exposure import particles_on_target

#: Published limits of the figure that have numbers, and the computed one.
LIMITS: Final = ("ccfr-1991", "borexino-2011", "babar4mu-2016")
#: Relative accuracy of the elastic rate that the programme aims at: 10 ppm (Letter of Intent,
#: CERN-SPSC-2019-026, sec. 2), and the model error of the hadronic loop.
ACCURACY: Final = 1e-5
HADRONS: Final = 0.05
#: Muons per second of the M2 beam at its highest intensity, averaged over the spill cycle of a year
#: with 2e7 s of beam: 1.3e7/s (the same Letter of Intent).
PER_SECOND, SECONDS_A_YEAR = 1.3e7, 2e7


def largest_transfer() -> float:
    """Largest Q^2 of elastic scattering at the beam's energy, GeV^2: lambda(s, m_mu^2, m_e^2)/s."""
    energy = beam_energy()
    s = M_MU**2 + M_E**2 + 2.0 * M_E * energy
    return float((s - (M_MU + M_E) ** 2) * (s - (M_MU - M_E) ** 2) / s)


def rate_shift(q2: np.ndarray, mass: float, coupling: float) -> np.ndarray:
    """Relative change of the elastic rate by one Z' with one loop to the electron, to first order.

    The amplitude of the photon is e^2/t, that of the Z' g' e |Pi(t)|/(t - m^2); both currents are
    the same, so the rate changes by twice their ratio. q2 : Q^2 = -t, (N,) GeV^2.
    Check: for a heavy Z' it grows as Q^2, for a massless one it is 2 g' |Pi|/e.
    """
    mixing = np.abs(loop_mixing(-q2))  # over the coupling
    return np.asarray(2.0 * coupling**2 * mixing / E_CHARGE * q2 / (q2 + mass**2))


@ROWS.register("me.elastic.hvp")
def beside_hadrons(run: Run) -> Ours:
    """The shift by the Z' over that by hadrons, largest of the benchmarks and of all Q^2."""
    q2 = np.geomspace(1e-3, 1.0, 61) * largest_transfer()
    hadrons = 2.0 * hadron_loop(q2)
    ratios = [rate_shift(q2, *point) / hadrons for point in BENCHMARKS]
    most = float(max(ratio.max() for ratio in ratios))
    words = {
        "most": most, "end": [float(ratio[-1]) for ratio in ratios],
        "shift": [float(rate_shift(q2, *point)[-1]) for point in BENCHMARKS],
        "hadrons": float(hadrons[-1]), "q2": largest_transfer(),
    }  # fmt: skip
    return Ours(most, model_err=HADRONS * most, words=words)


@ROWS.register("me.elastic.excluded")
def excluded_elsewhere(run: Run) -> Ours:
    """The coupling that moves the elastic rate by the accuracy aimed at, over published limits.

    Smallest over masses from 1 MeV to 1 GeV; of the limits the strongest at each.
    """
    mass = np.geomspace(1e-3, 1.0, 49)
    q2 = np.array([largest_transfer()])
    unit = np.array([float(rate_shift(q2, float(m), 1.0)[0]) for m in mass])
    needed = np.sqrt(ACCURACY / unit)
    curves = [published_limit(name).coupling_at(mass, "nan") for name in LIMITS]
    curves.append(BOUNDS["ccfr-trident"](mass).coupling)
    ratio = needed / np.nanmin(curves, axis=0)
    least = int(ratio.argmin())
    words = {
        "value": ratio[least],
        "mass": 1e3 * mass[least],
        "needed": needed[least],
        "light": needed[0],
    }
    return Ours(float(ratio[least]), words=words)


@ROWS.register("me.invisible")
def invisible(run: Run) -> Ours:
    """Branching into neutrinos just below 300 MeV, where muons are open."""
    at = {1e3 * m: LmuMinusLtau(mass=m, coupling=1e-3).branching("nunu") for m in (0.2, 0.25, 0.3)}
    return Ours(at[300.0], words={"at": at, "threshold": 2e3 * M_MU})


@ROWS.register("me.window")
def allowed_window(run: Run) -> Ours:
    """Lightest mass at which the lower edge of the 2 sigma band is not excluded, MeV."""
    mass = np.geomspace(1e-3, 1.0, 301)
    band = vector_coupling_band(mass, PAPER_YEAR, 2.0)
    curves = np.array([published_limit(name).coupling_at(mass, "nan") for name in LIMITS])
    limit = np.nanmin(curves, axis=0)
    free = mass[(band.lower < limit) & np.isfinite(limit)]
    first, last = (1e3 * free[0], 1e3 * free[-1]) if len(free) else (0.0, 0.0)
    return Ours(float(first), words={"first": first, "last": last})


@ROWS.register("me.luminosity")
def muons_needed(run: Run) -> Ours:
    """Years of beam for the luminosity of the paper."""
    muons = particles_on_target(load_experiment("muone"))
    years = muons / PER_SECOND / SECONDS_A_YEAR
    return Ours(
        years, words={"value": years, "muons": muons, "rate": PER_SECOND, "seconds": SECONDS_A_YEAR}
    )


@ROWS.register("me.depth")
def depth(run: Run) -> Ours:
    """Radiation lengths of all plates together: what an electron of the first one still crosses."""
    target = load_experiment("muone").target
    medium = material(target.material)
    one = target.thickness.cm(medium.radiation_length_cm) / medium.radiation_length_cm
    found = target.stations * one
    return Ours(found, words={"value": found, "one": one})
