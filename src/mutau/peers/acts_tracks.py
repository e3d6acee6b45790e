"""ACTS beside ours: Kalman fits of the same hits.

The Kalman filter of ACTS with its stepper, navigation and material, against `detector.tracking`,
in the same planes, scatterers and field. Energy loss is off in both (2.6 MeV of 160 GeV).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mutau.core.constants import M_MU
from mutau.core.errors import MutauError
from mutau.core.random import stream
from mutau.core.units import GEV_PER_T_CM
from mutau.detector.tracking import fit_tracks
from mutau.detector.tracking_geometry import Arm, ArmStep, build_arm
from mutau.experiment import load_experiment
from mutau.peers import Compared, Progress
from mutau.peers.acts_telescope import MM_PER_CM, Telescope, build_telescope, without_losses
from mutau.peers.muon_propagation import Muons, cross_dipole, drift_to_plane

Array = NDArray[np.float64]

#: Standard deviations of the first guess that ACTS must be given: mm, mm, rad, rad, and 100 % of
#: 1/p; a hundred times or more what the hits know, except 1/p (times 40).
PRIOR: Final = (10.0, 10.0, 1e-2, 1e-2, 1.0)
#: The same for states that are only carried on: each counts for a tenth of a mm or more at the end.
NARROW: Final = (0.1, 0.1, 1e-4, 1e-4, 0.03)
#: Variance of a hit that shall not count, mm^2.
_BLIND: Final = 1e12
#: Momenta of the comparison, GeV.
MOMENTA: Final = (160.0, 20.0)
#: Components of the state, as they are printed.
NAMES: Final = ("x", "y", "dx/dz", "dy/dz", "1/p")
UNITS: Final = ("um", "um", "urad", "urad", "1/TeV")
SCALES: Final = (1e4, 1e4, 1e6, 1e6, 1e3)
#: Tracks of one momentum at effort 1.
TRACKS: Final = 2000


@dataclass(frozen=True)
class ActsTracks:
    """N tracks fitted by ACTS, at the first plane and in our coordinates.

    state : (N, 5) x, y (cm), dx/dz, dy/dz, charge/momentum (1/GeV). covariance : (N, 5, 5).
    chi2 : (N,). seconds : processor time of the fits alone.
    """

    state: Array
    covariance: Array
    chi2: Array
    seconds: float


@dataclass(frozen=True)
class Guess:
    """N states at one plane: at (N, 2) cm, slope (N, 2), momentum (N,) GeV; charge +1 or -1."""

    at: Array
    slope: Array
    momentum: Array
    charge: float


def _muons(at: Array, slope: Array, momentum: Array, arm: Arm, z: float) -> Muons:
    along = momentum / np.sqrt(1.0 + np.sum(slope**2, axis=1))
    p4 = np.column_stack([np.hypot(momentum, M_MU), slope * along[:, None], along])
    x4 = np.column_stack([np.zeros(len(at)), at, np.full(len(at), z)])
    return Muons(x4, p4, np.full(len(at), arm.charge), np.ones(len(at), bool))


def _one_step(muons: Muons, step: ArmStep, z: float) -> Muons:
    """Over the length of one step of an arm, from z: a line, or the exact helix."""
    length = float(step.length)
    if step.curve != 0.0:
        tesla = float(step.curve) / GEV_PER_T_CM
        if step.axis == 0:
            return cross_dipole(muons, -tesla, z, length, "y")
        return cross_dipole(muons, tesla, z, length, "x")
    return drift_to_plane(muons, z + length) if length > 0.0 else muons


def throw_hits(arm: Arm, momentum: float, n: int, rng: np.random.Generator) -> Array:
    """Hits (N, P, 2), cm, of muons of the beam's charge with scattering and resolution.

    Straight lines, exact helices, and a Gaussian deflection at each scatterer of the arm.
    """
    slope = 1e-3 * rng.standard_normal((n, 2))
    z, speed = float(arm.z[0]), np.full(n, momentum)
    muons = _muons(rng.standard_normal((n, 2)), slope, speed, arm, z)
    at = np.zeros((n, len(arm.z), 2))
    at[:, 0] = muons.x4[:, 1:3]
    beta_p = momentum / np.hypot(1.0, M_MU / momentum)
    for step in arm.steps:
        muons, z = _one_step(muons, step, z), z + float(step.length)
        if step.plane >= 0:
            at[:, int(step.plane)] = muons.x4[:, 1:3]
        if step.power > 0.0:
            kink = np.sqrt(step.power) / beta_p * rng.standard_normal((n, 2))
            slope = muons.p4[:, 1:3] / muons.p4[:, 3:] + kink
            muons = _muons(muons.x4[:, 1:3], slope, speed, arm, z)
    return np.asarray(at + arm.resolution[:, None] * rng.standard_normal(at.shape))


def first_guess(arm: Arm, hits: Array) -> Guess:
    """State at the first plane by two hits at each end.

    The momentum is the bend of the whole field over the change of slope, between a hundredth and
    ten times that of the beam.
    """
    front = (hits[:, 1] - hits[:, 0]) / (arm.z[1] - arm.z[0])
    back = (hits[:, -1] - hits[:, -2]) / (arm.z[-1] - arm.z[-2])
    steps = arm.steps
    across = int(steps["axis"][np.argmax(np.abs(steps["curve"]))])
    bend = abs(float(np.sum(steps["curve"] * steps["length"])))
    change = np.abs(back - front)[:, across]
    momentum = bend / np.clip(change, bend / (10.0 * arm.energy), 100.0 * bend / arm.energy)
    return Guess(hits[:, 0], front, momentum, arm.charge)


class _Whiteboard:
    """One event of ACTS' framework: inputs go in by name, algorithms run, results come out."""

    def __init__(self) -> None:
        import acts
        from acts import examples

        class Hand(examples.IAlgorithm):
            def execute(self, context: Any) -> Any:
                return examples.ProcessCode.SUCCESS

        self.quiet = acts.logging.ERROR
        self.board = examples.WhiteBoard(self.quiet)
        self.context = examples.AlgorithmContext(0, 0, self.board, 0)
        self.hand = Hand("hand", self.quiet)

    def put(self, name: str, thing: Any) -> None:
        from acts.examples import WriteDataHandle

        handle = WriteDataHandle(self.hand, type(thing), name)
        handle.initialize(name)
        handle(self.context, thing)

    def get(self, name: str, kind: Any) -> Any:
        from acts.examples import ReadDataHandle

        handle = ReadDataHandle(self.hand, kind, name)
        handle.initialize(name)
        return handle(self.board)

    def run(self, algorithm: Any) -> float:
        """Processor time of one algorithm, s. Raises MutauError if it fails."""
        from acts.examples import ProcessCode

        begin = time.process_time()
        code = algorithm.internalExecute(self.context)
        spent = time.process_time() - begin
        if code != ProcessCode.SUCCESS:
            raise MutauError(f"ACTS' {algorithm.name()} failed: {code}")
        return spent


