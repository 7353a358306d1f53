"""How numbers and times are spelled on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal

from marketkit.sandbox.widths import DAY, HOUR

Spelling = Literal["wire", "fraction"]
KST: Final = 9 * HOUR  # ahead of UTC, all year
_CLOCK: Final = tuple(f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60))


def fixed(number: float, places: int = 8) -> str:
    """Spell a number with exactly so many places, digit for digit as in the repr.

    >>> fixed(164899503.14206), fixed(1e-08), fixed(0.0101838562, 10)
    ('164899503.14206000', '0.00000001', '0.0101838562')
    """
    text = repr(float(number))
    missing = places + 1 - (len(text) - text.find("."))
    if "e" in text or missing < 0:
        return f"{number:.{places}f}"
    return text + "0" * missing


@lru_cache(maxsize=65_536)
def price(number: float) -> str:
    """Spell a price, as `fixed` does: prices come back often, volumes never."""
    return fixed(number)


def plain(number: float) -> str:
    """Spell a number without exponent, trailing zeros or a needless fraction, as order books do.

    >>> plain(116233000.0), plain(6.89e-06)
    ('116233000', '0.00000689')
    """
    return fixed(number).rstrip("0").rstrip(".")


def iso(time: int) -> str:
    """Spell ms UTC as yyyy-MM-ddTHH:mm:ss."""
    return f"{day(time)}T{clock(time)}"


def day(time: int) -> str:
    """Spell the date of ms UTC as yyyy-MM-dd."""
    return _day(time // DAY)


def clock(time: int) -> str:
    """Spell the time of day of ms UTC as HH:mm:ss."""
    return f"{_CLOCK[time // 60_000 % 1440]}:{time // 1000 % 60:02}"


@lru_cache(maxsize=8192)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y-%m-%d")
