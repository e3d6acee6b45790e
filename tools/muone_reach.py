"""What MUonE would need: expected limits with one thing after another added to the programme.

    python tools/muone_reach.py [--events N] [--mass MeV]

Each row tunes the cuts anew (`analysis.muone_optimise`) on the file `muone-160`, or on what is
changed of it, and prints the limit before and after, of search and check, and the events left. The
table stands in docs/validation/muone_reach.md.
"""

from __future__ import annotations

import argparse

from mutau.analysis.muone_optimise import optimise
from mutau.analysis.settings import Settings
from mutau.background.muone_inelastic import INELASTIC
from mutau.background.muone_samples import SAMPLED
from mutau.background.muone_tails import TAILS
from mutau.experiment import load_experiment, replace
from mutau.models import LmuMinusLtau

ANGLES = ("theta_mu", "electron_energy", "inelasticity")
PLANES = (*ANGLES, "acoplanarity", "vertex", "kink")
SPECTROMETER = ("missing_energy", "missing_mass2")
MUON = {"detector/resolution/muon_momentum": "1 %"}
VETO = {"detector/calorimeter[ECAL]/photon_inefficiency": 1e-6}
NO_HADRONS = tuple(name for name in SAMPLED if name not in (INELASTIC, TAILS))
#: What it is, what is changed of the file, variables, sources that count.
ROWS = (
    ("programme, muon's angle and electron", {}, ANGLES, None),
    ("with acoplanarity, vertex and kink", {}, PLANES, None),
    ("hadrons identified and held", {}, ANGLES, NO_HADRONS),
    ("the same with vertex and kink", {}, PLANES, NO_HADRONS),
    ("muon spectrometer of 1 %", MUON, SPECTROMETER, None),
    ("the same with vertex and kink", MUON, (*SPECTROMETER, "vertex", "kink"), None),
    ("spectrometer, hadrons identified and held", MUON, SPECTROMETER, NO_HADRONS),
    ("the same and photons missed to 1e-6", MUON | VETO, SPECTROMETER, NO_HADRONS),
)


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--events", type=int, default=30_000)
    words.add_argument("--mass", type=float, default=100.0)
    words.add_argument("--row", type=int, default=None)
    given = words.parse_args()
    model = LmuMinusLtau(mass=1e-3 * given.mass, coupling=1e-3)
    settings = Settings(n_events=given.events, seed=2)
    for i, (text, change, variables, sources) in enumerate(ROWS):
        if given.row not in (None, i):
            continue
        item = load_experiment("muone-160")
        item = replace(item, change) if change else item
        found = optimise(item, model, variables=variables, sources=sources, settings=settings)
        worst = sorted(found.check.backgrounds.items(), key=lambda pair: -pair[1][0])[:3]
        print(
            f"| {text} | {found.limit_before[0]:.2g} | {found.limit_after[0]:.2g} | "
            f"{found.train.coupling:.2g} / {found.check.coupling:.2g} | {found.check.signal:.3g} | "
            f"{found.check.background:.2g} ± {found.check.background_err:.2g} | "
            + ", ".join(f"{name} {value:.2g}" for name, (value, _, _) in worst if value) + " |",
            flush=True,
        )  # fmt: skip
        for cut in found.cuts:
            print("   ", cut.variable, cut.min, cut.max, flush=True)


if __name__ == "__main__":
    main()
