"""Recordings for hftbacktest: trades and order books as events, with both clocks."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from marketkit.disk import write_atomic
from marketkit.errors import InputError, MissingExtra, nearest
from marketkit.settings import given_path
from marketkit.window import Instant

if TYPE_CHECKING:
    import numpy as np

# Of the library's `types.py`, and the fields of its `event_dtype`.
DEPTH, TRADE, SNAPSHOT = 1, 2, 4
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
FIELDS = {
    "ev": "u8",
    "exch_ts": "i8",
    "local_ts": "i8",
    "px": "f8",
    "qty": "f8",
    "order_id": "u8",
    "ival": "i8",
    "fval": "f8",
}
_NANOSECONDS = 1_000_000  # of a millisecond
_SIDES = {BUY: ("bid_price", "bid_size"), SELL: ("ask_price", "ask_size")}
_EVENT = ["exch", "local", "kind", "px", "qty", "rank"]


def hftbacktest(
    recording: Any,
    symbol: str | None = None,
    *,
    file: str | Path | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
) -> np.ndarray[Any, Any]:
    """Give the events of one market of a recording as hftbacktest's array, and write a file.

    `recording` is the folder that `record` wrote, or its `Recording`; it must have the channels
    `trade` and `orderbook`. `symbol` may be left out where only one market was recorded. `file` is
    the `.npz` that `BacktestAsset().data([file])` loads; an older file is replaced. `start` and
    `end` bound the arrival.

    Each event has the exchange's time and that of the arrival here, in ns; an arrival before the
    event, which only clocks that differ can show, moves all arrivals by the same. A book comes as
    what changed since the one before, with quantity 0 for a level that left. Where messages may be
    missing every level leaves, and the next book comes whole as a snapshot: what nobody saw is not
    made up. The taker's side of a trade is that of the event. Events are in the order that the
    library checks for: who came out of the exchange's order is there once for each clock.

    Raises `InputError` for a market or a channel that was not recorded, and `MissingExtra` without
    numpy.
    """
    try:
        import numpy as np  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra("numpy", "engines") from None
    target = None if file is None else given_path(file, "file")
    # By name: recordings stand above this module.
    reader = importlib.import_module("marketkit.recording.reader")
    folder = given_path(getattr(recording, "folder", recording), "recording")
    span: dict[str, Any] = {"start": start, "end": end, "frame": "polars", "tz": "UTC"}
    books = reader.read_recording(folder, "orderbook", **span)
    trades = reader.read_recording(folder, "trade", **span)
    name = _one(symbol, [*books["symbol"].unique(), *trades["symbol"].unique()], folder)
    holes = reader.read_interruptions(folder)["start"].dt.epoch("ms").to_list()
    own = pl.col("symbol") == name
    found = events(books.filter(own), trades.filter(own), holes)
    made = np.zeros(found.height, np.dtype(list(FIELDS.items()), align=True))
    for column in ("ev", "exch_ts", "local_ts", "px", "qty"):
        made[column] = found[column].to_numpy()
    if target is not None:
        write_atomic(target, lambda place: np.savez_compressed(place, data=made))
    return made


def events(books: pl.DataFrame, trades: pl.DataFrame, holes: Iterable[int] = ()) -> pl.DataFrame:
    """Give the events of a market's books and trades: `ev exch_ts local_ts px qty`, in order.

    `holes` are the moments, ms UTC, after which messages may be missing. Pure.
    """
    if books.is_empty() and trades.is_empty():
        names = ("ev", "exch_ts", "local_ts", "px", "qty")
        return pl.DataFrame(schema={name: _KINDS[name] for name in names})
    parts = [_of_trades(trades), *_of_books(books, sorted(holes))]
    heard = pl.concat([books["received"], trades["received"]]).dt.epoch("ms").min()
    rows = pl.concat(part.select(_EVENT) for part in parts)
    # The newest trade, which comes first of all, is of a time that nobody listened in.
    rows = rows.filter((pl.col("kind") & 7 != TRADE) | (pl.col("exch") >= heard))
    late = min(0, rows.select((pl.col("local") - pl.col("exch")).min()).item() or 0)
    rows = rows.with_columns(pl.col("local") - late).sort("local", "rank", maintain_order=True)
    return _in_both_orders(rows).select(
        pl.col("ev").cast(pl.UInt64),
        (pl.col("exch") * _NANOSECONDS).alias("exch_ts"),
        (pl.col("local") * _NANOSECONDS).alias("local_ts"),
        "px",
        "qty",
    )


_KINDS: Mapping[str, pl.DataType] = {
    "ev": pl.UInt64(),
    "exch_ts": pl.Int64(),
    "local_ts": pl.Int64(),
    "px": pl.Float64(),
    "qty": pl.Float64(),
}


def _of_trades(trades: pl.DataFrame) -> pl.DataFrame:
    side = pl.when(pl.col("side") == "BID").then(BUY).otherwise(SELL)
    return trades.select(
        exch=pl.col("time").dt.epoch("ms"),
        local=pl.col("received").dt.epoch("ms"),
        kind=(side + TRADE).cast(pl.Int64),
        px="price",
        qty="volume",
        rank=pl.lit(0),
    )


def _of_books(books: pl.DataFrame, holes: list[int]) -> Iterable[pl.DataFrame]:
    """Give the levels that leave or change, ranked within one moment."""
    breaks = pl.Series(holes, dtype=pl.Int64)
    numbered = books.with_columns(
        book=(pl.col("depth") == 1).cast(pl.Int64).cum_sum(),
        exch=pl.col("time").dt.epoch("ms"),
        local=pl.col("received").dt.epoch("ms"),
    )
    part = breaks.search_sorted(numbered["local"], side="left").cast(pl.Int64)
    heads = numbered.with_columns(part=part).unique("book", keep="first", maintain_order=True)
    heads = heads.select("book", "exch", "local", "part").with_columns(
        whole=pl.col("part").ne_missing(pl.col("part").shift())
    )
    for side, (price, size) in _SIDES.items():
        levels = numbered.select("book", px=price, qty=size).drop_nulls().filter(pl.col("qty") > 0)
        yield from _of_side(levels, heads, side)
        yield _leaving(levels, heads, breaks, side)


def _of_side(levels: pl.DataFrame, heads: pl.DataFrame, side: int) -> Iterable[pl.DataFrame]:
    told = heads.select("book", "exch", "local", "whole")
    before = levels.with_columns(pl.col("book") + 1, was="qty").drop("qty")
    before = before.join(told.filter(~pl.col("whole")).select("book"), on="book", how="semi")
    now = levels.join(before, on=["book", "px"], how="left").filter(
        pl.col("qty").ne_missing(pl.col("was"))
    )
    gone = before.join(levels, on=["book", "px"], how="anti").with_columns(qty=pl.lit(0.0))
    kind = pl.when("whole").then(SNAPSHOT + side).otherwise(DEPTH + side).cast(pl.Int64)
    for rank, part in ((1, gone), (2, now)):
        dated = part.join(told, on="book", maintain_order="left")
        yield dated.select("exch", "local", "px", "qty", kind=kind, rank=pl.lit(rank))


def _leaving(
    levels: pl.DataFrame, heads: pl.DataFrame, breaks: pl.Series, side: int
) -> pl.DataFrame:
    """Have all levels of the last book before a break leave at once, and before any new one."""
    last = heads.unique("part", keep="last", maintain_order=True)
    last = last.filter(pl.col("part") < breaks.len())
    cut = last.select("book", local=breaks.gather(last["part"]) + 1)
    return levels.join(cut, on="book", maintain_order="right").select(
        "local",
        "px",
        exch="local",
        qty=pl.lit(0.0),
        kind=pl.lit(DEPTH + side, dtype=pl.Int64),
        rank=pl.lit(0),
    )


def _in_both_orders(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows in the order of arrival that of the exchange, too, by splitting who came late."""
    numbered = rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Float64))
    late = pl.col("exch") < pl.col("exch").cum_max()
    both = numbered.filter(~late).with_columns(ev=pl.col("kind") + (EXCH + LOCAL))
    split = numbered.filter(late)
    here = split.with_columns(ev=pl.col("kind") + LOCAL)
    found = both["exch"].search_sorted(split["exch"], side="right")
    there = split.with_columns(ev=pl.col("kind") + EXCH, place=both["place"].gather(found) - 0.5)
    return pl.concat([both, here, there]).sort("place", "exch", maintain_order=True)


def _one(symbol: str | None, known: list[str], folder: Path) -> str:
    names = sorted(set(known))
    if symbol is not None and symbol in names:
        return symbol
    listed = " ".join(names[:5]) + (" ..." if len(names) > 5 else "")
    if symbol is not None:
        hint = nearest(symbol, names)
        raise InputError(f"{folder} has nothing of {symbol!r}{hint} (it has {listed or 'nothing'})")
    if len(names) != 1:
        raise InputError(f"{folder} has {len(names)} markets ({listed}): say which one, symbol=...")
    return names[0]
