"""What can be done to a TCP connection."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.sandbox.sockets import reset


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
