"""Charts of the newest state of streams: changes of tickers, and trades."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from marketkit.errors import InputError
from marketkit.frames import Frame, one_of
from marketkit.notebook.charts.candles import DETAIL, candles
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.depth import depth
from marketkit.notebook.charts.intake import few, local, need, to_polars, with_times
from marketkit.notebook.charts.style import (
    COLORS,
    PRICE,
    Colors,
    Pane,
    Theme,
    label,
    layout,
    price_axis,
    stacked,
    time_axis,
)
from marketkit.notebook.words import number

_ENDS = 15  # the strongest rises and falls: what fits on a screen
_ROW = 20  # pixels of a bar
_TEXT = 0.2  # of the width, for a price and a change beside a bar
_MOST = 12  # symbols in one chart: more panes than that nobody reads
_PANE = 220  # pixels
_SIZES = (3.0, 14.0)  # pixels of the smallest trade and of the largest one


def tickers(ticker: Frame, *, colors: Colors = "korean", theme: Theme = "auto") -> Chart:
    """Draw the change of each symbol since the day before, in percent, strongest rise first.

    `ticker` is Polars or pandas, as `get_ticker` gives it. Of more than 30 symbols the 15 strongest
    rises and the 15 strongest falls are drawn. Raises `InputError` for columns that are missing.
    """
    one_of("colors", colors, Colors)
    one_of("theme", theme, Theme)
    data = to_polars(ticker)
    need(data, ("price", "signed_change_rate"), "tickers")
    rate = pl.col("signed_change_rate").cast(pl.Float64()) * 100
    rows = data.select("symbol", "price", rate=rate).drop_nulls().sort("rate", descending=True)
    shown = rows if len(rows) <= 2 * _ENDS else pl.concat([rows.head(_ENDS), rows.tail(_ENDS)])
    up, down = COLORS[colors]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": shown["rate"].to_list(),
        "y": [label(name) for name in shown["symbol"]],
        "text": [f"{number(price)}  {rate:+.2f} %" for _, price, rate in shown.iter_rows()],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [up if each >= 0 else down for each in shown["rate"]]},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    said = f"{len(shown)} of {len(rows)} symbols, change since the day before"
    axes = {
        "xaxis": {"ticksuffix": " %", "range": _with_room(shown["rate"])},
        "yaxis": {"autorange": "reversed", "type": "category"},
        "bargap": 0.25,
    }
    height = 120 + _ROW * max(4, len(shown))
    return Chart([trace], layout("tickers", said, height, theme) | axes)


def _with_room(rates: pl.Series) -> list[float]:
    """Give a range that leaves room for the text beyond the longest bars."""
    low, high = min([0.0, *rates]), max([0.0, *rates])
    room = _TEXT * (high - low or 1.0)
    return [low - room * (low < 0), high + room]


def trades(
    trade: Frame, *, tz: str | None = None, colors: Colors = "korean", theme: Theme = "auto"
) -> Chart:
    """Draw trades as points, the larger the more was traded, a pane for each symbol.

    `trade` is Polars or pandas, as `get_trade` gives it. `colors="korean"` has trades of buyers
    (`BID`) red and of sellers (`ASK`) blue. Raises `InputError` for columns that are missing and
    for more than 12 symbols.
    """
    one_of("colors", colors, Colors)
    one_of("theme", theme, Theme)
    data = to_polars(trade)
    need(data, ("price", "volume", "side"), "trades")
    data, zone = with_times(data, tz)
    parts = data.partition_by("symbol", maintain_order=True)
    few(len(parts), _MOST, "trades")
    points = [each for at, part in enumerate(parts, 1) for each in _points(part, at, zone, colors)]
    panes = [Pane(label(part["symbol"][0]), 1, price_axis(log=False)) for part in parts]
    axes = {f"yaxis{at}": axis for at, axis in enumerate(stacked(panes or [Pane("", 1, {})]), 1)}
    axes["xaxis"] = time_axis(zone) | {"anchor": f"y{max(1, len(panes))}"}
    title = label(", ".join(part["symbol"][0] for part in parts)) or "trades"
    height = 110 + _PANE * max(1, len(parts))
    return Chart(points, layout(title, f"{len(data):,} trades", height, theme) | axes)


def of(
    frame: Frame, *, colors: Colors = "korean", theme: Theme = "auto", detail: int = DETAIL
) -> Chart:
    """Draw the chart that fits a frame's columns: candles, depth, trades or tickers."""
    data = to_polars(frame)
    others: dict[str, Callable[..., Chart]] = {
        "bid_price": depth,
        "side": trades,
        "signed_change_rate": tickers,
    }
    for column, draw in others.items():
        if column in data.columns:
            return draw(data, colors=colors, theme=theme)
    if "close" in data.columns:
        return candles(data, colors=colors, theme=theme, detail=detail)
    there = " ".join(data.columns)
    raise InputError(f"no chart fits columns {there}: give candles, tickers, trades or a book")


def _points(
    rows: pl.DataFrame, at: int, zone: str | None, colors: Colors
) -> Iterator[dict[str, Any]]:
    volume = pl.col("volume").cast(pl.Float64())
    # The area of a point is what was traded.
    share = (volume / volume.max()).sqrt().fill_nan(0.0)
    sized = rows.with_columns(size=_SIZES[0] + share * (_SIZES[1] - _SIZES[0]))
    for side, name, color in zip(("BID", "ASK"), ("buys", "sells"), COLORS[colors], strict=True):
        some = sized.filter(pl.col("side").cast(pl.String()) == side)
        yield {
            "type": "scatter",
            "mode": "markers",
            "x": local(some["t"], zone),
            "y": some["price"].cast(pl.Float64()).to_list(),
            "marker": {"color": color, "size": some["size"].to_list(), "line": {"width": 0}},
            "text": [number(each) for each in some["volume"]],
            "hovertemplate": f"%{{y:{PRICE}}}: %{{text}}<extra>{name}</extra>",
            "name": name,
            "legendgroup": side,
            "showlegend": at == 1,
            "yaxis": f"y{at}",
        }
