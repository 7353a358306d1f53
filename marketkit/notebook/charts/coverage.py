"""Heat maps of the days of a lake: how much of each is known, and how much of that traded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Protocol, runtime_checkable

import polars as pl

from marketkit.errors import InputError
from marketkit.frames import Frame, one_of
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.intake import need, to_polars
from marketkit.notebook.charts.style import Pane, Theme, label, layout, stacked
from marketkit.timeframe import DAY, Timeframe
from marketkit.window import Instant

_KNOWN = ("traded", "empty", "maintenance")
_NEVER = ("before_listing", "unfetchable")
_STATES = (*_KNOWN, *_NEVER, "unknown")
# A day that lacks a minute must not look like a whole one: there the scale jumps from amber, of
# which more is paler, to teal, of which more is darker, for whole days in which more traded.
_SCALE = ((0.0, "#e08a00"), (0.4999, "#f6dca8"), (0.5, "#cfe8e6"), (1.0, "#0b7a75"))
_GREY = ((0.0, "rgba(128,128,128,0.35)"), (1.0, "rgba(128,128,128,0.35)"))
_BAR = {
    "tickvals": [0, 1, 2],
    "ticktext": ["nothing known", "all, no trade", "all traded"],
    "thickness": 12,
    "outlinewidth": 0,
}
_WEEKDAYS = ("Mon", "", "Wed", "", "Fri", "", "Sun")
_ROW = 15  # pixels of a day, or of a symbol's row


@runtime_checkable
class Calendars(Protocol):
    """A lake, or another thing that describes its days."""

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
    marked = _marked(days)
    names = marked["symbol"].unique(maintain_order=True).to_list()
    if len(names) == 1:
        return _calendar(names[0], marked, theme)
    return _rows(names, marked, theme)


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


def _calendar(symbol: str, days: pl.DataFrame, theme: Theme) -> Chart:
    """Draw a block of weeks for each year, the newest below."""
    years = days["date"].dt.year().unique().sort().to_list()
    parts = {year: days.filter(pl.col("date").dt.year() == year) for year in years}
    data = [
        trace
        for at, (year, part) in enumerate(parts.items(), 1)
        for trace in _heat(*_weeks(year, part), f"y{at}", bar=at == 1)
    ]
    weekdays = {"tickvals": [*range(7)], "ticktext": _WEEKDAYS, "autorange": "reversed"}
    panes = [Pane(str(year), 1, {"showgrid": False, "side": "left", **weekdays}) for year in years]
    months = [date(2001, month, 15) for month in range(1, 13)]
    axis = {
        "tickvals": [(each - date(2001, 1, 1)).days / 7 for each in months],
        "ticktext": [f"{each:%b}" for each in months],
        "anchor": f"y{len(panes)}",
        "range": [-0.6, 53.6],
        "showgrid": False,
    }
    told = _layout(label(symbol), days, panes, 8 * _ROW * len(panes), theme)
    return Chart(data, told | {"xaxis": axis})


def _weeks(year: int, days: pl.DataFrame) -> tuple[list[Any], list[Any], pl.DataFrame]:
    """Place the days of a year: a column for each week, a row for each day of it."""
    first = date(year, 1, 1)
    monday = first - timedelta(days=first.weekday())
    placed = days.with_columns(
        column=(pl.col("date") - monday).dt.total_days() // 7, row=pl.col("date").dt.weekday() - 1
    )
    return [*range(54)], [*range(7)], placed


def _rows(names: list[str], days: pl.DataFrame, theme: Theme) -> Chart:
    """Draw a row for each symbol, a column for each day."""
    dates = days["date"].unique().sort().to_list()
    first = dates[0] if dates else date(1970, 1, 1)
    width = (dates[-1] - first).days + 1 if dates else 0
    number = {name: at for at, name in enumerate(names)}
    placed = days.with_columns(
        column=(pl.col("date") - first).dt.total_days(),
        row=pl.col("symbol").replace_strict(number, return_dtype=pl.Int64()),
    )
    columns = [first + timedelta(days=each) for each in range(width)]
    data = list(_heat(columns, [label(name) for name in names], placed, "y", bar=True))
    panes = [Pane("", 1, {"showgrid": False, "side": "left", "autorange": "reversed"})]
    axis = {"type": "date", "title": {"text": "UTC"}, "showgrid": False}
    told = _layout(f"{len(names)} symbols", days, panes, max(8, len(names)) * _ROW, theme)
    return Chart(data, told | {"xaxis": axis})


def _heat(
    columns: list[Any], rows: list[Any], placed: pl.DataFrame, axis: str, *, bar: bool
) -> Iterator[dict[str, Any]]:
    """Draw days on the scale, and grey ones."""
    heat, grey, said = ([[None] * len(columns) for _ in rows] for _ in range(3))
    cells = placed.select("row", "column", "heat", "date", "said").iter_rows()
    for row, column, value, day, text in cells:
        heat[row][column] = value
        grey[row][column] = 1 if value is None else None
        said[row][column] = f"{day}<br>{text}"
    shared: dict[str, Any] = {
        "type": "heatmap",
        "x": columns,
        "y": rows,
        "yaxis": axis,
        "customdata": said,
    }
    shared |= {"xgap": 1, "ygap": 1, "hoverongaps": False}
    hover = "%{customdata}<extra></extra>"
    yield shared | {
        "z": heat,
        "zmin": 0,
        "zmax": 2,
        "colorscale": _SCALE,
        "showscale": bar,
        "colorbar": _BAR,
        "hovertemplate": hover,
    }
    if any(1 in row for row in grey):
        yield shared | {"z": grey, "colorscale": _GREY, "showscale": False, "hovertemplate": hover}


def _layout(title: str, days: pl.DataFrame, panes: list[Pane], height: int, theme: Theme) -> Any:
    lacking = days.filter(pl.col("unknown") > 0)
    said = f"{len(days):,} days, {len(lacking):,} of them lack candles" if len(days) else "no days"
    axes = {f"yaxis{at}": axis for at, axis in enumerate(stacked(panes), 1)}
    return layout(title, said, 130 + height, theme) | axes
