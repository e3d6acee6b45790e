"""Events of MESMER (muon on electron at NLO and beyond), read from its ASCII record of version 2.

Source: the program's STANDALONE.md, "Description of event format" (github.com/cm-cc/mesmer): a
header, events, a footer; three-momenta in GeV, cross sections in microbarn. The weights are scaled
to the cross section of the footer, so that weighted and unweighted files mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_E, M_MU
from mutau.core.errors import FileError

Array = NDArray[np.float64]

_MASSES: Final = {13: M_MU, 11: M_E, 22: 0.0}
_UB_PB: Final = 1e6
#: Lines of the header and footer after which a number stands.
_NUMBERS: Final = {
    "Nominal muon beam energy (GeV)": "energy",
    "If coefficients for VP reweighting are present (0/1)": "coefficients",
    "(sub-)sample weighted XS (mub)": "sigma",
}


@dataclass(frozen=True, slots=True)
class MesmerSample:
    """N events. energy : GeV, nominal. sigma_pb, sigma_err_pb : of the footer.

    beam : (N, 4) GeV, incoming muon. weight : (N,) pb, adding up to sigma_pb; may be negative.
    event : (P,) number of the event of each outgoing particle, pdg (P,), p4 (P, 4) GeV.
    """

    energy: float
    sigma_pb: float
    sigma_err_pb: float
    beam: Array
    weight: Array
    event: NDArray[np.int64]
    pdg: NDArray[np.int64]
    p4: Array


class _Lines:
    """The lines of a file with their numbers, blanks left out."""

    def __init__(self, path: Path) -> None:
        self.path, self.number = path, 0
        self._lines = self._read()

    def _read(self) -> Iterator[str]:
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                self.number = number
                if line.strip():
                    yield line.strip()

    def next(self, what: str) -> str:
        line = next(self._lines, None)
        if line is None:
            raise self.fault(f"the file ends before {what}", "let the run of MESMER finish")
        return line

    def numbers(self, n: int, what: str) -> list[float]:
        """n finite numbers of one line."""
        words = self.next(what).replace("D", "E").split()
        try:
            found = [float(word) for word in words]
        except ValueError:
            found = []
        if len(found) != n or not np.all(np.isfinite(found)):
            raise self.fault(f"{what}: {' '.join(words)[:80]!r}", f"{n} finite numbers")
        return found

    def fault(self, text: str, allowed: str) -> FileError:
        return FileError(text, place=f"{self.path}:{self.number}", allowed=allowed)


def read_mesmer(path: str | Path) -> MesmerSample:
    """The events of a file of MESMER. Events without weight are left out.

    Raises FileError, with the line, for a file that is missing, cut short, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"there is no file {str(path)!r}")
    lines = _Lines(path)
    if lines.next("the header") != "<header>":
        raise lines.fault("no header of MESMER", "a file that starts with <header>")
    known: dict[str, list[float]] = {}
    _numbers(lines, "</header>", known)
    wanted = {"energy", "coefficients"} - set(known)
    if wanted:
        raise lines.fault(
            f"the header lacks {', '.join(sorted(wanted))}", "the event record of version 2"
        )
    beams, weights, rows = list[list[float]](), list[float](), list[tuple[float, ...]]()
    while (line := lines.next("the footer")) != "<footer>":
        if line != "<event>":
            raise lines.fault(f"{line[:80]!r} between events", "<event> or <footer>")
        weight, beam, particles = _event(lines, bool(known["coefficients"][0]))
        if weight:
            rows += [(len(weights), *particle) for particle in particles]
            beams.append(beam)
            weights.append(weight)
    _numbers(lines, "</footer>", known)
    if "sigma" not in known or not weights or sum(weights) <= 0.0:
        raise lines.fault("no events with a cross section", "a finished run with store yes")
    sigma, error = (_UB_PB * value for value in known["sigma"])
    table = np.array(rows)
    event, pdg, momenta = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:]
    weight_ = np.array(weights)
    return MesmerSample(
        known["energy"][0], sigma, error, _on_shell(np.full(len(weight_), 13), np.array(beams)),
        weight_ * sigma / weight_.sum(), event, pdg, _on_shell(np.abs(pdg), momenta),
    )  # fmt: skip


def _numbers(lines: _Lines, end: str, known: dict[str, list[float]]) -> None:
    """Fill in what `_NUMBERS` names, up to the line `end`."""
    while (line := lines.next(end)) != end:
        for title, name in _NUMBERS.items():
            if " ".join(line.split()) == title:
                words = lines.next(name).replace("+-", " ").replace("D", "E").split()
                try:
                    known[name] = [float(word) for word in words]
                except ValueError:
                    raise lines.fault(f"{title}: {words[:3]}", "numbers") from None


def _event(lines: _Lines, coefficients: bool) -> tuple[float, list[float], list[tuple[float, ...]]]:
    """Weight with all vacuum polarisation, momentum of the beam, (pdg, px, py, pz) of the rest."""
    lines.numbers(1, "the seed")
    lines.numbers(1, "the event's number")
    count = int(lines.numbers(1, "the number of particles")[0])
    if not 2 <= count <= 6:
        raise lines.fault(f"{count} outgoing particles", "2 to 6")
    weight = lines.numbers(3, "the weights")[0]
    lines.numbers(2, "the weights of lower orders")
    if coefficients:
        lines.numbers(11, "the coefficients for reweighting")
    _, *beam = lines.numbers(4, "the incoming muon")
    particles = []
    for _ in range(count):
        particle = lines.numbers(4, "an outgoing particle")
        if abs(int(particle[0])) not in _MASSES:
            raise lines.fault(f"PDG code {particle[0]:g}", "11, 13, 22, and -11, -13")
        particles.append(tuple(particle))
    if lines.next("</event>") != "</event>":
        raise lines.fault("more lines than particles", "</event>")
    return weight, beam, particles


def _on_shell(kind: NDArray[np.int64], momenta: Array) -> Array:
    mass = np.array([_MASSES[int(k)] for k in kind])
    return np.column_stack([np.sqrt(np.sum(momenta**2, axis=1) + mass**2), momenta])
