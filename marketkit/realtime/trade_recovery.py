"""The listener of a feed of trades, which fetches the trades of interruptions."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import polars as pl

from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.messages import Trade
from marketkit.exchange.upbit.paging import TradeRange, walk_trades
from marketkit.net.handle import Interruption
from marketkit.net.transport import Transport
from marketkit.net.walk import Pages
from marketkit.realtime.channels import EVENTS_KEPT, EventChannel
from marketkit.realtime.listener import INTERRUPTIONS_KEPT, FeedListener
from marketkit.timeframe import DAY

PATIENCE = 60.0  # seconds that trades wait for missing ones: REST has been asked by then
_ATTEMPTS = 5  # at an answer with the newest trade; REST is behind by a second or two
_PAUSE = 0.5  # seconds between them; REST knows a trade within one
_OVERLAP = 1_000  # ms before the newest trade that is known, in which one may be missing
_SKEW = 60_000  # ms by which our idea of the exchange's clock may be wrong


_log = logging.getLogger("marketkit.realtime")


class Missed(NamedTuple):
    """Trades from a moment on, oldest first; not `whole` where the oldest are out of reach."""

    trades: list[Trade]
    whole: bool


Fetch = Callable[[str, int], Awaitable[Missed]]


@dataclass(slots=True)
class _Recovery:
    """An interruption, and the symbols whose trades may be missing still."""

    interruption: Interruption
    left: set[str]
    over: bool = False  # nothing is to be recovered

    def settle(self, symbol: str, how: str, failure: str | None, now: int) -> None:
        """Note the outcome for a symbol; one that was asked for, or failed, tells for all."""
        self.left.discard(symbol)
        if failure is not None:
            self.interruption = replace(self.interruption, failure=f"{symbol}: {failure}")
        if how == "rest":
            self.interruption = replace(self.interruption, how=how, closed=now)
        elif self.interruption.how is None:
            self.interruption = replace(self.interruption, how=how)


@dataclass(slots=True)
class _Gap:
    """Where trades of a symbol may be missing: after `since`, and before the held ones."""

    since: int
    recoveries: list[_Recovery]
    held: dict[int, Trade] = field(default_factory=dict)


class TradeRecovery(FeedListener):
    """Passes trades on, each once and in order; trades that the stream missed are fetched.

    After an interruption the trades of a symbol wait until REST told of those before them: of all
    from the last one that was passed on to the first one that came again. Where that fails they
    go on without, and the interruption says so. Use it on the engine's loop.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        store: EventChannel,
        fetch: Fetch,
        clock: Callable[[], int],
    ) -> None:
        super().__init__()
        self._clock = clock
        self._store = store
        self._fetch = fetch
        self._told: dict[str, deque[Trade]] = {}
        self._gaps: dict[str, deque[_Gap]] = {}
        self.join(symbols)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._recoveries: deque[_Recovery] = deque(maxlen=INTERRUPTIONS_KEPT)

    @property
    def interruptions(self) -> list[Interruption]:
        """The interruptions so far, and the outcome of each."""
        return [self._state(each) for each in list(self._recoveries)]

    def receive(self, message: Any) -> None:
        """Pass a trade on, now or after the missing trades before this one."""
        symbol = message.symbol
        gaps = self._gaps[symbol]
        if not gaps and message.stream == "SNAPSHOT" and self._told[symbol]:
            # While one subscription took the place of another, others may have happened before it.
            gaps.append(_Gap(self._told[symbol][-1].time, []))
        elif gaps and self._unharmed(symbol, 1):
            self._settle(symbol, gaps.popleft(), "stream", None)
        if not gaps:
            self._pass(message)
            return
        gaps[-1].held[message.sequential_id] = message
        if symbol not in self._tasks:
            self._tasks[symbol] = asyncio.get_running_loop().create_task(self._recover(symbol))

    def interrupted(self, until: int, reason: str, symbol: str | None = None) -> None:
        """Remember that events may be missing, and wait for the first one afterwards."""
        touched = set(self._gaps) if symbol is None else {symbol}
        recovery = _Recovery(Interruption(until, None, reason), set(touched))
        self._recoveries.append(recovery)
        for gaps in map(self._gaps.__getitem__, touched):
            if gaps and not gaps[-1].held:
                gaps[-1].recoveries.append(recovery)
            else:
                gaps.append(_Gap(until, [recovery]))

    def join(self, symbols: Iterable[str]) -> None:
        """Expect messages of more symbols."""
        for each in symbols:
            self._told[each] = deque(self._store.known([each]), maxlen=EVENTS_KEPT)
            self._gaps[each] = deque()

    def leave(self, symbol: str, now: int, why: str) -> None:
        """Remember that a symbol has ended, and pass on the held trades."""
        self._recoveries.append(
            _Recovery(Interruption(now, now, why, closed=now), set(), over=True)
        )
        if symbol in self._tasks:
            self._tasks.pop(symbol).cancel()
        self._let_go([symbol])
        for recovery in self._recoveries:
            recovery.left.discard(symbol)
        del self._gaps[symbol], self._told[symbol]

    async def finish(self, failure: Exception | None) -> None:
        """Pass on the held trades, and end every iteration."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        self._let_go(list(self._gaps))
        await super().finish(failure)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _let_go(self, symbols: Iterable[str]) -> None:
        """Pass on the waiting trades, as if the missing ones would never come."""
        for symbol in symbols:
            gaps = self._gaps[symbol]
            for gap in gaps:
                if gap.held:
                    self._settle(symbol, gap, "rest", "the feed ended before the answer came")
                self._give(gap.held)
            gaps.clear()

    async def _recover(self, symbol: str) -> None:
        """Fill the gaps of a symbol, one after the other, while there are trades after each."""
        gaps = self._gaps[symbol]
        while gaps and gaps[0].held:
            gap = gaps[0]
            found, failure = await self._missed(symbol, gap)
            known = {trade.sequential_id for trade in self._told[symbol]}
            missed = (trade for trade in found if trade.sequential_id not in known)
            self._give({trade.sequential_id: trade for trade in missed} | gap.held)
            gaps.popleft()
            self._store.recover(symbol, self._told[symbol], whole=failure is None and not gaps)
            self._settle(symbol, gap, "rest", failure)
        self._tasks.pop(symbol, None)

    async def _missed(self, symbol: str, gap: _Gap) -> tuple[list[Trade], str | None]:
        """Ask for missing trades; say why some are not to be had."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._asked(symbol, gap)
        except TimeoutError:
            return [], f"no answer within {PATIENCE:g}s"
        except Exception as error:  # noqa: BLE001 - whatever it is, trades must not wait for ever
            return [], str(error) or repr(error)

    async def _asked(self, symbol: str, gap: _Gap) -> tuple[list[Trade], str | None]:
        """Ask until an answer knows the first trade that came again; say why none does."""
        first, found = next(iter(gap.held)), Missed([], whole=True)
        for attempt in range(_ATTEMPTS):
            await asyncio.sleep(_PAUSE if attempt else 0)
            found = await self._fetch(symbol, self._start(symbol, gap))
            if not found.whole:
                return found.trades, "more were missed than the exchange tells of"
            if any(trade.sequential_id == first for trade in found.trades):
                return found.trades, None
        return found.trades, f"the exchange's answers do not know trade {first}"

    def _start(self, symbol: str, gap: _Gap) -> int:
        """Give the time from which trades may be missing, ms UTC."""
        told: list[int] = [trade.time for trade in self._told[symbol]]
        again = next(iter(gap.held.values())).time
        if not told:
            return min(gap.since, again)
        # Where the clock was set back since, only trades tell where the interruption was.
        since = gap.since - _SKEW if gap.since <= again else 0
        return max(min(told), max(told) - _OVERLAP, since)

    def _give(self, trades: Mapping[int, Trade]) -> None:
        for trade in sorted(trades.values(), key=lambda each: (each.time, each.sequential_id)):
            self._pass(trade)

    def _pass(self, trade: Trade) -> None:
        self._told[trade.symbol].append(trade)
        self.broadcast.put(trade)

    def _settle(self, symbol: str, gap: _Gap, how: str, failure: str | None) -> None:
        """Note the outcome for the interruptions of a gap."""
        if failure is not None:
            _log.warning("trades of %s are missing: %s", symbol, failure)
            if not gap.recoveries:
                end = next(iter(gap.held.values())).time
                found = Interruption(gap.since, end, "one subscription took the place of another")
                gap.recoveries.append(_Recovery(found, {symbol}))
                self._recoveries.append(gap.recoveries[-1])
        for recovery in gap.recoveries:
            recovery.settle(symbol, how, failure, self._clock())

    def _state(self, recovery: _Recovery) -> Interruption:
        """Give an interruption, with how the trades were recovered."""
        found, left = recovery.interruption, recovery.left.copy()
        if recovery.over:
            return found
        if found.failure is not None or not all(self._unharmed(each, 0) for each in left):
            return replace(found, how=None, closed=None)
        return replace(found, how=found.how or "stream")

    def _unharmed(self, symbol: str, trades: int) -> bool:
        """Whether the stream came back with the trade that was known last, and `trades` more."""
        held = any(gap.held for gap in list(self._gaps[symbol]))
        return not held and self._store.whole(symbol, 0) > trades


