"""Runs of the full simulation: chunks, shards, files, resuming, refusals, signal."""

from __future__ import annotations

import dataclasses
import json
import pickle

import numpy as np
import pytest

from mutau.core.errors import FileError, MachineError, MutauError, UnknownName
from mutau.core.random import stream
from mutau.detector import simulation
from mutau.detector.hits import Hits, join_hits
from mutau.detector.readout import build_readout
from mutau.detector.simulation import CHUNK, simulate, simulate_beam, simulate_chunk
from mutau.detector.simulation_beam import entrance
from mutau.experiment import load_experiment, replace
from mutau.experiment.field_maps import write_field_map
from mutau.matter.materials import material
from mutau.scan import simulate as shards
from mutau.scan.event_tables import from_table, read_hits, to_table
from mutau.scan.simulate import SimulationRun, compute_shard, run_simulation
from mutau.signal.simulate import Tally, cut_labels, run_tally, signal_source, tally
from mutau.signal.simulate_results import beam_profile

pytestmark = pytest.mark.compiled

pytest.importorskip("pyarrow")

N = 3 * CHUNK // 2  # two chunks, the second half full


@pytest.fixture(scope="module")
def na64mu():
    return load_experiment("na64mu")


@pytest.fixture(scope="module")
def some(na64mu):
    return simulate_chunk(na64mu, 3000, 5, 0)


def equal(a: Hits, b: Hits, rel=0.0):
    for item in dataclasses.fields(Hits):
        old, new = getattr(a, item.name), getattr(b, item.name)
        if isinstance(old, np.ndarray):
            assert old.shape == new.shape, item.name
            assert np.allclose(old, new, rtol=rel, atol=rel), item.name


def test_chunks_do_not_depend_on_each_other(na64mu):
    """The second chunk alone is the second chunk of a run; another seed is another run."""
    parts = list(simulate(na64mu, N, 3))
    assert [len(part) for part in parts] == [CHUNK, N - CHUNK]
    alone = simulate_chunk(na64mu, N - CHUNK, 3, 1)
    equal(alone, parts[1])
    assert alone.event[0] == CHUNK
    other = simulate_chunk(na64mu, 100, 4, 1)
    assert not np.array_equal(other.x_beam, alone.x_beam[:100])


def test_whole_events_survive_parquet(some, tmp_path):
    """32-bit floats: 1e-6 of everything; integers and masks exactly; extra hits with their rows."""
    back = from_table(to_table(some, "full"))
    equal(some, back, rel=2e-6)
    assert np.array_equal(some.extra_event, back.extra_event)
    assert (back.planes, back.modules, back.counters_named) == (
        some.planes,
        some.modules,
        some.counters_named,
    )
    joined = join_hits([back, some.select(some.trigger)])
    assert len(joined) == len(some) + some.trigger.sum()


def test_set_ups_without_planes_or_counters_survive_parquet(na64mu):
    bare = replace(na64mu, {"detector/counter": [], "detector/tracker": [], "cuts": []})
    hits = simulate_chunk(bare, 50, 1, 0)
    assert hits.planes == ()
    equal(hits, from_table(to_table(hits, "full")), rel=2e-6)


def test_summaries_are_small_and_say_so(some):
    table = to_table(some, "summary")
    assert "energy" in table.column_names
    assert "hit" not in table.column_names
    with pytest.raises(FileError, match="does not hold whole events"):
        from_table(table)


def whole(run, folder, **options):
    return run_simulation(run, folder, **options)


