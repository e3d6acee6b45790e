"""One or two command lines per verb, for its help; a test parses every one of them."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "model": (
        "mutau model --mass 100MeV --coupling 1e-3",
        "mutau model --mass 0.03 --coupling 1e-4 --alpha-d 0.1 --mass-ratio 3 --json",
    ),
    "xsec": (
        "mutau xsec muon-brems --energy 160 --mass 0.1 --coupling 1e-3 --material lead",
        "mutau xsec muon-electron-gamma --cuts muone",
        "mutau xsec muon-electron-pair --energy 150 --material beryllium --limits pair_energy=1:",
    ),
    "yields": (
        "mutau yields na64mu --mass 100MeV --coupling 1e-3",
        "mutau yields na64mu --mass 10MeV:1GeV:7 --coupling 1e-3 -o yields.csv",
        "mutau yields muone --mass 0.1 --coupling 1e-3 --truth --json",
    ),
    "limit": (
        "mutau limit na64mu --mass 1MeV:1GeV:13 -o na64mu.npz",
        "mutau limit na64mu --mass 100MeV --full-chain --background computed",
    ),
    "sensitivity": (
        "mutau sensitivity na64e --mass 1MeV,10MeV --exposure 1e11:1e13:5",
        "mutau sensitivity na64mu --mass 0.1 --exposure 1e11 --background none --full-chain",
    ),
    "cascade": (
        "mutau cascade --energy 100 --material lead --edges 1,10,50,100",
        "mutau cascade --calorimeter na64e",
    ),
    "generate": ("mutau generate na64mu --mass 100MeV --coupling 1e-3 -n 1e4 -o events.lhe.gz",),
    "background": (
        "mutau background na64mu",
        "mutau background muone --mass 100MeV --coupling 1e-3 --effort 0.1",
    ),
    "optimise": ("mutau optimise muone --mass 100MeV -o tuned.toml",),
    "measure": ("mutau measure muone --mass 100MeV --coupling 1e-3 --toys 20",),
    "combine": ("mutau combine na64mu muone --mass 10MeV,100MeV",),
    "discover": ("mutau discover na64mu muone --mass 10MeV --coupling 5e-4",),
    "scan": ("mutau scan grid.toml -o scan", "mutau scan grid.toml -o scan --resume"),
    "simulate": ("mutau simulate na64mu -n 1e5 -o run",),
    "plane": (
        "mutau plane na64mu -o plane.png",
        "mutau plane na64mu --mass 1MeV:1GeV:13 --only none --year-gm2 2025 -o plane.pdf",
    ),
    "draw": ("mutau draw na64mu -o na64mu.svg", "mutau draw mine.toml --muon-energy 60GeV"),
    "reproduce": (
        "mutau reproduce na64mu --quick -o results",
        "mutau reproduce --only me.n10,ee.fig2 -o part",
    ),
    "check": ("mutau check mine.toml", "mutau check mine.toml --json"),
    "show": ("mutau show experiments", "mutau show limits --missing"),
    "cite": ("mutau cite na64mu gm2 -o references.bib",),
    "export": (
        "mutau export csv na64mu.npz -o tables",
        "mutau export pyhf na64mu --mass 100MeV --coupling 1e-3 -o workspaces",
    ),
    "likelihood": (
        "mutau likelihood na64e --mass 2MeV:200MeV:13 -o na64e.json",
        "mutau likelihood na64e.json --point mass=0.1,coupling=5e-3 -o na64e.hs3.json",
    ),
    "publish": ("mutau publish na64e --mass 2MeV:200MeV:13 -o published",),
    "verify": ("mutau verify published",),
    "crosscheck": ("mutau crosscheck --effort 0.1",),
}


def epilog(verb: str) -> str | None:
    """What stands below the help of a verb, each example on a line of its own."""
    lines = EXAMPLES.get(verb)
    return "\b\n" + "\n".join(("Examples:", *(f"  {line}" for line in lines))) if lines else None
