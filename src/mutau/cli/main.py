"""The program: its verbs, its exit codes (0 done, 2 wrong input, 1 anything else)."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import warnings
from functools import cache
from itertools import pairwise
from typing import Any, Final, NoReturn

import typer
import typer.core
import typer.main

from mutau._version import __version__
from mutau.cli import (
    analysis,
    bulk,
    crosschecks,
    exports,
    joint,
    results,
    sensitivity,
    services,
)
from mutau.cli.examples import epilog
from mutau.cli.options import check_given, check_repeated, joined_units
from mutau.core.errors import MutauError, show_warning
from mutau.core.threads import NAME


class Verb(typer.core.TyperCommand):
    """A verb that refuses options without effect before it runs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words. Raises MutauError for an option that stands twice and takes one value."""
        if not ctx.resilient_parsing:
            check_repeated(ctx, self.make_parser(ctx).parse_args(list(args))[2])
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb. Raises MutauError for what `options.check_given` refuses."""
        check_given(ctx)
        return super().invoke(ctx)


#: Headings of the list of verbs, in the order of the data path.
GROUPS: Final = {
    "A point of the model": ("model", "xsec", "cascade"),
    "An experiment": ("yields", "limit", "sensitivity", "background", "optimise", "measure"),
    "Several experiments": ("plane", "combine", "discover"),
    "Events": ("generate", "simulate"),
    "In bulk": ("scan", "reproduce"),
    "Files, names, sources": (
        "check",
        "show",
        "draw",
        "cite",
        "export",
        "likelihood",
        "publish",
        "verify",
        "crosscheck",
    ),
}


class Program(typer.core.TyperGroup):
    """The program, whose help lists its verbs under headings."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Verbs as the headings have them; others, of which there are none, at the end."""
        known = [verb for verbs in GROUPS.values() for verb in verbs]
        return [*known, *(verb for verb in self.commands if verb not in known)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of verbs, a heading over each group."""
        width = max(len(verb) for verb in self.commands)
        for heading, verbs in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([
                    (verb.ljust(width), self.commands[verb].get_short_help_str(60))
                    for verb in verbs
                ])  # fmt: skip


app = typer.Typer(
    name="mutau",
    cls=Program,
    help="A light Z' boson from its Lagrangian to an exclusion plot, for fixed-target experiments.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _module in (results, sensitivity, analysis, joint, bulk, services, exports, crosschecks):
    for _verb in _module.VERBS:
        app.command(cls=Verb, epilog=epilog(_verb.__name__))(_verb)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"mutau {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    pass


@cache
def _command() -> Any:
    return typer.main.get_command(app)


_SIGINT_EXIT: Final = 130  # how the parser ends a verb after Ctrl-C
#: What the system says of a path that cannot be, as opposed to one that fails while in use.
_NO_SUCH_PATH: Final = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR)
#: What the parser raises for words that it does not understand.
_USAGE_ERROR: Final[Any] = typer.BadParameter.__base__


def _interrupted() -> NoReturn:
    """Say so and end, without waiting for threads that still compute."""
    from mutau.core.storage import cache_dir, remove_halves

    remove_halves(cache_dir(), r".*\.(npz|json)", os.getpid())  # what such a thread was writing
    print("mutau: interrupted; no half-written file was left", file=sys.stderr, flush=True)
    if any(thread.name.startswith(NAME) for thread in threading.enumerate()):
        os._exit(1)
    raise SystemExit(1) from None


def _refused(text: str, code: int = 2) -> NoReturn:
    print(f"mutau: {text}", file=sys.stderr)
    raise SystemExit(code) from None


def _usage(error: Any) -> NoReturn:
    """One line for wrong words; the help itself where there were none at all."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        raise SystemExit(2) from None
    text = " ".join(error.format_message().split()).rstrip(".")
    for option in getattr(getattr(error, "param", None), "opts", ()):
        for word, after in pairwise([*sys.argv, ""]):
            name, equals, value = word.partition("=")
            if name == option:
                value = value if equals else after
                text = text.replace("Invalid value for", f"Invalid value {value[:100]!r} for", 1)
    context = getattr(error, "ctx", None)
    words = context.command_path if context else "mutau"
    _refused(f"{text}; '{words} --help' explains")


def run() -> NoReturn:
    """Entry point of the command line; always ends by SystemExit.

    Exit code 2 for wrong input (a MutauError, or what the parser refuses), 1 for Ctrl-C, `kill`
    and what the machine refuses (a full disk).
    """
    warnings.showwarning = show_warning
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever began the program
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that no encoding holds are spelled out
        sys.stdout.reconfigure(errors="backslashreplace")
    seen: list[int] = []

    def interrupt(number: int, _: object) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    usual = (signal.SIG_DFL, signal.default_int_handler)  # others are somebody's wish, as of nohup
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = {n: signal.signal(n, interrupt) for n in wanted if signal.getsignal(n) in usual}
    try:
        _run()
    except Exception:
        if not seen:
            raise
        _interrupted()  # what a compiler makes of an interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run() -> NoReturn:
    try:
        code = _command()(joined_units(sys.argv[1:]), prog_name="mutau", standalone_mode=False)
        if code == _SIGINT_EXIT:
            _interrupted()
        raise SystemExit(code or 0)
    except MutauError as error:
        _refused(f"{type(error).__name__}: {error}", error.exit_code)
    except _USAGE_ERROR as error:
        _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        _interrupted()
    except BrokenPipeError:  # the reader of our stdout has gone, for example `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno in _NO_SUCH_PATH:
            _refused(f"FileError: {str(error.filename)[:200]!r}: {error.strerror}; check the path")
        _refused(f"the system refused: {error}", code=1)
