"""mutau: a light Z' boson from its Lagrangian to an exclusion plot, for fixed-target experiments.

Masses and energies are GeV, lengths cm, cross sections pb, angles rad. Import from here:
names load when first used, so `import mutau` needs NumPy only. Where a function takes an
experiment, its name, the path of its file, or what `load_experiment` and `replace` give will do.

>>> import mutau
>>> print(mutau.cross_section("muon-brems", 160.0, mutau.LmuMinusLtau(mass=0.1, coupling=1e-3)))
10341.3 ± 1.2 pb
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mutau._version import __version__

if TYPE_CHECKING:
    from mutau.analysis.cascade import cascade_result
    from mutau.analysis.citations import cited
    from mutau.analysis.combination import combined_limit, discovery_reach
    from mutau.analysis.contours import measured_contours
    from mutau.analysis.layout import setup_figure
    from mutau.analysis.likelihood import grid_likelihood
    from mutau.analysis.limit import limit_curve
    from mutau.analysis.millicharged import millicharged_limit
    from mutau.analysis.muone_mass import measure_result
    from mutau.analysis.optimise import optimise
    from mutau.analysis.plane import exclusion_plane
    from mutau.analysis.point import cross_section, model_summary
    from mutau.analysis.sensitivity import sensitivity
    from mutau.analysis.settings import Settings
    from mutau.analysis.show import check_result, show_result
    from mutau.analysis.yields import expected_yields
    from mutau.background.registry import background_result
    from mutau.bounds import published_limit
    from mutau.core.errors import MutauError
    from mutau.core.types import CrossSection, Events, Exclusion, Yields
    from mutau.experiment import load_experiment, replace
    from mutau.io.event_files import read_events, write_events
    from mutau.matter import material
    from mutau.models import DarkPhoton, Family, LmuMinusLtau, build_model
    from mutau.peers import crosscheck_result
    from mutau.report.exports import export
    from mutau.report.look import Look
    from mutau.report.published import publish_experiment
    from mutau.report.reproduction import reproduce
    from mutau.report.static import draw, write_figure
    from mutau.report.verification import verify_folder
    from mutau.scan.grid import load_grid
    from mutau.scan.points import run_scan
    from mutau.scan.simulate import run_simulation
    from mutau.signal.generate import generate_events
    from mutau.stats import upper_limit

_PUBLIC = {
    "CrossSection": "mutau.core.types",
    "DarkPhoton": "mutau.models",
    "Events": "mutau.core.types",
    "Exclusion": "mutau.core.types",
    "Family": "mutau.models",
    "LmuMinusLtau": "mutau.models",
    "Look": "mutau.report.look",
    "MutauError": "mutau.core.errors",
    "Settings": "mutau.analysis.settings",
    "Yields": "mutau.core.types",
    "background_result": "mutau.background.registry",
    "build_model": "mutau.models",
    "cascade_result": "mutau.analysis.cascade",
    "check_result": "mutau.analysis.show",
    "cited": "mutau.analysis.citations",
    "combined_limit": "mutau.analysis.combination",
    "cross_section": "mutau.analysis.point",
    "crosscheck_result": "mutau.peers",
    "discovery_reach": "mutau.analysis.combination",
    "draw": "mutau.report.static",
    "exclusion_plane": "mutau.analysis.plane",
    "expected_yields": "mutau.analysis.yields",
    "export": "mutau.report.exports",
    "generate_events": "mutau.signal.generate",
    "grid_likelihood": "mutau.analysis.likelihood",
    "limit_curve": "mutau.analysis.limit",
    "load_experiment": "mutau.experiment",
    "load_grid": "mutau.scan.grid",
    "material": "mutau.matter",
    "measure_result": "mutau.analysis.muone_mass",
    "measured_contours": "mutau.analysis.contours",
    "millicharged_limit": "mutau.analysis.millicharged",
    "model_summary": "mutau.analysis.point",
    "optimise": "mutau.analysis.optimise",
    "publish_experiment": "mutau.report.published",
    "published_limit": "mutau.bounds",
    "read_events": "mutau.io.event_files",
    "replace": "mutau.experiment",
    "reproduce": "mutau.report.reproduction",
    "run_scan": "mutau.scan.points",
    "run_simulation": "mutau.scan.simulate",
    "sensitivity": "mutau.analysis.sensitivity",
    "setup_figure": "mutau.analysis.layout",
    "show_result": "mutau.analysis.show",
    "upper_limit": "mutau.stats",
    "verify_folder": "mutau.report.verification",
    "write_events": "mutau.io.event_files",
    "write_figure": "mutau.report.static",
}

__all__ = [
    "CrossSection",
    "DarkPhoton",
    "Events",
    "Exclusion",
    "Family",
    "LmuMinusLtau",
    "Look",
    "MutauError",
    "Settings",
    "Yields",
    "__version__",
    "background_result",
    "build_model",
    "cascade_result",
    "check_result",
    "cited",
    "combined_limit",
    "cross_section",
    "crosscheck_result",
    "discovery_reach",
    "draw",
    "exclusion_plane",
    "expected_yields",
    "export",
    "generate_events",
    "grid_likelihood",
    "limit_curve",
    "load_experiment",
    "load_grid",
    "material",
    "measure_result",
    "measured_contours",
    "millicharged_limit",
    "model_summary",
    "optimise",
    "publish_experiment",
    "published_limit",
    "read_events",
    "replace",
    "reproduce",
    "run_scan",
    "run_simulation",
    "sensitivity",
    "setup_figure",
    "show_result",
    "upper_limit",
    "verify_folder",
    "write_events",
    "write_figure",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mutau' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
