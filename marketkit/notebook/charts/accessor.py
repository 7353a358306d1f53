"""Charts as methods of a frame: `frame.mk.plot.candles()`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from marketkit.frames import Frame
from marketkit.notebook.charts.candles import candles
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.compare import compare
from marketkit.notebook.charts.coverage import coverage
from marketkit.notebook.charts.depth import depth
from marketkit.notebook.charts.newest import of, tickers, trades
from marketkit.notebook.charts.quality import quality
from marketkit.notebook.charts.style import Colors, Theme


def _method(draw: Callable[..., Chart]) -> Callable[..., Chart]:
    """Make a method of a function whose first argument is the frame."""

    @functools.wraps(draw)
    def method(self: Plots, *arguments: Any, **options: Any) -> Chart:
        return draw(self.frame, *arguments, **options)

    return method


class Plots:
    """The charts of one frame."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def __call__(self, *, colors: Colors = "korean", theme: Theme = "auto") -> Chart:
        """Draw the chart that fits the columns: candles, depth, trades or tickers."""
        return of(self.frame, colors=colors, theme=theme)

    candles = _method(candles)
    compare = _method(compare)
    coverage = _method(coverage)
    depth = _method(depth)
    quality = _method(quality)
    tickers = _method(tickers)
    trades = _method(trades)
