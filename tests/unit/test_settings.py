"""Families, settings, old keywords, and the loop over points."""

from __future__ import annotations

import importlib
import re
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import mutau
from mutau.analysis.loop import mass_by_mass, part_of, side_by_side
from mutau.analysis.plane import Frame, Overlay
from mutau.core.deprecation import deprecated, old_keywords
from mutau.core.errors import MutauError, OutOfRange, UnknownName

FAST = mutau.Settings(n_events=400)


def test_a_family_makes_the_points_of_a_model():
    family = mutau.Family("dark-photon", alpha_d=0.1)
    assert family.at(0.01, 1e-4) == mutau.DarkPhoton(0.01, 1e-4, alpha_d=0.1, mass_ratio=3.0)
    assert mutau.Family(**family.to_dict()) == family
    assert family.coupling_name == "epsilon"
    assert mutau.Family.of("lmu-ltau") == mutau.Family()
    assert mutau.Family.of(family) is family
    digests = {mutau.Family("lmu-ltau", a, r).digest for a in (0.0, 0.1) for r in (3.0, 4.0)}
    assert len({*digests, family.digest}) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("z-prime",), "z-prime"), (("lmu-ltau", "much"), "'much' is not a number"), ((7,), "7")],
)
def test_a_family_that_cannot_be(arguments, said):
    with pytest.raises(MutauError, match=said):
        mutau.Family(*arguments)


def test_what_a_setting_leaves_out_is_as_the_file_says():
    item = mutau.load_experiment("na64mu")  # 90 %, "events"
    assert mutau.Settings().level_of([item]) == 0.90
    assert mutau.Settings().method_of([item]) == "events"
    assert mutau.Settings(background="computed").method_of([item]) == "bayes"
    given = mutau.Settings(cl=0.95, method="toys-cls")
    assert (given.level_of([item]), given.method_of([item])) == (0.95, "toys-cls")
    with pytest.raises(UnknownName, match="background"):
        mutau.Settings(background="guessed")


POINT = mutau.LmuMinusLtau(mass=0.1, coupling=1e-3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mutau.discovery_reach(["na64mu"], POINT, settings=mutau.Settings(cl=0.9)),
         r"settings\.cl: cl = 0\.9 has no effect on a discovery"),
        (lambda: mutau.measured_contours([], POINT, settings=mutau.Settings(method="bayes")),
         "method = 'bayes' has no effect on measured regions"),
    ],
)  # fmt: skip
def test_a_setting_without_effect_is_refused(call, said):
    with pytest.raises(MutauError, match=said):
        call()


@pytest.mark.compiled
def test_a_combination_takes_the_background_that_is_asked_for():
    """9 events expected bound some 6 events of signal, none bound 2.303."""
    item = mutau.replace(mutau.load_experiment("na64mu"), "background[0]/expected", 9.0)
    bayes = mutau.Settings(method="bayes", n_events=400)
    none = replace(bayes, background="none")
    (loaded,) = mutau.combined_limit([item], [0.1], settings=bayes).coupling
    (free,) = mutau.combined_limit([item], [0.1], settings=none).coupling
    (alone,) = mutau.limit_curve(item, [0.1], settings=none).coupling
    assert free == pytest.approx(alone, rel=1e-4)
    assert loaded > 1.4 * free


@pytest.mark.compiled
def test_old_keywords_still_work_and_say_how_it_is_written_now():
    new = mutau.limit_curve("na64mu", [0.1], mutau.Family(alpha_d=0.1), settings=FAST)
    with pytest.warns(DeprecationWarning, match="goes away in version 0.2.0") as said:
        old = mutau.limit_curve("na64mu", [0.1], alpha_d=0.1, n_events=400)
    assert old.coupling[0] == new.coupling[0]
    texts = [str(item.message) for item in said]
    assert "write family=Family(alpha_d=...)" in " ".join(texts)
    assert "write settings=Settings(n_events=...)" in " ".join(texts)
    with pytest.raises(TypeError, match="'seed' or 'settings', not both"):
        mutau.limit_curve("na64mu", [0.1], seed=2, settings=FAST)


