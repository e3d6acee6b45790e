"""All backgrounds of mu e -> mu e Z' that have a weighted sample, in the order of a table.

The optimiser of cuts and the mass spectrum draw them here, each as it is in `mutau background`.
Neutrino pairs are a cross section and have none: 1e-6 events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mutau.background.muone_coincidences import DECAYS, PILE_UP, SAMPLED_DECAYS, SAMPLED_PILE_UP
from mutau.background.muone_components import Component, Sampled
from mutau.background.muone_inelastic import INELASTIC, SAMPLED_INELASTIC
from mutau.background.muone_pairs import SAMPLED_PAIRS
from mutau.background.muone_photons import CONVERSIONS, SAMPLED_CONVERSIONS
from mutau.background.muone_pions import PIONS, SAMPLED_PIONS
from mutau.background.muone_sources import SAMPLED_ELASTIC
from mutau.background.muone_tails import SAMPLED_TAILS, TAILS
from mutau.core.errors import NotApplicable, UnknownName
from mutau.reactions.muon_electron import Cuts

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema_counting import Cut

SAMPLED: Final[Mapping[str, Sampled]] = MappingProxyType({
    INELASTIC: SAMPLED_INELASTIC,
    **SAMPLED_PAIRS,
    CONVERSIONS: SAMPLED_CONVERSIONS,
    **SAMPLED_ELASTIC,
    TAILS: SAMPLED_TAILS,
    PIONS: SAMPLED_PIONS,
    PILE_UP: SAMPLED_PILE_UP,
    DECAYS: SAMPLED_DECAYS,
})  # fmt: skip


#: Those in which a true electron is measured as it is: what is left of the list for a set-up that
#: identifies electrons and whose crystals hold hadrons.
WITH_ELECTRON: Final = (*SAMPLED_PAIRS, *SAMPLED_ELASTIC)


def checked_sources(sources: Sequence[str] | None) -> tuple[str, ...]:
    """Names of sources that count, all for None. Raises UnknownName."""
    for name in sources or ():
        if name not in SAMPLED:
            raise UnknownName("background source", name, SAMPLED, place="sources")
    return tuple(name for name in SAMPLED if sources is None or name in sources)


def background_components(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = (),
    sources: Sequence[str] | None = None,
) -> tuple[Component, ...]:  # fmt: skip
    """Samples of all sources, n events of each times `Sampled.times`.

    key : of the random streams. keep : events that fail one of these cuts are thrown away.
    sources : names of those that count; None for all. A source that the file does not describe
    well enough is left out, as `not_computed` says of it. Raises UnknownName.
    """
    found = []
    for name in checked_sources(sources):
        source = SAMPLED[name]
        with suppress(NotApplicable):
            found.append(source.draw(experiment, wide, source.size(n), seed, *key, keep=keep))
    return tuple(found)
