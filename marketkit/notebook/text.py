"""Text that is set in columns: how wide it is, how it is cut, and how much room there is."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple, TextIO

from marketkit.notebook.encoding import UNICODE, encoding_of
from marketkit.notebook.words import Tone
from marketkit.progress import moves

_BOUNDLESS = 1 << 30  # columns and rows of a file or a pipe
_ANSI: Mapping[Tone, str] = {"up": "\x1b[31m", "down": "\x1b[94m"}  # a plain blue is dark on black
_PATH = re.compile(r"(?:/|~/|[A-Za-z]:\\)\S*\s*")  # stays whole: people copy it
# A line of a text may break behind each.
_WORDS = re.compile(rf"(?<!\S){_PATH.pattern}|[^\s_/]*(?:\s+|[_/]+|$)")
_PARTS = re.compile(r"[^_]*(?:_+|$)")  # the same of a column's name


class Room(NamedTuple):
    """The place for a text: columns, rows, whether colours are understood, and which letters."""

    width: int = _BOUNDLESS
    height: int = _BOUNDLESS
    colors: bool = False
    encoding: str = UNICODE


def room(stream: TextIO | None = None) -> Room:
    """Give the room there is: of a terminal its own, elsewhere as wide as `COLUMNS` says, if so.

    Colours are for terminals, unless `NO_COLOR` is set.
    """
    to = sys.stdout if stream is None else stream
    terminal = to is not None and to.isatty()
    letters = encoding_of(to)
    if not terminal and not os.environ.get("COLUMNS", "").isdigit():
        return Room(encoding=letters)
    size = shutil.get_terminal_size()
    if not terminal:
        return Room(size.columns, encoding=letters)
    colors = moves(to) and not os.environ.get("NO_COLOR")
    return Room(size.columns, size.lines, colors, letters)


def width(text: str) -> int:
    """Give the columns of a terminal that a text takes: Korean letters take two.

    >>> width("BTC"), width("비트코인")
    (3, 8)
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(letter: str) -> int:
    # What stands above or within the letter before: accents, and vowels of taken-apart Korean.
    if unicodedata.category(letter) in {"Mn", "Me"} or "\u1160" <= letter <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def pad(text: str, to: int, *, right: bool = False) -> str:
    """Fill a text up to so many columns, to its left where it stands `right`."""
    space = " " * (to - width(text))
    return f"{space}{text}" if right else f"{text}{space}"


def clip(text: str, most: int) -> str:
    """Cut a text to so many columns, with a sign that it was cut.

    >>> clip("비트코인", 8), clip("비트코인", 6)
    ('비트코인', '비트…')
    """
    return text if width(text) <= most else f"{_first(text, most - 1)}…"


def wrap(text: str, most: int) -> list[str]:
    """Break a text into lines of so many columns: behind spaces, `_` and `/`, else anywhere.

    A path stays whole, however long, for people copy it.

    >>> wrap("trading_volume_soaring", 10), wrap("abcdef", 4), wrap("lake /home/me/lake: 2", 8)
    (['trading_', 'volume_', 'soaring'], ['abcd', 'ef'], ['lake /home/me/lake:', '2'])
    """
    return _broken(text, most, _WORDS)


def wrap_name(name: str, most: int) -> list[str]:
    """Break the name of a column into lines: behind `_`, else anywhere."""
    return _broken(name, most, _PARTS)


def _broken(text: str, most: int, pieces: re.Pattern[str]) -> list[str]:
    lines = [""]
    for piece in pieces.findall(text):
        rest = piece
        whole = bool(_PATH.fullmatch(rest))
        too_long = whole and width(rest.rstrip()) > most  # on a line of its own, too
        if lines[-1] and width(f"{lines[-1]}{rest}".rstrip()) > most and not too_long:
            lines.append("")
        while width(f"{lines[-1]}{rest}".rstrip()) > most and not whole:
            part = _first(rest, most) or rest[0]  # a wide letter in one column
            lines[-1:] = [part, ""]
            rest = rest[len(part) :]
        lines[-1] += rest
    return [line.rstrip() for line in lines if line.rstrip()] or [""]


def longest(name: str) -> int:
    """Give the columns that the longest part takes of those that `wrap_name` keeps whole."""
    return max(map(width, _PARTS.findall(name)), default=0)


def paint(text: str, tone: Tone, *, colors: bool) -> str:
    """Put a text in the colour of its tone: red is up and blue is down, as in Korea."""
    return f"{_ANSI[tone]}{text}\x1b[0m" if colors and tone else text


def _first(text: str, most: int) -> str:
    """Give as much of the beginning of a text as has so many columns."""
    used = 0
    for at, letter in enumerate(text):
        used += _width(letter)
        if used > most:
            return text[:at]
    return text
