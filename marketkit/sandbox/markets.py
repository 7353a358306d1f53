"""The markets of the exchange, and the orders that list, end, rename, pause and warn of markets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from marketkit.errors import InputError
from marketkit.sandbox.clipped import Clipped, Hours
from marketkit.sandbox.names import QUOTES
from marketkit.sandbox.source import Source
from marketkit.sandbox.synthetic import Synthetic

State = Literal["PREVIEW", "ACTIVE", "DELISTED"]

EVENTS: Final = ("list", "end", "rename", "pause", "resume", "warn")
_EVER: Final = 2**62  # later than any time
_NEW_RANK: Final = 40  # a new market trades about as often as the fortieth
_SINCE: Final = 1_506_308_400_000  # 2017-09-25T03:00Z, when the exchange opened
_CODE: Final = re.compile(r'[^-\s"\\,]+-[^\s"\\,]+')  # all that JSON and a list of codes can carry


class Order(NamedTuple):
    """What happens to a market at a moment (ms UTC); `to` is a new code or a date."""

    symbol: str
    event: str
    at: int
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Market:
    """One market for all time: the listings, and the hours of trading."""

    symbol: str
    whole: Source  # as if it always traded
    source: Source  # in its hours
    listed: Hours
    traded: Hours
    warned: int = _EVER
    delisting: str | None = None  # the date that the warning names
    former: str | None = None  # the code before a rename

    @classmethod
    def of(cls, symbol: str, source: Source) -> Market:
        """Return a market that is listed and trades from the listing of the source on."""
        always = ((source.listing, _EVER),)
        return cls(symbol, source, source, always, always)

    def is_listed(self, now: int) -> bool:
        """Whether the market is in the list."""
        return _inside(self.listed, now)

    def is_traded(self, now: int) -> bool:
        """Whether the market has an order book and trades."""
        return _inside(self.traded, now)

    def state(self, now: int) -> State:
        """Return the word that tickers have for the market."""
        if not self.is_listed(now):
            return "DELISTED"
        return "ACTIVE" if self.is_traded(now) else "PREVIEW"

    def is_warned(self, now: int) -> bool:
        """Whether the market list warns of the market."""
        return now >= self.warned

    def during(self, listed: Hours, traded: Hours) -> Market:
        """Return the market with other hours."""
        return replace(self, listed=listed, traded=traded, source=Clipped(self.whole, traded))


class Markets:
    """The register of an exchange; orders may name moments that are still to come.

    Readers in other threads see it before or after an order, never in between.
    """

    def __init__(self, sources: Mapping[str, Source], seed: int = 1) -> None:
        self.orders: tuple[Order, ...] = ()
        self._seed = seed
        self._markets = {
            symbol.upper(): Market.of(symbol, source) for symbol, source in sources.items()
        }

    def find(self, code: str) -> Market | None:
        """Return a market, listed or not, by a code in any case."""
        return self._markets.get(code.upper())

    def listed(self, now: int) -> list[Market]:
        """Return the markets that are listed at a moment."""
        return [market for market in self._markets.values() if market.is_listed(now)]

    def sources(self) -> dict[str, Source]:
        """Return the source of every market's trades, by symbol."""
        return {market.symbol: market.source for market in self._markets.values()}

    def add(self, symbol: str) -> Market:
        """Add a market that is listed and trades since years.

        Raises `InputError` for a code that is taken, or that no body can carry.
        """
        if self.find(symbol):
            raise InputError(f"{symbol!r} is a market already")
        return self._put(Market.of(symbol, self._made_up(symbol)))

    def remove(self, symbol: str) -> None:
        """Forget a market, as if there had never been one."""
        self._markets = {
            code: market for code, market in self._markets.items() if market.symbol != symbol
        }

    def order(self, order: Order) -> None:
        """Have something happen to a market; orders of one market come in the order of time.

        Raises `InputError` for an unknown event, a market that is not listed at that moment, and
        a new code that is taken.
        """
        if order.event not in EVENTS:
            raise InputError(f"unknown event {order.event!r}; there are {', '.join(EVENTS)}")
        if order.event == "list":
            self._list(order)
        else:
            market = self.find(order.symbol)
            if market is None or not market.is_listed(order.at):
                raise InputError(f"no market {order.symbol!r} is listed then, to {order.event}")
            self._change(market, order)
        self.orders = (*self.orders, order)

    def _list(self, order: Order) -> None:
        market, hours = self.find(order.symbol), ((order.at, _EVER),)
        if market is None or market.whole.listing > order.at:
            market = Market.of(order.symbol, self._made_up(order.symbol))
        self._put(replace(market, warned=_EVER, delisting=None).during(hours, hours))

    def _change(self, market: Market, order: Order) -> None:
        at = order.at
        traded = _until(market.traded, at)
        if order.event == "warn":
            self._put(replace(market, warned=at, delisting=order.to))
        elif order.event == "pause":
            self._put(market.during(market.listed, traded))
        elif order.event == "resume":
            self._put(market.during(market.listed, (*traded, (at, _EVER))))
        else:
            if order.event == "rename":
                self._rename(market, order)
            self._put(market.during(_until(market.listed, at), traded))

    def _rename(self, market: Market, order: Order) -> None:
        """Have a new code go on with all that the market traded."""
        if order.to is None or self.find(order.to):
            raise InputError(f"rename {market.symbol} to a code that is free, not {order.to!r}")
        self._put(
            replace(
                market,
                symbol=_checked(order.to),
                listed=((order.at, _EVER),),
                former=market.symbol,
                warned=_EVER,
                delisting=None,
            )
        )

    def _put(self, market: Market) -> Market:
        self._markets = self._markets | {market.symbol.upper(): market}
        return market

    def _made_up(self, symbol: str) -> Synthetic:
        quote = _checked(symbol).partition("-")[0]
        if quote not in QUOTES:
            raise InputError(f"{symbol!r} is quoted in none of {', '.join(QUOTES)}")
        return Synthetic(symbol, self._seed, _NEW_RANK, listing=_SINCE)


def _checked(symbol: str) -> str:
    if not _CODE.fullmatch(symbol):
        raise InputError(f"{symbol!r} is no code of a market, like KRW-BTC")
    return symbol


def _inside(hours: Hours, now: int) -> bool:
    return any(start <= now < end for start, end in hours)


def _until(hours: Hours, end: int) -> Hours:
    return tuple((start, min(stop, end)) for start, stop in hours if start < end)
