"""Workspaces of any kind against pyhf used directly: limits to 1 %.

pyhf is asked at 0.99 and 1.01 of our limit, with its own bounds and starts: CLs must pass 1 - cl
between them. One generated workspace per type of modifier and per pair of types, the example that
comes with HistFactory (its signal patched), and the documents that were once read wrongly.
"""

import copy
import itertools
import math
import warnings

import pytest

from mutau.core.errors import MutauError
from mutau.stats import CountingModel, HistFactoryModel, from_workspace, p_value, upper_limit

pyhf = pytest.importorskip("pyhf", reason="pyhf is not installed (extra 'stats')")
jsonpatch = pytest.importorskip("jsonpatch")

POI = {"name": "mu", "type": "normfactor", "data": None}
TYPES = ("normsys", "histosys", "staterror", "shapesys", "normfactor", "lumi", "shapefactor")


def workspace(samples, observed, parameters=(), poi="mu"):
    """A document of channels: name -> samples, name -> observed."""
    return {
        "channels": [{"name": name, "samples": found} for name, found in samples.items()],
        "observations": [{"name": name, "data": data} for name, data in observed.items()],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": list(parameters)}}],
        "version": "1.0.0",
    }


def sample(name, data, *modifiers):
    return {"name": name, "data": data, "modifiers": list(modifiers)}


def modifier(kind, name, data=None):
    return {"name": name, "type": kind, "data": data}


def normsys(name, hi, lo=None):
    return modifier("normsys", name, {"hi": hi, "lo": lo if lo is not None else 1.0 / hi})


#: Type -> modifiers on (signal, first background, second background).
ON = {
    "normsys": ([normsys("scale", 1.08, 0.9)], [normsys("scale", 1.15, 0.92)], []),
    "histosys": (
        [], [modifier("histosys", "shape", {"hi_data": [56.0, 38.0], "lo_data": [45.0, 41.0]})], [],
    ),
    "staterror": (
        [],
        [modifier("staterror", "stat", [4.0, 3.0])],
        [modifier("staterror", "stat", [2.0, 1.5])],
    ),
    "shapesys": ([], [], [modifier("shapesys", "control", [4.0, 3.0])]),
    "normfactor": ([], [], [modifier("normfactor", "free")]),
    "lumi": ([modifier("lumi", "lumi")],) * 3,
    "shapefactor": ([], [], [modifier("shapefactor", "data-driven")]),
}  # fmt: skip
LUMI = {
    "name": "lumi", "auxdata": [1.0], "sigmas": [0.05], "bounds": [[0.5, 1.5]], "inits": [1.0],
}  # fmt: skip


def generated(*kinds):
    """Two backgrounds in two bins; a control region where something of the second is free."""
    signal, first, second = (
        [copy.deepcopy(item) for kind in kinds for item in ON[kind][place]] for place in range(3)
    )
    samples = {
        "search": [
            sample("signal", [8.0, 5.0], POI, *signal),
            sample("first", [50.0, 40.0], *first),
            sample("second", [20.0, 12.0], *second),
        ]
    }
    observed = {"search": [74.0, 50.0]}
    free = [item for item in second if item["type"] in ("normfactor", "shapefactor", "lumi")]
    if {"normfactor", "shapefactor"} & set(kinds):
        samples["control"] = [sample("second", [60.0, 40.0], *free)]
        observed["control"] = [63.0, 41.0]
    return workspace(samples, observed, [LUMI] if "lumi" in kinds else [])


def theirs(document, strength, patches=()):
    """(CLs, plain p-value) of pyhf by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
        space = pyhf.Workspace(document)
        model = space.model(patches=list(patches))
        ratio, (both, _) = pyhf.infer.hypotest(
            strength, space.data(model), model, test_stat="qtilde", return_tail_probs=True
        )
    return float(ratio), float(both)


def assert_limit(document, found, cl, *, cls=True, patches=()):
    """pyhf's p-value passes 1 - cl within 1 % of our limit."""
    place = 0 if cls else 1
    assert theirs(document, 0.99 * found.strength, patches)[place] > 1.0 - cl
    assert theirs(document, 1.01 * found.strength, patches)[place] < 1.0 - cl


@pytest.mark.parametrize(
    "kinds",
    [(), *((kind,) for kind in TYPES), *itertools.combinations(TYPES, 2)],
    ids=lambda kinds: "+".join(kinds) or "none",
)
def test_every_modifier_and_pair_of_modifiers(kinds):
    document = generated(*kinds)
    model = from_workspace(document)
    assert isinstance(model, HistFactoryModel)
    assert_limit(document, upper_limit(model, 0.95, "asymptotic-cls"), 0.95)


def test_plain_p_values_and_other_levels():
    document = generated("normsys", "staterror")
    model = from_workspace(document)
    assert_limit(document, upper_limit(model, 0.9, "asymptotic"), 0.9, cls=False)
    limit = upper_limit(model, 0.68, "asymptotic-cls")
    assert p_value(model, limit.strength, "asymptotic-cls")[0] == pytest.approx(0.32, rel=1e-3)
    assert limit.events == pytest.approx(13.0 * limit.strength)


