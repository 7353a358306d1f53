"""Zip files that are always the same byte for byte, of a size that is known before.

A listing names the size of every file, and to make them all for that would take minutes. So each
has a size that its period decides: empty blocks inside the deflated stream, which mean nothing to
any reader, fill it up.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

_LEVEL: Final = 1  # a month of minutes is packed in a twentieth of a second
_EMPTY: Final = b"\x00\x00\x00\xff\xff"  # a stored block of no bytes
_END: Final = b"\x03\x00"  # the last block, of no bytes
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_TAIL: Final = struct.Struct("<4s4H2IH")
_VERSION: Final = 20
_DEFLATED: Final = 8
_DATE: Final = (2025 - 1980) << 9 | 1 << 5 | 1  # of every member: bytes must not depend on days
_MODE: Final = 0o100644 << 16


class Member(NamedTuple):
    """A member: the name, the deflated bytes, and CRC and size of the whole ones."""

    name: bytes
    packed: bytes
    crc: int
    size: int

    def local(self) -> bytes:
        """Return the head that stands before the bytes."""
        fields = (_VERSION, 0, _DEFLATED, 0, _DATE, *self._sums(), len(self.name), 0)
        return _LOCAL.pack(b"PK\x03\x04", *fields) + self.name

    def central(self, offset: int) -> bytes:
        """Return the line in the directory."""
        fields = (_VERSION, _VERSION, 0, _DEFLATED, 0, _DATE, *self._sums(), len(self.name))
        return _CENTRAL.pack(b"PK\x01\x02", *fields, 0, 0, 0, 0, _MODE, offset) + self.name

    def _sums(self) -> tuple[int, int, int]:
        return self.crc, len(self.packed), self.size


def member(name: str, content: bytes) -> Member:
    """Return a deflated member."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH) + _END
    return Member(name.encode(), packed, zlib.crc32(content), len(content))


def filled(one: Member, room: int) -> Member:
    """Return a member with as many empty blocks before the end as fit into `room` bytes more."""
    blocks = max(0, room) // len(_EMPTY)
    return one._replace(packed=one.packed.removesuffix(_END) + _EMPTY * blocks + _END)


def zipped(members: Sequence[Member], size: int = 0) -> bytes:
    """Return a zip file; of exactly `size` bytes, or larger if need be."""
    first, *others = members
    first = filled(first, size - len(_file(members, b"")))
    whole = [first, *others]
    rest = size - len(_file(whole, b""))
    return _file(whole, b" " * max(0, rest))


def _file(members: Sequence[Member], comment: bytes) -> bytes:
    body, directory = b"", b""
    for each in members:
        directory += each.central(len(body))
        body += each.local() + each.packed
    many = len(members)
    tail = (0, 0, many, many, len(directory), len(body), len(comment))
    return body + directory + _TAIL.pack(b"PK\x05\x06", *tail) + comment
