"""Gold. What the table does not say, radiation length among it, follows from the composition."""

from mutau.matter import build

GOLD = build(
    "toy-gold",
    {"density": "19.32 g/cm^3", "atoms": {"Au": 1}, "source": "PDG 2024 table 6.1 (density)"},
)
