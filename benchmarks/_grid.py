"""A lake of very many series: footers as those of full months, rows that take hardly any room."""

from __future__ import annotations

import re

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR, candles
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.seal import seal

DAY = 1440 * MINUTE
_SEALED = re.compile(rb'"footer": "[0-9a-f]{64}"')
_UNSEALED = b'"footer": "%s"' % (b"0" * 64)
GAPS = ((49, 51), (199, 200), (299, 300))  # days of the year that nobody asked about


def grid(lake: Lake, markets: int) -> None:
    """Fill a lake with a year of each market, twelve files each; the first is copied."""
    gaps = Spans((START + first * DAY, START + end * DAY) for first, end in GAPS)
    rows = candles(0, YEAR).with_columns(symbol=pl.lit(name(0)), **_flat())
    for start, end in gaps:
        rows = rows.filter(~pl.col("time").dt.epoch("ms").is_between(start, end - 1))
    lake.append(name(0), "1m", rows, Spans([(START, START + YEAR * MINUTE)]) - gaps)
    source = next(lake.root.glob(f"candles/*/timeframe=1min/series={name(0)}"))
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    for market in range(1, markets):
        folder = source.with_name(f"series={name(market)}")
        folder.mkdir()
        for file, content in files.items():
            # Names of one length change no length in the footer.
            changed = content.replace(name(0).encode(), name(market).encode())
            (folder / file).write_bytes(seal(_SEALED.sub(_UNSEALED, changed)).content)


def name(market: int) -> str:
    return f"KRW-G{market:03d}"


def _flat() -> dict[str, pl.Expr]:
    numbers = dict.fromkeys(("open", "high", "low", "close", "volume"), pl.lit(1.0))
    return {**numbers, "value": pl.lit(None, pl.Float64)}  # plain in the files, were it there
