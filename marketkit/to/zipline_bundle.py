"""Candles for Zipline: a bundle of days."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from marketkit.errors import InputError
from marketkit.timeframe import iso
from marketkit.to.intake import bars, pandas_bars, slots

_PRICES = ("open", "high", "low", "close")
_LARGEST = 2**32 - 1  # Zipline keeps thousandths of a price, and whole shares, in 32 bits
_SLACK = 1e-5  # thousandths; what floats lose on the way, where the next price is 1 away
_DAY = "1d"


def zipline(frame: Any, *, unit: float = 1.0, symbol: str | None = None) -> Callable[..., None]:
    """Give the `ingest` of a Zipline bundle with the days of each market.

    Zipline takes `register("upbit", ingest, calendar_name="24/7")`, and `zipline ingest -b upbit`
    calls it. Equities are called as the markets, in the order of their codes. Candles are days of
    00:00 UTC (`1d`), each the session of its date.

    One share is `unit` coins. Zipline keeps prices in thousandths up to 4,294,967.295, and whole
    shares: a bitcoin in won fits with `unit=0.001`, a price of the share and 1,000 shares a
    bitcoin. What would not fit is refused, and so no price is changed; of the volume Zipline drops
    what is less than a share.

    Empties: Zipline wants a bar for each day from first to last; a day without one is refused.
    `fill="forward"` gives it one of the last close and no volume.

    Raises `InputError` for such a day, a price or volume that does not fit, a forming candle, times
    without a zone or that are no days in UTC, and no candle at all; `MissingExtra` without pandas.
    """
    rows = bars(frame, symbol=symbol, timeframe=_DAY)
    rows = rows.with_columns(pl.col("time").dt.convert_time_zone("UTC"))
    slots(rows, _DAY)
    markets = {}
    for (name,), group in rows.group_by("symbol", maintain_order=True):
        _refuse_gap(group)
        markets[str(name)] = _table(_shares(group, unit))
    return lambda _, assets, __, days, adjustments, *___: _ingest(
        markets, assets, days, adjustments
    )


def _refuse_gap(rows: pl.DataFrame) -> None:
    late = rows.filter(pl.col("time").diff() > pl.duration(days=1))
    if late.height:
        day = late.select(pl.col("time").dt.offset_by("-1d").dt.epoch("ms")).item(0, 0)
        raise InputError(
            f"{late['symbol'][0]} has no candle of {iso(day)[:10]}, and Zipline wants one of each"
            " day: ask with fill='forward', or for less"
        )


def _shares(rows: pl.DataFrame, unit: float) -> pl.DataFrame:
    """Give prices and volumes of shares. Raises `InputError` for what Zipline cannot hold."""
    if not unit > 0:
        raise InputError(f"unit={unit!r} is no size of a share: write 1, or 0.001")
    shares = rows.with_columns(pl.col(_PRICES) * unit, pl.col("volume") / unit)
    said = f"{rows['symbol'][0]} with unit={unit!r}"
    thousandths = pl.concat([shares[name] for name in _PRICES]) * 1000
    if (thousandths > _LARGEST).any():
        raise InputError(f"prices of {said} are too large for Zipline: a smaller unit")
    if (shares["volume"] > _LARGEST).any():
        raise InputError(f"volumes of {said} are too large for Zipline: a larger unit")
    if ((thousandths - thousandths.round()).abs() > _SLACK).any():
        raise InputError(f"prices of {said} would be rounded to thousandths: a larger unit")
    return shares


def _table(rows: pl.DataFrame) -> Any:
    """Give days in the spelling of Zipline: small names, dates without a zone."""
    return pandas_bars(rows, tz="UTC").tz_localize(None).rename(columns=str.lower)


def _ingest(markets: dict[str, Any], assets: Any, days: Any, adjustments: Any) -> None:
    """Write days, then the equities, then that nothing was ever split or paid out."""
    import pandas as pd  # noqa: PLC0415 - there since the tables were made

    days.write(list(enumerate(markets.values())), show_progress=False)
    ends = [table.index[-1] for table in markets.values()]
    equities = pd.DataFrame(
        {
            "symbol": list(markets),
            "asset_name": list(markets),
            "start_date": [table.index[0] for table in markets.values()],
            "end_date": ends,
            "auto_close_date": [end + pd.Timedelta(days=1) for end in ends],
            "exchange": "UPBIT",
        }
    )
    exchange = {"exchange": ["UPBIT"], "canonical_name": ["UPBIT"], "country_code": ["KR"]}
    assets.write(equities=equities, exchanges=pd.DataFrame(exchange))
    adjustments.write()
