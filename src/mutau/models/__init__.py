"""Light bosons: couplings, widths, branchings, loop-induced mixing, the muon's magnetic moment.

Why it is as it is. Everything that follows from the Lagrangian alone stands here, and nothing that
needs an experiment: a reaction takes couplings and a mass and asks no model for its name. A model
declares the kind of its mediator (vector, ...); a reaction declares which kinds it can do; a pair
that does not match is refused by name (`mediator`), never computed with the wrong amplitude.

Couplings are effective: the electron's coupling of L_mu - L_tau is the loop-induced mixing at the
momentum transfer of the process, exact in the one-loop masses (`mixing`). A model is registered by
its tag; one given by a file of charges (`charges`) is a model like any other. `validity` holds the
largest coupling up to which leading order is meant, and limits that leave it say so.
"""

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