def _put_hits(event: _Whiteboard, telescope: Telescope, variance: Array, hits: Array) -> None:
    """Measurements of variance (P,), mm^2, and the list of those that belong to each track."""
    from acts import examples

    measured, tracks = examples.MeasurementContainer(), examples.ProtoTrackContainer()
    number = 0
    for row in MM_PER_CM * hits:
        track = examples.ProtoTrack()
        for target, (x, y), square in zip(telescope.planes, row, variance, strict=True):
            measured.emplaceMeasurement(target, [0, 1], [-y, x], [square, square])
            track.append(number)
            number += 1
        tracks.append(track)
    event.put("hits", measured)
    event.put("candidates", tracks)


def _put_guess(event: _Whiteboard, start: float, guess: Guess, prior: Sequence[float]) -> None:
    """First guesses at x = start (mm) with errors `prior`, the last relative."""
    import acts
    from acts import examples

    begin = MM_PER_CM * guess.at + start * guess.slope
    particles = examples.SimParticleContainer()
    kind = acts.PdgParticle.eMuon if guess.charge < 0 else acts.PdgParticle.eAntiMuon
    for i, slope in enumerate(guess.slope):
        code = examples.SimBarcode()
        code.vertexPrimary, code.particle = i + 1, 1
        particle = examples.SimParticle(code, kind)
        particle.fourPosition = acts.Vector4(start, *begin[i], 0.0)
        size = float(np.sqrt(1.0 + slope @ slope))
        particle.direction = acts.Vector3(1.0 / size, *(slope / size))
        particle.absoluteMomentum = float(guess.momentum[i])
        particles.insert(particle)
    event.put("particles", particles)
    taking = examples.ParticleTrackParamExtractor.Config()
    taking.inputParticles, taking.outputTrackParameters = "particles", "exact"
    event.run(examples.ParticleTrackParamExtractor(taking, event.quiet))
    smearing = examples.TrackParameterSmearing.Config()
    smearing.inputTrackParameters, smearing.outputTrackParameters = "exact", "start"
    smearing.randomNumbers = examples.RandomNumbers(seed=1)
    for name in dir(smearing):
        if name.startswith("sigma"):  # nothing is smeared: only errors are attached
            setattr(smearing, name, 0.0)
    smearing.initialSigmas = [*prior[:4], prior[4] / float(np.min(guess.momentum)), 1000.0]
    smearing.initialVarInflation = [1.0] * 6
    event.run(examples.TrackParameterSmearing(smearing, event.quiet))


