"""Weights of Les Houches event files of other programs, by IDWTUP (hep-ph/0109068, section 2).

A file of another program states no exposure. It is read at 1/pb: the sum of weights over its events
is its cross section in pb. What XWGTUP means, and where the cross section stands, IDWTUP says:

| IDWTUP | XWGTUP                    | cross section of a process       | weight at 1/pb          |
|--------|---------------------------|----------------------------------|-------------------------|
| +-1    | pb                        | mean of XWGTUP over its trials   | XWGTUP / N_i            |
| +-2    | relative within a process | XSECUP                           | XWGTUP XSECUP_i / sum_i |
| +-3    | +-1 (any common scale)    | sum of XSECUP over all processes | XWGTUP XSECUP / sum     |
| +-4    | pb                        | mean of XWGTUP over all trials   | XWGTUP / N              |

i: the process of the event (IDPRUP); N_i, sum_i: its trials and the sum of its XWGTUP. An event is
one trial, unless it says `trials` (Sherpa does: weighted events with IDWTUP 1, and how many points
of phase space each took).

XSECUP is needed for +-2 and +-3: a file that does not state it (0 or below) is refused. For +-1 and
+-4 it is not needed, but where it is stated it must agree with XWGTUP. Some programs write +-4 and
weights whose *sum* is the cross section (`event_norm = sum` of early MadGraph 5); where the sum
agrees with XSECUP and the mean does not, they are read so. A file that agrees with neither says two
things, and is refused.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from mutau.core.errors import FileError

Array = np.ndarray

#: What we write.
UNWEIGHTED, WEIGHTED = 3, -4
#: Standard errors that the mean of XWGTUP may be off XSECUP.
_ERRORS: Final = 5.0
#: Digits that a cross section is written with at least, as a relative error.
_DIGITS: Final = 1e-2


class LheProcess(NamedTuple):
    """One line of <init>. xsecup, xerrup : pb, 0 or below where not stated. lprup : its number."""

    xsecup: float
    xerrup: float
    lprup: int


class LheSample(NamedTuple):
    """What the events say, M of them. xwgtup, trials : (M,) float64. idprup : (M,) int64."""

    xwgtup: Array
    idprup: Array
    trials: Array

    @property
    def mean(self) -> float:
        """XWGTUP for each trial."""
        return float(self.xwgtup.sum() / self.trials.sum())

    def error(self, supposed: float = 0.0) -> float:
        """Standard error of the mean: trials without an event count as 0.

        supposed : one more event of this weight, to allow for what a small sample has not shown.
        """
        n = float(self.trials.sum()) + bool(supposed)
        first, second = float(self.xwgtup.sum()), float(np.sum(self.xwgtup**2))
        mean = (first + supposed) / n
        return math.sqrt(max(0.0, (second + supposed**2) / n - mean**2) / self.trials.sum())

    def part(self, rows: Array) -> LheSample:
        """Some of the events."""
        return LheSample(self.xwgtup[rows], self.idprup[rows], self.trials[rows])


def weights_of(
    path: Path, idwtup: int, processes: list[LheProcess], sample: LheSample
) -> tuple[Array, float, float]:
    """Weights at 1/pb (M,), the cross section of the file and its error, pb.

    Raises FileError, naming IDWTUP, XSECUP or XWGTUP, where they state no positive cross section or
    contradict each other.
    Limit: one process, all XWGTUP equal to XSECUP: each event has XSECUP / M, whatever IDWTUP.
    """
    for process in processes:
        if not (math.isfinite(process.xsecup) and math.isfinite(process.xerrup)):
            raise _refused(path, f"XSECUP {process.xsecup} +- {process.xerrup}")
    kind = abs(idwtup)
    if kind == 1:
        weight, error = _means(path, idwtup, processes, sample)
    elif kind == 2:
        weight, error = _shared(path, idwtup, processes, sample), _stated(processes)[1]
    elif kind == 3:
        weight, error = _unweighted(path, idwtup, processes, sample), _stated(processes)[1]
    elif kind == 4:
        weight, error = _weighted(path, idwtup, processes, sample)
    else:
        raise _refused(path, f"IDWTUP {idwtup}", allowed="1, 2, 3, 4 and their negatives")
    sigma = float(weight.sum())
    if not sigma > 0.0:
        raise _refused(path, f"XWGTUP of its events add up to {sigma:g}", allowed="a positive sum")
    return weight, sigma, error


def _refused(path: Path, what: str, *, allowed: str = "", remedy: str = "") -> FileError:
    return FileError(
        f"{str(path)!r}: {what}",
        allowed=allowed,
        remedy=remedy or "repair its <init> block",
    )


def _stated(processes: list[LheProcess]) -> tuple[float, float]:
    """Sum of XSECUP, pb, and its error; XERRUP below 0 is none."""
    sigma = math.fsum(process.xsecup for process in processes)
    return sigma, math.hypot(*(max(0.0, process.xerrup) for process in processes))


def _is_stated(process: LheProcess, idwtup: int) -> bool:
    """0 or -1 stand for no cross section; below 0 it can only be where weights can."""
    if idwtup > 0:
        return process.xsecup > 0.0
    return process.xsecup not in (0.0, -1.0)


def _require_stated(path: Path, idwtup: int, processes: list[LheProcess]) -> float:
    """Sum of XSECUP. Raises FileError if it is not stated."""
    for process in processes:
        if not _is_stated(process, idwtup) and (len(processes) == 1 or process.xsecup < 0.0):
            raise _refused(
                path,
                f"XSECUP {process.xsecup:g} of process {process.lprup} is not stated, "
                f"and with IDWTUP {idwtup} it alone has the cross section",
                remedy="put the cross section in pb into its <init> block",
            )
    sigma = _stated(processes)[0]
    if not sigma > 0.0:
        raise _refused(path, f"XSECUP adds up to {sigma:g} pb with IDWTUP {idwtup}")
    return sigma


def _of_processes(path: Path, processes: list[LheProcess], idprup: Array) -> Array:
    """Index of the process of each event, (M,). Raises FileError for one that is not listed."""
    listed = np.array([process.lprup for process in processes])
    if len(listed) == 1:
        return np.zeros(len(idprup), dtype=np.int64)
    if len(np.unique(listed)) < len(listed):
        raise _refused(path, "two processes have one LPRUP")
    order = np.argsort(listed)
    place = order[np.minimum(np.searchsorted(listed, idprup, sorter=order), len(listed) - 1)]
    strange = idprup[listed[place] != idprup]
    if len(strange):
        raise _refused(path, f"IDPRUP {strange[0]} of an event is no LPRUP of its <init> block")
    return place


def _doubt(sample: LheSample, idwtup: int) -> float:
    """Statistical error of the mean of XWGTUP, for its comparison with XSECUP.

    Where weights may be negative one more event of the other sign is supposed: ten events of weight
    1 do not say that the next one cannot be -1. A single event says nothing of its spread: 100 %.
    """
    if len(sample.xwgtup) == 1:
        return abs(sample.mean)
    return sample.error(-float(np.mean(np.abs(sample.xwgtup))) if idwtup < 0 else 0.0)


def _means(
    path: Path, idwtup: int, processes: list[LheProcess], sample: LheSample
) -> tuple[Array, float]:
    """IDWTUP +-1: each process has the mean of its XWGTUP."""
    place = _of_processes(path, processes, sample.idprup)
    trials = np.bincount(place, sample.trials, minlength=len(processes))
    parts = [sample.part(place == i) for i in np.unique(place)]
    doubt = math.hypot(*(_doubt(part, idwtup) for part in parts))
    _compare(path, processes, math.fsum(part.mean for part in parts), doubt)
    error = math.hypot(*(part.error() for part in parts))
    return sample.xwgtup / trials[place], max(error, _stated(processes)[1])


def _weighted(
    path: Path, idwtup: int, processes: list[LheProcess], sample: LheSample
) -> tuple[Array, float]:
    """IDWTUP +-4: the mean of XWGTUP, or their sum where XSECUP says so."""
    trials = float(sample.trials.sum())
    total = float(sample.xwgtup.sum())
    stated, given = _stated(processes)
    if trials > 1.0 and abs(total - stated) <= _DIGITS * stated < abs(sample.mean - stated):
        return sample.xwgtup, max(sample.error() * trials, given)
    _compare(path, processes, sample.mean, _doubt(sample, idwtup))
    return sample.xwgtup / trials, max(sample.error(), given)


def _compare(path: Path, processes: list[LheProcess], mean: float, error: float) -> None:
    """Raise FileError if XSECUP is stated and differs from the mean of XWGTUP."""
    stated, given = _stated(processes)
    if any(process.xsecup <= 0.0 for process in processes):
        return
    if abs(mean - stated) > _ERRORS * math.hypot(error, given) + _DIGITS * stated:
        raise _refused(
            path,
            f"XWGTUP averages to {mean:g} pb and XSECUP adds up to {stated:g} pb: which one holds?",
            remedy="if XWGTUP does, put -1 for XSECUP; if XSECUP does, put 3 for IDWTUP",
        )


def _shared(path: Path, idwtup: int, processes: list[LheProcess], sample: LheSample) -> Array:
    """IDWTUP +-2: the events of a process share its XSECUP."""
    _require_stated(path, idwtup, processes)
    place = _of_processes(path, processes, sample.idprup)
    total = np.bincount(place, sample.xwgtup, minlength=len(processes))
    n_events = np.bincount(place, minlength=len(processes))
    xsecup = np.array([process.xsecup for process in processes])
    for process, has, n in zip(processes, total, n_events, strict=True):
        if (process.xsecup or n) and not has * process.xsecup > 0.0:
            raise _refused(
                path,
                f"process {process.lprup} has XSECUP {process.xsecup:g} pb and {n} events whose "
                f"XWGTUP add up to {has:g}",
            )
    scale = np.divide(xsecup, total, out=np.zeros(len(total)), where=total != 0.0)
    return sample.xwgtup * scale[place]


def _unweighted(path: Path, idwtup: int, processes: list[LheProcess], sample: LheSample) -> Array:
    """IDWTUP +-3: all events share the sum of XSECUP."""
    sigma = _require_stated(path, idwtup, processes)
    total = float(sample.xwgtup.sum())
    if not total > 0.0:
        raise _refused(
            path, f"XWGTUP adds up to {total:g} and XSECUP to {sigma:g} pb", allowed="positive sums"
        )
    return sample.xwgtup * (sigma / total)
