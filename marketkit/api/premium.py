"""Premiums: the price in won over the price of another currency in won, slot by slot."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from marketkit import symbols as naming
from marketkit.api.candles import CandleCall, CandleEndpoints
from marketkit.api.query import CallOptions, Query, Result, Symbols
from marketkit.api.widths import answered
from marketkit.errors import InputError, MarketkitError
from marketkit.schema import PREMIUM, STATE
from marketkit.timeframe import parse_timeframe
from marketkit.window import UTC_DAYS, Source, Time

_WON = "KRW"
_PRICES = ("open", "close")


@dataclass(frozen=True, slots=True)
class PremiumCall:
    """The words of a call for premiums; `premium` explains each."""

    quote: str = "USDT"
    timeframe: str = "1m"
    start: Time | None = None
    end: Time | None = None
    count: int | None = None
    session: str | None = None
    default_session: str = UTC_DAYS
    source: Source = "auto"

    def candles(self, *, filled: bool) -> CandleCall:
        """Give the call for the candles of a market, with rows for empty slots or without."""
        return CandleCall(
            self.timeframe,
            self.start,
            self.end,
            self.count,
            fill="forward" if filled else "none",
            session=self.session,
            default_session=self.default_session,
            source=self.source,
        )


class Markets(NamedTuple):
    """The markets of a premium: in won, of the quote currency in won, and between the two."""

    won: str
    rate: str
    direct: str


def markets_of(base: str, quote: str) -> Markets:
    """Name the markets for a currency or a market in won.

    Raises `InputError` for a market in another currency, and for the quote currency itself.

    >>> markets_of("BTC", "USDT")
    Markets(won='KRW-BTC', rate='KRW-USDT', direct='USDT-BTC')
    """
    for each in (base, quote):
        if not isinstance(each, str) or not naming.is_code(f"{_WON}-{each.strip().upper()}"):
            raise InputError(f"{each!r} names no currency: give one such as BTC")
    of, money = base.strip().upper().removeprefix(f"{_WON}-"), quote.strip().upper()
    of = of.removesuffix(f"/{_WON}")
    if "-" in of or "/" in of:
        raise InputError(f"{base!r} is no market in {_WON}: give a currency, such as BTC")
    if of == money or _WON in {of, money}:
        raise InputError(f"a premium of {base!r} in {quote!r} is none: give two other currencies")
    return Markets(f"{_WON}-{of}", f"{_WON}-{money}", f"{money}-{of}")


class PremiumEndpoints:
    """Makes queries for premiums, which are candles of three markets joined."""

    def __init__(self, candles: CandleEndpoints) -> None:
        self._candles = candles

    def premium(self, bases: Symbols, call: PremiumCall, options: CallOptions) -> Query:
        """Ask for the candles of all markets, and join the slots with proof of both sides."""
        parse_timeframe(call.timeframe, made=True)  # one: of several there is no candle to join
        asked = [markets_of(base, call.quote) for base in naming.several(bases)]
        wanted = list(dict.fromkeys(asked))
        plain = options._replace(frame="polars", tz="UTC")
        won = [each.won for each in wanted]
        ask = self._candles.candles
        sides = ask([*won, wanted[0].rate], call.candles(filled=True), plain)
        direct = [ask(each.direct, call.candles(filled=False), plain) for each in wanted]

        async def fetch() -> Result:
            result = await answered(sides)
            own = [await _rows(query) for query in direct]
            return _result(result, wanted, own)

        symbols = won[0] if isinstance(bases, str) else won
        return replace(sides, symbols=symbols, options=options, fetch=fetch, recall=lambda: None)


async def _rows(query: Query) -> pl.DataFrame | None:
    """Give the candles of a market that need not be there."""
    with contextlib.suppress(MarketkitError):
        return (await answered(query)).frame
    return None


def _result(
    result: Result, wanted: Sequence[Markets], direct: Sequence[pl.DataFrame | None]
) -> Result:
    """Put the premiums of all markets together; without the rate there is none."""
    failures = dict(result.failures)
    frames = [pl.DataFrame(schema=dict(PREMIUM))]
    rate = failures.pop(wanted[0].rate, None)
    for markets, own in zip(wanted, direct, strict=True):
        if rate is not None:
            failures.setdefault(markets.won, rate)
        if markets.won not in failures:
            won, money = (_of(result.frame, name) for name in (markets.won, markets.rate))
            frames.append(premiums(won, money, own))
    sources = {
        key: [name for name in names if name != wanted[0].rate and name not in failures]
        for key, names in result.sources.items()
    }
    sources = {key: names for key, names in sources.items() if names}
    frame = pl.concat(frames).sort("symbol", "time")
    return replace(result, frame=frame, sources=sources, failures=failures)


def _of(rows: pl.DataFrame, symbol: str) -> pl.DataFrame:
    return rows.filter(pl.col("symbol") == symbol)


def premiums(
    won: pl.DataFrame, rate: pl.DataFrame, direct: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Join candles in won with candles of the rate, as `PREMIUM`.

    Both have the columns of `schema.CANDLE` and a row, at the last price, for each slot that is
    proved to be without a trade: a slot that either of them lacks has no premium. `direct` has
    candles of the market between the two currencies.
    """
    both = won.join(rate, on="time", suffix="_rate", maintain_order="left")
    ratios = {name: pl.col(name) / pl.col(f"{name}_rate") for name in _PRICES}
    own = pl.DataFrame(schema={"time": won.schema["time"], "direct": pl.Float64()})
    if direct is not None:
        own = direct.select("time", direct="close")
    known = both.select(
        "symbol",
        "time",
        **ratios,
        high=pl.max_horizontal(*ratios.values()),
        low=pl.min_horizontal(*ratios.values()),
        volume="volume",
        value=pl.col("value") / pl.col("close_rate"),
        rate="close_rate",
        state=pl.when((pl.col("state") == "empty") & (pl.col("state_rate") == "empty"))
        .then(pl.lit("empty", STATE))
        .otherwise(pl.lit("closed", STATE)),
    ).filter(pl.col("close").is_not_null())
    told = known.join(own, on="time", how="left", maintain_order="left")
    premium = pl.col("close") / pl.col("direct") - 1
    return told.with_columns(premium=premium).select(
        pl.col(name).cast(kind) for name, kind in PREMIUM.items()
    )
