"""Charts of candles: a pane of prices, of volume and of turnover for each symbol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from marketkit.frames import Frame, one_of
from marketkit.notebook.charts import bins
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.intake import PRICES, Candles, few, local, read_candles
from marketkit.notebook.charts.packing import Packed, pack
from marketkit.notebook.charts.style import (
    AMOUNT,
    COLORS,
    SHADES,
    Colors,
    Pane,
    Theme,
    label,
    layout,
    price_axis,
    spelled,
    stacked,
    time_axis,
)
from marketkit.timeframe import MINUTE, Timeframe

DETAIL = 50_000  # candles that a page carries: a year by ten minutes, in half a megabyte
_MOST = 12  # symbols in one chart: more panes than that nobody reads
_PRICE, _AMOUNT = 3.0, 0.9  # shares of the height
_PIXELS = 105  # of the height for a share of one
_FRAME = 130  # pixels around the panes: titles above, times below
_HOLLOW = "rgba(0,0,0,0)"


def candles(
    frame: Frame,
    *,
    tz: str | None = None,
    log: bool = False,
    volume: bool = True,
    value: bool = True,
    coverage: Frame | None = None,
    timeframe: str | Timeframe | None = None,
    colors: Colors = "korean",
    theme: Theme = "auto",
    detail: int = DETAIL,
) -> Chart:
    """Draw candles: prices, volume and turnover (`value`) of each symbol, one below the other.

    `frame` is Polars or pandas, as `get_candle` gives it: at least `time open high low close`;
    amounts that it does not have get no pane. The axis is in its time zone, or in `tz`.

    Nothing is invented: a slot that is `empty`, or has no row, has no candle, and is grey where
    there is room for that. Where the frame has rows for empty slots, or `coverage`
    (`lake.coverage(...)`) is given, slots of which nothing is known are amber at every width. A
    candle that is still `forming` is hollow.

    More candles than a screen shows apart are joined to wider ones (first, highest, lowest and last
    price, sums of volumes), and come apart again as one zooms in, down to the width of which
    `detail` cover the whole chart. `timeframe` is read off the frame where it is not given.
    `colors="korean"` has rises red and falls blue, as Upbit's own pages; `"western"` green and red.

    Raises `InputError` for columns that are missing and for more than 12 symbols.
    """
    one_of("colors", colors, Colors)
    one_of("theme", theme, Theme)
    found = read_candles(frame, tz=tz, timeframe=timeframe, coverage=coverage)
    few(len(found), _MOST, "candles")
    wanted = [name for name, shown in (("volume", volume), ("value", value)) if shown]
    amounts = tuple(name for name in wanted if any(each.rows[name].count() for each in found))
    return _chart(found, _Look(COLORS[colors], amounts, log), theme, detail)


@dataclass(frozen=True, slots=True)
class _Look:
    """How candles are drawn: colours of up and down, the panes below the prices, the scale."""

    colors: tuple[str, str]
    amounts: tuple[str, ...]
    log: bool

    @property
    def panes(self) -> int:
        """The number of panes of one symbol."""
        return 1 + len(self.amounts)


def _chart(found: list[Candles], look: _Look, theme: Theme, detail: int) -> Chart:
    width = bins.fitting(found, bins.POINTS) if found else 0
    packed = None
    if found and detail and width > found[0].width:
        packed = _pack(found, look, detail)
    shown = [bins.joined(each, width) for each in found]
    data = [trace for at, each in enumerate(shown) for trace in _traces(each, at, len(shown), look)]
    _name_once(data)
    panes = [pane for each in shown for pane in _panes(each, look)] or [Pane("", _PRICE, {})]
    title = label(", ".join(each.symbol for each in found)) or "candles"
    height = _FRAME + round(_PIXELS * sum(pane.weight for pane in panes))
    subtitle = _subtitle(found).format(width=spelled(width or MINUTE))
    told = layout(title, subtitle, height, theme)
    return Chart(data, told | _axes(panes, shown, look), packed)


def _pack(found: list[Candles], look: _Look, detail: int) -> Packed:
    """Pack the narrowest candles of which all symbols together have at most `detail`."""
    width = bins.fitting(found, max(bins.POINTS, detail // len(found)))
    packed = pack(found, width)
    packed.header.update(colors=look.colors, subtitle=_subtitle(found))
    return packed


def _subtitle(found: list[Candles]) -> str:
    if not any(len(each.rows) for each in found):
        return "no candles in this frame"
    rows = sum(len(each.rows) for each in found)
    return f"{rows:,} candles of {spelled(found[0].width)}, drawn as {{width}}"


def _panes(candles: Candles, look: _Look) -> Iterator[Pane]:
    yield Pane(label(candles.symbol), _PRICE, price_axis(log=look.log))
    for name in look.amounts:
        title = "turnover" if name == "value" else name
        yield Pane(title, _AMOUNT, {"exponentformat": "B", "nticks": 4, "hoverformat": AMOUNT})


def _axes(panes: list[Pane], shown: list[Candles], look: _Look) -> dict[str, Any]:
    """Lay out the panes, all on one axis of time, and an axis of shades over each of prices."""
    axes = {f"yaxis{at}": axis for at, axis in enumerate(stacked(panes), 1)}
    for at in range(len(shown)):
        over = f"y{1 + at * look.panes}"
        shade = {"overlaying": over, "range": [0, 1], "visible": False, "fixedrange": True}
        axes[f"yaxis{len(panes) + 1 + at}"] = shade
    time = time_axis(shown[0].zone if shown else None) | {"anchor": f"y{len(panes)}"}
    if shown:
        half = shown[0].width // 2
        edges = [
            local(pl.Series([edge - half]), shown[0].zone)[0]
            for edge in (min(e.reach[0] for e in shown), max(e.reach[1] for e in shown))
        ]
        time["range"] = edges
    return {"xaxis": time, **axes, "hovermode": "x unified", "hoversubplots": "axis"}


def _traces(candles: Candles, at: int, total: int, look: _Look) -> Iterator[dict[str, Any]]:
    first = 1 + at * look.panes
    yield from _shades(candles, at, f"y{total * look.panes + 1 + at}")
    yield from _prices(candles, at, f"y{first}", look)
    for number, name in enumerate(look.amounts, first + 1):
        rows = candles.rows
        up, down = look.colors
        yield {
            "type": "bar",
            "x": local(rows["t"], candles.zone),
            "y": rows[name].to_list(),
            "width": candles.width * 0.8,
            "marker": {"color": [up if each else down for each in rows["close"] >= rows["open"]]},
            "marker.line.width": 0,
            "name": "turnover" if name == "value" else name,
            "yaxis": f"y{number}",
            "showlegend": False,
            "meta": {"series": at, "part": name},
        }


def _prices(candles: Candles, at: int, axis: str, look: _Look) -> Iterator[dict[str, Any]]:
    """Draw final candles full and forming ones hollow."""
    end = candles.rows["t"] + candles.width
    forming = end > candles.forming if candles.forming is not None else end < 0
    for part, rows in (
        ("candles", candles.rows.filter(~forming)),
        ("forming", candles.rows.filter(forming)),
    ):
        if part == "forming" and candles.forming is None:
            continue
        up, down = (
            {
                "line": {"color": color, "width": 1},
                "fillcolor": color if part == "candles" else _HOLLOW,
            }
            for color in look.colors
        )
        yield {
            "type": "candlestick",
            "x": local(rows["t"], candles.zone),
            **{name: rows[name].to_list() for name in PRICES},
            "increasing": up,
            "decreasing": down,
            "name": label(candles.symbol) if part == "candles" else "forming",
            "yaxis": axis,
            "legendgroup": part,
            "showlegend": False,
            "meta": {"series": at, "part": part},
        }


def _name_once(data: list[dict[str, Any]]) -> None:
    """Let the legend name each kind of mark by the first trace that draws it."""
    marks = {"forming", *SHADES}
    first = {trace["meta"]["part"]: trace for trace in reversed(data)}
    for part in marks & first.keys():
        first[part]["showlegend"] = True


def _shades(candles: Candles, at: int, axis: str) -> Iterator[dict[str, Any]]:
    """Draw where there is nothing as rectangles of whole slots behind the candles."""
    half = candles.width // 2
    for part, (name, color) in SHADES.items():
        found: pl.DataFrame = getattr(candles, part)
        if not len(found) and part not in candles.kinds:
            continue
        left, right = (local(found[edge] - half, candles.zone) for edge in ("start", "end"))
        corners = zip(left, left, right, right, strict=True)
        yield {
            "type": "scatter",
            "x": [each for four in corners for each in (*four, None)],
            "y": [0, 1, 1, 0, None] * len(found),
            "fill": "toself",
            "fillcolor": color,
            "line": {"width": 0},
            "mode": "lines",
            "hoverinfo": "skip",
            "name": name,
            "yaxis": axis,
            "legendgroup": part,
            "showlegend": False,
            "meta": {"series": at, "part": part},
        }
