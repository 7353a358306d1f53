"""The sending of an answer, also where that goes wrong: cut, swollen, slow, without end."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from itertools import count, repeat
from typing import Any, Final, NamedTuple

from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.reply import Header, Reply
from marketkit.sandbox.sockets import pour, reset

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MB: Final = 1 << 20
BLANKS: Final = b" " * MB
_PIECE: Final = BLANKS[: 1 << 16]
_PAUSE_S: Final = 0.05  # between pieces of a slow body
_GZIP_HEAD: Final = b"\x1f\x8b\x08" + bytes(5) + b"\x02\xff"  # deflated, no name, no date


class Visit(NamedTuple):
    """One client at the counter, and the answer."""

    scope: Scope
    receive: Receive
    send: Send
    reply: Reply
    now: int

    async def start(self, headers: Iterable[Header]) -> None:
        """Send the head of the answer."""
        start = {"type": "http.response.start", "status": self.reply.status}
        await self.send({**start, "headers": list(headers)})

    async def body(self, part: bytes, *, more: bool = False) -> None:
        """Send some of the body."""
        await self.send({"type": "http.response.body", "body": part, "more_body": more})

    async def left(self) -> None:
        """Wait until the client has gone."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    @property
    def transport(self) -> Any:
        """The connection below HTTP."""
        return self.scope["state"]["transport"]


async def deliver(visit: Visit, faults: Iterable[Fault], *, gzipped: bool) -> None:
    """Send an answer, by the first of the faults that has an own way, or properly."""
    fault = next((each for each in faults if each.kind in _WAYS), None)
    if fault is not None:
        await _WAYS[fault.kind](visit, fault)
        return
    headers, body = visit.reply.wire(visit.now, gzipped=gzipped)
    await visit.start(headers)
    await visit.body(body)


async def _reset(visit: Visit, _: Fault) -> None:
    """End the connection with a TCP reset before any byte."""
    reset(visit.transport)
    await visit.left()


async def _truncate(visit: Visit, _: Fault) -> None:
    """Promise the whole body, send half, and close."""
    headers, body = visit.reply.wire(visit.now, gzipped=False)
    await visit.start(headers)
    await visit.body(body[: len(body) // 2], more=True)
    visit.transport.close()
    await visit.left()


async def _bomb(visit: Visit, fault: Fault) -> None:
    body = visit.reply.body
    packed = deflated_with_blanks(body[:-1], int(fault.number), body[-1:])
    await _stream(visit, _gzip(body, int(fault.number), packed), (b"Content-Encoding", b"gzip"))


async def _endless(visit: Visit, fault: Fault) -> None:
    pieces = count() if fault.value == "inf" else range(int(fault.number * MB) // len(_PIECE))
    parts = (_PIECE if turn else visit.reply.body for turn in pieces)
    if await _stream(visit, parts, whole=False):
        visit.transport.close()
        await visit.left()


async def _drip(visit: Visit, fault: Fault) -> None:
    await _stream(visit, (bytes((each,)) for each in visit.reply.body), pause=fault.number)


async def _slow(visit: Visit, fault: Fault) -> None:
    """Send so many bytes a second, after the right length."""
    headers, body = visit.reply.wire(visit.now, gzipped=False)
    piece = max(1, int(fault.number * _PAUSE_S))
    leaving = asyncio.ensure_future(visit.left())
    try:
        await visit.start(headers)
        for at in range(0, len(body), piece):
            await visit.body(body[at : at + piece], more=True)
            await asyncio.sleep(_PAUSE_S)
            if leaving.done():
                return
        await visit.body(b"")
    finally:
        leaving.cancel()


async def _endless_head(visit: Visit, fault: Fault) -> None:
    await pour(visit.transport, endless_head("200 OK"), fault.number)
    await visit.left()


async def _stream(
    visit: Visit,
    parts: Iterable[bytes],
    *more: Header,
    pause: float = 0.0,
    whole: bool = True,
) -> bool:
    """Send a body in chunks, as fast as read; return whether the client stayed till the end.

    The last chunk is sent only of a `whole` body.
    """
    headers, _ = visit.reply.wire(visit.now, gzipped=False)
    leaving = asyncio.ensure_future(visit.left())
    try:
        await visit.start([each for each in (*headers, *more) if each[0] != b"Content-Length"])
        for part in parts:
            await visit.body(part, more=True)
            await asyncio.sleep(pause)
            if leaving.done():
                return False
        if whole:
            await visit.body(b"")
        return True
    finally:
        leaving.cancel()


_WAYS: Final[dict[str, Callable[[Visit, Fault], Awaitable[None]]]] = {
    "reset": _reset,
    "truncate": _truncate,
    "gzip-bomb": _bomb,
    "endless-body": _endless,
    "drip": _drip,
    "slow": _slow,
    "endless-head": _endless_head,
}


def endless_head(status: str) -> Iterator[bytes]:
    """Yield the lines of a head that never ends."""
    yield f"HTTP/1.1 {status}\r\n".encode()
    yield from (f"X-More-{number}: {'x' * 80}\r\n".encode() for number in count())


def deflated_with_blanks(
    head: bytes, mb: int, tail: bytes, *, last: bool = True
) -> Iterator[bytes]:
    """Yield a deflated text with so many MB of blanks before the tail, about 1 KB for each.

    A block is compressed once and repeated: after a full flush it depends on nothing before.
    Unless it is the `last` of its stream it ends at a byte, as messages of websockets do.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    yield packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    yield from repeat(packer.compress(BLANKS) + packer.flush(zlib.Z_FULL_FLUSH), mb)
    yield packer.compress(tail) + packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _gzip(body: bytes, mb: int, packed: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the gzip file of deflated blocks; the sums of the unpacked text come last."""
    yield _GZIP_HEAD
    crc = zlib.crc32(body[:-1])
    for number, block in enumerate(packed):
        yield block
        crc = zlib.crc32(BLANKS, crc) if 0 < number <= mb else crc
    size = len(body) + mb * MB
    yield zlib.crc32(body[-1:], crc).to_bytes(4, "little")
    yield (size % (1 << 32)).to_bytes(4, "little")
