"""Bars: the call."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, Literal, overload

from marketkit.api.bars import BarCall, BarEndpoints
from marketkit.api.query import A, Answer, D, P, Symbols, chosen
from marketkit.data.bars.kinds import Amount
from marketkit.exchange.dialect import Priority
from marketkit.frames import Defaults, FrameKind, OnError, Precision
from marketkit.notebook.arguments import explained
from marketkit.settings import given_path
from marketkit.window import Fill, Time


@explained
class BarMethods(Generic[P, D, A]):
    """The call for bars; `P` is given for polars, `D` pandas, `A` Arrow."""

    _bars: BarEndpoints
    _answer: Answer
    _defaults: Defaults

    @overload
    def bars(
        self,
        symbols: Symbols,
        kind: str | None = ...,
        *,
        tick: int | None = ...,
        volume: Amount | None = ...,
        value: Amount | None = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        session: str | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        recording: str | Path | None = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def bars(
        self,
        symbols: Symbols,
        kind: str | None = ...,
        *,
        tick: int | None = ...,
        volume: Amount | None = ...,
        value: Amount | None = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        session: str | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        recording: str | Path | None = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    @overload
    def bars(
        self,
        symbols: Symbols,
        kind: str | None = ...,
        *,
        tick: int | None = ...,
        volume: Amount | None = ...,
        value: Amount | None = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        session: str | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        recording: str | Path | None = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> A: ...
    def bars(
        self,
        symbols: Symbols,
        kind: str | None = None,
        *,
        tick: int | None = None,
        volume: Amount | None = None,
        value: Amount | None = None,
        start: Time | None = None,
        end: Time | None = None,
        session: str | None = None,
        forming: bool = False,
        fill: Fill = "none",
        recording: str | Path | None = None,
        frame: FrameKind | None = None,
        tz: str | None = None,
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Make bars of trades, sorted by symbol and time: of time, or of an amount of trading.

        `kind` is a width as of `get_candle`, `1s` and `2h` and so on, with `session` as there. Or
        give an amount with which a bar ends: `tick=1000` trades, a `volume` (base currency) or a
        `value` (quote currency). `"imbalance"` beside one of these ends a bar when so much more was
        bought than sold by takers, or sold than bought; alone it means `tick=100`. No trade is
        split: the one that fills a bar is the last in it, and the next bar begins at zero, the
        first of all at `start`. Amounts are added up without rounding.

        Trades are those of `get_trade`, from `start` (inclusive) to `end` (exclusive; default now);
        `-12h` counts back from now: of the lake where it has them (`backfill(symbols, "trade",
        start=..., archive=True)` brings years), else of the exchange, which keeps seven days. Or
        they are those of a `recording`: the folder that `record` wrote. First and last are by the
        time of the trade, within a millisecond by the exchange's order.

        Columns are `schema.BAR` (`mk.schema.describe("bar")`): those of candles, `trades`, and
        `last`, when the last one was. A bar of time is there where the trades of its slot are known
        from end to end: the same open, high, low, close and volume as the exchange's candle; where
        the lake has a candle that differs a warning says so, and `compare_bars` lists all. Where a
        recording may lack trades there is no bar, with a warning, and bars of amounts begin anew.
        `fill` adds the slots without a trade as for candles, and then those that are not known,
        with the `state` `unknown` and no numbers. `forming=True` adds the bar that is not finished.
        `precision="decimal"` gives `Decimal(38, 8)`, sums without rounding but for a `value`'s last
        place: of the exchange's own text where the exchange is asked; lake and recordings keep
        float64, and of each the shortest decimal that means it is added up.

        Raises `InputError` for no kind or several, `UnknownTimeframe`, `InvalidRange` or
        `NotCovered` for a time of which neither lake nor exchange has the trades, `NotCovered` for
        a market that was not recorded, `PartialResult` when some of many symbols failed.

        >>> mk.bars("KRW-BTC", "1m", start="-10m").columns[:6]
        ['symbol', 'time', 'open', 'high', 'low', 'close']
        >>> set(mk.bars("KRW-BTC", tick=5, start="-10m")["trades"])
        {5}
        """
        options = chosen(
            self._defaults, frame, tz, precision=precision, priority=priority, on_error=on_error
        )
        call = BarCall(
            kind,
            tick,
            volume,
            value,
            start,
            end,
            session=session,
            default_session=self._defaults.session,
            forming=forming,
            fill=fill,
            recording=None if recording is None else given_path(recording, "recording"),
        )
        return self._answer(self._bars.bars, symbols, call, options)
