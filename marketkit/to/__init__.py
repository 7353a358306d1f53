"""Candles where you already work: `mk.to.backtesting(frame)` and so on.

Each function takes what `get_candle` and `lake.read` give (polars, pandas or Arrow, of one market
or several) and gives the other program's own object, or a folder that it loads. They are thin, and
all keep these rules:

- No price is made. A slot without a trade has no row in the frame, so it has no bar; with
  `fill="forward"` it has the row that was asked for, of the last close and no volume.
- Unknown slots never look like empty ones, if the frame is from `get_candle` or `scan(fill=...)`:
  those raise `NotCovered`. `lake.read` gives what is there and proves nothing.
- A forming candle is refused: its numbers will change, and no backtest should rest on them.
- Times carry their zone, or are refused; each function says in which zone they come out.

`hftbacktest` alone is about recordings: trades and order books, as they came.

The other programs are optional: `pip install 'marketkit-upbit[engines]'`.
"""

from __future__ import annotations

from marketkit.to.backtesting_data import backtesting
from marketkit.to.backtrader_feed import backtrader
from marketkit.to.freqtrade_folder import freqtrade
from marketkit.to.hftbacktest_events import hftbacktest
from marketkit.to.nautilus_catalog import nautilus
from marketkit.to.tables import arrow, wide
from marketkit.to.vectorbt_data import vectorbt
from marketkit.to.windows import Windows, numpy, torch
from marketkit.to.zipline_bundle import zipline

__all__ = [
    "Windows",
    "arrow",
    "backtesting",
    "backtrader",
    "freqtrade",
    "hftbacktest",
    "nautilus",
    "numpy",
    "torch",
    "vectorbt",
    "wide",
    "zipline",
]
