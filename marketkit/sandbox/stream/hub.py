"""All websockets of one exchange, worked off in the order of the sandbox's time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from marketkit.sandbox.books import STEP
from marketkit.sandbox.clock import Clock
from marketkit.sandbox.limits import WINDOWS, Visitors, Window
from marketkit.sandbox.markets import Markets, Order
from marketkit.sandbox.stream.agenda import REACTION, TRADE, Agenda
from marketkit.sandbox.stream.broadcast import Broadcast
from marketkit.sandbox.stream.connection import Connection
from marketkit.sandbox.stream.faults import StreamFaults
from marketkit.sandbox.stream.framing import frame
from marketkit.sandbox.stream.grammar import Key, Request, Wish
from marketkit.sandbox.stream.ledger import Ledger
from marketkit.sandbox.stream.line import Showcase
from marketkit.sandbox.stream.rules import StreamRules
from marketkit.sandbox.stream.switches import Switches
from marketkit.sandbox.stream.wire import Wire

if TYPE_CHECKING:
    from uvicorn.server import ServerState

_log = logging.getLogger("marketkit.sandbox")
_BURSTS: Final = {"ticker": 180, "trade": 180}  # ms after the request
_SECOND_BURST: Final = 340  # books and candles come after them
_SLICE_S: Final = 0.01  # work at a stretch before sockets get their turn
_PAUSE_S: Final = 0.002  # at least, between two looks at the agenda
_BACKLOG: Final = 8 << 20  # bytes a client may leave unread before all wait for it
_PATIENCE_S: Final = 5.0  # how long all wait before it is cut off
_BATCH: Final = 1000  # messages written together


class Hub:
    """The websocket side of the exchange.

    Everything due is done in the order of its sandbox time, whether the clock runs, leaps or
    stands still: with a standing clock snapshots and closes after errors come at once, all else
    when the clock is moved. Limits of connects and messages run in real time.
    """

    def __init__(
        self,
        markets: Markets,
        *,
        showcase: Showcase,
        clock: Clock,
        limits: Visitors,
        faults: StreamFaults,
        rules: StreamRules,
    ) -> None:
        self.limits, self.faults, self.rules = limits, faults, rules
        self.connections: dict[Connection, None] = {}
        self.dirty: dict[Connection, None] = {}
        self.ledger, self.switches = Ledger(), Switches()
        self._markets, self._showcase, self._clock = markets, showcase, clock
        self._numbers = count(1)
        self._agenda = Agenda()
        self._broadcast = Broadcast(
            markets, showcase, self._agenda, faults, self._pace, switches=self.switches
        )
        self._time = clock.now()
        self._working = False
        self._driver: asyncio.Task[None] | None = None

    def protocol(self, *, server_state: ServerState, **_uvicorn: Any) -> Wire:
        """Return the protocol of a new connection, as uvicorn asks for one."""
        self._start()
        return Connection(self, next(self._numbers), server_state.connections).wire

    @property
    def moment(self) -> int:
        """The time of the present action (ms UTC of the sandbox)."""
        return self._time if self._working else max(self._time, self._clock.now())

    def message_windows(self) -> list[Window]:
        """Return the message limits of one connection, in real time."""
        return [WINDOWS[self.limits.window](rate) for rate in self.rules.messages]

    def soon(self, delay: int, action: Callable[[], None]) -> None:
        """Do something after so many ms of sandbox time, at once while the clock stands."""
        self.later(delay if self._clock.speed else 0, action)

    def later(self, delay: int, action: Callable[[], None]) -> None:
        """Do something after so many ms of sandbox time."""
        self._agenda.add(self.moment + delay, REACTION, action)
        self._changed.set()

    def join(self, connection: Connection) -> None:
        """Count a connection in."""
        self.connections[connection] = None
        self.switches.watch(connection)
        connection.watch_idle()

    def leave(self, connection: Connection) -> None:
        """Count a connection out."""
        if connection in self.connections:
            del self.connections[connection]
            self.dirty.pop(connection, None)
            self.ledger.close(connection)
            self.switches.forget(connection)
            for key in connection.wishes:
                self._broadcast.close(key, connection)

    def subscribe(self, connection: Connection, request: Request) -> None:
        """Put a request in place of a connection's subscriptions.

        Streams it already had go on without a hole; each gets a snapshot again if it is asked for.
        """
        old, new = connection.wishes, self._known(request.wishes())
        connection.parts, connection.wishes = request.parts, new
        gone = [key for key in old if not (key in new and new[key].realtime)]
        for key in gone:
            self._broadcast.close(key, connection)
        for key in gone[: self.rules.stray_frames]:
            self._show(connection, key, "REALTIME")
        self._plan_bursts(connection)

    def _plan_bursts(self, connection: Connection) -> None:
        wishes = connection.wishes
        for key, wish in wishes.items():
            burst = _BURSTS.get(key.channel, _SECOND_BURST)
            self.soon(burst, partial(self._begin, connection, wishes, key, wish))

    def _known(self, wishes: dict[Key, Wish]) -> dict[Key, Wish]:
        """Leave out the streams that the exchange passes over in silence."""
        return {
            key: wish
            for key, wish in wishes.items()
            if (market := self._markets.find(key.symbol))
            and market.symbol == key.symbol  # no other case will do here
            and market.is_listed(self.moment)
        }

    def _begin(self, connection: Connection, of: object, key: Key, wish: Wish) -> None:
        """Send a stream's snapshot and begin to stream, unless another request came meanwhile."""
        if connection.ended is not None or connection.wishes is not of:
            return
        if wish.snapshot:
            self._show(connection, key, "SNAPSHOT")
        if wish.realtime:
            self._broadcast.open(key, connection, self.moment)

    def _show(self, connection: Connection, key: Key, kind: Any) -> None:
        market = self._markets.find(key.symbol)
        if market is None or self.switches.is_silent(key.symbol):
            return
        message = self._showcase.show(key, market, self.moment, kind)
        if message is not None:
            connection.put(message)

    def ordered(self, order: Order) -> None:
        """Have streams follow an order to a market, at the moment of that order."""
        self.renew(order.symbol)
        if self._driver is not None:
            self._plan_order(order)
            self._changed.set()

    def renew(self, symbol: str) -> None:
        """Have the streams of a market follow the register."""
        self._broadcast.renew(symbol)

    def _plan_order(self, order: Order) -> None:
        due = max(order.at, self._time)
        self._agenda.add(due, TRADE, partial(self._broadcast.announce, order, due))

    def _plan_orders(self) -> None:
        for order in self._markets.orders:
            if order.at > self._time:
                self._plan_order(order)

    def reset_all(self) -> None:
        """Reset every connection at once."""
        for connection in list(self.connections):
            connection.reset("storm")

    def _pace(self) -> int:
        return max(STEP, round(STEP * self._clock.speed))

    def _start(self) -> None:
        """Work the agenda off in the running loop from now on."""
        if self._driver is None:
            self._time = max(self._time, self._clock.now())
            self._plan_orders()
        if self._driver is None or self._driver.done():
            self._changed, self._lock = asyncio.Event(), asyncio.Lock()
            self._time = max(self._time, self._clock.now())
            self._driver = asyncio.get_running_loop().create_task(self._drive())
            self._driver.add_done_callback(_complain)

    async def settle(self) -> None:
        """Do all that is due by now, and write the frames."""
        if self._driver is not None and not self._driver.done():
            await self._catch_up()
            self._changed.set()  # the clock may run at another speed now

    async def _drive(self) -> None:
        while True:
            self._changed.clear()
            await self._catch_up()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait()):
                    await self._changed.wait()

    def _wait(self) -> float | None:
        """Return how many real seconds there are until something is due."""
        due, speed = self._agenda.next_due(), self._clock.speed
        if due is None or not speed:
            return None
        return max(_PAUSE_S, (due - self._clock.now()) / 1000 / speed)

    async def _catch_up(self) -> None:
        async with self._lock:
            until = self._clock.now()
            if until < self._time:
                self._set_back(until)
            self._working, self._broadcast.until = True, until
            try:
                await self._work_off(until)
            finally:
                self._time, self._working = until, False
            self._flush()

    async def _work_off(self, until: int) -> None:
        pause = time.monotonic() + _SLICE_S
        while entry := self._agenda.take(until):
            self._time = max(self._time, entry[0])
            entry[1]()
            if time.monotonic() > pause:
                await self._let_read()
                pause = time.monotonic() + _SLICE_S

    async def _let_read(self) -> None:
        """Write the queued frames, and wait for readers that are far behind."""
        self._flush()
        await asyncio.sleep(0)
        give_up = time.monotonic() + _PATIENCE_S
        while slow := [
            one for one in self.connections if not one.ended and one.wire.backlog > _BACKLOG
        ]:
            if time.monotonic() > give_up:
                self._cut_off(slow)
            await asyncio.sleep(_PAUSE_S)

    def _cut_off(self, slow: list[Connection]) -> None:
        for connection in slow:
            self.ledger.cut_off += 1
            connection.reset("never read")

    def _flush(self) -> None:
        dirty, self.dirty = self.dirty, {}
        for connection in dirty:
            connection.flush()

    def _set_back(self, now: int) -> None:
        """Begin anew at an earlier time: every stream sends a snapshot again."""
        self._time = now
        self._agenda.clear()
        self._broadcast.clear()
        self._plan_orders()
        for connection in self.connections:
            connection.restart_timers()
            self._plan_bursts(connection)

    async def replay(self, messages: Sequence[bytes]) -> None:
        """Send messages unchanged to every connection, as fast as clients read."""
        for start in range(0, len(messages), _BATCH):
            data = b"".join(map(frame, messages[start : start + _BATCH]))
            for connection in list(self.connections):
                connection.replay(data)
            await self._let_read()

    def stats(self) -> dict[str, Any]:
        """Return counts of all connections, open and past."""
        return self.ledger.stats(self.connections)

    def rows(self) -> list[dict[str, Any]]:
        """Return every connection, oldest first, the open ones last."""
        return self.ledger.rows(self.connections)


def _complain(driver: asyncio.Task[None]) -> None:
    """Log at once that nothing will be streamed any more: the streams would only fall silent."""
    if not driver.cancelled() and (error := driver.exception()):
        _log.error("the sandbox's streams have stopped", exc_info=error)
