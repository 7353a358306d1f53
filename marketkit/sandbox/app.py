"""The ASGI app: travel time, limits, faults, and an answer out of the desk."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from marketkit.sandbox.clock import Clock
from marketkit.sandbox.control import answer_control
from marketkit.sandbox.desk import MOST_CANDLES, Answer, Desk, route
from marketkit.sandbox.faults import Faults, of_requests, of_streams, repeated
from marketkit.sandbox.limits import Limits, Visitors
from marketkit.sandbox.markets import Markets, Order
from marketkit.sandbox.odd import ODD_CODE, Odd, Rule
from marketkit.sandbox.patience import TooLong, within
from marketkit.sandbox.query import Query, WireError
from marketkit.sandbox.reply import (
    LimitBody,
    Reply,
    failed,
    maintenance_page,
    no_route,
    refused,
    too_long,
)
from marketkit.sandbox.sockets import reset
from marketkit.sandbox.stream.hub import Hub
from marketkit.sandbox.stream.switches import Setting

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_REQUESTS_KEPT = 2000  # more than any test looks back
_LONGEST_URL = 8192  # characters, as gateways have it by default
_AT_ONCE_S = 0.01  # other requests and the websocket hardly notice so long a wait


@dataclass(slots=True)
class App:
    """The exchange behind one address; times of limits and latency are real, not sandbox ones."""

    desk: Desk
    clock: Clock
    limits: Visitors
    faults: Faults
    hub: Hub
    odd: Odd
    latency_s: float = 0.0
    jitter_s: float = 0.0
    limit_body: LimitBody = "text"
    aborted: int = 0
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_REQUESTS_KEPT))
    _draw: Random = field(default_factory=lambda: Random(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        if path.startswith("/sandbox/"):
            reply = answer_control(self, scope["method"], path, query)
            if scope["method"] == "POST":
                await self.hub.settle()
            await _send(send, reply, self.clock.now())
            return
        visit = _Visit(receive)
        await visit.wait(self._way())
        reply, fault = await self._answer(scope, path, query)
        await visit.wait(self._way())
        if visit.gone:
            self.aborted += 1
        elif fault == "reset":
            await _reset(scope, receive)
        elif fault == "truncate":
            await _truncate(scope, receive, send, reply, self.clock.now())
        else:
            gzipped = b"gzip" in _header(scope, b"accept-encoding")
            await _send(send, reply, self.clock.now(), gzipped=gzipped)

    def stats(self) -> dict[str, Any]:
        """Return the counts of every group, of abandoned requests, of faults and of streams."""
        return {
            "groups": self.limits.stats(),
            "aborted": self.aborted,
            "faults": self.faults.stats() | self.hub.faults.stats(),
            "stream": self.hub.stats(),
        }

    def set_faults(self, table: Mapping[str, float]) -> None:
        """Put another table of faults in place of the old one, of requests and of streams."""
        self.faults.replace(of_requests(table))
        self.hub.faults.table = of_streams(table)

    @property
    def markets(self) -> Markets:
        """The register of markets."""
        return self.desk.markets

    def set_market(self, order: Order) -> None:
        """Have something happen to a market, on REST and on websockets."""
        self.markets.order(order)
        self.hub.ordered(order)

    def set_odd(self, rule: Rule) -> None:
        """Make rows odd, or codes of the market list; `none` takes all back."""
        before = self.odd.codes
        if rule.kind == ODD_CODE and rule.symbol and rule.symbol not in before:
            self.markets.add(rule.symbol)
        self.odd.add(rule)
        for code in before - self.odd.codes:
            self.markets.remove(code)
            self.hub.renew(code)

    def set_stream(self, setting: Setting) -> None:
        """Turn switches of the websockets."""
        self.hub.switches.apply(setting, list(self.hub.connections))

    def reset_stats(self) -> None:
        """Set all counts to zero; windows and bans go on."""
        self.limits.reset()
        self.faults.counts.clear()
        self.hub.faults.counts.clear()
        self.hub.ledger.reset()
        self.requests.clear()
        self.aborted = 0

    def _way(self) -> float:
        """Draw how long one way takes: half the latency and an exponential of the jitter."""
        jitter = self._draw.expovariate(1 / self.jitter_s) if self.jitter_s else 0.0
        return self.latency_s / 2 + jitter

    async def _answer(self, scope: Scope, path: str, query: str) -> tuple[Reply, str | None]:
        """Count and answer a request; this is the moment of arrival at the exchange."""
        routed = route(self.desk, path.removeprefix("/v1/")) if path.startswith("/v1/") else None
        if routed is None or scope["method"] not in {"GET", "HEAD"}:
            return no_route(), None
        name, answer = routed
        if _header(scope, b"origin"):
            name = "origin"
        arrival, now = time.monotonic(), self.clock.now()
        request: dict[str, Any] = {"path": path, "query": query, "group": name, "status": None}
        request |= {"fault": None, "arrival": arrival, "client": scope["client"][0]}
        self.requests.append(request)
        if len(scope["raw_path"]) + len("?") + len(query) > _LONGEST_URL:
            request["status"] = 414
            return too_long(), None
        limits = self.limits.of(scope["client"][0])
        reply, fault = self._admit(limits, name, arrival)
        if fault:
            self.faults.strike(fault)
        request["fault"] = fault
        if reply is None:
            answer = self.odd.over(answer, path.split("/")[2])
            remaining = limits.groups[name].remaining(arrival)
            reply = await _soon(partial(_data, answer, query, now, remaining, fault))
        request["status"] = reply.status
        return reply, fault

    def _admit(self, limits: Limits, name: str, arrival: float) -> tuple[Reply | None, str | None]:
        """Return a refusal, None where data is to be sent, and the fault that took effect."""
        group, fault = limits.groups[name], self.faults.draw()
        if fault in {"429", "418"}:
            group.arrive(arrival)
            return refused(int(fault), self.limit_body, group.remaining(arrival)), fault
        status = limits.admit(name, arrival)
        remaining = group.remaining(arrival)
        if status != 200:
            wait = limits.banned_for(arrival)
            return refused(status, self.limit_body, remaining, wait), None
        if fault == "500":
            return failed(remaining), fault
        if fault == "html":
            return maintenance_page(remaining), fault
        return None, None if fault == "duplicate" and name != "candles" else fault


async def _soon(work: Callable[[], Reply]) -> Reply:
    """Do quick work at once; drawing many days of markets and reading files go to a thread."""
    try:
        with within(_AT_ONCE_S):
            return work()
    except TooLong:
        return await asyncio.get_running_loop().run_in_executor(None, work)


def _data(answer: Answer, query: str, now: int, remaining: str, fault: str | None) -> Reply:
    try:
        rows = answer(Query(query), now)
    except WireError as error:
        return Reply(error.status, error.body, remaining=remaining)
    if fault == "duplicate":
        rows = repeated(rows, most=MOST_CANDLES)
    body = f"[{','.join(rows)}]".encode()
    if fault == "badjson":
        body = body[: len(body) // 2]
    return Reply(200, body, remaining=remaining)


class _Visit:
    """One client's stay: waits that notice a client leaving."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.gone = False

    async def wait(self, seconds: float) -> None:
        """Wait in full even if the client leaves: the request is on the way and will count."""
        if seconds <= 0:
            return
        leaving = asyncio.ensure_future(self._left())
        try:
            await asyncio.sleep(seconds)
        finally:
            leaving.cancel()

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


async def _send(send: Send, reply: Reply, now: int, *, gzipped: bool = False) -> None:
    headers, body = reply.wire(now, gzipped=gzipped)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _reset(scope: Scope, receive: Receive) -> None:
    """End the connection with a TCP reset before any byte."""
    reset(scope["state"]["transport"])
    await _gone(receive)


async def _truncate(scope: Scope, receive: Receive, send: Send, reply: Reply, now: int) -> None:
    """Promise the whole body, send half, and close."""
    headers, body = reply.wire(now, gzipped=False)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    half = body[: len(body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    scope["state"]["transport"].close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