def _kalman(telescope: Telescope) -> Any:
    import acts
    from acts import examples

    return examples.makeKalmanFitterFunction(
        trackingGeometry=telescope.geometry, magneticField=telescope.field,
        multipleScattering=True, energyLoss=False,
        reverseFilteringMomThreshold=0.0, reverseFilteringCovarianceScaling=1.0,
        freeToBoundCorrection=examples.FreeToBoundCorrection(False),
        chi2Cut=np.inf, useJosephFormulation=False, level=acts.logging.ERROR,
    )  # fmt: skip


def to_ours(parameters: Array, covariance: Array, drift: float) -> tuple[Array, Array]:
    """Bound parameters of ACTS on a plane across the beam as our state `drift` cm further on.

    parameters : (N, 6) loc0, loc1 (mm), phi, theta, q/p (1/GeV), time. covariance : (N, 6, 6).
    Returns state (N, 5) and covariance (N, 5, 5) in cm and slopes, carried on a straight line.
    """
    loc0, loc1, phi, theta, k = parameters.T[:5]
    tx, cot = np.tan(phi), 1.0 / np.tan(theta)
    ty = cot / np.cos(phi)
    jac = np.zeros((len(parameters), 5, 6))
    jac[:, 0, 1] = 1.0 / MM_PER_CM
    jac[:, 1, 0] = -1.0 / MM_PER_CM
    jac[:, 2, 2] = 1.0 + tx**2
    jac[:, 3, 2] = ty * tx
    jac[:, 3, 3] = -(1.0 + cot**2) / np.cos(phi)
    jac[:, :2] += drift * jac[:, 2:4]
    jac[:, 4, 4] = 1.0
    state = np.column_stack(
        [loc1 / MM_PER_CM + drift * tx, -loc0 / MM_PER_CM + drift * ty, tx, ty, k]
    )
    return state, jac @ covariance @ jac.transpose(0, 2, 1)


def _fitted(event: _Whiteboard, telescope: Telescope, n: int) -> tuple[Any, float]:
    """Run the Kalman filter; returns ACTS' tracks and the processor time, s."""
    import acts
    from acts import examples

    fitting = examples.TrackFittingAlgorithm.Config()
    fitting.inputMeasurements, fitting.inputProtoTracks = "hits", "candidates"
    fitting.inputInitialTrackParameters, fitting.outputTracks = "start", "tracks"
    fitting.fit, fitting.pickTrack = _kalman(telescope), -1
    fitting.calibrator = examples.makePassThroughCalibrator()
    fitting.referenceSurface = telescope.detector.getReferenceSurface(
        acts.Vector3(telescope.start, 0.0, 0.0), 2000.0, 2000.0
    )
    seconds = event.run(examples.TrackFittingAlgorithm(fitting, event.quiet))
    tracks = event.get("tracks", examples.ConstTrackContainer)
    if len(tracks) != n:
        raise MutauError(f"ACTS fitted {len(tracks)} of {n} tracks")
    return tracks, seconds


