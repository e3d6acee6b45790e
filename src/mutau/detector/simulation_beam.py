"""The beam where the set-up begins, and its momentum as measured by planes before the target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mutau.core.jit import njit
from mutau.detector.hits import Hits
from mutau.detector.readout import Readout
from mutau.experiment.schema import Experiment
from mutau.transport.beam import BeamMuons
from mutau.transport.orbits import Orbit, gap_step
from mutau.transport.pieces import DIPOLE
from mutau.transport.setup import Setup
from mutau.transport.walls import NEAR, line_ahead, within

Array = NDArray[np.float64]


def entrance(readout: Readout) -> float:
    """z (cm) at which the beam enters: 1 um before the first thing, so that all of it is seen."""
    return readout.start - 1e-4


def at_entrance(readout: Readout, beam: BeamMuons) -> BeamMuons:
    """Beam particles described at the target, traced back to where the set-up begins.

    Straight lines, and back through the gaps of dipoles before the target, without matter:
    what the particles lose and scatter on the way comes on top. They meet the target where the beam
    is described, whatever magnets stand before it.
    Check: without a dipole the straight line; through one, forward again to the same place.
    """
    pieces, start = readout.setup.pieces, entrance(readout)
    if not ((pieces["kind"] == DIPOLE) & (pieces["z"] < beam.z)).any():
        return beam.at(start)
    states = np.column_stack([beam.x, beam.y, beam.slope_x, beam.slope_y, beam.momentum])
    traced = _back(states, beam.z, start, readout.setup)
    x, y, slope_x, slope_y, momentum, there = traced.T.copy()
    return BeamMuons(x, y, slope_x, slope_y, momentum, beam.weight * there, start, beam.part)


@njit
def _back(states: Array, z_from: float, z_to: float, setup: Setup) -> Array:
    """(N, 6): x, y, slopes, momentum at z_to, and 1, or 0 for those that cannot come from there."""
    out, pieces = np.ones((states.shape[0], 6)), setup.pieces
    for i in range(states.shape[0]):
        x, y, tx, ty, p = states[i]
        z, ok = z_from, 1.0
        for r in range(pieces.size - 1, -1, -1):
            piece = pieces[r]
            low, high = piece.z, piece.z + piece.length
            if piece.kind != DIPOLE or high > z + 1e-9:
                continue  # no field, behind the start, or the sibling of a piece already crossed
            x, y, z = x - (z - high) * tx, y - (z - high) * ty, high
            while z > low + NEAR and ok > 0.0:
                step, _ = line_ahead(x, y, -tx, -ty, pieces, r, r + 1, z - low)
                if within(x - 0.5 * step * tx, y - 0.5 * step * ty, piece):
                    orbit = Orbit(x, y, z, tx, ty, p, 1.0)
                    done, ray = gap_step(orbit, piece, setup.field, low - z)
                    x, y, tx, ty, ok = ray
                    z += done
                else:  # the iron beside the gap has no field
                    x, y, z = x - step * tx, y - step * ty, z - step
        out[i, 0], out[i, 1] = x - (z - z_to) * tx, y - (z - z_to) * ty
        out[i, 2], out[i, 3], out[i, 4], out[i, 5] = tx, ty, p, ok
    return out


def measures_incoming(experiment: Experiment) -> bool:
    """Whether planes before the target measure the momentum: three or more around a dipole."""
    z = [tracker.z for tracker in experiment.detector.tracker if tracker.arm == "incoming"]
    return len(z) >= 3 and any(min(z) < m.z < max(z) for m in experiment.detector.magnet)


def smeared_momentum(experiment: Experiment, p_beam: Array, rng: np.random.Generator) -> Array:
    """Momentum (GeV, (N,)) that stations before the set-up measure, by the resolution of the file.

    p_beam : (N, 4) GeV at the entrance.
    """
    true = np.linalg.norm(p_beam[:, 1:], axis=1)
    resolution = experiment.detector.resolution
    sigma = resolution.incoming_momentum if resolution else 0.0
    return np.asarray(np.maximum(true * (1.0 + sigma * rng.standard_normal(len(true))), 0.0))


def with_measured_momentum(hits: Hits, experiment: Experiment) -> Hits:
    """The hits with the incoming momentum of the track before the target, 0 without a track.

    As they are where no planes around a dipole measure it.
    """
    if not measures_incoming(experiment):
        return hits
    from mutau.detector.tracking import fit_hits

    fit = fit_hits(hits, experiment, arm="incoming", max_removed=1)
    return replace(hits, incoming_momentum=np.where(fit.ok, fit.momentum, 0.0))
