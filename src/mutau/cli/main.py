"""The program: its verbs, its exit codes (0 done, 2 wrong input, 1 anything else)."""

from __future__ import annotations

import os
import sys
import warnings
from typing import NoReturn

import typer

from mutau._version import __version__
from mutau.cli import analysis, bulk, crosschecks, exports, joint, results, services
from mutau.core.errors import MutauError

app = typer.Typer(
    name="mutau",
    help="A light Z' boson from its Lagrangian to an exclusion plot, for fixed-target experiments.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _module in (results, analysis, joint, bulk, services, exports, crosschecks):
    for _verb in _module.VERBS:
        app.command()(_verb)


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


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"mutau: warning: {message}", file=sys.stderr)


_SIGINT_EXIT = 130


def _interrupted() -> NoReturn:
    print("mutau: interrupted; no half-written file was left", file=sys.stderr)
    raise SystemExit(1) from None


def run() -> None:
    """Entry point of the command line; always ends by SystemExit.

    Exit code 2 for wrong input (a MutauError, or what the parser refuses), 1 for Ctrl-C.
    """
    warnings.showwarning = _show_warning
    try:
        app()
    except MutauError as error:
        print(f"mutau: {type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as stop:
        if stop.code == _SIGINT_EXIT:  # how the parser ends a verb after Ctrl-C
            _interrupted()
        raise
    except BrokenPipeError:  # the reader of our stdout has gone, for example `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
