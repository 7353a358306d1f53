"""The command line: arguments in, provider calls, tables or JSON out."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from marketkit.cli.deadline import OutOfTime
from marketkit.cli.options import refuse_unknown, refuse_unused, wants_json
from marketkit.cli.output import DONE, FAILED, INCOMPLETE, INTERRUPTED, USAGE, Output
from marketkit.cli.parser import build_parser, find_commands
from marketkit.cli.terminal import forgiving, print_for_programs
from marketkit.disk.system import map_large, spare_memory
from marketkit.errors import Incomplete, InputError, MarketkitError, PartialResult


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give the exit code."""
    began = time.monotonic()
    spare_memory()  # of libraries that finding the commands loads
    words = sys.argv[1:] if arguments is None else arguments
    output = Output(as_json=wants_json(words))
    with forgiving(), warnings.catch_warnings(), _logging(output):
        parser = build_parser(find_commands(), output if output.as_json else None)
        options, unknown = parser.parse_known_args(words)
        refuse_unknown(options, unknown)
        refuse_unused(options)
        options.began = began
        if output.as_json:
            print_for_programs()
        warnings.simplefilter("default", Incomplete)  # the exit code tells of it
        warnings.showwarning = lambda message, category, *_: output.warning(message, category)
        code = _run(options, output)
        return INCOMPLETE if code == DONE and output.lacks else code


def _logging(output: Output) -> AbstractContextManager[None]:
    if not output.as_json:
        return nullcontext()
    from marketkit.cli.log import as_lines  # noqa: PLC0415 - slow, `--help` needs none

    return as_lines(output)


def _run(options: argparse.Namespace, output: Output) -> int:
    try:
        return _answer(options, output)
    except OutOfTime as late:
        output.problem(late)
        return INCOMPLETE
    except MarketkitError as error:
        output.problem(error)
        return USAGE if isinstance(error, InputError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        return DONE
    except Exception as error:  # a mistake of ours, which Python tells of in lines of text
        if not output.as_json:
            raise
        import traceback  # noqa: PLC0415 - as above

        output.log("error", type(error).__name__, traceback.format_exc())
        return FAILED


def _answer(options: argparse.Namespace, output: Output) -> int:
    map_large()
    try:
        return int(options.run(options, output))
    except PartialResult as partial:
        output.table(partial.frame)
        output.problem(partial)
        return INCOMPLETE
