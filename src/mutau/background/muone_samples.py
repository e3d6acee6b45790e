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
from mutau.core.errors import NotApplicable
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


def background_components(
    experiment: Experiment, wide: Cuts, n: int, seed: int, *key: int, keep: Sequence[Cut] = ()
) -> tuple[Component, ...]:
    """Samples of all sources, n events of each times `Sampled.times`.

    key : of the random streams. keep : events that fail one of these cuts are thrown away. A source
    that the file does not describe well enough is left out, as `not_computed` says of it.
    """
    found = []
    for source in SAMPLED.values():
        with suppress(NotApplicable):
            found.append(source.draw(experiment, wide, source.size(n), seed, *key, keep=keep))
    return tuple(found)
