"""The websocket that hands messages over while they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from marketkit.realtime.socket import connected
from tests.unit.realtime.conftest import until
from tests.waiting import PATIENCE


@asynccontextmanager
async def talking(say, **options):
    """Serve whoever connects with `say`, and give the client's socket."""
    async with serve(say, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        socket = await connected(url, **options)
        try:
            yield socket
        finally:
            socket.transport.abort()


async def everything(socket, came):
    """Read what waits until the end, and give the reason of that."""
    async with asyncio.timeout(PATIENCE):
        try:
            while True:
                came.append(await socket.waiting())
        except ConnectionClosed as end:
            return end


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_whole_messages_are_handed_over_without_waking_who_waits(compression):
    said = [b"%d" % number * 50 for number in range(500)]

    async def say(peer):
        assert await peer.recv() == "go"
        for each in said:
            await peer.send(each)
        await peer.wait_closed()

    async def main():
        async with talking(say, compression=compression) as socket:
            given, waited = [], []
            socket.give = given.append
            reading = asyncio.create_task(everything(socket, waited))
            await socket.send("go")
            await until(lambda: len(given) == len(said))
            assert given == said
            assert not waited
            reading.cancel()

    asyncio.run(main())


def test_messages_stay_in_order_whether_in_one_frame_or_in_several_and_with_pings_between():
    def kinds() -> Iterator[bytes | list[bytes]]:
        for number in range(120):
            name = b"%03d" % number
            yield [name[:1], b"", name[1:]] if number % 3 == 1 or number % 7 == 0 else name

    async def say(peer):
        assert await peer.recv() == "go"
        for each in kinds():
            await peer.send(each)
            if isinstance(each, list):
                await peer.ping()
        await peer.close(1001, "gone")

    async def main():
        async with talking(say) as socket:
            came = []
            socket.give = came.append
            await socket.send("go")
            end = await everything(socket, came)
            assert came == [b"%03d" % number for number in range(120)]
            assert (end.rcvd.code, end.rcvd.reason) == (1001, "gone")

    asyncio.run(main())


def test_messages_of_before_anybody_takes_them_come_first():
    async def say(peer):
        for number in range(10):
            await peer.send(b"%d" % number)
        assert await peer.recv() == "go"
        for number in range(10, 20):
            await peer.send(b"%d" % number)
        await peer.close()

    async def main():
        async with talking(say) as socket:
            came = [await socket.waiting()]
            socket.give = came.append
            await socket.send("go")
            await everything(socket, came)
            assert came == [b"%d" % number for number in range(20)]

    asyncio.run(main())


def test_a_message_that_is_too_large_ends_the_connection():
    async def say(peer):
        await peer.send(b"1" * 10)
        await peer.send(b"2" * 2000)
        await peer.wait_closed()

    async def main():
        async with talking(say, max_size=1000) as socket:
            came = []
            socket.give = came.append
            end = await everything(socket, came)
            assert came == [b"1" * 10]
            assert end.sent.code == 1009

    asyncio.run(main())


def test_no_redirect_is_followed():
    async def main():
        def elsewhere(peer, _):
            answer = peer.respond(302, "")
            answer.headers["Location"] = "ws://127.0.0.1:9/"
            return answer

        async with serve(None, "127.0.0.1", 0, process_request=elsewhere) as server:
            with pytest.raises(InvalidStatus):
                await connected(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    asyncio.run(main())
