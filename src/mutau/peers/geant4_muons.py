"""The same muons behind the 40 X0 calorimeter of NA64mu in Geant4 and in ours: losses and angles.

Geant4 has the plates one by one, ours their mixture, as in the full simulation; rare losses are
compared in the mixture in both, where Geant4 is fast enough for them. Interactions of muons with
nuclei are in both (`G4EmExtraPhysics`, those of real photons off, hadrons not followed: that needs
no data sets). Geant4 makes electron pairs in Born approximation, ours with the Coulomb correction:
rows that this decides are not judged, and the mean loss is laid beside Geant4's a second time with
Born pairs in both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.random import stream
from mutau.core.units import PB_CM2
from mutau.detector.simulation import simulate_beam
from mutau.experiment import load_experiment
from mutau.experiment.loader import from_document
from mutau.experiment.schema import Experiment
from mutau.matter import material
from mutau.matter.materials import Material
from mutau.matter.multiple_scattering import scatter
from mutau.matter.muon_cross_sections import moment
from mutau.matter.muon_energy_loss import hard_knock_on
from mutau.peers import Compared, Progress, mean_and_error
from mutau.peers.geant4_jobs import Geant4Job, run_geant4
from mutau.transport.beam import BeamMuons

Array = NDArray[np.float64]

#: Muons at effort 1: ours, theirs in plates, with point nuclei, and in the mixture.
MUONS: Final = (1_200_000, 30_000, 10_000, 400_000)
#: Kinetic energy from which Geant4 makes secondaries, GeV.
PRODUCTION: Final = 1e-3
#: Losses above which muons are counted, GeV.
LOSSES: Final = (1.0, 5.0, 20.0, 80.0)
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
ANGLES: Final = (0.5, 0.9, 0.98, 0.999)
POINT_ANGLES: Final = (0.5, 0.9, 0.98)
#: Single losses above this are compared by process, GeV.
HARD: Final = 1.0
#: Loss (GeV) above which pairs are few, and the differences of physics that are allowed for:
#: Born pairs there and nuclear cross sections (Borog and Petrukhin; ours Bezrukov and Bugaev,
#: known to 10 %); of the mean, energies on the way and cross sections of nuclei.
FEW_PAIRS: Final = 20.0
RARE: Final = 0.05
MEAN: Final = 5e-3
ANGLE: Final = 0.01
_POINT: Final = "/process/em/setNuclearFormFactor None"
_PIECE: Final = 20_000
#: Muons scattered by ours without losses, at most.
_SCATTERED: Final = 150_000


def target(name: str = "na64mu") -> tuple[Material, float, float]:
    """Material, length (cm) and beam energy (GeV) of an experiment's target, in whole periods."""
    experiment = load_experiment(name)
    item = material(experiment.target.material)
    length = experiment.target.thickness.cm(item.radiation_length_cm)
    period = sum(thickness for _, thickness in item.layers) or length
    return item, round(length / period) * period, experiment.beam.energy


def _alone(item: Material, length: float, energy: float) -> Experiment:
    """An experiment of nothing but the target."""
    why = {"because": "the target alone"}
    return from_document(
        {
            "schema": 1,
            "name": "target",
            "source": "cross-check",
            "beam": {"particle": "mu-", "energy": f"{energy!r} GeV", "particles": 1.0} | why,
            "target": {"material": item.name, "thickness": f"{length!r} cm", "z": "1 m",
                       "active": True} | why,
        },
        "target",
    )  # fmt: skip


