"""The trades of a recording on their way into a lake."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.lake import Lake
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
    rows = [
        (symbol, _keep(root, into, symbol, spans), spans.total) for symbol, spans in heard.items()
    ]
    raw = {"symbol": pl.String(), "trades": pl.Int64(), "listened": pl.Int64()}
    return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(KEPT))


def _keep(root: Path, lake: Lake, symbol: str, heard: Spans) -> int:
    """Keep the trades of a symbol day by day, and say how many were new."""
    count = 0
    for _, covering in days_of(heard):
        for span in covering:
            found = recorded_trades(root, [symbol], span, whole=True)
            rows = found.rows.lazy().collect()
            kept = lake.trades.append(symbol, rows, Spans([span]), only_unknown=True)
            count += kept.rows
    return count
