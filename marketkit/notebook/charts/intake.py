"""Frames of any library as the columns that charts draw. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from marketkit.errors import InputError, MissingExtra
from marketkit.frames import Frame, check_zone
from marketkit.notebook.charts import spans
from marketkit.schema import NUMBERS
from marketkit.timeframe import MINUTE, Timeframe, parse_timeframe

PRICES = NUMBERS[:4]
_LOST = ("unknown", "unfetchable")  # the states of a coverage that hide candles
_QUIET = ("empty", "maintenance")  # those in which nothing traded


@dataclass(frozen=True, slots=True)
class Candles:
    """Candles of one symbol; times are ms UTC.

    `rows` are those that traded, by `t`, where the slot starts. `lost` are spans in which candles
    may be missing, `quiet` spans in which nothing traded, and of `absent` ones nobody knows which;
    `kinds` names those of them that there are at any width. Of the candles that end after `forming`
    the numbers may still change.
    """

    symbol: str
    rows: pl.DataFrame
    width: int
    zone: str | None
    lost: pl.DataFrame
    quiet: pl.DataFrame
    absent: pl.DataFrame
    forming: int | None
    kinds: frozenset[str]

    @property
    def phase(self) -> int:
        """The first slot's distance from a multiple of the width, for days that start elsewhere."""
        first: int = self.rows["t"][0] if len(self.rows) else 0
        return first % self.width

    @property
    def reach(self) -> tuple[int, int]:
        """The start and the end of all that there is to draw."""
        edges = [self.rows["t"], self.rows["t"] + self.width]
        edges += [part[edge] for part in (self.lost, self.quiet) for edge in ("start", "end")]
        all_edges = pl.concat(edges)
        return (all_edges.min() or 0, all_edges.max() or 0)  # type: ignore[return-value]


def to_polars(frame: Frame) -> pl.DataFrame:
    """Give any frame as a polars one; an index becomes columns, `attrs` may name the symbol.

    Raises `InputError` for anything else and `MissingExtra` without narwhals.
    """
    try:
        import narwhals as nw  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra("narwhals", "plot") from None
    name = None
    if nw.dependencies.is_pandas_dataframe(frame):
        name = frame.attrs.get("symbol")
        plain = frame.index.name is None and not hasattr(frame.index, "tz")
        frame = frame if plain and frame.index.nlevels == 1 else frame.reset_index()
    try:
        data: pl.DataFrame = nw.from_native(frame).lazy().collect("polars").to_native()
    except TypeError:
        kind = type(frame).__name__
        raise InputError(f"a chart needs a polars or pandas frame, not {kind}") from None
    if "symbol" not in data.columns:
        data = data.with_columns(symbol=pl.lit(name or "", dtype=pl.String()))
    return data.with_columns(pl.col("symbol").cast(pl.String()))


def need(data: pl.DataFrame, columns: Iterable[str], chart: str) -> None:
    """Refuse a frame that lacks columns, naming these and the ones there are."""
    if missing := [name for name in columns if name not in data.columns]:
        there = " ".join(data.columns)
        raise InputError(
            f"a chart of {chart} needs columns {' '.join(missing)} (there is: {there})"
        )


def few(symbols: int, most: int, chart: str) -> None:
    """Refuse more symbols than a chart has room for."""
    if symbols > most:
        raise InputError(
            f"a chart of {chart} has room for {most} symbols, not {symbols}: filter the frame first"
        )


def with_times(data: pl.DataFrame, tz: str | None) -> tuple[pl.DataFrame, str | None]:
    """Add `t`, ms UTC, of the column `time` or the first with times; give the axis' zone, too.

    Times without a zone stay as they are, and cannot be moved to another.
    """
    times = data.select(pl.selectors.temporal() - pl.selectors.duration()).columns
    name = "time" if "time" in times else next(iter(times), None)
    if name is None:
        raise InputError(f"a chart needs a column of times (there is: {' '.join(data.columns)})")
    zone = getattr(data.schema[name], "time_zone", None)
    if tz is not None:
        check_zone(tz)
        if zone is None:
            raise InputError(f"tz={tz!r}: the times have no zone to come from; give them one first")
    moment = pl.col(name).cast(pl.Datetime("ms", zone)).dt.epoch("ms")
    return data.with_columns(t=moment), tz or zone


