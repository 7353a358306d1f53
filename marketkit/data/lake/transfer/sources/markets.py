"""Spellings of a market in rows, in names of files and as an argument, and the code of each.

`BTC/KRW`, `KRW_BTC`, `BTCKRW`, `UPBIT:BTCKRW` and `CRIX.UPBIT.KRW-BTC` are all `KRW-BTC`. A
currency that is quoted in never leads a pair that is spelt the other way round: of two such the
first of `_QUOTES` is the quote.
"""

from __future__ import annotations

import re
from itertools import pairwise

import polars as pl

from marketkit.errors import InputError, plain
from marketkit.symbols import is_code

_FIAT = ("KRW", "SGD", "IDR", "THB")
_QUOTES = (*_FIAT, "USDT", "BTC")  # what Upbit's sites quote in, the first wins
_MONEY = frozenset(("USD", "EUR", "JPY", "GBP", "CNY", "AUD", "CAD", "CHF", "TRY", "BRL"))
_COINS = frozenset(("USDC", "BUSD", "FDUSD", "TUSD"))  # quoted in elsewhere, and traded here
_UPBIT = re.compile(r"(?:CRIX[.:/_ -])?UPBIT[.:/_ -]+", re.IGNORECASE)
_PAIR = re.compile(r"([A-Z0-9]+)([-/_.: ])([A-Z0-9]+)")
_WORD = re.compile(r"[A-Za-z0-9]+")
# Parts of names of files that are no currency, besides numbers and widths of candles.
_WORDS = frozenset(
    (
        *("ALL", "ARCHIVE", "BACKUP", "BAR", "BARS", "CANDLE", "CANDLES", "CHART", "CLEAN", "COIN"),
        *("COINS", "COPY", "CRIX", "CRYPTO", "CSV", "DAILY", "DATA", "DATASET", "DB", "EXPORT"),
        *("FILE", "FULL", "HIST", "HISTORICAL", "HISTORY", "HOURLY", "JSON", "KLINE", "KLINES"),
        *("KST", "LIST", "MARKET", "MARKETS", "MERGED", "MONTHLY", "NEW", "OHLC", "OHLCV", "OLD"),
        *("ONLY", "OUT", "OUTPUT", "PAGE", "PAGES", "PRICE", "PRICES", "RAW", "RESULT", "SAMPLE"),
        *("SPOT", "TEST", "TICK", "TICKER", "TICKS", "TRADE", "TRADES", "UPBIT", "UTC", "WEEKLY"),
        *("WON", "YEARLY"),
    )
)
_NO_CURRENCY = re.compile(
    r"\d+|\d+[A-Z]|[SMHDWV]\d+|RUN\d+|\d*(?:MS|MIN|MINUTE|SEC|SECOND|HOUR|DAY|WEEK|MONTH|MON|YEAR)S?\d*"
)


def market_of(text: str) -> str | None:
    """Give the code of the market that is spelt in any of the ways in use, or None.

    >>> [market_of(each) for each in ("BTC/KRW", "KRW_BTC", "btckrw", "CRIX.UPBIT.KRW-BTC", "BTC")]
    ['KRW-BTC', 'KRW-BTC', 'KRW-BTC', 'KRW-BTC', None]
    """
    spelt = _UPBIT.sub("", text.strip(), count=1)
    if not spelt.isascii():
        quote = spelt.partition("-")[0]
        return spelt if quote in _QUOTES and is_code(spelt) else None
    upper = spelt.upper()
    if pair := _PAIR.fullmatch(upper):
        return _of_pair(*pair.groups())
    if upper.isalnum():
        return _glued(upper)
    return spelt if is_code(spelt) and spelt.partition("-")[0] in _QUOTES else None


def market_in(name: str) -> str | None:
    """Give the one market that the name of a file speaks of, or None; the name has no suffix.

    >>> market_in("UPBIT_BTCKRW, 1D"), market_in("KRW-BTC_candle-1m_202501"), market_in("btc")
    ('KRW-BTC', 'KRW-BTC', None)
    """
    words = _WORD.findall(_UPBIT.sub("", name))
    pairs = (_named(one, other) for one, other in pairwise(words))
    glued = (_glued(word.upper()) for word in words if not _is_word(word))
    found = {market for market in (*pairs, *glued) if market}
    won = {market for market in found if market.partition("-")[0] in _FIAT}
    # In KRW-BTC_whatever the won is quoted in, not the coin beside it.
    (market,) = (won or found) if len(won or found) == 1 else (None,)
    return market


def spell(column: pl.Series) -> pl.Series:
    """Give the codes of a column of markets. Raises `InputError` for a null and for an unknown."""
    said = column.cast(pl.String)
    if said.null_count():
        row = said.is_null().arg_true()[0] + 1
        raise InputError(f"row {row}, column {column.name!r} is empty: no market is named{_OUT}")
    names = said.unique().to_list()
    codes = {name: market_of(name) for name in names}
    if bad := [name for name, code in codes.items() if code is None]:
        at = said.is_in(bad).arg_true()[0]
        raise InputError(
            f"row {at + 1}, column {column.name!r}: {plain(said[at], 40)!r} is no market such as"
            f" KRW-BTC{_OUT}"
        )
    if len(names) == 1:
        return pl.repeat(codes[names[0]], len(said), dtype=pl.String, eager=True)
    return said.replace_strict(codes, return_dtype=pl.String)


_OUT = "; columns={'symbol': None} takes the column for something else"


def _of_pair(one: str, sign: str, other: str) -> str | None:
    """Give the code of two currencies, of which at most the sign between says which is which."""
    ranked = sorted({one, other} & set(_QUOTES), key=_QUOTES.index)
    if one == other or {one, other} & _MONEY:
        return None
    if not ranked:
        # The exchange's own spelling of a currency that is new here; not that of other exchanges.
        return f"{one}-{other}" if sign == "-" and other not in _COINS else None
    quote = ranked[0]
    base = other if quote == one else one
    if base in _COINS and quote not in _FIAT and quote != {"-": one, "/": other}.get(sign):
        return None
    return f"{quote}-{base}"


def _glued(letters: str) -> str | None:
    """Give the code of two currencies without a sign between."""
    for quote in _QUOTES:
        # WBTC and BTCST are coins of their own.
        least = 3 if quote == "BTC" else 1
        for base in (letters.removesuffix(quote), letters.removeprefix(quote)):
            if base != letters and len(base) >= least:
                return f"{quote}-{base}"
    return None


def _named(one: str, other: str) -> str | None:
    """Give the code of two words that stand side by side in the name of a file."""
    if _is_word(one) or _is_word(other):
        return None
    upper = one.upper(), other.upper()
    # Small letters beside btc may be any word: my_btc.
    if set(upper) & set(_FIAT) or (set(upper) & set(_QUOTES) and (one, other) == upper):
        return _of_pair(upper[0], "_", upper[1])
    return None


def _is_word(text: str) -> bool:
    return text.upper() in _WORDS or _NO_CURRENCY.fullmatch(text.upper()) is not None
