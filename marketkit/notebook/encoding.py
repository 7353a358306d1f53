"""Letters that an output does not have, such as a Korean console of Windows (cp949), or ASCII.

Lines of tables become ASCII there. CP949 and EUC-KR have most of them, but Korean consoles draw
these twice as wide as a letter. Other letters become a question mark.
"""

from __future__ import annotations

import codecs
from typing import TextIO

PEOPLE = "marketkit-people"  # how a codec is told to replace what it does not have
UNICODE = "utf-8"
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
_TABLE = str.maketrans(_LINES)


def encoding_of(stream: TextIO | None) -> str:
    """Give the encoding of an output; UTF-8 where no known one is named.

    >>> import io
    >>> encoding_of(io.TextIOWrapper(io.BytesIO(), encoding="CP949")), encoding_of(io.StringIO())
    ('cp949', 'utf-8')
    """
    try:
        return codecs.lookup(getattr(stream, "encoding", None) or UNICODE).name
    except LookupError:
        return UNICODE


def has_all(encoding: str) -> bool:
    """Say whether an encoding has every letter, each as wide as terminals of UTF-8 draw it."""
    return encoding.startswith("utf")


def printable(text: str, encoding: str) -> str:
    """Replace the letters missing in an encoding.

    >>> printable("│ 비트코인 …", "ascii"), printable("│ 비트코인 …", "cp949")
    ('| ???? .', '| 비트코인 .')
    """
    if text.isascii():
        return text
    if not has_all(encoding):
        text = text.translate(_TABLE)
    return text.encode(encoding, PEOPLE).decode(encoding)


def refused(error: UnicodeError) -> tuple[str, int]:
    """Give the letters that a codec refuses, and where these end; as a codec asks for it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end], error.end


def _for_people(error: UnicodeError) -> tuple[str, int]:
    text, end = refused(error)
    return "".join(_LINES.get(letter, "?") for letter in text), end


codecs.register_error(PEOPLE, _for_people)
