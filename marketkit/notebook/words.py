"""Values as people read them: numbers without exponents, times without what says nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from marketkit.progress import clock

Tone = Literal["", "up", "down"]

NOTHING = "-"  # where there is no value
# Columns of sums and sizes, of which eight digits are as many as anybody reads.
AMOUNTS = re.compile(r"(trade_)?(volume|value)(_24h)?|(total_)?(bid|ask)_size")
CODES = frozenset({"sequential_id", "year"})  # columns of numbers that count nothing

_DIGITS = 12  # of a float: all of a price and of a turnover in won, none of the noise behind
_DAYS_FROM = 2 * 86_400  # seconds from which the minutes of an age say nothing
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def value(given: Any) -> str:
    """Write any value of a frame.

    >>> value(178345000.0), value(1.234e-05), value(None), value(True)
    ('178,345,000', '0.00001234', '-', 'yes')
    """
    if is_missing(given):
        return NOTHING
    return next(
        (write(given) for kind, write in _WAYS.items() if isinstance(given, kind)), f"{given}"
    )


def field(name: str, given: Any) -> str:
    """Write a value that stands alone, by the column's name: a rate is a change in percent.

    >>> field("signed_change_rate", 0.0123), field("price", 178345000.0)
    ('+1.23%', '178,345,000')
    """
    if is_missing(given):
        return NOTHING
    if isinstance(given, datetime):
        return given.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if name.endswith("_rate"):
        return f"{percent(float(given), signed=name.startswith('signed'))}%"
    return cell(name, given)


def cell(name: str, given: Any) -> str:
    """Write a value that stands below the name of a column.

    >>> cell("sequential_id", 17640000000000000), cell("volume", 748.01212271)
    ('17640000000000000', '748.01212')
    """
    if name in CODES:
        return str(given)
    if isinstance(given, float) and AMOUNTS.fullmatch(name) and not is_missing(given):
        return number(given, 8)
    return value(given)


def is_missing(given: Any) -> bool:
    """Say whether a value is none: null, NaN, or what pandas has for them."""
    if given is None or type(given).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(given, float) and given != given  # noqa: PLR0124 - so is NaN, and only NaN


def number(given: float | Decimal, digits: int = _DIGITS) -> str:
    """Write a number in full; of a float so many digits, and all before the point.

    >>> number(178345000.0), number(1.234e-05), number(0.1 + 0.2), number(Decimal("1E-8"))
    ('178,345,000', '0.00001234', '0.3', '0.00000001')
    """
    if isinstance(given, int):
        return f"{given:,}"
    exact = given if isinstance(given, Decimal) else Decimal(repr(float(given)))
    if not exact.is_finite():
        return NOTHING if exact.is_nan() else str(given)
    if not exact:
        return "0"
    places = max(0, digits - 1 - exact.adjusted())
    if isinstance(given, float) and -int(exact.as_tuple().exponent) > places:
        exact = round(exact, places)
    text = f"{exact:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(rate: float, *, signed: bool = False) -> str:
    """Write a share, or with a sign a change, in percent.

    >>> percent(0.9231), percent(0.0123, signed=True), percent(-0.00001, signed=True)
    ('92.31', '+1.23', '0.00')
    """
    hundredths = round(100 * rate, 2) + 0.0  # no minus before a zero
    return f"{hundredths:+,.2f}" if signed and hundredths else f"{hundredths:,.2f}"


def tone(change: float | Decimal | None) -> Tone:
    """Give the tone of a change."""
    if is_missing(change) or not change:
        return ""
    return "up" if change > 0 else "down"


def size(count: float) -> str:
    """Write a number of bytes.

    >>> size(0), size(999), size(1_200_000)
    ('0 bytes', '999 bytes', '1.2 MB')
    """
    for unit in _UNITS:
        if round(count, 1) < 1000 or unit == _UNITS[-1]:
            return f"{count:,.0f} {unit}" if unit == _UNITS[0] else f"{count:,.1f} {unit}"
        count /= 1000
    return ""


def age(seconds: float) -> str:
    """Write for how long something has been so.

    >>> age(75), age(7500), age(400_000)
    ('1m 15s', '2h 05m', '4 days')
    """
    return clock(seconds) if seconds < _DAYS_FROM else f"{seconds // 86_400:,.0f} days"


def zone(moment: datetime) -> str:
    """Name the time zone of a moment: `UTC`, `Asia/Seoul` or `+09:00`; nothing where there is none.

    >>> from datetime import UTC
    >>> zone(datetime(2026, 1, 1, tzinfo=UTC)), zone(datetime(2026, 1, 1))
    ('UTC', '')
    """
    if moment.tzinfo is None:
        return ""
    return str(getattr(moment.tzinfo, "key", None) or moment.tzname())


def moment(given: datetime) -> str:
    """Write a moment with the zone, and with milliseconds where there are some.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 1, 1, 9, 30, tzinfo=UTC))
    '2026-01-01 09:30:00 UTC'
    """
    finest = "milliseconds" if given.microsecond else "seconds"
    return f"{_moment(given, finest)} {zone(given)}".rstrip()


def moments(given: Sequence[datetime | None]) -> tuple[str, list[str]]:
    """Give the zone of some moments, and each with the parts in which any of them differs.

    >>> from datetime import UTC
    >>> moments([datetime(2026, 1, 1, tzinfo=UTC), None, datetime(2026, 1, 2, tzinfo=UTC)])
    ('UTC', ['2026-01-01', '-', '2026-01-02'])
    """
    known = [each for each in given if not is_missing(each)]
    finest = _finest(each.time() for each in known if each is not None)
    zones = {zone(each) for each in known if each is not None}
    texts = [
        NOTHING if each is None or is_missing(each) else _moment(each, finest) for each in given
    ]
    return " ".join(sorted(zones)), texts


def _finest(times: Iterable[time]) -> str:
    """Name the finest part that any time of day needs, as `isoformat` says; or `date`."""
    finest = "date"
    for each in times:
        if each.microsecond:
            return "milliseconds"
        if each.second:
            finest = "seconds"
        elif finest == "date" and (each.hour or each.minute):
            finest = "minutes"
    return finest


def _moment(given: datetime, finest: str) -> str:
    if finest == "date":
        return f"{given:%Y-%m-%d}"
    return given.replace(tzinfo=None).isoformat(" ", finest)


# How values of a kind are written; the first that fits counts, and a bool is also an int.
_WAYS: dict[Any, Callable[[Any], str]] = {
    bool: lambda given: "yes" if given else "no",
    (int, float, Decimal): number,
    datetime: moment,
    date: date.isoformat,
    timedelta: lambda given: age(given.total_seconds()),
    (list, tuple): lambda given: ", ".join(map(value, given)),
    dict: lambda given: "; ".join(f"{name}={value(each)}" for name, each in given.items()),
}
