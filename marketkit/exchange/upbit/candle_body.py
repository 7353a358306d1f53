"""A usual page of candles, read in one pass: a query wakes threads, and 200 rows take no longer.

The frame is the one that `bodies` makes by queries; a page that is odd in any way is left to those,
which judge and name the fault.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
import polars as pl

from marketkit.schema import ROW

_TIMES = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\n)+")
_FIRST = datetime(1970, 1, 1)  # noqa: DTZ001 - the wire's times are all UTC, and say so nowhere
_DAY = 86_400  # seconds


class _Candle(
    msgspec.Struct,
    gc=False,
    rename={
        "symbol": "market",
        "time": "candle_date_time_utc",
        "open": "opening_price",
        "high": "high_price",
        "low": "low_price",
        "close": "trade_price",
        "volume": "candle_acc_trade_volume",
        "value": "candle_acc_trade_price",
    },
):
    """A candle of the wire; the fields are the columns of `schema.ROW`."""

    symbol: str
    time: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float


_BODY = msgspec.json.Decoder(list[_Candle])


def read_usual(body: bytes, symbol: str) -> pl.DataFrame | None:
    """Read a page of candles as `schema.ROW`, ascending; None for one that is odd in any way.

    Odd is a page that is empty, of another market, not from the newest to the oldest, or with a row
    that is no candle.
    """
    try:
        candles = _BODY.decode(body)
        times = _times(candles)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if not times or not _descend(times) or not all(_is_of(symbol, each) for each in candles):
        return None
    columns = zip(*map(msgspec.structs.astuple, reversed(candles)), strict=True)
    values = dict(zip(ROW, columns, strict=True)) | {"time": times[::-1]}
    return pl.DataFrame([pl.Series(name, values[name], dtype) for name, dtype in ROW.items()])


def _times(candles: list[_Candle]) -> list[int]:
    """Read the times as ms UTC. Raises `ValueError` where one is in another spelling."""
    texts = [each.time for each in candles]
    if not _TIMES.fullmatch("\n".join([*texts, ""])):
        raise ValueError("times in another spelling")
    since = [datetime.fromisoformat(text) - _FIRST for text in texts]
    return [1000 * (each.days * _DAY + each.seconds) for each in since]


def _descend(times: list[int]) -> bool:
    return all(map(int.__gt__, times, times[1:]))


def _is_of(symbol: str, candle: _Candle) -> bool:
    """Say whether this is a possible candle of a market; others would poison computations."""
    return (
        candle.symbol == symbol
        and 0 < candle.low <= candle.open <= candle.high
        and candle.low <= candle.close <= candle.high
        and candle.volume >= 0
        and candle.value >= 0
    )
