"""Candles of one width against the other widths of a lake, counted by day and number."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.audit.derived import pieces
from marketkit.data.lake.audit.widths import apart, differing, touched
from marketkit.data.lake.report.coverage import runs
from marketkit.data.lake.store.left_out import SPOILT
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.store.store import Selection, Store
from marketkit.errors import LakeError
from marketkit.schema import NUMBERS, ROW, Schema
from marketkit.timeframe import DAY, TIMEFRAMES, Timeframe, narrower

# Of one day and one pair of widths: how many wide slots could be compared, how many differ, how
# many of these in the open alone, and in which number how many.
IDENTITIES: Schema = {
    "date": pl.Date(),
    "against": pl.String(),
    "compared": pl.Int64(),
    "differing": pl.Int64(),
    "opens": pl.Int64(),
    **dict.fromkeys(NUMBERS, pl.Int64()),
}


def identities(
    store: Store, symbol: str, timeframe: Timeframe, span: Span
) -> tuple[pl.DataFrame, dict[str, LakeError]]:
    """Compare the candles of a series in whole days with each other width of the lake.

    A wide candle is compared with what narrow ones add up to, where these tell of the whole slot,
    and with their bounds where they tell of a part. Widths beyond a day are left out: a week that
    differs names no day. Series that cannot be read are left out, and come second by their names.
    """
    frames = [pl.DataFrame(schema=dict(IDENTITIES))]
    failures: dict[str, LakeError] = {}
    for wide, narrow in _pairs(timeframe):
        other = narrow if wide == timeframe else wide
        try:
            both = store.select([symbol], wide), store.select([symbol], narrow)
            found = list(_compared(*both, symbol, span))
        except SPOILT as failure:
            failures[f"{symbol} {other}"] = failure
        else:
            frames += [_counted(told, slots, wide, other.name) for told, slots in found]
    counts = pl.concat(frames).group_by("date", "against", maintain_order=True).sum()
    return counts, failures


def against_bars(
    rows: pl.DataFrame, bars: pl.DataFrame, timeframe: Timeframe, known: Spans
) -> pl.DataFrame:
    """Compare candles with bars that were made of trades, slot by slot, as `IDENTITIES`.

    Both are of one market, and `known` are the slots that the candles tell of. A slot without a bar
    is not compared: it may be one whose trades are not known. Turnover is not compared either: the
    exchange rounds that of each trade.
    """
    told = bars.filter(pl.col("state").is_in(["closed", "empty"]))
    told = told.filter(within(told["time"], known))
    slots = Spans(runs(timeframe, told["time"]).iter_rows())
    made = told.filter(pl.col("state") == "closed")
    made = made.with_columns(value=pl.lit(None, pl.Float64())).select(*ROW)
    return against(rows, made, timeframe, slots)


def against(
    rows: pl.DataFrame, made: pl.DataFrame, timeframe: Timeframe, slots: Spans
) -> pl.DataFrame:
    """Compare the candles of some slots with the sums of trades, as `IDENTITIES`."""
    own = rows.filter(within(rows["time"], slots))
    return _counted(differing(own, made, 1), slots, timeframe, "trades")


def _pairs(timeframe: Timeframe) -> Iterator[tuple[Timeframe, Timeframe]]:
    """Give the pairs of a wide and a narrow width, one of which is the one asked about."""
    for each in narrower(timeframe):
        if timeframe.width <= DAY:
            yield timeframe, each
    for wide in TIMEFRAMES.values():
        if timeframe.width < wide.width <= DAY and timeframe in narrower(wide):
            yield wide, timeframe


def _compared(
    own: Selection, parts: Selection, symbol: str, span: Span
) -> Iterator[tuple[pl.DataFrame, Spans]]:
    """Give piece by piece the wide slots that differ, and all that were compared."""
    wide, narrow = own.timeframe, parts.timeframe
    known = parts.known(symbol).covered.clip(*span)
    slots = touched(known, wide) & own.known(symbol).covered
    whole = Spans(wide.whole(known)) & slots
    for each in pieces(wide, narrow, slots):
        told = apart(own.read(each), parts.read(each), (wide, narrow), whole)
        yield told, Spans([each])


def _counted(
    told: pl.DataFrame, compared: Spans, timeframe: Timeframe, against: str
) -> pl.DataFrame:
    """Count the slots of a width by day."""
    days = [
        (day, timeframe.count(max(start, day), min(end, day + DAY)))
        for start, end in compared
        for day in range(start - start % DAY, end, DAY)
    ]
    asked = pl.DataFrame(days, {"day": pl.Int64(), "compared": pl.Int64()}, orient="row")
    opens = pl.col("open") & ~pl.any_horizontal(*NUMBERS[1:])
    found = told.group_by(day=pl.col("time").cast(pl.Int64) // DAY * DAY).agg(
        differing=pl.len().cast(pl.Int64),
        opens=opens.sum().cast(pl.Int64),
        **{name: pl.col(name).sum().cast(pl.Int64) for name in NUMBERS},
    )
    both = asked.group_by("day").sum().join(found, on="day", how="left").sort("day")
    date, name = pl.from_epoch(pl.col("day") // DAY, "d"), pl.lit(against)
    return both.select(date=date, against=name, compared="compared", **_counts())


def _counts() -> dict[str, pl.Expr]:
    names = ("differing", "opens", *NUMBERS)
    return {name: pl.col(name).fill_null(0) for name in names}
