"""Every walk meets every wall: paths in each solid against a clip that is written here.

Lines and helices through random and bundled set-ups, each whole, sliced along z, and with its
things in another order. Matter is replaced by one that takes a constant loss per cm and does
nothing else, so that what a walk deposits is its path.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from mutau.core.constants import M_MU, M_PI
from mutau.core.random import stream
from mutau.core.records import columns, zeros
from mutau.core.special import lower_gamma
from mutau.core.units import GEV_PER_T_CM
from mutau.detector.geometry import build_geometry
from mutau.detector.readout import build_readout
from mutau.detector.simulation_flight import follow
from mutau.detector.simulation_records import Trace, new_output, push
from mutau.detector.simulation_walk import walk_all
from mutau.experiment import load_experiment
from mutau.experiment.loader import from_document
from mutau.matter.materials import material
from mutau.transport.particle import (
    CHARGED,
    ELECTRON,
    MARKER,
    MASSES,
    MUON,
    NEUTRAL,
    PHOTON,
    SHOWER,
    Place,
    State,
)
from mutau.transport.pieces import COUNTER, SOLID, boxes_of
from mutau.transport.walls import straight_paths

pytestmark = pytest.mark.compiled

WHY = {"because": "test"}
EXACT = {"rtol": 0.0, "atol": 1e-9}
#: Energy (GeV) and constant loss (GeV per cm of path) of muons; resolves 1e-10 cm.
ENERGY, LOSS = 40.0, 1e-4


# --- the other description: clips and circles in NumPy -------------------------------------------


def between(start, slope, low, high):
    """The stretch of s in which start + s*slope lies between two walls."""
    a, b = (low - start) / slope, (high - start) / slope
    return min(a, b), max(a, b)


def segments(line, thing):
    """[(s, s)] along z in which the line (x, y, z, tx, ty), forward, is in a box less its hole."""
    x, y, z, tx, ty = line

    def clip(half_x, half_y):
        parts = [
            (max(thing["z"] - z, 0.0), thing["z"] + thing["length"] - z),
            between(x - thing["x"], tx, -half_x, half_x),
            between(y - thing["y"], ty, -half_y, half_y),
        ]
        return max(low for low, _ in parts), min(high for _, high in parts)

    low, high = clip(thing["width"] / 2, thing["height"] / 2)
    if high <= low:
        return []
    hole = thing.get("hole_width", 0.0) / 2, thing.get("hole_height", 0.0) / 2
    inner = clip(*hole) if hole[0] > 0.0 else (high, high)
    if inner[1] <= inner[0]:
        return [(low, high)]
    return [(a, b) for a, b in ((low, inner[0]), (inner[1], high)) if b > a]


def length_in(line, thing):
    return sum(high - low for low, high in segments(line, thing))


def circle(line, magnet, momentum, charge):
    """(line behind, whether it left the gap, cm in it along z) of a helix from the magnet's face.

    In the plane of bending the direction has the angle t to z; t grows by k per cm.
    """
    x, y, z, tx, ty = line
    axis, sign = magnet["bends_to"][1], 1.0 if magnet["bends_to"][0] == "+" else -1.0
    u, v, tu, tv = (x, y, tx, ty) if axis == "x" else (y, x, ty, tx)
    gap = {"x": magnet["width"] / 2, "y": magnet["height"] / 2}
    half_u, half_v = gap[axis], gap["y" if axis == "x" else "x"]
    mid_u, mid_v = (magnet["x"], magnet["y"])[:: 1 if axis == "x" else -1]
    plane = math.hypot(1.0, tu) / math.sqrt(1.0 + tu * tu + tv * tv)
    rise = tv / math.hypot(1.0, tu)  # dv per cm in the plane
    k = sign * charge * GEV_PER_T_CM * magnet["field"] / (momentum * plane)
    t0 = math.atan(tu)
    turns = [math.asin(math.sin(t0) + k * magnet["length"])]
    for wall in (mid_u - half_u, mid_u + half_u):
        cosine = math.cos(t0) - k * (wall - u)
        if abs(cosine) <= 1.0:
            turns += [math.acos(cosine), -math.acos(cosine)]
    turns += [t0 + k * (wall - v) / rise for wall in (mid_v - half_v, mid_v + half_v)]
    ends = [t for t in turns if (t - t0) / k > 1e-9]
    t = min(ends, key=lambda t: (t - t0) / k)
    done = (math.sin(t) - math.sin(t0)) / k
    u += (math.cos(t0) - math.cos(t)) / k
    v += rise * (t - t0) / k
    tu, tv = math.tan(t), rise / math.cos(t)
    x, y, tx, ty = (u, v, tu, tv) if axis == "x" else (v, u, tv, tu)
    return (x, y, z + done, tx, ty), done < magnet["length"] - 1e-9, done


def moved(line, z):
    x, y, at, tx, ty = line
    return x + (z - at) * tx, y + (z - at) * ty, z, tx, ty


# --- set-ups -------------------------------------------------------------------------------------


def box(name, z, length, x, y, width, height, **more):
    return {"name": name, "z": z, "length": length, "x": x, "y": y, "width": width,
            "height": height} | more  # fmt: skip


def random_things(rng, magnets):
    """Solids and magnets along z: rings with a plug in the hole, pairs side by side, blocks."""
    solids, dipoles, z = [], [], 150.0
    for i in range(6):
        x, y, length = rng.uniform(-9, 9), rng.uniform(-9, 9), rng.uniform(20, 90)
        what = i % 3 if i < 3 else rng.integers(0, 3)
        if magnets and i in (1, 4):
            gap = {"width": rng.uniform(20, 50), "height": rng.uniform(10, 40)}
            bends = rng.choice(["+x", "-x", "+y", "-y"])
            dipoles.append(
                {"name": f"M{i}", "z": z, "length": length, "x": x, "y": y, "bends_to": str(bends),
                 "field": rng.uniform(0.3, 1.5)} | gap
            )  # fmt: skip
        elif what == 0:
            hole = {"hole_width": rng.uniform(6, 20), "hole_height": rng.uniform(6, 20)}
            solids.append(box(f"R{i}", z, length, x, y, rng.uniform(25, 80), rng.uniform(25, 80),
                              **hole))  # fmt: skip
            tight = rng.choice([1.0, 0.5])
            solids.append(box(f"P{i}", z + 0.2 * length, 0.5 * length, x, y,
                              tight * hole["hole_width"], tight * hole["hole_height"]))  # fmt: skip
        elif what == 1:
            wide = rng.uniform(10, 40, 2)
            solids.append(box(f"A{i}", z, length, x - wide[0] / 2, y, wide[0], 30.0))
            solids.append(box(f"B{i}", z + 0.4 * length, length, x + wide[1] / 2, y + 3.0,
                              wide[1], 25.0))  # fmt: skip
            length *= 1.4
        else:
            solids.append(box(f"C{i}", z, length, x, y, rng.uniform(10, 60), rng.uniform(10, 60)))
        z += length + rng.choice([0.0, 30.0])
    return solids, dipoles


def sliced(solids, rng):
    """Each solid as two to five one behind the other; names "R0/1"."""
    out = []
    for thing in solids:
        cuts = np.sort(rng.uniform(0.0, 1.0, rng.integers(1, 5))) * thing["length"]
        edges = [0.0, *cuts.tolist(), thing["length"]]
        for i, (low, high) in enumerate(pairwise(edges)):
            part = {"name": f"{thing['name']}/{i}", "z": thing["z"] + low, "length": high - low}
            out.append(thing | part)
    return out


def build(solids, dipoles=(), planes=()):
    """An experiment of these; half of the solids are absorbers."""

    def cm(thing):
        lengths = ("z", "length", "x", "y", "width", "height", "hole_width", "hole_height")
        return {k: f"{v!r} cm" if k in lengths else v for k, v in thing.items()} | WHY

    calorimeters = [t for t in solids if not t["name"].startswith("P")]
    document = {
        "schema": 1, "name": "test", "source": "test",
        "beam": {"particle": "mu-", "energy": "40 GeV", "particles": 1.0} | WHY,
        "target": {"material": "carbon", "thickness": "1 um", "z": "10 cm"} | WHY,
        "detector": {
            "calorimeter": [
                cm({k: float(v) if k != "name" else v for k, v in t.items()})
                | {"kind": "hcal", "material": "iron"} for t in calorimeters
            ],
            "absorber": [
                cm({k: float(v) if k != "name" else v for k, v in t.items() if "hole" not in k})
                | {"material": "lead"} for t in solids if t["name"].startswith("P")
            ],
            "magnet": [
                cm({k: v if isinstance(v, str) else float(v) for k, v in m.items() if k != "field"})
                | {"field_integral": f"{m['field'] * m['length']!r} T cm"} for m in dipoles
            ],
            "counter": [
                cm({k: v if k == "name" else float(v) for k, v in p.items()}) | {"role": "monitor"}
                for p in planes
            ],
        },
    }  # fmt: skip
    return from_document(document, "test")


def variants(solids, rng):
    """The same solids whole, in another order, sliced, and sliced in another order."""
    parts = sliced(solids, rng)
    return [solids, [solids[i] for i in rng.permutation(len(solids))], parts,
            [parts[i] for i in rng.permutation(len(parts))]]  # fmt: skip


def random_lines(rng, n, z=11.0):
    """(N, 5): from a spot of 8 cm, slopes up to 0.15, none so small that a wall is undefined."""
    slopes = rng.uniform(1e-3, 0.15, (n, 2)) * rng.choice([-1.0, 1.0], (n, 2))
    places = rng.uniform(-8.0, 8.0, (n, 2))
    return np.column_stack([places, np.full(n, z), slopes])


def owners(pieces, solids):
    """Index of the solid (by its name up to "/") of each piece, -1 for others."""
    names = list(dict.fromkeys(t["name"].split("/")[0] for t in solids))
    found = np.full(len(pieces), -1)
    boxes = columns(pieces, "x", "y", "half_x", "half_y", "hole_x")
    for r, piece in enumerate(pieces):
        for thing in solids:
            same = np.allclose(
                boxes[r],
                [thing["x"], thing["y"], thing["width"] / 2, thing["height"] / 2,
                 thing.get("hole_width", 0.0) / 2], atol=1e-9,
            )  # fmt: skip
            middle = piece["z"] + 0.5 * piece["length"]
            if same and piece["length"] > 0.0 and abs(
                middle - thing["z"] - 0.5 * thing["length"]) < 0.5 * thing["length"]:  # fmt: skip
                found[r] = names.index(thing["name"].split("/")[0])
    return found


# --- the walks, with matter that only takes a constant loss --------------------------------------


class Setup:
    """A set-up whose pieces have, each, a place of its own in the deposits."""

    def __init__(self, experiment, solids):
        readout = build_readout(experiment)
        self.pieces, matter = readout.setup.pieces.copy(), readout.setup.matter.copy()
        self.width, self.planes = readout.deposits + len(self.pieces), len(readout.planes)
        self.place = readout.deposits + np.arange(len(self.pieces))
        solid = self.pieces["kind"] == SOLID
        self.pieces["em"][solid] = self.pieces["hadronic"][solid] = self.place[solid]
        self.counters = self.pieces["crossed"][self.pieces["kind"] == COUNTER]
        self.owner = owners(self.pieces, solids)
        self.owner[~solid] = -1
        self.solids = len(dict.fromkeys(t["name"].split("/")[0] for t in solids))
        for name, value in (
            ("interaction", 1e300), ("hadrons", 1e300), ("mip", 1e-12), ("half_k", 0.0),
            ("total", 0.0),
            ("restricted", LOSS), ("soft", 0.0), ("rate", 0.0), ("x0", 400.0), ("radius", 1e-12),
        ):  # fmt: skip
            matter[name] = value
        self.setup = readout.setup._replace(pieces=self.pieces, matter=matter)

    def per_solid(self, deposits):
        """What the deposits hold for each solid."""
        found = np.zeros(self.solids)
        for r in np.flatnonzero(self.owner >= 0):
            found[self.owner[r]] += deposits[self.place[r]]
        return found

    def secondary(self, kind, line, energy=ENERGY, charge=1.0, shower=None):
        """(deposits, state x, y, z, tx, ty) of one particle at its end."""
        out, at = new_output(1, self.width, self.planes, 50), zeros(State, 1)
        at["x"], at["y"], at["z"] = map(float, line[:3])
        trace = Trace(
            out.events[0], out.deposits[0], out.hits[0], out.extra, out.stack, out.counts[0],
            out.arrivals,
        )  # fmt: skip
        q = out.stack[push(trace, at[0], kind, energy, float(line[3]), float(line[4]))]
        q["charge"], q["origin"] = charge, 1
        if shower:
            q["a"], q["b"] = shower
        follow(stream(1), self.setup, trace)
        return out.deposits[0], columns(out.stack[-2:-1], "x", "y", "z", "tx", "ty")[0]

    def muons(self, lines):
        """(deposits, states x, y, z, tx, ty, energy) of muons at their end."""
        out = new_output(len(lines), self.width, self.planes, 50)
        muons = out.events["muon"]
        for name, values in zip(("x", "y", "z", "tx", "ty"), lines.T, strict=True):
            muons[name] = values
        muons["energy"] = ENERGY
        walk_all(stream(1), self.setup, out, np.full(len(lines), np.inf))
        return out.deposits, columns(muons, "x", "y", "z", "tx", "ty", "energy")


def secants(lines):
    return np.sqrt(1.0 + lines[:, 3] ** 2 + lines[:, 4] ** 2)


def expected(lines, solids):
    """(N, solids) path lengths by the clip."""
    return np.array(
        [[length_in(line, thing) for thing in solids] for line in lines]
    ) * secants(lines)[:, None]  # fmt: skip


SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_straight_lines_of_every_particle(seed):
    """Charged hadrons, muons, and the muons of the fast mode: 500 lines, four files each."""
    rng = stream(seed, 1)
    solids, _ = random_things(rng, magnets=False)
    lines = random_lines(rng, 500)
    wanted = expected(lines, solids)
    touched = wanted > 0.0
    assert 0.1 < touched.mean() < 0.9
    assert touched.any(axis=0).mean() > 0.7
    for things in variants(solids, rng):
        setup = Setup(build(things), things)
        names = list(dict.fromkeys(t["name"].split("/")[0] for t in things))
        order = [names.index(t["name"]) for t in solids]
        hadrons = [setup.per_solid(setup.secondary(CHARGED, line)[0]) for line in lines]
        np.testing.assert_allclose(np.array(hadrons)[:, order] * 1e12, wanted, **EXACT)
        deposits, ends = setup.muons(lines)
        muons = np.array([setup.per_solid(one) for one in deposits])[:, order]
        np.testing.assert_allclose(muons / LOSS, wanted, **EXACT)
        np.testing.assert_allclose((ENERGY - ends[:, 5]) / LOSS, wanted.sum(axis=1), **EXACT)
        # nothing turns or shifts it: the end is on the line
        end = [moved(line, z)[:2] for line, z in zip(lines, ends[:, 2], strict=True)]
        np.testing.assert_allclose(ends[:, :2], end, rtol=0.0, atol=1e-8)


def fast_lengths(things, lines, charge=1.0):
    """(cm of path in matter, what is touched by name) in the fast mode of the backgrounds."""
    from mutau.background.hadron_decays_kernels import Carried, carry_kernel

    geometry = build_geometry(build(*things))
    setup, n = geometry.setup, len(lines)
    pieces, matter = setup.pieces.copy(), setup.matter.copy()
    pieces["width"] = matter["highland"] = 0.0
    matter["loss"] = LOSS
    muons, touched = zeros(State, n), np.zeros(n, np.int64)
    for name, values in zip(("x", "y", "z", "tx", "ty"), lines.T, strict=True):
        muons[name] = values
    muons["energy"], muons["charge"], muons["mass"], muons["kind"] = ENERGY, charge, M_MU, MUON
    end = np.zeros(n)
    carry_kernel(
        stream(1), setup._replace(pieces=pieces, matter=matter), muons, np.zeros((n, 3)),
        Carried(touched, zeros(Place, n), end, np.zeros((1, 0, 2)), zeros(State, 1)),
    )  # fmt: skip
    crossed = {
        name: (touched >> geometry.names.index(name)) & 1 == 1 for name in geometry.names[1:]
    }
    return (ENERGY - end) / LOSS, crossed


@pytest.mark.parametrize("seed", SEEDS)
def test_straight_lines_in_the_fast_mode(seed):
    """Path and what is touched."""
    rng = stream(seed, 1)
    solids, _ = random_things(rng, magnets=False)
    lines = random_lines(rng, 500)
    wanted = expected(lines, solids)
    for things in variants(solids, rng)[:2] if seed else variants(solids, rng):
        paths, crossed = fast_lengths((things,), lines)
        np.testing.assert_allclose(paths, wanted.sum(axis=1), **EXACT)
        for k, thing in enumerate(solids):
            hit = np.zeros(len(lines), bool)
            for name, one in crossed.items():
                hit |= one & (name.split("/")[0] == thing["name"])
            # a touch of less than 1e-9 cm is either way
            clear = (wanted[:, k] == 0.0) | (wanted[:, k] > 1e-9)
            assert np.array_equal(hit[clear], wanted[clear, k] > 0.0)


@pytest.mark.parametrize("name", ["na64mu", "m3", "na64e", "muone"])
def test_straight_lines_through_bundled_files(name):
    """Neutral hadrons pass, charged ones leave their path, in every solid of the file."""
    experiment = load_experiment(name)
    readout = build_readout(experiment)
    target = experiment.target
    thickness = target.thickness.cm(material(target.material).radiation_length_cm)
    things = [target] * (target.stations == 1)
    detector = experiment.detector
    things += [*detector.calorimeter, *detector.absorber]
    if not things:
        return
    rng = stream(5)
    lines = random_lines(rng, 400, readout.start - 1.0)
    lines[:, 3:] *= 0.3
    # the field is another test
    before = min((m.z for m in detector.magnet), default=math.inf)
    things = [t for t in things if t.z < before]
    solids = [
        {"name": f"S{i}", "z": t.z, "length": t.extent or thickness, "x": getattr(t, "x", 0.0),
         "y": getattr(t, "y", 0.0), "width": t.width or 2e6, "height": t.height or 2e6,
         "hole_width": getattr(t, "hole_width", 0.0), "hole_height": getattr(t, "hole_height", 0.0)}
        for i, t in enumerate(things)
    ]  # fmt: skip
    got = straight_paths(lines[:, [0, 1, 3, 4]], lines[:, 2], boxes_of(things))
    clips = np.array([[length_in(line, t) for t in solids] for line in lines])
    np.testing.assert_allclose(got, clips.reshape(got.shape), **EXACT)
    setup = Setup(experiment, solids)
    dense = np.array([setup.pieces["dense"][setup.owner == k][0] for k in range(len(solids))])
    for line, clip in zip(lines, clips, strict=True):
        event, _ = setup.secondary(CHARGED, line)
        path = clip * dense * math.sqrt(1.0 + line[3] ** 2 + line[4] ** 2)
        np.testing.assert_allclose(setup.per_solid(event) * 1e12, path, **EXACT)
        event, _ = setup.secondary(NEUTRAL, line)
        assert not setup.per_solid(event).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_showers_leave_their_profile_along_the_path(seed):
    """A shower of known shape: in each solid the share of its profile between entry and exit."""
    rng, shape = stream(seed, 2), (3.0, 0.9)
    solids, _ = random_things(rng, magnets=False)
    lines = random_lines(rng, 150)
    for things in variants(solids, rng):
        setup = Setup(build(things), things)
        names = list(dict.fromkeys(t["name"].split("/")[0] for t in things))
        for line in lines:
            parts = sorted(
                (low, high, names.index(t["name"])) for t in solids
                for low, high in segments(line, t)
            )  # fmt: skip
            wanted, depth = np.zeros(len(names)), 0.0
            for low, high, k in parts:
                after = depth + (high - low) * math.hypot(1.0, line[3], line[4]) / 400.0
                wanted[k] += lower_gamma(shape[0], shape[1] * after)
                wanted[k] -= lower_gamma(shape[0], shape[1] * depth)
                depth = after
            event, _ = setup.secondary(SHOWER, line, shower=shape)
            np.testing.assert_allclose(setup.per_solid(event) / ENERGY, wanted, **EXACT)


def through_magnets(line, solids, dipoles, mass, charge, iron):
    """({solid: path}, path in iron, end line, whether it came through) of one particle.

    iron : whether it goes on straight through the yoke, and loses LOSS per cm; else that ends it.
    """
    paths, yoke, energy = dict.fromkeys((t["name"] for t in solids), 0.0), 0.0, ENERGY
    edges = sorted({m["z"] for m in dipoles} | {m["z"] + m["length"] for m in dipoles})
    magnets = {m["z"]: m for m in dipoles}

    def straight(line, to):
        nonlocal energy
        span = 0.0
        for thing in solids:
            cut = [(a, min(b, to - line[2])) for a, b in segments(line, thing)]
            one = sum(max(b - a, 0.0) for a, b in cut) * math.hypot(1.0, line[3], line[4])
            paths[thing["name"]] += one
            span += one
        energy -= iron * LOSS * span
        return moved(line, to)

    for edge in edges:
        if edge not in magnets:
            continue
        magnet, line = magnets[edge], straight(line, edge)
        end = edge + magnet["length"]
        while line[2] < end - 1e-9:
            rest = magnet | {"z": line[2], "length": end - line[2]}
            ahead = segments(line, rest)
            if ahead and ahead[0][0] < 1e-9 < ahead[0][1]:  # in the gap
                line, left, _ = circle(line, rest, math.sqrt(energy**2 - mass**2), charge)
                if left and not iron:
                    return paths, yoke, line, False
                continue
            if not iron:
                return paths, yoke, line, False
            to = line[2] + ahead[0][0] if ahead and ahead[0][0] > 1e-9 else end
            part = (to - line[2]) * math.hypot(1.0, line[3], line[4])
            yoke, energy, line = yoke + part, energy - LOSS * part, moved(line, to)
        line = (*line[:2], end, *line[3:])
    return paths, yoke, straight(line, 1e5), True


@pytest.mark.parametrize("seed", SEEDS)
def test_helices_of_every_particle(seed):
    """Hadrons and muons of either charge through gaps of magnets, and muons through their iron."""
    rng = stream(seed, 3)
    solids, dipoles = random_things(rng, magnets=True)
    lines = random_lines(rng, 150)
    names = [t["name"] for t in solids]
    left = 0
    for things in variants(solids, rng)[:: 3 if seed else 1]:
        setup = Setup(build(things, dipoles), things)
        at = list(dict.fromkeys(t["name"].split("/")[0] for t in things))
        order = [at.index(name) for name in names]
        deposits, ends = setup.muons(lines)
        fast = fast_lengths((things, dipoles), lines, 1.0)[0]
        for i, line in enumerate(lines):
            charge = 1.0 if i % 2 else -1.0
            paths, _, end, through = through_magnets(line, solids, dipoles, M_PI, charge, 0.0)
            left += not through
            event, state = setup.secondary(CHARGED, line, charge=charge)
            wanted = np.array([paths[name] for name in names])
            np.testing.assert_allclose(setup.per_solid(event)[order] * 1e12, wanted, **EXACT)
            if not through:  # the point where it enters the iron
                np.testing.assert_allclose(state, end, rtol=0.0, atol=1e-8)
            paths, yoke, end, _ = through_magnets(line, solids, dipoles, M_MU, 1.0, 1.0)
            wanted = np.array([paths[name] for name in names])
            muon = setup.per_solid(deposits[i])[order] / LOSS
            np.testing.assert_allclose(muon, wanted, rtol=0.0, atol=3e-9)
            total = (ENERGY - ends[i, 5]) / LOSS
            assert total == pytest.approx(wanted.sum() + yoke, abs=3e-9)
            assert fast[i] == pytest.approx(wanted.sum() + yoke, abs=3e-9)
            np.testing.assert_allclose(ends[i, 3:5], end[3:], rtol=0.0, atol=1e-9)
    assert 0.2 * len(lines) < left  # many meet the iron


@pytest.mark.parametrize("kind", [PHOTON, NEUTRAL, SHOWER, ELECTRON, CHARGED, MARKER])
def test_gaps_of_magnets_bend_what_is_charged(kind):
    """Each particle through one gap, onto its own circle or straight on, and into the iron."""
    magnet = {"name": "M", "z": 100.0, "length": 80.0, "x": 1.0, "y": -2.0, "bends_to": "+x",
              "field": 1.1, "width": 40.0, "height": 24.0}  # fmt: skip
    bends = kind in (ELECTRON, CHARGED, MARKER)
    setup, rng, lost = Setup(build([], [magnet]), []), stream(9), 0
    for i, line in enumerate(random_lines(rng, 60, 100.0)):
        charge = 1.0 if i % 2 else -1.0
        p = math.sqrt(ENERGY**2 - MASSES[kind] ** 2)
        entered = segments(line, magnet)
        if not entered or entered[0][0] > 0.0:
            continue
        end, out = moved(line, line[2] + entered[0][1]), entered[0][1] < 80.0 - 1e-9
        if bends:
            end, out, _ = circle(line, magnet, p, charge)
        lost += out
        _, state = setup.secondary(kind, line, charge=charge, shower=(3.0, 0.9))
        wanted = end if out else moved(end, state[2])
        np.testing.assert_allclose(state, wanted, rtol=0.0, atol=1e-6)
        assert out or state[2] == pytest.approx(180.0)
    assert lost > 5


FLIP = {"+x": "-x", "-x": "+x", "+y": "+y", "-y": "-y"}


@pytest.mark.parametrize("seed", SEEDS)
def test_mirrored_and_shifted_set_ups(seed):
    """Seen in a mirror at x = 0, or moved: mirrored or moved paths, for every particle."""
    rng = stream(seed, 4)
    solids, dipoles = random_things(rng, magnets=True)
    planes = [box("T", 140.0, 0.0, 2.0, 1.0, 30.0, 30.0, hole_width=4.0, hole_height=6.0),
              box("U", 900.0, 0.0, -5.0, 0.0, 60.0, 60.0)]  # fmt: skip
    planes = [{k: v for k, v in p.items() if k != "length"} for p in planes]
    lines = random_lines(rng, 100)
    shift = np.array([3.7, -2.3, 41.0])

    def mirror(t):
        return t | {"x": -t["x"]} | ({"bends_to": FLIP[t["bends_to"]]} if "bends_to" in t else {})

    def move(t):
        return t | {key: t[key] + d for key, d in zip("xyz", shift, strict=True)}

    here = Setup(build(solids, dipoles, planes), solids)
    flipped, there = [mirror(t) for t in solids], [move(t) for t in solids]
    mirrored = Setup(build(flipped, *([mirror(t) for t in k] for k in (dipoles, planes))), flipped)
    away = Setup(build(there, *([move(t) for t in k] for k in (dipoles, planes))), there)
    sign = np.array([-1.0, 1.0, 1.0, -1.0, 1.0])
    moves = np.array([*shift, 0.0, 0.0])
    results = [s.muons(x) for s, x in ((here, lines), (mirrored, lines * sign),
                                       (away, lines + moves))]  # fmt: skip
    first, ends = results[0]
    for (other, end), back in ((results[1], lambda e: e * sign), (results[2], lambda e: e - moves)):
        np.testing.assert_allclose(back(end[:, :5]), ends[:, :5], rtol=0.0, atol=1e-8)
        np.testing.assert_allclose(end[:, 5], ends[:, 5], rtol=0.0, atol=1e-12)
        crossed = other[:, here.counters]
        np.testing.assert_array_equal(crossed, first[:, here.counters])
        assert 0.1 < crossed.mean() < 0.9
    for i, line in enumerate(lines):
        charge = 1.0 if i % 2 else -1.0
        event, state = here.secondary(CHARGED, line, charge=charge)
        for setup, start, back in ((mirrored, line * sign, lambda e: e * sign),
                                   (away, line + moves, lambda e: e - moves)):  # fmt: skip
            other, end = setup.secondary(CHARGED, start, charge=charge)
            np.testing.assert_allclose(back(end), state, rtol=0.0, atol=1e-8)
            np.testing.assert_allclose(setup.per_solid(other), here.per_solid(event), atol=1e-21)
