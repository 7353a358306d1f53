"""What `get_market` answers: today's list, that of another day, or all that were ever seen."""

from __future__ import annotations

import asyncio
import warnings
from datetime import UTC, datetime, timedelta

import polars as pl

from marketkit.api.choice import Source, choose
from marketkit.api.market_list import MarketList
from marketkit.api.query import Answer, Form, Part, Question
from marketkit.clock import steady
from marketkit.errors import InputError
from marketkit.exchange.dialect import Priority
from marketkit.timeframe import parse_time
from marketkit.window import Time

_TRADING = [  # the exchange sends them as text
    pl.col("tick_size").cast(pl.Float64),
    pl.col("supported_levels").cast(pl.List(pl.Float64)),
]


class MarketCalls:
    """Answers for the markets of one exchange. Use it on the engine's loop."""

    def __init__(self, markets: MarketList) -> None:
        self._markets = markets

    def question(
        self,
        quote: str | None,
        form: Form,
        *,
        delisted: bool,
        as_of: Time | None,
        instruments: bool,
    ) -> Question:
        """Ask for a row per market, sorted by symbol."""
        if as_of is not None and (delisted or instruments):
            raise InputError("as_of gives the list of a day: no delisted=True or instruments=True")

        async def fetch() -> Answer:
            if as_of is not None:
                return _answer("lake", steady(), _priced_in(quote, await self._of_day(as_of)))
            known, started = self._markets.known(), steady()
            found = await self._markets.table(form.priority)
            if instruments:
                found = await self._with_instruments(found, form.priority)
            found = await self._with_delisted(found) if delisted else found
            made = self._markets.made
            kept = made < started
            source = choose(memory=started - made if known and kept else None, store=kept)
            return _answer(source, made, _priced_in(quote, found))

        return Question("market", form, ["symbol"], lambda: None, fetch)

    async def _of_day(self, as_of: Time) -> pl.DataFrame:
        day = datetime.fromtimestamp(parse_time(as_of) / 1000, UTC).date()
        found, kept = await asyncio.to_thread(self._markets.universe.at, day)
        if kept < day:
            late = (day - kept) // timedelta(days=1)
            said = f"the market list as of {day} is that of {kept}, {late} days before"
            warnings.warn(said, stacklevel=2)
        return found

    async def _with_instruments(self, found: pl.DataFrame, priority: Priority) -> pl.DataFrame:
        told = await self._markets.instruments(found["symbol"].to_list(), priority)
        return found.join(told.select("symbol", *_TRADING), on="symbol", how="left")

    async def _with_delisted(self, found: pl.DataFrame) -> pl.DataFrame:
        """Add the markets of earlier lists, and when each was first and last seen."""
        history = await asyncio.to_thread(self._markets.universe.history)
        today = self._markets.day
        first = history.select("symbol", "listed_from")
        listed = found.join(first, on="symbol", how="left").with_columns(
            pl.col("listed_from").fill_null(today), last_seen=pl.lit(today)
        )
        gone = history.join(found, on="symbol", how="anti")
        return pl.concat([listed, gone], how="diagonal").sort("symbol")


def _answer(source: Source, made: int, markets: pl.DataFrame) -> Answer:
    return Answer(markets, [Part(source, made, markets["symbol"].to_list())], {})


def _priced_in(quote: str | None, markets: pl.DataFrame) -> pl.DataFrame:
    if quote is None:
        return markets
    known = sorted(set(markets["quote"]))
    if quote.upper() not in known:
        raise InputError(f"no market is priced in {quote!r} (one of {' '.join(known)})")
    return markets.filter(pl.col("quote") == quote.upper())
