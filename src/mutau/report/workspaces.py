"""A model point for pyhf: the workspace, our limit beside it, and how to ask pyhf for its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import MutauError
from mutau.core.storage import write_text
from mutau.core.types import Yields
from mutau.stats.hs3 import identifier
from mutau.stats.upper import UpperLimit, upper_limit
from mutau.stats.workspace import to_workspace

#: Toys of the example: some seconds, 1.5 % on a p-value of 0.1.
_TOYS: Final = 400
#: What a patch set of no HEPData record has in its place.
_NO_RECORD: Final = "ins0000000"
_TEXT: Final = """\
# {name}.json with pyhf

{title}: a HistFactory workspace; the parameter of interest, `strength`, multiplies {total:.6g}
signal events. Our limit, by method `{method}`: {limit} ({events:.4g} events);
`{name}-metadata.json` has it with all digits.

`pyhf cls {name}.json` and `pyhf.infer.hypotest` use the asymptotic formula, which does not hold for
few events: with nothing seen and nothing expected it excludes 1.35 events at 90 % CL, where 2.30 is
right (exp(-2.30) = 0.1). Ask for pseudo-experiments instead:

```python
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyhf

np.random.seed(1)
workspace = pyhf.Workspace(json.loads(Path("{name}.json").read_text()))
model = workspace.model()
data = workspace.data(model)
strength = {strength!r}  # our limit
calculator = pyhf.infer.calculators.ToyCalculator(
    data, model, ntoys={toys}, test_stat="qtilde", track_progress=False
)
with_signal, without = calculator.distributions(strength)
_, _, cls = calculator.pvalues(calculator.teststatistic(strength), with_signal, without)
print(float(cls))  # excluded at {level:g} % CL where this is below {alpha:g}
```

(`hypotest(..., calctype="toybased")` does the same, but fails with NumPy 2.4 and later.) The toys
of pyhf let the measurement of a signal error fluctuate with the data; that splits outcomes with
equal counts, so that an error makes the limit stronger: 15 % and nothing seen give 2.15 events.
"""


def _metadata(result: Yields, limit: UpperLimit) -> dict[str, Any]:
    return {
        "experiment": result.experiment,
        "model": result.model,
        "mass_GeV": result.mass,
        "coupling": result.coupling,
        "signal_events": result.total,
        "upper_limit": {
            "confidence_level": limit.cl,
            "method": limit.method,
            "strength": limit.strength,
            "strength_err": limit.strength_err,
            "events": limit.events,
            "warnings": list(limit.warnings),
            "priors": list(limit.priors),
        },
        **result.meta,
    }


def patch_set(results: Sequence[Yields]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(background-only workspace, patch set) of one experiment at several model points.

    A patch puts the signal of its point into every channel; its Monte Carlo error is a `normsys`
    common to all channels, as one sample stands behind them. Format: pyhf's patch sets, schema
    1.0.0 (L. Heinrich et al., ATL-PHYS-PUB-2019-029).
    Raises MutauError for no points, points of several experiments, or two of the same values.
    """
    from mutau.stats import counting_model

    names = {result.experiment for result in results}
    values = [(result.mass, result.coupling) for result in results]
    if len(names) != 1 or len(set(values)) != len(values):
        raise MutauError(
            f"{len(results)} points of {len(names)} experiments for a patch set",
            allowed="points of one experiment, each once",
        )
    made = [to_workspace(counting_model(result)) for result in results]
    only = json.loads(json.dumps(made[0]))
    for channel in only["channels"]:
        channel["samples"] = [s for s in channel["samples"] if s["name"] != "signal"]
    configuration = only["measurements"][0]["config"]
    tops = [m["measurements"][0]["config"]["parameters"][0]["bounds"][0][1] for m in made]
    configuration["parameters"][0].update(bounds=[[0.0, max(tops)]], inits=[1.0])
    patches = []
    for result, workspace in zip(results, made, strict=True):
        size = 1.0 + result.total_err / result.total
        error = {"name": "signal Monte Carlo", "type": "normsys", "data": {"hi": size,
                 "lo": 1.0 / size}}  # fmt: skip
        operations = []
        for rank, channel in enumerate(workspace["channels"]):
            (sample,) = (s for s in channel["samples"] if s["name"] == "signal")
            sample["modifiers"] = [*sample["modifiers"], error]
            operations.append({"op": "add", "path": f"/channels/{rank}/samples/0", "value": sample})
        name = identifier(f"mass {result.mass:.9g} GeV coupling {result.coupling:.9g}")
        patches.append(
            {"metadata": {"name": name, "values": [result.mass, result.coupling]},
             "patch": operations}
        )  # fmt: skip
    text = json.dumps(only, sort_keys=True, ensure_ascii=False).encode("utf8")
    about = f"signal of {results[0].model} in {results[0].experiment}"
    metadata = {
        "references": {"hepdata": _NO_RECORD},
        "digests": {"sha256": hashlib.sha256(text).hexdigest()},
        "labels": ["mass_GeV", "coupling"],
        "description": f"{about}; no HEPData record, whose number the schema asks for",
    }
    return only, {"metadata": metadata, "patches": patches, "version": "1.0.0"}


def write_patch_set(results: Sequence[Yields], folder: Path, name: str) -> list[Path]:
    """Write `name`-background.json and `name`-patchset.json. Raises as `patch_set`."""
    paths = [folder / f"{name}-background.json", folder / f"{name}-patchset.json"]
    for path, content in zip(paths, patch_set(results), strict=True):
        write_text(path, json.dumps(content, indent=1, allow_nan=False))
    return paths


def write_workspace(result: Yields, folder: Path, name: str) -> list[Path]:
    """Write `name`.json (the workspace), `name`-metadata.json (our limit, provenance) and `name`.md
    (how to get a limit from pyhf that holds for few events); returns the three paths.

    The limit is that of `upper_limit` without further options. Raises as it and `to_workspace` do.
    """
    from mutau.stats import counting_model

    workspace = to_workspace(counting_model(result))
    limit = upper_limit(result)
    title = (
        f"{result.experiment}, {result.model}, {result.mass:g} GeV, coupling {result.coupling:g}"
    )
    text = _TEXT.format(
        name=name, title=title, total=result.total, method=limit.method, limit=limit,
        events=limit.events, strength=limit.strength, toys=_TOYS, level=100.0 * limit.cl,
        alpha=round(1.0 - limit.cl, 6),
    )  # fmt: skip
    metadata = json.dumps(_metadata(result, limit), indent=1, default=str)
    paths = [folder / f"{name}.json", folder / f"{name}-metadata.json", folder / f"{name}.md"]
    texts = (json.dumps(workspace, indent=1), metadata, text)
    for path, content in zip(paths, texts, strict=True):
        write_text(path, content)
    return paths
