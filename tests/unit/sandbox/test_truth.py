"""Closed candles straight from the history."""

from __future__ import annotations

import pytest

from marketkit.errors import InputError
from marketkit.sandbox.control import moment


def test_the_truth_of_a_seed_is_what_its_pages_say(exchange, client):
    start, end = moment("2026-11-20T09:00:00"), moment("2026-11-20T11:00:00")
    truth = exchange.candles("KRW-DOGE", "1m", start, end)
    page = client.get("candles/minutes/1?market=KRW-DOGE&count=200&to=2026-11-20T10:17:00").json()[
        ::-1
    ]
    served = [row for row in page if row["candle_date_time_utc"] >= "2026-11-20T09:00:00"]
    assert truth["volume"].to_list() == [row["candle_acc_trade_volume"] for row in served]
    assert truth["value"].to_list() == [row["candle_acc_trade_price"] for row in served]
    assert truth["time"][-1] < moment("2026-11-20T10:17:00")
    with pytest.raises(InputError):
        exchange.candles("KRW-DOG", "1m", 0, 1)
    with pytest.raises(InputError):
        exchange.candles("KRW-DOGE", "2m", 0, 1)
