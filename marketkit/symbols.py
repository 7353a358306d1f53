"""Spellings of symbols, globs, the listed markets that match, and names of files.

Native codes are `QUOTE-BASE` in upper case (Upbit reference, section 2). `BTC/KRW` means `KRW-BTC`,
and a glob such as `KRW-*` every listed market it matches. An exchange may list odder codes
(`USDT-币安人生`, `KRW-BRK.B`): what a list has stays as it is.
"""

from __future__ import annotations

import fnmatch
import functools
import re
import sys
import unicodedata
from collections.abc import Collection, Iterable

from marketkit.errors import InputError, UnknownSymbol, warn

_NATIVE = re.compile(r"[A-Z0-9]+-[A-Z0-9]+")
_GLOB = re.compile(r"[A-Z0-9*?\[\]!-]+")
_QUOTES = ("KRW", "USDT", "BTC")  # Korea's: what is meant is guessed where no list is at hand
_LONGEST = 64  # characters of a code; real ones have up to 12, and a file name must hold it escaped
_LONGEST_NAME = 200  # bytes; a file system takes 255, of which some go to what is put around it
_NO_TEXT = ("Cc", "Cs")  # control characters and halves of characters: of these no code is made
_RESERVED = re.compile(r"CON|PRN|AUX|NUL|COM\d|LPT\d")  # devices, whatever follows a dot: Windows
_ESCAPED = re.compile(r"(?:%[0-9A-F]{2})+")


def typed(
    symbols: str | Iterable[str],
    known: Collection[str] = (),
    *,
    aloud: bool = True,
    slips: bool = True,
) -> list[str]:
    """Spell one or many symbols natively, listed or not; codes of `known` stay as given.

    Duplicates are dropped, order is kept. Odd codes (`KRW-BRK.B`), `slips` (`BTCKRW`) and names
    (`비트코인`) are left to a list of markets, which tells what is meant. `aloud` warns of what is
    corrected.

    Raises `InputError` for an empty list or a value that is not a string, `UnknownSymbol` for what
    can be no symbol at all (`../x`).
    """
    found: dict[str, None] = {}
    for symbol in several(symbols):
        try:
            found[_native(symbol, known, aloud=aloud)] = None
        except UnknownSymbol:
            text = symbol.strip()
            if not (is_code(text) or (slips and (is_name(text) or _meant(text.upper())))):
                raise
            found[text] = None
    return list(found)


def resolve(symbols: str | Iterable[str], known: Collection[str]) -> list[str]:
    """Give the listed markets that `symbols` mean, sorted.

    Raises `UnknownSymbol`, with the nearest matches, for the first that is not in `known`.

    >>> resolve(["BTC/KRW", "KRW-E*"], ["KRW-BTC", "KRW-ETH", "KRW-ETC"])
    ['KRW-BTC', 'KRW-ETC', 'KRW-ETH']
    """
    found: set[str] = set()
    for symbol in typed(symbols, known):
        found.update(matches(symbol, known))
    return sorted(found)


def matches(symbol: str, known: Collection[str], *, hint: bool = True) -> list[str]:
    """Give the known markets that one natively spelt symbol or glob means.

    Raises `UnknownSymbol`; looking for the nearest matches takes milliseconds: not without `hint`.
    """
    if symbol in known:
        return [symbol]
    if is_glob(symbol):
        hits = [code for code in known if fnmatch.fnmatchcase(code, symbol)]
    else:
        hits = _of_another_case(frozenset(known)).get(symbol.upper(), [])
    if not hits:
        raise UnknownSymbol(symbol, known if hint else ())
    return hits


def several(symbols: str | Iterable[str]) -> list[str]:
    """Give one or many symbols as a list. Raises `InputError` for an empty one, and for none."""
    if not isinstance(symbols, Iterable):
        raise InputError(f"symbols are strings such as 'KRW-BTC', not {symbols!r}")
    given = [symbols] if isinstance(symbols, str) else list(symbols)
    if not given:
        raise InputError("no symbols: the list is empty")
    return given


def shared(codes: Iterable[str]) -> list[str]:
    """Give codes as shared texts, one of each code in a process.

    Every look into a column makes new texts, and dozens of places keep the markets of a list.
    """
    return [sys.intern(code) for code in codes]


def is_glob(symbol: str) -> bool:
    """Say whether a symbol stands for many."""
    return any(each in symbol for each in "*?[")


def is_native(symbol: str) -> bool:
    """Say whether a symbol is spelt as the exchange's documents say that codes are."""
    return _NATIVE.fullmatch(symbol) is not None


def is_code(text: object) -> bool:
    """Say whether an exchange may list a market under such a code, odd or not.

    >>> is_code("KRW-BRK.B"), is_code("BTC"), is_code("KRW-*")
    (True, False, False)
    """
    return isinstance(text, str) and len(text) <= _LONGEST and _is_code(text)


