"""What the command line prints of a finished simulation."""

from __future__ import annotations

from typing import Any

from mutau.core.types import provenance
from mutau.scan.simulate import SimulationResult, SimulationRun
from mutau.signal.simulate_results import beam_profile, cut_flow, trigger_efficiency, trigger_rate
from mutau.signal.usage import not_used


def simulation_to_dict(run: SimulationRun, result: SimulationResult) -> dict[str, Any]:
    """Beam behind the counters, trigger rate (or efficiency, for signal), cut flow, files."""
    experiment = run.load()
    profile = beam_profile(result.tally)
    rate, rate_err = trigger_rate(result.tally)
    fraction, fraction_err = trigger_efficiency(result.tally)
    return {
        "experiment": run.name,
        "beam_particles": run.n,
        "mass_GeV": run.mass,
        "kept_by_beam_counters": profile.kept,
        "sigma_x_cm": profile.sigma_x if profile.kept else None,
        "sigma_y_cm": profile.sigma_y if profile.kept else None,
        "trigger_per_beam_particle": rate,
        "trigger_per_beam_particle_err": rate_err,
        "trigger_per_particle_on_target": fraction,
        "trigger_per_particle_on_target_err": fraction_err,
        "cutflow": [
            {"cut": cut, "share": fraction, "share_err": err}
            for cut, fraction, err in cut_flow(result.tally, experiment)
        ],
        "not_used": not_used(experiment, "full chain"),
        "folder": str(result.folder),
        "files": [str(path) for path in result.files],
        **provenance(seed=run.seed, experiment=experiment.digest),
    }
