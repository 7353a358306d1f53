"""Walks over pages as generators: each yields the next request and is sent the response.

`net.walk` drives them; nothing here sends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from marketkit.coverage import Spans
from marketkit.errors import BadResponse
from marketkit.exchange.dialect import Page, Step, Walk
from marketkit.exchange.upbit import bodies as upbit_bodies
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.proof import CandleRange, Descent, times_of
from marketkit.schema import TRADE, empty
from marketkit.timeframe import DAY, Timeframe, iso

_SLACK = 2_000  # ms; an answer is dated to the second, and the day may end while it is on its way


def walk_candles(wanted: CandleRange, *, exact: bool = False) -> Walk:
    """Ask for candles from the newest to the oldest, 200 a page, and prove slots page by page.

    A page proves `[oldest row's start, to)` as far as closed and settled, and as far as nothing
    that it says to be empty is in doubt (`proof.py`): what is, is asked again before it is proof.
    Only empty pages, confirmed, say that nothing exists before their `to` (the listing start, or
    for `1s` the end of retention). The last page may reach below `start`; what it proves there is
    given too, for it cost nothing.
    """
    descent, page, at = Descent(wanted), None, wanted.end
    while page is None or not descent.is_over:
        to, asked = descent.asks_before(at), replace(wanted, timeframe=descent.timeframe)
        response = yield Step(page, upbit_rest.candle_request(wanted.symbol, asked.timeframe, to))
        at = response.at
        rows = upbit_bodies.decode_candles(response.body, wanted.symbol, exact=exact)
        read = read_page(rows, asked, to, at)
        page = descent.weigh(read.rows, rows.height, at)
        if page.nothing_before is not None:
            break
    yield Step(page, None)


def read_page(rows: pl.DataFrame, wanted: CandleRange, to: int, at: int) -> Page:
    """Check a page of `rows`, asked for with `to` and answered at `at`; give the proof in the page.

    Whether an answer is believed is for `Descent` to say.
    """
    settled = wanted.timeframe.floor(at - wanted.settle)
    bound = min(wanted.timeframe.ceil(to), settled)
    if rows.is_empty():
        return Page(rows, Spans(), nothing_before=bound)
    times = times_of(rows)
    if times[-1] > to or times[0] >= to:
        raise BadResponse(
            f"asked {wanted.symbol} {wanted.timeframe} before {iso(to)}, got {iso(times[-1])}"
        )
    if (odd := first_within(wanted.timeframe, times)) is not None:
        what = f"a {wanted.timeframe} candle of {wanted.symbol}"
        raise BadResponse(f"{what} starts at {iso(odd)}")
    # Recorded data repeats the row at a page boundary.
    kept = rows[: bisect_left(times, to)]
    return Page(kept, Spans([(times[0], bound)]))


def first_within(timeframe: Timeframe, times: Sequence[int]) -> int | None:
    """Give the first of some times that lies within a slot; None where each starts one."""
    if timeframe.is_calendar:
        return next((time for time in times if timeframe.floor(time) != time), None)
    start, width = timeframe.floor(0), timeframe.width
    return next((time for time in times if (time - start) % width), None)


@dataclass(frozen=True, slots=True)
class TradeRange:
    """The newest `count` trades of `symbol` in `[start, end)`; None stands for no such bound.

    `now` is the exchange's clock; the exchange gives today (UTC) and the seven days before.
    """

    symbol: str
    now: int
    start: int | None = None
    end: int | None = None
    count: int | None = None


def walk_trades(wanted: TradeRange, *, exact: bool = False, sure: bool = False) -> Walk:
    """Ask for trades from the newest to the oldest, 500 a page, day by day.

    A page never crosses the UTC day, so an empty or short page ends the day, not the walk; an empty
    one is asked for once more before, with another count: nobody has kept the answer to that. Where
    all is to be `sure` only an empty page ends a day: a short one may have been cut. The
    exchange counts days back from its own today, which may end while the walk goes on, and have
    ended before it: then the first answer is of a later day than was meant. Of an earlier one it is
    where our clock was ahead: then the day is asked for again.
    """
    today = wanted.now // DAY
    day = today if wanted.end is None else min(today, (wanted.end - 1) // DAY)
    to = _time_of_day(wanted.end, day)
    left, cursor, doubt = wanted.count, None, False
    page: Page | None = None
    while today - day <= upbit_rest.TRADE_DAYS and (day + 1) * DAY > (wanted.start or 0):
        most = upbit_rest.TRADE_PAGE if left is None else min(left, upbit_rest.TRADE_PAGE)
        count = most if not doubt else most - 1 or 2
        request = upbit_rest.trade_request(
            wanted.symbol, count, days_ago=today - day, to=None if cursor else to, cursor=cursor
        )
        response = yield Step(page, request)
        before, today = today, max(today, response.at // DAY)
        trades = upbit_bodies.decode_trades(response.body, exact=exact)
        latest = (response.at + _SLACK) // DAY - (before - day)
        _check_trades(trades, wanted.symbol, cursor, (latest + 1) * DAY)
        page = Page(_within(trades, wanted).head(most), Spans())
        if (response.at + _SLACK) // DAY < before:
            today = (response.at + _SLACK) // DAY
            day, page = min(day, today), Page(page.rows.clear(), Spans())
            to, cursor = _time_of_day(wanted.end, day), None
            continue
        left = None if left is None else left - page.rows.height
        if left == 0 or (trades.height and _oldest(trades) < (wanted.start or 0)):
            break
        if doubt := trades.is_empty() and not doubt:
            continue
        if today > before:
            if not trades.height:
                continue
            day = max(day, trades["time"].dt.epoch("ms")[0] // DAY)
        if trades.is_empty() or (trades.height < count and not sure):
            day, to, cursor = day - 1, None, None
        else:
            cursor = trades["sequential_id"][-1]
    yield Step(page or Page(empty(TRADE), Spans()), None)


def _check_trades(trades: pl.DataFrame, symbol: str, cursor: int | None, midnight: int) -> None:
    """Refuse a page with trades that were not asked for."""
    if (trades["symbol"] != symbol).any():
        raise BadResponse(f"asked for trades of {symbol}, got another market's")
    if cursor is not None and trades.height and trades["sequential_id"][0] >= cursor:
        raise BadResponse(f"asked for trades of {symbol} below {cursor}, got others")
    if trades.height and _newest(trades) >= midnight:
        asked, got = iso(midnight), iso(_newest(trades))
        raise BadResponse(f"asked for trades of {symbol} before {asked}, got one of {got}")


def _within(trades: pl.DataFrame, wanted: TradeRange) -> pl.DataFrame:
    time = pl.col("time").dt.epoch("ms")
    kept = trades if wanted.start is None else trades.filter(time >= wanted.start)
    return kept if wanted.end is None else kept.filter(time < wanted.end)


def _time_of_day(end: int | None, day: int) -> str | None:
    """Spell the exclusive bound within `day`; None when the whole day is wanted."""
    # Rounded up, for the wire has whole seconds; what is too new is filtered.
    seconds = 86_400 if end is None else min(86_400, -((day * DAY - end) // 1000))
    if seconds == 86_400:
        return None
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _oldest(rows: pl.DataFrame) -> int:
    return int(rows["time"].dt.epoch("ms").min())  # type: ignore[arg-type]


def _newest(rows: pl.DataFrame) -> int:
    return int(rows["time"].dt.epoch("ms").max())  # type: ignore[arg-type]
