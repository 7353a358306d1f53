"""Answer from the cheapest source that may: memory, the feed, or one shared request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import polars as pl

from marketkit import symbols as naming
from marketkit.api import arguments as answers
from marketkit.api.arguments import Symbols
from marketkit.api.choice import Latest, Source, choose_source
from marketkit.api.lake_activity import LakeActivity
from marketkit.api.markets import MarketList
from marketkit.api.query import CallOptions, Hit, Query, Result, collected
from marketkit.cache.activity import MarketActivity
from marketkit.cache.memory import Batch, Held, Memory, entries
from marketkit.cache.single_flight import SingleFlight
from marketkit.cache.ttl import Kind
from marketkit.clock import age_clock
from marketkit.data.lake.store.store import Store
from marketkit.errors import MarketkitError, Refused, UnknownSymbol
from marketkit.exchange.dialect import CLASSES, Priority
from marketkit.net.transport import Transport
from marketkit.progress import Progress, Reporter
from marketkit.schema import Schema, exact

Told = dict[str, Hit | MarketkitError]
Load = Callable[[Sequence[str], Priority], Coroutine[Any, Any, Told]]
T = TypeVar("T")


async def _everything(_: Sequence[str]) -> None:
    """Refuse no symbol."""


class Stream(NamedTuple):
    """The stream that can answer a question, and how many rows of a symbol it must have."""

    channel: str
    rows: int


@dataclass(frozen=True, slots=True)
class QuerySpec:
    """One kind of question: where its answers are held, what they look like, how to get them.

    `load` asks for symbols and tells of each what was found or what failed; `single` says that the
    exchange takes one a request. `stream` is what a feed may answer from (None: no feed has such an
    answer), `kept` says that the answer may be given again. `check` refuses
    symbols that the question makes no sense for. `guess` asks for what a caller typed before it is
    known what is listed, and tells of whatever symbols that brings.
    """

    kind: Kind
    shelf: Hashable
    shape: Schema
    order: Sequence[str]
    load: Load
    single: bool = False
    stream: Stream | None = None
    kept: bool = True
    check: Callable[[Sequence[str]], Awaitable[None]] = _everything
    guess: Load | None = None


class Router:
    """What the readers share: the market list, memory, requests in flight, rhythms, the feed.

    `feed` may be set to whatever keeps symbols hot.
    """

    def __init__(self, transport: Transport, markets: MarketList, lake: Store) -> None:
        self.transport = transport
        self.markets = markets
        self.memory = Memory()
        self.rhythms = MarketActivity()
        self.weeks = LakeActivity(lake, self.rhythms)
        self.feed: Latest | None = None
        self._flights: SingleFlight[Told] = SingleFlight()

    def question(self, asked: QuerySpec, symbols: Symbols, form: CallOptions) -> Query:
        """Make a question of what a caller typed."""
        wanted = self._spelt(symbols)

        def recall() -> Result | None:
            return self._recall(asked, wanted, form)

        async def fetch() -> Result:
            return await self._fetch(asked, wanted, form)

        return Query(asked.kind, form, answers.index_of(symbols), recall, fetch)

    async def resolve(
        self, wanted: Sequence[str], form: CallOptions
    ) -> tuple[list[str], dict[str, MarketkitError]]:
        """Find the markets that are meant; unless it may be skipped, one unknown ends the call."""
        names, unknown = await self.markets.resolve(wanted, form.priority)
        if unknown and form.on_error == "raise":
            raise next(iter(unknown.values()))
        return names, unknown

    def keep(
        self,
        asked: QuerySpec,
        frame: pl.DataFrame,
        symbols: Sequence[str],
        made: int,
        most: int | None = None,
    ) -> list[Held]:
        """Hold what an answer said of each symbol for as long as it lives, `most` ms at most.

        What the feed keeps hot is not held a second time.
        """
        lives = dict.fromkeys(symbols, 0)
        if asked.kept:
            hot = self._hot(asked, symbols, age_clock())
            for symbol in symbols:
                if symbol not in hot:
                    life = self._life(asked, symbol)
                    lives[symbol] = life if most is None else min(life, most)
        held = self.memory.put(asked.shelf, frame, symbols, made=made, lives=lives, now=age_clock())
        self.memory.clean_later()
        return held

    def _spelt(self, symbols: Symbols) -> list[str]:
        """Spell symbols natively; those that are on the list already are."""
        known = self.markets.known()
        if isinstance(symbols, str):
            return [symbols] if symbols in known else naming.listed(symbols)
        given = list(symbols) if isinstance(symbols, Sequence | set) else symbols
        if isinstance(given, list) and given and all(_in(each, known) for each in given):
            return list(dict.fromkeys(given))
        return naming.listed(given)

    def _recall(self, asked: QuerySpec, wanted: Sequence[str], form: CallOptions) -> Result | None:
        known = self.markets.known()
        if all(symbol in known for symbol in wanted):
            names = sorted(wanted)
        else:
            try:
                names = naming.resolve(wanted, known)
            except UnknownSymbol:  # a younger list may have it
                return None
        found = self._local(asked, names)
        return None if len(found) < len(names) else self._collected(asked, found, {}, form)

    async def _fetch(self, asked: QuerySpec, wanted: Sequence[str], form: CallOptions) -> Result:
        guess = self._guess(asked, wanted, form)
        try:
            names, failures = await self.resolve(wanted, form)
            await asked.check(names)
            guessed, failure = await guess if guess else ({}, None)
        finally:
            if guess:
                guess.cancel()  # nothing happens to a task that is done
        told: Told = {**self._local(asked, names), **guessed}
        missing = [name for name in names if name not in told]
        if failure is not None:
            told |= dict.fromkeys(missing, failure)
            missing = []
        for part in await self._ask(asked, missing, form):
            told.update(part)
        found = {}
        for name in names:
            said = told[name]
            if isinstance(said, Hit):
                found[name] = said
            else:
                failures[name] = said
        return self._collected(asked, found, failures, form)

    def _guess(
        self, asked: QuerySpec, wanted: Sequence[str], form: CallOptions
    ) -> asyncio.Task[tuple[Told, MarketkitError | None]] | None:
        """Ask beside the market list, where that has to be asked for too: one way saved of two.

        Gives what was told, and why nothing more can be. What was refused is not that: one code
        that is not listed does it.
        """
        ask = asked.guess
        if ask is None or self.markets.known() or len(self._local(asked, wanted)) == len(wanted):
            return None

        async def guessed() -> tuple[Told, MarketkitError | None]:
            parts = await self._flights.join(
                asked.shelf,
                wanted,
                CLASSES[form.priority],
                lambda rest: ask(rest, form.priority),
            )
            told: Told = {}
            failure = None
            for _, said in parts:
                if not isinstance(said, MarketkitError):
                    told |= said
                elif not isinstance(said, Refused | UnknownSymbol):
                    failure = said
            return told, failure

        return asyncio.create_task(guessed())

    def _local(self, asked: QuerySpec, names: Sequence[str]) -> dict[str, Hit]:
        """Give what nobody need be asked for."""
        now = age_clock()
        held = self.memory.find(asked.shelf, names, now) if asked.kept else [None] * len(names)
        hot = self._hot(asked, names, now)
        found = {}
        for name, kept in zip(names, held, strict=True):
            fed = hot.get(name)
            source = choose_source(memory=_age(kept, now), feed=_age(fed, now))
            chosen = kept if source == "memory" else fed
            if chosen is not None:
                found[name] = Hit(source, chosen)
        return found

    def _hot(self, asked: QuerySpec, names: Sequence[str], now: int) -> dict[str, Held]:
        """Give what the feed has of symbols and is younger than an answer about them may be."""
        if self.feed is None or asked.stream is None:
            return {}
        known = self.feed.hot(asked.stream.channel, names, asked.stream.rows)
        if known is None:
            return {}
        hot, made = known
        young = [name for name in names if name in hot and now - made <= self._life(asked, name)]
        if not young:
            return {}
        rows = self.feed.newest(asked.stream.channel, young, asked.stream.rows)
        batch = Batch(rows, made, asked.shelf, tuple(young))
        told = zip(young, entries(batch, dict.fromkeys(young, 0)), strict=True)
        # The feed goes on meanwhile: it may just have let go of a symbol.
        return {name: held for name, held in told if held.length}

    def _life(self, asked: QuerySpec, symbol: str) -> int:
        return self.rhythms.life(asked.kind, symbol, self.transport.now()).ms

    async def _ask(self, asked: QuerySpec, names: Sequence[str], form: CallOptions) -> list[Told]:
        """Ask for symbols, all at once or one by one, and share what is on its way already."""

        async def some(names: Sequence[str]) -> Told:
            parts = await self._flights.join(
                asked.shelf,
                names,
                CLASSES[form.priority],
                lambda rest: asked.load(rest, form.priority),
            )
            return {
                name: said if isinstance(said, MarketkitError) else said[name]
                for part, said in parts
                for name in part
            }

        if not asked.single:
            return [await some(names)] if names else []
        return await _watched([some([name]) for name in names], f"{asked.kind}s")

    def _collected(
        self,
        asked: QuerySpec,
        found: Mapping[str, Hit],
        failures: Mapping[str, MarketkitError],
        form: CallOptions,
    ) -> Result:
        shape = exact(asked.shape) if form.exact else asked.shape
        return collected(found, failures, shape, asked.order)


def told_of(source: Source, symbols: Sequence[str], held: Sequence[Held]) -> Told:
    """Tell of symbols what one source has of them."""
    return {name: Hit(source, each) for name, each in zip(symbols, held, strict=True)}


async def _watched(calls: Sequence[Coroutine[Any, Any, T]], what: str) -> list[T]:
    """Run calls side by side and show how far they have come when it takes long."""
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


def _age(held: Held | None, now: int) -> int | None:
    return None if held is None else now - held.batch.made


def _in(symbol: object, known: frozenset[str]) -> bool:
    return isinstance(symbol, str) and symbol in known
