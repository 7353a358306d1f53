"""A random page of each ingested month, asked of REST and held against the file's rows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.data.fetch.kept import KEPT
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.format.provenance import Check
from marketkit.data.lake.store.rows import within
from marketkit.errors import BadResponse, MarketkitError, Refused, UnknownSymbol
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.bodies import decode_candles
from marketkit.exchange.upbit.paging import read_page
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.exchange.upbit.rest import PAGE, candle_request
from marketkit.net.transport import Transport
from marketkit.schema import NUMBERS
from marketkit.timeframe import TIMEFRAMES, Timeframe

# The archive writes 8 decimals; REST writes turnovers with as many as a float has.
_ROUNDED = 1e-8
_SHARE = 1e-9  # of a number; floats of both are made of decimal texts
_SUMS = ("volume", "value")
_MONTH = TIMEFRAMES["1M"]
_OF_ONE = (BadResponse, Refused, UnknownSymbol)  # failures that say nothing of other months


class MonthChecks:
    """Checks of one run: a page for each month of the files, until REST does not answer."""

    def __init__(
        self, transport: Transport, timeframe: Timeframe, run: FetchRun, result: ArchiveRun
    ) -> None:
        self._transport = transport
        self._timeframe = timeframe
        self._run = run
        self._result = result
        self._is_checking = True

    async def of(self, symbol: str, spans: Spans, rows: pl.DataFrame) -> list[Check]:
        """Compare a random page of each month with REST, for as long as REST keeps candles."""
        timeframe, now = self._timeframe, self._transport.now()
        if timeframe.name == "1s":
            spans = spans.clip(timeframe.ceil(now - KEPT), timeframe.floor(now))
        found: list[Check] = []
        # The newest first: a page of wide candles reaches over the months before, too.
        for month in reversed([*months_of(timeframe, spans)]):
            if not Spans((each.start, each.end) for each in found).holds(*month):
                check = await self._one(symbol, month, spans, rows)
                found += [] if check is None else [check]
        return found

    async def _one(
        self, symbol: str, month: Span, spans: Spans, rows: pl.DataFrame
    ) -> Check | None:
        """Compare one month; None where REST did not answer, and is not asked again."""
        await self._run.going.wait()
        if not self._is_checking:
            self._result.unchecked += 1
            return None
        try:
            check = await check_page(
                self._transport,
                symbol,
                self._timeframe,
                random_end(self._timeframe, month),
                rows,
                told=spans,
                priority=self._run.priority,
            )
        except MarketkitError as failure:
            self._is_checking = self._is_checking and isinstance(failure, _OF_ONE)
            self._result.unchecked += 1
            return None
        self._run.requests += 1
        return check


def months_of(timeframe: Timeframe, spans: Spans) -> Iterator[Span]:
    """Cut spans at the first slots of months."""
    for start, end in spans:
        at = start
        while at < end:
            until = min(end, timeframe.ceil(_MONTH.next(_MONTH.floor(at))))
            yield Span(at, until)
            at = until


def random_end(timeframe: Timeframe, span: Span) -> int:
    """Choose the end of a page that lies inside of a span, if a whole page has room there."""
    slots = timeframe.count(*span)
    least = min(PAGE, slots)
    return timeframe.shift(span.start, least + secrets.randbelow(slots - least + 1))


async def check_page(
    transport: Transport,
    symbol: str,
    timeframe: Timeframe,
    to: int,
    rows: pl.DataFrame,
    *,
    told: Spans,
    priority: Priority,
) -> Check:
    """Ask REST for the page before `to`; compare `rows`, the archive's of `told` times.

    Raises what sending raises, and `BadResponse`.
    """
    response = await transport.send(candle_request(symbol, timeframe, to), priority)
    start = max((span.start for span in told if span.start < to), default=to)
    asked = CandleRange(symbol, timeframe, start, to, settle=0)
    page = read_page(decode_candles(response.body, symbol), asked, to, response.at)
    proved = page.proved or Spans([(start, page.nothing_before or start)])
    return compare(timeframe, rows, page.rows, proved & told, response.at)


def compare(
    timeframe: Timeframe, ours: pl.DataFrame, theirs: pl.DataFrame, proved: Spans, at: int
) -> Check:
    """Compare candles slot by slot where an answer proves them."""
    hull = proved.hull or Span(0, 0)
    columns = ("time", *NUMBERS)
    sides = [rows.filter(within(rows["time"], proved)).select(columns) for rows in (ours, theirs)]
    both = sides[0].join(sides[1], on="time", how="full", coalesce=True, suffix="_rest")
    other = both.filter(pl.any_horizontal(*map(_differs, NUMBERS))).sort("time")
    first = int(other["time"].cast(pl.Int64)[0]) if other.height else None
    return Check(*hull, at, timeframe.count_all(proved), other.height, first)


def _differs(name: str) -> pl.Expr:
    ours, theirs = pl.col(name), pl.col(f"{name}_rest")
    if name not in _SUMS:
        return ours.ne_missing(theirs)
    apart = (ours - theirs).abs() > _ROUNDED + _SHARE * ours.abs()
    return apart.fill_null(value=True)
