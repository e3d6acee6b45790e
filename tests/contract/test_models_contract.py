"""Every registered model keeps the interface that the other sub-packages rely on."""

import dataclasses
import json

import numpy as np
import pytest

from mutau.core.errors import OutOfRange, UnknownName
from mutau.models import REGISTRY, build_model, model_from_dict

VECTORS = pytest.mark.parametrize(
    "cls", [item for item in (REGISTRY[tag] for tag in REGISTRY) if item.mediator == "vector"],
    ids=lambda cls: cls.tag,
)  # fmt: skip
MODELS = pytest.mark.parametrize("cls", [REGISTRY[tag] for tag in REGISTRY], ids=list(REGISTRY))


@MODELS
def test_saves_and_loads(cls):
    model = cls.example()
    again = json.loads(json.dumps(model.to_dict()))
    assert model_from_dict(again) == model
    assert cls.from_dict(again) == model
    assert build_model(cls.tag, model.mass, model.coupling) == model


@MODELS
def test_is_frozen_and_hashable(cls):
    model = cls.example()
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.mass = 1.0
    assert len({model, cls.example()}) == 1


@MODELS
def test_scans_by_one_name(cls):
    model = cls.example().with_coupling(2e-4)
    assert model.coupling == 2e-4 == getattr(model, cls.coupling_name)
    assert model.mass == cls.example().mass
    moved = cls.at(0.1, 1e-3, 0.02, 4.0).moved(0.2, 2e-4)
    assert moved == cls.at(0.2, 2e-4, 0.02, 4.0)
    assert moved.invisible_strength("mu") == pytest.approx(
        moved.lepton_coupling("mu") ** 2
        * sum(moved.branching(name) for name in cls.invisible_channels),
        rel=1e-12,
    )


@MODELS
def test_branchings_sum_to_one(cls):
    model = cls.at(0.1, 1e-3, 0.05, 3.0)
    assert sum(model.branching(c) for c in model.channels) == pytest.approx(1.0, abs=1e-12)
    assert sum(model.widths.values()) == pytest.approx(model.width_total, rel=1e-15)
    assert set(model.invisible_channels) <= set(model.channels)


@MODELS
def test_refuses_what_it_lacks(cls):
    model = cls.example()
    with pytest.raises(UnknownName):
        model.width("gluons")
    with pytest.raises(UnknownName):
        model.lepton_coupling("selectron")
    with pytest.raises(OutOfRange):
        cls.at(-0.1, 1e-3)


@VECTORS
def test_mixing_and_electron_coupling_agree(cls):
    model = cls.example()
    on_shell = abs(complex(model.kinetic_mixing(model.mass**2)))
    assert model.epsilon_eff == pytest.approx(on_shell, rel=1e-15)
    assert abs(model.lepton_coupling("e")) == pytest.approx(0.302822 * on_shell, rel=1e-5)


@MODELS
def test_a_width_at_the_mass_is_the_width(cls):
    model = cls.at(0.3, 1e-3, 0.05, 3.0)
    for name in cls.channels:
        at = model.width_at(name, [model.mass, 2.0 * model.mass])
        assert at[0] == pytest.approx(model.width(name), rel=1e-14)
        far = cls.at(2.0 * model.mass, 1e-3, 0.05, 6.0)
        assert at[1] == pytest.approx(far.width(name), rel=1e-12)


@VECTORS
def test_moment_and_band_agree(cls):
    mass = np.logspace(-6, 1, 8)
    band = cls.g_minus_2_band(mass, 2023, 1.0)
    assert np.all(band.lower < band.upper)
    for m, low, high in zip(mass, *band, strict=True):
        if high < cls.coupling_max:
            assert cls.at(m, low).delta_a_mu() == pytest.approx(201e-11, rel=1e-12)
            assert cls.at(m, high).delta_a_mu() == pytest.approx(297e-11, rel=1e-12)


@MODELS
def test_numbers_are_plain_floats(cls):
    model = cls.at(np.float64(0.1), np.float64(1e-3), 0.1)
    for value in (model.width_total, model.branching("chichi"), model.delta_a_mu(), model.ctau):
        assert type(value) is float
    assert model.title
    assert cls.__doc__
