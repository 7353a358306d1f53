"""Candles of a feed, closed by time where no later trade does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import polars as pl

from marketkit.exchange.upbit.channels import timeframe_of
from marketkit.exchange.upbit.messages import Candle
from marketkit.realtime.channels import SlotChannel
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.listener import FeedListener


class CandleCloser(FeedListener):
    """Passes candles on, and one that no later one follows again as closed.

    That is when its slot ended `settle` ms ago by the exchange's clock and the stream was not
    interrupted since. Use it on the engine's loop; `lay` anywhere.
    """

    def __init__(self, client: Dispatcher, channel: str, settle: int) -> None:
        super().__init__()
        self._client = client
        self._channel = channel
        self._timeframe = timeframe_of(channel)
        self._settle = settle
        self._open: dict[str, int] = {}  # where the newest slot of each symbol starts
        self._task: asyncio.Task[None] | None = None

    def receive(self, message: Candle) -> None:  # type: ignore[override]
        """Pass a candle on; the slot of the newest one is open."""
        if message.time >= self._open.get(message.symbol, 0):
            self._open[message.symbol] = message.time
        super().receive(message)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def lay(self, store: SlotChannel, messages: Sequence[Candle]) -> pl.DataFrame:
        """Lay candles out with their state as of now."""
        return store.frame(messages, self._over())

    async def finish(self, failure: Exception | None) -> None:
        """End every iteration."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await super().finish(failure)

    def _over(self) -> int:
        """Give where the last slot starts that ended long enough ago."""
        return self._timeframe.floor(self._client.clock() - self._settle) - self._timeframe.width

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._client.timing.look)
            over = self._over()
            for symbol in [name for name, time in self._open.items() if time <= over]:
                candle = self._client.fresh(self._channel, symbol)
                if candle is not None:  # else its end may have been missed
                    del self._open[symbol]
                    self.broadcast.put(candle)
