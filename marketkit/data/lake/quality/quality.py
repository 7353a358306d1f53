"""The quality of series of a lake, day by day: every look, and the answers together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.quality import days
from marketkit.data.lake.quality.identities import IDENTITIES, against, against_bars, identities
from marketkit.data.lake.quality.outliers import OUTLIER, outliers, wrong_turnover
from marketkit.data.lake.quality.trades import Trades, added_up
from marketkit.data.lake.report.calendar import calendar
from marketkit.data.lake.report.provenance import provenance_in
from marketkit.data.lake.store.left_out import say
from marketkit.data.lake.store.rows import inside
from marketkit.data.lake.store.store import Selection, Store
from marketkit.data.lake.transfer.compared import rows_around
from marketkit.errors import InputError, LakeError, nearest
from marketkit.schema import NUMBERS, TIME
from marketkit.timeframe import DAY, Timeframe
from marketkit.to.intake import rows_of
from marketkit.window import EVER

_AROUND = 2 * DAY  # so that a false day that is asked for alone is less than the days around
_AT_ONCE = 500_000  # slots; their candles take some forty megabytes


class Beside(NamedTuple):
    """Knowledge of series besides candles and coverage.

    `revisions` has `symbol time`, `bars` the columns of `schema.BAR` and comes before `trades`, and
    `checks` what REST said afterwards: `symbol date checked check_differs`. None is not known.
    """

    revisions: pl.DataFrame
    bars: pl.DataFrame | None = None
    trades: Trades | None = None
    checks: pl.DataFrame | None = None


def quality(
    store: Store, coverage: pl.DataFrame, timeframe: Timeframe, beside: Beside
) -> pl.DataFrame:
    """Judge the days of a coverage: `QUALITY`, one row for each market and day."""
    hulls = _hulls(coverage)
    looks = [_look(store, symbol, timeframe, span, beside) for symbol, span in hulls]
    say({name: each for look in looks for name, each in look.failures.items()}, anything=True)
    told = [
        days.holes(coverage, timeframe),
        days.widths(_all(looks, "widths", IDENTITIES)),
        days.odd(_all(looks, "outliers", OUTLIER)),
        days.counted(_all(looks, "turnover", {"time": TIME}), "wrong_turnover"),
        days.counted(beside.revisions, "revised"),
    ]
    if beside.bars is not None or beside.trades is not None:
        told.append(days.against_trades(_all(looks, "trades", IDENTITIES)))
    if beside.checks is not None:
        told.append(beside.checks)
    return days.gathered(calendar(coverage, timeframe), told)


def checks_of(store: Store, coverage: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Read from the footers what REST said about the days of a coverage: `days.checks`."""
    found = [
        (symbol, check)
        for symbol, span in _hulls(coverage)
        for check in provenance_in(store, Series(store.source, symbol, timeframe), span).checks
    ]
    return days.checks(found, timeframe)


def read_bars(frame: Any) -> pl.DataFrame:
    """Read the bars of a caller, in polars, pandas or Arrow. Raises `InputError` for others."""
    rows = rows_of(frame)
    for name in ("symbol", "time", *NUMBERS[:5]):
        if name not in rows.columns:
            raise InputError(f"the bars have no column {name!r}{nearest(name, rows.columns)}")
    if "state" not in rows.columns:
        rows = rows.with_columns(state=pl.lit("closed"))
    time = pl.col("time").dt.cast_time_unit("ms").dt.convert_time_zone("UTC")
    numbers = pl.col(NUMBERS[:5]).cast(pl.Float64)
    return rows.with_columns(time, numbers, pl.col("symbol", "state").cast(pl.String))


class _Look(NamedTuple):
    """Findings about one market: `IDENTITIES` twice, `OUTLIER`, and times.

    `failures` are series beside that could not be read.
    """

    symbol: str
    widths: pl.DataFrame
    trades: pl.DataFrame
    outliers: pl.DataFrame
    turnover: pl.DataFrame
    failures: dict[str, LakeError]


def _hulls(coverage: pl.DataFrame) -> Iterator[tuple[str, Span]]:
    edges = (pl.col("start").min().dt.epoch("ms"), pl.col("end").max().dt.epoch("ms"))
    for symbol, *hull in coverage.group_by("symbol", maintain_order=True).agg(*edges).iter_rows():
        yield symbol, Span(*hull)


def _look(store: Store, symbol: str, timeframe: Timeframe, span: Span, beside: Beside) -> _Look:
    """Look at one market; series beside that cannot be read are left out."""
    found = store.select([symbol], timeframe)
    looked = [_judge(found, symbol, each, beside) for each in _parts(timeframe, span)]
    odd, trades, turnover = (pl.concat(each) for each in zip(*looked, strict=True))
    days_of = Span(span.start - span.start % DAY, span.end + -span.end % DAY)
    widths, failures = identities(store, symbol, timeframe, days_of)
    return _Look(symbol, widths, trades, odd, turnover, failures)


def _judge(
    found: Selection, symbol: str, span: Span, beside: Beside
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Judge the candles of a part of the range."""
    reach = Span(max(EVER.start, span.start - _AROUND), min(EVER.end, span.end + _AROUND))
    around = rows_around(found, symbol, reach)
    rows = inside(around, *span)
    odd = outliers(around, found.timeframe)
    told = _witnessed(found, symbol, span, rows, beside)
    trades = pl.concat([pl.DataFrame(schema=dict(IDENTITIES)), *told])
    return inside(odd, *span), trades, wrong_turnover(rows).to_frame()


def _witnessed(
    found: Selection, symbol: str, span: Span, rows: pl.DataFrame, beside: Beside
) -> Iterator[pl.DataFrame]:
    """Compare the candles of known slots with bars, or with the trades of a store."""
    known, timeframe = found.known(symbol).covered.clip(*span), found.timeframe
    if beside.bars is not None:
        own = beside.bars.filter(pl.col("symbol") == symbol).sort("time")
        yield against_bars(rows, own, timeframe, known)
    elif beside.trades is not None:
        for made, slots in added_up(beside.trades, symbol, timeframe, known):
            yield against(rows, made, timeframe, slots)


def _parts(timeframe: Timeframe, span: Span) -> Iterator[Span]:
    """Cut a range into parts of whole days that fit into memory."""
    step = max(DAY, _AT_ONCE * timeframe.width // DAY * DAY)
    for start in range(span.start - span.start % DAY, span.end, step):
        yield Span(max(start, span.start), min(start + step, span.end))


def _all(looks: list[_Look], name: str, schema: Any) -> pl.DataFrame:
    """Put the findings about each market together, with the symbol before."""
    frames = [pl.DataFrame(schema={"symbol": pl.String(), **schema})]
    for each in looks:
        frame: pl.DataFrame = getattr(each, name)
        frames.append(frame.select(pl.lit(each.symbol).alias("symbol"), *schema))
    return pl.concat(frames)
