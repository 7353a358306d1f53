"""Outputs of a command as they are: without some letters, closed, full, or without a reader.

None of that ends a command or changes the exit code, but for an output that cannot be written.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from marketkit.errors import MarketkitError
from marketkit.notebook.encoding import PEOPLE, encoding_of, has_all, refused

_PROGRAMS = "marketkit-programs"


def _for_programs(error: UnicodeError) -> tuple[str, int]:
    text, end = refused(error)
    units = text.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), end


codecs.register_error(_PROGRAMS, _for_programs)


@contextmanager
def forgiving() -> Iterator[None]:
    """Have output and errors of this process take every letter meanwhile, also where closed."""
    with ExitStack() as stack:
        _stand_in(stack)
        for each in (sys.stdout, sys.stderr):
            if isinstance(each, io.TextIOWrapper):
                stack.callback(_put_back, each, each.encoding, each.errors)
                each.reconfigure(errors=PEOPLE)
            stack.callback(_settle, each)
        yield


def _stand_in(stack: ExitStack) -> None:
    """Put the null device in the place of outputs that were closed before the start.

    Else the next file that is opened would have that number, and what others write to the number
    would go into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - the stack closes
            stack.enter_context(null)
            setattr(sys, name, null)
            stack.callback(setattr, sys, name, None)


def _put_back(stream: io.TextIOWrapper, encoding: str, errors: str | None) -> None:
    if not stream.closed:
        with contextlib.suppress(OSError):  # of what was left, and has no place to go
            stream.reconfigure(encoding=encoding, errors=errors)


def _settle(stream: TextIO) -> None:
    """Write the rest of an output, so that the end of the process finds nothing left to write."""
    try:
        stream.flush()
    except (OSError, ValueError):  # the last where it is closed
        drop(stream)


def drop(stream: TextIO) -> None:
    """Let all that is still written to an output vanish."""
    with contextlib.suppress(OSError, ValueError):  # no file, or closed
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


@contextmanager
def writing(stream: TextIO) -> Iterator[None]:
    """Say in a sentence where an output cannot be written; BrokenPipeError: the reader has left."""
    try:
        yield
    except MarketkitError:  # an error of the network is an OSError, too
        raise
    except BrokenPipeError:
        drop(stream)
        raise
    except OSError as error:
        drop(stream)
        raise MarketkitError(f"the output cannot be written: {error.strerror}") from error


def tell(line: str) -> None:
    """Write a line on stderr, where somebody reads that."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        drop(sys.stderr)


def print_for_programs() -> None:
    """Have letters be escapes of JSON, where the output is not UTF-8, as JSON has to be."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        plain = None if has_all(encoding_of(sys.stdout)) else "ascii"
        sys.stdout.reconfigure(encoding=plain, errors=_PROGRAMS)
