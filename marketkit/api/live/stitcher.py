"""History and stream joined: every slot of some series known, and final ones put into the lake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketkit.api.live.answers import Question, Source
from marketkit.api.live.interruptions import InterruptionLog
from marketkit.api.live.rows import candle_frame
from marketkit.api.live.slots import Row, SlotTracker
from marketkit.coverage import Spans
from marketkit.errors import LakeError, MarketkitError, NetworkError
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.channels import candle_channel
from marketkit.exchange.upbit.messages import Candle, Message
from marketkit.net.handle import Interruption
from marketkit.realtime.candles import KEPT
from marketkit.realtime.consumers import Broadcast
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.subscriptions import Stream
from marketkit.timeframe import Timeframe

_FLUSH_SLOTS = 20  # proved slots of a series that are worth a write of its whole chunk
_FLUSH_AFTER = 600.0  # seconds that proved slots wait; a kill costs a request, no candle
_BEHIND = range(5_000, 600_000)  # ms by which the stream shows that our idea of its clock is old

_log = logging.getLogger("marketkit.live")


@dataclass(frozen=True, slots=True)
class Final:
    """A candle that is final, or final with other numbers than before."""

    symbol: str
    time: int
    row: Row


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
    ) -> None:
        self.timeframe = timeframe
        self.trackers = {
            symbol: SlotTracker(symbol, timeframe, start, source.settle)
            for symbol, start in spans.items()
        }
        self.broadcast = Broadcast()
        self.interruptions = InterruptionLog(timeframe)
        self._ended: Exception | None = None
        self.saved = 0  # how often the lake was changed
        self.failures: dict[str, MarketkitError] = {}
        self._client = client
        self._source = source
        self._priority = priority
        channel = candle_channel(timeframe)
        self._streams = [Stream(channel, symbol) for symbol in spans]
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard = 0
        self._flushed = 0.0
        self._ask_after = 0.0

    async def start(self, *, show: bool) -> None:
        """Listen, then fill in the history; raises only a failure of every symbol."""
        self._client.subscribe(self, self._streams)
        try:
            self._note_restart()
            await self._joined()
            await self._ask(list(self.trackers), recent=KEPT, show=show)
            self._refuse_nothing()
        except BaseException:
            self._client.release(self, self._streams)
            raise
        self._flushed = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def _refuse_nothing(self) -> None:
        """Raise the failure if every symbol failed."""
        if len(self.failures) == len(self.trackers):
            raise next(iter(self.failures.values()))

    async def _joined(self) -> None:
        """Wait a moment for the streams, so that answers meet the stream's own candles."""
        for stream in self._streams:
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
        if change == "new":
            self._advance(tracker)
        elif change == "late" and message.time < tracker.watermark:
            self._correct(tracker, message.time, now, "stream")

    def interrupted(self, until: int, reason: str, symbol: str | None = None) -> None:
        """Note an interruption of all symbols or of one; the open slots will be asked for."""
        until = min(until, self._heard)
        touched = list(self.trackers) if symbol is None else [symbol]
        for each in touched:
            self.trackers[each].interrupted(until)
        self.interruptions.began(until, reason, symbol=symbol)

    def unopened(self, why: NetworkError) -> None:
        """Learn that no connection opens: what the stream does not tell is asked for."""

    async def close(self) -> None:
        """Let go of the streams and put proved candles into the lake."""
        self._client.release(self, self._streams)
        await self._stop()
        try:
            self._prove()
            await self._flush()
        except Exception as failure:
            self._ended = self._ended or failure
            raise
        finally:
            self.broadcast.close()
            await self._client.settled()

    async def finish(self, failure: Exception | None) -> None:
        """Do the last step that is due and end iterations, for nothing more will come."""
        await self._stop()
        self._ask_after = 0.0
        try:
            await self._step()
        except Exception as wrong:
            failure = failure or wrong
            raise
        finally:
            self._ended = failure
            self.broadcast.close(failure)

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

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
        loop = asyncio.get_running_loop()
        if loop.time() >= self._ask_after and (open_ := self._open()):
            await self._ask(open_)
            # Failures, and series without a stream, must not use the whole budget.
            calm = self._client.connected and not self.failures
            rest = self._client.timing.look * (1 if calm else 30)
            self._ask_after = loop.time() + max(rest, 0.02 * len(open_))
        for tracker in self.trackers.values():
            self._advance(tracker)
        due = loop.time() - self._flushed >= _FLUSH_AFTER
        if due or any(self._slots(each.proved) >= _FLUSH_SLOTS for each in self.trackers.values()):
            await self._flush()
        self.interruptions.settle(self.trackers.values(), self._resumed, self._client.clock())

    def _prove(self) -> None:
        # What was sent before something that came has come, however long it was on its way.
        alive = min(self._client.alive, self._heard)
        for tracker in self.trackers.values():
            tracker.prove(alive)

    def _open(self) -> list[str]:
        """Give the symbols about which somebody has to be asked."""
        now = self._client.clock()
        behind = self._heard - now in _BEHIND
        found = [
            symbol
            for symbol, tracker in self.trackers.items()
            if tracker.unseen() or tracker.unconfirmed(now)
        ]
        # Any answer sets our idea of the exchange's clock right.
        return found or (list(self.trackers)[:1] if behind else [])

    async def _ask(
        self, symbols: Sequence[str], *, recent: int | None = None, show: bool = False
    ) -> None:
        """Ask for all that is open of some symbols, from their first open slot to now."""
        now = self._client.clock()
        starts = {symbol: self._first_open(self.trackers[symbol], now) for symbol in symbols}
        reach = 0 if recent is None else self.timeframe.shift(now, -recent)
        asked = Question(self.timeframe, starts, self.timeframe.next(now), reach)
        found, self.failures = await asked.put(self._source, self._priority, show=show)
        for symbol, answer in found.items():
            tracker = self.trackers[symbol]
            for time in tracker.answered(answer.rows, answer.covered, starts[symbol], now):
                self._correct(tracker, time, now, "rest")
            self._advance(tracker)
        self.saved += 1

    def _first_open(self, tracker: SlotTracker, now: int) -> int:
        opens = [*tracker.unseen(), *tracker.unconfirmed(now)]
        return min((span.start for span in opens), default=self.timeframe.floor(now))

    async def _flush(self) -> None:
        """Put proved candles into the lake."""
        self._flushed = asyncio.get_running_loop().time()
        now = self._client.clock()
        batch = {
            symbol: tracker.proved for symbol, tracker in self.trackers.items() if tracker.proved
        }
        for symbol, spans in batch.items():
            tracker = self.trackers[symbol]
            rows = [item for span in spans for item in tracker.inside(span)]
            frame = candle_frame((symbol, time, row) for time, row in rows)
            await asyncio.to_thread(
                self._source.lake.append, symbol, self.timeframe, frame, spans, seen_at=now
            )
            corrected = {time for time, row in rows if tracker.rows.get(time) != row}
            tracker.keep(spans - Spans((time, self.timeframe.next(time)) for time in corrected))
        if batch:
            self.saved += 1

    def _advance(self, tracker: SlotTracker) -> None:
        """Tell consumers of candles that have become final."""
        passed = tracker.advance()
        for time, row in tracker.inside(passed):
            self.broadcast.put(Final(tracker.symbol, time, row))
        if passed.end > passed.start:
            self._news.set()

    def _correct(self, tracker: SlotTracker, time: int, now: int, how: str) -> None:
        """Tell consumers that a final candle has other numbers."""
        self.broadcast.put(Final(tracker.symbol, time, tracker.rows[time]))
        self.interruptions.corrected(tracker.symbol, time, now, how)
        self._news.set()

    def _note_restart(self) -> None:
        """Note the time since the lake was last filled, if that ends in our window."""
        lake, now = self._source.lake, self._client.clock()
        ends = []
        for symbol, tracker in self.trackers.items():
            known = lake.covered(symbol, self.timeframe).clip(tracker.start, now).hull
            if known is not None and known.end < self.timeframe.floor(now - tracker.settle):
                ends.append(known.end)
        if ends:
            self.interruptions.began(min(ends), "nobody listened before", now)

    def _resumed(self, interruption: Interruption) -> int | None:
        """Give when messages came again after an interruption that they had."""
        start, reason = interruption.start, interruption.reason
        known = [*self._client.interruptions, *self._client.harms]
        same = (each.end for each in known if each.start >= start and each.reason == reason)
        return next(same, None)

    def _slots(self, spans: Spans) -> int:
        return self.timeframe.count_all(spans)
