"""Market lists in their order: departures, their days, and the codes of successors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self

import polars as pl

from marketkit.errors import MarketkitError, UnknownSymbol
from marketkit.schema import MARKET, empty
from marketkit.symbols import shared
from marketkit.timeframe import DAY, parse_time

# Renames that the exchange has announced (Upbit reference, section 7); the names changed, too.
_ANNOUNCED = {"MATIC": "POL", "EOS": "A", "STPT": "AWE"}


@dataclass(frozen=True, slots=True)
class Chronicle:
    """The facts that lists show in the order of their days.

    `last` has the day of the last list with each market; `successors` the code that a market went
    on under, where one list lacks the old code and is the first with a new one of the same name, or
    of one that names the old code ("POL (ex-MATIC)").
    """

    days: tuple[date, ...] = ()
    last: Mapping[str, date] = field(default_factory=dict)
    successors: Mapping[str, str] = field(default_factory=dict)
    newest: pl.DataFrame = field(default_factory=lambda: empty(MARKET))

    def and_then(self, day: date, markets: pl.DataFrame) -> Self:
        """Add a list; a list older than the newest adds nothing."""
        if self.days and day < self.days[-1]:
            return self
        listed = shared(markets["symbol"])
        kept = {old: new for old, new in self.successors.items() if old not in set(listed)}
        return type(self)(
            self.days if self.days[-1:] == (day,) else (*self.days, day),
            {**self.last, **dict.fromkeys(listed, day)},
            {**kept, **dict(_succession(self.newest, markets))} if self.days else {},
            markets,
        )

    def beside(self, seen: Chronicle) -> Self:
        """Add markets and successors that only other lists have, none of these newer."""
        later = {name: day for name, day in seen.last.items() if day >= self.last.get(name, day)}
        listed = set(self.newest["symbol"])
        told = {old: new for old, new in seen.successors.items() if old not in listed}
        return replace(self, last={**self.last, **later}, successors={**told, **self.successors})

    @property
    def ended(self) -> dict[str, date]:
        """The markets that the newest list lacks, and the day of the last list of each."""
        listed = set(self.newest["symbol"])
        return {symbol: day for symbol, day in self.last.items() if symbol not in listed}

    def gone_by(self, symbol: str) -> int | None:
        """Give a moment (ms UTC) at which a market was surely gone: the end of a day.

        None where no list of a later day shows that.
        """
        last = self.last.get(symbol)
        later = next((day for day in self.days if last is not None and day > last), None)
        return None if later is None else parse_time(later) + DAY


def _succession(before: pl.DataFrame, after: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Give the old and the new code of each market that goes on in the next list."""
    left = before.join(after, on="symbol", how="anti").rows(named=True)
    came = after.join(before, on="symbol", how="anti").rows(named=True)
    for old in left:
        new = [each["symbol"] for each in came if _goes_on(old, each)]
        if len(new) == 1:
            yield old["symbol"], new[0]


def _goes_on(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether a new code is an old one's market: the same quote, and a name that tells so."""
    if old["quote"] != new["quote"]:
        return False
    if _ANNOUNCED.get(old["base"]) == new["base"]:
        return True
    same = (old[name] and old[name] == new[name] for name in ("english_name", "korean_name"))
    return any(same) or f"(ex-{old['base']})" in (new["english_name"] or "")


def chronicle_of(lists: Iterable[tuple[date, pl.DataFrame]], so_far: Chronicle) -> Chronicle:
    """Add lists, in the order of their days."""
    for day, markets in lists:
        so_far = so_far.and_then(day, markets)
    return so_far


def with_successors(markets: pl.DataFrame, told: Chronicle) -> pl.DataFrame:
    """Add the column `successor`: the code that a market goes on under, else null."""
    went_on = [told.successors.get(symbol) for symbol in markets["symbol"]]
    return markets.with_columns(pl.Series("successor", went_on, pl.String))


def with_last_days(
    unknown: Mapping[str, MarketkitError], told: Chronicle
) -> dict[str, MarketkitError]:
    """Add the last day in a list, and the successor, to the errors of symbols."""
    return {
        symbol: UnknownSymbol(
            symbol, last_listed=told.last[symbol], successor=told.successors.get(symbol)
        )
        if symbol in told.last
        else error
        for symbol, error in unknown.items()
    }