def local(times: pl.Series, zone: str | None) -> list[datetime]:
    """Give times, ms UTC, as the clock of a zone shows them: plotly's axes know no zones."""
    moments = times.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    return moments.dt.convert_time_zone(zone or "UTC").dt.replace_time_zone(None).to_list()


def offsets(times: pl.Series, zone: str | None) -> list[tuple[int, int]]:
    """Give the moments, ms UTC, from which on a zone's clock is so many ms ahead."""
    moments = times.sort().cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    clock = moments.dt.convert_time_zone(zone or "UTC").dt.replace_time_zone(None)
    found = pl.DataFrame({"time": times.sort(), "by": clock.dt.epoch("ms") - times.sort()})
    return found.filter(pl.col("by") != pl.col("by").shift(1, fill_value=-1)).rows()


def read_candles(
    frame: Frame,
    *,
    tz: str | None = None,
    timeframe: str | Timeframe | None = None,
    coverage: Frame | None = None,
) -> list[Candles]:
    """Read the candles of each symbol, in the order of the frame.

    A slot that is `empty`, or has no volume, has no prices here, whatever its row says.
    """
    data = to_polars(frame)
    need(data, PRICES, "candles")
    data, zone = with_times(data, tz)
    parts = list(_parts(_lay(data)))
    given = None if timeframe is None else parse_timeframe(timeframe, made=True)
    width = smallest_step(parts) if given is None else given.width
    known = None if coverage is None else to_polars(coverage)
    if known is not None:
        need(known, ("start", "end", "state"), "candles with coverage")
    return [_of_symbol(part, width, zone, known) for part in parts]


def _lay(data: pl.DataFrame) -> pl.DataFrame:
    """Give the columns that are drawn, of one type each."""
    numbers = [
        pl.col(name).cast(pl.Float64()).fill_nan(None)
        if name in data.columns
        else pl.lit(None, dtype=pl.Float64()).alias(name)
        for name in NUMBERS
    ]
    state = pl.col("state").cast(pl.String()) if "state" in data.columns else pl.lit("closed")
    laid = data.select("symbol", "t", *numbers, state=state)
    empty = (pl.col("state") == "empty") | (pl.col("volume") == 0) | pl.col("close").is_null()
    return laid.with_columns(empty=empty.fill_null(value=False))


def _parts(data: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for part in data.partition_by("symbol", maintain_order=True):
        if (part["t"].diff().drop_nulls() > 0).all():
            yield part
        else:
            ordered = part.sort("t", maintain_order=True)
            yield ordered.unique("t", keep="last", maintain_order=True)


def smallest_step(parts: Sequence[pl.DataFrame]) -> int:
    """Read the width of a slot, ms, off the smallest step between two rows of a symbol."""
    steps = [part.select(pl.col("t").diff().min()).item() for part in parts]
    return min((step for step in steps if step is not None), default=MINUTE)


def _of_symbol(
    rows: pl.DataFrame, width: int, zone: str | None, coverage: pl.DataFrame | None
) -> Candles:
    symbol = rows["symbol"][0]
    nothing = spans.of_times(rows["t"].head(0), width)
    absent = spans.between(rows["t"], width)
    quiet = spans.of_times(rows.filter("empty")["t"], width)
    lost = nothing
    if coverage is not None:
        own = coverage.filter((pl.col("symbol") == symbol) | (pl.col("symbol") == ""))
        lost, quiet, absent = _told(own, _LOST), _told(own, _QUIET), nothing
    elif len(quiet):  # rows for all that is known: a slot without one is not known
        lost, absent = absent, nothing
    forming = rows.filter(pl.col("state") == "forming")["t"].min()
    traded = rows.filter(~pl.col("empty")).select("t", *NUMBERS)
    found = {"lost": lost, "quiet": quiet, "absent": absent}
    kinds = frozenset(name for name, part in found.items() if len(part))
    return Candles(symbol, traded, width, zone, **found, forming=forming, kinds=kinds)  # type: ignore[arg-type]


def _told(coverage: pl.DataFrame, states: Sequence[str]) -> pl.DataFrame:
    edges: Any = (
        pl.col(edge).cast(pl.Datetime("ms", "UTC")).dt.epoch("ms") for edge in ("start", "end")
    )
    found = coverage.filter(pl.col("state").cast(pl.String()).is_in(states)).select(*edges)
    return spans.merged(found.sort("start"))
