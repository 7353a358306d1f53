"""Where a market's final candles come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from marketkit.sandbox.candle import Candle, Extremes
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import Width


class Source(Protocol):
    """Final candles of one market, as if all time were over; callers stop at the clock."""

    key: int
    listing: int  # when the market opened (ms UTC); before, its code is unknown

    def base(self, width: Width) -> Width | None:
        """Return the recorded width that `width` is made from; None when there is no such width."""
        ...

    def page(self, width: Width, before: int, count: int) -> list[Candle]:
        """Return the last `count` candles that start before `before`, ascending."""
        ...

    def total(self, width: Width, start: int, end: int) -> Candle | None:
        """Add up the candles of `width` that start in [start, end)."""
        ...

    def at(self, width: Width, start: int) -> Candle | None:
        """Return the candle of `width` that starts at `start`."""
        ...

    def trades(self, candle: Candle) -> Sequence[Trade]:
        """Return the trades of a candle of the narrowest recorded width, oldest first."""
        ...

    def extremes(self, start: int, end: int) -> Extremes | None:
        """Return the highest and lowest price of the days starting in [start, end)."""
        ...
