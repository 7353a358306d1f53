"""The body of an answer, bounded on arrival: in bytes received, and in bytes unpacked.

httpx unpacks every piece as a whole, and a gzip of 64 kB may hold 64 MB. Here no more is unpacked
than fits.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable
from typing import Protocol

from marketkit.errors import BadResponse, plain

_WITH_HEADER = 32 + zlib.MAX_WBITS  # gzip or zlib, as the bytes say themselves
_PLAIN = frozenset({"", "identity"})
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class Unpacker(Protocol):
    """Received bytes made bytes of the body."""

    def add(self, raw: bytes, room: int) -> bytes:
        """Unpack `raw` as far as `room` bytes, and one more where there are too many."""

    @property
    def is_whole(self) -> bool:
        """Whether the body may end here."""


class _AsItComes:
    """The body of an answer that is not packed."""

    is_whole = True

    def add(self, raw: bytes, room: int) -> bytes:  # noqa: ARG002 - a body that is there is no more
        return raw


class _Unzipper:
    """The body of an answer packed as gzip or deflate, in one part or several."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_WITH_HEADER)
        self.is_whole = True

    def add(self, raw: bytes, room: int) -> bytes:
        if self.is_whole:
            raw = raw.lstrip(b"\0")  # padding behind a part
        out: list[bytes] = []
        self.is_whole &= not raw
        while raw and room >= 0:
            out.append(self._inner.decompress(raw, room + 1))
            room -= len(out[-1])
            raw = self._inner.unconsumed_tail
            self.is_whole = self._inner.eof
            if self.is_whole:
                raw = self._inner.unused_data.lstrip(b"\0")
                self._inner = zlib.decompressobj(_WITH_HEADER)
        self.is_whole &= room >= 0
        return b"".join(out)


async def read_bounded(pieces: AsyncIterable[bytes], encoding: str, most: int, where: str) -> bytes:
    """Give the whole body of an answer as sent by `where`, at most `most` bytes.

    `pieces` are as they came, packed as the header `Content-Encoding` says. Raises `BadResponse`
    as soon as there is more, or what came cannot be unpacked; what is left is not waited for.
    """
    unpacker = _unpacker(encoding, where)
    body, came = bytearray(), 0
    async for piece in pieces:
        came += len(piece)
        try:
            body += unpacker.add(piece, most - len(body))
        except zlib.error as error:
            raise BadResponse(f"{where} sent a body that cannot be unpacked ({error})") from None
        if max(came, len(body)) > most:
            raise BadResponse(
                f"{where} sent a body of more than {most:,} bytes: it was not read to its end;\n"
                "set MARKETKIT_LARGEST_ANSWER (in bytes) if such bodies are meant"
            )
    if not unpacker.is_whole:
        raise BadResponse(f"{where} sent a packed body that was cut after {came:,} bytes")
    return bytes(body)


def _unpacker(encoding: str, where: str) -> Unpacker:
    said = encoding.strip().lower()
    if said in _PLAIN:
        return _AsItComes()
    if said in _PACKED:
        return _Unzipper()
    raise BadResponse(f"{where} sent a body packed as {plain(said[:40])}, which was not asked for")