def our_muons(
    n: int, seed: int, item: Material, length: float, energy: float
) -> tuple[Array, Array]:
    """Losses (GeV, (n,)) and projected angles (rad) of muons behind the target by the full
    simulation. Muons that stop lose all they have."""
    alone = _alone(item, length, energy)
    losses, angles = [], []
    for piece, start in enumerate(range(0, n, _PIECE)):
        m = min(_PIECE, n - start)
        zero = np.zeros(m)
        p = np.full(m, np.sqrt(energy**2 - M_MU**2))
        beam = BeamMuons(zero, zero.copy(), zero.copy(), zero.copy(), p, np.ones(m), 0.0,
                         np.zeros(m, np.int64))  # fmt: skip
        hits = simulate_beam(alone, beam, stream(seed, piece))
        losses.append(energy - hits.p_out[:, 0])
        out = hits.p_out[:, 3] > 0.0
        angles.append(np.abs(hits.p_out[out, 1:3] / hits.p_out[out, 3:]).ravel())
    return np.concatenate(losses), np.concatenate(angles)


def coulomb_shift(item: Material, length: float, energy: float) -> float:
    """Mean loss (GeV) in the target by Born pairs less that by pairs with Coulomb correction.

    At the beam's energy: what a muon loses on its way (1 %) changes the difference by as much.
    """
    born, ours = (
        sum(
            density * PB_CM2 * float(moment("pair", 1, energy, e, coulomb=coulomb))
            for e, density in item.atoms_per_cm3
        )
        for coulomb in (False, True)
    )
    return (born - ours) * energy * length


def _quantile(values: Array, level: float) -> tuple[float, float]:
    """A quantile of (n,) values and its error, from the binomial spread of its rank."""
    n = len(values)
    spread = np.sqrt(level * (1.0 - level) / n)
    around = np.clip([level - spread, level + spread], 0.0, 1.0)
    low, middle, high = np.quantile(values, [around[0], level, around[1]])
    return float(middle), float(0.5 * (high - low))


