"""Sentences of the NA64-e paper with something to compute that no number of its text holds."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mutau.bounds import BOUNDS, published_limit
from mutau.bounds.cosmology import neff, standard_neff
from mutau.core.constants import M_E, M_MU
from mutau.core.figure import Series
from mutau.core.types import Exclusion
from mutau.core.units import HBARC_GEV_CM
from mutau.detector.electron_srd import Bend, mean_loss, mean_photons
from mutau.experiment import load_experiment
from mutau.matter import material
from mutau.matter.hadrons import hadron
from mutau.models import LmuMinusLtau, loop_mixing
from mutau.models.muon_moment import vector_coupling_band
from mutau.report.na64e import PAPER_YEAR, largest_mixing
from mutau.report.rows import Ours
from mutau.report.runs import ROWS, LeftOut, Run

Array = np.ndarray

#: N_eff above the standard value at which the cosmology line of the paper's figure is drawn, and
#: what a limit of 2 sigma on it could be instead.
DELTA_NEFF: Final = 0.5
OTHER_DELTAS: Final = (0.2, 0.286)
#: Masses of the line, GeV: where the rise begins to where the bound ends.
COSMOLOGY_ENDS: Final = (1e-4, 3e-2)
#: The same where only the edge in the band is asked for.
NEAR_THE_EDGE: Final = (7e-3, 2.2e-2)
#: Computed bounds that the figure carries on below the first point of a table, by that table.
CARRIED_ON: Final = {"borexino-2011": "borexino-be7", "ccfr-1991": "ccfr-trident"}
LIGHTEST: Final = 1e-6


@ROWS.register("ee.pi.high")
def mixing_far_away(run: Run) -> Ours:
    """The mixing at (100 GeV)^2 over the largest."""
    largest, _ = run.of(largest_mixing)
    at = {q: float(np.abs(loop_mixing(q**2))) / largest for q in (1.0, 10.0, 100.0)}
    return Ours(at[100.0], words={"at": at})


@ROWS.register("ee.width")
def narrow(run: Run) -> Ours:
    """Largest width over mass of the vanilla case, at the largest coupling looked at."""
    point = LmuMinusLtau(mass=0.5, coupling=0.1)
    found = point.width_total / point.mass
    return Ours(found, words={"value": found, "width": 1e6 * point.width_total})


@ROWS.register("ee.coherence")
def coherence(run: Run) -> Ours:
    """Mass below which Z' and photon stay in phase for more than a radiation length of lead, keV.

    The phase between them grows as m^2 L/(2 E); E is the threshold of the signal, 50 GeV.
    """
    lead = material("lead")
    length, plasma = lead.radiation_length_cm, lead.plasma_energy
    mass = {e: 1e6 * math.sqrt(2.0 * e * HBARC_GEV_CM / length) for e in (50.0, 100.0)}
    at_kev = 2.0 * 50.0 * HBARC_GEV_CM / 1e-12
    words = {"half": mass[50.0], "full": mass[100.0], "plasma": plasma, "length": length,
             "path": at_kev}  # fmt: skip
    return Ours(mass[50.0], words=words)


@ROWS.register("ee.depth.ecal")
def ecal_depth(run: Run) -> Ours:
    """Radiation lengths of the target of the file."""
    target = load_experiment("na64e").target
    x0 = material(target.material).radiation_length_cm
    return Ours(target.thickness.cm(x0) / x0)


@ROWS.register("ee.depth.hcal")
def hcal_depth(run: Run) -> Ours:
    """Interaction lengths of the hadronic modules of the file together."""
    found = 0.0
    for item in load_experiment("na64e").detector.calorimeter:
        medium = material(item.material)
        found += item.length * medium.density / medium.nuclear_interaction_length
    return Ours(found)


@ROWS.register("ee.bend")
def bend(run: Run) -> Ours:
    """Deflection by the magnets, mrad, and what an electron radiates there."""
    experiment = load_experiment("na64e")
    up, energy = experiment.upstream, experiment.beam.energy
    if up is None or up.field_integral is None or up.length is None:
        raise LeftOut("the experiment file has no magnets before the hall")
    magnets = Bend(up.field_integral, up.length)
    angle = 1e3 * magnets.angle(energy)
    words = {"value": angle, "photons": mean_photons(energy, magnets),
             "loss": 1e3 * mean_loss(energy, magnets),
             "hadron": 1e3 * mean_loss(energy, magnets, hadron("pi-").mass)}  # fmt: skip
    return Ours(angle, words=words)


@ROWS.register("ee.spills")
def spills(run: Run) -> Ours:
    """Days of full spills for the exposure: two spills of 4.8 s in a minute (assumed)."""
    beam = load_experiment("na64e").beam
    count = float(beam.particles or 0.0) / float(beam.per_spill or 1.0)
    return Ours(count, words={"count": count, "days": count / (2.0 * 60.0 * 24.0)})


def from_the_muon_run(run: Run) -> dict[str, float]:
    """Lightest masses from which on the muon run excludes the band, MeV, by edge of it; 0: none."""
    curve = published_limit("na64mu-2022")
    mass = np.geomspace(*curve.mass_range, 801)
    limit = curve.coupling_at(mass)
    found = {}
    for name, sigma in (("lower 2σ edge", 2.0), ("centre", 0.0), ("upper 2σ edge", 2.0)):
        band = vector_coupling_band(mass, PAPER_YEAR, sigma)
        edge = band.upper if name.startswith("upper") else band.lower
        excluded = mass[limit < edge]
        found[name] = float(1e3 * excluded[0]) if len(excluded) else 0.0
    return found


@ROWS.register("ee.na64mu")
def muon_run(run: Run) -> Ours:
    """Where the published limit of the muon run meets the centre of the band, MeV."""
    edges = run.of(from_the_muon_run)
    return Ours(edges["centre"], words={"edges": edges})


@ROWS.register("ee.borexino (computed from 1 keV)")
def borexino_everywhere(run: Run) -> Ours:
    """The centre of the band over the computed Borexino limit, smallest from 1 keV to 2 MeV."""
    mass = np.geomspace(LIGHTEST, 2e-3, 31)
    ratio = (
        vector_coupling_band(mass, PAPER_YEAR, 0.0).lower / BOUNDS["borexino-be7"](mass).coupling
    )
    return Ours(float(ratio.min()), words={"ratio": float(ratio.min())})


def cosmology_line(run: Run) -> Exclusion:
    """What extra neutrinos exclude, computed here for an N_eff above the standard value."""
    quick = run.level.name not in ("default", "full")
    masses = np.geomspace(*COSMOLOGY_ENDS, 8 if quick else 20)
    return BOUNDS["bbn-neff"](masses, delta=DELTA_NEFF, tolerance=0.1 if quick else 1e-2)


@ROWS.register("ee.cosmology")
def cosmology(run: Run) -> Ours:
    """Mass up to which extra neutrinos exclude the centre of the band, computed here, MeV.

    N_eff falls with the mass along the band; the spread of the limits on it is the model error.
    """
    mass = np.geomspace(*NEAR_THE_EDGE, 9)
    centre = vector_coupling_band(mass, PAPER_YEAR, 0.0).lower
    extra = [neff(float(m), float(g)) - standard_neff() for m, g in zip(mass, centre, strict=True)]
    edges = {
        delta: float(1e3 * np.exp(np.interp(-delta, -np.array(extra), np.log(mass))))
        for delta in (DELTA_NEFF, *OTHER_DELTAS)
    }
    spread = 0.5 * (max(edges.values()) - min(edges.values()))
    return Ours(next(iter(edges.values())), model_err=spread, words={"edges": edges})


def cosmology_series(run: Run) -> Series:
    """The line of the paper's figure, from our own N_eff."""
    line = run.of(cosmology_line)
    seen = np.isfinite(line.coupling)
    return Series(
        f"cosmology, $\\Delta N_{{eff}}$ = {DELTA_NEFF:g} (computed here)",
        line.mass[seen], line.coupling[seen], err=line.numerical_err[seen], role="model",
        dotted=True, note="; ".join(line.meta.get("assumptions", ())),
        meta={"name": "bbn-neff", "cl": line.cl, "sources": ["Planck:2018", "Escudero:2019"]},
    )  # fmt: skip


