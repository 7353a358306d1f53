"""Tickers and order books: the calls."""

from __future__ import annotations

from typing import Any, Generic, Literal, overload

from marketkit.api.query import A, Answer, D, P, Symbols, chosen
from marketkit.api.quotes import QuoteEndpoints
from marketkit.exchange.dialect import Priority
from marketkit.frames import Defaults, FrameKind, OnError, Precision
from marketkit.notebook.arguments import explained


@explained
class QuoteMethods(Generic[P, D, A]):
    """The calls for tickers and order books; `P` is given for polars, `D` pandas, `A` Arrow."""

    _quotes: QuoteEndpoints
    _answer: Answer
    _defaults: Defaults

    @overload
    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: Literal["pandas"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    @overload
    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: Literal["arrow"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> A: ...
    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: FrameKind | None = None,
        tz: str | None = None,
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give the ticker of one or many symbols, one row each, in one request.

        `symbols` is a code, a list, a glob such as `KRW-*`, or a Korean name (`비트코인` is the
        market in won). Columns are `schema.TICKER` (`mk.schema.describe("ticker")`): `time` is when
        the exchange built the ticker, `open high low volume value` count from 00:00 UTC, `volume`
        in base and `value` in quote currency. In pandas the symbol of a single `str` is in
        `df.attrs`.

        Raises `UnknownSymbol` for a symbol that is not listed, `PartialResult` with the others if
        one has ended or an odd row; `on_error="skip"` gives these after a warning, and so does a
        glob of which a market has ended. Source: Upbit reference, section 3.4.

        >>> mk.get_ticker(["KRW-BTC", "KRW-ETH"])["symbol"].to_list()
        ['KRW-BTC', 'KRW-ETH']
        """
        options = chosen(
            self._defaults, frame, tz, precision=precision, priority=priority, on_error=on_error
        )
        return self._answer(self._quotes.tickers, symbols, options)

    @overload
    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = ...,
        level: float = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = ...,
        level: float = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    @overload
    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = ...,
        level: float = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> A: ...
    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = 15,
        level: float = 0,
        frame: FrameKind | None = None,
        tz: str | None = None,
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give order books of one or many symbols: a row per symbol and depth, 1 the best.

        `depth` is 1 to 30; `level` groups prices and works in KRW markets only. `time` is when
        the book last changed. A side with fewer orders has nulls. Columns are `schema.ORDERBOOK`
        (`mk.schema.describe("orderbook")`).

        Raises `InputError` for an impossible depth or level (of a level that a market does not
        have the error names those it has), `UnknownSymbol` as `get_ticker` does.
        Source: Upbit reference, section 3.5.

        >>> mk.get_orderbook("KRW-BTC", depth=3)["depth"].to_list()
        [1, 2, 3]
        """
        options = chosen(
            self._defaults, frame, tz, precision=precision, priority=priority, on_error=on_error
        )
        return self._answer(self._quotes.orderbooks, symbols, depth, level, options)
