"""Mutated event files: refused with a message, or read as the plainest reader would.

A plain reader stands here for each text format, a few lines that know nothing of comments in odd
places or of units beyond need; it shares no line with the package. A mutated binary file must be
refused or give the events that were written.

    python tests/property/test_event_files_mutations.py 100000 .lhe

runs many more than the suite does, and prints each file that breaks the rule and the memory used.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
import tempfile
import traceback
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from mutau.core.errors import MutauError
from mutau.core.types import Events
from mutau.io.event_files import read_events, write_events

# Files to start from


def sample(n=3, weighted=True):
    rng = np.random.default_rng(7)
    p4 = rng.normal(size=(4 * n, 4)) * [1, 0.1, 0.1, 1]
    p4[:, 0] = np.sqrt(np.sum(p4[:, 1:] ** 2, axis=1) + 0.01)
    weight = np.repeat(rng.exponential(size=n) if weighted else np.full(n, 0.5), 4)
    return Events(
        np.tile(np.array([13, 11, 13, 32], np.int32), n), np.repeat(np.arange(n), 4),
        np.tile(np.array([-1, -1, 1, 1], np.int8), n), p4,
        np.repeat(rng.normal(size=(n, 4)), 4, axis=0), weight,
        {"sigma_pb": 7.25, "sigma_err_pb": 0.5, "seed": 1},
    )  # fmt: skip


LHE = """<LesHouchesEvents version="3.0">
<!-- of -- another < program -->
<header><card> a = 1 # b < c </card><initrwgt><weight id='1'>a</weight></initrwgt></header>
<init>
13 11 160.0 0.000511 0 0 0 0 {idwtup} 2
20.0 3.0 40.0 1
10.0 4.0 40.0 2
<generator name='other' version='1'>cite: x</generator>
</init>
# between
<event>
 4  1 {weights[0]} 91.2 0.0078 0.118
13 -1 0 0 0 0 0. 0. 160.D0 160. 0.10566 0. 9.
11 -1 0 0 0 0 0. 0. 0. 5.11e-4 5.11e-4 0. 9.
13  1 1 2 0 0 0.125 -0.25 40. 4.0E+01 0.10566 0. 9. # muon
32  1 1 2 0 0 -0.125 +0.25 120.0 120.0005 0.1 0. 9.
#other 1 2 3
<rwgt><wgt id='1'> 7.0 </wgt></rwgt>
</event>
<event npNLO="1">
 2 2 {weights[1]} 91.2 0.0078 0.118
13 -1 0 0 0 0 0 0 160 160 0.10566 0 9
13  1 1 1 0 0 1 2 30 31 0.10566 0 9
<weights> 1.0 </weights>
</event>
</LesHouchesEvents>
# the end
"""
HEPMC_3 = """HepMC::Version 3.02.05
HepMC::Asciiv3-START_EVENT_LISTING
W Other\\|Weight
T program\\|1.0\\|
E 0 2 6
U MEV CM
W 0.25 0.5
A 0 GenCrossSection 3.0 0.5 -1 -1
P 1 0 13 0.0 0.0 160.0 160.0 0.10566 4
P 2 0 11 0.0 0.0 0.0 0.000511 0.000511 4
V -1 0 [1,2] @ 1.0 2.0 3.0 4.0
P 3 -1 13 0.0 0.0 40.0 40.0 0.10566 1
P 4 -1 32 0.0 0.0 120.0 120.000511 0.1 2
V -2 0 [4] @ 10.0 20.0 30.0 40.0
P 5 -2 14 1.5e+00 0.0 60.0 60.0 0.0 1
P 6 -2 -14 -1.5 0.0 60.0 60.0 0.0 1
E 1 2 3
U GEV MM
W 0.75 1.25
A 0 GenCrossSection 3.25 0.25 -1 -1
P 1 0 13 0.0 0.0 160.0 160.0 0.10566 4
P 2 1 13 0.0 0.1 159.0 159.0 0.10566 2
V -2 0 [2] @ -1.0 2.5 3.5 4.5
P 3 -2 13 0.0 0.2 158.0 158.0 0.10566 1
HepMC::Asciiv3-END_EVENT_LISTING