def carried_on(name: str) -> Series:
    """A published curve's bound, computed here from 1 keV to where its table begins."""
    bound, first = BOUNDS[CARRIED_ON[name]], published_limit(name).mass_range[0]
    line = bound(np.geomspace(LIGHTEST, first, 25))
    return Series(
        f"{bound.title} here", line.mass, line.coupling, kind="region", role="published",
        dotted=True, note="; ".join(line.meta.get("assumptions", ())),
        meta={"name": bound.name, "same_as": name, "cl": line.cl, "sources": list(bound.source)},
    )  # fmt: skip


def positron_energy(mass: float) -> float:
    """Energy at which a positron meets an electron at rest on a resonance, GeV: m^2/2 m_e."""
    return (mass**2 - 2.0 * M_E**2) / (2.0 * M_E)


@ROWS.register("ee.peak")
def peak(run: Run) -> Ours:
    """Mass that the whole beam energy makes by annihilation, and that of the signal box, MeV."""
    energy = load_experiment("na64e").beam.energy
    mass = {e: 1e3 * math.sqrt(2.0 * M_E * e + 2.0 * M_E**2) for e in (energy / 2.0, energy)}
    words = {"half": mass[energy / 2.0], "full": mass[energy], "threshold": 2e3 * M_MU,
             "shown": positron_energy(0.225)}  # fmt: skip
    return Ours(mass[energy], words=words)
