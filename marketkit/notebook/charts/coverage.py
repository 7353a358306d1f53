"""Heat maps of the days of a lake: how much of each is known, and how much of that traded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import polars as pl

from marketkit.errors import InputError
from marketkit.frames import Frame, one_of
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.days import Look, heat_map
from marketkit.notebook.charts.intake import need, to_polars
from marketkit.notebook.charts.style import Theme
from marketkit.timeframe import DAY, Timeframe
from marketkit.window import Instant

_KNOWN = ("traded", "empty", "maintenance")
_NEVER = ("before_listing", "unfetchable")
_STATES = (*_KNOWN, *_NEVER, "unknown")
# A day that lacks a minute must not look like a whole one: there the scale jumps from amber, of
# which more is paler, to teal, of which more is darker, for whole days in which more traded.
_SCALE = ((0.0, "#e08a00"), (0.4999, "#f6dca8"), (0.5, "#cfe8e6"), (1.0, "#0b7a75"))
_LOOK = Look(_SCALE, {0: "nothing known", 1: "all, no trade", 2: "all traded"})


@runtime_checkable
class Calendars(Protocol):
    """A lake, or another thing that describes days."""

    def calendar(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """Describe every UTC day: `symbol date slots` and the share of each state."""


def coverage(
    source: Calendars | Frame,
    symbols: str | Iterable[str] | None = None,
    timeframe: str | Timeframe = "1m",
    start: Instant | None = None,
    end: Instant | None = None,
    *,
    theme: Theme = "auto",
) -> Chart:
    """Draw how much of each UTC day is known: a calendar of one symbol, or rows of many.

    `source` is a lake, or the frame of `lake.calendar(...)` or `lake.coverage(...)`, of which
    `symbols` are drawn. Whole days are teal, the darker the more of the day traded; days that lack
    anything are amber, the darker the more they lack; grey days can never be had, for they are
    before the listing or past what the exchange keeps. Days without a row are left out.

    Raises `InputError` for a frame of another kind.
    """
    one_of("theme", theme, Theme)
    if isinstance(source, Calendars):
        days = source.calendar(symbols, timeframe, start, end)
    else:
        days = _days(to_polars(source))
        if symbols is not None:
            names = [symbols] if isinstance(symbols, str) else list(symbols)
            days = days.filter(pl.col("symbol").is_in(names))
    return heat_map(_marked(days), _LOOK, _said(days), theme)


def _days(frame: pl.DataFrame) -> pl.DataFrame:
    """Give the shares of the states of each day, of days or of spans."""
    if "date" in frame.columns:
        need(frame, ("date", *_STATES), "coverage")
        return frame.with_columns(pl.col("date").cast(pl.Date()))
    need(frame, ("start", "end", "state"), "coverage")
    start, end = (
        pl.col(edge).cast(pl.Datetime("ms", "UTC")).dt.epoch("ms") for edge in ("start", "end")
    )
    spans = frame.select("symbol", pl.col("state").cast(pl.String()), start=start, end=end)
    if unknown := set(spans["state"]) - set(_STATES):
        raise InputError(f"no state of a coverage is called {unknown.pop()!r}")
    numbers = pl.int_ranges(pl.col("start") // DAY, (pl.col("end") - 1) // DAY + 1)
    cut = spans.with_columns(day=numbers).explode("day", empty_as_null=False)
    first = pl.col("day") * DAY
    ms = pl.min_horizontal("end", first + DAY) - pl.max_horizontal("start", first)
    shares = [
        ((pl.col("state") == state) * pl.col("ms")).sum() / pl.col("ms").sum() for state in _STATES
    ]
    named = [each.alias(state) for each, state in zip(shares, _STATES, strict=True)]
    found = cut.with_columns(ms=ms, date=pl.from_epoch("day", "d"))
    return found.group_by("symbol", "date", maintain_order=True).agg(named).sort("symbol", "date")


def _marked(days: pl.DataFrame) -> pl.DataFrame:
    """Add the place of each day on the scale, null where it is grey, and what is said of it."""
    known, never = pl.sum_horizontal(_KNOWN), pl.sum_horizontal(_NEVER)
    share = known / (1 - never)
    whole = pl.col("unknown") <= 0
    heat = pl.when(whole).then(1 + pl.col("traded") / (1 - never)).otherwise(share * 0.9999)
    said = [
        pl.when(pl.col(state) > 0).then(
            pl.format("{} {} %", pl.lit(state.replace("_", " ")), (pl.col(state) * 100).round(2))
        )
        for state in _STATES
    ]
    return days.with_columns(
        heat=pl.when(never < 1).then(heat),
        said=pl.concat_str(said, separator="<br>", ignore_nulls=True),
    )


def _said(days: pl.DataFrame) -> str:
    lacking = days.filter(pl.col("unknown") > 0)
    return f"{len(days):,} days, {len(lacking):,} of them lack candles" if len(days) else "no days"
