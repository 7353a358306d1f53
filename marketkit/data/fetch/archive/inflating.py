"""The bytes of a deflated member, unpacked in steps that suit the processor.

The standard library's stream reads as many packed bytes as are asked for unpacked ones, and copies
the rest of them around at each step. ISA-L unpacks in less than half of zlib's time.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import IO, Any

try:
    from isal import isal_zlib as fast_zlib
except ImportError:  # there is none for this processor
    fast_zlib = zlib  # type: ignore[misc]

_STEP = 256 << 10  # packed bytes at a time: some megabyte of rows, which a cache holds
_LOCAL = struct.Struct("<4s22xHH")  # a member's own head: a mark, and the lengths of what follows
_FAST_ERROR: Any = fast_zlib.error  # its types take the class for an object
_MARK = b"PK\x03\x04"


class Inflated:
    """A stream of a deflated member of a zip file that is open for reading."""

    def __init__(self, file: IO[bytes], member: zipfile.ZipInfo) -> None:
        self._file = file
        self._member = member
        self._inflate = fast_zlib.decompressobj(-fast_zlib.MAX_WBITS)
        self._left = member.compress_size
        self._sum = 0
        file.seek(member.header_offset)
        mark, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
        if mark != _MARK or file.read(name) != member.orig_filename.encode():
            raise zipfile.BadZipFile("the member is not where the directory says")
        file.seek(extra, 1)

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; b"" at the end. Raises `BadZipFile` for others."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._more()
            try:
                piece = self._inflate.decompress(packed, size)
            except (zlib.error, _FAST_ERROR) as error:
                raise zipfile.BadZipFile(f"the member is damaged: {error}") from error
            if piece:
                self._sum = fast_zlib.crc32(piece, self._sum)
                return piece
            if not packed:
                raise zipfile.BadZipFile("the member ends too early")
        if self._sum != self._member.CRC:
            raise zipfile.BadZipFile("the member has another checksum")
        return b""

    def _more(self) -> bytes:
        packed = self._file.read(min(_STEP, self._left))
        self._left -= len(packed)
        return packed