MOST = 50_000  # trades of one symbol and interruption, a hundred requests


async def fetch(transport: Transport, symbol: str, start: int, priority: Priority) -> Missed:
    """Ask for the trades of a symbol from `start` (ms UTC) until now, at most `MOST`.

    The exchange gives today (UTC) and the seven days before. Source: Upbit reference, section 3.3.
    """
    now = transport.now()
    walk = walk_trades(TradeRange(symbol, now, start, None, MOST))
    send = functools.partial(transport.send, priority=priority)
    pages = [page.rows async for page, _, _ in Pages(walk, send)]
    # New trades shift the pages while they are read: the same trade may come twice.
    rows = pl.concat(pages).unique("sequential_id", keep="first").sort("time", "sequential_id")
    reached = start >= (now // DAY - upbit_rest.TRADE_DAYS) * DAY
    return Missed(_trades(rows), reached and rows.height < MOST)


def _trades(rows: pl.DataFrame) -> list[Trade]:
    return [
        Trade(symbol, at, at, price, volume, side, close, _word(move), abs(move), number, "REST")
        for symbol, at, price, volume, side, close, move, number in rows.with_columns(
            pl.col("time").dt.epoch("ms")
        ).iter_rows()
    ]


def _word(move: float) -> str:
    return "RISE" if move > 0 else "FALL" if move < 0 else "EVEN"