def _fraction(chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """A fraction and its binomial error; with none, that of one event."""
    n = len(chosen)
    fraction = float(chosen.mean())
    at_least = max(fraction, 1.0 / n)
    return fraction, float(np.sqrt(at_least * (1.0 - at_least) / n))


def _hard(process: str, energy: float, item: Material, coulomb: bool = True) -> float:
    """Our collisions per cm that cost more than HARD."""
    if process == "knock-on":
        return float(hard_knock_on(energy, item, HARD)[0])
    return sum(
        density * PB_CM2 * float(moment(process, 0, energy, e, low=HARD / energy, coulomb=coulomb))
        for e, density in item.atoms_per_cm3
    )


def _rate_rows(item: Material, length: float, energy: float, answers: Array) -> list[Compared]:
    brems, pairs, knock_on = (float(answer) * length for answer in answers)

    def row(name: str, ours: float, theirs: float, tolerance: float, remark: str = "") -> Compared:
        text = f"{name} above {HARD:g} GeV in the target"
        return Compared(
            text, "per muon", ours * length, 0.0, theirs, 0.0, remark, tolerance, not remark
        )

    return [
        row("bremsstrahlung", _hard("bremsstrahlung", energy, item), brems, 5e-3),
        row("pairs", _hard("pair", energy, item), pairs, 0.0, "Geant4: Born approximation"),
        row("pairs in Born approximation", _hard("pair", energy, item, False), pairs, 1e-3),
        row("knock-on electrons", _hard("knock-on", energy, item), knock_on, 0.0,
            "Geant4: with radiative corrections"),
    ]  # fmt: skip


def _loss_rows(ours: Array, theirs: Array, rare: Array, shift: float) -> list[Compared]:
    """theirs : in plates. rare : in the mixture. shift : of our mean to Born pairs, GeV."""
    note = "Geant4: Born pairs"
    mean, error = mean_and_error(ours)
    beside = mean_and_error(rare)
    rows = [
        Compared("mean energy loss", "GeV", mean, error, *beside, note, judged=False),
        Compared("mean energy loss, Born pairs in both", "GeV", mean + shift, error, *beside,
                 "ours shifted by the difference of both cross sections", MEAN),
    ]  # fmt: skip
    rows += [
        Compared(f"energy loss, {level:.0%} lose less", "GeV", *_quantile(ours, level),
            *_quantile(theirs, level), note, judged=False)
        for level in QUANTILES
    ]  # fmt: skip
    rows += [
        Compared(f"fraction that loses more than {cut:g} GeV", "", *_fraction(ours > cut),
            *_fraction(rare > cut), note if cut < FEW_PAIRS else "", RARE, cut >= FEW_PAIRS)
        for cut in LOSSES
    ]  # fmt: skip
    return rows


def _angle_rows(
    levels: tuple[float, ...], text: str, ours: Array, theirs: Array, remark: str, judged: bool
) -> list[Compared]:
    """judged : with 1 % for the recoils of losses, which scattering alone does not have."""
    rows = []
    for level in levels:
        (a, a_error), (b, b_error) = _quantile(1e3 * ours, level), _quantile(1e3 * theirs, level)
        name = f"projected angle{text}, {level:.1%} lie below"
        rows.append(Compared(name, "mrad", a, a_error, b, b_error, remark, ANGLE, judged))
    return rows


def muon_job(
    n: int,
    seed: int,
    *,
    point: bool = False,
    plates: bool = True,
    production: float = PRODUCTION,
) -> Geant4Job:
    """Muons through the target; secondaries are not followed.

    point : nuclei without size. plates : one by one, or their homogeneous mixture. production :
    kinetic energy from which losses are drawn one by one, GeV.
    """
    item, length, energy = target()
    if not plates:
        item = replace(item, name=f"{item.name} mixture", layers=())
    return Geant4Job(
        "mu-", energy, n, item, length, production, watch_exit=True, secondaries=False,
        nuclear=True, seed=seed, key=(3, int(point), int(plates)),
        commands=(_POINT,) if point else (),
        questions=tuple(
            ("mu-", process, energy, HARD) for process in ("muBrems", "muPairProd", "muIoni")
        ),
    )  # fmt: skip


def _angles(leaving: Array) -> Array:
    """Projected angles of those that left, both planes."""
    out = leaving[leaving[:, 3] > 0.0]
    return np.abs(out[:, 1:3] / out[:, 3:4]).ravel()


def muon_rows(effort: float, seed: int, progress: Progress) -> list[Compared]:
    """Rates of single losses, losses and angles behind the target.

    effort : scales the numbers of muons. The nuclear size enters the angles: in Geant4 its squared
    form factor is 1/(1 + q^2 R^2/12)^2 with R = 1.27 A^0.27 fm, a mean square radius half as large
    as R^2; ours is Helm's with the measured radius. With point nuclei both are the same theory.
    """
    item, length, energy = target()
    n_ours, n_theirs, n_point, n_rare = (max(500, round(effort * n)) for n in MUONS)
    run = run_geant4(muon_job(n_theirs, seed), lambda done: progress(0.4 * done))
    point = run_geant4(muon_job(n_point, seed, point=True), lambda f: progress(0.4 + 0.2 * f))
    rare = run_geant4(muon_job(n_rare, seed, plates=False), lambda f: progress(0.6 + 0.2 * f))
    loss, angle = our_muons(n_ours, seed, item, length, energy)
    middle = np.sqrt(energy**2 - M_MU**2) - 0.5 * float(np.median(loss))
    alone = scatter(
        middle, item, np.full(min(n_ours, _SCATTERED), length), stream(seed, 0, 1), point=True
    )
    progress(1.0)
    rows = _rate_rows(item, length, energy, run.answers)
    rows += _loss_rows(
        loss, energy - run.leaving[:, 0], energy - rare.leaving[:, 0],
        coulomb_shift(item, length, energy),
    )  # fmt: skip
    rows += _angle_rows(ANGLES, "", angle, _angles(run.leaving), "Geant4: smaller nuclei", False)
    points = np.abs(alone[:, :2]).ravel()
    return rows + _angle_rows(
        POINT_ANGLES,
        ", point nuclei",
        points,
        _angles(point.leaving),
        "scattering alone in ours",
        True,
    )
