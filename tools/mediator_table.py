"""Table of docs/validation/mediators.md: exact, ww, iww and inelastic, both leptons, every kind.

    python tools/mediator_table.py

Cross sections per lead atom at coupling 1e-3, with the elastic form factor; "inelastic" is exact
with the inelastic term of the nucleus over without. Half a minute.
"""

from __future__ import annotations

from itertools import product

from mutau.matter.nucleus import Nucleus
from mutau.reactions.bosons import KINDS
from mutau.reactions.bremsstrahlung import Bremsstrahlung

BEAMS = (
    ("muon", 160.0, (0.001, 0.01, 0.1, 0.3, 1.0)),
    ("electron", 100.0, (0.001, 0.01, 0.1, 0.5)),
)
#: Missing energy that the searches ask for, as a fraction of the beam's.
X_MIN = 0.5


def rows() -> list[tuple[str, ...]]:
    """Cells of the table."""
    elastic, both = (
        Nucleus(82.0, 207.2, form) for form in ("elastic", "elastic+inelastic")
    )  # fmt: skip
    found = []
    for lepton, energy, masses in BEAMS:
        for kind, mass in product(("vector", "axial-vector", "scalar", "pseudoscalar"), masses):
            assert kind in KINDS
            front = Bremsstrahlung(lepton, kind)
            at = {"energy": energy, "mass": mass, "coupling": 1e-3}
            exact = front.total(nucleus=elastic, **at).sigma_pb
            vector = Bremsstrahlung(lepton).total(nucleus=elastic, **at).sigma_pb
            other = [front.total(nucleus=elastic, method=name, **at).sigma_pb
                     for name in ("ww", "iww")]  # fmt: skip
            hard, hard_ww = (
                front.total(nucleus=elastic, method=name, x_min=X_MIN, **at).sigma_pb
                for name in ("exact", "ww")
            )
            inelastic = front.total(nucleus=both, **at).sigma_pb
            found.append((
                lepton, kind, f"{mass:g}", f"{exact:.4g}", f"{exact / vector:.3g}",
                *(f"{value / exact:.3f}" for value in other), f"{inelastic / exact:.3f}",
                f"{hard / exact:.3f}", f"{hard_ww / hard:.3f}",
            ))  # fmt: skip
    return found


if __name__ == "__main__":
    head = ("lepton", "boson", "m, GeV", "exact, pb", "over vector", "ww/exact", "iww/exact",
            "inelastic", "x > 1/2", "ww/exact there")  # fmt: skip
    print("| " + " | ".join(head) + " |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows():
        print("| " + " | ".join(row) + " |")
