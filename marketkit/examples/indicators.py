"""Indicators of one series of closes, carried on candle by candle.

RSI is TA-Lib's (0.8.1 and later), through a handle: the last closed candle goes in, the value comes
out, bit for bit what `talib.RSI` says of the whole series. Of the well-kept libraries it is the one
that carries its state: polars-talib, polars-ta and pandas-ta compute whole columns, which a stream
would have to compute again with every candle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marketkit.errors import MissingExtra
from marketkit.examples.parameters import Parameters
from marketkit.timeframe import MINUTE

if TYPE_CHECKING:
    from talib.stream import RSI


@dataclass(frozen=True, slots=True)
class Indicators:
    """The indicators after a candle: times ms UTC, `change` and RSI as far as defined.

    `change` is the close over the close before, less one. `rsi` and `rsi_before`, of this candle
    and of the one before, are None in the first `warm_up` candles.
    """

    time: int = 0
    close: float = 0.0
    change: float | None = None
    rsi: float | None = None
    rsi_before: float | None = None
    count: int = 0  # candles since the beginning, or since the last long silence
    first: tuple[float, ...] = ()  # closes, until there are enough for a handle
    handle: RSI | None = None  # never updated, only copied: earlier states must stay

    def after(self, time: int, close: float, parameters: Parameters) -> Indicators:
        """Give the indicators after one more candle, later than all before.

        A minute without a trade has no candle and changes nothing: the price is still the last
        one. After a silence longer than `parameters.silence`, for whatever reason, nothing of
        what was before counts.
        """
        known = self
        if self.count and time - self.time > parameters.silence * MINUTE:
            known = Indicators()
        count = known.count + 1
        first, handle, value = known._follow(close, parameters.rsi_period)
        return Indicators(
            time=time,
            close=close,
            change=close / known.close - 1 if known.count else None,
            rsi=value if count > parameters.warm_up else None,
            rsi_before=known.rsi,
            count=count,
            first=first,
            handle=handle,
        )

    def _follow(self, close: float, period: int) -> tuple[tuple[float, ...], RSI | None, float]:
        """Give the closes that wait for a handle, the handle, and the value."""
        if self.handle is not None:
            handle = self.handle.copy()
            return (), handle, handle.update(close)
        closes = (*self.first, close)
        if len(closes) <= period:
            return closes, None, math.nan
        handle = _open(closes, period)
        return (), handle, handle.value


def _open(closes: tuple[float, ...], period: int) -> RSI:
    try:
        import numpy as np  # noqa: PLC0415 - comes with TA-Lib
        from talib import stream  # noqa: PLC0415 - optional, and imports pandas where that is
    except ImportError:
        raise MissingExtra("TA-Lib", "examples") from None
    return stream.RSI(np.array(closes), timeperiod=period)
