"""Facts, clocks and spellings of an exchange object of ccxt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marketkit.api.sync import SmartDataProvider, default_provider
from marketkit.compat import ccxt_shapes as shapes
from marketkit.compat.ccxt_errors import error_class, in_its_words
from marketkit.errors import InvalidRange
from marketkit.timeframe import parse_time

_READS = (
    *("fetchMarkets", "fetchOHLCV", "fetchOrderBook", "fetchOrderBooks", "fetchL2OrderBook"),
    *("fetchTicker", "fetchTickers", "fetchTime", "fetchTrades", "publicAPI", "spot"),
)
_FOLDERS = {
    **dict.fromkeys(("1s",), "seconds"),
    **dict.fromkeys(("1m", "3m", "5m", "10m", "15m", "30m", "1h", "4h"), "minutes"),
    "1d": "days",
    "1w": "weeks",
    "1M": "months",
    "1y": "years",
}
_SECONDS = {
    "s": 1,
    "m": 60,
    "h": 3_600,
    "d": 86_400,
    "w": 604_800,
    "M": 2_592_000,  # 30 days, as in ccxt
    "y": 31_536_000,  # 365 days
}


class _Has(dict[str, bool]):
    """A table of abilities, in which unnamed ones are missing."""

    def __missing__(self, name: str) -> bool:
        return False


class Exchange:
    """The facts and helpers of an exchange object; names in camel case are the same calls.

    >>> Exchange.parse_timeframe("4h")
    14400
    """

    id = "upbit"
    name = "Upbit"
    countries: ClassVar[Sequence[str]] = ("KR", "ID", "SG", "TH")
    version = "v1"
    rateLimit = 50  # noqa: N815 - ms, as in ccxt; the pace is kept underneath
    precisionMode = 4  # noqa: N815 - TICK_SIZE
    pro = False
    certified = False
    timeframes: ClassVar[Mapping[str, str]] = _FOLDERS
    has: ClassVar[Mapping[str, bool]] = _Has(dict.fromkeys(_READS, True))
    commonCurrencies: ClassVar[Mapping[str, str]] = shapes.COMMON  # noqa: N815 - as in ccxt

    def __init__(self, provider: SmartDataProvider | None = None) -> None:
        self._provider = provider

    def fetch_time(self, params: Mapping[str, Any] | None = None) -> int:
        """Give the exchange's time in ms UTC."""
        with in_its_words():
            return parse_time(self._who.exchange_time())

    def milliseconds(self) -> int:
        """Give the exchange's time in ms UTC; a machine's clock may be another."""
        return self.fetch_time()

    def seconds(self) -> int:
        """Give the exchange's time in seconds."""
        return self.milliseconds() // 1_000

    def price_to_precision(self, symbol: str, price: float) -> str:
        """Write a price with the places that the exchange has."""
        return f"{float(price):.8f}".rstrip("0").rstrip(".")

    amount_to_precision = price_to_precision

    @staticmethod
    def parse_timeframe(timeframe: str) -> int:
        """Give the seconds of a width; a month has 30 days here, as in ccxt."""
        if not (found := re.fullmatch(r"(\d+)([smhdwMy])", timeframe)):
            raise error_class("NotSupported")(f"timeframe {timeframe} is not supported")
        return int(found[1]) * _SECONDS[found[2]]

    @staticmethod
    def iso8601(timestamp: int | None = None) -> str | None:
        """Write a moment in ms UTC."""
        return shapes.iso8601(timestamp)

    @staticmethod
    def parse8601(timestamp: str | None = None) -> int | None:
        """Read a moment as ms UTC; None for other texts."""
        try:
            return None if timestamp is None else parse_time(timestamp)
        except InvalidRange:
            return None

    def close(self) -> None:
        """Leave everything open: the provider is shared."""

    @property
    def _who(self) -> SmartDataProvider:
        return default_provider() if self._provider is None else self._provider

    def __getattr__(self, name: str) -> Any:
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        if snake == name or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self, snake)
