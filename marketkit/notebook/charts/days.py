"""Heat maps of days: a calendar of one symbol, or rows of many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.style import Pane, Theme, label, layout, stacked

_GREY = ((0.0, "rgba(128,128,128,0.35)"), (1.0, "rgba(128,128,128,0.35)"))
_WEEKDAYS = ("Mon", "", "Wed", "", "Fri", "", "Sun")
_ROW = 15  # pixels of a day, or of a symbol's row


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of a heat map from 0 to the last of some named values, the `ticks`."""

    scale: tuple[tuple[float, str], ...]
    ticks: Mapping[float, str]

    def of(self, heat: list[list[Any]], *, bar: bool) -> dict[str, Any]:
        """Give the properties of cells with these values, with the scale beside or not."""
        names = {"tickvals": [*self.ticks], "ticktext": [*self.ticks.values()]}
        return {
            "z": heat,
            "zmin": 0,
            "zmax": max(self.ticks),
            "colorscale": self.scale,
            "showscale": bar,
            "colorbar": names | {"thickness": 12, "outlinewidth": 0},
        }


def heat_map(days: pl.DataFrame, look: Look, said: str, theme: Theme) -> Chart:
    """Draw the days of one symbol as a calendar, of several in rows.

    `days` has `symbol date`, `heat` (a value of the look's scale, null for a grey day) and `said`,
    the text of a day.
    """
    names = days["symbol"].unique(maintain_order=True).to_list()
    if len(names) == 1:
        return _calendar(names[0], days, look, said, theme)
    return _rows(names, days, look, said, theme)


def _calendar(symbol: str, days: pl.DataFrame, look: Look, said: str, theme: Theme) -> Chart:
    """Draw a block of weeks for each year, the newest below."""
    years = days["date"].dt.year().unique().sort().to_list()
    parts = {year: days.filter(pl.col("date").dt.year() == year) for year in years}
    data = [
        trace
        for at, (year, part) in enumerate(parts.items(), 1)
        for trace in _heat(*_weeks(year, part), f"y{at}", look, bar=at == 1)
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
    told = _layout(label(symbol), said, panes, 8 * _ROW * len(panes), theme)
    return Chart(data, told | {"xaxis": axis})


def _weeks(year: int, days: pl.DataFrame) -> tuple[list[Any], list[Any], pl.DataFrame]:
    """Place the days of a year: a column for each week, a row for each weekday."""
    first = date(year, 1, 1)
    monday = first - timedelta(days=first.weekday())
    placed = days.with_columns(
        column=(pl.col("date") - monday).dt.total_days() // 7, row=pl.col("date").dt.weekday() - 1
    )
    return [*range(54)], [*range(7)], placed


def _rows(names: list[str], days: pl.DataFrame, look: Look, said: str, theme: Theme) -> Chart:
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
    data = list(_heat(columns, [label(name) for name in names], placed, "y", look, bar=True))
    panes = [Pane("", 1, {"showgrid": False, "side": "left", "autorange": "reversed"})]
    axis = {"type": "date", "title": {"text": "UTC"}, "showgrid": False}
    told = _layout(f"{len(names)} symbols", said, panes, max(8, len(names)) * _ROW, theme)
    return Chart(data, told | {"xaxis": axis})


def _heat(
    columns: list[Any],
    rows: list[Any],
    placed: pl.DataFrame,
    axis: str,
    look: Look,
    *,
    bar: bool,
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
    yield shared | look.of(heat, bar=bar) | {"hovertemplate": hover}
    if any(1 in row for row in grey):
        yield shared | {"z": grey, "colorscale": _GREY, "showscale": False, "hovertemplate": hover}


def _layout(title: str, said: str, panes: list[Pane], height: int, theme: Theme) -> Any:
    axes = {f"yaxis{at}": axis for at, axis in enumerate(stacked(panes), 1)}
    return layout(title, said, 130 + height, theme) | axes
