"""Keys of the archive: the file of which market, width and period each is, and back. Pure.

    candle/KRW-BTC/daily/1m/2025/KRW-BTC_candle-1m_20250101.zip
    candle/KRW-BTC/monthly/1m/2025/KRW-BTC_candle-1m_202501.zip
    trade/KRW-BTC/daily/2025/KRW-BTC_trade_20250101.zip

Beside each lies its `.checksum`, and in each the one member `<stem>.csv`. Dates are of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from marketkit.coverage import Span
from marketkit.errors import BadResponse, InputError, plain
from marketkit.timeframe import DAY, TIMEFRAMES, Timeframe, parse_time

Kind = Literal["candle", "trade"]
Cut = Literal["monthly", "daily"]  # by how much time the files of a folder are cut

CANDLE_HEADER = "date_time_utc,open,high,low,close,acc_trade_price,acc_trade_volume"
TRADE_HEADER = "seq,timestamp,volume,price,ask_bid"
ZIP, CHECKSUM = ".zip", ".checksum"
# The archive's words for widths; there are none wider than a month.
INTERVALS: Mapping[str, str] = {
    **{name: name for name in ("1s", "1m", "3m", "5m", "10m", "15m", "30m")},
    "1h": "60m",
    "4h": "240m",
    "1d": "day",
    "1w": "week",
    "1M": "month",
}
# The file of the month 2017-10 begins on this day, and the exchange a month before that.
FIRST_CANDLE = parse_time("2017-10-24")

_WIDTHS = {interval: TIMEFRAMES[name] for name, interval in INTERVALS.items()}
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_LONGEST = 512  # characters of a key; real ones have up to 70
_MARKET = r"(?P<market>[A-Z0-9]+-[A-Z0-9._]+)"
_NAME = re.compile(
    rf"(?:candle/{_MARKET}/(?P<cut>daily|monthly)/(?P<interval>[0-9a-z]+)/(?P<year>[0-9]{{4}})"
    r"/(?P=market)_candle-(?P=interval)_(?P<date>[0-9]{6}(?:[0-9]{2})?)\.zip)"
)
_TRADES = re.compile(
    rf"(?:trade/{_MARKET}/(?P<cut>daily|monthly)/(?P<year>[0-9]{{4}})"
    r"/(?P=market)_trade_(?P<date>[0-9]{6}(?:[0-9]{2})?)\.zip)"
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """All files of one market: candles of one width, or trades (`timeframe` None)."""

    market: str
    timeframe: Timeframe | None = None

    def __post_init__(self) -> None:
        if self.timeframe is not None and self.timeframe.name not in INTERVALS:
            raise InputError(
                f"the archive has no candles of {self.timeframe} (only {' '.join(INTERVALS)})"
            )

    @property
    def kind(self) -> Kind:
        """The kind of rows."""
        return "trade" if self.timeframe is None else "candle"

    @property
    def can_be(self) -> bool:
        """Whether a key can name the market at all: codes in other letters are in no archive."""
        return re.fullmatch(_MARKET, self.market) is not None and ".." not in self.market

    def has(self, cut: Cut) -> bool:
        """Say whether files may be cut so: month candles are in no folder of days."""
        return cut == "monthly" or self.timeframe is None or self.timeframe.name != "1M"

    def folder(self, cut: Cut, year: int | None = None) -> str:
        """Give the folder of the years, or of the files of one year.

        >>> Shelf("KRW-BTC", TIMEFRAMES["1h"]).folder("monthly", 2025)
        'candle/KRW-BTC/monthly/60m/2025'
        """
        width = "" if self.timeframe is None else f"/{INTERVALS[self.timeframe.name]}"
        below = "" if year is None else f"/{year:04d}"
        return f"{self.kind}/{self.market}/{cut}{width}{below}"


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file of a shelf: the cut, and the `start` of the period (ms UTC)."""

    shelf: Shelf
    cut: Cut
    start: int

    @property
    def period(self) -> Span:
        """The times that the name says: a month, a day, or a week from Monday."""
        if self.cut == "monthly":
            return Span(self.start, TIMEFRAMES["1M"].next(self.start))
        is_week = self.shelf.timeframe is not None and self.shelf.timeframe.name == "1w"
        return Span(self.start, self.start + (7 * DAY if is_week else DAY))

    @property
    def span(self) -> Span:
        """The part of the period that the rows prove; nothing where that is no whole candle.

        Before `FIRST_CANDLE` the archive has no candles, and the exchange has.
        """
        start, end = self.period
        timeframe = self.shelf.timeframe
        if timeframe is None:
            return Span(start, end)
        first, last = timeframe.ceil(max(start, FIRST_CANDLE)), timeframe.floor(end)
        return Span(first, max(first, last))

    @property
    def stem(self) -> str:
        """The file's name without a suffix."""
        date = _moment(self.start).strftime("%Y%m" if self.cut == "monthly" else "%Y%m%d")
        timeframe = self.shelf.timeframe
        what = "trade" if timeframe is None else f"candle-{INTERVALS[timeframe.name]}"
        return f"{self.shelf.market}_{what}_{date}"

    @property
    def key(self) -> str:
        """The key of the zip."""
        folder = self.shelf.folder(self.cut, _moment(self.start).year)
        return f"{folder}/{self.stem}{ZIP}"

    @property
    def member(self) -> str:
        """The name of the one member of the zip."""
        return f"{self.stem}.csv"

    @property
    def header(self) -> str:
        """The first line of the member."""
        return TRADE_HEADER if self.shelf.timeframe is None else CANDLE_HEADER


def checked_key(key: object) -> str:
    """Give a key back. Raises `BadResponse` for one that may lead out of the archive."""
    is_text = isinstance(key, str) and len(key) <= _LONGEST
    if is_text and _KEY.fullmatch(str(key)) and ".." not in str(key):
        return str(key)
    raise BadResponse(
        f"the archive lists the key {plain(str(key), 80)!r}: a key is letters, digits and ._- in"
        " folders"
    )


def file_of(key: str) -> ArchiveFile | None:
    """Give the file of a key, or None for any other key.

    >>> file_of("trade/KRW-BTC/daily/2025/KRW-BTC_trade_20250131.zip").member
    'KRW-BTC_trade_20250131.csv'
    """
    found = _NAME.fullmatch(key) or _TRADES.fullmatch(key)
    if found is None:
        return None
    parts = found.groupdict()
    interval = parts.get("interval")
    timeframe = None if interval is None else _WIDTHS.get(interval)
    start = _start(parts["date"])
    if start is None or (interval is not None and timeframe is None):
        return None
    cut: Cut = "monthly" if parts["cut"] == "monthly" else "daily"
    file = ArchiveFile(Shelf(parts["market"], timeframe), cut, start)
    # Spelt back it is the same: no day among the months, no year of another, weeks on Mondays.
    is_one = file.shelf.can_be and file.shelf.has(cut) and _begins(file)
    return file if is_one and file.key == key else None


def _begins(file: ArchiveFile) -> bool:
    """Say whether the period begins with a candle."""
    timeframe = file.shelf.timeframe
    is_week = timeframe is not None and timeframe.name == "1w" and file.cut == "daily"
    return not is_week or TIMEFRAMES["1w"].floor(file.start) == file.start


def _start(date: str) -> int | None:
    try:
        return parse_time(datetime.strptime(f"{date}01"[:8], "%Y%m%d").replace(tzinfo=UTC))
    except ValueError:  # no such day
        return None


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time // 1000, UTC)
