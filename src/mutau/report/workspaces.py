"""A model point for pyhf: the workspace, our limit beside it, and how to ask pyhf for its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from mutau.core.storage import write_text
from mutau.core.types import Yields
from mutau.stats.upper import UpperLimit, upper_limit
from mutau.stats.workspace import to_workspace

#: Toys of the example: some seconds, 1.5 % on a p-value of 0.1.
_TOYS: Final = 400
_TEXT: Final = """\
# {name}.json with pyhf

{title}: a HistFactory workspace; the parameter of interest, `strength`, multiplies {total:.6g}
signal events. Our limit, by method `{method}`: {limit} ({events:.4g} events);
`{name}-metadata.json` has it with all digits.

`pyhf cls {name}.json` and `pyhf.infer.hypotest` use the asymptotic formula, which does not hold for
few events: with nothing seen and nothing expected it excludes 1.35 events at 90 % CL, where 2.30 is
right (exp(-2.30) = 0.1). Ask for pseudo-experiments instead:

```python
import json
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
