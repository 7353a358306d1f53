"""Candles: the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, overload

from marketkit.api.candles import CandleCall, CandleEndpoints
from marketkit.api.query import A, Answer, D, P, Symbols, chosen
from marketkit.api.widths import Timeframes
from marketkit.exchange.dialect import Priority
from marketkit.frames import Defaults, FrameKind, OnError, Precision
from marketkit.notebook.arguments import explained
from marketkit.window import Fill, Source, Time


@explained
class CandleMethods(Generic[P, D, A]):
    """The call for candles; `P` is given for polars, `D` pandas, `A` Arrow."""

    _candles: CandleEndpoints
    _answer: Answer
    _defaults: Defaults

    @overload
    def get_candle(
        self,
        symbols: Symbols,
        timeframe: Timeframes,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        session: str | None = ...,
        derive: bool = ...,
        source: Source = ...,
        as_of: str | None = ...,
        rename: Mapping[str, str] | None = ...,
        wide: str | Sequence[str] | None = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_candle(
        self,
        symbols: Symbols,
        timeframe: Timeframes,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        session: str | None = ...,
        derive: bool = ...,
        source: Source = ...,
        as_of: str | None = ...,
        rename: Mapping[str, str] | None = ...,
        wide: str | Sequence[str] | None = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    @overload
    def get_candle(
        self,
        symbols: Symbols,
        timeframe: Timeframes,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        session: str | None = ...,
        derive: bool = ...,
        source: Source = ...,
        as_of: str | None = ...,
        rename: Mapping[str, str] | None = ...,
        wide: str | Sequence[str] | None = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> A: ...
    def get_candle(
        self,
        symbols: Symbols,
        timeframe: Timeframes,
        *,
        start: Time | None = None,
        end: Time | None = None,
        count: int | None = None,
        forming: bool = False,
        fill: Fill = "none",
        session: str | None = None,
        derive: bool = True,
        source: Source = "auto",
        as_of: str | None = None,
        rename: Mapping[str, str] | None = None,
        wide: str | Sequence[str] | None = None,
        frame: FrameKind | None = None,
        tz: str | None = None,
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give candles of one or many symbols, sorted by symbol and time.

        `symbols` is a code, a list, a glob such as `KRW-*`, or a Korean name: `비트코인` is the
        market in won, where there is one. The range is `start` (inclusive, a candle's open) to
        `end` (exclusive; default now), or the newest `count` before `end` (default 200). ISO
        strings and dates mean UTC, naive datetimes are refused, and `-30d` (`s m h d w y`, a year
        being 365 days) counts back from now by the exchange's clock. `timeframe` is one of `1s 1m
        3m 5m 10m 15m 30m 1h 4h 1d 1w 1M 1y`, which the exchange has, or `2h 6h 8h 12h` and `3d`,
        which are made of `1h` and `1d`; or several: then there is a column `timeframe`.

        `source="auto"` answers from the lake after fetching its gaps once, `"lake"` sends nothing
        and raises `NotCovered` for slots nobody asked about, `"exchange"` leaves the lake alone.
        `as_of` reads the frozen set of that name instead, and sends nothing. `forming=True` adds
        the candle that is not finished; of a lake alone, where there is no `end`, the newest one of
        a file (`Lake.unsettled`). Of a market that is not listed any more the lake answers,
        whatever the source: all that it proves of the range, with a warning of what it lacks
        (`notes` of a response).

        Wide candles are made of narrower ones where the lake has those and not the exchange's own:
        the same high, low, close and sums, but about one day in thirty opens at another price than
        its first hour. `with_response` says so (`source` and `derived`); `derive=False` gives the
        exchange's own and fetches those that the lake lacks.

        Columns are `schema.CANDLE` (`mk.schema.describe("candle")` lists units and meanings):
        `time` is the open, `volume` in base and `value` in quote currency. Slots without a trade
        have no row, unless `fill` asks for one in each slot that is proved empty, with `state`
        `empty`: `"forward"` with the last close as its prices (null where none is known) and no
        volume, `"null"` without numbers; `count` counts them, too.

        `session` is where days begin, for `1h` and wider: `"00:00 UTC"` as on the exchange, however
        that is written (`"09:00 Asia/Seoul"`, `"09:00 +09:00"`), or any other time and zone, such
        as `"00:00 Asia/Seoul"` or `"09:30 America/New_York"`; then candles are made of the widest
        ones that begin at the same moments. From there `2h` and so on are counted, `3d` from
        1970-01-01.

        `rename={"KRW-MATIC": "KRW-POL"}` joins the series of markets that changed their code under
        the newer one and adds the column `listed_as`: the code that each candle had. Where both
        codes have a slot the newer one's counts, with a warning.

        `frame` is `polars`, `pandas` or `arrow`. In pandas a single `str` gives numbers alone under
        a `DatetimeIndex`, for `df.pct_change()` and `df.corr()`: `symbol` and `state` are in
        `df.attrs`. What can differ from row to row stays a column: `state` with `forming` or
        `fill`, `listed_as` with `rename`. A list, even of one, gives a `(symbol, time)` MultiIndex
        and all columns. `wide="close"` gives a row for each time and a column for each symbol, null
        where it has no candle; `wide=["close", "volume"]` columns `close_KRW-BTC` and so on, in
        pandas a `(column, symbol)` MultiIndex.

        `precision="decimal"` gives `Decimal(38, 8)`. The lake keeps float64, and of each the
        shortest decimal that means it is given: up to 15 digits that is the text of the wire, and
        sums of narrower candles are exact; ask `source="exchange"` for turnovers of more digits.
        pandas has decimals as Python objects, which do not mix with floats. Raises `UnknownSymbol`,
        `UnknownTimeframe`, `InvalidRange` before anything is sent, `PartialResult` when some of
        many symbols failed. The exchange keeps `1s` candles for three months: `InvalidRange` names
        the older ones that the lake lacks.

        >>> mk.get_candle("KRW-BTC", "1h", count=3).height
        3
        >>> mk.get_candle(["KRW-BTC", "KRW-ETH"], "1h", start="-7d", wide="close").columns
        ['time', 'KRW-BTC', 'KRW-ETH']
        """
        options = chosen(
            self._defaults, frame, tz, precision=precision, priority=priority, on_error=on_error
        )
        call = CandleCall(
            timeframe,
            start,
            end,
            count,
            forming=forming,
            fill=fill,
            session=session,
            default_session=self._defaults.session,
            derive=derive,
            source=source,
            as_of=as_of,
            rename=rename,
            wide=wide,
        )
        return self._answer(self._candles.candles, symbols, call, options)
