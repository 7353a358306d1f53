"""The seal of a chunk: hashes of the file in the file, so that any bit can be checked alone.

Two words in the footer's JSON: `pages`, the SHA-256 of all bytes before the footer, and `footer`,
that of all bytes from there to the end with 64 zeros in its own place. So a file proves itself
wherever it is copied and whatever becomes of the index, and the proof of what is covered costs no
look at the candles. Files of earlier releases have none; a later format keeps this one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

_BLANK = "0" * 64
UNSEALED = {"pages": _BLANK, "footer": _BLANK}  # what the JSON says until the file is complete

_PAGES, _FOOTER = b'"pages": "', b'"footer": "'
_DIGITS = len(_BLANK)
_MAGIC = b"PAR1"
_FRAME = 8  # bytes after the footer: how long it is, and the mark of the format


class Broken(ValueError):
    """The bytes of a sealed file differ from the sealed ones."""


class Sealed(NamedTuple):
    """The bytes of a sealed file, and their SHA-256 in hex."""

    content: bytes
    sha256: str


def seal(content: bytes) -> Sealed:
    """Write the hashes into the bytes of a file whose footer has `UNSEALED`."""
    start = footer_start(content)
    whole = sha256(memoryview(content)[:start])
    end = _with(content[start:], _PAGES, whole.hexdigest())
    end = _with(end, _FOOTER, sha256(end).hexdigest())
    whole.update(end)
    return Sealed(content[:start] + end, whole.hexdigest())


def check(content: bytes) -> bool:
    """Say whether the bytes of a file are sealed.

    Raises `Broken` if they are not those that were sealed, `ValueError` for no whole file.
    """
    start = footer_start(content)
    pages = check_footer(content[start:])
    if pages is not None and sha256(memoryview(content)[:start]).hexdigest() != pages:
        raise Broken("its candles are not the bytes that were written")
    return pages is not None


def check_footer(end: bytes) -> str | None:
    """Give the hash of the pages that the end of a file claims, None where nothing is sealed.

    Raises `Broken`.
    """
    pages, own = (_digits(end, mark) for mark in (_PAGES, _FOOTER))
    if pages is None and own is None:
        return None
    if pages is None or own is None or sha256(_with(end, _FOOTER, _BLANK)).hexdigest() != own:
        raise Broken("its footer is not the bytes that were written")
    return pages


def footer_start(content: bytes) -> int:
    """Give where the footer of a Parquet file begins. Raises `ValueError` for other files."""
    length = int.from_bytes(content[-_FRAME:-4], "little")
    if content[-4:] != _MAGIC or length + _FRAME > len(content):
        raise ValueError("not a whole Parquet file")
    return len(content) - _FRAME - length


def _digits(end: bytes, mark: bytes) -> str | None:
    start = end.find(mark) + len(mark)
    return None if start < len(mark) else end[start : start + _DIGITS].decode("latin-1")


def _with(end: bytes, mark: bytes, digits: str) -> bytes:
    start = end.index(mark) + len(mark)
    return end[:start] + digits.encode() + end[start + _DIGITS :]
