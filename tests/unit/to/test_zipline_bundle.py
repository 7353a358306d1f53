"""What Zipline cannot hold is refused before it would be changed."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.to.intake import bars
from marketkit.to.zipline_bundle import _shares, zipline


def days(make, price, count=5):
    return make("KRW-BTC", [24 * day for day in range(count)], price)


def written(ingest):
    """Give what a bundle writes, by a writer that only keeps what it is given."""
    kept = {}

    class Keep:
        def __init__(self, name):
            self.name = name

        def write(self, *args, **options):
            kept[self.name] = args or options

    # As Zipline calls it, by position.
    ingest(None, Keep("assets"), None, Keep("days"), Keep("adjustments"), *[None] * 6)
    return kept


def test_days_and_equities_are_written_by_number(make):
    kept = written(zipline(days(make, 100.0)))
    ((number, table),) = kept["days"][0]
    assert number == 0
    assert list(table.columns) == ["open", "high", "low", "close", "volume"]
    assert table.index.tz is None
    assert str(table.index[-1].date()) == "2026-03-05"
    equities = kept["assets"]["equities"]
    assert equities["symbol"].tolist() == ["KRW-BTC"]
    assert str(equities["end_date"][0].date()) == "2026-03-05"
    assert kept["adjustments"] == {}


def whole(frame):
    """Give days whose prices are all closes."""
    return frame.with_columns(pl.col("close").alias(name) for name in ("open", "high", "low"))


def test_a_dear_coin_is_told_in_parts(make):
    dear = whole(days(make, 178_345_000.0))
    with pytest.raises(InputError, match=r"prices of KRW-BTC with unit=1.0 are too large"):
        zipline(dear)
    shares = _shares(bars(dear), 0.001)
    assert shares["close"].to_list()[0] == 178_345.0
    assert shares["volume"].to_list()[0] == 1250.0


def test_no_price_is_rounded(make):
    cheap = whole(days(make, 0.00012, count=1))
    with pytest.raises(InputError, match="would be rounded to thousandths"):
        zipline(cheap)
    assert _shares(bars(cheap), 1e6)["close"][0] == 120.0


def test_a_volume_that_does_not_fit_is_refused(make):
    with pytest.raises(InputError, match="volumes of KRW-BTC with unit=1e-10 are too large"):
        _shares(bars(days(make, 100.0)), 1e-10)


@pytest.mark.parametrize("unit", [0, -1.0, float("nan")])
def test_no_share_is_refused(make, unit):
    with pytest.raises(InputError, match="no size of a share"):
        zipline(days(make, 100.0), unit=unit)


def test_a_day_without_a_candle_is_refused_by_its_date(make):
    gap = days(make, 100.0).filter(pl.col("time").dt.day() != 3)
    with pytest.raises(InputError, match="no candle of 2026-03-03"):
        zipline(gap)


def test_hours_are_no_days(hours):
    with pytest.raises(InputError, match="no slot of timeframe='1d'"):
        zipline(hours)
