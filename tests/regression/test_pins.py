"""Numbers and surface as they were when last explained (`python tests/regression/pins.py`)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("pins", Path(__file__).with_name("pins.py"))
pins = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pins)
NUMBERS = json.loads(pins.REFERENCE.read_text())
SURFACE = json.loads(pins.SURFACE.read_text())
#: Sums over threads and vector instructions of another processor differ in the last digits; where a
#: random history branches on them, whole events do.
EXACT, SAMPLED = 1e-7, 1e-2
_SAMPLED = ("generate", "background", "yields na64mu --full-chain", "xsec muon-electron-pair",
            "xsec muon-muon-pair")  # fmt: skip


@pytest.mark.compiled
@pytest.mark.parametrize("command", pins.commands())
def test_pinned_numbers_stay(command):
    numbers, keys = pins.measured(command)
    known = NUMBERS[command]
    assert numbers.keys() == known.keys()
    rel = SAMPLED if command.startswith(_SAMPLED) else EXACT
    scale = max(map(abs, known.values()), default=0.0) if command.startswith("generate") else 0.0
    moved = {
        name: (known[name], value)
        for name, value in numbers.items()
        if value != pytest.approx(known[name], rel=rel, abs=1e-3 * rel * scale)
    }
    assert not moved
    assert set(SURFACE["json_keys"][command]) <= set(keys)


def test_no_verb_option_or_public_name_is_lost():
    now = pins.surface()
    assert set(SURFACE["public"]) <= set(now["public"])
    for verb, options in SURFACE["verbs"].items():
        assert set(options) <= set(now["verbs"][verb]), verb
