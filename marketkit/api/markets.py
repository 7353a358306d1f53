"""Markets: today's list, that of another day, or all ever seen; and the list."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from marketkit import symbols as naming
from marketkit.api.instruments import Instruments
from marketkit.api.query import CallOptions, Query, Result, Source, choose_source
from marketkit.cache.cached_request import CachedRequest, CachedValue
from marketkit.cache.store import ResponseStore
from marketkit.cache.ttl import RULES
from marketkit.clock import age_clock
from marketkit.data.lake.chronicle import Chronicle, with_last_days, with_successors
from marketkit.data.lake.markets import Universe, day_of
from marketkit.data.lake.names import MarketNames
from marketkit.errors import (
    BadResponse,
    InputError,
    MarketkitError,
    Refused,
    UnknownSymbol,
    nearest_market,
    warn,
)
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.members import read_markets
from marketkit.net.transport import Transport
from marketkit.timeframe import parse_time
from marketkit.window import Time

_log = logging.getLogger("marketkit.net")
_TRADING = [  # the exchange sends them as text
    pl.col("tick_size").cast(pl.Float64),
    pl.col("supported_levels").cast(pl.List(pl.Float64)),
]


class MarketEndpoints:
    """Answers for the markets of one exchange; used on the engine's loop."""

    def __init__(self, markets: MarketList) -> None:
        self._markets = markets

    def markets(
        self,
        quote: str | None,
        options: CallOptions,
        *,
        delisted: bool,
        as_of: Time | None,
        instruments: bool,
    ) -> Query:
        """Ask for a row per market, sorted by symbol."""
        if as_of is not None and (delisted or instruments):
            raise InputError("as_of gives the list of a day: no delisted=True or instruments=True")

        async def fetch() -> Result:
            if as_of is not None:
                return _answer("lake", age_clock(), _priced_in(quote, await self._of_day(as_of)))
            known, started = self._markets.known(), age_clock()
            found = await self._markets.table(options.priority)
            if instruments:
                found = await self._with_instruments(found, options.priority)
            found = await self._with_delisted(found) if delisted else found
            made = self._markets.made
            kept = made < started
            source = choose_source(memory=started - made if known and kept else None, store=kept)
            return _answer(source, made, _priced_in(quote, found))

        return Query("market", None, options, fetch)

    async def _of_day(self, as_of: Time) -> pl.DataFrame:
        day = datetime.fromtimestamp(parse_time(as_of) / 1000, UTC).date()
        await self._markets.kept()
        found, kept = await asyncio.to_thread(self._markets.universe.at, day)
        if kept < day:
            late = (day - kept) // timedelta(days=1)
            warn(f"the market list as of {day} is that of {kept}, {late} days before")
        return found

    async def _with_instruments(self, found: pl.DataFrame, priority: Priority) -> pl.DataFrame:
        names = found["symbol"].to_list()
        told, failures = await self._markets.instruments.of(names, priority)
        for name, failure in failures.items():
            if not isinstance(failure, BadResponse | Refused | UnknownSymbol):
                raise failure  # that is no fault of a market
            warn(f"{name} has no tick size: {failure}")
        gone = [name for name in failures if isinstance(failures[name], UnknownSymbol)]
        listed = found.filter(~pl.col("symbol").is_in(gone))
        return listed.join(told.select("symbol", *_TRADING), on="symbol", how="left")

    async def _with_delisted(self, found: pl.DataFrame) -> pl.DataFrame:
        """Add the markets of earlier lists, and when each was first and last seen."""
        history = await asyncio.to_thread(self._markets.universe.history)
        today = self._markets.day
        first = history.select("symbol", "listed_from")
        listed = found.join(first, on="symbol", how="left").with_columns(
            pl.col("listed_from").fill_null(today), last_seen=pl.lit(today)
        )
        gone = history.join(found, on="symbol", how="anti")
        both = pl.concat([listed, gone], how="diagonal").sort("symbol")
        return with_successors(both, await self._markets.chronicle())


def _answer(source: Source, made: int, markets: pl.DataFrame) -> Result:
    return Result(markets, {(source, made): markets["symbol"].to_list()}, {})


def _priced_in(quote: str | None, markets: pl.DataFrame) -> pl.DataFrame:
    if quote is None:
        return markets
    known = sorted(set(markets["quote"]))
    if quote.upper() not in known:
        raise InputError(f"no market is priced in {quote!r} (one of {' '.join(known)})")
    return markets.filter(pl.col("quote") == quote.upper())


_LIFE = int(RULES["market"].most)
_RETRY = 60_000  # ms; an unknown symbol may be new: ask again when the list is older than this
_HINTS = 20  # unknown symbols that are worth looking for what was meant


