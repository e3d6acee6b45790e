"""Bosons of any charges, read from a file: B - L, L_e - L_mu, a scalar of the muon, and others.

A file of charges is TOML: `schema = 1`, `name`, `title`, `source`, and a table `charges` with the
charge of each fermion (e, mu, tau, nue, numu, nutau, u, d, s, c, b, t; what is absent is 0) in
units of the gauge coupling, L = -g X_a sum Q_f fbar gamma^a f, neutrinos left-handed only.
Optional `mixing_per_coupling`: the kinetic mixing over g, where the electron has no charge.

With `mediator = "scalar"`, "pseudoscalar" or "axial-vector" the boson is another
(`bosons_of_files`) and the table, which may then be called `couplings`, holds its couplings to
leptons and neutrinos in units of the model's; `proportional_to = "mass"` multiplies those of e, mu
and tau by m_l/m_mu.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Final, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutau.core.constants import E_CHARGE, M_MU, M_TAU
from mutau.core.errors import MOST_PROBLEMS, MutauError, OutOfRange, Problems, UnknownName
from mutau.core.reading import read_toml
from mutau.models.base import COUPLING_MAX, LEPTONS, REGISTRY, Array, LightBoson, check_lepton
from mutau.models.bosons_of_files import CHANNELS, OtherBoson
from mutau.models.dark_matter import USUAL_DARK_MATTER
from mutau.models.formulas import lepton_pair_width, neutrino_pair_width
from mutau.models.mediator import VECTOR, check_mediator
from mutau.models.mixing import finite_q2, loop_mixing
from mutau.models.vector import VectorModel

NEUTRINOS: Final = ("nue", "numu", "nutau")
QUARKS: Final = ("u", "d", "s", "c", "b", "t")
FERMIONS: Final = (*LEPTONS, *NEUTRINOS, *QUARKS)
CHARGE_MAX: Final = 10.0
PREFIX: Final = "charges:"
#: Files of `data/models`, each a model of its name.
BUNDLED: Final = (
    "b-l", "le-lmu", "scalar", "scalar-e", "scalar-mass", "pseudoscalar", "pseudoscalar-e",
    "pseudoscalar-mass", "axial-vector", "axial-vector-e",
)  # fmt: skip
_TEXTS: Final = ("name", "title", "source", "remark")
_KINDS: Final = ("vector", *CHANNELS)
#: e+e- -> hadrons over massless mu+mu- on the peaks of rho, omega, phi: 9 B_ee/alpha^2 with
#: B_ee = 4.72e-5, 7.38e-5, 2.98e-4 (PDG 2024), with the combination of quark charges in each
#: meson's current, and that combination for the photon.
_PEAKS: Final = (
    (8.0, "u", "d", -1.0, 1.0),
    (12.5, "u", "d", 1.0, 1 / 3),
    (50.4, "s", "", 0.0, -1 / 3),
)


@dataclass(frozen=True, slots=True)
class ChargeTable:
    """Charges of the fermions under one U(1), in units of its coupling; hashable.

    charges : (12,) in the order of FERMIONS. mixing : kinetic mixing over g where the electron
    has no charge and the loops do not give a finite one; None where not stated. mediator : what the
    boson is. by_mass : whether couplings of charged leptons go with their mass.
    """

    name: str
    charges: tuple[float, ...]
    title: str = ""
    source: str = ""
    mixing: float | None = None
    mediator: str = "vector"
    by_mass: bool = False

    def of(self, fermion: str) -> float:
        """Charge of one fermion. Raises UnknownName."""
        if fermion not in FERMIONS:
            raise UnknownName("fermion", fermion, FERMIONS)
        return self.charges[FERMIONS.index(fermion)]

    def to_dict(self) -> dict[str, Any]:
        """Plain texts and numbers; the inverse of `charge_table`."""
        table = {name: q for name, q in zip(FERMIONS, self.charges, strict=True) if q}
        extra: dict[str, Any] = {}
        if self.mixing is not None:
            extra["mixing_per_coupling"] = self.mixing
        if self.mediator != "vector":
            extra["mediator"] = self.mediator
        if self.by_mass:
            extra["proportional_to"] = "mass"
        return {
            "schema": 1, "name": self.name, "title": self.title, "source": self.source,
            "charges": table, **extra,
        }  # fmt: skip


def _check_table(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with a document of charges: (address, sentence) pairs."""
    wrong = list[tuple[str, str]]()
    known = ("schema", *_TEXTS, "charges", "mixing_per_coupling", "mediator", "proportional_to")
    wrong += _check_kind(document)
    for key, value in document.items():
        if key not in known:
            near = _nearest(key, known, wrong)
            wrong.append((key, "is unknown" + (f"; did you mean {near[0]!r}?" if near else "")))
        elif key == "schema" and value != 1:
            wrong.append((key, f"{value!r} is not known; this version reads 1"))
        elif key in _TEXTS and not isinstance(value, str):
            wrong.append((key, f"{value!r} is not a text"))
    wrong += [(key, "is missing") for key in ("schema", "name", "source") if key not in document]
    charges = document.get("charges")
    if not isinstance(charges, dict) or not charges:
        return [*wrong, ("charges", "is missing; write a table with for example e = 1.0")]
    numbers = {f"charges/{key}": value for key, value in charges.items()}
    if "mixing_per_coupling" in document:
        numbers["mixing_per_coupling"] = document["mixing_per_coupling"]
    for address, value in numbers.items():
        fermion = address.removeprefix("charges/")
        if address != fermion and fermion not in FERMIONS:
            near = _nearest(fermion, FERMIONS, wrong)
            hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(FERMIONS)
            wrong.append((address, f"is no fermion; {hint}"))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            wrong.append((address, f"{value!r} is not a number"))
        elif not (math.isfinite(value) and abs(value) <= CHARGE_MAX):
            wrong.append((address, f"{value!r} is not between -{CHARGE_MAX:g} and {CHARGE_MAX:g}"))
    if not wrong and not any(charges.values()):
        wrong.append(("charges", "are all zero"))
    return wrong