@functools.lru_cache(maxsize=4096)  # hundreds of markets, asked about by every call for all
def _is_code(text: str) -> bool:
    if is_glob(text):
        return False
    quote, _, base = text.partition("-")
    is_text = not any(unicodedata.category(each) in _NO_TEXT for each in text)
    return bool(quote and base) and is_text and len(file_name(text).encode()) <= _LONGEST_NAME


def is_name(symbol: object) -> bool:
    """Say whether a symbol can be the Korean name of a market: letters of no code, and no dash.

    >>> is_name("비트코인"), is_name("USDT-币安人生"), is_name("bitcoin")
    (True, False, False)
    """
    if not isinstance(symbol, str) or symbol.isascii() or len(symbol) > _LONGEST:
        return False
    plain = symbol.replace(" ", "").replace(".", "").replace("(", "").replace(")", "")
    return unicodedata.normalize("NFC", plain).isalnum()


def file_name(symbol: str) -> str:
    """Give a name of a file or folder for a code: no two codes share one, on any file system.

    Codes of upper-case letters, digits, `-`, `_` and inner dots are their own names, as are letters
    of scripts without case; all else is escaped as `%XX`, byte by byte of UTF-8.

    >>> file_name("KRW-BTC"), file_name("KRW-BRK.B"), file_name("KRW-a/..")
    ('KRW-BTC', 'KRW-BRK.B', 'KRW-%61%2F%2E%2E')
    """
    if is_native(symbol):
        return symbol
    # A file system may spell letters otherwise, as long as they mean the same.
    one_spelling = unicodedata.is_normalized("NFKC", symbol)
    name = "".join(
        each if _is_safe(symbol, at, one_spelling=one_spelling) else _escaped(each)
        for at, each in enumerate(symbol)
    )
    if _RESERVED.fullmatch(name.partition(".")[0]):
        return _escaped(name[0]) + name[1:]
    return name


def symbol_of(name: str) -> str | None:
    """Give the code whose `file_name` a name is, or None.

    >>> symbol_of("KRW-%61%2F%2E%2E"), symbol_of("krw-a")
    ('KRW-a/..', None)
    """
    spelt = unicodedata.normalize("NFC", name)
    try:
        symbol = _ESCAPED.sub(lambda found: _unescaped(found[0]), spelt)
    except UnicodeDecodeError:
        return None
    return symbol if is_code(symbol) and file_name(symbol) == spelt else None


def _native(symbol: str, known: Collection[str], *, aloud: bool) -> str:
    if not isinstance(symbol, str):
        raise InputError(f"a symbol is a string such as 'KRW-BTC', not {symbol!r}")
    spelt = symbol.strip()
    if symbol in known or spelt in known:
        return symbol if symbol in known else spelt
    if spelt.count("/") == 1 and "-" not in spelt:
        base, quote = spelt.split("/")
        spelt = f"{quote}-{base}"
    upper = spelt.upper() if spelt.isascii() else spelt
    if not (is_native(upper) or (is_glob(upper) and _GLOB.fullmatch(upper))):
        raise UnknownSymbol(symbol, known or _meant(upper))
    if upper != spelt and aloud:
        warn(f"symbol {symbol!r} taken as {upper!r}")
    return upper


def _meant(text: str) -> list[str]:
    """Guess the code that is meant by letters without a dash: `BTC`, `BTCKRW`, `KRW_BTC`."""
    letters = re.sub("[-_:. ]", "", text)
    if not (text.isascii() and letters.isalnum()):
        return []
    for quote in _QUOTES:
        for base in (letters.removeprefix(quote), letters.removesuffix(quote)):
            if base and base != letters:
                return [f"{quote}-{base}"]
    return [f"{_QUOTES[0]}-{letters}"]


@functools.lru_cache(maxsize=8)
def _of_another_case(known: frozenset[str]) -> dict[str, list[str]]:
    """Give the codes with lower-case letters, by the same in upper case."""
    found: dict[str, list[str]] = {}
    for code in known:
        if code != code.upper():
            found.setdefault(code.upper(), []).append(code)
    return {upper: codes for upper, codes in found.items() if len(codes) == 1}


def _is_safe(symbol: str, at: int, *, one_spelling: bool) -> bool:
    """Say whether a character of a code may be part of a file name unescaped."""
    each = symbol[at]
    if not each.isascii():
        return one_spelling and each.isalnum() and each == each.upper() == each.lower()
    if each == ".":
        around = symbol[max(at - 1, 0) : at] + symbol[at + 1 : at + 2]
        return re.fullmatch("[A-Z0-9]{2}", around) is not None
    return each in "-_" or each.isdigit() or each.isupper()


def _escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))


def _unescaped(text: str) -> str:
    return bytes.fromhex(text.replace("%", "")).decode()
