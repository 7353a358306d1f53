"""Older arguments keep their meaning in the calls of today."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from marketkit.compat.older.calls import OlderMethods
from marketkit.compat.older.models import Priority
from marketkit.errors import InputError, InvalidRange

HIGH = {"priority": "high", "on_error": "skip"}
NORMAL = {"priority": "normal", "on_error": "skip"}
NINE = datetime(2026, 1, 2, 9, tzinfo=UTC)


class Today:
    """The calls of today, which say how they were called."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: (name, args, kwargs)


class Provider(OlderMethods):
    """The calls, answered with the call of today."""

    def _answer(self, call):
        return call.ask(Today())

    def _batch(self, _, call):
        return call.ask(Today())


older = Provider()


def test_quotes_are_asked_for_with_the_priority_in_second_place():
    assert older.get_ticker("KRW-BTC") == ("get_ticker", ("KRW-BTC",), HIGH)
    asked = older.get_ticker(["KRW-BTC"], Priority.NORMAL)
    assert asked == ("get_ticker", (["KRW-BTC"],), NORMAL)
    assert older.get_tickers("KRW-BTC", 2) == ("get_ticker", (["KRW-BTC"],), HIGH)
    assert older.get_multiple_tickers(["KRW-BTC"])[2] == NORMAL
    book = ("get_orderbook", ("KRW-BTC",), {"depth": 30, **HIGH})
    assert older.get_orderbook("KRW-BTC") == book
    assert older.get_multiple_orderbooks("KRW-BTC", Priority.HIGH)[1] == (["KRW-BTC"],)


def test_trades_are_counted_from_1_to_500():
    assert older.get_trades("KRW-BTC") == ("get_trade", ("KRW-BTC",), {"count": 100, **NORMAL})
    assert older.get_trades("KRW-BTC", 7, Priority.HIGH)[2] == {"count": 7, **HIGH}
    assert older.get_trades("KRW-BTC", Priority.HIGH)[2] == {"count": 100, **HIGH}
    for count in (0, 501, "10"):
        with pytest.raises(InvalidRange, match=f"count={count!r}: ask for 1 to 500"):
            older.get_trades("KRW-BTC", count)


def test_candles_take_the_arguments_of_both_older_versions():
    own = {"forming": True, "derive": False, "end": None, **NORMAL}
    by_count = ("get_candle", ("KRW-BTC", "5m"), {**own, "count": 7})
    assert older.get_candles("KRW-BTC", "5m", 7) == by_count
    assert older.get_candles("KRW-BTC", candle_type="5m", count=7) == by_count
    assert older.get_candle("KRW-BTC", "5m", 7, Priority.NORMAL) == by_count
    name, _, more = older.get_candles("KRW-BTC", "1m", None, "2026-01-02T09:00:00", NINE)
    assert (name, more["start"], more["end"]) == ("get_candle", NINE, NINE)


def test_continuous_candles_are_filled_and_exact_or_traded_and_floats():
    _, args, more = older.get_continuous_candles("KRW-BTC", "1m", NINE, NINE)
    assert args == ("KRW-BTC", "1m")
    assert (more["fill"], more["precision"]) == ("forward", "decimal")
    _, _, more = older.get_continuous_candles("KRW-BTC", "1m", NINE, NINE, include_empty=False)
    assert {"fill", "precision"}.isdisjoint(more)


def test_the_market_list_is_asked_for():
    assert older.get_markets(priority=Priority.LOW) == ("get_market", (), {"priority": "low"})


@pytest.mark.parametrize("symbols", [[], "", ()])
def test_no_symbol_is_refused(symbols):
    for call in (older.get_ticker, older.get_multiple_tickers, older.get_orderbook):
        with pytest.raises(InputError, match="give at least one code"):
            call(symbols)


def test_a_priority_that_is_none_is_refused():
    with pytest.raises(InputError, match="priority=9"):
        older.get_ticker("KRW-BTC", 9)