"""
HEPMC_2 = """
HepMC::Version 2.06.09
HepMC::IO_GenEvent-START_EVENT_LISTING
E 0 -1 0.0 1.0e-01 7.0e-03 20 -3 2 1 2 0 2 5.0e-01 7.0e-01
N 2 "Other" "Weight"
U MEV CM
C 3.25 1.0e-02
F 1 2 0 0 0 0 0 0 0
V -2 0 1 2 3 4 1 1 0
P 1 13 0 0 5000 5001 105 4 0 0 -2 0
P 3 15 0 0 4000 4001 105 2 0 0 -3 0
V -3 0 1 2 3 5 1 2 0
P 2 11 0 0 0 0.511 0.511 4 0 0 -3 0
P 4 13 0 0 3000 3001 105 1 0 0 0 0
P 5 11 0 0 2000 2001 0.511 1 0 0 0 1 1 501
HepMC::IO_GenEvent-END_EVENT_LISTING
"""
WORDS = [
    b"nan", b"inf", b"-inf", b"1_0", b"1.0D+00", b"1.0-100", b"1e999", b"-1", b"0", b"-0.0", b"3",
    b"99999999999", b"2147483648", b"1" * 400, b"0x10", b"1,5", b"1.5.2", b"", b"#", b"<", b">",
    b"<!--", b"-->", b"<event>", b"</event>", b"<init>", b"</init>", b"</LesHouchesEvents>", b"\0",
    b"\xc3\xa9", b"\xff", b"\r\n", b"\n", b"\n\n", b"\t", b"GEV", b"MEV", b"MM", b"CM", b"E 0 1 1",
    b"P 1 0 13 0 0 1 1 0 1", b"W 1", b"@", b"[1]", b"-4", b"2", b"-3", b"4", b'"', b"'", b"&amp;",
    b"<!DOCTYPE a>", b"<eventgroup>", b"A 0 GenCrossSection 1 1 1 1",
    b"HepMC::Asciiv3-END_EVENT_LISTING",
]  # fmt: skip


def mutated(data, rng):
    """One to three changes: of bytes, of words, of lines, of the length."""
    for _ in range(rng.integers(1, 4)):
        kind, at = rng.integers(8), int(rng.integers(len(data) + 1))
        if kind == 0:
            data = data[:at] + bytes([rng.integers(256)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + data[at + int(rng.integers(1, 30)) :]
        elif kind == 2:
            other = int(rng.integers(len(data) + 1))
            data = data[:at] + data[other : other + int(rng.integers(1, 200))] + data[at:]
        elif kind == 3 and rng.integers(10) == 0:
            data = data[:at]
        elif kind == 4:
            data = data[:at] + WORDS[rng.integers(len(WORDS))] + data[at:]
        elif kind in (5, 6):
            words = list(re.finditer(rb"[^\s<>'\"]+", data))
            if words:
                word = words[rng.integers(len(words))]
                new = WORDS[rng.integers(len(WORDS))]
                if kind == 6:
                    new = words[rng.integers(len(words))][0]
                data = data[: word.start()] + new + data[word.end() :]
        elif kind == 7:
            lines = data.split(b"\n")
            i, j = rng.integers(len(lines), size=2)
            if rng.integers(2):
                lines.insert(i, lines[j])
            else:
                del lines[i]
            data = b"\n".join(lines)
    return data


# Plain readers: (rows of pdg, status, E, px, py, pz, weight), or None for what they do not read


def number(word):
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?", word, re.ASCII):
        raise ValueError(word)
    return float(word.lower().replace("d", "e"))


def plain_lhe(data):
    text = re.sub("<!--.*?-->", "", data.decode("latin-1"), flags=re.DOTALL)
    text = text[text.index("<LesHouchesEvents") :]
    header = re.search("<header.*?</header *>", text, re.DOTALL)
    own = re.search("<mutau>(.*?)</mutau>", header[0], re.DOTALL) if header else None
    text = text[header.end() if header else re.search("<init\\b", text).start() :]
    head, rest = re.split("</init *>", text, maxsplit=1)
    init = re.split("<init\\b[^>]*>", head)[-1]
    init = re.sub("<(\\w+)\\b.*?</\\1 *>", "", init, flags=re.DOTALL)
    words = re.sub("#.*", "", init).split()
    size = 10 + 4 * int(float(words[9]))  # what follows is no number of ours
    init = [number(word) for word in words[:size]]
    events = []
    for attributes, body in re.findall("<event\\b([^<>]*)>(.*?)</event", rest, re.DOTALL):
        lines = [line.partition("#")[0] for line in body.split("\n")]
        lines = "\n".join(lines).partition("<")[0].split("\n")
        lines = [[number(word) for word in line.split()] for line in lines if line.split()]
        trials = re.search("\\btrials *= *['\"]([^'\"]*)", attributes)
        events.append((lines[0], lines[1:], number(trials[1].strip()) if trials else 1.0))
    xwgtup = np.array([event[0][2] for event in events])
    process = np.array([event[0][1] for event in events])
    trials = np.array([event[2] for event in events])
    xsecup = dict(zip(init[13::4], init[10::4], strict=True))
    if own:
        weight = xwgtup * json.loads(unescape(own[1]))["weight_per_XWGTUP"]
    elif abs(init[8]) == 1:
        weight = [w / trials[process == p].sum() if len(xsecup) > 1 else w / trials.sum()
                  for w, p in zip(xwgtup, process, strict=True)]  # fmt: skip
    elif abs(init[8]) == 2:
        weight = [w * xsecup.get(p, init[10]) / xwgtup[process == p].sum() if len(xsecup) > 1
                  else w * init[10] / xwgtup.sum()
                  for w, p in zip(xwgtup, process, strict=True)]  # fmt: skip
    elif abs(init[8]) == 3:
        weight = xwgtup * sum(init[10::4]) / xwgtup.sum()
    else:
        weight = xwgtup / trials.sum()
        if abs(xwgtup.sum() - sum(init[10::4])) <= 0.01 * sum(init[10::4]):
            mean_fits = abs(weight.sum() - sum(init[10::4])) <= 0.01 * sum(init[10::4])
            weight = weight if mean_fits else xwgtup
    return [
        [row[0], row[1], row[9], row[6], row[7], row[8], w]
        for (_, rows, _), w in zip(events, weight, strict=True)
        for row in rows
    ]


def status(code):
    return {4: -1, 1: 1}.get(code, 2)


def plain_hepmc_3(data):
    rows, weight, names = [], 1.0, [""]
    head, *events = data.decode("latin-1").split("\nE ")
    for line in head.split("\n"):
        if line.startswith("W "):
            names = line[2:].rstrip().split("\\|")
    nominal = [n.lower() in ("", "0", "weight", "nominal", "default") for n in names]
    nominal = nominal.index(True) if any(nominal) else 0
    for event in events:
        scale, weight, found = 1.0, 1.0, []
        for line in event.split("\n")[1:]:
            words = line.split()
            if words[:1] == ["U"]:
                scale = {"GEV": 1.0, "MEV": 1e-3}[words[1]]
            elif words[:1] == ["W"]:
                weight = number(words[1 + nominal])
            elif words[:1] == ["P"]:
                px, py, pz, e = (number(word) for word in words[4:8])
                found.append([int(words[3]), status(int(words[9])), e, px, py, pz])
        rows += [[*row[:2], *(x * scale for x in row[2:]), weight] for row in found]
    return rows


def plain_hepmc_2(data):
    rows, names = [], [""]
    _, *events = data.decode("latin-1").split("\nE ")
    for event in events:
        scale, found = 1.0, []
        first, *lines = event.split("\n")
        weights = first.split()[12:]
        for line in lines:
            words = line.split()
            if words[:1] == ["N"]:
                names = re.findall('"([^"]*)"', line)
            elif words[:1] == ["U"]:
                scale = {"GEV": 1.0, "MEV": 1e-3}[words[1]]
            elif words[:1] == ["P"]:
                px, py, pz, e = (number(word) for word in words[3:7])
                found.append([int(words[2]), status(int(words[8])), e, px, py, pz])
        nominal = [n.lower() in ("", "0", "weight", "nominal", "default") for n in names]
        nominal = nominal.index(True) if any(nominal) else 0
        weight = number(weights[nominal]) if weights else 1.0
        rows += [[*row[:2], *(x * scale for x in row[2:]), weight] for row in found]
    return sorted(rows)


def starts(suffix, folder):
    """Bytes to mutate, and who reads them plainly."""
    path = Path(folder) / f"start{suffix}"
    if suffix == ".lhe":
        listed = {1: (30, 10), -2: (3, 7), 3: (1, 1), -4: (45, 15), -3: (1, -0.5), 4: (15, 15)}
        for idwtup, weights in listed.items():
            yield LHE.format(idwtup=idwtup, weights=weights).encode(), plain_lhe
    if suffix == ".hepmc":
        yield HEPMC_3.encode(), plain_hepmc_3
        yield HEPMC_2.encode(), plain_hepmc_2
    for weighted in (True, False):
        write_events(sample(weighted=weighted), path)
        plain = {".lhe": plain_lhe, ".hepmc": plain_hepmc_3}.get(suffix)
        yield path.read_bytes(), plain


def columns(events):
    return np.column_stack([events.pdg, events.status, events.p4, events.weight])


def read_or_refused(path, data):
    """The events of these bytes, the message that refuses them, or a traceback."""
    path.write_bytes(data)
    try:
        return read_events(path)
    except MutauError as error:
        return str(error)
    except Exception:
        return "Traceback: " + traceback.format_exc(limit=-3)


def broken_rule(found, data, plain, before):
    """What is wrong with what came of these bytes; "" if nothing."""
    if isinstance(found, str):
        return "" if 10 < len(found) < 1500 and not found.startswith("Traceback") else found
    if plain is None:
        good = dict(found.meta) == dict(before.meta)
        good &= all(np.array_equal(getattr(found, n), getattr(before, n)) for n in EXACT)
        return "" if good else "other events than were written"
    rows = columns(found)
    try:
        expected = np.array(plain(data))
    except (ValueError, IndexError, KeyError, ZeroDivisionError) as error:
        return f"read, though {error!r}"
    if plain is plain_hepmc_2:
        rows = np.array(sorted(rows.tolist()))
    if not np.all(np.isfinite(expected)):
        return "read, though not finite"
    if rows.shape != expected.shape or not np.allclose(rows, expected, rtol=1e-12, atol=0.0):
        return f"read as {rows.tolist()}, not {expected.tolist()}"
    return ""


EXACT = ("pdg", "event", "status", "p4", "x4", "weight")


def run(suffix, n, folder, seed=1):
    """(number of files read, list of (what is wrong, bytes)) of n mutated files."""
    rng = np.random.default_rng([seed, len(suffix), n])
    path, n_read, wrong = Path(folder) / f"e{suffix}", 0, []
    listed = [(data, plain, read_or_refused(path, data)) for data, plain in starts(suffix, folder)]
    for i in range(n):
        data, plain, before = listed[i % len(listed)]
        data = mutated(data, rng)
        found = read_or_refused(path, data)
        n_read += isinstance(found, Events)
        problem = broken_rule(found, data, plain, before)
        if problem:
            wrong.append((problem, data))
    return n_read, wrong


@pytest.mark.parametrize(
    "suffix", [".lhe", ".hepmc", ".lhe.gz", ".hepmc3.gz", ".parquet", ".npz", ".root"]
)
def test_mutated_files_are_refused_or_read_as_they_stand(tmp_path, suffix):
    for data, plain in starts(suffix, tmp_path):  # what is not mutated is read
        found = read_or_refused(tmp_path / f"e{suffix}", data)
        assert isinstance(found, Events), found
        assert not broken_rule(found, data, plain, found)
    n_read, wrong = run(suffix, 60 if suffix == ".root" else 300, tmp_path)
    assert not wrong, f"{len(wrong)}: {wrong[0][0]}\n{wrong[0][1][:3000]!r}"
    if suffix in (".lhe", ".hepmc"):
        assert n_read > 30  # not all is refused


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("a thousand files took ten minutes"))
    count, kinds, bad = int(sys.argv[1]), sys.argv[2:], 0
    with tempfile.TemporaryDirectory() as where:
        for kind in kinds:
            total = 0
            for part in range(0, count, 1000):
                signal.alarm(600)
                read, problems = run(kind, 1000, where, seed=part)
                total, bad = total + read, bad + len(problems)
                for problem, data in problems:
                    print(kind, problem, data, sep="\n", flush=True)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(f"{kind}: {count} files, {total} read, {memory} MB in use at most", flush=True)
    sys.exit(bool(bad))
