"""Terminals that cannot show every letter, such as Korean consoles of Windows (cp949).

Output must never die for a letter: lines of tables become ASCII, other letters a question mark, and
in JSON the escape that every parser reads back.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PEOPLE, _PROGRAMS = "marketkit-people", "marketkit-programs"
_LINES = {  # of tables, bars and sentences
    **dict.fromkeys("│┆┃║╎", "|"),
    **dict.fromkeys("─╌━═", "-"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╞╡╪╭╮╰╯", "+"),
    "\u2026": ".",  # the dots of something shortened
    **dict.fromkeys("\u2013\u2014\u2212", "-"),  # dashes and the minus sign
    "\u00b7": ".",
    "\u00d7": "x",
    "→": ">",
    "█": "#",
}


def _for_people(error: UnicodeError) -> tuple[str, int]:
    text, end = _refused(error)
    return "".join(_LINES.get(letter, "?") for letter in text), end


def _for_programs(error: UnicodeError) -> tuple[str, int]:
    text, end = _refused(error)
    units = text.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), end


def _refused(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end], error.end


codecs.register_error(_PEOPLE, _for_people)
codecs.register_error(_PROGRAMS, _for_programs)


@contextmanager
def forgiving() -> Iterator[None]:
    """Have output and errors of this process take every letter meanwhile."""
    streams = [each for each in (sys.stdout, sys.stderr) if isinstance(each, io.TextIOWrapper)]
    before = [each.errors for each in streams]
    try:
        for each in streams:
            each.reconfigure(errors=_PEOPLE)
        yield
    finally:
        for each, errors in zip(streams, before, strict=True):
            if not each.closed:
                each.reconfigure(errors=errors)


def print_for_programs() -> None:
    """Have letters that the output cannot take be escapes of JSON."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_PROGRAMS)
