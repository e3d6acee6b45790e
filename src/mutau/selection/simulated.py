"""From simulated hits to the quantities that cuts act on: tracks, energies, who is on target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.random import stream
from mutau.detector.hits import Hits
from mutau.matter import material
from mutau.matter.landau import most_probable
from mutau.selection.variables import Sample

if TYPE_CHECKING:
    from mutau.detector.tracking import TrackFit
    from mutau.experiment.schema import Experiment

Array = NDArray

#: Smallest probability of chi^2 of a track; outliers are removed until it is reached.
TRACK_P_VALUE: Final = 1e-3
#: Last key of the random stream that smears momenta where there is no spectrometer.
SMEARING: Final = 1


def on_target(hits: Hits, experiment: Experiment) -> Array:
    """(N,) bool: particles that count as on target: all trigger counters before it fired."""
    bits = before_bits(experiment)
    return np.asarray(hits.counters & bits == bits)


def before_bits(experiment: Experiment) -> int:
    """Bits of the trigger counters before the target."""
    return sum(
        1 << i
        for i, c in enumerate(experiment.detector.counter)
        if c.role == "trigger" and c.z <= experiment.target.z
    )


def _has_arm(experiment: Experiment) -> bool:
    trackers = [t for t in experiment.detector.tracker if t.arm == "outgoing"]
    return len(trackers) >= 3 and bool(experiment.detector.magnet)


def reconstruct(hits: Hits, experiment: Experiment) -> TrackFit | None:
    """Tracks of the outgoing arm, up to two outliers removed; None without a spectrometer."""
    from mutau.detector.tracking import fit_hits

    if not _has_arm(experiment):
        return None
    return fit_hits(hits, experiment, max_removed=2, p_value=TRACK_P_VALUE)


def _p_muon(hits: Hits, experiment: Experiment, fit: TrackFit | None) -> tuple[Array, Array]:
    """Reconstructed momentum of the scattered muon (N, 4), and the number of tracks (N,).

    Without a spectrometer: the true one, smeared by the resolution that the file states.
    Number of tracks: 0 without a track, else the largest number of hits in one plane. A track has
    hits in all planes but one (3 at least) and a probability of chi^2 above TRACK_P_VALUE; else
    one wrong hit (the muon's missing, a knock-on electron's there) makes any momentum.
    """
    if fit is None:
        resolution = experiment.detector.resolution
        sigma = resolution.muon_momentum if resolution else 0.0
        first = int(hits.event[0]) if len(hits) else 0
        rng = stream(hits.meta.get("seed") or 0, first, SMEARING)
        scale = np.maximum(1.0 + sigma * rng.standard_normal(len(hits)), 0.0)
        p_muon = hits.p_out * scale[:, None]
        return p_muon, (hits.p_out[:, 0] > 0.0).astype(float)
    direction = np.column_stack([fit.state[:, 2:4], np.ones(len(fit))])
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    energy = np.where(fit.ok, np.sqrt(fit.momentum**2 + M_MU**2), 0.0)
    p_muon = np.column_stack([energy, fit.momentum[:, None] * direction])
    outgoing = {t.name for t in experiment.detector.tracker if t.arm == "outgoing"}
    columns = [i for i, name in enumerate(hits.planes) if name in outgoing]
    most = hits.hits_per_plane()[:, columns].max(axis=1)
    most = np.where(
        hits.lost_extra > 0, np.maximum(most, 2), most
    )  # more hits than there was room for
    enough = fit.used.sum(axis=1) >= max(len(columns) - 1, 3)
    good = fit.ok & enough & (fit.p_value > TRACK_P_VALUE)
    return p_muon, np.where(good, most, 0).astype(float)


def sample_of(hits: Hits, experiment: Experiment, fit: TrackFit | None = None) -> Sample:
    """Reconstructed quantities of simulated events, for the cuts of the experiment.

    fit : tracks, or None to use truth with the resolution of the file. Weights are those of the
    hits where the particle is on target, 0 elsewhere.
    """
    p_muon, n_tracks = _p_muon(hits, experiment, fit)
    p = hits.incoming_momentum
    scale = p / np.maximum(np.linalg.norm(hits.p_beam[:, 1:], axis=1), 1e-9)
    p_beam = np.column_stack([np.sqrt(p**2 + M_MU**2), hits.p_beam[:, 1:] * scale[:, None]])
    energies = {
        "ecal": hits.energy[:, 0],
        "vhcal": np.zeros(len(hits)),
        "hcal": np.zeros(len(hits)),
    }
    for module in experiment.detector.calorimeter:
        if module.kind in energies:
            energies[module.kind] = energies[module.kind] + hits.module(module.name)
    return Sample(
        experiment.beam.energy,
        np.where(on_target(hits, experiment), hits.weight, 0.0),
        {
            "p_muon": p_muon,
            "p_beam": p_beam,
            "n_tracks": n_tracks,
            "trigger": hits.trigger,
            "hcal_mips": _mips(hits, experiment),
            **{f"{kind}_energy": values for kind, values in energies.items()},
        },
    )


def _mips(hits: Hits, experiment: Experiment) -> Array:
    """(N,) smallest of the HCAL modules' energies over the most probable deposit of one muon.

    0 without a module. One muon fluctuates up in one module, two leave twice as much in all.
    """
    smallest = np.full(len(hits), np.inf)
    for module in experiment.detector.calorimeter:
        if module.kind == "hcal":
            one = most_probable([(module.name, material(module.material), module.length)])
            smallest = np.minimum(smallest, hits.module(module.name) / one)
    return np.where(np.isfinite(smallest), smallest, 0.0)
