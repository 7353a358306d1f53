"""What can be done to a TCP connection."""

from __future__ import annotations

import asyncio
from itertools import repeat

import pytest

from marketkit.sandbox.sockets import pour, reset
from tests.waiting import PATIENCE


def test_a_reset_is_felt_at_once_at_the_other_end():
    async def main():
        met = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda _, writer: met.set_result(writer), "127.0.0.1")
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            reset((await met).transport)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    asyncio.run(main())


def test_bytes_pour_until_the_reader_leaves_and_no_faster_than_they_are_read():
    async def main():
        poured = asyncio.get_running_loop().create_future()

        async def fill(_, writer):
            await pour(writer.transport, repeat(bytes(1 << 16)))
            poured.set_result(writer.transport.get_write_buffer_size())

        server = await asyncio.start_server(fill, "127.0.0.1")
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.readexactly(20 << 20)
            assert not poured.done()
            writer.transport.abort()
            assert await asyncio.wait_for(poured, PATIENCE) < 4 << 20

    asyncio.run(main())
