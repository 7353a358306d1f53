"""Spellings of symbols, globs, and the listed markets that match.

Native codes are `QUOTE-BASE` in upper case (Upbit reference, section 2). `BTC/KRW` means `KRW-BTC`,
and a glob such as `KRW-*` every listed market it matches.
"""

from __future__ import annotations

import fnmatch
import re
import warnings
from collections.abc import Collection, Iterable

from marketkit.errors import InputError, UnknownSymbol

_NATIVE = re.compile(r"[A-Z0-9]+-[A-Z0-9]+")
_GLOB = re.compile(r"[A-Z0-9*?\[\]!-]+")


def listed(symbols: str | Iterable[str]) -> list[str]:
    """Spell one or many symbols natively, listed or not.

    Duplicates are dropped, order is kept. Raises `InputError` for an empty list or a value that
    is not a string, `UnknownSymbol` for what can be no symbol at all (`../x`).
    """
    if not isinstance(symbols, Iterable):
        raise InputError(f"symbols are strings such as 'KRW-BTC', not {symbols!r}")
    given = [symbols] if isinstance(symbols, str) else list(symbols)
    if not given:
        raise InputError("no symbols: the list is empty")
    return list(dict.fromkeys(_native(each) for each in given))


def resolve(symbols: str | Iterable[str], known: Collection[str]) -> list[str]:
    """Give the listed markets that `symbols` mean, sorted.

    Raises `UnknownSymbol`, with the nearest matches, for the first that is not in `known`.

    >>> resolve(["BTC/KRW", "KRW-E*"], ["KRW-BTC", "KRW-ETH", "KRW-ETC"])
    ['KRW-BTC', 'KRW-ETC', 'KRW-ETH']
    """
    found: set[str] = set()
    for symbol in listed(symbols):
        found.update(matches(symbol, known))
    return sorted(found)


def matches(symbol: str, known: Collection[str], *, hint: bool = True) -> list[str]:
    """Give the known markets that one natively spelt symbol or glob means.

    Raises `UnknownSymbol`; looking for the nearest matches takes milliseconds: not without `hint`.
    """
    if symbol in known:
        return [symbol]
    hits = fnmatch.filter(known, symbol) if is_glob(symbol) else []
    if not hits:
        raise UnknownSymbol(symbol, known if hint else ())
    return hits


def is_glob(symbol: str) -> bool:
    """Say whether a symbol stands for many."""
    return any(each in symbol for each in "*?[")


def _native(symbol: str) -> str:
    if not isinstance(symbol, str):
        raise InputError(f"a symbol is a string such as 'KRW-BTC', not {symbol!r}")
    spelt = symbol.strip()
    if spelt.count("/") == 1:
        base, quote = spelt.split("/")
        spelt = f"{quote}-{base}"
    upper = spelt.upper() if spelt.isascii() else spelt
    if not (_NATIVE.fullmatch(upper) or (is_glob(upper) and _GLOB.fullmatch(upper))):
        raise UnknownSymbol(symbol)
    if upper != spelt:
        warnings.warn(f"symbol {symbol!r} taken as {upper!r}", stacklevel=4)
    return upper