def test_a_killed_run_goes_on_where_it_was(na64mu, tmp_path):
    """Killed behind the first shard: the second run computes one shard, and all agrees."""
    run = SimulationRun(na64mu.to_dict(), "na64mu", N, 2, shard=CHUNK, keep="beam")
    straight = whole(run, tmp_path / "a")

    class Killed(Exception):
        pass

    def kill(fraction, text):
        raise Killed

    with pytest.raises(Killed):
        whole(run, tmp_path / "b", progress=kill)
    first = tmp_path / "b" / "events" / "00000000.parquet"
    stamp = first.stat().st_mtime_ns
    with pytest.raises(MutauError, match="already holds results"):
        whole(run, tmp_path / "b")
    (tmp_path / "b" / "events" / ".00000001-1-0123456789ab.parquet").write_bytes(b"PAR1")
    (tmp_path / "b" / "events" / ".00000001-half.parquet").write_bytes(b"PAR1")  # not ours
    resumed = whole(run, tmp_path / "b", resume=True)
    assert [path.name for path in (tmp_path / "b" / "events").glob(".*")] == [
        ".00000001-half.parquet"
    ]
    assert first.stat().st_mtime_ns == stamp
    for name, values in straight.tally.sums.items():
        assert np.array_equal(values, resumed.tally.sums[name]), name
    assert [f.name for f in resumed.files] == ["00000000.parquet", "00000001.parquet"]
    for one, other in zip(straight.files, resumed.files, strict=True):
        equal(read_hits(one), read_hits(other))
    events = [read_hits(path) for path in straight.files]
    assert all(np.all(part.beam_trigger) for part in events)
    assert sum(len(part) for part in events) == straight.tally.sums["beam_trigger"][0]
    loaded = shards.load_tally(tmp_path / "b")
    assert loaded.sums["n"].tolist() == [N, N]


