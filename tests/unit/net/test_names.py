"""Names are looked up aside: errors come through, and no exit waits for a name server."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time

import pytest

from marketkit.net.names import addresses, look_up_aside


def test_addresses_are_those_of_the_system():
    async def asked() -> object:
        return await addresses("127.0.0.1", 80, type=socket.SOCK_STREAM)

    assert asyncio.run(asked()) == socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)


def test_errors_of_the_system_reach_who_waits():
    with pytest.raises(socket.gaierror):
        asyncio.run(addresses("127.0.0.1", "no such service"))


def test_a_loop_connects_by_a_name():
    async def connect() -> None:
        look_up_aside(asyncio.get_running_loop())
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("localhost", port, family=socket.AF_INET)
            assert await reader.read() == b""
            writer.close()

    asyncio.run(connect())


SLOW_SERVER = """
import socket, time
from marketkit import SmartDataProvider
from marketkit.net.engine import ending_at
socket.getaddrinfo = lambda *_, **__: time.sleep(60)
provider = SmartDataProvider(endpoint="http://exchange.example")
try:
    with ending_at(time.monotonic() + 2):
        provider.exchange_time()
except Exception as failure:
    print(type(failure).__name__)
"""


def test_a_program_ends_while_a_name_is_still_looked_up():
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SLOW_SERVER], capture_output=True, text=True, check=False
    )
    assert time.monotonic() - began < 60  # as long as the name takes
    assert done.stdout == "TimedOut\n"
    assert done.stderr == ""
