"""Candles for NautilusTrader: a catalog of bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from marketkit.disk import make_folder
from marketkit.errors import InputError, MissingExtra
from marketkit.settings import given_path
from marketkit.timeframe import Timeframe, iso
from marketkit.to.intake import bars, codes, slots

VENUE = "UPBIT"
_DECIMALS = 8  # of prices and volumes, as far as the exchange writes them
_UNITS = {"s": "SECOND", "m": "MINUTE", "h": "HOUR", "d": "DAY", "w": "WEEK"}
_CALENDAR = {"1M": "1-MONTH", "1y": "1-YEAR"}
_NANOSECONDS = 1_000_000  # of a millisecond


def nautilus(
    frame: Any, timeframe: str | Timeframe, folder: str | Path, *, symbol: str | None = None
) -> Any:
    """Write instruments and bars to a catalog of NautilusTrader, and give the catalog.

    The result is a `ParquetDataCatalog` at `folder`. KRW-BTC is the `CurrencyPair`
    `KRW-BTC.UPBIT`, its bars have the type `KRW-BTC.UPBIT-1-HOUR-LAST-EXTERNAL`. Prices are in the
    quote currency, with as many decimals as the candles need; volumes in the base currency with 8.
    No fees are set: they are yours.

    Times are UTC, and the end of each candle: the library takes `ts_init` for the moment at which a
    bar is known, and one that began then would look ahead.

    Empties: a slot without a trade has no bar, as `get_candle` gives it no row. With
    `fill="forward"` it has one of the last close and no volume, for that is what was asked for;
    rows of `fill="null"` are left out. No price is made here.

    Raises `InputError` for a forming candle, times without a zone or that are no slots of
    `timeframe`, no candle at all, and a catalog that has bars of that time already; `MissingExtra`
    without nautilus_trader.
    """
    root = given_path(folder, "folder").absolute()
    try:
        from nautilus_trader.persistence.catalog import (  # noqa: PLC0415 - optional, large
            ParquetDataCatalog,
        )
    except ImportError:
        raise MissingExtra("nautilus_trader", "nautilus") from None
    rows = bars(frame, symbol=symbol, timeframe=timeframe)
    width, markets = slots(rows, timeframe), codes(rows)
    make_folder(root)
    catalog = ParquetDataCatalog(root)
    for quote, base, group in markets:
        precision = decimals(group)
        made = list(_bars(group, width, precision))
        _refuse_known(catalog, made)
        catalog.write_data([_instrument(quote, base, precision)])
        catalog.write_data(made)
    return catalog


def bar_type(symbol: str, timeframe: Timeframe) -> str:
    """Spell the type of bar of a market and a width.

    >>> from marketkit.timeframe import parse_timeframe
    >>> bar_type("KRW-BTC", parse_timeframe("4h"))
    'KRW-BTC.UPBIT-4-HOUR-LAST-EXTERNAL'
    """
    step = _CALENDAR.get(timeframe.name)
    if step is None:
        step = f"{timeframe.name[:-1]}-{_UNITS[timeframe.name[-1]]}"
    return f"{symbol}.{VENUE}-{step}-LAST-EXTERNAL"


def decimals(rows: pl.DataFrame) -> int:
    """Give the decimals that the prices of some candles need, 8 at most."""
    prices = pl.concat([rows[name] for name in ("open", "high", "low", "close")])
    for places in range(_DECIMALS):
        if (prices.round(places) == prices).all():
            return places
    return _DECIMALS


def _refuse_known(catalog: Any, made: list[Any]) -> None:
    """Refuse bars of a time that the catalog has bars of: the library notices after writing."""
    kind, first, last = made[0].bar_type, made[0].ts_init, made[-1].ts_init
    for start, end in catalog.get_intervals(type(made[0]), str(kind)):
        if start <= last and first <= end:
            raise InputError(
                f"the catalog {catalog.path} has bars {kind} from {iso(start // _NANOSECONDS)}"
                f" to {iso(end // _NANOSECONDS)} already: name another folder"
            )


def _instrument(quote: str, base: str, precision: int) -> Any:
    from nautilus_trader.model.identifiers import InstrumentId, Symbol  # noqa: PLC0415 - as above
    from nautilus_trader.model.instruments import CurrencyPair  # noqa: PLC0415
    from nautilus_trader.model.objects import Currency, Price, Quantity  # noqa: PLC0415

    code = f"{quote}-{base}"
    return CurrencyPair(
        instrument_id=InstrumentId.from_str(f"{code}.{VENUE}"),
        raw_symbol=Symbol(code),
        base_currency=Currency.from_str(base),
        quote_currency=Currency.from_str(quote),
        price_precision=precision,
        size_precision=_DECIMALS,
        price_increment=Price(10**-precision, precision),
        size_increment=Quantity(10**-_DECIMALS, _DECIMALS),
        ts_event=0,
        ts_init=0,
    )


def _bars(rows: pl.DataFrame, width: Timeframe, precision: int) -> Iterator[Any]:
    from nautilus_trader.model.data import Bar, BarType  # noqa: PLC0415 - as above
    from nautilus_trader.model.objects import Price, Quantity  # noqa: PLC0415

    kind = BarType.from_str(bar_type(rows["symbol"][0], width))
    numbers = rows.select(pl.col("time").dt.epoch("ms"), "open", "high", "low", "close", "volume")
    for time, *prices, volume in numbers.iter_rows():
        end = width.next(time) * _NANOSECONDS
        ohlc = (Price(price, precision) for price in prices)
        yield Bar(kind, *ohlc, Quantity(volume, _DECIMALS), ts_event=end, ts_init=end)
