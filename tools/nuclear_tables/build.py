"""From raw events (`photons.py`) to the package's table: spectra, a library of events, a card.

    python build.py RAW OUT

OUT/photon_nucleon.npz and OUT/photon_nucleon.toml. Two things are kept. `counts`: hadrons by kind
in bins of z = E_h/nu, of all events, so that rates of leading hadrons have the statistics of the
run. A library: events as they are, drawn more densely the more a hadron leads, with the weight
that undoes it; only whole events hold what goes with a leading hadron and conserve everything.

Neutrons: the isospin mirror (u <-> d) of the events on protons. K_S and K_L count as K0 or anti-K0
such that strangeness vanishes. Events with neutrinos, and those whose strangeness cannot vanish
(weak decays of charm), are left out; the card says how many.
"""

from __future__ import annotations

import argparse
import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
from particle import Particle
from photons import HELD_OUT, NODES

GENERATORS = ("sophia", "pythia")
#: All kinds that occur, PDG numbers; the order of the table.
KINDS = (
    211, -211, 111, 321, -321, 130, 310, 221, 2212, 2112, -2212, -2112, 3122, -3122, 22,
    3222, -3222, 3112, -3112, 3322, -3322, 3312, -3312, 3334, -3334, 11, -11, 13, -13,
)  # fmt: skip
#: u <-> d; what is not here is its own image.
MIRROR = {
    211: -211, -211: 211, 321: 311, -321: -311, 311: 321, -311: -321, 2212: 2112, 2112: 2212,
    -2212: -2112, -2112: -2212, 3222: 3112, 3112: 3222, -3222: -3112, -3112: -3222,
    3322: 3312, 3312: 3322, -3322: -3312, -3312: -3322,
}  # fmt: skip
STRANGENESS = {
    321: 1, -321: -1, 311: 1, -311: -1, 3122: -1, 3222: -1, 3112: -1, 3322: -2, 3312: -2, 3334: -3,
}  # fmt: skip
STRANGENESS |= {-k: -v for k, v in STRANGENESS.items() if k > 3000}
Z_EDGES = np.linspace(0.0, 1.0, 51)
#: Library: strata of the largest z, and events of each.
STRATA = (0.0, 0.4, 0.6, 0.8, 0.9, np.inf)
PER_STRATUM = 600
#: Units of the library's rapidity and transverse momentum (GeV).
Y_LOW, Y_STEP, P_STEP = -5.0, 2.5e-4, 2e-4


class Events:
    """Events of one file with the images of their kinds on neutrons; neutrinos taken off."""

    def __init__(self, path: Path, rng: np.random.Generator) -> None:
        with np.load(path) as data:
            self.about = {k: data[k].item() for k in ("energy", "seed", "sigma_mb", "version")}
            count, pdg, p = data["count"].astype(int), data["pdg"], data["p"].astype(float)
            origin = data["origin"]
        self.made = len(count)
        of = np.repeat(np.arange(len(count)), count)
        neutrino = np.bincount(of, np.isin(abs(pdg), (12, 14, 16)), len(count)) > 0
        images, bad = _images(pdg, of, len(count), rng)
        keep = ~(neutrino | bad)
        rows = keep[of]
        self.count, self.origin = count[keep], origin[keep]
        self.proton = _kaons(pdg[rows], rng)
        self.neutron = _kaons(images[rows], rng)
        self.p = p[rows]
        self.event = np.repeat(np.arange(keep.sum()), self.count)
        self.start = np.concatenate([[0], np.cumsum(self.count)])
        self.z = self.p[:, 0] / self.about["energy"]


