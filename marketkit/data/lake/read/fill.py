"""A row for every slot that is proved, traded or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.decimals import decimal_of, to_decimals
from marketkit.data.lake.read.view import View
from marketkit.data.lake.store.scan import scan
from marketkit.data.lake.store.slots import slots_of
from marketkit.data.lake.store.store import Selection
from marketkit.errors import NotCovered
from marketkit.schema import CANDLE, ROW, STATE, TIME
from marketkit.timeframe import Timeframe, iso
from marketkit.window import EVER, Fill

_NUMBERS = [name for name in ROW if name not in ("symbol", "time")]
_APART = 1 << 48  # more than any time, and times 32,768 symbols an int64 still
_CLOSED, _EMPTY = (pl.lit(state, dtype=STATE) for state in ("closed", "empty"))
_ONE_CLOSED = pl.Series("state", ["closed"], STATE)


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring proved slots of a symbol; `before` is the last close before, if known."""

    symbol: str
    times: pl.Series
    before: object = None


def closed(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark candles as final."""
    # Beside a short read a query would cost as much as the read. Columns in other chunks than their
    # neighbours would have the next query copy all of them.
    lengths = rows["time"].chunk_lengths() if rows.height else [0]
    states = [_ONE_CLOSED.new_from_index(0, length) for length in lengths]
    return rows.hstack([pl.concat(states, rechunk=False)])


def read_dense(view: View, window: Span, fill: Fill, *, exact: bool = False) -> pl.DataFrame:
    """Read the candles of a range with states, proved slots filled as `fill` says.

    With `exact` numbers are decimals.
    """
    rows = view.read(window, exact=exact)
    if fill == "none":
        return closed(rows)
    starts = _first_times(rows)
    blocks = [
        block
        for symbol in view.symbols
        for block in blocks_of(view, symbol, window, starts, exact=exact)
    ]
    return dense(rows.lazy(), blocks, fill).collect()


def scan_dense(found: Selection, window: Span, fill: Fill, *, exact: bool = False) -> pl.LazyFrame:
    """Scan the stored candles of a range, proved slots filled as `fill` says.

    With `exact` numbers are decimals. Raises `NotCovered` for slots nobody asked about.
    """
    view, blocks = View.plain(found), []
    for symbol in view.symbols:
        span = _within(view, symbol, window)
        require(view, symbol, span)
        blocks += blocks_of(view, symbol, span, exact=exact)
    rows = scan(found.files(window))
    return dense(to_decimals(rows) if exact else rows, blocks, fill)


def require(view: View, symbol: str, window: Span) -> None:
    """Raise `NotCovered` if there are slots of a range that nobody asked about."""
    missing = view.known(symbol).unproved(*window)
    if missing:
        said = not_known(symbol, view.timeframe, missing)
        raise NotCovered(f"{said}; backfill it, or use source='auto'")


def not_known(symbol: str, timeframe: Timeframe, missing: Spans) -> str:
    """Name the unknown slots of a lake: the first span, and the number of gaps."""
    gap = next(iter(missing))
    more = f" (the first of {len(missing):,} gaps)" if len(missing) > 1 else ""
    return (
        f"the lake does not know {symbol} {timeframe} from {iso(gap.start)} to {iso(gap.end)}{more}"
    )


def blocks_of(
    view: View,
    symbol: str,
    window: Span,
    first: Mapping[str, int] | None = None,
    *,
    exact: bool = False,
) -> list[Block]:
    """Give the proved slots of a range; `first` has the times of first candles where known.

    With `exact` the close before each is a decimal.
    """
    known = view.known(symbol)
    blocks = []
    for span in known.covered.clip(*known.slots_of(*window)):
        follows = first is None or first.get(symbol, span.end) > span.start
        before = view.last_close(symbol, span.start) if follows else None
        close = decimal_of(before) if exact else before
        blocks.append(Block(symbol, slots_of(view.timeframe, span), close))
    return blocks


def dense(rows: pl.LazyFrame, blocks: Sequence[Block], fill: Fill) -> pl.LazyFrame:
    """Give a row for every slot of the blocks, which hold all rows; sorted as the blocks are.

    A slot without a candle is `empty`: with `fill="forward"` its prices are the last close and
    volume and turnover are 0, with `"null"` there are no numbers at all. Nothing is carried from
    one block into the next, for nobody knows what lies between.
    """
    numbers = {symbol: n for n, symbol in enumerate(dict.fromkeys(b.symbol for b in blocks))}
    grid = _grid(blocks, numbers, rows.collect_schema()["close"])
    right = rows.select(_key(list(numbers)).alias("key"), *_NUMBERS).with_columns(at="key")
    # One pass over two sorted columns; groups by symbol would be sorted out first, at five times
    # the price.
    joined = grid.join_asof(right, on="key")
    return (
        joined.with_columns(made=pl.col("at").ne_missing(pl.col("key")))
        .select(*_filled(fill), state=pl.when("made").then(_EMPTY).otherwise(_CLOSED))
        .select(*CANDLE)
    )


def _filled(fill: Fill) -> Iterable[pl.Expr]:
    made = pl.when("made")
    if fill == "null":
        numbers = (made.then(None).otherwise(name).alias(name) for name in _NUMBERS)
        return [pl.col("symbol", "time"), *numbers]
    # A candle of an earlier block is none of ours.
    last = pl.when(pl.col("at") >= pl.col("start")).then("close").otherwise("before")
    return [
        pl.col("symbol", "time"),
        last.alias("close"),
        *(made.then(last).otherwise(name).alias(name) for name in ("open", "high", "low")),
        *(made.then(0).otherwise(name).alias(name) for name in ("volume", "value")),
    ]


def _grid(blocks: Sequence[Block], numbers: Mapping[str, int], price: pl.DataType) -> pl.LazyFrame:
    schema = {"symbol": pl.String(), "time": TIME, "key": pl.Int64(), "start": pl.Int64()}
    frames = [pl.DataFrame(schema={**schema, "before": price})]
    for block in blocks:
        keys = block.times.cast(pl.Int64) + numbers[block.symbol] * _APART
        frame = pl.DataFrame({"time": block.times, "key": keys}).with_columns(
            symbol=pl.lit(block.symbol),
            start=pl.lit(keys.first(), dtype=pl.Int64),
            before=pl.lit(block.before, dtype=price),
        )
        frames.append(frame.select(frames[0].columns))
    return pl.concat(frames).lazy()


def _first_times(rows: pl.DataFrame) -> dict[str, int]:
    """Give when each symbol traded first, of rows sorted by symbol and time."""
    runs = rows["symbol"].rle().struct.unnest()
    at = runs["len"].cum_sum() - runs["len"]
    times = rows["time"].gather(at).cast(pl.Int64)
    return dict(zip(runs["value"], times, strict=True))


def _key(symbols: Sequence[str]) -> pl.Expr:
    """Number the symbols, and give all rows one key that ascends in the same order."""
    time = pl.col("time").cast(pl.Int64)
    if len(symbols) < 2:
        return time
    return pl.col("symbol").cast(pl.Enum(symbols)).to_physical().cast(pl.Int64) * _APART + time


def _within(view: View, symbol: str, window: Span) -> Span:
    """Bound an open range by the known slots."""
    hull = view.known(symbol).hull or Span(0, 0)
    start = hull.start if window.start == EVER.start else window.start
    end = hull.end if window.end == EVER.end else window.end
    return Span(start, max(start, end))