class MarketList:
    """The markets of one exchange, on the engine's loop; `universe` keeps a list a day."""

    def __init__(
        self, transport: Transport, store: ResponseStore | None, universe: Universe
    ) -> None:
        self.universe = universe
        self._list = CachedRequest(transport, store, upbit_rest.market_request(), _markets, _LIFE)
        self._held: CachedValue | None = None
        self._symbols: frozenset[str] = frozenset()
        self._names: MarketNames | None = None
        self._seen = Chronicle()  # of all lists here: the lake keeps one a day, or none
        self._fresh_until = 0  # of the `age_clock`
        self.instruments = Instruments(transport, store, self)
        self._keeping: set[asyncio.Task[None]] = set()

    async def frame(self, priority: Priority, *, life: int = _LIFE) -> pl.DataFrame:
        """Give the list, at most `life` ms old; concurrent callers share one request."""
        held = await self._list.get(priority, life)
        if held is not self._held:
            self._held, self._symbols = held, frozenset(naming.shared(held.frame["symbol"]))
            self._names = None
            self._seen = self._seen.and_then(self.day, held.frame)
            self._fresh_until = held.made + _LIFE
            task = asyncio.create_task(self._keep(held, make=False))
            self._keeping.add(task)  # nobody need wait for a disk
            task.add_done_callback(self._keeping.discard)
        return held.frame

    async def table(self, priority: Priority) -> pl.DataFrame:
        """Give the list to a caller, with a lake to keep lists in."""
        frame = await self.frame(priority)
        if self._held is not None:
            await self._keep(self._held, make=True)
        return frame

    @property
    def made(self) -> int:
        """The `age_clock` moment at which the list that was given last was made."""
        return 0 if self._held is None else self._held.made

    @property
    def day(self) -> date:
        """The UTC day of the list that was given last."""
        made_at = 0 if self._held is None else self._held.made_at
        return day_of(made_at)

    async def chronicle(self) -> Chronicle:
        """Give the facts of the kept lists, with the list given last as the newest."""
        kept = await asyncio.to_thread(self.universe.chronicle)
        if self._held is None:
            return kept
        return kept.and_then(self.day, self._held.frame).beside(self._seen)

    async def settled(self) -> None:
        """Wait until the answers are kept."""
        await self._list.settled()
        await self.instruments.settled()
        await self.kept()

    async def kept(self) -> None:
        """Wait until the lists of days that were fetched are written down."""
        here = asyncio.get_running_loop()  # a fork inherits tasks that never end
        await asyncio.gather(*(each for each in self._keeping if each.get_loop() is here))

    def known(self) -> frozenset[str]:
        """Give the symbols of a list that is young enough, else none."""
        return self._symbols if age_clock() <= self._fresh_until else frozenset()

    async def supposed(self, symbols: Iterable[str]) -> list[str]:
        """Give the markets meant by the newest list at hand, however old; none where one is new."""
        newest = await self._list.newest()
        listed = frozenset(() if newest is None else newest.frame["symbol"])
        try:
            spelt = naming.typed(symbols, listed, aloud=False)
            found = [naming.matches(each, listed, hint=False) for each in spelt]
        except UnknownSymbol:
            return []
        return sorted({name for names in found for name in names})

    def codes(self, symbols: Iterable[str]) -> list[str]:
        """Put codes in place of the Korean names in a list that was fetched; others stay."""
        given = list(symbols)
        if self._held is None or not any(map(naming.is_name, given)):
            return given
        return self._named(self._held.frame).codes(given)

    def _named(self, markets: pl.DataFrame) -> MarketNames:
        if self._names is None:
            self._names = MarketNames(markets)
        return self._names

    async def gone(
        self, symbols: Iterable[str], priority: Priority, since: int
    ) -> dict[str, MarketkitError]:
        """Give the errors of symbols that a list made after `since` does not have any more."""
        day = self.day
        with contextlib.suppress(MarketkitError):
            await self.frame(priority, life=max(0, age_clock() - since))
        lost: dict[str, MarketkitError] = {
            name: UnknownSymbol(name, last_listed=day)
            for name in symbols
            if self._symbols and name not in self._symbols
        }
        return with_last_days(lost, await self.chronicle()) if lost else {}

    async def resolve(
        self, symbols: str | Iterable[str], priority: Priority, *, aloud: bool = True
    ) -> tuple[list[str], dict[str, MarketkitError]]:
        """Give the listed markets meant, sorted, and errors of unknown ones; `aloud` as `typed`."""
        given = naming.several(symbols)
        naming.typed(given, self.known(), aloud=aloud)  # refuses before anybody is asked
        names, unknown = await self._match(given, priority, _LIFE)
        if unknown:
            names, unknown = await self._match(given, priority, _RETRY)
        return names, await self._errors(unknown) if unknown else {}

    async def _match(
        self, given: list[str], priority: Priority, life: int
    ) -> tuple[list[str], list[str]]:
        await self.frame(priority, life=life)
        known = self._symbols
        names, unknown = set[str](), list[str]()
        for symbol in naming.typed(self.codes(given), known, aloud=False):
            try:
                names.update(naming.matches(symbol, known, hint=False))
            except UnknownSymbol:
                unknown.append(symbol)
        return sorted(names), unknown

    async def _errors(self, unknown: Sequence[str]) -> dict[str, MarketkitError]:
        """Give the errors of symbols: with a last day, or with names that are like them."""
        told = await self.chronicle()
        strange = [symbol for symbol in unknown if symbol not in told.last]
        hints = {symbol: self._hint(symbol) for symbol in strange[:_HINTS]}
        errors = {symbol: UnknownSymbol(symbol, hint=hints.get(symbol, "")) for symbol in unknown}
        return with_last_days(errors, told)

    def _hint(self, symbol: str) -> str:
        """Name markets that may be meant, which takes milliseconds."""
        of_name = None if self._held is None else self._named(self._held.frame).hint(symbol)
        return of_name or nearest_market(symbol, self._symbols)

    async def _keep(self, held: CachedValue, *, make: bool) -> None:
        """Write the list of the day down; `make` has a lake made for that."""
        await asyncio.to_thread(self.universe.keep, held.frame, held.made_at, make=make)


def _markets(body: bytes) -> pl.DataFrame:
    rows, failures = read_markets(body)
    if rows.is_empty():  # what follows would be that all markets have ended
        raise BadResponse("the exchange's list has no market that can be read")
    for code, failure in failures.items():
        _log.warning("market %r of the list is odd: %s", code, failure)
    return rows
