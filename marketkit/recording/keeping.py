"""The trades of a recording on their way into a lake."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.trades.layout import days_of
from marketkit.errors import InputError
from marketkit.net import fork
from marketkit.notebook.arguments import explaining
from marketkit.recording.trades import recorded_spans, recorded_trades
from marketkit.schema import Schema
from marketkit.settings import given_path
from marketkit.symbols import several

KEPT: Schema = {
    "symbol": pl.String(),
    "trades": pl.Int64(),
    "listened": pl.Duration("ms"),
}


@explaining
def keep_recording(
    folder: str | Path, lake: Lake | str | Path, symbols: str | Iterable[str] = "*"
) -> pl.DataFrame:
    """Put the trades of a recording into the trades of a lake: `symbol trades listened`.

    Kept is the time in which the recording lacks none; what the lake proves already stays as it is.
    `trades` counts those that were new, `listened` is the time that the recording proves. It may be
    done again, also while the recording goes on. Raises `InputError` for a recording without
    trades, `CorruptFile` for a damaged file of it, and `NotWritable`.
    """
    fork.check()
    root = given_path(folder, "folder")
    into = lake if isinstance(lake, Lake) else Lake(lake)
    heard = recorded_spans(root, several(symbols))
    if not heard:
        raise InputError(f"{root} has no trades of {symbols!r}")
    rows = []
    for symbol, spans in heard.items():
        count = 0
        for day, covering in days_of(spans):
            window = covering.hull or Span(0, 0)
            found = recorded_trades(root, [symbol], window, whole=True)
            frame = found.rows.lazy().collect()
            frame = frame.filter(within(frame["time"], covering))
            count += into.trades.append(symbol, frame, covering, only_unknown=True).rows
        rows.append((symbol, count, spans.total))
    raw = {"symbol": pl.String(), "trades": pl.Int64(), "listened": pl.Int64()}
    return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(KEPT))
