"""What every model of a light boson offers, and the registry of models."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Final, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import M_PI
from mutau.core.errors import MutauError, OutOfRange, UnknownName, require_in_range
from mutau.core.registry import Registry
from mutau.core.units import C_CM_S, HBARC_GEV_CM
from mutau.models.dark_matter import USUAL_DARK_MATTER, dark_matter
from mutau.models.muon_moment import CouplingBand

Array = NDArray[np.float64]

MASS_MIN: Final = 1e-9
MASS_MAX: Final = 1e3
#: Its square, times an energy, is still a number.
_UNDERFLOW = 1e-150
#: sqrt(4 pi): beyond it the loop expansion in the coupling loses its meaning.
COUPLING_MAX: Final = math.sqrt(4.0 * math.pi)
LEPTONS: Final = ("e", "mu", "tau")
#: Decays into hadrons are left out. Bounds on their width hold below the J/psi; GeV, fraction.
_BOUNDED_BELOW: Final = 3.0
_HADRONS_ALLOWED: Final = 1e-3


class Model(Protocol):
    """The interface that calculations may rely on, whatever the model.

    mediator : what the boson is, "vector" or for example "scalar"; a calculation says which it can
    do and refuses the others (`mediator.check_mediator`).
    """

    tag: ClassVar[str]
    mediator: ClassVar[str]
    coupling_name: ClassVar[str]
    coupling_max: ClassVar[float]
    channels: ClassVar[tuple[str, ...]]

    @property
    def mass(self) -> float:
        """Mass of the boson, GeV."""
        ...

    @property
    def coupling(self) -> float:
        """The coupling that a scan varies and a limit bounds."""
        ...

    @property
    def alpha_d(self) -> float:
        """Coupling to dark matter, g_D^2/(4 pi); 0 without a dark sector."""
        ...

    @property
    def mass_ratio(self) -> float:
        """Mass of the boson over mass of the dark matter particle."""
        ...

    @property
    def dark_matter(self) -> str:
        """Kind of the dark matter particle (`DARK_MATTER`); "" for one of the model's own."""
        ...

    @property
    def off_shell(self) -> bool:
        """Whether there is dark matter that the boson is too light to decay into."""
        ...

    @property
    def width_total(self) -> float:
        """Total width, GeV."""
        ...

    @property
    def branching_invisible(self) -> float:
        """Branching fraction into neutrinos and dark matter."""
        ...

    @property
    def epsilon_eff(self) -> float:
        """Effective kinetic mixing on the mass shell."""
        ...

    def width(self, channel: str) -> float:
        """Partial width, GeV."""
        ...

    def width_at(self, channel: str, masses: ArrayLike) -> Array:
        """Partial width of a boson of other masses, GeV."""
        ...

    def branching(self, channel: str) -> float:
        """Branching fraction of a channel."""
        ...

    def lepton_coupling(self, lepton: str) -> float:
        """Coupling to "e", "mu" or "tau", dimensionless, on the mass shell."""
        ...

    def kinetic_mixing(self, q2: ArrayLike) -> NDArray[np.complex128]:
        """Kinetic mixing at the squared momentum q2 (GeV^2), complex."""
        ...

    def delta_a_mu(self) -> float:
        """Contribution to the anomalous magnetic moment of the muon."""
        ...

    def invisible_strength(self, lepton: str) -> float:
        """`lepton_coupling` squared times `branching_invisible`."""
        ...

    def with_coupling(self, value: float) -> Self:
        """The same model with another coupling."""
        ...

    def moved(self, mass: float, coupling: float) -> Self:
        """The same model with another mass and coupling."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts from which `from_dict` builds the model again."""
        ...


def _no_model(item: object) -> str:
    """What is wrong with what another package gives as a model, "" for nothing."""
    wanted = [*Model.__annotations__, "title", "at"]
    lacks = [name for name in wanted if not hasattr(item, name)]
    if not isinstance(item, type):
        return f"is a {type(item).__name__}, not a class"
    return f"has no {', no '.join(lacks)}; derive it from mutau.models.LightBoson" if lacks else ""


REGISTRY: Final[Registry[Any]] = Registry(
    "model", "mutau.models", "'mutau show models' lists all", _no_model
)


def as_number(name: str, value: object) -> float:
    """`value` as a float. Raises MutauError for text, a truth value or another kind of thing."""
    if isinstance(value, bool | str | bytes) or np.ndim(value) != 0:  # type: ignore[arg-type]
        raise MutauError(f"{name} = {value!r} is not a number", place=name, allowed="one number")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise MutauError(
            f"{name} = {value!r} is not a number", place=name, allowed="one number"
        ) from None


def check_lepton(lepton: str) -> None:
    """Raise UnknownName unless `lepton` is "e", "mu" or "tau"."""
    if lepton not in LEPTONS:
        raise UnknownName("lepton", lepton, LEPTONS)


