"""Entry points of other packages: used by name, told once where they fail, never fatal."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mutau.core.errors import MutauError, UnknownName
from mutau.core.registry import Registry, a_function, instance_of

GROUP = "mutau.numbers"
BROKEN = {
    "raises": ("raise RuntimeError('no\\nluck')\n", "plug_raises:x", "RuntimeError: no luck"),
    "exits": ("import sys\nsys.exit('gone')\n", "plug_exits:x", "SystemExit: gone"),
    "typed": ("x = 'three'\n", "plug_typed:x", "is a str, not a int"),
    "empty": ("", "plug_empty:x", "AttributeError"),
    "absent": (None, "plug_absent:x", "ModuleNotFoundError"),
}


@pytest.fixture
def registry():
    found: Registry[int] = Registry("number", GROUP, check=instance_of(int))
    found.register("one")(1)
    return found


@pytest.fixture
def offer(install, tmp_path):
    def add(**modules):
        folder = tmp_path / "package"
        folder.mkdir()
        for name, (text, _) in modules.items():
            if text is not None:
                (folder / f"plug_{name}.py").write_text(text)
        install({GROUP: {name: value for name, (_, value) in modules.items()}}, folder)

    return add


def test_a_name_of_another_package_is_used_and_loaded_only_when_asked_for(offer, registry, capsys):
    offer(two=("print('loading')\nx = 2\n", "plug_two:x"))
    assert registry.names() == ("one", "two")
    assert capsys.readouterr() == ("", "")
    assert registry["two"] == 2
    assert capsys.readouterr() == ("", "loading\n"), "what it prints must not reach stdout"
    assert list(registry) == ["one", "two"]
    assert "two" in registry


def test_threads_that_load_at_once_leave_stdout_where_it_was(offer, registry, capsys):
    """The slower one began while the other had stdout turned aside, and ends after it."""
    slow = "import time\nprint('loading')\ntime.sleep({})\nx = {}\n"
    offer(short=(slow.format(0.1, 2), "plug_short:x"), long=(slow.format(0.3, 3), "plug_long:x"))
    before = sys.stdout

    def late(name, wait):
        time.sleep(wait)
        return registry[name]

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(late, ("short", "long", "long"), (0.0, 0.05, 0.06)))
    assert found == [2, 3, 3]
    assert sys.stdout is before
    print("the answer")
    assert capsys.readouterr() == ("the answer\n", "loading\nloading\n")


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_costs_its_own_name_and_is_told_once(name, offer, registry, capsys):
    text, value, told = BROKEN[name]
    offer(**{name: (text, value)})
    assert registry["one"] == 1
    assert list(registry) == ["one"]
    assert len(registry) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert f"plug-in {name!r} ({GROUP})" in err
    assert told in err
    with pytest.raises(MutauError, match="repair or remove the package") as caught:
        registry[name]
    assert told in str(caught.value)
    assert capsys.readouterr().err == ""


def test_ours_come_first(offer, registry, capsys):
    offer(one=("x = 7\n", "plug_one:x"))
    assert registry["one"] == 1
    assert registry.names() == ("one",)
    assert "number of that name is ours" in capsys.readouterr().err


def test_an_unknown_name_lists_those_of_other_packages(offer, registry):
    offer(two=("x = 2\n", "plug_two:x"))
    with pytest.raises(UnknownName, match="did you mean 'two'"):
        registry["tow"]


def test_a_function_is_checked_as_one():
    assert a_function(len) == ""
    assert a_function(3) == "is a int, not a function"
