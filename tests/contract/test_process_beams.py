"""Every pair of process and beam particle: the file is taken, or refused at `process` by name."""

from __future__ import annotations

import pytest

from mutau.core.errors import Problems
from mutau.experiment import PROCESSES, load_experiment
from mutau.experiment.loader import from_document
from mutau.experiment.names import DEFAULT_PROCESS

FILES = {
    "muon-brems": "na64mu", "muon-electron-zprime": "muone", "electron-brems+annihilation": "na64e",
}  # fmt: skip


@pytest.mark.parametrize("particle", DEFAULT_PROCESS)
@pytest.mark.parametrize("name", list(PROCESSES))
def test_a_process_takes_a_beam_or_refuses_it(name, particle):
    document = load_experiment(FILES[name]).to_dict() | {"process": name}
    document["beam"]["particle"] = particle
    if particle in PROCESSES[name].beams:
        item = from_document(document, "pair")
        assert (item.process, item.beam.particle) == (name, particle)
        return
    with pytest.raises(Problems) as caught:
        from_document(document, "pair")
    (problem,) = caught.value.problems
    allowed = " or ".join(PROCESSES[name].beams)
    assert problem == ("process", f"{name!r} needs a beam of {allowed}, not {particle}")


@pytest.mark.parametrize("table", ["theory", "upstream"])
@pytest.mark.parametrize("name", list(PROCESSES))
def test_a_table_for_some_processes_is_taken_or_refused(name, table):
    document = load_experiment(FILES[name]).to_dict() | {"process": name}
    document[table] = load_experiment("na64e").to_dict().get(table) or {"because": "x"}
    if table in PROCESSES[name].tables:
        assert getattr(from_document(document, "pair"), table) is not None
        return
    with pytest.raises(Problems, match=rf"{table}: this table is for electron beams"):
        from_document(document, "pair")