def _check_kind(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with the kind of the boson, and with keys that belong to one kind only."""
    kind, wrong = document.get("mediator", "vector"), list[tuple[str, str]]()
    if kind not in _KINDS:
        return [("mediator", f"{kind!r} is not one of {', '.join(_KINDS)}")]
    law = document.get("proportional_to")
    if law is not None and (law != "mass" or kind == "vector"):
        wrong.append(("proportional_to", f'{law!r}; write "mass", for a boson that is no vector'))
    if kind == "vector":
        return wrong
    if "mixing_per_coupling" in document:
        wrong.append(("mixing_per_coupling", f"a {kind} boson does not mix with the photon"))
    charges = document.get("charges")
    given = charges if isinstance(charges, dict) else {}
    wrong += [
        (f"charges/{name}", f"decays of a {kind} boson into hadrons are not computed; leave it out")
        for name in QUARKS
        if name in given
    ]
    return wrong


def _nearest(key: str, known: Sequence[str], wrong: Sequence[object]) -> list[str]:
    """The known name nearest to a key; none where enough problems are found to fill a message."""
    return [] if len(wrong) > MOST_PROBLEMS else difflib.get_close_matches(key, known, n=1)


def charge_table(document: Mapping[str, Any], where: str = "charges") -> ChargeTable:
    """Table from a document, checked whole. Raises Problems naming everything that is wrong."""
    if "couplings" in document and "charges" not in document:
        document = {**document, "charges": document["couplings"]}
        document.pop("couplings")
    wrong = _check_table(document)
    if wrong:
        raise Problems(where, wrong)
    charges = document["charges"]
    mixing = document.get("mixing_per_coupling")
    return ChargeTable(
        document["name"],
        tuple(float(charges.get(name, 0.0)) for name in FERMIONS),
        document.get("title", document["name"]),
        document["source"],
        None if mixing is None else float(mixing),
        document.get("mediator", "vector"),
        "proportional_to" in document,
    )


def load_charges(path: str | Path) -> ChargeTable:
    """Table of charges from a TOML file, or by the name of a bundled one (BUNDLED).

    Raises FileError for a file that cannot be read, Problems for what is wrong in it.
    """
    folder = files("mutau.data").joinpath("models")
    bundled = folder.joinpath(f"{path}.toml")
    source = bundled if "/" not in str(path) and bundled.is_file() else Path(path)
    remedy = f"give a TOML file with a table 'charges', or one of {', '.join(BUNDLED)}"
    return charge_table(read_toml(Path(str(source)), "charges", remedy), str(path))


class FromTable(LightBoson):
    """Saving and loading of the models made by `charges_class`; `table` holds the charges."""

    table: ClassVar[ChargeTable]

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        kind = (self.dark_matter,) if self.takes_dark_matter() else ()
        return _restore, (self.table, *self._values(), *kind)

    def to_dict(self) -> dict[str, Any]:
        """As for every model; a model from a user's file carries its charges along."""
        plain = LightBoson.to_dict(self)
        return plain if self.tag in REGISTRY else {**plain, "charges": self.table.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`; "charges", where present, decide the class."""
        plain = {key: value for key, value in values.items() if key != "charges"}
        made: type[FromTable] = cls
        if "charges" in values:
            made = charges_class(charge_table(values["charges"]))
        return cast(Self, super(FromTable, made).from_dict(plain))


class ChargedVector(FromTable, VectorModel):
    """Common part of the models made by `charges_class`; `table` holds the charges.

    Loops beside a tree-level charge of the electron are left out (relative g e/(6 pi^2) log).
    Where the electron has none, kinetic mixing is that of the muon and tau loops if those cancel
    in the ultraviolet (Q_mu + Q_tau = 0 and no quark charges), else what the file states.
    """

    mediator: ClassVar[str] = "vector"
    coupling_name: ClassVar[str] = "coupling"
    coupling_max: ClassVar[float] = COUPLING_MAX
    channels: ClassVar[tuple[str, ...]] = ("nunu", "ee", "mumu", "tautau", "chichi")
    invisible_channels: ClassVar[tuple[str, ...]] = ("nunu", "chichi")
    mixing_thresholds: ClassVar[tuple[float, ...]] = (4.0 * M_MU**2, 4.0 * M_TAU**2)

    __slots__ = ()

    def _visible_width(self, channel: str) -> float:
        if channel == "nunu":
            mass, coupling, _, _ = self._values()
            squared = sum(self.table.of(name) ** 2 for name in NEUTRINOS)
            return squared * float(neutrino_pair_width(coupling, mass))
        if channel == "ee" and not self.table.of("e") and not self.has_mixing():
            return 0.0
        return VectorModel._visible_width(self, channel)

    @property
    def width_total(self) -> float:
        """Total width, GeV: the sum over `channels`.

        Raises OutOfRange where decays into hadrons, which are left out, may exceed 0.1 %: with
        quark charges above two pion masses, unless other decays dominate. (pi0 gamma, open from
        135 MeV, is of order alpha/pi times (m/f_pi)^2/16 pi^2 of a lepton pair: below 1e-4.)
        """
        if not any(self.table.of(q) for q in QUARKS):
            return sum(self.widths.values())
        mass, coupling, _, _ = self._values()
        massless = float(lepton_pair_width(coupling, mass, 0.0))
        return self._width_with_hadrons_below(self._hadron_ceiling() * massless)

    def _hadron_ceiling(self) -> float:
        """Largest Gamma(hadrons) over g^2 m/(12 pi) below 3 GeV: meson peaks and 3 sum Q_q^2."""
        q = self.table.of
        peaks = [
            height * ((q(a) + (sign * q(b) if b else 0.0)) / photon) ** 2
            for height, a, b, sign, photon in _PEAKS
        ]
        return max(*peaks, 3.0 * sum(q(name) ** 2 for name in ("u", "d", "s")))

    @classmethod
    def has_mixing(cls) -> bool:
        """Whether the mixing that a chargeless electron sees is finite or stated."""
        q = cls.table.of
        cancels = q("mu") + q("tau") == 0.0 and not any(q(name) for name in QUARKS)
        return cancels or cls.table.mixing is not None

    def kinetic_mixing(self, q2: ArrayLike) -> NDArray[np.complex128]:
        """Mixing that gives the electron its coupling at q2 (array_like, GeV^2), complex.

        With a charge of the electron g |Q_e|/e at every q2; else that of the loops or the file.
        Raises OutOfRange where the loops diverge and the file states no mixing.
        """
        q2 = finite_q2(q2)
        _, coupling, _, _ = self._values()
        charge = self.table.of("e")
        if charge:
            return np.full(q2.shape, complex(coupling * abs(charge) / E_CHARGE))
        if self.table.mixing is not None:
            return np.full(q2.shape, complex(coupling * self.table.mixing))
        if self.has_mixing():
            return loop_mixing(q2, coupling * abs(self.table.of("mu")))
        raise OutOfRange(
            f"the loops that mix {self.title} with the photon diverge",
            remedy="state mixing_per_coupling in the file of charges",
        )

    def lepton_coupling(self, lepton: str) -> float:
        """g Q for "e", "mu", "tau"; e |Pi(m^2)| for an electron without charge; dimensionless."""
        check_lepton(lepton)
        if lepton == "e" and not self.table.of("e"):
            return E_CHARGE * self.epsilon_eff
        return self._values()[1] * self.table.of(lepton)

    @classmethod
    def _coupling_from_muon(cls, vector_coupling: Array) -> Array:
        charge = abs(cls.table.of("mu"))
        if not charge:
            raise MutauError(f"{cls.title} does not couple to muons: it moves no a_mu")
        return vector_coupling / charge


class ChargedBoson(FromTable, OtherBoson):
    """Common part of the models made by `charges_class` whose boson is no vector."""

    table: ClassVar[ChargeTable]

    __slots__ = ()


@cache
def charges_class(table: ChargeTable) -> type[ChargedVector]:
    """Model class of one table of charges; equal tables give the same class.

    Its instances are frozen dataclasses (mass, coupling, alpha_d = 0, mass_ratio = 3; of a vector
    also dark_matter), as those of every model; its tag is the table's name if bundled, else
    "charges:NAME".

    >>> f'{charges_class(load_charges("b-l")).at(0.1, 1e-4).branching("nunu"):.6f}'
    '0.600000'
    """
    bundled = files("mutau.data").joinpath("models", f"{table.name}.toml").is_file()
    vector = table.mediator == "vector"
    fields: list[Any] = [
        ("mass", float), ("coupling", float), ("alpha_d", float, 0.0), ("mass_ratio", float, 3.0),
    ]  # fmt: skip
    if vector:
        fields.append(("dark_matter", str, USUAL_DARK_MATTER))
    own: dict[str, Any] = {
        "neutrino_charges": tuple(table.of(name) for name in NEUTRINOS)
    } if vector else {
        "mediator": table.mediator, "channels": CHANNELS[table.mediator],
    }  # fmt: skip
    made = make_dataclass(
        "".join(part.capitalize() for part in re.split(r"\W+", table.name)) or "Charged",
        fields,
        bases=(ChargedVector,) if vector else (ChargedBoson,),
        namespace={
            "table": table,
            **own,
            "tag": table.name if bundled else f"{PREFIX}{table.name}",
            "title": table.title or table.name,
            "__doc__": f"{table.title or table.name}: charges of {table.source}.",
            "__module__": __name__,
        },
        frozen=True,
    )  # fmt: skip
    return cast(type[ChargedVector], made)


def _restore(table: ChargeTable, *values: Any) -> LightBoson:
    """What pickling calls: classes made at run time are found again by their table."""
    return charges_class(table).at(*values)


def neutrino_charges(cls: type[VectorModel]) -> tuple[float, float, float]:
    """Charges of nu_e, nu_mu, nu_tau in units of the model's coupling.

    Raises MutauError for a model that does not say, or whose boson is no vector.
    """
    check_mediator("the charge of neutrinos", VECTOR, cls)
    if cls.neutrino_charges is None:
        raise MutauError(f"model {cls.tag!r} does not say how neutrinos couple")
    return cls.neutrino_charges


for _name in BUNDLED:
    REGISTRY.register(_name)(charges_class(load_charges(_name)))
