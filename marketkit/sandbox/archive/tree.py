"""The files of the archive at a moment: for every listed market, width and period that is over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from marketkit.sandbox.markets import Market, Markets
from marketkit.sandbox.moment import finest
from marketkit.sandbox.source import Source
from marketkit.sandbox.widths import DAY, HOUR, WIDTHS, Width

Kind = Literal["candle", "trade"]
Cut = Literal["daily", "monthly"]

INTERVALS: Final = {  # the archive's words for widths; there is no year
    name: name for name in ("1s", "1m", "3m", "5m", "10m", "15m", "30m")
} | {"60m": "1h", "240m": "4h", "day": "1d", "week": "1w", "month": "1M"}
FIRST_CANDLE: Final = 1_508_803_200_000  # 2017-10-24
FIRST_SECOND: Final = 1_693_526_400_000  # 2023-09-01
FIRST_TRADE: Final = 1_651_363_200_000  # 2022-05-01
_PUBLISHED_AFTER: Final = HOUR  # of the end of the period: 10:00 in Korea
_MONTH: Final = WIDTHS["1M"]
_DATE: Final = re.compile(r"_([0-9]{6}(?:[0-9]{2})?)\.zip")


class Shelf(NamedTuple):
    """All files of a market with one kind of rows, cut by days or months."""

    kind: Kind
    market: str
    cut: Cut
    interval: str | None = None

    @property
    def width(self) -> Width | None:
        """The width of candles; None for trades."""
        return None if self.interval is None else WIDTHS[INTERVALS[self.interval]]

    @property
    def folder(self) -> str:
        """The folder of the years."""
        parts = (self.kind, self.market, self.cut, self.interval)
        return "/".join(each for each in parts if each)

    def floor(self, time: int) -> int:
        """Return the start of the period that a time falls into."""
        return self._period.floor(time)

    def end(self, start: int) -> int:
        """Return the end of the period that begins at `start`."""
        return self._period.end(start)

    @property
    def _period(self) -> Width:
        if self.cut == "monthly":
            return _MONTH
        return WIDTHS["1w" if self.interval == "week" else "1d"]


class File(NamedTuple):
    """One zip: the period is [start, end) in ms UTC; rows begin at `first`."""

    shelf: Shelf
    start: int
    end: int
    first: int

    @property
    def published(self) -> int:
        """The time of publication, ms UTC."""
        return self.end + _PUBLISHED_AFTER

    @property
    def stem(self) -> str:
        """The name without a suffix."""
        date = _moment(self.start).strftime("%Y%m" if self.shelf.cut == "monthly" else "%Y%m%d")
        what = f"candle-{self.shelf.interval}" if self.shelf.interval else "trade"
        return f"{self.shelf.market}_{what}_{date}"

    @property
    def key(self) -> str:
        """The key of the zip."""
        return f"{self.shelf.folder}/{_moment(self.start).year}/{self.stem}.zip"


class Tree:
    """The folders and files, by the register of markets and the clock; no zip is made."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._firsts: dict[str, tuple[Source, int]] = {}

    def children(self, folder: str, now: int) -> list[str] | list[File] | None:
        """Return the names of the folders inside of one, or the files of a year; None for none."""
        parts = folder.split("/")
        if parts[0] not in {"candle", "trade"}:
            return None
        if len(parts) == 1:
            kind: Kind = "candle" if parts == ["candle"] else "trade"
            return [m.symbol for m in self._markets.listed(now) if self._cuts(kind, m, now)]
        market = self._market(parts[1], now)
        return None if market is None else self._inside(market, parts, now)

    def _inside(self, market: Market, parts: list[str], now: int) -> list[str] | list[File] | None:
        """Return the children of a folder of a market."""
        kind: Kind = "candle" if parts[0] == "candle" else "trade"
        shelves = list(self.shelves(kind, market, now))
        if len(parts) == 2:
            return list(dict.fromkeys(str(shelf.cut) for shelf in shelves)) or None
        if kind == "candle" and len(parts) == 3:
            words = [shelf.interval or "" for shelf in shelves if shelf.cut == parts[2]]
            return words or None
        path = "/".join(parts)
        for shelf in shelves:
            if path == shelf.folder:
                return self._years(shelf, market, now)
            if path.rpartition("/")[0] == shelf.folder:
                return self._of_year(shelf, market, parts[-1], now) or None
        return None

    def file(self, key: str, now: int) -> File | None:
        """Return the file of a key, if published."""
        folder, _, name = key.rpartition("/")
        if _DATE.search(name) is None:
            return None
        for each in self.children(folder, now) or ():
            if isinstance(each, File) and each.key == key:
                return each
        return None

    def market_of(self, file: File) -> Market | None:
        """Return the market of a file."""
        return self._markets.find(file.shelf.market)

    def shelves(self, kind: Kind, market: Market, now: int) -> Iterator[Shelf]:
        """Yield the shelves of a market that have a file; week and month have one cut each."""
        for cut in _CUTS:
            for interval in INTERVALS if kind == "candle" else (None,):
                shelf = Shelf(kind, market.symbol, cut, interval)
                if _is_cut_so(shelf) and self._has(shelf, market, now):
                    yield shelf

    def _cuts(self, kind: Kind, market: Market, now: int) -> bool:
        return next(self.shelves(kind, market, now), None) is not None

    def _market(self, code: str, now: int) -> Market | None:
        market = self._markets.find(code)
        return market if market and market.symbol == code and market.is_listed(now) else None

    def _has(self, shelf: Shelf, market: Market, now: int) -> bool:
        if shelf.width is not None and not _is_made(market.source, shelf.width):
            return False
        return next(self._files(shelf, market, now), None) is not None

    def _years(self, shelf: Shelf, market: Market, now: int) -> list[str]:
        first = next(self._files(shelf, market, now)).start
        last = shelf.floor(now - _PUBLISHED_AFTER) - 1  # inside the newest period that is over
        years = range(_moment(first).year, _moment(shelf.floor(last)).year + 1)
        return [str(year) for year in years]

    def _of_year(self, shelf: Shelf, market: Market, year: str, now: int) -> list[File]:
        if not re.fullmatch(r"[0-9]{4}", year) or not 1970 <= int(year) <= 9000:
            return []
        begin, end = (_start_of(int(year) + more) for more in (0, 1))
        return list(self._files(shelf, market, now, begin, end))

    def _files(
        self, shelf: Shelf, market: Market, now: int, begin: int = 0, stop: int = 2**62
    ) -> Iterator[File]:
        """Yield the published files of a shelf whose period starts in [begin, stop)."""
        first = max(self._first(market), _floor_of(shelf))
        start = shelf.floor(first)
        if shelf.interval == "week" and start < _floor_of(shelf):
            start = shelf.end(start)  # the archive has not the whole of this week
        if start < begin:
            start = shelf.floor(begin)
            start = start if start == begin else shelf.end(start)
        while start < stop and (end := shelf.end(start)) + _PUBLISHED_AFTER <= now:
            yield File(shelf, start, end, max(start, _floor_of(shelf)))
            start = end

    def _first(self, market: Market) -> int:
        """Return when the market first traded."""
        kept = self._firsts.get(market.symbol)
        if kept is None or kept[0] is not market.source:
            opened = market.traded[0][0] if market.traded else 0
            kept = market.source, max(_first_of(market.source), opened)
            self._firsts[market.symbol] = kept
        return kept[1]


_CUTS: Final[tuple[Cut, ...]] = ("daily", "monthly")


def _is_cut_so(shelf: Shelf) -> bool:
    wrong = {"daily": ("month",), "monthly": ("week",)}
    return shelf.interval not in wrong[shelf.cut] and (shelf.kind, shelf.cut) != (
        "trade",
        "monthly",
    )


def _is_made(source: Source, width: Width) -> bool:
    """Whether a source has candles of a width: seconds are made of the trades in minutes."""
    return source.base(width) is not None or (width.name == "1s" and finest(source).name == "1m")


def _floor_of(shelf: Shelf) -> int:
    """Return from when on the archive has such rows at all."""
    if shelf.kind == "trade":
        return FIRST_TRADE
    return FIRST_SECOND if shelf.interval == "1s" else FIRST_CANDLE


def _first_of(source: Source) -> int:
    """Return the first candle of a source: known, or looked for by halves, day by day."""
    if source.listing:
        return source.listing
    base = finest(source)
    return _first_where(lambda day: bool(source.page(base, (day + 1) * DAY, 1))) * DAY


def _first_where(holds: Callable[[int], bool]) -> int:
    low, high = 0, 50_000  # days since 1970
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _start_of(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time // 1000, UTC)
