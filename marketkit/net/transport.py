"""Send requests: paced by the machine's budget, retried where a retry can help."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.errors import MarketkitError, Offline, TimedOut, warn
from marketkit.exchange.dialect import Priority, RateLimit, Request, Response, SendingRules
from marketkit.net.body import read_bounded
from marketkit.net.budget.ban import Ban
from marketkit.net.budget.budget import Budget, Slot
from marketkit.net.exchange_clock import ExchangeClock, machine_time, parse_age, parse_date
from marketkit.net.wire import (
    TurnPassed,
    Wire,
    about,
    client_for,
    failure_of,
    host_of,
    in_all,
    let_go,
)
from marketkit.settings import largest_answer
from marketkit.timeframe import iso

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger("marketkit.net")
_NEWEST = 0.3  # weight of a new round trip: three or four tell how far the exchange is now
_WITNESSES = 3  # further answers that are asked for until two agree on the time
_TOLD: set[str] = set()  # hosts whose clock was said to differ from ours: once a process is enough


@dataclass(frozen=True, slots=True)
class GroupStats:
    """The fate of the requests of one rate group, since the transport was made.

    `requests` were written to the wire, `rejected` of them answered 429 or 418; `retried` counts
    further attempts, `failed` calls that ended in an error.
    """

    requests: int = 0
    rejected: int = 0
    retried: int = 0
    failed: int = 0


class Transport:
    """The one sender to `endpoint`: awaits turns, sends, classifies, retries.

    `rules` are the exchange's: its limits, what its answers mean, when to ask again; `timeout`
    bounds one attempt on the wire, in seconds (waiting for a turn is not counted);
    `budget_dir` holds the budgets shared by all processes of the machine, one for each `address`
    that requests leave from. An `offline` one refuses every request. `meanwhile` is called on
    another thread where the first request waits for an unknown past. Use it on one event loop.
    """

    def __init__(
        self,
        endpoint: str,
        rules: SendingRules,
        *,
        timeout: float,
        budget_dir: Path,
        address: str | None = None,
        offline: bool = False,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        self._offline = offline
        self._meanwhile = meanwhile
        self._endpoint = endpoint.rstrip("/")
        self.address, self._host = address, host_of(endpoint, address)
        self._rules = rules
        self._timeout = timeout
        self._largest = largest_answer()
        self._budget_dir = budget_dir
        self._ban = Ban(budget_dir / f"{self._host}.ban", host=self._host)
        self._budgets: dict[str, Budget] = {}
        self._are_begun = False
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.clock = ExchangeClock()
        self._asking_time = asyncio.Lock()
        self._jumps = 0  # of the clock, that were told
        self._counts: dict[str, Counter[str]] = {}
        self._round_trip = 0.0

    async def send(self, request: Request, priority: Priority = "normal") -> Response:
        """Send `request` at the right time and give the exchange's data.

        Raises what the rules say of an answer that is not data, `NetworkError` when none came, each
        after the attempts that they grant; `Banned` at once, sending nothing while a ban holds.
        """
        if self._offline:
            raise Offline(f"offline: {request.path} is not asked for, and nothing kept answers it")
        attempt, began = 1, time.monotonic()
        while True:
            try:
                response = await self._exchange(request, priority)
                self._rules.check(request, response)
            except MarketkitError as failure:
                delay = self._rules.retry_delay(failure, attempt)
                if delay is None:
                    self._count(request, "failed")
                    if isinstance(failure, TimedOut):
                        raise in_all(failure, attempt, time.monotonic() - began) from None
                    raise
                _log.info("attempt %d of %s failed: %s", attempt, request.path, failure)
            else:
                if not self.clock.is_sure and request.group in self._rules.proving:
                    await self._confirm_time()
                self._tell_doubt()
                return replace(response, at=self.clock.bounded(response.at))
            self._count(request, "retried")
            await asyncio.sleep(delay)
            attempt += 1

    def now(self) -> int:
        """Estimate the exchange's clock in ms UTC: the last `Date` and the time since."""
        return self.clock.now()

    async def ask_time(self, *, again: bool = False) -> int:
        """Give the exchange's clock; asked for if never heard or `again`, unless offline."""
        async with self._asking_time:
            if (again or not self.clock.is_heard) and not self._offline:
                await self.send(self._rules.time_request)
        return self.now()

    @property
    def endpoint(self) -> str:
        """Scheme and host of the exchange."""
        return self._endpoint

    @property
    def is_open(self) -> bool:
        """Whether there are connections or budgets to let go of."""
        return self._client is not None or bool(self._budgets)

    @property
    def round_trip(self) -> float:
        """Give the usual time from a request to the headers, in seconds; 0.0 before the first."""
        return self._round_trip

    def connects(self) -> Budget:
        """Give the budget of websocket handshakes, which no request takes a part of.

        Raises `Offline` where nothing may be sent.
        """
        if self._offline:
            raise Offline("offline: no stream is opened")
        return self._begun("websocket-connect")

    def limit(self, group: str) -> RateLimit:
        """Give the limit of a rate group."""
        return self._rules.limit(group)

    def stats(self) -> dict[str, GroupStats]:
        """Count the requests of every rate group that was used, by fate."""
        return {group: GroupStats(**counts) for group, counts in self._counts.items()}

    async def left(self) -> dict[str, int]:
        """Give the requests that could leave right now, by rate group, for the whole machine."""
        return {group: await self._budget(group).left() for group in self._rules.limits}

    async def close(self) -> None:
        """Close the connections and the budgets; a later `send` opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        for budget in self._budgets.values():
            budget.close()
        self._budgets.clear()

    async def _exchange(self, request: Request, priority: Priority) -> Response:
        """Give the answer to one attempt, even one that refuses."""
        budget = self._begun(request.group)
        self._connected()  # what that loads is loaded while the turn is waited for
        while True:
            slot = await budget.acquire(priority)
            try:
                return await self._attempt(request, slot)
            except TurnPassed:
                _log.debug("the turn of %s passed before it was sent", request.path)

    async def _attempt(self, request: Request, slot: Slot) -> Response:
        """Send once; the slot is given back however this ends."""
        import httpx  # noqa: PLC0415 - slow to import, and who reads the lake sends nothing

        wire = Wire(slot)
        try:
            if not slot.fresh():
                raise TurnPassed
            async with asyncio.timeout(self._timeout):
                return await self._converse(request, wire)
        except TimeoutError:
            self._path_changed()
            raise TimedOut(
                f"{self._endpoint} did not answer {request.path} within {self._timeout:g}s, "
                f"waiting for {wire.awaited}{about(request)}"
            ) from None
        except httpx.HTTPError as error:
            self._path_changed()
            raise failure_of(error, self._endpoint, self.address) from error
        finally:
            if wire.written:
                self._count(request, "requests")
                slot.lost()  # unless the answer came, which already ended the slot
            else:
                slot.unsent()

    async def _converse(self, request: Request, wire: Wire) -> Response:
        sent_at = machine_time()  # machine's clock: dates an answer that has no date of its own
        client = self._connected()
        built = wire.build(client, self._endpoint, request)
        answer = await client.send(built, stream=True)
        try:
            # The headers say that the request was counted: the slot need not wait for the body.
            self._answered(request, wire.slot, answer)
            self._took(time.monotonic() - wire.started)
            packing = answer.headers.get("content-encoding", "")
            where = f"{self._endpoint}{request.path}"
            body = await read_bounded(answer.aiter_raw(), packing, self._largest, where)
        finally:
            await let_go(answer)
        date = parse_date(answer.headers.get("date"))
        made = wire.sent - 1000 * parse_age(answer.headers.get("age"))
        headers = dict(answer.headers.items())  # `dict` would look each up again
        return Response(answer.status_code, headers, body, date or sent_at, made)

    def _answered(self, request: Request, slot: Slot, answer: httpx.Response) -> None:
        slot.done(answer.status_code, *self._rules.read_allowance(answer.headers, request.group))
        if (date := parse_date(answer.headers.get("date"))) is not None:
            self.clock.saw(date + 1000 * parse_age(answer.headers.get("age")))
        if answer.status_code in {418, 429}:
            self._count(request, "rejected")
            _log.warning("%s answered %d to %s", self._host, answer.status_code, request.path)

    async def _confirm_time(self) -> None:
        """Ask again for the time of one answer alone: the proof depends on that time."""
        async with self._asking_time:
            for _ in range(_WITNESSES):
                if self.clock.is_sure:
                    break
                # Where none is to be had, the clock of before bounds the answer.
                with contextlib.suppress(MarketkitError):
                    await self.send(self._rules.time_request)

    def _tell_doubt(self) -> None:
        """Tell of a clock that was set; of a wrong one of this machine once a process and host."""
        if self.clock.jumps > self._jumps:
            self._jumps = self.clock.jumps
            _log.warning(
                "two answers agree: the clock of %s was set to %s", self._host, iso(self.now())
            )
        if self._host not in _TOLD and (doubt := self.clock.doubt()) is not None:
            _TOLD.add(self._host)
            warn(doubt)

    def _took(self, seconds: float) -> None:
        """Learn a round trip."""
        weight = _NEWEST if self._round_trip else 1.0
        self._round_trip += weight * (seconds - self._round_trip)

    def _connected(self) -> httpx.AsyncClient:
        """Give the client of this event loop; after a fork the parent's is left alone."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._client = client_for(self._endpoint, self.address)
        return self._client

    def _begun(self, group: str) -> Budget:
        """Give the budget of a group, after the budgets of all groups have begun."""
        budget = self._budget(group)
        if not self._are_begun:
            self._are_begun = True
            # Unknown pasts cost a silent period each: together, one for all that a call needs.
            groups = (*self._rules.limits, *self._rules.other_limits)
            waits = [self._budget(each).begin() for each in groups]
            if any(waits) and self._meanwhile is not None:
                asyncio.get_running_loop().run_in_executor(None, self._meanwhile)
        return budget

    def _budget(self, group: str) -> Budget:
        if group not in self._budgets:
            limit, name = self._rules.limit(group), f"{self._host}-{group}"
            self._budgets[group] = Budget(name, limit, self._budget_dir, ban=self._ban)
        return self._budgets[group]

    def _path_changed(self) -> None:
        """Distrust the measured round trips: a connection may come back by a shorter way."""
        for budget in self._budgets.values():
            budget.path_changed()

    def _count(self, request: Request, what: str) -> None:
        self._counts.setdefault(request.group, Counter())[what] += 1
