"""Final states of hadrons on iron, event by event, by UrQMD and PythiaCascade: a small library.

    python hadron_events.py OUT [--events 160]

OUT/hadron_iron.npz and its card. For each generator, projectile (pi-, K+, K-, p) and kinetic energy
the same number of events; other projectiles are isospin mirrors (u <-> d), which iron nearly is of
itself. What is kept: all hadrons and photons with more than LOWEST of kinetic energy; the rest of
the energy (slow nucleons, binding) is one number per event, the fraction `local`. Short-lived
hadrons are decayed, hyperons and soft K_S too; pi0 are kept.

UrQMD 3.4 (through chromo) has an intranuclear cascade; the nucleons that it leaves unscattered are
dropped, events in which the projectile passes unscattered too. PythiaCascade has collisions with
single nucleons one after the other and no remnant that heats up. Neither evaporates nucleons.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np

#: Projectiles, PDG numbers and masses (GeV); kinetic energies, GeV.
PROJECTILES = {"pi-": (-211, 0.13957), "K+": (321, 0.49368), "K-": (-321, 0.49368),
               "p": (2212, 0.93827)}  # fmt: skip
NODES = (1.7, 5.0, 16.0, 50.0, 150.0)
#: Kinds of the library in its order; PDG numbers.
KINDS = (22, 111, 211, -211, 321, -321, 130, 2212, 2112, -2212, -2112)
MASSES = (0.0, 0.13498, 0.13957, 0.13957, 0.49368, 0.49368, 0.49761, 0.93827, 0.93957, 0.93827,
          0.93957)  # fmt: skip
#: Kinetic energy (GeV) below which nothing is kept.
LOWEST = 0.03
#: Momentum (GeV) below which a K_S decays in iron before it interacts; above it is as a K_L.
K_SHORT = 5.0
NUCLEUS = (56, 26)
#: Units of the library: rapidity, transverse momentum (GeV); azimuth in 256ths of a turn.
Y_STEP, P_STEP = 5e-4, 1e-4

Row = tuple[int, float, float, float, float]


class Decays:
    """Decays of what does not live long, by Pythia."""

    def __init__(self) -> None:
        import pythia8mc

        self.vector = pythia8mc.Vec4
        self.run = pythia8mc.PythiaCascade()
        start = Path(sys.prefix) / "share/Pythia8/setups/InitDefaultMPI.cmnd"
        if not self.run.init(0.3, 1.0, str(start)):
            raise SystemExit("PythiaCascade does not start")

    def settled(self, rows: list[Row], rng: np.random.Generator) -> list[Row]:
        """(pdg, px, py, pz, E) of particles of KINDS only; neutrinos, muons are dropped."""
        out, stack = [], list(rows)
        while stack:
            row = stack.pop()
            pdg, px, py, pz, e = row
            if abs(pdg) in (12, 13, 14, 16):
                continue
            if abs(pdg) == 11:
                pdg = 22
            elif abs(pdg) in (311, 310, 130):
                long = pdg == 130 or (abs(pdg) == 311 and rng.random() < 0.5)
                hard = math.sqrt(px * px + py * py + pz * pz) > K_SHORT
                pdg = 130 if long or hard else 310
            if pdg in KINDS:
                out.append((pdg, px, py, pz, e))
                continue
            mass = math.sqrt(max(e * e - px * px - py * py - pz * pz, 0.0))
            event = self.run.nextDecay(pdg, self.vector(px, py, pz, e), mass)
            final = [event[i] for i in range(event.size()) if event[i].isFinal()]
            if len(final) < 2:
                raise SystemExit(f"{pdg} does not decay")
            stack += [(q.id(), q.px(), q.py(), q.pz(), q.e()) for q in final]
        return out


def pythia(name: str, kinetic: float, n: int, rng: np.random.Generator, decays: Decays) -> list:
    """Events of PythiaCascade."""
    pdg, mass = PROJECTILES[name]
    energy = kinetic + mass
    p = math.sqrt(energy**2 - mass**2)
    run, out = decays.run, []
    while len(out) < n:
        if not run.sigmaSetuphN(pdg, decays.vector(0.0, 0.0, p, energy), mass):
            raise SystemExit(f"no cross section of {name} at {kinetic} GeV")
        run.sigmahA(NUCLEUS[0])
        event = run.nextColl(NUCLEUS[1], NUCLEUS[0])
        rows = [
            (q.id(), q.px(), q.py(), q.pz(), q.e())
            for q in (event[i] for i in range(event.size())) if q.isFinal()
        ]  # fmt: skip
        if len(rows) > 1:
            out.append(decays.settled([r for r in rows if r[4] > 0.0], rng))
    return out


def urqmd(name: str, kinetic: float, n: int, rng: np.random.Generator, decays: Decays) -> list:
    """Events of UrQMD 3.4 in which the projectile interacts."""
    from chromo.constants import GeV
    from chromo.kinematics import FixedTarget
    from chromo.models import UrQMD34

    pdg, mass = PROJECTILES[name]
    energy = kinetic + mass
    run = UrQMD34(FixedTarget(energy * GeV, pdg, NUCLEUS), seed=int(rng.integers(1, 10**6)))
    out = []
    while len(out) < n:
        for event in run(n):
            final = event.final_state()
            rows = list(zip(final.pid.tolist(), final.px.tolist(), final.py.tolist(),
                            final.pz.tolist(), final.en.tolist(), strict=True))  # fmt: skip
            bound = [r for r in rows if abs(r[0]) in (2112, 2212) and r[4] < 0.93]
            rows = [r for r in rows if not (abs(r[0]) in (2112, 2212) and r[4] < 0.94 + LOWEST)]
            through = len(rows) == 1 and rows[0][4] > 0.98 * energy
            if not through and len(bound) < NUCLEUS[0] and len(out) < n:
                out.append(decays.settled(rows, rng))
    return out


def _sample(generator: str, name: str, node: float, n: int) -> dict[str, np.ndarray]:
    """Events of one generator, projectile and kinetic energy, as the library has them."""
    seed = ("urqmd", "pythia").index(generator), list(PROJECTILES).index(name), NODES.index(node)
    rng = np.random.default_rng(seed)
    make = {"urqmd": urqmd, "pythia": pythia}[generator]
    mass = PROJECTILES[name][1]
    had = node if name == "p" else node + mass
    kind, y, p_t, phi, count, local = [], [], [], [], [], []
    for rows in make(name, node, n, rng, Decays()):
        given, kept = 0.0, 0
        for pdg, px, py, pz, e in rows:
            k = KINDS.index(pdg)
            m = MASSES[k]
            if e - m < LOWEST:
                continue
            given += e - m if pdg in (2212, 2112) else e + m if pdg in (-2212, -2112) else e
            kind.append(k)
            y.append(0.5 * math.log((e + pz) / max(e - pz, 1e-9)))
            p_t.append(math.hypot(px, py))
            phi.append(math.atan2(py, px) / (2.0 * math.pi) % 1.0)
            kept += 1
        count.append(kept)
        local.append(1.0 - given / had)
    print(generator, name, node, np.mean(count), np.mean(local), flush=True)
    return {
        "kind": np.array(kind, np.uint8),
        "y": np.round(np.array(y) / Y_STEP).astype(np.int16),
        "p_t": np.round(np.minimum(np.array(p_t) / P_STEP, 65535)).astype(np.uint16),
        "phi": (np.array(phi) * 256).astype(np.uint8),
        "count": np.array(count, np.uint8),
        "local": np.clip(np.array(local), -0.5, 1.0).astype(np.float32),
    }


def main() -> None:
    """Write table and card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--events", type=int, default=160)
    args = parser.parse_args()
    samples = [
        (generator, name, node, args.events)
        for generator in ("urqmd", "pythia") for name in PROJECTILES for node in NODES
    ]  # fmt: skip
    with get_context("spawn").Pool(2, maxtasksperchild=1) as pool:  # each in a process of its own
        found = pool.starmap(_sample, samples, chunksize=1)
    arrays = {key: np.concatenate([one[key] for one in found]) for key in found[0]}
    path = args.out / "hadron_iron.npz"
    np.savez_compressed(path, kinetic=np.array(NODES), **arrays)  # type: ignore[arg-type]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (args.out / "hadron_iron.toml").write_text(
        f"""# Final states of hadrons on iron: what hadron_iron.npz holds.
schema = 1
table = "hadron_iron.npz"
sha256 = "{digest}"
made_by = "tools/nuclear_tables: hadron_events.py"
generators = ["urqmd", "pythia"]
versions = ["UrQMD 3.4 (chromo {version("chromo")})", "PythiaCascade {version("pythia8mc")}"]
projectiles = {list(PROJECTILES)}
kinds = {list(KINDS)}
masses_GeV = {list(MASSES)}
events = {args.events}
lowest_GeV = {LOWEST}
rapidity_step = {Y_STEP}
momentum_step_GeV = {P_STEP}
source = \"\"\"UrQMD: S. A. Bass et al., Prog. Part. Nucl. Phys. 41 (1998) 255, M. Bleicher et al.,
J. Phys. G 25 (1999) 1859; PythiaCascade: T. Sjostrand, M. Utheim, Eur. Phys. J. C 82
(2022) 21\"\"\"
because = \"\"\"iron 56; `events` for each generator, projectile and kinetic energy, no weights;
particles above `lowest_GeV` of kinetic energy, the rest is the fraction `local` of the
projectile's energy; no evaporation; K_S above {K_SHORT:g} GeV count as K_L, softer ones and
hyperons are decayed\"\"\"
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
