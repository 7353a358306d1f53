"""Spelling of numbers on the websocket: differently by stream and format, always legal JSON.

upbit-api.md, section 3.7: the exchange is written in Java, and it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from marketkit.sandbox.spelling import Spelling, fixed, plain

Spell = Callable[[float], str]


def double(number: float) -> str:
    """Spell a number as Java's Double does.

    >>> double(116539000.0), double(0.00079276), double(0.0005), double(2.2403413)
    ('1.16539E8', '7.9276E-4', '5.0E-4', '2.2403413')
    """
    if 1e-3 <= abs(number) < 1e7 or not number:
        return repr(number)
    sign, digits, exponent = _scientific(number)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def decimal(number: float) -> str:
    """Spell a number as Java's BigDecimal does, without trailing zeros but one.

    >>> decimal(127.0), decimal(1.13e-06), decimal(9.9e-07), decimal(6e-08)
    ('127.0', '0.00000113', '9.9E-7', '6E-8')
    """
    if abs(number) >= 1e-6 or not number:
        text = plain(number)
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = _scientific(number)
    rest = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{rest}E{exponent}"


def _scientific(number: float) -> tuple[str, str, int]:
    """Return the sign, the shortest digits of a number and the exponent of the first one."""
    text, _, exponent = repr(abs(number)).partition("e")
    whole, _, part = text.partition(".")
    digits = (whole + part).lstrip("0")
    first = len(digits) - len(part) - 1
    return "-" if number < 0 else "", digits.rstrip("0"), first + int(exponent or 0)


class Numbers(NamedTuple):
    """How one stream in one format spells prices, sizes, and all else."""

    price: Spell
    size: Spell
    other: Spell = fixed


# Prices come back often, sizes never.
_remembered = lru_cache(maxsize=65_536)
_PLAIN: Final = Numbers(_remembered(fixed), fixed)
_TRADES: Final = Numbers(_remembered(decimal), decimal)
_BOOKS: Final = {
    False: Numbers(_remembered(double), fixed),
    True: Numbers(_remembered(plain), double),
}


def of_trades(spelling: Spelling, *, simple: bool) -> Numbers:
    """Return the spelling of tickers, trades and candles."""
    return _TRADES if simple and spelling == "wire" else _PLAIN


def of_books(spelling: Spelling, *, simple: bool) -> Numbers:
    """Return the spelling of order books."""
    return _BOOKS[simple] if spelling == "wire" else _PLAIN
