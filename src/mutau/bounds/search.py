"""What must be known of a search to recast its curve: what makes the boson, what is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mutau.core.errors import UnknownName

PRODUCTIONS: Final = ("electron", "muon", "tau")
FINALS: Final = ("invisible", "visible", "ee", "mumu", "tautau")
BRANCHINGS: Final = ("model", "one")


@dataclass(frozen=True, slots=True)
class Search:
    """What a recast must know of a search.

    production : the particle whose vector coupling makes the boson. final : the decay that is
    seen. branching : "model" (the publication's coupling includes the branching fraction of its
    model) or "one" (it took 1). because : why these.
    """

    production: str
    final: str
    branching: str = "model"
    because: str = ""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("production", PRODUCTIONS), ("final", FINALS), ("branching", BRANCHINGS),
        ):  # fmt: skip
            if getattr(self, name) not in allowed:
                raise UnknownName(f"{name} of a search", getattr(self, name), allowed)
