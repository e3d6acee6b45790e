"""Models: couplings, widths, branchings, loop-induced mixing, the muon's magnetic moment."""

from __future__ import annotations

from mutau.models.base import REGISTRY, LightBoson, Model
from mutau.models.charges import (
    ChargeTable,
    charge_table,
    charges_class,
    load_charges,
    neutrino_charges,
)
from mutau.models.dark_photon import DarkPhoton
from mutau.models.family import Family
from mutau.models.lmu_ltau import LmuMinusLtau
from mutau.models.mediator import VECTOR, check_mediator, mediator_of
from mutau.models.mixing import loop_mixing
from mutau.models.muon_moment import (
    CouplingBand,
    MomentReference,
    moment_reference,
    moment_references,
)
from mutau.models.tags import build_model, model_class, model_from_dict
from mutau.models.validity import highest_coupling
from mutau.models.vector import VectorModel

__all__ = [
    "REGISTRY",
    "VECTOR",
    "ChargeTable",
    "CouplingBand",
    "DarkPhoton",
    "Family",
    "LightBoson",
    "LmuMinusLtau",
    "Model",
    "MomentReference",
    "VectorModel",
    "build_model",
    "charge_table",
    "charges_class",
    "check_mediator",
    "highest_coupling",
    "load_charges",
    "loop_mixing",
    "mediator_of",
    "model_class",
    "model_from_dict",
    "moment_reference",
    "moment_references",
    "neutrino_charges",
]
