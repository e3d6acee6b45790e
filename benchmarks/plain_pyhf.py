"""Counting limits by pyhf from our exported workspace: asymptotic CLs and pseudo-experiments."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from mutau.stats import CountingModel, to_workspace


class Peer:
    """The same likelihood in pyhf, with its NumPy backend and SciPy's minimiser."""

    def __init__(self, model: CountingModel) -> None:
        import pyhf

        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-8))
        document = to_workspace(model)
        workspace = pyhf.Workspace(document)
        self.pyhf = pyhf
        self.model = workspace.model(
            measurement_name=document["measurements"][0]["name"],
            modifier_settings={"normsys": {"interpcode": "code1"}},
        )
        self.data = workspace.data(self.model)

    def cls(self, strength: float) -> float:
        """Asymptotic CLs of one strength."""
        return float(self.pyhf.infer.hypotest(strength, self.data, self.model, test_stat="qtilde"))

    def limit(self, start: float, level: float = 0.1) -> float:
        """Strength whose asymptotic CLs is `level`, by SciPy's root finder."""
        from scipy.optimize import brentq

        return float(brentq(lambda mu: self.cls(mu) - level, 0.2 * start, 3.0 * start, rtol=1e-4))

    def statistic(self, data: Any, strength: float) -> float:
        """q_mu of one data set: two fits."""
        config = self.model.config
        return float(self.pyhf.infer.test_statistics.qmu_tilde(
            strength, data, self.model, config.suggested_init(), config.suggested_bounds(),
            config.suggested_fixed(),
        ))  # fmt: skip

    def toys(self, strength: float, count: int, seed: int) -> np.ndarray:
        """q_mu of `count` pseudo-experiments at the best nuisance parameters for the strength."""
        config = self.model.config
        fixed = self.pyhf.infer.mle.fixed_poi_fit(
            strength, self.data, self.model, config.suggested_init(), config.suggested_bounds(),
            config.suggested_fixed(),
        )  # fmt: skip
        np.random.seed(seed)  # noqa: NPY002, pyhf draws from the global generator
        sample = np.asarray(self.model.make_pdf(np.asarray(fixed)).sample((count,)))
        return np.array([self.statistic(data, strength) for data in sample])
