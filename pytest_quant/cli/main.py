"""Arguments to a subcommand, errors to one line and an exit status."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.metadata import version
from typing import TextIO

from pytest_quant.cli import (
    cache,
    calibrate,
    compare,
    diagnose,
    docs,
    history,
    init,
    inspect,
    lint,
    merge,
    quantize,
    rescue,
    target,
)
from pytest_quant.cli.console import PROGRAM, VisibleStream, say
from pytest_quant.cli.streams import usable_streams
from pytest_quant.extending.known import in_use, with_builtins
from pytest_quant.spec.errors import QuantError, QuantWarning, told

EXIT_UNUSABLE = 2
"""Usage errors and files that cannot be used, as argparse has it; 1 is for findings, see each subcommand."""
_EXIT_INTERRUPTED = 130

_SUBCOMMANDS = (
    init,
    quantize,
    calibrate,
    diagnose,
    rescue,
    lint,
    inspect,
    target,
    history,
    compare,
    merge,
    cache,
    docs,
)
"""Modules with ``add_parser(subparsers)``, in the order of the help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 for findings, 2 for what cannot be used.

    ``argv`` without the program's name; None: the process's own. A usage error ends in `SystemExit` with status 2.
    """
    try:
        with usable_streams():
            return _run(argv)
    except BrokenPipeError:  # `| head` has seen enough
        return 0
    except OSError as error:
        say("error", told(error))
        return EXIT_UNUSABLE


def _run(argv: Sequence[str] | None) -> int:
    parser = _parser()
    _complete(parser)
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("always", QuantWarning)
        warnings.showwarning = _show_warning
        try:
            with in_use(with_builtins()), redirect_stdout(VisibleStream(sys.stdout)):
                status: int = args.run(args)
        except QuantError as error:
            say("error", str(error))
            return EXIT_UNUSABLE
        except KeyboardInterrupt:
            say("error", "interrupted")
            return _EXIT_INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Make, check and look at int8 models for ncnn; `pytest --quant` tests their accuracy.",
        epilog="`pytest-quant COMMAND --help` has a command's options, `pytest-quant docs` the documentation.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-quant {version('pytest-quant')}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for subcommand in _SUBCOMMANDS:
        subcommand.add_parser(subparsers)
    return parser


def _complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what can follow, as pytest does for its own options; the process then ends here."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete  # the shell asks only where it is installed

        argcomplete.autocomplete(parser)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """In the place of `warnings.showwarning`: ours as a line without a place in the code, others as ever."""
    if issubclass(category, QuantWarning):
        say("warning", str(message))
    else:
        say("warning", warnings.formatwarning(message, category, filename, lineno, line).rstrip())
