"""Markets: the call."""

from __future__ import annotations

from typing import Any, Generic, Literal, overload

from marketkit.api.markets import MarketEndpoints
from marketkit.api.query import A, Answer, D, P, chosen
from marketkit.exchange.dialect import Priority
from marketkit.frames import Defaults, FrameKind
from marketkit.notebook.arguments import explained
from marketkit.window import Time


@explained
class MarketMethods(Generic[P, D, A]):
    """The call for the market list; `P` is given for polars, `D` pandas, `A` Arrow."""

    _market_lists: MarketEndpoints
    _answer: Answer
    _defaults: Defaults

    @overload
    def get_market(
        self,
        quote: str | None = ...,
        *,
        delisted: bool = ...,
        as_of: Time | None = ...,
        instruments: bool = ...,
        frame: Literal["polars"] | None = ...,
        priority: Priority = ...,
    ) -> P: ...
    @overload
    def get_market(
        self,
        quote: str | None = ...,
        *,
        delisted: bool = ...,
        as_of: Time | None = ...,
        instruments: bool = ...,
        frame: Literal["pandas"],
        priority: Priority = ...,
    ) -> D: ...
    @overload
    def get_market(
        self,
        quote: str | None = ...,
        *,
        delisted: bool = ...,
        as_of: Time | None = ...,
        instruments: bool = ...,
        frame: Literal["arrow"],
        priority: Priority = ...,
    ) -> A: ...
    def get_market(
        self,
        quote: str | None = None,
        *,
        delisted: bool = False,
        as_of: Time | None = None,
        instruments: bool = False,
        frame: FrameKind | None = None,
        priority: Priority = "normal",
    ) -> Any:
        """Give the listed markets, one row each, with the exchange's warnings.

        `quote` keeps those priced in one currency (`KRW`, `BTC`, `USDT`). Columns are
        `schema.MARKET` (`mk.schema.describe("market")`), sorted by symbol; what a region does not
        say is null. In pandas the symbol is the index.

        The lake keeps the list of every UTC day on which one was fetched; while there is no lake,
        lists wait below the home and count as if in it. `as_of` gives the newest of that day or
        before (a warning says when it is older) and asks nobody; it raises
        `NotCovered` where the lake has none. `delisted=True` adds the markets that only earlier
        lists have, and three columns: `listed_from` and `last_seen`, the days of the first and the
        last list with the market, not of its listing; and `successor`. A renamed market is delisted
        under its old code and listed under its new one, which is its `successor` where the list
        that lacks the one is the first with the other and their names are the same; else null.

        `instruments=True` adds `tick_size` and `supported_levels` (of `get_orderbook`) as they are
        at today's prices. Source: Upbit reference, sections 3.1 and 3.6.

        >>> mk.get_market(quote="KRW")["quote"].unique().to_list()
        ['KRW']
        """
        return self._answer(
            self._market_lists.markets,
            quote,
            chosen(self._defaults, frame, None, priority=priority),
            delisted=delisted,
            as_of=as_of,
            instruments=instruments,
        )
