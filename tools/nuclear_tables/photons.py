"""Raw events of real photons on protons at rest, by Sophia or Pythia, into one file per energy.

    python photons.py sophia|pythia OUT [--nodes 130,200] [--events 30000] [--seed 1]

A file holds the final particles of all events one after the other: `count` (events), `pdg`, `p`
(particles, 4: E, px, py, pz, GeV, photon along z), and `origin` (events): 0 all else, 1 elastic
vector meson (the nucleon stays whole), 2 vector meson beside a nucleon that breaks up.

Neutrons are made of these by isospin (`build.py`). With a neutron as target Pythia 8.317 leaves the
photon as it is in its elastic and diffractive events, and Sophia does not start under chromo 0.11.

Stable here: what lives longer than 1e-20 s (pi0 and eta included), as in the package's table.
"""

from __future__ import annotations

import argparse
import random
import time
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np

#: Photon energies (GeV) of the table, and one that is held out to test its interpolation.
NODES = (5.0, 8.0, 13.0, 20.0, 32.0, 50.0, 80.0, 130.0, 200.0, 300.0)
HELD_OUT = 100.0
#: Where the rows of a muon experiment are decided, so many times the events.
DENSE = {80.0: 3, 100.0: 3, 130.0: 3, 200.0: 3}
#: Not decayed: pi0, eta, K0 (both, before they become K_S or K_L), hyperons.
STABLE = (111, 221, 311, 310, 130, 3122, 3112, 3222, 3312, 3322, 3334)
#: Below it Pythia has no photoproduction: vector mesons as the photon's hadronic states.
PYTHIA_LOWEST = 7.0
#: (id, weight) sigma(V p)/(f_V^2/4 pi): G. A. Schuler, T. Sjostrand, Nucl. Phys. B 407 (1993) 539.
VECTOR_MESONS = ((113, 0.859), (223, 0.080), (333, 0.061))
ELASTIC, DISSOCIATED = 1, 2


class Sample:
    """Events of one generator, energy and nucleon as they come."""

    def __init__(self) -> None:
        self.count: list[int] = []
        self.origin: list[int] = []
        self.pdg: list[int] = []
        self.p: list[tuple[float, float, float, float]] = []

    def write(self, path: Path, **about: object) -> None:
        """As an npz with what `about` says of it."""
        np.savez(
            path,
            count=np.array(self.count, np.uint16), origin=np.array(self.origin, np.uint8),
            pdg=np.array(self.pdg, np.int32), p=np.array(self.p, np.float32), **about,
        )  # fmt: skip


def sophia(energy: float, events: int, seed: int) -> tuple[Sample, dict[str, object]]:
    """Sophia 2.0 through chromo. Source: A. Muecke et al., Comput. Phys. Commun. 124 (2000) 290."""
    from chromo.constants import GeV
    from chromo.kinematics import FixedTarget
    from chromo.models import Sophia20

    run = Sophia20(FixedTarget(energy * GeV, "gamma", "p"), seed=seed)
    for pid in STABLE:
        if pid != 311:
            run.set_stable(pid)
            if pid > 3000:
                run.set_stable(-pid)
    # eta stays: its fragmentation is Jetset's, which has a switch of its own (compressed code 112)
    run._lib.ludat3.mdcy[111, 0] = 0
    out = Sample()
    for event in run(events):
        final = event.final_state()
        out.count.append(len(final.pid))
        kind = event.interaction_type
        out.origin.append(ELASTIC if kind.startswith("diffractive") else 0)
        out.pdg += final.pid.tolist()
        out.p += np.stack([final.en, final.px, final.py, final.pz], axis=1).tolist()
    sigma = float(run.cross_section().inelastic)
    return out, {"sigma_mb": sigma, "version": f"Sophia 2.0 (chromo {version('chromo')})"}


def _pythia(energy: float, beam: int, process: str, seed: int):
    import pythia8mc

    run = pythia8mc.Pythia("", False)
    lines = [
        f"Beams:idA = {beam}", "Beams:idB = 2212", "Beams:frameType = 2",
        f"Beams:eA = {energy}", "Beams:eB = 0.", "Photon:ProcessType = 0", f"{process}:all = on",
        "Print:quiet = on", "Random:setSeed = on", f"Random:seed = {seed}",
        *(f"{pid}:mayDecay = off" for pid in STABLE),
    ]  # fmt: skip
    for line in lines:
        if not run.readString(line):
            raise SystemExit(f"Pythia refuses {line!r}")
    if not run.init():
        raise SystemExit(f"Pythia does not start at {energy} GeV")
    return run


def pythia(energy: float, events: int, seed: int) -> tuple[Sample, dict[str, object]]:
    """Pythia 8: SoftQCD photoproduction, resolved photons and vector dominance.

    Source: I. Helenius, T. Sjostrand, Eur. Phys. J. C 79 (2019) 413.
    """
    if energy >= PYTHIA_LOWEST:
        runs = [_pythia(energy, 22, "SoftQCD", seed)]
        weights = [1.0]
    else:
        runs = [_pythia(energy, pid, "LowEnergyQCD", seed) for pid, _ in VECTOR_MESONS]
        weights = [weight for _, weight in VECTOR_MESONS]
    out, rng = Sample(), random.Random(seed)
    while len(out.count) < events:
        run = rng.choices(runs, weights)[0] if len(runs) > 1 else runs[0]
        if not run.next():
            continue
        n = 0
        for x in run.event:
            if x.isFinal():
                n += 1
                out.pdg.append(x.id())
                out.p.append((x.e(), x.px(), x.py(), x.pz()))
        out.count.append(n)
        code = run.infoPython().code() % 50  # 10x SoftQCD, 15x LowEnergyQCD
        out.origin.append({2: ELASTIC, 4: DISSOCIATED}.get(code, 0))
    sigma = float(runs[0].infoPython().sigmaGen()) if len(runs) == 1 else float("nan")
    return out, {"sigma_mb": sigma, "version": f"Pythia {version('pythia8mc')}"}


#: How a sample is made, by the name that the command line takes.
GENERATORS = {"sophia": sophia, "pythia": pythia}


def make(generator: str, energy: float, events: int, seed: int, path: Path) -> str:
    """One sample into one file. Returns what was done."""
    start = time.process_time()
    seed += 1000 * int(energy)
    found, about = GENERATORS[generator](energy, events, seed)
    found.write(path, energy=energy, seed=seed, **about)
    return f"{path.name}: {events} events, {time.process_time() - start:.0f} s"


def main() -> None:
    """One sample after the other, each in a new process; those that are there are left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", choices=GENERATORS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--nodes", default=",".join(f"{e:g}" for e in (*NODES, HELD_OUT)))
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for energy in map(float, args.nodes.split(",")):
        path = args.out / f"{args.generator}_{energy:g}.npz"
        if path.exists():
            continue
        n = args.events * DENSE.get(energy, 1)
        # Sophia's Fortran starts once per process
        with get_context("spawn").Pool(1) as pool:
            said = pool.apply(make, (args.generator, energy, n, args.seed, path))
        print(said, flush=True)


if __name__ == "__main__":
    main()
