"""Charts of frames, on plotly: candles, coverage, quality, books, comparisons, tickers, trades."""

from __future__ import annotations

from marketkit.notebook.charts.candles import candles
from marketkit.notebook.charts.chart import Chart
from marketkit.notebook.charts.compare import compare
from marketkit.notebook.charts.coverage import coverage
from marketkit.notebook.charts.depth import depth
from marketkit.notebook.charts.newest import tickers, trades
from marketkit.notebook.charts.quality import quality

__all__ = ["Chart", "candles", "compare", "coverage", "depth", "quality", "tickers", "trades"]