def test_another_experiment_is_refused_with_the_difference(na64mu, tmp_path):
    run = SimulationRun(na64mu.to_dict(), "na64mu", CHUNK // 10, shard=CHUNK, tables=False)
    whole(run, tmp_path / "a")
    moved = replace(na64mu, "detector/counter[S4]/x", "-16 cm")
    with pytest.raises(MutauError, match=r"experiment/detector/counter\[S4\]/x: '-14.8 cm'"):
        whole(dataclasses.replace(run, experiment=moved.to_dict()), tmp_path / "a", resume=True)
    with pytest.raises(MutauError, match="n: 2000 there, 3000 now"):
        whole(dataclasses.replace(run, n=3000), tmp_path / "a", resume=True)
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["experiment/beam/energy"] == "160 GeV"
    assert not any("because" in key for key in manifest)


def test_one_file_instead_of_a_folder(na64mu, tmp_path):
    run = SimulationRun(na64mu.to_dict(), "na64mu", N, 2, shard=CHUNK, keep="trigger", tracks=False)
    result = whole(run, tmp_path / "hits.parquet")
    assert result.files == (tmp_path / "hits.parquet",)
    assert [p.name for p in tmp_path.iterdir()] == ["hits.parquet"]
    hits = read_hits(result.files[0])
    assert np.all(hits.trigger)
    assert len(hits) > 0
    with pytest.raises(MutauError, match="is there already"):
        whole(run, tmp_path / "hits.parquet")


def test_full_disks_are_seen_before_and_during_the_run(na64mu, tmp_path, monkeypatch):
    run = SimulationRun(na64mu.to_dict(), "na64mu", 10**12)
    with pytest.raises(FileError, match=r"need about .* GB, .* GB are free"):
        whole(run, tmp_path / "a")
    small = SimulationRun(na64mu.to_dict(), "na64mu", 100, shard=CHUNK)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    import pyarrow.parquet

    monkeypatch.setattr(pyarrow.parquet, "ParquetWriter", full)
    with pytest.raises(MachineError, match="No space left on device"):
        whole(small, tmp_path / "b")
    assert not list((tmp_path / "b").rglob("*.parquet"))
    assert not list((tmp_path / "b" / "shards").glob("*.json"))


def test_settings_without_meaning(na64mu):
    plain = na64mu.to_dict()
    with pytest.raises(MutauError, match="n = 0"):
        SimulationRun(plain, "na64mu", 0)
    with pytest.raises(UnknownName, match="'some'"):
        SimulationRun(plain, "na64mu", 1, keep="some")
    with pytest.raises(UnknownName, match="'many'"):
        SimulationRun(plain, "na64mu", 1, columns="many")
    with pytest.raises(MutauError, match="multiple of"):
        SimulationRun(plain, "na64mu", 1, shard=CHUNK + 1)
    with pytest.raises(FileError, match="holds no finished tally"):
        shards.load_tally("nowhere")


def test_tallies_of_threads_are_those_of_one(na64mu):
    one = run_tally(na64mu, N, 7, tracks=False)
    two = run_tally(na64mu, N, 7, tracks=False, workers=2)
    for name, values in one.sums.items():
        assert np.array_equal(values, two.sums[name]), name
    back = Tally.from_plain(json.loads(json.dumps(one.to_plain())))
    assert all(np.array_equal(back.sums[k], v) for k, v in one.sums.items())


def test_signal_starts_at_its_vertex(na64mu):
    """Vertices uniform in the target, the muon's energy falls there by that of the Z'."""
    source = signal_source(na64mu, 0.1)
    hits = simulate_chunk(na64mu, 6000, 1, 0, signal=source)
    made = hits.weight > 0.0
    face, back = build_readout(na64mu).target_z
    assert np.all(hits.vertex_process[made] == 5)
    depth = (hits.vertex[made, 2] - face) / (back - face)
    core = hits.p_target[made, 0] > 140.0
    assert depth.min() >= 0.0
    assert depth.max() <= 1.0
    # uniform: mean 1/2, variance 1/12
    error = 1.0 / np.sqrt(12.0 * core.sum())
    assert depth[core].mean() == pytest.approx(0.5, abs=4.0 * error)
    assert np.all(hits.p_out[made, 0] + hits.vertex_loss[made] < hits.p_target[made, 0] + 1e-9)
    assert np.median(hits.vertex_loss[made]) > 0.5 * 160.0  # a heavy Z' takes most
    # expected emissions per muon: the cross section times 40 X0, within the spread of E
    column = 40.0 * material("lead-scintillator").radiation_length_cm
    rate = np.interp(159.5, source.energies, source.per_cm) * column
    assert np.median(hits.weight[made]) == pytest.approx(rate, rel=0.01)


def test_tally_counts_what_the_hits_say(na64mu, some):
    counted = tally(some, na64mu, tracks=False).sums
    assert counted["n"].tolist() == [3000, 3000]
    assert counted["beam_trigger"][0] == some.beam_trigger.sum()
    before = some.fired("S0") & some.fired("S1")
    assert counted["flow"][0] == before.sum()
    assert counted["flow"][1] == (some.trigger & before).sum()
    assert counted["spot_all"].sum() <= 3000
    assert counted["module_HCAL1"].sum() == some.beam_trigger.sum()


def test_records_have_room_or_say_so(na64mu, monkeypatch):
    """With room for no extra hit at all, they are counted as lost."""
    readout = build_readout(na64mu)
    beam = simulation.beam_source(na64mu, readout)(2000, stream(1), 0).at(entrance(readout))
    plain = simulate_beam(na64mu, beam, stream(2))
    new = simulation.beam_records

    def tiny(readout, beam):
        out = new(readout, beam)
        return out._replace(extra=out.extra[:0])

    monkeypatch.setattr(simulation, "beam_records", tiny)
    cramped = simulate_beam(na64mu, beam, stream(2))
    assert len(cramped.extra_event) == 0
    assert cramped.lost_extra.sum() > 0.5 * len(plain.extra_event)


def test_cells_add_up_to_their_modules(na64mu):
    """30 + 16 + 18 + 18 cells; a muon on the axis is in the middle, its showers around it."""
    hits = simulate_chunk(na64mu, 4000, 1, 0, cells=True)
    plain = simulate_chunk(na64mu, 4000, 1, 0)
    assert len(hits.cells_named) == 30 + 16 + 18 + 18
    assert hits.cells_named[30] == "VHCAL[0,0]"
    assert np.array_equal(hits.deposit, plain.deposit)  # the physics does not notice
    for index, module in enumerate(hits.modules):
        mine = [i for i, name in enumerate(hits.cells_named) if name.startswith(f"{module}[")]
        assert hits.cells[:, mine].sum(axis=1) == pytest.approx(hits.energy[:, index], abs=1e-9)
    first = hits.cells[:, :30].reshape(-1, 5, 6)  # rows of y, columns of x
    columns = first.sum(axis=(0, 1)) / first.sum()
    assert columns[2] + columns[3] > 0.9  # |x| < 3.8 cm, spot 0.9 cm
    assert columns == pytest.approx(columns[::-1], abs=0.1)
    # a muon without showers is in one cell
    quiet = (hits.vertex_loss == 0.0) & hits.beam_trigger
    assert np.median(np.count_nonzero(hits.cells[quiet][:, :30], axis=1)) == 1
    back = from_table(to_table(hits, "full"))
    assert back.cells_named == hits.cells_named
    equal(hits, back, rel=2e-6)
    assert join_hits([hits, hits.select(hits.trigger)]).cells.shape[1] == 82


def test_cuts_that_are_not_simulated_are_named():
    """MUonE's electron is not followed: its cuts stay open, and say so."""
    muone = load_experiment("muone")
    counted = run_tally(muone, 500, 1)
    labels = cut_labels(muone)
    assert any("electron_energy" in name and "(not simulated)" in name for name in labels)
    assert len(counted.sums["flow"]) == len(labels)
    open_ones = [i for i, name in enumerate(labels) if "(not simulated)" in name]
    for i in open_ones:
        assert counted.sums["flow"][i] == counted.sums["flow"][i - 1]


def test_another_beam_is_kept_by_its_own_energy_and_an_empty_one_has_no_spot():
    """5/8 of the beam energy (100 of 160 GeV) counts as kept: all of a 15 GeV beam, no NaN else."""
    counted = run_tally(load_experiment("m3"), 200, 1)
    assert beam_profile(counted).kept == 1.0
    nothing = beam_profile(Tally({**counted.sums, "kept": np.zeros(5)}))
    assert (nothing.kept, nothing.sigma_x, nothing.sigma_x_err) == (0.0, 0.0, np.inf)
    assert nothing.kept_err == pytest.approx(200**-0.5)
    softened = replace(load_experiment("m3"), "beam/energy", "20 GeV")
    hits = simulate_chunk(load_experiment("m3"), 200, 1, 0)
    assert tally(hits, softened, tracks=False).sums["kept"][0] == 200.0  # 15 of 20 GeV
    assert (
        tally(hits, replace(softened, "beam/energy", "30 GeV"), tracks=False).sums["kept"][0] == 0.0
    )


def test_a_field_map_edited_while_a_run_goes_on_is_refused(na64mu, tmp_path):
    """A worker loads the experiment anew; what it finds must be what the manifest says."""
    document = na64mu.to_dict()
    (magnet,) = document["detector"]["magnet"]
    del magnet["field_integral"], magnet["bends_to"]
    magnet["field_map"] = str(tmp_path / "map.csv")
    axes = np.array([-16.0, 16.0]), np.array([-6.0, 6.0]), np.array([-110.0, 110.0])
    field = np.zeros((2, 2, 2, 3))
    field[..., 1] = -0.7
    write_field_map(tmp_path / "map.csv", *axes, field)
    run = SimulationRun(document, "na64mu", CHUNK)
    sent = pickle.loads(pickle.dumps(run))
    assert sent.load().digest == run.manifest()["experiment_digest"]
    write_field_map(tmp_path / "map.csv", *axes, 1.01 * field)
    with pytest.raises(MutauError, match="of 'na64mu' has changed since the run began; put it"):
        compute_shard(sent, str(tmp_path), 0)
