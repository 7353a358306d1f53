"""Candles of one width against candles of another: sums of all parts, and bounds by some."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.read.view import aggregate
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.store.store import Selection, Store
from marketkit.schema import NUMBERS
from marketkit.timeframe import TIMEFRAMES, Timeframe, iso, narrower

_PRICES = NUMBERS[:4]
_SUMS = NUMBERS[4:]
_ROUNDED = 1e-8  # each number of the exchange has 8 places
_FLOATS = 1e-6  # and sums of floats are never exact


def differing(own: pl.DataFrame, made: pl.DataFrame, parts: int) -> pl.DataFrame:
    """Give the times of candles that differ, and which of the numbers do.

    Prices are compared exactly, sums of `parts` candles but for their rounding. A candle that only
    one side has differs in everything.
    """
    both = own.join(made, on=["symbol", "time"], how="full", suffix="_made", coalesce=True)
    differ = {name: pl.col(name).ne_missing(pl.col(f"{name}_made")) for name in _PRICES}
    for name in _SUMS:
        apart = (pl.col(name) - pl.col(f"{name}_made")).abs()
        # Turnover that is not known cannot differ; in a slot that one side lacks the volume does.
        known = apart > _tolerated(name, parts)
        differ[name] = known.fill_null(pl.col("close").is_null() | pl.col("close_made").is_null())
    told = both.sort("time").select("time", **differ)
    return told.filter(pl.any_horizontal(*differ))


def exceeding(own: pl.DataFrame, made: pl.DataFrame, parts: int) -> pl.DataFrame:
    """Give the times of candles that are less than some of their parts, as `differing` does.

    However many parts are not known, their sum is no more than the whole.
    """
    both = own.join(made, on=["symbol", "time"], suffix="_made")
    more = {name: pl.lit(value=False) for name in NUMBERS}
    more["high"] = pl.col("high_made") > pl.col("high")
    more["low"] = pl.col("low_made") < pl.col("low")
    for name in _SUMS:
        over = pl.col(f"{name}_made") - pl.col(name) > _tolerated(name, parts)
        more[name] = over.fill_null(value=False)
    told = both.sort("time").select("time", **more)
    return told.filter(pl.any_horizontal(*more))


def apart(
    own: pl.DataFrame, parts: pl.DataFrame, widths: tuple[Timeframe, Timeframe], whole: Spans
) -> pl.DataFrame:
    """Give the times of wide candles that narrow ones contradict, and in which numbers.

    `widths` are those of both. The slots of `whole` are told by narrow candles from end to end.
    """
    wide, narrow = widths
    made, count = aggregate(parts, wide), wide.width // narrow.width
    is_whole, is_made_whole = (within(rows["time"], whole) for rows in (own, made))
    sums = differing(own.filter(is_whole), made.filter(is_made_whole), count)
    return pl.concat([sums, exceeding(own.filter(~is_whole), made.filter(~is_made_whole), count)])


def sentence(found: pl.DataFrame, compared: int, narrow: Timeframe) -> str:
    """Name the contradicted ones of compared slots, in the columns of `apart`."""
    fields = ", ".join(name for name in NUMBERS if found[name].any())
    first = iso(int(found["time"].dt.epoch("ms").min()))  # type: ignore[arg-type]
    return (
        f"{found.height:,} of {compared:,} slots are not what {narrow} candles add up to"
        f" ({fields}), the first at {first}"
    )


def compare(
    store: Store, symbol: str, rows: pl.DataFrame, covering: Spans, found: Selection
) -> tuple[str, ...]:
    """Compare new candles with the wider and narrower ones of a lake, in sentences.

    `covering` are the slots that they tell of, and `found` is what the lake has of their width.
    """
    if not covering:
        return ()
    told = [*with_narrower(store, symbol, rows, covering, found.timeframe)]
    return (*told, *_with_wider(store, symbol, rows, covering, found))


def with_narrower(
    store: Store, symbol: str, rows: pl.DataFrame, covering: Spans, wide: Timeframe
) -> Iterator[str]:
    """Compare wide candles with the narrower ones of a lake, as `compare` does."""
    left = covering
    for narrow in narrower(wide):
        beside = store.select([symbol], narrow)
        known = beside.known(symbol).covered
        slots = touched(known, wide) & left if known else known
        if slots.hull is None:
            continue
        whole = Spans(wide.whole(known)) & slots
        left -= whole
        own = rows.filter(within(rows["time"], slots))
        contradicted = apart(own, beside.read(slots.hull), (wide, narrow), whole)
        contradicted = contradicted.filter(within(contradicted["time"], slots))
        if contradicted.height:
            yield f"{wide}: {sentence(contradicted, wide.count_all(slots), narrow)}"


def _with_wider(
    store: Store, symbol: str, rows: pl.DataFrame, covering: Spans, found: Selection
) -> Iterator[str]:
    narrow = found.timeframe
    for wide in TIMEFRAMES.values():
        if wide.width <= narrow.width or narrow not in narrower(wide):
            continue
        beside = store.select([symbol], wide)
        known = beside.known(symbol).covered
        slots = touched(covering, wide) & known if known else known
        if slots.hull is None:
            continue
        stored = found.read(slots.hull)
        parts = pl.concat([stored.filter(~within(stored["time"], covering)), rows]).sort("time")
        whole = Spans(wide.whole(found.known(symbol).covered | covering)) & slots
        contradicted = apart(
            _within(beside.read(slots.hull), slots),
            _within(parts, slots),
            (wide, narrow),
            whole,
        )
        if contradicted.height:
            yield f"{wide}: {sentence(contradicted, wide.count_all(slots), narrow)}"


def touched(covered: Spans, wide: Timeframe) -> Spans:
    """Give the wide slots of which anything is told."""
    return Spans((wide.floor(start), wide.ceil(end)) for start, end in covered)


def _within(rows: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    return rows.filter(within(rows["time"], spans))


def _tolerated(name: str, parts: int) -> pl.Expr:
    return _FLOATS * pl.col(name).abs() + _ROUNDED * parts
