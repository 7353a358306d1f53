"""The dispatcher: who is told what, and of which times something may be missing."""

from __future__ import annotations

import pytest

from marketkit.exchange.upbit.messages import Ticker
from marketkit.realtime.subscriptions import Stream
from tests.unit.realtime.conftest import Heard, Told, tickers

BTC, ETH = "KRW-BTC", "KRW-ETH"


def ticker(symbol: str, time: int = 1) -> Ticker:
    return Ticker(symbol, time, 1.0)


@pytest.fixture
def told() -> Told:
    """A dispatcher at the first second."""
    return Told(1_000)


def test_listeners_are_told_what_they_asked_for_and_nothing_else(told):
    one, both = Heard(), Heard()
    told.subscribe(one, tickers(BTC))
    told.subscribe(both, tickers(BTC, ETH))
    told.say(ticker(BTC), ticker(ETH), ticker("KRW-XRP"))
    assert [each.symbol for each in one.messages] == [BTC]
    assert [each.symbol for each in both.messages] == [BTC, ETH]
    assert told.streams() == {"ticker": {BTC, ETH}}


def test_a_listener_that_was_released_is_told_nothing_more(told):
    one, other = Heard(), Heard()
    for each in (one, other):
        told.subscribe(each, tickers(BTC))
    told.release(one, tickers(BTC))
    told.release(one, tickers(BTC, ETH))  # what it has not is passed over
    told.say(ticker(BTC))
    assert not one.messages
    assert len(other.messages) == 1
    assert told._subscriptions.in_use()


def test_what_is_no_news_is_told_nobody(told):
    heard = Heard()
    told.subscribe(heard, tickers(BTC))
    told.say(ticker(BTC, 5), ticker(BTC, 4))
    assert [each.time for each in heard.messages] == [5]


def test_a_message_for_a_channel_without_listeners_changes_nothing(told):
    told.say(ticker(BTC))
    assert told.connected
    assert told.fresh("ticker", BTC) is None


def test_an_interruption_is_told_once_and_ends_with_the_next_message(told):
    heard = Heard()
    told.subscribe(heard, tickers(BTC, ETH))
    told.break_off("before anything came")
    assert not told.interruptions
    told.say(ticker(BTC, 900))
    told.now = 5_000
    told.break_off("reset")
    told.break_off("reset again")
    assert heard.interruptions == [(5_000, "reset")]
    assert [each.end for each in told.interruptions] == [None]
    assert not told.connected
    told.now = 8_000
    told.say(ticker(ETH, 7_900))
    (known,) = told.interruptions
    assert (known.start, known.end, known.reason) == (5_000, 8_000, "reset")
    assert told.alive == 8_000


def test_what_was_known_before_an_interruption_is_not_fresh_after_it(told):
    told.subscribe(Heard(), tickers(BTC, ETH))
    told.say(ticker(BTC), ticker(ETH))
    assert told.fresh("ticker", BTC) == ticker(BTC)
    told.break_off("reset")
    assert told.fresh("ticker", BTC) is None
    told.say(ticker(ETH, 2))
    assert told.fresh("ticker", BTC) is None
    assert told.fresh("ticker", ETH) == ticker(ETH, 2)


def test_a_listener_that_comes_while_a_message_is_told_does_not_disturb(told):
    late = Heard()

    class Inviting(Heard):
        def receive(self, message):
            super().receive(message)
            told.subscribe(late, tickers(BTC))

    told.subscribe(Inviting(), tickers(BTC))
    told.say(ticker(BTC, 1))
    assert not late.messages
    told.say(ticker(BTC, 2))
    assert len(late.messages) == 1


def test_a_stream_that_has_ended_is_forgotten(told):
    told.subscribe(Heard(), tickers(BTC))
    told.say(ticker(BTC))
    told._forget([Stream("ticker", BTC)])
    assert not told.channel("ticker").known([BTC])


def test_what_harms_one_stream_is_told_its_own_listeners_and_ends_with_its_next_message(told):
    heard, other = Heard(), Heard()
    told.subscribe(heard, tickers(BTC, ETH))
    told.subscribe(other, tickers(ETH))
    told.say(ticker(BTC), ticker(ETH))
    told.harm("odd", *tickers(BTC))
    told.harm("odd again", *tickers(BTC))
    assert (heard.touched, other.touched) == ([BTC], [])
    assert told.connected
    assert [told.fresh("ticker", each) is None for each in (BTC, ETH)] == [True, False]
    told.now = 4_000
    told.say(ticker(ETH, 2), ticker(BTC, 2))
    assert told.fresh("ticker", BTC) == ticker(BTC, 2)
    (harm,) = told.harms
    assert (harm.start, harm.end, harm.reason) == (1_000, 4_000, "odd")
    assert not told.interruptions


def test_a_stream_that_was_harmed_and_is_forgotten_is_whole_no_more_and_lasts_no_more(told):
    told.subscribe(Heard(), tickers(BTC))
    told.say(ticker(BTC))
    told.harm("odd", *tickers(BTC))
    told._forget(tickers(BTC))
    assert [each.end for each in told.harms] == [1_000]


def test_who_comes_during_an_interruption_is_told_of_it(told):
    early, late = Heard(), Heard()
    told.subscribe(early, tickers(BTC))
    told.say(ticker(BTC))
    told.break_off("reset")
    told.now = 3_000
    told.subscribe(late, tickers(BTC))
    assert late.interruptions == [(3_000, "reset")]
    assert len(early.interruptions) == 1
    told.say(ticker(BTC, 2))
    assert [each.end for each in told.interruptions] == [3_000, 3_000]
