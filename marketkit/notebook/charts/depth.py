"""Charts of order books: how much can be bought and sold up to each price."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from marketkit.frames import Frame, one_of
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.intake import few, need, to_polars
from marketkit.notebook.charts.style import (
    AMOUNT,
    COLORS,
    PRICE,
    Colors,
    Pane,
    Theme,
    label,
    layout,
    stacked,
)
from marketkit.notebook.words import number

_MOST = 12  # symbols in one chart: more panes than that nobody reads
_PANE = 260  # pixels
_COLUMNS = ("bid_price", "bid_size", "ask_price", "ask_size")


def depth(
    orderbook: Frame,
    *,
    colors: Colors = "korean",
    theme: Theme = "auto",
) -> Chart:
    """Draw the sizes of an order book added up from the best price on, a pane for each symbol.

    `orderbook` is Polars or pandas, as `get_orderbook` gives it; of several books of a symbol the
    newest is drawn. Sizes are in the base currency. `colors="korean"` has bids red and asks blue,
    as Upbit's own pages; `"western"` green and red.

    Raises `InputError` for columns that are missing and for more than 12 symbols.
    """
    one_of("colors", colors, Colors)
    one_of("theme", theme, Theme)
    data = to_polars(orderbook)
    need(data, _COLUMNS, "depth")
    if "time" in data.columns:
        data = data.filter(pl.col("time") == pl.col("time").max().over("symbol"))
    books = data.partition_by("symbol", maintain_order=True)
    few(len(books), _MOST, "depth")
    traces = [trace for at, book in enumerate(books, 1) for trace in _sides(book, at, colors)]
    return Chart(traces, _layout(books, theme))


def _sides(book: pl.DataFrame, at: int, colors: Colors) -> Iterator[dict[str, Any]]:
    for side, color in zip(("bid", "ask"), COLORS[colors], strict=True):
        levels = book.select(price=f"{side}_price", size=f"{side}_size").drop_nulls()
        levels = levels.cast(pl.Float64()).sort("price", descending=side == "bid")
        prices, sizes = levels["price"].to_list(), levels["size"].cum_sum().to_list()
        yield {
            "type": "scatter",
            "x": prices[:1] + prices,
            "y": [0.0, *sizes] if prices else [],
            "line": {"shape": "hv", "width": 2, "color": color},
            "fill": "tozeroy",
            "mode": "lines",
            "name": f"{side}s",
            "legendgroup": side,
            "showlegend": at == 1,
            "xaxis": f"x{at}",
            "yaxis": f"y{at}",
            "hovertemplate": f"%{{x:{PRICE}}}: %{{y:{AMOUNT}}}<extra>{side}s</extra>",
        }


def _layout(books: list[pl.DataFrame], theme: Theme) -> dict[str, Any]:
    names = [label(book["symbol"][0]) for book in books]
    panes = [Pane(name, 1, {"rangemode": "tozero", "exponentformat": "B"}) for name in names]
    axes: dict[str, Any] = {}
    for at, axis in enumerate(stacked(panes or [Pane("", 1, {})], gap=0.12), 1):
        axes[f"yaxis{at}"] = axis | {"anchor": f"x{at}"}
        axes[f"xaxis{at}"] = {"tickformat": PRICE, "anchor": f"y{at}"}
    said = _said(books[0]) if len(books) == 1 else f"{len(books)} books"
    height = 110 + _PANE * max(1, len(books))
    return layout(", ".join(names) or "depth", said, height, theme) | axes


def _said(book: pl.DataFrame) -> str:
    """Say how far the best prices lie apart, and when."""
    bid_price, ask_price = (pl.col(name).cast(pl.Float64()) for name in ("bid_price", "ask_price"))
    bid, ask = book.select(bid_price.max(), ask_price.min()).row(0)
    when = f", {book['time'][0]:%Y-%m-%d %H:%M:%S %Z}" if "time" in book.columns else ""
    if bid is None or ask is None:
        return f"one side only{when}"
    apart = round(ask - bid, 8)
    return f"{number(apart)} apart ({apart / bid:.4%}){when}"
