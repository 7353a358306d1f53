"""The price in won over the tradable rate, with the proof of both sides."""

from __future__ import annotations

import polars as pl
import pytest

import marketkit as mk
from marketkit.errors import InputError, NotCovered
from marketkit.schema import PREMIUM

HOURS = {"start": "2026-11-19T20:00", "end": "2026-11-20"}
SETTLED = {"start": "2026-11-19T19:00", "end": "2026-11-19T23:00"}


@pytest.mark.parametrize("width", ["1m", "1h"])
def test_a_premium_is_the_ratio_of_two_proved_candles(provider, width):
    found = provider.premium("BTC", quote="USDT", timeframe=width, **HOURS)
    assert found.schema == pl.Schema(PREMIUM)
    ask = {"timeframe": width, "fill": "forward", **HOURS}
    won, rate = (provider.get_candle(name, **ask) for name in ("KRW-BTC", "KRW-USDT"))
    both = won.join(rate, on="time", suffix="_rate").filter(pl.col("close_rate").is_not_null())
    assert found["time"].equals(both["time"])
    for name in ("open", "close"):
        assert found[name].to_list() == (both[name] / both[f"{name}_rate"]).to_list()
    assert found.select((pl.col("low") <= pl.min_horizontal("open", "close")).all()).item()
    assert found.select((pl.col("high") >= pl.max_horizontal("open", "close")).all()).item()
    assert found["rate"].equals(both["close_rate"].alias("rate"))
    assert set(found["symbol"]) == {"KRW-BTC"}


def test_the_market_between_the_two_says_how_far_apart_they_are(provider):
    found = provider.premium("BTC", timeframe="1h", **HOURS)
    own = provider.get_candle("USDT-BTC", "1h", **HOURS)
    told = found.filter(pl.col("direct").is_not_null())
    assert told["time"].equals(own["time"])
    assert told["direct"].equals(own["close"].alias("direct"))
    expected = told["close"] / own["close"] - 1
    assert told["premium"].to_list() == pytest.approx(expected.to_list())


def test_several_currencies_have_their_own_rows(provider):
    found = provider.premium(["BTC", "KRW-ETH"], timeframe="1h", **HOURS)
    assert found["symbol"].unique(maintain_order=True).to_list() == ["KRW-BTC", "KRW-ETH"]
    alone = provider.premium("ETH", timeframe="1h", **HOURS)
    assert found.filter(symbol="KRW-ETH").equals(alone)


def test_of_a_lake_alone_a_side_that_is_not_proved_is_named(provider):
    provider.backfill("KRW-BTC", "1h", **SETTLED).wait()
    with pytest.raises(NotCovered, match="KRW-USDT"):
        provider.premium("BTC", timeframe="1h", source="lake", **SETTLED)
    provider.backfill("KRW-USDT", "1h", **SETTLED).wait()
    found = provider.premium("BTC", timeframe="1h", source="lake", **SETTLED)
    assert found.height == 4
    assert found["direct"].null_count() == 4


def test_pandas_has_the_times_as_its_index(provider):
    pytest.importorskip("pandas")
    found = provider.premium("BTC", timeframe="1h", frame="pandas", tz="Asia/Seoul", **HOURS)
    assert str(found.index.tz) == "Asia/Seoul"
    assert found.attrs["symbol"] == "KRW-BTC"


def test_a_response_has_the_story_of_the_market_in_won(provider):
    told = provider.with_response.premium("BTC", timeframe="1h", **HOURS)
    assert set(told.source) == {"KRW-BTC"}
    assert told.frame.height == 4


@pytest.mark.parametrize(
    ("base", "quote", "said"),
    [
        ("USDT", "USDT", "two other currencies"),
        ("BTC", "KRW", "two other currencies"),
        ("USDT-BTC", "USDT", "is no market in KRW"),
        ("*", "USDT", "names no currency"),
        ("", "USDT", "names no currency"),
    ],
)
def test_what_has_no_premium_is_refused(provider, base, quote, said):
    with pytest.raises(InputError, match=said):
        provider.premium(base, quote=quote)


def test_a_premium_is_of_one_width(provider):
    with pytest.raises(mk.UnknownTimeframe):
        provider.premium("BTC", timeframe=["1m", "1h"], **HOURS)


def test_an_unlisted_currency_is_named(provider):
    with pytest.raises(mk.UnknownSymbol, match="KRW-NOPE"):
        provider.premium("NOPE", timeframe="1h", **HOURS)
