"""The transport against a server of raw bytes on a real socket."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from marketkit.errors import (
    BadResponse,
    Banned,
    InputError,
    MarketkitError,
    NetworkError,
    RateLimited,
    Refused,
    ServerFailed,
    TimedOut,
    Unreachable,
)
from marketkit.exchange.dialect import RateLimit, Request, Response, SendingRules
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.budget.budget import Slot
from marketkit.net.budget.state import INF, Lane
from marketkit.net.transport import GroupStats, Transport
from tests.waiting import PATIENCE

LIMIT = RateLimit(10, 0.02)
REQUEST = Request("/v1/candles/minutes/1", (("market", "KRW-BTC"), ("count", "2")), "candles")
DATE = 1_767_225_601_000
Handler = Callable[["Exchange", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(
    body: bytes = b"[]", status: int = 200, headers: str = "", length: int | None = None
) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} X\r\nDate: Thu, 01 Jan 2026 00:00:01 GMT\r\n{headers}"
    return f"{head}Content-Length: {size}\r\n\r\n".encode() + body


class Exchange:
    """Answers the requests in order with the given bytes; None closes without an answer."""

    def __init__(self, answers: list[bytes | Handler | None]) -> None:
        self.answers = answers
        self.heads: list[str] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        self.disconnected = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head.decode())
                self.arrived.set()
                await self._reply(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.disconnected.set()
        finally:
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if reply is None:
            raise ConnectionError
        if callable(reply):
            await reply(self, reader, writer)
        else:
            writer.write(reply)
            await writer.drain()


async def silence(
    exchange: Exchange, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
) -> None:
    """Never answer; note when the client goes."""
    await reader.read(1)
    exchange.disconnected.set()
    raise ConnectionError


def check(_request: Request, response: Response) -> None:
    """Raise by status alone."""
    errors: dict[int, MarketkitError] = {
        429: RateLimited("429"),
        418: Banned("418"),
        500: ServerFailed("500"),
        404: Refused("404", 404),
    }
    if response.status in errors:
        raise errors[response.status]


def hurried(failure: MarketkitError, attempt: int) -> float | None:
    """Wait a hundredth of what the policy says."""
    delay = UPBIT.retry_delay(failure, attempt)
    return None if delay is None else delay / 100


RULES = replace(UPBIT, limits={"candles": LIMIT}, check=check, retry_delay=hurried)


@pytest.fixture
def talk(tmp_path) -> Callable:
    """Run a coroutine function with a transport to an exchange of the given answers."""

    @asynccontextmanager
    async def connected(
        answers, patience: float, rules
    ) -> AsyncIterator[tuple[Transport, Exchange]]:
        exchange = Exchange(answers)
        server = await asyncio.start_server(exchange.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = made(f"http://127.0.0.1:{port}", tmp_path, patience, rules)
        try:
            yield transport, exchange
        finally:
            await transport.close()
            server.close()

    def run(main, *answers, timeout: float = 10.0, rules: SendingRules = RULES):
        async def inside():
            async with connected(list(answers), timeout, rules) as (transport, exchange):
                return await main(transport, exchange)

        return asyncio.run(asyncio.wait_for(inside(), PATIENCE))

    return run


def made(
    endpoint: str, directory: Path, timeout: float = 10.0, rules: SendingRules = RULES
) -> Transport:
    return Transport(endpoint, rules, timeout=timeout, budget_dir=directory)


def lanes(transport: Transport) -> list[Lane]:
    return transport._budget("candles").update(lambda state, _now: state.lanes)


def in_flight(transport: Transport) -> int:
    return sum(lane.until == INF for lane in lanes(transport))


async def just_send(transport: Transport, _exchange: Exchange) -> Response:
    return await transport.send(REQUEST)


async def failing(transport: Transport, exchange: Exchange) -> tuple[MarketkitError, Exchange]:
    with pytest.raises(MarketkitError) as caught:
        await transport.send(REQUEST)
    assert transport.stats()["candles"].failed == 1
    assert in_flight(transport) == 0
    return caught.value, exchange


def test_an_answer_has_lower_case_headers_the_body_and_the_exchanges_time(talk):
    response = talk(just_send, answer(b"[1]", headers="X-Thing: Yes\r\n"))
    assert (response.status, response.body, response.at) == (200, b"[1]", DATE)
    assert response.headers["x-thing"] == "Yes"


def test_without_a_date_an_answer_is_dated_by_our_clock_at_sending(talk):
    before = time.time_ns() // 1_000_000
    response = talk(just_send, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
    assert before <= response.at <= time.time_ns() // 1_000_000


def test_what_is_written_names_us_asks_for_gzip_and_has_no_origin(talk):
    async def main(transport, exchange):
        await transport.send(REQUEST)
        return exchange.heads[0]

    line, *fields = talk(main, answer()).lower().strip().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    assert line == "get /v1/candles/minutes/1?market=krw-btc&count=2 http/1.1"
    assert headers["user-agent"].startswith("marketkit/")
    assert headers["accept-encoding"] == "gzip"
    assert "origin" not in headers


def test_no_cookie_is_kept_or_sent_back(talk):
    async def main(transport, exchange):
        for _ in range(3):
            await transport.send(REQUEST)
        assert not transport._client.cookies
        return exchange.heads

    cookies = "".join(f"Set-Cookie: c{i}={'x' * 100}; Path=/\r\n" for i in range(100))
    heads = talk(main, answer(headers=cookies))
    assert len(heads) == 3
    assert not any("cookie" in head.lower() for head in heads)


def test_a_gzipped_body_is_decoded(talk):
    body = gzip.compress(b"[1, 2]")
    assert talk(just_send, answer(body, headers="Content-Encoding: gzip\r\n")).body == b"[1, 2]"


def test_one_connection_serves_many_requests(talk):
    async def main(transport, exchange):
        for _ in range(5):
            await transport.send(REQUEST)
        return exchange.connections, transport.stats()["candles"]

    assert talk(main, answer()) == (1, GroupStats(requests=5))


def test_the_first_request_has_the_silence_of_all_groups_begin(talk, tmp_path):
    async def main(transport, _exchange):
        assert await transport.left() == {"candles": 10}
        assert not list(tmp_path.glob("*.bin"))
        await transport.send(REQUEST)
        connects = transport.connects()
        return connects.update(lambda state, now: (state.last_sent, state.hold_until - now))

    last_sent, silent = talk(main, answer())
    assert last_sent == 0.0
    assert silent < 1.0  # it began before the request waited for its own turn
    assert {path.name.split("-per")[0].split("-")[1] for path in tmp_path.glob("*.bin")} == {
        "candles",
        "websocket",
    }


def test_what_is_slow_is_done_once_and_beside_where_a_new_machine_has_to_wait(tmp_path):
    done = []

    def work() -> None:
        done.append(threading.current_thread())

    async def main():
        for _ in range(2):  # the second one knows the past
            transport = Transport("http://x", RULES, timeout=1, budget_dir=tmp_path, meanwhile=work)
            transport.connects()
            transport.connects()
            await transport.close()

    asyncio.run(main())  # and waits for the threads
    (thread,) = done
    assert thread is not threading.current_thread()


def test_a_rejected_request_is_sent_again_after_the_hold(talk):
    async def main(transport, exchange):
        response = await transport.send(REQUEST)
        return response.body, len(exchange.heads), transport.stats()["candles"]

    body, sent, stats = talk(main, answer(status=429), answer(b"[3]"))
    assert (body, sent) == (b"[3]", 2)
    assert stats == GroupStats(requests=2, rejected=1, retried=1)


def test_a_ban_is_raised_at_once_and_holds_for_later_calls_and_other_processes(talk, tmp_path):
    async def main(transport, exchange):
        error, _ = await failing(transport, exchange)
        with pytest.raises(Banned, match="nothing is sent"):
            await transport.send(REQUEST, "critical")
        other = made(transport._endpoint, tmp_path)
        with pytest.raises(Banned, match="nothing is sent"):
            await other.send(REQUEST)
        return error, len(exchange.heads)

    error, sent = talk(main, answer(status=418, headers="Retry-After: 600\r\n"))
    assert isinstance(error, Banned)
    assert sent == 1


TROUBLE = {
    "500": (answer(status=500), ServerFailed),
    "429": (answer(status=429), RateLimited),
    "no answer": (None, NetworkError),
    "cut body": (answer(b"[1", length=20), NetworkError),
    "bad gzip": (answer(b"not gzip", headers="Content-Encoding: gzip\r\n"), BadResponse),
    "not http": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", NetworkError),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_that_may_pass_is_retried_until_an_answer_comes(talk, trouble):
    async def main(transport, exchange):
        response = await transport.send(REQUEST)
        return response.body, len(exchange.heads)

    broken = [hang_up(TROUBLE[trouble][0])] * 2
    assert talk(main, *broken, answer(b"[9]")) == (b"[9]", 3)


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_that_does_not_pass_is_raised_after_five_attempts(talk, trouble):
    reply, raised = TROUBLE[trouble]
    error, exchange = talk(failing, hang_up(reply))
    assert isinstance(error, raised)
    assert len(exchange.heads) == 5


def hang_up(reply: bytes | None) -> Handler:
    """Send the bytes and close, so that a cut body ends."""

    async def handler(_exchange, _reader, writer) -> None:
        if reply is not None:
            writer.write(reply)
            await writer.drain()
        raise ConnectionError

    return handler


def test_what_no_retry_can_mend_is_raised_at_once(talk):
    error, exchange = talk(failing, answer(status=404))
    assert isinstance(error, Refused)
    assert len(exchange.heads) == 1


def test_a_redirect_is_not_followed(talk):
    response = talk(just_send, answer(status=302, headers="Location: http://127.0.0.1:1/\r\n"))
    assert response.status == 302


def test_nobody_at_the_endpoint_is_said_and_leaves_no_lane_busy(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"

    async def main():
        transport = made(endpoint, tmp_path)
        with pytest.raises(Unreachable, match=f"cannot connect to {endpoint}"):
            await transport.send(REQUEST)
        assert all(lane.until == 0.0 for lane in lanes(transport))
        await transport.close()
        return transport.stats()["candles"]

    assert asyncio.run(main()) == GroupStats(requests=0, retried=4, failed=1)


LATE = (
    r"did not answer /v1/candles/minutes/1 within 0\.2s, waiting for the first byte of the answer"
    r" \(market=KRW-BTC\); the attempt took \d+\.\ds in all: try again, or give a longer timeout"
)


def test_a_late_answer_is_a_timeout_that_closes_the_connection_and_fears_the_request(
    talk,
):
    async def main(transport, exchange):
        with pytest.raises(TimedOut, match=LATE):
            await transport.send(REQUEST)
        await exchange.disconnected.wait()
        (lane,) = (lane for lane in lanes(transport) if lane.sent)
        return lane.until - lane.answered

    once = replace(RULES, retry_delay=lambda _failure, _attempt: None)
    assert talk(main, silence, timeout=0.2, rules=once) >= 1.0


def test_a_call_that_ran_late_again_and_again_says_how_often_and_how_long(talk):
    many = Request(
        "/v1/ticker", (("markets", ",".join(f"KRW-A{n}" for n in range(99))),), "candles"
    )

    async def main(transport, exchange):
        with pytest.raises(TimedOut) as caught:
            await transport.send(many)
        return str(caught.value)

    twice = replace(RULES, retry_delay=lambda _failure, attempt: 0.0 if attempt < 2 else None)
    said = talk(main, silence, silence, timeout=0.1, rules=twice)
    assert "(markets=KRW-A0, KRW-A1, KRW-A2, KRW-A3, ...); 2 attempts took" in said
    assert len(said) < 250


def test_cancelling_closes_the_connection_and_ends_the_slot(talk):
    async def main(transport, exchange):
        call = asyncio.create_task(transport.send(REQUEST))
        await exchange.arrived.wait()
        assert in_flight(transport) == 1
        call.cancel()
        await asyncio.wait((call,))
        await exchange.disconnected.wait()
        assert call.cancelled()
        assert in_flight(transport) == 0

    talk(main, silence)


def test_cancelling_while_waiting_for_a_turn_sends_nothing(talk):
    async def main(transport, exchange):
        calls = [asyncio.create_task(transport.send(REQUEST)) for _ in range(30)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert in_flight(transport) == 0
        return exchange.heads

    assert talk(main, answer()) == []


def test_the_slot_ends_at_the_headers_and_not_at_the_body(talk):
    headers_sent, seen = asyncio.Event(), asyncio.Event()

    async def slow_body(_exchange, _reader, writer):
        whole = answer(b"[1]")
        writer.write(whole[:-3])
        headers_sent.set()
        await seen.wait()
        writer.write(whole[-3:])

    async def main(transport, _exchange):
        call = asyncio.create_task(transport.send(REQUEST))
        await headers_sent.wait()
        for _ in range(10_000):
            if not in_flight(transport):
                break
            await asyncio.sleep(0.001)
        assert not in_flight(transport)
        assert not call.done()
        seen.set()
        return (await call).body

    assert talk(main, slow_body) == b"[1]"


def test_a_turn_that_passed_is_given_back_and_taken_again(talk, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(Slot, "fresh", lambda _slot: next(answers))

    async def main(transport, exchange):
        await transport.send(REQUEST)
        return len(exchange.heads), sum(lane.sent > 0 for lane in lanes(transport))

    assert talk(main, answer()) == (1, 1)


def test_a_slot_lost_while_connecting_is_not_written_with(talk, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(Slot, "held", lambda _slot: next(answers))

    async def main(transport, exchange):
        await transport.send(REQUEST)
        return len(exchange.heads), sum(lane.sent > 0 for lane in lanes(transport))

    assert talk(main, answer()) == (1, 1)


def test_the_remaining_count_of_another_group_is_ignored(talk):
    async def main(transport, _exchange):
        await transport.send(REQUEST)
        return sum(lane.owner == -1.0 for lane in lanes(transport))

    others = "Remaining-Req: group={}; min=600; sec=3\r\n"
    assert talk(main, answer(headers=others.format("origin"))) == 0
    assert talk(main, answer(headers=others.format("candles"))) == 6


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(talk, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert talk(just_send, answer(b"[1]")).body == b"[1]"


def test_after_close_it_can_be_used_again(talk):
    async def main(transport, exchange):
        await transport.send(REQUEST)
        await transport.close()
        await transport.send(REQUEST)
        return exchange.connections

    assert talk(main, answer()) == 2


def test_a_second_event_loop_gets_a_client_of_its_own(tmp_path):
    transport = None
    for _ in range(2):

        async def main(transport):
            exchange = Exchange([answer()])
            server = await asyncio.start_server(exchange.serve, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            transport = transport or made(f"http://127.0.0.1:{port}", tmp_path)
            transport._endpoint = f"http://127.0.0.1:{port}"
            await transport.send(REQUEST)
            await transport._client.aclose()
            server.close()
            return transport

        transport = asyncio.run(main(transport))
    assert transport.stats()["candles"] == GroupStats(requests=2)


def test_an_unknown_group_is_refused(tmp_path):
    with pytest.raises(InputError, match="no limit is known for rate group 'orders'"):
        asyncio.run(made("http://127.0.0.1:1", tmp_path).send(Request("/v1/x", (), "orders")))


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("https://api.upbit.com", "api.upbit.com"),
        ("http://127.0.0.1:8000", "127.0.0.1_8000"),
        ("http://localhost:8000/", "127.0.0.1_8000"),
    ],
)
def test_a_host_names_its_budget_files(endpoint, name, tmp_path):
    assert made(endpoint, tmp_path)._budget("candles")._path.name.startswith(f"{name}-candles-")


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:port", "http://", "https:///v1"])
def test_an_endpoint_that_names_no_host_is_refused(endpoint, tmp_path):
    with pytest.raises(InputError, match="endpoint"):
        made(endpoint, tmp_path)


def test_no_request_leaves_anything_to_the_collector(talk):
    async def main(transport, exchange):
        for _ in range(3):
            await transport.send(REQUEST)
        return sum(isinstance(each, httpx.Request | httpx.Response) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        assert talk(main, answer(), answer(b"{}", 500), answer(), answer()) == 0
    finally:
        gc.enable()
