"""Answer from the cheapest source that may: memory, the feed, or one shared request."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import polars as pl

from marketkit import symbols as naming
from marketkit.api.lake_activity import LakeActivity
from marketkit.api.latest import Latest
from marketkit.api.markets import MarketList
from marketkit.api.query import (
    CallOptions,
    Hit,
    Load,
    Query,
    QuerySpec,
    Result,
    Results,
    Source,
    Symbols,
    apart,
    choose_source,
    collect,
)
from marketkit.cache.activity import MarketActivity
from marketkit.cache.memory import Batch, CachedRows, Memory, entries
from marketkit.cache.single_flight import SingleFlight
from marketkit.clock import age_clock
from marketkit.data.lake.store.store import Store
from marketkit.errors import LeftOut, MarketkitError, Refused, UnknownSymbol, is_gone
from marketkit.exchange.dialect import CLASSES
from marketkit.net.transport import Transport
from marketkit.progress import Progress, Reporter

T = TypeVar("T")


class Router:
    """The ways to an answer that all endpoints share: markets, memory, the feed, shared requests.

    `feed` may be set to whatever keeps symbols hot.
    """

    def __init__(self, transport: Transport, markets: MarketList, lake: Store) -> None:
        self.transport = transport
        self.markets = markets
        self.memory = Memory()
        self.activity = MarketActivity()
        self.lake_activity = LakeActivity(lake, self.activity)
        self.feed: Latest | None = None
        self._flights: SingleFlight[Results] = SingleFlight()

    def query(self, spec: QuerySpec, symbols: Symbols, options: CallOptions) -> Query:
        """Make a query for the symbols that a caller typed."""
        known = self.markets.known()
        if isinstance(symbols, str) and symbols in known:  # most calls are so
            given = wanted = [symbols]
        else:
            given = self.markets.codes(naming.several(symbols))
            wanted = _spelt(given, known)
        return Query(
            spec.kind,
            symbols,
            options,
            fetch=partial(self._fetch, spec, given, wanted, options),
            recall=partial(self._recall, spec, wanted, known),
        )

    async def _resolve(
        self, spec: QuerySpec, given: Sequence[str], options: CallOptions
    ) -> tuple[list[str], dict[str, Hit], dict[str, MarketkitError]]:
        """Find the listed markets, and hits or failures of others.

        Unknown ones end the call unless errors are skipped, but for those that were listed before.
        """
        names, unknown = await self.markets.resolve(given, options.priority, aloud=False)
        ended, broken = apart(await spec.ended(sorted(unknown)) if unknown else {})
        failures = {
            name: broken.get(name, why) for name, why in unknown.items() if name not in ended
        }
        never = [why for name, why in failures.items() if not (name in broken or is_gone(why))]
        if never and options.on_error == "raise":
            raise never[0]
        return names, ended, failures

    def keep(
        self,
        spec: QuerySpec,
        frame: pl.DataFrame,
        symbols: Sequence[str],
        made: int,
        *,
        most: int | None = None,
        derived: Mapping[str, str] | None = None,
    ) -> list[CachedRows]:
        """Hold the rows of each symbol for their life, `most` ms at most.

        Symbols that the feed keeps hot are not held a second time.
        """
        lives = dict.fromkeys(symbols, 0)
        if spec.kept:
            hot = self._hot(spec, symbols, age_clock())
            for symbol in symbols:
                if symbol not in hot:
                    life = self._life(spec, symbol)
                    lives[symbol] = life if most is None else min(life, most)
        held = self.memory.put(
            spec.cache_key,
            frame,
            symbols,
            made=made,
            lives=lives,
            now=age_clock(),
            derived=derived,
        )
        self.memory.clean_later()
        return held

    def _recall(
        self, spec: QuerySpec, wanted: Sequence[str], known: frozenset[str]
    ) -> Result | None:
        if known.issuperset(wanted):
            names = sorted(wanted)
        else:
            try:
                names = naming.resolve(wanted, known)
            except UnknownSymbol:  # a younger list may have it
                return None
        hits = self._local(spec, names)
        return None if len(hits) < len(names) else collect(hits, {}, spec)

    async def _fetch(
        self, spec: QuerySpec, given: Sequence[str], wanted: Sequence[str], options: CallOptions
    ) -> Result:
        """Answer for the symbols that a caller gave; `wanted` has the native spelling."""
        began = age_clock()
        guess = self._guess(spec, wanted, options)
        try:
            names, ended, failures = await self._resolve(spec, given, options)
            await spec.check(names)
            guessed, failure = await guess if guess else ({}, None)
        finally:
            if guess:
                guess.cancel()  # nothing happens to a task that is done
        results: Results = {**self._local(spec, names), **guessed}
        missing = [name for name in names if name not in results]
        if failure is not None:
            results |= dict.fromkeys(missing, failure)
            missing = []
        for part in await self._ask(spec, missing, options):
            results.update(part)
        hits, failed = apart({name: results[name] for name in names})
        failed |= await self._gone(failed, options, began)
        unknown = [name for name, failure in failed.items() if isinstance(failure, UnknownSymbol)]
        late, broken = apart(await spec.ended(unknown) if unknown else {})
        hits |= ended | late
        failed = {name: broken.get(name, why) for name, why in failed.items() if name not in hits}
        named = self.markets.codes(wanted)
        left = {name: failed.pop(name) for name in _left(failed, named)} if hits else {}
        return collect(dict(sorted(hits.items())), failures | failed, spec, left)

    async def _gone(
        self, failed: Mapping[str, MarketkitError], options: CallOptions, began: int
    ) -> Mapping[str, MarketkitError]:
        """Look whether markets that the exchange does not know, one by one, are listed still."""
        unknown = [name for name, failure in failed.items() if isinstance(failure, UnknownSymbol)]
        doubtful = [name for name in unknown if not is_gone(failed[name])]
        return await self.markets.gone(doubtful, options.priority, began) if doubtful else {}

    def _guess(
        self, spec: QuerySpec, wanted: Sequence[str], options: CallOptions
    ) -> asyncio.Task[tuple[Results, MarketkitError | None]] | None:
        """Ask beside the market list, where that has to be asked for too: one way saved of two.

        Gives the results, and the error after which nothing more can be had. A refusal is no such
        error: one code that is not listed does it.
        """
        load = spec.guess
        if load is None or self.markets.known() or len(self._local(spec, wanted)) == len(wanted):
            return None

        async def guessed() -> tuple[Results, MarketkitError | None]:
            results: Results = {}
            failure = None
            for _, part in await self._join(spec, load, wanted, options):
                if not isinstance(part, MarketkitError):
                    results |= part
                elif not isinstance(part, Refused | UnknownSymbol):
                    failure = part
            return results, failure

        return asyncio.create_task(guessed())

    def _local(self, spec: QuerySpec, names: Sequence[str]) -> dict[str, Hit]:
        """Give the hits for which nobody need be asked."""
        now = age_clock()
        held = self.memory.find(spec.cache_key, names, now) if spec.kept else [None] * len(names)
        hot = self._hot(spec, names, now)
        hits = {}
        for name, kept in zip(names, held, strict=True):
            fed = hot.get(name)
            if fed is None:
                source: Source = "memory"
            else:
                source = choose_source(memory=_age(kept, now), feed=_age(fed, now))
            chosen = fed if source == "feed" else kept
            if chosen is not None:
                hits[name] = Hit(source, chosen)
        return hits

    def _hot(self, spec: QuerySpec, names: Sequence[str], now: int) -> dict[str, CachedRows]:
        """Give the rows that the feed has of symbols and that are young enough for an answer."""
        if self.feed is None or spec.channel is None:
            return {}
        known = self.feed.hot(spec.channel, names, spec.rows)
        if known is None:
            return {}
        hot, made = known
        young = [name for name in names if name in hot and now - made <= self._life(spec, name)]
        if not young:
            return {}
        rows = self.feed.newest(spec.channel, young, spec.rows)
        batch = Batch(rows, made, spec.cache_key, tuple(young))
        held = zip(young, entries(batch, dict.fromkeys(young, 0)), strict=True)
        # The feed goes on meanwhile: it may just have let go of a symbol.
        return {name: each for name, each in held if each.length}

    def _life(self, spec: QuerySpec, symbol: str) -> int:
        return self.activity.life(spec.kind, symbol, self.transport.now()).ms

    async def _ask(
        self, spec: QuerySpec, names: Sequence[str], options: CallOptions
    ) -> list[Results]:
        """Ask for symbols, all at once or one by one."""
        if spec.single:
            calls = [self._load(spec, [name], options) for name in names]
            return await _with_progress(calls, f"{spec.kind}s")
        return [await self._load(spec, names, options)] if names else []

    async def _load(self, spec: QuerySpec, names: Sequence[str], options: CallOptions) -> Results:
        parts = await self._join(spec, spec.load, names, options)
        return {
            name: part if isinstance(part, MarketkitError) else part[name]
            for asked, part in parts
            for name in asked
        }

    async def _join(
        self, spec: QuerySpec, load: Load, names: Sequence[str], options: CallOptions
    ) -> list[tuple[list[str], Results | MarketkitError]]:
        """Ask for symbols, sharing requests that are on their way already."""
        priority = options.priority
        return await self._flights.join(
            spec.cache_key, names, CLASSES[priority], lambda rest: load(rest, priority)
        )


def hits_of(source: Source, symbols: Sequence[str], held: Sequence[CachedRows]) -> Results:
    """Give a hit for each symbol from one source."""
    return {name: Hit(source, each) for name, each in zip(symbols, held, strict=True)}


def _spelt(given: list[str], known: frozenset[str]) -> list[str]:
    """Spell symbols natively; listed ones stay as given."""
    if all(isinstance(each, str) and each in known for each in given):
        return list(dict.fromkeys(given))
    return naming.typed(given, known)


def _left(failed: Mapping[str, MarketkitError], wanted: Sequence[str]) -> list[str]:
    """Give the markets that nobody named and that do not trade, not yet or no more."""
    idle = [name for name, why in failed.items() if is_gone(why) or isinstance(why, LeftOut)]
    return [name for name in idle if name not in wanted]


async def _with_progress(calls: Sequence[Coroutine[Any, Any, T]], what: str) -> list[T]:
    """Run calls side by side, with a progress bar when long."""
    reporter = Reporter(Progress(f"{what} of {len(calls)} symbols", len(calls)))

    async def one(call: Coroutine[Any, Any, T]) -> T:
        result = await call
        reporter.progress.done += 1
        reporter.progress.requests += 1
        reporter.update()
        return result

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call)) for call in calls]
    finally:
        reporter.close()
    return [task.result() for task in tasks]


def _age(held: CachedRows | None, now: int) -> int | None:
    return None if held is None else now - held.batch.made
