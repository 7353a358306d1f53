"""A backfill of trades before anything is sent: days, files and requests of each market."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.trades import SETTLED, oldest_kept
from marketkit.data.jobs.archived import ArchiveSource, lists
from marketkit.data.jobs.plan import Cost, Plan
from marketkit.data.jobs.tasks import BackfillRequest, Order
from marketkit.data.jobs.ways import NO_FILES, ArchiveCost
from marketkit.data.lake.trades.days import survey
from marketkit.data.lake.trades.layout import day_span, days_of
from marketkit.data.lake.trades.store import TradeStore, catalog
from marketkit.errors import InputError, MarketkitError, warn
from marketkit.exchange.upbit.archive.finding import Found
from marketkit.exchange.upbit.archive.keys import Shelf
from marketkit.exchange.upbit.rest import TRADE_PAGE
from marketkit.notebook.words import number
from marketkit.progress import clock
from marketkit.timeframe import DAY

if TYPE_CHECKING:
    from marketkit.net.archive.archive import Archive

LOWER_BOUND = "lower bound"  # the basis where nothing is known: a quiet market's requests
_ENDING = 2  # requests that end a day: an empty answer, and the same once more
_ENOUGH = 1  # whole days from which the trades of a day are taken


class TradePlan(Plan):
    """The cost of a backfill of trades; as a `Plan`, but slots are UTC days or parts of one.

    `absent` are days that the exchange keeps no longer and that no file has. Rows and requests are
    those of the days that the lake has of the market; where it has none they are a lower bound.
    """

    def order(self, order: Order) -> Plan:
        """Refuse: there is no choice of an order for trades."""
        raise InputError(f"order={order!r} is for candles, not for trades")

    def _summary(self) -> str:
        slots, rows = (
            sum(getattr(cost, name) for cost in self.costs) for name in ("slots", "rows")
        )
        absent, guessed = (
            sum(cost.absent for cost in self.costs),
            sum(cost.basis == LOWER_BOUND for cost in self.costs),
        )
        about = "at least" if guessed else "about"
        gone = f"; {absent:,} days that the exchange keeps no longer" if absent else ""
        return (
            f"plan of {len(self)} symbols, trades: {slots:,} days not known whole, {about}"
            f" {rows:,} trades in {self.requests:,} requests, {clock(self.seconds)} at"
            f" {number(self.pace)}/s{gone}{self._ways()}"
        )

    def _ways(self) -> str:
        """Tell the cost of the same with the archive."""
        if self.options.archive is None:
            return ""
        costs = [cost.archive or NO_FILES for cost in self.costs]
        files, left = sum(x.files for x in costs), sum(x.left_requests for x in costs)
        size, seconds = sum(x.size for x in costs), sum(x.seconds(self.pace) for x in costs)
        return (
            f"; with the archive {files:,} files ({size / 1e6:,.1f} MB) and {left:,} requests,"
            f" about {clock(seconds)}"
        )


@dataclass(frozen=True, slots=True)
class _Usual:
    """The usual day of a market: how many trades, how many bytes each takes, how that is known."""

    trades: float
    size: float
    basis: str


class Lacking(NamedTuple):
    """The times of which a lake lacks trades; REST keeps trades from `kept` on."""

    spans: Spans
    kept: int

    @property
    def young(self) -> Spans:
        """The times that REST keeps trades of."""
        hull = self.spans.hull
        return self.spans if hull is None else self.spans.clip(self.kept, max(self.kept, hull.end))


def lacking(store: TradeStore, symbol: str, wanted: BackfillRequest, now: int) -> Lacking:
    """Give the times that a backfill would ask for; `now` is the exchange's."""
    end = now - SETTLED if wanted.end is None else min(wanted.end, now - SETTLED)
    span = Span(wanted.start, max(wanted.start, end))
    return Lacking(store.missing(symbol, *span), oldest_kept(now))


async def look_for_trades(
    source: ArchiveSource, lacks: Mapping[str, Lacking], now: int
) -> dict[str, Found]:
    """Find the files of the lacking times, by symbol; only listings are asked for."""
    found, done = dict[str, Found](), itertools.count(1)

    async def look(archive: Archive, name: str, spans: Spans) -> None:
        days, shelf = Spans(day_span(day) for day, _ in days_of(spans)), Shelf(name)
        try:
            if days and shelf.can_be:
                found[name] = await archive.find(shelf, days, now)
        except MarketkitError as failure:
            warn(f"{name} is planned without the archive: {failure}")
        said(next(done))

    async with lists(source, len(lacks)) as (archive, said):
        await asyncio.gather(*(look(archive, name, lack.spans) for name, lack in lacks.items()))
    return found


def trade_costs(
    store: TradeStore, lacks: Mapping[str, Lacking], found: Mapping[str, Found] | None
) -> list[Cost]:
    """Estimate the cost of each symbol; sends nothing. `found` are files, None for REST alone."""
    stored, _ = survey(store.root, store.source)  # who asks for a broken one was told before
    rows = catalog(stored).iter_rows(named=True)
    usual = {row["symbol"]: _usual(row) for row in rows if row["whole_days"] >= _ENOUGH}
    unknown = _Usual(0.0, 0.0, LOWER_BOUND)
    return [
        _cost(name, lack, usual.get(name, unknown), None if found is None else found.get(name))
        for name, lack in lacks.items()
    ]


def _usual(row: Mapping[str, int]) -> _Usual:
    rate = row["rows"] / row["days"]
    return _Usual(rate, row["bytes"] / max(1, row["rows"]), f"{rate:,.0f} a day")


def _cost(name: str, lack: Lacking, usual: _Usual, found: Found | None) -> Cost:
    files = () if found is None else found.files
    filed = Spans(each.file.span for each in files)
    there = lack.young | (lack.spans & filed)
    rows = round(_length(there) / DAY * usual.trades)
    left = lack.young - filed
    return Cost(
        symbol=name,
        gaps=len(there),
        slots=_days(there),
        absent=_days(lack.spans - there),
        requests=_requests(lack.young, usual),
        rows=rows,
        size=round(rows * usual.size),
        basis=usual.basis if there else "",
        archive=ArchiveCost(
            files=len(files),
            size=sum(each.size for each in files),
            left_slots=_days(left),
            left_requests=_requests(left, usual),
            pages=0,
        ),
    )


def _requests(spans: Spans, usual: _Usual) -> int:
    """Count the requests of walks back through days."""
    parts: Sequence[Spans] = [part for _, part in days_of(spans)]
    pages = (math.ceil(_length(part) / DAY * usual.trades / TRADE_PAGE) for part in parts)
    return sum(pages) + _ENDING * len(parts)


def _days(spans: Spans) -> int:
    return sum(1 for _ in days_of(spans))


def _length(spans: Spans) -> int:
    return sum(end - start for start, end in spans)
