"""The end of a Parquet file, read without a Parquet library: thousands of files a moment.

Only what is byte for byte as our own writer makes it is understood; of anything else nothing is
said, and a library has to look. The layout is Parquet's `FileMetaData` in Thrift's compact
protocol: version, schema, number of rows, row groups, key-value pairs, in this order.
"""

from __future__ import annotations

import os
from io import BytesIO, FileIO
from typing import NamedTuple

_MAGIC = b"PAR1"
_ENOUGH = 8192  # bytes; more than the footer of a chunk has, as a rule
_ROWS = 0x16  # the number of rows: the field after the schema, an i64
_GROUPS = 0x19  # the row groups: the field after that, a list
_TEXT = 0x18  # in a key-value pair, the key and then the value: fields of bytes


class Tail(NamedTuple):
    """The end of a file: the number of rows, and the value of one key."""

    rows: int
    value: bytes


def read_tail(end: bytes | None, schema: bytes, key: bytes) -> Tail | None:
    """Read the end of a file with this schema, or give None for a file that is not as expected."""
    footer = (end or b"")[:-8]
    if not footer.startswith(schema):
        return None
    try:
        rows, at = _varint(footer, len(schema))
        pair = bytes([_TEXT, len(key)]) + key + bytes([_TEXT])
        if footer[at] != _GROUPS or footer.count(pair) != 1:
            return None
        length, start = _varint(footer, footer.index(pair, at) + len(pair))
    except (IndexError, ValueError):
        return None
    return Tail(rows // 2, footer[start : start + length])  # rows are signed: zigzag doubles them


def schema_of(content: bytes) -> bytes:
    """Give the bytes of a footer up to the number of rows, from a whole file without rows."""
    footer = content[-8 - int.from_bytes(content[-8:-4], "little") : -8]
    return footer[: footer.index(bytes([_ROWS, 0, _GROUPS])) + 1]


def read_end(file: FileIO | BytesIO) -> bytes | None:
    """Give the footer of a file and the eight bytes behind, None where there is none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _ENOUGH))
    end = file.read(_ENOUGH)
    length = int.from_bytes(end[-8:-4], "little")
    if end[-4:] != _MAGIC or length + 8 > size:
        return None
    if length + 8 > len(end):
        file.seek(size - length - 8)
        end = file.read(length + 8)
    return end[-8 - length :]


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, and where the next thing starts."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
