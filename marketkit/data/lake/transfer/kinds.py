"""The kinds of rows in files: candles, word that nothing traded, or no word at all. Pure."""

from __future__ import annotations

import polars as pl

from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.rows import breaches
from marketkit.data.lake.store.slots import opens_slot
from marketkit.data.lake.transfer.sheet import Faults, Sheet
from marketkit.frames import wider
from marketkit.schema import NUMBERS
from marketkit.timeframe import TIMEFRAMES, Timeframe, iso
from marketkit.window import EVER

TRADED, EMPTY, LEFT = 0, 1, 2  # kinds; what is left out, as forming, says nothing of its slot

_PRICES = NUMBERS[:4]
_LEFT_STATES = ["forming", "unknown"]


def with_kinds(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the kind of each row.

    Nothing traded where prices and volume are null or 0, where the price stands still at volume 0,
    as programs fill holes, and where the file says so.
    """
    silent = (pl.col("volume").fill_null(0) == 0) & (pl.col("value").fill_null(0) == 0)
    bare = pl.all_horizontal(pl.col(*_PRICES).fill_null(0) == 0) & silent
    first = pl.col(_PRICES[0])
    flat = pl.all_horizontal(first == pl.col(name) for name in _PRICES[1:])
    nothing = bare | (flat & pl.col("volume").eq(0) & silent)
    kind = pl.when(nothing).then(EMPTY).otherwise(TRADED)
    if rows["state"].null_count() < rows.height:
        left = pl.col("state").is_in(_LEFT_STATES)
        kind = pl.when(left).then(LEFT).when(pl.col("state") == "empty").then(EMPTY).otherwise(kind)
    return rows.with_columns(kind=kind.cast(pl.UInt8))


def broken(sheet: Sheet, series: Series) -> Faults:
    """Name the files with rows, of known kinds, that can be no candles of a series."""
    faults = _without_time(sheet.rows)
    if faults:
        return faults
    rows = sheet.rows.with_columns(symbol=pl.lit(series.symbol))
    rules = _rules(series)
    hits = rows.select(rule.any().alias(name) for name, rule in rules.items())
    for name, hit in hits.row(0, named=True).items():
        if hit:
            for bad in rows.filter(rules[name]).partition_by("file", maintain_order=True):
                faults.setdefault(bad["file"][0], _told(bad, name))
    if not faults:
        return _wide(sheet.rows, series.timeframe)
    for file in faults:
        faults[file] += _narrow(rows.filter(pl.col("file") == file), series.timeframe)
    return faults


def _without_time(rows: pl.DataFrame) -> Faults:
    if not rows["time"].null_count():
        return {}
    bad = rows.filter(pl.col("time").is_null()).unique("file", maintain_order=True)
    return {file: f"row {row} has no time" for file, row in bad.select("file", "row").iter_rows()}


def _rules(series: Series) -> dict[str, pl.Expr]:
    """Give for each rule the rows that break the rule."""
    time, kind = pl.col("time").cast(pl.Int64), pl.col("kind")
    of_candles = breaches(series)
    aligned = f"time is no slot of {series.timeframe}"
    for name in (aligned, f"symbol is not {series.symbol}"):
        of_candles.pop(name)
    rules = {
        "time lies outside the years 1970 to 9998": ~time.is_between(*EVER, closed="left"),
        aligned: ~opens_slot(series.timeframe, pl.col("time")),
        "state says empty, and the volume is not 0": (pl.col("state") == "empty")
        & (pl.col("volume") > 0),
    }
    rules |= {name: rule & (kind == TRADED) for name, rule in of_candles.items()}
    return rules


def _told(rows: pl.DataFrame, rule: str) -> str:
    """Write the first of the rows that break a rule."""
    first = rows.select("row", *NUMBERS).row(0, named=True)  # a time may be of no calendar
    numbers = ", ".join(f"{name} {first[name]}" for name in NUMBERS)
    time = iso(int(rows["time"].dt.epoch("ms")[0]))
    count = "1 row" if rows.height == 1 else f"{rows.height:,} rows"
    return f"{count} refused: {rule}; the first is row {first['row']}: {time}, {numbers}"


def _narrow(rows: pl.DataFrame, timeframe: Timeframe) -> str:
    """Name the narrower timeframe that all times of a file fit, as the tail of a message."""
    fits = [
        timeframe,
        *(each for each in reversed(TIMEFRAMES.values()) if each.width < timeframe.width),
    ]
    for each in fits:
        if rows.select(opens_slot(each, pl.col("time")).all()).item():
            return "" if each is timeframe else f": say timeframe={each.name!r}"
    return ""


def _wide(rows: pl.DataFrame, timeframe: Timeframe) -> Faults:
    """Name the files whose times are all slots of a wider timeframe."""
    faults: Faults = {}
    steps = pl.col("time").cast(pl.Int64).diff().abs()
    # One step of a single slot, which nearly every file has, says that they are not.
    single = rows.group_by("file", maintain_order=True).agg(found=(steps == timeframe.width).any())
    for file in single.filter(~pl.col("found").fill_null(value=False))["file"]:
        times = rows.filter(pl.col("file") == file)["time"].cast(pl.Int64)
        if (other := wider(timeframe, times.unique().sort().to_list())) is not None:
            faults[file] = (
                f"its rows are {other} apart or more, so these are no {timeframe} candles:"
                f" say timeframe={other.name!r}"
            )
    return faults
