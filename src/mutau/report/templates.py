"""Texts with places to fill: the page of a report (HTML) and the words of its rows, by Jinja2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mutau.core.errors import MissingExtra, MutauError

if TYPE_CHECKING:
    from jinja2 import Environment


def filled(text: str, words: Mapping[str, Any], place: str) -> str:
    """A text of ours with its places filled, as plain text: whoever shows it escapes it.

    place : of the text, for the message. Raises MutauError for a word that is not given,
    MissingExtra without Jinja2.
    """
    from jinja2 import TemplateError

    try:
        return plain_environment().from_string(text).render(words)
    except (TemplateError, TypeError, ValueError) as error:
        raise MutauError(f"the text cannot be filled ({error})", place=place) from None


@cache
def plain_environment() -> Environment:
    """For plain texts: a word that is not given is an error."""
    environment = _environment()
    environment.globals["exp"] = math.exp
    return environment


@cache
def page_environment() -> Environment:
    """For HTML: every value is escaped unless it is markup already; templates beside this file.

    Raises MissingExtra without Jinja2.
    """
    from mutau.report.palette import html_label, plain_label

    environment = _environment(html=True)
    from markupsafe import Markup

    environment.filters["label"] = lambda text: Markup(html_label(str(text)))
    environment.filters["plain"] = lambda text: plain_label(str(text))
    # `tojson` writes <, >, & and ' by their codes, so that no text in it ends a script element
    environment.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False, "separators": (",", ":"), "allow_nan": False,
    }  # fmt: skip
    return environment


def _environment(html: bool = False) -> Environment:
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError:
        raise MissingExtra("writing a report", "plot") from None
    return Environment(
        autoescape=html, undefined=StrictUndefined, loader=FunctionLoader(_template),
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False,
    )  # fmt: skip


def _template(name: str) -> str:
    return files("mutau.report").joinpath(name).read_text(encoding="utf-8")
