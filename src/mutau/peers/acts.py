"""ACTS beside ours: Kalman fits of the same hits. The work is in `acts_tracks`, loaded when run."""

from __future__ import annotations

from collections.abc import Sequence

from mutau.peers import CROSSCHECKS, Compared, Crosscheck, Progress


def compare_tracks(effort: float, seed: int, progress: Progress) -> Sequence[Compared]:
    """Rows of the cross-check `tracks`; see `acts_tracks.rows_of`."""
    from mutau.peers.acts_tracks import rows_of

    return rows_of(effort, seed, progress)


CROSSCHECKS.register("tracks")(
    Crosscheck(
        "ACTS", "acts", "track fits of NA64mu's spectrometer from identical hits", compare_tracks
    )
)
