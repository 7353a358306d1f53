"""Line 5, the stream's part: a handshake goes to the exchange alone, and no more often than it may."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.budget import Budget
from marketkit.realtime.client import RealtimeClient
from marketkit.realtime.connection import Timing
from marketkit.sandbox import Sandbox
from tests.unit.realtime.conftest import Heard, tickers, until

QUICK = Timing(look=0.01, patience=0.1, backoff=0.01, longest=0.05)
CODES = (300, 301, 302, 303, 307, 308)


class Host:
    """A server that counts who comes, and answers every handshake with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.visits = 0
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Host]:
        """Serve while the block runs."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self


def redirect(code: int, target: str) -> bytes:
    """Spell an answer that sends elsewhere."""
    return f"HTTP/1.1 {code} Elsewhere\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


def meeting(folder, work: Callable[[RealtimeClient, Host, Host], Awaitable[None]]) -> None:
    """Have a client and two hosts meet; it is a client of the first."""

    async def main() -> None:
        limit = RateLimit(5, 0.5)
        connects = Budget("websocket-connect", limit, folder)
        async with Host(b"").listening() as exchange, Host(b"").listening() as other:
            client = RealtimeClient(
                f"ws://127.0.0.1:{exchange.port}/websocket/v1",
                clock=lambda: 0,
                connects=connects,
                timing=QUICK,
            )
            try:
                await work(client, exchange, other)
            finally:
                await client.close()
                connects.close()

    asyncio.run(main())


@pytest.mark.parametrize("code", CODES)
def test_a_redirect_to_another_host_is_not_followed_and_named(tmp_path, code):
    async def work(client, exchange, other):
        target = f"ws://127.0.0.1:{other.port}/websocket/v1"
        exchange.answer = redirect(code, target)
        heard = Heard()
        client.subscribe(heard, tickers("KRW-BTC"))
        await until(lambda: heard.reasons)
        assert other.visits == 0
        assert f"HTTP {code} to '{target}': not followed" in str(heard.reasons[0])
        assert client.stats.refused >= 1

    meeting(tmp_path, work)


@pytest.mark.parametrize("target", ["/websocket/v1", "/elsewhere", ""])
def test_a_redirect_to_the_same_host_costs_one_handshake_an_attempt(tmp_path, target):
    async def work(client, exchange, _):
        exchange.answer = redirect(302, target)
        client.subscribe(Heard(), tickers("KRW-BTC"))
        await until(lambda: client.stats.connects >= 6)
        assert exchange.visits <= client.stats.connects

    meeting(tmp_path, work)


def test_an_address_full_of_control_characters_is_shown_escaped_and_short(tmp_path):
    async def work(client, exchange, _):
        exchange.answer = redirect(302, "ws://\x1b[31mevil\u202e/" + "x" * 5_000)
        heard = Heard()
        client.subscribe(heard, tickers("KRW-BTC"))
        await until(lambda: heard.reasons)
        said = str(heard.reasons[0])
        assert said.isprintable()
        assert len(said) < 400

    meeting(tmp_path, work)


def test_headers_that_come_twice_are_no_error_of_ours(tmp_path, caplog):
    async def work(client, exchange, _):
        exchange.answer = (
            b"HTTP/1.1 302 Elsewhere\r\nLocation: /one\r\nLocation: /two\r\n"
            b"Retry-After: 1\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"
        )
        heard = Heard()
        client.subscribe(heard, tickers("KRW-BTC"))
        await until(lambda: heard.reasons)
        assert "'/one'" in str(heard.reasons[0])

    meeting(tmp_path, work)
    assert "stumbled" not in caplog.text


@pytest.mark.parametrize("seconds", ["86400", "1e308", "9" * 300])
def test_a_handshake_that_is_told_to_wait_for_long_says_so_and_waits(tmp_path, seconds):
    async def work(client, exchange, _):
        exchange.answer = (
            f"HTTP/1.1 429 Slowly\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        heard = Heard()
        client.subscribe(heard, tickers("KRW-BTC"))
        await until(lambda: heard.reasons and "until" in str(heard.reasons[-1]))
        visits = exchange.visits
        await asyncio.sleep(0.3)
        assert exchange.visits == visits
        assert "has not opened" in str(heard.reasons[-1])

    meeting(tmp_path, work)


COLD = """
import pathlib, sys, time
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.engine import engine
from marketkit.net.transport import Transport
from marketkit.realtime.client import client_of
from marketkit.realtime.feed import Feed

transport = Transport(sys.argv[1], UPBIT, timeout=120, budget_dir=pathlib.Path(sys.argv[2]))

async def opened():
    await transport.ask_time()
    return Feed(client_of(transport), "ticker", ["KRW-BTC"], lambda frame: frame)

print("ready", flush=True)
sys.stdin.readline()
with engine().run(opened()) as feed:
    assert feed.wait(120)
"""


async def cold(endpoint: str, folder: str, all_ready: asyncio.Barrier) -> str:
    """Open a stream from a process that has just begun, with all others; give what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COLD, endpoint, folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    await process.stdout.readline()
    await all_ready.wait()
    _, trouble = await process.communicate(b"\n")
    return trouble.decode() if process.returncode else ""


@pytest.mark.slow
@pytest.mark.parametrize("window", ["first-call", "sliding", "clock"])
def test_twenty_cold_processes_open_the_stream_and_no_handshake_is_refused(tmp_path, window):
    async def main(endpoint: str) -> list[str]:
        all_ready = asyncio.Barrier(20)
        several = (cold(endpoint, str(tmp_path), all_ready) for _ in range(20))
        return await asyncio.gather(*several)

    with Sandbox(seed=1, speed=1, limit_window=window) as exchange:
        troubles = asyncio.run(main(exchange.endpoint))
        seen = exchange.stats()
    assert set(troubles) == {""}
    assert (seen["stream"]["connections"], seen["stream"]["refused"]) == (20, 0)
    assert {group["rejected"] for group in seen["groups"].values()} == {0}
