"""Each probe asks for what the calls ask for, and knows a wrong answer."""

from __future__ import annotations

import json

import pytest

from marketkit.api import probes
from marketkit.exchange.upbit import contract
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES, iso, parse_time

NOON = parse_time("2026-11-20T12:00:30Z")
HOURS = TIMEFRAMES["4h"]


def candle(start, **changes):
    said = iso(start).removesuffix("Z")
    row = {
        "market": "KRW-BTC", "candle_date_time_utc": said,
        "candle_date_time_kst": iso(start + 9 * HOUR).removesuffix("Z"),
        "opening_price": 10.0, "high_price": 12.0, "low_price": 9.0, "trade_price": 11.0,
        "timestamp": start + 1, "candle_acc_trade_price": 5.0, "candle_acc_trade_volume": 1.0,
        "unit": 240,
    }  # fmt: skip
    return row | changes


def told(rows, to=NOON):
    probe = probes.candles("KRW-BTC", HOURS, contract.CANDLES["4h"], to)
    found = probes.differences(probe, json.dumps(rows).encode(), rows)
    return [(each.severity, each.said) for each in found]


def starts(*back):
    return [HOURS.floor(NOON) - 4 * HOUR * each for each in back]


def test_candles_that_are_right_differ_in_nothing():
    assert told([candle(start) for start in starts(0, 1, 5)]) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([candle(NOON)], "candles start beside the slots of 4h"),
        ([candle(starts(-1)[0])], "1 candles start at or after the time asked for"),
        ([candle(start) for start in starts(1, 0)], "rows are not from the newest to the oldest"),
        ([candle(start) for start in starts(0, 0)], "1 rows came twice"),
        ([candle(starts(0)[0], market="KRW-ETH")], "nobody asked for that market"),
        ([candle(starts(0)[0], candle_date_time_utc="noon")], "1 starts of candles are no times"),
        ([candle(starts(0)[0], candle_date_time_kst="2026-11-20T12:00:00")], "not nine hours"),
        ([candle(starts(0)[0], high_price=8.0)], "an impossible row"),
        ([candle(start) for start in starts(*range(11))], "11 candles came, 10 were asked for"),
        ([], "not a single row came"),
    ],
)
def test_candles_that_are_wrong_are_named(rows, said):
    assert any(said in each for _, each in told(rows))


def test_a_list_names_odd_codes_and_twins():
    probe = probes.markets()
    row = {"market": "KRW-BTC", "korean_name": "a", "english_name": "b"}
    rows = [row, row, row | {"market": "USDT-币安人生"}]
    said = [each.said for each in probe.check(rows)]
    assert said == ["1 odd codes are listed, as 'USDT-币安人生'", "1 markets are listed twice"]


def test_tickers_of_all_are_compared_with_the_list():
    probe = probes.all_tickers(["KRW-BTC", "KRW-ETH", "BTC-ETH"])
    assert dict(probe.request.params) == {"quote_currencies": "BTC,KRW"}
    rows = [{"market": each} for each in ("KRW-BTC", "BTC-ETH", "KRW-NEW")]
    assert [each.said for each in probe.check(rows)] == [
        "1 markets are not listed, as KRW-NEW",
        "1 listed markets have none, as KRW-ETH",
    ]


def test_trades_of_the_future_and_out_of_order_are_named():
    probe = probes.trades("KRW-BTC", NOON)
    rows = [
        {"market": "KRW-BTC", "timestamp": time, "sequential_id": time * 10_000}
        for time in (NOON - 5, NOON + DAY)
    ]
    said = [each.said for each in probe.check(rows)]
    assert said[0].startswith("rows are not from the newest")
    assert said[1] == "1 trades are of the future"


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        (["BTC-ETH", "KRW-XRP", "KRW-BTC", "USDT-BTC"], ["KRW-BTC", "BTC-ETH", "USDT-BTC"]),
        (["SGD-XRP", "BTC-XRP"], ["SGD-XRP", "BTC-XRP"]),
        (["USDT-币安人生"], []),
        ([], []),
    ],
)
def test_bitcoin_in_the_sites_own_money_comes_first(listed, chosen):
    assert probes.chosen(listed) == chosen


@pytest.mark.parametrize("text", ["", "noon", None, 5, "2026-13-01T00:00:00"])
def test_what_is_no_time_is_none(text):
    assert probes.opened(text) is None