def _kaons(pdg: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """K0 and anti-K0 as K_S or K_L."""
    neutral = abs(pdg) == 311
    return np.where(neutral, np.where(rng.random(pdg.size) < 0.5, 130, 310), pdg)


def _images(
    pdg: np.ndarray, of: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Kinds on the neutron, and the events whose strangeness cannot vanish."""
    flavour = pdg.copy()
    known = np.zeros(pdg.size)
    for kind, value in STRANGENESS.items():
        known[pdg == kind] = value
    total = np.bincount(of, known, n).astype(int)
    mixed = np.flatnonzero((pdg == 130) | (pdg == 310))
    open_ = np.bincount(of[mixed], minlength=n)
    bad = (abs(total) > open_) | ((total + open_) % 2 == 1)
    for event, rows in zip(
        np.unique(of[mixed]), np.split(mixed, np.unique(of[mixed], return_index=True)[1][1:]),
        strict=True,
    ):  # fmt: skip
        if bad[event]:
            continue
        signs = np.full(len(rows), -1)
        signs[: (len(rows) - total[event]) // 2] = 1
        flavour[rows] = 311 * rng.permutation(signs)
    images = flavour.copy()
    for kind, image in MIRROR.items():
        images[flavour == kind] = image
    return images, bad


def spectra(events: Events) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(2 nucleons, 3 origins, kinds, bins + 1) hadrons and sums of p_T^2; (3,) events.

    The last bin holds z above the last edge.
    """
    shape = (2, 3, len(KINDS), len(Z_EDGES))
    counts, pt2 = np.zeros(shape), np.zeros(shape)
    square = (events.p[:, 1:3] ** 2).sum(axis=1)
    z_bin = np.minimum((events.z * (len(Z_EDGES) - 1)).astype(int), len(Z_EDGES) - 1)
    origin = events.origin[events.event].astype(int)
    for nucleon, pdg in enumerate((events.proton, events.neutron)):
        kind = _index(pdg)
        flat = np.ravel_multi_index((np.full(kind.size, nucleon), origin, kind, z_bin), shape)
        counts += np.bincount(flat, minlength=counts.size).reshape(shape)
        pt2 += np.bincount(flat, square, counts.size).reshape(shape)
    return counts, pt2, np.bincount(events.origin, minlength=3)


def _index(pdg: np.ndarray) -> np.ndarray:
    order = np.argsort(KINDS)
    place = np.searchsorted(np.array(KINDS)[order], pdg)
    found = order[np.minimum(place, len(KINDS) - 1)]
    if np.any(np.array(KINDS)[found] != pdg):
        raise SystemExit(f"unknown kinds: {set(pdg[np.array(KINDS)[found] != pdg].tolist())}")
    return found


def library(events: Events, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Events of every stratum of the largest z, with weights that sum to 1."""
    top = np.maximum.reduceat(events.z, events.start[:-1])
    chosen, weight = [], []
    for low, high in pairwise(STRATA):
        rows = np.flatnonzero((top >= low) & (top < high))
        some = np.sort(rng.permutation(rows)[:PER_STRATUM])
        chosen.append(some)
        weight.append(np.full(len(some), len(rows) / len(top) / max(len(some), 1)))
    picked = np.concatenate(chosen)
    parts = np.concatenate([np.arange(events.start[i], events.start[i + 1]) for i in picked])
    pdg, p = events.proton[parts], events.p[parts]
    mass = np.array([Particle.from_pdgid(k).mass * 1e-3 for k in KINDS])[_index(pdg)]
    rapidity = np.arcsinh(p[:, 3] / np.sqrt(mass**2 + p[:, 1] ** 2 + p[:, 2] ** 2))
    y, p_t = np.rint((rapidity - Y_LOW) / Y_STEP), np.rint(p[:, 1:3] / P_STEP)
    if y.min() < 0 or y.max() > 65535 or abs(p_t).max() > 32767:
        raise SystemExit("a rapidity or transverse momentum is beyond what the library holds")
    return {
        "weight": np.concatenate(weight).astype(np.float32),
        "origin": events.origin[picked].astype(np.uint8),
        "count": events.count[picked].astype(np.uint8),
        "kind_p": _index(pdg).astype(np.uint8),
        "kind_n": _index(events.neutron[parts]).astype(np.uint8),
        "rapidity": y.astype(np.uint16),
        "px": p_t[:, 0].astype(np.int16),
        "py": p_t[:, 1].astype(np.int16),
    }


def held_out(events: Events) -> dict[str, float]:
    """Numbers that the test of the interpolation compares: of events on protons."""
    n = len(events.count)

    def above(kinds: tuple[int, ...], z: float) -> float:
        return float(np.sum(np.isin(events.proton, kinds) & (events.z > z)) / n)

    charged = (211, -211, 321, -321, 2212, -2212)
    return {
        "events": n,
        "elastic": float(np.mean(events.origin == 1)),
        "multiplicity": float(events.count.mean()),
        "charged_above_0p5": above(charged, 0.5),
        "charged_above_0p8": above(charged, 0.8),
        "charged_above_0p9": above(charged, 0.9),
        "pi0_above_0p5": above((111,), 0.5),
        "K_L_above_0p5": above((130,), 0.5),
        "neutron_above_0p5": above((2112, -2112), 0.5),
    }


def main() -> None:
    """Read what is there, write table and card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    rng = np.random.default_rng(2024)
    shape = (len(GENERATORS), len(NODES))
    counts = np.zeros((*shape, 2, 3, len(KINDS), len(Z_EDGES)), np.uint32)
    pt2 = np.zeros(counts.shape, np.float32)
    number = np.zeros((*shape, 3), np.uint32)
    parts: list[dict[str, np.ndarray]] = []
    lines, tests = [], []
    for g, generator in enumerate(GENERATORS):
        for e, energy in enumerate(NODES):
            events = Events(args.raw / f"{generator}_{energy:g}.npz", rng)
            counts[g, e], pt2[g, e], number[g, e] = spectra(events)
            one = library(events, rng)
            ones = np.ones(len(one["weight"]), np.uint8)
            parts.append(one | {"generator": g * ones, "node": e * ones})
            sigma = events.about["sigma_mb"]
            lines.append(
                f'[[sample]]\ngenerator = "{generator}"\nversion = "{events.about["version"]}"\n'
                f"energy_GeV = {energy}\nseed = {events.about['seed']}\nmade = {events.made}\n"
                f"kept = {len(events.count)}\nlibrary = {len(ones)}\n"
                + (f"sigma_mb = {sigma:.5f}\n" if np.isfinite(sigma) else "")
            )
            print(lines[-1].replace("\n", "  "), flush=True)
        events = Events(args.raw / f"{generator}_{HELD_OUT:g}.npz", rng)
        numbers = "\n".join(f"{k} = {v:.6g}" for k, v in held_out(events).items())
        tests.append(
            f'[[held_out]]\ngenerator = "{generator}"\nenergy_GeV = {HELD_OUT}\n{numbers}\n'
        )
    joined = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
    path = args.out / "photon_nucleon.npz"
    args.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path, energies=np.array(NODES), kinds=np.array(KINDS, np.int32), z_edges=Z_EDGES,
        counts=counts, pt2=pt2, events=number, units=np.array([Y_LOW, Y_STEP, P_STEP]),
        **{f"library_{k}": v for k, v in joined.items()},
    )  # fmt: skip
    seal = hashlib.sha256(path.read_bytes()).hexdigest()
    (args.out / "photon_nucleon.toml").write_text(
        CARD.format(seal=seal) + "\n" + "\n".join(lines + tests), encoding="utf-8"
    )
    print(path, path.stat().st_size)


CARD = '''# Final states of real photons on nucleons: what photon_nucleon.npz holds.
schema = 1
table = "photon_nucleon.npz"
sha256 = "{seal}"
generators = ["sophia", "pythia"]
made_by = "tools/nuclear_tables: photons.py, build.py"
source = """Sophia 2.0: A. Muecke et al., Comput. Phys. Commun. 124 (2000) 290, run through chromo;
Pythia 8: C. Bierlich et al., SciPost Phys. Codebases 8 (2022), with the photoproduction of
I. Helenius, T. Sjostrand, Eur. Phys. J. C 79 (2019) 413; at 5 GeV, below it, rho, omega and phi as
beams with the weights of vector dominance"""
because = """real photons only: neither program has virtual ones on a nucleon at rest. Neutrons
are the isospin mirror of protons. Stable: what lives longer than 1e-20 s, pi0 and eta included; K0
as K_S or K_L. Left out (made - kept): events with neutrinos and weak decays of charm"""
'''

if __name__ == "__main__":
    main()