def fit_with_acts(telescope: Telescope, arm: Arm, hits: Array) -> ActsTracks:
    """Fit one track to each row of hits (N, P, 2), cm, by ACTS' Kalman filter and smoother.

    Raises MutauError if ACTS loses a track.
    """
    event = _Whiteboard()
    _put_hits(event, telescope, (MM_PER_CM * arm.resolution) ** 2, hits)
    _put_guess(event, telescope.start, first_guess(arm, hits), PRIOR)
    tracks, seconds = _fitted(event, telescope, len(hits))
    state, covariance = to_ours(
        np.array(tracks.parameters, float), np.array(tracks.covariance),
        -telescope.start / MM_PER_CM,
    )  # fmt: skip
    return ActsTracks(state, covariance, np.array(tracks.chi2, float), seconds)


def carried_by_acts(telescope: Telescope, arm: Arm, guess: Guess) -> tuple[Array, Array]:
    """States with errors NARROW carried from the start to the last plane by ACTS' stepper.

    Returns (N, 5) and (N, 5, 5) there, as `to_ours`: what the filter predicts with blind planes.
    """
    n = len(guess.momentum)
    event = _Whiteboard()
    _put_hits(event, telescope, np.full(len(arm.z), _BLIND), np.zeros((n, len(arm.z), 2)))
    _put_guess(event, telescope.start, guess, NARROW)
    tracks, _ = _fitted(event, telescope, n)
    last = [track.outermostTrackState for track in tracks]
    size = range(6)
    spread = [[[state.predictedCovariance[i, j] for j in size] for i in size] for state in last]
    return to_ours(np.array([list(state.predicted) for state in last]), np.array(spread), 0.0)


def carried_by_us(arm: Arm, guess: Guess, start: float) -> tuple[Array, Array]:
    """The same by `transport`, without scattering: x, y at the last plane and their covariance.

    start : mm, where the errors NARROW stand, the first plane being 0.
    Returns (N, 2) cm and (N, 2, 2), the derivatives by central differences; and adds the
    scattering of the arm's steps at the distance to the last plane.
    """
    lever = start / MM_PER_CM
    at_start = replace(guess, at=guess.at + lever * guess.slope)
    sigma = np.array([*(np.array(NARROW[:2]) / MM_PER_CM), *NARROW[2:]])
    there = _at_last(arm, at_start, np.zeros(5), lever)
    spread = np.zeros((len(there), 2, 2))
    for i in range(5):
        shift = np.zeros(5)
        shift[i] = sigma[i]
        change = _at_last(arm, at_start, shift, lever) - _at_last(arm, at_start, -shift, lever)
        spread += 0.25 * change[:, :, None] * change[:, None, :]
    beta_p = guess.momentum / np.hypot(1.0, M_MU / guess.momentum)
    to_go = np.sum(arm.steps["length"]) - np.cumsum(arm.steps["length"])
    width2 = float(np.sum(arm.steps["power"] * to_go**2))
    spread += (width2 / beta_p**2)[:, None, None] * np.eye(2)
    return there, spread


def _at_last(arm: Arm, guess: Guess, change: Array, lever: float) -> Array:
    """x, y (N, 2) at the last plane; change : of x, y, dx/dz, dy/dz, and relative of 1/p."""
    muons = _muons(
        guess.at + change[:2], guess.slope + change[2:4], guess.momentum / (1.0 + change[4]),
        arm, float(arm.z[0]) + lever,
    )  # fmt: skip
    muons = drift_to_plane(muons, float(arm.z[0]))
    z = float(arm.z[0])
    for step in arm.steps:
        muons, z = _one_step(muons, step, z), z + float(step.length)
    return np.asarray(muons.x4[:, 1:3])


def _row(
    quantity: str, unit: str, ours: float, theirs: float, error: float = 0.0, remark: str = ""
) -> Compared:
    return Compared(quantity, unit, float(ours), float(error), float(theirs), 0.0, remark)


