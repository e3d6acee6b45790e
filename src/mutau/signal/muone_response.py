"""What the detector of a file measures of mu e -> mu e Z': planes, crystals, muon filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mutau.core.errors import MutauError
from mutau.detector.muone import Reconstructed
from mutau.detector.muone_downstream import Downstream
from mutau.detector.muone_flight import MuonFilter, OtherMuons, Response
from mutau.detector.muone_station import Station, StripPlane
from mutau.matter import material
from mutau.matter.muon_energy_loss import stopping_power_parts
from mutau.reactions.muon_electron import Cuts
from mutau.selection.requirements import places
from mutau.selection.variables import Sample

if TYPE_CHECKING:
    from mutau.experiment import Experiment
    from mutau.experiment.schema import Calorimeter
    from mutau.experiment.schema_counting import Cut

#: The detector's sample reaches this many resolutions beyond the cuts.
MARGIN: Final = 6.0
#: Radiation lengths behind which no electron's track is taken for a muon's.
STOPS: Final = 20.0
#: GeV that an electron may lose before the calorimeter, in soft photons and by ionisation, beside a
#: tenth of its energy; harder photons are seen.
RADIATED: Final = 2.0
#: Cut variables that need a stated resolution in [detector.resolution], and which.
_NEEDS: Final = {
    "muon_energy": "muon_momentum",
    "muon_energy_fraction": "muon_momentum",
    "missing_energy": "muon_momentum",
    "missing_mass2": "muon_momentum",
    "incoming_momentum": "incoming_momentum",
}
#: Cut variables of fitted lines, which need the planes.
_FITTED: Final = ("vertex", "kink")


def check_measurable(experiment: Experiment, cuts: Sequence[Cut] | None = None) -> None:
    """Refuse cuts (None: the file's) on a momentum, vertex or kink that nothing in it measures.

    Raises MutauError.
    """
    stated = experiment.detector.resolution
    for variable in _FITTED:
        for place in places(experiment.cuts if cuts is None else cuts, variable):
            if not experiment.detector.plane:
                raise MutauError(
                    f"nothing measures {variable!r}",
                    place=f"{experiment.name}: {place}/variable",
                    remedy="describe the planes behind a piece of the target, detector/plane",
                )
    for variable, need in _NEEDS.items():
        for place in places(experiment.cuts if cuts is None else cuts, variable):
            if not (stated and getattr(stated, need)):
                raise MutauError(
                    f"nothing measures {variable!r}",
                    place=f"{experiment.name}: {place}/variable",
                    remedy=f"give detector/resolution/{need}, for example '1 %'",
                )


def perfect_response() -> Response:
    """A detector that sees everything and measures all momenta."""
    return Response(ecal_z=1e5, ecal_width=1e12, ecal_height=1e12, muon_momentum=1e-12)


def response(experiment: Experiment) -> Response:
    """What the detector of the file measures. Raises MutauError without an `ecal`.

    The beam's momentum is known to `detector.resolution.incoming_momentum`, or else to its spread.
    """
    detector, beam, target = experiment.detector, experiment.beam, experiment.target
    ecal, medium = ecal_of(experiment), material(target.material)
    angles = detector.resolution
    row = downstream(experiment)
    return Response(
        ecal_z=ecal.z,
        ecal_width=ecal.width,
        ecal_height=ecal.height,
        ecal_stochastic=ecal.resolution,
        ecal_constant=ecal.resolution_constant,
        separation=ecal.separation,
        threshold=ecal.threshold,
        muon_angle=angles.muon_angle if angles else 0.0,
        electron_angle=angles.electron_angle if angles else 0.0,
        muon_momentum=angles.muon_momentum if angles else 0.0,
        incoming_momentum=(angles.incoming_momentum if angles else 0.0) or beam.energy_spread,
        spot=math.sqrt(0.5 * (beam.spot_x**2 + beam.spot_y**2)),
        divergence=math.sqrt(0.5 * (beam.divergence_x**2 + beam.divergence_y**2)),
        target=medium,
        thickness=target.thickness.cm(medium.radiation_length_cm),
        noise=ecal.noise,
        downstream=row,
        muon_filter=muon_filter(experiment),
        others=None if row is None else _others(experiment),
    )


def downstream(experiment: Experiment) -> Downstream | None:
    """The row of pieces and planes before the calorimeter; None where the file has no planes.

    Raises MutauError where the file states angles, too, or as `Station`.
    """
    detector, target = experiment.detector, experiment.target
    if not detector.plane:
        return None
    stated = detector.resolution
    for name in ("muon_angle", "electron_angle"):
        if stated and getattr(stated, name):
            raise MutauError(
                "is stated beside the planes that give it",
                place=f"{experiment.name}: detector/resolution/{name}",
                remedy="leave it out, or leave out detector/plane",
            )
    ecal, medium = ecal_of(experiment), material(target.material)
    planes = []
    for item in detector.plane:
        silicon = material(item.material)
        planes.append(
            StripPlane(
                item.z, item.view, item.pitch, silicon,
                item.thickness.cm(silicon.radiation_length_cm), item.efficiency,
            )
        )  # fmt: skip
    thickness = target.thickness.cm(medium.radiation_length_cm)
    planes.sort(key=lambda plane: plane.z)
    distance = target.pitch or planes[-1].z + thickness  # one piece: the planes before it
    station = Station(tuple(planes), distance, 0.5 * thickness, experiment.beam.energy)
    crystal = ecal.width / ecal.cells[0] if ecal.cells[0] > 1 else 0.0
    radius = 1.5 * crystal or ecal.separation * (ecal.z - target.z)
    return Downstream(
        station, medium, thickness, target.stations, target.z, ecal.z, radius
    )  # fmt: skip


def ecal_of(experiment: Experiment) -> Calorimeter:
    """The first calorimeter of kind `ecal`. Raises MutauError without one."""
    modules = [item for item in experiment.detector.calorimeter if item.kind == "ecal"]
    if not modules:
        raise MutauError(
            "no calorimeter of kind 'ecal'",
            place=f"{experiment.name}: detector/calorimeter",
            remedy="add one, or ask for true quantities",
        )
    return modules[0]


def muon_filter(experiment: Experiment) -> MuonFilter | None:
    """The last counter of role `trigger` behind absorbers that stand behind the calorimeter and
    stop an electron; None without."""
    behind = ecal_of(experiment).z
    walls = [item for item in experiment.detector.absorber if item.z > behind]

    def stops(z: float) -> bool:
        """Whether an electron is held before z."""
        depth = sum(
            item.length / material(item.material).radiation_length_cm
            for item in walls
            if item.z + item.length <= z
        )
        return depth >= STOPS

    counters = [
        item for item in experiment.detector.counter if item.role == "trigger" and stops(item.z)
    ]
    if not counters:
        return None
    last = max(counters, key=lambda item: item.z)
    return MuonFilter(last.z, *last.half_sizes)


def _others(experiment: Experiment) -> OtherMuons | None:
    """Muons of the gate, where the file states rate and gate; each leaves what it ionises."""
    beam, stated, ecal = experiment.beam, experiment.detector.resolution, ecal_of(experiment)
    gate = stated.gate if stated else 0.0
    if beam.per_spill is None or beam.spill is None or not gate:
        return None
    loss = stopping_power_parts(beam.energy, material(ecal.material)).ionisation
    return OtherMuons(beam.per_spill / beam.spill * gate, float(loss) * ecal.length)


def loosened(cuts: Cuts, measures: Response) -> Cuts:
    """Cuts on true quantities that lose nothing which the measured ones could still pass."""
    angle = MARGIN * (measures.muon_angle + 4e-5)  # 0.04 mrad: scattering in a station
    low, high = cuts.electron_energy_min, cuts.electron_energy_max
    if low > 0.0:
        low = max(low - MARGIN * float(measures.energy_sigma(low)), 0.1 * low)
    if math.isfinite(high):
        # the resolution grows with energy: find E with E - MARGIN sigma(E) = high
        top = high
        for _ in range(50):
            top = high + MARGIN * float(measures.energy_sigma(top))
            if not top < 1e3 * high:
                top = math.inf
                break
        high = top
    if measures.downstream is not None:
        angle += MARGIN * 2e-5  # of fitted lines
        high = 1.1 * high + RADIATED
    return replace(
        cuts,
        theta_mu_min=max(cuts.theta_mu_min - angle, 0.0),
        electron_energy_min=low,
        electron_energy_max=high,
        theta_e_max=math.pi,
    )


def as_sample(experiment: Experiment, measured: Reconstructed) -> Sample:
    """Measured events as cuts take them."""
    names = ("p_beam", "p_muon", "p_electron", "photon_energy", "vertex", "kink")
    given = {name: getattr(measured, name) for name in names}
    columns = {name: column for name, column in given.items() if column is not None}
    return Sample(experiment.beam.energy, measured.weight, columns)


def stations(experiment: Experiment) -> dict[str, Any]:
    """Arguments of `place_in_stations`, cm."""
    target = experiment.target
    medium = material(target.material)
    return {
        "stations": target.stations,
        "thickness": target.thickness.cm(medium.radiation_length_cm),
        "pitch": target.pitch,
        "z": target.z,
    }
