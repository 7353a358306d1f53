"""Line 6, the stream's part: a frame is bounded while it arrives, compressed or not."""

from __future__ import annotations

import asyncio
import struct
import tracemalloc
import zlib

import pytest
from websockets.asyncio.server import serve

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.budget import Budget
from marketkit.realtime.client import RealtimeClient
from marketkit.realtime.connection import Timing
from marketkit.settings import largest_answer
from tests.unit.realtime.conftest import Heard, ticker, tickers, until

MEGABYTE = 1 << 20
QUICK = Timing(look=0.01, patience=0.1, backoff=0.01, longest=0.05)
# Only the first is known as this machine's own, so that frames to the second are compressed.
HOSTS = ("127.0.0.1", "127.1")


def told(
    folder, host: str, frame: str | bytes | list[bytes], most: int | None, *, raw: bool = False
) -> tuple[Heard, str, bool]:
    """Send a frame to a client; give its listener, why the connection ended, whether it deflates.

    One that is `raw` is on the wire as it is.
    """
    bound = {} if most is None else {"largest": most}

    async def main():
        connects = Budget("websocket-connect", RateLimit(5, 0.05), folder)
        deflated = []

        async def exchange(connection):
            deflated.append(bool(connection.protocol.extensions))
            await connection.recv()
            await connection.send(ticker("KRW-BTC").decode())
            if len(deflated) == 1 and raw:
                connection.transport.write(frame)
            elif len(deflated) == 1:
                await connection.send(frame)
            await connection.wait_closed()

        async with serve(exchange, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"ws://{host}:{port}/websocket/v1"
            client = RealtimeClient(url, clock=lambda: 0, connects=connects, timing=QUICK, **bound)
            heard = Heard()
            client.subscribe(heard, tickers("KRW-BTC"))
            await until(lambda: len(heard.messages) == 2)
            await client.close()
            connects.close()
            return heard, heard.interruptions[0][1], deflated[0]

    return asyncio.run(main())


@pytest.mark.parametrize("host", HOSTS)
def test_a_frame_above_the_bound_ends_the_connection_and_the_next_goes_on(tmp_path, host):
    heard, reason, deflates = told(tmp_path, host, "[" + " " * 200_000 + "]", 100_000)
    assert deflates is (host != "127.0.0.1")
    assert "message too big" in reason
    assert len(heard.interruptions) == 1


def test_a_message_in_pieces_is_bounded_as_a_whole(tmp_path):
    _, reason, _ = told(tmp_path, "127.0.0.1", [b" " * 1_000] * 200, 100_000)
    assert "message too big" in reason


def swelling(size: int) -> bytes:
    """Spell a compressed frame of so many blanks, without ever having them in memory."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [deflate.compress(b" " * MEGABYTE) for _ in range(size // MEGABYTE)]
    data = b"".join([*parts, deflate.flush(zlib.Z_SYNC_FLUSH)])[:-4]
    return struct.pack("!BBQ", 0xC1, 127, len(data)) + data  # a whole text, deflated


def test_a_frame_that_swells_a_thousand_times_takes_no_more_memory_than_the_bound(tmp_path):
    bomb = swelling(256 * MEGABYTE)
    assert len(bomb) < MEGABYTE
    tracemalloc.start()
    _, reason, _ = told(tmp_path, "127.1", bomb, MEGABYTE, raw=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "message too big" in reason
    assert peak < 16 * MEGABYTE


def test_nobody_has_to_set_the_bound(tmp_path):
    _, reason, _ = told(tmp_path, "127.1", swelling(largest_answer() + MEGABYTE), None, raw=True)
    assert "message too big" in reason


def test_the_environment_sets_the_bound_of_frames_and_bodies(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETKIT_LARGEST_ANSWER", "50000")
    _, reason, _ = told(tmp_path, "127.0.0.1", " " * 60_000, None)
    assert "message too big" in reason
