"""The command line: arguments in, provider calls, tables or JSON out."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

from marketkit.cli.options import refuse_unknown, refuse_unused
from marketkit.cli.output import DONE, FAILED, INCOMPLETE, INTERRUPTED, USAGE, Output
from marketkit.cli.parser import build_parser, find_commands
from marketkit.cli.terminal import forgiving, print_for_programs
from marketkit.errors import Incomplete, InputError, MarketkitError, PartialResult


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give the exit code."""
    with forgiving(), warnings.catch_warnings():
        options, unknown = build_parser(find_commands()).parse_known_args(arguments)
        refuse_unknown(options, unknown)
        refuse_unused(options)
        if options.json:
            print_for_programs()
        log_as_json = getattr(options, "log_format", "text") == "json"
        output = Output(as_json=options.json, log_as_json=log_as_json)
        warnings.simplefilter("default", Incomplete)  # the exit code tells of it
        warnings.showwarning = lambda message, category, *_: output.warning(message, category)
        code = _run(options, output)
        return INCOMPLETE if code == DONE and output.lacks else code


def _run(options: argparse.Namespace, output: Output) -> int:
    try:
        return int(options.run(options, output))
    except PartialResult as partial:
        output.table(partial.frame)
        output.problem(partial)
        return INCOMPLETE
    except MarketkitError as error:
        output.problem(error)
        return USAGE if isinstance(error, InputError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        sys.stderr.close()
        return DONE
