"""The ASGI app: travel time, limits, faults, and an answer out of the desk."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from marketkit.errors import InputError
from marketkit.sandbox.archive.counter import PREFIX as ARCHIVE
from marketkit.sandbox.archive.counter import Asked as OfArchive
from marketkit.sandbox.archive.counter import Counter as ArchiveCounter
from marketkit.sandbox.clock import Clock
from marketkit.sandbox.control import answer_control, is_own
from marketkit.sandbox.desk import Answer, Desk, route
from marketkit.sandbox.faults import KINDS, Faults, of_requests, of_streams
from marketkit.sandbox.faulty.answers import REFUSALS, Asked, headed, instead
from marketkit.sandbox.faulty.pages import paged
from marketkit.sandbox.faulty.sending import Receive, Scope, Send, Visit, deliver
from marketkit.sandbox.faulty.strikes import NONE, Fault, Strike
from marketkit.sandbox.limits import Limits, Visitors
from marketkit.sandbox.markets import Markets, Order
from marketkit.sandbox.odd import ODD_CODE, Odd, Rule
from marketkit.sandbox.patience import TooLong, within
from marketkit.sandbox.query import Query, WireError, values
from marketkit.sandbox.reply import (
    LimitBody,
    Reply,
    foreign,
    no_route,
    refused,
    too_long,
)
from marketkit.sandbox.stream.faults import STREAM_KINDS
from marketkit.sandbox.stream.hub import Hub
from marketkit.sandbox.stream.switches import Setting

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
    archive: ArchiveCounter
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
            await self._control(scope, receive, send)
            return
        stay = _Stay(receive)
        await stay.wait(self._way())
        reply, faults = await self._answer(scope, path, query)
        await stay.wait(self._way())
        if stay.gone:
            self.aborted += 1
            return
        visit = Visit(scope, receive, send, reply, self.clock.now())
        gzipped = b"gzip" in _header(scope, b"accept-encoding") and not path.startswith(ARCHIVE)
        await deliver(visit, faults, gzipped=gzipped)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of the people who run the exchange."""
        reply = foreign(scope["server"])
        if is_own(scope["headers"], scope["server"]):
            query = scope["query_string"].decode("latin-1")
            reply = answer_control(self, scope["method"], scope["path"], query)
            if scope["method"] == "POST":
                await self.hub.settle()
        await deliver(Visit(scope, receive, send, reply, self.clock.now()), [], gzipped=False)

    def stats(self) -> dict[str, Any]:
        """Return the counts of every group, of abandoned requests, of faults and of streams.

        `groups` is of all clients, and `addresses` has the groups of each client address.
        """
        return {
            "groups": self.limits.stats(),
            "addresses": self.limits.by_address(),
            "aborted": self.aborted,
            "faults": self.faults.stats() | self.hub.faults.stats(),
            "stream": self.hub.stats(),
        }

    def set_faults(self, table: Mapping[str, float]) -> None:
        """Put another table of faults in place of the old one, of requests and of streams."""
        self.faults.replace(of_requests(table))
        self.hub.faults.table = of_streams(table)

    def strike(self, strike: Strike) -> None:
        """Have a fault of requests or of websockets strike; `none` forgets all that wait."""
        if strike.kind == NONE:
            self.faults.strikes.forget()
            self.archive.archive.restore()
            self.hub.faults.strikes.forget()
        elif strike.kind in KINDS:
            self.faults.strikes.add(strike)
        elif strike.kind not in STREAM_KINDS:
            known = ", ".join((*KINDS, *STREAM_KINDS))
            raise InputError(f"unknown fault {strike.kind!r}; there are {known}")
        elif strike.path or strike.symbol:
            raise InputError(f"{strike.kind} is no fault of requests: it has no path and no symbol")
        else:
            self.hub.faults.strikes.add(strike)

    def strikes(self) -> list[dict[str, Any]]:
        """Return the waiting faults."""
        return self.faults.strikes.rows() + self.hub.faults.strikes.rows()

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

    async def _answer(self, scope: Scope, path: str, query: str) -> tuple[Reply, list[Fault]]:
        """Count and answer a request; this is the moment of arrival at the exchange."""
        if path.startswith(ARCHIVE) and scope["method"] in {"GET", "HEAD"}:
            return await self._of_archive(scope, path, query)
        routed = route(self.desk, path.removeprefix("/v1/")) if path.startswith("/v1/") else None
        if routed is None or scope["method"] not in {"GET", "HEAD"}:
            return no_route(), []
        name, answer = routed
        if _header(scope, b"origin"):
            name = "origin"
        arrival, now = time.monotonic(), self.clock.now()
        request = self._noted(scope, query, name, arrival)
        if len(scope["raw_path"]) + len("?") + len(query) > _LONGEST_URL:
            request["status"] = 414
            return too_long(), []
        limits, kind = self.limits.of(scope["client"][0]), path.split("/")[2]
        drawn = self.faults.draw(kind, values(query))
        reply, faults = self._admit(limits, name, arrival, drawn, scope)
        request["fault"] = "+".join(fault.kind for fault in faults) or None
        if reply is None:
            answer = paged(self.odd.over(answer, kind), faults)
            remaining = limits.groups[name].remaining(arrival)
            reply = await _soon(partial(_data, answer, query, now, remaining, faults))
        request["status"] = reply.status
        return headed(reply, faults, now), faults

    async def _of_archive(self, scope: Scope, path: str, query: str) -> tuple[Reply, list[Fault]]:
        """Answer a request to the archive, which no limit is known of."""
        now, counter, asked = self.clock.now(), self.archive, OfArchive(path, query)
        request = self._noted(scope, query, "archive", time.monotonic())
        soon = asyncio.get_running_loop().run_in_executor
        files = await soon(None, counter.spoken_of, asked, now)
        for file, order in counter.by_name(files if asked.is_listing else [], self.faults.strikes):
            counter.archive.alter(file, self.faults.strike([order]))
        drawn = counter.in_force(asked, files, self.faults.draw("archive", asked.names))
        faults = self.faults.strike(drawn)
        request["fault"] = "+".join(fault.kind for fault in faults) or None
        reply = instead(faults, Asked(_target(scope), scope["server"][1], "", self.limit_body))
        if reply is None:
            ranged = _header(scope, b"range").decode("latin-1")
            request["range"] = ranged or None
            reply = await soon(None, counter.answer, asked, faults, now, ranged)
        request["status"] = reply.status
        return headed(replace(reply, remaining=None), faults, now), faults

    def _noted(self, scope: Scope, query: str, group: str, arrival: float) -> dict[str, Any]:
        """Put a request among the latest ones."""
        request: dict[str, Any] = {"path": scope["path"], "query": query, "group": group}
        request |= {"status": None, "fault": None, "arrival": arrival}
        request["client"] = scope["client"][0]
        self.requests.append(request)
        return request

    def _admit(
        self, limits: Limits, name: str, arrival: float, drawn: list[Strike], scope: Scope
    ) -> tuple[Reply | None, list[Fault]]:
        """Return an answer in place of data, None for none, and the faults that took effect."""
        group = limits.groups[name]
        if any(each.strikes(REFUSALS) for each in drawn):
            group.arrive(arrival)
        elif (status := limits.admit(name, arrival)) != 200:
            wait, remaining = limits.banned_for(arrival), group.remaining(arrival)
            return refused(status, self.limit_body, remaining, wait), []
        faults, remaining = self.faults.strike(drawn), group.remaining(arrival)
        asked = Asked(_target(scope), scope["server"][1], remaining, self.limit_body)
        return instead(faults, asked), faults


async def _soon(work: Callable[[], Reply]) -> Reply:
    """Do quick work at once; drawing many days of markets and reading files go to a thread."""
    try:
        with within(_AT_ONCE_S):
            return work()
    except TooLong:
        return await asyncio.get_running_loop().run_in_executor(None, work)


def _data(answer: Answer, query: str, now: int, remaining: str, faults: list[Fault]) -> Reply:
    try:
        rows = answer(Query(query), now)
    except WireError as error:
        return Reply(error.status, error.body, remaining=remaining)
    body = f"[{','.join(rows)}]".encode()
    if any(fault.kind == "badjson" for fault in faults):
        body = body[: len(body) // 2]
    return Reply(200, body, remaining=remaining)


class _Stay:
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


def _target(scope: Scope) -> str:
    """Return the path and query of a request, as received."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")