def example():
    """The example that comes with HistFactory, as pyhf's converter writes it."""
    lumi = modifier("lumi", "lumi")
    poi = modifier("normfactor", "SigXsecOverSM")
    samples = [
        sample("signal", [20.0, 10.0], normsys("syst1", 1.05, 0.95), poi),
        sample(
            "background1", [100.0, 0.0], lumi,
            modifier("staterror", "staterror_channel1", [5.0, 0.0]), normsys("syst2", 1.05, 0.95),
        ),
        sample(
            "background2", [0.0, 100.0], lumi,
            modifier("staterror", "staterror_channel1", [0.0, 10.0]), normsys("syst3", 1.05, 0.95),
        ),
    ]  # fmt: skip
    parameters = [
        {**LUMI, "sigmas": [0.1], "fixed": True},
        {"name": "SigXsecOverSM", "bounds": [[0.0, 3.0]], "inits": [1.0]},
        {"name": "alpha_syst1", "fixed": True},
    ]
    document = workspace(
        {"channel1": samples}, {"channel1": [122.0, 112.0]}, parameters, "SigXsecOverSM"
    )
    (first,) = document["measurements"]
    document["measurements"] = [{**first, "name": name} for name in ("Gauss", "Gamma")]
    return document


def test_the_example_of_histfactory_with_a_patched_signal():
    patch = [
        {"op": "replace", "path": "/channels/0/samples/0/modifiers/0/data/hi", "value": 1.2},
        {"op": "replace", "path": "/channels/0/samples/0/modifiers/0/data/lo", "value": 0.8},
        {"op": "replace", "path": "/channels/0/samples/0/data/1", "value": 14.0},
    ]
    plain, document = example(), jsonpatch.apply_patch(example(), patch)
    first = upper_limit(from_workspace(plain), 0.95, "asymptotic-cls")
    second = upper_limit(from_workspace(document), 0.95, "asymptotic-cls")
    assert_limit(plain, first, 0.95)
    assert_limit(plain, second, 0.95, patches=[patch])
    assert second.strength > 1.02 * first.strength  # the larger error outweighs the events


# Documents that were once read wrongly ---------------------------------------------------------


def test_one_name_on_signal_and_background_is_one_parameter():
    document = workspace(
        {"c": [sample("s", [5.0], POI, normsys("lumi", 1.3)),
               sample("b", [50.0], normsys("lumi", 1.3))]},
        {"c": [50.0]},
    )  # fmt: skip
    limit = upper_limit(from_workspace(document), 0.95, "asymptotic-cls")
    assert limit.strength == pytest.approx(7.886, rel=1e-3)  # as two parameters: 5.851
    assert_limit(document, limit, 0.95)


@pytest.mark.compiled
def test_a_fixed_parameter_stays_fixed():
    document = workspace(
        {"c": [sample("s", [5.0], POI), sample("b", [50.0], normsys("k", 1.4))]},
        {"c": [50.0]},
        [{"name": "k", "fixed": True, "inits": [0.0]}],
    )
    limit = upper_limit(from_workspace(document), 0.95, "asymptotic-cls")
    assert limit.strength == pytest.approx(3.034, rel=1e-3)  # not fixed: 5.858
    known = CountingModel.from_arrays(5.0, 50.0, observed=50)
    assert limit.strength == pytest.approx(
        upper_limit(known, 0.95, "asymptotic-cls").strength, rel=1e-3
    )
    document["measurements"][0]["config"]["parameters"][0]["inits"] = [1.0]  # b = 70
    moved = upper_limit(from_workspace(document), 0.95, "asymptotic-cls")
    known = CountingModel.from_arrays(5.0, 70.0, observed=50)
    assert moved.strength == pytest.approx(
        upper_limit(known, 0.95, "asymptotic-cls").strength, rel=1e-3
    )


@pytest.mark.compiled
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_samples_of_the_signal_add_up(parts):
    # an odd number was once read as one signal, an even number as none
    samples = [sample(f"s{i}", [6.0 / parts], POI) for i in range(parts)]
    document = workspace({"c": [*samples, sample("b", [50.0])]}, {"c": [50.0]})
    limit = upper_limit(from_workspace(document), 0.95, "asymptotic-cls")
    known = CountingModel.from_arrays(6.0, 50.0, observed=50)
    assert limit.strength == pytest.approx(
        upper_limit(known, 0.95, "asymptotic-cls").strength, rel=1e-3
    )


@pytest.mark.compiled
def test_what_holds_as_a_counting_model_agrees_with_pyhf_too():
    samples = {
        "a": [sample("s", [3.0, 2.0], POI, normsys("yield", 1.1)),
              sample("b", [30.0, 20.0], modifier("shapesys", "control", [4.0, 3.0]))],
        "b": [sample("s", [4.0], POI, normsys("yield", 1.1)),
              sample("b", [12.0], normsys("scale", 1.2))],
        "c": [sample("s", [4.0], POI),
              sample("b", [15.0], modifier("histosys", "h", {"hi_data": [17.0],
                                                             "lo_data": [13.0]}))],
    }  # fmt: skip
    document = workspace(samples, {"a": [33.0, 18.0], "b": [13.0], "c": [15.0]})
    model = from_workspace(document)
    assert isinstance(model, CountingModel)
    assert_limit(document, upper_limit(model, 0.95, "asymptotic-cls"), 0.95)


def test_the_backend_of_the_user_is_left_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer())
        before = pyhf.get_backend()
        upper_limit(from_workspace(generated("normsys")), 0.9, "asymptotic-cls")
        assert pyhf.get_backend() == before
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())


def test_a_parameter_of_interest_that_adds_nothing_excludes_nothing():
    document = workspace(
        {"c": [sample("s", [0.0], POI), sample("b", [5.0], normsys("k", 1.1, 0.8))]}, {"c": [5.0]}
    )
    assert upper_limit(from_workspace(document), 0.9, "asymptotic-cls").strength == math.inf


def test_a_parameter_of_interest_that_is_not_there_is_refused():
    document = workspace({"c": [sample("s", [1.0]), sample("b", [5.0])]}, {"c": [5.0]})
    with pytest.raises(MutauError, match="measurement 'm'"):
        from_workspace(document)