class LightBoson(ABC):
    """Common part of light bosons of any kind: numbers checked, saved, loaded; widths summed.

    Subclasses are frozen dataclasses with the fields mass, <coupling_name>, alpha_d, mass_ratio,
    and say in `mediator` what the boson is; alpha_d = 0 means that there is no dark sector, else
    chi has the mass `mass / mass_ratio`; up to mass_ratio = 2 the boson does not decay into it, and
    only processes that count bosons off their mass shell make it. Those with a fifth field,
    dark_matter, take the kind of chi by its name; without, it is the model's own affair.
    Couplings to vector currents: `vector.VectorModel`.
    """

    tag: ClassVar[str]
    mediator: ClassVar[str]
    title: ClassVar[str]
    coupling_name: ClassVar[str]
    coupling_max: ClassVar[float]
    channels: ClassVar[tuple[str, ...]]
    invisible_channels: ClassVar[tuple[str, ...]]
    dark_matter: Any = ""  # a field of the models that know several kinds

    __slots__ = ()

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            if item.name == "dark_matter":
                dark_matter(self.dark_matter)
                continue
            number = as_number(item.name, getattr(self, item.name))
            object.__setattr__(self, item.name, number)
        mass, coupling, alpha_d, mass_ratio = self._values()
        require_in_range(
            "mass", mass, MASS_MIN, MASS_MAX, unit="GeV",
            reason="neutrino masses below, electroweak mixing above",
        )  # fmt: skip
        require_in_range(
            self.coupling_name, coupling, 0.0, self.coupling_max,
            reason="positive and perturbative", open_low=True,
        )  # fmt: skip
        require_in_range("alpha_d", alpha_d, 0.0, 1.0, reason="perturbative dark sector")
        require_in_range("mass_ratio", mass_ratio, 0.0, np.inf, open_low=True)

    def _values(self) -> tuple[float, float, float, float]:
        """mass, coupling, alpha_d, mass_ratio in this order."""
        names = ("mass", self.coupling_name, "alpha_d", "mass_ratio")
        mass, coupling, alpha_d, mass_ratio = (getattr(self, name) for name in names)
        return mass, coupling, alpha_d, mass_ratio

    @classmethod
    def takes_dark_matter(cls) -> bool:
        """Whether the kind of dark matter can be chosen."""
        return any(item.name == "dark_matter" for item in fields(cls))  # type: ignore[arg-type]

    @classmethod
    def at(
        cls, mass: float, coupling: float, alpha_d: float = 0.0, mass_ratio: float = 3.0,
        dark_matter: str = USUAL_DARK_MATTER,
    ) -> Self:  # fmt: skip
        """Model from positional numbers, whatever its coupling is called. GeV, dimensionless.

        dark_matter : kind of the dark matter particle. Raises MutauError for another than the usual
        one where the model has a dark matter particle of its own.
        """
        if cls.takes_dark_matter():
            return cls(mass, coupling, alpha_d, mass_ratio, dark_matter)  # type: ignore[call-arg]
        if dark_matter != USUAL_DARK_MATTER:
            raise MutauError(
                f"model {cls.tag!r} has a dark matter particle of its own, not {dark_matter!r}",
                place="dark_matter", remedy="leave it out",
            )  # fmt: skip
        return cls(mass, coupling, alpha_d, mass_ratio)  # type: ignore[call-arg]

    @classmethod
    def example(cls) -> Self:
        """A typical point, for tests and documentation."""
        return cls.at(0.1, 1e-3)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts: model, mass_GeV, coupling, alpha_d, mass_ratio; dark_matter
        where there is some and the model knows several kinds."""
        mass, coupling, alpha_d, mass_ratio = self._values()
        kind = {"dark_matter": self.dark_matter} if self.dark_matter and alpha_d > 0.0 else {}
        return {
            "model": self.tag,
            "mass_GeV": mass,
            "coupling": coupling,
            "alpha_d": alpha_d,
            "mass_ratio": mass_ratio,
            **kind,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`. Raises UnknownName for unknown keys, MutauError for missing ones.

        alpha_d, mass_ratio and dark_matter may be absent; "model", where present, must be this
        model.
        """
        known = ("model", "mass_GeV", "coupling", "alpha_d", "mass_ratio", "dark_matter")
        for key in values:
            if key not in known:
                raise UnknownName("key of a model", key, known)
        for key in ("mass_GeV", "coupling"):
            if key not in values:
                raise MutauError(f"{key} is missing", place=f"model {cls.tag}")
        if values.get("model", cls.tag) != cls.tag:
            raise MutauError(f"model is {values['model']!r}, not {cls.tag!r}", place="model")
        return cls.at(
            values["mass_GeV"],
            values["coupling"],
            values.get("alpha_d", 0.0),
            values.get("mass_ratio", 3.0),
            values.get("dark_matter", USUAL_DARK_MATTER),
        )

    def with_coupling(self, value: float) -> Self:
        """The same model with another coupling; for scans."""
        return replace(self, **{self.coupling_name: value})  # type: ignore[type-var]

    def moved(self, mass: float, coupling: float) -> Self:
        """The same model with another mass (GeV) and coupling; for fits of both."""
        changed = {"mass": mass, self.coupling_name: coupling}
        return replace(self, **changed)  # type: ignore[type-var]

    @property
    def off_shell(self) -> bool:
        """Whether there is dark matter that the boson is too light to decay into."""
        _, _, alpha_d, mass_ratio = self._values()
        return alpha_d > 0.0 and mass_ratio <= 2.0

    @property
    def mass_chi(self) -> float:
        """Mass of the dark matter particle, GeV; raises MutauError without a dark sector."""
        mass, _, alpha_d, mass_ratio = self._values()
        if alpha_d == 0.0:
            raise MutauError("a model with alpha_d = 0 has no dark matter particle")
        return mass / mass_ratio

    @abstractmethod
    def _width_into(self, channel: str) -> float:
        """Width of one channel, GeV, 0 where it is closed; the channel is known to exist."""

    @abstractmethod
    def lepton_coupling(self, lepton: str) -> float:
        """Coupling to "e", "mu" or "tau" on the mass shell, dimensionless, with its sign."""

    @abstractmethod
    def delta_a_mu(self) -> float:
        """Contribution to the anomalous magnetic moment of the muon."""

    @classmethod
    def g_minus_2_band(cls, mass: ArrayLike, year: int, n_sigma: float = 2.0) -> CouplingBand:
        """Couplings that bring a_mu within `n_sigma` of a reference year; MutauError without."""
        raise MutauError(f"model {cls.tag!r} gives no band of (g-2)_mu", place="model")

    def width_at(self, channel: str, masses: ArrayLike) -> Array:
        """Partial width of a boson of other masses (array_like, GeV), dark matter kept; GeV."""
        m = np.asarray(masses, float)
        mass, _, _, mass_ratio = self._values()
        points = (
            replace(self, mass=float(x), mass_ratio=mass_ratio * float(x) / mass)  # type: ignore[type-var]
            for x in m.ravel()
        )
        return np.array([point.width(channel) for point in points]).reshape(m.shape)

    def width(self, channel: str) -> float:
        """Partial width of one of `channels`, GeV; 0 where the channel is closed.

        Raises UnknownName for a channel that the model lacks.
        """
        if channel not in self.channels:
            raise UnknownName(f"decay channel of {self.tag}", channel, self.channels)
        return self._width_into(channel)

    @property
    def widths(self) -> dict[str, float]:
        """Partial widths by channel, GeV."""
        return {channel: self.width(channel) for channel in self.channels}

    @property
    def width_total(self) -> float:
        """Total width, GeV: the sum over `channels`."""
        return sum(self.widths.values())

    def _width_with_hadrons_below(self, ceiling: float) -> float:
        """Sum over `channels`, GeV, of a boson whose decays into hadrons are left out.

        ceiling : upper bound on the width into hadrons below 3 GeV, GeV.
        Raises OutOfRange above two pion masses unless the hadrons stay below 0.1 %.
        """
        total, mass = sum(self.widths.values()), self._values()[0]
        if mass <= 2.0 * M_PI or (mass <= _BOUNDED_BELOW and ceiling <= _HADRONS_ALLOWED * total):
            return total
        raise OutOfRange(
            f"{self.title}: the total width at {mass:g} GeV may hold more than 0.1 % of "
            "decays into hadrons, which are left out",
            place="mass",
            allowed=f"mass <= {2.0 * M_PI:.4f} GeV, or a dark sector that dominates "
            f"the width up to {_BOUNDED_BELOW:g} GeV",
            remedy="partial widths are given at every mass",
        )

    def _decay_width(self) -> float:
        """Total width, GeV, where there is one.

        Raises OutOfRange if every channel is closed, or the coupling so small that it underflows.
        """
        total = self.width_total
        if not total > 0.0:
            coupling = self._values()[1]
            if 0.0 < coupling < _UNDERFLOW:
                raise OutOfRange(
                    f"{self.coupling_name} = {coupling:g}: the widths are below the smallest "
                    "number that is kept",
                    place=self.coupling_name,
                    allowed=f"0, or {_UNDERFLOW:g} and above",
                )
            raise OutOfRange(
                f"every decay channel of {self} is closed: no branchings, no lifetime",
                place="mass",
                allowed="a mass above the lowest threshold of " + ", ".join(self.channels),
            )
        return total

    def branching(self, channel: str) -> float:
        """Branching fraction of one of `channels`.

        Raises UnknownName for another channel, OutOfRange for a boson that does not decay.
        """
        return self.width(channel) / self._decay_width()

    @property
    def branching_invisible(self) -> float:
        """Branching fraction into neutrinos and dark matter together."""
        total = self._decay_width()
        return sum(self.width(channel) for channel in self.invisible_channels) / total

    def invisible_strength(self, lepton: str) -> float:
        """`lepton_coupling` squared times `branching_invisible`: what the rate of bosons that the
        lepton emits and nothing sees is proportional to."""
        return self.lepton_coupling(lepton) ** 2 * self.branching_invisible

    @property
    def ctau(self) -> float:
        """Mean decay length at unit boost (beta gamma = 1), cm: hbar c over the total width."""
        return HBARC_GEV_CM / self._decay_width()

    @property
    def lifetime(self) -> float:
        """Mean lifetime at rest, s."""
        return self.ctau / C_CM_S
