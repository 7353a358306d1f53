"""Candle widths and times: slots in UTC milliseconds, names on disk and of callers.

A slot is the half-open span one candle stands for and is named by its start. Minutes, hours and
days are multiples of their width since 1970 UTC (a day starts at 00:00 UTC, 09:00 in Korea);
weeks start on Monday 00:00 UTC, months and years on the 1st (Upbit reference, "list-candles-*").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from marketkit.errors import InputError, InvalidRange, UnknownTimeframe, nearest

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
_FIRST_MONDAY = 4 * DAY  # 1970-01-05
_MONTHS = {"1M": 1, "1y": 12}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """One candle width.

    `name` is what callers type (`1m`, `1M`), `token` its name on disk, which differs from every
    other token even where case is ignored (`1min`, `1mo`). `width` is its length in milliseconds;
    for months and years, whose slots differ in length, it is the shortest one.
    """

    name: str
    token: str
    width: int

    def __str__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)  # no two share one, and it is asked of every series of every call

    @property
    def is_calendar(self) -> bool:
        """Whether the slots differ in length, as for months and years."""
        return self.name in _MONTHS

    @property
    def made_of(self) -> str | None:
        """The width whose candles these are made of, None where the exchange has its own."""
        if self.name not in MADE:
            return None
        return "1h" if self.width % DAY else "1d"

    @property
    def every(self) -> str:
        """The width in the spelling of polars, where `m` is a minute and `mo` a month."""
        return self.token if self.is_calendar else self.name

    def floor(self, time: int) -> int:
        """Give the start of the slot that holds `time`."""
        if self.name in _MONTHS:
            return _month_start(_month_index(time) // _MONTHS[self.name] * _MONTHS[self.name])
        origin = _FIRST_MONDAY if self.name == "1w" else 0
        return (time - origin) // self.width * self.width + origin

    def ceil(self, time: int) -> int:
        """Give the first slot start at or after `time`."""
        if self.name in _MONTHS:
            start = self.floor(time)
            return start if start == time else self.next(start)
        origin = _FIRST_MONDAY if self.name == "1w" else 0
        return origin - (origin - time) // self.width * self.width

    def next(self, time: int) -> int:
        """Give the start of the slot after the one that holds `time`: also that slot's end."""
        return self.shift(time, 1)

    def previous(self, time: int) -> int:
        """Give the start of the slot before the one that holds `time`."""
        return self.shift(time, -1)

    def shift(self, time: int, slots: int) -> int:
        """Give the start of the slot that lies `slots` after the one that holds `time`."""
        start = self.floor(time)
        if self.name in _MONTHS:
            return _month_start(_month_index(start) + slots * _MONTHS[self.name])
        return start + slots * self.width

    def count(self, start: int, end: int) -> int:
        """Count the slots whose start lies in `[start, end)`."""
        if self.name in _MONTHS:
            first, last = _month_index(self.ceil(start)), _month_index(self.ceil(end))
            return max(0, (last - first) // _MONTHS[self.name])
        origin = _FIRST_MONDAY if self.name == "1w" else 0
        # Rounded up both, as `ceil` does; asked of every gap of hundreds of markets.
        return max(0, (origin - start) // self.width - (origin - end) // self.width)

    def count_all(self, spans: Iterable[tuple[int, int]]) -> int:
        """Count the slots whose start lies in one of `spans`, which do not overlap."""
        return sum(self.count(start, end) for start, end in spans)

    def whole(self, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Give the part of each span that is made of whole slots, perhaps empty or reversed."""
        return ((self.ceil(start), self.floor(end)) for start, end in spans)


_ALL = (
    Timeframe("1s", "1sec", SECOND),
    Timeframe("1m", "1min", MINUTE),
    Timeframe("3m", "3min", 3 * MINUTE),
    Timeframe("5m", "5min", 5 * MINUTE),
    Timeframe("10m", "10min", 10 * MINUTE),
    Timeframe("15m", "15min", 15 * MINUTE),
    Timeframe("30m", "30min", 30 * MINUTE),
    Timeframe("1h", "1h", HOUR),
    Timeframe("4h", "4h", 4 * HOUR),
    Timeframe("1d", "1d", DAY),
    Timeframe("1w", "1w", WEEK),
    Timeframe("1M", "1mo", 28 * DAY),
    Timeframe("1y", "1y", 365 * DAY),
)
TIMEFRAMES = {each.name: each for each in _ALL}
# Widths that the exchange has no candles of; three days are counted from 1970-01-01.
_MADE = [Timeframe(name := f"{hours}h", name, hours * HOUR) for hours in (2, 6, 8, 12)]
MADE = {each.name: each for each in (*_MADE, Timeframe("3d", "3d", 3 * DAY))}
EVERY = sorted((*_ALL, *MADE.values()), key=lambda each: each.width)
_ALIASES = {"60m": "1h", "240m": "4h"}
_TOKENS = {each.token: each for each in _ALL}
_DURATION = re.compile(r"([0-9]{1,6})([smhdwy])")
_BACK = re.compile(rf"-{_DURATION.pattern}")
_SPELT = re.compile(r"(\d{0,4})\s*([A-Za-z]*)\s*[/_]?(\d{0,4})")
# The words for units in other libraries, and what they are here.
_WORDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "t", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days", "daily"), "d"),
    **dict.fromkeys(("w", "wk", "week", "weeks", "weekly"), "w"),
    **dict.fromkeys(("mo", "mon", "month", "months", "monthly", "ms", "me"), "M"),
    **dict.fromkeys(("y", "yr", "year", "years", "yearly"), "y"),
}
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK, "y": 365 * DAY}
_LENGTHS = {**_UNITS, "": MINUTE, "M": 30 * DAY}  # a bare number is of minutes, as elsewhere


def parse_timeframe(timeframe: str | Timeframe, *, made: bool = False) -> Timeframe:
    """Give the timeframe a caller names.

    `60m` and `240m` mean `1h` and `4h`; `1m` is a minute and `1M` a month, so case matters. With
    `made` it may be one that is only made of narrower candles. Raises `UnknownTimeframe` with the
    nearest names.

    >>> parse_timeframe("240m").name
    '4h'
    """
    name = timeframe.name if isinstance(timeframe, Timeframe) else timeframe
    if isinstance(name, str) and name in MADE:
        if made:
            return MADE[name]
        base = MADE[name].made_of
        raise UnknownTimeframe(
            f"the exchange has no {name} candles: fetch and keep {base}, of which get_candle and"
            f" lake.read make {name}"
        )
    if isinstance(timeframe, Timeframe):
        return timeframe
    known = TIMEFRAMES.get(_ALIASES.get(name, name)) if isinstance(name, str) else None
    if known is None:
        listed = " ".join([*TIMEFRAMES, *(MADE if made else ())])
        raise UnknownTimeframe(
            f"unknown timeframe {timeframe!r}{_meant_width(str(timeframe))} (one of {listed})"
        )
    return known


def _meant_width(text: str) -> str:
    """Say which width is meant by another spelling, such as `day`, `minute60`, `1H`, `60`."""
    found = _SPELT.fullmatch(text.strip())
    before, word, after = found.groups() if found else ("", "", "")
    unit = word if word in {"", "M"} else _WORDS.get(word.lower())
    if before + word + after and unit is not None:
        length = int(before or after or 1) * _LENGTHS[unit]
        for each in EVERY:
            if length == (_LENGTHS["M"] if each.name == "1M" else each.width):
                return f"; did you mean {each.name!r}?"
    return nearest(text, TIMEFRAMES)


def timeframe_of_token(token: str) -> Timeframe | None:
    """Give the timeframe with this name on disk, or None."""
    return _TOKENS.get(token)


def narrower(timeframe: Timeframe) -> Iterator[Timeframe]:
    """Give the timeframes whose candles add up to one of `timeframe`, the widest first."""
    widest = TIMEFRAMES[timeframe.made_of or "1y"]
    for each in reversed(TIMEFRAMES.values()):
        fits = each.width <= DAY if timeframe.is_calendar else timeframe.width % each.width == 0
        fits = fits or (timeframe.name, each.name) == ("1y", "1M")
        if fits and each.width < timeframe.width and each.width <= widest.width:
            yield each


def is_relative(time: object) -> bool:
    """Say whether a caller counts back from now: `-30d`, `-12h`.

    >>> is_relative("-30d"), is_relative("30d"), is_relative("2025-09-01")
    (True, False, False)
    """
    return isinstance(time, str) and _BACK.fullmatch(time.strip()) is not None


def parse_time(time: str | date | datetime, now: int | None = None) -> int:
    """Give the milliseconds UTC of a moment a caller names.

    ISO strings and dates without an offset mean UTC. A naive `datetime` is refused, for it may mean
    anybody's clock. With `now`, `-30d` is as long before that, `s m h d w y` being its units and a
    year 365 days. Raises `InvalidRange`.

    >>> parse_time("2025-09-01") == parse_time("2025-09-01T09:00:00+09:00")
    True
    >>> iso(parse_time("-12h", now=parse_time("2025-09-01")))
    '2025-08-31T12:00:00Z'
    """
    if now is not None and isinstance(time, str) and is_relative(time):
        return max(0, now - parse_duration(time.strip()[1:]))
    moment = _moment(time)
    if moment.tzinfo is None:
        raise InvalidRange(
            f"naive datetime {time!r}: give it a time zone, as in {moment.isoformat()}+00:00"
        )
    if moment.year == 9999:
        raise InvalidRange(f"{time!r} lies at the end of the calendar, year 9999")
    # Whole milliseconds by integer arithmetic: a float holds no microseconds of today's dates.
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * DAY + since.seconds * SECOND + since.microseconds // 1_000


# What a datetime can be.
_YEAR_1 = -62_135_596_800_000
_YEAR_10000 = 253_402_300_800_000


def iso(time: int) -> str:
    """Write milliseconds UTC for people, in words where no calendar has the time.

    >>> iso(1756684800000), iso(1756684800000_000)
    ('2025-09-01T00:00:00Z', 'after 9999')
    """
    if time < _YEAR_1:
        return "before the year 1"
    if time >= _YEAR_10000:
        return "after 9999"
    moment = datetime.fromtimestamp(time // SECOND, UTC).replace(tzinfo=None)
    fraction = f".{time % SECOND:03d}" if time % SECOND else ""
    return f"{moment.isoformat()}{fraction}Z"


def _moment(time: str | date | datetime) -> datetime:
    if isinstance(time, datetime):
        return time
    if isinstance(time, date):
        return datetime(time.year, time.month, time.day, tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        if isinstance(time, str) and _DURATION.fullmatch(time.strip()):
            raise InvalidRange(
                f"cannot read {time!r} as a time: write '-{time.strip()}' for so long before now"
            ) from None
        raise InvalidRange(
            f"cannot read {time!r} as a time: give an ISO string such as 2025-09-01 or"
            " 2025-09-01T09:00:00+09:00, -30d for thirty days ago, a date, or a datetime with a"
            " time zone"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _month_index(time: int) -> int:
    moment = datetime.fromtimestamp(time // SECOND, UTC)
    return moment.year * 12 + moment.month - 1


def _month_start(index: int) -> int:
    return int(datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC).timestamp()) * SECOND


def parse_duration(duration: str) -> int:
    """Give the milliseconds of a length of time a caller names. Raises `InputError`.

    >>> parse_duration("12h") == 12 * 3_600_000
    True
    """
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None or not (length := int(match[1]) * _UNITS[match[2]]):
        hint = f"; did you mean '{duration}s'?" if str(duration).strip("0").isdecimal() else ""
        raise InputError(
            f"not a length of time: {duration!r}{hint} (expected one such as 30s, 5m, 2h, 7d)"
        )
    return length