def _fit_rows(telescope: Telescope, arm: Arm, momentum: float, n: int, seed: int) -> list[Compared]:
    """Rows of one momentum: identical hits, two fits."""
    hits = throw_hits(arm, momentum, n, stream(seed, int(momentum)))
    ours, theirs = fit_tracks(hits, None, arm, iterations=4), fit_with_acts(telescope, arm, hits)
    errors = [np.sqrt(np.diagonal(fit.covariance, axis1=1, axis2=2)) for fit in (ours, theirs)]
    pull = (ours.state - theirs.state) / errors[0]
    at, same = f"{momentum:g} GeV", "identical hits: 0 is perfect"
    mean, width = pull[:, 4].mean(), pull[:, 4].std()
    rows = [
        _row(f"(1/p - 1/p of ACTS)/sigma, mean, {at}", "", mean, 0.0, width / np.sqrt(n), same),
        _row(f"the same, width, {at}", "", width, 0.0, width / np.sqrt(2 * n), same),
    ]
    for i, name in enumerate(NAMES[:4]):
        worst = np.max(np.abs(pull[:, i]))
        rows.append(_row(f"largest difference in {name}/sigma, {at}", "", worst, 0.0))
    for i, (name, unit, scale) in enumerate(zip(NAMES, UNITS, SCALES, strict=True)):
        sizes = [scale * error[:, i].mean() for error in errors]
        rows.append(_row(f"sigma of {name}, mean, {at}", unit, sizes[0], sizes[1]))
    for i, j in ((0, 2), (2, 4)):
        mixed = [
            float(np.mean(covariance[:, i, j] / (error[:, i] * error[:, j])))
            for covariance, error in zip((ours.covariance, theirs.covariance), errors, strict=True)
        ]
        name = f"correlation of {NAMES[i]} and {NAMES[j]}, {at}"
        rows.append(_row(name, "", mixed[0], mixed[1]))
    remark = f"track by track {(ours.chi2 - theirs.chi2).std():.1e} rms"
    rows.append(_row(f"chi2, mean, {at}", "", ours.chi2.mean(), theirs.chi2.mean(), remark=remark))
    return rows


def _transport_rows(
    telescope: Telescope, arm: Arm, momentum: float, n: int, seed: int
) -> list[Compared]:
    """Rows of one momentum: the same states carried to the last plane, with their errors."""
    guess = first_guess(arm, throw_hits(arm, momentum, n, stream(seed, 1, int(momentum))))
    guess = replace(guess, momentum=np.full(n, momentum))
    ours, our_spread = carried_by_us(arm, guess, telescope.start)
    theirs, their_spread = carried_by_acts(telescope, arm, guess)
    at = f"{momentum:g} GeV"
    apart = 1e4 * np.sqrt(np.mean((ours - theirs[:, :2]) ** 2, axis=0))
    rows = [
        _row(f"{axis} at the last plane, rms difference, {at}", "um", apart[i], 0.0)
        for i, axis in enumerate("xy")
    ]
    for i, axis in enumerate("xy"):
        sizes = [1e4 * np.sqrt(c[:, i, i]).mean() for c in (our_spread, their_spread)]
        name = f"sigma of {axis} carried to the last plane, {at}"
        rows.append(_row(name, "um", sizes[0], sizes[1]))
    return rows


def rows_of(effort: float, seed: int, progress: Progress) -> Sequence[Compared]:
    """Rows of the cross-check `tracks`: NA64mu's spectrometer behind the target.

    effort : times TRACKS tracks of each of MOMENTA.
    """
    arm = without_losses(build_arm(load_experiment("na64mu")))
    telescope = build_telescope(arm)
    n = max(int(effort * TRACKS), 50)
    rows: list[Compared] = []
    for i, momentum in enumerate(MOMENTA):
        rows += _fit_rows(telescope, arm, momentum, n, seed)
        rows += _transport_rows(telescope, arm, momentum, min(n, 200), seed)
        progress((i + 1) / len(MOMENTA))
    return rows
