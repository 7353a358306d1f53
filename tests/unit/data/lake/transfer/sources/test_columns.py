"""Columns are found by their names, in English and Korean, the most telling first."""

from __future__ import annotations

import pytest

from marketkit.data.lake.transfer.sources.columns import (
    check_given,
    day_of,
    find,
    is_header,
    listed,
    others,
    zone_in,
)
from marketkit.errors import InputError

WIRE = "candle_acc_trade_volume,candle_acc_trade_price"
OLD = "candleAccTradeVolume,candleAccTradePrice"
REST = ["open", "high", "low", "close", "volume"]


@pytest.mark.parametrize(
    "header",
    [
        "time,open,high,low,close,volume,value",
        "Timestamp,Open,High,Low,Close,Volume,Value",
        "date_time_utc,open,high,low,close,acc_trade_volume,acc_trade_price",
        f"candle_date_time_utc,opening_price,high_price,low_price,trade_price,{WIRE}",
        f"candleDateTime,openingPrice,highPrice,lowPrice,tradePrice,{OLD}",
        ",open,high,low,close,volume,value",
        "\ufefftime,open,high,low,close,volume,value",
        "Open time,Open,High,Low,Close,Volume,Quote asset volume",
        "일시,시가,고가,저가,종가,거래량,거래대금",
        "체결시간(KST),시가(KRW),고가(KRW),저가(KRW),종가(KRW),거래량(BTC),거래대금(KRW)",
        "시간,시가,고가,저가,현재가,누적거래량,누적거래대금",
        "unix,open,high,low,close,Volume BTC,Volume KRW",
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,turnover",
    ],
)
def test_the_names_in_circulation_are_known(header):
    names = header.split(",")
    found = find(names, {}, None)
    assert [found[each] for each in ("time", *REST, "value")] == names


def test_a_volume_in_the_quote_currency_is_the_turnover_whatever_the_order():
    found = find(["date", *REST[:4], "Volume USDT", "Volume ETH"], {}, None)
    assert (found["volume"], found["value"]) == ("Volume ETH", "Volume USDT")


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        (["timestamp", "candle_date_time_kst", "candle_date_time_utc"], "candle_date_time_utc"),
        (["timestamp", "candle_date_time_kst"], "candle_date_time_kst"),
        (["", "timestamp"], "timestamp"),
        (["index", "date"], "date"),
    ],
)
def test_the_start_of_a_candle_comes_before_the_time_of_its_last_trade(times, taken):
    assert find([*times, *REST], {}, None)["time"] == taken


def test_of_two_clocks_the_one_that_is_asked_for_is_taken():
    names = ["candle_date_time_utc", "candle_date_time_kst", *REST]
    assert find(names, {}, "Asia/Seoul")["time"] == "candle_date_time_kst"
    assert find(names, {}, "UTC")["time"] == "candle_date_time_utc"


def test_names_that_are_given_are_believed_and_none_means_none():
    names = ["t", "a", *REST[1:], "value", "market"]
    found = find(names, {"time": "t", "open": "A", "value": None, "symbol": None}, None)
    assert (found["time"], found["open"]) == ("t", "a")
    assert not {"value", "symbol"} & set(found)


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InputError, match=r"known to be the volume; say columns=\{'volume': ...\}"):
        find(["time", *REST[:4], "x"], {}, None)
    with pytest.raises(InputError, match="no column 'clse' for close; did you mean 'close'"):
        find(["time", *REST], {"close": "clse"}, None)


def test_rows_without_a_header_are_told_to_have_none():
    with pytest.raises(InputError, match="write a line above the rows, such as time,open"):
        find(["1704067200000", "100.5", "101", "99", "100", "1.5"], {}, None)


@pytest.mark.parametrize(
    ("given", "match"),
    [({"prize": "x"}, "no 'prize' .one of time open"), ({"open": None}, "goes without 'open'")],
)
def test_a_name_that_no_candle_has_is_refused(given, match):
    with pytest.raises(InputError, match=match):
        check_given(given)


def test_a_header_is_a_line_of_known_or_given_names():
    assert is_header(["time", "open", "x", "high"], {})
    assert is_header(["일시", "시가", "고가"], {})
    assert is_header(["a", "b", "c"], {"time": "a", "open": "b", "high": "c"})
    assert not is_header(["https://www.example.com"], {})
    assert not is_header(["2024-01-01", "1", "2", "3"], {})


def test_the_end_of_a_name_may_say_the_zone():
    assert zone_in("candleDateTimeKst") == "Asia/Seoul"
    assert zone_in("일시 (UTC)") == "UTC"
    assert zone_in("time") is None


def test_columns_that_may_stand_in_for_the_time_are_told():
    assert others(["date", "time", *REST], "time") == ["date"]
    assert day_of(["<DATE>", "<TIME>", *REST], "<TIME>") == "<DATE>"
    assert day_of(["time", *REST], "time") is None


def test_a_list_of_names_is_as_long_as_a_message_may_be():
    assert listed(["", "a"]) == "'', a"
    assert listed(["x" * 99] * 99).endswith(", ...")
    assert len(listed(["x" * 99] * 99)) < 1_000
