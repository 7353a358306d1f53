"""TODO."""

from __future__ import annotations

from marketkit.errors import InputError, nearest
from marketkit.timeframe import TIMEFRAMES, Timeframe, parse_timeframe

_WIDTHS = {"1h": "60m", "4h": "240m"}  # where the stream's name of a width is not ours


_STREAMED = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "1h", "4h")


CHANNELS = ("ticker", "trade", "orderbook", *(f"candle.{name}" for name in _STREAMED))


def channel(name: str) -> str:
    """Give the stream's own name of a channel a caller names.

    `candle.1h` and `candle.4h` are `candle.60m` and `candle.240m` there. Raises `InputError`, with
    the nearest names, for anything the exchange does not stream.

    >>> channel("candle.1h")
    'candle.60m'
    """
    kind, _, width = name.partition(".") if isinstance(name, str) else ("", "", "")
    ours = f"candle.{_ours(width)}" if kind == "candle" else name
    if ours not in CHANNELS:
        wider = f"; 'candle.4h' is the nearest, get_candle(forming=True) gives {width} candles"
        hint = wider if width in TIMEFRAMES else nearest(str(name), CHANNELS)
        raise InputError(f"no stream is called {name!r}{hint} (one of {' '.join(CHANNELS)})")
    kind, _, width = ours.partition(".")
    return f"candle.{_WIDTHS.get(width, width)}" if kind == "candle" else ours


def candle_channel(timeframe: Timeframe) -> str:
    """Give the name of the stream of a width. Raises `InputError` where the exchange has none."""
    return channel(f"candle.{timeframe}")


def timeframe_of(channel: str) -> Timeframe:
    """Give the width of a stream of candles."""
    return parse_timeframe(channel.partition(".")[2])


def _ours(width: str) -> str:
    """Spell a width our way where it is one."""
    return next((ours for ours, theirs in _WIDTHS.items() if theirs == width), width)
