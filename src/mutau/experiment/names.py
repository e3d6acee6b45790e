"""Names that a file may use and that other sub-packages give a meaning to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mutau.core import plugins
from mutau.core.registry import Registry


class DeclaredProcess(Protocol):
    """What a file is checked against; what computes the process declares it (`signal`).

    beams : particles that can take it. meaning : one line. tables : tables of the file that only
    some processes use ("theory", "upstream") and this one does.
    """

    @property
    def beams(self) -> tuple[str, ...]:
        """Particles that can take the process."""
        ...

    @property
    def meaning(self) -> str:
        """One line."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of the file that only some processes use and this one does."""
        ...


@dataclass(frozen=True, slots=True)
class BundledProcess:
    """A process of this package as files name it; see `DeclaredProcess`."""

    beams: tuple[str, ...]
    meaning: str
    tables: tuple[str, ...] = ()


def undeclared(item: Any) -> str:
    """What is wrong with what another package gives as a process, "" for nothing."""
    lacks = [k for k in ("prepare", "generate", "beams", "meaning") if not getattr(item, k, None)]
    return f"declares no {' and no '.join(lacks)}; take mutau.signal.SignalProcess" if lacks else ""


#: name -> what it declares. Other packages add theirs in the group `mutau.processes`.
PROCESSES: Final[Registry[DeclaredProcess]] = Registry(
    "process", "mutau.processes", "'mutau show signals' lists all", undeclared
)
for _name, _beams, _meaning, _tables in (
    ("muon-brems", ("mu-", "mu+"), "mu N -> mu N Z' on the nuclei of a thick target", ()),
    (
        "muon-electron-zprime", ("mu-", "mu+"),
        "mu e -> mu e Z' on the target's electrons", (),
    ),
    (
        "electron-brems+annihilation", ("e-", "e+"),
        "e N -> e N Z' and e+ e- -> Z' within an electromagnetic cascade", ("theory", "upstream"),
    ),
):  # fmt: skip
    PROCESSES.register(_name)(BundledProcess(_beams, _meaning, _tables))

#: Where the file names no process, the beam decides.
DEFAULT_PROCESS: Final = {
    "mu-": "muon-brems",
    "mu+": "muon-brems",
    "e-": "electron-brems+annihilation",
    "e+": "electron-brems+annihilation",
}

#: Cross sections of e N -> e N Z', form factors of nuclei, and models of the motion of atomic
#: electrons, as the sub-package `reactions` and `matter` know them; the first is the default.
BREMS_METHODS: Final = ("exact", "iww-scaled", "iww", "ww")
FORM_FACTORS: Final = ("elastic", "elastic+inelastic", "unscreened", "point")
ELECTRON_MODELS: Final = ("virial", "rest", "hydrogenic", "hartree-fock", "compton")


@dataclass(frozen=True)
class Offered:
    """Names of this package, and those that other packages offer in a group; nothing is loaded."""

    own: tuple[str, ...]
    group: str

    def __iter__(self) -> Iterator[str]:
        return iter((*self.own, *(n for n in plugins.offered(self.group) if n not in self.own)))


#: Ways to set the limit; each is registered in the sub-package `stats`.
LIMIT_METHODS: Final = Offered(
    (
        "events",
        "bayes",
        "asymptotic",
        "asymptotic-cls",
        "toys",
        "toys-cls",
        "classical",
        "feldman-cousins",
        "hybrid-cls",
    ),
    "mutau.methods",
)
