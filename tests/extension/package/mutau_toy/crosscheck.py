"""A cross-check with SciPy's table of constants: its peer is always installed."""

from __future__ import annotations

from collections.abc import Sequence

from mutau.core.units import HBARC_GEV_CM
from mutau.peers import Compared, Crosscheck, Progress


def run(effort: float, seed: int, progress: Progress) -> Sequence[Compared]:
    """hbar c in GeV fm, ours beside that of hbar, c and e in SI units."""
    from scipy import constants

    theirs = constants.hbar * constants.c / constants.e * 1e-9 * 1e15
    progress(1.0)
    return [Compared("hbar c", "GeV fm", HBARC_GEV_CM * 1e13, 0.0, theirs, 0.0)]


CHECK = Crosscheck("SciPy", "scipy", "hbar c beside the CODATA table of SciPy", run)