def test_an_old_keyword_that_never_was_is_refused_as_ever():
    @old_keywords("size", dict, {"width": "x"}, gone_in="9.0.0")
    def area(size):
        return size["x"] ** 2

    assert area({"x": 3}) == 9
    with pytest.warns(DeprecationWarning, match=r"area\(width=\.\.\.\) goes away"):
        assert area(width=3) == 9
    with pytest.raises(TypeError, match="height"):
        area(height=3)


def test_no_old_name_outlives_its_version():
    found = [item for module in modules() for item in deprecated(module)]
    assert len({item.function for item in found}) > 8
    assert len({(item.function, item.old) for item in found}) == len(found) > 40
    assert [item for item in found if item.outlives(mutau.__version__)] == [], "delete it"


def test_an_old_name_that_outlives_its_version_is_found(monkeypatch):
    @old_keywords("settings", dict, {"seed": "seed"}, gone_in=mutau.__version__)
    @old_keywords("size", dict, {"width": "x", "height": "y"}, gone_in="9.0.0")
    def area(size, settings):
        return size["x"]

    module = ModuleType(__name__)
    module.area, module.foreign = area, old_keywords
    seed, width, height = deprecated(module)
    assert (seed.old, seed.new) == ("seed", "settings=dict(seed=...)")
    assert (width.old, height.old, height.gone_in) == ("width", "height", "9.0.0")
    assert (seed.outlives(mutau.__version__), width.outlives(mutau.__version__)) == (True, False)
    assert seed.function.endswith("<locals>.area")


def modules():
    """Those that write the decorator, or a name for one (`one_nucleus`)."""
    sources = {path: path.read_text() for path in Path(mutau.__path__[0]).rglob("*.py")}
    names = re.findall(r"^(\w+)(?:: \w+)? = old_keywords\(", "\n".join(sources.values()), re.M)
    assert names == ["one_nucleus"]
    for path, text in sources.items():
        if re.search(rf"\b({'|'.join(('old_keywords', *names))})\(?\b", text):
            place = path.relative_to(mutau.__path__[0]).with_suffix("")
            yield importlib.import_module(".".join(("mutau", *place.parts)))


@pytest.mark.compiled
def test_a_plane_is_framed_and_overlaid_by_objects():
    plane = mutau.exclusion_plane(
        ["na64mu"], [0.05, 0.1], overlay=Overlay(only=("none",)),
        frame=Frame(figure_id="mine", x_range=(0.01, 1.0)), settings=FAST,
    )  # fmt: skip
    assert (plane.figure.id, plane.figure.x_range, plane.published) == ("mine", (0.01, 1.0), ())


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_the_order_of_the_loop_is_that_of_the_points(workers):
    names, told = set(), []

    def work(item):
        names.add(threading.current_thread().name)
        return item**2

    report = part_of(lambda done, text: told.append((round(done, 3), text)), 0.5, 1.0)
    assert side_by_side(work, [3, 1, 2], "squares", report, workers=workers) == [9, 1, 4]
    assert told[-1] == (1.0, "squares: 2 GeV")
    assert (names == {threading.current_thread().name}) == (workers == 1)


def test_a_mass_that_is_refused_leaves_the_others():
    def work(mass):
        if mass > 1.0:
            raise OutOfRange(f"{mass:g} GeV is too much")
        return [mass, OutOfRange("half")]

    kept, found, refused = mass_by_mass(work, [0.5, 2.0], "masses")
    assert (kept, [row[0] for row in found]) == ([0.5], [0.5])
    assert refused.meta() == {"refused": [{"mass_GeV": 2.0, "reason": "2 GeV is too much"}]}
    assert refused.warnings() == ["left out: 2 GeV: this mass is too much"]
    with pytest.raises(OutOfRange, match="3 GeV"):
        mass_by_mass(work, [3.0], "masses")
