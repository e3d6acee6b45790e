"""The schema's tables `theory`, cross sections of electron beams, and `statistics`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from mutau.experiment.names import (
    BREMS_METHODS,
    ELECTRON_MODELS,
    FORM_FACTORS,
    LIMIT_METHODS,
)
from mutau.experiment.quantities import fraction, one_of
from mutau.experiment.schema_beam import FileTable


class Theory(FileTable):
    """Cross sections of electron beams. Without this table, the defaults.

    method, form_factor, coulomb : of the bremsstrahlung e N -> e N Z'; "iww-scaled" is the spectrum
    of iww with the exact total, `coulomb` the correction of Davies, Bethe and Maximon to the exact
    one. electrons : how those of atoms move in e+ e- -> Z'. radiation : whether the two radiate
    before they annihilate.
    """

    method: Annotated[str, one_of("method of bremsstrahlung", BREMS_METHODS)] = "exact"
    form_factor: Annotated[str, one_of("form factor", FORM_FACTORS)] = "elastic"
    coulomb: bool = False
    electrons: Annotated[str, one_of("electron model", ELECTRON_MODELS)] = "virial"
    radiation: bool = False


class Statistics(FileTable):
    """How the limit is set: confidence level, and a method that `stats` registers."""

    cl: Annotated[float, BeforeValidator(fraction), Field(gt=0.0, lt=1.0)]
    method: Annotated[str, one_of("statistical method", LIMIT_METHODS)]
