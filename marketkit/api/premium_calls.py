"""Premiums: the call."""

from __future__ import annotations

from typing import Any, Generic, Literal, overload

from marketkit.api.premium import PremiumCall, PremiumEndpoints
from marketkit.api.query import A, Answer, D, P, Symbols, chosen
from marketkit.exchange.dialect import Priority
from marketkit.frames import Defaults, FrameKind, OnError
from marketkit.notebook.arguments import explained
from marketkit.window import Source, Time


@explained
class PremiumMethods(Generic[P, D, A]):
    """The call for premiums; `P` is given for polars, `D` pandas, `A` Arrow."""

    _premiums: PremiumEndpoints
    _answer: Answer
    _defaults: Defaults

    @overload
    def premium(
        self,
        base: Symbols,
        quote: str = ...,
        timeframe: str = ...,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        session: str | None = ...,
        source: Source = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def premium(
        self,
        base: Symbols,
        quote: str = ...,
        timeframe: str = ...,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        session: str | None = ...,
        source: Source = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    @overload
    def premium(
        self,
        base: Symbols,
        quote: str = ...,
        timeframe: str = ...,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        session: str | None = ...,
        source: Source = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> A: ...
    def premium(
        self,
        base: Symbols,
        quote: str = "USDT",
        timeframe: str = "1m",
        *,
        start: Time | None = None,
        end: Time | None = None,
        count: int | None = None,
        session: str | None = None,
        source: Source = "auto",
        frame: FrameKind | None = None,
        tz: str | None = None,
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give the price in won over the tradable price of another currency in won, as candles.

        `base` is a currency such as `BTC` or its market in won, or several; with `quote="USDT"` a
        candle is that of `KRW-BTC` by that of `KRW-USDT`: what a bitcoin costs in dollars for who
        comes and goes by won. `timeframe`, the range and `source` are as of `get_candle`, and so is
        the proof: a row is there for each slot of which both sides are proved, with or without a
        trade, and for no other. Where one side rests its last price counts; `state` is `empty`
        where both do. Slots before the first trade of either, such as its listing, have no row.

        Columns are `schema.PREMIUM` (`mk.schema.describe("premium")`). `open` and `close` are the
        ratios of those moments, `high` and `low` the higher and the lower of the two: when in a
        slot each side was at its highest nobody knows, so ask for narrower candles to see more.
        `volume` is that in won's market, `value` the turnover there at the last `rate`, the price
        of the quote currency. `direct` is the close of the exchange's own market between the two
        (`USDT-BTC`) and `premium` how far `close` lies above (0.01 is one percent); both are null
        where that market has no trade in the slot, or is not there.

        Raises `InputError` for what names no currency, and what `get_candle` raises.

        >>> mk.premium("BTC", quote="USDT", timeframe="1h", count=3)["symbol"].to_list()
        ['KRW-BTC', 'KRW-BTC', 'KRW-BTC']
        """
        options = chosen(self._defaults, frame, tz, priority=priority, on_error=on_error)
        call = PremiumCall(
            quote,
            timeframe,
            start,
            end,
            count,
            session=session,
            default_session=self._defaults.session,
            source=source,
        )
        return self._answer(self._premiums.premium, base, call, options)
