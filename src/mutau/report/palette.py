"""Colours by role and order, the same in files and on the page; labels without mathtext."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import cycle

from mutau.core.figure import Series

#: After P. Tol's "vibrant" and "muted" sets, moved until any two of a family are 12 apart in CIELAB
#: (14 of ours), as seen with normal vision, by protanopes and by deuteranopes.
OURS = ("#cc3311", "#0077bb", "#009988", "#a45193", "#df7547", "#332288", "#607718", "#882255")
#: Published curves: darker line, paler area.
PUBLISHED = (
    "#577676", "#308aeb", "#7d6bb0", "#b9770e", "#5f8f3e", "#7b241c", "#46687e", "#c66fa4",
    "#6e6804", "#90785b", "#19495a", "#773990",
)  # fmt: skip
PREFERRED = ("#2e8b57", "#14532d")
MODEL = ("#252525",)
USER = ("#000000", "#8b0000", "#00008b")
#: What a true point would leave: wide region, narrow region, the point; then the next point.
MEASURED = ("#e0a500", "#b8860b", "#5c4400")
_FAMILIES = {
    "ours": OURS,
    "published": PUBLISHED,
    "preferred": PREFERRED,
    "model": MODEL,
    "user": USER,
    "measured": MEASURED,
}


def coloured(series: Iterable[Series]) -> Iterator[tuple[Series, str]]:
    """Each series with its colour, by role and order within the role.

    A further piece of a region, which has no label of its own, keeps the colour of the first. The
    published curves that a plane shows by default have one colour each, the same in every figure,
    recast or not; others get what these leave.
    """
    series = list(series)
    fixed = _fixed_colours() if any(item.role == "published" for item in series) else {}
    taken = {fixed[name] for name in map(_curve, series) if name in fixed}
    free = tuple(colour for colour in PUBLISHED if colour not in taken) or PUBLISHED
    counts: dict[str, int] = {}
    for item in series:
        if _curve(item) in fixed:
            yield item, fixed[_curve(item)]
            continue
        family = free if item.role == "published" else _FAMILIES.get(item.role, OURS)
        index = counts.get(item.role, 0)
        if index and item.kind == "region-closed" and not item.label:
            index -= 1
        counts[item.role] = index + 1
        yield item, family[index % len(family)]


def _curve(item: Series) -> str:
    """Name of the published curve that a series shows or carries on, before any recast."""
    if item.role != "published":
        return ""
    name = str(item.meta.get("same_as") or item.meta.get("name", ""))
    return name.partition("-to-")[0]


def _fixed_colours() -> dict[str, str]:
    """Colours of the published curves that a plane shows by default, by name."""
    from mutau.bounds import drawn_by_default

    return dict(zip((curve.name for curve in drawn_by_default()), cycle(PUBLISHED), strict=False))


_SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "Delta": "Δ", "epsilon": "ε",
    "varepsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "omega": "ω", "to": "→", "times": "×",
    "cdot": "·", "pm": "±", "leq": "≤", "geq": "≥", "approx": "≈", "sim": "∼", "infty": "∞",
    "prime": "′", "ell": "ℓ", "circ": "°", "propto": "∝", "sqrt": "√",
}  # fmt: skip
_PLAIN_COMMANDS = r"\\(?:mathrm|mathit|mathbf|text)\{([^{}]*)\}"


def html_label(text: str) -> str:
    """A label with mathtext between dollars as HTML with <sub> and <sup>; the rest is escaped.

    >>> html_label("$m_{Z'}$ [GeV] & more")
    'm<sub>Z′</sub> [GeV] &amp; more'
    """
    parts = html.escape(text, quote=False).split("$")
    if len(parts) % 2 == 0:  # a lone dollar is a dollar
        return "$".join(parts)
    parts[1::2] = [_math(part) for part in parts[1::2]]
    return "".join(parts)


def plain_label(text: str) -> str:
    """A label with mathtext between dollars as plain text.

    >>> plain_label("$m_{Z'}$ [GeV]")
    'm_Z′ [GeV]'
    """
    marked = html_label(text).replace("<sub>", "_").replace("<sup>", "^")
    return html.unescape(re.sub(r"</su[bp]>", "", marked))


def _math(text: str) -> str:
    text = re.sub(_PLAIN_COMMANDS, r"\1", text)
    text = re.sub(r"\\bar\{([^{}]*)\}", "\\1\u0304", text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda m: _SYMBOLS.get(m[1], m[1]), text)
    text = re.sub(r"\\[,; ]", " ", text).replace("'", "′").replace("-", "−")
    tags = {"_": "sub", "^": "sup"}
    for group in (r"\{([^{}]*)\}", r"(&\w+;|[^\s{}<])"):
        while match := re.search(r"([_^])" + group, text):
            tag = tags[match[1]]
            start, stop = match.span()
            text = f"{text[:start]}<{tag}>{match[2]}</{tag}>{text[stop:]}"
    return text.replace("{", "").replace("}", "")
