"""Names of markets: a Korean one is a symbol, an English one helps after a slip."""

from __future__ import annotations

import difflib
import functools
import unicodedata
from collections.abc import Sequence

import polars as pl

from marketkit import symbols as naming
from marketkit.errors import UnknownSymbol

_FIRST = "KRW-"  # the won market is what nearly everybody means by a name


class MarketNames:
    """The names of the markets of one list, however letters are put together.

    A name that several markets share (every coin is priced in two or three currencies) means the
    one in won; where there is none of these it must be the only one.
    """

    def __init__(self, markets: pl.DataFrame) -> None:
        self._markets = markets

    @functools.cached_property
    def _korean(self) -> dict[str, list[str]]:
        return _codes_by(self._markets["korean_name"], self._markets["symbol"])

    @functools.cached_property
    def _english(self) -> dict[str, list[str]]:
        return _codes_by(self._markets["english_name"], self._markets["symbol"])

    def codes(self, symbols: Sequence[str]) -> list[str]:
        """Put the code in place of each Korean name; other symbols, and strange names, stay.

        Raises `UnknownSymbol` for a name that means several markets, with their codes.
        """
        return [self._code(each) if naming.is_name(each) else each for each in symbols]

    def hint(self, symbol: str) -> str:
        """Say which markets have a name like this, as the tail of a message; or nothing."""
        said = _folded(symbol)
        found = self._english.get(said)
        if found is None and naming.is_name(symbol):
            close = difflib.get_close_matches(said, self._korean, n=1)
            found = self._korean[close[0]] if close else None
        if found is None:
            return ""
        best = sorted(found, key=lambda code: (not code.startswith(_FIRST), code))[:3]
        return f"; did you mean {' or '.join(map(repr, best))}?"

    def _code(self, name: str) -> str:
        found = self._korean.get(_folded(name), [])
        meant = [code for code in found if code.startswith(_FIRST)] or found
        if len(meant) > 1:
            hint = f": several markets have this name, give one of {' '.join(sorted(meant))}"
            raise UnknownSymbol(name, hint=hint)
        return meant[0] if meant else name


def in_codes(symbols: Sequence[str], markets: pl.DataFrame | None) -> list[str]:
    """Put codes in place of Korean names, by a market list.

    Raises `UnknownSymbol` for a name that it has not.
    """
    names = None if markets is None else MarketNames(markets)
    codes = list(symbols) if names is None else names.codes(symbols)
    for name in filter(naming.is_name, codes):
        hint = names.hint(name) if names else ": the lake has no market list yet, write the code"
        raise UnknownSymbol(name, hint=hint)
    return codes


def _codes_by(names: pl.Series, symbols: pl.Series) -> dict[str, list[str]]:
    codes: dict[str, list[str]] = {}
    for name, symbol in zip(names, symbols, strict=True):
        codes.setdefault(_folded(name or ""), []).append(symbol)
    return codes


def _folded(name: str) -> str:
    """Spell a name in one way: Macs write Korean letters in parts, people leave blanks out."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
