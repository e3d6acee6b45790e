"""The limit of an HS3 document by pyhs3: a program of its own, which knows nothing of this package.

    python tools/read_hs3.py FILE.hs3.json [--cl 0.9] [--fix ln_mass_GeV=-4.34]

With an environment that has pyhs3 and SciPy. Prints the upper limit on the parameter of interest by
CLs in the asymptotic formula (G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554): the likelihood
comes from the document, the rest is done here. For `ln_coupling` the coupling itself.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pyhs3  # type: ignore[import-not-found]
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.stats import norm


def arrays(values: dict[str, float], seen: dict[str, float]) -> dict[str, np.ndarray]:
    """Parameters as numbers, data as lists of events, as pyhs3 takes them."""
    return {k: np.array(v) for k, v in values.items()} | {k: np.array([v]) for k, v in seen.items()}


class Likelihood:
    """-2 ln L of a document over its free parameters; counts may be replaced by others."""

    def __init__(self, document: dict, fixed: dict[str, float]) -> None:
        self.document = document
        self.model = pyhs3.Workspace(**document).model("limit")
        self.fixed = fixed
        item = document["likelihoods"][0]
        self.counts, self.constraints = item["distributions"], item["aux_distributions"]
        self.means = {d["name"]: d["mean"] for d in document["distributions"]}
        self.columns = {d["name"]: d["x"] for d in document["distributions"]}
        self.seen = {d["axes"][0]["name"]: d["entries"][0][0] for d in document["data"]}
        self.axes = {a["name"]: a for a in document["domains"][0]["axes"]}
        start = document["parameter_points"][0]["parameters"]
        self.start = {p["name"]: p["value"] for p in start}

    def minus_two_ln(self, values: dict[str, float]) -> float:
        total = 0.0
        for name in (*self.counts, *self.constraints):
            needed = arrays(values, self.seen)
            wanted = self.model.pars(name)
            total += float(
                np.sum(
                    self.model.logpdf_unsafe(name, **{k: needed[k] for k in wanted if k in needed})
                )
            )
        return -2.0 * total

    def best(self, poi: dict[str, float]) -> tuple[float, dict[str, float]]:
        """Smallest value with these parameters fixed, and where."""
        held = self.fixed | poi
        free = [name for name in self.axes if name not in held]

        def value(x: np.ndarray) -> float:
            found = self.minus_two_ln(held | dict(zip(free, x, strict=True)))
            return found if math.isfinite(found) else 1e9

        if not free:
            return value(np.array([])), dict(held)
        bounds = [(self.axes[n]["min"] + 1e-9, self.axes[n]["max"]) for n in free]
        start = [
            min(max(self.start[n], low + 1e-6), high)
            for n, (low, high) in zip(free, bounds, strict=True)
        ]
        result = minimize(
            value, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-9}
        )
        result = minimize(
            value,
            result.x,
            bounds=bounds,
            method="Nelder-Mead",
            options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000},
        )
        return float(result.fun), held | dict(zip(free, result.x, strict=True))


def limit(document: dict, cl: float, fixed: dict[str, float]) -> float:
    """Where CLs falls to 1 - cl."""
    interest = [n for n in document["analyses"][0]["parameters_of_interest"] if n not in fixed]
    (name,) = interest
    data = Likelihood(document, fixed)
    axis = data.axes[name]
    _, nothing = data.best({name: axis["min"]})
    typical = Likelihood(shifted(document, nothing), fixed)
    for count in data.counts:  # the expectation without signal
        mean = data.model.functions[data.means[count]]
        typical.seen[data.columns[count]] = expectation(data, mean, nothing)
    grid = np.linspace(axis["min"], axis["max"], 13)
    lowest = {}
    for which in (data, typical):
        found = min((which.best({name: float(x)})[0], float(x)) for x in grid)
        near = (
            max(axis["min"], found[1] - 0.2 * (axis["max"] - axis["min"])),
            min(axis["max"], found[1] + 0.2 * (axis["max"] - axis["min"])),
        )
        one = minimize_scalar(
            lambda x, w=which: w.best({name: x})[0],
            bounds=near,
            method="bounded",
            options={"xatol": 1e-6},
        )
        lowest[which] = min((float(one.fun), float(one.x)), found)

    def q(which: Likelihood, x: float) -> float:
        least, at = lowest[which]
        return 0.0 if x < at else max(which.best({name: x})[0] - least, 0.0)

    def distance(x: float) -> float:
        root, expected = math.sqrt(q(data, x)), math.sqrt(q(typical, x))
        if root <= expected:
            both, alone = norm.sf(root), norm.cdf(expected - root)
        else:
            both = norm.sf((root**2 + expected**2) / (2 * expected))
            alone = norm.sf((root**2 - expected**2) / (2 * expected))
        return both / alone - (1.0 - cl)

    low = max(lowest[data][1], axis["min"] + 1e-4 * (axis["max"] - axis["min"]))
    return float(brentq(distance, low, axis["max"], rtol=1e-5))


def shifted(document: dict, values: dict[str, float]) -> dict:
    """The document with Gaussian side measurements as these parameters would give them."""
    moved = json.loads(json.dumps(document))
    for item in moved["distributions"]:
        if item["type"] == "gaussian_dist":
            item["mean"] = float(values[item["x"]])
    return moved


def expectation(data: Likelihood, mean: object, values: dict[str, float]) -> float:
    """Mean of a count: the Poisson probability of one over that of none."""
    name = next(c for c in data.counts if data.means[c] == mean.name)
    column = data.columns[name]

    def ln_p(n: float) -> float:
        keep, data.seen = data.seen, data.seen | {column: n}
        needed = arrays(values, data.seen)
        wanted = data.model.pars(name)
        found = data.model.logpdf_unsafe(name, **{k: needed[k] for k in wanted if k in needed})
        data.seen = keep
        return float(np.sum(found))

    return math.exp(ln_p(1.0) - ln_p(0.0))  # P(1)/P(0) is the mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--cl", type=float, default=0.9)
    parser.add_argument("--fix", action="append", default=[])
    options = parser.parse_args()
    fixed = {k: float(v) for k, _, v in (text.partition("=") for text in options.fix)}
    document = json.loads(Path(options.file).read_text(encoding="utf-8"))
    found = limit(document, options.cl, fixed)
    poi = [n for n in document["analyses"][0]["parameters_of_interest"] if n not in fixed]
    print(repr(math.exp(found) if poi == ["ln_coupling"] else found))


if __name__ == "__main__":
    main()
