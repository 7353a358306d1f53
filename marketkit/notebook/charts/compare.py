"""Charts that compare prices: each from 100 on, and how far below the highest so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from marketkit.frames import Frame, one_of
from marketkit.notebook.charts.bins import POINTS, narrowest
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.intake import few, local, need, smallest_step, to_polars, with_times
from marketkit.notebook.charts.spans import floored
from marketkit.notebook.charts.style import (
    LINES,
    Pane,
    Theme,
    label,
    layout,
    price_axis,
    spelled,
    stacked,
    time_axis,
)

_MOST = 24  # symbols: lines beyond that are a tangle
_HEIGHT = 560  # pixels


def compare(
    frame: Frame,
    *,
    column: str = "close",
    tz: str | None = None,
    log: bool = False,
    theme: Theme = "auto",
) -> Chart:
    """Draw the prices of several symbols from 100 on, and below that their drawdowns in percent.

    `frame` has rows of `symbol`, `time` and `column`, or a column of prices for each symbol beside
    `time`. All begin at the first moment at which each has a price. Lines are steps, for a price
    holds until the next trade, and break where a slot has no price. Where there are more rows than
    pixels the first, lowest, highest and last of each slot are drawn.

    Raises `InputError` for columns that are missing and for more than 24 symbols.
    """
    one_of("theme", theme, Theme)
    rows, zone = _prices(frame, column, tz)
    parts = [part for part in rows.partition_by("symbol", maintain_order=True) if len(part)]
    few(len(parts), _MOST, "comparisons")
    start = max((part["t"][0] for part in parts), default=0)
    parts = [kept for part in parts if len(kept := part.filter(pl.col("t") >= start))]
    base = smallest_step(parts)
    length = max((part["t"][-1] - start + base for part in parts), default=base)
    width = narrowest(length, base, POINTS)
    data = [trace for at, part in enumerate(parts) for trace in _lines(part, at, base, width, zone)]
    said = f"from 100 on, drawn by {spelled(width)}" if parts else "no prices in this frame"
    title = label(", ".join(part["symbol"][0] for part in parts)) or "comparison"
    return Chart(data, layout(title, said, _HEIGHT, theme) | _axes(zone, log=log))


def _prices(frame: Frame, column: str, tz: str | None) -> tuple[pl.DataFrame, str | None]:
    """Give `symbol`, `t` and `price` of a long or a wide frame, sorted by time."""
    data, zone = with_times(to_polars(frame), tz)
    if column not in data.columns and set(data["symbol"]) <= {""}:
        names = data.select(pl.selectors.numeric()).drop("t").columns
        if not names:
            need(data, (column,), "comparisons")
        data = (
            data.drop("symbol")
            .unpivot(names, index="t", variable_name="symbol")
            .rename({"value": column})
        )
    need(data, (column,), "comparisons")
    price = pl.col(column).cast(pl.Float64()).fill_nan(None)
    rows = data.select("symbol", "t", price=price)
    if "state" in data.columns:
        rows = rows.filter(data["state"].cast(pl.String()) != "empty")
    return rows.drop_nulls("price").sort("t", maintain_order=True), zone


def _lines(
    rows: pl.DataFrame, at: int, base: int, width: int, zone: str | None
) -> Iterator[dict[str, Any]]:
    price = pl.col("price")
    both = rows.select(
        "t",
        index=price / price.first() * 100,
        drawdown=(price / price.cum_max() - 1) * 100,
    )
    name = label(rows["symbol"][0])
    for axis, column in (("y1", "index"), ("y2", "drawdown")):
        found = _thinned(both.select("t", y=column), base, width)
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": local(found["t"], zone),
            "y": found["y"].to_list(),
            "line": {"shape": "hv", "width": 1.4, "color": LINES[at % len(LINES)]},
            "name": name,
            "legendgroup": name,
            "showlegend": column == "index",
            "yaxis": axis,
        }


def _thinned(line: pl.DataFrame, base: int, width: int) -> pl.DataFrame:
    """Keep the first, lowest, highest and last row of each slot, and break where one has none."""
    ends = line.with_columns(slot=floored(pl.col("t"), width))
    if width > base:
        point = pl.struct("t", "y")
        picked = {"first": point.first(), "last": point.last()}
        for name, at in (("low", pl.col("y").arg_min()), ("high", pl.col("y").arg_max())):
            picked[name] = point.get(at)
        slots = ends.group_by("slot", maintain_order=True).agg(**picked)
        four = slots.select("slot", point=pl.concat_list(*picked)).explode("point")
        ends = four.unnest("point").unique(["slot", "t"]).sort("t")
    gone = pl.col("slot").shift(-1) - pl.col("slot") > width + width // 2
    breaks = ends.filter(gone).select(t=pl.col("slot") + width, y=pl.lit(None, pl.Float64()))
    held = ends.filter(gone).select(t=pl.col("slot") + width - 1, y="y")
    return pl.concat([ends.select("t", "y"), held, breaks]).sort("t", maintain_order=True)


def _axes(zone: str | None, *, log: bool) -> dict[str, Any]:
    panes = [
        Pane("index", 2, price_axis(log=log) | {"hoverformat": ",.2f"}),
        Pane("drawdown, %", 1, {"hoverformat": ".2f"}),
    ]
    axes = {f"yaxis{at}": axis for at, axis in enumerate(stacked(panes), 1)}
    return {
        **axes,
        "xaxis": time_axis(zone) | {"anchor": "y2"},
        "hovermode": "x unified",
        "hoversubplots": "axis",
    }
