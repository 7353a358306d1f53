"""Counted consumers and the while after the last one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from marketkit.realtime.subscriptions import LINGER, Stream, Subscriptions

BTC, ETH = Stream("ticker", "KRW-BTC"), Stream("ticker", "KRW-ETH")


def test_a_stream_is_wanted_while_anybody_wants_it():
    streams = Subscriptions()
    assert streams.take([BTC, ETH])
    assert not streams.take([BTC])
    streams.release([BTC], 0)
    assert streams.expire(10 * LINGER) == []
    assert streams.wanted() == {"ticker": {"KRW-BTC", "KRW-ETH"}}


def test_a_stream_ends_three_minutes_after_its_last_consumer_let_go():
    streams = Subscriptions()
    streams.take([BTC])
    streams.release([BTC], 1_000)
    assert streams.expire(180_999) == []
    assert BTC in streams
    assert streams.expire(181_000) == [BTC]
    assert streams.wanted() == {}


def test_who_comes_back_in_time_keeps_the_stream_without_a_new_one():
    streams = Subscriptions()
    streams.take([BTC])
    streams.release([BTC], 0)
    assert not streams.take([BTC])
    assert streams.expire(10 * LINGER) == []


def test_unused_streams_can_be_ended_at_once():
    streams = Subscriptions()
    streams.take([BTC, ETH])
    streams.release([ETH], 0)
    assert streams.drop_unused() == [ETH]
    assert streams.wanted() == {"ticker": {"KRW-BTC"}}


@given(st.lists(st.tuples(st.sampled_from(["take", "release", "expire"]), st.integers(0, 2))))
def test_it_agrees_with_a_plain_list_of_consumers(steps):
    """Model: the moments at which each consumer of each stream let go."""
    streams, held, left, now = Subscriptions(), [0, 0, 0], {}, 0
    for what, which in steps:
        stream = Stream("trade", str(which))
        now += 100_000
        if what == "take":
            streams.take([stream])
            held[which] += 1
            left.pop(which, None)
        elif what == "release" and held[which]:
            streams.release([stream], now)
            held[which] -= 1
            if not held[which]:
                left[which] = now
        elif what == "expire":
            streams.expire(now)
            left = {each: when for each, when in left.items() if now - when < LINGER}
        wanted = {str(each) for each in range(3) if held[each] or each in left}
        assert streams.wanted().get("trade", set()) == wanted


def test_a_book_is_as_deep_as_its_most_demanding_consumer_wants():
    book = Stream("orderbook", "KRW-BTC")
    streams = Subscriptions()

    def code() -> str:
        (only,) = streams.codes()["orderbook"]
        return only

    assert streams.take([book], 5)
    assert code() == "KRW-BTC.5"
    assert not streams.take([book], 1)
    assert streams.take([book], 15)
    assert code() == "KRW-BTC.15"
    assert streams.take([book])
    assert code() == "KRW-BTC"
    streams.release([book], 0)
    streams.release([book], 0, 15)
    assert code() == "KRW-BTC.5"
    streams.release([book], 0, 5)
    streams.release([book], 0, 1)
    assert code() == "KRW-BTC.1"  # until the end, for who comes back
    assert streams.wanted() == {"orderbook": {"KRW-BTC"}}
    assert streams.take([book])
    assert code() == "KRW-BTC"
    assert streams.codes()["orderbook"] == {"KRW-BTC"}
