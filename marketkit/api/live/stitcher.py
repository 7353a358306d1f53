"""History and stream joined: every slot of some series known, and final ones put into the lake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence

from marketkit.api.live.answers import Question, Source, Unanswered
from marketkit.api.live.interruptions import InterruptionLog
from marketkit.api.live.members import Members
from marketkit.api.live.rows import Final
from marketkit.api.live.slots import Row, SlotTracker
from marketkit.errors import LakeError, MarketkitError, NetworkError
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.channels import candle_channel
from marketkit.exchange.upbit.messages import Candle, Message
from marketkit.net.engine import end_task
from marketkit.realtime.candles import KEPT
from marketkit.realtime.consumers import Broadcast
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.subscriptions import Stream
from marketkit.timeframe import Timeframe

_FLUSH_AFTER = 600.0  # seconds that proved slots wait; a kill costs a request, no candle
_CALM = 30  # looks between two questions that are hardly answered
_BEHIND = range(5_000, 600_000)  # ms by which the stream shows that our idea of its clock is old

_log = logging.getLogger("marketkit.live")


class Stitcher:
    """Series of one timeframe whose every slot from `start` on is known without a hole.

    Use it on the engine's loop. It asks the exchange for what the stream cannot tell: what was
    before, what happened during an interruption, and whether slots without a message are empty.
    """

    def __init__(
        self,
        client: Dispatcher,
        source: Source,
        timeframe: Timeframe,
        spans: Mapping[str, int],
        priority: Priority,
        *,
        bound: int | None = None,
    ) -> None:
        self.timeframe = timeframe
        self.members = Members(
            lambda symbol, start: SlotTracker(symbol, timeframe, start, source.settle, bound), spans
        )
        self.broadcast = Broadcast()
        self.interruptions = InterruptionLog(timeframe)
        self._ended: Exception | None = None
        self.saved = 0  # how often the lake was changed
        self.failures: dict[str, MarketkitError] = {}
        self._unanswered = Unanswered()
        self._client = client
        self._source = source
        self._priority = priority
        self._channel = candle_channel(timeframe)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard = 0
        self._flushed = 0.0
        self._ask_after = 0.0

    async def start(self, *, show: bool) -> None:
        """Listen, then fill in the history; raises only a failure of every symbol."""
        self._client.subscribe(self, self._streams())
        try:
            self.interruptions.restarted(
                self._source.lake, self.trackers.values(), self._client.clock()
            )
            await self._joined()
            await self._ask(list(self.trackers), recent=KEPT, show=show)
            self._unanswered.refuse(self.failures, self.trackers)
        except BaseException:
            self._client.release(self, self._streams())
            raise
        self._flushed = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def _streams(self) -> list[Stream]:
        return [Stream(self._channel, symbol) for symbol in self.trackers]

    @property
    def trackers(self) -> dict[str, SlotTracker]:
        """The series by symbol."""
        return self.members.trackers

    @property
    def symbols(self) -> tuple[str, ...]:
        """The markets whose candles are kept up with."""
        return self.members.symbols

    def join(self, symbols: Sequence[str]) -> None:
        """Take in markets that are new on the exchange."""
        self.members.join(symbols)
        self._client.subscribe(self, [Stream(self._channel, symbol) for symbol in symbols])
        self._news.set()

    def leave(self, symbol: str, why: str) -> None:
        """Let an ended market go; the stream's candles of the market are final."""
        tracker = self.trackers[symbol]
        self._client.release(self, [Stream(self._channel, symbol)])
        unknown = tracker.ends()
        self._advance(tracker)
        self.members.leave(symbol)
        self.interruptions.ended(symbol, self._client.clock(), why, unknown)
        self._news.set()

    async def end(self, failure: MarketkitError) -> None:
        """End because no market is left."""
        await self._stop()
        await self._flush()
        self._ended = failure
        self.broadcast.close(failure)

    async def _joined(self) -> None:
        """Wait a moment for the streams, so that answers meet the stream's own candles."""
        for stream in self._streams():
            known = self._client.fresh(*stream)
            if known is not None:  # the stream was there before: no snapshot will come
                self.receive(known)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3 * self._client.timing.look):
                while not all(tracker.joined for tracker in self.trackers.values()):
                    await self._news.wait()
                    self._news.clear()

    @property
    def failure(self) -> Exception | None:
        """The exception that ended the series, or why the stream has not begun."""
        return self._ended or (None if self._task is None else self._client.unopened)

    def receive(self, message: Message) -> None:
        """Take a candle of the stream."""
        if not isinstance(message, Candle):
            return
        tracker, now = self.trackers[message.symbol], self._client.clock()
        if not tracker.joined:
            self._news.set()
        self._heard = max(self._heard, message.sent)
        change = tracker.said(message, now)
        if change != "none" and message.time < tracker.watermark:
            self._correct(tracker, message.time, tracker.rows[message.time], now, "stream")
        elif change == "new":
            self._advance(tracker)

    def interrupted(self, until: int, reason: str, symbol: str | None = None) -> None:
        """Note an interruption of all symbols or of one; the open slots will be asked for."""
        until = min(until, self._heard)
        touched = list(self.trackers) if symbol is None else [symbol]
        for each in touched:
            self.trackers[each].interrupted(until)
        self.interruptions.began(until, reason, symbol=symbol)

    def unopened(self, why: NetworkError) -> None:
        """Learn that no connection opens: candles come by request meanwhile."""

    async def close(self) -> None:
        """Let go of the streams and put proved candles into the lake."""
        self._client.release(self, self._streams())
        await self._stop()
        try:
            self._prove()
            await self._compare()
            await self._flush()
        except Exception as failure:
            self._ended = self._ended or failure
            raise
        finally:
            self.broadcast.close()
            await self._client.settled()

    async def finish(self, failure: Exception | None) -> None:
        """Ask about the slots that are not final yet, do the last step, and end iterations.

        Nothing more will come: of the newest slots no later candle tells that they are over.
        """
        await self._stop()
        self._unanswered.forgive()
        try:
            now = self._client.clock()
            whole = self.timeframe.floor(now)
            every = self.trackers.items()
            if left := [name for name, one in every if one.watermark < whole or one.opens(now)]:
                await self._ask(left, last=True)
            await self._step()
        except Exception as wrong:
            failure = failure or wrong
            raise
        finally:
            self._ended = failure
            self.broadcast.close(failure)

    async def _stop(self) -> None:
        task, self._task = self._task, None
        await end_task(task)

    async def _run(self) -> None:
        try:
            await self._keep_up()
        except Exception as failure:  # noqa: BLE001 - consumers get it
            _log.exception("the series of %s has ended", self.timeframe)
            self._ended = failure
            self.broadcast.close(failure)

    async def _keep_up(self) -> None:
        while True:
            try:
                await self._step()
            except LakeError as failure:
                _log.warning("the lake takes no candles, they are kept until it does: %s", failure)
                await asyncio.sleep(self._client.timing.look)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._client.timing.look):
                    await self._news.wait()
            self._news.clear()

    async def _step(self) -> None:
        """Prove, ask, tell and write, each where due."""
        self._prove()
        await self._compare()
        loop = asyncio.get_running_loop()
        if loop.time() >= self._ask_after and (open_ := self._open()):
            await self._ask(open_)
            # Series without a stream must not use the whole budget.
            rest = self._client.timing.look * (1 if self._client.connected else _CALM)
            self._ask_after = loop.time() + max(rest, 0.02 * len(open_))
        for tracker in self.trackers.values():
            self._advance(tracker)
        if self.members.worth_a_write or loop.time() - self._flushed >= _FLUSH_AFTER:
            await self._flush()
        known = [*self._client.interruptions, *self._client.harms]
        self.interruptions.settle(self.trackers.values(), known, self._client.clock())

    def _prove(self) -> None:
        # What was sent before something that came has come, however long it was on its way.
        alive = min(self._client.alive, self._heard)
        for tracker in self.trackers.values():
            tracker.prove(alive)

    def _open(self) -> list[str]:
        """Give the symbols about which somebody has to be asked."""
        now, time = self._client.clock(), asyncio.get_running_loop().time()
        behind = self._heard - now in _BEHIND
        found = [
            symbol
            for symbol, tracker in self.trackers.items()
            if not self._unanswered.waits(symbol, time) and tracker.opens(now)
        ]
        # Any answer sets our idea of the exchange's clock right.
        return found or (list(self.trackers)[:1] if behind else [])

    async def _ask(
        self,
        symbols: Sequence[str],
        *,
        recent: int | None = None,
        last: bool = False,
        show: bool = False,
    ) -> None:
        """Ask for the open slots of some symbols, from the first of each to now.

        For the `last` time everything counts as open that is not final.
        """
        now = self._client.clock()
        forming = self.timeframe.floor(now)
        opens = {symbol: self.trackers[symbol].opens(now) for symbol in symbols}
        starts = {symbol: next(iter(opens[symbol]), (forming,))[0] for symbol in symbols}
        if last:
            told = {symbol: self.trackers[symbol].watermark for symbol in symbols}
            starts = {symbol: min(start, told[symbol]) for symbol, start in starts.items()}
        reach = 0 if recent is None else self.timeframe.shift(now, -recent)
        asked = Question(self.timeframe, starts, self.timeframe.next(now), reach)
        found, self.failures = await asked.put(self._source, self._priority, show=show)
        self._unanswered.tell(found, self.failures)
        # What fails for one symbol makes that one wait, and must not use the whole budget.
        later = asyncio.get_running_loop().time() + _CALM * self._client.timing.look
        self._unanswered.put_off(self.failures, starts, later)
        for symbol, answer in found.items():
            if (tracker := self.trackers.get(symbol)) is None:
                continue  # it has ended meanwhile
            rows, known, since = answer
            for final in tracker.answered(rows, known, starts[symbol], now, since):
                self._correct(tracker, *final, now, "rest")
            self._advance(tracker)
        self.saved += 1

    async def _compare(self) -> None:
        """Correct final candles of which the lake alone had the numbers."""
        for tracker, time in await self.members.compare(self._source.lake):
            self._correct(tracker, time, tracker.rows[time], self._client.clock(), "stream")

    async def _flush(self) -> None:
        """Put proved candles into the lake."""
        self._flushed = asyncio.get_running_loop().time()
        self.saved += await self.members.write(self._source.lake, self._client.clock())

    def _advance(self, tracker: SlotTracker) -> None:
        """Tell consumers of candles that have become final."""
        passed = tracker.advance()
        for time, row in tracker.inside(passed):
            self.broadcast.put(Final(tracker.symbol, time, row))
        if passed.end > passed.start:
            self._news.set()

    def _correct(self, tracker: SlotTracker, time: int, row: Row, now: int, how: str) -> None:
        """Tell consumers that a final candle has other numbers."""
        self.broadcast.put(Final(tracker.symbol, time, row))
        self.interruptions.corrected(tracker.symbol, time, now, how)
        self._news.set()
